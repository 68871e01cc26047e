"""Faults of order pushes between a venue and its client, the same for every venue. Pure and seeded."""

from collections.abc import Iterable
from random import Random

from ordwatch.simulators.contract import Outgoing


class PushFaults:
    """Drops, repeats and reorders pushes. Everything else passes unchanged."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)  # noqa: S311 - makes faults that can be repeated, guards nothing
        self._held: list[Outgoing] = []
        self.swallowed = 0
        """Pushes that were taken away since the start."""
        self.to_swallow = 0
        """So many of the next pushes are taken away."""
        self.miss_share = 0.0
        """Share of the pushes that are taken away."""
        self.repeats = 1
        """How often each push is sent."""
        self.window = 1
        """So many pushes are collected, shuffled and then sent; 1 keeps their order."""

    def pass_on(self, queue: Iterable[Outgoing]) -> list[Outgoing]:
        """What of the queue is sent now."""
        out: list[Outgoing] = []
        for outgoing in queue:
            if not outgoing.push:
                out.append(outgoing)
            elif not self._swallows():
                self._held += [outgoing] * self.repeats
                if len(self._held) >= self.window:
                    out += self.delayed()
        return out

    def delayed(self) -> list[Outgoing]:
        """What was held back to be reordered."""
        held, self._held = self._held, []
        if self.window > 1:
            self._random.shuffle(held)
        return held

    def _swallows(self) -> bool:
        swallows = self.to_swallow > 0 or self._random.random() < self.miss_share
        if swallows:
            self.to_swallow = max(0, self.to_swallow - 1)
            self.swallowed += 1
        return swallows
