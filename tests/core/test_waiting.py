"""How a wait ends, as tables: what is known, and what that means."""

from collections.abc import Sequence

import msgspec
import pytest

from ordwatch.core.events import OrderStatus
from ordwatch.core.order_ids import OrderName
from ordwatch.core.records import AnyRecord, OrderRecord
from ordwatch.core.waiting import OrderWait, WaitResult
from tests.recording.samples import alive, at, end, gap_closed, gap_opened, link, order, start

ALPHA_LIVE: list[AnyRecord] = [start(), link("live", 1)]
BOTH: list[AnyRecord] = [start(0, "alpha", "beta"), link("live", 1)]
BOTH_LIVE: list[AnyRecord] = [*BOTH, link("live", 1, venue="beta")]
OPEN = order("123", second=2)
FILLED = order("123", second=5, status=OrderStatus.FILLED)
CANCELED = order("123", second=5, status=OrderStatus.CANCELED)
PARTLY = order("123", second=4, status=OrderStatus.PARTIALLY_FILLED)
LATE = order("123", second=6, status=OrderStatus.PARTIALLY_FILLED, flags=("late",))


def waiting(
    *records: AnyRecord, name: str = "123", venues: Sequence[str] = (), statuses: Sequence[OrderStatus] = ()
) -> OrderWait:
    """A wait that has taken these records."""
    wait = OrderWait(OrderName(name), venues, statuses)
    for record in records:
        wait.record(record)
    return wait


def code(ending: WaitResult | None) -> int | None:
    return None if ending is None else ending.exit_code


@pytest.mark.parametrize(
    ("records", "statuses", "expected"),
    [
        ([FILLED], [], 0),
        ([CANCELED], [], 0),
        ([OPEN], [], None),
        ([OPEN, FILLED], [OrderStatus.FILLED], 0),
        ([OPEN, CANCELED], [OrderStatus.FILLED], 4),
        ([OPEN, CANCELED], [OrderStatus.FILLED, OrderStatus.CANCELED], 0),
        ([OPEN, PARTLY], [OrderStatus.PARTIALLY_FILLED], 0),
        ([OPEN, PARTLY, FILLED], [OrderStatus.PARTIALLY_FILLED], 0),
        ([OPEN, FILLED], [OrderStatus.PARTIALLY_FILLED], 4),
        ([FILLED, LATE], [OrderStatus.PARTIALLY_FILLED], 0),
        ([OPEN], [OrderStatus.NEW], 0),
    ],
)
def test_the_status_decides(records: list[AnyRecord], statuses: list[OrderStatus], expected: int | None) -> None:
    assert code(waiting(*ALPHA_LIVE, *records, statuses=statuses).ending(waited=False)) == expected


def test_the_record_that_decided_is_given_and_not_what_came_after_it() -> None:
    wait = waiting(*ALPHA_LIVE, OPEN, PARTLY, FILLED, statuses=[OrderStatus.PARTIALLY_FILLED])

    assert wait.ending(waited=False) == WaitResult(0, PARTLY)


def test_a_late_record_is_not_the_last_known_state() -> None:
    ending = waiting(*ALPHA_LIVE, OPEN, LATE).ending(waited=True, timed_out=True)

    assert ending is not None
    assert ending.order == OPEN


COVERED: list[AnyRecord] = [*ALPHA_LIVE, OPEN]
GAP = gap_opened(3)
PARTIAL_AGAIN: list[AnyRecord] = [gap_closed(7, 9, partial="two"), link("live", 9)]
PARTIAL_LATE: list[AnyRecord] = [gap_opened(7), gap_closed(7, 9, partial="late"), link("live", 9)]


@pytest.mark.parametrize(
    ("records", "expected", "reason"),
    [
        (COVERED, 124, "timed out"),
        ([*COVERED, GAP, link("down", 4)], 3, f"alpha has not been seen since {at(3)}"),
        ([*COVERED, GAP, gap_closed(3, 5), link("live", 5)], 124, "timed out"),
        ([*COVERED, GAP, gap_closed(3, 5, partial="page 2 failed"), link("live", 5)], 3, "page 2 failed"),
        ([*COVERED, link("stale", 4)], 3, "alpha is stale"),
        ([*COVERED, link("stale", 4), link("live", 5)], 124, "timed out"),
        ([start(), link("connecting", 1), OPEN], 3, "alpha never was live"),
        ([start(), link("connecting", 1)], 3, "alpha never was live"),
        ([start(), msgspec.structs.replace(link("live", 1), detail="without account 7"), OPEN], 3, "account 7"),
        ([*COVERED, end(4)], 3, "alpha is not watched any more"),
        ([*COVERED, end(4), start(9), link("connecting", 9)], 3, "alpha is connecting"),
        ([], 3, "no venue is watched"),
        (ALPHA_LIVE, 124, "timed out"),
        (
            [*COVERED, GAP, gap_closed(3, 5, partial="one"), link("live", 5), gap_opened(7), *PARTIAL_AGAIN],
            3,
            f"from {at(3)} to {at(5)} (eof; one)",
        ),
        (
            [
                *ALPHA_LIVE,
                gap_opened(1.2),
                gap_closed(1.2, 1.5, partial="early"),
                link("live", 1.5),
                OPEN,
                *PARTIAL_LATE,
            ],
            3,
            f"from {at(7)} to {at(9)} (eof; late)",
        ),
    ],
)
def test_a_time_out_is_certain_only_if_the_venue_was_seen(records: list[AnyRecord], expected: int, reason: str) -> None:
    ending = waiting(*records).ending(waited=False, timed_out=True)

    assert ending is not None
    assert ending.exit_code == expected
    assert reason in (ending.message or "")


def test_what_was_not_seen_before_the_order_was_known_does_not_matter() -> None:
    records = [*ALPHA_LIVE, GAP, gap_closed(3, 5, partial="page 2 failed"), link("live", 5), order("123", second=6)]

    assert code(waiting(*records).ending(waited=False, timed_out=True)) == 124


def test_a_gap_of_another_venue_does_not_matter_once_the_order_is_found() -> None:
    wait = waiting(*BOTH_LIVE, order("123", venue="beta"), GAP)

    assert code(wait.ending(waited=False, timed_out=True)) == 124


def test_a_gap_of_any_venue_matters_while_the_order_is_not_found() -> None:
    assert code(waiting(*BOTH_LIVE, GAP).ending(waited=False, timed_out=True)) == 3


def test_a_recording_that_does_not_grow_proves_nothing() -> None:
    ending = waiting(*COVERED).ending(waited=True, timed_out=True, in_sight=False)

    assert ending is not None
    assert (ending.exit_code, ending.order) == (3, OPEN)


@pytest.mark.parametrize(
    ("records", "waited", "expected"),
    [
        (ALPHA_LIVE, False, None),
        (ALPHA_LIVE, True, 66),
        ([*ALPHA_LIVE, order("124")], True, 66),
        ([*ALPHA_LIVE, order("0123")], True, None),
        (BOTH, True, None),
        (BOTH_LIVE, True, 66),
        ([*BOTH_LIVE, link("down", 4)], True, None),
        ([start()], True, None),
        ([], True, None),
        ([*ALPHA_LIVE, end(4)], True, 66),
        ([start(), end(4)], True, 66),
    ],
)
def test_an_order_does_not_exist_when_every_venue_is_live_and_none_knows_it(
    records: list[AnyRecord], waited: bool, expected: int | None
) -> None:
    assert code(waiting(*records).ending(waited=waited)) == expected


def test_nothing_is_printed_of_an_order_that_does_not_exist() -> None:
    ending = waiting(*ALPHA_LIVE).ending(waited=True)

    assert ending == WaitResult(66, None, "no order 123")


HERE = order("9123", second=2)
THERE = order("8123", second=2, venue="beta", status=OrderStatus.FILLED)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([*BOTH_LIVE, HERE, THERE], 2),
        ([*BOTH_LIVE, order("123"), order("123", venue="beta")], 2),
        ([*BOTH_LIVE, order("123"), THERE], None),
        ([*BOTH_LIVE, msgspec.structs.replace(HERE, client_order_id="123"), THERE], None),
        ([*BOTH, HERE], None),
        ([*BOTH, order("9123", status=OrderStatus.FILLED)], None),
        ([*BOTH, FILLED], None),
        ([*BOTH_LIVE, order("9123", status=OrderStatus.FILLED)], 0),
    ],
)
def test_it_must_be_certain_which_order_is_meant(records: list[AnyRecord], expected: int | None) -> None:
    assert code(waiting(*records).ending(waited=False)) == expected


@pytest.mark.parametrize("other", [{"account": "7"}, {"environment": "paper"}], ids=["account", "environment"])
def test_orders_of_two_accounts_with_one_id_are_two(other: dict[str, str]) -> None:
    wait = waiting(*ALPHA_LIVE, order("123"), msgspec.structs.replace(order("123"), **other))

    assert code(wait.ending(waited=False)) == 2


@pytest.mark.parametrize("known", [False, True], ids=["not before", "before, and no more"])
def test_an_order_whose_whole_id_was_named_at_any_time_is_meant(known: bool) -> None:
    named = msgspec.structs.replace(order("9123", second=3), client_order_id="123")
    first, second = (named, order("9123", second=4)) if known else (order("9123", second=3), named)
    wait = waiting(*BOTH, THERE, first, second)

    assert code(wait.ending(waited=True)) is None
    wait.record(order("9123", second=5, status=OrderStatus.FILLED))
    assert code(wait.ending(waited=True)) == 0


def test_a_message_names_every_id_and_an_order_without_a_symbol() -> None:
    first = msgspec.structs.replace(order("9123"), order_id_ext="ext", client_order_id="mine", symbol="")
    ending = waiting(*ALPHA_LIVE, first, order("8123")).ending(waited=False)

    assert ending is not None
    assert ending.message == "123: several orders: alpha - NEW 9123 = ext = mine; alpha AAA-BBB NEW 8123"


def test_several_orders_are_listed() -> None:
    ending = waiting(*BOTH_LIVE, HERE, THERE).ending(waited=False)

    assert ending is not None
    assert (ending.order, ending.message) == (
        None,
        "123: several orders: alpha AAA-BBB NEW 9123; beta AAA-BBB FILLED 8123",
    )


def test_a_long_list_of_orders_is_cut() -> None:
    orders = [order(f"{number}123") for number in range(1, 31)]

    ending = waiting(*ALPHA_LIVE, *orders).ending(waited=False)

    assert ending is not None
    assert (ending.message or "").endswith("; and 10 more")


def test_a_whole_id_needs_no_answer_of_a_venue_that_is_away_for_long() -> None:
    assert code(waiting(*BOTH, FILLED).ending(waited=True)) == 0


def test_nor_when_time_is_up() -> None:
    assert code(waiting(*BOTH, FILLED).ending(waited=False, timed_out=True)) == 0


def test_an_order_that_ended_otherwise_is_given() -> None:
    wait = waiting(*ALPHA_LIVE, OPEN, CANCELED, statuses=[OrderStatus.FILLED])

    assert wait.ending(waited=False) == WaitResult(4, CANCELED)


def test_the_first_status_that_is_waited_for_decides() -> None:
    statuses = [OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED]

    assert waiting(*ALPHA_LIVE, OPEN, PARTLY, FILLED, statuses=statuses).ending(waited=False) == WaitResult(0, PARTLY)


def test_nobody_must_answer_for_an_order_that_was_found_or_for_none() -> None:
    found = waiting(*ALPHA_LIVE, OPEN)
    found.ending(waited=False)
    for record in (end(4), start(5, "alpha", "beta")):
        found.record(record)

    assert (found.undecided(), waiting(*BOTH).undecided()) == ([], [])
    found.record(order("123", second=6, status=OrderStatus.FILLED))
    assert code(found.ending(waited=False)) == 0


def test_venues_that_are_asked_may_be_others_than_those_of_the_stream() -> None:
    wait = waiting(*BOTH_LIVE, FILLED, venues=["alpha"])
    elsewhere = waiting(*BOTH_LIVE, venues=["gamma"]).ending(waited=False, timed_out=True)

    assert (wait.asked, code(wait.ending(waited=False))) == (["alpha"], 0)
    assert elsewhere is not None
    assert (elsewhere.exit_code, "gamma never was live" in (elsewhere.message or "")) == (3, True)


def test_an_end_of_an_id_does() -> None:
    wait = waiting(*BOTH, order("9123", status=OrderStatus.FILLED))

    assert wait.ending(waited=True) is None
    assert wait.undecided() == ["beta"]
    assert code(wait.ending(waited=True, timed_out=True)) == 3


def test_once_found_it_stays_the_order_that_is_meant() -> None:
    wait = waiting(*ALPHA_LIVE, order("9123"))
    assert wait.ending(waited=False) is None

    for record in (order("7123", status=OrderStatus.FILLED), order("9123", status=OrderStatus.CANCELED)):
        wait.record(record)

    ending = wait.ending(waited=False)
    assert ending is not None
    assert isinstance(ending.order, OrderRecord)
    assert (ending.exit_code, ending.order.order_id) == (0, "9123")


def test_only_venues_that_are_asked_count() -> None:
    wait = waiting(*BOTH_LIVE, order("123", venue="beta", status=OrderStatus.FILLED), venues=["alpha"])

    assert code(wait.ending(waited=True)) == 66


def test_another_session_without_the_venue_does_not_see_the_order() -> None:
    wait = waiting(*COVERED, alive(3), end(4), start(5, "beta"), link("live", 6, venue="beta"), venues=["alpha"])

    ending = wait.ending(waited=True, timed_out=True)

    assert ending is not None
    assert (ending.exit_code, ending.message) == (
        3,
        "it is not known what became of 123: alpha is not watched any more",
    )
