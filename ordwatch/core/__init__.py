"""What everything else stands on: events, records, merging, coverage, errors, and how texts are written. Pure.

events.py is what the parts report to each other, records.py what is written for the user, order_store.py how the one
becomes the other. Nothing here knows a venue, a socket or a clock.
"""
