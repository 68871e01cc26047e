"""A terminal that knows the sequences our table sends, and fails on any other.

As in xterm and tmux the cursor stays on the last column after a character was written there, so that an
erase-to-end-of-line takes that character. (In pyte it stands beyond the last column, which hides such a fault.)
Characters whose width Unicode calls ambiguous take one cell, or two, as in terminals set up for East Asian text.
Resizing is modelled twice: as tmux does it (long lines are wrapped and joined again, lines pushed into the history
come back), and as a terminal that cuts lines off and brings nothing back. tests/interop compares it with tmux.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache

_TOKEN = re.compile(
    r"\x1b\[(?P<args>\??[0-9;]*)(?P<final>[A-Za-z])|(?P<control>[\x00-\x1f\x7f])|(?P<text>[^\x00-\x1f\x7f]+)"
)
_SGR = re.compile(r"(?:[0-9]{1,3}(?:;[0-9]{1,3})*)?")


@cache
def cell_count(char: str) -> int:
    """Cells a character takes, by Unicode's own tables."""
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":
        return 0
    if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        raise AssertionError(f"reached the terminal: U+{ord(char):04X}")
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def in_cells(text: str, columns: int) -> list[str]:
    """The cells of a line in which `text` stands from the left; the second half of a wide character is empty."""
    cells: list[str] = []
    for char in text:
        match cell_count(char):
            case 0:
                at = -1 if cells[-1] else -2
                cells[at] += char
            case 1:
                cells.append(char)
            case _:
                cells += [char, ""]
    if len(cells) > columns:
        raise AssertionError(f"{len(cells)} cells do not fit in {columns}: {text!r}")
    return cells + [" "] * (columns - len(cells))


@dataclass
class _Row:
    cells: list[str] = field(default_factory=list)
    """Up to the last one that was written."""
    wraps: bool = False
    """Whether the line goes on in the next row."""

    def put(self, column: int, cells: list[str]) -> None:
        end = column + len(cells)
        self.cells += [" "] * (end - len(self.cells))
        if self.cells[column] == "":
            self.cells[column - 1] = " "
        if end < len(self.cells) and self.cells[end] == "":
            self.cells[end] = " "
        self.cells[column:end] = cells

    def erase_from(self, column: int) -> None:
        if column < len(self.cells) and self.cells[column] == "":
            self.cells[column - 1] = " "
        del self.cells[column:]


class Terminal:
    """A screen of cells, a cursor, and the rows that were pushed out at the top."""

    def __init__(self, columns: int, rows: int, *, reflows: bool = True, ambiguous_cells: int = 1) -> None:
        self.columns = columns
        self.rows = rows
        self.cursor_visible = True
        self.wraps = True
        self._reflows = reflows
        self._ambiguous_cells = ambiguous_cells
        self._all = [_Row() for _ in range(rows)]
        self._row = 0
        self._column = 0
        self._just_wrote_last = False

    @property
    def cells(self) -> list[list[str]]:
        """What stands on the screen, row by row."""
        return [[*row.cells, *[" "] * (self.columns - len(row.cells))] for row in self._all[self._top :]]

    @property
    def texts(self) -> list[str]:
        """The rows of the screen as text, without blanks at their ends."""
        return ["".join(row.cells).rstrip() for row in self._all[self._top :]]

    @property
    def history(self) -> list[str]:
        """The rows above the screen, the oldest first."""
        return ["".join(row.cells).rstrip() for row in self._all[: self._top]]

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column, from 0."""
        return self._row - self._top, self._column

    @property
    def _top(self) -> int:
        return len(self._all) - self.rows

    def feed(self, data: bytes) -> None:
        """Obey whole sequences and show text.

        Raises:
            AssertionError: A sequence or a character that our table has no business to send.
        """
        for token in _TOKEN.finditer(data.decode()):
            if token["final"]:
                self._obey(token["args"], token["final"])
            elif token["control"]:
                self._control(token["control"])
            else:
                self._show(token["text"])

    def resize(self, columns: int, rows: int) -> None:
        """Give the screen another size."""
        below_cursor = len(self._all) - 1 - self._row
        del self._all[len(self._all) - min(below_cursor, max(0, self.rows - rows)) :]
        if rows > self.rows:
            came_back = min(self._top, rows - self.rows) if self._reflows else 0
            self._all += [_Row() for _ in range(rows - self.rows - came_back)]
        self.rows = rows
        if columns != self.columns:
            self.columns = columns
            if self._reflows:
                self._reflow()
            for row in self._all:
                row.erase_from(columns)
        self._column = min(self._column, columns - 1)
        self._just_wrote_last = False

    def _reflow(self) -> None:
        before, self._all, cursor = self._all, [], self._row
        lines: list[list[str]] = []
        cursor_line = 0
        for number, row in enumerate(before):
            if number and before[number - 1].wraps:
                assert number != cursor, "the cursor's row is the end of a longer line"
                lines[-1] += row.cells
                continue
            if number == cursor:
                cursor_line = len(lines)
            lines.append([*row.cells])
        for number, cells in enumerate(lines):
            if number == cursor_line:
                self._row = len(self._all)
            self._all += self._split(cells)
        self._all += [_Row() for _ in range(self.rows - len(self._all))]
        self._row = max(self._row, self._top)

    def _split(self, cells: list[str]) -> list[_Row]:
        rows = [_Row()]
        for at, cell in enumerate(cells):
            if cell == "":
                continue
            whole = [cell, ""] if cells[at + 1 : at + 2] == [""] else [cell]
            if len(rows[-1].cells) + len(whole) > self.columns:
                rows[-1].wraps = True
                rows.append(_Row())
            rows[-1].cells += whole
        return rows

    def _obey(self, args: str, final: str) -> None:
        match final, args:
            case "m", _ if _SGR.fullmatch(args):
                return
            case "h" | "l", "?25":
                self.cursor_visible = final == "h"
                return
            case "h" | "l", "?7":
                self.wraps = final == "h"
                return
            case "A", _ if args.isdecimal():
                self._row = max(self._top, self._row - int(args))
            case "G", _ if args.isdecimal():
                self._column = min(int(args), self.columns) - 1
            case "H", "":
                self._row, self._column = self._top, 0
            case "K", "":
                self._erase_line()
            case "J", "":
                self._erase_below()
            case "J", "2":
                self._erase_screen()
            case _:
                raise AssertionError(f"reached the terminal: ESC [ {args} {final}")
        self._just_wrote_last = False

    def _erase_line(self) -> None:
        self._all[self._row].erase_from(self._column)
        if self._column == 0 and self._row > 0:
            self._all[self._row - 1].wraps = False

    def _erase_below(self) -> None:
        if self._reflows and (self._row, self._column) == (self._top, 0):
            self._erase_screen()
            return
        self._erase_line()
        for at in range(self._row + 1, len(self._all)):
            self._all[at] = _Row()

    def _erase_screen(self) -> None:
        row, used = self._row - self._top, self._all[self._top :]
        while used and not used[-1].cells:
            used.pop()
        if self._reflows:  # what stood there goes into the history
            self._all += [_Row() for _ in used]
        else:
            self._all[self._top :] = [_Row() for _ in range(self.rows)]
        self._row = self._top + row

    def _control(self, control: str) -> None:
        match control:
            case "\r":
                self._column = 0
            case "\n":
                self._next_row()
            case _:
                raise AssertionError(f"reached the terminal: {control!r}")
        self._just_wrote_last = False

    def _next_row(self) -> None:
        self._row += 1
        if self._row == len(self._all):
            self._all.append(_Row())

    def _show(self, text: str) -> None:
        if text.isascii() and self._column + len(text) < self.columns and not self._just_wrote_last:
            self._all[self._row].put(self._column, list(text))  # the same as below, only faster
            self._column += len(text)
            return
        for char in text:
            self._show_one(char)

    def _show_one(self, char: str) -> None:
        count = self._ambiguous_cells if unicodedata.east_asian_width(char) == "A" else cell_count(char)
        if cell_count(char) == 0:
            self._combine(char)
            return
        if self.wraps and (self._just_wrote_last or self._column + count > self.columns):
            self._all[self._row].wraps = True
            self._next_row()
            self._column = 0
        if self._column + count > self.columns:
            return  # as tmux: what does not fit is not shown
        self._all[self._row].put(self._column, [char, ""][:count])
        self._column += count
        self._just_wrote_last = self._column == self.columns
        self._column = min(self._column, self.columns - 1)

    def _combine(self, char: str) -> None:
        row = self._all[self._row]
        # Where lines do not wrap, tmux 3.3 combines with the character before the one on the last column.
        at = self._column if self._just_wrote_last and self.wraps else self._column - 1
        if at < 0:
            raise AssertionError(f"nothing to combine with: U+{ord(char):04X}")
        at -= row.cells[at] == ""
        row.cells[at] += char
