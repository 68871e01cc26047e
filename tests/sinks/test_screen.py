import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.records import AnyRecord
from ordwatch.sinks.cells import UNICODE, Cell, Line, shown
from ordwatch.sinks.filters import Filter
from ordwatch.sinks.layout import table_lines
from ordwatch.sinks.screen import Screen, svg
from ordwatch.sinks.view import View
from ordwatch.text import time_ns
from tests.support.terminal import Terminal, in_cells

OURS = re.compile(r"\x1b\[(?:[0-9;]*m|[0-9]+A|K|J|\?25[lh]|\?7[lh])")
ROW: Line = [Cell(" "), Cell("alpha", "bold"), Cell(" NEW", "red")]
NOON_NS = time_ns("2026-03-02T12:00:00.000000Z")
WIDTHS = range(20, 251)
"""Every width a terminal is likely to have."""


def table(records: Sequence[AnyRecord], columns: int, rows: int) -> list[Line]:
    """The table of these records on a terminal of that size."""
    view = View(Filter())
    view.apply(records)
    return table_lines(view.picture(NOON_NS, rows), columns, rows - 1, zone=UTC, glyphs=UNICODE)


def standing(lines: Sequence[Line], columns: int, rows: int) -> list[list[str]]:
    """The cells of a screen on which nothing stands but these lines."""
    texts = ["".join(cell.text for cell in line) for line in lines]
    return [in_cells(text, columns) for text in texts + [""] * (rows - len(texts))]


def test_a_drawing_hides_the_cursor_while_it_lasts_and_leaves_the_terminal_as_it_was() -> None:
    drawing = Screen(color=True).draw([ROW], 80)

    assert drawing.startswith(b"\x1b[?25l\r")
    assert drawing.endswith(b" NEW\x1b[0m\r\n\x1b[J\x1b[?7h\x1b[?25h")


def test_text_stands_in_its_style() -> None:
    drawing = Screen(color=True).draw([ROW], 80)

    assert b"\x1b[?7l\x1b[K \x1b[1malpha\x1b[0m\x1b[31m NEW\x1b[0m\r\n" in drawing


def test_without_color_bold_and_dim_remain() -> None:
    drawing = Screen(color=False).draw([ROW], 80)

    assert b"\x1b[K \x1b[1malpha\x1b[0m NEW\r\n" in drawing


def test_the_next_drawing_begins_where_the_first_line_stands() -> None:
    screen = Screen(color=True)
    screen.draw([ROW, ROW, ROW], 80)

    assert screen.draw([ROW], 80).startswith(b"\x1b[?25l\r\x1b[3A")


def test_the_first_drawing_stays_where_the_cursor_is() -> None:
    assert b"A" not in Screen(color=True).draw([[Cell("x")]], 80)


def test_lines_that_a_narrower_terminal_has_wrapped_are_drawn_over_too() -> None:
    screen = Screen(color=True)
    screen.draw([[Cell("x" * 70)], [Cell("y")], []], 80)

    assert screen.draw([], 30).startswith(b"\x1b[?25l\r\x1b[5A")


def test_notes_stand_above_the_table_for_good() -> None:
    screen = Screen(color=True)

    first = screen.draw([[Cell("x")]], 80, ["alpha: lost"])
    second = screen.draw([[Cell("x")]], 80)

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
    terminal, screen = Terminal(10, 6), Screen(color=True)
    terminal.feed(screen.draw([[Cell("##########")]] * 5, 10))

    terminal.feed(screen.draw([[Cell("x")]], 10, [note, "end"]))

    assert [text for text in terminal.texts if text] == [*rows, "end", "x"]


def test_an_empty_drawing_leaves_nothing_behind() -> None:
    screen = Screen(color=True)
    screen.draw([ROW], 80)

    assert screen.draw([], 80) == b"\x1b[?25l\r\x1b[1A\x1b[?7l\x1b[J\x1b[?7h\x1b[?25h"


def test_every_cell_is_what_should_stand_there_at_every_width(busy_day: list[AnyRecord]) -> None:
    def cells(columns: int) -> tuple[list[list[str]], list[list[str]]]:
        terminal, screen, lines = Terminal(columns, 24), Screen(color=True), table(busy_day, columns, 24)
        terminal.feed(screen.draw([[Cell("#" * columns)]] * 23, columns))
        terminal.feed(screen.draw(lines, columns))
        return terminal.cells, standing(lines, columns, 24)

    drawn = {columns: cells(columns) for columns in WIDTHS}

    assert [columns for columns, (seen, meant) in drawn.items() if seen != meant] == []


def test_the_last_column_keeps_its_character() -> None:
    terminal = Terminal(9, 3)

    terminal.feed(Screen(color=True).draw([[Cell("123.45678")], [Cell("1234567\u8baf")]], 9))

    assert terminal.texts == ["123.45678", "1234567\u8baf", ""]


def test_what_is_no_terminal_gets_no_escape_sequences() -> None:
    assert Screen(color=True).plain([ROW, []], styles=False) == b" alpha NEW\n\n"


def test_what_is_no_terminal_gets_styles_when_asked() -> None:
    assert Screen(color=True).plain([ROW], styles=True) == b" \x1b[1malpha\x1b[0m\x1b[31m NEW\x1b[0m\n"


@given(text=st.text())
def test_only_our_own_escape_sequences_reach_the_terminal(text: str) -> None:
    hostile = shown(f"[bold]:warning:[link=http://evil]{text}\x1b]0;x\x07\x9b2J", UNICODE)

    drawn = Screen(color=True).draw([[Cell(hostile, "bold red")]], 80).decode()

    rest = OURS.sub("", drawn)
    assert rest == f"\r{hostile}\r\n"


def test_a_picture_is_well_formed_and_holds_the_text() -> None:
    picture = svg([[Cell("[bold]<alpha>", "bold")], ROW], 40, "ordwatch tail")

    root = ElementTree.fromstring(picture)  # noqa: S314  # our own picture, made a line above
    assert "[bold]<alpha>" in "".join(root.itertext())
