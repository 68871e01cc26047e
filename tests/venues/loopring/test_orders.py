import msgspec
import pytest
from msgspec.structs import replace

from ordwatch.core.events import OrderStatus, OrderUpdate, Side
from ordwatch.core.merging import not_found
from ordwatch.core.times import time_ns
from ordwatch.venues.loopring.orders import (
    LoopringExtra,
    Origin,
    pair,
    rescaled,
    unscaled_tokens,
    venue_ns,
)
from tests.venues.loopring.joined import ORIGIN, START_NS, data, push, read, session

T = 1584717910000
ONE = 10**18


def test_every_field_of_the_documented_push_is_reported() -> None:
    reported = read(data("push_args.json"))

    assert reported == OrderUpdate(
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


def test_an_unknown_word_is_kept_as_it_came() -> None:
    assert read(push(status="Frozen")).venue_status == "Frozen"


def test_a_completed_fill_that_is_not_closed_yet_is_partial() -> None:
    reported = read(push(filledSize=str(5 * ONE)))

    assert (reported.status, reported.remaining_qty) == (OrderStatus.PARTIALLY_FILLED, "0")


def test_a_dropped_remainder_leaves_nothing_once_closed() -> None:
    reported = read(push(filledSize=str(4 * ONE), status="processed"))

    assert (reported.status, reported.qty, reported.filled_qty, reported.remaining_qty) == (
        OrderStatus.FILLED,
        "5",
        "4",
        "0",
    )


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
    reported = read(push(side=side, market="LRC-USDT", filledFee=str(ONE)))

    assert (reported.fee, reported.fee_currency) == (fee, token)


def test_the_value_is_scaled_by_the_quote_token() -> None:
    reported = read(push(market="LRC-USDT", filledSize=str(2 * ONE), filledVolume="3000000"))

    assert (reported.filled_value, reported.avg_price) == ("3", "1.5")


def test_seventy_seven_digits_stay_exact() -> None:
    reported = read(push(size="1" * 77, filledSize=int("1" * 76 + "0")))

    assert (reported.qty, reported.filled_qty) == ("1" * 59 + "." + "1" * 18, "1" * 59 + "." + "1" * 17)
    assert reported.remaining_qty == "0.000000000000000001"


def test_the_price_keeps_its_digits_and_zeros() -> None:
    assert read(push(price="0.1000000000000000055000")).price == "0.1000000000000000055000"


@pytest.mark.parametrize("missing", ["LRC", "ETH"])
def test_unknown_decimals_leave_base_units_and_say_so(missing: str) -> None:
    known = {token: 18 for token in ("LRC", "ETH") if token != missing}
    reported = read(push(filledSize="30", filledVolume="7"), session(origin=Origin("loopring", "10005", known)))

    assert "raw_units" in reported.flags
    assert (reported.avg_price, reported.extra.__class__) == (None, LoopringExtra)
    assert {"LRC": reported.filled_qty, "ETH": reported.filled_value}[missing] is None
    assert msgspec.to_builtins(reported.extra)["filled_size"] == "30"


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
    reported = read(push(**{field: value}))

    assert f"bad:{key}" in reported.flags
    assert reported.order_id == "0x01"


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
def test_what_is_not_reported_or_not_readable_is_null(field: str, value: object, key: str) -> None:
    assert getattr(read(push(**{field: value})), key) is None


@pytest.mark.parametrize("digits", [79, 4301, 5000])
def test_an_endless_integer_is_flagged_and_the_order_kept(digits: int) -> None:
    reported = read(push(size="BIG").replace(b'"BIG"', b"9" * digits))

    assert (reported.qty, reported.flags) == (None, ("bad:qty",))


def test_a_push_without_a_readable_time_has_none() -> None:
    reported = read(push(ts={}))

    assert (reported.updated_ns, reported.flags) == (None, ("bad:ts",))


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
    assert pair(market)[:3] == (symbol, base, quote)


def test_swap_is_shown_under_its_whole_name() -> None:
    assert read(push(market="amm-lrc-eth")).symbol == "AMM-LRC-ETH"


@pytest.mark.parametrize(("market", "symbol"), [("LRC-USDT", "LRC-USDT"), (..., "LRC-ETH")])
def test_the_orders_own_market_is_trusted_before_the_topics(market: object, symbol: str) -> None:
    assert read(push(market=market)).symbol == symbol


def test_names_the_tokens_whose_decimals_are_unknown() -> None:
    assert unscaled_tokens(["LRC-ETH", "LRC-USDT", "x"], {"ETH": 18}) == ["LRC", "USDT"]


def test_the_payload_is_reported_when_asked_for() -> None:
    reported = read(push(size=10**20), session(raw=True))

    assert isinstance(reported.raw, dict)
    assert reported.raw["data"]["size"] == str(10**20)


def unscaled(**fields: object) -> OrderUpdate:
    return read(push(**fields), session(origin=Origin("loopring", "10005", {})))


@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize("status", ["processing", "processed"])
def test_an_order_read_without_decimals_is_scaled_to_what_it_would_have_been(side: str, status: str) -> None:
    fields = {
        "side": side,
        "status": status,
        "filledSize": str(ONE),
        "filledVolume": "4000000000000",
        "filledFee": "70",
    }

    assert rescaled(unscaled(**fields), ORIGIN.decimals) == replace(read(push(**fields)), source="query")


@pytest.mark.parametrize(("token", "gained"), [("LRC", ("5", None)), ("ETH", (None, "0"))])
def test_one_of_two_decimals_scales_what_it_can(token: str, gained: tuple[str | None, str | None]) -> None:
    update = rescaled(unscaled(), {token: 18})

    assert update is not None
    assert ((update.qty, update.filled_value), update.flags) == (gained, ("raw_units",))


@pytest.mark.parametrize(
    "known",
    [
        read(push()),
        unscaled(market="AAA-BBB"),
        unscaled(size="x", filledSize="x", filledVolume="x"),
        not_found(unscaled(), "-", 1),
    ],
    ids=["scaled", "unknown token", "unreadable", "gone"],
)
def test_there_is_nothing_to_scale(known: OrderUpdate) -> None:
    assert rescaled(known, ORIGIN.decimals) is None
