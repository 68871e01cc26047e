"""`ordwatch demo`: like `tail`, with a built-in simulator of each venue on loopback."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from ordwatch.cli import options as opt
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.exec_options import ExecOptions
from ordwatch.cli.limit_options import LimitOptions
from ordwatch.cli.nats_options import ServerOptions
from ordwatch.cli.publish_options import PublishOptions, published
from ordwatch.cli.recording_options import resume_state
from ordwatch.cli.stderr import set_up

if TYPE_CHECKING:
    from ordwatch.cli.watching import Outputs
    from ordwatch.engine.ending import Limits, Outcome
    from ordwatch.engine.run import ResumeState

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
    from ordwatch.cli.running import finish, run_to_end
    from ordwatch.cli.simulators import chosen_kinds
    from ordwatch.cli.watching import Outputs, metrics_sink

    measured = metrics_sink(metrics)
    run_limits = limits.limits(display)
    kinds = chosen_kinds(venue)
    if collectors is not None:
        from ordwatch.cli.collectors import check_options, follow_collectors

        check_options(recording, nats)
    if measured is not None:
        measured.prepare()
    outputs = Outputs(
        display=display, stderr=stderr, recording=file, metrics=measured, programs=programs.sink(display, stderr)
    )
    if collectors is not None:
        following = follow_collectors(kinds, outputs, run_limits, count=collectors, raw=raw, speed=speed, seed=seed)
        finish(run_to_end(following))
    if file is not None and recording.publish:
        output = published(file, nats.without_configuration(), {kind: kind for kind in kinds})
        outputs = replace(outputs, recording=output)
    start = resume_state(outputs.recording, kinds, messages)
    finish(run_to_end(_demo(kinds, outputs, run_limits, start, raw=raw, speed=speed, seed=seed)))


async def _demo(
    kinds: Sequence[str],
    outputs: "Outputs",
    limits: "Limits",
    start: "ResumeState | None",
    *,
    raw: bool,
    speed: float,
    seed: int,
) -> "Outcome":
    from ordwatch.cli.simulators import run_simulators
    from ordwatch.cli.watching import watch_venues

    async with run_simulators(kinds, seed=seed, speed=speed, drops=True) as hosts:
        venues = [each.setup(raw=raw) for each in hosts]
        return await watch_venues(venues, outputs, limits, start=start, simulated=True)
