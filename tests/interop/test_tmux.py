"""The table on a real terminal, tmux: every row, at many widths and through resizes. Needs tmux on the path.

It also holds our own terminal (tests/support/terminal.py) to what a real one does.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordwatch.outputs.cells import Cell, CellLine
from ordwatch.outputs.screen import Screen
from tests.support.terminal import Terminal

LIMIT_S = 20

if shutil.which("tmux") is None:
    pytest.skip("tmux is not installed", allow_module_level=True)


class Pane:
    """The only pane of a tmux server of its own; what is fed to it is shown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        pipe = folder / "pipe"
        os.mkfifo(pipe)
        self._tmux("new-session", "-d", f"stty raw -echo; cat '{pipe}'")
        self._tmux("set", "-g", "status", "off")
        self._tmux("set", "-g", "window-size", "manual")
        self._input = pipe.open("wb", buffering=0)

    def _tmux(self, *args: str) -> str:
        environ = {"TMUX_TMPDIR": str(self._folder), "LC_ALL": "C.UTF-8", "TERM": "xterm", "PATH": os.environ["PATH"]}
        command = ["tmux", "-u", "-f", os.devnull, *args]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=LIMIT_S).stdout

    def feed(self, data: bytes) -> None:
        self._input.write(data)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def texts(self, expected: list[str]) -> list[str]:
        """The rows of the screen, as soon as they are the expected ones, else after a while."""
        end_s = time.monotonic() + LIMIT_S
        while (seen := self._tmux("capture-pane", "-p").split("\n")[:-1]) != expected and time.monotonic() < end_s:
            time.sleep(0.02)
        return seen

    def close(self) -> None:
        self._input.close()  # ends the cat, and with its only pane the server


@pytest.fixture
def pane(tmp_path: Path) -> Iterator[Pane]:
    pane = Pane(tmp_path)
    yield pane
    pane.close()


def table(number: int, size: os.terminal_size) -> list[CellLine]:
    """As many lines as fit below each other, all different, all of the terminal's whole width."""
    starts = [f"{number}.{at} " for at in range(size.lines - 1)]
    ends = ["\u8baf", "42", "4e\u0301"]
    fill = size.columns - len("\u817e\u8baf42") - 2
    return [[Cell(f"{start:=<{fill}}\u817e\u8baf{ends[at % 3]}")] for at, start in enumerate(starts)]


@pytest.mark.parametrize(
    ("after", "left"),
    [("\x1b[K", "x" * 19), ("\u0301", "x" * 19 + "\u0301x")],
    ids=["an erase takes the last character", "an accent stands on the one before"],
)
def test_what_comes_after_the_last_column_does_harm_in_both(pane: Pane, after: str, left: str) -> None:
    terminal = Terminal(20, 5)
    pane.resize(20, 5)
    line = f"\x1b[?7l{'x' * 20}{after}\r\nend".encode()

    pane.feed(line)
    terminal.feed(line)

    assert terminal.texts[0] == left
    assert pane.texts(terminal.texts) == terminal.texts


def test_every_character_stands_at_many_widths_and_after_every_resize(pane: Pane) -> None:
    terminal, screen = Terminal(80, 24), Screen(color=True)
    widths = range(20, 251, 7)
    heights = [24, 24, 9, 31, 12, 40, 3]
    sizes = [os.terminal_size((widths[at * 13 % len(widths)], heights[at % 7])) for at in range(len(widths))]

    for number, size in enumerate(sizes):
        pane.resize(*size)
        terminal.resize(*size)
        lines = table(number, size)
        drawing = screen.draw(lines, size, [f"note {number}"][: number % 3 // 2])
        pane.feed(drawing)
        terminal.feed(drawing)

        meant = [line[0].text for line in lines] + [""]
        assert terminal.texts == meant
        assert pane.texts(meant) == meant
