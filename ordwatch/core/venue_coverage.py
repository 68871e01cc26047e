"""What of one venue was seen and what stays uncertain: its part of the fold in coverage.py. Pure.

Covered is a time between `live` and the last proof of life, or inside a recovered gap. Everything else after the first
`live` is uncertain. A proof of life is a push (where the venue has one connection) or the `last_rx` of an alive record.
The time from the last one to a clean end is neither. Lengths are those of the elapsed time (timeline.py): a time that
the wall clock jumped over is neither.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from ordwatch.core.records import GapRecord, Time
from ordwatch.core.timeline import Timeline
from ordwatch.core.times import time_ns

REPORTED_BY_VENUE = "venue_logged_out"
"""The cause of a gap that begins when the venue itself saw no orders any more, as it reported later."""
WITHOUT = "without "
"""Begins the detail of a link record that names parts which are not covered."""


class UncertainInterval(NamedTuple):
    """A time in which a venue was not seen; wall times in ns since 1970 UTC."""

    from_ns: int
    to_ns: int | None
    """None: the end is unknown."""
    reason: str


class CoverageResult(NamedTuple):
    """The judgement on one venue."""

    first_live_ns: int | None
    """Coverage begins here; None: the venue never was live."""
    covered_ns: int
    uncertain: tuple[UncertainInterval, ...]
    open_gap: GapRecord | None
    """A gap that was never closed."""
    without: str | None
    """Parts (accounts, pairs, markets) that the last `live` record names as not covered, and why."""

    @property
    def is_whole(self) -> bool:
        """The venue was live, and nothing since then is uncertain, however short and whatever the clocks show."""
        return not (self.first_live_ns is None or self.uncertain or self.open_gap or self.without is not None)

    @property
    def uncertain_ns(self) -> int:
        """Length of the uncertain intervals whose end is known."""
        return sum(interval.to_ns - interval.from_ns for interval in self.uncertain if interval.to_ns is not None)


class VenueCoverage(msgspec.Struct):
    """One venue's part of the fold. Methods are called in the order of the records, with wall times.

    Those that take a gap raise ValueError if a time in it is none.
    """

    _timeline: Timeline = msgspec.field(default_factory=Timeline)
    """Knows how the wall clock jumped."""
    _records_missing: bool = False
    first_live_ns: int | None = None
    gap: GapRecord | None = None
    """The gap that is open."""
    _without: str | None = None
    # From here on all times are elapsed times.
    _covered_ns: int = 0
    _uncertain: list[UncertainInterval] = []
    _since: int | None = None  # covered since then; None: not covered now
    _last_since: int = 0  # where the last covered time began: a gap that reaches back may still shorten it
    _gap_from: int = 0  # where the open gap begins
    _uncovered: tuple[int, str] | None = None  # since when and why it is not covered now
    _proof: int = 0  # the latest proof of life
    _last_rx: tuple[int, int] | None = None  # the last one of an alive record: wall time, elapsed time
    _jumped: bool = False  # whether the wall clock jumped since that alive record
    _connections: set[int] = set()  # numbers of those that are not down
    _stale: set[int] = set()  # and of those that are silent
    _last_push: Time = ""  # when the latest push was read, and the latest before that
    _earlier_push: Time = ""
    _ended: int = 0  # the last clean end: between the last proof of life and it nothing is judged
    _left_live: str | None = None  # a state that the link changed to, which no gap has explained yet

    def share(self, timeline: Timeline) -> None:
        """Use this timeline, which is equal to its own."""
        self._timeline = timeline

    @property
    def is_covered(self) -> bool:
        """Whether it is covered now, as far as the records so far prove it."""
        return self._since is not None

    @property
    def uncertain(self) -> Sequence[UncertainInterval]:
        """The uncertain intervals that have ended."""
        return self._uncertain

    @property
    def until_ns(self) -> int | None:
        """Until when the venue is known to be covered; None if it never was."""
        elapsed_ns = self._until()
        return None if elapsed_ns is None else self._timeline.wall_ns(elapsed_ns)

    @property
    def clock_went_back(self) -> bool:
        """Whether the wall clock was put back since `until_ns`, or since the open gap began.

        Then what was received at an earlier wall time need not have been received before.
        """
        elapsed_ns = self._gap_from if self.gap is not None else self._until()
        return elapsed_ns is not None and self._timeline.went_back_since(elapsed_ns)

    def _until(self) -> int | None:
        if self._since is not None:
            return max(self._proven(), self._since)
        return None if self._uncovered is None else self._uncovered[0]

    def push_received(self, at: Time) -> None:
        """A push was read at that time.

        It proves only what was read before it: a later push of the same read may have been lost with the process.
        Where the venue has several connections it proves nothing of the others, so there only alive records count.
        """
        if len(self._connections) > 1:
            return
        # Texts of one length and zone compare as the times they stand for; each is parsed only if it matters.
        if at > self._last_push:
            self._earlier_push, self._last_push = self._last_push, at

    def connection_changed(self, number: int, state: str) -> None:
        """A connection reached this state."""
        for numbers, is_in in (
            (self._connections, state not in ("down", "failed")),
            (self._stale, state == "stale"),
        ):
            if is_in:
                numbers.add(number)
            else:
                numbers.discard(number)

    def session_started(self) -> None:
        """A session begins. Records that were missing before it matter no longer."""
        self._connections.clear()
        self._stale.clear()
        self._stop("stopped without an end")
        self._records_missing = False

    def link_live(self, at_ns: int, detail: str | None = None) -> None:
        """The link is live; `detail` names what it is live without."""
        self._without = None if detail is None else detail.removeprefix(WITHOUT)
        if self.gap is None:
            if self._left_live is not None:
                self._end_coverage(self._proven(), f"link {self._left_live} without a gap")
            self._resume(self._timeline.elapsed_ns(at_ns, at_ns))
        self._left_live = None

    def link_stale(self, detail: str | None = None) -> None:
        """The link is silent. `detail` may name a part that it is, or will be, live without."""
        if detail is not None and detail.startswith(WITHOUT):
            self._without = detail.removeprefix(WITHOUT)

    def link_not_live(self, state: str) -> None:
        """The link changed to another state; the gap that must follow has the time."""
        if self._since is not None:
            self._left_live = state

    def alive(self, at_ns: int, last_rx_ns: int | None) -> None:
        """An alive record shows the link live; after missing records, coverage is known again from here."""
        now_ns = self._timeline.elapsed_ns(at_ns, at_ns)
        if self._records_missing and self.gap is None:
            self._records_missing = False
            self._resume(now_ns)
        if last_rx_ns is not None:
            # After the clock was put back, `last_rx` may lie in the future.
            received_ns = min(self._received(last_rx_ns, at_ns), now_ns)
            self._last_rx = (last_rx_ns, received_ns)
            self._prove(received_ns)
        self._jumped = False

    def _received(self, wall_ns: int, at_ns: int) -> int:
        """The elapsed time at which the last message was received, as a record with the time `at_ns` has it.

        If the clock was set back since the last alive record, the same wall time may have come twice. Then the earlier
        one is taken that is not before the last proof: what is not proven is not covered.
        """
        if self._last_rx is not None and self._last_rx[0] == wall_ns:
            return self._last_rx[1]
        possible = self._timeline.all_elapsed_ns(wall_ns, at_ns)
        if not self._jumped:
            return possible[-1]
        proven_ns = self._proven()
        return next((elapsed_ns for elapsed_ns in possible if elapsed_ns >= proven_ns), possible[-1])

    def gap_opened(self, gap: GapRecord) -> None:
        """Coverage ended at the start of the gap. Only a venue that was live has gaps: so it was live until then."""
        self.gap = gap
        self._left_live = None
        from_ns = self._gap_from = self._gap_start(gap)
        if self.first_live_ns is None:
            self.first_live_ns = self._timeline.wall_ns(from_ns)
        self._end_coverage(from_ns, gap.cause)

    def _gap_start(self, gap: GapRecord) -> int:
        from_ns, at_ns = time_ns(gap.from_), time_ns(gap.at)
        if gap.cause == REPORTED_BY_VENUE:
            # It may begin before messages that were received: the earliest possible time counts.
            possible = self._timeline.all_elapsed_ns(from_ns, at_ns)
            since_ns = self._since or 0
            started_ns = next((elapsed_ns for elapsed_ns in possible if elapsed_ns >= since_ns), possible[-1])
        else:
            started_ns = self._received(from_ns, at_ns)
        return min(started_ns, self._timeline.elapsed_ns(at_ns, at_ns))

    def gap_closed(self, gap: GapRecord) -> None:
        """The venue is covered again."""
        opened, self.gap = self.gap, None
        # After the clock was put back, the same wall time came again: where the gap began was clear when it opened.
        from_ns = self._elapsed(gap.from_, gap) if opened is None else self._gap_from
        to_ns = self._elapsed(gap.to or gap.at, gap)
        if gap.from_ > gap.at:
            # `from` is from a clock that was ahead, and `to` is never before it, so it is not the end of the gap.
            to_ns = self._elapsed(gap.at, gap)
        if gap.outcome != "recovered":
            self._gap_closed_partial(gap, from_ns, to_ns)
            return
        self._resume(from_ns if self._uncovered else to_ns)
        self._prove(to_ns)

    def _gap_closed_partial(self, gap: GapRecord, from_ns: int, to_ns: int) -> None:
        # Uncertain however short: what was missed is unknown.
        from_ns = self._uncovered[0] if self._uncovered else from_ns
        to_ns = max(from_ns, to_ns)
        self._add_uncertain(from_ns, to_ns, gap.cause if gap.limits is None else f"{gap.cause}; {gap.limits}")
        self._uncovered = None
        self._resume(to_ns)

    def session_ended(self, at_ns: int) -> None:
        """The session ended cleanly. A venue that was live is covered until its last proof of life.

        What came after that was never read. It is neither covered nor uncertain, and in the gap that the next session
        opens. If a connection was silent for so long that it was `stale`, nobody knows whether it still lived.
        """
        if self._stale and self._since is not None:
            self._stop("silent until the end")
            return
        if self._left_live is None and self._since is not None:
            self._ended = self._timeline.elapsed_ns(at_ns, at_ns)
        self._stop("not recorded")

    def records_missing(self) -> None:
        """Records are missing here; coverage is known again with the next alive record."""
        self._stop("records are missing")
        self.gap = None
        self._records_missing = True

    def clock_jumps(self, before_ns: int) -> None:
        """The wall clock is about to jump from `before_ns`; called before the timeline learns of it."""
        self._proof = min(self._proven(), self._timeline.elapsed_ns(before_ns, before_ns))
        # Texts of times before and after the jump cannot be compared.
        self._last_push = self._earlier_push = ""
        self._jumped = True

    def result(self, until: int | None, *, stopped: bool = False) -> CoverageResult:
        """The judgement so far; what is not covered now is uncertain until then (elapsed time), or without an end.

        `stopped`: the stream ended without a session end, so a venue that is live is uncertain from its last proof on.
        """
        covered_ns, uncertain = self._covered_ns, list(self._uncertain)
        if self._since is not None:
            end = max(self._proven(), self._since)
            covered_ns += end - self._since
            if stopped:
                uncertain += self._intervals(end, None, "stopped without an end")
        elif self._uncovered is not None:
            from_, reason = max(self._uncovered[0], self._ended if self.gap is None else 0), self._uncovered[1]
            if until is None or until > from_:
                uncertain += self._intervals(from_, until, reason)
            elif self.gap is not None:
                # An open gap is never covered, whatever the clocks show.
                uncertain += self._intervals(from_, from_, reason)
        return CoverageResult(self.first_live_ns, covered_ns, tuple(uncertain), self.gap, self._without)

    def _elapsed(self, time: Time, gap: GapRecord) -> int:
        """The elapsed time of a time in a gap, which is never after the record itself."""
        at_ns = time_ns(gap.at)
        return min(self._timeline.elapsed_ns(time_ns(time), at_ns), self._timeline.elapsed_ns(at_ns, at_ns))

    def _prove(self, elapsed_ns: int) -> None:
        self._proof = max(self._proof, elapsed_ns)

    def _proven(self) -> int:
        if self._earlier_push:
            with suppress(ValueError):  # a text that is no time proves nothing
                self._prove(self._timeline.elapsed_ns(time_ns(self._earlier_push)))
            self._earlier_push = ""
        return self._proof

    def _stop(self, reason: str) -> None:
        """The session ended, or records are missing."""
        left_live, self._left_live = self._left_live, None
        if self._since is not None:
            self._end_coverage(self._proven(), reason if left_live is None else f"link {left_live} without a gap")

    def _end_coverage(self, from_ns: int, reason: str) -> None:
        if self._since is not None:
            end = max(from_ns, self._since)
            self._covered_ns += end - self._since
            self._last_since, self._since = self._since, None
            self._uncovered = (end, reason)
        elif self._uncovered is None:
            self._last_since = from_ns
            self._uncovered = (from_ns, reason)
        elif from_ns < self._uncovered[0]:
            end = max(from_ns, self._last_since)
            self._covered_ns -= self._uncovered[0] - end
            self._uncovered = (end, reason)
        else:
            self._uncovered = (self._uncovered[0], reason)

    def _resume(self, from_ns: int) -> None:
        if self._since is not None:
            return
        if self.first_live_ns is None:
            self.first_live_ns = self._timeline.wall_ns(from_ns)
        if self._uncovered is not None:
            uncovered_ns, reason = self._uncovered
            if from_ns > uncovered_ns:
                self._add_uncertain(uncovered_ns, from_ns, reason)
            from_ns = max(from_ns, uncovered_ns)
            self._uncovered = None
        self._since = from_ns
        self._prove(from_ns)

    def _add_uncertain(self, from_ns: int, to_ns: int, reason: str) -> None:
        self._uncertain += self._intervals(from_ns, to_ns, reason)

    def _intervals(self, from_ns: int, to_ns: int | None, reason: str) -> list[UncertainInterval]:
        if to_ns is None:
            return [UncertainInterval(self._timeline.wall_ns(from_ns), None, reason)]
        walls = self._timeline.wall_intervals(from_ns, to_ns)
        return [UncertainInterval(first_ns, last_ns, reason) for first_ns, last_ns in walls]
