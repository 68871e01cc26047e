import dataclasses
import gc
import itertools
from dataclasses import replace

import msgspec
import pytest

from ordwatch.core.events import (
    Arrival,
    ClockJump,
    GapUpdate,
    HeartbeatTick,
    LinkUpdate,
    OrderStatus,
    OrderUpdate,
    QueryStamp,
    Recency,
    Reject,
    VenueStats,
)
from ordwatch.core.merging import Correction, not_found
from ordwatch.core.order_entry import STATES_KEPT
from ordwatch.core.order_store import FINAL_KEPT, FINAL_KEPT_NS, REJECTS_PER_S, OrderStore
from ordwatch.core.records import (
    AnyRecord,
    GapRecord,
    LinkRecord,
    OrderRecord,
    RejectRecord,
    decode,
    encode,
    numbered,
)
from ordwatch.venues.contract import VenueKind
from tests.support.toy import TOY, ToyExtra, toy_update

VENUE: VenueKind = TOY


def push(order_id: str, status: str, filled: str | None, version: int, **changes: object) -> OrderUpdate:
    return msgspec.structs.replace(toy_update("toy", order_id, status, filled, str(version), now_ns=version), **changes)


def row(order_id: str, status: str, filled: str, version: int) -> OrderUpdate:
    return push(order_id, status, filled, version, source="query")


def a_store() -> OrderStore:
    return OrderStore({"toy": VENUE}, {"toy": VenueStats()})


SECOND = 1_000_000_000


def came(*updates: OrderUpdate, at_s: float, channel: str = "connection 1") -> list[Arrival | OrderUpdate]:
    """Pushes that arrived at this second of the monotonic clock."""
    return [Arrival(venue="toy", channel=channel, at_ns=int(at_s * SECOND)), *updates]


def answered(
    *rows: OrderUpdate, asked_s: float, number: int = 1, old_before_s: float = 0, cached: bool = False
) -> list[Arrival | OrderUpdate]:
    """Rows of a query that was sent at this second."""
    stamp = QueryStamp(
        number=number, sent_ns=int(asked_s * SECOND), old_before_ns=int(old_before_s * SECOND), cached=cached
    )
    return [Arrival(venue="toy", channel="query", at_ns=int(asked_s * SECOND) + 1, query=stamp), *rows]


def orders(records: list[AnyRecord]) -> list[OrderRecord]:
    return [record for record in records if isinstance(record, OrderRecord)]


def statuses(*updates: OrderUpdate) -> list[str]:
    return [record.status for record in orders(a_store().apply(updates))]


def flags(*updates: OrderUpdate) -> list[list[str]]:
    return [list(record.flags) for record in orders(a_store().apply(updates))]


def test_the_garbage_collector_has_nothing_to_walk_over_in_a_record() -> None:
    first, second = orders(a_store().apply([push("1", "NEW", "0", 1), push("1", "FILLED", "10", 2)]))

    gc.collect()

    kept = [part for record in (first, second) for part in (record, record.changed, record.flags, record.extra)]
    assert not any(map(gc.is_tracked, kept))


def test_first_sight_has_no_previous_status_and_no_changes() -> None:
    [record] = orders(a_store().apply([push("1", "NEW", "0", 1)]))

    assert (record.prev_status, record.changed) == (None, ())


def test_an_update_that_the_rules_of_its_venue_fail_on_leaves_the_others_of_the_batch() -> None:
    failed: list[tuple[str, type[Exception]]] = []
    store = OrderStore(
        {"toy": dataclasses.replace(VENUE, compare_versions=divides_by_zero), "other": VENUE},
        stats := {"toy": VenueStats(), "other": VenueStats()},
        on_bug=lambda update, bug: failed.append((update.order_id, type(bug))),
    )

    records = store.apply([push("1", "NEW", "0", 1), push("1", "FILLED", "10", 2), push("2", "NEW", "0", 3)])

    assert [record.order_id for record in orders(records)] == ["1", "2"]
    assert failed == [("1", ZeroDivisionError)]
    assert (stats["toy"].updates, store.counts["updates"], store.counts["written"]) == (2, 2, 2)


def divides_by_zero(_new: OrderUpdate, _known: OrderUpdate, _same_way: bool) -> Recency:
    raise ZeroDivisionError


def test_every_state_is_written() -> None:
    assert statuses(push("1", "NEW", "0", 1), push("1", "PARTIALLY_FILLED", "4", 2), push("1", "FILLED", "10", 3)) == [
        "NEW",
        "PARTIALLY_FILLED",
        "FILLED",
    ]


def test_changed_names_the_keys_that_differ() -> None:
    _, record = orders(a_store().apply([push("1", "NEW", "0", 1), push("1", "FILLED", "10", 2)]))

    assert record.changed == ("status", "venue_status", "final", "filled_qty", "remaining_qty", "updated_at")
    assert record.prev_status == "NEW"


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_repeated_pushes_are_counted_not_written(copies: int) -> None:
    store = a_store()

    store.apply([push("1", "NEW", "0", 1)] * copies)

    assert store.counts["written"] == 1
    assert store.counts["duplicates"] == copies - 1


def test_a_newer_statement_without_a_change_is_a_duplicate() -> None:
    store = OrderStore(
        {"toy": replace(VENUE, compare_versions=lambda _new, _known, _same_way: Recency.NEWER)}, {"toy": VenueStats()}
    )

    store.apply([push("1", "NEW", "0", 1)] * 2)

    assert (store.counts["written"], store.counts["duplicates"]) == (1, 1)


def test_older_push_never_seen_is_late_and_changes_nothing() -> None:
    store = a_store()

    records = orders(
        store.apply([push("1", "FILLED", "10", 5), push("1", "NEW", "0", 1), push("1", "FILLED", "10", 5)])
    )

    assert [(record.status, record.flags) for record in records] == [("FILLED", ()), ("NEW", ("late",))]
    assert store.open_orders("toy") == []


def test_late_push_seen_again_is_a_duplicate() -> None:
    assert flags(push("1", "FILLED", "10", 5), push("1", "NEW", "0", 1), push("1", "NEW", "0", 1)) == [[], ["late"]]


def test_late_record_shows_its_own_time() -> None:
    _, late = orders(a_store().apply([push("1", "FILLED", "10", 5), push("1", "NEW", "0", 1)]))

    assert late.updated_at == "1970-01-01T00:00:00.001000Z"


def test_older_push_seen_before_is_a_duplicate() -> None:
    assert statuses(push("1", "NEW", "0", 1), push("1", "FILLED", "10", 2), push("1", "NEW", "0", 1)) == [
        "NEW",
        "FILLED",
    ]


def test_equal_version_that_differs_is_unordered_and_arrival_decides() -> None:
    store = a_store()

    records = orders(store.apply([push("1", "NEW", "0", 1), push("1", "NEW", "0", 1, price="5")]))

    assert records[-1].flags == ("unordered",)
    assert store.open_orders("toy")[0].price == "5"


def by_fill(new: OrderUpdate, known: OrderUpdate, _same_way: bool) -> Recency:
    """A venue whose times do not order its statements."""
    reported, before = int(new.filled_qty or 0), int(known.filled_qty or 0)
    return Recency.EQUAL if reported == before else Recency.NEWER if reported > before else Recency.OLDER


def test_repetition_is_known_where_times_went_back() -> None:
    store = OrderStore({"toy": dataclasses.replace(VENUE, compare_versions=by_fill)}, {"toy": VenueStats()})
    reported_later = push("1", "PARTIALLY_FILLED", "4", 5)

    store.apply([push("1", "PARTIALLY_FILLED", "2", 9), reported_later, push("1", "FILLED", "10", 12)])

    assert store.apply([reported_later]) == []


def test_query_row_that_is_newer_is_written_as_such() -> None:
    _, record = orders(a_store().apply([push("1", "NEW", "0", 1), row("1", "FILLED", "10", 2)]))

    assert (record.source, record.status, record.gap) == ("query", "FILLED", None)


def test_recovered_row_bears_the_gap_and_is_counted_in_it() -> None:
    gap = GapUpdate(venue="toy", gap="toy-1", state="open", cause="eof", from_ns=1, at_ns=2)
    closed = msgspec.structs.replace(gap, state="closed", to_ns=3, outcome="recovered")

    records = a_store().apply(
        [gap, row("1", "FILLED", "10", 2), push("2", "NEW", "0", 1), closed, row("3", "NEW", "0", 1)]
    )

    assert [record.gap for record in orders(records)] == ["toy-1", None, None]
    assert [record.recovered for record in records if isinstance(record, GapRecord)] == [None, 1]


def in_a_gap(*updates: OrderUpdate) -> list[OrderRecord]:
    gap = GapUpdate(venue="toy", gap="toy-1", state="open", cause="eof", from_ns=1, at_ns=2)
    store = a_store()
    store.apply([push("1", "NEW", "0", 1, price="480")])
    return orders(store.apply([gap, *updates]))


def test_change_within_the_same_second_is_recovered_in_a_gap() -> None:
    [record] = in_a_gap(push("1", "NEW", "0", 1, price="482", source="query"))

    assert (record.price, record.gap, record.changed, record.flags) == ("482", "toy-1", ("price",), ("unordered",))


def test_what_a_statement_does_not_report_is_kept() -> None:
    store = a_store()

    store.apply([push("1", "NEW", "0", 1, client_order_id="mine"), push("1", "FILLED", "10", 2, symbol=None)])
    [record] = orders(store.apply([push("1", "FILLED", "10", 3)]))

    assert (record.client_order_id, record.symbol) == ("mine", "TOY")


def test_reopened_order_says_so() -> None:
    assert flags(push("1", "CANCELED", "0", 1), push("1", "NEW", "0", 2)) == [[], ["reopened"]]
    assert flags(push("1", "CANCELED", "0", 1), push("1", "FILLED", "10", 2)) == [[], []]


def test_orders_of_two_accounts_with_one_id_are_two() -> None:
    assert statuses(push("1", "NEW", "0", 1, account="a"), push("1", "FILLED", "10", 2, account="b")) == [
        "NEW",
        "FILLED",
    ]


def test_any_order_of_arrival_ends_in_the_newest_state() -> None:
    life = [push("1", "NEW", "0", 1), push("1", "PARTIALLY_FILLED", "4", 2), push("1", "FILLED", "10", 3)]

    ends = {last_known(order) for order in itertools.permutations(life * 2)}

    assert ends == {("FILLED", "10")}


def last_known(updates: tuple[OrderUpdate, ...]) -> tuple[str, str | None]:
    store = a_store()
    store.apply(updates)
    [record] = orders(store.apply([push("1", "FILLED", "10", 4)]))
    return str(record.prev_status), record.filled_qty


def test_order_the_venue_does_not_know_is_unknown_once() -> None:
    store = a_store()
    store.apply([push("1", "NEW", "0", 1)])
    [known] = store.open_orders("toy")
    lost = not_found(known, "no such order", 5)

    records = orders(store.apply([lost, lost]))

    assert [(record.status, record.reason) for record in records] == [("UNKNOWN", "no such order")]
    assert (records[0].changed, records[0].flags) == (("status", "reason"), ())


def test_another_word_for_not_finding_it_is_nothing_new() -> None:
    store = a_store()
    store.apply([push("1", "NEW", "0", 1)])
    [known] = store.open_orders("toy")

    assert len(store.apply([not_found(known, "no such order", 5), not_found(known, "unknown order", 6)])) == 1


def test_a_venue_that_forbids_corrections_may_still_not_find_an_order() -> None:
    store = without_versions(correct=lambda _row, _known: Correction.NO)
    store.apply(came(priced("7"), at_s=1))

    records = store.apply(answered(not_found(priced("7"), "no such order", 5), asked_s=50))

    assert [record.status for record in orders(records)] == ["UNKNOWN"]


@pytest.mark.parametrize(("source", "flags"), [("push", ["late"]), ("query", ["unordered"])])
def test_an_older_state_of_an_unknown_order_is_not_in_order(source: str, flags: list[str]) -> None:
    store = a_store()
    store.apply([push("1", "NEW", "0", 5)])
    store.apply([not_found(store.open_orders("toy")[0], "no such order", 5)])

    [record] = orders(store.apply(answered(push("1", "PENDING_NEW", "0", 3, source=source), asked_s=9)))

    assert list(record.flags) == flags


def test_unknown_order_that_shows_again_is_written() -> None:
    store = a_store()
    store.apply([push("1", "NEW", "0", 1)])
    store.apply([not_found(store.open_orders("toy")[0], "no such order", 5)])

    [record] = orders(store.apply([row("1", "NEW", "0", 1)]))

    assert (record.status, record.prev_status) == ("NEW", "UNKNOWN")


def test_final_order_is_never_made_unknown() -> None:
    store = a_store()
    store.apply([push("1", "NEW", "0", 1)])
    [known] = store.open_orders("toy")

    assert orders(store.apply([push("1", "FILLED", "10", 2), not_found(known, "no such order", 5)]))[1:] == []


def test_more_states_than_are_kept_forget_the_oldest() -> None:
    life = [push("1", "PARTIALLY_FILLED", str(n), n) for n in range(1, STATES_KEPT + 2)]

    assert flags(*life, life[0], life[-2])[STATES_KEPT + 1 :] == [["late"]]


def test_final_orders_leave_when_there_are_too_many() -> None:
    store = a_store()
    store.apply(push(str(n), "FILLED", "10", 1) for n in range(FINAL_KEPT + 1))

    assert statuses_again(store, "1") == []
    assert statuses_again(store, "0") == ["FILLED"]
    assert statuses_again(store, str(FINAL_KEPT)) == []


def test_all_final_orders_leave_that_are_too_old() -> None:
    now_ns = [0]
    store = OrderStore({"toy": VENUE}, {"toy": VenueStats()}, mono_ns=lambda: now_ns[0])
    store.apply([push(order_id, "FILLED", "10", 1) for order_id in "123"])
    now_ns[0] = FINAL_KEPT_NS
    store.apply([push("4", "FILLED", "10", 1)])

    assert [order.order_id for order in store.orders("toy")] == ["4"]


def test_final_orders_leave_after_a_day() -> None:
    now_ns = [0]
    store = OrderStore({"toy": VENUE}, {"toy": VenueStats()}, mono_ns=lambda: now_ns[0])
    store.apply([push("1", "FILLED", "10", 1)])
    now_ns[0] = FINAL_KEPT_NS - 1
    store.apply([push("2", "FILLED", "10", 1)])
    kept = statuses_again(store, "1")
    now_ns[0] = FINAL_KEPT_NS
    store.apply([push("3", "FILLED", "10", 1)])

    assert (kept, statuses_again(store, "1"), statuses_again(store, "2")) == ([], ["FILLED"], [])


def test_final_orders_stay_when_the_wall_clock_jumps() -> None:
    store = a_store()
    store.apply([push("1", "FILLED", "10", 1)])
    store.apply([push("2", "FILLED", "10", 1, received_ns=10 * FINAL_KEPT_NS)])

    assert statuses_again(store, "1") == []


def test_final_orders_of_an_old_recording_stay_when_it_goes_on() -> None:
    written = [decode(numbered(encode(record), 1)) for record in a_store().apply([push("1", "FILLED", "10", 1)])]
    store = a_store()
    store.load(orders(written))
    store.apply([push("2", "FILLED", "10", 1, received_ns=10 * FINAL_KEPT_NS)])

    assert statuses_again(store, "1") == []


def statuses_again(store: OrderStore, order_id: str) -> list[str]:
    return [record.status for record in orders(store.apply([push(order_id, "FILLED", "10", 1)]))]


def test_flood_of_rejects_is_counted_in_the_next_record() -> None:
    store = a_store()
    reject = Reject(venue="toy", reason="bad", data=b"", size=0, missed=False, at_ns=1)

    records = store.apply([reject] * (REJECTS_PER_S + 5))

    assert len(records) == REJECTS_PER_S
    assert store.counts["rejected"] == REJECTS_PER_S + 5


def test_links_and_clocks_pass_through() -> None:
    link = LinkUpdate(venue="toy", conn=1, state="live", at_ns=2)
    jump = ClockJump(jump_ms=5000.0, suspended_ms=0.0, at_ns=2)

    records = a_store().apply([link, jump])

    assert [type(record).__name__ for record in records] == ["LinkRecord", "ClockRecord"]
    assert isinstance(records[0], LinkRecord)
    assert records[0].detail is None


@pytest.mark.parametrize("written", [True, False])
def test_a_heartbeat_is_written_as_the_run_makes_it(written: bool) -> None:
    jump = a_store().apply([ClockJump(jump_ms=5000.0, suspended_ms=0.0, at_ns=2)])
    alive = jump[0] if written else None
    store = OrderStore({"toy": VENUE}, {"toy": VenueStats()}, alive=lambda tick: alive if tick is TICK else None)

    assert store.apply([TICK]) == (jump if written else [])


TICK = HeartbeatTick({"toy": 5})


def test_restored_orders_are_known() -> None:
    life = [push("1", "NEW", "0", 1), push("1", "PARTIALLY_FILLED", "4", 2)]
    written = [decode(numbered(encode(record), 1)) for record in a_store().apply(life)]
    store = a_store()

    store.load(orders(written))

    assert orders(store.apply([*life, row("1", "PARTIALLY_FILLED", "4", 2)])) == []
    assert [order.order_id for order in store.open_orders("toy")] == ["1"]
    assert store.open_orders("toy")[0].status is OrderStatus.PARTIALLY_FILLED


def test_late_records_of_a_recording_are_no_states() -> None:
    written = orders(a_store().apply([push("1", "FILLED", "10", 5), push("1", "NEW", "0", 1)]))
    store = a_store()

    store.load(written)

    assert [record.flags for record in written] == [(), ("late",)]
    assert [order.status for order in store.orders("toy")] == [OrderStatus.FILLED]


def test_gap_left_open_goes_on_with_its_id() -> None:
    store = a_store()

    store.load([], {"toy": "toy-3"})

    assert orders(store.apply([row("1", "NEW", "0", 1)]))[0].gap == "toy-3"


def test_words_of_the_venue_are_redacted() -> None:
    store = OrderStore({"toy": VENUE}, {"toy": VenueStats()}, lambda text: text.replace("canary", "***"))
    link = LinkUpdate(venue="toy", conn=1, state="down", detail="no such key: canary", at_ns=2)
    reject = Reject(venue="toy", reason="canary", data=b"", size=0, missed=False, at_ns=1)

    assert b"canary" not in b"".join(encode(record) for record in store.apply([link, reject]))


def without_versions(**rules: object) -> OrderStore:
    """A store of a venue whose statements do not show their order."""
    venue = dataclasses.replace(VENUE, compare_versions=lambda *_: Recency.EQUAL, **rules)  # type: ignore[arg-type]
    return OrderStore({"toy": venue}, {"toy": VenueStats()})


def priced(price: str, source: str = "push") -> OrderUpdate:
    return push("1", "NEW", "0", 1, price=price, source=source)


def prices(store: OrderStore, *events: list[Arrival | OrderUpdate]) -> list[str | None]:
    return [record.price for batch in events for record in orders(store.apply(batch))]


def test_a_b_a_on_one_connection_is_three_states() -> None:
    store = without_versions()

    seen = prices(store, came(priced("7"), priced("7.5"), priced("7"), priced("7"), at_s=1))

    assert seen == ["7", "7.5", "7"]
    assert store.open_orders("toy")[0].price == "7"


def test_an_old_state_by_another_connection_is_a_repetition() -> None:
    store = without_versions()
    store.apply(came(priced("7"), priced("7.5"), at_s=1))

    assert prices(store, came(priced("7"), priced("7.5"), at_s=2, channel="connection 2")) == []
    assert prices(store, came(priced("7"), at_s=3, channel="connection 2")) == ["7"]


def test_a_late_state_does_not_move_the_places_of_the_others() -> None:
    store = a_store()
    store.apply(came(push("1", "NEW", "0", 1), push("1", "PARTIALLY_FILLED", "4", 3), at_s=1))

    assert [record.flags for record in orders(store.apply(came(push("1", "NEW", "0", 2), at_s=2)))] == [("late",)]
    assert orders(store.apply(came(push("1", "PARTIALLY_FILLED", "4", 3), push("1", "NEW", "0", 2), at_s=3))) == []


@pytest.mark.parametrize(
    ("arrived_s", "asked_s", "old_before_s", "believed"),
    [
        (10.0, 9.9, 0, False),
        (10.0, 10.1, 0, False),
        (10.0, 11.9, 0, False),
        (10.0, 12.0, 0, True),
        (10.0, 10.1, 10.05, True),
        (10.0, 10.1, 10.0, True),
        (10.0, 10.0, 10.05, True),
        (10.0, 10.1, 9.0, False),
        (10.0, 9.9, 10.05, False),
    ],
)
def test_a_row_that_differs_counts_when_requested_the_settling_time_after_the_last_statement(
    arrived_s: float, asked_s: float, old_before_s: float, believed: bool
) -> None:
    store = a_store()
    store.apply(came(push("1", "NEW", "0", 9), at_s=arrived_s))

    records = orders(
        store.apply(answered(row("1", "PARTIALLY_FILLED", "4", 8), asked_s=asked_s, old_before_s=old_before_s))
    )

    expected = [("PARTIALLY_FILLED", ["unordered"], "query")] if believed else []
    assert [(record.status, list(record.flags), record.source) for record in records] == expected


def test_the_settling_time_is_the_venues() -> None:
    store = OrderStore({"toy": dataclasses.replace(VENUE, settle_s=10.0)}, {"toy": VenueStats()})
    store.apply(came(push("1", "NEW", "0", 9), at_s=10))

    assert orders(store.apply(answered(row("1", "SUSPENDED", "0", 9), asked_s=19.9))) == []
    assert len(orders(store.apply(answered(row("1", "SUSPENDED", "0", 9), asked_s=20, number=2)))) == 1


def test_an_unbelieved_row_does_not_put_the_settling_time_off() -> None:
    store = without_versions()
    store.apply(came(priced("7"), at_s=10))

    seen = [prices(store, answered(priced("8", "query"), asked_s=at_s, number=int(at_s))) for at_s in (11, 12, 13)]

    assert seen == [[], ["8"], []]


def test_a_newer_row_counts_whenever_it_was_asked_for() -> None:
    store = a_store()
    store.apply(came(push("1", "NEW", "0", 1), at_s=10))

    assert [r.flags for r in orders(store.apply(answered(row("1", "FILLED", "10", 2), asked_s=9)))] == [()]


def test_a_second_identical_query_adds_nothing() -> None:
    store = without_versions()
    store.apply(came(priced("7"), at_s=1))
    store.apply(answered(priced("8", "query"), asked_s=20))

    assert prices(store, answered(priced("8", "query"), asked_s=50, number=2)) == []


def test_rows_of_a_cache_count_only_when_newer() -> None:
    store = a_store()
    store.apply(came(push("1", "NEW", "0", 2), at_s=1))

    def statuses_of_cache(update: OrderUpdate) -> list[str]:
        return [record.status for record in orders(store.apply(answered(update, asked_s=50, cached=True)))]

    assert statuses_of_cache(row("1", "SUSPENDED", "0", 2)) == []
    assert statuses_of_cache(row("1", "PARTIALLY_FILLED", "4", 3)) == ["PARTIALLY_FILLED"]


def test_within_one_query_the_first_row_of_an_order_decides_and_later_ones_fill_nulls() -> None:
    store = without_versions()
    store.apply(came(priced("7"), at_s=1))
    first, later = priced("8", "query"), push("1", "SUSPENDED", "0", 1, price="9", stop_price="5", source="query")

    records = orders(store.apply(answered(first, later, asked_s=50)))

    assert [(record.status, record.price, record.stop_price, list(record.changed)) for record in records] == [
        ("NEW", "8", None, ["price"]),
        ("NEW", "8", "5", ["stop_price"]),
    ]


@pytest.mark.parametrize("version", [1, 3])
def test_a_later_row_of_another_version_fills_nothing(version: int) -> None:
    store = a_store()
    store.apply(answered(push("1", "NEW", None, 2, source="query"), asked_s=50))

    records = store.apply(answered(row("1", "FILLED", "10", version), asked_s=50))

    assert records == []


def test_a_cached_row_is_not_the_first_row_of_a_query() -> None:
    store = without_versions()
    store.apply(came(priced("7"), at_s=1))
    store.apply(answered(priced("7", "query"), asked_s=50, cached=True))

    assert prices(store, answered(priced("8", "query"), asked_s=50)) == ["8"]


def test_a_row_that_may_be_old_needs_no_settling_time_before_the_next_is_believed() -> None:
    store = without_versions()
    store.apply(answered(priced("7", "query"), asked_s=50, cached=True))

    assert prices(store, answered(priced("8", "query"), asked_s=51)) == ["8"]


def test_a_way_that_repeated_the_known_state_goes_on_from_it() -> None:
    same_ways: list[bool] = []

    def compare(_new: OrderUpdate, _known: OrderUpdate, same_channel: bool) -> Recency:
        same_ways.append(same_channel)
        return Recency.EQUAL

    store = OrderStore({"toy": replace(VENUE, compare_versions=compare)}, {"toy": VenueStats()})
    store.apply(came(priced("7"), at_s=1))
    store.apply(answered(priced("8", "query"), asked_s=50))
    store.apply(came(priced("8"), at_s=51))
    store.apply(came(priced("9"), at_s=52))

    assert same_ways == [False, False, True]


def test_so_does_a_channel_that_repeated_it_though_not_exactly() -> None:
    """The venue's merging keeps the name that is known: so it says nothing new, though it is no exact repeat."""
    merge = VENUE.merge
    keeps_name = replace(VENUE, merge=lambda new, known: merge(msgspec.structs.replace(new, name=known.name), known))
    store = OrderStore({"toy": keeps_name}, {"toy": VenueStats()})
    for channel in ("connection 1", "connection 2"):
        store.apply(came(priced("7"), at_s=1, channel=channel))
    store.apply(came(priced("8"), at_s=2))
    store.apply(came(msgspec.structs.replace(priced("8"), name="Toy"), at_s=3, channel="connection 2"))

    assert prices(store, came(priced("7"), at_s=4, channel="connection 2")) == ["7"]


@pytest.mark.parametrize("changes", [{"updated_ns": 9_000_000}, {"name": "Toy"}, {"extra": ToyExtra(clock="9:00")}])
def test_a_row_with_another_time_or_spelling_does_not_differ(changes: dict[str, object]) -> None:
    store = without_versions()
    store.apply(came(priced("7"), at_s=1))

    assert (
        orders(store.apply(answered(push("1", "NEW", "0", 1, price="7", source="query", **changes), asked_s=50))) == []
    )


def test_a_row_reopens_a_final_order_only_when_a_later_query_repeats_it() -> None:
    store = without_versions()
    store.apply(came(push("1", "CANCELED", "0", 1), at_s=1))
    seen = []
    for number, asked_s in enumerate((20.0, 25.0, 29.9, 30.0), start=1):
        seen += orders(store.apply(answered(row("1", "NEW", "0", 1), asked_s=asked_s, number=number)))

    assert [(record.status, record.flags) for record in seen] == [("NEW", ("unordered", "reopened"))]


def test_two_queries_that_reopen_an_order_differently_confirm_nothing() -> None:
    store = without_versions()
    store.apply(came(push("1", "CANCELED", "0", 1), at_s=1))

    records = [
        *store.apply(answered(row("1", "NEW", "0", 1), asked_s=20)),
        *store.apply(answered(row("1", "SUSPENDED", "0", 1), asked_s=40, number=2)),
    ]

    assert records == []


def test_a_venue_may_forbid_corrections() -> None:
    store = without_versions(correct=lambda _row, _known: Correction.NO)
    store.apply(came(priced("7"), at_s=1))

    assert prices(store, answered(priced("8", "query"), asked_s=50)) == []


def test_a_venue_judges_the_row_itself_and_not_what_merging_makes_of_it() -> None:
    def keep_fills(new: OrderUpdate, known: OrderUpdate) -> OrderUpdate:
        return msgspec.structs.replace(new, filled_qty=known.filled_qty)

    def fewer(row: OrderUpdate, known: OrderUpdate) -> Correction:
        return Correction.NO if int(row.filled_qty or 0) < int(known.filled_qty or 0) else Correction.YES

    store = without_versions(correct=fewer, merge=keep_fills)
    store.apply(came(push("1", "PARTIALLY_FILLED", "5", 1, remaining_qty="5"), at_s=1))

    behind = push("1", "PARTIALLY_FILLED", "3", 1, remaining_qty="7", source="query")

    assert orders(store.apply(answered(behind, asked_s=50))) == []


def test_an_order_is_not_unknown_before_the_settling_time_after_its_last_statement() -> None:
    store = a_store()
    store.apply(came(push("1", "NEW", "0", 1), at_s=10))
    missing = not_found(store.open_orders("toy")[0], "no such order", 5)

    assert orders(store.apply(answered(missing, asked_s=11))) == []
    assert [r.status for r in orders(store.apply(answered(missing, asked_s=12, number=2)))] == ["UNKNOWN"]


def test_states_of_an_earlier_session_are_before_every_question() -> None:
    written = [decode(numbered(encode(record), 1)) for record in a_store().apply([push("1", "NEW", "0", 9)])]
    store = a_store()
    store.load(orders(written))

    [record] = orders(store.apply(answered(row("1", "SUSPENDED", "0", 9), asked_s=0.5)))

    assert (record.status, record.prev_status) == ("SUSPENDED", "NEW")


def test_a_state_decided_by_arrival_alone_is_rechecked() -> None:
    rechecks: list[str] = []
    venue = dataclasses.replace(VENUE, compare_versions=lambda *_: Recency.EQUAL)
    store = OrderStore({"toy": venue}, {"toy": VenueStats()}, recheck=rechecks.append)

    store.apply(came(priced("7"), priced("7"), at_s=1))
    before = list(rechecks)
    store.apply(came(priced("7.5"), at_s=2))
    store.apply(answered(priced("7", "query"), asked_s=3))

    assert (before, rechecks) == ([], ["toy", "toy"])


def test_a_late_record_says_only_what_it_says() -> None:
    store = a_store()
    silent = {"filled_qty": None, "qty": None, "price": None}
    store.apply(came(push("1", "FILLED", "10", 5, price="7", reason="done", remark="mine"), at_s=1))

    [late] = orders(store.apply(came(push("1", "NEW", "0", 1, **silent), at_s=2)))

    assert (late.status, late.filled_qty, late.qty, late.price, late.reason, late.remark) == ("NEW", *[None] * 5)
    assert late.flags == ("late",)


def test_a_late_record_takes_the_rest_from_the_state_before_it() -> None:
    store = a_store()
    store.apply(came(push("1", "NEW", "0", 1, price="7"), push("1", "FILLED", "10", 5, price="9"), at_s=1))

    [late] = orders(store.apply(came(push("1", "PARTIALLY_FILLED", "4", 3, price=None), at_s=2)))

    assert (late.filled_qty, late.price) == ("4", "7")


def test_the_latest_time_of_the_venue_is_known_and_no_time_of_the_future() -> None:
    store = a_store()
    before = store.latest_ns("toy")
    store.apply([push("1", "NEW", "0", 5, received_ns=9), push("2", "NEW", "0", 7, created_ns=2**61, received_ns=9)])

    assert (before, store.latest_ns("toy")) == (None, 5_000_000)


def test_a_reopened_order_stays_however_many_final_ones_follow() -> None:
    store = a_store()
    store.apply([push("1", "FILLED", "10", 1), push("1", "PARTIALLY_FILLED", "5", 2)])
    store.apply([push(f"final {number}", "FILLED", "10", 3) for number in range(FINAL_KEPT + 1)])

    assert [order.order_id for order in store.open_orders("toy")] == ["1"]
    assert store.apply([push("1", "PARTIALLY_FILLED", "5", 2)]) == []


def two_venues() -> OrderStore:
    return OrderStore({"toy": VENUE, "toy2": VENUE}, {"toy": VenueStats(), "toy2": VenueStats()})


def reject(venue: str = "toy") -> Reject:
    return Reject(venue=venue, reason="bad", data=b"", size=0, missed=True, at_ns=0)


def test_rejects_that_were_not_written_are_counted_once() -> None:
    now_ns = [0]
    store = OrderStore({"toy": VENUE}, {"toy": VenueStats()}, mono_ns=lambda: now_ns[0])
    suppressed = []
    for now_ns[0] in (0, SECOND, 2 * SECOND):
        records = store.apply([reject()] * (REJECTS_PER_S + 3))
        suppressed.append([record.suppressed for record in records if isinstance(record, RejectRecord)][:2])

    assert suppressed == [[0, 0], [3, 0], [3, 0]]


def test_rejects_of_one_venue_leave_another_its_own() -> None:
    store = two_venues()
    store.apply([reject("toy2")])
    store.apply([reject("toy")] * (REJECTS_PER_S + 3))

    assert len(store.apply([reject("toy2")] * 5)) == 5


def gap_of(venue: str, number: int, state: str) -> GapUpdate:
    return GapUpdate(
        venue=venue,
        gap=f"{venue}-{number}",
        state="closed" if state == "closed" else "open",
        cause="eof",
        from_ns=1,
        at_ns=2,
        to_ns=2 if state == "closed" else None,
        outcome="recovered" if state == "closed" else None,
    )


def test_each_gap_counts_what_it_recovered_itself() -> None:
    store = two_venues()
    store.apply([gap_of("toy", 1, "open"), gap_of("toy2", 1, "open")])
    store.apply([row("1", "NEW", "0", 1), row("2", "NEW", "0", 1), replace_venue(row("3", "NEW", "0", 1))])
    closed = store.apply([gap_of("toy", 1, "closed"), gap_of("toy2", 1, "closed")])
    closed += store.apply([gap_of("toy", 2, "open"), row("4", "NEW", "0", 1), gap_of("toy", 2, "closed")])

    recovered = [record.recovered for record in closed if isinstance(record, GapRecord) and record.state == "closed"]
    assert recovered == [2, 1, 1]


def replace_venue(update: OrderUpdate) -> OrderUpdate:
    return msgspec.structs.replace(update, venue="toy2")


def test_each_venue_has_its_own_orders_and_counts() -> None:
    stats = {"toy": VenueStats(), "toy2": VenueStats()}
    store = OrderStore({"toy": VENUE, "toy2": VENUE}, stats)
    store.apply([push("1", "NEW", "0", 1), push("2", "NEW", "0", 1), push("3", "FILLED", "10", 1)])
    store.apply([push("1", "NEW", "0", 1)] * 2)
    store.apply([replace_venue(push("1", "FILLED", "10", 1)), reject("toy2"), reject("toy2")])

    assert [order.order_id for order in store.open_orders("toy")] == ["1", "2"]
    assert [order.order_id for order in store.orders("toy")] == ["1", "2", "3"]
    assert [order.order_id for order in store.orders("toy2")] == ["1"]
    assert [(each.updates, each.duplicates, each.rejected, each.open_orders) for each in stats.values()] == [
        (5, 2, 0, 2),
        (1, 0, 2, 0),
    ]
    assert store.counts == {"updates": 6, "written": 4, "duplicates": 2, "rejected": 2}


def test_gaps_are_counted() -> None:
    store = two_venues()
    store.apply([gap_of("toy", 1, "open"), gap_of("toy2", 1, "open"), gap_of("toy2", 1, "closed")])
    before = (store.counts["gaps_opened"], store.counts["gaps_closed"])
    [closed] = store.apply([gap_of("toy", 1, "closed")])

    assert (before, store.counts["gaps_closed"]) == ((2, 1), 2)
    assert isinstance(closed, GapRecord)
    assert closed.limits is None


def test_a_venue_that_is_added_later_is_merged_like_the_others() -> None:
    store, stats = a_store(), VenueStats()
    store.add_venue("toy2", dataclasses.replace(VENUE, compare_versions=lambda *_: Recency.EQUAL), stats)
    first, second = (replace_venue(push("1", "NEW", "0", 5, price=price)) for price in ("7", "8"))
    records = orders(store.apply([first, second]))

    assert [record.flags for record in records] == [(), ("unordered",)]
    assert (stats.updates, store.latest_ns("toy2")) == (2, 5_000_000)


def test_what_of_a_recording_is_of_a_venue_that_is_not_watched_is_left_out() -> None:
    written = orders(two_venues().apply([push("1", "NEW", "0", 1), replace_venue(push("1", "NEW", "0", 1))]))
    store = a_store()

    store.load(written)

    assert [order.venue for order in store.orders("toy")] == ["toy"]


def test_the_latest_time_of_the_venue_is_that_of_a_recording_too() -> None:
    written = orders(a_store().apply([push("1", "NEW", "0", 5)]))
    store = a_store()

    store.load(written)

    assert store.latest_ns("toy") == 5_000_000


def test_the_latest_time_may_be_that_of_creation() -> None:
    store = a_store()
    store.apply([push("1", "NEW", "0", 5, created_ns=7_000_000), push("2", "NEW", "0", 6, updated_ns=None)])
    times = [store.latest_ns("toy")]
    store.apply([push("3", "NEW", "0", 6, created_ns=8_000_000, updated_ns=None)])

    assert [*times, store.latest_ns("toy")] == [7_000_000, 8_000_000]


@pytest.mark.parametrize("source", ["push", "query"])
def test_an_unknown_order_that_is_reported_again_with_its_version_is_in_order(source: str) -> None:
    store = a_store()
    store.apply([push("1", "NEW", "0", 1)])
    store.apply([not_found(store.open_orders("toy")[0], "no such order", 5)])

    [record] = orders(store.apply([push("1", "NEW", "0", 1, source=source)]))

    assert (record.status, record.flags, record.reason) == ("NEW", (), None)


@pytest.mark.parametrize(
    "repeat",
    [push("1", "NEW", "0", 9), push("1", "NEW", "0", 3), push("1", "NEW", "0", 12, updated_ns=9_000_000)],
    ids=["a repeat", "a late state", "a newer version without a change"],
)
def test_every_push_is_a_last_statement_after_which_the_venue_must_settle(repeat: OrderUpdate) -> None:
    store = a_store()
    store.apply(came(push("1", "NEW", "0", 9), at_s=10))
    store.apply(came(repeat, at_s=13))
    suspended = row("1", "SUSPENDED", "0", 9)

    assert orders(store.apply(answered(suspended, asked_s=14))) == []
    assert len(orders(store.apply(answered(suspended, asked_s=15, number=2)))) == 1


def test_so_is_one_that_says_nothing_new_though_it_is_no_exact_repeat() -> None:
    merge = VENUE.merge
    keeps_name = replace(VENUE, merge=lambda new, known: merge(msgspec.structs.replace(new, name=known.name), known))
    store = OrderStore({"toy": keeps_name}, {"toy": VenueStats()})
    store.apply(came(priced("7"), at_s=10))
    store.apply(came(msgspec.structs.replace(priced("7"), name="Toy"), at_s=13))

    assert prices(store, answered(priced("8", "query"), asked_s=14)) == []
    assert prices(store, answered(priced("8", "query"), asked_s=15, number=2)) == ["8"]


def test_states_in_order_bring_no_query_forward() -> None:
    rechecks: list[str] = []
    store = OrderStore({"toy": VENUE}, {"toy": VenueStats()}, recheck=rechecks.append)
    store.apply(came(push("1", "NEW", "0", 1), push("1", "PARTIALLY_FILLED", "4", 2), at_s=1))
    store.apply(answered(row("1", "FILLED", "10", 3), asked_s=1))

    assert rechecks == []


def test_a_final_order_is_open_no_more() -> None:
    stats = VenueStats()
    store = OrderStore({"toy": VENUE}, {"toy": stats})
    store.apply([push("1", "NEW", "0", 1), push("2", "NEW", "0", 1), push("1", "FILLED", "10", 2)])

    assert ([order.order_id for order in store.open_orders("toy")], stats.open_orders) == (["2"], 1)


def test_what_a_row_says_remains_of_a_final_order_is_nothing_new() -> None:
    store = a_store()
    store.apply(came(push("1", "FILLED", "10", 1), at_s=1))

    assert store.apply(answered(push("1", "FILLED", "10", 1, remaining_qty="3", source="query"), asked_s=50)) == []


def test_every_record_has_the_payload_that_reported_it_and_no_state_keeps_it() -> None:
    store = a_store()
    life = [
        push("1", "NEW", "0", 1, raw="first"),
        push("1", "PARTIALLY_FILLED", "4", 3, raw="changed"),
        push("1", "PARTIALLY_FILLED", "2", 2, raw="late"),
    ]
    records = orders(store.apply([*life, push("1", "FILLED", "10", 4, raw="row", source="query")]))

    assert [record.raw for record in records] == ["first", "changed", "late", "row"]
    assert [order.raw for order in store.orders("toy")] == [None]


def test_a_later_row_of_a_query_that_fills_a_field_is_what_was_received_then() -> None:
    store = without_versions()
    store.apply(came(priced("7"), at_s=1))
    later = push("1", "NEW", "0", 1, price="7", stop_price="5", source="query", received_ns=9_000)
    store.apply(answered(priced("7", "query"), asked_s=50))

    [record] = orders(store.apply(answered(later, later, asked_s=50)))

    assert (record.source, record.received_at) == ("query", "1970-01-01T00:00:00.000009Z")


def test_a_late_state_stands_where_its_version_does() -> None:
    store = a_store()
    life = [
        push("1", "NEW", "0", 1, price="7"),
        push("1", "NEW", "0", 4, price="8"),
        push("1", "NEW", "0", 6, price="9"),
    ]
    store.apply(came(*life, at_s=1))

    late = orders(
        store.apply(
            came(
                push("1", "NEW", "0", 2, price=None, remark="second", flags=("guessed",)),
                push("1", "NEW", "0", 5, price=None, remark="fifth"),
                push("1", "NEW", "0", 0, price=None, remark="before all"),
                at_s=2,
            )
        )
    )

    assert [(record.remark, record.price) for record in late] == [("second", "7"), ("fifth", "8"), ("before all", None)]
    assert [list(record.flags) for record in late] == [["guessed", "late"], ["late"], ["late"]]


def test_a_late_state_without_a_time_has_none() -> None:
    store = OrderStore({"toy": dataclasses.replace(VENUE, compare_versions=by_fill)}, {"toy": VenueStats()})
    store.apply([push("1", "PARTIALLY_FILLED", "2", 1), push("1", "PARTIALLY_FILLED", "6", 3)])

    [late] = orders(store.apply([push("1", "PARTIALLY_FILLED", "4", 2, updated_ns=None)]))

    assert (late.filled_qty, late.updated_at) == ("4", None)


def test_an_accepted_row_is_a_last_statement_and_one_from_a_cache_is_none() -> None:
    store = without_versions()
    store.apply(came(priced("7"), at_s=1))

    seen = [
        prices(store, answered(priced(price, "query"), asked_s=at_s, number=int(at_s)))
        for price, at_s in (("8", 50), ("9", 51))
    ]

    assert seen == [["8"], []]


def test_a_final_order_that_a_query_reopens_brings_the_next_query_forward() -> None:
    rechecks: list[str] = []
    venue = dataclasses.replace(VENUE, compare_versions=lambda *_: Recency.EQUAL)
    store = OrderStore({"toy": venue}, {"toy": VenueStats()}, recheck=rechecks.append)
    store.apply(came(push("1", "CANCELED", "0", 1), at_s=1))
    store.apply(answered(row("1", "NEW", "0", 1), asked_s=20))

    assert rechecks == ["toy"]


def test_limits_of_a_gap_are_redacted() -> None:
    store = OrderStore({"toy": VENUE}, {"toy": VenueStats()}, lambda text: text.replace("canary", "***"))
    gap = msgspec.structs.replace(gap_of("toy", 1, "closed"), limits="refused: canary")

    [record] = store.apply([gap])

    assert isinstance(record, GapRecord)
    assert (record.limits, record.recovered) == ("refused: ***", 0)


def test_a_doubt_ends_with_the_state_it_was_about() -> None:
    store = a_store()
    reopened = row("1", "PARTIALLY_FILLED", "5", 1)
    store.apply(came(push("1", "FILLED", "10", 1), at_s=10))
    store.apply(answered(reopened, asked_s=20, number=1))
    store.apply(came(push("1", "CANCELED", "10", 1), at_s=21))

    assert store.apply(answered(reopened, asked_s=40, number=2)) == []
    assert store.apply(answered(reopened, asked_s=60, number=3)) != []
