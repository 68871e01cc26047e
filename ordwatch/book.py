"""The book: every order once, in its latest known state; and the records that say how it came there.

The only place that merges. What a venue knows of its own versions stands in its `age` and `merge`
(venues/contract.py); what follows from them is the same for all.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from operator import is_not
from time import monotonic_ns

from msgspec.structs import astuple, replace

from ordwatch.conversion import clock_record, gap_record, link_record, order_record, order_update, reject_record
from ordwatch.model import (
    FINAL,
    Age,
    Beat,
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
from ordwatch.records import AnyRecord, OrderRecord
from ordwatch.venues.contract import AnyVenue
from ordwatch.venues.merging import fill_in

STATES_KEPT = 8
"""Last states of each order against which a repeated push is known again."""
FINAL_KEPT = 50_000
FINAL_KEPT_NS = 24 * 3600 * 1_000_000_000
REJECTS_PER_S = 20
"""Rejects of one venue written in a second; more are counted in `suppressed`."""

_KEYS = tuple(
    {"created_ns": "created_at", "updated_ns": "updated_at"}.get(name, name)
    if name not in ("received_ns", "source", "gone", "flags", "raw")
    else ""
    for name in OrderUpdate.__struct_fields__
)
"""The key of a record whose difference is a change, for each field of a statement; "" where it is none."""


_INDEXES = range(len(_KEYS))

_TERMS = ("side", "order_type", "time_in_force", "status", "qty", "price", "stop_price")
"""What somebody may change of an order without anything being executed."""


class _Entry:
    """What the book holds of one order."""

    __slots__ = ("seen", "state")

    def __init__(self, state: OrderUpdate) -> None:
        self.state = state
        self.seen = [state]
        """The last states, this one among them."""


class Book:
    """Merges statements into records. `apply` is called with everything, in order, from one task."""

    def __init__(
        self,
        venues: Mapping[str, AnyVenue],
        vitals: Mapping[str, Vitals],
        redact: Callable[[str], str] = str,
        alive: Callable[[Beat], AnyRecord | None] = lambda _: None,
    ) -> None:
        """`redact` takes secrets out of a venue's words; `alive` makes the record of a sign of life."""
        self._redact = redact
        self._alive = alive
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

    def restore(self, records: Iterable[OrderRecord], gaps: Mapping[str, str] | None = None) -> None:
        """Take up the states of a recording, oldest first, and the gaps still open; they make no record."""
        self._gaps |= gaps or {}
        for record in records:
            if record.venue in self._venues and "late" not in record.flags:
                order = order_update(record, self._venues[record.venue].extra)
                entry = self._orders.get(order.key)
                if entry is None:
                    self._enter(order)
                else:
                    self._keep(entry, order, order.updated_ns)

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

    def _first(self, update: OrderUpdate) -> OrderRecord:
        order = _settled(update)
        self._enter(order)
        return order_record(
            order, prev_status=None, gap=self._recovering(update), changed=[], flags=list(update.flags), raw=update.raw
        )

    def _next(self, entry: _Entry, update: OrderUpdate) -> OrderRecord | None:
        known = entry.state
        venue = self._venues[update.venue]
        age = self._age(venue, update, known)
        merged = _settled(venue.merge(update, known))
        if age is not Age.NEWER:
            if any(_agrees(update, seen) for seen in entry.seen):
                return None
            if update.source == "query" and not (age is Age.EQUAL and self._missed(merged, known)):
                return None
            if age is Age.OLDER:
                return self._late(entry, update)
        changed = _changed(merged, known)
        if not changed:
            return None
        flags = list(update.flags)
        if age is Age.EQUAL:
            flags.append("unordered")
        if known.status in FINAL and merged.status not in FINAL:
            flags.append("reopened")
        self._keep(entry, merged, update.updated_ns)
        return order_record(
            merged,
            prev_status=known.status,
            gap=self._recovering(update),
            changed=changed,
            flags=flags,
            raw=update.raw,
        )

    def _missed(self, merged: OrderUpdate, known: OrderUpdate) -> bool:
        """Whether a row of no newer version tells of a change inside a gap: some venues tell whole seconds only."""
        return known.venue in self._gaps and any(
            (before := getattr(known, name)) is not None and getattr(merged, name) != before for name in _TERMS
        )

    def _age(self, venue: AnyVenue, update: OrderUpdate, known: OrderUpdate) -> Age:
        if update.gone:
            return Age.OLDER if known.gone or known.status in FINAL else Age.NEWER
        age = venue.age(update, known)
        return Age.NEWER if known.gone and age is Age.EQUAL else age

    def _late(self, entry: _Entry, update: OrderUpdate) -> OrderRecord:
        known = entry.state
        late = _settled(replace(fill_in(update, known), updated_ns=update.updated_ns))
        entry.seen.insert(-1, late)
        del entry.seen[:-STATES_KEPT]
        return order_record(
            late,
            prev_status=known.status,
            gap=None,
            changed=_changed(late, known),
            flags=[*update.flags, "late"],
            raw=update.raw,
        )

    def _enter(self, order: OrderUpdate) -> None:
        entry = self._orders[order.key] = _Entry(order)
        self._place(entry)

    def _keep(self, entry: _Entry, order: OrderUpdate, told_ns: int | None) -> None:
        was_final = entry.state.status in FINAL
        entry.state = order
        # By the time it was told with, a repetition is known again; the state's own may be another's.
        entry.seen.append(order if told_ns in (None, order.updated_ns) else replace(order, updated_ns=told_ns))
        if len(entry.seen) > STATES_KEPT:
            del entry.seen[0]
        if (order.status in FINAL) is not was_final:
            self._place(entry)

    def _place(self, entry: _Entry) -> None:
        order = entry.state
        of_venue = self._open[order.venue]
        if order.status in FINAL:
            of_venue.pop(order.key, None)
            self._final[order.key] = order.received_ns
            self._evict(order.received_ns)
        else:
            of_venue[order.key] = entry
            self._final.pop(order.key, None)
        self._vitals[order.venue].open_orders = len(of_venue)

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

    def _note(self, event: Reject | LinkUpdate | GapUpdate | ClockJump | Beat) -> AnyRecord | None:
        match event:
            case Reject():
                self._vitals[event.venue].rejected += 1
                self.counts["rejected"] += 1
                return self._rejects.record(replace(event, reason=self._redact(event.reason)))
            case LinkUpdate():
                return link_record(replace(event, detail=self._redact(event.detail)) if event.detail else event)
            case GapUpdate(state="open"):
                self._gaps[event.venue] = event.gap
                self.counts["gaps_opened"] += 1
                return gap_record(event, recovered=None)
            case GapUpdate():
                self._gaps.pop(event.venue, None)
                self.counts["gaps_closed"] += 1
                closed = replace(event, limits=self._redact(event.limits)) if event.limits else event
                return gap_record(closed, recovered=self._recovered.pop(event.gap, 0))
            case ClockJump():
                return clock_record(event)
            case Beat():
                return self._alive(event)


def _settled(order: OrderUpdate) -> OrderUpdate:
    """The state as it is kept: nothing remains of a final order, and the payload is not held."""
    if order.raw is not None:
        order = replace(order, raw=None)
    if order.remaining_qty != "0" and order.status in FINAL:
        order = replace(order, remaining_qty="0")
    return order


def _changed(state: OrderUpdate, before: OrderUpdate) -> list[str]:
    new, old = astuple(state), astuple(before)
    differ = compress(_INDEXES, map(is_not, new, old))
    changed = [_KEYS[index] for index in differ if new[index] != old[index] and _KEYS[index]]
    if (state.status in FINAL) is not (before.status in FINAL):
        changed.insert(changed.index("status") + 1 + ("venue_status" in changed), "final")
    if "reason" in changed and not state.reason and not before.reason:
        changed.remove("reason")
    return changed


_TOLD = tuple(name for name, key in zip(OrderUpdate.__struct_fields__, _KEYS, strict=True) if key)


def _agrees(update: OrderUpdate, seen: OrderUpdate) -> bool:
    """Whether everything a statement tells stands in a state that was there before."""
    for name in _TOLD:
        told, before = getattr(update, name), getattr(seen, name)
        if told is None or told == before or (name == "reason" and not told and not before):
            continue
        if name == "remaining_qty" and seen.status in FINAL:
            continue
        if not (isinstance(told, Extra) and _extra_agrees(told, before)):
            return False
    return True


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
