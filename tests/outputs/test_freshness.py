from collections.abc import Callable

from ordwatch.core.records import OrderRecord
from ordwatch.outputs.freshness import FRESH_S, Freshness
from ordwatch.outputs.table_state import TableRow
from tests.support.table import NOON_NS

Make = Callable[..., OrderRecord]
NOON = "2026-03-02T12:00:00.000000Z"
EARLIER = "2026-03-02T11:00:00.000000Z"


def row(number: int, order: Make, *, changed_at: str = NOON) -> TableRow:
    return TableRow(order(order_id=str(number)), changed_at, number)


def test_a_change_is_bold_for_less_than_two_seconds(order: Make) -> None:
    rows = [row(number, order, changed_at=EARLIER) for number in range(3)] + [row(9, order)]
    freshness = Freshness()
    freshness.add(rows, 0.0)

    def bold(now_s: float) -> set[int]:
        return freshness.positions(rows, now_ns=NOON_NS + int(now_s * 1e9), now_s=now_s)

    assert [bold(0.0), bold(FRESH_S - 0.01), bold(FRESH_S)] == [{3}, {3}, set()]
    assert FRESH_S + 0.25 <= 2


def test_nothing_is_bold_where_a_third_of_the_rows_changed(order: Make) -> None:
    freshness = Freshness()
    old = [row(number, order, changed_at=EARLIER) for number in range(4)]
    new = [row(number, order) for number in (7, 8)]
    freshness.add([*old, *new], 0.0)

    seen = [freshness.positions(rows, now_ns=NOON_NS, now_s=0.0) for rows in ([*old, new[0]], [*old, *new])]

    assert seen == [{4}, set()]


def test_old_changes_that_a_first_query_shows_are_not_bold(order: Make) -> None:
    rows = [row(number, order, changed_at=EARLIER) for number in range(9)]
    freshness = Freshness()
    freshness.add(rows, 0.0)

    assert freshness.positions(rows, now_ns=NOON_NS, now_s=0.0) == set()


def test_in_a_replay_whose_time_stands_still_nothing_stays_bold(order: Make) -> None:
    rows = [row(number, order, changed_at=EARLIER) for number in range(4)] + [row(9, order)]
    freshness = Freshness()
    freshness.add(rows, 0.0)

    assert freshness.positions(rows, now_ns=NOON_NS, now_s=FRESH_S) == set()


def test_the_next_change_of_an_order_is_bold_again_and_those_that_left_are_forgotten(order: Make) -> None:
    rest = [row(number, order, changed_at=EARLIER) for number in range(4)]
    freshness = Freshness()
    freshness.add([row(9, order), None], 0.0)

    freshness.add([row(10, order)], FRESH_S)

    rows = [*rest, row(9, order), row(10, order)]
    assert freshness.positions(rows, now_ns=NOON_NS, now_s=FRESH_S) == {5}


def test_a_change_without_a_readable_time_is_not_bold(order: Make) -> None:
    rows = [row(number, order, changed_at="soon") for number in range(9)]
    freshness = Freshness()
    freshness.add(rows[:1], 0.0)

    assert freshness.positions(rows, now_ns=NOON_NS, now_s=0.0) == set()
