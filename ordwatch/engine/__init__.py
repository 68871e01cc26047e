"""The live engine: connects to venues, asks them, and accounts for what could not be seen.

supervisor.py decides, without a clock, a socket or a task; runner.py and connection.py do what it says.
"""
