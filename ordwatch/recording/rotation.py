"""When a recording continues in another file, and the steps to it.

After any two steps a kill leaves a state that recovery recognises and completes: the file ends with `rotate`;
an unfinished next file is beside it; the file has its last name and the next one not yet its own.
"""

import errno
import os
import re
from contextlib import ExitStack, suppress
from pathlib import Path
from time import gmtime, strftime, time_ns
from typing import NamedTuple

from ordwatch import system
from ordwatch.core.errors import OutputError, RecordingBusy, UsageError
from ordwatch.core.records import RotatedFromRecord, encode
from ordwatch.recording.files import Fault, Files, Segment, is_locked_elsewhere
from ordwatch.recording.format import BadLine, record, with_crc
from ordwatch.recording.inputs import COMPRESSED, open_input
from ordwatch.recording.reading import Line, read_lines

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
_SIZE = re.compile(r"([1-9][0-9]{0,11})([KMG]?)", re.ASCII)
_ROTATED_NAME = re.compile(
    r"(.+)\.([1-9][0-9]{0,17})-([1-9][0-9]{0,17})(?:" + "|".join(map(re.escape, COMPRESSED)) + ")?",
    re.ASCII | re.DOTALL,
)
NS_A_DAY = 86_400 * 10**9


class Rotation(NamedTuple):
    """When to continue in a new file: before it grows past `max_bytes`, or at each new UTC day, or neither."""

    max_bytes: int | None = None
    daily: bool = False

    def due(self, size: int, adding: int, *, written_ns: int, now_ns: int) -> bool:
        """Whether `adding` bytes, written now, belong into a new file; `written_ns`: the last time it was written."""
        if self.max_bytes is not None and size + adding > self.max_bytes:
            return True
        return self.daily and now_ns // NS_A_DAY > written_ns // NS_A_DAY


def rotation(text: str | None) -> Rotation:
    """The value of `--rotate`: "daily", or a size such as "64K" or "100M".

    Raises:
        UsageError: Neither of them.
    """
    if text is None:
        return Rotation()
    if text == "daily":
        return Rotation(daily=True)
    size = _SIZE.fullmatch(text)
    if size is None:
        raise UsageError(f"--rotate {text}: expected `daily` or a size such as 64K, 100M, 1G")
    return Rotation(max_bytes=int(size[1]) * _UNITS[size[2]])


class OlderFile(NamedTuple):
    """A file that the recording was rotated from; its name has the seq of its first and last line."""

    path: Path
    first_seq: int
    last_seq: int
    recording: Path
    """The name before the rotation."""


def older_files(path: Path) -> list[OlderFile]:
    """The rotated files of the recording at `path`, found by their names, oldest first; compressed ones too.

    Of a file that is being compressed, and so is there twice, the plain one.
    """
    found = [
        older
        for there in path.parent.iterdir()
        if there.name.startswith(f"{path.name}.") and (older := older_file(there)) is not None
        if older.recording == path and there.is_file() and not there.is_symlink()
    ]
    by_seq = {(older.first_seq, older.last_seq): older for older in sorted(found, reverse=True)}
    return [by_seq[seqs] for seqs in sorted(by_seq)]


def older_file(path: Path) -> OlderFile | None:
    """The rotated file that has this name; None if no rotated file can have it."""
    match = _ROTATED_NAME.fullmatch(path.name)
    return None if match is None else OlderFile(path, int(match[2]), int(match[3]), path.with_name(match[1]))


def rotated_name(path: Path, *, first_seq: int, last_seq: int) -> Path:
    """The last name of a file at `path`, once the recording continues in another."""
    return path.with_name(f"{path.name}.{first_seq}-{last_seq}")


def unfinished_name(path: Path) -> Path:
    """The name of a next file until the one before it has its last name."""
    return path.with_name(f"{path.name}.rotating")


def next_file(files: Files, path: Path, *, first_seq: int, last_seq: int) -> Segment:
    """Give `path`, whose `rotate` record is durable, its last name, and a new file to `path`.

    May be called again after it failed or was killed anywhere. A `path` that is missing, empty or the next file already
    is not renamed: then the file before has its last name.

    Raises:
        OSError: A step failed.
        OutputError: A sync failed, or something else has the last name.
    """
    old = rotated_name(path, first_seq=first_seq, last_seq=last_seq)
    fresh = _fresh(files, path, RotatedFromRecord(prev=old.name, prev_last_seq=last_seq))
    with ExitStack() as undo:
        undo.callback(fresh.close)
        if path.exists() and path.stat().st_size and first_seq_of(path) != last_seq + 1:
            if os.path.lexists(old):
                raise OutputError(f"{old}: is in the way of a rotation; move it to another folder")
            files.rename(path, old)
            if first_seq_of(old) != first_seq:
                # Somebody moved the file away just before: this is what was put in its place.
                files.rename(old, quarantine_name(path))
            # First the old name, then the new one: on disk too, the recording is never without its past.
            files.sync_folder(path.parent)
        _give_name(files, path, fresh)
        undo.pop_all()
    return fresh


def replacement(files: Files, path: Path, *, fault: Fault, kept: Path, last_seq: int) -> Segment:
    """A new file at `path` after somebody moved, removed or cut the one that was there.

    The file that is there now gets the name `kept` unless it is empty. May be called again after it failed anywhere.

    Raises:
        OSError: A step failed.
        OutputError: A sync failed.
        RecordingBusy: Another recorder has put its own there.
    """
    if fault == "replaced" and is_locked_elsewhere(path):
        raise RecordingBusy(f"{path}: was removed, and another ordwatch records there now")
    stands = path.exists() and path.stat().st_size > 0
    # A file that was cut gets that name; of one that was moved nobody knows what it is called now.
    prev = kept if fault == "cut" and (stands or kept.exists()) else path
    fresh = _fresh(files, path, RotatedFromRecord(prev=prev.name, prev_last_seq=last_seq))
    with ExitStack() as undo:
        undo.callback(fresh.close)
        if stands:
            files.rename(path, kept)
            files.sync_folder(path.parent)
        _give_name(files, path, fresh)
        undo.pop_all()
    return fresh


def begun_file(files: Files, path: Path, first: RotatedFromRecord) -> Segment:
    """A new file that begins with this record, at `path`, where there is nothing that is needed.

    Raises:
        OSError: A step failed; may be called again.
        OutputError: A sync failed.
    """
    fresh = _fresh(files, path, first)
    with ExitStack() as undo:
        undo.callback(fresh.close)
        _give_name(files, path, fresh)
        undo.pop_all()
    return fresh


def first_seq_of(path: Path) -> int | None:
    """The seq of the first line of a file; None if there is none, or no such file."""
    try:
        with open_input(path) as file:
            first = next(read_lines(file), None)
    except FileNotFoundError:
        return None
    return first.mark.seq if isinstance(first, Line) else None


def unfinished(path: Path) -> RotatedFromRecord | None:
    """The first record of a next file that has not got the recording's name yet; None if none, or damaged."""
    try:
        with unfinished_name(path).open("rb") as file:
            first = next(read_lines(file), None)
            found = record(first.raw) if isinstance(first, Line) else None
    except (OSError, BadLine):
        return None
    return found if isinstance(found, RotatedFromRecord) else None


def quarantine_name(path: Path) -> Path:
    """The name under which damaged contents of `path` are kept."""
    now_ns = time_ns()
    second = strftime("%Y%m%dT%H%M%S", gmtime(now_ns // 10**9))
    return path.with_name(f"{path.name}.torn-{second}.{now_ns % 10**9:09d}Z")


def _fresh(files: Files, path: Path, first: RotatedFromRecord) -> Segment:
    fresh = unfinished_name(path)
    with suppress(FileNotFoundError):
        files.remove(fresh)
    file = Segment(files, fresh, fd=files.create(fresh), last_seq=first.prev_last_seq)
    with ExitStack() as undo:
        undo.callback(file.close)
        # Before it gets the recording's name: whoever finds it under that finds it locked.
        if not system.try_lock(file.fd):
            raise BlockingIOError(errno.EWOULDBLOCK, "the new file is locked by somebody else")
        file.put(with_crc(encode(first), first.prev_last_seq + 1))
        file.flush()
        file.sync()
        undo.pop_all()
    return file


def _give_name(files: Files, path: Path, fresh: Segment) -> None:
    files.rename(fresh.path, path)
    files.sync_folder(path.parent)
    fresh.path = path
