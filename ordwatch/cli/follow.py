"""`ordwatch follow`: shows what collectors on other machines publish, merged, with their joint coverage."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from ordwatch.cli import options as opt
from ordwatch.cli.configuration import read_config
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.exec_options import ExecOptions
from ordwatch.cli.limit_options import TailLimitOptions
from ordwatch.cli.nats_options import NatsOptions
from ordwatch.cli.options import OutputKind, RecordKinds
from ordwatch.cli.past_times import past_ns
from ordwatch.cli.process import end_on_hangup
from ordwatch.cli.recording_options import RecordingOptions
from ordwatch.cli.stderr import StderrHandler, set_up

if TYPE_CHECKING:
    from ordwatch.engine.ending import Outcome
    from ordwatch.engine.output import Sink
    from ordwatch.recording.sink import Recording
    from ordwatch.scale.follower import Resume
    from ordwatch.scale.following import FollowRun

Collectors = Annotated[
    list[str] | None, opt.option("--collector", metavar="NAME", help="Only this collector; repeatable. Default: all.")
]
SinceInStream = Annotated[
    str | None,
    opt.option("--since", metavar="TIME", help="Read the stream from 09:30, 30m ago, or a date and time, on."),
]


def follow(
    *,
    nats: NatsOptions,
    collector: Collectors = None,
    venue: opt.Venues = None,
    display: DisplayOptions,
    since: SinceInStream = None,
    raw: opt.Raw = False,
    limits: TailLimitOptions,
    recording: RecordingOptions,
    fail_on_gap: opt.FailOnGap = False,
    programs: ExecOptions,
    metrics: opt.MetricsTarget = None,
    messages: opt.MessageOptions,
) -> None:
    """\b
    Examples:
      ordwatch follow                         what all collectors see, in one table
      ordwatch follow --server tls://nats.example.com:4222 -o json
      ordwatch follow --once --open           what is open now, then stop
      ordwatch follow --record all.jsonl -q   one recording of all collectors

    Show what `ordwatch tail --publish` sends to a NATS JetStream stream.
    """
    stderr = set_up(messages.level)
    display.check()
    programs.argv()
    since_ns = past_ns("--since", since, display.time_zone, datetime.now(UTC)) if since is not None else None
    file = recording.sink()
    if file is None:
        end_on_hangup()
    # Imported here: `ordwatch --help` and usage errors need no engine, and other commands no NATS.
    from ordwatch.cli.outages import Outages
    from ordwatch.cli.running import finish, run_to_end
    from ordwatch.outputs.metrics import metrics_output
    from ordwatch.scale.follower import Follower
    from ordwatch.scale.following import BROKER, FollowRun
    from ordwatch.venues import load

    measured = metrics_output(metrics) if metrics is not None else None
    run_limits = limits.limits(display)
    settings = nats.settings(stderr)
    variables = () if nats.server and nats.config is None else read_config(nats.config).secret_variables
    if measured is not None:
        measured.prepare()
    resume = resume_from(file)
    follower = Follower(load, only=collector or (), venues=venue or (), resume=resume, raw=raw, redact=stderr.redact)
    outages = Outages([BROKER])

    def run(sinks: "Sequence[Sink]", others: "Sink | None") -> FollowRun:
        return FollowRun(
            settings,
            follower,
            sinks,
            run_limits,
            others=others,
            resume=resume,
            since_ns=since_ns,
            only=collector or (),
            fail_on_gap=fail_on_gap,
        )

    more = [sink for sink in (outages, measured, programs.sink(display, stderr, variables)) if sink is not None]
    outcome = run_to_end(watch_stream(run, display, file, more, stderr=stderr, resume=resume))
    outages.report_end(outcome)
    finish(outcome)


async def watch_stream(
    make: "Callable[[Sequence[Sink], Sink | None], FollowRun]",
    display: DisplayOptions,
    recording: "Recording | None",
    more: "Sequence[Sink]",
    *,
    stderr: StderrHandler,
    resume: "Resume",
    note: Callable[[], str] | None = None,
) -> "Outcome":
    """Follow until a limit, a signal or a failure ends the run.

    `more`: sinks besides stdout and the recording. `note`: what the table shows below the venues.
    """
    from ordwatch.cli.nonfatal_output import NonfatalOutput
    from ordwatch.cli.running import start_all, stop_on_signals
    from ordwatch.core.conversion import gap_record
    from ordwatch.core.records import for_outputs
    from ordwatch.outputs.metrics import MetricsFile, MetricsServer
    from ordwatch.outputs.programs import ProgramRunner
    from ordwatch.outputs.service import service
    from ordwatch.outputs.table import Table

    shown = display.sink(list(resume.kinds), lambda: run.stats(), lambda: stop("q was pressed", None))
    stdout = shown if recording is None else NonfatalOutput(shown, lambda failure: run.note_failure(failure))
    managed = service(os.environ)
    sinks = [*([recording] if recording is not None else []), stdout, *more, *([managed] if managed else [])]
    takes_all = display.kind is OutputKind.JSON and display.records is RecordKinds.ALL
    run = make(sinks, stdout if takes_all else None)
    for sink in more:
        if isinstance(sink, MetricsFile | MetricsServer):
            open_gaps = [gap_record(gap, recovered=None) for gap in resume.open_gaps.values()]
            sink.follow(run.stats, open_gaps, lambda: None if recording is None else recording.synced_seq)

    def stop(reason: str, number: int | None) -> None:
        for sink in more:
            if isinstance(sink, ProgramRunner):
                sink.hurry()
        run.stop(reason, number)

    stop_on_signals(stop, recording.rotate_now if recording is not None else None)
    if note is not None:
        display.show_note(shown, note)
    stderr.above = display.print_above(shown)
    await start_all(sinks)
    if isinstance(shown, Table):
        shown.write(for_outputs(run.restored()))
    return await run.run()


def resume_from(recording: "Recording | None") -> "Resume":
    """Open the recording, before anything connects, and return what the run continues from.

    Raises:
        OutputError: The recording cannot be written.
        RecordingBusy: Another ordwatch writes it.
        RecordingError: Its synced data is damaged, or it is not a recording.
    """
    from ordwatch.core.conversion import gap_update
    from ordwatch.scale.follower import Resume
    from ordwatch.scale.following import BROKER

    if recording is None:
        return Resume()
    found = recording.open()
    names = {*found.kinds, *found.covered_until_ns, *found.open_gaps, BROKER}
    return Resume(
        orders=found.orders,
        kinds=found.kinds,
        covered_until_ns=found.covered_until_ns,
        open_gaps={name: gap_update(gap) for name, gap in found.open_gaps.items()},
        gap_numbers={name: found.next_gap(name) - 1 for name in names},
        position=found.stream_seq,
    )
