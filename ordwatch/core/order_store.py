"""The order store: every order once, in its latest known state; and the records of how it changed.

The only place that merges. Which of two updates is newer is decided by the venue's `compare_versions` and `merge`
(venues/contract.py); everything else is the same for all venues.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic_ns

from msgspec.structs import replace

from ordwatch.core.conversion import clock_record, gap_record, link_record, order_record, order_update, reject_record
from ordwatch.core.differences import changed_keys, differs, is_duplicate, normalized
from ordwatch.core.events import (
    FINAL,
    Arrival,
    ClockJump,
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
from ordwatch.core.merge_walk import merge_update
from ordwatch.core.merging import Correction, MergeRules, merge_missing
from ordwatch.core.order_entry import STATES_KEPT, OrderEntry, is_cached
from ordwatch.core.records import AnyRecord, OrderRecord

FINAL_KEPT = 50_000
FINAL_KEPT_NS = 24 * 3600 * 1_000_000_000
REJECTS_PER_S = 20
"""Rejects of one venue written in a second; more are counted in `suppressed`."""

CONFIRM_NS = 10 * 1_000_000_000
"""If a query reports a final order as open, another query must repeat that at least so long afterwards."""
_DAY_NS = 24 * 3600 * 1_000_000_000

_EARLIER_SESSION = Arrival(venue="", channel="", at_ns=0)
"""The arrival of states from an earlier session: before all others."""
_NO_QUERY = QueryStamp(number=0, sent_ns=0)


class OrderStore:
    """Merges order updates into records. `apply` gets all events, in order, from one task."""

    def __init__(
        self,
        venues: Mapping[str, MergeRules],
        stats: Mapping[str, VenueStats],
        redact: Callable[[str], str] = str,
        alive: Callable[[HeartbeatTick], AnyRecord | None] = lambda _: None,
        recheck: Callable[[str], None] = lambda _: None,
        on_bug: Callable[[OrderUpdate, Exception], None] | None = None,
        mono_ns: Callable[[], int] = monotonic_ns,
        states_kept: int = STATES_KEPT,
    ) -> None:
        """`redact` removes secrets from a venue's messages; `alive` makes the alive record of a heartbeat tick.

        `recheck` is called with a venue's name when only the order of arrival decided a state: the venue should be
        queried soon. `on_bug` gets an update that the venue's rules failed on, which is then left out; without it, the
        exception is raised. `mono_ns` is the clock that limits rejects per second and says how long an order has been
        final here. `states_kept`: of each order, to find duplicates.
        """
        self._states_kept = states_kept
        self._recheck = recheck
        self._on_bug = on_bug or _raise
        self._arrivals: dict[str, Arrival] = {}
        self._latest_ns: dict[str, int] = {}
        self._redact = redact
        self._mono_ns = mono_ns
        self._alive = alive
        self._venues = dict(venues)
        self._stats = dict(stats)
        self._orders: dict[OrderKey, OrderEntry] = {}
        self._open: dict[str, dict[OrderKey, OrderEntry]] = {}
        self._final: OrderedDict[OrderKey, int] = OrderedDict()
        self._gaps: dict[str, str] = {}
        self._rejects = _RejectLimit(mono_ns)
        self.counts: Counter[str] = Counter()
        """Since the start: updates, written, duplicates, rejected, gaps_opened, gaps_closed."""
        self._recovered: Counter[str] = Counter()
        for name in venues:
            self.add_venue(name, venues[name], stats[name])

    def add_venue(self, name: str, rules: MergeRules, stats: VenueStats) -> None:
        """From now on there may be events of this venue."""
        self._venues[name] = rules
        self._stats[name] = stats
        self._arrivals[name] = Arrival(venue=name, channel="", at_ns=0)
        self._latest_ns[name] = 0
        self._open[name] = {}

    def open_orders(self, venue: str) -> Sequence[OrderUpdate]:
        """The merged states of this venue's orders that are not final."""
        return [entry.state for entry in self._open[venue].values()]

    def orders(self, venue: str) -> Sequence[OrderUpdate]:
        """The merged states of all stored orders of this venue."""
        return [entry.state for key, entry in self._orders.items() if key[0] == venue]

    def latest_ns(self, venue: str) -> int | None:
        """The latest time of the venue's own clock in any of its updates, ns since 1970; None if it sent none."""
        return self._latest_ns[venue] or None

    def apply(self, events: Iterable[FeedEvent]) -> list[AnyRecord]:
        """The records of these events, in order."""
        records: list[AnyRecord] = []
        for event in events:
            if isinstance(event, OrderUpdate):
                try:
                    order = self._update(event)
                except Exception as bug:  # noqa: BLE001 - of one venue's rules: the others' updates go on
                    self._on_bug(event, bug)
                else:
                    if order is not None:
                        records.append(order)
            elif isinstance(event, Arrival):
                self._arrivals[event.venue] = event
            elif (record := self._other_record(event)) is not None:
                records.append(record)
        return records

    def load(self, records: Iterable[OrderRecord], gaps: Mapping[str, str] | None = None) -> None:
        """Load the states of a recording, oldest first, and its open gaps; this makes no records."""
        self._gaps |= gaps or {}
        for record in records:
            if record.venue in self._venues and "late" not in record.flags:
                order = order_update(record, self._venues[record.venue].extra)
                self._update_latest_time(order)
                entry = self._orders.get(order.key)
                if entry is None:
                    self._enter(order, _EARLIER_SESSION)
                else:
                    self._set_state(entry, order, order.updated_ns, _EARLIER_SESSION)

    def _update(self, update: OrderUpdate) -> OrderRecord | None:
        self._update_latest_time(update)
        arrival = self._arrivals[update.venue]
        entry = self._orders.get(update.key)
        if entry is None:
            record: OrderRecord | None = self._first(update, arrival)
        elif arrival.collector is not None:
            record = self._collected(entry, update, arrival)
        elif update.source == "push":
            record = self._push(entry, update, arrival)
        else:
            record = self._row(entry, update, arrival, arrival.query or _NO_QUERY)
        stats = self._stats[update.venue]
        stats.updates += 1
        self.counts["updates"] += 1
        if record is None:
            stats.duplicates += 1
            self.counts["duplicates"] += 1
        else:
            self.counts["written"] += 1
            if arrival.collector is not None:
                record = replace(record, collector=arrival.collector, stream_seq=arrival.stream_seq)
        return record

    def _update_latest_time(self, update: OrderUpdate) -> None:
        """Remember the latest time of the venue's clock; a time far in the future is ignored as an error."""
        venue_ns = max(update.updated_ns or 0, update.created_ns or 0)
        if self._latest_ns[update.venue] < venue_ns < update.received_ns + _DAY_NS:
            self._latest_ns[update.venue] = venue_ns

    def _first(self, update: OrderUpdate, arrival: Arrival) -> OrderRecord:
        order = normalized(update)
        if "late" in update.flags:
            # It is not the state, which the collector reported before.
            return order_record(order, prev_status=None, gap=None, changed=(), flags=order.flags, raw=update.raw)
        entry = self._enter(order, arrival)
        if arrival.query is not None and not arrival.query.cached:
            entry.last_query = arrival.query.number
        return order_record(
            order, prev_status=None, gap=self._recovering(update), changed=(), flags=update.flags, raw=update.raw
        )

    def _push(self, entry: OrderEntry, update: OrderUpdate, arrival: Arrival) -> OrderRecord | None:
        known, venue, channel = entry.state, self._venues[update.venue], arrival.channel
        recency = venue.compare_versions(update, known, entry.is_last_of(channel))
        if recency is Recency.EQUAL and known.not_found:
            recency = Recency.NEWER
        if recency is not Recency.NEWER:
            # An update with a newer version is no duplicate, so most updates skip the search.
            place = entry.place(channel)
            found = entry.find(update, place if recency is Recency.EQUAL else 0)
            if found is not None or recency is Recency.OLDER:
                entry.arrived_ns = arrival.at_ns
                if found is None:
                    return self._late(entry, update, venue)
                entry.move(channel, max(found, place))
                return None
        merged, changed, before = merge_update(update, known, venue.merge)
        if not changed:
            entry.move(channel, entry.latest)
            entry.arrived_ns = arrival.at_ns
            return None
        if recency is Recency.EQUAL:
            self._recheck(update.venue)
        return self._write(entry, update, merged, changed, arrival, recency, before)

    def _row(self, entry: OrderEntry, row: OrderUpdate, arrival: Arrival, query: QueryStamp) -> OrderRecord | None:
        known, venue = entry.state, self._venues[row.venue]
        if query.number == entry.last_query and query is not _NO_QUERY:
            return self._fill_nulls(entry, row, arrival, venue)
        recency = self._compare(venue, row, known, arrival.channel == entry.channel)
        merged = normalized(venue.merge(row, known))
        changed = changed_keys(merged, known)
        if not query.cached:
            entry.last_query = query.number
        if not differs(merged, known, changed):
            return None
        if recency is not Recency.NEWER and not self._accepts(entry, row, merged, query, venue):
            return None
        return self._write(entry, row, merged, changed, arrival, recency)

    def _accepts(
        self, entry: OrderEntry, row: OrderUpdate, merged: OrderUpdate, query: QueryStamp, venue: MergeRules
    ) -> bool:
        """Whether a row that differs and has no newer version replaces the state: is it the venue's present state?"""
        known = entry.state
        if query.cached or (row.not_found and (known.not_found or known.status in FINAL)):
            return False
        sent_ns, arrived_ns = query.sent_ns, entry.arrived_ns
        if sent_ns < arrived_ns:
            return False
        if arrived_ns > query.old_before_ns and sent_ns - arrived_ns < venue.settle_s * 1e9:
            self._recheck(row.venue)
            return False
        correction = Correction.YES if row.not_found else venue.correct(row, known)
        if correction is Correction.CONFIRM:
            return self._is_confirmed(entry, row, query)
        return correction is Correction.YES

    def _is_confirmed(self, entry: OrderEntry, row: OrderUpdate, query: QueryStamp) -> bool:
        if entry.unconfirmed is None or not is_duplicate(row, entry.unconfirmed[0]):
            entry.unconfirmed = (row, query.sent_ns)
        if query.sent_ns - entry.unconfirmed[1] >= CONFIRM_NS:
            return True
        self._recheck(row.venue)
        return False

    def _collected(self, entry: OrderEntry, update: OrderUpdate, arrival: Arrival) -> OrderRecord | None:
        """A state that a collector has recorded. It has fields that an earlier update reported, or another time."""
        known, venue, channel = entry.state, self._venues[update.venue], arrival.channel
        same_channel = entry.is_last_of(channel)
        recency, place = self._compare(venue, update, known, same_channel), entry.place(channel)
        if "late" in update.flags:
            recency = Recency.OLDER
            update = replace(update, flags=tuple(flag for flag in update.flags if flag != "late"))
        if recency is not Recency.NEWER:
            found = entry.find_agreeing(update, venue, place if recency is Recency.EQUAL else 0)
            if found is not None:
                entry.move(channel, max(found, place))
                return None
            if recency is Recency.OLDER:
                # That a venue no longer finds an order changes nothing about a final state.
                return None if update.not_found else self._late(entry, update, venue)
            if (update.updated_ns or 0) < (known.updated_ns or 0):
                update = replace(update, updated_ns=None)  # it is that of a state before
        merged = normalized(venue.merge(update, known))
        changed = changed_keys(merged, known)
        if not changed or not (differs(merged, known, changed) or (recency is Recency.NEWER and same_channel)):
            entry.move(channel, entry.latest)
            return None
        return self._write(entry, update, merged, changed, arrival, recency)

    def _fill_nulls(
        self, entry: OrderEntry, row: OrderUpdate, arrival: Arrival, venue: MergeRules
    ) -> OrderRecord | None:
        """A later row of the same query only fills fields that the first left empty.

        Fields of another version would make a state that never was.
        """
        known = entry.state
        if self._compare(venue, row, known, arrival.channel == entry.channel) is not Recency.EQUAL:
            return None
        merged = replace(merge_missing(known, row), received_ns=row.received_ns, source=row.source)
        changed = changed_keys(merged, known)
        if not differs(merged, known, changed):
            return None
        return self._write(entry, row, merged, changed, arrival, Recency.NEWER)

    def _write(
        self,
        entry: OrderEntry,
        update: OrderUpdate,
        merged: OrderUpdate,
        changed: list[str],
        arrival: Arrival,
        recency: Recency,
        before: bytes | None = None,
    ) -> OrderRecord:
        known = entry.state
        flags = merged.flags
        if recency is not Recency.NEWER and not update.not_found:
            flags += ("unordered",)
        if known.status in FINAL and merged.status not in FINAL:
            flags += ("reopened",)
        self._set_state(entry, merged, update.updated_ns, arrival, before)
        return order_record(
            merged,
            prev_status=known.status,
            gap=self._recovering(update),
            changed=changed,
            flags=flags,
            raw=update.raw,
        )

    def _compare(self, venue: MergeRules, update: OrderUpdate, known: OrderUpdate, same_channel: bool) -> Recency:
        if update.not_found:
            return Recency.OLDER if known.not_found or known.status in FINAL else Recency.EQUAL
        recency = venue.compare_versions(update, known, same_channel)
        return Recency.NEWER if known.not_found and recency is Recency.EQUAL else recency

    def _late(self, entry: OrderEntry, update: OrderUpdate, venue: MergeRules) -> OrderRecord:
        """The record of an update older than the state: its own fields, completed by states not newer than it."""
        known = entry.state
        states, index = entry.states, entry.latest
        while index > 0 and venue.compare_versions(update, states[index - 1], False) is Recency.OLDER:
            index -= 1
        before = venue.merge(update, states[index - 1]) if index > 0 else update
        late = normalized(replace(before, updated_ns=update.updated_ns))
        entry.insert(index, late)
        return order_record(
            late,
            prev_status=known.status,
            gap=None,
            changed=changed_keys(late, known),
            flags=(*late.flags, "late"),
            raw=update.raw,
        )

    def _enter(self, order: OrderUpdate, arrival: Arrival) -> OrderEntry:
        entry = OrderEntry(order, arrival.channel, 0 if is_cached(arrival) else arrival.at_ns, self._states_kept)
        self._orders[entry.key] = entry
        self._place(entry)
        return entry

    def _set_state(
        self,
        entry: OrderEntry,
        order: OrderUpdate,
        updated_ns: int | None,
        arrival: Arrival,
        before: bytes | None = None,
    ) -> None:
        was_final = entry.state.status in FINAL
        entry.add(order, updated_ns, arrival, before=before)
        if (order.status in FINAL) is not was_final:
            self._place(entry)

    def _place(self, entry: OrderEntry) -> None:
        order, key = entry.state, entry.key
        of_venue = self._open[order.venue]
        if order.status in FINAL:
            of_venue.pop(key, None)
            # Elapsed time: by a wall clock that jumps, or in an old recording that goes on, all of them would be old at
            # once, and the next query would show them once more.
            self._final[key] = now_ns = self._mono_ns()
            self._evict(now_ns)
        else:
            of_venue[key] = entry
            self._final.pop(key, None)
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

    def _other_record(self, event: Reject | LinkUpdate | GapUpdate | ClockJump | HeartbeatTick) -> AnyRecord | None:
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


def _raise(_update: OrderUpdate, bug: Exception) -> None:
    raise bug


class _RejectLimit:
    """At most REJECTS_PER_S reject records of a venue in a second; the next one counts those that were suppressed."""

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
