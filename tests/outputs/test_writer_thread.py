import asyncio
from collections import deque
from collections.abc import Sequence
from threading import Event, Timer

import pytest

from ordwatch.core.errors import OutputError
from ordwatch.outputs.writer_thread import WatchedThread, WriterQueue, WriterThread, keep, replace_oldest

LIMIT_S = 20


def sized(
    *, max_items: int = 100, group_items: int = 100, max_bytes: float = 100, group_bytes: float = 100
) -> WriterQueue[bytes]:
    """A queue that counts bytes."""
    return WriterQueue(
        max_items=max_items, group_items=group_items, size=len, max_bytes=max_bytes, group_bytes=group_bytes
    )


def test_gives_what_was_put_in_its_order() -> None:
    queue = WriterQueue[str](max_items=10, group_items=10)
    queue.put(["a", "b"])
    queue.put(["c"])

    assert queue.take(0) == ["a", "b", "c"]


class Waited:
    """What happens while the thread waits for items."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *puts: list[str], writes: bool = True) -> None:
        self.queue = WriterQueue[str](max_items=10, group_items=10)
        self.tried: list[str] = []
        self._puts = puts
        self._writes = writes
        monkeypatch.setattr(self.queue._changed, "wait", self._wait)

    def write_now(self, items: Sequence[str]) -> bool:
        self.tried += items
        return self._writes

    def _wait(self, _timeout_s: float | None) -> None:
        for items in self._puts:
            self.queue.put(items, self.write_now)


def test_what_comes_while_the_thread_waits_is_written_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = Waited(monkeypatch, ["a", "b"], ["c"])

    assert (waited.queue.take(0), waited.tried) == ([], ["a", "b", "c"])


def test_what_cannot_be_written_now_is_left_to_the_thread_and_all_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = Waited(monkeypatch, ["a", "b"], ["c"], writes=False)

    assert (waited.queue.take(0), waited.tried) == (["a", "b", "c"], ["a", "b"])


def test_nothing_is_written_past_a_thread_that_may_be_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = Waited(monkeypatch)
    waited.queue.put(["a"], waited.write_now)
    taken = waited.queue.take(0)
    waited.queue.put(["b"], waited.write_now)
    waited.queue.take(0)
    waited.queue.take(0)
    waited.queue.put(["c"], waited.write_now)

    assert (taken, waited.tried) == (["a"], [])


def test_a_group_ends_at_its_number_of_items() -> None:
    queue = WriterQueue[str](max_items=10, group_items=2)
    queue.put(["a", "b", "c"])

    assert [queue.take(0), queue.take(0)] == [["a", "b"], ["c"]]


def test_a_group_ends_at_its_number_of_bytes() -> None:
    queue = sized(group_bytes=7)
    queue.put([b"aaaa", b"bbbb", b"cccc"])

    assert [queue.take(0), queue.take(0)] == [[b"aaaa", b"bbbb"], [b"cccc"]]


def test_a_group_with_bytes_ends_at_its_number_of_items_too() -> None:
    queue = sized(group_items=1)
    queue.put([b"a", b"b"])

    assert queue.take(0) == [b"a"]


def test_is_full_by_items() -> None:
    queue = WriterQueue[str](max_items=2, group_items=1)
    queue.put(["a", "b"])

    assert queue.fill == 1.0


def test_is_full_by_bytes() -> None:
    queue = sized(max_bytes=6)
    queue.put([b"aaa", b"bbb"])

    assert queue.fill == 1.0


@pytest.mark.parametrize("clear", [lambda queue: queue.take(0), lambda queue: queue.clear()], ids=["taken", "cleared"])
def test_is_empty_without_what_was_put(clear: object) -> None:
    queue = sized()
    queue.put([b"a", b"b"])
    assert callable(clear)
    clear(queue)

    assert (len(queue), queue.fill) == (0, 0.0)


def count(waiting: deque[str], item: str) -> None:
    waiting[-1] += f"+{item}"


@pytest.mark.parametrize(
    ("on_full", "left"),
    [(keep, ["a", "b", "c", "d"]), (replace_oldest, ["c", "d"]), (count, ["a", "b+c+d"])],
    ids=["keep", "replace_oldest", "count"],
)
def test_a_full_queue_does_what_it_was_made_to_do(on_full: object, left: list[str]) -> None:
    assert callable(on_full)
    queue = WriterQueue[str](max_items=2, group_items=9, on_full=on_full)
    queue.put(["a"])
    queue.put(["b", "c"])
    queue.put(["d"])

    assert queue.take(0) == left


def test_an_empty_queue_gives_nothing_when_the_time_is_over() -> None:
    assert WriterQueue[str](max_items=1, group_items=1).take(0) == []


def test_a_woken_queue_gives_nothing_once() -> None:
    queue = WriterQueue[str](max_items=1, group_items=1)
    queue.wake()
    woken = queue.take(None)
    Timer(0.05, queue.put, [["a"]]).start()

    assert (woken, queue.take(None)) == ([], ["a"])


def test_a_closed_queue_gives_the_rest_and_then_nothing() -> None:
    queue = WriterQueue[str](max_items=2, group_items=1)
    queue.put(["a"])
    queue.close()

    assert [queue.take(None), queue.take(None)] == [["a"], []]


def test_the_time_of_the_first_close_is_kept() -> None:
    queue = WriterQueue[str](max_items=2, group_items=1)
    open_s = queue.closed_s
    queue.close()
    closed_s = queue.closed_s
    queue.close()

    assert (open_s, queue.closed_s) == (None, closed_s)
    assert queue.wait_closed(0)


class Log:
    """What a thread did, in its order."""

    def __init__(self, *, fail: bool = False) -> None:
        self.acts: list[str] = []
        self._fail = fail
        self.queue = WriterQueue[str](max_items=10, group_items=2)
        self.thread = WriterThread(
            "test",
            self.queue,
            self.write,
            finish=lambda: self.acts.append("finish"),
            close_target=lambda: self.acts.append("release"),
        )

    def write(self, group: list[str]) -> None:
        self.acts.append("+".join(group))
        if self._fail:
            raise ValueError("no")


def test_all_groups_are_written_before_it_finishes() -> None:
    log = Log()
    log.queue.put(["a", "b", "c"])
    log.queue.close()

    log.thread.run()

    assert log.acts == ["a+b", "c", "finish", "release"]


class ClosedAfterAnEmptyTake(WriterQueue[str]):
    """Somebody puts an item and closes the queue when the thread has just found it empty."""

    def take(self, timeout_s: float | None) -> list[str]:
        group = super().take(0)
        if not self.closed:
            self.put(["last"])
            self.close()
        return group


def test_what_is_put_just_before_the_close_is_written() -> None:
    groups: list[list[str]] = []

    WriterThread("test", ClosedAfterAnEmptyTake(max_items=1, group_items=1), groups.append).run()

    assert groups == [[], ["last"]]


def test_a_thread_that_fails_only_releases_what_it_has() -> None:
    log = Log(fail=True)
    log.queue.put(["a", "b", "c"])
    log.queue.close()

    with pytest.raises(ValueError, match="no"):
        log.thread.run()

    assert log.acts == ["a+b", "release"]


def test_an_empty_queue_is_waited_for_as_long_as_it_says() -> None:
    groups: list[list[str]] = []
    queue = WriterQueue[str](max_items=1, group_items=1)

    def write(group: list[str]) -> None:
        groups.append(group)
        if len(groups) == 3:
            queue.close()

    WriterThread("test", queue, write, idle_s=lambda: 0.0).run()

    assert groups == [[], [], []]


def test_a_pause_between_two_groups_ends_when_the_queue_is_closed() -> None:
    log: list[list[str]] = []
    queue = WriterQueue[str](max_items=9, group_items=1)
    first = Event()

    def write(group: list[str]) -> None:
        log.append(group)
        first.set()

    thread = WriterThread("test", queue, write, pause_s=lambda: 3600.0)
    thread.start()
    queue.put(["a", "b"])
    assert first.wait(LIMIT_S)

    assert thread.join(LIMIT_S)
    assert log == [["a"], ["b"]]


def test_its_end_is_reported_with_its_error() -> None:
    log = Log(fail=True)
    ended = Event()
    log.thread.start(ended.set)
    log.queue.put(["a"])

    assert ended.wait(LIMIT_S)
    assert isinstance(log.thread.error, ValueError)


def test_a_thread_that_blocks_is_not_waited_for_longer_than_allowed() -> None:
    go_on = Event()
    queue = WriterQueue[str](max_items=1, group_items=1)
    thread = WriterThread("test", queue, lambda _: [go_on.wait(LIMIT_S)].clear())
    thread.start()
    queue.put(["a"])

    assert not thread.join(0.01)
    go_on.set()
    assert thread.join(LIMIT_S)


def test_a_thread_that_was_never_started_has_ended() -> None:
    log = Log()

    assert (log.thread.join(0), log.thread.started) == (True, False)


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


def test_a_watched_thread_that_was_never_started_is_closed() -> None:
    assert asyncio.run(Written().thread.close(LIMIT_S))


def test_bytes_that_were_taken_count_no_more_after_several_groups() -> None:
    queue = sized(max_bytes=100, group_items=1)
    queue.put([b"a" * 10, b"b" * 20, b"c" * 30, b"d" * 40])
    fills = []
    for _ in range(4):
        queue.take(0)
        fills.append(queue.fill)

    assert fills == [0.9, 0.7, 0.4, 0.0]
