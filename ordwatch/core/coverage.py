"""What of each venue was seen and what stays uncertain: a fold over the records of one stream.

A run folds the records that it writes, and the next session and `verify` fold those of the file: one judgement, so
that an exit code and the verdict on the recording agree. Pure; the only times are those in the records. What counts as
covered is decided in venue_coverage.py; here, which record concerns which venues.
"""

from collections.abc import Iterable

import msgspec

from ordwatch.core.records import (
    AliveRecord,
    AnyRecord,
    ClockRecord,
    GapRecord,
    LinkRecord,
    OrderRecord,
    SessionRecord,
    Time,
    record_time,
)
from ordwatch.core.timeline import Timeline
from ordwatch.core.times import time_ns
from ordwatch.core.venue_coverage import CoverageResult, VenueCoverage

ALIVE_PERIOD_S = 10
MAX_LATE = 100
"""Late alive records that are listed."""


class StreamCoverage(msgspec.Struct):
    """The fold: coverage by venue over the sessions of one stream. Records come in the order of their lines.

    A structure, so that a checkpoint can hold the whole state of the fold.
    """

    venues: dict[str, "VenueCoverage"] = {}
    running: bool = False
    """Whether a session has begun and not ended."""
    watched: frozenset[str] = frozenset()
    """Venues of the latest session."""
    last_at: Time | None = None
    """The time of the latest record that has one."""
    late_alive: list[str] = []
    """Alive records that came after twice their period: the time between is not proven. At most MAX_LATE."""
    _alive_ns: int | None = None
    _ended_ns: dict[str, int] = {}
    """When the last session that watched a venue ended cleanly, as elapsed time."""
    _timeline: Timeline = msgspec.field(default_factory=Timeline)
    _records_missing: bool = False

    def __post_init__(self) -> None:
        """A state that was read from a checkpoint has a timeline of its own for each venue: they share one."""
        for venue in self.venues.values():
            venue.share(self._timeline)

    def records(self, records: Iterable[AnyRecord]) -> None:
        """Take the next records.

        Raises:
            ValueError: A time in one of them is none.
        """
        for record in records:
            if isinstance(record, OrderRecord):
                self.order(record.venue, record.source, record.received_at, record.collector)
            else:
                self.record(record)

    def order(
        self, venue: str | None, source: str | None, received_at: Time | None, collector: str | None = None
    ) -> None:
        """Take an order record, of which only this matters. What one collector saw proves nothing of the others."""
        self.last_at = received_at
        if (
            source == "push"
            and collector is None
            and received_at is not None
            and (known := self.venues.get(venue or "")) is not None
        ):
            known.push_received(received_at)

    def record(self, record: AnyRecord) -> None:
        """Take any other record.

        Raises:
            ValueError: A time in it is none.
        """
        before_ns = self.last_ns
        self.last_at = record_time(record) or self.last_at
        match record:
            case SessionRecord(state="start"):
                self._session_started(record, before_ns)
            case SessionRecord():
                self._session_ended(time_ns(record.at))
            case GapRecord(state="open"):
                self._of(record.venue).gap_opened(record)
            case GapRecord():
                self._of(record.venue).gap_closed(record)
            case LinkRecord(state="stale"):
                # Nothing was missed if bytes arrive again on the same connection; else a gap follows.
                self._of(record.venue).connection_changed(record.conn, record.state)
                self._of(record.venue).link_stale(record.detail)
            case LinkRecord():
                self._link(record)
            case AliveRecord():
                self._alive(record)
            case ClockRecord():
                self._alive_ns = None
                self._clock_jumped(time_ns(record.at), round(record.jump_ms * 1_000_000))
            case _:
                pass

    def records_missing(self) -> None:
        """Records are missing at this place: nothing is known until the next alive record."""
        self._records_missing = True
        self._alive_ns = None
        for venue in self.venues.values():
            venue.records_missing()

    def forget_open_gaps(self) -> None:
        """Gaps that are open here may be of another recording, and only that one would close them."""
        for venue in self.venues.values():
            venue.gap = None

    def result(self, name: str, *, stopped: bool = False) -> CoverageResult:
        """The judgement on one venue from all records so far; `stopped`: the stream ended without a session end."""
        if not (self.running and name in self.watched):
            return self.venues[name].result(self._ended_ns.get(name))
        return self.venues[name].result(None if stopped else self._last_elapsed_ns, stopped=stopped)

    @property
    def last_ns(self) -> int | None:
        """`last_at` in ns since 1970 UTC; None if there is none, or it cannot be read."""
        try:
            return None if self.last_at is None else time_ns(self.last_at)
        except ValueError:
            return None

    @property
    def _last_elapsed_ns(self) -> int | None:
        last_ns = self.last_ns
        return None if last_ns is None else self._timeline.elapsed_ns(last_ns, last_ns)

    def _of(self, venue: str) -> "VenueCoverage":
        if venue not in self.venues:
            self.venues[venue] = VenueCoverage(self._timeline, self._records_missing)
        return self.venues[venue]

    def _link(self, link: LinkRecord) -> None:
        if self.running and link.venue not in self.watched:
            self.watched |= {link.venue}  # who follows collectors meets their venues one by one
        self._of(link.venue).connection_changed(link.conn, link.state)
        if link.state == "live":
            self._of(link.venue).link_live(time_ns(link.at), link.detail)
        else:
            self._of(link.venue).link_not_live(link.state)

    def _session_started(self, session: SessionRecord, before_ns: int | None) -> None:
        for venue in self.venues.values():
            venue.session_started()
        at_ns = time_ns(session.at)
        if before_ns is not None and at_ns < before_ns:
            # This session's clock is behind the former one's; how much time really elapsed is unknown.
            self._clock_jumped(at_ns, at_ns - before_ns)
        self._records_missing = False
        self._alive_ns = None
        self.running = True
        self.watched = frozenset(session.venues)
        for name in session.venues:
            self._of(name)
            self._ended_ns.pop(name, None)

    def _session_ended(self, at_ns: int) -> None:
        self.running = False
        for name in self.watched:
            self._of(name).session_ended(at_ns)
            self._ended_ns[name] = self._timeline.elapsed_ns(at_ns, at_ns)

    def _alive(self, record: AliveRecord) -> None:
        at_ns = time_ns(record.at)
        if self._alive_ns is not None and at_ns - self._alive_ns > 2 * ALIVE_PERIOD_S * 10**9:
            late_s = (at_ns - self._alive_ns) / 1e9
            if len(self.late_alive) < MAX_LATE:
                self.late_alive.append(f"{record.at}: {late_s:.0f} s after the alive record before")
        self._alive_ns = at_ns
        for name, venue in record.venues.items():
            if venue.state in ("live", "stale"):
                self._of(name).alive(at_ns, time_ns(venue.last_rx) if venue.last_rx else None)

    def _clock_jumped(self, at_ns: int, jump_ns: int) -> None:
        if not jump_ns:
            return
        for venue in self.venues.values():
            venue.clock_jumps(at_ns - jump_ns)
        self._timeline.jump(at_ns=at_ns, jump_ns=jump_ns)
