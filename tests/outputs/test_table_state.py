import gc
from collections.abc import Callable

import pytest

from ordwatch.core.events import LinkState, OrderStatus, VenueStats
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
from ordwatch.outputs.listing import Listing
from ordwatch.outputs.table_state import MAX_FINAL_ROWS, MAX_STATES, TableRow, VenueState, View

Make = Callable[..., OrderRecord]
NOON = "2026-03-02T12:00:00.000000Z"
NOON_NS = time_ns(NOON)
LATER = "2026-03-02T12:00:01.000000Z"
SECOND = 1_000_000_000


def rows(view: View) -> list[TableRow]:
    """The rows that changed since the last call, the latest change on top."""
    listing = Listing()
    listing.apply(view.take_changes())
    return listing.rows(0, len(listing))


def ids(view: View) -> list[str]:
    return [row.order.order_id for row in rows(view)]


def venue(view: View, now_ns: int = NOON_NS, stats: VenueStats | None = None) -> VenueState:
    reported = {"alpha": stats} if stats is not None else None
    return view.overview(now_ns, reported).venues[0]


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

    assert [row.order.filled_qty for row in rows(view)] == ["2"]


def test_the_same_id_of_another_account_is_another_order(order: Make) -> None:
    view = View(Filter())

    view.apply([order(account="1"), order(account="2"), order(account="2", environment="paper")])

    assert len(rows(view)) == 3


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


def test_a_late_statement_leaves_the_row_as_it_is(order: Make) -> None:
    view = View(Filter())

    view.apply([order(status=OrderStatus.FILLED), order(status=OrderStatus.NEW, flags=("late",))])

    assert [row.order.status for row in rows(view)] == [OrderStatus.FILLED]


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

    assert ids(view)[-2:] == ["final 1", "open"]


def test_a_reopened_order_is_kept_as_open_ones_are(order: Make) -> None:
    view = View(Filter())

    view.apply([order(status=OrderStatus.CANCELED), order(status=OrderStatus.NEW, flags=("reopened",))])

    view.apply([order(order_id=f"final {n}", status=OrderStatus.FILLED) for n in range(MAX_FINAL_ROWS)])
    assert "1" in ids(view)


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


def test_an_alive_record_takes_no_proof_of_life_away(order: Make) -> None:
    view = View(Filter())

    view.apply([order(at=LATER), alive(last_rx=NOON)])

    assert venue(view, NOON_NS + 2 * SECOND).silent_s == 1.0


def test_after_a_clock_that_went_back_no_record_takes_proof_of_life_away(
    order: Make, link: Callable[..., LinkRecord]
) -> None:
    view = View(Filter())

    view.apply([order(at=LATER), order(at=NOON), link("live", at=NOON)])

    assert venue(view, NOON_NS + 2 * SECOND).silent_s == 1.0


def test_a_proof_of_life_in_the_future_is_one_of_now(order: Make) -> None:
    view = View(Filter())

    view.apply([order(at=LATER)])

    assert venue(view, NOON_NS).silent_s == 0.0


def test_an_alive_record_has_state_and_proof_of_life() -> None:
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

    assert [(each.name, each.state) for each in view.overview(NOON_NS).venues] == [
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


def test_a_wait_that_is_over_is_not_negative(link: Callable[..., LinkRecord]) -> None:
    view = View(Filter())
    view.apply([link("down", wait_s=10.0)])

    assert venue(view, NOON_NS + 11 * SECOND).wait_s == 0.0


@pytest.mark.parametrize("state", ["down", "connecting"])
def test_only_a_venue_that_is_down_waits_for_its_next_attempt(
    state: LinkState, link: Callable[..., LinkRecord]
) -> None:
    view = View(Filter())
    view.apply([link("down", wait_s=10.0)])

    assert (venue(view, stats=VenueStats(state=state)).wait_s is not None) == (state == "down")


def test_a_venue_without_a_next_attempt_waits_for_nothing(link: Callable[..., LinkRecord]) -> None:
    view = View(Filter())

    view.apply([link("down")])

    assert venue(view).wait_s is None


def start(*, simulated: bool | None) -> SessionRecord:
    return SessionRecord(
        state="start",
        schema="",
        version="",
        pid=1,
        host="",
        venues=["alpha"],
        simulated=simulated,
        config_sha256=None,
        reason=None,
        exit=None,
        counts=None,
        uncertain_s=None,
        at=NOON,
    )


@pytest.mark.parametrize(("simulated", "known"), [(True, True), (False, False), (None, False)])
def test_a_session_names_a_simulation(simulated: bool | None, known: bool) -> None:
    view = View(Filter())

    view.apply([start(simulated=simulated)])

    assert view.overview(NOON_NS).simulated is known


def test_a_real_session_after_a_simulated_one_is_real() -> None:
    view = View(Filter())

    view.apply([start(simulated=True), start(simulated=False)])

    assert not view.overview(NOON_NS).simulated


def test_several_accounts_are_noticed_only_within_a_venue(order: Make) -> None:
    view = View(Filter())

    view.apply([order(account="1"), order(venue="beta", account="2")])
    before = view.overview(NOON_NS).several_accounts
    view.apply([order(account="3")])

    assert (before, view.overview(NOON_NS).several_accounts) == (False, True)


def test_changes_are_given_once_and_counted_until_then(order: Make) -> None:
    view = View(Filter())
    view.apply([order(), order(filled_qty="1"), order(order_id="2")])

    waiting = view.overview(NOON_NS).changes
    first, second = view.take_changes(), view.take_changes()

    assert (waiting, len(first.rows), len(second.rows), view.overview(NOON_NS).changes) == (3, 2, 0, 0)


def test_changes_that_nobody_takes_do_not_add_up(order: Make) -> None:
    view = View(Filter())

    view.apply([order(order_id=f"final {n}", status=OrderStatus.FILLED) for n in range(3 * MAX_FINAL_ROWS)])

    changes = view.take_changes()
    assert (changes.whole, len(changes.rows)) == (True, MAX_FINAL_ROWS)
    assert not view.take_changes().whole


KEY = ("alpha", "live", None, "1")


def states(view: View) -> list[str | None]:
    details = view.details(KEY)  # type: ignore[arg-type]  # a literal of the environment
    assert details is not None
    return [state.filled_qty for state in details.states]


def test_details_have_every_state_in_its_order_late_ones_too(order: Make) -> None:
    view = View(Filter())

    view.apply([order(), order(filled_qty="2"), order(filled_qty="1", flags=("late",)), order(order_id="2")])

    assert states(view) == ["0", "2", "1"]


def test_of_a_long_history_the_first_and_the_latest_states_are_kept(order: Make) -> None:
    view = View(Filter())

    view.apply([order(filled_qty=str(n)) for n in range(MAX_STATES + 3)])

    details = view.details(KEY)  # type: ignore[arg-type]  # likewise
    assert details is not None
    assert (len(details.states), details.left_out) == (MAX_STATES, 3)
    assert [states(view)[at] for at in (0, 1, -1)] == ["0", "4", str(MAX_STATES + 2)]


def test_an_order_that_left_has_no_details(order: Make) -> None:
    view = View(Filter(open_only=True))

    view.apply([order(), order(status=OrderStatus.FILLED)])

    assert view.details(KEY) is None  # type: ignore[arg-type]  # likewise


def gaps(view: View) -> list[str]:
    details = view.details(KEY)  # type: ignore[arg-type]  # likewise
    assert details is not None
    return [f"{gap.from_[11:19]} {gap.state}" for gap in details.gaps]


def closed(from_: str, to: str, venue: str = "alpha") -> GapRecord:
    return GapRecord(
        venue=venue,
        gap="g",
        state="closed",
        cause="eof",
        from_=f"2026-03-02T{from_}.000000Z",
        to=f"2026-03-02T{to}.000000Z",
        outcome="recovered",
        recovered=0,
        limits=None,
        at=NOON,
    )


def test_details_have_the_gaps_of_the_venue_in_the_life_of_the_order(
    order: Make, gap: Callable[..., GapRecord]
) -> None:
    view = View(Filter())

    view.apply([closed("11:00:00", "11:30:00"), closed("11:59:00", "12:00:00"), closed("12:00:00", "12:00:01", "beta")])
    view.apply([order(), gap(from_=LATER)])

    assert gaps(view) == ["11:59:00 closed", "12:00:01 open"]


def test_a_gap_after_the_end_of_an_order_is_none_of_its_own(order: Make, gap: Callable[..., GapRecord]) -> None:
    view = View(Filter())

    view.apply([order(status=OrderStatus.FILLED), gap(from_=LATER)])

    assert gaps(view) == []


def test_the_gap_before_an_order_was_first_seen_counts_from_when_it_was_made(order: Make) -> None:
    view = View(Filter())

    view.apply([closed("11:00:00", "11:30:00"), order(created_ns=time_ns("2026-03-02T11:20:00.000000Z"))])

    assert gaps(view) == ["11:00:00 closed"]


def test_a_gap_before_the_end_of_an_order_is_one_of_its_own(order: Make, gap: Callable[..., GapRecord]) -> None:
    view = View(Filter())

    view.apply([order(), gap(from_=NOON), gap(state="closed", from_=NOON), order(status=OrderStatus.FILLED, at=NOON)])

    assert gaps(view) == ["12:00:00 closed"]


def test_an_order_lives_from_when_it_was_seen_though_its_venue_says_that_it_was_made_later(order: Make) -> None:
    view = View(Filter())

    view.apply([order(created_ns=NOON_NS + 60 * SECOND), closed("12:00:10", "12:00:20")])

    assert gaps(view) == ["12:00:10 closed"]


def test_a_late_state_of_an_order_that_was_never_shown_is_none_of_its_history(order: Make) -> None:
    view = View(Filter(statuses=frozenset({OrderStatus.FILLED})))

    view.apply([order(flags=("late",)), order(status=OrderStatus.FILLED, filled_qty="100")])

    assert states(view) == ["100"]


def test_a_first_row_without_a_time_of_the_venue_stands_by_its_receipt(order: Make) -> None:
    view = View(Filter())

    view.apply([order(source="query", updated_at=None)])

    assert [row.changed_at for row in rows(view)] == [NOON]


def test_the_garbage_collector_need_not_walk_over_what_is_kept_of_an_order(order: Callable[..., OrderRecord]) -> None:
    first, second = order(), order(status=OrderStatus.PARTIALLY_FILLED)
    view = View(Filter())
    view.apply([first, second])

    [(key, row)] = view.take_changes().rows.items()
    details = view.details(key)

    assert not gc.is_tracked(row)
    assert details is not None
    assert [state.status for state in details.states] == [first.status, second.status]
    assert not any(map(gc.is_tracked, details.states))
    assert not gc.is_tracked(view._histories[key])
