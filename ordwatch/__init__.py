"""ordwatch: watch the order streams of several trading venues.

The folders are named for the way that data takes, and imports only point left:

    socket bytes -> wire frames -> venue messages -> OrderUpdate -> order store -> records -> outputs
                    venues/<venue>/ (pure, sans-I/O)                core/ (pure)              outputs/, recording/
             ^ engine/: connects, times, retries; the only part with sockets, clocks and tasks

core/        events, records, order store, coverage, errors: what everything else stands on; pure
system.py    functions of the operating system, with replacements where it lacks them
venues/      one folder for each venue: bytes and the time come in, events and bytes go out
config/      which venues are watched: the file, and where its secrets come from
engine/      supervisor.py decides how a venue is kept covered; runner.py and connection.py do it; run.py joins a run
outputs/     the table, JSON lines, plain text; metrics, and what a service manager learns
recording/   the durable output, its recovery and its verification
scale/       recordings published to a NATS stream, and followed from other machines
simulators/  simulated venues on loopback
testing/     what every venue must do, as tests; for the built-in ones and for those of other packages
cli/         one file for each command; the only place that prints errors and picks exit codes

Where is what: a reconnect is decided in engine/reconnects.py, a query in engine/queries.py, where a gap begins and
ends in engine/gaps.py, a run's end in engine/ending.py; what gaps leave covered is judged in core/venue_coverage.py.
OpenD's status 5 becomes NEW in venues/opend/tables.py. A column of the table is added in outputs/forms.py and given
room in outputs/columns.py; what keys do is in outputs/browser.py. An output is a new module in outputs/, an option a
field of its group (cli/display.py, cli/limit_options.py, cli/recording_options.py), a venue a folder in venues/ or a
package of its own (read venues/contract.py first).
"""

__version__ = "0.1.0"
