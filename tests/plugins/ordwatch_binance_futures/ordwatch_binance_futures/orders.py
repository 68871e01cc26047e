"""Orders as the stream pushes them and as REST lists them: one shape, for the stream's letters stand for REST's names.

Facts: Binance's documentation of USDⓈ-M futures, pages "Event: Order Update", "Query Order" and "Common Definition".
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from ordwatch.core.events import Extra, OrderStatus, OrderUpdate, Recency, Side, TimeInForce
from ordwatch.venues.toolkit.amounts import amount, ms_time_ns, nonzero
from ordwatch.venues.toolkit.lenient_json import Unreadable

STATUSES = {
    word: OrderStatus(word) for word in ("NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "EXPIRED")
}
STATUSES["EXPIRED_IN_MATCH"] = OrderStatus.EXPIRED  # by self-trade prevention
RANK = {OrderStatus.UNKNOWN: -1, OrderStatus.NEW: 0, OrderStatus.PARTIALLY_FILLED: 1}  # all others are final
LETTERS = {
    "s": "symbol", "c": "clientOrderId", "S": "side", "o": "type", "f": "timeInForce", "q": "origQty", "p": "price",
    "ap": "avgPrice", "sp": "stopPrice", "X": "status", "i": "orderId", "z": "executedQty", "ps": "positionSide",
}  # fmt: skip


class BinanceFuturesExtra(Extra, frozen=True, kw_only=True):
    position_side: str | None = None


def order_update(
    fields: Mapping[str, object], venue: str, source: Literal["push", "query"], received_ns: int, *, raw: bool
) -> OrderUpdate:
    """The order in a REST row, or in a push with its letters spelled out; Unreadable without id or status."""
    texts = {name: value for name, value in fields.items() if isinstance(value, str) and value}
    if "orderId" not in texts or "status" not in texts:
        raise Unreadable("an order without id or status")
    flags: list[str] = []
    side, force = texts.get("side"), texts.get("timeInForce", "")
    return OrderUpdate(
        venue=venue,
        order_id=texts["orderId"],
        client_order_id=texts.get("clientOrderId"),
        symbol=texts.get("symbol"),
        side=Side(side) if side in ("BUY", "SELL") else None,
        order_type=texts.get("type"),
        time_in_force=TimeInForce(force) if force in TimeInForce.__members__ else None,
        status=STATUSES.get(texts["status"], OrderStatus.UNKNOWN),
        venue_status=texts["status"],
        qty=amount(texts.get("origQty"), "qty", flags),
        filled_qty=amount(texts.get("executedQty"), "filled_qty", flags),
        price=nonzero(amount(texts.get("price"), "price", flags)),
        stop_price=nonzero(amount(texts.get("stopPrice"), "stop_price", flags)),
        avg_price=nonzero(amount(texts.get("avgPrice"), "avg_price", flags)),
        filled_value=amount(texts.get("cumQuote"), "filled_value", flags),
        created_ns=ms_time_ns(texts.get("time")),
        updated_ns=ms_time_ns(texts.get("updateTime")),
        received_ns=received_ns,
        source=source,
        flags=tuple(flags),
        extra=BinanceFuturesExtra(position_side=texts.get("positionSide")),
        raw=fields if raw else None,
    )


def compare_versions(new: OrderUpdate, known: OrderUpdate, _same_way: bool) -> Recency:
    """By the matching engine's time; within a millisecond by what was executed, then by the status."""
    mine, theirs = (
        (order.updated_ns or 0, Decimal(order.filled_qty or 0), RANK.get(order.status, 2)) for order in (new, known)
    )
    return Recency.EQUAL if mine == theirs else Recency.NEWER if mine > theirs else Recency.OLDER
