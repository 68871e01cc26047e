"""Collectors on paper: they see the same toy venue, are cut off now and then, and publish what real ones would.

Time is in seconds since START_NS. Records are made by the product's own order store and gap tracker, so that only the
network is invented here.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from ordwatch.core.conversion import gap_update
from ordwatch.core.coverage import StreamCoverage
from ordwatch.core.events import Arrival, FeedEvent, LinkUpdate, OrderUpdate, QueryStamp, VenueStats
from ordwatch.core.order_store import OrderStore
from ordwatch.core.records import AliveRecord, AnyRecord, GapRecord, OrderRecord, SessionRecord, VenueAlive, encode
from ordwatch.core.times import time_text
from ordwatch.engine.gaps import GapTracker
from ordwatch.engine.moment import Moment
from ordwatch.recording.format import mark, with_crc
from ordwatch.scale import subjects
from ordwatch.scale.follower import Follower, Read, Resume, StoredMessage
from tests.support.toy import TOY, toy_update

START_NS = 1_772_452_800_000_000_000
SECOND = 1_000_000_000

CutKind = Literal["gap", "partial", "kill", "end", "new recording"]


class Change(NamedTuple):
    """The venue changes an order at this time."""

    at_s: float
    order_id: str
    status: str
    filled: str
    version: int


class Cut(NamedTuple):
    """A collector sees nothing between these times."""

    from_s: float
    to_s: float
    kind: CutKind


def ns(at_s: float) -> int:
    return START_NS + round(at_s * 1e6) * 1000


class PaperCollector:
    """One collector: `run` gives its messages."""

    def __init__(
        self,
        name: str,
        changes: Sequence[Change],
        cuts: Sequence[Cut] = (),
        *,
        ahead_s: float = 0.0,
        delay_s: float = 0.01,
        covers: Sequence[str] = ("toy",),
    ) -> None:
        self.name = name
        self.cuts = cuts
        self._changes = changes
        self._ahead_s = ahead_s
        self._delay_s = delay_s
        self._covers = list(covers)
        self._messages: list[tuple[int, str, bytes]] = []
        self._coverage = StreamCoverage()
        self._gaps = GapTracker("toy")
        self._new_recording()
        self._conn = 0
        self._good_s = 0.0
        self._alive_s = 0.0
        self._queries = 0

    def run(self, until_s: float) -> list[tuple[int, str, bytes]]:
        """Stream time, subject and line of each message."""
        self._start(0.0, resumed=False)
        now_s = 0.0
        for cut in self.cuts:
            self._watch(now_s, cut.from_s)
            self._cut(cut)
            now_s = cut.to_s
        if now_s < until_s:
            self._watch(now_s, until_s)
        return [message for message in self._messages if message[0] <= ns(until_s)]

    def _new_recording(self) -> None:
        self._seq = 0
        self._stats = VenueStats()
        self._store = OrderStore({"toy": TOY}, {"toy": self._stats})
        self._coverage = StreamCoverage()
        self._gaps = GapTracker("toy")

    def _start(self, at_s: float, *, resumed: bool) -> None:
        self._write([self._session("start", at_s)], at_s)
        self._conn = 0
        events: list[FeedEvent] = []
        if resumed:
            known = self._coverage.venues["toy"]
            if known.gap is None and known.until_ns is not None:
                events += self._gaps.resume(known.until_ns, self._own(at_s))
        self._emit(events, at_s)
        self._live(at_s)

    def _live(self, at_s: float, kind: CutKind = "gap") -> None:
        self._conn += 1
        self._queries += 1
        now_ns = self._own(at_s)
        rows = [self._update(change, at_s, "query") for change in self._present(at_s)]
        stamp = QueryStamp(number=self._queries, sent_ns=now_ns, old_before_ns=now_ns)
        events: list[FeedEvent] = [Arrival(venue="toy", channel="query", at_ns=now_ns, query=stamp), *rows]
        events += self._gaps.close_gap(now_ns, None, 1 if kind == "partial" else None)
        events.append(LinkUpdate(venue="toy", conn=self._conn, state="live", at_ns=now_ns))
        self._stats.state = "live"
        self._good_s = at_s
        self._emit(events, at_s)
        self._alive(at_s)

    def _watch(self, from_s: float, to_s: float) -> None:
        pushes = [change for change in self._changes if from_s < change.at_s <= to_s]
        for change in pushes:
            self._beat(change.at_s)
            now_ns = self._own(change.at_s)
            self._good_s = change.at_s
            push = self._update(change, change.at_s, "push")
            self._emit([Arrival(venue="toy", channel=f"connection {self._conn}", at_ns=now_ns), push], change.at_s)
        self._beat(to_s)
        self._good_s = to_s

    def _beat(self, until_s: float) -> None:
        while self._alive_s + 10 <= until_s:
            self._good_s = max(self._good_s, self._alive_s + 10) if self._stats.state == "live" else self._good_s
            self._alive(self._alive_s + 10)

    def _cut(self, cut: Cut) -> None:
        if cut.kind == "end":
            self._alive(cut.from_s)
            self._write([self._session("end", cut.from_s)], cut.from_s)
        elif cut.kind in ("gap", "partial"):
            noticed_s = min(cut.from_s + 3, cut.to_s)
            events: list[FeedEvent] = [*self._gaps.open_gap("silent", self._own(self._good_s), self._own(noticed_s))]
            down = LinkUpdate(venue="toy", conn=self._conn, state="down", at_ns=self._own(noticed_s))
            self._beat(noticed_s)
            self._stats.state = "down"
            self._emit([*events, down], noticed_s)
            self._beat(cut.to_s)
            self._live(cut.to_s, cut.kind)
            return
        self._alive_s = cut.to_s
        if cut.kind == "new recording":
            self._new_recording()
        self._start(cut.to_s, resumed=cut.kind != "new recording")

    def _present(self, at_s: float) -> list[Change]:
        last = {change.order_id: change for change in self._changes if change.at_s <= at_s}
        return list(last.values())

    def _update(self, change: Change, at_s: float, source: str) -> OrderUpdate:
        return toy_update(
            "toy", change.order_id, change.status, change.filled, str(change.version), source, self._own(at_s)
        )

    def _own(self, at_s: float) -> int:
        return ns(at_s + self._ahead_s)

    def _emit(self, events: Iterable[FeedEvent], at_s: float) -> None:
        self._write(self._store.apply(events), at_s)

    def _alive(self, at_s: float) -> None:
        self._alive_s = at_s
        venue = VenueAlive(
            state=self._stats.state,
            last_rx=time_text(self._own(self._good_s)),
            rtt_ms=None,
            updates=0,
            duplicates=0,
            rejected=0,
            reconnects=0,
            open_orders=0,
            covers=self._covers,
        )
        at = time_text(self._own(at_s))
        self._write(
            [AliveRecord(venues={"toy": venue}, queue=0, loop_lag_ms=0, rss_mib=0, synced_seq=None, at=at)], at_s
        )

    def _session(self, state: Literal["start", "end"], at_s: float) -> SessionRecord:
        return session_record(self.name, state, time_text(self._own(at_s)))

    def _write(self, records: Sequence[AnyRecord], at_s: float) -> None:
        self._coverage.records(records)
        for record in records:
            self._seq += 1
            line = with_crc(encode(record), self._seq)
            self._messages.append((ns(at_s + self._delay_s), subjects.subject(self.name, mark(line)), line))


def stream(*collectors: PaperCollector, until_s: float) -> list[StoredMessage]:
    """What all of them have published, in the order of the stream."""
    sent = [message for collector in collectors for message in collector.run(until_s)]
    sent.sort(key=lambda message: message[0])
    return [StoredMessage(subject, data, seq, at_ns) for seq, (at_ns, subject, data) in enumerate(sent, 1)]


class PaperReader:
    """A follower that reads a stream as it is written, and makes the records of its own recording."""

    def __init__(
        self, messages: Sequence[StoredMessage], resume: Resume | None = None, *, before: Sequence[StoredMessage] = ()
    ) -> None:
        """`before`: what the stream holds, of which only the sessions are read."""
        self.messages = messages
        self.before = before
        self.follower = Follower(lambda _: TOY, resume=resume)
        self.records: list[AnyRecord] = []
        self.others: list[AnyRecord] = []
        self.resume = resume
        self.now_ns = START_NS

    def run(
        self,
        until_s: float,
        step_s: float = 0.5,
        *,
        from_s: float = 0.0,
        clean: bool = True,
        last_of_subjects: bool = False,
    ) -> "PaperReader":
        """Read what has come after each step of time. `last_of_subjects`: as `Follower.begin` has it."""
        self.now_ns = ns(from_s)
        there = [message for message in self.messages if message.time_ns <= self.now_ns]
        waiting = list(self.messages[len(there) :])
        if last_of_subjects:
            there = sorted({each.subject: each for each in there}.values(), key=lambda each: each.stream_seq)
        sessions = [each for each in self.before if each.time_ns <= self.now_ns and each.subject.endswith(".session")]
        self.follower.begin(sessions, self.now_ns, self._now, last_of_subjects=last_of_subjects)
        self.records.append(self._session("start"))
        self.records += self.follower.resumed(self._now)
        self._take(self.follower.read(there, self._now))
        self._take(self.follower.caught_up(self._now))
        self._alive()
        alive_ns = self.now_ns
        while self.now_ns < ns(until_s):
            self.now_ns += round(step_s * SECOND)
            some = [message for message in waiting if message.time_ns <= self.now_ns]
            waiting = waiting[len(some) :]
            self._take(self.follower.read(some, self._now))
            self._take(self.follower.timer(self._now))
            if self.now_ns - alive_ns >= 10 * SECOND:
                alive_ns = self.now_ns
                self._alive()
        if clean:
            self._alive()
            self.records.append(self._session("end"))
        return self

    def resumes(self, *before: "PaperReader") -> Resume:
        """What its recording hands to the next session; `before`: the sessions before it."""
        records = [record for reader in (*before, self) for record in reader.records]
        coverage = StreamCoverage()
        coverage.records(records)
        orders = [record for record in records if isinstance(record, OrderRecord)]
        gaps = [int(record.gap.rpartition("-")[2]) for record in records if isinstance(record, GapRecord)]
        venues = coverage.venues
        return Resume(
            orders=[order for order in orders if "late" not in order.flags],
            kinds={"toy": "toy"} if self.follower.kinds else {},
            covered_until_ns={name: venue.until_ns for name, venue in venues.items() if venue.until_ns is not None},
            open_gaps={name: gap_update(venue.gap) for name, venue in venues.items() if venue.gap is not None},
            gap_numbers={"toy": max(gaps, default=0)},
            position=max((order.stream_seq or 0 for order in orders), default=None),
        )

    @property
    def _now(self) -> Moment:
        return Moment(self.now_ns, self.now_ns - START_NS, self.now_ns - START_NS)

    def _take(self, read: Read) -> None:
        self.records += read.records
        self.others += read.others

    def _alive(self) -> None:
        venues = {name: self.follower.alive(name) for name in self.follower.joint}
        at = time_text(self.now_ns)
        self.records.append(AliveRecord(venues=venues, queue=0, loop_lag_ms=0, rss_mib=0, synced_seq=None, at=at))

    def _session(self, state: Literal["start", "end"]) -> SessionRecord:
        return session_record("follower", state, time_text(self.now_ns))


def session_record(host: str, state: Literal["start", "end"], at: str) -> SessionRecord:
    return SessionRecord(
        state=state,
        schema="ordwatch/1",
        version="0",
        pid=1,
        host=host,
        venues=["toy"],
        kinds={"toy": "toy"},
        simulated=True,
        config_sha256=None,
        reason="stopped" if state == "end" else None,
        exit=None,
        counts=None,
        uncertain_s=None,
        at=at,
    )
