"""Reads a recording while it is written: what it holds now, then what is added, through rotations and repairs."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ordwatch.core.errors import InputMissing, RecordingError
from ordwatch.core.records import AnyRecord
from ordwatch.recording.format import MAX_LINE_BYTES, BadLine, Mark, mark, record
from ordwatch.recording.inputs import open_input
from ordwatch.recording.reading import may_be_partial_start
from ordwatch.recording.rotation import older_files


class FollowedRecording:
    """The recording at a path, from its oldest file on. Holds the file that it reads open, and one line."""

    def __init__(self, path: Path) -> None:
        """Raises:
        InputMissing: There is no such file, or it cannot be read.
        """
        self._path = path
        self._last_seq: int | None = None
        self._file = self._opened()
        self._offset = 0
        self._begun = False

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def take(self) -> Iterator[AnyRecord]:
        """Every record that was not taken yet, oldest first. A partial write at the end is left for the next time.

        Raises:
            InputMissing: A file cannot be read.
            RecordingError: A line is damaged or missing, or the file is no recording.
        """
        if not self._begun:
            self._begun = True
            yield from self._older()
        yield from self._lines()
        while self._went_on():
            yield from self._lines()  # what was added before the file lost its name
            following = self._opened()
            self._file.close()
            yield from self._older()
            self._file, self._offset = following, 0
            yield from self._lines()

    def _opened(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as exc:
            raise InputMissing(f"{self._path}: cannot be read ({exc.strerror})") from exc

    def _went_on(self) -> bool:
        """Whether another file has the name now. Between two steps of a rotation none has it."""
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False

    def _older(self) -> Iterator[AnyRecord]:
        """The records of rotated files that were not taken yet."""
        current, offset = self._file, self._offset
        for older in older_files(self._path):
            if self._last_seq is not None and older.last_seq <= self._last_seq:
                continue
            with open_input(older.path) as self._file:
                self._offset = 0
                yield from self._lines()
        self._file, self._offset = current, offset

    def _lines(self) -> Iterator[AnyRecord]:
        self._file.seek(self._offset)
        while (raw := self._file.readline(MAX_LINE_BYTES + 1)).endswith(b"\n"):
            try:
                found = mark(raw)
            except BadLine as exc:
                self._refuse_if_damaged(raw, exc)
                return
            self._offset += len(raw)
            if self._is_next(found):
                self._last_seq = found.seq
                try:
                    yield record(raw)
                except BadLine as exc:
                    raise RecordingError(f"{self._path}: seq {found.seq}: {exc}") from exc

    def _is_next(self, found: Mark) -> bool:
        """Whether the line was not taken yet.

        Raises:
            RecordingError: Lines before it are missing.
        """
        if self._last_seq is not None and found.seq > self._last_seq + 1:
            raise RecordingError(f"{self._path}: seq {found.seq} instead of {self._last_seq + 1}: lines are missing")
        return self._last_seq is None or found.seq > self._last_seq

    def _refuse_if_damaged(self, raw: bytes, why: BadLine) -> None:
        """Damage at the end is what a crash left, and the next session removes it; elsewhere it is damage.

        Raises:
            RecordingError: It is damage, or the file is no recording.
        """
        if self._last_seq is None and not self._offset and not may_be_partial_start(raw):
            raise RecordingError(f"{self._path}: not a recording of ordwatch ({why})")
        while following := self._file.readline(MAX_LINE_BYTES + 1):
            try:
                mark(following)
            except BadLine:
                continue
            raise RecordingError(
                f"{self._path}: byte {self._offset}: {why}; run `ordwatch verify {self._path}` for details"
            )
