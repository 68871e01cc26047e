"""Lays out the table as lines of cells that fit the terminal.

A narrow terminal shows fewer columns, from the left; a low one fewer rows, from the top. Numbers are never cut.
"""

from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache

from ordwatch.outputs.cells import Cell, CellLine, Glyphs, cut_end, padded, shown, width_of
from ordwatch.outputs.columns import MIN_ID, MIN_NOTE, Column, Scene, fixed_columns, id_column, note_column
from ordwatch.outputs.display_times import clock_time, duration_text, text_ns
from ordwatch.outputs.table_state import Picture, TableRow, VenueState

FRESH_S = 2.0
"""How long a change stays bold."""

_MARGIN = 1
_GAP = 2
_BETWEEN_VENUES = 4
_MAX_DETAIL = 60


def table_lines(picture: Picture, width: int, height: int, *, zone: tzinfo | None, glyphs: Glyphs) -> list[CellLine]:
    """At most `height` lines of at most `width` cells: the venues, the orders, and the number of hidden orders."""
    scene = Scene(picture.now_ns, {venue.name: venue for venue in picture.venues}, zone, glyphs)
    head = _venue_lines(picture.venues, scene, width)
    remaining = max(0, height - len(head) - 1)
    rows = picture.rows[: remaining if picture.orders <= remaining else max(0, remaining - 1)]
    lines = [*head, *_order_lines(rows, scene, width), *_more(picture, rows, glyphs, width)]
    return lines[: max(0, height)]


def _order_lines(rows: Sequence[TableRow], scene: Scene, width: int) -> list[CellLine]:
    columns = _fitting(rows, scene, width - _MARGIN)
    titles = (" " * _GAP).join(padded(column.title, column.width) for column in columns)
    return [
        [Cell(f"{' ' * _MARGIN}{titles}".rstrip(), "dim")],
        *(_row_line(row, columns, at, scene) for at, row in enumerate(rows)),
    ]


def _fitting(rows: Sequence[TableRow], scene: Scene, remaining: int) -> list[Column]:
    kept: list[Column] = []
    for column in fixed_columns(rows, scene):
        fitting = column if column.width <= remaining else column.narrow
        if fitting is None or fitting.width > remaining:
            return kept
        kept.append(fitting)
        remaining -= fitting.width + _GAP
    if remaining >= MIN_ID:
        kept.append(id_column(rows, scene, remaining))
        remaining -= kept[-1].width + _GAP
        note = note_column(rows, scene, remaining) if remaining >= MIN_NOTE else None
        kept += [note] if note is not None else []
    return kept


def _row_line(row: TableRow, columns: Sequence[Column], at: int, scene: Scene) -> CellLine:
    """One row, one cell for each change of style, without trailing spaces."""
    style = base = _row_style(row, scene)
    text = " " * _MARGIN
    line: CellLine = []
    for column in columns:
        for piece, own in column.pieces[at]:
            mixed = _mixed(base, own)
            if mixed != style and not piece.isspace():
                line.append(Cell(text, style))
                text, style = "", mixed
            text += piece
        text += " " * _GAP
    return [*line, Cell(text.rstrip(), style)]


def _row_style(row: TableRow, scene: Scene) -> str:
    changed_ns = text_ns(row.changed_at)
    if changed_ns is not None and scene.now_ns - changed_ns < FRESH_S * 1e9:
        return "bold"
    return "dim" if row.order.final or not scene.is_live(row) else ""


@lru_cache(maxsize=64)
def _mixed(base: str, own: str) -> str:
    """The style of a piece in a row; in a dim row only bold pieces keep their colour."""
    if base == "dim":
        return own if own.startswith("bold") else base
    return own if own.startswith("bold") else f"{base} {own}".strip()


def _more(picture: Picture, rows: Sequence[TableRow], glyphs: Glyphs, width: int) -> list[CellLine]:
    hidden = picture.orders - len(rows)
    if hidden == 0:
        return [] if rows else [[Cell(cut_end(" no orders yet", width, glyphs.cut), "dim")]]
    hidden_open = picture.open_orders - sum(not row.order.final for row in rows)
    texts = [f" {hidden} more, {hidden_open} of them open", f" {hidden} more", f" {hidden}"]
    return [[Cell(next((text for text in texts if len(text) <= width), ""), "dim")]]


def _venue_lines(venues: Sequence[VenueState], scene: Scene, width: int) -> list[CellLine]:
    """One line for all venues if they fit, else one line for each."""
    entries = [_venue_entry(venue, scene, width) for venue in venues]
    widths = [sum(width_of(cell.text) for cell in entry) for entry in entries]
    if sum(widths) + _BETWEEN_VENUES * (len(entries) - 1) > width:
        return entries
    line = [cell for entry in entries for cell in (Cell(" " * _BETWEEN_VENUES), *entry)]
    return [line[1:]] if line else []


def _venue_entry(venue: VenueState, scene: Scene, width: int) -> CellLine:
    glyph, style = _venue_sign(venue, scene.glyphs)
    name = shown(venue.name, scene.glyphs, 40)
    start = [Cell(f" {glyph} ", style), Cell(name, "bold"), Cell("  "), Cell(_state(venue), style)]
    remaining = width - sum(width_of(cell.text) for cell in start)
    if remaining < 0:
        return [Cell(cut_end(f" {glyph} {name}", width, scene.glyphs.cut), style)]
    for part in _venue_parts(venue, scene):
        remaining -= width_of(part.text) + 3
        if remaining < 0:
            break
        start += [Cell(f" {scene.glyphs.dot} ", "dim"), part]
    return start


def _venue_sign(venue: VenueState, glyphs: Glyphs) -> tuple[str, str]:
    match venue.state:
        case "live":
            return glyphs.live, "green"
        case "connecting" | "authenticating" | "subscribing" | "reconciling":
            return glyphs.busy, "yellow"
        case "stale":
            return glyphs.stale, "yellow"
        case "down":
            return glyphs.down, "red"
        case "failed":
            return glyphs.failed, "bold red"


def _state(venue: VenueState) -> str:
    if venue.silent_s is None or venue.state not in ("live", "stale", "down", "failed"):
        return venue.state
    return f"{venue.state} {f'{venue.silent_s:.1f} s' if venue.silent_s < 9.95 else duration_text(venue.silent_s)}"


def _venue_parts(venue: VenueState, scene: Scene) -> list[Cell]:
    """The further facts about a venue, the most important first."""
    parts: list[Cell] = []
    if venue.gap_since is not None:
        parts.append(Cell(f"gap since {shown(clock_time(venue.gap_since, scene.zone), scene.glyphs)}", "bold yellow"))
    if venue.state == "live" or venue.open_orders:
        parts.append(Cell(f"{venue.open_orders} open"))
    if venue.gaps:
        partial = f", {venue.partial} not wholly recovered" if venue.partial else ""
        parts.append(Cell(f"{venue.gaps} gap{'s' if venue.gaps > 1 else ''}{partial}"))
    if venue.rejected:
        parts.append(Cell(f"{venue.rejected} unreadable", "bold red"))
    if venue.wait_s is not None:
        parts.append(Cell(f"next attempt in {venue.wait_s:.0f} s"))
    if venue.detail is not None and venue.state in ("down", "failed", "reconciling", "stale"):
        parts.append(Cell(shown(venue.detail, scene.glyphs, _MAX_DETAIL), "dim"))
    return parts
