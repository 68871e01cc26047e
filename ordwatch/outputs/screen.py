"""Lines of cells as bytes for a terminal, drawn in place.

Rich turns styles into escape sequences; text reaches it as segments, which have no markup, emoji or links.
Between two drawings the terminal is as a shell wants it: cursor visible, at the start of a line below the table,
lines wrapped. So a process that dies there leaves nothing to repair.
"""

import io
import os
import re
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.segment import Segment, Segments
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from ordwatch.outputs.cells import Cell, Line, width_of

_LINE_END = Cell("\n")
_PARTS = re.compile(r"[!-~]+| +|[^ -~]+")
_HIDE = "\x1b[?25l"
_WRAP = "\x1b[?7h"
_NO_WRAP = "\x1b[?7l"
_SHOW = "\x1b[?7h\x1b[?25h"
# Erased before it is written, never after: once its last column is written, the cursor of a terminal stands on that
# column, and an erase to the end of the line takes the character there.
_ERASE_LINE = "\x1b[K"
_END_LINE = "\r\n"
_ERASE_BELOW = "\x1b[J"
# A terminal made smaller has pushed rows of the table out at its top, and one made larger brings rows back: nobody
# knows how many. So the table is erased as far as it is known, and all that stands above it. Most terminals keep the
# latter in their history; the line feed is for tmux, see _for_good.
_CLEAR = "\x1b[K\n\x1b[J\x1b[2J\x1b[H"


class Screen:
    """Draws lines over those it drew before. Makes the bytes; writes nothing itself."""

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
        self._size: os.terminal_size | None = None
        self._was_larger = False

    def draw(self, lines: Sequence[Line], size: os.terminal_size, notes: Iterable[str] = ()) -> bytes:
        """The bytes that put `lines` in the place of the former ones, and `notes` above them, for good.

        `size` is the terminal's; no line may be wider, and while it is drawn on again, fewer lines than it has rows.
        """
        above = _for_good("".join(f"{note}{_END_LINE}" for note in notes))
        styled = self._styled([_placed(line) for line in lines])
        body = "".join(f"{_ERASE_LINE}{line}{_END_LINE}" for line in styled)
        start = self._start(size)
        self._drawn = ["".join(cell.text for cell in line) for line in lines]
        return f"{_HIDE}{start}{above}{_NO_WRAP}{body}{_ERASE_BELOW}{_SHOW}".encode("utf-8", "backslashreplace")

    def plain(self, lines: Sequence[Line], *, styles: bool) -> bytes:
        """The lines as text for something that is no terminal; escape sequences only with `styles`."""
        texts = self._styled(lines) if styles else ["".join(cell.text for cell in line) for line in lines]
        return "".join(f"{text}\n" for text in texts).encode("utf-8", "backslashreplace")

    def _styled(self, lines: Sequence[Line]) -> list[str]:
        style = self._console.get_style
        segments = [Segment(cell.text, style(cell.style)) for line in lines for cell in [*line, _LINE_END]]
        with self._console.capture() as capture:
            self._console.print(Segments(segments), soft_wrap=True, end="")
        return capture.get().splitlines()

    def _start(self, size: os.terminal_size) -> str:
        """From below the former drawing to where the next begins."""
        before, self._size = self._size or size, size
        self._was_larger |= size.columns < before.columns or size.lines < before.lines
        grown = size.columns > before.columns or size.lines > before.lines
        up = len(self._drawn)
        if size.columns < before.columns:  # then it has wrapped the lines that are now too long
            up = sum(_rows(text, max(1, size.columns)) for text in self._drawn)
        return (f"\r\x1b[{up}A" if up else "\r") + (_CLEAR if grown and self._was_larger else "")


def _for_good(text: str) -> str:
    """Text that wraps, on rows that hold nothing else any more.

    What is below is erased after the first character only: tmux takes an erase at the top left for the end of what
    stands on the screen, and keeps a copy in its history.
    """
    return f"{_ERASE_LINE}{text[:1]}{_ERASE_BELOW}{text[1:]}" if text else ""


def _placed(line: Line) -> Line:
    """The line for a terminal that may disagree with us on how wide a character is.

    After a character beyond ASCII the next word is put at its column, so that no number moves from its place or
    beyond the last column.
    """
    placed: Line = []
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
    """The end of a line. Where lines do not wrap, tmux would combine an accent with the character before the last."""
    if text.isascii() or width_of(text[-1]) > 0:
        return text
    base = max((at for at, char in enumerate(text) if width_of(char) > 0), default=0)
    return f"{text[:base]}{_WRAP}{text[base:]}{_NO_WRAP}"


def _rows(text: str, columns: int) -> int:
    """Rows in which a terminal wraps a line; a wide character is not split, but leaves a blank."""
    if text.isascii():
        return max(1, -(-len(text) // columns))
    rows, used = 1, 0
    for char in text:
        width = width_of(char)
        rows, used = (rows, used + width) if used + width <= columns else (rows + 1, width)
    return rows


def svg(lines: Sequence[Line], width: int, title: str) -> str:
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
