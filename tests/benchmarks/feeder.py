"""The sending side, a process of its own on a core of its own: a simulator for the handshake, then made pushes raw."""

import asyncio
import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

from ordwatch.simulators import load_simulator
from ordwatch.simulators.host import Hosted, host
from ordwatch.simulators.setup import config_text
from tests.benchmarks.payloads import Mix, payloads

IDLE_S = 0.5
"""A client that has asked nothing for so long has finished its first query."""
PATIENT = {"attempt_timeout": 60.0, "silence_timeout": 120.0}
"""Settings for a machine that does not run one side for seconds: not the connection is measured."""
_CHUNK = 100


@dataclass
class Feeder:
    """A feeder that runs; `config` reaches it."""

    config: Path
    """Its configuration; without a handshake a file that holds just the port."""
    _pipe: Connection
    _sent: Path

    def began(self) -> float:
        """time.monotonic() at the first push; blocks until then."""
        began: float = self._pipe.recv()
        return began

    def sent_ns(self) -> list[int]:
        """With `per_s`, when each was sent, ns since 1970; after `began`, blocks until all were."""
        self._pipe.recv()
        sent: list[int] = json.loads(self._sent.read_text())
        return sent


@contextmanager
def feeding(
    kind: str, count: int, folder: Path, *, mix: Mix = "recurring", per_s: float | None = None, handshake: bool = True
) -> Iterator[Feeder]:
    """A process that pushes `count` made updates to the first client, `per_s` a second or as fast as they are taken.

    Without the handshake it pushes to whoever connects: for independent loops.
    """
    payloads(kind, count, folder, mix)
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_run, args=(kind, count, folder, mix, per_s, handshake, there), daemon=True)
    process.start()
    try:
        config = folder / f"{kind}.yaml"
        config.write_text(here.recv())
        config.chmod(0o600)
        yield Feeder(config, here, folder / "sent.json")
    finally:
        process.terminate()
        process.join()


def _run(kind: str, count: int, folder: Path, mix: Mix, per_s: float | None, handshake: bool, pipe: Connection) -> None:
    os.sched_setaffinity(0, {0})
    made = payloads(kind, count, folder, mix)
    if handshake:
        asyncio.run(_feed(kind, made, per_s, folder / "sent.json", pipe))
    else:
        asyncio.run(_feed_raw(made, per_s, pipe, websocket=made[0][:1] == b"\x81"))


async def _feed(kind: str, made: Sequence[bytes], per_s: float | None, sent: Path, pipe: Connection) -> None:
    async with host(load_simulator(kind)) as hosted:
        pipe.send(config_text({kind: {**hosted.settings(), **PATIENT}}))
        await hosted.until(lambda: hosted.clients > 0)
        await _until_idle(hosted)
        transport = _transport(hosted)
        pipe.send(time.monotonic())
        if per_s is None:
            await _blast(transport, made)
        else:
            sent_ns = await _pace(transport, made, per_s)
            pipe.send(sent.write_text(json.dumps(sent_ns)))  # noqa: ASYNC240 - nothing else is to be done any more
        await hosted.until(lambda: hosted.clients == 0)


async def _until_idle(hosted: Hosted) -> None:
    moved = True
    while moved:
        moved = False
        try:
            async with asyncio.timeout(IDLE_S):
                await hosted.until(_Once().again)
            moved = True
        except TimeoutError:
            pass


class _Once:
    def __init__(self) -> None:
        self._calls = 0

    def again(self) -> bool:
        """False at first, true when asked again: something moved."""
        self._calls += 1
        return self._calls > 1


def _transport(hosted: Hosted) -> asyncio.WriteTransport:
    peer = next(iter(hosted._clients.values()))
    inner = getattr(peer, "_writer", None) or peer._connection  # type: ignore[attr-defined]  # below the simulator
    transport: asyncio.WriteTransport = inner.transport
    return transport


async def _blast(transport: asyncio.WriteTransport, made: Sequence[bytes]) -> None:
    for begin in range(0, len(made), _CHUNK):
        transport.write(b"".join(made[begin : begin + _CHUNK]))
        while transport.get_write_buffer_size() > 0:  # noqa: ASYNC110 - the transport has no event for it
            await asyncio.sleep(0)


async def _pace(transport: asyncio.WriteTransport, made: Sequence[bytes], per_s: float) -> list[int]:
    """Write them at this rate; when each was written."""
    sent_ns: list[int] = []
    began = time.monotonic()
    for number, payload in enumerate(made):
        due = began + number / per_s
        while (wait := due - time.monotonic()) > 0:  # noqa: ASYNC110 - finer than a timer
            await asyncio.sleep(wait if wait > 0.002 else 0)
        sent_ns.append(time.time_ns())
        transport.write(payload)
    return sent_ns


async def _feed_raw(made: Sequence[bytes], per_s: float | None, pipe: Connection, *, websocket: bool) -> None:
    done = asyncio.Event()

    async def push(transport: asyncio.WriteTransport) -> None:
        pipe.send(time.monotonic())
        if per_s is None:
            await _blast(transport, made)
        else:
            await _pace(transport, made, per_s)

    async def serve_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await push(writer.transport)
        await reader.read()
        done.set()

    async def serve_websocket(connection: ServerConnection) -> None:
        await push(connection.transport)
        await connection.wait_closed()
        done.set()

    if websocket:
        async with serve(serve_websocket, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
            pipe.send(str(next(iter(server.sockets)).getsockname()[1]))
            await done.wait()
    else:
        listener = await asyncio.start_server(serve_tcp, "127.0.0.1", 0)
        pipe.send(str(listener.sockets[0].getsockname()[1]))
        await done.wait()
