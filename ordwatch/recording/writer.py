"""What the recording's thread does with the file it owns: groups of lines, syncs, rotations, a disk that refuses.

A group of lines goes out with one write and, as the policy says, one sync. While the disk refuses, the same lines are
tried again; a failed sync is never tried again.
"""

import errno
import logging
from collections.abc import Callable, Sequence
from math import inf
from threading import Event
from time import monotonic, sleep, time_ns
from typing import Literal, NamedTuple, TypeVar

import msgspec

from ordwatch.core.errors import OutputError
from ordwatch.core.records import (
    AliveRecord,
    GapRecord,
    IoErrorRecord,
    LinkRecord,
    OutputRecord,
    RotateRecord,
    SessionRecord,
    encode,
)
from ordwatch.outputs.writer_thread import WriterQueue, WriterThread
from ordwatch.recording.checkpoint import Checkpoints
from ordwatch.recording.files import Fault, Files, Segment
from ordwatch.recording.format import with_crc
from ordwatch.recording.rotation import NS_A_DAY, Rotation, next_file, quarantine_name, replacement

SyncPolicy = Literal["always", "1s", "never"]

RETRY_S = 2.0
GIVE_UP_S = 300.0
FINISH_S = 1.5
"""How long a refusing disk is tried again once the end was asked for, and how often."""
FINISH_RETRY_S = 0.1
SYNC_EVERY_S = 1.0
HANGUP_AFTER_S = 60.0
"""A log rotator moves the file and then sends SIGHUP: how long after a noticed move SIGHUP still belongs to it."""
PAUSE_S = 0.005
"""Between two groups, unless somebody waits for them: waking the thread for each line costs more than the line."""
PUBLISHING_SYNC_S = 0.02
"""Only what is durable is published, so that is to be soon."""

MAX_RECORDS = 100_000
MAX_BYTES = 64 * 2**20
GROUP_RECORDS = 512
GROUP_BYTES = 64 * 2**10
_RECORD_BYTES = 1024

Entry = bytes | OutputRecord
"""The JSON of an order record, or a record that the writer looks at before it writes it."""

T = TypeVar("T")


class Publication(NamedTuple):
    """What publishes the lines of a recording while they are written. Both are called by the writer's thread."""

    on_durable: Callable[[int], None]
    """Every line up to this seq is durable."""
    published_seq: Callable[[], int]
    """The highest seq up to which every line is published; for `alive` records."""


log = logging.getLogger(__name__)


def record_queue(
    *, max_records: int = MAX_RECORDS, max_bytes: int = MAX_BYTES, group_records: int = GROUP_RECORDS
) -> WriterQueue[Entry]:
    """The queue of a recording: nothing is dropped; when it is full, the run closes the venues' connections."""
    return WriterQueue(
        max_items=max_records,
        group_items=group_records,
        size=_entry_bytes,
        max_bytes=max_bytes,
        group_bytes=GROUP_BYTES,
    )


def _entry_bytes(entry: Entry) -> int:
    return len(entry) if isinstance(entry, bytes) else _RECORD_BYTES


class Writer:
    """Writes groups of records to the file of a recording. All but `rotate` belongs to one thread."""

    def __init__(
        self,
        file: Segment,
        queue: WriterQueue[Entry],
        *,
        files: Files,
        policy: SyncPolicy,
        rotation: Rotation,
        written_ns: int,
        checkpoints: Checkpoints,
        publication: Publication | None = None,
    ) -> None:
        self._file = file
        self._queue = queue
        self._files = files
        self._publication = publication
        # What is published must be durable, also where the recording alone need not be.
        self._policy = "1s" if publication is not None and policy == "never" else policy
        self._sync_every_s = SYNC_EVERY_S if publication is None else PUBLISHING_SYNC_S
        self._rotation = rotation
        self._written_ns = written_ns
        self._checkpoints = checkpoints
        self._dirty_since = 0.0
        self._must_sync = False
        self.written = 0
        """Entries of the queue that are written; for any thread to read."""
        self._io_errors: list[OutputRecord] = []
        self._rotate = Event()
        self._moved_at = -inf
        """When a move was noticed whose SIGHUP may still come, on the monotonic clock."""

    def thread(self) -> WriterThread[Entry]:
        """What writes until the queue is closed and empty, then syncs, and closes the file in any case.

        Its error is an OutputError: writing failed for too long, the queue is full while it fails, or a sync failed.
        """
        return WriterThread(
            "recording",
            self._queue,
            self._write_group,
            idle_s=self._idle_s,
            pause_s=self._pause_s,
            finish=self._finish,
            close_target=lambda: self._file.close(),
        )

    @property
    def synced_seq(self) -> int | None:
        """The highest seq that is known to be durable; for any thread to read."""
        return self._file.synced_seq

    def rotate(self) -> None:
        """Request to continue in a new file; for any thread."""
        self._rotate.set()
        self._queue.wake()

    def _write_group(self, entries: list[Entry]) -> None:
        self._rotate_if_asked()
        if entries or self._io_errors:
            self._write(entries)
            self._rotate_if_asked()
        if self._sync_due():
            self._sync()
        self._report_durable()

    def _finish(self) -> None:
        while self._io_errors:
            self._write_group([])
        if self._file.dirty:
            self._sync()
        self._report_durable()

    def _report_durable(self) -> None:
        if self._publication is not None and self._file.synced_seq is not None:
            self._publication.on_durable(self._file.synced_seq)

    def _pause_s(self) -> float:
        is_urgent = self._policy == "always" or self._publication is not None
        return 0.0 if is_urgent else PAUSE_S

    def _idle_s(self) -> float | None:
        if self._io_errors:
            return 0.0
        if self._policy != "1s" or not self._file.dirty:
            return None
        return max(0.0, self._dirty_since + self._sync_every_s - monotonic())

    def _sync_due(self) -> bool:
        if not self._file.dirty:
            return False
        match self._policy:
            case "always":
                return True
            case "1s":
                return self._must_sync or monotonic() >= self._dirty_since + self._sync_every_s
            case "never":
                return self._must_sync

    def _sync(self) -> None:
        self._file.sync()
        self._must_sync = False
        self._checkpoints.synced()

    def _write(self, entries: Sequence[Entry]) -> None:
        if any(_is_alive(entry) for entry in entries):
            self._look_at_the_file()
        self._rotate_if_due(entries)
        news, self._io_errors = self._io_errors, []
        lines: list[bytes] = []
        seq = self._file.last_seq
        before = self.written
        for place, entry in enumerate((*news, *entries), -len(news)):
            seq += 1
            if _is_end(entry):
                # An end that can be read proves that all before it is durable.
                self._put(lines)
                self.written = before + max(0, place)
                self._sync()
                lines = []
            lines.append(self._line(entry, seq))
        self._put(lines)
        self.written = before + len(entries)

    def _line(self, entry: Entry, seq: int) -> bytes:
        if isinstance(entry, bytes):
            return with_crc(entry, seq)
        match entry.record:
            case AliveRecord() as alive:
                alive = msgspec.structs.replace(alive, synced_seq=self._file.synced_seq)
                if self._publication is not None:
                    alive = msgspec.structs.replace(alive, published_seq=self._publication.published_seq())
                return with_crc(encode(alive), seq)
            case SessionRecord() | GapRecord() | LinkRecord(state="live"):
                self._must_sync = True
            case _:
                pass
        return with_crc(entry.json, seq)

    def _report(self, error: IoErrorRecord) -> None:
        self._io_errors.append(OutputRecord(error))

    def _put(self, lines: Sequence[bytes]) -> None:
        if not self._file.dirty:
            self._dirty_since = monotonic()
        self._file.put(b"".join(lines))
        self._until_done("write", self._file.flush)
        self._checkpoints.written(lines)
        now_ns = time_ns()
        # A clock that is set back over midnight does not make that day begin twice; one set back further was wrong.
        if not self._written_ns - NS_A_DAY < now_ns < self._written_ns:
            self._written_ns = now_ns

    def _rotate_if_due(self, entries: Sequence[Entry]) -> None:
        file = self._file
        if self._rotation == Rotation() or file.last_seq <= file.first_seq:
            return
        adding = sum(len(entry) for entry in entries if isinstance(entry, bytes))
        if self._rotation.due(file.size, adding, written_ns=self._written_ns, now_ns=time_ns()):
            self._continue_in_new_file()

    def _rotate_if_asked(self) -> None:
        # A file without a line is not left behind: its first lines go into it.
        if self._rotate.is_set() and (self._file.size or self._file.fault()):
            self._rotate.clear()
            if not self._is_continued_already():
                self._continue_in_new_file()

    def _is_continued_already(self) -> bool:
        """Whether this SIGHUP comes from a log rotator whose move was noticed before."""
        moved_at, self._moved_at = self._moved_at, -inf
        return monotonic() < moved_at + HANGUP_AFTER_S and self._file.fault() is None

    def _continue_in_new_file(self) -> None:
        fault = self._file.fault()
        if fault is not None:
            self._replace(fault)
            return
        old = self._file
        self._end_file()
        self._file = self._until_done(
            "rotate",
            lambda: next_file(self._files, old.path, first_seq=old.first_seq, last_seq=old.last_seq),
        )
        self._checkpoints.next_file(self._file)
        old.close()

    def _end_file(self) -> None:
        seq = self._file.last_seq + 1
        self._put([with_crc(encode(RotateRecord(next=self._file.path.name, last_seq=seq)), seq)])
        self._sync()

    def _look_at_the_file(self) -> None:
        fault = self._file.fault()
        if fault is None:
            return
        log.warning("%s: was %s by somebody else; continuing in a new file", self._file.path, fault)
        self._replace(fault)
        if fault == "replaced":
            self._moved_at = monotonic()
        self._report(IoErrorRecord(op=fault, errno=errno.ESTALE, ms=0.0, waiting=len(self._queue)))

    def _replace(self, fault: Fault) -> None:
        old = self._file
        if fault == "replaced":
            self._end_file()
        kept = quarantine_name(old.path)
        self._file = self._until_done(
            "reopen", lambda: replacement(self._files, old.path, fault=fault, kept=kept, last_seq=old.last_seq)
        )
        self._checkpoints.restart(self._file)
        old.close()

    def _until_done(self, op: str, act: Callable[[], T]) -> T:
        """Do it, and while the disk refuses do it again."""
        since: float | None = None
        while True:
            try:
                done = act()
            except OSError as exc:
                code = exc.errno or 0
                since = self._refused(op, exc, since)
                if self._queue.wait_closed(RETRY_S):
                    sleep(FINISH_RETRY_S)
            else:
                break
        if since is not None:
            ms = round((monotonic() - since) * 1000, 1)
            self._report(IoErrorRecord(op=op, errno=code, ms=ms, waiting=len(self._queue)))
            log.warning("%s: %s works again after %.1f s", self._file.path, op, ms / 1000)
        return done

    def _refused(self, op: str, exc: OSError, since: float | None) -> float:
        path = self._file.path
        now = monotonic()
        if since is None:
            log.warning("%s: %s failed (%s); trying again every %g s", path, op, exc.strerror, RETRY_S)
            since = now
        late = self._queue.closed_s is not None and now > self._queue.closed_s + FINISH_S
        if late or self._queue.fill >= 1 or now - since > GIVE_UP_S:
            raise OutputError(
                f"{path}: {op} failed for {now - since:.0f} s ({exc.strerror}); "
                f"{len(self._queue)} records and more could not be written"
            ) from exc
        return since


def _is_alive(entry: Entry) -> bool:
    return isinstance(entry, OutputRecord) and isinstance(entry.record, AliveRecord)


def _is_end(entry: Entry) -> bool:
    return isinstance(entry, OutputRecord) and isinstance(entry.record, SessionRecord) and entry.record.state == "end"
