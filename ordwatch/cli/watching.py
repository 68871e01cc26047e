"""Connects a run with the outputs that a command was asked for, and with the signals that end it."""

import asyncio
import gc
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.nonfatal_output import NonfatalOutput
from ordwatch.cli.options import OutputKind
from ordwatch.cli.outages import Outages
from ordwatch.cli.running import start_all, stop_on_signals
from ordwatch.cli.stderr import StderrHandler
from ordwatch.core.conversion import gap_record
from ordwatch.core.errors import OrdwatchError
from ordwatch.core.events import GapUpdate, VenueStats
from ordwatch.core.records import OrderRecord, for_outputs
from ordwatch.engine.ending import Limits, Outcome
from ordwatch.engine.output import Sink
from ordwatch.engine.run import ResumeState, Run
from ordwatch.outputs.service import service
from ordwatch.venues.contract import Setup, VenueKind, VenueSettings

if TYPE_CHECKING:
    from ordwatch.outputs.metrics import MetricsFile, MetricsServer
    from ordwatch.outputs.programs import ProgramRunner
    from ordwatch.recording.sink import Recording
    from ordwatch.scale.published import PublishedRecording

FREEZE_AFTER_S = 1.0
"""What is there so long after the start stays: sessions, libraries that they need, the states of a recording."""


class AnyRun(Protocol):
    """What is common to the run that watches venues and the one that follows a stream."""

    def stats(self) -> Mapping[str, VenueStats]:
        """The present state of each venue."""
        ...

    def restored(self) -> Sequence[OrderRecord]:
        """The open orders of a continued recording."""
        ...

    def stop(self, reason: str, signal: int | None = None) -> None:
        """End the run."""
        ...

    def note_failure(self, error: OrdwatchError) -> None:
        """Note a failure that does not end the run."""
        ...

    async def run(self) -> Outcome:
        """Run until something ends it."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Outputs:
    """Where a run's records and messages go."""

    display: DisplayOptions
    stderr: StderrHandler
    recording: "Recording | PublishedRecording | None" = None
    outages: Outages | None = None
    metrics: "MetricsFile | MetricsServer | None" = None
    programs: "ProgramRunner | None" = None
    note: Callable[[], str] | None = None
    """What the table shows below the venues."""

    @property
    def published(self) -> "PublishedRecording | None":
        """The recording if it is published, too."""
        if self.recording is None:
            return None
        from ordwatch.recording.sink import Recording  # imported with the first recording only

        return None if isinstance(self.recording, Recording) else self.recording


def metrics_sink(target: str | None) -> "MetricsFile | MetricsServer | None":
    """The output of `--metrics`; None without it.

    Raises:
        UsageError: It is neither a file nor an address.
    """
    if target is None:
        return None
    from ordwatch.outputs.metrics import metrics_output

    return metrics_output(target)


async def watch_venues(
    venues: Sequence[tuple[VenueKind, Setup[VenueSettings]]],
    outputs: Outputs,
    limits: Limits,
    *,
    start: ResumeState | None = None,
    config_sha256: str | None = None,
    simulated: bool = False,
    fail_on_gap: bool = False,
) -> Outcome:
    """Watch these venues until a limit, a signal or a failure ends the run.

    Raises:
        OutputError: An output cannot be opened.
    """
    published = outputs.published
    start = start or ResumeState()

    def make(sinks: Sequence[Sink], _: Sink) -> Run:
        return Run(
            venues,
            sinks,
            limits,
            start=start,
            config_sha256=config_sha256,
            simulated=simulated,
            fail_on_gap=fail_on_gap,
            redact=outputs.stderr.redact,
            before_connecting=published.before_connecting if published is not None else None,
        )

    return await watch(make, outputs, [setup.name for _, setup in venues], start.open_gaps())


async def watch(
    make: Callable[[Sequence[Sink], Sink], AnyRun],
    outputs: Outputs,
    venues: Iterable[str],
    open_gaps: Iterable[GapUpdate],
) -> Outcome:
    """Run what `make` returns, given all sinks and that of stdout, until a limit, a signal or a failure ends it.

    `venues` and `open_gaps`: those that are known before it begins.

    Raises:
        OutputError: An output cannot be opened.
    """
    display, recording, metrics, published = outputs.display, outputs.recording, outputs.metrics, outputs.published
    shown = display.sink(venues, lambda: run.stats(), lambda: stop("q was pressed", None))
    stdout = shown if recording is None else NonfatalOutput(shown, lambda failure: run.note_failure(failure))
    others = (outputs.outages, metrics, outputs.programs, service(os.environ))
    sinks: list[Sink] = [sink for sink in (recording, stdout, *others) if sink is not None]
    run = make(sinks, stdout)
    note = outputs.note if published is None else (lambda: f"nats  {published.state()}")
    if published is not None:
        published.on_failure = run.note_failure
    if note is not None:
        display.show_note(shown, note)
    if metrics is not None:
        gaps = [gap_record(gap, recovered=None) for gap in open_gaps]
        metrics.follow(run.stats, gaps, lambda: None if recording is None else recording.synced_seq)

    def stop(reason: str, number: int | None) -> None:
        for output in (outputs.programs, published):
            if output is not None:
                output.hurry()
        run.stop(reason, number)

    stop_on_signals(stop, recording.rotate_now if recording is not None else None)
    outputs.stderr.above = display.print_above(shown)
    await start_all(sinks)
    if display.kind is OutputKind.TABLE:
        shown.write(for_outputs(run.restored()))
    # The garbage collector need not walk over it again: 20 to 40 ms each time, in which nothing is read.
    gc.freeze()
    asyncio.get_running_loop().call_later(FREEZE_AFTER_S, gc.freeze)
    try:
        return await run.run()
    finally:
        outputs.stderr.flush_counts()  # before what is reported of the whole run
