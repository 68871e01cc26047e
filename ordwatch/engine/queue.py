"""The bounded queue between the connections of all venues and the order store."""

import asyncio
from collections.abc import Sequence

from ordwatch.core.events import FeedEvent

CAPACITY = 20_000
"""Events that may wait; when it is full, connections stop reading, and TCP slows the venue down."""


class EventQueue:
    """A queue of many writers and one reader: `put` adds a batch, `take` returns everything that waits."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._events: list[FeedEvent] = []
        self._not_empty = asyncio.Event()
        self._not_full = asyncio.Event()
        self._not_full.set()
        self.is_full = False
        """Call `wait_while_full` before adding more."""

    def __len__(self) -> int:
        return len(self._events)

    async def put(self, events: Sequence[FeedEvent]) -> None:
        """Add a batch; waits while the queue is full. Batches of one caller stay in order."""
        await self.wait_while_full()
        self.put_now(events)

    async def wait_while_full(self) -> None:
        """Wait while the queue is full."""
        while not self._not_full.is_set():
            await self._not_full.wait()

    def put_now(self, events: Sequence[FeedEvent]) -> None:
        """Add events without waiting; the caller then waits with `wait_while_full`."""
        self._events.extend(events)
        if self._events:
            self._not_empty.set()
        if len(self._events) >= self._capacity:
            self.is_full = True
            self._not_full.clear()

    async def take(self) -> list[FeedEvent]:
        """Everything that waits, at least one event."""
        await self._not_empty.wait()
        return self.take_now()

    def take_now(self) -> list[FeedEvent]:
        """Everything that waits, perhaps nothing."""
        events, self._events = self._events, []
        self._not_empty.clear()
        self.is_full = False
        self._not_full.set()
        return events
