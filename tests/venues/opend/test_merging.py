"""Which of two statements is the newer."""

from itertools import permutations

import msgspec
import pytest

from ordwatch.core.events import OrderUpdate, Recency
from ordwatch.venues.opend.merging import compare_versions
from ordwatch.venues.opend.orders import OrderReader
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

READER = OrderReader("opend", futures_zone="UTC")
HEADER = pb.TrdHeader(trdEnv=1, accID=7, trdMarket=1)


def state(status: int, filled: float, updated: float) -> OrderUpdate:
    """A statement about one order of 100; `updated` 0: OpenD gave no time."""
    sent = pb.Order(orderID=1, orderStatus=status, qty=100, fillQty=filled, updateTimestamp=updated)
    return READER.read(HEADER, sent, 0, "push")


LIFE = [
    state(1, 0, 100.0),
    state(2, 0, 100.0),
    state(5, 0, 100.0),
    state(5, 0, 101.5),
    state(10, 30, 101.5),
    state(10, 60, 101.5),
    state(12, 60, 101.5),
    state(14, 60, 101.5),
    state(11, 100, 102.0),
    state(24, 40, 102.0),
    state(10, 40, 103.5),
]
"""Each newer than the one before: by time, by fill, by status, by a bust."""


@pytest.mark.parametrize(("older", "newer"), [(a, b) for a, b in permutations(range(len(LIFE)), 2) if a < b])
def test_of_two_states_of_a_life_the_later_is_newer_in_either_order(older: int, newer: int) -> None:
    assert compare_versions(LIFE[newer], LIFE[older], False) is Recency.NEWER
    assert compare_versions(LIFE[older], LIFE[newer], False) is Recency.OLDER


@pytest.mark.parametrize("place", range(len(LIFE)))
def test_a_state_is_as_old_as_itself(place: int) -> None:
    assert compare_versions(LIFE[place], msgspec.structs.replace(LIFE[place], received_ns=9), False) is Recency.EQUAL


def test_a_changed_price_within_the_same_time_is_no_older_and_no_newer() -> None:
    changed = msgspec.structs.replace(LIFE[2], price="481")

    assert compare_versions(changed, LIFE[2], False) is Recency.EQUAL


def test_without_a_time_the_fill_decides() -> None:
    assert compare_versions(state(10, 60, 0.0), state(10, 30, 100.0), False) is Recency.NEWER


def test_without_time_and_fill_the_status_decides() -> None:
    silent = msgspec.structs.replace(state(5, 0, 0.0), filled_qty=None)

    assert compare_versions(silent, state(15, 0, 100.0), False) is Recency.OLDER


def test_an_unknown_status_gives_way_to_any_known_one() -> None:
    assert compare_versions(state(5, 0, 100.0), state(99, 0, 100.0), False) is Recency.NEWER


@pytest.mark.parametrize(
    ("new_s", "known_s", "expected"),
    [
        (100.768, 101.0, Recency.EQUAL),
        (101.0, 100.768, Recency.EQUAL),
        (101.0, 100.0, Recency.EQUAL),
        (102.0, 100.0, Recency.NEWER),
        (100.0, 102.0, Recency.OLDER),
        (101.000001, 100.0, Recency.NEWER),
        (100.904, 100.768, Recency.NEWER),
        (100.768, 100.904, Recency.OLDER),
    ],
)
def test_a_time_in_whole_seconds_decides_only_beyond_one_second(
    new_s: float, known_s: float, expected: Recency
) -> None:
    assert compare_versions(state(5, 0, new_s), state(5, 0, known_s), True) is expected


@pytest.mark.parametrize(("first", "then"), [(22, 5), (13, 5), (2, 5), (5, 2)])
def test_on_one_connection_the_rank_of_a_status_does_not_decide(first: int, then: int) -> None:
    assert compare_versions(state(then, 0, 100.0), state(first, 0, 100.0), True) is Recency.EQUAL


def test_a_final_state_is_not_left_for_an_open_one_within_one_second() -> None:
    assert compare_versions(state(5, 0, 101.0), state(15, 0, 100.5), True) is Recency.OLDER
    assert compare_versions(state(15, 0, 100.5), state(5, 0, 101.0), True) is Recency.NEWER
