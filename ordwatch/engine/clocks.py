"""Detects jumps of the wall clock, sleep of the machine, and delays of our own event loop. Pure; readings come in."""

from ordwatch.core.events import ClockJump
from ordwatch.engine.moment import Moment

JUMP_NS = 1_000_000_000
OVERSLEPT_NS = 5_000_000_000
TICK_S = 0.25
"""The longest time between two looks at the clocks while nothing delays the process."""
_TICK_NS = int(TICK_S * 1e9)


class Clocks:
    """Compares the clocks from one look to the next.

    They are looked at before each event is judged, so that nothing is taken for received in time after a sleep, and
    every `TICK_S` seconds.
    """

    def __init__(self, now: Moment) -> None:
        self._last = now
        self._tick_ns = now.mono_ns
        self._lag_ns = 0

    @property
    def last_ns(self) -> int:
        """The wall clock at the last look."""
        return self._last.wall_ns

    def look(self, now: Moment) -> ClockJump | None:
        """The jump or sleep since the last look, if there was one.

        A sleep of the machine, or of this process alone (SIGSTOP), counts as suspended.
        """
        last = self._last
        passed_ns = now.mono_ns - last.mono_ns
        if passed_ns < 0:  # a reading of before the last look
            return None
        self._last = now
        running_ns = now.running_ns - last.running_ns
        jump_ns = now.wall_ns - last.wall_ns - running_ns
        late_ns = passed_ns - _TICK_NS
        asleep_ns = running_ns - passed_ns
        suspended_ns = max(asleep_ns if asleep_ns > JUMP_NS else 0, late_ns if late_ns > OVERSLEPT_NS else 0)
        if not suspended_ns and abs(jump_ns) <= JUMP_NS:
            return None
        return ClockJump(
            jump_ms=round(jump_ns / 1e6, 3) if abs(jump_ns) > JUMP_NS else 0.0,
            suspended_ms=round(suspended_ns / 1e6, 3),
            at_ns=now.wall_ns,
        )

    def tick(self, now: Moment) -> None:
        """`TICK_S` seconds should have passed since the last tick; what passed beyond that is our own lag."""
        self._lag_ns = max(self._lag_ns, now.mono_ns - self._tick_ns - _TICK_NS)
        self._tick_ns = now.mono_ns

    def take_lag_ms(self) -> float:
        """The longest delay of a tick since the last call."""
        lag_ns, self._lag_ns = self._lag_ns, 0
        return round(lag_ns / 1e6, 3)
