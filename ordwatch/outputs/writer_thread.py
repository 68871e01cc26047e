"""A thread behind a bounded queue: the one way in which ordwatch writes to anything that may block.

stdout, the table, the recording and the messages on stderr differ only in their arguments: what happens to an item
for which the queue has no room, how much is written at once, how long an empty queue is waited for, and what is done
at the end. Nothing here waits for the thread but `join`, and the thread waits for nobody but the file it writes to.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Condition, Event, Thread
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


def keep(waiting: deque[T], item: T) -> None:
    """Queue it all the same: whoever puts looks at `fill`, and stops what makes the items."""
    waiting.append(item)


def replace_oldest(waiting: deque[T], item: T) -> None:
    """Queue it instead of the item that waits longest: the newest are of more use."""
    waiting.popleft()
    waiting.append(item)


class WriterQueue(Generic[T]):
    """What waits to be written. Any thread may put, one thread takes; neither ever waits for room.

    `on_full` gets what waits, and each item beyond `max_items`: `keep`, `replace_oldest`, or a function that counts it.
    Bytes, as `size` has them, bound a group and count in `fill`; they are for queues that keep everything.
    """

    def __init__(
        self,
        *,
        max_items: int,
        group_items: int,
        on_full: Callable[[deque[T], T], None] = keep,
        size: Callable[[T], int] | None = None,
        max_bytes: float = math.inf,
        group_bytes: float = math.inf,
    ) -> None:
        self._max_items = max_items
        self._group_items = group_items
        self._on_full = on_full
        self._size = size
        self._max_bytes = max_bytes
        self._group_bytes = group_bytes
        self._waiting: deque[T] = deque()
        self._bytes = 0
        self._changed = Condition()
        self._is_waited_for = False
        """The thread waits for items: all before them are written."""
        self._woken = False
        self._closed = Event()
        self.closed_s: float | None = None
        """When it was closed, by the monotonic clock."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def fill(self) -> float:
        """How full it is: 1.0 and more is full."""
        return max(len(self._waiting) / self._max_items, self._bytes / self._max_bytes)

    @property
    def closed(self) -> bool:
        """Whether the thread is to end once it has written what waits."""
        return self._closed.is_set()

    def put(self, items: Sequence[T], write_now: Callable[[Sequence[T]], bool] | None = None) -> None:
        """Queue the items in their order; those for which there is no room go to `on_full`.

        `write_now` is tried first if the thread has nothing to do, for waking it costs more than writing a few items:
        it writes all of them without ever waiting, or none and returns False.
        """
        added = self._bytes_of(items)
        with self._changed:
            if write_now is not None and self._is_waited_for and not self._waiting and write_now(items):
                return
            room = max(0, self._max_items - len(self._waiting))
            self._waiting.extend(items[:room])
            for item in items[room:]:
                self._on_full(self._waiting, item)
            self._bytes += added
            self._changed.notify()

    def take(self, timeout_s: float | None) -> list[T]:
        """The oldest items, one group of them; none after `timeout_s`, when woken, or when closed and empty."""
        with self._changed:
            if not (self._waiting or self._woken or self.closed):
                self._is_waited_for = True
                self._changed.wait(timeout_s)
                self._is_waited_for = False
            self._woken = False
            return self._group()

    def _group(self) -> list[T]:
        waiting = self._waiting
        if self._size is None:
            return [waiting.popleft() for _ in range(min(self._group_items, len(waiting)))]
        group: list[T] = []
        size = 0
        while waiting and len(group) < self._group_items and size < self._group_bytes:
            group.append(waiting.popleft())
            size += self._size(group[-1])
        self._bytes -= size
        return group

    def wake(self) -> None:
        """Make a waiting `take` return."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def close(self) -> None:
        """Nothing more is put: the thread may end when all is written."""
        if self.closed_s is None:
            self.closed_s = monotonic()
        self._closed.set()
        self.wake()

    def wait_closed(self, timeout_s: float) -> bool:
        """Wait until it is closed, at most so long; whether it is."""
        return self._closed.wait(timeout_s)

    def clear(self) -> None:
        """Forget what waits."""
        with self._changed:
            self._waiting.clear()
            self._bytes = 0

    def _bytes_of(self, items: Sequence[T]) -> int:
        return 0 if self._size is None else sum(map(self._size, items))


def _wait_forever() -> float | None:
    return None


def _nothing() -> None:
    return None


class WriterThread(Generic[T]):
    """Hands what waits in the queue to `write`, one group after the other, until the queue is closed and empty.

    `idle_s` says how long an empty queue is waited for (None: for ever); after that `write` gets an empty group.
    `pause_s` is the least time between two groups. `finish` is called after the last of them, and at the end
    `close_target`, in any case.
    """

    def __init__(
        self,
        name: str,
        queue: WriterQueue[T],
        write: Callable[[list[T]], None],
        *,
        idle_s: Callable[[], float | None] = _wait_forever,
        pause_s: Callable[[], float] = lambda: 0.0,
        finish: Callable[[], None] = _nothing,
        close_target: Callable[[], None] = _nothing,
    ) -> None:
        self.name = name
        self._queue = queue
        self._write = write
        self._idle_s = idle_s
        self._pause_s = pause_s
        self._finish = finish
        self._close_target = close_target
        self._thread: Thread | None = None
        self.error: BaseException | None = None
        """What ended the thread before its time."""

    @property
    def started(self) -> bool:
        """Whether there is a thread, or was."""
        return self._thread is not None

    def start(self, on_end: Callable[[], None] = _nothing) -> None:
        """Start the thread; `on_end` is called in it when it ends, for whatever reason."""
        # A daemon: nothing gets a thread out of a write that nobody reads, or a sync that hangs, and the process ends.
        self._thread = Thread(target=self._run, args=(on_end,), name=self.name, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Close the queue and wait until all is written, at most so long; whether the thread has ended."""
        self._queue.close()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def close_queue(self) -> None:
        """Ask the thread to end when all is written, without waiting for it."""
        self._queue.close()

    def run(self) -> None:
        """What the thread does; raises whatever `write`, `finish` and `close_target` raise."""
        try:
            self._write_groups()
            self._finish()
        finally:
            self._close_target()

    def _write_groups(self) -> None:
        queue = self._queue
        while True:
            group = queue.take(self._idle_s())
            # Closed is asked first: what was put before that is then seen.
            if not group and queue.closed and not queue:
                return
            self._write(group)
            if (pause_s := self._pause_s()) > 0:
                queue.wait_closed(pause_s)

    def _run(self, on_end: Callable[[], None]) -> None:
        try:
            self.run()
        except BaseException as exc:  # noqa: BLE001 - a thread has no caller; whoever watches it raises this
            self.error = exc
        finally:
            on_end()


class WatchedThread(Generic[T]):
    """Reports once why a writer thread failed: from `watch`, or else from `close`.

    `explain` makes the error that is raised from the one that ended the thread.
    """

    def __init__(self, thread: WriterThread[T], explain: Callable[[BaseException], BaseException]) -> None:
        self._thread = thread
        self._explain = explain
        self._ended = asyncio.Event()
        self._reported = False

    def start(self) -> None:
        """Start the thread; the running event loop is the one that learns of its end."""
        loop = asyncio.get_running_loop()

        def on_end() -> None:
            # The loop is closed when the run ended while this thread was stuck in a write.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._ended.set)

        self._thread.start(on_end)

    @property
    def failed(self) -> bool:
        """Whether the thread has ended by an error: what is queued now is never written."""
        return self._thread.error is not None

    async def watch(self) -> None:
        """Last until the thread has ended.

        Raises:
            Exception: As `explain` makes it, if the thread failed.
        """
        await self._ended.wait()
        self._report()

    async def close(self, timeout_s: float) -> bool:
        """Let the thread write what waits and end, at most so long; False if it still blocks then, and is left.

        Raises:
            Exception: As `explain` makes it, if the thread failed; unless `watch` has raised it.
        """
        self._thread.close_queue()
        if not self._thread.started:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._ended.wait()
        except TimeoutError:
            return False
        self._report()
        return True

    def _report(self) -> None:
        if self._thread.error is not None and not self._reported:
            self._reported = True
            raise self._explain(self._thread.error)
