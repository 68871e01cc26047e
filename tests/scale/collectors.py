"""Collectors for tests: recordings that are published to a real server, and what the stream then holds of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import OrdwatchError
from ordwatch.core.records import AnyRecord, for_outputs
from ordwatch.recording.rotation import Rotation
from ordwatch.recording.sink import Recording
from ordwatch.recording.verify import check
from ordwatch.scale import stream
from ordwatch.scale.messages import message_id
from ordwatch.scale.nats_client import NatsConnection, NatsMessage, StreamMessage, connect
from ordwatch.scale.published import PublishedRecording
from ordwatch.scale.stream_reader import ReaderFailed, stream_reader

WAIT_S = 40.0
WINDOW_NS = 2 * 10**9
"""Duplicates are dropped for so long: short, so that tests need not wait for its end."""


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it; fails after WAIT_S."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what it waits for is a file or another process
            await asyncio.sleep(0.01)


def content(path: Path) -> bytes:
    """What the file holds now."""
    return path.read_bytes()


class Collector:
    """A recording that is being published."""

    def __init__(self, path: Path, settings: NatsSettings, rotate: Rotation | None = None) -> None:
        self.path = path
        self.published = PublishedRecording(Recording(path, rotate=rotate), settings, {"alpha": "toy"})
        self.failures: list[OrdwatchError] = []
        self.published.on_failure = self.failures.append
        self.continued = self.published.open()
        self._watch: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> "Collector":
        self.published.start()
        self._watch = asyncio.create_task(self.published.watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()
        await self.close()

    def write(self, *records: AnyRecord) -> None:
        self.published.write(for_outputs(records))

    async def close(self) -> None:
        """End orderly, once."""
        if not self._closed:
            self._closed = True
            await self.published.close()

    async def die(self) -> None:
        """Stop publishing at once, as a killed process does; what it had sent may still arrive."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None

    async def ended(self) -> BaseException | None:
        """How watching ended."""
        assert self._watch is not None
        async with asyncio.timeout(WAIT_S):
            (error,) = await asyncio.gather(self._watch, return_exceptions=True)
        self._watch = None
        return error

    async def all_published(self, seq: int) -> None:
        """Wait until every line up to this one is acknowledged."""
        await until(lambda: self.published.published_seq >= seq)

    async def failed(self) -> OrdwatchError:
        """Wait until publishing has stopped for good."""
        await until(lambda: bool(self.failures))
        return self.failures[0]


async def make_stream(settings: NatsSettings, replicas: int = 1, **others: object) -> None:
    """Make the stream, once there is a leader to make it."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                async with connect(settings, name="test") as connection:
                    config = stream.wanted("ORDWATCH", replicas=replicas)
                    await stream.create(connection, {**config, "duplicate_window": WINDOW_NS, **others})
                    return
            except OrdwatchError:
                await asyncio.sleep(0.1)


async def publish(connection: NatsConnection, subject: str, payload: bytes, **headers: str) -> int:
    """Publish to the stream and wait until it is there; its number in the stream."""
    answers: asyncio.Queue[NatsMessage] = asyncio.Queue()
    inbox = connection.new_inbox()
    await connection.listen(inbox, answers.put_nowait)
    await connection.publish(subject, payload, headers, inbox)
    answer: dict[str, int] = msgspec.json.decode((await answers.get()).data)
    return answer["seq"]


async def messages(settings: NatsSettings, collector: str = "c") -> list[StreamMessage]:
    """What the stream holds of a collector, in its order; read again if it has no leader for a moment."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                return await _messages(settings, f"ow.{collector}.>")
            except ReaderFailed:
                await asyncio.sleep(0.1)


async def _messages(settings: NatsSettings, subject: str) -> list[StreamMessage]:
    async with connect(settings, name="test") as connection:
        last = await connection.last_message("ORDWATCH", subject)
        found: list[StreamMessage] = []
        if last is None:
            return found
        async with stream_reader(connection, "ORDWATCH", [subject]) as reader:
            while not found or found[-1].stream_seq < last.stream_seq:
                found += await reader.take()
        return found


async def recorded(settings: NatsSettings, collector: str = "c") -> bytes:
    """A collector's lines in the stream, by their seq, each once."""
    lines = {message_id(message.headers).seq: message.data for message in await messages(settings, collector)}
    return b"".join(lines[seq] for seq in sorted(lines))


@asynccontextmanager
async def publishing(path: Path, settings: NatsSettings, rotate: Rotation | None = None) -> AsyncIterator[Collector]:
    async with Collector(path, settings, rotate) as collector:
        yield collector


def damage(path: Path, data: bytes) -> list[str]:
    """What is wrong with a recording of these bytes: damage and counts that disagree."""
    copy = path.with_name("from-the-stream.jsonl")
    copy.write_bytes(data)
    verdict = check([copy])
    return [*verdict.damage, *verdict.broken_invariants]
