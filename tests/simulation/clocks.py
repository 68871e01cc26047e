"""The clocks of a simulated host: true time passes evenly, the wall clock is wrong and jumps, a machine may sleep."""

from bisect import bisect_right
from itertools import pairwise

from tests.simulation.product import (
    Moment,
)

SECOND = 1_000_000_000
START_NS = 1_790_000_000 * SECOND
"""The true time at which every world begins, ns since 1970 UTC."""


class Clocks:
    """Reads every clock of the host at the true time `now_ns`, which the world moves."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self._steps = [(0, 0)]
        """Since which true time the wall clock is how far ahead."""
        self._asleep_ns = 0

    @property
    def wall_ahead_ns(self) -> int:
        """How far the wall clock is ahead of the true time."""
        return self._steps[-1][1]

    def set_wall(self, ahead_ns: int) -> None:
        """The wall clock is set."""
        self._steps.append((self.now_ns, ahead_ns))

    def sleep(self, length_ns: int) -> None:
        """The machine slept for so long, until now: the monotonic clock stood still."""
        self._asleep_ns += length_ns

    @property
    def mono_ns(self) -> int:
        """The monotonic clock now."""
        return self.now_ns - START_NS + 1_000 * SECOND - self._asleep_ns

    def moment(self) -> Moment:
        """All clocks now."""
        return Moment(self.now_ns + self.wall_ahead_ns, self.mono_ns, self.now_ns - START_NS + 5_000 * SECOND)

    def moment_at(self, true_ns: int) -> Moment:
        """All clocks at a time since which the machine did not sleep."""
        ago_ns = self.now_ns - true_ns
        return Moment(self.wall(true_ns), self.mono_ns - ago_ns, true_ns - START_NS + 5_000 * SECOND)

    def next_step(self, since_ns: int) -> int:
        """The first true time after this at which the wall clock was set; now if it was not."""
        return min((at_ns for at_ns, _ in self._steps if at_ns > since_ns), default=self.now_ns)

    def wall(self, true_ns: int) -> int:
        """What the wall clock showed at a true time."""
        return true_ns + self._steps[bisect_right(self._steps, (true_ns, 2**62)) - 1][1]

    def went_back(self, since_ns: int) -> bool:
        """Whether the wall clock was set back since this true time."""
        later = [ahead_ns for at_ns, ahead_ns in self._steps if at_ns > since_ns]
        before = self._steps[bisect_right(self._steps, (since_ns, 2**62)) - 1][1]
        return any(after < earlier for earlier, after in pairwise([before, *later]))

    def true(self, wall_ns: int, before_ns: int | None = None) -> int:
        """The latest true time, not after `before_ns`, at which the wall clock showed this."""
        end_ns = self.now_ns if before_ns is None else before_ns
        nearest = end_ns
        for start_ns, ahead_ns in reversed(self._steps):
            if start_ns > end_ns:
                continue
            true_ns = wall_ns - ahead_ns
            if start_ns <= true_ns <= end_ns:
                return true_ns
            if true_ns > end_ns:
                nearest = end_ns  # a time that the clock jumped over
            end_ns = start_ns
        return nearest

    def first_true(self, wall_ns: int) -> int:
        """The earliest true time at which the wall clock showed this, or had passed it."""
        for start_ns, ahead_ns in self._steps:
            end_ns = min((at_ns for at_ns, _ in self._steps if at_ns > start_ns), default=self.now_ns)
            if wall_ns - ahead_ns <= end_ns:
                return max(start_ns, wall_ns - ahead_ns)
        return self.now_ns
