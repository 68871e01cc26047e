"""Times of a wall clock that was set forward or back, as a time that only passes.

Between two jumps the wall clock and the passed time run together. All times in ns; wall times since 1970 UTC.
"""

from typing import NamedTuple


class _Stretch(NamedTuple):
    """Wall times between two jumps."""

    start_ns: int | None
    """None: the first one reaches back as far as anybody asks."""
    end_ns: int | None
    """None: the last one has not ended."""
    ahead_ns: int
    """How far the wall clock is ahead of the passed time."""


class Timeline:
    """Starts with the wall clock itself as the passed time; each jump adds to the difference."""

    def __init__(self) -> None:
        self._stretches = [_Stretch(None, None, 0)]

    def jump(self, *, at_ns: int, jump_ns: int) -> int:
        """The wall clock reads `at_ns` after a jump of `jump_ns`; gives the passed time of the jump."""
        last = self._stretches[-1]
        # Never before the stretch began: two jumps within one look at the clocks.
        before_ns = max(at_ns - jump_ns, last.start_ns if last.start_ns is not None else at_ns - jump_ns)
        self._stretches[-1] = last._replace(end_ns=before_ns)
        self._stretches.append(_Stretch(at_ns, None, last.ahead_ns + at_ns - before_ns))
        return before_ns - last.ahead_ns

    def passed(self, wall_ns: int, at_ns: int | None = None) -> int:
        """The passed time of a wall time that a record names; `at_ns` is when, by the wall clock, it was written.

        After a step back the same wall time comes twice: taken is the latest that is not after `at_ns`.
        """
        for stretch in reversed(self._stretches):
            end_ns = at_ns if stretch.end_ns is None else stretch.end_ns
            if stretch.start_ns is not None and wall_ns < stretch.start_ns:
                continue
            if end_ns is None or wall_ns <= end_ns:
                return wall_ns - stretch.ahead_ns
        return self._nearest(wall_ns)

    def _nearest(self, wall_ns: int) -> int:
        """For a wall time that the clock jumped over, or one that is still to come."""
        for stretch in reversed(self._stretches):
            if stretch.start_ns is None or stretch.start_ns <= wall_ns:
                end_ns = wall_ns if stretch.end_ns is None else min(wall_ns, stretch.end_ns)
                return end_ns - stretch.ahead_ns
        return wall_ns

    def wall(self, passed_ns: int) -> int:
        """The wall time of a passed time; of the two at a jump the earlier."""
        for stretch in self._stretches:
            if stretch.end_ns is None or passed_ns <= stretch.end_ns - stretch.ahead_ns:
                return passed_ns + stretch.ahead_ns
        raise AssertionError("the last stretch has no end")

    def walls(self, from_ns: int, to_ns: int) -> list[tuple[int, int]]:
        """The wall times between two passed times: one pair, and one more for each jump in between."""
        found = []
        for stretch in self._stretches:
            first_ns, last_ns = from_ns + stretch.ahead_ns, to_ns + stretch.ahead_ns
            if stretch.start_ns is not None:
                first_ns = max(first_ns, stretch.start_ns)
            if stretch.end_ns is not None:
                last_ns = min(last_ns, stretch.end_ns)
            if first_ns < last_ns:
                found.append((first_ns, last_ns))
        return found or [(self.wall(from_ns), self.wall(from_ns))]
