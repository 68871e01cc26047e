"""Runs the simulators of `demo` and `simulate` on loopback, with invented orders."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from ordwatch.cli.stderr import log
from ordwatch.config import suggest_or_list
from ordwatch.core.errors import UsageError
from ordwatch.simulators import has_simulator, load_simulator
from ordwatch.simulators.host import Hosted, host
from ordwatch.simulators.scenario import lifecycles
from ordwatch.venues import REGISTRY, kinds

ORDER_STEPS_A_SECOND = 2.0
DROP_EVERY_S = 25.0
"""How often a venue of the demo disconnects on average, to show gaps."""
DROPPED_S = 2.0
"""How long it stays disconnected."""


def chosen_kinds(names: Sequence[str] | None) -> list[str]:
    """The kinds with these names, each once; none given: all built-in ones.

    A kind without a simulator is left out, with a warning.

    Raises:
        UsageError: There is no such kind, or none of them has a simulator.
    """
    known = kinds()
    for name in names or ():
        if name not in known:
            raise UsageError(f"no venue {name!r}{suggest_or_list(name, known)}")
    wanted = dict.fromkeys(names or REGISTRY)
    played = [name for name in wanted if has_simulator(name)]
    for name in wanted:
        if name not in played:
            log.warning("%s: has no simulator; left out", name)
    if not played:
        raise UsageError("no simulator to run")
    return played


@asynccontextmanager
async def run_simulators(
    kinds: Sequence[str], *, seed: int, speed: float, drops: bool = False
) -> AsyncIterator[list[Hosted]]:
    """Run simulators of these kinds until the end of the block; with `drops` they also disconnect now and then."""
    async with AsyncExitStack() as stack:
        hosts = [
            await stack.enter_async_context(host(load_simulator(kind), seed=seed + place))
            for place, kind in enumerate(kinds)
        ]
        jobs = [_play(each, seed + place, speed) for place, each in enumerate(hosts)]
        if drops:
            jobs += [each.disconnect_forever(DROP_EVERY_S, DROPPED_S) for each in hosts]
        players = [asyncio.create_task(job) for job in jobs]
        try:
            yield hosts
        finally:
            for player in players:
                player.cancel()
            await asyncio.gather(*players, return_exceptions=True)


async def _play(hosted: Hosted, seed: int, speed: float) -> None:
    markets = hosted.simulator.markets
    await hosted.perform(lifecycles(seed, rate=ORDER_STEPS_A_SECOND, markets=markets), speed=speed)
