"""The data of the table: the latest state of every order and of each venue, collected from records.

No clock, no terminal: the time is an argument.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from ordwatch.core.events import LinkState, OrderKey, VenueStats
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

MAX_FINAL_ROWS = 1000
"""Final orders kept in memory; the oldest are removed first. Open orders are always kept."""


class TableRow(NamedTuple):
    """One order and when it last changed."""

    order: OrderRecord
    changed_at: str


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


class Picture(NamedTuple):
    """What the table shows at one moment."""

    now_ns: int
    venues: list[VenueState]
    rows: list[TableRow]
    """The latest change first, at most as many as requested."""
    orders: int
    open_orders: int


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


class View:
    """The latest state of the orders that pass a filter, and of all venues."""

    def __init__(self, filter_: Filter, venues: Iterable[str] = ()) -> None:
        self._filter = filter_
        self._venues = {name: _Venue() for name in venues}
        self._rows: dict[OrderKey, TableRow] = {}
        self._final: dict[OrderKey, None] = {}
        self._newest_at = ""
        self._in_order = True
        self._latest_at = ""

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

    def picture(self, now_ns: int, limit: int, stats: Mapping[str, VenueStats] | None = None) -> Picture:
        """What to show at `now_ns`, at most `limit` orders; `stats` are newer than the last records of a venue."""
        names = dict.fromkeys([*self._venues, *(stats or ())])
        return Picture(
            now_ns,
            [_venue_state(name, self._venue(name), (stats or {}).get(name), now_ns=now_ns) for name in names],
            self._latest(limit),
            len(self._rows),
            len(self._rows) - len(self._final),
        )

    def _venue(self, name: str) -> _Venue:
        venue = self._venues.get(name)
        if venue is None:
            venue = self._venues[name] = _Venue()
        return venue

    def _apply_order(self, order: OrderRecord) -> None:
        venue = self._venue(order.venue)
        venue.seen_at = max(venue.seen_at, order.received_at)
        if "late" in order.flags:
            return
        key = (order.venue, order.environment, order.account, order.order_id)
        known = self._rows.pop(key, None)
        self._final.pop(key, None)
        if order.final:
            venue.open_orders.discard(key)
        else:
            venue.open_orders.add(key)
        if self._filter.shows(order):
            self._put(key, TableRow(order, _changed_at(order, first=known is None)))

    def _put(self, key: OrderKey, row: TableRow) -> None:
        self._rows[key] = row
        self._in_order &= row.changed_at >= self._newest_at
        self._newest_at = max(self._newest_at, row.changed_at)
        if row.order.final:
            self._final[key] = None
            if len(self._final) > MAX_FINAL_ROWS:
                oldest = next(iter(self._final))
                del self._final[oldest], self._rows[oldest]

    def _apply_gap(self, gap: GapRecord) -> None:
        venue = self._venue(gap.venue)
        if gap.state == "open":
            venue.gap = gap
            return
        venue.gap = None
        venue.gaps += 1
        venue.partial += gap.outcome == "partial"

    def _apply_link(self, link: LinkRecord) -> None:
        venue = self._venue(link.venue)
        venue.state, venue.detail, venue.wait_s, venue.state_at = link.state, link.detail, link.wait_s, link.at
        if link.state == "live":
            venue.seen_at = max(venue.seen_at, link.at)

    def _apply_start(self, session: SessionRecord) -> None:
        for name in session.venues:
            venue = self._venue(name)
            venue.state, venue.detail = "connecting", None

    def _apply_alive(self, alive: AliveRecord) -> None:
        for name, stats in alive.venues.items():
            venue = self._venue(name)
            venue.state = stats.state
            venue.seen_at = max(venue.seen_at, stats.last_rx or "")

    def _latest(self, limit: int) -> list[TableRow]:
        # Only a first query reports changes of the past; all later changes arrive in order.
        if not self._in_order:
            self._rows = dict(sorted(self._rows.items(), key=lambda item: item[1].changed_at))
            self._in_order = True
        return list(islice(reversed(self._rows.values()), max(0, limit)))


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
