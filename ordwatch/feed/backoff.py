"""When to try again: full jitter, capped, and never more often than a venue may be asked."""

import asyncio
import random
from collections import deque
from collections.abc import Iterator
from time import monotonic

from ordwatch.venues.contract import Rate


def backoff(first_s: float = 1.0, max_s: float = 30.0) -> Iterator[float]:
    """Seconds to wait before each next attempt: uniform up to a bound that doubles to `max_s`.

    Make a new one when the venue was live.
    """
    bound_s = first_s
    while True:
        yield random.uniform(0, bound_s)  # noqa: S311 - spreads load, guards nothing
        bound_s = min(2 * bound_s, max_s)


class Rates:
    """Keeps to the rates that requests name: any `count` of them lie more than `window_s` apart from the next."""

    def __init__(self) -> None:
        self._taken: dict[str, deque[float]] = {}

    def take(self, rate: Rate) -> bool:
        """Take one place without waiting; False if none is free."""
        if self.delay_s(rate) > 0:
            return False
        self._taken[rate.name].append(monotonic())
        return True

    async def wait(self, rate: Rate) -> None:
        """Take one place, waiting for it if need be."""
        while (delay_s := self.delay_s(rate)) > 0:  # noqa: ASYNC110 - others may take the place meanwhile
            await asyncio.sleep(delay_s)
        self._taken[rate.name].append(monotonic())

    def delay_s(self, rate: Rate) -> float:
        """Seconds until a place is free."""
        taken = self._taken.setdefault(rate.name, deque())
        oldest = monotonic() - rate.window_s
        while taken and taken[0] < oldest:
            taken.popleft()
        return taken[0] - oldest + 0.001 if len(taken) >= rate.count else 0.0
