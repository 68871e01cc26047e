"""The line below the table, which says what was chosen with keys, and the page that explains the keys."""

from ordwatch.outputs.browser import Mode, Window
from ordwatch.outputs.cells import Cell, CellLine, Glyphs, clipped, cut_end, shown, width_of
from ordwatch.outputs.listing import Sort

_BETWEEN = "  "
_HINTS = ("Enter: details  /: filter  ?: keys  q: end", "?: keys  q: end", "?: keys")
_TYPING_HINTS = ("Enter: keep  Esc: clear",)
_ONE_LEFT_HINTS = ("Enter: details  Esc: clear",)

KEYS = (
    ("arrows, j, k", "move the mark; PgUp, PgDn, Home, End too"),
    ("Enter", "show the marked order whole: all it has, its history, its gaps"),
    ("Esc", "back; in the list: remove the filter, then the mark"),
    ("/", "filter by text: symbol, id, side, status, venue, account, reason"),
    ("o", "open orders only, or all"),
    ("v", "one venue after the other, then all"),
    ("s", "sort by change, symbol, age, venue"),
    ("space", "pause what is shown; the stream goes on"),
    ("?", "this page"),
    ("q", "end, as Ctrl-C does"),
)


def footer_line(window: Window, changes: int, glyphs: Glyphs, width: int, *, hints: bool) -> CellLine:
    """What was chosen, where the list is, and with `hints` which keys help; what does not fit is left out at the right.

    `changes` of orders came since the table was paused.
    """
    selection, typing = window.selection, window.mode is Mode.FILTER
    parts: list[Cell] = []
    if typing or selection.text:
        # While one types the end counts, and where the next character will stand.
        text = "/" + shown(selection.text, glyphs) + ("_" if typing else "")
        parts.append(Cell(text, "bold reverse" if typing else "bold"))
    if window.paused:
        parts.append(Cell(f"PAUSED, {changes} new", "bold reverse"))
    parts.append(Cell(_count(window), "dim"))
    if selection.open_only:
        parts.append(Cell("open only", "bold"))
    if selection.venue is not None:
        parts.append(Cell(f"{shown(selection.venue, glyphs, 40)} only", "bold"))
    if selection.sort is not Sort.CHANGE:
        parts.append(Cell(f"by {selection.sort}", "bold"))
    if hints:
        remaining = width - 1 - sum(width_of(part.text) + len(_BETWEEN) for part in parts)
        texts = (_ONE_LEFT_HINTS if window.listed == 1 else _TYPING_HINTS) if typing else _HINTS
        parts += [Cell(text, "dim") for text in texts if len(text) <= remaining][:1]
    return _fitting(parts, width)


def text_footer_line(first: int, end: int, lines: int, width: int) -> CellLine:
    """What stands below an order or the help: which of its lines are on the screen."""
    place = "" if end - first == lines else f"lines {first + 1} to {end} of {lines}  arrows: more  "
    return _fitting([Cell(f"{place}Esc: back  q: end", "dim")], width)


def hidden_line(window: Window, width: int) -> CellLine | None:
    """Without keys: how many orders the screen has no room for; None if all are there."""
    hidden = window.listed - len(window.rows)
    if hidden == 0:
        return None
    hidden_open = window.open_orders - sum(not row.order.final for row in window.rows)
    texts = [f" {hidden} more, {hidden_open} of them open", f" {hidden} more", f" {hidden}"]
    return [Cell(next((text for text in texts if len(text) <= width), ""), "dim")]


def nothing_line(window: Window, glyphs: Glyphs, width: int) -> CellLine:
    """What stands in a list without rows."""
    text = " no orders yet" if window.held == 0 else f" none of {window.held} orders"
    return [Cell(cut_end(text, width, glyphs.cut), "dim")]


def help_lines(width: int) -> list[CellLine]:
    """The page that explains the keys, and what the table shows with few letters."""
    short = (
        "PART partially filled, P/NEW and P/CXL pending, S/S sell short, B/B buy back",
        "(p), paper: an account for practice. \u2248: rounded. AGE: since the last change",
        "NEW 41 s ago: the venue is not live; that was the state 41 s ago",
    )
    lines = [[Cell(f" {key:<13}", "bold"), Cell(text)] for key, text in KEYS]
    lines += [[], *([Cell(f" {text}", "dim")] for text in short)]
    return [clipped(line, width) for line in lines]


def _count(window: Window) -> str:
    orders = "order" if window.held == 1 else "orders"
    all_ = f"{window.listed} {orders}" if window.listed == window.held else f"{window.listed} of {window.held} {orders}"
    place = f"{window.first + window.mark + 1} of " if window.mark is not None else ""
    return f"{place}{all_}, {window.open_orders} open"


def _fitting(parts: list[Cell], width: int) -> CellLine:
    line, remaining = [Cell(" ")], width - 1
    for at, part in enumerate(parts):
        between = _BETWEEN if at else ""
        remaining -= len(between) + width_of(part.text)
        if remaining < 0 and at == 0:  # of a filter's text the end is what was typed last
            text = part.text
            while width_of(text) > max(0, width - 1):
                text = text[1:]
            line.append(Cell(text, part.style))
        if remaining < 0:
            break
        line += [Cell(between), part]
    return clipped(line, width)
