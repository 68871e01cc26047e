import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ordwatch.core.records import AnyRecord
from ordwatch.outputs.cells import UNICODE, Cell, CellLine, shown
from ordwatch.outputs.screen import Screen, svg
from tests.support.table import NOON_NS, content
from tests.support.terminal import Terminal, in_cells

OURS = re.compile(r"\x1b\[(?:[0-9;]*m|[0-9]+[AG]|K|J|\?25[lh]|\?7[lh])")
ROW: CellLine = [Cell(" "), Cell("alpha", "bold"), Cell(" NEW", "red")]
SIZE = os.terminal_size((80, 24))
WIDTHS = range(20, 251)
"""Every width a terminal is likely to have."""


def table(records: Sequence[AnyRecord], columns: int, rows: int) -> list[CellLine]:
    """The table of these records on a terminal of that size."""
    return content(records).lines(columns, rows - 1, now_ns=NOON_NS, now_s=0.0, stats=None)


def words(cells: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The words of a row with their columns: those of ASCII only, with a blank before them."""
    for at, start in enumerate(cells):
        if start.isascii() and start.strip() and (at == 0 or cells[at - 1] == " "):
            word = "".join(takewhile(lambda cell: cell != " ", cells[at:]))
            if word.isascii():
                yield word, at


class Drawn(NamedTuple):
    """A drawing on a terminal of a size."""

    columns: int
    rows: int
    lines: int
    notes: int


def screens(drawings: Sequence[Drawn], *, reflows: bool) -> Iterator[tuple[Terminal, list[str]]]:
    """The terminal after each drawing, and the lines drawn; all lines of table number n begin with "n:"."""
    terminal, screen = Terminal(40, 12, reflows=reflows), Screen(color=True)
    terminal.feed(b"$ date\r\n$ ordwatch tail\r\n")
    for number, drawn in enumerate(drawings):
        terminal.resize(drawn.columns, drawn.rows)
        size = os.terminal_size((drawn.columns, drawn.rows))
        lines = [f"{number}:{at}\u8baf{'=' * size.columns}"[: size.columns - 1] for at in range(drawn.lines)]
        notes = [f"note-{number}.{at}-{'-' * 25}>" for at in range(drawn.notes)]
        terminal.feed(screen.draw([[Cell(line)] for line in lines[: size.lines - 1]], size, notes))
        yield terminal, lines[: size.lines - 1]


DRAWINGS = st.lists(
    st.builds(Drawn, st.integers(20, 60), st.integers(2, 24), st.integers(1, 23), st.integers(0, 2)),
    min_size=1,
    max_size=8,
)


def standing(lines: Sequence[CellLine], columns: int, rows: int) -> list[list[str]]:
    """The cells of a screen on which nothing stands but these lines."""
    texts = ["".join(cell.text for cell in line) for line in lines]
    return [in_cells(text, columns) for text in texts + [""] * (rows - len(texts))]


def test_a_drawing_hides_the_cursor_while_it_lasts_and_leaves_the_terminal_as_it_was() -> None:
    drawing = Screen(color=True).draw([ROW], SIZE)

    assert drawing.startswith(b"\x1b[?25l\r")
    assert drawing.endswith(b" NEW\x1b[0m\r\n\x1b[J\x1b[?7h\x1b[?25h")


def test_text_stands_in_its_style() -> None:
    drawing = Screen(color=True).draw([ROW], SIZE)

    assert b"\x1b[?7l\x1b[K \x1b[1malpha\x1b[0m\x1b[31m NEW\x1b[0m\r\n" in drawing


def test_without_color_bold_and_dim_remain() -> None:
    drawing = Screen(color=False).draw([ROW], SIZE)

    assert b"\x1b[K \x1b[1malpha\x1b[0m NEW\r\n" in drawing


def test_the_next_drawing_begins_where_the_first_line_stands() -> None:
    screen = Screen(color=True)
    screen.draw([ROW, ROW, ROW], SIZE)

    assert screen.draw([ROW], SIZE).startswith(b"\x1b[?25l\r\x1b[3A")


def test_the_first_drawing_stays_where_the_cursor_is() -> None:
    assert b"A" not in Screen(color=True).draw([[Cell("x")]], SIZE)


def test_lines_that_a_narrower_terminal_has_wrapped_are_drawn_over_too() -> None:
    screen = Screen(color=True)
    screen.draw([[Cell("x" * 70)], [Cell("y")], []], SIZE)

    assert screen.draw([], os.terminal_size((30, 24))).startswith(b"\x1b[?25l\r\x1b[5A")


def test_notes_stand_above_the_table_for_good() -> None:
    screen = Screen(color=True)

    first = screen.draw([[Cell("x")]], SIZE, ["alpha: lost"])
    second = screen.draw([[Cell("x")]], SIZE)

    assert first.startswith(b"\x1b[?25l\r\x1b[Ka\x1b[Jlpha: lost\r\n\x1b[?7l\x1b[Kx\r\n")
    assert second.startswith(b"\x1b[?25l\r\x1b[1A\x1b[?7l\x1b[Kx")


@pytest.mark.parametrize(
    ("note", "rows"),
    [
        ("0123456789", ["0123456789"]),
        ("0123456789abc", ["0123456789", "abc"]),
        ("0123456789abcdefghij", ["0123456789", "abcdefghij"]),
        ("012345678\u8bafabc", ["012345678", "\u8bafabc"]),
        ("012345678e\u0301", ["012345678e\u0301"]),
    ],
    ids=["one row", "two rows", "two full rows", "wide at the end of a row", "combining at the end of a row"],
)
def test_notes_stand_with_all_their_characters_and_nothing_else(note: str, rows: list[str]) -> None:
    size = os.terminal_size((10, 6))
    terminal, screen = Terminal(*size), Screen(color=True)
    terminal.feed(screen.draw([[Cell("##########")]] * 5, size))

    terminal.feed(screen.draw([[Cell("x")]], size, [note, "end"]))

    assert [text for text in terminal.texts if text] == [*rows, "end", "x"]


def test_an_empty_drawing_leaves_nothing_behind() -> None:
    screen = Screen(color=True)
    screen.draw([ROW], SIZE)

    assert screen.draw([], SIZE) == b"\x1b[?25l\r\x1b[1A\x1b[?7l\x1b[J\x1b[?7h\x1b[?25h"


def test_every_cell_is_what_should_stand_there_at_every_width(busy_day: list[AnyRecord]) -> None:
    def cells(columns: int) -> tuple[list[list[str]], list[list[str]]]:
        size = os.terminal_size((columns, 24))
        terminal, screen, lines = Terminal(*size), Screen(color=True), table(busy_day, columns, 24)
        terminal.feed(screen.draw([[Cell("#" * columns)]] * 23, size))
        terminal.feed(screen.draw(lines, size))
        return terminal.cells, standing(lines, columns, 24)

    drawn = {columns: cells(columns) for columns in WIDTHS}

    assert [columns for columns, (seen, meant) in drawn.items() if seen != meant] == []


def test_the_last_column_keeps_its_character() -> None:
    terminal = Terminal(9, 3)

    terminal.feed(Screen(color=True).draw([[Cell("123.45678")], [Cell("1234567\u8baf")]], os.terminal_size((9, 3))))

    assert terminal.texts == ["123.45678", "1234567\u8baf", ""]


@given(drawings=DRAWINGS, reflows=st.booleans())
@example(drawings=[Drawn(40, 12, 11, 0), Drawn(40, 6, 5, 0), Drawn(40, 12, 11, 0)], reflows=True)
@example(drawings=[Drawn(40, 12, 11, 0), Drawn(20, 12, 3, 0), Drawn(40, 12, 11, 0)], reflows=True)
def test_after_resizing_only_the_newest_table_stands_with_nothing_below_it(
    drawings: list[Drawn], reflows: bool
) -> None:
    for terminal, lines in screens(drawings, reflows=reflows):
        row, column = terminal.cursor
        above = terminal.texts[: row - len(lines)]
        assert terminal.texts[row - len(lines) :] == lines + [""] * (terminal.rows - row)
        assert column == 0
        assert not [text for text in above if "=" in text]


def test_of_a_table_higher_than_the_terminal_the_last_rows_are_left_standing() -> None:
    terminal, screen = Terminal(20, 5), Screen(color=True)
    terminal.feed(screen.draw([[Cell("#" * 20)]] * 4, os.terminal_size((20, 5))))

    terminal.feed(screen.draw([[Cell(f"{n:020}")] for n in range(9)], os.terminal_size((20, 5))))

    assert terminal.texts == [*(f"{n:020}" for n in (5, 6, 7, 8)), ""]
    assert terminal.history == [f"{n:020}" for n in (0, 1, 2, 3, 4)]


@given(drawings=DRAWINGS)
def test_resizing_loses_nothing_that_stands_above_the_table(drawings: list[Drawn]) -> None:
    notes = [f"note-{number}.{at}-{'-' * 25}>" for number, drawn in enumerate(drawings) for at in range(drawn.notes)]

    *_, (terminal, _) = screens(drawings, reflows=True)

    kept = "".join(terminal.history + terminal.texts)
    assert [text for text in ["$ date$ ordwatch tail", *notes] if text not in kept] == []


def test_words_stand_at_their_column_where_the_terminal_takes_signs_for_wide(busy_day: list[AnyRecord]) -> None:
    def moved(columns: int) -> list[str]:
        terminal, lines = Terminal(columns, 24, ambiguous_cells=2), table(busy_day, columns, 24)
        terminal.feed(Screen(color=True).draw(lines, os.terminal_size((columns, 24))))
        both = zip(standing(lines, columns, 24), terminal.cells, strict=True)
        return [word for meant, seen in both for word, at in words(meant) if seen[at : at + len(word)] != list(word)]

    assert {word for columns in WIDTHS for word in moved(columns)} == set()


def test_an_accent_stands_on_its_letter_in_the_last_column_too() -> None:
    terminal = Terminal(8, 3)

    terminal.feed(Screen(color=True).draw([[Cell("ab "), Cell("1234e\u0301", "bold")], [Cell("x")]], SIZE))

    assert terminal.texts == ["ab 1234e\u0301", "x", ""]
    assert terminal.wraps


def test_what_is_no_terminal_gets_no_escape_sequences() -> None:
    assert Screen(color=True).plain([ROW, []], styles=False) == b" alpha NEW\n\n"


def test_what_is_no_terminal_gets_styles_when_asked() -> None:
    assert Screen(color=True).plain([ROW], styles=True) == b" \x1b[1malpha\x1b[0m\x1b[31m NEW\x1b[0m\n"


@given(text=st.text())
def test_only_our_own_escape_sequences_reach_the_terminal(text: str) -> None:
    hostile = shown(f"[bold]:warning:[link=http://evil]{text}\x1b]0;x\x07\x9b2J", UNICODE)

    drawn = Screen(color=True).draw([[Cell(hostile, "bold red")]], SIZE).decode()

    assert OURS.sub("", drawn) == f"\r{hostile}\r\n"


def test_a_picture_is_well_formed_and_holds_the_text() -> None:
    picture = svg([[Cell("[bold]<alpha>", "bold")], ROW], 40, "ordwatch tail")

    root = ElementTree.fromstring(picture)  # noqa: S314  # our own picture, made a line above
    assert "[bold]<alpha>" in "".join(root.itertext())
