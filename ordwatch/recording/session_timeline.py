"""What the records of a recording tell one after the other: sessions, and the coverage of each venue.

Read by the next session, which continues the recording, and by verify, which judges it.
"""

from ordwatch.core.records import (
    AliveRecord,
    AnyRecord,
    ClockRecord,
    GapRecord,
    LinkRecord,
    SessionRecord,
    Time,
    record_time,
)
from ordwatch.core.times import time_ns
from ordwatch.recording.coverage import Coverage
from ordwatch.recording.format import Mark
from ordwatch.recording.timeline import Timeline


class Story:
    """Coverage by venue, followed through sessions. Orders come as marks, everything else as records."""

    def __init__(self) -> None:
        self.coverage: dict[str, Coverage] = {}
        self.without: dict[str, str] = {}
        """By venue: what its last `live` record says that it does not cover, in the record's words."""
        self.running = False
        """Whether a session has begun and not ended."""
        self.watched: frozenset[str] = frozenset()
        """Venues of the latest session."""
        self.watched_until: dict[str, int] = {}
        """When the last session that watched a venue ended cleanly, as passed time."""
        self._timeline = Timeline()
        self._unread = False
        self.last_at: Time | None = None
        """The latest time that any record told, in the order of the lines."""

    @property
    def last_ns(self) -> int | None:
        """`last_at` in ns since 1970 UTC; None if there is none, or it is no time."""
        try:
            return None if self.last_at is None else time_ns(self.last_at)
        except ValueError:
            return None

    @property
    def last_passed_ns(self) -> int | None:
        """`last_ns` as passed time."""
        last_ns = self.last_ns
        return None if last_ns is None else self._timeline.passed(last_ns, last_ns)

    def order(self, mark: Mark) -> None:
        """An order record was read."""
        self.last_at = mark.received_at
        if mark.source == "push" and mark.venue in self.coverage and mark.received_at is not None:
            self.coverage[mark.venue].hear(mark.received_at)

    def record(self, record: AnyRecord) -> None:
        """Any other record was read."""
        before_ns = self.last_ns
        self.last_at = record_time(record) or self.last_at
        match record:
            case SessionRecord(state="start"):
                self._start(record, before_ns)
            case SessionRecord():
                self._end(time_ns(record.at))
            case GapRecord(state="open"):
                self._of(record.venue).open_gap(record)
            case GapRecord():
                self._of(record.venue).close_gap(record)
            case LinkRecord(state="live"):
                self._live(record)
            case LinkRecord(state="stale"):
                pass
            case LinkRecord():
                self._of(record.venue).fall(record.state)
            case AliveRecord():
                self._alive(record)
            case ClockRecord():
                self._jump(time_ns(record.at), round(record.jump_ms * 1_000_000))
            case _:
                pass

    def miss(self) -> None:
        """Records are missing here."""
        self._unread = True
        for coverage in self.coverage.values():
            coverage.miss()

    def _of(self, venue: str) -> Coverage:
        return self.coverage.setdefault(venue, Coverage(self._timeline, unread=self._unread))

    def _live(self, link: LinkRecord) -> None:
        self._of(link.venue).live(time_ns(link.at))
        if link.detail is None:
            self.without.pop(link.venue, None)
        else:
            self.without[link.venue] = link.detail.removeprefix("without ")

    def _jump(self, at_ns: int, jump_ns: int) -> None:
        if not jump_ns:
            return
        for coverage in self.coverage.values():
            coverage.clock_jumps(at_ns - jump_ns)
        self._timeline.jump(at_ns=at_ns, jump_ns=jump_ns)

    def _start(self, session: SessionRecord, before_ns: int | None) -> None:
        for coverage in self.coverage.values():
            coverage.begin()
        at_ns = time_ns(session.at)
        if before_ns is not None and at_ns < before_ns:
            # This clock is behind that of the session before; how much time lies between, nobody knows.
            self._jump(at_ns, at_ns - before_ns)
        self._unread = False
        self.running = True
        self.watched = frozenset(session.venues)
        for venue in session.venues:
            self._of(venue)
            self.watched_until.pop(venue, None)

    def _end(self, at_ns: int) -> None:
        self.running = False
        for venue in self.watched:
            self._of(venue).end(at_ns)
            self.watched_until[venue] = self._timeline.passed(at_ns, at_ns)

    def _alive(self, record: AliveRecord) -> None:
        at_ns = time_ns(record.at)
        for name, venue in record.venues.items():
            if venue.state in ("live", "stale"):
                last_rx_ns = time_ns(venue.last_rx) if venue.last_rx else None
                self._of(name).alive(at_ns, last_rx_ns)
