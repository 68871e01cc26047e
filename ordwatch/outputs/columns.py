"""The columns of the table. Each is made from the visible rows; all cells of a column have the same width."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.records import OrderRecord
from ordwatch.outputs.cells import Cell, CellLine, Glyphs, aligned, cut_end, cut_middle, padded, shown, width_of
from ordwatch.outputs.display_times import duration_text, text_ns, time_of_day
from ordwatch.outputs.table_state import TableRow, VenueState

MIN_ID = 11
"""Cells an order's id takes at least."""
MIN_NOTE = 16

_MAX_ID = 24
_MAX_NOTE = 60
_MAX_NAME = 16
_MAX_SYMBOL = 24
_BAR = 5
_STATUS_WIDTH = len(OrderStatus.PARTIALLY_FILLED)

STATUS_STYLES = {
    OrderStatus.PENDING_NEW: "yellow",
    OrderStatus.PARTIALLY_FILLED: "cyan",
    OrderStatus.FILLED: "green",
    OrderStatus.PENDING_CANCEL: "yellow",
    OrderStatus.SUSPENDED: "yellow",
    OrderStatus.REJECTED: "bold red",
    OrderStatus.UNKNOWN: "bold yellow",
}
_SIDE_STYLES = {
    Side.BUY: "green",
    Side.BUY_BACK: "green",
    Side.SELL: "magenta",
    Side.SELL_SHORT: "magenta",
}


class Column(NamedTuple):
    """A title, and for each row the cells of this column."""

    title: str
    pieces: list[CellLine]
    width: int
    narrow: "Column | None" = None
    """The same without decoration, for a narrow terminal."""


class Scene(NamedTuple):
    """What all columns need in addition to the rows."""

    now_ns: int
    venues: Mapping[str, VenueState]
    zone: tzinfo | None
    glyphs: Glyphs

    def is_live(self, row: TableRow) -> bool:
        """Whether the row's venue is live, so that the row shows the present state."""
        venue = self.venues.get(row.order.venue)
        return venue is not None and venue.state == "live"


def fixed_columns(rows: Sequence[TableRow], scene: Scene) -> list[Column]:
    """All columns except ORDER and NOTE, from left to right; the rightmost are left out first."""
    orders = [row.order for row in rows]
    glyphs = scene.glyphs
    return [
        _column("AGE", [Cell(_since_change(row, scene.now_ns)) for row in rows], least=5, right=True),
        _column("VENUE", [Cell(_venue(order, glyphs)) for order in orders]),
        _column("SYMBOL", [Cell(cut_end(shown(o.symbol, glyphs), _MAX_SYMBOL, glyphs.cut)) for o in orders]),
        _column("SIDE", [_side(order) for order in orders]),
        _column("STATUS", [_status(row, scene) for row in rows], least=_STATUS_WIDTH),
        _amounts(orders, glyphs),
        _numbers("PRICE", [shown(order.price, glyphs) for order in orders]),
        _numbers("AVG", [shown(_average(order), glyphs) for order in orders]),
        _column("TYPE", [Cell(shown(order.order_type, glyphs, 18)) for order in orders]),
        _column("UPDATED", [Cell(_updated(order, scene)) for order in orders]),
        *_accounts(orders, glyphs),
    ]


def id_column(rows: Sequence[TableRow], scene: Scene, width: int) -> Column:
    """The ids in at most `width` cells, cut in the middle if they are longer."""
    glyphs = scene.glyphs
    ids = [shown(row.order.order_id, glyphs) for row in rows]
    return _column("ORDER", [Cell(cut_middle(text, min(width, _MAX_ID), glyphs.cut)) for text in ids])


def note_column(rows: Sequence[TableRow], scene: Scene, width: int) -> Column | None:
    """Flags and the venue's reasons in at most `width` cells; None if there are none."""
    glyphs = scene.glyphs
    notes = [shown(" ".join([*row.order.flags, row.order.reason or ""]).strip(), glyphs) for row in rows]
    if not any(notes):
        return None
    return _column("NOTE", [Cell(cut_end(note, min(width, _MAX_NOTE), glyphs.cut)) for note in notes])


def _column(title: str, cells: Sequence[Cell], *, least: int = 0, right: bool = False) -> Column:
    widths = [width_of(cell.text) for cell in cells]
    width = max([len(title), least, *widths])
    if right:
        pieces = [[Cell(" " * (width - own) + cell.text, cell.style)] for cell, own in zip(cells, widths, strict=True)]
        return Column(title.rjust(width), pieces, width)
    return Column(title, [[Cell(padded(cell.text, width), cell.style)] for cell in cells], width)


def _numbers(title: str, numbers: Sequence[str]) -> Column:
    return _column(title, [Cell(text) for text in aligned(numbers)], right=True)


def _average(order: OrderRecord) -> str | None:
    """The average price; None for an order without fills, for which OpenD reports 0."""
    try:
        return order.avg_price if Decimal(order.filled_qty or order.avg_price or "0") else None
    except InvalidOperation:
        return order.avg_price


def _since_change(row: TableRow, now_ns: int) -> str:
    changed_ns = text_ns(row.changed_at)
    return duration_text((now_ns - changed_ns) / 1e9) if changed_ns is not None else ""


def _venue(order: OrderRecord, glyphs: Glyphs) -> str:
    name = cut_end(shown(order.venue, glyphs), _MAX_NAME, glyphs.cut)
    return f"{name} paper" if order.environment == "paper" else name


def _accounts(orders: Sequence[OrderRecord], glyphs: Glyphs) -> list[Column]:
    accounts = {(order.venue, order.account) for order in orders}
    if len(accounts) == len({venue for venue, _ in accounts}):
        return []
    texts = [cut_middle(shown(order.account, glyphs), 8, glyphs.cut) for order in orders]
    return [_column("ACCOUNT", [Cell(text) for text in texts])]


def _side(order: OrderRecord) -> Cell:
    return Cell(order.side or "", _SIDE_STYLES[order.side] if order.side is not None else "")


def _status(row: TableRow, scene: Scene) -> Cell:
    style = STATUS_STYLES.get(row.order.status, "")
    venue = scene.venues.get(row.order.venue)
    if row.order.final or scene.is_live(row) or venue is None or venue.known_s is None:
        return Cell(row.order.status, style)
    return Cell(f"{row.order.status} {duration_text(venue.known_s)} ago", style)


def _updated(order: OrderRecord, scene: Scene) -> str:
    if order.updated_at is None:
        return ""
    return shown(time_of_day(order.updated_at, scene.zone, scene.now_ns), scene.glyphs, 27)


def _amounts(orders: Sequence[OrderRecord], glyphs: Glyphs) -> Column:
    filled = aligned([shown(order.filled_qty or "-", glyphs) for order in orders])
    qty = aligned([shown(order.qty or "-", glyphs) for order in orders])
    bars = [[*_bar(order, glyphs), Cell("  ")] for order in orders]
    narrow = _under_slash([[] for _ in orders], filled, qty, bar=0)
    return _under_slash(bars, filled, qty, bar=_BAR + 2)._replace(narrow=narrow)


def _under_slash(bars: Sequence[CellLine], filled: Sequence[str], qty: Sequence[str], *, bar: int) -> Column:
    """The amounts, with the slash below the title's slash; each bar has `bar` cells."""
    before = bar + max(map(width_of, filled), default=0)
    after = max(map(width_of, qty), default=0)
    end = max(before, len("FILLED"))
    lead = Cell(" " * (end - before))
    rest = max(after, len("QTY"))
    pieces = [
        [lead, *line, Cell(f"{some} / {padded(all_, rest)}")]
        for line, some, all_ in zip(bars, filled, qty, strict=True)
    ]
    return Column(f"{'FILLED':>{end}} / QTY", pieces, end + len(" / ") + rest)


def _bar(order: OrderRecord, glyphs: Glyphs) -> CellLine:
    cells = _filled_cells(order)
    if cells is None:
        return [Cell(" " * _BAR)]
    return [Cell(glyphs.full * cells, "green"), Cell(glyphs.empty * (_BAR - cells), "dim")]


def _filled_cells(order: OrderRecord) -> int | None:
    """The number of full cells of the bar: at least one if anything is filled, all only if everything is."""
    try:
        filled, qty = Decimal(order.filled_qty or "0"), Decimal(order.qty or "0")
    except InvalidOperation:
        return None
    if not (qty.is_finite() and filled.is_finite() and qty > 0 and order.filled_qty is not None):
        return None
    if filled >= qty:
        return _BAR
    return max(int(filled > 0), int(filled * _BAR / qty))
