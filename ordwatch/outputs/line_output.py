"""One line for each record, written by a thread of its own behind a bounded queue.

The queue holds records; the thread makes them lines, so only it knows a line's place in the stream. When the queue
is full, records are missed and counted; the count stands in the stream where they are missing, as a `sink_gap`.
"""

import asyncio
import errno
import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition

from ordwatch import system
from ordwatch.core.records import AnyRecord, SinkGapRecord, record_time
from ordwatch.core.times import time_text
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.output_thread import OutputThread, check_open, write_all

MAX_QUEUED = 10_000
"""Records that wait for a slow reader before the next are missed."""

PATIENCE_S = 0.5
"""A reader that took nothing for so long is slow: it is not waited for, and misses records."""

_BATCH = 512
_BREATH_S = 0.002
_IDLE_S = 1.0

Render = Callable[[AnyRecord, int], bytes]
"""A record and its seq -> its line, without a line end."""


class LineSink:
    """Filters records and writes those that pass as lines."""

    def __init__(self, fd: int, keep: Filter, render: Render) -> None:
        self._fd = fd
        self._keep = keep
        self._render = render
        self._seq = 0
        self._queue: deque[AnyRecord | _Missed] = deque()
        self._condition = Condition()
        self._closing = False
        self._moved_s = time.monotonic()
        """When something was last written."""
        self._thread = OutputThread(fd, self._work)

    def start(self) -> None:
        """Start the writer.

        Raises:
            OutputRefused: The descriptor is closed.
        """
        check_open(self._fd)
        self._thread.start()

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Queue what the filter lets pass; never blocks."""
        passes = self._keep.passes
        wanted = [record for record in records if passes(record)]
        if not wanted:
            return
        with self._condition:
            room = max(0, MAX_QUEUED - len(self._queue))
            self._queue.extend(wanted[:room])
            for record in wanted[room:]:
                self._miss(record)
            self._condition.notify()

    async def drain(self) -> None:
        """Wait while the queue is half full and the reader takes something, half a second at the most in vain."""
        while len(self._queue) > MAX_QUEUED // 2 and time.monotonic() - self._moved_s < PATIENCE_S:  # noqa: ASYNC110 - a thread moves it
            await asyncio.sleep(_BREATH_S)

    @property
    def stalled(self) -> bool:
        """Never: a slow reader of lines misses records, and the stream says so."""
        return False

    async def watch(self) -> None:
        """Last until the output fails.

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
        with self._condition:
            self._closing = True
            self._condition.notify()
        try:
            await self._thread.close()
        finally:
            with self._condition:
                self._queue.clear()

    def _miss(self, record: AnyRecord) -> None:
        last = self._queue[-1]
        if isinstance(last, _Missed):
            last.add(record)
        else:
            self._queue.append(_Missed(record))

    def _work(self) -> None:
        while batch := self._take():
            write_all(self._fd, b"".join([self._line(item) for item in batch]))
            self._moved_s = time.monotonic()

    def _take(self) -> list["AnyRecord | _Missed"]:
        """What comes next, oldest first; waits for it. Nothing when the sink closes and all is written."""
        with self._condition:
            while not self._queue and not self._closing:
                # A quiet stream would notice only with its next line that `head` has left.
                if not self._condition.wait(_IDLE_S) and system.reader_closed(self._fd):
                    raise BrokenPipeError(errno.EPIPE, "the reader is gone")
            return [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]

    def _line(self, item: "AnyRecord | _Missed") -> bytes:
        self._seq += 1
        record = item.record() if isinstance(item, _Missed) else item
        return self._render(record, self._seq) + b"\n"


class _Missed:
    """Records for which the queue had no room."""

    def __init__(self, record: AnyRecord) -> None:
        self.count = 1
        self.first = self.last = record

    def add(self, record: AnyRecord) -> None:
        self.count += 1
        self.last = record

    def record(self) -> SinkGapRecord:
        now = time_text(time.time_ns())
        return SinkGapRecord(
            count=self.count, from_=record_time(self.first) or now, to=record_time(self.last) or now, at=now
        )
