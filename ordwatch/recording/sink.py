"""Recording: the durable output, as the event loop sees it. It only ever puts into the queue of its thread."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from ordwatch.core.errors import OutputError
from ordwatch.core.records import OrderRecord, OutputRecord, encode
from ordwatch.outputs.writer_thread import WatchedThread, WriterQueue
from ordwatch.recording.files import Files, check_place
from ordwatch.recording.format import MAX_LINE_BYTES
from ordwatch.recording.history import Continuation
from ordwatch.recording.inputs import OnRead
from ordwatch.recording.lock import Lock
from ordwatch.recording.recovery import Opened, open_recording
from ordwatch.recording.rotation import Rotation, older_files
from ordwatch.recording.writer import Entry, Publication, SyncPolicy, Writer, record_queue

CLOSE_S = 2.0
_SEQ_AND_CRC_BYTES = 64
"""More than `seq` and `crc` add to a line."""

log = logging.getLogger(__name__)


class Recording:
    """A recording at `path`: `open` before anything connects, then as every output."""

    def __init__(
        self,
        path: Path,
        *,
        fsync: SyncPolicy = "1s",
        rotate: Rotation | None = None,
        lock_wait_s: float = 0.0,
        files: Files | None = None,
        queue: WriterQueue[Entry] | None = None,
    ) -> None:
        self.path = path
        self.publication: Publication | None = None
        """What publishes the lines; set before `start`."""
        self.before_reading: Callable[[Path, int], object] | None = None
        """Called by `open` with the recording, locked, and its descriptor, if it is there already; must not raise."""
        self._fsync = fsync
        self._rotation = rotate or Rotation()
        self._lock_wait_s = lock_wait_s
        self._files = files or Files()
        self._queue = record_queue() if queue is None else queue
        self._lock = Lock(path, self._files)
        self._opened: Opened | None = None
        self._writer: Writer | None = None
        self._thread: WatchedThread[Entry] | None = None
        self._put = 0
        self._rotate_at_start = False
        self._stalled = False

    def stored_files(self) -> list[Path]:
        """The files that `open` may read."""
        if not self.path.parent.is_dir():
            return []
        return [*(older.path for older in older_files(self.path)), self.path]

    def open(self, on_read: OnRead | None = None) -> Continuation:
        """Take the lock, check and repair the recording; from where it goes on. Blocks; may take seconds.

        `on_read` learns how many bytes were read.

        Raises:
            OutputRefused: There can be no recording there.
            OutputError: It cannot be written.
            RecordingBusy: Another ordwatch holds it.
            RecordingError: Damaged in durable data, or not ours.
        """
        self._opened = self._locked_and_opened(on_read)
        return self._opened.continuation

    def _locked_and_opened(self, on_read: OnRead | None = None) -> Opened:
        check_place(self.path)
        with ExitStack() as undo:
            held = self._lock.take(self._lock_wait_s)
            undo.callback(self._lock.unlock)
            if self.before_reading is not None and held.fd is not None:
                self.before_reading(self.path, held.fd)
            opened = open_recording(self._files, self.path, held.before, held.fd, on_read=on_read)
            undo.pop_all()
        return opened

    def start(self) -> None:
        """Start the writer, opening the recording if `open` was not called.

        Raises:
            OutputError: As from `open`, RecordingBusy and RecordingError too.
        """
        self._opened = self._opened or self._locked_and_opened()
        self._writer = Writer(
            self._opened.file,
            self._queue,
            files=self._files,
            policy=self._fsync,
            rotation=self._rotation,
            written_ns=self._opened.written_ns,
            checkpoints=self._opened.checkpoints,
            publication=self.publication,
        )
        if self._rotate_at_start and (self._opened.file.size or self._opened.file.fault()):
            self._writer.rotate()
        self._thread = WatchedThread(self._writer.thread(), explain=lambda error: error)
        self._thread.start()

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Take records; never blocks and never raises."""
        if self._thread is None or not self._thread.failed:
            self._put += len(records)
            self._queue.put([_entry(record) for record in records])

    async def drain(self) -> None:
        """Never waits: the queue is long, and `stalled` closes the venues before it is full."""

    @property
    def stalled(self) -> bool:
        """True from when the queue is full until it is half empty again."""
        self._stalled = self._queue.fill >= (0.5 if self._stalled else 1.0)
        return self._stalled

    @property
    def synced_seq(self) -> int | None:
        """The highest seq that is known to be durable; None: not known yet."""
        return None if self._writer is None else self._writer.synced_seq

    def rotate_now(self) -> None:
        """Go on in a new file; or, where the file was moved away, in one of its name. For SIGHUP."""
        if self._writer is not None:
            self._writer.rotate()
        else:
            self._rotate_at_start = True

    async def watch(self) -> None:
        """Last until the recording is closed or cannot be written.

        Raises:
            OutputError: Failed for longer than allowed, or a sync failed.
        """
        if self._thread is not None:
            await self._thread.watch()

    async def close(self) -> None:
        """Write out what is queued and sync it, as far as that goes within 2 s, and release the lock.

        Raises:
            OutputError: Lines are left that could not be written, or the sync failed; unless `watch` has raised it.
        """
        unwritten = 0
        try:
            if self._thread is not None and self._writer is not None:
                unwritten = await self._close_thread(self._thread, self._writer)
            elif self._opened is not None:
                self._opened.file.close()
        finally:
            if not unwritten:  # else the thread may still write, and keeps the lock
                self._lock.unlock()
        if unwritten:
            raise OutputError(f"{self.path}: {unwritten} records were not written in time")

    async def _close_thread(self, thread: WatchedThread[Entry], writer: Writer) -> int:
        """How many records are not written yet by a thread that still blocks."""
        if await thread.close(CLOSE_S):
            return 0
        if self._put == writer.written:
            log.warning("%s: all is written, but its sync takes too long to wait for", self.path)
        return self._put - writer.written


def _entry(record: OutputRecord) -> Entry:
    order = record.record
    if not isinstance(order, OrderRecord):
        return record
    line = record.json
    if len(line) < MAX_LINE_BYTES - _SEQ_AND_CRC_BYTES:
        return line
    return encode(msgspec.structs.replace(order, raw=None))
