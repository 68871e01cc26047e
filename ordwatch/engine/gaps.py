"""Where a gap of a venue begins and ends, and from when the next query must report orders. Pure.

When coverage is lost is decided in supervisor.py, which then calls `VenueGaps.open`. What gaps leave covered or
uncertain is judged from the records (core/coverage.py), by the same code while a run goes on and when its recording is
verified.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from ordwatch.core.events import GapUpdate
from ordwatch.engine.link import Link
from ordwatch.engine.moment import Moment
from ordwatch.engine.policy import Orders
from ordwatch.engine.queries import Query
from ordwatch.engine.venue_clock import MARGIN_NS, VenueClock, since
from ordwatch.venues.contract import QueryResult

COMPLETE_SLACK_NS = 5 * 1_000_000_000
"""A query closes a gap as recovered if its history begins no later than this before the gap's start."""
WHOLE_GAP_NS = 2**62
TRIES = 3
"""So many queries in a row ask for a history that the venue does not give; the next one goes on without it."""


class VenueGaps:
    """Decides where the gaps of one venue begin and end."""

    def __init__(self, tracker: "GapTracker", orders: Orders) -> None:
        self.epoch = 0
        """Counts the losses of coverage: a query that started before the last one closes no gap."""
        self.since_ns: int | None = None
        """Where the history of the next query must begin, in the venue's time; None before the first complete one."""
        self._incomplete = 0
        """How many queries in a row did not reach back as far as they asked."""
        self._tracker = tracker
        self._orders = orders
        self._clock = VenueClock()

    @property
    def ever_live(self) -> bool:
        """Whether the venue was live at any time."""
        return self._tracker.ever_live

    @property
    def gap(self) -> GapUpdate | None:
        """The gap that is open now."""
        return self._tracker.gap

    def read_clock(self, venue_ns: int, running_ns: int) -> None:
        """An answer that arrived at `running_ns` contained the venue's time."""
        self._clock.read(venue_ns, running_ns)

    def resume(
        self, covered_until_ns: int | None, open_gap: GapUpdate | None, now: Moment, *, clock_went_back: bool = False
    ) -> list[GapUpdate]:
        """Continue a recording that was covered until then, or has a gap that was never closed.

        `clock_went_back`: this host's clock was put back since then, within a session or between two. Then nothing
        tells which of the known orders were received before, and the query asks for everything.
        """
        if open_gap is not None:
            self._tracker.continue_gap(open_gap)
            covered_until_ns, opened = open_gap.from_ns, []
        elif covered_until_ns is not None:
            opened = self._tracker.resume(covered_until_ns, now.wall_ns)
        else:
            return []
        # The recording's times of this host's clock cannot be compared with now; the venue's own times can.
        self.since_ns = since(None, None if clock_went_back else self._latest_until(covered_until_ns))
        return opened

    def _latest_until(self, received_ns: int) -> int | None:
        """The latest time of the venue's own clock in what was received until then, as far as it is still held.

        Later updates (while a gap is open, or by another link) prove nothing of the time before they came.
        """
        times = [
            max(order.updated_ns or 0, order.created_ns or 0)
            for order in self._orders.all()
            if order.received_ns <= received_ns
        ]
        return max(times, default=0) or None

    def open(
        self, cause: str, link: Link, links: Sequence[Link], now: Moment, from_ns: int | None = None
    ) -> list[GapUpdate]:
        """Coverage ended with the last good message of this link, or at `from_ns` if that is earlier.

        Where another of the links was silent for longer, nothing proves what it missed since: coverage ended there.
        """
        self.epoch += 1
        silent = most_silent(links)
        if silent is not None and link.last_good_ns and silent.last_good_running_ns < link.last_good_running_ns:
            link = silent
        last_ns = link.last_good_ns or now.wall_ns
        last_running_ns = link.last_good_running_ns or now.running_ns
        if from_ns is not None and from_ns < last_ns:
            last_running_ns -= last_ns - from_ns
            last_ns = from_ns
        opened = self._tracker.open_gap(cause, last_ns, now.wall_ns)
        if opened:
            latest_ns = self._orders.latest_ns()
            if latest_ns is not None:
                # Other links may have received later updates; the venue's clock runs no faster than ours.
                latest_ns -= now.running_ns - last_running_ns
            self.since_ns = since(self._clock.at(last_running_ns), latest_ns)
        return opened

    def next_since_ns(self, now: Moment) -> int:
        """Where the history of the next query must begin if the one that starts now is answered."""
        return since(self._clock.at(now.running_ns), self._orders.latest_ns())

    def close(self, query: Query, result: QueryResult, without: str | None, now: Moment) -> list[GapUpdate]:
        """The query was answered completely, `without` the parts that were refused: the venue is covered again."""
        limits = "; ".join((*result.limits, *([f"without {without}"] if without else []))) or None
        missing_ns = _reached_after_ns(result, query.since_ns)
        self._incomplete = 0 if missing_ns is None else self._incomplete + 1
        if self._incomplete % TRIES == 0:
            self.since_ns = query.next_since_ns
        reached_after_ns = WHOLE_GAP_NS if without else missing_ns
        return self._tracker.close_gap(now.wall_ns, limits, reached_after_ns)


def most_silent(links: Sequence[Link]) -> Link | None:
    """Of the subscribed links that received a good message, the one that did so longest ago."""
    received = [each for each in links if each.subscribed and each.last_good_ns]
    return min(received, key=lambda each: each.last_good_running_ns, default=None)


def _reached_after_ns(result: QueryResult, since_ns: int | None) -> int | None:
    """How long after the gap's start the query's history begins; None: at the start or before."""
    if result.complete_since_ns is None:
        return None
    if not since_ns:
        return WHOLE_GAP_NS
    after_ns = result.complete_since_ns - (since_ns + MARGIN_NS)
    return after_ns if after_ns > -COMPLETE_SLACK_NS else None


class GapTracker:
    """Numbers the gaps of one venue: each is opened once and closed once."""

    def __init__(self, venue: str, *, gaps_before: int = 0) -> None:
        """`gaps_before`: the highest number that the recording has used for this venue."""
        self._venue = venue
        self._number = gaps_before
        self.gap: GapUpdate | None = None
        """The gap that is open now."""
        self.ever_live = False
        """Before the first `live` nothing was covered, so no gap can open."""

    def open_gap(self, cause: str, from_ns: int, at_ns: int) -> list[GapUpdate]:
        """Coverage ended at `from_ns`, as was noticed at `at_ns`; after a clock was put back, `at_ns` is the earlier.

        Returns nothing while a gap is open, which stays open, and before the first `live`.
        """
        if self.gap is not None or not self.ever_live:
            return []
        self._number += 1
        self.gap = GapUpdate(
            venue=self._venue,
            gap=f"{self._venue}-{self._number}",
            state="open",
            cause=cause,
            from_ns=from_ns,
            at_ns=at_ns,
        )
        return [self.gap]

    def resume(self, covered_until_ns: int, at_ns: int) -> list[GapUpdate]:
        """A recording is continued that was covered until then: everything since was missed."""
        self.ever_live = True
        return self.open_gap("restart", covered_until_ns, at_ns)

    def continue_gap(self, gap: GapUpdate) -> None:
        """A recording is continued in which this gap is still open."""
        self.ever_live = True
        self.gap = gap

    def close_gap(self, at_ns: int, limits: str | None, reached_after_ns: int | None = None) -> list[GapUpdate]:
        """A query that was sent after the subscription's acknowledgement is complete: the venue is covered again.

        `reached_after_ns`: how long after the start of the gap the time begins that the query reached; None: it reached
        back to the start and before.
        """
        self.ever_live = True
        gap, self.gap = self.gap, None
        if gap is None:
            return []
        to_ns = max(gap.from_ns, at_ns)
        if reached_after_ns is not None:
            # The query covers what it reached: only the time before that stays uncertain.
            to_ns = min(to_ns, gap.from_ns + max(0, reached_after_ns))
        return [
            replace(
                gap,
                state="closed",
                to_ns=to_ns,
                outcome="recovered" if reached_after_ns is None else "partial",
                limits=limits,
                at_ns=at_ns,
            )
        ]
