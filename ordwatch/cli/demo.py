"""`ordwatch demo`: like `tail`, with a built-in simulator of each venue on loopback."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ordwatch.cli import options as opt
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.stderr import StderrHandler, set_up

if TYPE_CHECKING:
    from ordwatch.engine.run import Limits, Outcome


def demo(
    venue: opt.Venues = None,
    output: opt.Output = None,
    records: opt.RecordsOption = None,
    symbol: opt.Symbols = None,
    status: opt.Statuses = None,
    side: opt.Sides = None,
    account: opt.AccountsOption = None,
    open: opt.Open = False,  # noqa: A002 - the name of its variable is made from it
    raw: opt.Raw = False,
    max_events: opt.MaxEvents = None,
    duration: opt.Duration = None,
    time_zone: opt.TimeZone = None,
    speed: opt.Speed = 1.0,
    seed: opt.Seed = 0,
    color: opt.ColorOption = opt.ColorChoice.AUTO,
    no_keys: opt.NoKeys = False,
    verbose: opt.Verbose = 0,
    quiet: opt.Quiet = False,
) -> None:
    """\b
    Examples:
      ordwatch demo                           live table of invented orders
      ordwatch demo --max-events 20 -o json
      ordwatch demo --venue coinw --speed 10

    Show order updates from built-in simulators of the venues. Needs no credentials and no configuration.
    """
    stderr = set_up(opt.verbosity(verbose, quiet=quiet))
    display = DisplayOptions(
        output=output,
        records=records,
        symbols=symbol,
        statuses=status,
        sides=side,
        accounts=account,
        open_only=open,
        zone=time_zone,
        color=color,
        keys=not no_keys,
    )
    display.check()
    # Imported here: `ordwatch --help` and usage errors need no engine.
    from ordwatch.cli.running import finish, run_to_end
    from ordwatch.cli.simulators import chosen_kinds
    from ordwatch.engine.run import Limits

    limits = Limits(max_events=max_events, duration_s=duration, counts=display.filter.passes)
    kinds = chosen_kinds(venue)
    finish(run_to_end(_demo(kinds, display, limits, stderr=stderr, raw=raw, speed=speed, seed=seed)))


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
