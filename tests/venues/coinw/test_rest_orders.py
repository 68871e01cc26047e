"""What rows of REST answers mean."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.events import OrderStatus, OrderUpdate, Side
from ordwatch.venues.coinw.orders import CoinwExtra
from ordwatch.venues.coinw.rest_orders import created_ns, order_update
from ordwatch.venues.toolkit.lenient_json import Unreadable, fields, items

DATA = Path(__file__).parent / "data"
OPEN = {"orderNumber": 1, "date": 1743669325942, "total": "0.5", "type": "buy", "prize": "82000.00", "status": 1}


def sample(name: str) -> list[msgspec.Raw]:
    """The rows of a published answer."""
    data = fields((DATA / name).read_bytes())["data"]
    return items(data) if bytes(data)[:1] == b"[" else [data]


def read(row: object, pair: str | None = "BTC_USDT") -> OrderUpdate:
    return order_update(msgspec.Raw(msgspec.json.encode(row)), venue="coinw", pair=pair, received_ns=7)


def test_reads_the_published_open_orders() -> None:
    first, second = (
        order_update(row, venue="coinw", pair="BTC_USDT", received_ns=7) for row in sample("rest_open_orders.json")
    )

    assert first == OrderUpdate(
        venue="coinw",
        order_id="4624541508540145096",
        symbol="BTC_USDT",
        side=Side.BUY,
        status=OrderStatus.NEW,
        venue_status="1",
        qty="0.0001",
        filled_qty="0.0000",
        remaining_qty="0.0001",
        price="82000.00",
        filled_value="0.00",
        created_ns=1_743_669_325_942_000_000,
        received_ns=7,
        source="query",
        extra=CoinwExtra(),
    )
    assert second.order_id == "4624586588413897537"


def test_reads_the_published_order_whose_date_is_of_utc_plus_8() -> None:
    (row,) = sample("rest_order.json")
    order = order_update(row, venue="coinw", pair=None, received_ns=7)

    assert (order.order_id, order.symbol, order.status) == ("4624385377802383167", "BTC_USDT", OrderStatus.FILLED)
    assert (order.qty, order.filled_qty, order.remaining_qty, order.filled_value) == (None, "0.0012", None, "98.91")
    assert order.avg_price == "82425"
    # Its one fill is of 1741772251663 ms: the same second.
    assert order.created_ns == 1_741_772_251_000_000_000
    assert order.flags == ("derived:avg_price", "zone_assumed")


def test_reads_the_published_history() -> None:
    (row,) = sample("rest_history.json")
    order = order_update(row, venue="coinw", pair="BTC_USDT", received_ns=7)

    assert (order.order_id, order.client_order_id) == ("4624544807079846405", "3-04-2-4*******")
    assert (order.status, order.venue_status, order.filled_qty) == (OrderStatus.CANCELED, "4", "0.0000")
    assert (order.remaining_qty, order.updated_ns) == (None, None)


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        (1, OrderStatus.NEW),
        ("1", OrderStatus.NEW),
        (2, OrderStatus.PARTIALLY_FILLED),
        (3, OrderStatus.FILLED),
        (4, OrderStatus.CANCELED),
        (5, OrderStatus.NEW),
        (6, OrderStatus.REJECTED),
        (99, OrderStatus.UNKNOWN),
        ("open", OrderStatus.UNKNOWN),
    ],
)
def test_a_status_is_what_the_table_says_of_its_number(reported: int | str, status: OrderStatus) -> None:
    order = read({**OPEN, "status": reported})

    assert (order.status, order.venue_status) == (status, str(reported))


def test_fills_beside_the_word_for_none_are_a_conflict() -> None:
    order = read({**OPEN, "success_count": "0.1"})

    assert (order.status, order.remaining_qty, order.flags) == (OrderStatus.PARTIALLY_FILLED, "0.4", ("conflict",))


def test_zero_stands_for_what_a_market_order_does_not_have() -> None:
    order = read({**OPEN, "total": "0.0000", "prize": "0"})

    assert (order.qty, order.price, order.remaining_qty) == (None, None, None)


@pytest.mark.parametrize(
    "row",
    [
        5, "x", [], {"status": 1}, {"orderNumber": 1}, {"orderNumber": None, "status": 1},
        {"orderNumber": 1, "status": ""}, {"orderNumber": 1, "status": {}}, {"orderNumber": 0, "status": 1},
    ],
)  # fmt: skip
def test_row_without_a_readable_id_or_status_is_refused(row: object) -> None:
    with pytest.raises(Unreadable):
        read(row)


def test_unreadable_fields_are_flagged_and_null() -> None:
    order = read({**OPEN, "total": "x", "type": "hold", "date": "yesterday", "fee": "NaN", "prize": -1})

    assert (order.qty, order.side, order.created_ns, order.fee, order.price) == (None, None, None, None, None)
    assert set(order.flags) == {"bad:qty", "bad:side", "bad:created_at", "bad:fee", "bad:price"}


@pytest.mark.parametrize("date", ["2025-13-12 17:37:31", "2025-02-30 00:00:00", "2025-03-12T17:37:31", "-1"])
def test_date_that_is_none_is_flagged(date: str) -> None:
    flags: list[str] = []

    assert created_ns(date, flags) is None
    assert flags == ["bad:created_at"]


def test_raw_is_kept_when_wanted() -> None:
    row = msgspec.Raw(b'{"orderNumber":4624541508540145096,"status":1}')

    assert order_update(row, venue="coinw", pair=None, received_ns=7, keep_raw=True).raw == {
        "orderNumber": "4624541508540145096",
        "status": 1,
    }


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.just("1e400")
)
NAMES = (
    "date", "total", "type", "prize", "success_count", "success_total", "success_amount", "fee", "out_trade_no",
    "currencyPair", "status",
)  # fmt: skip


@given(st.fixed_dictionaries({"orderNumber": st.just(1)}, optional=dict.fromkeys(NAMES, VALUES)))
def test_any_row_is_an_order_or_unreadable(row: dict[str, object]) -> None:
    try:
        order = read(row)
    except Unreadable:
        return

    assert order.order_id == "1"
