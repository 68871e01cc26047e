"""The filter of the records that the user wants to see; for stdout only, a recording is never filtered."""

import logging
import re
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Literal

from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.order_ids import ChosenOrders
from ordwatch.core.records import AnyRecord, GapRecord, OrderRecord, Record, SinkGapRecord, Time

log = logging.getLogger(__name__)

RecordChoice = Literal["orders", "gaps", "all"]

_KINDS: dict[RecordChoice, tuple[type[Record], ...]] = {
    "orders": (OrderRecord, SinkGapRecord),
    "gaps": (OrderRecord, SinkGapRecord, GapRecord),
    "all": (Record,),
}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """An order must match one value of each option that is not empty."""

    symbols: tuple[str, ...] = ()
    """Globs (`HK.*`); letter case does not matter."""
    statuses: frozenset[OrderStatus] = frozenset()
    sides: frozenset[Side] = frozenset()
    accounts: frozenset[str] = frozenset()
    orders: tuple[str, ...] = ()
    """Ids of orders, or ends of them."""
    rows_since: Time | None = None
    """Hide rows of queries about changes before this time of the venue. Pushes, and rows without a time, are shown."""
    open_only: bool = False
    """Hide final orders; an order that becomes final is removed from the table."""
    records: RecordChoice = "gaps"
    """Which types of records a stream contains; `sink_gap` always passes."""

    _chosen: ChosenOrders = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_chosen", ChosenOrders(self.orders, lambda text: log.warning("%s", text)))

    def passes(self, record: AnyRecord) -> bool:
        """Whether a stream contains this record."""
        if isinstance(record, OrderRecord):
            return self.shows(record)
        return isinstance(record, _KINDS[self.records])

    def shows(self, order: OrderRecord) -> bool:
        """Whether this state of an order matches."""
        return (
            not (self.open_only and order.final)
            and (not self.statuses or order.status in self.statuses)
            and (not self.sides or order.side in self.sides)
            and (not self.accounts or order.account in self.accounts)
            and (not self.symbols or _any_of(self.symbols).match(order.symbol) is not None)
            and not self._is_old_row(order)
            and (not self.orders or self._chosen.has(order))
        )

    def _is_old_row(self, order: OrderRecord) -> bool:
        if self.rows_since is None or order.source == "push" or order.updated_at is None:
            return False
        return order.updated_at < self.rows_since


@lru_cache(maxsize=16)
def _any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs), re.IGNORECASE)
