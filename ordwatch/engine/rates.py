"""When to try again (capped back-off with full jitter), and the rates that a venue allows."""

import asyncio
import random
from collections.abc import Iterator
from time import monotonic

from ordwatch.venues.contract import Rate

TLS_RETRY_S = 60.0
"""Shortest wait after TLS failed: it rarely repairs itself."""


_DRAW = random.Random()  # noqa: S311 - spreads load, guards nothing


def backoff(first_s: float = 1.0, max_s: float = 30.0, draw: random.Random = _DRAW) -> Iterator[float]:
    """Seconds to wait before each next attempt: uniform between 0 and a bound that doubles up to `max_s`.

    Make a new one after the venue was live.
    """
    bound_s = min(first_s, max_s)
    while True:
        yield draw.uniform(0, bound_s)
        bound_s = min(2 * bound_s, max_s)


class Place:
    """One request in a rate's window."""

    __slots__ = ("at_s",)

    def __init__(self) -> None:
        self.at_s = monotonic()

    def answered(self) -> None:
        """Count the request from now on: it may have reached the venue at any time before its answer."""
        self.at_s = monotonic()


class Rates:
    """Limits requests to the rates that they name: at most `count` of them in any `window_s`."""

    def __init__(self) -> None:
        self._taken: dict[str, list[Place]] = {}

    def take(self, rate: Rate) -> bool:
        """Take one place without waiting; False if none is free."""
        if self.delay_s(rate) > 0:
            return False
        self._taken[rate.name].append(Place())
        return True

    async def wait(self, rate: Rate) -> Place:
        """Take one place, and wait for it if none is free."""
        while (delay_s := self.delay_s(rate)) > 0:  # noqa: ASYNC110 - others may take the place meanwhile
            await asyncio.sleep(delay_s)
        place = Place()
        self._taken[rate.name].append(place)
        return place

    def delay_s(self, rate: Rate) -> float:
        """Seconds until a place is free."""
        oldest_s = monotonic() - rate.window_s
        taken = [place for place in self._taken.get(rate.name, ()) if place.at_s >= oldest_s]
        self._taken[rate.name] = taken
        return min(place.at_s for place in taken) - oldest_s + 0.001 if len(taken) >= rate.count else 0.0
