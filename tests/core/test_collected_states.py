"""The order store, fed with the states that several collectors of the same venue have recorded."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from ordwatch.core.conversion import collected_update, order_record
from ordwatch.core.events import Arrival, OrderUpdate, Recency, VenueStats
from ordwatch.core.order_store import OrderStore
from ordwatch.core.records import OrderRecord
from ordwatch.venues.contract import VenueKind
from tests.support.toy import TOY, ToyExtra, toy_update

SECOND = 1_000_000_000


class Reader:
    """Merges what collectors recorded."""

    def __init__(self, states_kept: int = 8, venue: VenueKind = TOY) -> None:
        self.store = OrderStore({"toy": venue}, {"toy": VenueStats()}, states_kept=states_kept)
        self.stream_seq = 0

    def report(self, collector: str, *updates: OrderUpdate) -> Sequence[OrderRecord]:
        """The records of states that this collector recorded, each unchanged."""
        written: list[OrderRecord] = []
        for update in updates:
            self.stream_seq += 1
            recorded = order_record(update, prev_status=None, gap=None, changed=[], flags=list(update.flags))
            arrival = Arrival(venue="toy", channel=collector, at_ns=0, collector=collector, stream_seq=self.stream_seq)
            records = self.store.apply([arrival, collected_update(recorded, ToyExtra)])
            written += [record for record in records if isinstance(record, OrderRecord)]
        return written


def state(status: str, filled: str, version: int, **changes: object) -> OrderUpdate:
    return msgspec.structs.replace(toy_update("toy", "1", status, filled, str(version), now_ns=SECOND), **changes)


LIFE = [state("NEW", "0", 1), state("PARTIALLY_FILLED", "3", 2), state("FILLED", "10", 3)]


def shown(records: Sequence[OrderRecord]) -> list[tuple[str, str | None]]:
    return [(record.status.value, record.filled_qty) for record in records]


def test_each_state_is_shown_once_with_the_collector_that_reported_it_first() -> None:
    reader = Reader()

    first = reader.report("a", *LIFE[:2])
    second = reader.report("b", *LIFE)

    assert [(record.collector, record.stream_seq) for record in [*first, *second]] == [("a", 1), ("a", 2), ("b", 5)]
    assert shown(second) == [("FILLED", "10")]


@pytest.mark.parametrize("source", ["push", "query"])
def test_a_state_that_one_collector_missed_comes_from_the_other(source: str) -> None:
    reader = Reader()

    reader.report("a", LIFE[0])
    missed = reader.report("b", LIFE[0], msgspec.structs.replace(LIFE[1], source=source))

    assert shown(missed) == [("PARTIALLY_FILLED", "3")]
    assert missed[0].source == source
    assert reader.report("a", LIFE[1]) == []


def test_a_state_decided_by_arrival_does_not_make_the_order_older() -> None:
    reader = Reader(venue=replace(TOY, compare_versions=lambda _new, _known, _same_channel: Recency.EQUAL))

    reader.report("a", state("NEW", "0", 5))
    [other] = reader.report("b", state("NEW", "0", 3, price="7"))

    assert (other.price, other.updated_at) == ("7", "1970-01-01T00:00:00.005000Z")


def without_versions() -> Reader:
    return Reader(venue=replace(TOY, compare_versions=lambda _new, _known, _same_channel: Recency.EQUAL))


def priced(price: str, version: int = 1, **changes: object) -> OrderUpdate:
    return state("NEW", "0", version, price=price, **changes)


@pytest.mark.parametrize("versions", [(1, 2, 3), (1, 1, 1)], ids=["newer", "no order"])
def test_a_state_that_comes_again_is_shown_again_but_not_for_each_collector(versions: tuple[int, int, int]) -> None:
    reader = Reader() if versions[1] > 1 else without_versions()
    life = [priced(price, version) for price, version in zip(("7", "8", "7"), versions, strict=True)]

    assert [record.price for record in reader.report("a", *life)] == ["7", "8", "7"]
    assert reader.report("b", *life, life[-1]) == []


def test_a_collector_that_is_ahead_may_repeat_an_old_state() -> None:
    reader = Reader()
    reader.report("a", *LIFE)

    assert reader.report("b", LIFE[2], LIFE[0], LIFE[2]) == []


def test_a_state_decided_by_arrival_has_its_own_time_if_it_is_later() -> None:
    reader = without_versions()

    reader.report("a", priced("7", 3))
    [later] = reader.report("b", priced("8", 5))
    [timeless] = reader.report("b", priced("9", 5, updated_ns=None))

    assert (later.updated_at, timeless.updated_at) == ("1970-01-01T00:00:00.005000Z",) * 2


def test_a_late_record_is_late_whatever_the_versions_say() -> None:
    reader = without_versions()
    reader.report("a", priced("7"))

    [late] = reader.report("a", priced("8", flags=("guessed", "late")))

    assert late.flags == ("guessed", "late")
    assert [order.price for order in reader.store.orders("toy")] == ["7"]


def test_what_a_collector_recorded_of_its_own_states_is_shown_though_only_the_time_changed() -> None:
    reader = Reader()

    first = reader.report("a", priced("7", 1), priced("7", 2))
    repeated = reader.report("b", priced("7", 2))
    unasked = reader.report("c", priced("7", 3))

    assert [list(record.changed) for record in first] == [[], ["updated_at"]]
    assert (repeated, unasked) == ([], [])
    assert [list(record.changed) for record in reader.report("a", priced("7", 4))] == [["updated_at"]]


def test_an_order_that_a_collector_s_venue_does_not_find_is_unknown() -> None:
    reader = Reader()
    reader.report("a", LIFE[0])

    unknown = reader.report("b", state("UNKNOWN", "0", 1, source="query", reason="not found"))

    assert [record.status for record in unknown] == ["UNKNOWN"]


def test_a_state_that_a_query_found_without_time_or_names_is_no_second_one() -> None:
    reader = Reader()

    reader.report("a", msgspec.structs.replace(LIFE[0], name="one", client_order_id="mine"))

    assert reader.report("b", msgspec.structs.replace(LIFE[0], source="query", name="another spelling")) == []


def test_what_completes_the_latest_state_is_shown() -> None:
    reader = Reader()

    reader.report("a", LIFE[0])
    [completed] = reader.report("b", msgspec.structs.replace(LIFE[0], client_order_id="mine"))

    assert completed.changed == ("client_order_id",)


def test_what_completes_an_earlier_state_is_not() -> None:
    reader = Reader()

    reader.report("a", *LIFE)

    assert reader.report("b", msgspec.structs.replace(LIFE[1], client_order_id="mine")) == []


def test_a_collector_far_behind_repeats_nothing() -> None:
    fills = [state("PARTIALLY_FILLED", str(n), n) for n in range(1, 40)]
    reader = Reader(states_kept=64)

    reader.report("a", *fills)

    assert reader.report("b", *fills) == []


def test_a_late_record_does_not_become_the_state() -> None:
    reader = Reader()
    reader.report("a", LIFE[0], LIFE[2])

    [late] = reader.report("a", msgspec.structs.replace(LIFE[1], flags=("late",)))

    assert "late" in late.flags
    assert [order.status for order in reader.store.orders("toy")] == ["FILLED"]
    assert reader.report("b", msgspec.structs.replace(LIFE[1], flags=("late",))) == []


def test_a_late_record_of_an_order_that_is_not_known_is_shown_and_not_kept() -> None:
    reader = Reader()

    [late] = reader.report("a", msgspec.structs.replace(LIFE[0], flags=("late",)))

    assert late.flags == ("late",)
    assert reader.store.orders("toy") == []


def test_flags_of_the_collector_s_own_store_are_judged_again() -> None:
    reader = Reader()

    [first] = reader.report("a", msgspec.structs.replace(LIFE[0], flags=("unordered", "guessed")))

    assert first.flags == ("guessed",)


def test_an_order_that_one_collector_s_query_does_not_find_stays_final() -> None:
    reader = Reader()
    reader.report("a", *LIFE)

    unknown = state("UNKNOWN", "3", 2, source="query", reason="not found")

    assert reader.report("b", unknown) == []
    assert [order.status for order in reader.store.orders("toy")] == ["FILLED"]
