"""A writer thread as the event loop sees it: its failure ends a task, and its end is waited for without blocking."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from ordwatch.outputs.writer_thread import WriterThread

T = TypeVar("T")


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
