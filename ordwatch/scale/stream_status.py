"""How the collectors of a stream are, from the last messages of a few subjects. Pure.

What is covered is judged by what also judges it for `follow`: collector.py and joint.py.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ordwatch.core.records import AliveRecord, AnyRecord, LinkRecord, SessionRecord, VenueAlive
from ordwatch.core.times import time_text
from ordwatch.recording.format import record
from ordwatch.scale.collector import Collector
from ordwatch.scale.joint import JointVenue
from ordwatch.scale.messages import message_id
from ordwatch.scale.nats_client import StreamMessage

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
    """When the stream took its last message."""
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


class SeenCollector:
    """A collector, as far as the messages show it."""

    def __init__(self, name: str) -> None:
        self.collector = Collector(name)
        self.session: SessionRecord | None = None
        self._last: StreamMessage | None = None
        self._states: dict[str, str] = {}

    def note(self, message: StreamMessage, seq: int, found: AnyRecord) -> None:
        """Take the next message of those that are known, in the order of the stream."""
        self._last = message
        if self.collector.begins_between(found, seq):
            self.collector.begins_anew()
        self.collector.record(found, seq, message.time_ns)
        match found:
            case SessionRecord():
                self.session = found
            case AliveRecord():
                self._states |= {name: str(venue.state) for name, venue in found.venues.items()}
            case LinkRecord():
                self._states[found.venue] = str(found.state)
            case _:
                pass

    @property
    def alive(self) -> Mapping[str, VenueAlive]:
        """The venues in its last `alive` record."""
        return self.collector.alive.venues if self.collector.alive is not None else {}

    @property
    def venues(self) -> set[str]:
        """The names of all venues that it watches."""
        return {*self.alive, *self.collector.kinds}

    def covers(self, venue: str, now_ns: int) -> list[bool]:
        """Of each part of the venue whether it covers it now."""
        return [self.collector.covers(part, now_ns) for part in self.collector.parts() if part.venue == venue]

    def state(self, now_ns: int) -> CollectorState:
        """What the messages show."""
        session, alive, last = self.session, self.collector.alive, self._last
        lag = None
        if alive is not None and alive.synced_seq is not None and alive.published_seq is not None:
            lag = max(0, alive.synced_seq - alive.published_seq)
        return CollectorState(
            collector=self.collector.name,
            host=session.host if session is not None else None,
            version=session.version if session is not None else None,
            running=session is not None and session.state == "start",
            since=session.at if session is not None else None,
            last_sign=time_text(last.time_ns) if last is not None else None,
            age_s=round((now_ns - last.time_ns) / _NS, 3) if last is not None else None,
            seq=message_id(last.headers).seq if last is not None else 0,
            lag=lag,
            venues={
                name: CollectorVenue(
                    kind=self.collector.kinds.get(name),
                    state=self._states[name],
                    last_rx=venue.last_rx,
                    covers=list(venue.covers),
                    covered=bool(covers := self.covers(name, now_ns)) and all(covers),
                )
                for name, venue in self.alive.items()
            },
        )


def seen_collectors(messages: Iterable[StreamMessage]) -> list[SeenCollector]:
    """Each collector, by name, from the last message of each of SUBJECTS and its last of all."""
    collectors: dict[str, SeenCollector] = {}
    for _, message in sorted({message.stream_seq: message for message in messages}.items()):
        try:
            name, seq, _ = message_id(message.headers)
            collectors.setdefault(name, SeenCollector(name)).note(message, seq, record(message.data))
        except ValueError:  # BadLine is one
            continue  # of another program
    return [collectors[name] for name in sorted(collectors)]


def joint(collectors: Sequence[SeenCollector], now_ns: int) -> list[JointState]:
    """Each venue, by name and kind, as all collectors together see it."""
    venues: dict[tuple[str, str], list[SeenCollector]] = {}
    for each in collectors:
        for name in each.venues:
            venues.setdefault((name, each.collector.kinds.get(name, "")), []).append(each)
    return [_joint(name, kind, venues[name, kind], now_ns) for name, kind in sorted(venues)]


def _joint(name: str, kind: str, watching: Sequence[SeenCollector], now_ns: int) -> JointState:
    joint_venue = JointVenue(name)
    joint_venue.judge([each.collector for each in watching], now_ns, now_ns)
    known = {entry for each in watching if name in each.alive for entry in each.alive[name].covers}
    by = [each.collector.name for each in watching if any(each.covers(name, now_ns))]
    uncovered = sorted(known - joint_venue.covered)
    return JointState(name, kind or None, covered=bool(known) and not uncovered, by=by, uncovered=uncovered)


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
