"""Lays out the list of orders as lines of cells that fit the terminal."""

from collections.abc import Collection, Sequence
from functools import lru_cache

from ordwatch.outputs.browser import Window
from ordwatch.outputs.cells import Cell, CellLine
from ordwatch.outputs.columns import fitting_columns, gap_of
from ordwatch.outputs.forms import FormCache, Scene
from ordwatch.outputs.table_state import TableRow

_MARGIN = 1


def order_lines(
    window: Window, scene: Scene, width: int, *, fresh: Collection[int], cache: FormCache
) -> list[CellLine]:
    """The titles, and one line for each row of the window; those at the positions `fresh` are bold."""
    columns = fitting_columns(window.rows, scene, width - _MARGIN, cache)
    gap = gap_of(width - _MARGIN)
    titles = (" " * gap).join(column.title for column in columns)
    styles = [_row_style(row, scene, fresh=at in fresh) for at, row in enumerate(window.rows)]
    lines = [_row_line([column.pieces[at] for column in columns], gap, base) for at, base in enumerate(styles)]
    if window.mark is not None and window.mark < len(lines) and width > 0:
        lines[window.mark] = _marked(lines[window.mark], scene)
    return [[Cell(f"{' ' * _MARGIN}{titles}".rstrip(), "dim")], *lines]


def _row_line(columns: Sequence[CellLine], gap: int, base: str) -> CellLine:
    """One row, one cell for each change of style, without trailing spaces."""
    style = base
    text = " " * _MARGIN
    line: CellLine = []
    for column in columns:
        for piece, own in column:
            mixed = _mixed(base, own)
            if mixed != style and not piece.isspace():
                line.append(Cell(text, style))
                text, style = "", mixed
            text += piece
        text += " " * gap
    return [*line, Cell(text.rstrip(), style)]


def _row_style(row: TableRow, scene: Scene, *, fresh: bool) -> str:
    if fresh:
        return "bold"
    return "dim" if row.order.final or not scene.is_live(row) else ""


def _marked(line: CellLine, scene: Scene) -> CellLine:
    """The line with a sign in its margin, which is there without colours too; its own colours would be blocks here."""
    text = "".join(cell.text for cell in line)
    return [Cell(scene.glyphs.mark + text[_MARGIN:], "reverse")]


@lru_cache(maxsize=64)
def _mixed(base: str, own: str) -> str:
    """The style of a piece in a row; in a dim row only bold pieces keep their colour."""
    if base == "dim":
        return own if own.startswith("bold") else base
    return own if own.startswith("bold") else f"{base} {own}".strip()
