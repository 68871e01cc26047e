import msgspec
import pytest
from hypothesis import given

from ordwatch.core.conversion import gap_record, gap_update, order_record, order_update
from ordwatch.core.errors import RecordingError
from ordwatch.core.events import FINAL, GapUpdate, OrderStatus, OrderUpdate
from ordwatch.core.records import GapRecord, OrderRecord, decode, encode, numbered
from ordwatch.core.times import time_text
from tests.core.test_packed_states import STATES
from tests.support.toy import ToyExtra, toy_update

ORDER = toy_update("toy", "1", "NEW", "0", "1", now_ns=5_000)


def reread(order: OrderUpdate) -> OrderRecord:
    written = order_record(order, prev_status=None, gap=None, changed=[], flags=[])
    record = decode(numbered(encode(written), 1))
    assert isinstance(record, OrderRecord)
    return record


def test_order_comes_back_as_it_was() -> None:
    assert order_update(reread(ORDER), ToyExtra) == ORDER


ITS_OWN_NAME = OrderUpdate(
    **{name: name for name in OrderUpdate.__struct_fields__ if not name.endswith("_ns")},  # type: ignore[arg-type]  # a name in each field
    created_ns=1_000,
    updated_ns=2_000,
    received_ns=3_000,
)


def test_every_field_of_a_record_has_the_value_of_its_name() -> None:
    record = order_record(
        ITS_OWN_NAME, prev_status=OrderStatus.NEW, gap="gap", changed=["changed"], flags=["flags"], raw="raw"
    )

    assert msgspec.structs.asdict(record) == {name: name for name in OrderRecord.__struct_fields__} | {
        "prev_status": OrderStatus.NEW,
        "final": False,
        "created_at": time_text(1_000),
        "updated_at": time_text(2_000),
        "received_at": time_text(3_000),
        "changed": ("changed",),
        "flags": ("flags",),
        "collector": None,
        "stream_seq": None,
    }


@given(order=STATES)
def test_what_was_never_reported_is_null_and_nothing_remains_of_what_is_final(order: OrderUpdate) -> None:
    record = order_record(order, prev_status=None, gap=None, changed=[], flags=[])

    assert record.symbol == (order.symbol or "")
    assert record.reason == (order.reason or None)
    assert record.final is (order.status in FINAL)
    assert record.remaining_qty == ("0" if order.status in FINAL else order.remaining_qty)
    assert record.created_at == (None if order.created_ns is None else time_text(order.created_ns))
    assert record.updated_at == (None if order.updated_ns is None else time_text(order.updated_ns))


def test_unknown_order_comes_back_as_not_found() -> None:
    lost = msgspec.structs.replace(ORDER, status="UNKNOWN", source="query", not_found=True)

    assert order_update(reread(lost), ToyExtra).not_found


@pytest.mark.parametrize(
    "changes", [{"extra": {"note": 5}}, {"extra": "none"}, {"updated_at": "yesterday"}, {"received_at": ""}], ids=str
)
def test_what_cannot_be_is_a_damaged_recording(changes: dict[str, object]) -> None:
    with pytest.raises(RecordingError):
        order_update(msgspec.structs.replace(reread(ORDER), **changes), ToyExtra)


def test_gap_comes_back_as_it_was() -> None:
    gap = GapUpdate(venue="toy", gap="toy-3", state="open", cause="eof", from_ns=1_000, at_ns=2_000)
    record = decode(numbered(encode(gap_record(gap, recovered=None)), 1))
    assert isinstance(record, GapRecord)

    assert gap_update(record) == gap
