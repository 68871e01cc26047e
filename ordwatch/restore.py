"""An order record read back from a recording, as the state the book held."""

import msgspec

from ordwatch.model import Extra, OrderUpdate
from ordwatch.records import OrderRecord
from ordwatch.text import time_ns

_SAME = tuple(name for name in OrderUpdate.__struct_fields__ if name in OrderRecord.__struct_fields__)


def order_update(record: OrderRecord, extra: type[Extra]) -> OrderUpdate:
    """The merged state behind a record.

    Raises:
        msgspec.ValidationError: Its `extra` is not this venue's.
        ValueError: A time is not one.
    """
    same = {name: getattr(record, name) for name in _SAME if name not in ("extra", "flags", "raw")}
    return OrderUpdate(
        **same,
        created_ns=time_ns(record.created_at) if record.created_at else None,
        updated_ns=time_ns(record.updated_at) if record.updated_at else None,
        received_ns=time_ns(record.received_at),
        gone=record.status == "UNKNOWN" and record.source == "query",
        extra=msgspec.convert(record.extra, extra),
    )
