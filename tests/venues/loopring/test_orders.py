from itertools import permutations

import msgspec
import pytest

from ordwatch.model import Age, OrderStatus, OrderUpdate, Side
from ordwatch.text import time_ns
from ordwatch.venues.contract import gone
from ordwatch.venues.loopring.messages import order_data
from ordwatch.venues.loopring.orders import (
    LoopringExtra,
    Origin,
    age,
    merge,
    order_status,
    pair,
    queried_order,
    unscaled_tokens,
    venue_ns,
)
from tests.venues.loopring.joined import ORIGIN, START_NS, data, order, push, read, session

T = 1584717910000
ONE = 10**18


def row(**fields: object) -> OrderUpdate:
    """A REST row of v2 about the same order as `push`."""
    texts = {key: value if isinstance(value, str) else str(value) for key, value in order(**fields).items()}
    return queried_order(order_data(texts), ORIGIN, START_NS + 5)


# -- what one statement says -------------------------------------------------------------------------------------


def test_every_field_of_the_documented_push_is_told() -> None:
    told = read(data("push_args.json"))

    assert told == OrderUpdate(
        venue="loopring",
        account="10005",
        order_id="11212",
        client_order_id="myOrder",
        symbol="LRC-BTC",
        side=Side.BUY,
        status=OrderStatus.PARTIALLY_FILLED,
        venue_status="processing",
        qty="0.0000000005",
        filled_qty="0.00000000003",
        remaining_qty="0.00000000047",
        price="0.000004",
        avg_price="33333333." + "3" * 30,
        filled_value="0.001",
        fee="0.000000000001",
        fee_currency="LRC",
        created_ns=time_ns("2017-05-16T02:01:27.000000Z"),
        updated_ns=time_ns("2019-08-15T04:45:28.000000Z"),
        received_ns=START_NS,
        source="push",
        flags=("derived:avg_price",),
        extra=LoopringExtra(
            size="500000000",
            volume="210000000",
            filled_size="30000000",
            filled_volume="100000",
            filled_fee="1000000",
            ts="1565844328",
            valid_since="1494900087",
            valid_until="1495900087",
        ),
    )


def test_the_extra_keys_are_those_of_the_records_page_in_its_order() -> None:
    assert LoopringExtra.__struct_fields__ == (
        *("size", "volume", "filled_size", "filled_volume", "filled_fee", "ts", "valid_since", "valid_until"),
        *("storage_id", "trade_channel", "order_type"),
    )


@pytest.mark.parametrize(
    ("word", "filled", "status"),
    [
        ("waiting", "0", "PENDING_NEW"),
        ("waiting", None, "PENDING_NEW"),
        ("waiting", "1", "PARTIALLY_FILLED"),
        ("processing", "0", "NEW"),
        ("processing", None, "NEW"),
        ("processing", "1", "PARTIALLY_FILLED"),
        ("PROCESSING", "1", "PARTIALLY_FILLED"),
        ("cancelling", "0", "PENDING_CANCEL"),
        ("cancelling", "1", "PENDING_CANCEL"),
        ("processed", "1", "FILLED"),
        ("processed", "0", "FILLED"),
        ("cancelled", "0", "CANCELED"),
        ("cancelled", "1", "CANCELED"),
        ("expired", "0", "EXPIRED"),
        ("expired", "1", "EXPIRED"),
        ("failed", "0", "REJECTED"),
        ("failed", "1", "CANCELED"),
        ("frozen", "0", "UNKNOWN"),
        ("", "1", "UNKNOWN"),
    ],
)
def test_status_words_mean(word: str, filled: str | None, status: str) -> None:
    assert order_status(word, filled) is OrderStatus(status)


def test_an_unknown_word_is_kept_as_it_came() -> None:
    assert read(push(status="Frozen")).venue_status == "Frozen"


def test_a_completed_fill_that_is_not_closed_yet_is_partial() -> None:
    told = read(push(filledSize=str(5 * ONE)))

    assert (told.status, told.remaining_qty) == (OrderStatus.PARTIALLY_FILLED, "0")


def test_a_dropped_remainder_leaves_nothing_once_closed() -> None:
    told = read(push(filledSize=str(4 * ONE), status="processed"))

    assert (told.status, told.qty, told.filled_qty, told.remaining_qty) == (OrderStatus.FILLED, "5", "4", "0")


@pytest.mark.parametrize(
    ("fields", "conflicts"),
    [
        ({"filledSize": str(6 * ONE)}, True),
        ({"status": "processed"}, True),
        ({"status": "processed", "filledSize": str(4 * ONE)}, False),
    ],
    ids=["overfilled", "filled with nothing", "dust dropped"],
)
def test_status_and_quantities_that_disagree_are_flagged(fields: dict[str, str], conflicts: bool) -> None:
    assert ("conflict" in read(push(**fields)).flags) is conflicts


@pytest.mark.parametrize(("side", "token", "fee"), [("buy", "LRC", "1"), ("SELL", "USDT", "1000000000000")])
def test_the_fee_is_in_the_bought_token(side: str, token: str, fee: str) -> None:
    told = read(push(side=side, market="LRC-USDT", filledFee=str(ONE)))

    assert (told.fee, told.fee_currency) == (fee, token)


def test_the_value_is_scaled_by_the_quote_token() -> None:
    told = read(push(market="LRC-USDT", filledSize=str(2 * ONE), filledVolume="3000000"))

    assert (told.filled_value, told.avg_price) == ("3", "1.5")


def test_seventy_seven_digits_stay_exact() -> None:
    told = read(push(size="1" * 77, filledSize=int("1" * 76 + "0")))

    assert (told.qty, told.filled_qty) == ("1" * 59 + "." + "1" * 18, "1" * 59 + "." + "1" * 17)
    assert told.remaining_qty == "0.000000000000000001"


def test_the_price_keeps_its_digits_and_zeros() -> None:
    assert read(push(price="0.1000000000000000055000")).price == "0.1000000000000000055000"


@pytest.mark.parametrize("missing", ["LRC", "ETH"])
def test_unknown_decimals_leave_base_units_and_say_so(missing: str) -> None:
    known = {token: 18 for token in ("LRC", "ETH") if token != missing}
    told = read(push(filledSize="30", filledVolume="7"), session(origin=Origin("loopring", "10005", known)))

    assert "raw_units" in told.flags
    assert (told.avg_price, told.extra.__class__) == (None, LoopringExtra)
    assert {"LRC": told.filled_qty, "ETH": told.filled_value}[missing] is None
    assert msgspec.to_builtins(told.extra)["filled_size"] == "30"


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [
        ("size", "-1", "qty"),
        ("size", "NaN", "qty"),
        ("size", True, "qty"),
        ("size", 1.5, "qty"),
        ("size", "9" * 79, "qty"),
        ("filledSize", "", "filled_qty"),
        ("filledVolume", {}, "filled_value"),
        ("filledFee", "1e3", "fee"),
        ("price", "NaN", "price"),
        ("price", "-1", "price"),
        ("price", "1e400", "price"),
        ("price", [], "price"),
        ("side", "hold", "side"),
        ("side", 5, "side"),
        ("createdAt", "soon", "created_at"),
        ("createdAt", -5, "created_at"),
        ("createdAt", 10**15, "created_at"),
        ("updateAt", "never", "updated_at"),
        ("validSince", "x", "valid_since"),
        ("market", {}, "symbol"),
        ("clientOrderId", [], "client_order_id"),
    ],
)
def test_an_unreadable_field_is_flagged_and_the_order_kept(field: str, value: object, key: str) -> None:
    told = read(push(**{field: value}))

    assert f"bad:{key}" in told.flags
    assert told.order_id == "0x01"


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [
        ("size", "-1", "qty"),
        ("filledSize", "x", "filled_qty"),
        ("filledVolume", {}, "filled_value"),
        ("filledFee", "1e3", "fee"),
        ("price", "NaN", "price"),
        ("side", "hold", "side"),
        ("createdAt", "soon", "created_ns"),
        ("clientOrderId", "", "client_order_id"),
        ("createdAt", "0", "created_ns"),
        ("price", None, "price"),
    ],
)
def test_what_is_not_told_or_not_readable_is_null(field: str, value: object, key: str) -> None:
    assert getattr(read(push(**{field: value})), key) is None


@pytest.mark.parametrize("digits", [79, 4301, 5000])
def test_an_endless_integer_is_flagged_and_the_order_kept(digits: int) -> None:
    told = read(push(size="BIG").replace(b'"BIG"', b"9" * digits))

    assert (told.qty, told.flags) == (None, ("bad:qty",))


def test_a_push_without_a_readable_time_has_none() -> None:
    told = read(push(ts={}))

    assert (told.updated_ns, told.flags) == (None, ("bad:ts",))


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        (1584717910123, 1584717910123 * 10**6),
        ("1584717910123", 1584717910123 * 10**6),
        (1565844328, 1565844328 * 10**9),
        (10**11, 10**17),
        (10**11 - 1, (10**11 - 1) * 10**9),
        (0, None),
    ],
)
def test_times_are_milliseconds_from_ten_to_the_eleven_on(value: str | int, ns: int | None) -> None:
    assert venue_ns(value) == ns


def test_the_time_of_the_update_is_preferred_to_that_of_the_push() -> None:
    assert read(push(ts=T + 5, updateAt=T)).updated_ns == T * 10**6


@pytest.mark.parametrize(
    ("market", "symbol", "base", "quote"),
    [
        ("lrc-eth", "LRC-ETH", "LRC", "ETH"),
        ("AMM-LRC-ETH", "LRC-ETH", "LRC", "ETH"),
        ("lp-LRC-ETH", "LRC-ETH", "LRC", "ETH"),
        ("AMM-ETH", "AMM-ETH", "AMM", "ETH"),
        ("A-B-C", "A-B-C", "", ""),
        ("LRC", "LRC", "", ""),
        ("", "", "", ""),
    ],
)
def test_markets_are_read_in_any_case_and_without_swap_prefixes(
    market: str, symbol: str, base: str, quote: str
) -> None:
    assert pair(market) == (symbol, base, quote)


@pytest.mark.parametrize(("market", "symbol"), [("LRC-USDT", "LRC-USDT"), (..., "LRC-ETH")])
def test_the_orders_own_market_is_trusted_before_the_topics(market: object, symbol: str) -> None:
    assert read(push(market=market)).symbol == symbol


def test_names_the_tokens_whose_decimals_are_unknown() -> None:
    assert unscaled_tokens(["LRC-ETH", "LRC-USDT", "x"], {"ETH": 18}) == ["LRC", "USDT"]


def test_the_payload_is_told_when_asked_for() -> None:
    told = read(push(size=10**20), session(raw=True))

    assert isinstance(told.raw, dict)
    assert told.raw["data"]["size"] == str(10**20)


# -- which is newer ----------------------------------------------------------------------------------------------


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
    assert age(read(push(T, **new)), known(**old)) is Age(expected)


@pytest.mark.parametrize(("ts", "expected"), [(T + 1, Age.NEWER), (T, Age.OLDER), (T - 1, Age.OLDER), (..., Age.OLDER)])
def test_only_a_later_push_takes_a_cancellation_back(ts: object, expected: Age) -> None:
    late = read(push(None if ts is ... else ts, status="processing"))

    assert age(late, known(status="cancelling")) is expected


def test_a_later_push_takes_nothing_else_back() -> None:
    assert age(read(push(T + 1, status="waiting")), known(status="cancelling")) is Age.OLDER


def test_a_rest_row_never_takes_a_cancellation_back() -> None:
    assert age(row(status="processing"), known(status="cancelling")) is Age.OLDER


def test_a_rest_row_that_says_the_same_is_no_news() -> None:
    assert age(row(), known()) is Age.EQUAL


def test_a_rest_row_that_knows_more_is_newer() -> None:
    assert age(row(status="processed", filledSize="9"), known()) is Age.NEWER


# -- merging -----------------------------------------------------------------------------------------------------


def test_an_absent_fill_is_unchanged_and_the_status_follows_it() -> None:
    merged = merge(read(push(T + 1, filledSize=...)), known(filledSize=str(ONE), filledVolume="4000000000000"))

    assert (merged.status, merged.filled_qty, merged.remaining_qty) == (OrderStatus.PARTIALLY_FILLED, "1", "4")


def test_a_failure_after_fills_is_a_cancellation_though_it_does_not_tell_them() -> None:
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


def test_the_time_of_a_state_that_a_query_told_first_is_taken_from_its_push() -> None:
    before = merge(row(filledSize="1"), known())

    assert merge(read(push(T + 9, filledSize="1")), before).updated_ns == (T + 9) * 10**6


def test_a_push_tells_the_times_of_an_order_that_a_query_told_first() -> None:
    merged = merge(read(push(T + 9)), row(createdAt=...))

    assert (merged.created_ns, merged.updated_ns) == (T * 10**6, (T + 9) * 10**6)


def test_a_state_with_a_newer_update_time_is_told() -> None:
    merged = merge(read(push(T, updateAt=T - 8)), known(updateAt=T - 9))

    assert merged.updated_ns == (T - 8) * 10**6


def test_an_order_that_comes_back_loses_the_reason_why_it_was_gone() -> None:
    merged = merge(row(), gone(known(), "107003: order not exist", START_NS))

    assert (merged.status, merged.reason) == (OrderStatus.NEW, "")


STORY = (
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
        told = read(frame)
        state = state if age(told, state) is Age.OLDER else merge(told, state)
    return state.status, state.filled_qty


@pytest.mark.parametrize(
    "order", list(permutations(STORY)), ids=lambda order: "".join(str(STORY.index(f)) for f in order)
)
def test_every_order_of_arrival_with_duplicates_ends_in_the_same_state(order: tuple[bytes, ...]) -> None:
    assert after((*order, *order)) == (OrderStatus.CANCELED, "2")
