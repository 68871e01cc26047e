"""Merges what all collectors of a stream have published: orders by the venues' own rules, coverage jointly.

A state machine with time but without a clock: messages and times come in, records come out. The shell around it
(following.py) reads the stream and writes the records.
"""

import dataclasses
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from ordwatch.core.conversion import collected_update, order_record
from ordwatch.core.errors import OrdwatchError
from ordwatch.core.escaping import safe_text
from ordwatch.core.events import Arrival, FeedEvent, GapUpdate, LinkUpdate, VenueStats
from ordwatch.core.order_store import OrderStore
from ordwatch.core.records import AnyRecord, GapRecord, LinkRecord, OrderRecord, RejectRecord, SessionRecord, VenueAlive
from ordwatch.core.times import time_ns, time_text
from ordwatch.engine.moment import Moment
from ordwatch.recording.format import mark, record
from ordwatch.scale import subjects
from ordwatch.scale.collector import Collector, Numbered
from ordwatch.scale.joint import NEVER_NS, JointVenue
from ordwatch.scale.line_order import LineOrder, OrderedLine
from ordwatch.venues.contract import VenueKind

STATES_KEPT = 256
"""Of each order: a collector that is minutes behind repeats states that are older than the last eight."""

log = logging.getLogger(__name__)


class StoredMessage(NamedTuple):
    """One message of the stream."""

    subject: str
    data: bytes
    stream_seq: int
    time_ns: int
    """When the stream took it."""


@dataclass(frozen=True)
class Resume:
    """What a recording of this follower hands to the next session."""

    orders: Iterable[OrderRecord] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    covered_until_ns: Mapping[str, int | None] = field(default_factory=dict)
    open_gaps: Mapping[str, GapUpdate] = field(default_factory=dict)
    gap_numbers: Mapping[str, int] = field(default_factory=dict)
    position: int | None = None
    """Up to which message of the stream orders were recorded."""


class Read(NamedTuple):
    """What follows from what was read."""

    records: list[AnyRecord]
    """The follower's own: orders, joint gaps and links."""
    others: list[AnyRecord]
    """The collectors' other records, as they are."""


class _Line(NamedTuple):
    record: AnyRecord
    seq: int
    stream_seq: int
    stream_ns: int
    collector: str


class _Feed:
    """One collector: its lines in order, and what they prove."""

    def __init__(self, name: str) -> None:
        self.collector = Collector(name)
        self.lines: LineOrder[_Line] = LineOrder()
        self.late: list[Numbered] = []
        self.warned: set[str] = set()


class Follower:
    """Follows the collectors of one stream. Each call's `now` is not before that of the call before."""

    def __init__(
        self,
        load: Callable[[str], VenueKind],
        *,
        only: Collection[str] = (),
        venues: Collection[str] = (),
        resume: Resume | None = None,
        raw: bool = False,
        redact: Callable[[str], str] = str,
    ) -> None:
        """`load` gives the venue of a kind. `only`: collectors, and `venues`, that are followed; none: all."""
        self._load = load
        self._only = frozenset(only)
        self._chosen = frozenset(venues)
        self._resume = resume or Resume()
        self._raw = raw
        self.stats: dict[str, VenueStats] = {}
        """By venue."""
        self.kinds: dict[str, str] = {}
        self.store = OrderStore({}, {}, redact, states_kept=STATES_KEPT)
        self.joint: dict[str, JointVenue] = {}
        self.is_caught_up = False
        """Whether all that the stream held when reading began was read."""
        self._venue_kinds: dict[str, VenueKind] = {}
        self._feeds: dict[str, _Feed] = {}
        self._stream_ahead_ns: int | None = None
        """The stream's clock minus our clock that is never set."""
        self._last_of_subjects = False
        self._judge_again = False
        self._overdue_at_ns = NEVER_NS
        """When the next collector is overdue, on the stream's clock."""
        self._damaged = 0
        self.simulated: bool | None = None
        """Whether the venues are simulators; None: not known yet."""
        self.remaining: int | None = None
        """How many more order records that `counts` takes may be made; None: no limit."""
        self.counts: Callable[[AnyRecord], bool] = lambda _: True
        self._reading_seq = NEVER_NS
        for name, kind in self._resume.kinds.items():
            if self._follows(name):
                self._add_venue(name, kind)
        self.last_recorded: OrderRecord | None = None
        """The order at the recording's position in the stream."""
        self.store.load(
            self._noted(self._resume.orders), {gap.venue: gap.gap for gap in self._resume.open_gaps.values()}
        )

    @property
    def collectors(self) -> Mapping[str, Collector]:
        """By name, those that have published anything."""
        return {name: feed.collector for name, feed in self._feeds.items()}

    def restored(self) -> Sequence[OrderRecord]:
        """The open orders of a recording that is continued, for the table."""
        orders = [order for name in self.stats for order in self.store.open_orders(name)]
        return [order_record(order, prev_status=None, gap=None, changed=(), flags=()) for order in orders]

    def begin(
        self, sessions: Iterable[StoredMessage], stream_now_ns: int, now: Moment, *, last_of_subjects: bool
    ) -> None:
        """Reading begins; `sessions` are the last session record of each collector.

        `last_of_subjects`: until `caught_up` come the last messages of subjects, so that lines may be missing.

        Raises:
            ConfigError: A venue is of a kind that is not installed here.
        """
        self._last_of_subjects = last_of_subjects
        self._stream_ahead_ns = stream_now_ns - now.running_ns
        for message in sessions:
            line = self._line(message)
            if line is not None and isinstance(line.record, SessionRecord):
                self._kinds_of(self._feed(line.collector), line.record)

    def resumed(self, now: Moment) -> list[AnyRecord]:
        """The gaps since the recording that is continued was last covered; they close when it is caught up."""
        events: list[FeedEvent] = []
        for name, joint in self.joint.items():
            events += joint.resume(
                self._resume.open_gaps.get(name), self._resume.covered_until_ns.get(name), now.wall_ns
            )
        return self._applied(events)

    def read(self, messages: Sequence[StoredMessage], now: Moment) -> Read:
        """What follows from the next messages.

        Raises:
            ConfigError: A venue is of a kind that is not installed here.
        """
        read = Read([], [])
        for message in messages:
            self._reading_seq = message.stream_seq
            self._stream_clock(message.time_ns, now)
            line = self._line(message)
            if line is None:
                continue
            feed = self._feed(line.collector)
            crc = message.data.rstrip(b"\n")[-10:].decode("ascii", "replace")
            if self._last_of_subjects and not self.is_caught_up:
                if begins := feed.collector.begins_between(line.record, line.seq):
                    feed.lines = LineOrder()
                feed.lines.start(line.seq, crc)
                self._take(feed, OrderedLine(line, begins=begins), read)
                continue
            begins = isinstance(line.record, SessionRecord) and self._is_newer(feed, line.record)
            for ready in feed.lines.add(line.seq, crc, line, now.mono_ns / 1e9, may_begin=begins):
                self._take(feed, ready, read)
            if feed.lines.other_history is not None:
                self._warn(feed, f"sent two different lines with seq {feed.lines.other_history}: two histories")
        self._judge(now, read)
        return read

    def caught_up(self, now: Moment) -> Read:
        """All that the stream held when reading began was read."""
        self.is_caught_up = self._judge_again = True
        read = Read([], [])
        self._judge(now, read)
        return read

    def timer(self, now: Moment) -> Read:
        """What follows from the time alone: call it about once a second."""
        read = Read([], [])
        self._reading_seq = NEVER_NS
        for feed in self._feeds.values():
            for ready in feed.lines.timer(now.mono_ns / 1e9):
                if ready.missing_before and feed.collector.last_ns is not None:
                    self._warn(feed, f"lines before seq {ready.line.seq} are missing")
                self._take(feed, ready, read)
        self._judge_again |= self.stream_now_ns(now) > self._overdue_at_ns
        self._judge(now, read)
        return read

    def disconnected(self, detail: str, now: Moment) -> list[AnyRecord]:
        """The stream cannot be read: nothing is covered as far as can be known."""
        return self._applied([event for joint in self.joint.values() for event in joint.stale(detail, now.wall_ns)])

    def end(self, now: Moment) -> list[AnyRecord]:
        """Reading ends while the stream cannot be read: what is covered is known up to the last proof of life only."""
        self._judge_again = True
        read = Read([], [])
        self._judge(now, read, all_overdue=True)
        return read.records

    def connected(self, now: Moment) -> list[AnyRecord]:
        """The stream is read again, from where it was left, and all that it held was read."""
        return self._applied([event for joint in self.joint.values() for event in joint.read_on(now.wall_ns)])

    def stream_now_ns(self, now: Moment) -> int:
        """What the stream's clock shows now."""
        return now.wall_ns if self._stream_ahead_ns is None else self._stream_ahead_ns + now.running_ns

    def alive(self, name: str) -> VenueAlive:
        """The state of one venue for an alive record."""
        stats, joint = self.stats[name], self.joint[name]
        return VenueAlive(
            state=stats.state,
            last_rx=time_text(joint.last_rx_ns) if joint.last_rx_ns is not None else None,
            rtt_ms=None,
            updates=stats.updates,
            duplicates=stats.duplicates,
            rejected=stats.rejected,
            reconnects=stats.reconnects,
            open_orders=stats.open_orders,
            covers=sorted(joint.covered),
        )

    def _stream_clock(self, stream_ns: int, now: Moment) -> None:
        ahead_ns = stream_ns - now.running_ns
        if self._stream_ahead_ns is None or ahead_ns > self._stream_ahead_ns:
            self._stream_ahead_ns = ahead_ns

    def _feed(self, collector: str) -> _Feed:
        feed = self._feeds.get(collector)
        if feed is None:
            feed = self._feeds[collector] = _Feed(collector)
        return feed

    def _line(self, message: StoredMessage) -> _Line | None:
        """The record of a message; None if it is not for us, or damaged."""
        # Of the subject only this is needed, and it is read once for each message.
        root, _, rest = message.subject.partition(".")
        collector, _, kind = rest.partition(".")
        if self._only and collector not in self._only:
            return None
        try:
            if root != subjects.ROOT or not kind:
                raise ValueError("not a subject of ordwatch")
            raw = message.data if message.data.endswith(b"\n") else message.data + b"\n"
            seq = mark(raw).seq
            return _Line(record(raw), seq, message.stream_seq, message.time_ns, collector)
        except ValueError as exc:  # BadLine is one
            self._damaged += 1
            if self._damaged == 1:
                text = safe_text(f"{message.subject}: {exc}", 200)
                log.warning("nats: message %d of the stream is no line of a recording (%s)", message.stream_seq, text)
            return None

    def _is_newer(self, feed: _Feed, session: SessionRecord) -> bool:
        last_ns = feed.collector.last_ns
        return session.state == "start" and (last_ns is None or time_ns(session.at) > last_ns)

    def _take(self, feed: _Feed, ready: OrderedLine[_Line], read: Read) -> None:
        line, collector = ready.line, feed.collector
        if ready.begins:
            collector.begins_anew()
            feed.late.clear()
        if ready.missing_before and collector.last_ns is None:
            collector.begins_in_the_middle()
        elif ready.missing_before:
            collector.records_missing()
            self._judge_again = True
        if isinstance(line.record, SessionRecord):
            self._kinds_of(feed, line.record)
        try:
            if not ready.late:
                self._judge_again |= collector.record(line.record, line.seq, line.stream_ns)
            else:
                feed.late.append(Numbered(line.seq, line.record, line.stream_ns))
                if ready.fills:
                    collector.hole_filled(feed.late)
                    feed.late = []
                    self._judge_again = True
            self._show(feed, line, read)
        except (ValueError, OrdwatchError) as exc:
            self._warn(feed, f"seq {line.seq}: {safe_text(str(exc), 200)}")

    def _noted(self, orders: Iterable[OrderRecord]) -> Iterator[OrderRecord]:
        for order in orders:
            if order.stream_seq is not None and order.stream_seq == self._resume.position:
                self.last_recorded = order
            yield order

    def forget_position(self) -> None:
        """The stream is another than the one that the recording's position is of."""
        self._resume = dataclasses.replace(self._resume, position=None)

    def _show(self, feed: _Feed, line: _Line, read: Read) -> None:
        order = line.record
        # What had been read up to the recording's last order was merged then; what waited for a missing line was not.
        if self._resume.position is not None and self._reading_seq <= self._resume.position:
            return
        if not isinstance(order, OrderRecord):
            if not isinstance(order, GapRecord | LinkRecord | RejectRecord) or self._follows(order.venue):
                read.others.append(order)
            return
        venue = self._venue_kinds.get(order.venue)
        if venue is None or feed.collector.kinds.get(order.venue) != venue.kind:
            if self._follows(order.venue):
                self._warn(
                    feed, f"the kind of its venue {safe_text(order.venue, 40)} is not known, or another's differs"
                )
            return
        if self.remaining == 0:
            return
        update = collected_update(order, venue.extra)
        if not self._raw and update.raw is not None:
            update = replace(update, raw=None)
        name = feed.collector.name
        arrival = Arrival(venue=order.venue, channel=name, at_ns=0, collector=name, stream_seq=line.stream_seq)
        made = self.store.apply([arrival, update])
        if self.remaining is not None:
            self.remaining -= sum(map(self.counts, made))
        read.records.extend(made)

    def _follows(self, venue: str) -> bool:
        return not self._chosen or venue in self._chosen

    def _kinds_of(self, feed: _Feed, session: SessionRecord) -> None:
        feed.collector.kinds = {**feed.collector.kinds, **(session.kinds or {})}
        self.simulated = bool(session.simulated) and self.simulated is not False
        for name, kind in (session.kinds or {}).items():
            if self._follows(name) and name not in self._venue_kinds:
                self._add_venue(name, kind)

    def _add_venue(self, name: str, kind: str) -> None:
        venue = self._load(kind)
        self._venue_kinds[name], self.kinds[name] = venue, kind
        self.stats[name] = VenueStats()
        self.store.add_venue(name, venue, self.stats[name])
        self.joint[name] = JointVenue(name, gaps_before=self._resume.gap_numbers.get(name, 0))

    def _judge(self, now: Moment, read: Read, *, all_overdue: bool = False) -> None:
        if not (self.is_caught_up and self._judge_again):
            return
        self._judge_again = False
        stream_now_ns, collectors = self.stream_now_ns(now), list(self.collectors.values())
        if all_overdue:
            stream_now_ns = NEVER_NS
        overdue = [each.overdue_at_ns for each in collectors]
        self._overdue_at_ns = min((at for at in overdue if at is not None and at >= stream_now_ns), default=NEVER_NS)
        for joint in self.joint.values():
            events: list[GapUpdate | LinkUpdate] = joint.judge(collectors, stream_now_ns, now.wall_ns)
            read.records.extend(self._applied(events))
            self.stats[joint.name].last_rx_ns = joint.last_rx_ns

    def _applied(self, events: Sequence[FeedEvent]) -> list[AnyRecord]:
        for event in events:
            if isinstance(event, LinkUpdate):
                stats = self.stats[event.venue]
                stats.state, stats.reconnects = event.state, event.conn - 1
        return self.store.apply(events)

    def _warn(self, feed: _Feed, text: str) -> None:
        if text not in feed.warned and len(feed.warned) < 100:
            feed.warned.add(text)
            log.warning("%s: %s", feed.collector.name, text)
