import msgspec
import pytest

from ordwatch.core.conversion import gap_record, gap_update, order_record, order_update
from ordwatch.core.errors import RecordingError
from ordwatch.core.events import GapUpdate, OrderUpdate
from ordwatch.core.records import GapRecord, OrderRecord, decode, encode, numbered
from tests.support.toy import ToyExtra, toy_update

ORDER = toy_update("toy", "1", "NEW", "0", "1", now_ns=5_000)


def reread(order: OrderUpdate) -> OrderRecord:
    written = order_record(order, prev_status=None, gap=None, changed=[], flags=[])
    record = decode(numbered(encode(written), 1))
    assert isinstance(record, OrderRecord)
    return record


def test_order_comes_back_as_it_was() -> None:
    assert order_update(reread(ORDER), ToyExtra) == ORDER


def test_unknown_order_comes_back_as_gone() -> None:
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
