"""The lines above the table: one for each venue, with its state, its open orders and its gaps."""

from ordwatch.outputs.cells import Cell, CellLine, Glyphs, clipped, cut_end, shown, width_of
from ordwatch.outputs.display_times import clock_time, duration_text
from ordwatch.outputs.forms import Scene
from ordwatch.outputs.table_state import Overview, VenueState

_BETWEEN_VENUES = 4
_MAX_DETAIL = 60


def venue_lines(overview: Overview, scene: Scene, width: int) -> list[CellLine]:
    """One line for all venues if they fit, else one line for each; a simulation is named first, a note comes last."""
    note = [clipped([Cell(f" {overview.note}", "dim")], width)] if overview.note else []
    return _venues(overview, scene, width) + note


def _venues(overview: Overview, scene: Scene, width: int) -> list[CellLine]:
    tag = [Cell(" "), Cell("SIMULATED", "bold reverse")] if overview.simulated else []
    rest = width - sum(len(cell.text) for cell in tag)
    entries = [_venue_entry(venue, scene, width if at else rest) for at, venue in enumerate(overview.venues)]
    if tag:
        entries = [[*tag, *(entries[0] if entries else [])], *entries[1:]]
    widths = [sum(width_of(cell.text) for cell in entry) for entry in entries]
    # So that the rows below do not jump with every figure: lines that were split are joined after a minute.
    if scene.widths.need("venues", sum(widths) + _BETWEEN_VENUES * (len(entries) - 1)) > width:
        return [clipped(entry, width) for entry in entries]
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
