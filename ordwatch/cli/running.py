"""Runs the engine in this process: signals stop it, and its outcome becomes an exit code or a signal."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer

from ordwatch import system
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.nonfatal_output import NonfatalOutput
from ordwatch.cli.options import OutputKind
from ordwatch.cli.outages import Outages
from ordwatch.cli.process import Killed, defer_hangup, exit_by_signal, take_deferred_hangup
from ordwatch.cli.stderr import StderrHandler, log
from ordwatch.core.conversion import gap_record
from ordwatch.core.errors import OrdwatchError, OutputError, ReaderClosed, RecordingBusy, RecordingError, StdoutFailed
from ordwatch.core.records import for_outputs
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
"""What is there so long after the start stays: modules, sessions, the states of a recording."""

_SHOW_CURSOR = b"\x1b[?25h"
_REPORTED_AT_END = (OutputError, RecordingError, RecordingBusy)
T = TypeVar("T")


def metrics_sink(target: str | None) -> "MetricsFile | MetricsServer | None":
    """The output of `--metrics`; None without it.

    Raises:
        UsageError: It is neither a file nor an address.
    """
    if target is None:
        return None
    from ordwatch.outputs.metrics import metrics_output

    return metrics_output(target)


def published_of(recording: "Recording | PublishedRecording | None") -> "PublishedRecording | None":
    """The recording if it is published, too."""
    if recording is None:
        return None
    from ordwatch.recording.sink import Recording  # imported with the first recording only

    return None if isinstance(recording, Recording) else recording


async def watch(
    venues: Sequence[tuple[VenueKind, Setup[VenueSettings]]],
    display: DisplayOptions,
    limits: Limits,
    *,
    stderr: StderrHandler,
    recording: "Recording | PublishedRecording | None" = None,
    start: ResumeState | None = None,
    config_sha256: str | None = None,
    simulated: bool = False,
    fail_on_gap: bool = False,
    outages: Outages | None = None,
    metrics: "MetricsFile | MetricsServer | None" = None,
    programs: "ProgramRunner | None" = None,
) -> Outcome:
    """Watch these venues until a limit, a signal or a failure ends the run.

    Raises:
        OutputError: An output cannot be opened.
    """
    published = published_of(recording)
    names = [setup.name for _, setup in venues]
    shown = display.sink(names, lambda: run.stats(), lambda: stop("q was pressed", None))
    nonfatal = NonfatalOutput(shown, lambda failure: run.note_failure(failure))
    sinks: list[Sink] = [recording, nonfatal] if recording is not None else [shown]
    sinks += [sink for sink in (outages, metrics, programs, service(os.environ)) if sink is not None]
    run = Run(
        venues,
        sinks,
        limits,
        start=start,
        config_sha256=config_sha256,
        simulated=simulated,
        fail_on_gap=fail_on_gap,
        redact=stderr.redact,
        before_connecting=published.before_connecting if published is not None else None,
    )
    if published is not None:
        published.on_failure = run.note_failure
        display.show_note(shown, lambda: f"nats  {published.state()}")
    if metrics is not None:
        open_gaps = [gap_record(gap, recovered=None) for gap in (start or ResumeState()).open_gaps()]
        metrics.follow(run.stats, open_gaps, lambda: None if recording is None else recording.synced_seq)

    def stop(reason: str, number: int | None) -> None:
        for output in (programs, published):
            if output is not None:
                output.hurry()
        run.stop(reason, number)

    stop_on_signals(stop, recording.rotate_now if recording is not None else None)
    stderr.above = display.print_above(shown)
    await start_all(sinks)
    if display.kind is OutputKind.TABLE:
        shown.write(for_outputs(run.restored()))
    # The garbage collector need not walk over it again: 20 ms each time, in which nothing is read.
    asyncio.get_running_loop().call_later(FREEZE_AFTER_S, gc.freeze)
    return await run.run()


async def start_all(sinks: Sequence[Sink]) -> None:
    """Start every sink, or none.

    Raises:
        OutputError: One cannot be opened; those before it are closed again.
    """
    for place, sink in enumerate(sinks):
        try:
            sink.start()
        except OrdwatchError:
            await asyncio.gather(*(other.close() for other in sinks[:place]), return_exceptions=True)
            raise


def stop_on_signals(stop: Callable[[str, int], None], on_hangup: Callable[[], None] | None = None) -> None:
    """Let SIGINT, SIGTERM and SIGHUP stop the run; a second one ends the process without clean-up.

    With `on_hangup`, SIGHUP calls that instead, also a SIGHUP received during start-up. Where SIGHUP is ignored, as
    under nohup, it does nothing.
    """
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def on_signal(number: signal.Signals) -> None:
        if seen:
            if os.isatty(1):
                os.write(1, _SHOW_CURSOR)
            exit_by_signal(number)
        seen.append(number)
        stop(number.name, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        system.on_signal(loop, number, on_signal)
    hangup = system.hangup()
    if hangup is None or (on_hangup is None and signal.getsignal(hangup) is signal.SIG_IGN):
        return
    on_hangup = on_hangup or (lambda: on_signal(hangup))
    system.on_signal(loop, hangup, lambda _: on_hangup())
    if take_deferred_hangup():
        on_hangup()


def run_to_end(job: Coroutine[object, object, T]) -> T:
    """Run the coroutine in a new event loop; name lookups that still hang at its end are not waited for."""
    try:
        return asyncio.run(_with_pool(job))
    finally:
        # The loop no longer handles signals; a SIGHUP that asks for a rotation now must not end the process.
        defer_hangup()


async def _with_pool(job: Coroutine[object, object, T]) -> T:
    loop = asyncio.get_running_loop()
    lookups = ThreadPoolExecutor(8, "look up names")
    loop.set_default_executor(lookups)
    try:
        return await job
    finally:
        lookups.shutdown(wait=False, cancel_futures=True)
        # asyncio.run waits for the threads of the default executor; this one has none.
        loop.set_default_executor(ThreadPoolExecutor(1))


def finish(outcome: Outcome) -> NoReturn:
    """Report why the run ended, if that was not reported yet, and end the command.

    Raises:
        Killed: A signal ended the run and everything was written, or the reader of stdout closed it.
        typer.Exit: In all other cases, with the exit code.
    """
    for failure in outcome.failures:
        if isinstance(failure, _REPORTED_AT_END) and not isinstance(failure, StdoutFailed):
            log.error("%s", failure)
    if not outcome.connected:
        log.error("%s", outcome.reason)
    if outcome.output_failed:
        raise typer.Exit(outcome.exit_code)
    if any(isinstance(failure, ReaderClosed) for failure in outcome.failures):
        raise Killed(system.SIGPIPE)
    if outcome.signal is not None:
        raise Killed(outcome.signal)
    raise typer.Exit(outcome.exit_code)
