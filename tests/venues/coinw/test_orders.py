"""What a pushed order means."""

from pathlib import Path

import msgspec
import pytest

from ordwatch.core.events import OrderStatus, OrderUpdate, Side
from ordwatch.venues.coinw.messages import OrderPush, OrderRow, decode
from ordwatch.venues.coinw.orders import CoinwExtra, PushedOrderReader, identifier, milliseconds_ns, order_type, symbol
from ordwatch.venues.toolkit.lenient_json import Unreadable

DATA = Path(__file__).parent / "data"
TIME_NS = 1_743_244_437_255_000_000
LIMIT = OrderRow(
    order_id=4624530513294751114,
    type="RECEIVED",
    product_id="BTC_USDT",
    side="BUY",
    order_type="LIMIT",
    size="0.5000",
    remaining_size="0.5000",
    price="82000",
    dealFunds="0",
    fee="0",
    time=1743244437255,
)


def pushed(**changes: object) -> OrderUpdate:
    """The update that the limit order with these changes makes."""
    return PushedOrderReader("coinw").read(msgspec.structs.replace(LIMIT, **changes), 7)


def test_documented_sample_is_a_new_order() -> None:
    push = decode((DATA / "order_received.json").read_bytes())
    assert isinstance(push, OrderPush)
    (row,) = push.orders
    assert isinstance(row, OrderRow)

    assert PushedOrderReader("mine").read(row, 7, raw={"a": 1}) == OrderUpdate(
        venue="mine",
        order_id="4624530513294751114",
        client_order_id="you*******",
        symbol="BTC_USDT",
        side=Side.BUY,
        order_type="LIMIT",
        status=OrderStatus.NEW,
        venue_status="RECEIVED",
        qty="0.0001",
        filled_qty="0",
        remaining_qty="0.0001",
        price="82000",
        filled_value="0",
        fee="0",
        created_ns=TIME_NS,
        updated_ns=TIME_NS,
        received_ns=7,
        source="push",
        extra=CoinwExtra(remaining_size="0.0001", type="RECEIVED"),
        raw={"a": 1},
    )


def test_partial_fill_is_judged_by_sizes() -> None:
    order = pushed(remaining_size="0.3000", dealFunds="16400", dealAvgPrice="82000")

    assert (order.status, order.filled_qty, order.remaining_qty) == (OrderStatus.PARTIALLY_FILLED, "0.2000", "0.3000")
    assert (order.avg_price, order.filled_value) == ("82000", "16400")
    assert (order.created_ns, order.updated_ns) == (None, TIME_NS)
    assert order.flags == ()


def test_average_not_reported_is_derived() -> None:
    order = pushed(remaining_size="0.3", dealFunds="16400.05")

    assert order.avg_price == "82000.25"
    assert order.flags == ("derived:avg_price",)


def test_average_of_nothing_is_null() -> None:
    assert pushed(dealAvgPrice="0").avg_price is None


@pytest.mark.parametrize(
    ("changes", "status", "word", "reason"),
    [
        ({"type": "DONE", "reason": "FILLED"}, OrderStatus.FILLED, "DONE/FILLED", None),
        ({"type": "Done", "reason": "Filled"}, OrderStatus.FILLED, "Done/Filled", None),
        ({"type": "DONE", "reason": "CANCELLED"}, OrderStatus.CANCELED, "DONE/CANCELLED", "CANCELLED"),
        ({"type": "done", "reason": "canceled"}, OrderStatus.CANCELED, "done/canceled", "canceled"),
        ({"type": "DONE", "reason": "REJECTED"}, OrderStatus.REJECTED, "DONE/REJECTED", "REJECTED"),
        ({"type": "received"}, OrderStatus.NEW, "received", None),
        ({"type": "TRIGGERED"}, OrderStatus.UNKNOWN, "TRIGGERED", None),
        ({"type": None, "reason": "CANCELLED"}, OrderStatus.CANCELED, "CANCELLED", "CANCELLED"),
    ],
)
def test_status_keeps_the_venues_own_words(
    changes: dict[str, object], status: OrderStatus, word: str, reason: str | None
) -> None:
    order = pushed(**changes)

    assert (order.status, order.venue_status, order.reason) == (status, word, reason)


@pytest.mark.parametrize("left", ["0", "0.00", "0E-18"])
def test_done_without_reason_is_guessed_filled_when_nothing_is_left(left: str) -> None:
    order = pushed(type="DONE", remaining_size=left, dealFunds="41000", dealAvgPrice="82000")

    assert (order.status, order.flags) == (OrderStatus.FILLED, ("guessed",))


def test_done_without_reason_is_guessed_canceled_when_something_is_left() -> None:
    order = pushed(type="DONE")

    assert (order.status, order.flags) == (OrderStatus.CANCELED, ("guessed",))


def test_canceled_order_keeps_its_fills() -> None:
    order = pushed(type="DONE", reason="CANCELLED", remaining_size="0.3", dealFunds="16400", dealAvgPrice="82000")

    assert (order.status, order.filled_qty, order.flags) == (OrderStatus.CANCELED, "0.2000", ())


def test_market_order_has_no_price_and_no_side() -> None:
    order = pushed(order_type="MARKET", side="", price="82429.08")

    assert (order.side, order.price, order.order_type) == (None, None, "MARKET")
    assert order.extra == CoinwExtra(price="82429.08", remaining_size="0.5000", type="RECEIVED")
    assert order.flags == ()


def test_market_order_by_quote_amount_has_no_size() -> None:
    order = pushed(order_type="MARKET", side="", size="0", remaining_size="0")

    assert (order.status, order.qty, order.filled_qty, order.remaining_qty) == (OrderStatus.NEW, None, "0", None)


def test_fills_of_a_market_order_by_quote_amount_are_derived() -> None:
    order = pushed(
        type="DONE",
        reason="FILLED",
        order_type="MARKET",
        size="0",
        remaining_size="0",
        dealFunds="98.914896",
        dealAvgPrice="82429.08",
    )

    assert (order.filled_qty, order.filled_value, order.avg_price) == ("0.0012", "98.914896", "82429.08")
    assert order.flags == ("derived:filled_qty",)


def test_nothing_reported_of_fills_is_null_and_not_zero() -> None:
    order = pushed(remaining_size=None, dealFunds=None)

    assert (order.filled_qty, order.filled_value, order.remaining_qty) == (None, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "DONE", "reason": "FILLED", "remaining_size": "0.1", "dealFunds": "1"},
        {"type": "DONE", "reason": "CANCELLED", "remaining_size": "0", "dealFunds": "1"},
        {"remaining_size": "0.6"},
        {"remaining_size": "0.4", "dealFunds": "0"},
        {"remaining_size": "0.5", "dealFunds": "1"},
    ],
    ids=["filled but some left", "cancelled but none left", "more left", "fills for nothing", "paid for nothing"],
)
def test_words_and_sizes_that_disagree_are_flagged(changes: dict[str, object]) -> None:
    assert "conflict" in pushed(**changes).flags


def test_canceled_order_with_nothing_left_and_nothing_paid_was_not_filled() -> None:
    order = pushed(type="DONE", reason="CANCELLED", remaining_size="0")

    assert (order.filled_qty, order.flags) == ("0", ("conflict",))


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("size", "qty", "NaN"),
        ("size", "qty", "-1"),
        ("remaining_size", "remaining_qty", "true"),
        ("price", "price", "1e9999"),
        ("dealFunds", "filled_value", "{}"),
        ("dealAvgPrice", "avg_price", "abc"),
        ("fee", "fee", "Infinity"),
        ("side", "side", "LONG"),
        ("time", "updated_at", "2025-03-12"),
        ("time", "updated_at", -5),
        ("time", "updated_at", 10**18),
        ("time", "updated_at", "1743244437255.5"),
    ],
)
def test_unreadable_field_is_flagged_and_the_order_kept(name: str, key: str, value: object) -> None:
    order = pushed(**{name: value})

    assert f"bad:{key}" in order.flags
    assert order.order_id == "4624530513294751114"


def test_unreadable_field_is_null() -> None:
    order = pushed(size="x", price="x", fee="x", time="x", dealFunds="x")

    assert (order.qty, order.price, order.fee, order.updated_ns, order.filled_value) == (None, None, None, None, None)


def test_amounts_keep_every_digit() -> None:
    order = pushed(size="0.1000000000000000055", remaining_size="0.1000000000000000055", price="7E+1", fee="-0E-18")

    assert (order.qty, order.price, order.fee) == ("0.1000000000000000055", "70", "0.000000000000000000")


@pytest.mark.parametrize("order_id", [0, "", "0", "000", " ", "a b", "x" * 65, "\x1b[2J", -5])
def test_order_without_a_readable_id_is_refused(order_id: int | str) -> None:
    with pytest.raises(Unreadable, match="id"):
        pushed(order_id=order_id)


@pytest.mark.parametrize(("kind", "reason"), [(None, None), ("", ""), (" ", None), ("{}", "[1]")])
def test_order_without_a_readable_status_is_refused(kind: str | None, reason: str | None) -> None:
    with pytest.raises(Unreadable, match="status"):
        pushed(type=kind, reason=reason)


@pytest.mark.parametrize("order_id", [4624530513294751114, "4624530513294751114"])
def test_id_is_text_with_all_its_digits(order_id: int | str) -> None:
    assert identifier(order_id) == "4624530513294751114"


@pytest.mark.parametrize("pair", ["BTC_USDT", "BTC-USDT", "btc-usdt", " btc_usdt "])
def test_symbol_has_one_form(pair: str) -> None:
    assert symbol(pair) == "BTC_USDT"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("limit", "LIMIT"),
        ("Stop Limit", "STOP_LIMIT"),
        ("", None),
        (None, None),
        ("7", "UNKNOWN(7)"),
        ("限价)", "UNKNOWN(限价)"),
    ],
)
def test_order_type_is_upper_snake_case(word: str | None, name: str | None) -> None:
    assert order_type(word) == name


@pytest.mark.parametrize("reported", [None, "", "0", 0])
def test_time_not_reported_is_null_without_a_flag(reported: int | str | None) -> None:
    flags: list[str] = []

    assert milliseconds_ns(reported, "updated_at", flags) is None
    assert flags == []


def test_time_is_the_same_as_number_and_as_text() -> None:
    assert milliseconds_ns(1743244437255, "updated_at", []) == milliseconds_ns("1743244437255", "updated_at", [])
