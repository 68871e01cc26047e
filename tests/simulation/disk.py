"""A simulated disk under the real files of a recording: refuses, fails to sync, loses what was not synced."""

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.simulation.product import (
    AliveRecord,
    AnyRecord,
    Continuation,
    Files,
    GapRecord,
    LinkRecord,
    OutputError,
    Segment,
    SessionRecord,
    encode,
    open_recording,
    with_crc,
)

SYNC_EVERY_S = 1.0
RETRY_S = 2.0
GIVE_UP_S = 300.0


class DiskFiles(Files):
    """The system calls, without waiting for a real disk."""

    def __init__(self) -> None:
        self.durable = 0
        """Bytes of the recording that a power loss leaves."""
        self.refuses = False
        self.loses_syncs = False

    def write(self, fd: int, data: memoryview) -> int:
        if self.refuses:
            if len(data) > 40:
                self.refuses = False
                done = super().write(fd, data[: len(data) // 2])
                self.refuses = True
                return done
            raise OSError(errno.ENOSPC, "no space left")
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        if self.loses_syncs:
            raise OutputError("cannot sync the recording")
        self.durable = os.fstat(fd).st_size

    def sync_folder(self, folder: Path) -> None:
        """Names are durable at once."""


class Disk:
    """The file of one recording, through kills and power losses."""

    def __init__(self, folder: Path, draw: random.Random) -> None:
        self.path = folder / "recording"
        self.files = DiskFiles()
        self._draw = draw

    def open(self) -> tuple[Segment, Continuation]:
        """As a starting process opens it; raises what that raises."""
        self.files.refuses = self.files.loses_syncs = False
        opened = open_recording(self.files, self.path, None)
        return opened.file, opened.continuation

    def lose_power(self) -> None:
        """What was not synced is cut, zeroed, or there after all."""
        if not self.path.exists():
            return
        size = self.path.stat().st_size
        kept = self._draw.randint(min(self.files.durable, size), size)
        zeroed = self._draw.randint(min(self.files.durable, size), kept) if self._draw.random() < 0.3 else kept
        with self.path.open("r+b") as file:
            file.truncate(kept)
            file.seek(zeroed)
            file.write(bytes(kept - zeroed))


class Recorder:
    """What the writer's thread does, in simulated time: groups of lines, one write each, and a sync a second."""

    def __init__(self, file: Segment, files: DiskFiles, at: Callable[[float, Callable[[], None]], None]) -> None:
        self._file = file
        self._files = files
        self._at = at
        self._waiting: list[AnyRecord] = []
        self._scheduled = False
        self._put = False
        self._sync_planned = False
        self._refused_s = 0.0

    def take(self, records: list[AnyRecord]) -> None:
        """Records to write soon."""
        self._waiting += records
        self._plan(0.005)

    def _plan(self, delay_s: float) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._at(delay_s, self._step)

    def _step(self) -> None:
        self._scheduled = False
        if not self.flush():
            self._refused_s += RETRY_S
            if self._refused_s > GIVE_UP_S:
                raise OutputError("write failed for too long")
            self._plan(RETRY_S)
        elif self._waiting:
            self._plan(0.005)

    def flush(self) -> bool:
        """Write what waits; False: the disk refuses, and the same lines are tried again."""
        must_sync = False
        if not self._put:
            group, self._waiting = self._waiting, []
            lines = []
            for seq, record in enumerate(group, self._file.last_seq + 1):
                if isinstance(record, AliveRecord):
                    record = msgspec.structs.replace(record, synced_seq=self._file.synced_seq)
                must_sync = must_sync or _is_synced_at_once(record)
                lines.append(with_crc(encode(record), seq))
            self._file.put(b"".join(lines))
        try:
            self._file.flush()
        except OSError:
            self._put = True
            return False
        self._put = False
        self._refused_s = 0.0
        if must_sync:
            self._file.sync()
        elif self._file.dirty and not self._sync_planned:
            self._sync_planned = True
            self._at(SYNC_EVERY_S, self._sync)
        return True

    def _sync(self) -> None:
        self._sync_planned = False
        if self._file.dirty:
            self._file.sync()

    def end(self) -> bool:
        """Write and sync everything; False: the disk refuses."""
        while self._waiting or self._put:
            if not self.flush():
                return False
        self._file.sync()
        return True

    def kill(self, draw: random.Random) -> None:
        """The process was killed: what waits is lost, and of one line a part may be in the file."""
        if self._waiting and not self._put and not self._files.refuses and draw.random() < 0.5:
            line = with_crc(encode(self._waiting[0]), self._file.last_seq + 1)
            os.write(self._file.fd, line[: draw.randrange(len(line))])
        self._file.close()


def _is_synced_at_once(record: AnyRecord) -> bool:
    match record:
        case SessionRecord() | GapRecord() | LinkRecord(state="live"):
            return True
        case _:
            return False
