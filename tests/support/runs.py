"""Runs of the whole engine against hosted simulators: shipped with the package, for venues from outside too."""

from ordwatch.testing.runs import (
    DEADLINE_S,
    FAST,
    OrderName,
    Watched,
    following,
    last_states,
    repeated,
    run,
    run_in_real_time,
    simulator_of,
    untrue,
    watching,
)

__all__ = [
    "DEADLINE_S",
    "FAST",
    "OrderName",
    "Watched",
    "following",
    "last_states",
    "repeated",
    "run",
    "run_in_real_time",
    "simulator_of",
    "untrue",
    "watching",
]
