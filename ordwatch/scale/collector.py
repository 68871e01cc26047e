"""What one collector covered, from the records that it published: when it was blind, for which part of which venue.

Stands on core/coverage.py, which judges a recording when it is verified. A collector was blind from the last proof of
life before coverage was lost until it was covered again, also where a query then recovered the final states: states in
between may be missing. Pure; times of records are put on the stream's clock by stream_clock.py.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import NamedTuple

from ordwatch.core.coverage import ALIVE_PERIOD_S, StreamCoverage
from ordwatch.core.records import AliveRecord, AnyRecord, ClockRecord, OrderRecord, SessionRecord, record_time
from ordwatch.core.times import time_ns
from ordwatch.core.venue_coverage import VenueCoverage
from ordwatch.scale.stream_clock import Point, StreamClock

OVERDUE_NS = 2 * ALIVE_PERIOD_S * 1_000_000_000
"""A collector without an alive record for so long is lost since its last proof of life."""
_BLIND_KEPT = 2_000
HOLE_KEPT = 20_000
"""Records behind lines that are missing which are kept, to fold them again should those lines come."""


class Part(NamedTuple):
    """What collectors back each other up for: equal parts."""

    venue: str
    kind: str
    simulated: bool
    entry: str
    """As in `covers` of alive records."""


class Numbered(NamedTuple):
    """A record, its seq, and when the stream took it."""

    seq: int
    record: AnyRecord
    stream_ns: int


class Blind:
    """A time in which a collector did not see a part."""

    __slots__ = ("from_", "reason", "recovered", "to")

    def __init__(self, from_: Point | None, to: Point | None, reason: str, *, recovered: bool = False) -> None:
        self.from_ = from_
        """None: since ever."""
        self.to = to
        """None: it goes on."""
        self.recovered = recovered
        """A query then found every final state."""
        self.reason = reason


class _Entry:
    """One part of a venue: when it was not among what the venue covers."""

    def __init__(self, since: Point) -> None:
        self.blind = [Blind(None, since, "not covered yet")]
        self.confirmed = since

    @property
    def is_missing(self) -> bool:
        return self.blind[-1].to is None


class _Venue:
    """One venue of a collector."""

    def __init__(self) -> None:
        self.entries: dict[str, _Entry] = {}
        self.blind: list[Blind] = []
        self.uncertain = 0
        """How many uncertain intervals it had when it was last covered; -1: of another recording."""


class Collector:
    """Folds the records of one collector, in the order of their lines. `now_ns` is the stream's clock now."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.coverage = StreamCoverage()
        self.clock = StreamClock()
        self.kinds: Mapping[str, str] = {}
        self.simulated = False
        self.host = ""
        self.version = ""
        self.alive: AliveRecord | None = None
        """The last one."""
        self.ended: str | None = None
        """Why the last session ended; None while one runs."""
        self.last_ns: int | None = None
        """The last time in its records."""
        self._last_seq = 0
        self._alive_at: Point | None = None
        self._venues: dict[str, _Venue] = {}
        self._before_hole: Collector | None = None
        self._since_hole: list[Numbered] = []

    def parts(self) -> Iterable[Part]:
        """Every part that it has ever covered."""
        for name, venue in self._venues.items():
            for entry in venue.entries:
                yield Part(name, self.kinds.get(name, ""), self.simulated, entry)

    def blind(self, part: Part, now_ns: int) -> list[Blind]:
        """When it did not see this part; the last one goes on if it does not see it now."""
        venue = self._venues.get(part.venue)
        entry = venue.entries.get(part.entry) if venue is not None else None
        if venue is None or entry is None or part.kind != self.kinds.get(part.venue):
            return [Blind(None, None, "not covered")]
        found = [*entry.blind, *venue.blind]
        if self.is_overdue(now_ns) and not (venue.blind and venue.blind[-1].to is None):
            found.append(Blind(self._proof(part.venue), None, "no sign of life"))
        return found

    def covers(self, part: Part, now_ns: int) -> bool:
        """Whether it sees this part now."""
        return all(each.to is not None for each in self.blind(part, now_ns))

    def is_overdue(self, now_ns: int) -> bool:
        """Whether its session goes on, but no alive record came for two periods."""
        return self.ended is None and self._alive_at is not None and now_ns - self._alive_at.latest_ns > OVERDUE_NS

    @property
    def overdue_at_ns(self) -> int | None:
        """When it will be overdue; None: it has no session that was alive."""
        return None if self.ended is not None or self._alive_at is None else self._alive_at.latest_ns + OVERDUE_NS

    def proof(self, part: Part) -> Point | None:
        """Its latest proof of life for this part; None if it does not see it."""
        venue = self._venues.get(part.venue)
        entry = venue.entries.get(part.entry) if venue is not None else None
        known = self.coverage.venues.get(part.venue)
        if entry is None or entry.is_missing or known is None or not known.is_covered:
            return None
        return self._proof(part.venue)

    def record(self, record: AnyRecord, seq: int, stream_ns: int) -> bool:
        """Take the next record; whether it may have changed what is covered.

        Raises:
            ValueError: A time in it is none.
        """
        if self._before_hole is not None:
            self._since_hole.append(Numbered(seq, record, stream_ns))
            if len(self._since_hole) > HOLE_KEPT:
                self._before_hole, self._since_hole = None, []
        self._last_seq = max(self._last_seq, seq)
        at = record_time(record)
        at_ns = self.last_ns = time_ns(at) if at is not None else self.last_ns
        if at_ns is None:
            return False
        if at is not None:
            if isinstance(record, ClockRecord) or (isinstance(record, SessionRecord) and record.state == "start"):
                self.clock.jumped()
            self.clock.sample(at_ns, stream_ns)
        if isinstance(record, OrderRecord):
            self.coverage.order(record.venue, record.source, record.received_at, record.collector)
            return False
        if isinstance(record, SessionRecord):
            self._session(record)
        self.coverage.record(record)
        changed = False
        if isinstance(record, AliveRecord):
            self.alive, self._alive_at = record, self.clock.point(at_ns)
            self._covers(record, self._alive_at)
            changed = True  # it may have been overdue
        return self._follow_coverage(at_ns) or changed

    def begins_between(self, record: AnyRecord, seq: int) -> bool:
        """Whether this record is of another recording than those before, where lines between them are not read.

        A session is published when all lines before it are, so that with it `seq` only goes back in another recording.
        One that is longer by now than the one before hides that; what matters then is only a gap that stayed open.
        """
        if not isinstance(record, SessionRecord):
            return False
        self.coverage.forget_open_gaps()
        return seq < self._last_seq

    def begins_in_the_middle(self) -> None:
        """The lines before the first one that is read are not known: nothing is, until the next alive record."""
        self.coverage.records_missing()

    def records_missing(self) -> None:
        """Lines are missing here: what is covered is known again with the next alive record."""
        if self._before_hole is None:
            self._before_hole = deepcopy(self)
            self._since_hole = []
        self.coverage.records_missing()
        self._follow_coverage(self.last_ns)

    def hole_filled(self, late: Iterable[Numbered]) -> None:
        """All lines that were missing have come: fold them, and those behind, as if they had come in order."""
        before, since = self._before_hole, self._since_hole
        if before is None:
            return
        self.__dict__.update(before.__dict__)
        for each in sorted([*late, *since], key=lambda each: each.seq):
            self.record(each.record, each.seq, each.stream_ns)

    def begins_anew(self) -> None:
        """A new recording: what the one before has proven stands; its coverage ends at its last proof."""
        self._before_hole, self._since_hole = None, []
        self.coverage.records_missing()
        self._follow_coverage(self.last_ns)
        self.coverage = StreamCoverage()
        self._last_seq = 0
        for venue in self._venues.values():
            venue.uncertain = -1

    def _session(self, session: SessionRecord) -> None:
        if session.state == "end":
            # Who begins to read in the middle has not seen the session begin.
            self.coverage.watched |= frozenset(session.venues)
        self.ended = None if session.state == "start" else session.reason or "ended"
        self.kinds = {**self.kinds, **(session.kinds or {})}
        self.simulated = bool(session.simulated)
        self.host, self.version = session.host, session.version

    def _covers(self, alive: AliveRecord, at: Point) -> None:
        for name, venue_alive in alive.venues.items():
            if venue_alive.state not in ("live", "stale"):
                continue
            venue = self._venues.setdefault(name, _Venue())
            for entry in venue_alive.covers:
                known = venue.entries.get(entry)
                if known is None:
                    venue.entries[entry] = _Entry(at)
                    continue
                if known.is_missing:
                    known.blind[-1].to = at
                known.confirmed = at
            for entry, known in venue.entries.items():
                if entry not in venue_alive.covers and not known.is_missing:
                    known.blind.append(Blind(known.confirmed, None, "not covered any more"))

    def _follow_coverage(self, at_ns: int | None) -> bool:
        """Note for each venue where coverage was lost or came back with the last record."""
        changed = False
        for name, known in self.coverage.venues.items():
            venue = self._venues.setdefault(name, _Venue())
            if known.is_covered:
                changed |= self._covered(venue, known, at_ns)
            else:
                changed |= self._not_covered(venue, known)
            del venue.blind[:-_BLIND_KEPT]
        return changed

    def _covered(self, venue: _Venue, known: VenueCoverage, at_ns: int | None) -> bool:
        before, venue.uncertain = venue.uncertain, len(known.uncertain)
        if not venue.blind and known.first_live_ns is not None:
            venue.blind.append(Blind(None, self.clock.point(known.first_live_ns), "not live yet"))
            return True
        last = venue.blind[-1] if venue.blind else None
        if last is not None and last.to is None:
            last.to = self.clock.point(at_ns) if at_ns is not None else last.from_
            last.recovered = before == venue.uncertain
            return True
        if 0 <= before < venue.uncertain:
            # It was lost and came back with one record.
            for lost in known.uncertain[before:]:
                to_ns = lost.from_ns if lost.to_ns is None else lost.to_ns
                venue.blind.append(Blind(self.clock.point(lost.from_ns), self.clock.point(to_ns), lost.reason))
            return True
        return False

    def _not_covered(self, venue: _Venue, known: VenueCoverage) -> bool:
        until_ns = known.until_ns
        if until_ns is None:
            return False
        last = venue.blind[-1] if venue.blind else None
        if last is not None and last.to is None:
            if last.from_ is None or until_ns >= last.from_.own_ns:
                return False
            last.from_ = self.clock.point(until_ns)
            return True
        if last is None and known.first_live_ns is not None:
            venue.blind.append(Blind(None, self.clock.point(known.first_live_ns), "not live yet"))
        reason = known.gap.cause if known.gap is not None else self.ended or "not live"
        venue.blind.append(Blind(self.clock.point(until_ns), None, reason))
        return True

    def _proof(self, venue: str) -> Point:
        until_ns = self.coverage.venues[venue].until_ns
        return self.clock.point(until_ns if until_ns is not None else 0)
