"""The book: every order once, in its latest known state; and the records that say how it came there.

The only place that merges. What a venue knows of its own versions stands in its `age` and `merge`
(venues/contract.py); what follows from them is the same for all.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic_ns

import msgspec

from ordwatch.model import (
    FINAL,
    Age,
    ClockJump,
    Extra,
    FeedEvent,
    GapUpdate,
    LinkUpdate,
    OrderKey,
    OrderUpdate,
    Reject,
    Vitals,
)
from ordwatch.records import (
    AnyRecord,
    OrderRecord,
    clock_record,
    gap_record,
    link_record,
    order_record,
    reject_record,
)
from ordwatch.venues.contract import AnyVenue, fill_in

STATES_KEPT = 8
"""Last states of each order against which a repeated push is known again."""
FINAL_KEPT = 50_000
FINAL_KEPT_NS = 24 * 3600 * 1_000_000_000
REJECTS_PER_S = 20
"""Rejects of one venue written in a second; more are counted in `suppressed`."""

_KEYS = (
    "order_id_ext", "client_order_id", "symbol", "name", "side", "order_type", "time_in_force", "status",
    "venue_status", "final", "reason", "qty", "filled_qty", "remaining_qty", "price", "stop_price", "avg_price",
    "filled_value", "fee", "fee_currency", "currency", "remark", "created_at", "updated_at", "extra",
)  # fmt: skip
"""Keys of an order record whose difference is a change, in the order of `_shown`."""

_Shown = tuple[object, ...]


def _shown(order: OrderUpdate) -> _Shown:
    final = order.status in FINAL
    return (
        order.order_id_ext, order.client_order_id, order.symbol, order.name, order.side, order.order_type,
        order.time_in_force, order.status, order.venue_status, final, order.reason or None, order.qty,
        order.filled_qty, "0" if final else order.remaining_qty, order.price, order.stop_price, order.avg_price,
        order.filled_value, order.fee, order.fee_currency, order.currency, order.remark, order.created_ns,
        order.updated_ns, order.extra,
    )  # fmt: skip


class _Entry:
    """What the book holds of one order."""

    __slots__ = ("seen", "state")

    def __init__(self, state: OrderUpdate, shown: _Shown) -> None:
        self.state = state
        self.seen = [shown]


class Book:
    """Merges statements into records. `apply` is called with everything, in order, from one task."""

    def __init__(self, venues: Mapping[str, AnyVenue], vitals: Mapping[str, Vitals]) -> None:
        self._venues = venues
        self._vitals = vitals
        self._orders: dict[OrderKey, _Entry] = {}
        self._open: dict[str, dict[OrderKey, _Entry]] = {name: {} for name in venues}
        self._final: OrderedDict[OrderKey, int] = OrderedDict()
        self._gaps: dict[str, str] = {}
        self._rejects = _RejectLimit()
        self.counts: Counter[str] = Counter()
        """Since the start: updates, written, duplicates, rejected, gaps_opened, gaps_closed; and recovered by gap."""
        self._recovered: Counter[str] = Counter()

    def open_orders(self, venue: str) -> Sequence[OrderUpdate]:
        """The orders of this venue not known to be final, merged."""
        return [entry.state for entry in self._open[venue].values()]

    def apply(self, events: Iterable[FeedEvent]) -> list[AnyRecord]:
        """The records these events make, in order."""
        records: list[AnyRecord] = []
        for event in events:
            if isinstance(event, OrderUpdate):
                if (order := self._statement(event)) is not None:
                    records.append(order)
            elif (record := self._note(event)) is not None:
                records.append(record)
        return records

    def restore(self, records: Iterable[OrderRecord]) -> None:
        """Take up the states of a recording, oldest first; they count as seen and make no record."""
        from ordwatch.restore import order_update

        for record in records:
            if record.venue in self._venues and "late" not in record.flags:
                order = order_update(record, self._venues[record.venue].extra)
                entry = self._orders.get(order.key)
                if entry is None:
                    entry = self._orders[order.key] = _Entry(order, _shown(order))
                self._keep(entry, order, _shown(order))

    def _statement(self, update: OrderUpdate) -> OrderRecord | None:
        vitals = self._vitals[update.venue]
        vitals.updates += 1
        self.counts["updates"] += 1
        entry = self._orders.get(update.key)
        record = self._first(update) if entry is None else self._next(entry, update)
        if record is None:
            vitals.duplicates += 1
            self.counts["duplicates"] += 1
        else:
            self.counts["written"] += 1
        return record

    def _first(self, update: OrderUpdate) -> OrderRecord | None:
        shown = _shown(update)
        entry = self._orders[update.key] = _Entry(update, shown)
        self._keep(entry, update, shown)
        return order_record(
            update, prev_status=None, gap=self._recovering(update), changed=[], flags=list(update.flags)
        )

    def _next(self, entry: _Entry, update: OrderUpdate) -> OrderRecord | None:
        known = entry.state
        venue = self._venues[update.venue]
        age = self._age(venue, update, known)
        if age is not Age.NEWER:
            if update.source == "query" or any(_agrees(_shown(update), seen) for seen in entry.seen):
                return None
            if age is Age.OLDER:
                return self._late(entry, update)
        merged = venue.merge(update, known)
        shown = _shown(merged)
        changed = _changed(shown, entry.seen[-1])
        if not changed:
            return None
        flags = list(update.flags)
        if age is Age.EQUAL:
            flags.append("unordered")
        if known.status in FINAL and merged.status not in FINAL:
            flags.append("reopened")
        self._keep(entry, merged, shown)
        return order_record(
            merged, prev_status=known.status, gap=self._recovering(update), changed=changed, flags=flags
        )

    def _age(self, venue: AnyVenue, update: OrderUpdate, known: OrderUpdate) -> Age:
        if update.gone:
            return Age.OLDER if known.gone or known.status in FINAL else Age.NEWER
        age = venue.age(update, known)
        return Age.NEWER if known.gone and age is Age.EQUAL else age

    def _late(self, entry: _Entry, update: OrderUpdate) -> OrderRecord:
        late = msgspec.structs.replace(fill_in(update, entry.state), updated_ns=update.updated_ns)
        before = entry.seen[-1]
        entry.seen.insert(-1, _shown(late))
        del entry.seen[:-STATES_KEPT]
        return order_record(
            late,
            prev_status=entry.state.status,
            gap=None,
            changed=_changed(_shown(late), before),
            flags=[*update.flags, "late"],
        )

    def _keep(self, entry: _Entry, order: OrderUpdate, shown: _Shown) -> None:
        key = order.key
        entry.state = order
        seen = entry.seen
        if seen[-1] is not shown:
            seen.append(shown)
            if len(seen) > STATES_KEPT:
                del seen[0]
        if order.status in FINAL:
            self._open[order.venue].pop(key, None)
            self._final[key] = order.received_ns
            self._evict(order.received_ns)
        else:
            self._open[order.venue][key] = entry
            self._final.pop(key, None)
        self._vitals[order.venue].open_orders = len(self._open[order.venue])

    def _evict(self, now_ns: int) -> None:
        while self._final:
            key, since_ns = next(iter(self._final.items()))
            if len(self._final) <= FINAL_KEPT and now_ns - since_ns < FINAL_KEPT_NS:
                return
            del self._final[key], self._orders[key]

    def _recovering(self, update: OrderUpdate) -> str | None:
        if update.source != "query":
            return None
        gap = self._gaps.get(update.venue)
        if gap is not None:
            self._recovered[gap] += 1
        return gap

    def _note(self, event: Reject | LinkUpdate | GapUpdate | ClockJump) -> AnyRecord | None:
        match event:
            case Reject():
                self._vitals[event.venue].rejected += 1
                self.counts["rejected"] += 1
                return self._rejects.record(event)
            case LinkUpdate():
                return link_record(event)
            case GapUpdate(state="open"):
                self._gaps[event.venue] = event.gap
                self.counts["gaps_opened"] += 1
                return gap_record(event, recovered=None)
            case GapUpdate():
                self._gaps.pop(event.venue, None)
                self.counts["gaps_closed"] += 1
                return gap_record(event, recovered=self._recovered.pop(event.gap, 0))
            case ClockJump():
                return clock_record(event)


def _changed(shown: _Shown, before: _Shown) -> list[str]:
    return [key for key, new, old in zip(_KEYS, shown, before, strict=True) if new is not old and new != old]


def _agrees(told: _Shown, seen: _Shown) -> bool:
    """Whether everything a statement tells stands in a state that was there before."""
    return all(
        new is None or new == old or (isinstance(new, Extra) and _extra_agrees(new, old))
        for new, old in zip(told, seen, strict=True)
    )


def _extra_agrees(new: Extra, old: object) -> bool:
    return type(new) is type(old) and all(
        (value := getattr(new, name)) is None or value == getattr(old, name) for name in new.__struct_fields__
    )


class _RejectLimit:
    """At most REJECTS_PER_S records of a venue's rejects in a second; the next one says how many were not written."""

    def __init__(self) -> None:
        self._second: dict[str, tuple[int, int]] = {}
        self._suppressed: Counter[str] = Counter()

    def record(self, reject: Reject) -> AnyRecord | None:
        second = monotonic_ns() // 1_000_000_000
        last, count = self._second.get(reject.venue, (second, 0))
        count = count + 1 if last == second else 1
        self._second[reject.venue] = (second, count)
        if count > REJECTS_PER_S:
            self._suppressed[reject.venue] += 1
            return None
        return reject_record(reject, suppressed=self._suppressed.pop(reject.venue, 0))
