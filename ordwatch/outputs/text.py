"""Plain text: one line for each record, in fixed columns, easy to grep.

    2026-03-02T12:03:09.604+08:00 alpha     ORDER HK.00700 BUY PARTIALLY_FILLED 60/100 @ 480.00 LIMIT id=... was=NEW
    2026-03-02T12:03:11.020+08:00 beta      GAP   gap=beta-1 state=open cause=reset from=...

The first time is when ordwatch received it; `updated` is the venue's own time of the state. `-` means unknown.
"""

from collections.abc import Mapping
from datetime import tzinfo

import msgspec

from ordwatch.core.escaping import MAX_TEXT, safe_text
from ordwatch.core.events import OrderStatus
from ordwatch.core.records import (
    AliveRecord,
    AnyRecord,
    GapRecord,
    LinkRecord,
    OrderRecord,
    OutputRecord,
    RejectRecord,
    SinkGapRecord,
    record_time,
)
from ordwatch.outputs.display_times import stamp
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.line_output import LineSink

_TIMES = frozenset({"from", "to", "updated", "last_at"})
_MAX_LINE = 8 * MAX_TEXT
_RESET = "\x1b[0m"
_BOLD_RED = "\x1b[1;31m"
_BOLD_YELLOW = "\x1b[1;33m"
_GREEN = "\x1b[32m"
_DIM = "\x1b[2m"
_COLORS = {
    OrderStatus.PARTIALLY_FILLED: _GREEN,
    OrderStatus.FILLED: _GREEN,
    OrderStatus.CANCELED: _DIM,
    OrderStatus.EXPIRED: _DIM,
    OrderStatus.REJECTED: _BOLD_RED,
    OrderStatus.UNKNOWN: _BOLD_YELLOW,
}


class TextLines(LineSink):
    """Writes each record as one plain line; with `color`, with our own escape sequences only."""

    def __init__(self, fd: int, keep: Filter, zone: tzinfo | None, color: bool) -> None:
        super().__init__(fd, keep, self._bytes)
        self._zone = zone
        self._color = color

    def _bytes(self, record: OutputRecord, _seq: int) -> bytes:
        return text_bytes(record.record, self._zone, color=self._color)


def text_bytes(record: AnyRecord, zone: tzinfo | None, *, color: bool) -> bytes:
    """The line of a record as it is written, without a line end."""
    line = text_line(record, zone)
    if color and (code := _color(record)):
        line = f"{code}{line}{_RESET}"
    return line.encode("utf-8", "backslashreplace")


def text_line(record: AnyRecord, zone: tzinfo | None) -> str:
    """One record as text, without a line end; times in `zone` (None: local)."""
    at = record_time(record)
    columns = _order(record) if isinstance(record, OrderRecord) else _other(record)
    return safe_text(f"{stamp(at, zone) if at else '-'} {columns} {_pairs(_details(record), zone)}", _MAX_LINE).rstrip()


def _order(order: OrderRecord) -> str:
    filled = f"{order.filled_qty or '-'}/{order.qty or '-'}"
    return (
        f"{order.venue:<9} ORDER {order.symbol or '-':<12} {order.side or '-':<4} {order.status:<16} "
        f"{filled:<13} @ {order.price or '-':<10} {order.order_type or '-':<6}"
    )


def _other(record: AnyRecord) -> str:
    match record:
        case GapRecord() | LinkRecord() | RejectRecord():
            venue = record.venue
        case _:
            venue = "-"
    return f"{venue:<9} {msgspec.to_builtins(record)['type'].upper():<5}"


def _details(record: AnyRecord) -> Mapping[str, object]:
    match record:
        case OrderRecord():
            return _order_details(record)
        case AliveRecord():
            return {name: venue.state for name, venue in record.venues.items()}
        case _:
            known: dict[str, object] = msgspec.to_builtins(record)
            return {key: value for key, value in known.items() if key not in ("type", "venue", "at")}


def _order_details(order: OrderRecord) -> Mapping[str, object]:
    return {
        "id": order.order_id,
        "account": order.account,
        "environment": order.environment if order.environment != "live" else None,
        "client": order.client_order_id,
        "avg": order.avg_price,
        "stop": order.stop_price,
        "was": order.prev_status if order.prev_status != order.status else None,
        "updated": order.updated_at,
        "gap": order.gap,
        "flags": ",".join(order.flags),
        "reason": order.reason,
        "remark": order.remark,
    }


def _pairs(known: Mapping[str, object], zone: tzinfo | None) -> str:
    given = ((key, value) for key, value in known.items() if value is not None and value != "")
    return " ".join(f"{key}={_value(key, value, zone)}" for key, value in given)


def _value(key: str, value: object, zone: tzinfo | None) -> str:
    if key in _TIMES:
        return stamp(str(value), zone)
    text = _flat(value)
    return '"' + text.replace('"', "'") + '"' if " " in text else text


def _flat(value: object) -> str:
    match value:
        case dict():
            return ",".join(f"{key}:{item}" for key, item in value.items())
        case list():
            return ",".join(map(str, value))
        case _:
            return str(value)


def _color(record: AnyRecord) -> str:
    match record:
        case OrderRecord():
            return _COLORS.get(record.status, "")
        case GapRecord() | SinkGapRecord():
            return _BOLD_YELLOW
        case _:
            return _DIM
