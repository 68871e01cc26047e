"""The whole engine against a venue's simulator, over real sockets: what every venue is held to."""

from collections import Counter
from collections.abc import Iterable, Sequence

from ordwatch.core.records import OrderRecord
from ordwatch.simulators.contract import Step
from ordwatch.simulators.scenario import lifecycles, one_of_each
from ordwatch.testing.runs import Watched, repeated, run, simulator_of, untrue, watching

LIFECYCLE = one_of_each()
STREAM = list(lifecycles(seed=7, count=40))


class RunTests:
    """Tests of the venue `kind`, by a simulator of it."""

    def test_each_state_is_shown_once(self, kind: str) -> None:
        async def test() -> None:
            async with watching(simulator_of(kind)) as watched:
                _play(watched, STREAM)
                await watched.true()

                assert _state_counts(watched.out.orders) == _state_counts_played(watched)

        run(test())

    def test_orders_that_were_there_before_are_found(self, kind: str) -> None:
        async def test() -> None:
            simulator = simulator_of(kind)
            for step in LIFECYCLE[:3]:
                simulator.play(step, 1_000_000_000)
            async with watching(simulator) as watched:
                assert untrue(simulator, watched.out) == {}
                assert [order.source for order in watched.out.orders] == ["query"]

        run(test())

    def test_pushes_that_come_three_times_are_shown_once(self, kind: str) -> None:
        async def test() -> None:
            async with watching(simulator_of(kind)) as watched:
                watched.hosted.duplicate(3)
                _play(watched, LIFECYCLE)
                await watched.true()

                assert _state_counts(watched.out.orders) == _state_counts_played(watched)

        run(test())

    def test_pushes_out_of_order_end_in_the_true_state(self, kind: str) -> None:
        async def test() -> None:
            async with watching(simulator_of(kind)) as watched:
                watched.hosted.reorder(12)
                _play(watched, STREAM)
                watched.hosted.settle()
                await watched.true()

                assert repeated(watched.out.orders) == []

        run(test())

    def test_bytes_that_come_one_by_one_make_the_same_records(self, kind: str) -> None:
        async def test() -> None:
            async with watching(simulator_of(kind)) as whole:
                _play(whole, LIFECYCLE)
                await whole.true()
            async with watching(simulator_of(kind)) as sliced:
                sliced.hosted.split()
                _play(sliced, LIFECYCLE)
                await sliced.true()

            assert _states_of(sliced.out.orders) == _states_of(whole.out.orders)

        run(test())

    def test_each_drop_is_a_gap_that_is_closed(self, kind: str) -> None:
        async def test() -> None:
            async with watching(simulator_of(kind)) as watched:
                for number in range(1, 5):
                    with watched.hosted.away(reset=number % 2 == 0):
                        _play(watched, STREAM[number * 8 : number * 8 + 8])
                    await watched.closed_gaps(number)

                assert untrue(watched.hosted.simulator, watched.out) == {}
                assert watched.gaps("open") == watched.gaps("closed") == [f"{kind}-{number}" for number in range(1, 5)]

        run(test())

    def test_twenty_drops_in_a_row_leave_every_order_in_its_true_state(self, kind: str) -> None:
        async def test() -> None:
            async with watching(simulator_of(kind)) as watched:
                for number in range(1, 21):
                    with watched.hosted.away(reset=number % 2 == 0):
                        _play(watched, STREAM[number * 5 : number * 5 + 3])
                    await watched.hosted.until(lambda: watched.hosted.clients > 0)
                    _play(watched, STREAM[number * 5 + 3 : number * 5 + 5])
                await watched.true()
                await watched.covered()

                assert repeated(watched.out.orders) == []
                assert watched.gaps("open") == watched.gaps("closed")

        run(test())

    def test_what_a_gap_hid_bears_its_id(self, kind: str) -> None:
        async def test() -> None:
            async with watching(simulator_of(kind)) as watched:
                watched.hosted.play(LIFECYCLE[0])
                await watched.true()
                with watched.hosted.away():
                    _play(watched, LIFECYCLE[1:5])
                await watched.closed_gaps(1)

                [recovered] = watched.out.orders[1:]
                assert (recovered.source, recovered.gap) == ("query", f"{kind}-1")
                assert watched.out.gaps[-1].recovered == 1

        run(test())

    def test_attempts_that_fail_prolong_one_gap(self, kind: str) -> None:
        async def test() -> None:
            async with watching(simulator_of(kind)) as watched:
                with watched.hosted.away(reset=True):
                    await watched.hosted.until(lambda: watched.hosted.refusals >= 5)
                await watched.closed_gaps(1)

                assert watched.gaps("open") == [f"{kind}-1"]

        run(test())

    def test_a_resync_finds_what_no_push_reported(self, kind: str) -> None:
        async def test() -> None:
            async with watching(simulator_of(kind), audit_interval=0.05) as watched:
                _play(watched, LIFECYCLE[:4])
                await watched.true()
                watched.hosted.swallow()
                watched.hosted.play(LIFECYCLE[4])
                await watched.true()

                assert watched.out.orders[-1].source == "query"
                assert watched.out.gaps == []

        run(test())


def _state_counts(orders: Sequence[OrderRecord]) -> Counter[str]:
    return Counter(order.order_id for order in orders)


def _state_counts_played(watched: Watched) -> Counter[str]:
    return Counter({name[2]: true.states for name, true in watched.hosted.simulator.truth().items()})


def _states_of(orders: Sequence[OrderRecord]) -> dict[str, list[tuple[str, str | None]]]:
    """Every status and executed quantity of each order, in order."""
    states: dict[str, list[tuple[str, str | None]]] = {}
    for order in orders:
        states.setdefault(order.order_id, []).append((order.status, order.filled_qty))
    return states


def _play(watched: Watched, steps: Iterable[Step]) -> None:
    for step in steps:
        watched.hosted.play(step)
