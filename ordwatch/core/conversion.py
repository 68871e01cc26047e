"""Converts events to records, and the records of a recording back to events."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import astuple

from ordwatch.core.errors import RecordingError
from ordwatch.core.events import FINAL, ClockJump, Extra, GapUpdate, LinkUpdate, OrderStatus, OrderUpdate, Reject
from ordwatch.core.records import ClockRecord, GapRecord, LinkRecord, OrderRecord, RejectRecord
from ordwatch.core.times import time_ns, time_text


def order_record(
    order: OrderUpdate,
    *,
    prev_status: OrderStatus | None,
    gap: str | None,
    changed: Iterable[str],
    flags: Iterable[str],
    raw: object = None,
) -> OrderRecord:
    """The record of a merged state; `raw` is the payload that reported it."""
    # The hot path. Most fields stand in both types in the same order: taken all at once and given by position they
    # cost half the time that each by its name does. A test holds every name to its place.
    values = astuple(order)
    final = order.status in FINAL
    fields: tuple[Any, ...] = (
        *values[:_SYMBOL],
        order.symbol or "",
        *values[_SYMBOL + 1 : _REASON],
        prev_status,
        final,
        order.reason or None,
        *values[_REASON + 1 : _REMAINING_QTY],
        "0" if final else order.remaining_qty,
        *values[_REMAINING_QTY + 1 : _CREATED_NS],
        time_text(order.created_ns) if order.created_ns is not None else None,
        time_text(order.updated_ns) if order.updated_ns is not None else None,
        time_text(order.received_ns),
        order.source,
        gap,
        tuple(changed),
        tuple(flags),
        order.extra,
    )
    return OrderRecord(*fields, raw=raw)


_SYMBOL, _REASON, _REMAINING_QTY, _CREATED_NS = map(
    OrderUpdate.__struct_fields__.index, ("symbol", "reason", "remaining_qty", "created_ns")
)


def gap_record(gap: GapUpdate, *, recovered: int | None) -> GapRecord:
    """The record of a gap's opening or closing."""
    return GapRecord(
        venue=gap.venue,
        gap=gap.gap,
        state=gap.state,
        cause=gap.cause,
        from_=time_text(gap.from_ns),
        to=time_text(gap.to_ns) if gap.to_ns is not None else None,
        outcome=gap.outcome,
        recovered=recovered,
        limits=gap.limits,
        at=time_text(gap.at_ns),
    )


def link_record(link: LinkUpdate) -> LinkRecord:
    """The record of a link's new state."""
    return LinkRecord(
        venue=link.venue,
        conn=link.conn,
        state=link.state,
        detail=link.detail,
        wait_s=link.wait_s,
        at=time_text(link.at_ns),
    )


def reject_record(reject: Reject, *, suppressed: int = 0) -> RejectRecord:
    """The record of unreadable input; `suppressed` counts the rejects before it that were not written."""
    return RejectRecord(
        venue=reject.venue,
        reason=reject.reason,
        bytes=reject.size,
        head=reject.data[:16].hex(),
        suppressed=suppressed,
        at=time_text(reject.at_ns),
    )


def clock_record(jump: ClockJump) -> ClockRecord:
    """The record of a clock that jumped."""
    return ClockRecord(jump_ms=jump.jump_ms, suspended_ms=jump.suspended_ms, at=time_text(jump.at_ns))


_SAME = tuple(name for name in OrderUpdate.__struct_fields__ if name in OrderRecord.__struct_fields__)


def order_update(record: OrderRecord, extra: type[Extra]) -> OrderUpdate:
    """The merged state of a record.

    Raises:
        RecordingError: Its `extra` is not this venue's, or a time is not valid.
    """
    try:
        return _order_update(record, extra)
    except (ValueError, msgspec.ValidationError) as exc:
        raise RecordingError(f"the recording holds an invalid order of {record.venue}: {exc}") from exc


def _order_update(record: OrderRecord, extra: type[Extra]) -> OrderUpdate:
    same = {name: getattr(record, name) for name in _SAME if name not in ("extra", "flags", "raw")}
    return OrderUpdate(
        **same,
        created_ns=time_ns(record.created_at) if record.created_at else None,
        updated_ns=time_ns(record.updated_at) if record.updated_at else None,
        received_ns=time_ns(record.received_at),
        not_found=record.status == "UNKNOWN" and record.source == "query",
        extra=msgspec.convert(record.extra, extra),
    )


_OF_THE_STORE = frozenset({"unordered", "reopened"})


def collected_update(record: OrderRecord, extra: type[Extra]) -> OrderUpdate:
    """The state that a collector recorded; with the flag `late` if it is not its latest one.

    Raises:
        RecordingError: Its `extra` is not this venue's, or a time is not valid.
    """
    flags = tuple(flag for flag in record.flags if flag not in _OF_THE_STORE)
    return msgspec.structs.replace(order_update(record, extra), flags=flags, raw=record.raw)


def gap_update(record: GapRecord) -> GapUpdate:
    """A gap that is still open.

    Raises:
        ValueError: A time is not valid.
    """
    return GapUpdate(
        venue=record.venue,
        gap=record.gap,
        state="open",
        cause=record.cause,
        from_ns=time_ns(record.from_),
        at_ns=time_ns(record.at),
    )
