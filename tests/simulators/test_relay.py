"""The relay: what passes, and what a cut does to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ordwatch.simulators.relay import relay

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """The address of a server that sends back what it receives, and ends a connection that ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield address(server)


def address(server: asyncio.Server) -> str:
    return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def connected(to: str) -> AsyncIterator[Stream]:
    host, port = to.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(stream: Stream, text: bytes) -> bytes:
    """What comes back for this text; nothing if the connection ends."""
    reader, writer = stream
    writer.write(text)
    try:
        return await reader.read(len(text))
    except ConnectionResetError:
        return b""


async def test_bytes_pass_both_ways() -> None:
    async with echo() as target, relay(target) as made, connected(made.address) as one, connected(made.address) as two:
        assert await answer(one, b"first") == b"first"
        assert await answer(two, b"second") == b"second"
        assert await answer(one, b"again") == b"again"


async def test_a_cut_ends_every_connection_and_refuses_new_ones_until_it_is_over() -> None:
    async with echo() as target, relay(target) as made:
        async with connected(made.address) as one:
            await answer(one, b"it is there")
            made.cut()
            assert await one[0].read() == b""
        async with connected(made.address) as refused:
            assert await answer(refused, b"hello") == b""
        made.resume()
        async with connected(made.address) as again:
            assert await answer(again, b"hello") == b"hello"


async def test_other_relays_to_the_same_address_do_not_notice_a_cut() -> None:
    async with echo() as target, relay(target) as cut, relay(target) as other, connected(other.address) as stream:
        await answer(stream, b"before")
        cut.cut()

        assert await answer(stream, b"after") == b"after"


async def test_an_end_passes_both_ways() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(3) == b"end":
            writer.close()
        elif not await reader.read():
            ended.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, relay(address(server)) as made:
        async with connected(made.address) as stream:
            assert await answer(stream, b"end") == b""
        async with connected(made.address) as stream:
            stream[1].write(b"abc")
        await ended.wait()


async def test_where_nobody_listens_the_connection_ends() -> None:
    async with echo() as target:
        pass
    async with relay(target) as made, connected(made.address) as stream:
        assert await answer(stream, b"hello") == b""


async def test_its_end_ends_what_passes() -> None:
    async with echo() as target:
        async with relay(target) as made:
            host, port = made.address.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            await answer((reader, writer), b"it is there")

        assert await reader.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, int(port))
