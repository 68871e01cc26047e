"""`ordwatch demo`: like `tail`, with a built-in simulator of each venue on loopback."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ordwatch.cli import options as opt
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.limit_options import LimitOptions
from ordwatch.cli.stderr import StderrHandler, set_up

if TYPE_CHECKING:
    from ordwatch.engine.ending import Limits, Outcome


def demo(
    *,
    venue: opt.Venues = None,
    display: DisplayOptions,
    raw: opt.Raw = False,
    limits: LimitOptions,
    speed: opt.Speed = 1.0,
    seed: opt.Seed = 0,
    messages: opt.MessageOptions,
) -> None:
    """\b
    Examples:
      ordwatch demo                           live table of invented orders
      ordwatch demo --max-events 20 -o json
      ordwatch demo --venue coinw --speed 10

    Show order updates from built-in simulators of the venues. Needs no credentials and no configuration.
    """
    stderr = set_up(messages.level)
    display.check()
    # Imported here: `ordwatch --help` and usage errors need no engine.
    from ordwatch.cli.running import finish, run_to_end
    from ordwatch.cli.simulators import chosen_kinds

    run_limits = limits.limits(display)
    kinds = chosen_kinds(venue)
    finish(run_to_end(_demo(kinds, display, run_limits, stderr=stderr, raw=raw, speed=speed, seed=seed)))


async def _demo(
    kinds: Sequence[str],
    display: DisplayOptions,
    limits: "Limits",
    *,
    stderr: StderrHandler,
    raw: bool,
    speed: float,
    seed: int,
) -> "Outcome":
    from ordwatch.cli.running import watch
    from ordwatch.cli.simulators import run_simulators

    async with run_simulators(kinds, seed=seed, speed=speed, drops=True) as hosts:
        return await watch([each.setup(raw=raw) for each in hosts], display, limits, stderr=stderr, simulated=True)
