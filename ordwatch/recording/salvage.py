"""Copies the intact lines of a damaged recording to a new one, with new numbers; a `repair` marks each missing part."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from ordwatch.core.errors import OutputError, OutputRefused, RecordingError, UsageError
from ordwatch.core.records import AliveRecord, AnyRecord, PrevSessionRecord, RepairRecord, encode
from ordwatch.recording.files import Files, Segment, check_place
from ordwatch.recording.format import BadLine, record, with_crc, without_crc
from ordwatch.recording.inputs import STDIN, open_input
from ordwatch.recording.reading import Damage, Line, in_order, read_lines

_DROPPED = frozenset({"rotate", "rotated_from"})
_NUMBERED = frozenset({"alive", "prev_session", "repair"})


class Salvaged(NamedTuple):
    """What became of a damaged recording."""

    lines: int
    """Whole lines kept."""
    unreadable: int
    """Stretches that could not be read."""


def salvage(paths: Sequence[Path], out: Path, files: Files | None = None) -> Salvaged:
    """Write every whole line of these files to the new file `out`, durably. The files are only read.

    Lines that another file held already are left out; `rotate` and `rotated_from` too, as `out` is one file.

    Raises:
        UsageError: Stdin is among them.
        InputMissing: One of them cannot be read.
        OutputRefused: `out` exists already or cannot be made.
        OutputError: `out` cannot be written.
        RecordingError: There is no whole line.
    """
    files = files or Files()
    if STDIN in paths:
        raise UsageError("--salvage reads the files twice; stdin can be read once only")
    in_files = in_order(paths)
    if all(file.first_seq is None for file in in_files):
        raise RecordingError(f"{paths[0]}: no intact line of a recording")
    check_place(out)
    try:
        fd = files.create(out)
    except OSError as exc:
        raise OutputRefused(f"{out}: cannot be made ({exc.strerror}); name a new file") from exc
    target = Segment(files, out, fd=fd, last_seq=0)
    with ExitStack() as closing:
        closing.callback(target.close)
        try:
            counts = _copy(_whole([file.path for file in in_files]), target)
            target.sync()
            files.sync_folder(out.parent)
        except OSError as exc:
            raise OutputError(f"{out}: cannot be written ({exc.strerror})") from exc
    return counts


def _copy(items: Iterator[Line | RepairRecord], target: Segment) -> Salvaged:
    kept = unreadable = 0
    for item in items:
        seq = target.last_seq + 1
        if isinstance(item, Line):
            target.put(with_crc(_counted(item, seq), seq))
            kept += 1
        else:
            target.put(with_crc(encode(msgspec.structs.replace(item, after_seq=seq - 1)), seq))
            unreadable += 1
        target.flush()
    return Salvaged(kept, unreadable)


def _whole(paths: Sequence[Path]) -> Iterator[Line | RepairRecord]:
    """The lines in their order, with a repair for each stretch of damage or missing lines between them."""
    last_seq: int | None = None
    for path in paths:
        damaged: list[bytes] = []
        with open_input(path) as file:
            for item in read_lines(file):
                if isinstance(item, Damage):
                    damaged.append(item.raw)
                    continue
                seq = item.mark.seq
                if last_seq is not None and seq <= last_seq:
                    continue
                if damaged or (last_seq is not None and seq != last_seq + 1):
                    yield _repaired_stretch(path, damaged)
                    damaged = []
                last_seq = seq
                if item.mark.type not in _DROPPED:
                    yield item
        if damaged:
            yield _repaired_stretch(path, damaged)


def _repaired_stretch(path: Path, damaged: Sequence[bytes]) -> RepairRecord:
    digest = sha256()
    for raw in damaged:
        digest.update(raw)
    return RepairRecord(bytes=sum(map(len, damaged)), sha256=digest.hexdigest(), saved_as=path.name, after_seq=0)


def _counted(line: Line, seq: int) -> bytes:
    """The line without seq and crc; seqs inside the record are set to those of the new file."""
    if line.mark.type in _NUMBERED:
        with suppress(BadLine):
            return encode(_renumbered(record(line.raw), seq))
    plain = without_crc(line.raw)
    return plain.replace(b',"seq":%d,' % line.mark.seq, b",", 1)


def _renumbered(record: AnyRecord, seq: int) -> AnyRecord:
    match record:
        case AliveRecord():
            # All of the new file is synced before anybody sees it.
            return msgspec.structs.replace(record, synced_seq=seq - 1)
        case PrevSessionRecord():
            return msgspec.structs.replace(record, last_seq=seq - 1)
        case RepairRecord():
            return msgspec.structs.replace(record, after_seq=seq - 1)
        case _:
            return record
