"""The whole engine against each venue's simulator, over real sockets: what every venue is held to."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from ordwatch.core.records import OrderRecord
from ordwatch.simulators.contract import Step
from ordwatch.simulators.scenario import one_of_each, stories
from ordwatch.venues import REGISTRY
from tests.support.runs import Watched, repeated, run, simulator_of, untrue, watching

STORY = one_of_each()
STREAM = list(stories(seed=7, count=40))

pytestmark = pytest.mark.parametrize("kind", REGISTRY)


def states_of(orders: Sequence[OrderRecord]) -> Counter[str]:
    return Counter(order.order_id for order in orders)


def states_given(watched: Watched) -> Counter[str]:
    return Counter({name[2]: true.states for name, true in watched.hosted.simulator.truth().items()})


def words_of(orders: Sequence[OrderRecord]) -> dict[str, list[tuple[str, str | None]]]:
    """Every status and executed quantity of each order, in order."""
    words: dict[str, list[tuple[str, str | None]]] = {}
    for order in orders:
        words.setdefault(order.order_id, []).append((order.status, order.filled_qty))
    return words


def play(watched: Watched, steps: Iterable[Step]) -> None:
    for step in steps:
        watched.hosted.play(step)


def test_each_state_is_told_once(kind: str) -> None:
    async def test() -> None:
        async with watching(simulator_of(kind)) as watched:
            play(watched, STREAM)
            await watched.true()

            assert states_of(watched.out.orders) == states_given(watched)

    run(test())


def test_orders_that_were_there_before_are_found(kind: str) -> None:
    async def test() -> None:
        simulator = simulator_of(kind)
        for step in STORY[:3]:
            simulator.play(step, 1_000_000_000)
        async with watching(simulator) as watched:
            assert untrue(simulator, watched.out) == {}
            assert [order.source for order in watched.out.orders] == ["query"]

    run(test())


def test_pushes_that_come_three_times_are_told_once(kind: str) -> None:
    async def test() -> None:
        async with watching(simulator_of(kind)) as watched:
            watched.hosted.duplicate(3)
            play(watched, STORY)
            await watched.true()

            assert states_of(watched.out.orders) == states_given(watched)

    run(test())


def test_pushes_out_of_order_end_in_the_true_state(kind: str) -> None:
    async def test() -> None:
        async with watching(simulator_of(kind)) as watched:
            watched.hosted.reorder(12)
            play(watched, STREAM)
            watched.hosted.settle()
            await watched.true()

            assert repeated(watched.out.orders) == []

    run(test())


def test_bytes_that_come_one_by_one_make_the_same_records(kind: str) -> None:
    async def test() -> None:
        async with watching(simulator_of(kind)) as whole:
            play(whole, STORY)
            await whole.true()
        async with watching(simulator_of(kind)) as sliced:
            sliced.hosted.split()
            play(sliced, STORY)
            await sliced.true()

        assert words_of(sliced.out.orders) == words_of(whole.out.orders)

    run(test())


def test_each_drop_is_a_gap_that_is_closed(kind: str) -> None:
    async def test() -> None:
        async with watching(simulator_of(kind)) as watched:
            for number in range(1, 5):
                with watched.hosted.away(reset=number % 2 == 0):
                    play(watched, STREAM[number * 8 : number * 8 + 8])
                await watched.closed_gaps(number)

            assert untrue(watched.hosted.simulator, watched.out) == {}
            assert watched.gaps("open") == watched.gaps("closed") == [f"{kind}-{number}" for number in range(1, 5)]

    run(test())


def test_twenty_drops_in_a_row_leave_every_order_in_its_true_state(kind: str) -> None:
    async def test() -> None:
        async with watching(simulator_of(kind)) as watched:
            for number in range(1, 21):
                with watched.hosted.away(reset=number % 2 == 0):
                    play(watched, STREAM[number * 5 : number * 5 + 3])
                await watched.hosted.until(lambda: watched.hosted.clients > 0)
                play(watched, STREAM[number * 5 + 3 : number * 5 + 5])
            await watched.true()
            await watched.covered()

            assert repeated(watched.out.orders) == []
            assert watched.gaps("open") == watched.gaps("closed")

    run(test())


def test_what_a_gap_hid_bears_its_id(kind: str) -> None:
    async def test() -> None:
        async with watching(simulator_of(kind)) as watched:
            watched.hosted.play(STORY[0])
            await watched.true()
            with watched.hosted.away():
                play(watched, STORY[1:5])
            await watched.closed_gaps(1)

            [recovered] = watched.out.orders[1:]
            assert (recovered.source, recovered.gap) == ("query", f"{kind}-1")
            assert watched.out.gaps[-1].recovered == 1

    run(test())


def test_attempts_that_fail_prolong_one_gap(kind: str) -> None:
    async def test() -> None:
        async with watching(simulator_of(kind)) as watched:
            with watched.hosted.away(reset=True):
                await watched.hosted.until(lambda: watched.hosted.refusals >= 5)
            await watched.closed_gaps(1)

            assert watched.gaps("open") == [f"{kind}-1"]

    run(test())


def test_audit_finds_what_no_push_told(kind: str) -> None:
    async def test() -> None:
        async with watching(simulator_of(kind), audit_interval=0.05) as watched:
            play(watched, STORY[:4])
            await watched.true()
            watched.hosted.swallow()
            watched.hosted.play(STORY[4])
            await watched.true()

            assert watched.out.orders[-1].source == "query"
            assert watched.out.gaps == []

    run(test())
