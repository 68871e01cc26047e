"""Pieces of a line on a terminal: safe text, padding, cutting.

The only place where a venue's text becomes part of the table.
"""

from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from ordwatch.core.escaping import safe_text

MAX_SHOWN = 200
"""Longer text of a venue is cut before it is measured, even on a wide terminal."""


class Cell(NamedTuple):
    """Text in one style, as Rich names styles."""

    text: str
    style: str = ""


CellLine = list[Cell]


class Glyphs(NamedTuple):
    """The symbols of the table, for one kind of terminal."""

    live: str
    busy: str
    stale: str
    down: str
    failed: str
    full: str
    empty: str
    dot: str
    cut: str
    mark: str
    unicode: bool


UNICODE = Glyphs("●", "◐", "◌", "○", "✕", "▓", "░", "·", "…", "▶", unicode=True)
ASCII = Glyphs("*", "~", "?", "o", "x", "#", ".", "|", "~", ">", unicode=False)


def shown(text: str | None, glyphs: Glyphs, limit: int = MAX_SHOWN) -> str:
    """Text that this terminal can show: one line, unsafe characters escaped, at most `limit` characters."""
    safe = safe_text(text or "", limit)
    return safe if glyphs.unicode else safe.replace("…", glyphs.cut).encode("ascii", "backslashreplace").decode()


def padded(text: str, width: int) -> str:
    """The text with spaces up to `width` cells."""
    return text + " " * (width - width_of(text))


def width_of(text: str) -> int:
    """The width of the text in terminal cells."""
    return len(text) if text.isascii() else cell_len(text)


def cut_end(text: str, width: int, mark: str) -> str:
    """The text in at most `width` cells, its end replaced by `mark`."""
    if width_of(text) <= width:
        return text
    return set_cell_size(text, width - len(mark)).rstrip() + mark if width > 0 else ""


def clipped(line: CellLine, width: int) -> CellLine:
    """The line without what stands beyond `width` cells."""
    kept: CellLine = []
    for cell in line:
        text = cut_end(cell.text, width, "")
        kept.append(Cell(text, cell.style))
        width = width - width_of(text) if text == cell.text else 0
    return kept


def cut_middle(text: str, width: int, mark: str) -> str:
    """The text in at most `width` cells, cut in the middle: ids differ in their last characters; a leading 0x stays."""
    if width_of(text) <= width:
        return text
    if not text.isascii():
        return cut_end(text, width, mark)
    head = 4 if text.startswith("0x") and width > 8 else 0
    return text[:head] + mark + text[len(text) - (width - head - 1) :]
