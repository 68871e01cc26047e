"""One collector of `ordwatch demo --collectors`, as a process: `tail --record --publish -q`, but of simulators."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ordwatch.cli.configuration import read_config, resolve
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.nats_options import resolve_nats
from ordwatch.cli.options import MessageOptions, OutputKind
from ordwatch.cli.publish_options import published
from ordwatch.cli.recording_options import resume_state
from ordwatch.cli.running import run_to_end
from ordwatch.cli.stderr import set_up
from ordwatch.cli.watching import Outputs, watch_venues
from ordwatch.engine.ending import Limits
from ordwatch.recording.sink import Recording

RAW = "raw"


def command(config: Path, recording: Path, *, raw: bool) -> Sequence[str | Path]:
    """The arguments that run it: a configuration with venues and the section `nats`, and the file to write."""
    return (sys.executable, "-P", "-m", __name__, config, recording, *((RAW,) if raw else ()))


def main(config: Path, recording: Path, *, raw: bool) -> int:
    """Record and publish until a signal ends it; its exit code."""
    stderr = set_up(-1)
    messages = MessageOptions(quiet=True)
    configuration = read_config(config)
    venues = resolve(configuration, [], stderr, raw=raw)
    kinds = {setup.name: venue.kind for venue, setup in venues}
    output = published(Recording(recording), resolve_nats(configuration, stderr), kinds)
    start = resume_state(output, kinds, messages)
    display = DisplayOptions(output=OutputKind.JSON)
    outputs = Outputs(display=display, stderr=stderr, recording=output)
    outcome = run_to_end(watch_venues(venues, outputs, Limits(), start=start, simulated=True))
    stderr.close()
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), raw=RAW in sys.argv[3:]))
