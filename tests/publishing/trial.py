"""A collector of simulated venues publishes to three real servers while something fails, again and again.

Afterwards the stream must hold its recording: every line once or more, byte for byte, and nothing else.
"""

import asyncio
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import TypeVar

import msgspec

from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import OrdwatchError
from ordwatch.recording.verify import check
from ordwatch.scale import stream
from ordwatch.scale.messages import message_id
from ordwatch.scale.nats_client import StreamMessage, connect
from ordwatch.simulators import load_simulator
from ordwatch.simulators.host import Hosted, host
from ordwatch.simulators.setup import config_text
from tests.scale.collectors import content, make_stream, messages, until
from tests.soak.venues import play
from tests.support.nats_server import Server, nats_cluster
from tests.support.process import COMMAND, write_private

REPLICAS = 3
DEADLINE_S = 120.0
CUT_S = 1.0
"""How much of its file a killed collector misses when it is started again."""
SAMPLE_S = 0.05
T = TypeVar("T")


class World:
    """The servers, the collector, and the chance by which they fail."""

    def __init__(self, folder: Path, servers: Sequence[Server], seed: int) -> None:
        self.recording = folder / "c.jsonl"
        self.servers = servers
        self.settings = NatsSettings(servers=tuple(server.url for server in servers), collector="c")
        self.chance = random.Random(seed)
        self.struck = 0
        self._folder = folder
        self._collector: subprocess.Popen[bytes] | None = None

    def configure(self, hosts: Sequence[Hosted], kinds: Sequence[str]) -> None:
        """Write the collector's configuration."""
        blocks = {kind: hosted.simulator.settings(hosted.addresses) for kind, hosted in zip(kinds, hosts, strict=True)}
        listed = ", ".join(f'"{server.url}"' for server in self.servers)
        nats = f"nats:\n  servers: [{listed}]\n  collector: c\n"
        write_private(self._folder / "c.yaml", config_text(blocks) + nats)

    def start(self) -> None:
        """Start the collector, for the first time or again."""
        args = ("--config", self._folder / "c.yaml", "--record", self.recording, "--publish", "-q")
        with (self._folder / "c.err").open("ab") as err:
            self._collector = subprocess.Popen(
                [COMMAND, "tail", *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err
            )

    async def end(self, number: int) -> None:
        """Send the collector this signal, if it runs, and wait for its end."""
        collector, self._collector = self._collector, None
        if collector is not None:
            collector.send_signal(number)
            await in_thread(collector.wait)

    @property
    def stderr(self) -> str:
        """What the collector reported."""
        return (self._folder / "c.err").read_text()


async def in_thread(job: Callable[[], T]) -> T:
    """Its result; the venues go on meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(None, job)


async def started(servers: Sequence[Server]) -> None:
    """Start them all at once."""
    await asyncio.gather(*(in_thread(server.start) for server in servers))


async def away(world: World, seconds: float) -> None:
    """No server answers for the whole time."""
    world.struck += 1
    for server in world.servers:
        server.kill()
    await asyncio.sleep(seconds)
    await started(world.servers)


async def leader(world: World, seconds: float) -> None:
    """The server that leads the stream is killed, and comes back after some seconds."""
    async for _ in _again(world, seconds):
        name = await _leader(world)
        victims = [server for server in world.servers if server.name == name]
        for server in victims:
            server.kill()
        await asyncio.sleep(world.chance.uniform(0.0, 6.0))
        await started(victims)


async def _leader(world: World) -> str | None:
    while True:
        try:
            async with connect(world.settings, name="test") as connection:
                found = await stream.info(connection, world.settings.stream)
                return found.leader if found is not None else None
        except OrdwatchError:
            await asyncio.sleep(0.2)


async def restart(world: World, seconds: float) -> None:
    """All servers are killed and started again."""
    async for _ in _again(world, seconds):
        for server in world.servers:
            server.kill()
        await asyncio.sleep(world.chance.uniform(0.0, 3.0))
        await started(world.servers)


async def kill(world: World, seconds: float) -> None:
    """The collector is killed, and the last second of its file is gone."""
    async for _ in _again(world, seconds):
        sizes: list[tuple[float, int]] = []
        until_s = monotonic() + world.chance.uniform(2.0, 6.0)
        while monotonic() < until_s:
            sizes.append((monotonic(), world.recording.stat().st_size if world.recording.exists() else 0))
            await asyncio.sleep(SAMPLE_S)
        await world.end(signal.SIGKILL)
        cut = max((size for at_s, size in sizes if at_s < monotonic() - CUT_S), default=0)
        if cut:
            os.truncate(world.recording, cut)
        world.start()


async def _again(world: World, seconds: float) -> AsyncIterator[int]:
    until_s = monotonic() + seconds
    while monotonic() < until_s:
        world.struck += 1
        yield world.struck
        await asyncio.sleep(world.chance.uniform(1.0, 8.0))


FAULTS: dict[str, Callable[[World, float], Awaitable[None]]] = {
    "away": away,
    "leader": leader,
    "restart": restart,
    "kill": kill,
}


@asynccontextmanager
async def _moving(folder: Path, kinds: Sequence[str], seed: int, rate: float) -> AsyncIterator[World]:
    """A collector that publishes; orders of these venues move until the block ends."""
    async with AsyncExitStack() as stack:
        world = World(folder, stack.enter_context(nats_cluster(folder)), seed)
        await make_stream(world.settings, REPLICAS)
        hosts = [await stack.enter_async_context(host(load_simulator(kind), seed=seed)) for kind in kinds]
        world.configure(hosts, kinds)
        stack.push_async_callback(world.end, signal.SIGKILL)
        world.start()
        await until(world.recording.exists)
        moves = [asyncio.create_task(play(each, seed, rate / len(kinds))) for each in hosts]
        try:
            yield world
        finally:
            for move in moves:
                move.cancel()
            await asyncio.gather(*moves, return_exceptions=True)


async def publish(
    folder: Path, fault: str, kinds: Sequence[str], *, seconds: float, seed: int, rate: float
) -> tuple[World, list[str]]:
    """Let it fail for so long, then let everything come to rest; what is wrong then."""
    async with _moving(folder, kinds, seed, rate) as world:
        await FAULTS[fault](world, seconds)
        count = content(world.recording).count(b"\n")
        async with asyncio.timeout(DEADLINE_S):
            while _published_seq(world.recording) < count:  # noqa: ASYNC110 - a file of another process
                await asyncio.sleep(1.0)
        await world.end(signal.SIGTERM)
        held = await messages(world.settings)
    return world, list(_wrong(world, held))


def _published_seq(recording: Path) -> int:
    """Up to which line the recording says that all are published."""
    reported = [line for line in content(recording).splitlines() if line.startswith(b'{"type":"alive",')]
    return (msgspec.json.decode(reported[-1])["published_seq"] or 0) if reported else 0


def _wrong(world: World, held: Sequence[StreamMessage]) -> Iterator[str]:
    lines: dict[int, bytes] = {}
    for message in held:
        seq = message_id(message.headers).seq
        if lines.setdefault(seq, message.data) != message.data:
            yield f"the stream has two different lines with seq {seq}"
    path = world.recording.with_name("from-the-stream.jsonl")
    path.write_bytes(b"".join(lines[seq] for seq in sorted(lines)))
    if content(path) != content(world.recording):
        yield f"the stream has {len(lines)} lines, which are not the recording"
    verdict = check([path])
    yield from (*verdict.damage, *verdict.broken_invariants)
    if "Traceback" in world.stderr or "internal error" in world.stderr:
        yield world.stderr[-2000:]
