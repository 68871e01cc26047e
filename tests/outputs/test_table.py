import asyncio
import contextlib
import fcntl
import io
import os
import pty
import re
import select
import struct
import termios
import threading
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import NamedTuple

import pytest

from ordwatch.core.errors import OutputError, ReaderClosed
from ordwatch.core.events import VenueStats
from ordwatch.core.records import OrderRecord, for_outputs
from ordwatch.core.times import time_ns
from ordwatch.outputs.cells import ASCII, UNICODE, Glyphs
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.table import Table, glyphs_of

LIMIT_S = 20
Make = Callable[..., OrderRecord]


class Terminal(NamedTuple):
    """A pseudo-terminal: what is drawn on `fd` is read from `screen`."""

    screen: int
    fd: int

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def seen(self) -> str:
        """What was drawn since the last time."""
        os.set_blocking(self.screen, False)
        data = b""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.screen, 65536):
                data += chunk
        return data.decode(errors="replace")  # the end may stand within a character


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal(*pty.openpty())
    terminal.resize(24, 120)
    yield terminal
    os.close(terminal.fd)
    os.close(terminal.screen)


def table(fd: int, *, venues: tuple[str, ...] = ("alpha",)) -> Table:
    return Table(Filter(), UTC, dict, fd=fd, venues=venues)


async def shown(sink: Table, *records: OrderRecord) -> None:
    sink.start()
    sink.write(for_outputs(records))
    async with asyncio.timeout(LIMIT_S):
        await sink.close()


def test_the_last_state_is_left_standing_with_the_cursor_below_it(terminal: Terminal, order: Make) -> None:
    asyncio.run(shown(table(terminal.fd), order(symbol="LAST")))

    last = terminal.seen().rpartition("\x1b[?25l")[2]
    assert "LAST" in last
    assert last.endswith("\x1b[J\x1b[?7h\x1b[?25h")


def test_the_other_screen_of_the_terminal_is_never_used(terminal: Terminal, order: Make) -> None:
    asyncio.run(shown(table(terminal.fd), order()))

    assert "?1049" not in terminal.seen()


@pytest.mark.parametrize("size", [(1, 1), (5, 20), (0, 0), (2, 500)])
def test_a_terminal_of_any_size_is_drawn_on(size: tuple[int, int], terminal: Terminal, order: Make) -> None:
    terminal.resize(*size)

    asyncio.run(shown(table(terminal.fd), order()))

    assert terminal.seen().endswith("\x1b[?25h")


def test_the_last_screen_is_left_standing_and_not_more(terminal: Terminal, order: Make) -> None:
    terminal.resize(5, 120)

    asyncio.run(shown(table(terminal.fd), *[order(order_id=f"id {n}") for n in range(9)]))

    last = terminal.seen().rpartition("\x1b[?25l")[2]
    assert last.count("\n") == 4
    assert "id 8" in last
    assert " 8 more, 8 of them open" in last


def test_no_color_leaves_bold_and_dim(monkeypatch: pytest.MonkeyPatch, terminal: Terminal, order: Make) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    asyncio.run(shown(table(terminal.fd), order()))

    seen = terminal.seen()
    assert re.search(r"\x1b\[[0-9;]*3[0-9]m", seen) is None
    assert "\x1b[2m" in seen


def test_a_terminal_that_cannot_move_its_cursor_gets_the_last_state_as_text(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, order: Make
) -> None:
    monkeypatch.setenv("TERM", "dumb")

    asyncio.run(shown(table(terminal.fd), order()))

    seen = terminal.seen()
    assert "\x1b" not in seen
    assert seen.count("AAA-BBB") == 1


def test_what_is_no_terminal_gets_the_last_state_as_text(tmp_path: Path, order: Make) -> None:
    fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)

    asyncio.run(shown(table(fd), order(filled_qty="1"), order(filled_qty="77")))
    os.close(fd)

    text = (tmp_path / "out").read_text()
    assert "\x1b" not in text
    assert [line.split()[:2] for line in text.splitlines()][1] == ["AGE", "SYMBOL"]
    assert "77 / 100" in text


def test_a_message_stands_above_the_table(terminal: Terminal) -> None:
    async def scenario() -> None:
        sink = table(terminal.fd)
        sink.start()
        sink.show_message("alpha: connection lost\x1b[2J")
        async with asyncio.timeout(LIMIT_S):
            await sink.close()

    asyncio.run(scenario())

    assert "lpha: connection lost\\x1b[2J\r" in terminal.seen()


def test_only_a_table_that_moves_is_live(terminal: Terminal) -> None:
    async def scenario() -> list[bool]:
        sink = table(terminal.fd)
        before = sink.live
        sink.start()
        during = sink.live
        await sink.close()
        return [before, during, sink.live]

    assert asyncio.run(scenario()) == [False, True, False]


async def test_what_comes_while_it_is_drawn_is_drawn_soon(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, order: Make
) -> None:
    monkeypatch.setattr("ordwatch.outputs.table._DRAW_S", 0.04)
    monkeypatch.setattr("ordwatch.outputs.table._IDLE_S", 3600.0)
    drawings = 0
    drawn_again = threading.Event()

    def stats() -> dict[str, VenueStats]:
        nonlocal drawings
        drawings += 1
        if drawings == 1:
            sink.write(for_outputs([order()]))
        else:
            drawn_again.set()
        return {}

    sink = Table(Filter(), UTC, stats, fd=terminal.fd)
    sink.start()
    was_drawn_again = await asyncio.to_thread(drawn_again.wait, LIMIT_S)
    await sink.close()

    assert was_drawn_again


async def test_a_terminal_that_nobody_reads_does_not_hold_the_end(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, order: Make
) -> None:
    monkeypatch.setattr("ordwatch.outputs.descriptor.CLOSE_S", 0.5)
    terminal.resize(500, 300)
    sink = table(terminal.fd)
    sink.start()
    sink.write(for_outputs([order(order_id=f"id {n}") for n in range(500)]))
    drawn, _, _ = await asyncio.to_thread(select.select, [terminal.screen], [], [], LIMIT_S)

    with pytest.raises(OutputError, match="not all was written"):
        async with asyncio.timeout(LIMIT_S):
            await sink.close()

    assert drawn
    assert "\x1b[?25l" in terminal.seen()


def test_a_terminal_that_was_closed_means_that_the_reader_is_gone(monkeypatch: pytest.MonkeyPatch, order: Make) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen, fd = pty.openpty()

    async def scenario() -> None:
        sink = table(fd)
        sink.start()
        os.close(screen)
        sink.write(for_outputs([order()]))
        with pytest.raises(ReaderClosed):
            async with asyncio.timeout(LIMIT_S):
                await sink.watch()
        assert not sink.live  # messages go to stderr again

    asyncio.run(scenario())

    os.close(fd)


def test_without_vitals_the_newest_record_is_now(order: Make) -> None:
    sink = Table(Filter(), UTC, None)

    sink.write(
        for_outputs([order(order_id="a", at="2026-03-02T12:00:00.000000Z"), order(at="2026-03-02T12:00:30.000000Z")])
    )

    lines = ["".join(cell.text for cell in line) for line in sink.lines(120, 9)]
    assert [line.split("AAA")[0].strip() for line in lines[2:]] == ["0 s", "30 s"]


@pytest.mark.parametrize(
    ("clock", "age"), [(None, "2 min"), (lambda: time_ns("2026-03-02T12:00:09.000000Z"), "9 s")], ids=["none", "own"]
)
def test_ages_are_by_its_own_clock_or_else_by_the_machines(
    clock: Callable[[], int] | None, age: str, monkeypatch: pytest.MonkeyPatch, order: Make
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: time_ns("2026-03-02T12:02:00.000000Z"))
    sink = Table(Filter(), UTC, dict, clock=clock)

    sink.write(for_outputs([order(at="2026-03-02T12:00:00.000000Z")]))

    lines = ["".join(cell.text for cell in line) for line in sink.lines(120, 9)]
    assert [line.split("AAA")[0].strip() for line in lines[2:]] == [age]


@pytest.mark.parametrize(
    ("stdout", "sign"), [(io.TextIOWrapper(io.BytesIO(), "utf-8"), UNICODE.busy), (None, ASCII.busy)], ids=["yes", "no"]
)
def test_signs_are_those_that_stdout_takes(
    stdout: io.TextIOWrapper | None, sign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locale.getencoding", lambda: "UTF-8")
    monkeypatch.setattr("sys.stdout", stdout)

    assert sign in Table(Filter(), UTC, dict, venues=["alpha"]).lines(80, 9)[0][0].text


def test_vitals_are_asked_for_each_drawing() -> None:
    states = iter([{"alpha": VenueStats(state="connecting")}, {"alpha": VenueStats(state="down")}])
    sink = Table(Filter(), UTC, lambda: next(states))

    first, second = sink.lines(80, 9), sink.lines(80, 9)

    assert [line[0][3].text for line in (first, second)] == ["connecting", "down"]


@pytest.mark.parametrize(
    ("encoding", "locale_encoding", "glyphs"),
    [
        ("utf-8", "UTF-8", UNICODE),
        ("utf-8", "ANSI_X3.4-1968", ASCII),
        ("ascii", "UTF-8", ASCII),
        ("", "UTF-8", ASCII),
    ],
    ids=["utf-8", "the C locale", "ascii", "no stdout"],
)
def test_signs_are_ascii_unless_the_terminal_surely_takes_more(
    encoding: str, locale_encoding: str, glyphs: Glyphs
) -> None:
    assert glyphs_of(encoding, locale_encoding) == glyphs


def test_a_table_never_asks_for_the_links_to_be_closed() -> None:
    assert not table(1).stalled
