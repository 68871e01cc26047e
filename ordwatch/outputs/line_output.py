"""One line for each record, written by a thread of its own behind a bounded queue.

The queue holds records; whoever writes them makes them lines, so the place of a line in the stream is known only then.
A few lines for a pipe that takes them at once are written without the thread, which is idle then. When the queue
is full, records are missed and counted; the count stands in the stream where they are missing, as a `sink_gap`.
"""

import asyncio
import errno
import time
from collections import deque
from collections.abc import Callable, Sequence

from ordwatch import system
from ordwatch.core.records import AnyRecord, OutputRecord, SinkGapRecord, record_time
from ordwatch.core.times import time_text
from ordwatch.outputs import descriptor
from ordwatch.outputs.descriptor import check_open, explain_failure, fd_name, write_all
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.writer_thread import WatchedThread, WriterQueue, WriterThread

MAX_QUEUED = 10_000
"""Records that wait for a slow reader before the next are missed."""

SLOW_READER_S = 0.5
"""A reader that took nothing for so long is slow: it is not waited for, and misses records."""

_GROUP_RECORDS = 512
_AT_ONCE_RECORDS = 3
"""More would seldom be short enough for `write_at_once`."""
_DRAIN_POLL_S = 0.002
_IDLE_S = 1.0
_PAUSE_S = 0.005
"""Between two groups for anything but a pipe: waking the thread for each line costs more than the line."""

Render = Callable[[OutputRecord, int], bytes]
"""A record and its seq -> its line, without a line end."""


class LineSink:
    """Filters records and writes those that pass as lines."""

    def __init__(self, fd: int, keep: Filter, render: Render) -> None:
        self._fd = fd
        self._keep = keep
        self._render = render
        self._seq = 0
        self._write_now: Callable[[Sequence[OutputRecord | _Missed]], bool] | None = None
        self._last_write_s = time.monotonic()
        self._queue = WriterQueue[OutputRecord | _Missed](
            max_items=MAX_QUEUED, group_items=_GROUP_RECORDS, on_full=_count_missed
        )
        thread = WriterThread(
            f"write {fd_name(fd)}",
            self._queue,
            self._write_lines,
            idle_s=lambda: _IDLE_S,
            pause_s=lambda: _PAUSE_S if self._write_now is None else 0.0,
        )
        self._thread = WatchedThread(thread, explain_failure(fd))

    def start(self) -> None:
        """Start the writer.

        Raises:
            OutputRefused: The descriptor is closed.
        """
        check_open(self._fd)
        if system.is_pipe(self._fd):
            self._write_now = self._write_at_once
        self._thread.start()

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Queue what the filter lets pass; never blocks."""
        passes = self._keep.passes
        wanted = [record for record in records if passes(record.record)]
        if wanted:
            self._queue.put(wanted, self._write_now)

    async def drain(self) -> None:
        """Wait while the queue is half full and the reader takes something, half a second at the most in vain."""
        while self._queue.fill > 0.5 and time.monotonic() - self._last_write_s < SLOW_READER_S:  # noqa: ASYNC110 - a thread empties it
            await asyncio.sleep(_DRAIN_POLL_S)

    @property
    def stalled(self) -> bool:
        """Never: a slow reader of lines misses records, and the stream has a `sink_gap` for them."""
        return False

    async def watch(self) -> None:
        """Last until the output ends.

        Raises:
            ReaderClosed: Nobody reads any more.
            OutputError: Any other error of the system.
        """
        await self._thread.watch()

    async def close(self) -> None:
        """Write what is queued, as far as that goes within 2 s.

        Raises:
            ReaderClosed: Nobody reads any more.
            OutputError: Writing failed, or the reader took too little in that time.
        """
        try:
            if not await self._thread.close(descriptor.CLOSE_S):
                raise descriptor.incomplete(self._fd)
        finally:
            self._queue.clear()

    def _write_lines(self, group: "list[OutputRecord | _Missed]") -> None:
        # While nothing happens, only the next line would notice that `head` has left.
        if not group and system.reader_closed(self._fd):
            raise BrokenPipeError(errno.EPIPE, "the reader is gone")
        write_all(self._fd, b"".join([self._line(item) for item in group]))
        self._last_write_s = time.monotonic()

    def _write_at_once(self, few: "Sequence[OutputRecord | _Missed]") -> bool:
        if len(few) > _AT_ONCE_RECORDS:
            return False
        seq = self._seq
        if system.write_at_once(self._fd, b"".join([self._line(item) for item in few])):
            self._last_write_s = time.monotonic()
            return True
        self._seq = seq
        return False

    def _line(self, item: "OutputRecord | _Missed") -> bytes:
        self._seq += 1
        record = OutputRecord(item.sink_gap()) if isinstance(item, _Missed) else item
        return self._render(record, self._seq) + b"\n"


class _Missed:
    """Records for which the queue had no room, at their place in it."""

    def __init__(self, record: AnyRecord) -> None:
        self.count = 1
        self.first = self.last = record

    def add(self, record: AnyRecord) -> None:
        self.count += 1
        self.last = record

    def sink_gap(self) -> SinkGapRecord:
        now = time_text(time.time_ns())
        return SinkGapRecord(
            count=self.count, from_=record_time(self.first) or now, to=record_time(self.last) or now, at=now
        )


def _count_missed(waiting: deque[OutputRecord | _Missed], item: OutputRecord | _Missed) -> None:
    last = waiting[-1]
    if isinstance(item, _Missed):
        waiting.append(item)
    elif isinstance(last, _Missed):
        last.add(item.record)
    else:
        waiting.append(_Missed(item.record))
