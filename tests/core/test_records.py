import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.conversion import gap_record, link_record, order_record, reject_record
from ordwatch.core.escaping import MAX_TEXT, UNSAFE
from ordwatch.core.events import GapUpdate, LinkUpdate, OrderStatus, OrderUpdate, Reject
from ordwatch.core.records import (
    AnyRecord,
    OrderRecord,
    OutputRecord,
    RotateRecord,
    decode,
    encode,
    for_outputs,
    numbered,
    record_time,
)
from tests.support.any_record import any_record
from tests.support.toy import ToyExtra

ORDER = OrderUpdate(
    venue="toy",
    order_id="4624530513294751114",
    status=OrderStatus.NEW,
    venue_status="RECEIVED",
    received_ns=1_743_244_437_255_000_000,
    source="push",
    extra=ToyExtra(),
)


def written(**changes: object) -> dict[str, object]:
    order: dict[str, object] = json.loads(encode(record(**changes)))
    return order


def record(**changes: object) -> OrderRecord:
    order = msgspec.structs.replace(ORDER, **changes)
    return order_record(order, prev_status=None, gap=None, changed=[], flags=[])


def test_every_key_is_there_in_the_fixed_order() -> None:
    assert list(written()) == [
        "type",
        "venue",
        "environment",
        "account",
        "order_id",
        "order_id_ext",
        "client_order_id",
        "symbol",
        "name",
        "side",
        "order_type",
        "time_in_force",
        "status",
        "venue_status",
        "prev_status",
        "final",
        "reason",
        "qty",
        "filled_qty",
        "remaining_qty",
        "price",
        "stop_price",
        "avg_price",
        "filled_value",
        "fee",
        "fee_currency",
        "currency",
        "remark",
        "created_at",
        "updated_at",
        "received_at",
        "source",
        "gap",
        "changed",
        "flags",
        "extra",
        "collector",
        "stream_seq",
        "raw",
    ]


def test_seq_stands_behind_type() -> None:
    line = numbered(encode(record()), 17)

    assert list(json.loads(line))[:3] == ["type", "seq", "venue"]
    assert json.loads(line)["seq"] == 17


def test_remaining_is_zero_once_final() -> None:
    assert written(status=OrderStatus.CANCELED, remaining_qty="3")["remaining_qty"] == "0"


def test_empty_reason_is_null() -> None:
    assert written(reason="")["reason"] is None


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_is_one_safe_line_and_reads_back(text: str) -> None:
    line = encode(record(name=text))

    assert not UNSAFE.search(line.decode())
    assert json.loads(line)["name"] == text


def test_no_unsafe_character_is_written_whatever_stands_around_it() -> None:
    unsafe = [
        char for char in map(chr, range(0x80, 0x110000)) if UNSAFE.fullmatch(char) and not "\ud800" <= char < "\ue000"
    ]

    assert [f"U+{ord(char):04X}" for char in unsafe if char.encode() in encode(record(name=char))] == []


def test_lone_surrogates_are_escaped() -> None:
    assert rb"\ud800" in encode(record(name="a\ud800b"))


def test_long_text_is_cut_with_a_mark() -> None:
    name = written(name="n" * 10_000)["name"]

    assert name == "n" * (MAX_TEXT - 1) + "…"


def test_chinese_text_stays_readable() -> None:
    assert "腾讯控股".encode() in encode(record(name="腾讯控股"))


def test_a_record_reads_back() -> None:
    line = numbered(encode(record(qty="100")), 1)

    assert msgspec.to_builtins(decode(line)) == msgspec.to_builtins(record(qty="100"))


def test_the_time_of_a_record_is_when_we_learnt_it() -> None:
    link = link_record(LinkUpdate(venue="toy", conn=1, state="live", at_ns=1_700_000_000_000_000_000))

    assert record_time(link) == link.at
    assert record_time(record(updated_ns=1_000)) == "2025-03-29T10:33:57.255000Z"


def test_a_record_of_the_files_own_has_no_time() -> None:
    assert record_time(RotateRecord(next="a", last_seq=1)) is None


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(b'{"type":"nothing"}')


def test_a_gap_has_its_keys_in_the_fixed_order() -> None:
    gap = GapUpdate(venue="toy", gap="toy-1", state="open", cause="eof", from_ns=1, at_ns=2)

    assert list(json.loads(encode(gap_record(gap, recovered=None)))) == (
        ["type", "venue", "gap", "state", "cause", "from", "to", "outcome", "recovered", "limits", "at"]
    )


def test_a_link_has_its_keys_in_the_fixed_order() -> None:
    link = LinkUpdate(venue="toy", conn=1, state="live", at_ns=2)

    assert list(json.loads(encode(link_record(link)))) == ["type", "venue", "conn", "state", "detail", "wait_s", "at"]


def test_reject_shows_the_first_sixteen_bytes() -> None:
    reject = Reject(venue="toy", reason="sha1", data=b"0123456789abcdefXYZ", size=19, missed=True, at_ns=1)
    reported = json.loads(encode(reject_record(reject)))

    assert reported["head"] == b"0123456789abcdef".hex()
    assert reported["bytes"] == 19


@given(st.integers(min_value=0, max_value=10**18))
def test_times_have_six_decimals(ns: int) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", str(written(received_ns=ns)["received_at"]))


@given(any_record())
def test_outputs_share_the_json_that_the_record_has_by_itself(record: AnyRecord) -> None:
    shared = OutputRecord(record)

    assert (shared.json, shared.json) == (encode(record), encode(record))


@given(any_record(), st.integers(1, 2**62))
def test_a_line_of_any_record_is_its_json_with_one_more_key(record: AnyRecord, seq: int) -> None:
    members = json.loads(encode(record))
    kind = members.pop("type")

    line = numbered(OutputRecord(record).json, seq)

    assert list(json.loads(line).items()) == [("type", kind), ("seq", seq), *members.items()]


def test_the_json_of_a_record_is_made_once() -> None:
    shared = OutputRecord(record())

    assert shared.json is shared.json


def test_every_output_gets_the_same_records_in_their_order() -> None:
    reported = [record(order_id="1"), record(order_id="2")]

    assert [shared.record for shared in for_outputs(reported)] == reported
