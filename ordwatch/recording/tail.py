"""The last records of a recording: reads the end of its files only, also while they are written and rotated."""

import os
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import BinaryIO, NamedTuple

from ordwatch.core.errors import InputMissing, RecordingError
from ordwatch.core.records import AnyRecord
from ordwatch.recording.format import MAX_LINE_BYTES, record
from ordwatch.recording.history import TYPES_READ, proven_durable
from ordwatch.recording.reading import Damage, Line, may_be_partial_start, read_lines
from ordwatch.recording.rotation import first_seq_of, older_file, older_files
from ordwatch.recording.status import LastState

_READ_BYTES = (2**18, 2**22, 2**25)
"""How much of the end is read, and how much if something is still missing then: days of a session that is idle."""
_LAST_LINES_BYTES = 2**16
_ROTATION_S = 0.2
"""How long a rotation may leave the recording without a file of its name."""
_POLL_S = 0.01
_OTHERS = (".lock", ".checkpoint", ".tmp", ".rotating", ".gz", ".zst")


def last_state(path: Path) -> LastState:
    """The state of the latest session in the recording at `path`.

    Raises:
        InputMissing: There is none, or it cannot be read.
        RecordingError: Its end is damaged in synced data, or it is not a recording.
    """
    try:
        try:
            return _last_state(_newest(path))
        except FileNotFoundError:
            # A rotation took the name away between the look for the file and its opening.
            return _last_state(_newest(path))
    except OSError as exc:
        raise InputMissing(f"{path}: cannot be read ({exc.strerror})") from exc


def _last_state(newest: Path) -> LastState:
    for size in _READ_BYTES:
        last = LastState(_records(newest, size))
        if last.is_complete:
            break
    return last


def _newest(path: Path) -> Path:
    """The last file of the recording: `path`, or the one before if a rotation was left in the middle."""
    for _ in range(round(_ROTATION_S / _POLL_S)):
        if path.exists():
            return path
        sleep(_POLL_S)
    older = older_files(path)
    return older[-1].path if older else path


def _records(path: Path, size: int) -> Iterator[AnyRecord]:
    """The records in the last `size` bytes, of the files before too if this one is shorter; orders are left out."""
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        before = _file_before(path) if length < size else None
        if before is not None:
            yield from _records(before, size - length)
        found = _end(path, file, size)
    for line in () if found is None else found.lines:
        yield _record(path, line)


def _file_before(path: Path) -> Path | None:
    """The file that ends where this one begins, by what they hold: logrotate gives it a name of its own."""
    first_seq = first_seq_of(path)
    if first_seq is None or first_seq == 1:
        return None
    return next((other for other in _likely(path, first_seq - 1) if _last_seq_of(other) == first_seq - 1), None)


def _likely(path: Path, last_seq: int) -> list[Path]:
    """Files whose names begin as that of the recording: first those of that last line, then the last three written."""
    stem = path.name if (own := older_file(path)) is None else own.recording.name
    named: list[Path] = []
    others: list[tuple[int, Path]] = []
    for there in path.parent.iterdir():
        if there == path or not there.name.startswith((f"{stem}.", f"{stem}-")) or _is_companion(there.name):
            continue
        if there.is_symlink() or not there.is_file():
            continue
        older = older_file(there)
        if older is not None and older.last_seq == last_seq:
            named.append(there)
        else:
            others.append((there.stat().st_mtime_ns, there))
    return named + [there for _, there in sorted(others, reverse=True)[:3]]


def _is_companion(name: str) -> bool:
    return name.endswith(_OTHERS) or ".torn-" in name


def _last_seq_of(path: Path) -> int | None:
    with path.open("rb") as file:
        found = _end(path, file, _LAST_LINES_BYTES)
    return None if found is None else found.last_seq


class _End(NamedTuple):
    """The whole lines of types that matter at the end of a file, and the seq of its last whole line."""

    lines: list[Line]
    last_seq: int


def _end(path: Path, file: BinaryIO, size: int) -> _End | None:
    """The last `size` bytes of the file; None if no whole line is in them, but some may be before.

    Raises:
        RecordingError: Damage that a crash cannot have left, or not a recording.
    """
    start = _line_start(file, file.seek(0, os.SEEK_END) - size)
    lines: list[Line] = []
    damage: Damage | None = None
    last_seq = whole_until = durable = 0
    for item in read_lines(file, start=start):
        if isinstance(item, Damage):
            damage, whole_until = (item, last_seq) if damage is None else (damage, whole_until)
            continue
        last_seq = item.mark.seq
        if item.mark.type in TYPES_READ:
            lines.append(item)
            durable = max(durable, proven_durable(_record(path, item), last_seq))
    if damage is not None and (durable > whole_until or _is_foreign(damage, start, last_seq, size)):
        raise RecordingError(f"{path}: damaged, or not a recording of ordwatch: {damage.place}")
    return _End(lines, last_seq) if last_seq else None


def _is_foreign(damage: Damage, start: int, last_seq: int, size: int) -> bool:
    """Whether these bytes without a whole line are more than a crash may leave of a recording."""
    if last_seq:
        return False
    return size >= _READ_BYTES[-1] if start else not may_be_partial_start(damage.raw)


def _line_start(file: BinaryIO, offset: int) -> int:
    """Where the first line begins that is not before `offset`."""
    if offset <= 0:
        return 0
    file.seek(offset - 1)
    file.readline(MAX_LINE_BYTES + 1)
    return file.tell()


def _record(path: Path, line: Line) -> AnyRecord:
    try:
        return record(line.raw)
    except ValueError as exc:
        raise RecordingError(f"{path}: byte {line.offset}: {exc}") from exc
