"""One reading of all clocks. Deciding code gets it as an argument; only runner.py and connection.py read clocks."""

import time
from typing import NamedTuple

from ordwatch import system


class Moment(NamedTuple):
    """Now, by three clocks, ns."""

    wall_ns: int
    """Since 1970 UTC; may be wrong, and may jump."""
    mono_ns: int
    """Never set; stops while the machine sleeps. For timers and for the order of events."""
    running_ns: int
    """Never set; runs on while the machine sleeps, if the system has such a clock."""

    @property
    def mono_s(self) -> float:
        """The monotonic clock in seconds."""
        return self.mono_ns / 1e9


def moment() -> Moment:
    """Now."""
    return Moment(time.time_ns(), time.monotonic_ns(), system.boot_clock_ns())
