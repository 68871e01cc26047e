"""Runs of the whole engine against hosted simulators, and what must be so at their end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from ordwatch.core.records import OrderRecord
from ordwatch.engine.ending import Limits, Outcome
from ordwatch.engine.policy import Pace
from ordwatch.engine.run import Run
from ordwatch.simulators import load_simulator
from ordwatch.simulators.contract import Simulator, TrueState
from ordwatch.simulators.host import Hosted, host
from ordwatch.testing.collect import Collected
from ordwatch.testing.simulated_time import run_in_simulated_time
from ordwatch.venues.contract import Setup, VenueKind, VenueSettings

FAST = Pace(first_s=0.01, max_s=0.05, attempts_a_minute=10_000)
DEADLINE_S = 120.0

OrderName = tuple[str, str | None, str]
"""Environment, account and order id, as a simulator's truth has them."""


def run(test: Coroutine[None, None, None], deadline_s: float = DEADLINE_S) -> None:
    """Run a test in simulated time, for so long at most."""
    run_in_simulated_time(_bounded(test, deadline_s))


def run_in_real_time(test: Coroutine[None, None, None], deadline_s: float = DEADLINE_S) -> None:
    """Run a test that talks to other processes, for so long at most."""
    asyncio.run(_bounded(test, deadline_s))


async def _bounded(test: Coroutine[None, None, None], deadline_s: float) -> None:
    async with asyncio.timeout(deadline_s):
        await test


@dataclass
class Watched:
    """A run against one hosted simulator."""

    hosted: Hosted
    out: Collected
    run: Run
    outcome: "asyncio.Task[Outcome]"

    async def live(self, times: int = 1) -> None:
        """Wait until a link was live so many times."""
        await self.out.until(lambda: self.out.states.count("live") >= times)

    async def closed_gaps(self, count: int) -> None:
        """Wait until so many gaps were closed."""
        await self.out.until(lambda: len(self.gaps("closed")) >= count)

    async def covered(self) -> None:
        """Wait until every gap was closed."""
        await self.out.until(lambda: self.gaps("open") == self.gaps("closed"))

    async def true(self) -> None:
        """Wait until the last record of every order has its true state."""
        await self.out.until(lambda: untrue(self.hosted.simulator, self.out) == {})

    def gaps(self, state: str) -> list[str]:
        """The ids of the gaps that reached this state, in order."""
        return [gap.gap for gap in self.out.gaps if gap.state == state]


@asynccontextmanager
async def watching(
    simulator: Simulator, limits: Limits | None = None, *, audit_interval: float | None = None
) -> AsyncIterator[Watched]:
    """The simulator, hosted, and a run that watches it; from its first `live` on."""
    async with host(simulator) as hosted:
        venue, setup = hosted.setup()
        settings = msgspec.structs.replace(setup.settings, audit_interval=audit_interval)
        async with following(hosted, (venue, Setup(setup.name, settings)), limits) as watched:
            await watched.live()
            yield watched


@asynccontextmanager
async def following(
    hosted: Hosted, watched: tuple[VenueKind, Setup[VenueSettings]], limits: Limits | None = None
) -> AsyncIterator[Watched]:
    """A run with this venue and setup against a simulator that is hosted already."""
    out = Collected()
    run = Run([watched], [out], limits, pace=FAST)
    outcome = asyncio.create_task(run.run())
    try:
        yield Watched(hosted, out, run, outcome)
    finally:
        run.stop("test over")
        await outcome


def simulator_of(kind: str) -> Simulator:
    """A new simulator of this kind of venue."""
    return load_simulator(kind)


def untrue(simulator: Simulator, out: Collected) -> dict[OrderName, tuple[TrueState, OrderRecord | None]]:
    """Orders whose last state in the records is not the true one: what is so, and the record (None: none)."""
    last = last_states(out.orders)
    return {name: (true, last.get(name)) for name, true in simulator.truth().items() if not _says(last.get(name), true)}


def _says(order: OrderRecord | None, true: TrueState) -> bool:
    return order is not None and order.status is true.status and _amount(order.filled_qty) == _amount(true.filled_qty)


def _amount(text: str | None) -> Decimal | None:
    return Decimal(text) if text is not None else None


def last_states(orders: Sequence[OrderRecord]) -> dict[OrderName, OrderRecord]:
    """The last record of each order; late ones describe the past and do not count."""
    return {(order.environment, order.account, order.order_id): order for order in orders if "late" not in order.flags}


def repeated(orders: Sequence[OrderRecord]) -> list[OrderRecord]:
    """Records that report nothing new of their order, though they are not its first."""
    known: set[OrderName] = set()
    found = []
    for order in orders:
        name = (order.environment, order.account, order.order_id)
        if name in known and not order.changed:
            found.append(order)
        known.add(name)
    return found
