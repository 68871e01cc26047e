"""Draws lines of cells on a terminal, in place of the lines drawn before.

Rich turns styles into escape sequences; it gets text as segments, without markup, emoji or links.
Between two drawings the terminal is in its normal state: cursor visible, at the start of a line below the table,
line wrapping on. So a process that is killed then leaves nothing to repair.
"""

import io
import os
import re
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.segment import Segment, Segments
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from ordwatch.outputs.cells import Cell, CellLine, width_of

_LINE_END = Cell("\n")
_PARTS = re.compile(r"[!-~]+| +|[^ -~]+")
_HIDE = "\x1b[?25l"
_WRAP = "\x1b[?7h"
_NO_WRAP = "\x1b[?7l"
_SHOW = "\x1b[?7h\x1b[?25h"
# A line is erased before it is written: after its last column is written, the cursor is still on that column, and an
# erase to the end of the line would remove the character there.
_ERASE_LINE = "\x1b[K"
_END_LINE = "\r\n"
_ERASE_BELOW = "\x1b[J"
# A terminal that was made smaller has scrolled rows of the table out at its top, and one made larger brings an unknown
# number of them back. So the table and everything above it on the screen is erased. Most terminals keep the rows above
# in their history; the line feed is for tmux, see _permanent.
_CLEAR = "\x1b[K\n\x1b[J\x1b[2J\x1b[H"


class Screen:
    """Draws lines over the lines drawn before. Returns the bytes; writes nothing itself."""

    def __init__(self, *, color: bool) -> None:
        self._console = Console(
            file=io.StringIO(),
            force_terminal=True,
            color_system="standard",
            no_color=not color,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
        )
        self._drawn: list[str] = []
        self._texts: dict[tuple[Cell, ...], str] = {}
        self._size: os.terminal_size | None = None
        self._was_larger = False

    def draw(self, lines: Sequence[CellLine], size: os.terminal_size, notes: Iterable[str] = ()) -> bytes:
        """The bytes that draw `lines` in place of the previous ones, and `notes` permanently above them.

        `size` is the terminal's; no line may be wider, and there must be fewer lines than the terminal has rows.
        """
        above = _permanent("".join(f"{note}{_END_LINE}" for note in notes))
        styled = self._styled([_placed(line) for line in lines])
        body = "".join(f"{_ERASE_LINE}{line}{_END_LINE}" for line in styled)
        start = self._start(size)
        self._drawn = ["".join(cell.text for cell in line) for line in lines]
        return f"{_HIDE}{start}{above}{_NO_WRAP}{body}{_ERASE_BELOW}{_SHOW}".encode("utf-8", "backslashreplace")

    def restart(self) -> None:
        """Let the next drawing begin where the cursor is: what stands above it now is not the table any more."""
        self._drawn = []

    def plain(self, lines: Sequence[CellLine], *, styles: bool) -> bytes:
        """The lines as text for an output that is not a terminal; escape sequences only with `styles`."""
        texts = self._styled(lines) if styles else ["".join(cell.text for cell in line) for line in lines]
        return "".join(f"{text}\n" for text in texts).encode("utf-8", "backslashreplace")

    def _styled(self, lines: Sequence[CellLine]) -> list[str]:
        """The lines as text with escape sequences; those of the drawing before are not made again."""
        keys = [tuple(line) for line in lines]
        fresh = [key for key in dict.fromkeys(keys) if key not in self._texts]
        known = self._texts | dict(zip(fresh, self._printed(fresh), strict=True))
        self._texts = {key: known[key] for key in keys}
        return [known[key] for key in keys]

    def _printed(self, lines: Sequence[Sequence[Cell]]) -> list[str]:
        style = self._console.get_style
        segments = [Segment(cell.text, style(cell.style)) for line in lines for cell in [*line, _LINE_END]]
        with self._console.capture() as capture:
            self._console.print(Segments(segments), soft_wrap=True, end="")
        return capture.get().split("\n")[: len(lines)]

    def _start(self, size: os.terminal_size) -> str:
        """The escape sequence that moves the cursor from below the previous drawing to its start."""
        before, self._size = self._size or size, size
        self._was_larger |= size.columns < before.columns or size.lines < before.lines
        grown = size.columns > before.columns or size.lines > before.lines
        up = len(self._drawn)
        if size.columns < before.columns:  # the terminal has wrapped the lines that are now too long
            up = sum(_rows(text, max(1, size.columns)) for text in self._drawn)
        return (f"\r\x1b[{up}A" if up else "\r") + (_CLEAR if grown and self._was_larger else "")


def _permanent(text: str) -> str:
    """Text above the table, which stays there and may wrap; everything below it is erased.

    Erased after the first character only: tmux copies the whole screen to its history when it is erased from the top
    left corner.
    """
    return f"{_ERASE_LINE}{text[:1]}{_ERASE_BELOW}{text[1:]}" if text else ""


def _placed(line: CellLine) -> CellLine:
    """The line, with cursor movements for terminals that show a character wider or narrower than we expect.

    After a character beyond ASCII the next word is placed at its column, so that no number moves or leaves the screen.
    """
    placed: CellLine = []
    column, moved, move = 0, False, ""
    for cell in line:
        text = ""
        for part in [cell.text] if cell.text.isascii() and not (moved or move) else _PARTS.findall(cell.text):
            text += move + part
            column += width_of(part)
            move = f"\x1b[{column + 1}G" if moved and part[0] == " " else ""
            moved = not part.isascii() or (moved and part[0] != " ")
        placed.append(Cell(text, cell.style))
    return [*placed[:-1], *(Cell(_accented(cell.text), cell.style) for cell in placed[-1:])]


def _accented(text: str) -> str:
    """The end of a line. Without wrapping, tmux would put an accent on the character before the last, so wrap it."""
    if text.isascii() or width_of(text[-1]) > 0:
        return text
    base = max((at for at, char in enumerate(text) if width_of(char) > 0), default=0)
    return f"{text[:base]}{_WRAP}{text[base:]}{_NO_WRAP}"


def _rows(text: str, columns: int) -> int:
    """The number of rows into which a terminal wraps a line; a wide character is not split."""
    if text.isascii():
        return max(1, -(-len(text) // columns))
    rows, used = 1, 0
    for char in text:
        width = width_of(char)
        rows, used = (rows, used + width) if used + width <= columns else (rows + 1, width)
    return rows


def svg(lines: Sequence[CellLine], width: int, title: str) -> str:
    """The lines as a picture of a terminal `width` cells wide."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=width,
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        legacy_windows=False,
    )
    for line in lines:
        console.print(Text.assemble(*line, end=""), soft_wrap=True)
    return console.export_svg(title=title, theme=SVG_EXPORT_THEME)
