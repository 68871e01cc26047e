"""Detects jumps of the wall clock, sleep of the machine, and delays of our own event loop."""

import time

from ordwatch import system
from ordwatch.core.events import ClockJump

JUMP_NS = 1_000_000_000
OVERSLEPT_NS = 5_000_000_000


class Clocks:
    """Compares the clocks from one tick to the next; the event loop calls `tick` every `TICK_S` seconds."""

    TICK_S = 0.25

    def __init__(self) -> None:
        self._wall_ns, self._mono_ns, self._boot_ns = _now()
        self._lag_ns = 0

    @property
    def last_ns(self) -> int:
        """The wall clock at the last tick."""
        return self._wall_ns

    def tick(self) -> ClockJump | None:
        """The jump or sleep since the last tick, if there was one.

        A sleep of the machine, or of this process alone (SIGSTOP), counts as suspended.
        """
        wall_ns, mono_ns, boot_ns = _now()
        passed_ns = mono_ns - self._mono_ns
        late_ns = passed_ns - int(self.TICK_S * 1e9)
        asleep_ns = (boot_ns - self._boot_ns) - passed_ns
        suspended_ns = max(asleep_ns if asleep_ns > JUMP_NS else 0, late_ns if late_ns > OVERSLEPT_NS else 0)
        jump_ns = (wall_ns - self._wall_ns) - (boot_ns - self._boot_ns)
        self._wall_ns, self._mono_ns, self._boot_ns = wall_ns, mono_ns, boot_ns
        self._lag_ns = max(self._lag_ns, late_ns)
        if not suspended_ns and abs(jump_ns) <= JUMP_NS:
            return None
        return ClockJump(
            jump_ms=round(jump_ns / 1e6, 3) if abs(jump_ns) > JUMP_NS else 0.0,
            suspended_ms=round(suspended_ns / 1e6, 3),
            at_ns=wall_ns,
        )

    def take_lag_ms(self) -> float:
        """The longest delay of a tick since the last call."""
        lag_ns, self._lag_ns = self._lag_ns, 0
        return round(max(0, lag_ns) / 1e6, 3)


def _now() -> tuple[int, int, int]:
    return time.time_ns(), time.monotonic_ns(), system.boot_clock_ns()


def running_ns() -> int:
    """A clock that is never set, ns; it runs on while the machine sleeps, if the system has such a clock."""
    return system.boot_clock_ns()
