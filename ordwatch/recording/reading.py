"""The lines of a file, and what is wrong with those that are none. Nothing is held but one line."""

from collections.abc import Iterator
from os import SEEK_END
from typing import BinaryIO, NamedTuple

import msgspec

from ordwatch.recording.format import MAX_LINE_BYTES, BadLine, Mark, mark

_SECTOR = 512
_BEGINNINGS = tuple(b'{"type":"%b","seq":' % kind for kind in (b"session", b"prev_session", b"repair", b"rotated_from"))


class Line(msgspec.Struct, gc=False):
    """A whole line in its place."""

    mark: Mark
    raw: bytes
    offset: int


class Damage(NamedTuple):
    """Bytes that are no line in their place; none if a line only follows the wrong one."""

    why: str
    seq: int | None
    """Where a line with this seq was expected; None where any may stand."""
    number: int
    offset: int
    raw: bytes

    @property
    def place(self) -> str:
        """Where it is and what, for people."""
        return f"line {self.number} (byte {self.offset}): {self.why}"


def read_lines(file: BinaryIO, last_seq: int | None = None) -> Iterator[Line | Damage]:
    """Every line that the file holds now, oldest first; what is written to it meanwhile is not read.

    `last_seq` is the seq before the first; None if that may be any. After damage it goes on with the next line that
    is whole and newer than the last whole one.
    """
    number = 0
    offset = 0
    size = file.seek(0, SEEK_END)
    file.seek(0)
    damaged = False
    while offset < size and (raw := file.readline(MAX_LINE_BYTES + 1)):
        number += 1
        expected = None if last_seq is None else last_seq + 1
        try:
            found = mark(raw)
        except BadLine as exc:
            yield Damage(str(exc), expected, number, offset, raw)
            damaged = True
        else:
            seq = found.seq
            if expected is None or seq == expected or (damaged and seq > expected):
                yield Line(found, raw, offset)
                last_seq = seq
            elif seq > expected:
                yield Damage(f"seq {seq} instead of {expected}", expected, number, offset, b"")
                yield Line(found, raw, offset)
                last_seq = seq
            else:
                yield Damage(f"seq {seq} instead of {expected}", expected, number, offset, raw)
            damaged = False
        offset += len(raw)


def may_be_torn_begin(raw: bytes) -> bool:
    """Whether these bytes may be what a crash left of a recording's first lines: cut, or with pages of zeros."""
    rest = raw.lstrip(b"\0")
    if not rest:
        return True
    if len(rest) < len(raw):
        return len(raw) - len(rest) >= _SECTOR and b',"crc":"' in rest
    if raw.endswith(b"\n") and b"\0" not in raw:
        return False
    return any(raw.startswith(beginning) or beginning.startswith(raw) for beginning in _BEGINNINGS)
