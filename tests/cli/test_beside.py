"""What stdout shows beside a recording."""

import asyncio
import contextlib
from collections.abc import Sequence

import pytest

from ordwatch.cli.beside import Beside
from ordwatch.errors import OrdwatchError, OutputError, ReaderGone
from ordwatch.records import AnyRecord, ClockRecord

RECORD = ClockRecord(jump_ms=0.0, suspended_ms=0.0, at="2026-03-02T12:00:00.000000Z")


class Failing:
    """A sink that fails at once, and is stalled."""

    stalled = True

    def __init__(self, error: OrdwatchError) -> None:
        self.error = error
        self.taken = 0
        self.did: list[str] = []

    def start(self) -> None:
        self.did.append("start")

    def write(self, records: Sequence[AnyRecord]) -> None:
        self.taken += len(records)

    async def watch(self) -> None:
        raise self.error

    async def drain(self) -> None:
        self.did.append("drain")

    async def close(self) -> None:
        self.did.append("close")


async def watched_for_a_moment(sink: Beside) -> None:
    """Let the sink be watched until it waits for nothing."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await sink.watch()


def test_a_reader_that_leaves_ends_nothing() -> None:
    failing = Failing(ReaderGone("nobody reads stdout any more"))
    sink = Beside(failing)
    sink.write([RECORD])

    asyncio.run(watched_for_a_moment(sink))
    sink.write([RECORD])
    asyncio.run(sink.drain())

    assert (failing.taken, failing.did) == (1, [])
    assert not sink.stalled


def test_any_other_failure_is_one() -> None:
    sink = Beside(Failing(OutputError("no space")))

    with pytest.raises(OutputError, match="no space"):
        asyncio.run(sink.watch())


def test_until_then_it_is_the_sink_itself() -> None:
    failing = Failing(ReaderGone(""))
    sink = Beside(failing)

    sink.start()
    asyncio.run(sink.drain())
    asyncio.run(sink.close())

    assert (failing.did, sink.stalled) == (["start", "drain", "close"], True)
