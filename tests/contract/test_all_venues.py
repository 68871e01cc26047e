"""All venues in one run: none stands in another's way."""

import asyncio
from contextlib import AsyncExitStack, ExitStack

from ordwatch.core.records import LinkRecord
from ordwatch.engine.run import Run
from ordwatch.simulators.host import Hosted, host
from ordwatch.simulators.scenario import one_of_each
from ordwatch.venues import REGISTRY
from tests.support.collect import Collected
from tests.support.runs import FAST, run, simulator_of, untrue

LIFECYCLE = one_of_each()


class Together:
    """A run over every venue of the registry."""

    def __init__(self, hosts: dict[str, Hosted]) -> None:
        self.hosts = hosts
        self.out = Collected()
        self.run = Run([each.setup() for each in hosts.values()], [self.out], pace=FAST)

    def states(self, kind: str) -> list[str]:
        return [r.state for r in self.out.records if isinstance(r, LinkRecord) and r.venue == kind]

    async def live(self) -> None:
        await self.out.until(lambda: all("live" in self.states(kind) for kind in self.hosts))

    async def true(self) -> None:
        await self.out.until(lambda: not any(untrue(each.simulator, self.out) for each in self.hosts.values()))

    async def closed_gaps(self, count: int) -> None:
        await self.out.until(lambda: [gap.state for gap in self.out.gaps].count("closed") >= count)

    def play(self) -> None:
        for step in LIFECYCLE:
            for each in self.hosts.values():
                each.play(step)


async def hosted(stack: AsyncExitStack) -> Together:
    together = Together({kind: await stack.enter_async_context(host(simulator_of(kind))) for kind in REGISTRY})
    ending = asyncio.create_task(together.run.run())

    async def end() -> None:
        together.run.stop("test over")
        await ending

    stack.push_async_callback(end)
    await together.live()
    return together


def test_all_disconnect_at_once_and_have_the_true_states_again() -> None:
    async def test() -> None:
        async with AsyncExitStack() as stack:
            together = await hosted(stack)
            with ExitStack() as away:
                for each in together.hosts.values():
                    away.enter_context(each.away(reset=True))
                together.play()
            await together.closed_gaps(len(REGISTRY))
            await together.true()

            assert {gap.venue for gap in together.out.gaps} == set(REGISTRY)

    run(test())


def test_one_that_disconnects_leaves_the_others_live() -> None:
    async def test() -> None:
        async with AsyncExitStack() as stack:
            together = await hosted(stack)
            fallen, *others = together.hosts
            with together.hosts[fallen].away():
                together.play()
            await together.closed_gaps(1)
            await together.true()

            assert {gap.venue for gap in together.out.gaps} == {fallen}
            assert {together.states(kind)[-1] for kind in others} == {"live"}

    run(test())
