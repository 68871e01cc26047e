"""A TCP proxy that spoils what passes: cuts, black holes, delays, a trickle, single bytes, truncation, wrong bytes."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal

Direction = Literal["up", "down"]
"""Up is towards the venue."""

CHUNK_BYTES = 64 * 1024


class FaultProxy:
    """Passes connections on to one address. Truncation and corruption strike once, on whatever comes next."""

    def __init__(self, target: str) -> None:
        self.address = ""
        self.connections = 0
        self.delay_s = 0.0
        """How much later everything arrives."""
        self.bytewise = False
        self.bytes_per_s: int | None = None
        self._target = target
        self._writers: list[asyncio.StreamWriter] = []
        self._open: dict[Direction, asyncio.Event] = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._truncate: tuple[int, bool] | None = None
        self._corrupt: tuple[int, int] | None = None
        self._moved = asyncio.Event()
        for gate in self._open.values():
            gate.set()

    def cut(self, *, reset: bool = False) -> None:
        """End every connection, both ways."""
        for writer in self._writers:
            _end(writer, reset=reset)

    def blackhole(self, direction: Direction, on: bool = True) -> None:
        """Hold back what goes that way, until it is switched off."""
        (self._open[direction].clear if on else self._open[direction].set)()

    def truncate(self, after: int, *, reset: bool = False) -> None:
        """Let so many more bytes come down, then end that connection."""
        self._truncate = (after, reset)

    def corrupt(self, at: int, xor: int = 1) -> None:
        """Change the byte that comes down after `at` others."""
        self._corrupt = (at, xor)

    async def close(self) -> None:
        """Hold nothing back any more and end every connection."""
        for gate in self._open.values():
            gate.set()
        self.cut(reset=True)
        await asyncio.sleep(0)

    @property
    def struck(self) -> bool:
        """Truncation and corruption have happened."""
        return self._truncate is None and self._corrupt is None

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that passed made the condition true."""
        while not condition():
            self._moved.clear()
            await self._moved.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self._moved.set()
        name, _, port = self._target.rpartition(":")
        self._writers.append(writer)
        venue_reader, venue_writer = await asyncio.open_connection(name, int(port))
        self._writers.append(venue_writer)
        pumps = [
            asyncio.create_task(self._pump("up", reader, venue_writer)),
            asyncio.create_task(self._pump("down", venue_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            writer.close()
            venue_writer.close()

    async def _pump(self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._open[direction].wait()
                await asyncio.sleep(self.delay_s)
                if direction == "down":
                    data = self._corrupted(data)
                    if self._truncate is not None and self._cuts_off(data, writer):
                        return
                await self._send(data, writer)

    async def _send(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        size = 1 if self.bytewise else CHUNK_BYTES if self.bytes_per_s is None else max(1, self.bytes_per_s // 20)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(len(piece) / self.bytes_per_s if self.bytes_per_s else 0)

    def _corrupted(self, data: bytes) -> bytes:
        if self._corrupt is None:
            return data
        at, xor = self._corrupt
        if at >= len(data):
            self._corrupt = (at - len(data), xor)
            return data
        self._corrupt = None
        self._moved.set()
        return data[:at] + bytes([data[at] ^ xor]) + data[at + 1 :]

    def _cuts_off(self, data: bytes, writer: asyncio.StreamWriter) -> bool:
        assert self._truncate is not None
        after, reset = self._truncate
        if after > len(data):
            self._truncate = (after - len(data), reset)
            return False
        self._truncate = None
        writer.write(data[:after])
        _end(writer, reset=reset)
        self._moved.set()
        return True


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    """A reset discards what the other side has not read; a FIN comes after it."""
    if reset and not writer.transport.is_closing():
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    if reset:
        writer.transport.abort()
    else:
        writer.close()


@asynccontextmanager
async def fault_proxy(target: str) -> AsyncIterator[FaultProxy]:
    """A proxy before host:port, on a port of the system's choice."""
    proxy = FaultProxy(target)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError):
            await proxy.serve(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        if tasks:
            await asyncio.wait(tasks)
        await server.wait_closed()
