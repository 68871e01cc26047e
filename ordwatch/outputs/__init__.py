"""The outputs: the live table, JSON lines, plain text."""
