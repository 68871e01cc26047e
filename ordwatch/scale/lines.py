"""The lines of a recording, read behind its writer: over rotations, and whatever becomes of older files.

Blocks, and belongs to one thread. Only lines that are durable are asked for; the writer reports how far that is.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ordwatch.core.records import record_time
from ordwatch.core.times import time_ns
from ordwatch.recording.format import MAX_LINE_BYTES, BadLine, Mark, mark, record
from ordwatch.recording.rotation import first_seq_of, older_files
from ordwatch.scale.messages import crcs
from ordwatch.scale.restart import FileState

_SEQ = re.compile(rb'\{"type":"[a-z_]+","seq":([0-9]{1,18}),')
_SCAN_BYTES = 2**16
"""Of a file, when a line is looked for: the rest is found by halving."""


class WholeLine(NamedTuple):
    """A whole line."""

    mark: Mark
    raw: bytes


class RecordingLines:
    """The lines of the recording at `path`. One file is open at a time; it may have been renamed or removed since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._next_seq = 0
        """Of the line at the file's present place."""

    def state(self, last_seq: int) -> FileState:
        """What the recording holds, whose last durable line is `last_seq`.

        Raises:
            OSError: A file cannot be read.
        """
        first_seq = min((seq for seq, _ in self._files()), default=1)
        begun_ns = None
        if first_seq == 1:
            begun_ns = next((at for line in self.read(1, 8, last_seq) if (at := _time_ns(line)) is not None), None)
        return FileState(first_seq, last_seq, begun_ns, lambda seq: self._crcs(seq, last_seq))

    def _crcs(self, seq: int, last_seq: int) -> frozenset[str]:
        lines = self.read(seq, 1, last_seq)
        return crcs(lines[0].raw, seq) if lines and lines[0].mark.seq == seq else frozenset()

    def read(self, seq: int, most: int, last_seq: int) -> list[WholeLine]:
        """At most so many lines from `seq` on, none beyond `last_seq`, in their order.

        If `seq` is not left on disk, they begin with the next line that is. None if there is none yet.

        Raises:
            OSError: A file cannot be read.
        """
        found: list[WholeLine] = []
        reopened = False
        while len(found) < most and seq <= last_seq:
            if self._file is None or self._next_seq != seq:
                if reopened or not self._open_at(seq):
                    break
                reopened = True
            line = self._read_line(last_seq)
            if line is None:  # the end of this file: the next line is in another one, or is not there
                self.close()
                continue
            reopened = False
            found.append(line)
            seq = self._next_seq = line.mark.seq + 1
        return found

    def _read_line(self, last_seq: int) -> WholeLine | None:
        """The next whole line, damaged ones left out; None at the end."""
        assert self._file is not None  # noqa: S101 - `read` has opened it
        while True:
            place = self._file.tell()
            raw = self._file.readline(MAX_LINE_BYTES + 1)
            if not raw:
                return None
            with suppress(BadLine):
                found = mark(raw)
                if found.seq > last_seq:
                    self._file.seek(place)
                    return None
                if found.seq >= self._next_seq:
                    return WholeLine(found, raw)
            if not raw.endswith(b"\n"):
                self._file.seek(place)
                return None

    def _open_at(self, seq: int) -> bool:
        """Open the file that has this line, or the next one that is left; False if there is none."""
        self.close()
        for first_seq, path in self._candidates(seq):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue  # renamed since it was listed: the next time it is found under its new name
            self._file, self._next_seq = file, max(seq, first_seq)
            _seek(file, seq)
            if seq <= first_seq or _has_line(file, seq):
                return True
            self.close()
        return False

    def _candidates(self, seq: int) -> Iterator[tuple[int, Path]]:
        """The file that begins with the line or before it, the latest such first; then those that begin later."""
        files = sorted(self._files())
        before = [file for file in files if file[0] <= seq]
        yield from before[-1:]
        yield from files[len(before) :]

    def _files(self) -> Iterator[tuple[int, Path]]:
        for older in older_files(self._path):
            yield older.first_seq, older.path
        first_seq = first_seq_of(self._path)
        if first_seq is not None:
            yield first_seq, self._path

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _time_ns(line: WholeLine) -> int | None:
    try:
        at = record_time(record(line.raw))
        return time_ns(at) if at is not None else None
    except ValueError:
        return None


def _seek(file: BinaryIO, seq: int) -> None:
    """Go to a line that is not behind the first with this seq or a later one, and near it."""
    low, high = 0, file.seek(0, SEEK_END)
    while high - low > _SCAN_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline(MAX_LINE_BYTES + 1)
        place = file.tell()
        found = _SEQ.match(file.readline(MAX_LINE_BYTES + 1))
        if found is not None and place < high and int(found[1]) <= seq:
            low = place
        else:
            high = middle
    file.seek(low)


def _has_line(file: BinaryIO, seq: int) -> bool:
    """Whether the line, or a later one, follows; the file's place stays where it is."""
    place = file.tell()
    try:
        while raw := file.readline(MAX_LINE_BYTES + 1):
            found = _SEQ.match(raw)
            if found is not None and int(found[1]) >= seq and raw.endswith(b"\n"):
                return True
        return False
    finally:
        file.seek(place)
