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

from ordwatch.core.conversion import clock_record, gap_record, link_record, order_record, order_update, reject_record
from ordwatch.core.events import (
    FINAL,
    Arrival,
    ClockJump,
    Extra,
    FeedEvent,
    GapUpdate,
    HeartbeatTick,
    LinkUpdate,
    OrderKey,
    OrderUpdate,
    QueryStamp,
    Recency,
    Reject,
    VenueStats,
)
from ordwatch.core.merging import Correction, MergeRules, merge_missing
from ordwatch.core.records import AnyRecord, OrderRecord

STATES_KEPT = 8
"""Last states of each order against which a repeated push is known again."""
FINAL_KEPT = 50_000
FINAL_KEPT_NS = 24 * 3600 * 1_000_000_000
REJECTS_PER_S = 20
"""Rejects of one venue written in a second; more are counted in `suppressed`."""

CONFIRM_NS = 10 * 1_000_000_000
"""How long after a query that calls a final order open another must say it again."""
_WAYS_KEPT = 8
_DAY_NS = 24 * 3600 * 1_000_000_000

_KEYS = tuple(
    {"created_ns": "created_at", "updated_ns": "updated_at"}.get(name, name)
    if name not in ("received_ns", "source", "gone", "flags", "raw")
    else ""
    for name in OrderUpdate.__struct_fields__
)
"""The key of a record whose difference is a change, for each field of a statement; "" where it is none."""


_INDEXES = range(len(_KEYS))

_INCIDENTAL = frozenset({"updated_at", "name"})
"""Keys that make no difference when only a query row has another value."""


class _Entry:
    """What is held of one order."""

    __slots__ = ("arrived_ns", "decided_by", "doubted", "places", "state", "states", "way")

    def __init__(self, state: OrderUpdate, way: str, arrived_ns: int) -> None:
        self.state = state
        """What is known."""
        self.states = [state]
        """The last STATES_KEPT states, oldest first, the known one last; with the times that the statements said."""
        self.way = way
        """How the last state came."""
        self.places = {way: 0}
        """For each way the index of the state that its last statement said."""
        self.arrived_ns = arrived_ns
        """When the last push, or the last row that was believed, arrived; monotonic, 0: in an earlier session."""
        self.decided_by = 0
        """Number of the last query whose first row on this order was judged."""
        self.doubted: tuple[OrderUpdate, int] | None = None
        """A row that waits to be confirmed by another query, and when it was asked for."""

    def add(self, state: OrderUpdate, said_ns: int | None, arrival: Arrival) -> None:
        """Make this the known state; `said_ns` is the time that the statement said."""
        self.state = state
        # By the time it was stated with, a repetition is known again; the state's own may be another's.
        self.states.append(state if said_ns in (None, state.updated_ns) else replace(state, updated_ns=said_ns))
        self.way, self.doubted = arrival.way, None
        if not _is_cached(arrival):
            self.arrived_ns = arrival.at_ns
        if len(self.states) > STATES_KEPT:
            self._forget_oldest()
        self.places[arrival.way] = len(self.states) - 1
        if len(self.places) > _WAYS_KEPT:
            del self.places[next(iter(self.places))]

    def insert(self, index: int, state: OrderUpdate) -> None:
        """Put in a state that was older than what is known."""
        self.states.insert(index, state)
        self.places = {way: place + (place >= index) for way, place in self.places.items()}
        if len(self.states) > STATES_KEPT:
            self._forget_oldest()

    def move(self, way: str, place: int) -> None:
        """The last statement of this way said the state at `place`."""
        places = self.places
        places[way] = place
        if len(places) > _WAYS_KEPT:
            del places[next(iter(places))]

    def is_last_of(self, way: str) -> bool:
        """Whether what is known came by this way, or was repeated by it last."""
        return way == self.way or self.places.get(way) == len(self.states) - 1

    def _forget_oldest(self) -> None:
        del self.states[0]
        self.places = {way: max(0, place - 1) for way, place in self.places.items()}


_RESTORED = Arrival(venue="", way="", at_ns=0)
"""How the states of an earlier session came: before everything else."""
_NO_QUERY = QueryStamp(number=0, asked_ns=0)


class OrderStore:
    """Merges statements into records. `apply` is called with everything, in order, from one task."""

    def __init__(
        self,
        venues: Mapping[str, MergeRules],
        stats: Mapping[str, VenueStats],
        redact: Callable[[str], str] = str,
        alive: Callable[[HeartbeatTick], AnyRecord | None] = lambda _: None,
        doubt: Callable[[str], None] = lambda _: None,
        mono_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        """`redact` takes secrets out of a venue's words; `alive` makes the record of a sign of life.

        `doubt` is called with a venue's name when a state rests on arrival alone, so that the venue is asked soon.
        `mono_ns` is the clock by which rejects are counted in a second.
        """
        self._doubt = doubt
        self._arrivals = {name: Arrival(venue=name, way="", at_ns=0) for name in venues}
        self._latest_ns: dict[str, int] = dict.fromkeys(venues, 0)
        self._redact = redact
        self._alive = alive
        self._venues = venues
        self._stats = stats
        self._orders: dict[OrderKey, _Entry] = {}
        self._open: dict[str, dict[OrderKey, _Entry]] = {name: {} for name in venues}
        self._final: OrderedDict[OrderKey, int] = OrderedDict()
        self._gaps: dict[str, str] = {}
        self._rejects = _RejectLimit(mono_ns)
        self.counts: Counter[str] = Counter()
        """Since the start: updates, written, duplicates, rejected, gaps_opened, gaps_closed; and recovered by gap."""
        self._recovered: Counter[str] = Counter()

    def open_orders(self, venue: str) -> Sequence[OrderUpdate]:
        """The orders of this venue not known to be final, merged."""
        return [entry.state for entry in self._open[venue].values()]

    def orders(self, venue: str) -> Sequence[OrderUpdate]:
        """All orders held of this venue, merged."""
        return [entry.state for key, entry in self._orders.items() if key[0] == venue]

    def latest_ns(self, venue: str) -> int | None:
        """The latest time of the venue's own clock in any of its statements, ns since 1970; None: it sent none."""
        return self._latest_ns[venue] or None

    def apply(self, events: Iterable[FeedEvent]) -> list[AnyRecord]:
        """The records these events make, in order."""
        records: list[AnyRecord] = []
        for event in events:
            if isinstance(event, OrderUpdate):
                if (order := self._statement(event)) is not None:
                    records.append(order)
            elif isinstance(event, Arrival):
                self._arrivals[event.venue] = event
            elif (record := self._note(event)) is not None:
                records.append(record)
        return records

    def restore(self, records: Iterable[OrderRecord], gaps: Mapping[str, str] | None = None) -> None:
        """Take up the states of a recording, oldest first, and the gaps still open; they make no record."""
        self._gaps |= gaps or {}
        for record in records:
            if record.venue in self._venues and "late" not in record.flags:
                order = order_update(record, self._venues[record.venue].extra)
                self._note_time(order)
                entry = self._orders.get(order.key)
                if entry is None:
                    self._enter(order, _RESTORED)
                else:
                    self._keep(entry, order, order.updated_ns, _RESTORED)

    def _statement(self, update: OrderUpdate) -> OrderRecord | None:
        stats = self._stats[update.venue]
        stats.updates += 1
        self.counts["updates"] += 1
        self._note_time(update)
        arrival = self._arrivals[update.venue]
        entry = self._orders.get(update.key)
        if entry is None:
            record: OrderRecord | None = self._first(update, arrival)
        elif update.source == "push":
            record = self._push(entry, update, arrival)
        else:
            record = self._row(entry, update, arrival, arrival.query or _NO_QUERY)
        if record is None:
            stats.duplicates += 1
            self.counts["duplicates"] += 1
        else:
            self.counts["written"] += 1
        return record

    def _note_time(self, update: OrderUpdate) -> None:
        """Remember how late it is at the venue; a time far in the future is no time of a statement."""
        said_ns = max(update.updated_ns or 0, update.created_ns or 0)
        if self._latest_ns[update.venue] < said_ns < update.received_ns + _DAY_NS:
            self._latest_ns[update.venue] = said_ns

    def _first(self, update: OrderUpdate, arrival: Arrival) -> OrderRecord:
        order = _normalized(update)
        entry = self._enter(order, arrival)
        if arrival.query is not None and not arrival.query.cached:
            entry.decided_by = arrival.query.number
        return order_record(
            order, prev_status=None, gap=self._recovering(update), changed=[], flags=list(update.flags), raw=update.raw
        )

    def _push(self, entry: _Entry, update: OrderUpdate, arrival: Arrival) -> OrderRecord | None:
        known, venue, way = entry.state, self._venues[update.venue], arrival.way
        recency = venue.compare_versions(update, known, entry.is_last_of(way))
        if recency is Recency.EQUAL and known.not_found:
            recency = Recency.NEWER
        if recency is not Recency.NEWER:
            # What is newer by its version repeats nothing; so most updates skip the search.
            place = entry.places.get(way, 0)
            found = _find(entry, update, place if recency is Recency.EQUAL else 0)
            if found is not None or recency is Recency.OLDER:
                entry.arrived_ns = arrival.at_ns
                if found is None:
                    return self._late(entry, update, venue)
                entry.move(way, max(found, place))
                return None
        merged = _normalized(venue.merge(update, known))
        changed = _changed(merged, known)
        if not changed:
            entry.move(way, len(entry.states) - 1)
            entry.arrived_ns = arrival.at_ns
            return None
        if recency is Recency.EQUAL:
            self._doubt(update.venue)
        return self._write(entry, update, merged, changed, arrival, recency)

    def _row(self, entry: _Entry, row: OrderUpdate, arrival: Arrival, query: QueryStamp) -> OrderRecord | None:
        known, venue = entry.state, self._venues[row.venue]
        if query.number == entry.decided_by and query is not _NO_QUERY:
            return self._fill_nulls(entry, row, arrival)
        recency = self._compare(venue, row, known, arrival.way == entry.way)
        merged = _normalized(venue.merge(row, known))
        changed = _changed(merged, known)
        if not query.cached:
            entry.decided_by = query.number
        if not _differs(merged, known, changed):
            return None
        if recency is not Recency.NEWER and not self._believes(entry, row, merged, query, venue):
            return None
        return self._write(entry, row, merged, changed, arrival, recency)

    def _believes(
        self, entry: _Entry, row: OrderUpdate, merged: OrderUpdate, query: QueryStamp, venue: MergeRules
    ) -> bool:
        """Whether a row that differs, and is not newer by its version, is the venue's word of now."""
        known = entry.state
        if query.cached or (row.not_found and (known.not_found or known.status in FINAL)):
            return False
        asked_ns, arrived_ns = query.asked_ns, entry.arrived_ns
        if asked_ns < arrived_ns:
            return False
        if arrived_ns > query.old_before_ns and asked_ns - arrived_ns < venue.settle_s * 1e9:
            self._doubt(row.venue)
            return False
        verdict = Correction.YES if row.not_found else venue.correct(merged, known)
        if verdict is Correction.CONFIRM:
            return self._is_confirmed(entry, row, query)
        return verdict is Correction.YES

    def _is_confirmed(self, entry: _Entry, row: OrderUpdate, query: QueryStamp) -> bool:
        if entry.doubted is None or not _is_repeated(row, entry.doubted[0]):
            entry.doubted = (row, query.asked_ns)
        if query.asked_ns - entry.doubted[1] >= CONFIRM_NS:
            return True
        self._doubt(row.venue)
        return False

    def _fill_nulls(self, entry: _Entry, row: OrderUpdate, arrival: Arrival) -> OrderRecord | None:
        """A later row of the same query tells only what the first left out."""
        known = entry.state
        merged = replace(merge_missing(known, row), received_ns=row.received_ns, source=row.source)
        changed = _changed(merged, known)
        if not _differs(merged, known, changed):
            return None
        return self._write(entry, row, merged, changed, arrival, Recency.NEWER)

    def _write(
        self,
        entry: _Entry,
        update: OrderUpdate,
        merged: OrderUpdate,
        changed: list[str],
        arrival: Arrival,
        recency: Recency,
    ) -> OrderRecord:
        known = entry.state
        flags = list(merged.flags)
        if recency is not Recency.NEWER and not update.not_found:
            flags.append("unordered")
        if known.status in FINAL and merged.status not in FINAL:
            flags.append("reopened")
        self._keep(entry, merged, update.updated_ns, arrival)
        return order_record(
            merged,
            prev_status=known.status,
            gap=self._recovering(update),
            changed=changed,
            flags=flags,
            raw=update.raw,
        )

    def _compare(self, venue: MergeRules, update: OrderUpdate, known: OrderUpdate, same_way: bool) -> Recency:
        if update.not_found:
            return Recency.OLDER if known.not_found or known.status in FINAL else Recency.EQUAL
        recency = venue.compare_versions(update, known, same_way)
        return Recency.NEWER if known.not_found and recency is Recency.EQUAL else recency

    def _late(self, entry: _Entry, update: OrderUpdate, venue: MergeRules) -> OrderRecord:
        """A statement older than what is known: it says what it says, and what was known before it."""
        known = entry.state
        index = len(entry.states) - 1
        while index > 0 and venue.compare_versions(update, entry.states[index - 1], False) is Recency.OLDER:
            index -= 1
        before = venue.merge(update, entry.states[index - 1]) if index > 0 else update
        late = _normalized(replace(before, updated_ns=update.updated_ns))
        entry.insert(index, late)
        return order_record(
            late,
            prev_status=known.status,
            gap=None,
            changed=_changed(late, known),
            flags=[*late.flags, "late"],
            raw=update.raw,
        )

    def _enter(self, order: OrderUpdate, arrival: Arrival) -> _Entry:
        entry = self._orders[order.key] = _Entry(order, arrival.way, 0 if _is_cached(arrival) else arrival.at_ns)
        self._place(entry)
        return entry

    def _keep(self, entry: _Entry, order: OrderUpdate, said_ns: int | None, arrival: Arrival) -> None:
        was_final = entry.state.status in FINAL
        entry.add(order, said_ns, arrival)
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
        self._stats[order.venue].open_orders = len(of_venue)

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

    def _note(self, event: Reject | LinkUpdate | GapUpdate | ClockJump | HeartbeatTick) -> AnyRecord | None:
        match event:
            case Reject():
                self._stats[event.venue].rejected += 1
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
            case HeartbeatTick():
                return self._alive(event)


def _is_cached(arrival: Arrival) -> bool:
    """Whether what arrives may be older than what was pushed: then the venue's next word needs no settling time."""
    return arrival.query is not None and arrival.query.cached


def _normalized(order: OrderUpdate) -> OrderUpdate:
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


def _differs(merged: OrderUpdate, known: OrderUpdate, changed: list[str]) -> bool:
    """Whether a row says anything that counts: the time of a state alone, or another spelling of it, does not."""
    for key in changed:
        if key == "extra":
            if _extra_differs(merged.extra, known.extra):
                return True
        elif key not in _INCIDENTAL:
            return True
    return False


def _extra_differs(new: Extra, old: Extra) -> bool:
    return any(getattr(new, name) != getattr(old, name) for name in new.__struct_fields__ if name not in new.TIME_TEXTS)


_STATED = tuple(name for name, key in zip(OrderUpdate.__struct_fields__, _KEYS, strict=True) if key)


def _find(entry: _Entry, update: OrderUpdate, start: int) -> int | None:
    """The first state from `start` on in which everything stands that the statement says."""
    states = entry.states
    for index in range(start, len(states)):
        if _is_repeated(update, states[index]):
            return index
    return None


def _is_repeated(update: OrderUpdate, state: OrderUpdate) -> bool:
    """Whether everything a statement says stands in a state."""
    for name in _STATED:
        said, held = getattr(update, name), getattr(state, name)
        if said is None or said == held or (name == "reason" and not said and not held):
            continue
        if name == "remaining_qty" and state.status in FINAL:
            continue
        if not (isinstance(said, Extra) and _is_extra_repeated(said, held)):
            return False
    return True


def _is_extra_repeated(new: Extra, old: object) -> bool:
    return type(new) is type(old) and all(
        (value := getattr(new, name)) is None or value == getattr(old, name) for name in new.__struct_fields__
    )


class _RejectLimit:
    """At most REJECTS_PER_S records of a venue's rejects in a second; the next one says how many were not written."""

    def __init__(self, mono_ns: Callable[[], int]) -> None:
        self._mono_ns = mono_ns
        self._second: dict[str, tuple[int, int]] = {}
        self._suppressed: Counter[str] = Counter()

    def record(self, reject: Reject) -> AnyRecord | None:
        second = self._mono_ns() // 1_000_000_000
        last, count = self._second.get(reject.venue, (second, 0))
        count = count + 1 if last == second else 1
        self._second[reject.venue] = (second, count)
        if count > REJECTS_PER_S:
            self._suppressed[reject.venue] += 1
            return None
        return reject_record(reject, suppressed=self._suppressed.pop(reject.venue, 0))
