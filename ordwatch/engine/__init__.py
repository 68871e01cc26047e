"""The live engine: connects to venues, queries them, and keeps account of what could not be seen.

supervisor.py decides, without a clock, a socket or a task; runner.py and connection.py carry out its decisions.
"""
