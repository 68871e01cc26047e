"""`ordwatch follow`: shows what collectors on other machines publish, merged, with their joint coverage."""

from collections.abc import Sequence
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
from ordwatch.cli.stderr import set_up

if TYPE_CHECKING:
    from ordwatch.cli.watching import Outputs
    from ordwatch.config import NatsSettings
    from ordwatch.engine.ending import Limits, Outcome
    from ordwatch.engine.output import Sink
    from ordwatch.recording.sink import Recording
    from ordwatch.scale.follower import Follower, Resume
    from ordwatch.scale.published import PublishedRecording

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
    from ordwatch.cli.watching import Outputs, metrics_sink
    from ordwatch.scale.follower import Follower
    from ordwatch.scale.following import BROKER
    from ordwatch.venues import load

    measured = metrics_sink(metrics)
    run_limits = limits.limits(display)
    settings = nats.settings(stderr)
    variables = () if nats.server and nats.config is None else read_config(nats.config).secret_variables
    if measured is not None:
        measured.prepare()
    resume = resume_from(file)
    follower = Follower(load, only=collector or (), venues=venue or (), resume=resume, raw=raw, redact=stderr.redact)
    outages = Outages([BROKER])
    outputs = Outputs(
        display=display,
        stderr=stderr,
        recording=file,
        outages=outages,
        metrics=measured,
        programs=programs.sink(display, stderr, variables),
    )
    following = follow_stream(
        settings,
        follower,
        outputs,
        run_limits,
        resume=resume,
        since_ns=since_ns,
        only=collector or (),
        fail_on_gap=fail_on_gap,
    )
    outcome = run_to_end(following)
    outages.report_end(outcome)
    finish(outcome)


async def follow_stream(
    settings: "NatsSettings",
    follower: "Follower",
    outputs: "Outputs",
    limits: "Limits",
    *,
    resume: "Resume",
    since_ns: int | None = None,
    only: Sequence[str] = (),
    fail_on_gap: bool = False,
) -> "Outcome":
    """Follow a stream until a limit, a signal or a failure ends the run.

    Raises:
        OutputError: An output cannot be opened.
    """
    from ordwatch.cli.watching import watch
    from ordwatch.scale.following import FollowRun

    display = outputs.display
    takes_all = display.kind is OutputKind.JSON and display.records is RecordKinds.ALL

    def make(sinks: "Sequence[Sink]", stdout: "Sink") -> FollowRun:
        return FollowRun(
            settings,
            follower,
            sinks,
            limits,
            others=stdout if takes_all else None,
            resume=resume,
            since_ns=since_ns,
            only=only,
            fail_on_gap=fail_on_gap,
        )

    return await watch(make, outputs, list(resume.kinds), resume.open_gaps.values())


def resume_from(recording: "Recording | PublishedRecording | None") -> "Resume":
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
