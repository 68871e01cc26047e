"""The columns of the table: which of them the width has room for, and in which form.

Each column has forms, from the shortest to the fullest. STEPS says in which order they are given room. All cells of a
column have the same width; numbers stand with all their digits or not at all.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ordwatch.outputs.cells import CellLine
from ordwatch.outputs.forms import Form, FormCache, Scene, all_forms
from ordwatch.outputs.table_state import TableRow

GAP = 2
"""Cells between two columns; 1 in a terminal of fewer than NARROW columns."""
NARROW = 60


class Column(NamedTuple):
    """A title, and for each row the cells of this column."""

    title: str
    pieces: list[CellLine]
    width: int


class _Step(NamedTuple):
    column: str
    form: str
    most: int = 1000
    """The width it asks for at this step, if it needs more."""
    fills: bool = False
    """Whether it takes what room there is, if it needs more."""


ORDER = (
    "age",
    "venue",
    "symbol",
    "side",
    "status",
    "filled",
    "price",
    "average",
    "type",
    "updated",
    "account",
    "name",
    "id",
    "note",
)
"""The columns from left to right."""

STEPS = (
    _Step("symbol", "symbol", 10),
    _Step("side", "short side"),
    _Step("status", "short status"),
    _Step("filled", "percent"),
    _Step("price", "short price", 10),
    _Step("filled", "short amounts", 12),
    _Step("id", "id", 6),
    _Step("price", "short price"),
    _Step("filled", "short amounts"),
    _Step("symbol", "symbol"),
    _Step("status", "status"),
    _Step("side", "side"),
    _Step("symbol", "symbol with paper"),
    _Step("filled", "short aligned amounts"),
    _Step("age", "age"),
    _Step("note", "short note", 20),
    _Step("venue", "venue"),
    _Step("id", "id", 11),
    _Step("price", "price"),
    _Step("filled", "amounts"),
    _Step("average", "average"),
    _Step("updated", "updated"),
    _Step("type", "type"),
    _Step("account", "account"),
    _Step("filled", "aligned amounts"),
    _Step("filled", "amounts with bar"),
    _Step("note", "note", 40),
    _Step("name", "name"),
    _Step("id", "id", 24),
    _Step("note", "note", fills=True),
    _Step("id", "id", fills=True),
)
"""What is given room, the most important first; a step that does not fit is left out."""


def fitting_columns(rows: Sequence[TableRow], scene: Scene, width: int, cache: FormCache) -> list[Column]:
    """The columns for which `width` cells have room, from left to right."""
    forms, gap = all_forms(rows, scene, cache), gap_of(width)
    taken: dict[str, tuple[Form, int]] = {}
    for step in STEPS:
        form = forms.get(step.form)
        if form is None:
            continue
        room = width - sum(own + gap for column, (_, own) in taken.items() if column != step.column)
        before = taken[step.column][1] if step.column in taken else 0
        wanted = min(form.need, step.most)
        # A column that is shown for the first time may be squeezed; later it grows by whole steps, or fills the rest.
        if wanted > room and form.least is not None and (step.fills or not before):
            wanted = max(form.least, room)
        if before <= wanted <= room:
            taken[step.column] = (form, wanted)
    return [_column(*taken[name]) for name in ORDER if name in taken]


def gap_of(width: int) -> int:
    """The cells between two columns in this width."""
    return GAP if width >= NARROW - 1 else 1


def _column(form: Form, width: int) -> Column:
    title = form.title[:width]
    return Column(title.rjust(width) if form.right else title.ljust(width), form.draw(width), width)
