"""A line of a recording: a record, its seq, and as last member the CRC-32 of all bytes before `,"crc"`."""

from typing import Annotated
from zlib import crc32

import msgspec

from ordwatch.core.records import AnyRecord, Time, decode

MAX_LINE_BYTES = 16 * 2**20
"""No line is written or read beyond this."""

_TAIL_OF = b',"crc":"%08x"}\n'
_TAIL = len(_TAIL_OF % 0)
_SEAL = _TAIL_OF[:8]


class BadLine(ValueError):
    """Not a whole line of a recording; the message says what is wrong with it."""


class Mark(msgspec.Struct, frozen=True, gc=False):
    """What can be told of any line without decoding the whole record; None where the record has no such key."""

    type: str
    seq: Annotated[int, msgspec.Meta(ge=1, lt=2**62)]
    venue: str | None = None
    environment: str | None = None
    account: str | None = None
    order_id: str | None = None
    final: bool | None = None
    flags: tuple[str, ...] = ()
    source: str | None = None
    received_at: Time | None = None
    at: Time | None = None

    @property
    def time(self) -> Time | None:
        """When what the record says was so."""
        return self.received_at or self.at


_decoder = msgspec.json.Decoder(Mark)


def sealed(line: bytes, seq: int) -> bytes:
    """An encoded record as a whole line of a recording."""
    comma = line.index(b",")
    body = b'%b,"seq":%d%b' % (line[:comma], seq, line[comma:-1])
    return body + _TAIL_OF % crc32(body)


def mark(line: bytes) -> Mark:
    """What a whole and undamaged line is.

    Raises:
        BadLine: It is not.
    """
    # Compared as text: int(x, 16) would take an upper-case digit for the same.
    if line[-_TAIL:] != _TAIL_OF % crc32(line[:-_TAIL]):
        raise BadLine(_why(line))
    try:
        return _decoder.decode(line)
    except (ValueError, RecursionError) as exc:
        raise BadLine("not a record") from exc


def _why(line: bytes) -> str:
    if not line.endswith(b"\n"):
        return "too long" if len(line) > MAX_LINE_BYTES else "no line end"
    return "checksum" if line[-_TAIL:-11] == _SEAL else "no checksum"


def record(line: bytes) -> AnyRecord:
    """The record in a line.

    Raises:
        BadLine: Not a record of this schema.
    """
    try:
        return decode(line)
    except (ValueError, RecursionError) as exc:
        raise BadLine("not a record of this schema") from exc


def unsealed(line: bytes) -> bytes:
    """The line without its checksum and line end."""
    return line[:-_TAIL] + b"}" if line[-_TAIL:-11] == _SEAL else line.rstrip(b"\n")
