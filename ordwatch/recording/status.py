"""Whether the session that writes a recording is healthy: judged from its last records and the present time.

Pure: tail.py reads the records. A venue is covered now if it is live and the last alive record is young; whatever else
is known says since when it is not, and why.
"""

import json
from collections.abc import Iterable, Iterator

import msgspec

from ordwatch.core.escaping import safe_text
from ordwatch.core.records import AliveRecord, AnyRecord, GapRecord, LinkRecord, SessionRecord, Time
from ordwatch.core.times import time_ns

HEALTHY = 0
NOT_COVERED = 69


class VenueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One venue: covered now, or since when it is not, and why."""

    covered: bool
    state: str
    since: Time | None
    """Since when it is not covered, as far as it is known; of a covered venue, since when it is live."""
    reason: str | None
    last_rx: Time | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The health of a recording's session. JSON keys are fixed: scripts read them."""

    exit_code: int = msgspec.field(name="exit")
    reason: str | None
    """Why the whole session is not healthy, if it is not only a venue."""
    alive_at: Time | None
    alive_age_s: float | None
    session_start: Time | None
    session_end: Time | None
    session_exit: int | None
    pid: int | None
    venues: dict[str, VenueStatus]

    def json(self) -> str:
        """One line of JSON, in ASCII."""
        return json.dumps(msgspec.to_builtins(self), separators=(",", ":"))

    def text(self, now_ns: int) -> str:
        """For people: a line for each venue, and one for the session."""
        return "\n".join(safe_text(line, 1000) for line in self._lines(now_ns))

    def _lines(self, now_ns: int) -> Iterator[str]:
        for name, venue in self.venues.items():
            reason = f": {venue.reason}" if venue.reason not in (None, self.reason) else ""
            if venue.covered:
                yield f"{name}: live, last message {_ago(venue.last_rx, now_ns)}{reason}"
            else:
                state = "not watched" if venue.state == "live" else venue.state
                yield f"{name}: {state} since {venue.since or 'a time not known'} ({_ago(venue.since, now_ns)}){reason}"
        yield self.reason or f"last alive record {_ago(self.alive_at, now_ns)}"


class LastState:
    """Takes the last records of a recording, oldest first, and keeps the state of its latest session."""

    def __init__(self, records: Iterable[AnyRecord] = ()) -> None:
        self.session: SessionRecord | None = None
        """The start of the latest session, if it is among the records."""
        self.ended: SessionRecord | None = None
        self.alive: AliveRecord | None = None
        self.venues: dict[str, _Venue] = {}
        for record in records:
            self.record(record)

    def record(self, record: AnyRecord) -> None:
        """Take the next record."""
        match record:
            case SessionRecord(state="start"):
                self.session, self.ended, self.alive = record, None, None
                self.venues = {name: _Venue("connecting", record.at) for name in record.venues}
            case SessionRecord():
                self.ended = record
            case AliveRecord():
                self.alive = record
                for name, venue in record.venues.items():
                    known = self.venues.setdefault(name, _Venue(venue.state, None))
                    known.state, known.last_rx = venue.state, venue.last_rx
            case LinkRecord():
                self._venue(record.venue).link_changed(record)
            case GapRecord():
                self._venue(record.venue).gap_changed(record)
            case _:
                pass

    def _venue(self, name: str) -> "_Venue":
        return self.venues.setdefault(name, _Venue("connecting", None))

    @property
    def is_complete(self) -> bool:
        """Whether no earlier record can add anything to what is known of the latest session."""
        if self.session is not None or self.ended is not None:
            return True
        return self.alive is not None and all(
            venue.state == "live" or venue.reason is not None for venue in self.venues.values()
        )


def judge(last: LastState, *, now_ns: int, max_age_s: float, being_written: bool) -> Status:
    """The status at `now_ns`. An alive record older than `max_age_s`, or as far in the future, proves nothing.

    Raises:
        ValueError: A time in the records is none.
    """
    age_s = None if last.alive is None else (now_ns - time_ns(last.alive.at)) / 1e9
    since, reason = _unhealthy(last, age_s, max_age_s, being_written=being_written)
    venues = {name: venue.status(since, reason) for name, venue in last.venues.items()}
    healthy = reason is None and bool(venues) and all(venue.covered for venue in venues.values())
    ended, session = last.ended, last.session
    return Status(
        exit_code=HEALTHY if healthy else NOT_COVERED,
        reason=reason,
        alive_at=None if last.alive is None else last.alive.at,
        alive_age_s=None if age_s is None else round(age_s, 3),
        session_start=None if session is None else session.at,
        session_end=None if ended is None else ended.at,
        session_exit=None if ended is None else ended.exit,
        pid=session.pid if session is not None else ended.pid if ended is not None else None,
        venues=venues,
    )


def _unhealthy(
    last: LastState, age_s: float | None, max_age_s: float, *, being_written: bool
) -> tuple[Time | None, str | None]:
    """Since when, and why, no venue is covered, whatever its state; None if that is not so."""
    if last.ended is not None:
        exit_code = "" if last.ended.exit is None else f" with exit {last.ended.exit}"
        return last.ended.at, f"the session ended at {last.ended.at}{exit_code} ({last.ended.reason or 'no reason'})"
    writer = "" if being_written else "; no ordwatch writes it now"
    if last.alive is None or age_s is None:
        if last.session is None:
            return None, f"empty: no session has been recorded{writer}"
        return last.session.at, f"the session that began at {last.session.at} has no alive record yet{writer}"
    if age_s > max_age_s:
        return last.alive.at, f"the last alive record is {age_s:.0f} s old ({last.alive.at}){writer}"
    if age_s < -max_age_s:
        return (
            last.alive.at,
            f"the last alive record is {-age_s:.0f} s in the future ({last.alive.at}): a clock is wrong",
        )
    return None, None


class _Venue:
    def __init__(self, state: str, since: Time | None) -> None:
        self.state = state
        self.last_rx: Time | None = None
        self._since = since
        self._detail: str | None = None
        self._gap: GapRecord | None = None

    @property
    def reason(self) -> str | None:
        known = (None if self._gap is None else self._gap.cause, self._detail)
        return ": ".join(part for part in known if part is not None) or None

    def link_changed(self, link: LinkRecord) -> None:
        if (link.state == "live") != (self.state == "live") or link.state == "live":
            self._since, self._detail = link.at, None
        self.state = link.state
        if link.detail is not None:
            self._detail = link.detail

    def gap_changed(self, gap: GapRecord) -> None:
        self._gap = gap if gap.state == "open" else None

    def status(self, unhealthy_since: Time | None, unhealthy: str | None) -> VenueStatus:
        covered = self.state == "live"
        since = self._since
        if not covered and self._gap is not None:
            since = self._gap.from_
        elif not covered:
            since = since or self.last_rx
        elif unhealthy is not None:
            since = unhealthy_since
        return VenueStatus(
            covered=covered and unhealthy is None,
            state=self.state,
            since=since,
            reason=self.reason if not covered or unhealthy is None else unhealthy,
            last_rx=self.last_rx,
        )


def _ago(at: Time | None, now_ns: int) -> str:
    if at is None:
        return "never"
    try:
        return f"{(now_ns - time_ns(at)) / 1e9:.0f} s ago"
    except ValueError:
        return "at no time"
