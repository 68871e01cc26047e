"""The forms of the table's columns: each column from the shortest to the fullest, made from the visible rows.

All cells of a form have the same width; numbers stand with all their digits or not at all.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from functools import cache
from itertools import compress
from typing import NamedTuple

from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.records import OrderRecord
from ordwatch.outputs.amounts import average_text, bar_cells, percent_text
from ordwatch.outputs.cells import Cell, CellLine, Glyphs, cut_end, cut_middle, padded, shown, width_of
from ordwatch.outputs.display_times import duration_text, short_duration_text, text_ns, time_of_day
from ordwatch.outputs.table_state import TableRow, VenueState
from ordwatch.outputs.widths import StickyWidths

_MINUTE_NS = 60_000_000_000
_MAX_NAME = 16
_MAX_SYMBOL = 24
_MAX_TYPE = 18
_MAX_DIGITS = 60
SHORT_PRICE = 14
"""Longer prices are given room only when the columns that matter more are there."""
SHORT_AMOUNTS = 24
"""Likewise for filled and ordered quantity."""
_BAR = 5
_BAR_SPACE = _BAR + 2
_AMOUNTS = "FILLED / QTY"

STATUS_STYLES = {
    OrderStatus.PENDING_NEW: "yellow",
    OrderStatus.PARTIALLY_FILLED: "cyan",
    OrderStatus.FILLED: "green",
    OrderStatus.PENDING_CANCEL: "yellow",
    OrderStatus.SUSPENDED: "yellow",
    OrderStatus.REJECTED: "bold red",
    OrderStatus.UNKNOWN: "bold yellow",
}
SHORT_STATUSES = {
    OrderStatus.PENDING_NEW: "P/NEW",
    OrderStatus.PARTIALLY_FILLED: "PART",
    OrderStatus.PENDING_CANCEL: "P/CXL",
    OrderStatus.CANCELED: "CANCEL",
    OrderStatus.REJECTED: "REJECT",
    OrderStatus.SUSPENDED: "SUSP",
    OrderStatus.EXPIRED: "EXPIRE",
    OrderStatus.UNKNOWN: "UNKN",
}
"""Of the statuses that are longer than six letters."""
SHORT_SIDES = {Side.SELL_SHORT: "S/S", Side.BUY_BACK: "B/B"}
_SIDE_STYLES = {
    Side.BUY: "green",
    Side.BUY_BACK: "green",
    Side.SELL: "magenta",
    Side.SELL_SHORT: "magenta",
}
_STATUS_WIDTH = len(OrderStatus.PARTIALLY_FILLED)


class Scene(NamedTuple):
    """What all columns need in addition to the rows."""

    now_ns: int
    venues: Mapping[str, VenueState]
    zone: tzinfo | None
    glyphs: Glyphs
    widths: StickyWidths
    several_accounts: bool = False

    def is_live(self, row: TableRow) -> bool:
        """Whether the row's venue is live, so that the row shows the present state."""
        venue = self.venues.get(row.order.venue)
        return venue is not None and venue.state == "live"


class Form(NamedTuple):
    """One form of a column."""

    title: str
    need: int
    """The width in which every cell is whole."""
    draw: Callable[[int], list[CellLine]]
    """The cells in this width."""
    least: int | None = None
    """The smallest width in which it is of use; None: only its whole need."""
    right: bool = False
    """Whether the title stands at the right."""


class FormCache:
    """Keeps the forms of the drawing before, as long as the same changes of orders are on the screen."""

    def __init__(self) -> None:
        self._key: object = None
        self._forms: dict[str, Form] = {}

    def lasting_forms(self, rows: Sequence[TableRow], scene: Scene) -> dict[str, Form]:
        """The forms that do not change with time alone, by name."""
        # Once a minute they are made again: the day of the times may be another, and widths may shrink.
        which = (scene.now_ns // _MINUTE_NS, scene.widths.columns, scene.several_accounts, len(scene.venues) > 1)
        key = ([row.number for row in rows], which)
        if key != self._key:
            forms = _lasting_forms([row.order for row in rows], scene)
            self._key = key
            self._forms = {name: form._replace(draw=cache(form.draw)) for name, form in forms.items()}
        return self._forms


def all_forms(rows: Sequence[TableRow], scene: Scene, forms: FormCache) -> dict[str, Form]:
    """Every form of every column that these rows need, by name."""
    texts = _Texts(scene)
    return {
        **forms.lasting_forms(rows, scene),
        "age": texts.right("AGE", [_since_change(row, scene) for row in rows], least=6),
        "short status": texts.left("STATUS", [_short_status(row, scene) for row in rows], name="short status"),
        "status": texts.left("STATUS", [_status(row, scene) for row in rows], least=_STATUS_WIDTH),
    }


def _lasting_forms(orders: Sequence[OrderRecord], scene: Scene) -> dict[str, Form]:
    glyphs, texts = scene.glyphs, _Texts(scene)
    symbols = [shown(order.symbol, glyphs, _MAX_SYMBOL) for order in orders]
    paper = [order.environment == "paper" for order in orders]
    forms = {
        "symbol": texts.cut("SYMBOL", symbols, [" (p)" if each else "" for each in paper], name="symbol"),
        "symbol with paper": texts.cut("SYMBOL", symbols, [" paper" if each else "" for each in paper]),
        "short side": texts.left("SIDE", [_side(order, short=True) for order in orders], name="short side"),
        "side": texts.left("SIDE", [_side(order, short=False) for order in orders]),
        **_price_forms(orders, texts),
        "average": texts.right("AVG", [_average(order, glyphs) for order in orders]),
        "type": texts.left("TYPE", [Cell(shown(order.order_type, glyphs, _MAX_TYPE)) for order in orders]),
        "updated": texts.left("UPDATED", [Cell(_updated(order, scene)) for order in orders], least=12),
        "id": texts.middle("ORDER", [shown(order.order_id, glyphs) for order in orders], least=6),
        **_amount_forms(orders, texts),
    }
    if len(scene.venues) > 1:
        names = [Cell(cut_end(shown(order.venue, glyphs), _MAX_NAME, glyphs.cut)) for order in orders]
        forms["venue"] = texts.left("VENUE", names)
    if scene.several_accounts:
        accounts = [Cell(cut_middle(shown(order.account, glyphs), 8, glyphs.cut)) for order in orders]
        forms["account"] = texts.left("ACCOUNT", accounts)
    names = [Cell(cut_end(shown(order.name, glyphs), _MAX_NAME, glyphs.cut)) for order in orders]
    notes = [shown(_note(order), glyphs) for order in orders]
    short_notes = [shown(_note(order, derived=False), glyphs) for order in orders]
    # A column that appears and vanishes with single rows must not move the others.
    if texts.need("names", max((width_of(cell.text) for cell in names), default=0)):
        forms["name"] = texts.left("NAME", names)
    if texts.need("notes", max(map(width_of, notes), default=0)):
        forms["note"] = texts.cut("NOTE", notes, [""] * len(notes), least=12)
    if texts.need("short notes", max(map(width_of, short_notes), default=0)):
        forms["short note"] = texts.cut("NOTE", short_notes, [""] * len(notes), least=12, name="short NOTE")
    return forms


class _Texts:
    """Makes forms of columns from their texts."""

    def __init__(self, scene: Scene) -> None:
        self.glyphs = scene.glyphs
        self.need = scene.widths.need

    def left(self, title: str, cells: Sequence[Cell], *, least: int = 0, name: str | None = None) -> Form:
        """Cells that begin at the left."""
        need = self._needed(title, [cell.text for cell in cells], least, name)
        return Form(title, need, lambda width: [[Cell(padded(cell.text, width), cell.style)] for cell in cells])

    def right(self, title: str, texts: Sequence[str], *, least: int = 0) -> Form:
        """Texts that end at the right."""
        need = self._needed(title, texts, least)
        return Form(title, need, lambda width: [[Cell(_right(text, width))] for text in texts], right=True)

    def cut(
        self, title: str, texts: Sequence[str], ends: Sequence[str], *, least: int = 6, name: str | None = None
    ) -> Form:
        """Texts that are cut where they do not fit; what stands behind them is kept."""
        both = list(zip(texts, ends, strict=True))
        need = self._needed(title, [text + end for text, end in both], 0, name)

        def draw(width: int) -> list[CellLine]:
            cut = [cut_end(text, width - len(end), self.glyphs.cut) + end for text, end in both]
            return [[Cell(padded(cut_end(text, width, self.glyphs.cut), width))] for text in cut]

        return Form(title, need, draw, least)

    def middle(self, title: str, texts: Sequence[str], *, least: int) -> Form:
        """Texts that are cut in the middle where they do not fit: ids differ at their ends."""

        def draw(width: int) -> list[CellLine]:
            return [[Cell(padded(cut_middle(text, width, self.glyphs.cut), width))] for text in texts]

        return Form(title, self._needed(title, texts, least), draw, least)

    def fitting(self, title: str, texts: Sequence[str], instead: Sequence[str], *, least: int) -> Form:
        """Texts that end at the right; where one does not fit, `instead` stands in its place."""
        both = list(zip(texts, instead, strict=True))

        def draw(width: int) -> list[CellLine]:
            return [[Cell(_right(text if width_of(text) <= width else other, width))] for text, other in both]

        return Form(title, self._needed(title, texts, 0), draw, least, right=True)

    def need_within(self, title: str, texts: Sequence[str], most: int) -> int:
        """The width that all texts of at most `most` cells need: one that is longer costs the other columns nothing."""
        widths = [width for text in texts if (width := width_of(text)) <= most]
        return self.need(f"short {title}", max([len(title), *widths]))

    def _needed(self, title: str, texts: Sequence[str], least: int, name: str | None = None) -> int:
        return self.need(name or title, max([len(title), least, *map(width_of, texts)]))


def _right(text: str, width: int) -> str:
    return " " * (width - width_of(text)) + text


def _digits(text: str | None, glyphs: Glyphs) -> str:
    """A number with all its digits; of a very long one only how many characters it has."""
    digits = shown(text, glyphs)
    return digits if len(digits) <= _MAX_DIGITS else f"({len(text or '')} digits)"


def _price_forms(orders: Sequence[OrderRecord], texts: _Texts) -> dict[str, Form]:
    """Prices: as short as they are, one that does not fit is left out whole."""
    prices = [_digits(order.price, texts.glyphs) for order in orders]
    whole = texts.fitting("PRICE", prices, [texts.glyphs.cut] * len(prices), least=7)
    return {
        "price": whole,
        "short price": whole._replace(need=texts.need_within("PRICE", prices, SHORT_PRICE)),
    }


def _average(order: OrderRecord, glyphs: Glyphs) -> str:
    text = average_text(order) or ""
    return _digits(text if glyphs.unicode else text.replace("≈", "~"), glyphs)


def _since_change(row: TableRow, scene: Scene) -> str:
    changed_ns = text_ns(row.changed_at)
    return duration_text((scene.now_ns - changed_ns) / 1e9) if changed_ns is not None else ""


def _side(order: OrderRecord, *, short: bool) -> Cell:
    if order.side is None:
        return Cell("")
    return Cell(SHORT_SIDES.get(order.side, order.side) if short else order.side, _SIDE_STYLES[order.side])


def _known_s(row: TableRow, scene: Scene) -> float | None:
    """How old at least what is known of an open order is; None if it is the present state."""
    venue = scene.venues.get(row.order.venue)
    return None if row.order.final or scene.is_live(row) or venue is None else venue.known_s


def _status(row: TableRow, scene: Scene) -> Cell:
    status = row.order.status
    style, known_s = STATUS_STYLES.get(status, ""), _known_s(row, scene)
    if known_s is None:
        return Cell(status, style)
    texts = [f"{name} {duration_text(known_s)} ago" for name in (status, SHORT_STATUSES.get(status, status))]
    return Cell(texts[0] if len(texts[0]) <= _STATUS_WIDTH else texts[1], style)


def _short_status(row: TableRow, scene: Scene) -> Cell:
    status, known_s = row.order.status, _known_s(row, scene)
    text = SHORT_STATUSES.get(status, status)
    return Cell(text if known_s is None else f"{text} {short_duration_text(known_s)}", STATUS_STYLES.get(status, ""))


def _note(order: OrderRecord, *, derived: bool = True) -> str:
    """Reason and flags, the most unusual first; values that were derived are usual at some venues."""
    flags = sorted(order.flags, key=lambda flag: flag.startswith("derived:"))
    kept = [flag for flag in flags if derived or not flag.startswith("derived:")]
    return " ".join([*([order.reason] if order.reason else []), *kept])


def _updated(order: OrderRecord, scene: Scene) -> str:
    if order.updated_at is None:
        return ""
    return cut_end(shown(time_of_day(order.updated_at, scene.zone, scene.now_ns), scene.glyphs), 12, scene.glyphs.cut)


def _amount_forms(orders: Sequence[OrderRecord], texts: _Texts) -> dict[str, Form]:
    """Filled and ordered quantity: in percent; as short as they are; their slashes aligned; with a bar."""
    filled = [_digits(order.filled_qty or "-", texts.glyphs) for order in orders]
    ordered = [_digits(order.qty or "-", texts.glyphs) for order in orders]
    percents = [percent_text(order) for order in orders]
    both = [f"{some} / {all_}" for some, all_ in zip(filled, ordered, strict=True)]
    whole = texts.fitting(_AMOUNTS, both, percents, least=9)
    aligned = _under_slash(filled, ordered, percents, texts, 2 * _MAX_DIGITS + len(" / "))
    bars = [[*_bar(order, texts.glyphs), *line] for order, line in zip(orders, aligned.draw(aligned.need), strict=True)]
    return {
        "percent": texts.right("FILL", percents),
        "amounts": whole,
        "short amounts": whole._replace(need=texts.need_within(_AMOUNTS, both, SHORT_AMOUNTS)),
        "short aligned amounts": _under_slash(filled, ordered, percents, texts, SHORT_AMOUNTS),
        "aligned amounts": aligned,
        "amounts with bar": Form(" " * _BAR_SPACE + aligned.title, aligned.need + _BAR_SPACE, lambda _: bars),
    }


def _under_slash(
    filled: Sequence[str], ordered: Sequence[str], percents: Sequence[str], texts: _Texts, most: int
) -> Form:
    """Both numbers next to the slash; quantities of different symbols have no common unit, so no common point.

    A row of more than `most` cells costs the others nothing: it is shown in percent.
    """
    fits = [width_of(some) + len(" / ") + width_of(all_) <= most for some, all_ in zip(filled, ordered, strict=True)]
    end = texts.need(f"filled {most}", max([len("FILLED"), *map(width_of, compress(filled, fits))]))
    rest = texts.need(f"ordered {most}", max([len("QTY"), *map(width_of, compress(ordered, fits))]))
    need = end + len(" / ") + rest
    lines = [
        [Cell(f"{_right(some, end)} / {padded(all_, rest)}" if whole else _right(percent, need))]
        for some, all_, percent, whole in zip(filled, ordered, percents, fits, strict=True)
    ]
    return Form(f"{'FILLED':>{end}} / {'QTY':<{rest}}", need, lambda _: lines)


def _bar(order: OrderRecord, glyphs: Glyphs) -> CellLine:
    cells = bar_cells(order, _BAR)
    if cells is None:
        return [Cell(" " * _BAR_SPACE)]
    return [Cell(glyphs.full * cells, "green"), Cell(glyphs.empty * (_BAR - cells), "dim"), Cell("  ")]
