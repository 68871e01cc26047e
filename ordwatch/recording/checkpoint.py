"""A checkpoint: all that the next session needs of a recording up to one line, so that it reads only what follows.

It is a shortcut and nothing more. Its digest covers all of it, its last line must be in its place, every line that
it points to must be whole, and its files must be those that lead up to the last one. Else all is read as without it.
It is only made of lines that are synced: after a power failure none of them is missing.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from ordwatch import __version__, system
from ordwatch.core.errors import OrdwatchError
from ordwatch.recording.files import Files, Segment, check_file
from ordwatch.recording.format import BadLine, mark, mark_unchecked
from ordwatch.recording.history import History
from ordwatch.recording.inputs import open_input
from ordwatch.recording.reading import Damage, Line, read_lines

LINES = 50_000
"""A new checkpoint is made after so many lines; reading them takes a third of a second."""
MAX_BYTES = 2**28

_HEADER = b"ordwatch checkpoint 1\n"
_DIGEST_BYTES = 32

log = logging.getLogger(__name__)


class LinePlace(msgspec.Struct, frozen=True, array_like=True):
    """A line, by what finds it again and proves that it is the same."""

    file: int
    """The seq of the first line of its file, which the file keeps under every name."""
    offset: int
    size: int
    seq: int
    crc: str

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.size


class _Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    version: str
    last: LinePlace
    history: History


class Restored(NamedTuple):
    """The state up to a line, as reading up to it would have made it."""

    history: History
    last: LinePlace
    last_type: str


def checkpoint_name(path: Path) -> Path:
    """The file that holds the checkpoint of the recording at `path`."""
    return path.with_name(f"{path.name}.checkpoint")


def load_checkpoint(path: Path, files: Mapping[int, Path]) -> Restored | None:
    """The state in the checkpoint of the recording at `path`; None unless everything in it proves right.

    `files` are those of the recording, oldest first, by the seq of their first line.
    """
    try:
        saved = _read(checkpoint_name(path))
        if saved is None or saved.version != __version__:
            return None
        history, last = saved.history, saved.last
        if list(files)[: len(history.files)] != history.files or history.files[-1:] != [last.file]:
            return None
        last_type = _type_in_place(files[last.file], last)
        if last_type is None or not history.orders(files).are_whole():
            return None
    except (OSError, OrdwatchError, ValueError, RecursionError) as exc:
        log.debug("%s: checkpoint not used: %s", path, exc)
        return None
    return Restored(history, last, last_type)


def _read(path: Path) -> _Checkpoint | None:
    try:
        fd = os.open(path, os.O_RDONLY | system.open_flags("CLOEXEC", "NOFOLLOW", "NONBLOCK"))
    except FileNotFoundError:
        return None
    with open(fd, "rb") as file:
        check_file(path, os.fstat(fd))
        content = file.read(MAX_BYTES)
    digest, payload = content[len(_HEADER) :][:_DIGEST_BYTES], content[len(_HEADER) + _DIGEST_BYTES :]
    if not content.startswith(_HEADER) or sha256(payload).digest() != digest:
        return None
    return msgspec.msgpack.decode(payload, type=_Checkpoint)


def _type_in_place(path: Path, last: LinePlace) -> str | None:
    """The type of the line, if it is there and whole and no other."""
    before = min(last.offset, 1)
    with open_input(path) as file:
        file.seek(last.offset - before)
        if before and file.read(1) != b"\n":
            return None
        raw = file.readline(last.size)
    try:
        found = mark(raw)
    except BadLine:
        return None
    same = len(raw) == last.size and found.seq == last.seq and _crc(raw) == last.crc
    return found.type if same else None


def _crc(line: bytes) -> str:
    return line[-11:-3].decode("ascii", "replace")


def _whole_lines(file: BinaryIO, start: int) -> Iterator[bytes]:
    for item in read_lines(file, start=start):
        if isinstance(item, Damage):
            raise BadLine(item.place)
        yield item.raw


class Checkpoints:
    """Follows the lines that a writer adds, with the state that recovery has read, and saves it after a sync.

    Belongs to the writer's thread. Whatever fails here costs the next session time, and nothing else.
    """

    def __init__(self, files: Files, path: Path, history: History, *, unsaved: int) -> None:
        """`unsaved`: lines in the state that no checkpoint holds."""
        self._files = files
        self._path = checkpoint_name(path)
        self._history: History | None = history
        self._unsaved = unsaved
        self._file = 0
        self._end = 0
        self._last = b""

    def continue_file(self, file: Segment, end: int) -> None:
        """The state has read `file` up to the offset `end`; read what was added since."""
        if self._history is not None and self._history.files[-1:] != [file.first_seq]:
            self._history.next_file(file.first_seq)
        self._file, self._end = file.first_seq, end
        try:
            with file.path.open("rb") as opened:
                self.written(list(_whole_lines(opened, end)))
        except (OSError, BadLine) as exc:
            self._give_up(exc)

    def next_file(self, file: Segment) -> None:
        """The recording continues in `file`, after a rotation."""
        self.continue_file(file, 0)

    def restart(self, file: Segment) -> None:
        """What was before `file` is not found by its name any more: the next session will not read it either."""
        self._history = History()
        self._last = b""
        self.continue_file(file, 0)

    def written(self, lines: Sequence[bytes]) -> None:
        """Take lines that were written to the file."""
        history, end = self._history, self._end
        if history is None:
            return
        try:
            for raw in lines:
                history.line(Line(mark_unchecked(raw), raw, end))
                end += len(raw)
                self._last = raw
        except (ValueError, RecursionError) as exc:
            self._give_up(exc)
        self._end = end
        self._unsaved += len(lines)

    def synced(self) -> None:
        """All lines taken are synced: save the state, if enough of them are new."""
        if self._unsaved >= LINES and self._history is not None and self._last:
            raw = self._last
            last = LinePlace(self._file, self._end - len(raw), len(raw), mark_unchecked(raw).seq, _crc(raw))
            self._save(_Checkpoint(__version__, last, self._history))
            self._unsaved = 0

    def _give_up(self, why: Exception) -> None:
        log.debug("%s: no more checkpoints: %s", self._path, why)
        self._history = None

    def _save(self, checkpoint: _Checkpoint) -> None:
        fresh = self._path.with_name(f"{self._path.name}.tmp")
        try:
            payload = msgspec.msgpack.encode(checkpoint)
            with suppress(FileNotFoundError):
                self._files.remove(fresh)
            fd = self._files.create(fresh)
            try:
                left = memoryview(b"".join((_HEADER, sha256(payload).digest(), payload)))
                while left:
                    left = left[self._files.write(fd, left) :]
            finally:
                self._files.close(fd)
            # Not synced: the digest shows what a power failure has left of it.
            self._files.rename(fresh, self._path)
        except (OSError, OverflowError, ValueError) as exc:
            log.debug("%s: not saved: %s", self._path, exc)
            with suppress(OSError):
                self._files.remove(fresh)
