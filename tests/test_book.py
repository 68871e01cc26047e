import dataclasses
import itertools
from dataclasses import replace

import msgspec
import pytest

from ordwatch.book import FINAL_KEPT, REJECTS_PER_S, STATES_KEPT, Book
from ordwatch.model import Age, ClockJump, GapUpdate, LinkUpdate, OrderStatus, OrderUpdate, Reject, Vitals
from ordwatch.records import AnyRecord, GapRecord, OrderRecord, decode, encode, numbered
from ordwatch.venues.contract import AnyVenue
from ordwatch.venues.merging import gone
from tests.support.toy import TOY, toy_update

VENUE: AnyVenue = TOY  # type: ignore[assignment]  # the registry erases the settings' type as well


def push(order_id: str, status: str, filled: str, version: int, **changes: object) -> OrderUpdate:
    return msgspec.structs.replace(toy_update("toy", order_id, status, filled, str(version), now_ns=version), **changes)


def row(order_id: str, status: str, filled: str, version: int) -> OrderUpdate:
    return push(order_id, status, filled, version, source="query")


def a_book() -> Book:
    return Book({"toy": VENUE}, {"toy": Vitals()})


def orders(records: list[AnyRecord]) -> list[OrderRecord]:
    return [record for record in records if isinstance(record, OrderRecord)]


def statuses(*updates: OrderUpdate) -> list[str]:
    return [record.status for record in orders(a_book().apply(updates))]


def flags(*updates: OrderUpdate) -> list[list[str]]:
    return [record.flags for record in orders(a_book().apply(updates))]


def test_first_sight_has_no_previous_status_and_no_changes() -> None:
    [record] = orders(a_book().apply([push("1", "NEW", "0", 1)]))

    assert (record.prev_status, record.changed) == (None, [])


def test_every_state_is_written() -> None:
    assert statuses(push("1", "NEW", "0", 1), push("1", "PARTIALLY_FILLED", "4", 2), push("1", "FILLED", "10", 3)) == [
        "NEW",
        "PARTIALLY_FILLED",
        "FILLED",
    ]


def test_changed_names_the_keys_that_differ() -> None:
    _, record = orders(a_book().apply([push("1", "NEW", "0", 1), push("1", "FILLED", "10", 2)]))

    assert record.changed == ["status", "venue_status", "final", "filled_qty", "remaining_qty", "updated_at"]
    assert record.prev_status == "NEW"


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_repeated_pushes_are_counted_not_written(copies: int) -> None:
    book = a_book()

    book.apply([push("1", "NEW", "0", 1)] * copies)

    assert book.counts["written"] == 1
    assert book.counts["duplicates"] == copies - 1


def test_a_newer_statement_without_a_change_is_a_duplicate() -> None:
    book = Book({"toy": replace(VENUE, age=lambda _new, _known: Age.NEWER)}, {"toy": Vitals()})

    book.apply([push("1", "NEW", "0", 1)] * 2)

    assert (book.counts["written"], book.counts["duplicates"]) == (1, 1)


def test_older_push_never_seen_is_late_and_changes_nothing() -> None:
    book = a_book()

    records = orders(book.apply([push("1", "FILLED", "10", 5), push("1", "NEW", "0", 1), push("1", "FILLED", "10", 5)]))

    assert [(record.status, record.flags) for record in records] == [("FILLED", []), ("NEW", ["late"])]
    assert book.open_orders("toy") == []


def test_late_push_seen_again_is_a_duplicate() -> None:
    assert flags(push("1", "FILLED", "10", 5), push("1", "NEW", "0", 1), push("1", "NEW", "0", 1)) == [[], ["late"]]


def test_late_record_shows_its_own_time() -> None:
    _, late = orders(a_book().apply([push("1", "FILLED", "10", 5), push("1", "NEW", "0", 1)]))

    assert late.updated_at == "1970-01-01T00:00:00.001000Z"


def test_older_push_seen_before_is_a_duplicate() -> None:
    assert statuses(push("1", "NEW", "0", 1), push("1", "FILLED", "10", 2), push("1", "NEW", "0", 1)) == [
        "NEW",
        "FILLED",
    ]


def test_equal_version_that_differs_is_unordered_and_arrival_decides() -> None:
    book = a_book()

    records = orders(book.apply([push("1", "NEW", "0", 1), push("1", "NEW", "0", 1, price="5")]))

    assert records[-1].flags == ["unordered"]
    assert book.open_orders("toy")[0].price == "5"


@pytest.mark.parametrize("version", [1, 2])
def test_query_row_that_is_not_newer_is_counted(version: int) -> None:
    assert statuses(push("1", "PARTIALLY_FILLED", "4", 2), row("1", "NEW", "0", version)) == ["PARTIALLY_FILLED"]


def by_fill(new: OrderUpdate, known: OrderUpdate) -> Age:
    """A venue whose times do not order its statements."""
    told, before = int(new.filled_qty or 0), int(known.filled_qty or 0)
    return Age.EQUAL if told == before else Age.NEWER if told > before else Age.OLDER


def test_repetition_is_known_where_times_went_back() -> None:
    book = Book({"toy": dataclasses.replace(VENUE, age=by_fill)}, {"toy": Vitals()})
    told_later = push("1", "PARTIALLY_FILLED", "4", 5)

    book.apply([push("1", "PARTIALLY_FILLED", "2", 9), told_later, push("1", "FILLED", "10", 12)])

    assert book.apply([told_later]) == []


def test_query_row_that_is_newer_is_written_as_such() -> None:
    _, record = orders(a_book().apply([push("1", "NEW", "0", 1), row("1", "FILLED", "10", 2)]))

    assert (record.source, record.status, record.gap) == ("query", "FILLED", None)


def test_recovered_row_bears_the_gap_and_is_counted_in_it() -> None:
    gap = GapUpdate(venue="toy", gap="toy-1", state="open", cause="eof", from_ns=1, at_ns=2)
    closed = msgspec.structs.replace(gap, state="closed", to_ns=3, outcome="recovered")

    records = a_book().apply(
        [gap, row("1", "FILLED", "10", 2), push("2", "NEW", "0", 1), closed, row("3", "NEW", "0", 1)]
    )

    assert [record.gap for record in orders(records)] == ["toy-1", None, None]
    assert [record.recovered for record in records if isinstance(record, GapRecord)] == [None, 1]


def in_a_gap(*updates: OrderUpdate) -> list[OrderRecord]:
    gap = GapUpdate(venue="toy", gap="toy-1", state="open", cause="eof", from_ns=1, at_ns=2)
    book = a_book()
    book.apply([push("1", "NEW", "0", 1, price="480")])
    return orders(book.apply([gap, *updates]))


def test_change_within_the_same_second_is_recovered_in_a_gap() -> None:
    [record] = in_a_gap(push("1", "NEW", "0", 1, price="482", source="query"))

    assert (record.price, record.gap, record.changed, record.flags) == ("482", "toy-1", ["price"], ["unordered"])


def test_row_that_repeats_what_was_known_recovers_nothing() -> None:
    changed = push("1", "NEW", "0", 1, price="482")

    assert in_a_gap(changed, push("1", "NEW", "0", 1, price="480", source="query"))[1:] == []


def test_row_that_only_adds_to_what_is_known_recovers_nothing() -> None:
    assert in_a_gap(push("1", "NEW", "0", 1, price="480", stop_price="470", source="query")) == []


def test_what_a_statement_does_not_tell_is_kept() -> None:
    book = a_book()

    book.apply([push("1", "NEW", "0", 1, client_order_id="mine"), push("1", "FILLED", "10", 2, symbol=None)])
    [record] = orders(book.apply([push("1", "FILLED", "10", 3)]))

    assert (record.client_order_id, record.symbol) == ("mine", "TOY")


def test_reopened_order_says_so() -> None:
    assert flags(push("1", "CANCELED", "0", 1), push("1", "NEW", "0", 2)) == [[], ["reopened"]]


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
    book = a_book()
    book.apply(updates)
    [record] = orders(book.apply([push("1", "FILLED", "10", 4)]))
    return str(record.prev_status), record.filled_qty


def test_order_the_venue_does_not_know_is_unknown_once() -> None:
    book = a_book()
    book.apply([push("1", "NEW", "0", 1)])
    [known] = book.open_orders("toy")
    lost = gone(known, "no such order", 5)

    records = orders(book.apply([lost, lost]))

    assert [(record.status, record.reason) for record in records] == [("UNKNOWN", "no such order")]


def test_unknown_order_that_shows_again_is_written() -> None:
    book = a_book()
    book.apply([push("1", "NEW", "0", 1)])
    book.apply([gone(book.open_orders("toy")[0], "no such order", 5)])

    [record] = orders(book.apply([row("1", "NEW", "0", 1)]))

    assert (record.status, record.prev_status) == ("NEW", "UNKNOWN")


def test_final_order_is_never_made_unknown() -> None:
    book = a_book()
    book.apply([push("1", "NEW", "0", 1)])
    [known] = book.open_orders("toy")

    assert orders(book.apply([push("1", "FILLED", "10", 2), gone(known, "no such order", 5)]))[1:] == []


def test_more_states_than_are_kept_forget_the_oldest() -> None:
    life = [push("1", "PARTIALLY_FILLED", str(n), n) for n in range(1, STATES_KEPT + 2)]

    assert flags(*life, life[0], life[-2])[STATES_KEPT + 1 :] == [["late"]]


def test_final_orders_leave_when_there_are_too_many() -> None:
    book = a_book()
    book.apply(push(str(n), "FILLED", "10", 1) for n in range(FINAL_KEPT + 1))

    assert statuses_again(book, "0") == ["FILLED"]
    assert statuses_again(book, str(FINAL_KEPT)) == []


def statuses_again(book: Book, order_id: str) -> list[str]:
    return [record.status for record in orders(book.apply([push(order_id, "FILLED", "10", 1)]))]


def test_flood_of_rejects_is_counted_in_the_next_record() -> None:
    book = a_book()
    reject = Reject(venue="toy", reason="bad", data=b"", size=0, lost=False, at_ns=1)

    records = book.apply([reject] * (REJECTS_PER_S + 5))

    assert len(records) == REJECTS_PER_S
    assert book.counts["rejected"] == REJECTS_PER_S + 5


def test_links_and_clocks_pass_through() -> None:
    link = LinkUpdate(venue="toy", conn=1, state="live", at_ns=2)
    jump = ClockJump(jump_ms=5000.0, suspended_ms=0.0, at_ns=2)

    assert [type(record).__name__ for record in a_book().apply([link, jump])] == ["LinkRecord", "ClockRecord"]


def test_restored_orders_are_known() -> None:
    life = [push("1", "NEW", "0", 1), push("1", "PARTIALLY_FILLED", "4", 2)]
    written = [decode(numbered(encode(record), 1)) for record in a_book().apply(life)]
    book = a_book()

    book.restore(orders(written))

    assert orders(book.apply([*life, row("1", "PARTIALLY_FILLED", "4", 2)])) == []
    assert [order.order_id for order in book.open_orders("toy")] == ["1"]
    assert book.open_orders("toy")[0].status is OrderStatus.PARTIALLY_FILLED


def test_gap_left_open_goes_on_with_its_id() -> None:
    book = a_book()

    book.restore([], {"toy": "toy-3"})

    assert orders(book.apply([row("1", "NEW", "0", 1)]))[0].gap == "toy-3"


def test_words_of_the_venue_are_redacted() -> None:
    book = Book({"toy": VENUE}, {"toy": Vitals()}, lambda text: text.replace("canary", "***"))
    link = LinkUpdate(venue="toy", conn=1, state="down", detail="no such key: canary", at_ns=2)
    reject = Reject(venue="toy", reason="canary", data=b"", size=0, lost=False, at_ns=1)

    assert b"canary" not in b"".join(encode(record) for record in book.apply([link, reject]))
