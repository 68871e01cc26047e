"""Three collectors of the same simulated venues, two of them behind proxies that cut, and a follower of those two."""

import asyncio
import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ordwatch.scale import stream
from ordwatch.scale.nats_client import connect
from ordwatch.simulators import load_simulator
from ordwatch.simulators.host import Hosted, host
from ordwatch.simulators.setup import config_text
from tests.following.proof import Key, State, is_settled, live_venues
from tests.soak.venues import play
from tests.support.faultproxy import FaultProxy, fault_proxy
from tests.support.nats_server import Server, nats_server
from tests.support.process import COMMAND, write_private

FOLLOWED = ("a", "b")
TRUTH = "truth"
FOLLOWER = "follower"
DEADLINE_S = 90.0


@dataclass
class Followed:
    """What a run leaves behind, in one folder."""

    folder: Path
    cuts: int = 0
    kills: int = 0
    stderr: dict[str, str] = field(default_factory=dict)

    def recording(self, name: str) -> Path:
        """The recording of a collector, or of the follower."""
        return self.folder / f"{name}.jsonl"


async def follow(
    folder: Path, kinds: Sequence[str], *, seconds: float, seed: int, rate: float, kills: bool = True
) -> Followed:
    """Let orders move for so long while connections are cut, then let everything come to rest."""
    followed = Followed(folder)
    async with AsyncExitStack() as stack:
        server = stack.enter_context(nats_server(folder))
        await _make_stream(server)
        hosts = {
            kind: await stack.enter_async_context(host(load_simulator(kind), seed=seed + n))
            for n, kind in enumerate(kinds)
        }
        proxies = {name: [await _configure(stack, folder, name, server, hosts)] for name in FOLLOWED}
        await _configure(stack, folder, TRUTH, server, hosts, direct=True)
        processes = stack.enter_context(_ended(followed))
        processes[TRUTH] = _start(followed, TRUTH)
        for name in FOLLOWED:
            processes[name] = _start(followed, name, "--publish")
        processes[FOLLOWER] = _start_follower(followed, server)
        # What happens before a venue is live for the first time nobody has promised to see.
        everybody = [followed.recording(name) for name in (TRUTH, *FOLLOWED, FOLLOWER)]
        await _until(lambda: all(live_venues(recording) >= set(kinds) for recording in everybody))
        moves = [asyncio.create_task(play(each, seed + n, rate / len(kinds))) for n, each in enumerate(hosts.values())]
        faults = [
            asyncio.create_task(_strike(followed, processes, name, proxies[name][0], seed + n, kills=kills))
            for n, name in enumerate(FOLLOWED)
        ]
        await asyncio.sleep(seconds)
        await _stopped(*faults)
        for each in (proxy for lists in proxies.values() for of_one in lists for proxy in of_one):
            each.blackhole("down", on=False)
        await asyncio.sleep(2.0)
        await _stopped(*moves)
        names = (TRUTH, *FOLLOWED)
        with suppress(TimeoutError):
            true = dict(_last_states(hosts))
            recordings = [followed.recording(name) for name in FOLLOWED]
            await _until(lambda: is_settled(true, followed.recording(TRUTH), recordings, followed.recording(FOLLOWER)))
        for name in (FOLLOWER, *names):
            await _end(processes[name])
    return followed


def _last_states(hosts: Mapping[str, Hosted]) -> Iterator[tuple[Key, State]]:
    for kind, hosted in hosts.items():
        for key, state in hosted.simulator.truth().items():
            yield (kind, *key), (state.status, None if state.filled_qty is None else Decimal(state.filled_qty))


async def _make_stream(server: Server) -> None:
    async with asyncio.timeout(DEADLINE_S):
        async with connect(server.settings(), name="test") as connection:
            await stream.create(connection, stream.wanted("ORDWATCH", replicas=1))


async def _configure(
    stack: AsyncExitStack, folder: Path, name: str, server: Server, hosts: dict[str, Hosted], *, direct: bool = False
) -> list[FaultProxy]:
    """Write a collector's configuration; where it is not direct, with a proxy before every address."""
    blocks, proxies = {}, []
    for kind, hosted in hosts.items():
        addresses = dict(hosted.addresses)
        if not direct:
            for listener, address in hosted.addresses.items():
                proxy = await stack.enter_async_context(fault_proxy(address))
                proxies.append(proxy)
                addresses[listener] = proxy.address
        blocks[kind] = {**hosted.simulator.settings(addresses), "attempt_timeout": 3}
    nats = f'nats:\n  servers: ["{server.url}"]\n  collector: "{name}"\n'
    write_private(folder / f"{name}.yaml", config_text(blocks) + nats)
    return proxies


def _start(followed: Followed, name: str, *options: str) -> "subprocess.Popen[bytes]":
    config = followed.folder / f"{name}.yaml"
    return _run(followed, name, "tail", "--config", config, "--record", followed.recording(name), *options)


def _start_follower(followed: Followed, server: Server) -> "subprocess.Popen[bytes]":
    collectors = [word for name in FOLLOWED for word in ("--collector", name)]
    recording = ("--record", followed.recording(FOLLOWER))
    return _run(followed, FOLLOWER, "follow", "--server", server.url, *collectors, *recording)


def _run(followed: Followed, name: str, *args: "str | Path") -> "subprocess.Popen[bytes]":
    with (followed.folder / f"{name}.err").open("ab") as err:
        return subprocess.Popen([COMMAND, *args, "-q"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)


async def _strike(
    followed: Followed,
    processes: "dict[str, subprocess.Popen[bytes]]",
    name: str,
    proxies: Sequence[FaultProxy],
    seed: int,
    *,
    kills: bool,
) -> None:
    """Cut this collector's connections, let them become silent, or kill it, again and again."""
    chance = random.Random(seed)
    while True:
        await asyncio.sleep(chance.uniform(1.0, 5.0))
        followed.cuts += 1
        if kills and chance.random() < 0.15:
            followed.kills += 1
            processes[name].kill()
            processes[name].wait()
            await asyncio.sleep(chance.uniform(0.0, 3.0))
            processes[name] = _start(followed, name, "--publish")
        elif chance.random() < 0.3:
            silent = chance.sample(proxies, k=max(1, len(proxies) // 2))
            for proxy in silent:
                proxy.blackhole("down")
            await asyncio.sleep(chance.uniform(1.0, 6.0))
            for proxy in silent:
                proxy.cut(reset=True)
                proxy.blackhole("down", on=False)
        else:
            for proxy in chance.sample(proxies, k=chance.randint(1, len(proxies))):
                proxy.cut(reset=chance.random() < 0.5)


@contextmanager
def _ended(followed: Followed) -> "Iterator[dict[str, subprocess.Popen[bytes]]]":
    """The processes by name; those that still run are killed."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    with ExitStack() as stack:
        stack.callback(_kill, processes)
        yield processes
        for name in processes:
            followed.stderr[name] = (followed.folder / f"{name}.err").read_text()


def _kill(processes: "dict[str, subprocess.Popen[bytes]]") -> None:
    for process in processes.values():
        process.kill()


async def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    await asyncio.get_running_loop().run_in_executor(None, process.wait, DEADLINE_S)


async def _stopped(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if ended is not None and not isinstance(ended, asyncio.CancelledError):
            raise ended


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - what it waits for are files of other processes
            await asyncio.sleep(0.2)
