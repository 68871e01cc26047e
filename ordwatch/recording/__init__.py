"""The durable sink: what is written survives, and proves later what was seen and what was not.

format     a line and its checksum
files      the system calls that can fail; one open file, with whole lines only, and how far it is durable
rotation   when a recording goes on in another file, and how
writer     what the thread does that owns the file: groups, syncs, a full disk
sink       Recording, what the event loop sees of it
lock       one recorder at a time
reading    the lines of a file, the damaged ones named
timeline   times of a wall clock that jumps
coverage   which times a venue was seen
history    what a recording says to the session that continues it
opening    checks, repair, continuation
verify     what a recording proves; laws and verdict belong to it
salvage    the whole lines of a damaged recording, in a new one
replay     records read back with their times
"""
