"""`ordwatch demo`: like `tail`, with a built-in simulator of each venue on loopback."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from ordwatch.cli import options as opt
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.exec_options import ExecOptions
from ordwatch.cli.limit_options import LimitOptions
from ordwatch.cli.nats_options import ServerOptions
from ordwatch.cli.publish_options import PublishOptions, published
from ordwatch.cli.recording_options import resume_state
from ordwatch.cli.stderr import StderrHandler, set_up

if TYPE_CHECKING:
    from ordwatch.engine.ending import Limits, Outcome
    from ordwatch.engine.run import ResumeState
    from ordwatch.outputs.metrics import MetricsFile, MetricsServer
    from ordwatch.outputs.programs import ProgramRunner
    from ordwatch.recording.sink import Recording
    from ordwatch.scale.published import PublishedRecording

Collectors = Annotated[
    int | None,
    opt.option(
        "--collectors",
        parser=opt.whole_number(2, 9),
        metavar="N",
        help="Follow so many collectors that lose their links in turn, by a NATS server of the demo's own.",
    ),
]


def demo(
    *,
    venue: opt.Venues = None,
    display: DisplayOptions,
    raw: opt.Raw = False,
    limits: LimitOptions,
    recording: PublishOptions,
    nats: ServerOptions,
    programs: ExecOptions,
    metrics: opt.MetricsTarget = None,
    speed: opt.Speed = 1.0,
    seed: opt.Seed = 0,
    collectors: Collectors = None,
    messages: opt.MessageOptions,
) -> None:
    """\b
    Examples:
      ordwatch demo                           live table of invented orders
      ordwatch demo --max-events 20 -o json
      ordwatch demo --venue coinw --speed 10
      ordwatch demo --record demo.jsonl --publish --server nats://127.0.0.1:4222
      ordwatch demo --collectors 2            two collectors, one table, no gap

    Show order updates from built-in simulators of the venues. Needs no credentials and no configuration.
    """
    stderr = set_up(messages.level)
    display.check()
    programs.argv()
    file = recording.sink()
    # Imported here: `ordwatch --help` and usage errors need no engine.
    from ordwatch.cli.running import finish, metrics_sink, run_to_end
    from ordwatch.cli.simulators import chosen_kinds

    measured = metrics_sink(metrics)
    run_limits = limits.limits(display)
    kinds = chosen_kinds(venue)
    if collectors is not None:
        from ordwatch.cli.collectors import check_options, follow_collectors

        check_options(recording, nats)
    if measured is not None:
        measured.prepare()
    if collectors is not None:
        more = [sink for sink in (measured, programs.sink(display, stderr)) if sink is not None]
        following = follow_collectors(
            kinds,
            display,
            run_limits,
            count=collectors,
            stderr=stderr,
            raw=raw,
            speed=speed,
            seed=seed,
            recording=file,
            more=more,
        )
        finish(run_to_end(following))
    kind_of = {kind: kind for kind in kinds}
    output = published(file, nats.without_configuration(), kind_of) if file and recording.publish else file
    start = resume_state(output, kinds, messages)
    running = _demo(
        kinds,
        display,
        run_limits,
        stderr=stderr,
        raw=raw,
        speed=speed,
        seed=seed,
        recording=output,
        start=start,
        metrics=measured,
        programs=programs.sink(display, stderr),
    )
    finish(run_to_end(running))


async def _demo(
    kinds: Sequence[str],
    display: DisplayOptions,
    limits: "Limits",
    *,
    stderr: StderrHandler,
    raw: bool,
    speed: float,
    seed: int,
    recording: "Recording | PublishedRecording | None",
    start: "ResumeState | None",
    metrics: "MetricsFile | MetricsServer | None",
    programs: "ProgramRunner | None",
) -> "Outcome":
    from ordwatch.cli.running import watch
    from ordwatch.cli.simulators import run_simulators

    async with run_simulators(kinds, seed=seed, speed=speed, drops=True) as hosts:
        venues = [each.setup(raw=raw) for each in hosts]
        return await watch(
            venues,
            display,
            limits,
            stderr=stderr,
            recording=recording,
            start=start,
            simulated=True,
            metrics=metrics,
            programs=programs,
        )
