import asyncio
from threading import Event

import pytest

from ordwatch.core.errors import OutputError
from ordwatch.outputs.watched_thread import WatchedThread
from ordwatch.outputs.writer_thread import WriterQueue, WriterThread

LIMIT_S = 20


def explain(error: BaseException) -> BaseException:
    return OutputError(f"explained: {error}")


class Written:
    """Keeps what is written; fails at an item that is an error, and blocks at one that is an event."""

    def __init__(self) -> None:
        self.items: list[object] = []
        self.queue = WriterQueue[object](max_items=10, group_items=1)
        self.thread = WatchedThread(WriterThread("test", self.queue, self._write), explain)

    def _write(self, group: list[object]) -> None:
        for item in group:
            if isinstance(item, Exception):
                raise item
            if isinstance(item, Event):
                item.wait(LIMIT_S)
            self.items.append(item)


def test_what_was_put_is_written_when_it_is_closed() -> None:
    async def scenario() -> tuple[bool, list[object]]:
        written = Written()
        written.thread.start()
        written.queue.put(["a", "b"])
        return await written.thread.close(LIMIT_S), written.items

    assert asyncio.run(scenario()) == (True, ["a", "b"])


def test_a_failure_ends_the_watch_and_is_not_raised_again() -> None:
    async def scenario() -> bool:
        written = Written()
        written.thread.start()
        written.queue.put([ValueError("full")])
        with pytest.raises(OutputError, match="explained: full"):
            async with asyncio.timeout(LIMIT_S):
                await written.thread.watch()
        assert await written.thread.close(LIMIT_S)
        return written.thread.failed

    assert asyncio.run(scenario())


def test_a_failure_that_nobody_watched_is_raised_at_the_end() -> None:
    async def scenario() -> None:
        written = Written()
        written.thread.start()
        written.queue.put([ValueError("full")])
        await written.thread.close(LIMIT_S)

    with pytest.raises(OutputError, match="explained: full"):
        asyncio.run(scenario())


def test_a_thread_that_blocks_is_left_to_itself() -> None:
    go_on = Event()

    async def scenario() -> tuple[bool, bool]:
        written = Written()
        written.thread.start()
        written.queue.put([go_on, "never"])
        return await written.thread.close(0.01), written.thread.failed

    assert asyncio.run(scenario()) == (False, False)
    go_on.set()


def test_a_thread_that_ends_after_the_event_loop_reports_to_nobody() -> None:
    go_on = Event()
    written: list[Written] = []

    async def scenario() -> None:
        written.append(Written())
        written[0].thread.start()
        written[0].queue.put([go_on])
        await written[0].thread.close(0.01)

    asyncio.run(scenario())
    go_on.set()

    assert written[0].thread._thread.join(LIMIT_S)
    assert not written[0].thread.failed


def test_the_watch_ends_with_the_thread() -> None:
    async def scenario() -> None:
        written = Written()
        written.thread.start()
        async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
            group.create_task(written.thread.watch())
            await written.thread.close(LIMIT_S)

    asyncio.run(scenario())


def test_a_thread_that_was_never_started_is_closed() -> None:
    assert asyncio.run(Written().thread.close(LIMIT_S))
