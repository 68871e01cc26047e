"""A run judges itself as `verify` judges its recording, whatever happens to the venue."""

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from ordwatch.core.conversion import gap_record, gap_update, link_record, order_record, reject_record
from ordwatch.core.coverage import StreamCoverage
from ordwatch.core.events import FeedEvent, GapUpdate, LinkUpdate, OrderUpdate, Reject
from ordwatch.core.records import AliveRecord, AnyRecord, ClockRecord, VenueAlive, encode
from ordwatch.core.times import time_text
from ordwatch.core.venue_coverage import CoverageResult
from ordwatch.recording.format import with_crc
from ordwatch.recording.verdict import UNCERTAIN, Verdict
from ordwatch.recording.verify import check
from tests.engine.test_supervisor import Venue
from tests.recording.samples import end, opened, start
from tests.support.venue_driver import Driver, quick

WALL_S = 1_700_000_000.0
ALIVE_S = 10.0


class RecordedVenue(Venue):
    """Any venue, on a wall clock that may jump, whose records are judged twice and may be continued."""

    @initialize(links=st.integers(1, 3), resync=st.sampled_from([None, 5.0, 300.0]), live=st.booleans())
    def begin(self, links: int, resync: float | None, live: bool = True) -> None:
        self.folder = TemporaryDirectory()  # one for each example
        self.path = Path(self.folder.name) / "rec"
        self.policy = quick(links=links, resync_s=resync)
        self.driver = Driver(self.policy, wall_ahead_s=WALL_S)
        self.before: CoverageResult | None = None  # the judgement of the session before
        self.next_seq = 1
        self.begin_session()
        self.driver.advance(0)
        if live:
            self.driver.go_live()

    def begin_session(self) -> None:
        self.coverage = StreamCoverage()
        self.collected = self.written = 0
        self.alive_s = self.driver.now_s
        self.write(msgspec.structs.replace(start(0, "toy"), at=self.at))

    @property
    def at(self) -> str:
        return time_text(self.driver.now.wall_ns)

    def write(self, record: AnyRecord) -> None:
        self.coverage.records([record])
        self.append(record)

    def append(self, record: AnyRecord) -> None:
        with self.path.open("ab") as file:
            file.write(with_crc(encode(record), self.next_seq))
        self.next_seq += 1

    def alive(self) -> None:
        stats = self.driver.stats
        venue = VenueAlive(
            state=stats.state,
            last_rx=None if stats.last_rx_ns is None else time_text(stats.last_rx_ns),
            rtt_ms=None,
            updates=self.written,
            duplicates=0,
            rejected=0,
            reconnects=0,
            open_orders=0,
        )
        self.alive_s = self.driver.now_s
        self.write(AliveRecord(venues={"toy": venue}, queue=0, loop_lag_ms=0, rss_mib=1, synced_seq=None, at=self.at))

    # More that may happen.

    @rule(seconds=st.sampled_from([0.0, 0.3, 3.0, 20.0, 100.0]))
    def wait(self, seconds: float) -> None:
        while seconds > ALIVE_S:
            self.driver.advance(ALIVE_S)
            self.collect()
            seconds -= ALIVE_S
        self.driver.advance(seconds)

    @rule(jump_s=st.sampled_from([-86_400.0, -3.0, 0.5, 7200.0]))
    def jump(self, jump_s: float) -> None:
        self.driver.wall_ahead_s += jump_s
        self.write(ClockRecord(jump_ms=jump_s * 1000, suspended_ms=0.0, at=self.at))

    @precondition(lambda self: self.before is None)
    @rule(clean=st.booleans(), away_s=st.sampled_from([1.0, 4000.0]), jump_s=st.sampled_from([0.0, -7200.0]))
    def restart(self, clean: bool, away_s: float, jump_s: float) -> None:
        if clean:
            self.before = self.end_session()
        else:
            self.collect()
            self.before = self.coverage.result("toy")
            assert check([self.path]).exit_code == UNCERTAIN
        found = opened(self.path).continuation
        self.next_seq = found.last_seq + 1
        open_gap = found.open_gaps.get("toy")
        self.driver = Driver(
            self.policy,
            now_s=self.driver.now_s + away_s,
            wall_ahead_s=self.driver.wall_ahead_s + jump_s,
            gaps_before=found.next_gap("toy") - 1,
        )
        self.begin_session()
        if open_gap is not None:
            self.coverage = StreamCoverage()
            self.coverage.records([open_gap, msgspec.structs.replace(start(0, "toy"), at=self.at)])
        gap = None if open_gap is None else gap_update(open_gap)
        self.driver.run(self.driver.supervisor.resume(found.covered_until_ns.get("toy"), gap, self.driver.now))
        self.driver.advance(0)

    @invariant()
    def gaps_open_and_close_in_turn(self) -> None:
        if self.before is None:
            super().gaps_open_and_close_in_turn()

    # Records.

    @invariant()
    def collect(self) -> None:
        new = self.driver.events[self.collected :]
        self.collected += len(new)
        for event in new:
            if (record := self.record(event)) is not None:
                self.write(record)
        if self.driver.now_s - self.alive_s >= ALIVE_S:
            self.alive()

    def record(self, event: FeedEvent) -> AnyRecord | None:
        match event:
            case GapUpdate():
                return gap_record(event, recovered=0 if event.state == "closed" else None)
            case LinkUpdate():
                return link_record(event)
            case Reject():
                return reject_record(event)
            case OrderUpdate():
                self.written += 1
                update = msgspec.structs.replace(event, received_ns=self.driver.now.wall_ns)
                return order_record(update, prev_status=None, gap=None, changed=[], flags=[])
            case _:
                return None

    # The two judgements.

    def end_session(self) -> CoverageResult:
        self.collect()
        self.alive()
        self.write(msgspec.structs.replace(end(0), venues=["toy"], at=self.at))
        result = self.coverage.result("toy")
        self.agrees_with_what_was_recorded(result)
        self.agrees_with_verify(result, check([self.path]))
        return result

    def agrees_with_verify(self, result: CoverageResult, verdict: Verdict) -> None:
        venue = verdict.venues["toy"]
        assert verdict.exit_code in (0, UNCERTAIN)
        assert verdict.late_alive == self.coverage.late_alive == []
        assert venue.open_gap == (result.open_gap.gap if result.open_gap else None)
        if self.before is None or self.before.first_live_ns is None or self.before.is_whole:
            assert (verdict.exit_code == 0) == result.is_whole
            assert bool(venue.uncertain) == bool(result.uncertain)
        elif not result.is_whole:
            assert verdict.exit_code == UNCERTAIN
        if self.before is None:
            assert venue.without == result.without
            intervals = [(time_text(each.from_ns), each.reason) for each in result.uncertain]
            assert [(each.from_, each.reason) for each in venue.uncertain] == intervals
            assert venue.uncertain_s == round(result.uncertain_ns / 1e9, 6)
            assert venue.covered_s == round(result.covered_ns / 1e9, 6)

    def agrees_with_what_was_recorded(self, result: CoverageResult) -> None:
        links = [event for event in self.driver.events if isinstance(event, LinkUpdate) and event.state == "live"]
        gaps = self.driver.gaps
        known = [
            not self.driver.supervisor.ever_live,
            self.driver.supervisor.gaps.gap is not None,
            any(gap.outcome == "partial" for gap in gaps),
            bool(links) and links[-1].detail is not None,
            any("without a gap" in each.reason for each in result.uncertain),
            self.driver.stats.state == "stale",
        ]
        assert result.is_whole == (not any(known)), known

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            try:
                self.end_session()
            finally:
                self.folder.cleanup()


TestRecordedVenue = RecordedVenue.TestCase
TestRecordedVenue.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
