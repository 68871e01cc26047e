"""Which of two statements is the newer."""

from itertools import permutations

import msgspec
import pytest

from ordwatch.model import Age, OrderUpdate
from ordwatch.venues.opend.age import age
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
    state(5, 0, 100.25),
    state(10, 30, 100.25),
    state(10, 60, 100.25),
    state(12, 60, 100.25),
    state(14, 60, 100.25),
    state(11, 100, 101.0),
    state(24, 40, 101.0),
    state(10, 40, 102.0),
]
"""Each newer than the one before: by time, by fill, by status, by a bust."""


@pytest.mark.parametrize(("older", "newer"), [(a, b) for a, b in permutations(range(len(LIFE)), 2) if a < b])
def test_of_two_states_of_a_life_the_later_is_newer_in_either_order(older: int, newer: int) -> None:
    assert age(LIFE[newer], LIFE[older]) is Age.NEWER
    assert age(LIFE[older], LIFE[newer]) is Age.OLDER


@pytest.mark.parametrize("place", range(len(LIFE)))
def test_a_state_is_as_old_as_itself(place: int) -> None:
    assert age(LIFE[place], msgspec.structs.replace(LIFE[place], received_ns=9)) is Age.EQUAL


def test_a_changed_price_within_the_same_time_is_no_older_and_no_newer() -> None:
    changed = msgspec.structs.replace(LIFE[2], price="481")

    assert age(changed, LIFE[2]) is Age.EQUAL


def test_without_a_time_the_fill_decides() -> None:
    assert age(state(10, 60, 0.0), state(10, 30, 100.0)) is Age.NEWER


def test_without_time_and_fill_the_status_decides() -> None:
    silent = msgspec.structs.replace(state(5, 0, 0.0), filled_qty=None)

    assert age(silent, state(15, 0, 100.0)) is Age.OLDER


def test_an_unknown_status_gives_way_to_any_known_one() -> None:
    assert age(state(5, 0, 100.0), state(99, 0, 100.0)) is Age.NEWER
