"""The gaps of one venue: numbered, opened once, closed once. Pure; times come in as arguments.

The engine decides when a gap opens and closes. What that leaves covered or uncertain is judged from the records
(coverage.py), by the same code while a run goes on and when its recording is verified.
"""

from ordwatch.core.events import GapUpdate


class GapTracker:
    """Knows the open gap of one venue, and makes the events that open and close gaps."""

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

        Returns nothing while a gap is open, which goes on, and before the first `live`.
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
            GapUpdate(
                venue=gap.venue,
                gap=gap.gap,
                state="closed",
                cause=gap.cause,
                from_ns=gap.from_ns,
                to_ns=to_ns,
                outcome="recovered" if reached_after_ns is None else "partial",
                limits=limits,
                at_ns=at_ns,
            )
        ]
