"""Reads recordings: the lines of a file and its damage, files in their order, and records with their times.

One line is held at a time. What the records prove is judged elsewhere (core/coverage.py, verify.py).
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from ordwatch.core.errors import InputMissing, RecordingError
from ordwatch.core.records import AnyRecord, record_time
from ordwatch.core.times import time_ns
from ordwatch.recording.format import MAX_LINE_BYTES, BadLine, Mark, mark, record
from ordwatch.recording.inputs import STDIN, Forward, OnRead, Rest, open_input

_SECTOR = 512
_FIRST_BYTES = tuple(
    b'{"type":"%b","seq":' % kind for kind in (b"session", b"prev_session", b"repair", b"rotated_from")
)


class Line(msgspec.Struct, gc=False):
    """A whole line that follows the one before."""

    mark: Mark
    raw: bytes
    offset: int


class Damage(NamedTuple):
    """Bytes that are no line, or a line with the wrong seq; no bytes where lines are missing before a whole one."""

    why: str
    seq: int | None
    """The seq that was expected here; None where any may follow."""
    number: int | None
    """Of the line in the file, from 1; None where reading did not begin with the first."""
    offset: int
    raw: bytes

    @property
    def place(self) -> str:
        """Where it is and what is wrong, for messages."""
        where = f"byte {self.offset}" if self.number is None else f"line {self.number} (byte {self.offset})"
        return f"{where}: {self.why}"


class RecordingFile(NamedTuple):
    """A file and the seq of its first whole line; None if it has none."""

    path: Path
    first_seq: int | None
    begun: Forward | None = None
    """Stdin, which is only read once."""

    @contextmanager
    def open(self, on_read: OnRead | None = None) -> Iterator[BinaryIO]:
        """The file, from its first line on.

        Raises:
            InputMissing: Its compression cannot be read here.
            OSError: It cannot be opened.
        """
        if self.begun is not None:
            yield self.begun
            return
        with open_input(self.path, on_read) as file:
            yield file


class TimedRecord(NamedTuple):
    """A record and when what it reports happened, ns since 1970 UTC; the time of the record before if it has none."""

    at_ns: int
    record: AnyRecord


def read_lines(file: BinaryIO, last_seq: int | None = None, *, start: int = 0) -> Iterator[Line | Damage]:
    """Every line that the file holds now, oldest first; lines that are appended meanwhile are not read.

    `last_seq` is the seq before the first line; None: the first line may have any. `start` is the offset of the first
    line to read. After damage, reading continues with the next line that is whole and newer than the last whole one.
    """
    number = None if start else 0
    offset = start
    size = sys.maxsize if isinstance(file, Forward) else file.seek(0, SEEK_END)
    if start or not isinstance(file, Forward):
        file.seek(start)
    damaged = False
    while offset < size and (raw := file.readline(MAX_LINE_BYTES + 1)):
        number = None if number is None else number + 1
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


def may_be_partial_start(raw: bytes) -> bool:
    """Whether a crash may have left these bytes of a recording's first lines: cut short, or with pages of zeros."""
    rest = raw.lstrip(b"\0")
    if not rest:
        return True
    if len(rest) < len(raw):
        return len(raw) - len(rest) >= _SECTOR and b',"crc":"' in rest
    if raw.endswith(b"\n") and b"\0" not in raw:
        return False
    return any(raw.startswith(first) or first.startswith(raw) for first in _FIRST_BYTES)


def in_order(paths: Sequence[Path]) -> list[RecordingFile]:
    """The files by the seq of their first line; the lock and quarantined bytes of a file among them are left out.

    Raises:
        InputMissing: One of them cannot be read.
    """
    companions = tuple(f"{path}{suffix}" for path in paths for suffix in (".lock", ".torn-", ".checkpoint"))
    files = [path for path in paths if not str(path).startswith(companions)]
    return sorted((_recording_file(path) for path in files), key=lambda file: file.first_seq or 0)


def _recording_file(path: Path) -> RecordingFile:
    if path == STDIN:
        return _stdin()
    try:
        with open_input(path) as file:
            return RecordingFile(path, _first_seq(file))
    except OSError as exc:
        raise InputMissing(f"{path}: cannot be read ({exc.strerror})") from exc


def _first_seq(file: BinaryIO) -> int | None:
    return next((item.mark.seq for item in read_lines(file) if isinstance(item, Line)), None)


def _stdin() -> RecordingFile:
    """Stdin, read up to its first whole line, as far as that is not too far."""
    stdin, begun, first_seq = sys.stdin.buffer, b"", None
    while first_seq is None and len(begun) < 2 * MAX_LINE_BYTES and (line := stdin.readline(MAX_LINE_BYTES + 1)):
        begun += line
        first_seq = _first_seq(BytesIO(line))
    return RecordingFile(STDIN, first_seq, Forward(Rest(begun, stdin)))


def read_records(paths: Sequence[Path], on_read: OnRead | None = None) -> Iterator[TimedRecord]:
    """The records of these files, oldest first. `-` is stdin, read after the files; there lines need no checksum.

    A partial write at the end of a file is ignored.

    Raises:
        InputMissing: A file cannot be read.
        RecordingError: A line is damaged, or not of a recording.
    """
    at_ns = 0
    for item in _records(paths, on_read):
        at = record_time(item)
        if at is not None:
            try:
                at_ns = time_ns(at)
            except ValueError as exc:
                raise RecordingError(f"not a recording of ordwatch: {exc}") from exc
        yield TimedRecord(at_ns, item)


def with_waits(records: Iterable[TimedRecord], speed: float) -> Iterator[tuple[float, TimedRecord]]:
    """The records, each with the seconds to wait before it at `speed` times the pace of the recording."""
    before_ns: int | None = None
    for item in records:
        wait_ns = 0 if before_ns is None else max(0, item.at_ns - before_ns)
        before_ns = item.at_ns
        yield wait_ns / 1e9 / speed, item


def _records(paths: Sequence[Path], on_read: OnRead | None) -> Iterator[AnyRecord]:
    for found in in_order([path for path in paths if path != STDIN]):
        with found.open(on_read) as file:
            yield from _records_of_file(found.path, file)
    if STDIN in paths:
        yield from _records_of_stdin(sys.stdin.buffer)


def _records_of_file(path: Path, file: BinaryIO) -> Iterator[AnyRecord]:
    damage: Damage | None = None
    for item in read_lines(file):
        if isinstance(item, Damage):
            damage = damage or item
            continue
        if damage is not None:
            break
        try:
            yield record(item.raw)
        except BadLine as exc:
            raise RecordingError(f"{path}: byte {item.offset}: {exc}") from exc
    else:
        if damage is None or damage.offset > 0:
            return
    raise RecordingError(f"{path}: {damage.place}; run `ordwatch verify {path}` for details")


def _records_of_stdin(file: BinaryIO) -> Iterator[AnyRecord]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        try:
            yield record(raw)
        except BadLine as exc:
            if not raw.endswith(b"\n") and len(raw) <= MAX_LINE_BYTES:
                return
            raise RecordingError(f"stdin: line {number}: {exc}") from exc
