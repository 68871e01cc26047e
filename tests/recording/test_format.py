from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.records import encode
from ordwatch.recording.format import MAX_LINE_BYTES, BadLine, mark, record, with_crc, without_crc
from tests.recording.samples import at, order
from tests.support.cases import case

LINE = with_crc(encode(order("42", second=7)), 5)


def test_checksum_covers_all_bytes_before_its_comma() -> None:
    body, _, tail = LINE.rpartition(b',"crc":"')

    assert tail == b'%08x"}\n' % crc32(body)


def test_seq_stands_behind_the_type() -> None:
    assert LINE.startswith(b'{"type":"order","seq":5,"venue":"alpha",')


def test_mark_is_what_a_line_is() -> None:
    found = mark(LINE)

    assert (found.type, found.seq, found.order_id, found.final, found.time) == ("order", 5, "42", False, at(7))


def test_record_comes_back_as_it_was() -> None:
    assert encode(record(LINE)) == encode(order("42", second=7))


def test_line_without_crc_has_no_checksum() -> None:
    assert without_crc(LINE) == LINE.rpartition(b',"crc":"')[0] + b"}"


def test_every_flipped_bit_is_found() -> None:
    for bit in range(8 * len(LINE)):
        flipped = bytearray(LINE)
        flipped[bit // 8] ^= 1 << bit % 8

        with case("bit", bit), pytest.raises(BadLine):
            mark(bytes(flipped))


def test_upper_case_checksum_is_another_text() -> None:
    line = next(
        line for line in (with_crc(encode(order(str(n))), 1) for n in range(99)) if line[-11:-3].upper() != line[-11:-3]
    )

    with pytest.raises(BadLine, match="checksum"):
        mark(line[:-11] + line[-11:-3].upper() + line[-3:])


def test_every_cut_line_is_found() -> None:
    for cut in range(1, len(LINE)):
        with case("cut", cut), pytest.raises(BadLine):
            mark(LINE[:cut])


def crafted(body: bytes) -> bytes:
    """A line whose checksum is right whatever it holds."""
    return body + b',"crc":"%08x"}\n' % crc32(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"order","seq":true',
        b'{"type":"order","seq":0',
        b'{"type":"order","seq":1e3',
        b'{"type":"order","seq":' + b"9" * 5000,
        b'{"type":7,"seq":1',
        b'{"type":"\xff","seq":1',
        b'{"type":"order","seq":1,"x":NaN',
        b'{"type":"order","seq":1,"x":' + b"[" * 100_000 + b"]" * 100_000,
        b'["order",1',
        b"",
    ],
    ids=["boolean", "zero", "float", "huge", "type", "text", "nan", "deep", "list", "empty"],
)
def test_right_checksum_does_not_make_a_record(body: bytes) -> None:
    with pytest.raises(BadLine, match="not a record"):
        mark(crafted(body))


def test_line_beyond_the_limit_is_named_so() -> None:
    with pytest.raises(BadLine, match="too long"):
        mark(b" " * (MAX_LINE_BYTES + 1))


@given(st.text(), st.integers(1, 2**60))
def test_any_text_survives(text: str, seq: int) -> None:
    line = with_crc(encode(order("1", remark=text)), seq)

    assert (mark(line).seq, line.count(b"\n")) == (seq, 1)
