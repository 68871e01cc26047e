"""The data of the table: every order with its history, and each venue with its gaps, collected from records.

No clock, no terminal: the time is an argument.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from ordwatch.core.events import LinkState, OrderKey, OrderStatus, Source, VenueStats
from ordwatch.core.records import (
    AliveRecord,
    AnyRecord,
    GapRecord,
    LinkRecord,
    OrderRecord,
    RejectRecord,
    SessionRecord,
    record_time,
)
from ordwatch.outputs.display_times import text_ns
from ordwatch.outputs.filters import Filter

MAX_FINAL_ROWS = 10_000
"""Final orders kept in memory; the oldest are removed first. Open orders are always kept."""
MAX_STATES = 50
"""States kept of one order: the first and the latest."""
MAX_GAPS = 1000
"""Closed gaps kept of one venue, the latest."""


class TableRow(msgspec.Struct, frozen=True, gc=False):
    """One order and when it last changed."""

    # Like all that is kept of each order: the garbage collector would stop all threads to walk over 100,000 of them.

    order: OrderRecord
    changed_at: str
    number: int
    """Grows from change to change of all orders."""


class OrderState(msgspec.Struct, frozen=True, gc=False):
    """One state in the history of an order: fields of its record, named as there."""

    received_at: str
    status: OrderStatus
    filled_qty: str | None
    qty: str | None
    price: str | None
    avg_price: str | None
    reason: str | None
    source: Source
    gap: str | None
    changed: Sequence[str]
    flags: Sequence[str]


class Details(NamedTuple):
    """One order whole."""

    order: OrderRecord
    states: Sequence[OrderState]
    """The first, then the latest, oldest first."""
    left_out: int
    """States between the first and the second of `states` that were not kept."""
    gaps: Sequence[GapRecord]
    """The gaps of its venue in the time in which the order is known to have existed, oldest first."""


class VenueState(NamedTuple):
    """The state of one venue at the time of a snapshot."""

    name: str
    state: LinkState
    detail: str | None
    wait_s: float | None
    """While down: seconds until the next attempt."""
    silent_s: float | None
    """Seconds since anything was received; None if nothing was."""
    known_s: float | None
    """Minimum age of the known state of open orders: since the gap began, else as silent_s."""
    open_orders: int
    gap_since: str | None
    """When the open gap began."""
    gaps: int
    """Number of closed gaps."""
    partial: int
    """Closed gaps that a query could not recover completely."""
    rejected: int


class Changes(NamedTuple):
    """The orders that changed."""

    rows: Mapping[OrderKey, TableRow | None]
    """The latest row of each; None: it left the table."""
    whole: bool
    """Whether these are all orders, so that every other one has left."""


class Overview(NamedTuple):
    """What the table shows in addition to orders."""

    venues: list[VenueState]
    simulated: bool
    """Whether the venues are simulators."""
    several_accounts: bool
    """Whether one of the venues has orders of several accounts."""
    changes: int
    """Changes of orders that nobody has taken yet."""
    note: str = ""
    """What is shown below the venues; nothing if empty."""


@dataclass(slots=True)
class _Venue:
    state: LinkState = "connecting"
    detail: str | None = None
    wait_s: float | None = None
    state_at: str = ""
    seen_at: str = ""
    gap: GapRecord | None = None
    gaps: int = 0
    partial: int = 0
    rejected: int = 0
    open_orders: set[OrderKey] = field(default_factory=set)
    closed: deque[GapRecord] = field(default_factory=lambda: deque(maxlen=MAX_GAPS))
    account: str | None = None


class _History(msgspec.Struct, gc=False):
    states: tuple[OrderState, ...]
    left_out: int = 0


class View:
    """The latest state of the orders that pass a filter, and of all venues."""

    def __init__(self, filter_: Filter, venues: Iterable[str] = ()) -> None:
        self._filter = filter_
        self._venues = {name: _Venue() for name in venues}
        self._rows: dict[OrderKey, TableRow] = {}
        self._final: dict[OrderKey, None] = {}
        self._histories: dict[OrderKey, _History] = {}
        self._changes: dict[OrderKey, TableRow | None] | None = {}
        """Not taken yet; None if there were so many that all orders are given."""
        self._untaken = 0
        self._number = 0
        self._latest_at = ""
        self._simulated = False
        self._several_accounts = False

    def apply(self, records: Iterable[AnyRecord]) -> None:
        """Apply records in the order of their stream."""
        for record in records:
            self._latest_at = max(self._latest_at, record_time(record) or "")
            match record:
                case OrderRecord():
                    self._apply_order(record)
                case GapRecord():
                    self._apply_gap(record)
                case LinkRecord():
                    self._apply_link(record)
                case AliveRecord():
                    self._apply_alive(record)
                case RejectRecord():
                    self._venue(record.venue).rejected += 1
                case SessionRecord(state="start"):
                    self._apply_start(record)
                case _:
                    pass

    def latest_ns(self) -> int:
        """The latest time in any record, ns since 1970 UTC; the clock of a recording."""
        return text_ns(self._latest_at) or 0

    def overview(self, now_ns: int, stats: Mapping[str, VenueStats] | None = None) -> Overview:
        """The venues at `now_ns`; `stats` are newer than the last records of a venue."""
        names = dict.fromkeys([*self._venues, *(stats or ())])
        venues = [_venue_state(name, self._venue(name), (stats or {}).get(name), now_ns=now_ns) for name in names]
        return Overview(venues, self._simulated, self._several_accounts, self._untaken)

    def take_changes(self) -> Changes:
        """The orders that changed since the last call."""
        rows, self._changes, self._untaken = self._changes, {}, 0
        return Changes(rows, False) if rows is not None else Changes(dict(self._rows), True)

    def details(self, key: OrderKey) -> Details | None:
        """Everything known of one order; None if it left the table."""
        row, history = self._rows.get(key), self._histories.get(key)
        if row is None or history is None:
            return None
        order, venue = row.order, self._venue(row.order.venue)
        first = min(order.created_at or order.received_at, history.states[0].received_at)
        gaps = [*venue.closed, *([venue.gap] if venue.gap is not None else [])]
        return Details(
            order,
            history.states,
            history.left_out,
            [
                gap
                for gap in gaps
                if (gap.to is None or gap.to >= first) and not (order.final and gap.from_ > order.received_at)
            ],
        )

    def _venue(self, name: str) -> _Venue:
        venue = self._venues.get(name)
        if venue is None:
            venue = self._venues[name] = _Venue()
        return venue

    def _apply_order(self, order: OrderRecord) -> None:
        venue = self._venue(order.venue)
        venue.seen_at = max(venue.seen_at, order.received_at)
        key = (order.venue, order.environment, order.account, order.order_id)
        if "late" in order.flags:
            if key in self._rows:
                self._remember(key, order)
            return
        if venue.account is None:
            venue.account = order.account
        self._several_accounts |= venue.account != order.account
        known = self._rows.pop(key, None)
        self._final.pop(key, None)
        if order.final:
            venue.open_orders.discard(key)
        else:
            venue.open_orders.add(key)
        if self._filter.shows(order):
            self._remember(key, order)
            self._put(key, order, _changed_at(order, first=known is None))
        elif known is not None:
            self._forget(key)

    def _put(self, key: OrderKey, order: OrderRecord, changed_at: str) -> None:
        self._number += 1
        self._rows[key] = row = TableRow(order, changed_at, self._number)
        self._changed(key, row)
        if order.final:
            self._final[key] = None
            if len(self._final) > MAX_FINAL_ROWS:
                oldest = next(iter(self._final))
                del self._final[oldest], self._rows[oldest]
                self._forget(oldest)

    def _forget(self, key: OrderKey) -> None:
        del self._histories[key]
        self._changed(key, None)

    def _changed(self, key: OrderKey, row: TableRow | None) -> None:
        self._untaken += row is not None
        if self._changes is None:
            return
        self._changes[key] = row
        # Nobody takes them while the table is paused, or without a terminal; orders that left must not add up.
        if len(self._changes) > len(self._rows) + MAX_FINAL_ROWS:
            self._changes = None

    def _remember(self, key: OrderKey, order: OrderRecord) -> None:
        history = self._histories.get(key)
        if history is None:
            self._histories[key] = _History((_state(order),))
            return
        first, *later = history.states
        if len(history.states) == MAX_STATES:
            del later[0]
            history.left_out += 1
        history.states = (first, *later, _state(order))

    def _apply_gap(self, gap: GapRecord) -> None:
        venue = self._venue(gap.venue)
        if gap.state == "open":
            venue.gap = gap
            return
        venue.gap = None
        venue.closed.append(gap)
        venue.gaps += 1
        venue.partial += gap.outcome == "partial"

    def _apply_link(self, link: LinkRecord) -> None:
        venue = self._venue(link.venue)
        venue.state, venue.detail, venue.wait_s, venue.state_at = link.state, link.detail, link.wait_s, link.at
        if link.state == "live":
            venue.seen_at = max(venue.seen_at, link.at)

    def _apply_start(self, session: SessionRecord) -> None:
        self._simulated = bool(session.simulated)
        for name in session.venues:
            venue = self._venue(name)
            venue.state, venue.detail = "connecting", None

    def _apply_alive(self, alive: AliveRecord) -> None:
        for name, stats in alive.venues.items():
            venue = self._venue(name)
            venue.state = stats.state
            venue.seen_at = max(venue.seen_at, stats.last_rx or "")


def _state(order: OrderRecord) -> OrderState:
    return OrderState(
        order.received_at,
        order.status,
        order.filled_qty,
        order.qty,
        order.price,
        order.avg_price,
        order.reason,
        order.source,
        order.gap,
        order.changed,
        order.flags,
    )


def _changed_at(order: OrderRecord, *, first: bool) -> str:
    # An order that a query reports for the first time may have changed hours ago, so the venue's time is shown;
    # but never a time after the receipt, because clocks differ.
    if first and order.source == "query" and order.updated_at is not None:
        return min(order.updated_at, order.received_at)
    return order.received_at


def _venue_state(name: str, venue: _Venue, stats: VenueStats | None, *, now_ns: int) -> VenueState:
    state = stats.state if stats is not None else venue.state
    seen_ns = stats.last_rx_ns if stats is not None else text_ns(venue.seen_at)
    state_ns = text_ns(venue.state_at)
    silent_s = _since(seen_ns, now_ns)
    gap_s = _since(text_ns(venue.gap.from_), now_ns) if venue.gap is not None else None
    waiting = venue.wait_s is not None and state_ns is not None and state == "down"
    return VenueState(
        name=name,
        state=state,
        detail=venue.detail if state == venue.state else None,
        wait_s=max(0.0, (venue.wait_s or 0.0) - (now_ns - (state_ns or 0)) / 1e9) if waiting else None,
        silent_s=silent_s,
        known_s=gap_s if gap_s is not None else silent_s,
        open_orders=stats.open_orders if stats is not None else len(venue.open_orders),
        gap_since=venue.gap.from_ if venue.gap is not None else None,
        gaps=venue.gaps,
        partial=venue.partial,
        rejected=stats.rejected if stats is not None else venue.rejected,
    )


def _since(then_ns: int | None, now_ns: int) -> float | None:
    return max(0.0, (now_ns - then_ns) / 1e9) if then_ns is not None else None
