"""What goes to stderr."""

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ordwatch.cli import stderr
from ordwatch.cli.stderr import StderrHandler, set_up
from ordwatch.core.secrets import Secret


class Pipe:
    """A handler that writes into a pipe, and a logger that uses it."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        self.handler = StderrHandler(self.write_fd)
        self.log = logging.Logger("test")
        self.log.addHandler(self.handler)

    def lines(self) -> list[str]:
        """What was written, once the handler is closed."""
        self.handler.close()
        os.close(self.write_fd)
        with open(self.read_fd, encoding="utf-8") as file:
            return file.read().splitlines()


@pytest.fixture
def pipe() -> Pipe:
    """A pipe as stderr."""
    return Pipe()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the handler, the test's to set."""
    now = [1000.0]
    monkeypatch.setattr(stderr, "monotonic", lambda: now[0])
    return now


def test_a_message_is_one_line_with_the_programs_name(pipe: Pipe) -> None:
    pipe.log.warning("%s: %s", "toy", "cannot connect")

    assert pipe.lines() == ["ordwatch: toy: cannot connect"]


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x07b", "a\u202eb", "a\udc80b"])
def test_a_message_cannot_leave_its_line_or_steer_the_terminal(pipe: Pipe, text: str) -> None:
    pipe.log.warning("%s", text)

    [line] = pipe.lines()
    assert re.fullmatch(r"ordwatch: a(\\[xu][0-9a-f]+)+(\[2J)?b", line.replace("\\x0a", "\\x0a"))


def test_a_long_message_is_cut(pipe: Pipe) -> None:
    pipe.log.warning("%s", "x" * 100_000)

    [line] = pipe.lines()
    assert len(line) < 3000
    assert line.endswith("…")


def test_secrets_are_removed_in_every_form(pipe: Pipe) -> None:
    pipe.handler.redact.add(Secret("hunter2hunter2"))

    pipe.log.warning("sent hunter2hunter2 and %s", b"hunter2hunter2".hex())

    assert pipe.lines() == ["ordwatch: sent *** and ***"]


def test_secrets_are_removed_from_errors_too(pipe: Pipe) -> None:
    pipe.handler.redact.add(Secret("hunter2hunter2"))
    pipe.handler.tracebacks = True

    pipe.log.error("failed", exc_info=ValueError("hunter2hunter2"))

    assert "hunter2" not in "\n".join(pipe.lines())


def test_the_same_is_said_once_a_minute_and_counted(pipe: Pipe, clock: list[float]) -> None:
    for clock[0] in (0.0, 1.0, 30.0, 59.0, 61.0):
        pipe.log.warning("toy: refused, retrying in %.1f s", clock[0])

    assert pipe.lines() == [
        "ordwatch: toy: refused, retrying in 0.0 s",
        "ordwatch: toy: refused, retrying in 61.0 s (3 more like it before)",
    ]


def test_what_was_held_back_is_counted_at_the_end(pipe: Pipe, clock: list[float]) -> None:
    for clock[0] in (0.0, 1.0, 2.0):
        pipe.log.warning("toy: refused after %d", clock[0])

    assert pipe.lines() == ["ordwatch: toy: refused after 0", "ordwatch: toy: refused after 2 (2 more like it)"]


def test_different_causes_are_both_said(pipe: Pipe) -> None:
    pipe.log.warning("%s: refused", "one")
    pipe.log.warning("%s: refused", "two")

    assert pipe.lines() == ["ordwatch: one: refused", "ordwatch: two: refused"]


def test_causes_without_end_do_not_fill_the_memory(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stderr, "_MAX_CAUSES", 2)

    for word in ("a", "b", "c", "a"):
        pipe.log.warning("%s", word)

    assert pipe.lines() == ["ordwatch: a", "ordwatch: b", "ordwatch: c", "ordwatch: a"]


def test_an_error_is_reported_in_one_line_with_its_place(pipe: Pipe) -> None:
    pipe.log.error("internal error", exc_info=raised())

    [line] = pipe.lines()
    assert re.fullmatch(r"ordwatch: internal error: KeyError: 'missing' \(test_stderr\.py:\d+\)", line)


def test_more_messages_show_the_whole_way_of_an_error(pipe: Pipe) -> None:
    pipe.handler.tracebacks = True

    pipe.log.error("internal error", exc_info=raised())

    lines = pipe.lines()
    assert lines[1] == "ordwatch: Traceback (most recent call last):"
    assert all(line.startswith("ordwatch: ") for line in lines)


def raised() -> Exception:
    """An error with a traceback."""
    try:
        raise KeyError("missing")
    except KeyError as exc:
        return exc


def test_what_a_full_pipe_and_queue_cannot_take_is_counted_for_the_reader_that_is_back(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stderr, "CLOSE_S", 60.0)
    total = stderr.MAX_QUEUED * 2
    for number in range(total):
        pipe.log.warning("%s", "x" * 1000 + chr(0x4E00 + number))

    with ThreadPoolExecutor() as threads:
        reading = threads.submit(Path(f"/proc/self/fd/{pipe.read_fd}").read_text)
        pipe.handler.close()
        os.close(pipe.write_fd)
        lines = reading.result(60).splitlines()
    dropped = re.fullmatch(r"ordwatch: (\d+) messages were dropped because stderr was blocked", lines[-1])
    assert dropped is not None
    assert len(lines) - 1 + int(dropped[1]) == total


def test_closing_does_not_wait_for_a_reader_that_does_not_read(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stderr, "CLOSE_S", 0.01)
    for number in range(stderr.MAX_QUEUED):
        pipe.log.warning("%s", "x" * 1000 + chr(0x4E00 + number))

    pipe.handler.close()

    assert os.read(pipe.read_fd, 8) == b"ordwatch"


def test_a_reader_that_left_is_no_error(pipe: Pipe) -> None:
    os.close(pipe.read_fd)

    pipe.log.warning("nobody reads this")
    pipe.handler.close()


def test_a_table_on_the_same_terminal_shows_messages_itself(pipe: Pipe) -> None:
    shown: list[str] = []

    def above(text: str) -> bool:
        shown.append(text)
        return True

    pipe.handler.above = above

    pipe.log.warning("toy: refused")

    assert shown == ["ordwatch: toy: refused"]
    assert pipe.lines() == []


def test_a_table_that_stands_still_leaves_messages_to_stderr(pipe: Pipe) -> None:
    pipe.handler.above = lambda _: False

    pipe.log.warning("toy: refused")

    assert pipe.lines() == ["ordwatch: toy: refused"]


@pytest.fixture
def as_it_was() -> Iterator[None]:
    """Put logging back as it was."""
    root = logging.getLogger()
    handlers, level, own_level = root.handlers[:], root.level, stderr.log.level
    hooks = threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    stderr.log.setLevel(own_level)
    threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)


@pytest.mark.usefixtures("as_it_was")
@pytest.mark.parametrize(
    ("verbosity", "level"),
    [(-2, logging.CRITICAL), (-1, logging.ERROR), (0, logging.WARNING), (1, logging.INFO), (2, logging.DEBUG)],
)
def test_verbosity_chooses_how_much_is_said(verbosity: int, level: int) -> None:
    set_up(verbosity)

    assert logging.getLogger("ordwatch.engine").getEffectiveLevel() == level


@pytest.mark.usefixtures("as_it_was")
@pytest.mark.parametrize("name", ["websockets.client", "aiohttp.client", "asyncio", "anything.else"])
def test_third_parties_never_say_what_they_send(name: str) -> None:
    set_up(9)

    assert logging.getLogger(name).getEffectiveLevel() >= logging.WARNING


@pytest.mark.usefixtures("as_it_was")
def test_setting_up_again_keeps_the_handler_and_its_secrets() -> None:
    first = set_up(0)

    assert set_up(1) is first
    assert logging.getLogger().handlers.count(first) == 1
