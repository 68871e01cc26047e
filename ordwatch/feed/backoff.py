"""When to try again: full jitter, capped, and never more often than a venue may be asked."""

import asyncio
import random
from collections.abc import Iterator
from time import monotonic

from ordwatch.venues.contract import Rate

TLS_RETRY_S = 60.0
"""No attempt sooner after TLS failed: it is not mended by itself."""


def backoff(first_s: float = 1.0, max_s: float = 30.0) -> Iterator[float]:
    """Seconds to wait before each next attempt: uniform up to a bound that doubles to `max_s`.

    Make a new one when the venue was live.
    """
    bound_s = first_s
    while True:
        yield random.uniform(0, bound_s)  # noqa: S311 - spreads load, guards nothing
        bound_s = min(2 * bound_s, max_s)


class Place:
    """One request in a rate's window."""

    __slots__ = ("at_s",)

    def __init__(self) -> None:
        self.at_s = monotonic()

    def answered(self) -> None:
        """Count it from now on: when between sending and answer it reached the venue is not known."""
        self.at_s = monotonic()


class Rates:
    """Keeps to the rates that requests name: any `count` of them lie more than `window_s` apart from the next."""

    def __init__(self) -> None:
        self._taken: dict[str, list[Place]] = {}

    def take(self, rate: Rate) -> bool:
        """Take one place without waiting; False if none is free."""
        if self.delay_s(rate) > 0:
            return False
        self._taken[rate.name].append(Place())
        return True

    async def wait(self, rate: Rate) -> Place:
        """Take one place, waiting for it if need be."""
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
