"""A TCP relay in front of one address of a simulator, so that one client of several can lose its links."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ordwatch.simulators.host import LOOPBACK

_CHUNK_BYTES = 64 * 1024


class Relay:
    """Passes connections on to an address; while it is cut there are none, and new ones are refused."""

    def __init__(self, target: str) -> None:
        self.address = ""
        """host:port where it takes connections."""
        self._target = target
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """End every connection at once, and refuse new ones until `resume`."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def resume(self) -> None:
        """Take connections again."""
        self._is_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        host, _, port = self._target.rpartition(":")
        self._writers.add(writer)
        try:
            with suppress(OSError):
                target_reader, target_writer = await asyncio.open_connection(host, int(port))
                self._writers.add(target_writer)
                try:
                    await self._pass_on(reader, writer, target_reader, target_writer)
                finally:
                    self._writers.discard(target_writer)
                    target_writer.close()
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        target_reader: asyncio.StreamReader,
        target_writer: asyncio.StreamWriter,
    ) -> None:
        """Pass bytes on, both ways, until either side ends the connection."""
        if self._is_cut:  # maybe only since the target was being connected to
            self.cut()
            return
        ways = [
            asyncio.create_task(_copy(reader, target_writer)),
            asyncio.create_task(_copy(target_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)

    async def close(self) -> None:
        """Cut every connection, and wait until nothing of them is left."""
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def relay(target: str) -> AsyncIterator[Relay]:
    """A relay to `target` (host:port) on a free port of loopback, until the end of the block."""
    made = Relay(target)
    server = await asyncio.start_server(made.serve, LOOPBACK, 0)
    host, port = server.sockets[0].getsockname()
    made.address = f"{host}:{port}"
    async with server:
        try:
            yield made
        finally:
            await made.close()
