"""The states of one order, and which channel reported which."""

import pytest
from msgspec.structs import replace

from ordwatch.core.events import Arrival, OrderUpdate, QueryStamp
from ordwatch.core.order_entry import STATES_KEPT, OrderEntry, is_cached
from ordwatch.core.packed_states import packed
from tests.support.toy import toy_update


def state(filled: int) -> OrderUpdate:
    return toy_update("toy", "1", "PARTIALLY_FILLED", str(filled), "100", now_ns=5)


def arrival(channel: str, at_ns: int = 1) -> Arrival:
    return Arrival(venue="toy", channel=channel, at_ns=at_ns)


def entry(*filled: int, channel: str = "one") -> OrderEntry:
    """An order that this channel reported in these states."""
    made = OrderEntry(state(filled[0]), channel, 1)
    for each in filled[1:]:
        made.add(state(each), None, arrival(channel))
    return made


def test_only_the_last_states_are_kept() -> None:
    order = entry(*range(STATES_KEPT + 3))

    assert [each.filled_qty for each in order.states] == [str(filled) for filled in range(3, STATES_KEPT + 3)]
    assert order.place("one") == order.latest == STATES_KEPT - 1


def test_a_repeated_state_is_found_from_a_place_on() -> None:
    order = entry(1, 2, 1)

    assert (order.find(state(1), 0), order.find(state(1), 1), order.find(state(2), 2)) == (0, 2, None)


def test_each_channel_keeps_its_own_place() -> None:
    order = entry(1, 2, 3)
    order.move("other", 1)

    assert order.is_last_of("one")
    assert not order.is_last_of("other")
    order.move("other", 2)
    assert order.is_last_of("other")


def test_an_older_state_that_is_inserted_moves_the_places_after_it() -> None:
    order = entry(1, 3)
    order.move("other", 0)

    order.insert(1, state(2))

    assert [each.filled_qty for each in order.states] == ["1", "2", "3"]
    assert (order.place("one"), order.place("other")) == (2, 0)
    assert order.state.filled_qty == "3"


def test_a_state_is_remembered_with_the_time_of_its_own_update() -> None:
    order = entry(1)

    order.add(replace(state(2), updated_ns=50), 40, arrival("one"))

    assert (order.state.updated_ns, order.states[-1].updated_ns) == (50, 40)


@pytest.mark.parametrize("known_before", [True, False], ids=["packed while merging", "packed here"])
def test_each_state_is_remembered_with_its_own_time_when_others_follow(known_before: bool) -> None:
    order = entry(1)

    for number, (time_ns, own_ns) in enumerate(((50, 40), (60, 60), (70, 65)), start=2):
        latest = replace(state(number), updated_ns=time_ns)
        before = packed(order.state, latest) if known_before else None
        order.add(latest, own_ns, arrival("one"), before=before)

    assert [each.updated_ns for each in order.states[1:]] == [40, 60, 65]
    assert [each.filled_qty for each in order.states] == ["1", "2", "3", "4"]


def test_states_that_are_forgotten_move_the_places_of_all_channels() -> None:
    order = entry(*range(STATES_KEPT))
    order.move("behind", 0)
    order.move("other", 3)

    order.add(state(100), None, arrival("one"))
    order.insert(0, state(50))

    assert [order.place(channel) for channel in ("one", "behind", "other")] == [STATES_KEPT - 1, 0, 2]
    assert len(order.states) == STATES_KEPT


def test_a_full_order_keeps_no_more_states_when_one_is_inserted() -> None:
    order = entry(*range(STATES_KEPT))

    order.insert(3, state(50))

    assert [each.filled_qty for each in order.states] == ["1", "2", "50", "3", "4", "5", "6", "7"]


def test_a_cached_row_is_no_arrival() -> None:
    stamp = QueryStamp(number=1, sent_ns=1, cached=True)
    cached = Arrival(venue="toy", channel="cached query", at_ns=9, query=stamp)
    order = entry(1)

    order.add(state(2), None, cached)

    assert order.arrived_ns == 1
    assert is_cached(cached)
    assert not is_cached(arrival("one"))


def test_places_of_few_channels_are_kept() -> None:
    order = entry(1, 2)

    for number in range(20):
        order.move(f"connection {number}", 1)

    kept = [number for number in range(20) if order.place(f"connection {number}") == 1]
    assert kept == list(range(13, 20))
    assert order.place("one") == 1


def test_a_channel_stays_at_its_state_when_another_reports_the_next() -> None:
    order = entry(1, 2)

    order.add(state(3), None, arrival("other"))
    order.add(state(4), None, arrival("one"))

    assert (order.place("one"), order.place("other")) == (3, 2)


def test_what_is_forgotten_was_reported_before_all_that_is_kept() -> None:
    order = entry(1)
    order.add(state(2), None, arrival("other"))

    for filled in range(3, STATES_KEPT + 3):
        order.add(state(filled), None, arrival("other"))

    assert (order.place("one"), order.place("other")) == (0, STATES_KEPT - 1)


def test_an_older_state_that_is_inserted_into_all_that_are_kept_takes_the_oldest_ones_place() -> None:
    order = entry(*range(1, STATES_KEPT + 1))
    order.move("other", 4)

    order.insert(2, state(0))

    assert [each.filled_qty for each in order.states] == ["2", "0", *map(str, range(3, STATES_KEPT + 1))]
    assert (order.place("one"), order.place("other")) == (STATES_KEPT - 1, 4)


def test_an_order_is_looked_up_by_the_key_of_its_state() -> None:
    assert entry(1, 2).key == state(1).key
