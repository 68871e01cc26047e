"""Records read back from a recording, as what the book and the coverage held."""

import msgspec

from ordwatch.errors import RecordingError
from ordwatch.model import Extra, GapUpdate, OrderUpdate
from ordwatch.records import GapRecord, OrderRecord
from ordwatch.text import time_ns

_SAME = tuple(name for name in OrderUpdate.__struct_fields__ if name in OrderRecord.__struct_fields__)


def order_update(record: OrderRecord, extra: type[Extra]) -> OrderUpdate:
    """The merged state behind a record.

    Raises:
        RecordingError: Its `extra` is not this venue's, or a time is not one.
    """
    try:
        return _order_update(record, extra)
    except (ValueError, msgspec.ValidationError) as exc:
        raise RecordingError(f"the recording holds an order of {record.venue} that cannot be: {exc}") from exc


def _order_update(record: OrderRecord, extra: type[Extra]) -> OrderUpdate:
    same = {name: getattr(record, name) for name in _SAME if name not in ("extra", "flags", "raw")}
    return OrderUpdate(
        **same,
        created_ns=time_ns(record.created_at) if record.created_at else None,
        updated_ns=time_ns(record.updated_at) if record.updated_at else None,
        received_ns=time_ns(record.received_at),
        gone=record.status == "UNKNOWN" and record.source == "query",
        extra=msgspec.convert(record.extra, extra),
    )


def gap_update(record: GapRecord) -> GapUpdate:
    """A gap that is still open.

    Raises:
        ValueError: A time is not one.
    """
    return GapUpdate(
        venue=record.venue,
        gap=record.gap,
        state="open",
        cause=record.cause,
        from_ns=time_ns(record.from_),
        at_ns=time_ns(record.at),
    )
