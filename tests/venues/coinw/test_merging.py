"""Which statement wins: whatever the order of arrival, and however often."""

from functools import reduce
from itertools import permutations

import msgspec
import pytest

from ordwatch.core.events import OrderStatus, OrderUpdate, Recency, Side
from ordwatch.core.merging import Correction, not_found
from ordwatch.venues.coinw.merging import compare_versions, correct, merge
from ordwatch.venues.coinw.orders import CoinwExtra
from tests.support.cases import case

NEW = OrderUpdate(
    venue="coinw",
    order_id="1",
    client_order_id="mine",
    symbol="BTC_USDT",
    side=Side.BUY,
    order_type="LIMIT",
    status=OrderStatus.NEW,
    venue_status="RECEIVED",
    qty="0.0012",
    filled_qty="0",
    remaining_qty="0.0012",
    price="82429.08",
    filled_value="0",
    fee="0",
    created_ns=1_000_000,
    updated_ns=1_000_000,
    received_ns=5,
    source="push",
    extra=CoinwExtra(type="RECEIVED"),
)
PARTIAL = msgspec.structs.replace(
    NEW,
    status=OrderStatus.PARTIALLY_FILLED,
    filled_qty="0.0005",
    remaining_qty="0.0007",
    avg_price="82429.08",
    filled_value="41.21454",
    created_ns=None,
    updated_ns=2_000_000,
)
FILLED = msgspec.structs.replace(
    PARTIAL,
    status=OrderStatus.FILLED,
    venue_status="DONE/FILLED",
    filled_qty="0.0012",
    remaining_qty="0",
    filled_value="98.914896",
    updated_ns=3_000_000,
)
CANCELED = msgspec.structs.replace(
    PARTIAL, status=OrderStatus.CANCELED, venue_status="DONE/CANCELLED", reason="CANCELLED", updated_ns=3_000_000
)
REJECTED = msgspec.structs.replace(NEW, status=OrderStatus.REJECTED, venue_status="DONE/REJECTED")
UNKNOWN = msgspec.structs.replace(NEW, status=OrderStatus.UNKNOWN, venue_status="TRIGGERED")
ROW = OrderUpdate(
    venue="coinw",
    order_id="1",
    symbol="BTC_USDT",
    side=Side.BUY,
    status=OrderStatus.FILLED,
    venue_status="3",
    filled_qty="0.0012",
    filled_value="98.91",
    avg_price="82425",
    price="82429.08",
    fee="0.00",
    created_ns=900_000,
    received_ns=9,
    source="query",
    extra=CoinwExtra(),
)


def changed(update: OrderUpdate, **changes: object) -> OrderUpdate:
    return msgspec.structs.replace(update, **changes)


def apply(known: OrderUpdate, new: OrderUpdate) -> OrderUpdate:
    """What is known after a statement, as the order store does it: an older one changes nothing."""
    return known if compare_versions(new, known) is Recency.OLDER else merge(new, known)


def test_every_order_of_arrival_ends_the_same() -> None:
    for order in permutations([NEW, PARTIAL, FILLED, NEW, PARTIAL, FILLED]):
        end = reduce(apply, order)

        with case(*(update.venue_status for update in order)):
            assert (end.status, end.filled_qty, end.filled_value) == (OrderStatus.FILLED, "0.0012", "98.914896")


@pytest.mark.parametrize("order", list(permutations([NEW, PARTIAL, CANCELED])))
def test_canceled_order_keeps_its_fills_whatever_the_order(order: tuple[OrderUpdate, ...]) -> None:
    end = reduce(apply, order)

    assert (end.status, end.filled_qty) == (OrderStatus.CANCELED, "0.0005")


@pytest.mark.parametrize("update", [NEW, PARTIAL, FILLED, CANCELED, REJECTED, UNKNOWN, ROW])
def test_the_same_again_is_no_news(update: OrderUpdate) -> None:
    assert compare_versions(update, update) is Recency.EQUAL
    assert merge(update, update) == update


@pytest.mark.parametrize(
    ("new", "known", "expected"),
    [
        (PARTIAL, NEW, Recency.NEWER),
        (FILLED, PARTIAL, Recency.NEWER),
        (NEW, PARTIAL, Recency.OLDER),
        (PARTIAL, FILLED, Recency.OLDER),
        (NEW, REJECTED, Recency.OLDER),
        (changed(PARTIAL, filled_qty="0.0006"), PARTIAL, Recency.NEWER),
        (changed(PARTIAL, filled_qty="0.0004"), PARTIAL, Recency.OLDER),
        (changed(PARTIAL, updated_ns=1), PARTIAL, Recency.EQUAL),
        (CANCELED, FILLED, Recency.OLDER),
        (FILLED, CANCELED, Recency.OLDER),
        (UNKNOWN, NEW, Recency.EQUAL),
        (NEW, UNKNOWN, Recency.EQUAL),
        (UNKNOWN, FILLED, Recency.OLDER),
        (FILLED, UNKNOWN, Recency.NEWER),
    ],
)
def test_rank_then_fills_decide_and_never_the_time(new: OrderUpdate, known: OrderUpdate, expected: Recency) -> None:
    assert compare_versions(new, known) is expected


@pytest.mark.parametrize(
    "order", list(permutations([REJECTED, changed(ROW, status=OrderStatus.CANCELED, filled_qty="0")]))
)
def test_final_status_of_the_push_wins(order: tuple[OrderUpdate, ...]) -> None:
    assert reduce(apply, order).status is OrderStatus.REJECTED


@pytest.mark.parametrize("plain", [FILLED, ROW])
def test_plain_word_corrects_a_guess(plain: OrderUpdate) -> None:
    guess = changed(CANCELED, flags=("guessed",))

    assert compare_versions(plain, guess) is Recency.NEWER
    assert compare_versions(guess, plain) is Recency.OLDER


def test_query_knows_better_than_an_unknown_word() -> None:
    row = changed(ROW, status=OrderStatus.NEW, filled_qty="0.0000")

    assert compare_versions(row, UNKNOWN) is Recency.NEWER
    assert compare_versions(changed(row, status=OrderStatus.UNKNOWN), NEW) is Recency.EQUAL


def test_rounded_amounts_of_a_query_are_no_difference() -> None:
    known = merge(FILLED, NEW)
    merged = merge(ROW, known)

    assert compare_versions(ROW, known) is Recency.EQUAL
    assert (merged.filled_value, merged.avg_price, merged.fee, merged.venue_status) == (
        FILLED.filled_value,
        FILLED.avg_price,
        FILLED.fee,
        FILLED.venue_status,
    )


def test_average_of_cut_amounts_replaces_no_better_one() -> None:
    by_quote = changed(FILLED, qty=None, filled_qty="0.00119999999", flags=("derived:filled_qty",))
    row = changed(ROW, flags=("derived:avg_price",))
    merged = merge(row, by_quote)

    assert (merged.filled_qty, merged.avg_price, merged.flags) == ("0.0012", FILLED.avg_price, ())


def test_average_that_the_cut_amounts_do_not_allow_is_replaced() -> None:
    row = changed(ROW, filled_qty="0.002000", filled_value="170.00", avg_price="85000", flags=("derived:avg_price",))

    assert (merge(row, PARTIAL).avg_price, merge(row, PARTIAL).flags) == ("85000", ("derived:avg_price",))


@pytest.mark.parametrize(
    ("row", "known", "expected"),
    [
        (changed(NEW, source="query"), changed(PARTIAL, flags=("guessed",), filled_qty="0"), Correction.YES),
        (changed(NEW, source="query"), PARTIAL, Correction.NO),
        (changed(PARTIAL, source="query"), FILLED, Correction.NO),
        (changed(NEW, source="query"), UNKNOWN, Correction.YES),
        (changed(NEW, source="query", price="1"), NEW, Correction.YES),
    ],
)
def test_a_row_after_the_settling_time_corrects_only_what_is_open_to_doubt(
    row: OrderUpdate, known: OrderUpdate, expected: Correction
) -> None:
    assert correct(row, known) is expected


def test_cut_fill_of_a_query_is_no_smaller_fill() -> None:
    fine = changed(PARTIAL, created_ns=1, filled_qty="0.00051234", remaining_qty="0.00068766")
    row = changed(ROW, status=OrderStatus.PARTIALLY_FILLED, filled_qty="0.0005", remaining_qty="0.0007", qty="0.0012")

    assert compare_versions(row, fine) is Recency.EQUAL
    assert (merge(row, fine).filled_qty, merge(row, fine).remaining_qty) == ("0.00051234", "0.00068766")


def test_query_that_reports_more_is_news_once() -> None:
    market = changed(FILLED, side=None, order_type="MARKET", price=None)
    merged = merge(ROW, market)

    assert compare_versions(ROW, market) is Recency.NEWER
    assert (merged.side, merged.price, merged.client_order_id) == (Side.BUY, None, "mine")
    assert compare_versions(ROW, merged) is Recency.EQUAL


def test_query_with_more_fills_is_news() -> None:
    row = changed(ROW, status=OrderStatus.PARTIALLY_FILLED, filled_qty="0.0008", filled_value="65.94")
    merged = merge(row, PARTIAL)

    assert compare_versions(row, PARTIAL) is Recency.NEWER
    assert (merged.filled_qty, merged.filled_value, merged.venue_status) == ("0.0008", "65.94", "3")


def test_finer_push_replaces_what_a_query_reported() -> None:
    merged = merge(FILLED, ROW)

    assert (merged.filled_value, merged.avg_price) == ("98.914896", "82429.08")


def test_final_status_with_fewer_fills_does_not_take_them_back() -> None:
    merged = merge(changed(CANCELED, filled_qty="0.0001", filled_value="8", avg_price="80000"), PARTIAL)

    assert (merged.status, merged.filled_qty, merged.filled_value, merged.avg_price) == (
        OrderStatus.CANCELED,
        "0.0005",
        "41.21454",
        "82429.08",
    )


def test_statements_without_fills_are_not_compared_by_them() -> None:
    silent = changed(NEW, filled_qty=None, filled_value=None)

    assert compare_versions(silent, PARTIAL) is Recency.OLDER
    assert compare_versions(silent, NEW) is Recency.EQUAL
    assert merge(silent, NEW).filled_qty == "0"


def test_query_that_ends_an_order_gives_its_own_word() -> None:
    row = changed(ROW, status=OrderStatus.CANCELED, venue_status="4", filled_qty="0.0005", filled_value="41.21")
    merged = merge(row, PARTIAL)

    assert (merged.status, merged.venue_status, merged.filled_value) == (OrderStatus.CANCELED, "4", "41.21454")


def test_first_time_of_creation_stays() -> None:
    assert merge(ROW, NEW).created_ns == NEW.created_ns


@pytest.mark.parametrize("reported_ns", [1, PARTIAL.updated_ns])
def test_time_that_is_not_later_is_none_of_a_new_state(reported_ns: int) -> None:
    assert merge(changed(FILLED, updated_ns=reported_ns), PARTIAL).updated_ns is None


def test_time_that_is_later_is_the_new_states() -> None:
    assert merge(changed(FILLED, updated_ns=9_000_000_000), PARTIAL).updated_ns == 9_000_000_000


def test_time_of_the_same_state_never_goes_back() -> None:
    assert merge(changed(PARTIAL, updated_ns=1), PARTIAL).updated_ns == PARTIAL.updated_ns


def test_order_that_is_found_again_has_no_reason_any_more() -> None:
    missing = not_found(NEW, "does not exist", 9)
    merged = merge(PARTIAL, missing)

    assert compare_versions(PARTIAL, missing) is Recency.NEWER
    assert (merged.status, merged.reason) == (OrderStatus.PARTIALLY_FILLED, "")


def test_arguments_stay_as_they_are() -> None:
    known, new = changed(PARTIAL), changed(ROW)

    merge(new, known)

    assert (known, new) == (PARTIAL, ROW)
