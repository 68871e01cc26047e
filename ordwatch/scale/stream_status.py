"""How the collectors of a stream are, from the last messages of a few subjects. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from ordwatch.core.records import AliveRecord, AnyRecord, GapRecord, LinkRecord, SessionRecord, VenueAlive
from ordwatch.core.times import time_text
from ordwatch.recording.format import BadLine, record
from ordwatch.scale.messages import message_id
from ordwatch.scale.nats_client import StreamMessage

OVERDUE_S = 25.0
"""A collector whose last `alive` record is older is lost: it writes one every 10 s."""
OLD_PART = 0.8
"""Of the stream's maximum age: what is older and still counts is soon removed."""
_NS = 10**9

SUBJECTS = ("ow.*.session", "ow.*.alive", "ow.*.link.*", "ow.*.gap.*")
"""Subjects whose last messages are needed."""
ORDERS = "ow.*.order.>"


class CollectorVenue(msgspec.Struct, frozen=True):
    """A venue as one collector sees it."""

    kind: str | None
    state: str
    last_rx: str | None
    covers: list[str]
    covered: bool
    """Whether this collector misses nothing of it now, as far as can be known."""


class CollectorState(msgspec.Struct, frozen=True):
    """One collector."""

    collector: str
    host: str | None
    version: str | None
    running: bool
    since: str | None
    """When its last session began, or ended."""
    last_sign: str | None
    """When the stream took its last message of those that are looked at."""
    age_s: float | None
    seq: int
    """Of that message."""
    lag: int | None
    """How many durable lines its last `alive` record reports as not published."""
    venues: dict[str, CollectorVenue]


class JointState(msgspec.Struct, frozen=True):
    """One venue, over all collectors that watch it."""

    venue: str
    kind: str | None
    covered: bool
    by: list[str]
    """The collectors that cover it."""
    uncovered: list[str]
    """What collectors have covered of it and none covers now."""


class StreamStatus(msgspec.Struct, frozen=True):
    """All of them."""

    stream: str
    messages: int
    replicas: int
    replicas_current: int
    leader: str | None
    collectors: list[CollectorState]
    venues: list[JointState]
    warnings: list[str]

    @property
    def is_covered(self) -> bool:
        """Whether there is a venue, and each has a collector that covers it."""
        return bool(self.venues) and all(venue.covered for venue in self.venues)


class _Seen:
    """The last messages of one collector."""

    def __init__(self) -> None:
        self.last: StreamMessage | None = None
        self.session: SessionRecord | None = None
        self.session_ns = 0
        self.alive: AliveRecord | None = None
        self.alive_ns = 0
        self.alive_seq = 0
        self.links: dict[str, tuple[int, LinkRecord]] = {}
        self.gaps: dict[str, GapRecord] = {}

    def note(self, message: StreamMessage, found: AnyRecord) -> None:
        if self.last is None or message.stream_seq > self.last.stream_seq:
            self.last = message
        match found:
            case SessionRecord():
                self.session, self.session_ns = found, message.time_ns
            case AliveRecord():
                self.alive, self.alive_ns, self.alive_seq = found, message.time_ns, message.stream_seq
            case LinkRecord():
                self.links[found.venue] = (message.stream_seq, found)
            case GapRecord():
                self.gaps[found.venue] = found
            case _:
                pass

    @property
    def running(self) -> bool:
        return self.session is not None and self.session.state == "start"


def collectors(messages: Iterable[StreamMessage], now_ns: int) -> list[CollectorState]:
    """Each collector, by name, from the last message of each of SUBJECTS."""
    seen: dict[str, _Seen] = {}
    for message in messages:
        try:
            name, found = message_id(message.headers).collector, record(message.data)
        except (ValueError, BadLine):
            continue  # of another program
        seen.setdefault(name, _Seen()).note(message, found)
    return [_collector(name, seen[name], now_ns) for name in sorted(seen)]


def _collector(name: str, seen: _Seen, now_ns: int) -> CollectorState:
    session, alive, last = seen.session, seen.alive, seen.last
    overdue = alive is None or now_ns - seen.alive_ns > OVERDUE_S * _NS
    kinds = (session.kinds if session is not None else None) or {}
    lag = None
    if alive is not None and alive.synced_seq is not None and alive.published_seq is not None:
        lag = max(0, alive.synced_seq - alive.published_seq)
    venues = alive.venues if alive is not None else {}
    return CollectorState(
        collector=name,
        host=session.host if session is not None else None,
        version=session.version if session is not None else None,
        running=seen.running,
        since=session.at if session is not None else None,
        last_sign=time_text(last.time_ns) if last is not None else None,
        age_s=round((now_ns - last.time_ns) / _NS, 3) if last is not None else None,
        seq=message_id(last.headers).seq if last is not None else 0,
        lag=lag,
        venues={
            venue: _venue(venue, found, seen, kinds.get(venue), silent=overdue or not seen.running)
            for venue, found in venues.items()
        },
    )


def _venue(name: str, found: VenueAlive, seen: _Seen, kind: str | None, *, silent: bool) -> CollectorVenue:
    state = str(found.state)
    link = seen.links.get(name)
    if link is not None and link[0] > seen.alive_seq:
        state = str(link[1].state)
    gap = seen.gaps.get(name)
    covered = not silent and state == "live" and (gap is None or gap.state == "closed")
    return CollectorVenue(kind, state, found.last_rx, list(found.covers), covered)


def joint(states: Sequence[CollectorState]) -> list[JointState]:
    """Each venue, by name and kind, over all collectors."""
    of_venue: dict[tuple[str, str], list[tuple[str, CollectorVenue]]] = {}
    for each in states:
        for name, venue in each.venues.items():
            of_venue.setdefault((name, venue.kind or ""), []).append((each.collector, venue))
    return [_joint(name, kind or None, of_venue[name, kind]) for name, kind in sorted(of_venue)]


def _joint(name: str, kind: str | None, seen: Sequence[tuple[str, CollectorVenue]]) -> JointState:
    known = {entry for _, venue in seen for entry in venue.covers}
    covered = {entry for _, venue in seen if venue.covered for entry in venue.covers}
    by = [collector for collector, venue in seen if venue.covered]
    uncovered = sorted(known - covered)
    return JointState(name, kind, covered=bool(by) and not uncovered, by=by, uncovered=uncovered)


def session_warnings(messages: Iterable[StreamMessage], now_ns: int, kept_ns: int) -> list[str]:
    """Running sessions whose `session` record the stream will soon forget."""
    if not kept_ns:
        return []
    return [
        f"{message.subject}: the running session began {_days(now_ns - message.time_ns)} ago, the stream keeps "
        f"{_days(kept_ns)}; restart that collector"
        for message in messages
        if b'"type":"session"' in message.data[:20] and b'"state":"start"' in message.data
        if is_old(message, now_ns, kept_ns)
    ]


def order_warnings(messages: Iterable[StreamMessage], now_ns: int, kept_ns: int) -> list[str]:
    """Open orders whose last state the stream will soon forget."""
    return [
        f"{message.subject}: open, and unchanged for {_days(now_ns - message.time_ns)}; the stream keeps "
        f"{_days(kept_ns)}"
        for message in messages
        if b'"final":false' in message.data and is_old(message, now_ns, kept_ns)
    ]


def is_old(message: StreamMessage, now_ns: int, kept_ns: int) -> bool:
    """Whether the stream will soon forget the message."""
    return now_ns - message.time_ns > OLD_PART * kept_ns > 0


def _days(ns: int) -> str:
    return f"{ns / _NS / 86_400:.1f} d"


def text(status: StreamStatus) -> str:
    """The status for people."""
    replicas = f"{status.replicas_current} of {status.replicas} replicas current"
    lines = [f"{status.stream}: {status.messages} messages, {replicas}"]
    for each in status.collectors:
        state = f"since {each.since}" if each.running else f"ended {each.since}"
        age = f", last message {each.age_s:.0f} s ago" if each.age_s is not None else ""
        lag = f", {each.lag} lines behind" if each.lag else ""
        lines.append(f"  {each.collector}: {each.host} {each.version}, {state}{age}, seq {each.seq}{lag}")
        lines += [
            f"    {name}: {venue.state}{', covered' if venue.covered else ', not covered'}"
            for name, venue in each.venues.items()
        ]
    for venue in status.venues:
        if venue.covered:
            lines.append(f"{venue.venue}: covered by {', '.join(venue.by)}")
        else:
            lines.append(f"{venue.venue}: NOT COVERED{': ' if venue.uncovered else ''}{', '.join(venue.uncovered)}")
    if not status.collectors:
        lines.append("no collector has published yet")
    return "\n".join([*lines, *(f"warning: {warning}" for warning in status.warnings)])
