"""Makes the wall clock of a process wrong: put this folder on PYTHONPATH, and set WRONG_CLOCK="0:600,2.5:-3600".

Each pair: from so many seconds after the start on, the clock is ahead by so many seconds.
"""

import os
import time

_STEPS = sorted(tuple(map(float, step.split(":"))) for step in os.environ.get("WRONG_CLOCK", "0:0").split(","))
_true_ns, _began_s = time.time_ns, time.monotonic()


def _ahead_ns() -> int:
    running_s = time.monotonic() - _began_s
    return int(max((step for step in _STEPS if step[0] <= running_s), default=(0.0, 0.0))[1] * 1e9)


time.time_ns = lambda: _true_ns() + _ahead_ns()
time.time = lambda: time.time_ns() / 1e9
