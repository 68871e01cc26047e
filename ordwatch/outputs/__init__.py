"""Where records go: the live table, JSON lines, plain text."""
