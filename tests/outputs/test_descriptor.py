import errno
import logging
import os
import pty
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ordwatch.core.errors import OutputError, OutputRefused, ReaderClosed
from ordwatch.outputs.descriptor import check_open, explain_failure, incomplete, write_all

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
    error = explain_failure(1)(BrokenPipeError(errno.EPIPE, "Broken pipe"))

    assert (type(error), str(error)) == (ReaderClosed, "nobody reads stdout any more")


def test_an_input_output_error_of_a_terminal_means_that_it_was_closed() -> None:
    screen, fd = pty.openpty()
    explain = explain_failure(fd)
    os.close(screen)
    os.close(fd)

    assert isinstance(explain(OSError(errno.EIO, "Input/output error")), ReaderClosed)


def test_another_error_is_reported_as_the_system_has_it(pipe: tuple[int, int]) -> None:
    _, writer = pipe

    error = explain_failure(writer)(OSError(errno.EIO, "Input/output error"))

    assert (type(error), error.exit_code) == (OutputError, 74)
    assert str(error) == f"cannot write to file descriptor {writer}: Input/output error"


def test_a_bug_is_logged_and_ends_only_the_output(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        error = explain_failure(1)(KeyError("bug"))

    assert (type(error), str(error)) == (OutputError, "the thread that writes to stdout ended")
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_slow_reader_is_named_with_the_time_it_was_given() -> None:
    assert re.fullmatch("stdout took too little in 2 s: not all was written", str(incomplete(1)))
