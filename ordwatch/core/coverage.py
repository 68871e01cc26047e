"""Opens and closes the gaps in what was seen of a venue's stream. Pure; times are arguments."""

from ordwatch.core.events import GapUpdate


class Coverage:
    """The coverage of one venue: everything since its first `live`, except the gaps."""

    def __init__(self, venue: str, *, gaps_before: int = 0) -> None:
        self._venue = venue
        self._number = gaps_before
        self.gap: GapUpdate | None = None
        """The gap that is open now."""
        self.ever_live = False
        self.limited = False
        """The venue refused part of a query, which stays unknown."""
        self._partial = False
        self._uncertain_ns = 0

    def open_gap(self, cause: str, from_ns: int, at_ns: int) -> list[GapUpdate]:
        """Coverage ended at `from_ns`, noticed at `at_ns` (earlier than `from_ns` if the clock was set back).

        An open gap continues; before the first `live` no gap is opened.
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
        """Continue a recording that was covered until then: the time since then is a gap."""
        self.ever_live = True
        return self.open_gap("restart", covered_until_ns, at_ns)

    def continue_gap(self, gap: GapUpdate) -> None:
        """Continue a recording in which this gap was never closed."""
        self.ever_live = True
        self.gap = gap

    def close_gap(self, at_ns: int, limits: str | None, reached_after_ns: int | None = None) -> list[GapUpdate]:
        """A query that was sent after the subscription was acknowledged is complete: the venue is covered again.

        `reached_after_ns`: how long after the gap's start the query's history begins; None: it begins at the start or
        before.
        """
        self.ever_live = True
        gap, self.gap = self.gap, None
        if gap is None:
            return []
        to_ns = max(gap.from_ns, at_ns)
        if reached_after_ns is not None:
            # Only the time before the query's history stays uncertain.
            to_ns = min(to_ns, gap.from_ns + max(0, reached_after_ns))
            self._partial = True
            self._uncertain_ns += to_ns - gap.from_ns
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

    @property
    def is_whole(self) -> bool:
        """Whether the venue was live and nothing since then is uncertain; judged without clocks."""
        return self.ever_live and self.gap is None and not self._partial and not self.limited

    def uncertain_s(self, now_ns: int) -> float:
        """Uncertain seconds since the first `live`; an open gap counts until now."""
        open_ns = now_ns - self.gap.from_ns if self.gap is not None else 0
        return (self._uncertain_ns + max(0, open_ns)) / 1e9
