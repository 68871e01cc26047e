"""Recordings read back as records with their times. Nothing is judged again: that is verify's."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ordwatch.core.errors import RecordingError
from ordwatch.core.records import AnyRecord, record_time
from ordwatch.core.times import time_ns
from ordwatch.recording.format import MAX_LINE_BYTES, BadLine, record
from ordwatch.recording.reading import Damage, read_lines
from ordwatch.recording.verify import in_order

STDIN = Path("-")


class Recorded(NamedTuple):
    """A record as it was recorded."""

    at_ns: int
    """When what it says was so, ns since 1970 UTC; as the record before where it has no time."""
    record: AnyRecord


def recorded(paths: Sequence[Path]) -> Iterator[Recorded]:
    """The records of these files, oldest first. `-` is stdin, read after the files; there lines need no checksum.

    A torn tail is passed over.

    Raises:
        InputMissing: A file cannot be read.
        RecordingError: A line is damaged, or not of a recording.
    """
    at_ns = 0
    for item in _records(paths):
        at = record_time(item)
        if at is not None:
            try:
                at_ns = time_ns(at)
            except ValueError as exc:
                raise RecordingError(f"not a recording of ordwatch: {exc}") from exc
        yield Recorded(at_ns, item)


def paced(records: Iterable[Recorded], speed: float) -> Iterator[tuple[float, Recorded]]:
    """The records, each with the seconds to wait before it at `speed` times the pace of the recording."""
    before_ns: int | None = None
    for item in records:
        wait_ns = 0 if before_ns is None else max(0, item.at_ns - before_ns)
        before_ns = item.at_ns
        yield wait_ns / 1e9 / speed, item


def _records(paths: Sequence[Path]) -> Iterator[AnyRecord]:
    for peeked in in_order([path for path in paths if path != STDIN]):
        with peeked.path.open("rb") as file:
            yield from _of_file(peeked.path, file)
    if STDIN in paths:
        yield from _of_stdin(sys.stdin.buffer)


def _of_file(path: Path, file: BinaryIO) -> Iterator[AnyRecord]:
    torn: Damage | None = None
    for item in read_lines(file):
        if isinstance(item, Damage):
            torn = torn or item
            continue
        if torn is not None:
            break
        try:
            yield record(item.raw)
        except BadLine as exc:
            raise RecordingError(f"{path}: byte {item.offset}: {exc}") from exc
    else:
        if torn is None or torn.offset > 0:
            return
    raise RecordingError(f"{path}: {torn.place}; see `ordwatch verify {path.name}`")


def _of_stdin(file: BinaryIO) -> Iterator[AnyRecord]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        try:
            yield record(raw)
        except BadLine as exc:
            if not raw.endswith(b"\n") and len(raw) <= MAX_LINE_BYTES:
                return
            raise RecordingError(f"stdin: line {number}: {exc}") from exc
