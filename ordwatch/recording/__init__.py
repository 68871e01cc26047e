"""The durable output: what is written survives a crash, and proves later what was seen and what was not.

format      a line and its checksum
files       the system calls that can fail; one open file, with whole lines only, and how far it is durable
rotation    when a recording continues in another file, and how
writer      the thread that owns the file: groups, syncs, a full disk
sink        Recording, the part that the event loop calls
lock        one recorder at a time
inputs      opens a file to read: plain, compressed, stdin
reading     lines and their damage, files in order, records with their times
history     what the next session needs of a recording that it continues
checkpoint  what history knew at a synced line, so that recovery reads only what follows
recovery    opens a recording: checks, repair, continuation
invariants  counts that must be equal, and files that must not contradict each other
verify      what a recording proves; verdict.py is its answer
status      whether the session that writes it is healthy; tail.py reads the last records for that
salvage     the intact lines of a damaged recording, in a new one

Which times were covered is judged by core/coverage.py, for the live run too.
"""
