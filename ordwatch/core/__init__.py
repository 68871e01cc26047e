"""The base of all other packages: events, records, merging, coverage, errors, numbers, times and escaping. Pure.

events.py has the events that the parts exchange, records.py what is written for the user, order_store.py turns one
into the other. Nothing here knows a venue, a socket or a clock.
"""
