"""Which orders the table lists, in which order: the part of its state that keys change. No clock, no terminal.

A drawing costs what it shows and what changed since the one before, not what is held.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from ordwatch.core.events import OrderKey
from ordwatch.core.records import OrderRecord
from ordwatch.outputs.sorted_rows import SortedRows
from ordwatch.outputs.table_state import Changes, TableRow

_Place = tuple[str | int, ...]


class Sort(StrEnum):
    """What the rows are sorted by."""

    CHANGE = "change"
    """The latest change first."""
    SYMBOL = "symbol"
    UNCHANGED = "age"
    """What has not changed for the longest time first."""
    VENUE = "venue"


class Selection(NamedTuple):
    """Which of the orders are listed, and how they are sorted."""

    text: str = ""
    """Each of its words must occur in the order; letter case does not matter."""
    open_only: bool = False
    venue: str | None = None
    sort: Sort = Sort.CHANGE


class Listing:
    """The orders of a selection, sorted.

    The list is made when it is read: of a text that is typed or pasted at once only the last character costs something.
    """

    def __init__(self) -> None:
        self._rows: dict[OrderKey, TableRow] = {}
        self._selection = Selection()
        self._search_terms: list[str] = []
        self._sorted: SortedRows[tuple[_Place, OrderKey]] = SortedRows()
        self._open_orders = 0
        self._listed: Selection | None = self._selection
        """What `_sorted` was made for; None if it has to be made again."""

    def __len__(self) -> int:
        return len(self._made())

    @property
    def open_orders(self) -> int:
        """How many of the listed orders are open."""
        self._made()
        return self._open_orders

    @property
    def held(self) -> int:
        """How many orders there are, listed or not."""
        return len(self._rows)

    @property
    def selection(self) -> Selection:
        """What is listed now."""
        return self._selection

    def select(self, selection: Selection) -> None:
        """List this selection."""
        self._selection = selection
        self._search_terms = selection.text.lower().split()

    def apply(self, changes: Changes) -> None:
        """Take the orders that changed."""
        if changes.whole:
            self._rows = {key: row for key, row in changes.rows.items() if row is not None}
            self._listed = None
            return
        places = self._made()
        for key, row in changes.rows.items():
            known = self._rows.pop(key, None)
            if known is not None and self._lists(known.order):
                places.remove((self._place(known), key))
                self._open_orders -= not known.order.final
            if row is None:
                continue
            self._rows[key] = row
            if self._lists(row.order):
                places.add((self._place(row), key))
                self._open_orders += not row.order.final

    def _made(self) -> SortedRows[tuple[_Place, OrderKey]]:
        """The places of the listed orders."""
        before, now = self._listed, self._selection
        if before == now:
            return self._sorted
        if before is not None and now.text.startswith(before.text) and now._replace(text=before.text) == before:
            keys: Iterable[OrderKey] = self._all_keys()  # whoever types on finds no other orders
        else:
            keys = self._rows
        listed = [(key, row) for key in keys if self._lists((row := self._rows[key]).order)]
        self._sorted = SortedRows((self._place(row), key) for key, row in listed)
        self._open_orders = sum(not row.order.final for _, row in listed)
        self._listed = now
        return self._sorted

    def _all_keys(self) -> list[OrderKey]:
        return [key for _, key in self._sorted.between(0, len(self._sorted))]

    def rows(self, first: int, count: int) -> list[TableRow]:
        """At most `count` listed orders from position `first`."""
        return [self._rows[key] for key in self._keys(first, first + count)]

    def key_at(self, position: int) -> OrderKey | None:
        """The order at this position; None if there is none."""
        return next(iter(self._keys(position, position + 1)), None)

    def position(self, key: OrderKey) -> int | None:
        """The position of an order; None if it is not listed."""
        row = self._rows.get(key)
        if row is None or not self._lists(row.order):
            return None
        rank = self._made().rank((self._place(row), key))
        return len(self) - 1 - rank if self._latest_first else rank

    @property
    def _latest_first(self) -> bool:
        return self._selection.sort is Sort.CHANGE

    def _keys(self, first: int, end: int) -> list[OrderKey]:
        if not self._latest_first:
            return [key for _, key in self._made().between(first, end)]
        count = len(self)
        return [key for _, key in reversed(self._made().between(count - end, count - max(0, first)))]

    def _lists(self, order: OrderRecord) -> bool:
        selection = self._selection
        if (selection.open_only and order.final) or (selection.venue is not None and order.venue != selection.venue):
            return False
        if not self._search_terms:
            return True
        text = _searched(order)
        return all(word in text for word in self._search_terms)

    def _place(self, row: TableRow) -> _Place:
        """What the row is sorted by; no two rows have the same."""
        order = row.order
        whose = (order.account or "", order.account is None, order.environment, order.order_id)
        match self._selection.sort:
            case Sort.CHANGE | Sort.UNCHANGED:
                return (row.changed_at, row.number)
            case Sort.SYMBOL:
                return (order.symbol, order.venue, *whose)
            case Sort.VENUE:
                return (order.venue, order.symbol, *whose)


def _searched(order: OrderRecord) -> str:
    """The text in which words are looked for."""
    known = (
        order.order_id,
        order.order_id_ext,
        order.client_order_id,
        order.symbol,
        order.name,
        order.venue,
        order.account,
        order.environment,
        order.side,
        order.status,
        order.venue_status,
        order.order_type,
        order.remark,
        order.reason,
        *order.flags,
    )
    return "\n".join(filter(None, known)).lower()
