from collections.abc import Callable

import pytest

from ordwatch.core.events import OrderStatus, VenueStats
from ordwatch.core.records import (
    AliveRecord,
    ClockRecord,
    GapRecord,
    LinkRecord,
    OrderRecord,
    RejectRecord,
    SessionRecord,
    VenueAlive,
)
from ordwatch.core.times import time_ns
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.table_state import MAX_FINAL_ROWS, VenueState, View

Make = Callable[..., OrderRecord]
NOON = "2026-03-02T12:00:00.000000Z"
NOON_NS = time_ns(NOON)
LATER = "2026-03-02T12:00:01.000000Z"
SECOND = 1_000_000_000


def ids(view: View, limit: int = 100) -> list[str]:
    return [row.order.order_id for row in view.picture(NOON_NS, limit).rows]


def venue(view: View, now_ns: int = NOON_NS, stats: VenueStats | None = None) -> VenueState:
    reported = {"alpha": stats} if stats is not None else None
    return view.picture(now_ns, 1, reported).venues[0]


def alive(**said: object) -> AliveRecord:
    known: dict[str, object] = {
        "state": "live",
        "last_rx": NOON,
        "rtt_ms": None,
        "updates": 0,
        "duplicates": 0,
        "rejected": 0,
        "reconnects": 0,
        "open_orders": 0,
    }
    reported = VenueAlive(**(known | said))  # type: ignore[arg-type]  # a builder for any field
    return AliveRecord(venues={"alpha": reported}, queue=0, loop_lag_ms=0, rss_mib=0, synced_seq=None, at=NOON)


def test_an_order_has_one_row_in_its_latest_state(order: Make) -> None:
    view = View(Filter())

    view.apply([order(filled_qty="1"), order(filled_qty="2")])

    assert [row.order.filled_qty for row in view.picture(NOON_NS, 9).rows] == ["2"]


def test_the_same_id_of_another_account_is_another_order(order: Make) -> None:
    view = View(Filter())

    view.apply([order(account="1"), order(account="2"), order(account="2", environment="paper")])

    assert view.picture(NOON_NS, 9).orders == 3


def test_the_latest_change_is_on_top(order: Make) -> None:
    view = View(Filter())

    view.apply([order(order_id="a"), order(order_id="b"), order(order_id="a", at=LATER)])

    assert ids(view) == ["a", "b"]


def test_orders_of_a_first_query_stand_by_the_venues_time(order: Make) -> None:
    view = View(Filter())

    view.apply(
        [
            order(order_id="new", source="query", updated_at="2026-03-02T11:59:00.000000Z"),
            order(order_id="old", source="query", updated_at="2026-03-02T10:00:00.000000Z"),
        ]
    )

    assert ids(view) == ["new", "old"]


def test_a_change_that_a_query_recovered_is_on_top(order: Make) -> None:
    view = View(Filter())
    view.apply([order(order_id="a"), order(order_id="b")])

    view.apply([order(order_id="a", source="query", at=LATER, updated_at="2026-03-02T10:00:00.000000Z")])

    assert ids(view) == ["a", "b"]


def test_a_venues_clock_ahead_of_ours_does_not_hold_the_top(order: Make) -> None:
    view = View(Filter())

    view.apply([order(order_id="ahead", source="query", updated_at="2026-03-02T13:00:00.000000Z")])
    view.apply([order(order_id="push", at=LATER)])

    assert ids(view) == ["push", "ahead"]


def test_only_as_many_rows_as_asked_for_are_given_and_all_are_counted(order: Make) -> None:
    view = View(Filter())

    view.apply([order(order_id="a"), order(order_id="b"), order(order_id="c", status=OrderStatus.FILLED)])

    picture = view.picture(NOON_NS, 1)
    assert (len(picture.rows), picture.orders, picture.open_orders) == (1, 3, 2)


def test_a_late_statement_leaves_the_row_as_it_is(order: Make) -> None:
    view = View(Filter())

    view.apply([order(status=OrderStatus.FILLED), order(status=OrderStatus.NEW, flags=("late",))])

    assert [row.order.status for row in view.picture(NOON_NS, 9).rows] == [OrderStatus.FILLED]


def test_an_order_that_the_filter_no_longer_keeps_leaves(order: Make) -> None:
    view = View(Filter(open_only=True))

    view.apply([order(), order(status=OrderStatus.FILLED)])

    assert ids(view) == []


def test_an_order_that_left_does_not_come_back_with_a_late_statement(order: Make) -> None:
    view = View(Filter(open_only=True))

    view.apply([order(), order(status=OrderStatus.FILLED), order(flags=("late",))])

    assert ids(view) == []


def test_the_oldest_final_orders_leave_first_and_open_ones_stay(order: Make) -> None:
    view = View(Filter())
    view.apply([order(order_id="open")])

    view.apply([order(order_id=f"final {n}", status=OrderStatus.FILLED) for n in range(MAX_FINAL_ROWS + 1)])

    assert ids(view, MAX_FINAL_ROWS + 9)[-2:] == ["final 1", "open"]


def test_a_reopened_order_is_not_counted_as_final(order: Make) -> None:
    view = View(Filter())

    view.apply([order(status=OrderStatus.CANCELED), order(status=OrderStatus.NEW, flags=("reopened",))])

    assert view.picture(NOON_NS, 9).open_orders == 1


def test_a_venue_is_as_its_last_link_record_says(link: Callable[..., LinkRecord]) -> None:
    view = View(Filter())

    view.apply([link("live"), link("down", detail="reset by peer", wait_s=3.0)])

    reported = venue(view, NOON_NS + SECOND)
    assert (reported.state, reported.detail, reported.wait_s) == ("down", "reset by peer", 2.0)


def test_vitals_know_more_than_the_last_record(link: Callable[..., LinkRecord]) -> None:
    view = View(Filter())
    view.apply([link("down", detail="reset by peer")])

    reported = venue(view, stats=VenueStats(state="live", last_rx_ns=NOON_NS - SECOND, open_orders=5, rejected=2))

    assert (reported.state, reported.detail, reported.silent_s, reported.open_orders, reported.rejected) == (
        "live",
        None,
        1.0,
        5,
        2,
    )


def test_without_vitals_a_venues_records_prove_its_life(order: Make) -> None:
    view = View(Filter())

    view.apply([order(at=NOON)])

    assert venue(view, NOON_NS + 2 * SECOND).silent_s == 2.0


def test_an_alive_record_tells_state_and_proof_of_life() -> None:
    view = View(Filter())

    view.apply([alive(state="stale", last_rx=NOON)])

    reported = venue(view, NOON_NS + SECOND)
    assert (reported.state, reported.silent_s) == ("stale", 1.0)


def test_open_orders_are_counted_before_the_filter(order: Make) -> None:
    view = View(Filter(symbols=("X",)))

    view.apply([order(order_id="a"), order(order_id="b"), order(order_id="a", status=OrderStatus.FILLED)])

    assert venue(view).open_orders == 1


def test_while_a_gap_is_open_orders_are_known_as_of_its_beginning(
    gap: Callable[..., GapRecord], link: Callable[..., LinkRecord]
) -> None:
    view = View(Filter())

    view.apply([link("live", at=LATER), gap(from_=NOON)])

    reported = venue(view, NOON_NS + 9 * SECOND)
    assert (reported.gap_since, reported.known_s, reported.silent_s) == (NOON, 9.0, 8.0)


def test_closed_gaps_are_counted(gap: Callable[..., GapRecord]) -> None:
    view = View(Filter())

    view.apply([gap(), gap(state="closed"), gap(), gap(state="closed", outcome="partial")])

    reported = venue(view)
    assert (reported.gap_since, reported.gaps, reported.partial) == (None, 2, 1)


def test_unreadable_input_is_counted() -> None:
    view = View(Filter())

    view.apply([RejectRecord(venue="alpha", reason="", bytes=1, head="", suppressed=0, at=NOON)])

    assert venue(view).rejected == 1


def test_a_session_that_starts_names_the_venues_and_finds_none_connected(link: Callable[..., LinkRecord]) -> None:
    view = View(Filter())
    start = SessionRecord(
        state="start",
        schema="",
        version="",
        pid=1,
        host="",
        venues=["alpha", "beta"],
        config_sha256=None,
        reason=None,
        exit=None,
        counts=None,
        uncertain_s=None,
        at=NOON,
    )

    view.apply([link("live"), start])

    assert [(each.name, each.state) for each in view.picture(NOON_NS, 1).venues] == [
        ("alpha", "connecting"),
        ("beta", "connecting"),
    ]


def test_the_time_of_a_recording_is_its_newest_record(order: Make) -> None:
    view = View(Filter())

    view.apply([order(at=LATER), order(at=NOON), ClockRecord(jump_ms=0, suspended_ms=0, at=NOON)])

    assert view.latest_ns() == time_ns(LATER)


@pytest.mark.parametrize("text", ["", "soon"])
def test_times_that_cannot_be_read_are_no_times(text: str, order: Make) -> None:
    view = View(Filter())

    view.apply([alive(last_rx=text)])

    assert venue(view).silent_s is None


def test_the_wait_of_a_second_outage_counts_from_that_outage(link: Callable[..., LinkRecord]) -> None:
    view = View(Filter())
    view.apply([link("down", wait_s=10.0), link("live"), link("down", at=LATER, wait_s=10.0)])

    assert venue(view, NOON_NS + 3 * SECOND).wait_s == 8.0
