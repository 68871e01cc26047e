"""What the rows of CoinW's REST answers mean: row -> OrderUpdate.

One order has other names in each call: `tradeID` is the order's id, `prize` its price, `total` the base amount,
`success_count` or `success_total` what is filled of it. Amounts are cut to the pair's decimals, and 0 in place of
what a market order does not have. Facts: CoinW API documentation, "Get Current Orders", "Get Order Details", "Get
Historical Orders"; JKorf/CoinW.Net 3.4, whose recorded answers show that the text dates are UTC+8.
"""

import re
from datetime import datetime, timedelta, timezone

import msgspec

from ordwatch.core.events import DecimalText, OrderStatus, OrderUpdate
from ordwatch.venues.coinw.orders import CoinwExtra, identifier, milliseconds_ns, side, symbol
from ordwatch.venues.toolkit.amounts import amount, difference, is_less, is_zero, nonzero, quotient, signed
from ordwatch.venues.toolkit.lenient_json import Fields, Unreadable, fields, payload, text

STATUSES = {
    "1": OrderStatus.NEW,
    "2": OrderStatus.PARTIALLY_FILLED,
    "3": OrderStatus.FILLED,
    "4": OrderStatus.CANCELED,
    # Plan orders, from an older document: triggered, and trigger failed. Inferred.
    "5": OrderStatus.NEW,
    "6": OrderStatus.REJECTED,
}
"""Documented but for the last two; any other is UNKNOWN."""

_OPEN = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNKNOWN})
_VENUE_ZONE = timezone(timedelta(hours=8))
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


def order_update(
    row: msgspec.Raw, *, venue: str, pair: str | None, received_ns: int, keep_raw: bool = False
) -> OrderUpdate:
    """One order of an answer; `pair` is the one asked for, where rows do not name it.

    Raises:
        Unreadable: Not an object, or without a readable id or status.
    """
    members = fields(row)
    flags: list[str] = []
    order_id = identifier(_first(members, "orderNumber", "tradeID") or "")
    filled = amount(_first(members, "success_count", "success_total"), "filled_qty", flags)
    value = amount(_first(members, "success_amount"), "filled_value", flags)
    qty = nonzero(amount(_first(members, "total"), "qty", flags))
    word, status = _status(members, filled, flags)
    return OrderUpdate(
        venue=venue,
        order_id=order_id,
        client_order_id=_first(members, "out_trade_no") or None,
        symbol=symbol(_first(members, "currencyPair") or pair),
        side=side(_first(members, "type"), flags),
        status=status,
        venue_status=word,
        qty=qty,
        filled_qty=filled,
        remaining_qty=_remaining(status, qty, filled),
        price=nonzero(amount(_first(members, "prize"), "price", flags)),
        avg_price=_average(value, filled, flags),
        filled_value=value,
        fee=signed(_first(members, "fee"), "fee", flags),
        created_ns=created_ns(_first(members, "date"), flags),
        received_ns=received_ns,
        source="query",
        flags=tuple(flags),
        extra=CoinwExtra(),
        raw=payload(row) if keep_raw else None,
    )


def created_ns(date: str | None, flags: list[str]) -> int | None:
    """When the order was made: milliseconds, or a wall-clock text of UTC+8 without a zone."""
    if date is None or not _DATE.fullmatch(date):
        return milliseconds_ns(date, "created_at", flags)
    try:
        local = datetime.fromisoformat(date).replace(tzinfo=_VENUE_ZONE)
    except ValueError:
        flags.append("bad:created_at")
        return None
    flags.append("zone_assumed")
    return int(local.timestamp()) * 1_000_000_000


def _first(members: Fields, *names: str) -> str | None:
    return next((value for name in names if (value := text(members.get(name))) is not None), None)


def _status(members: Fields, filled: DecimalText | None, flags: list[str]) -> tuple[str, OrderStatus]:
    word = (_first(members, "status") or "").strip()[:64]
    if not word or word[0] in "{[":
        raise Unreadable("order without a readable status")
    status = STATUSES.get(word, OrderStatus.UNKNOWN)
    if status is OrderStatus.NEW and filled is not None and not is_zero(filled):
        flags.append("conflict")
        status = OrderStatus.PARTIALLY_FILLED
    return word, status


def _remaining(status: OrderStatus, qty: DecimalText | None, filled: DecimalText | None) -> DecimalText | None:
    # Of an ended order `total` may be 0 although `success_total` is not.
    if qty is None or filled is None or status not in _OPEN or is_less(qty, filled):
        return None
    return difference(qty, filled)


def _average(value: DecimalText | None, filled: DecimalText | None, flags: list[str]) -> DecimalText | None:
    if value is None or filled is None or is_zero(value) or is_zero(filled):
        return None
    flags.append("derived:avg_price")
    return quotient(value, filled)
