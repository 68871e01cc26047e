"""ordwatch: watch the order streams of several trading venues.

The way data takes is the way the folders are named, and imports only point left:

    socket bytes -> frames -> venue messages -> OrderUpdate -> book -> records -> sinks
    feed/           venues/<venue>/ (pure)      model.py     book.py  records.py  sinks/, recording/
          ^ one supervisor and one pump for every venue         ^ joined by pipeline.py

model.py    what the parts say to each other; errors.py what can go wrong, by what to do next
system.py   what the operating system offers, and what stands in where it does not
text.py     how numbers, times and characters are written; secret.py what prints as ***
venues/     one folder for each venue; sans-I/O: bytes and the time come in, events and bytes go out
config/     which venues are watched: the file, and where its secrets come from
feed/       the live engine, the only part that dials
book.py     merges what venues state: every order once, in its latest known state
records.py  what is written, as types and JSON, schema.py as JSON Schema; conversion.py makes records and reads them
sinks/      the table, JSON lines, plain text; recording/ is the durable one
pipeline.py one run: joins all this, starts and stops it; clocks.py notices sleep and clocks that jump
simulate/   hosts the venues' simulators on loopback
cli/        one file for each command; the only place that prints errors and picks exit codes
"""

__version__ = "0.1.0"
