import asyncio
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from ordwatch.core.errors import OutputError, OutputRefused, ReaderClosed
from ordwatch.outputs.output_thread import OutputThread, check_open, write_all

LIMIT_S = 20


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            continue


def read_exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(fd, size)
    return data


def failing(error: OSError) -> OutputThread:
    def job() -> None:
        raise error

    return OutputThread(1, job)


async def watched(thread: OutputThread) -> None:
    thread.start()
    async with asyncio.timeout(LIMIT_S):
        await thread.watch()


def test_every_byte_is_written_to_a_descriptor_that_does_not_block(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.set_blocking(writer, False)
    data = os.urandom(1_000_000)

    with ThreadPoolExecutor() as threads:
        seen = threads.submit(read_exactly, reader, len(data))
        write_all(writer, data)

        assert seen.result(LIMIT_S) == data


def test_short_writes_go_on_where_they_stopped(monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))

    write_all(writer, b"0123456789")

    assert os.read(reader, 100) == b"0123456789"


def test_a_closed_descriptor_is_refused(pipe: tuple[int, int]) -> None:
    _, writer = pipe
    os.close(writer)

    with pytest.raises(OutputRefused, match=f"cannot write to file descriptor {writer}: Bad file descriptor"):
        check_open(writer)


def test_a_broken_pipe_means_that_the_reader_is_gone() -> None:
    with pytest.raises(ReaderClosed, match="nobody reads stdout any more"):
        asyncio.run(watched(failing(BrokenPipeError(32, "Broken pipe"))))


def test_another_error_is_told_in_the_systems_words() -> None:
    with pytest.raises(OutputError, match=re.escape("cannot write to stdout: Input/output error")) as caught:
        asyncio.run(watched(failing(OSError(5, "Input/output error"))))

    assert caught.value.exit_code == 74


def test_work_that_ended_is_closed() -> None:
    async def scenario() -> None:
        thread = OutputThread(1, lambda: None)
        thread.start()
        await thread.close()

    asyncio.run(scenario())


def test_work_that_blocks_is_left_to_itself_and_said_to_be_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.outputs.output_thread.CLOSE_S", 0.01)
    release = Event()

    def job() -> None:
        release.wait(LIMIT_S)

    async def scenario() -> None:
        thread = OutputThread(1, job)
        thread.start()
        with pytest.raises(OutputError, match=r"stdout took too little in 0\.01 s: not all was written"):
            await thread.close()

    asyncio.run(scenario())
    release.set()


def test_work_that_failed_says_so_at_the_end() -> None:
    async def scenario() -> None:
        thread = failing(OSError(28, "No space left on device"))
        thread.start()
        with pytest.raises(OutputError, match="No space left on device"):
            await thread.close()

    asyncio.run(scenario())


def test_failure_that_was_watched_is_not_raised_again() -> None:
    async def scenario() -> None:
        thread = failing(OSError(28, "No space left on device"))
        with pytest.raises(OutputError):
            await watched(thread)
        await thread.close()

    asyncio.run(scenario())


def test_a_thread_that_was_never_started_is_closed() -> None:
    asyncio.run(OutputThread(1, lambda: None).close())
