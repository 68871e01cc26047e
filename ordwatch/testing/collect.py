"""A sink that keeps what it is given, and waits for what a test expects."""

import asyncio
from collections.abc import Callable, Sequence

from ordwatch.core.records import AnyRecord, GapRecord, LinkRecord, OrderRecord, OutputRecord

DEADLINE_S = 60.0


class Collected:
    """Satisfies the contract of sinks; `stalled` is the test's to set."""

    def __init__(self) -> None:
        self.records: list[AnyRecord] = []
        self.stalled = False
        self._more = asyncio.Event()

    def start(self) -> None:
        """Nothing to open."""

    def write(self, records: Sequence[OutputRecord]) -> None:
        self.records += [record.record for record in records]
        self._more.set()

    async def drain(self) -> None:
        """Nothing is queued."""

    async def watch(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing to close."""

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what was written makes the condition true."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._more.clear()
                await self._more.wait()

    @property
    def orders(self) -> list[OrderRecord]:
        return [record for record in self.records if isinstance(record, OrderRecord)]

    @property
    def gaps(self) -> list[GapRecord]:
        return [record for record in self.records if isinstance(record, GapRecord)]

    @property
    def links(self) -> list[LinkRecord]:
        return [record for record in self.records if isinstance(record, LinkRecord)]

    @property
    def states(self) -> list[str]:
        """The states of the links, in order."""
        return [record.state for record in self.records if isinstance(record, LinkRecord)]

    def statuses(self, order_id: str) -> list[str]:
        """The statuses of one order, in order."""
        return [record.status for record in self.orders if record.order_id == order_id]
