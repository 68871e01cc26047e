"""Times of a wall clock that was set forward or back, as the time that really elapsed.

Between two jumps the wall clock and the elapsed time run together. All times in ns; wall times since 1970 UTC.
"""

from itertools import pairwise
from typing import NamedTuple

import msgspec


class _Stretch(NamedTuple):
    """Wall times between two jumps."""

    start_ns: int | None
    """None: the first stretch has no beginning."""
    end_ns: int | None
    """None: the last stretch has not ended."""
    ahead_ns: int
    """How far the wall clock is ahead of the elapsed time."""


class Timeline(msgspec.Struct):
    """Begins with the wall clock as the elapsed time; each jump changes the difference between the two."""

    _stretches: list[_Stretch] = msgspec.field(default_factory=lambda: [_Stretch(None, None, 0)])

    def jump(self, *, at_ns: int, jump_ns: int) -> None:
        """The wall clock shows `at_ns` after a jump of `jump_ns`."""
        last = self._stretches[-1]
        # Not before the stretch began: the clock may have jumped twice between two looks at it.
        before_ns = max(at_ns - jump_ns, last.start_ns if last.start_ns is not None else at_ns - jump_ns)
        self._stretches[-1] = last._replace(end_ns=before_ns)
        self._stretches.append(_Stretch(at_ns, None, last.ahead_ns + at_ns - before_ns))

    def elapsed_ns(self, wall_ns: int, at_ns: int | None = None) -> int:
        """The elapsed time of a wall time in a record; `at_ns` is the wall time when the record was written.

        After a step back the same wall time comes twice: the latest that is not after `at_ns` is meant.
        """
        for stretch in reversed(self._stretches):
            end_ns = at_ns if stretch.end_ns is None else stretch.end_ns
            if stretch.start_ns is not None and wall_ns < stretch.start_ns:
                continue
            if end_ns is None or wall_ns <= end_ns:
                return wall_ns - stretch.ahead_ns
        return self._nearest_ns(wall_ns)

    def all_elapsed_ns(self, wall_ns: int, at_ns: int) -> list[int]:
        """Every elapsed time that a wall time in a record may mean, the earliest first: never none.

        There is more than one where the clock was set back and showed the same time again.
        """
        found = []
        for stretch in self._stretches:
            end_ns = at_ns if stretch.end_ns is None else stretch.end_ns
            if (stretch.start_ns is None or stretch.start_ns <= wall_ns) and wall_ns <= end_ns:
                found.append(wall_ns - stretch.ahead_ns)
        return found or [self.elapsed_ns(wall_ns, at_ns)]

    def _nearest_ns(self, wall_ns: int) -> int:
        """For a wall time that the clock jumped over, or one in the future."""
        for stretch in reversed(self._stretches):
            if stretch.start_ns is None or stretch.start_ns <= wall_ns:
                end_ns = wall_ns if stretch.end_ns is None else min(wall_ns, stretch.end_ns)
                return end_ns - stretch.ahead_ns
        return wall_ns

    def went_back_since(self, elapsed_ns: int) -> bool:
        """Whether the wall clock was put back after this elapsed time: then an earlier wall time may be a later one."""
        return any(
            later.ahead_ns < earlier.ahead_ns
            and later.start_ns is not None
            and later.start_ns - later.ahead_ns > elapsed_ns
            for earlier, later in pairwise(self._stretches)
        )

    def wall_ns(self, elapsed_ns: int) -> int:
        """The wall time of an elapsed time; at a jump, the earlier of the two."""
        for stretch in self._stretches:
            if stretch.end_ns is None or elapsed_ns <= stretch.end_ns - stretch.ahead_ns:
                return elapsed_ns + stretch.ahead_ns
        raise AssertionError("the last stretch has no end")

    def wall_intervals(self, from_ns: int, to_ns: int) -> list[tuple[int, int]]:
        """The wall times between two elapsed times: one pair, and one more for each jump in between."""
        found = []
        for stretch in self._stretches:
            first_ns, last_ns = from_ns + stretch.ahead_ns, to_ns + stretch.ahead_ns
            if stretch.start_ns is not None:
                first_ns = max(first_ns, stretch.start_ns)
            if stretch.end_ns is not None:
                last_ns = min(last_ns, stretch.end_ns)
            if first_ns < last_ns:
                found.append((first_ns, last_ns))
        return found or [(self.wall_ns(from_ns), self.wall_ns(from_ns))]
