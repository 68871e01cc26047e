"""The one bounded queue between the pumps of all venues and the book."""

import asyncio
from collections.abc import Sequence

from ordwatch.core.events import FeedEvent

CAPACITY = 20_000
"""Events that may wait; a pump that would exceed it waits itself, and so the venue's TCP."""


class EventQueue:
    """Fan-in of lists: putting a batch costs one extend, taking gives everything that waits."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._events: list[FeedEvent] = []
        self._some = asyncio.Event()
        self._has_space = asyncio.Event()
        self._has_space.set()
        self.is_full = False
        """Whoever puts more waits for space first, with `until_space`."""

    def __len__(self) -> int:
        return len(self._events)

    async def put(self, events: Sequence[FeedEvent]) -> None:
        """Hand over a batch; waits while the queue is full. The order of one caller's batches is kept."""
        await self.until_space()
        self.put_now(events)

    async def until_space(self) -> None:
        """Wait while the queue is full."""
        while not self._has_space.is_set():
            await self._has_space.wait()

    def put_now(self, events: Sequence[FeedEvent]) -> None:
        """Hand over without waiting: for the few events of a link's life."""
        self._events.extend(events)
        if self._events:
            self._some.set()
        if len(self._events) >= self._capacity:
            self.is_full = True
            self._has_space.clear()

    async def take(self) -> list[FeedEvent]:
        """Everything that waits, at least one event."""
        await self._some.wait()
        return self.take_now()

    def take_now(self) -> list[FeedEvent]:
        """Everything that waits, perhaps nothing."""
        events, self._events = self._events, []
        self._some.clear()
        self.is_full = False
        self._has_space.set()
        return events
