import asyncio
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from ordwatch.core.errors import OutputError, ReaderClosed
from ordwatch.core.records import AnyRecord, LinkRecord, OrderRecord, OutputRecord, SinkGapRecord, for_outputs
from ordwatch.outputs import line_output
from ordwatch.outputs.filters import Filter, RecordChoice
from ordwatch.outputs.line_output import MAX_QUEUED, LineSink

LIMIT_S = 20
Make = Callable[..., OrderRecord]


def tag(shared: OutputRecord, seq: int) -> bytes:
    match shared.record:
        case OrderRecord() as record:
            return b"%d order %b" % (seq, record.order_id.encode())
        case SinkGapRecord() as record:
            return b"%d missed %d %b %b" % (seq, record.count, record.from_.encode(), record.to.encode())
        case _:
            return b"%d other" % seq


def written(path: Path, *batches: Sequence[AnyRecord], keep: Filter | None = None) -> list[str]:
    """What a sink leaves in a file."""

    async def scenario(fd: int) -> None:
        sink = LineSink(fd, keep or Filter(), tag)
        sink.start()
        for batch in batches:
            sink.write(for_outputs(batch))
        await sink.close()

    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    asyncio.run(scenario(fd))
    os.close(fd)
    return path.read_text().splitlines()


async def watch(sink: LineSink, *records: AnyRecord) -> None:
    sink.start()
    sink.write(for_outputs(records))
    async with asyncio.timeout(LIMIT_S):
        await sink.watch()


def test_records_become_numbered_lines_in_their_order(tmp_path: Path, order: Make) -> None:
    lines = written(tmp_path / "out", [order(order_id="a"), order(order_id="b")], [order(order_id="c")])

    assert lines == ["1 order a", "2 order b", "3 order c"]


def test_lines_for_a_file_come_in_groups_and_an_end_waits_for_no_pause(
    tmp_path: Path, order: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_output, "_PAUSE_S", 3600.0)
    writes: list[bytes] = []

    def write_all(fd: int, data: bytes) -> None:
        writes.append(data)
        os.write(fd, data)

    monkeypatch.setattr(line_output, "write_all", write_all)

    async def scenario(fd: int) -> None:
        sink = LineSink(fd, Filter(), tag)
        sink.start()
        sink.write(for_outputs([order(order_id="a")]))
        while not writes:  # noqa: ASYNC110 - the thread has no event for it
            await asyncio.sleep(0.001)
        for order_id in "bcd":
            sink.write(for_outputs([order(order_id=order_id)]))
        await sink.close()

    fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    asyncio.run(asyncio.wait_for(scenario(fd), LIMIT_S))
    os.close(fd)

    assert writes == [b"1 order a\n", b"2 order b\n3 order c\n4 order d\n"]


def test_what_the_filter_hides_takes_no_number(tmp_path: Path, order: Make, link: Callable[..., LinkRecord]) -> None:
    lines = written(tmp_path / "out", [link("live"), order(symbol="X"), order(symbol="Y")], keep=Filter(symbols=("Y",)))

    assert lines == ["1 order 1"]


def test_a_full_queue_misses_records_and_the_stream_says_how_many_and_when(tmp_path: Path, order: Make) -> None:
    early, late = "2026-03-02T12:00:01.000000Z", "2026-03-02T12:00:09.000000Z"

    lines = written(tmp_path / "out", [order()] * MAX_QUEUED + [order(at=early), order(), order(at=late)])

    assert len(lines) == MAX_QUEUED + 1
    assert lines[-1] == f"{MAX_QUEUED + 1} missed 3 {early} {late}"


def test_a_second_overflow_adds_to_the_count_that_still_waits(tmp_path: Path, order: Make) -> None:
    async def scenario(fd: int) -> None:
        sink = LineSink(fd, Filter(), tag)
        sink.write(for_outputs([order()] * (MAX_QUEUED + 2)))
        sink.write(for_outputs([order()] * 5))
        sink.start()
        await sink.close()

    fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    asyncio.run(scenario(fd))
    os.close(fd)

    assert (tmp_path / "out").read_text().splitlines()[-1].startswith(f"{MAX_QUEUED + 1} missed 7 ")


@pytest.mark.parametrize("records", ["orders", "gaps", "all"])
def test_missed_records_are_reported_whatever_kinds_are_wanted(
    tmp_path: Path, records: RecordChoice, order: Make
) -> None:
    lines = written(tmp_path / "out", [order()] * (MAX_QUEUED + 1), keep=Filter(records=records))

    assert lines[-1].startswith(f"{MAX_QUEUED + 1} missed 1 ")


def test_a_reader_that_left_is_noticed_by_the_next_line(order: Make) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    with pytest.raises(ReaderClosed):
        asyncio.run(watch(LineSink(writer, Filter(), tag), order()))

    os.close(writer)


def test_a_reader_that_left_is_noticed_in_a_quiet_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.outputs.line_output._IDLE_S", 0.01)
    reader, writer = os.pipe()
    os.close(reader)

    with pytest.raises(ReaderClosed):
        asyncio.run(watch(LineSink(writer, Filter(), tag)))

    os.close(writer)


def test_a_full_disk_is_reported_in_the_systems_words(order: Make) -> None:
    fd = os.open("/dev/full", os.O_WRONLY)

    with pytest.raises(OutputError, match=re.escape(f"cannot write to file descriptor {fd}: No space left on device")):
        asyncio.run(watch(LineSink(fd, Filter(), tag), order()))

    os.close(fd)


def test_close_leaves_a_reader_that_never_reads(monkeypatch: pytest.MonkeyPatch, order: Make) -> None:
    monkeypatch.setattr("ordwatch.outputs.descriptor.CLOSE_S", 0.01)
    reader, writer = os.pipe()

    async def scenario() -> None:
        sink = LineSink(writer, Filter(), lambda record, seq: b"x" * 4096)
        sink.start()
        sink.write(for_outputs([order()] * 1000))
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(OutputError, match="not all was written"):
                await sink.close()

    asyncio.run(scenario())
    os.close(reader)


async def idle(sink: LineSink) -> None:
    """Wait until the thread waits for records."""
    async with asyncio.timeout(LIMIT_S):
        while not sink._queue._is_waited_for:  # noqa: ASYNC110 - the thread has no event for it
            await asyncio.sleep(0.001)


def test_a_few_lines_for_a_pipe_are_written_without_the_thread(order: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    by_the_thread: list[bytes] = []
    monkeypatch.setattr("ordwatch.outputs.line_output.write_all", lambda _, data: by_the_thread.append(data))
    reader, writer = os.pipe()

    async def scenario() -> bytes:
        sink = LineSink(writer, Filter(), tag)
        sink.start()
        await idle(sink)
        sink.write(for_outputs([order(order_id="a"), order(order_id="b")]))
        sink.write(for_outputs([order(order_id="c")]))
        written = os.read(reader, 1000)
        await sink.close()
        return written

    assert asyncio.run(scenario()) == b"1 order a\n2 order b\n3 order c\n"
    assert b"".join(by_the_thread) == b""
    os.close(reader)
    os.close(writer)


def test_a_line_that_a_full_pipe_does_not_take_keeps_its_number_and_comes_later(order: Make) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    filling = os.write(writer, b"x" * 1_000_000)
    os.set_blocking(writer, True)

    async def scenario() -> bytes:
        sink = LineSink(writer, Filter(), tag)
        sink.start()
        await idle(sink)
        sink.write(for_outputs([order(order_id="a")]))
        sink.write(for_outputs([order(order_id="b")]))
        os.read(reader, filling)
        await sink.close()
        return os.read(reader, 1000)

    assert asyncio.run(scenario()) == b"1 order a\n2 order b\n"
    os.close(reader)
    os.close(writer)


def test_lines_written_at_once_and_by_the_thread_stay_in_their_order(order: Make) -> None:
    reader, writer = os.pipe()
    sizes = [1, 2, 40, 1, 1, 3, 4, 1, 100, 1] * 20

    async def scenario(file: BinaryIO) -> bytes:
        sink = LineSink(writer, Filter(), tag)
        sink.start()
        reading = asyncio.create_task(asyncio.to_thread(file.read))
        for size in sizes:
            sink.write(for_outputs([order()] * size))
            await sink.drain()
            await asyncio.sleep(0)
        await sink.close()
        os.close(writer)
        return await reading

    with os.fdopen(reader, "rb") as file:
        lines = asyncio.run(scenario(file)).splitlines()

    assert lines == [b"%d order 1" % number for number in range(1, sum(sizes) + 1)]


def test_lines_never_ask_for_the_links_to_be_closed() -> None:
    assert not LineSink(1, Filter(), tag).stalled
