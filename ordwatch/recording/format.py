"""A line of a recording: a record, its seq, and as last member the CRC-32 of all bytes before `,"crc"`.

Lines are made from a record's JSON and checked byte for byte; only `mark` and `record` parse them.
"""

from typing import Annotated
from zlib import crc32

import msgspec

from ordwatch.core.records import AnyRecord, Time, decode

MAX_LINE_BYTES = 16 * 2**20
"""No line is written or read beyond this."""

_CRC_MEMBER = b',"crc":"%08x"}\n'
_CRC_BYTES = len(_CRC_MEMBER % 0)
_CRC_KEY = _CRC_MEMBER[:8]


class BadLine(ValueError):
    """Not a whole line of a recording; the message is a short reason."""


class Mark(msgspec.Struct, frozen=True, gc=False):
    """The keys of a line that are needed without its whole record; None where the record has no such key."""

    type: str
    seq: Annotated[int, msgspec.Meta(ge=1, lt=2**62)]
    venue: str | None = None
    environment: str | None = None
    account: str | None = None
    order_id: str | None = None
    final: bool | None = None
    flags: tuple[str, ...] = ()
    source: str | None = None
    collector: str | None = None
    stream_seq: int | None = None
    received_at: Time | None = None
    at: Time | None = None

    @property
    def time(self) -> Time | None:
        """When an order was received, or when something else happened."""
        return self.received_at or self.at


_decoder = msgspec.json.Decoder(Mark)


def with_crc(line: bytes, seq: int) -> bytes:
    """The JSON of a record, as from `encode`, as a whole line of a recording.

    Only the first comma is looked for: what follows the type is taken as it is, shared with every other output.
    """
    comma = line.index(b",")
    body = b'%b,"seq":%d%b' % (line[:comma], seq, line[comma:-1])
    return body + _CRC_MEMBER % crc32(body)


def mark(line: bytes) -> Mark:
    """The keys of a line, which is whole and undamaged.

    Raises:
        BadLine: It is not.
    """
    # Compared as text: int(x, 16) would take an upper-case digit for the same.
    if line[-_CRC_BYTES:] != _CRC_MEMBER % crc32(line[:-_CRC_BYTES]):
        raise BadLine(_why(line))
    try:
        return _decoder.decode(line)
    except (ValueError, RecursionError) as exc:
        raise BadLine("not a record") from exc


def is_whole(line: bytes, kind: bytes) -> bool:
    """Whether it is a whole, undamaged line of a record of this type."""
    return line.startswith(b'{"type":"%b","seq":' % kind) and line[-_CRC_BYTES:] == _CRC_MEMBER % crc32(
        line[:-_CRC_BYTES]
    )


def mark_unchecked(line: bytes) -> Mark:
    """The keys of a line that was just made or checked.

    Raises:
        ValueError: Not a record.
    """
    return _decoder.decode(line)


def _why(line: bytes) -> str:
    if not line.endswith(b"\n"):
        return "too long" if len(line) > MAX_LINE_BYTES else "no line end"
    return "checksum" if line[-_CRC_BYTES:-11] == _CRC_KEY else "no checksum"


def crc_of(line: bytes) -> str:
    """The checksum in a whole line."""
    return line[-11:-3].decode("ascii")


def record(line: bytes) -> AnyRecord:
    """The record in a line.

    Raises:
        BadLine: Not a record of this schema.
    """
    try:
        return decode(line)
    except (ValueError, RecursionError) as exc:
        raise BadLine("not a record of this schema") from exc


def without_crc(line: bytes) -> bytes:
    """The line without its checksum and line end."""
    return line[:-_CRC_BYTES] + b"}" if line[-_CRC_BYTES:-11] == _CRC_KEY else line.rstrip(b"\n")
