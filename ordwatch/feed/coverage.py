"""What of a venue's stream was seen: opens and closes the gaps. Pure; times come in as arguments."""

from typing import Literal

from ordwatch.model import GapUpdate
from ordwatch.venues.contract import Report

REACH_SLACK_NS = 5 * 1_000_000_000
"""A query heals a gap when it reaches back to this long before the gap's start."""


class Coverage:
    """The account of one venue: covered from its first `live` on, but for the gaps."""

    def __init__(self, venue: str, *, gaps_before: int = 0) -> None:
        self._venue = venue
        self._number = gaps_before
        self.gap: GapUpdate | None = None
        """The gap that is open now."""
        self.ever_live = False
        self._uncertain_ns = 0

    def lose(self, cause: str, from_ns: int, at_ns: int) -> list[GapUpdate]:
        """Coverage is lost since `from_ns`. While a gap is open it goes on; before the first `live` there is none."""
        if self.gap is not None or not self.ever_live:
            return []
        self._number += 1
        self.gap = GapUpdate(
            venue=self._venue,
            gap=f"{self._venue}-{self._number}",
            state="open",
            cause=cause,
            from_ns=min(from_ns, at_ns),
            at_ns=at_ns,
        )
        return [self.gap]

    def resume(self, covered_until_ns: int, at_ns: int) -> list[GapUpdate]:
        """A recording goes on that was covered until then: nothing since was seen."""
        self.ever_live = True
        return self.lose("restart", covered_until_ns, at_ns)

    def go_on(self, gap: GapUpdate) -> None:
        """A recording goes on in which this gap was never closed."""
        self.ever_live = True
        self.gap = gap

    def restore(self, report: Report, at_ns: int) -> list[GapUpdate]:
        """A query, complete and sent after the subscription was acknowledged: covered again."""
        self.ever_live = True
        gap, self.gap = self.gap, None
        if gap is None:
            return []
        outcome, to_ns = self._outcome(gap, report), at_ns
        if outcome == "partial":
            # What the query did reach is known: only the time before stays uncertain.
            to_ns = max(gap.from_ns, min(report.reach_ns or at_ns, at_ns))
            self._uncertain_ns += to_ns - gap.from_ns
        return [
            GapUpdate(
                venue=gap.venue,
                gap=gap.gap,
                state="closed",
                cause=gap.cause,
                from_ns=gap.from_ns,
                to_ns=to_ns,
                outcome=outcome,
                limits="; ".join(report.limits) or None,
                at_ns=at_ns,
            )
        ]

    def _outcome(self, gap: GapUpdate, report: Report) -> Literal["recovered", "partial"]:
        reaches = report.reach_ns is None or report.reach_ns <= gap.from_ns - REACH_SLACK_NS
        return "recovered" if reaches else "partial"

    def uncertain_s(self, now_ns: int) -> float:
        """Seconds since the first `live` that nothing covers; an open gap counts until now."""
        open_ns = now_ns - self.gap.from_ns if self.gap is not None else 0
        return (self._uncertain_ns + max(0, open_ns)) / 1e9
