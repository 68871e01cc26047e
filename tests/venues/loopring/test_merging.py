from itertools import permutations

import msgspec
import pytest

from ordwatch.core.events import OrderStatus, OrderUpdate, Recency
from ordwatch.core.merging import Correction, not_found
from ordwatch.venues.loopring.merging import compare_versions, correct, merge
from ordwatch.venues.loopring.messages import order_data
from ordwatch.venues.loopring.orders import Origin, queried_order
from tests.support.cases import case
from tests.venues.loopring.joined import ORIGIN, START_NS, order, push, read, session

T = 1584717910000
ONE = 10**18


def row(**fields: object) -> OrderUpdate:
    """A REST row of v2 about the same order as `push`."""
    texts = {key: value if isinstance(value, str) else str(value) for key, value in order(**fields).items()}
    return queried_order(order_data(texts), ORIGIN, START_NS + 5)


def known(**fields: object) -> OrderUpdate:
    return read(push(T, **fields))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"status": "waiting"}, {"status": "processing"}, "newer"),
        ({"status": "processing"}, {"status": "waiting"}, "older"),
        ({"status": "processing"}, {"status": "processing"}, "equal"),
        ({"status": "processing"}, {"status": "PROCESSING"}, "equal"),
        ({"status": "processing"}, {"status": "processing", "filledFee": "7"}, "equal"),
        ({"filledSize": "1"}, {"filledSize": "2"}, "newer"),
        ({"filledSize": "2"}, {"filledSize": "1"}, "older"),
        ({"filledSize": "9"}, {"filledSize": "10"}, "newer"),
        ({"filledSize": "2"}, {"filledSize": ...}, "equal"),
        ({"filledSize": "2"}, {"filledSize": ..., "status": "cancelling"}, "newer"),
        ({"filledSize": "2"}, {"filledSize": "1", "status": "cancelled"}, "older"),
        ({"status": "cancelling"}, {"status": "cancelling", "filledSize": "1"}, "newer"),
        ({"status": "cancelling"}, {"status": "processing", "filledSize": "1"}, "newer"),
        ({"status": "cancelling"}, {"status": "processed", "filledSize": "1"}, "newer"),
        ({"status": "cancelled"}, {"status": "processing", "filledSize": "1"}, "older"),
        ({"status": "cancelled"}, {"status": "frozen"}, "older"),
        ({"status": "cancelled"}, {"status": "cancelled"}, "equal"),
        ({"status": "cancelled"}, {"status": "expired"}, "older"),
        ({"status": "cancelled"}, {"status": "processed", "filledSize": "1"}, "newer"),
        ({"status": "processing"}, {"status": "frozen"}, "newer"),
        ({"status": "frozen"}, {"status": "frozen"}, "equal"),
        ({"status": "frozen"}, {"status": "waiting"}, "newer"),
        ({"status": "frozen", "filledSize": "2"}, {"status": "waiting", "filledSize": "1"}, "older"),
        ({"updateAt": T - 9}, {"updateAt": T - 8, "filledSize": "0", "status": "waiting"}, "newer"),
        ({"updateAt": T - 8}, {"updateAt": T - 9, "filledSize": "1"}, "older"),
        ({"updateAt": T - 9}, {"updateAt": T - 9, "filledSize": "1"}, "newer"),
        ({"updateAt": T - 9}, {"filledSize": "1"}, "newer"),
        ({"updateAt": T - 9, "status": "expired"}, {"updateAt": T - 8, "status": "processing"}, "older"),
        ({"updateAt": T - 9, "status": "expired"}, {"updateAt": T - 8, "status": "cancelled"}, "newer"),
    ],
)
def test_a_push_at_the_same_time_is(old: dict[str, object], new: dict[str, object], expected: str) -> None:
    assert compare_versions(read(push(T, **new)), known(**old)) is Recency(expected)


@pytest.mark.parametrize(
    ("ts", "expected"), [(T + 1, Recency.NEWER), (T, Recency.EQUAL), (T - 1, Recency.OLDER), (..., Recency.OLDER)]
)
def test_only_a_later_push_takes_a_cancellation_back(ts: object, expected: Recency) -> None:
    late = read(push(None if ts is ... else ts, status="processing"))

    assert compare_versions(late, known(status="cancelling")) is expected


def test_arrival_decides_where_a_row_without_time_reported_the_cancellation() -> None:
    queried = row(status="cancelling")

    assert compare_versions(read(push(T + 1, status="processing")), queried) is Recency.EQUAL
    assert compare_versions(row(status="processing"), queried) is Recency.OLDER


def test_a_row_that_may_be_behind_does_not_by_itself_cancel_again_what_a_push_took_back() -> None:
    assert compare_versions(row(status="cancelling"), known(status="processing")) is Recency.EQUAL
    assert compare_versions(row(status="cancelling"), row(status="processing")) is Recency.NEWER
    assert compare_versions(row(status="cancelling", filledSize="5"), known(filledSize="1")) is Recency.NEWER
    assert correct(row(status="cancelling"), known(status="processing")) is Correction.YES


def test_a_later_push_takes_nothing_else_back() -> None:
    assert compare_versions(read(push(T + 1, status="waiting")), known(status="cancelling")) is Recency.OLDER


def test_a_rest_row_never_takes_a_cancellation_back() -> None:
    assert compare_versions(row(status="processing"), known(status="cancelling")) is Recency.OLDER


def test_a_rest_row_that_says_the_same_is_no_news() -> None:
    assert compare_versions(row(), known()) is Recency.EQUAL


def test_a_rest_row_that_knows_more_is_newer() -> None:
    assert compare_versions(row(status="processed", filledSize="9"), known()) is Recency.NEWER


def test_an_absent_fill_is_unchanged_and_the_status_follows_it() -> None:
    merged = merge(read(push(T + 1, filledSize=...)), known(filledSize=str(ONE), filledVolume="4000000000000"))

    assert (merged.status, merged.filled_qty, merged.remaining_qty) == (OrderStatus.PARTIALLY_FILLED, "1", "4")


def test_a_failure_after_fills_is_a_cancellation_though_it_does_not_report_them() -> None:
    merged = merge(read(push(filledSize=..., status="failed")), known(filledSize=str(ONE)))

    assert (merged.status, merged.remaining_qty) == (OrderStatus.CANCELED, "0")


def test_a_kept_average_stays_marked_as_derived() -> None:
    merged = merge(read(push(filledSize=...)), known(filledSize=str(ONE), filledVolume="4000000000000"))

    assert (merged.avg_price, merged.flags) == ("0.000004", ("derived:avg_price",))


def test_a_rest_row_keeps_the_times_of_the_push() -> None:
    merged = merge(row(createdAt=..., status="processed", filledSize="1"), known())

    assert (merged.created_ns, merged.updated_ns) == (T * 10**6, T * 10**6)


def test_amounts_that_cannot_be_scaled_any_more_are_unknown_not_old() -> None:
    unscaled = session(origin=Origin("loopring", "10005", {}))
    merged = merge(read(push(filledSize=str(2 * ONE)), unscaled), known(filledSize=str(ONE)))

    assert (merged.qty, merged.filled_qty, merged.remaining_qty) == ("5", None, None)


@pytest.mark.parametrize("again", [push(T + 60_000), push(T + 60_000, filledSize=...)], ids=["whole", "without fill"])
def test_a_state_sent_again_later_changes_nothing(again: bytes) -> None:
    before = known()
    merged = merge(read(again), before)

    assert msgspec.structs.replace(merged, flags=()) == before


def test_the_time_of_a_state_that_a_query_reported_first_is_taken_from_its_push() -> None:
    before = merge(row(filledSize="1"), known())

    assert merge(read(push(T + 9, filledSize="1")), before).updated_ns == (T + 9) * 10**6


def test_a_push_reports_the_times_of_an_order_that_a_query_reported_first() -> None:
    merged = merge(read(push(T + 9)), row(createdAt=...))

    assert (merged.created_ns, merged.updated_ns) == (T * 10**6, (T + 9) * 10**6)


def test_a_state_sent_again_with_its_update_time_changes_nothing() -> None:
    before = known(updateAt=T - 9)

    assert merge(read(push(T + 60_000, updateAt=T - 9)), before) == before


def test_a_state_sent_again_changes_nothing_where_it_first_came_at_its_update_time() -> None:
    before = known(updateAt=T)

    assert merge(read(push(T + 60_000, updateAt=T)), before) == before


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "processing"}, Correction.YES),
        ({"status": "waiting"}, Correction.YES),
        ({"status": "processing", "filledSize": "0"}, Correction.NO),
    ],
)
def test_a_row_after_the_settling_time_takes_a_cancellation_back_but_no_fill(
    fields: dict[str, object], expected: Correction
) -> None:
    assert correct(row(**{"filledSize": "5", **fields}), known(status="cancelling", filledSize="5")) is expected


def test_a_row_after_the_settling_time_takes_nothing_else_back() -> None:
    assert correct(row(status="waiting"), known(status="processing")) is Correction.NO
    assert correct(row(status="processing"), known(status="cancelled")) is Correction.NO


def test_a_state_with_a_newer_update_time_is_reported() -> None:
    merged = merge(read(push(T, updateAt=T - 8)), known(updateAt=T - 9))

    assert merged.updated_ns == (T - 8) * 10**6


def test_an_order_that_is_found_again_has_no_reason_any_more() -> None:
    merged = merge(row(), not_found(known(), "107003: order not exist", START_NS))

    assert (merged.status, merged.reason) == (OrderStatus.NEW, "")


LIFECYCLE = (
    push(T, status="waiting"),
    push(T + 1, status="processing"),
    push(T + 2, status="processing", filledSize=str(ONE)),
    push(T + 3, status="cancelling", filledSize=str(ONE)),
    push(T + 4, status="cancelled", filledSize=str(2 * ONE)),
)


def after(frames: tuple[bytes, ...]) -> tuple[OrderStatus, str | None]:
    """What is known when these arrived: what is not older replaces what is known."""
    state = read(frames[0])
    for frame in frames[1:]:
        reported = read(frame)
        state = state if compare_versions(reported, state) is Recency.OLDER else merge(reported, state)
    return state.status, state.filled_qty


def test_every_order_of_arrival_with_duplicates_ends_in_the_same_state() -> None:
    for frames in permutations(LIFECYCLE):
        with case(*(LIFECYCLE.index(frame) for frame in frames)):
            assert after((*frames, *frames)) == (OrderStatus.CANCELED, "2")
