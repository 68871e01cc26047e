"""Opens a recording: checks every line, removes a partial write at the end, and finds where to continue.

Damage after the last line known to be synced is what a crash may leave: it is saved to another file (quarantine) and
cut off. Damage in synced data is refused, and nothing is changed.
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from time import time_ns
from typing import BinaryIO, NamedTuple

from ordwatch import system
from ordwatch.core.errors import OutputError, OutputRefused, RecordingBusy, RecordingError
from ordwatch.core.escaping import safe_text
from ordwatch.core.records import SCHEMA, PrevSessionRecord, Record, RepairRecord, RotatedFromRecord, encode
from ordwatch.recording.checkpoint import Checkpoints, LinePlace, Restored, load_checkpoint
from ordwatch.recording.files import Files, Segment
from ordwatch.recording.format import record, with_crc
from ordwatch.recording.history import TYPES_READ, Continuation, History, proven_durable
from ordwatch.recording.inputs import OnRead, open_input
from ordwatch.recording.lock import Holder
from ordwatch.recording.reading import Damage, Line, may_be_partial_start, read_lines
from ordwatch.recording.rotation import (
    OlderFile,
    begun_file,
    first_seq_of,
    next_file,
    older_files,
    quarantine_name,
    rotated_name,
    unfinished,
)

_CHUNK = 2**20


class Opened(NamedTuple):
    """A recording ready to be written on."""

    file: Segment
    continuation: Continuation
    written_ns: int
    """The last time in it, ns since 1970 UTC; now if it is new."""
    checkpoints: Checkpoints
    """Follows what is written to it."""


class _Found(NamedTuple):
    """What the files hold: the first line of the last file, the last line, and where a partial write begins."""

    first_seq: int | None = None
    last_seq: int = 0
    last_type: str | None = None
    damaged_at: int | None = None
    older_first_seq: int | None = None
    """The first line of the file before the last one."""
    begun: RotatedFromRecord | None = None
    """How the next file begins, where only that shows what the last line was."""
    end: int = 0
    """The offset behind the last whole line of the last file."""
    unsaved: int = 0
    """Lines that were read."""


class _Repaired(NamedTuple):
    """A partial write that was saved and cut off."""

    size: int
    sha256: str
    saved_as: str


def open_recording(
    files: Files, path: Path, before: Holder | None, fd: int | None = None, *, on_read: OnRead | None = None
) -> Opened:
    """Check, repair and continue the recording at `path`, whose lock we hold; a new one if there is none.

    `fd`: the recording, locked and open to append, if it is there already.

    Raises:
        OutputRefused: It cannot be made.
        OutputError: It cannot be written or synced.
        RecordingBusy: Somebody else made one there meanwhile.
        RecordingError: Damaged in synced data, not a recording, or of another schema; nothing is changed.
    """
    with ExitStack() as undo:
        if fd is not None:
            undo.callback(files.close, fd)
        found, history, continuation = _checked(path, on_read)
        undo.pop_all()
    try:
        file = _continued_file(files, path, found, _recovery_records(history, found, before), fd)
    except OSError as exc:
        raise OutputError(f"{path}: cannot be written ({exc.strerror})") from exc
    orders = continuation.orders
    if found.last_type == "rotate":
        # The rotation was completed: what was read under this name has its last one now.
        orders = orders.renamed(path, rotated_name(path, first_seq=found.first_seq or 1, last_seq=found.last_seq))
    continuation = replace(continuation, last_seq=file.last_seq, orders=orders)
    written_ns = history.coverage.last_ns or time_ns()
    return Opened(file, continuation, written_ns, _checkpoints(files, path, history, found, file))


def _checkpoints(files: Files, path: Path, history: History, found: _Found, file: Segment) -> Checkpoints:
    checkpoints = Checkpoints(files, path, history, unsaved=found.unsaved)
    if found.begun is not None:
        checkpoints.restart(file)
    elif file.first_seq == found.first_seq:
        checkpoints.continue_file(file, found.end)
    else:
        checkpoints.next_file(file)
    checkpoints.synced()  # recovery has synced all that it read and wrote
    return checkpoints


def _checked(path: Path, on_read: OnRead | None) -> tuple[_Found, History, Continuation]:
    history = History()
    try:
        first_seq = first_seq_of(path)
        chain = _chain(path, first_seq)
        files = {older.first_seq: older.path for older in chain} | ({} if first_seq is None else {first_seq: path})
        restored = load_checkpoint(path, files)
        if restored is not None:
            history = restored.history
        found = _read(path, history, _Reading(first_seq, chain, restored, on_read))
        continuation = history.continuation(found.last_seq, files)
    except OSError as exc:
        raise OutputRefused(f"{path}: cannot be read ({exc.strerror})") from exc
    except ValueError as exc:
        raise RecordingError(f"{path}: {_not_ours(history)} ({exc})") from exc
    if history.other_schema is not None:
        raise RecordingError(f"{path}: {_not_ours(history)}")
    return found, history, continuation


def _not_ours(history: History) -> str:
    if history.other_schema is None:
        return "not a recording of this ordwatch"
    return f"written as {safe_text(history.other_schema, 40)}, this ordwatch knows {SCHEMA}"


class _Reading(NamedTuple):
    """What is to be read."""

    first_seq: int | None
    """Of the last file."""
    chain: list[OlderFile]
    restored: Restored | None
    """Up to where nothing has to be read."""
    on_read: OnRead | None

    def skips(self, first_seq: int) -> bool:
        """Whether the file that begins with this seq lies before the one that the checkpoint ends in."""
        return self.restored is not None and first_seq < self.restored.last.file

    def start(self, first_seq: int | None) -> LinePlace | None:
        """The last line of this file that is known already."""
        return self.restored.last if self.restored is not None and self.restored.last.file == first_seq else None


def _read(path: Path, history: History, reading: _Reading) -> _Found:
    last_seq, older_first_seq, lines = 0, None, 0
    for older in reading.chain:
        if not reading.skips(older.first_seq):
            lines += _read_older(older, history, reading)
        last_seq, older_first_seq = older.last_seq, older.first_seq
    if not path.exists() or not path.stat().st_size:
        found = _Found(older_first_seq=older_first_seq, last_seq=last_seq, unsaved=lines)
        return _without_last(path, history, found)
    with open_input(path, reading.on_read) as file:
        # Without the files before it, the recording may begin with any seq.
        before = last_seq if last_seq or reading.first_seq is None else reading.first_seq - 1
        found = _read_last(path, file, history, reading, before)
    return found._replace(older_first_seq=older_first_seq, unsaved=found.unsaved + lines)


def _without_last(path: Path, history: History, found: _Found) -> _Found:
    """The last file is missing or empty: it was left in the middle of a rotation, or is new, or somebody moved it."""
    begun = unfinished(path)
    if begun is None or begun.prev_last_seq <= found.last_seq:
        return found
    # Somebody moved the file that was written, and the recorder was killed before the next one had its name.
    history.lines_missing()
    return found._replace(last_seq=begun.prev_last_seq, begun=begun)


def _chain(path: Path, first_seq: int | None) -> list[OlderFile]:
    """The older files that lead up to the last one without a hole, oldest first; others were taken away."""
    older = older_files(path)
    if not older:
        return []
    if first_seq is not None and older[-1].last_seq >= first_seq:
        raise RecordingError(
            f"{path}: begins with seq {first_seq}, but {older[-1].path.name} has later lines; "
            f"move one of them to another folder"
        )
    follows = older[-1].last_seq + 1 if first_seq is None else first_seq
    chain: list[OlderFile] = []
    for file in reversed(older):
        if file.last_seq + 1 != follows:
            break
        chain.insert(0, file)
        follows = file.first_seq
    return chain


def _read_older(older: OlderFile, history: History, reading: _Reading) -> int:
    """How many lines were read. An older file was synced before it got its name: all of it is durable."""
    known = reading.start(older.first_seq)
    if known is None:
        history.next_file(older.first_seq)
    first = last_seq = older.first_seq - 1 if known is None else known.seq
    with open_input(older.path, reading.on_read) as file:
        for item in read_lines(file, last_seq, start=0 if known is None else known.end):
            if isinstance(item, Damage):
                raise _damaged(older.path, item.place)
            history.line(item)
            last_seq = item.mark.seq
    if last_seq != older.last_seq:
        raise _damaged(older.path, f"ends with seq {last_seq}, its name says {older.last_seq}")
    return last_seq - first


def _read_last(path: Path, file: BinaryIO, history: History, reading: _Reading, last_seq: int) -> _Found:
    first_seq: int | None = None
    last_type: str | None = None
    end = unsaved = 0
    known = reading.start(reading.first_seq)
    if known is not None and reading.restored is not None:
        first_seq, last_seq, last_type, end = known.file, known.seq, reading.restored.last_type, known.end
    elif reading.first_seq is not None:
        history.next_file(reading.first_seq)
    lines = read_lines(file, last_seq, start=end)
    for item in lines:
        if isinstance(item, Damage):
            after = _after_damage(lines)
            foreign = first_seq is None and not may_be_partial_start(item.raw)
            if foreign and not after.lines:
                raise RecordingError(f"{path}: not a recording of ordwatch; file left unchanged, name another")
            if foreign or last_seq < max(history.durable_seq, after.durable_seq):
                raise _damaged(path, item.place)
            return _Found(first_seq, last_seq, last_type, damaged_at=item.offset, end=end, unsaved=unsaved)
        history.line(item)
        last_seq, last_type = item.mark.seq, item.mark.type
        first_seq = first_seq or last_seq
        end = item.offset + len(item.raw)
        unsaved += 1
    return _Found(first_seq, last_seq, last_type, end=end, unsaved=unsaved)


class _AfterDamage(NamedTuple):
    """What follows the first damage."""

    lines: int
    """Whole lines."""
    durable_seq: int
    """Up to which seq they prove every line durable."""


def _after_damage(items: Iterator[Line | Damage]) -> _AfterDamage:
    lines = durable_seq = 0
    for item in items:
        if isinstance(item, Line):
            lines += 1
            if item.mark.type in TYPES_READ:
                with suppress(ValueError):
                    durable_seq = max(durable_seq, proven_durable(record(item.raw), item.mark.seq))
    return _AfterDamage(lines, durable_seq)


def _damaged(path: Path, where: str) -> RecordingError:
    return RecordingError(
        f"{path}: damage in synced data: {where}; file left unchanged. "
        f"`ordwatch verify --salvage OUT {path}` copies the intact lines to a new file"
    )


def _recovery_records(history: History, found: _Found, before: Holder | None) -> list[Record]:
    if not found.last_seq:
        return []
    boot = system.boot_id()
    return [
        PrevSessionRecord(
            last_seq=found.last_seq,
            last_at=history.coverage.last_at,
            end="unclean" if history.coverage.running or found.damaged_at is not None else "clean",
            reboot=before is not None and "" not in (before.boot, boot) and before.boot != boot,
        )
    ]


def _continued_file(files: Files, path: Path, found: _Found, records: list[Record], fd: int | None) -> Segment:
    """The file to write on, with the first records of the new session in it."""
    if fd is None:
        fd = _locked(files, path)
    with ExitStack() as undo:
        undo.callback(files.close, fd)
        if found.damaged_at is not None:
            repaired = _repair(files, path, fd, found.damaged_at)
            records = [_repair_record(repaired, found.last_seq), *records]
        files.sync(fd)
        files.sync_folder(path.parent)
        if found.last_type != "rotate" and (found.first_seq is not None or not found.last_seq):
            file = Segment(files, path, fd=fd, last_seq=found.last_seq, first_seq=found.first_seq)
            undo.pop_all()
        elif found.begun is not None:
            file = begun_file(files, path, found.begun)
        else:
            # The file was left in the middle of a rotation, or its name was taken away after one.
            first_seq = found.first_seq or found.older_first_seq or 1
            file = next_file(files, path, first_seq=first_seq, last_seq=found.last_seq)
    with ExitStack() as undo:
        undo.callback(file.close)
        file.put(b"".join(with_crc(encode(record), seq) for seq, record in enumerate(records, file.last_seq + 1)))
        file.flush()
        file.sync()
        undo.pop_all()
    return file


def _locked(files: Files, path: Path) -> int:
    fd = files.open(path)
    if not system.try_lock(fd):
        files.close(fd)
        raise RecordingBusy(f"{path}: another ordwatch is recording there")
    return fd


def _repair(files: Files, path: Path, fd: int, damaged_at: int) -> _Repaired:
    """Save the bytes from `damaged_at` on, then cut them off."""
    saved = quarantine_name(path)
    digest = sha256()
    saved_fd = files.create(saved)
    try:
        with path.open("rb") as damaged:
            damaged.seek(damaged_at)
            while chunk := damaged.read(_CHUNK):
                digest.update(chunk)
                _write_all(files, saved_fd, chunk)
            size = damaged.tell() - damaged_at
        files.sync(saved_fd)
    finally:
        files.close(saved_fd)
    files.sync_folder(path.parent)
    files.cut(fd, damaged_at)
    return _Repaired(size, digest.hexdigest(), saved.name)


def _write_all(files: Files, fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[files.write(fd, left) :]


def _repair_record(repaired: _Repaired, after_seq: int) -> RepairRecord:
    return RepairRecord(bytes=repaired.size, sha256=repaired.sha256, saved_as=repaired.saved_as, after_seq=after_seq)
