"""Each venue behind a proxy that spoils its stream: what a network can do to any of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from ordwatch.simulators.host import host
from ordwatch.simulators.scenario import one_of_each
from ordwatch.simulators.setup import setup
from ordwatch.venues import REGISTRY
from ordwatch.venues.contract import Setup
from tests.support.faultproxy import FaultProxy, fault_proxy
from tests.support.runs import Watched, following, repeated, run, simulator_of, untrue

LIFECYCLE = one_of_each()

every_venue = pytest.mark.parametrize("kind", REGISTRY)


@asynccontextmanager
async def watching(kind: str, **settings: Any) -> AsyncIterator[tuple[Watched, FaultProxy]]:
    """A run whose stream of pushes goes through a proxy; REST does not."""
    simulator = simulator_of(kind)
    stream = next(name for name, transport in simulator.listeners.items() if transport != "http")
    async with host(simulator) as hosted, fault_proxy(hosted.addresses[stream]) as proxy:
        venue, reached = setup(kind, simulator.settings({**hosted.addresses, stream: proxy.address}))
        changed = Setup(kind, msgspec.structs.replace(reached.settings, **settings))
        async with following(hosted, (venue, changed)) as watched:
            yield watched, proxy


def play(watched: Watched) -> None:
    for step in LIFECYCLE:
        watched.hosted.play(step)


@every_venue
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "reset"])
@pytest.mark.parametrize("after", [1, 43, 45, 400])
def test_a_stream_cut_anywhere_loses_nothing(kind: str, after: int, reset: bool) -> None:
    async def test() -> None:
        async with watching(kind) as (watched, proxy):
            await watched.live()
            proxy.truncate(after, reset=reset)
            play(watched)
            await watched.closed_gaps(1)
            await watched.true()

            assert repeated(watched.out.orders) == []

    run(test())


@every_venue
def test_bytes_that_trickle_make_no_gap(kind: str) -> None:
    async def test() -> None:
        async with watching(kind) as (watched, proxy):
            proxy.bytes_per_s = 20_000
            await watched.live()
            play(watched)
            await watched.true()

            assert watched.out.gaps == []

    run(test())


@every_venue
def test_a_late_network_makes_no_gap(kind: str) -> None:
    async def test() -> None:
        async with watching(kind) as (watched, proxy):
            proxy.delay_s = 0.05
            await watched.live()
            play(watched)
            await watched.true()

            assert watched.out.gaps == []

    run(test())


@every_venue
def test_bytes_cut_by_the_network_are_the_same_bytes(kind: str) -> None:
    async def test() -> None:
        async with watching(kind) as (watched, proxy):
            proxy.bytewise = True
            await watched.live()
            play(watched)
            await watched.true()

            assert watched.out.gaps == []

    run(test())


@every_venue
@pytest.mark.parametrize("direction", ["up", "down"])
def test_nothing_is_live_while_one_way_is_a_black_hole(kind: str, direction: Any) -> None:
    async def test() -> None:
        async with watching(kind, attempt_timeout=0.2) as (watched, proxy):
            proxy.blackhole(direction)
            await proxy.until(lambda: proxy.connections >= 3)
            assert "live" not in watched.out.states

            proxy.blackhole(direction, on=False)
            await watched.live()

            assert watched.out.gaps == []

    run(test())


@every_venue
def test_a_silent_link_is_a_gap_that_is_recovered(kind: str) -> None:
    async def test() -> None:
        async with watching(kind, silence_timeout=1.0) as (watched, proxy):
            await watched.live()
            proxy.blackhole("down")
            play(watched)
            await watched.out.until(lambda: watched.gaps("open") != [])
            proxy.blackhole("down", on=False)
            await watched.closed_gaps(1)

            assert watched.out.gaps[0].cause == "silent"
            assert untrue(watched.hosted.simulator, watched.out) == {}

    run(test())
