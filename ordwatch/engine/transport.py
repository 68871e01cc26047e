"""Connections: TCP chunks and WebSocket messages behind one narrow interface.

TLS is always verified; proxies of the environment and TLS key logs are never used.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from ordwatch.core.errors import ConnectionLost, TlsFailed
from ordwatch.engine.failures import describe, reason
from ordwatch.engine.imports import import_in_thread
from ordwatch.venues.contract import Endpoint, Payload

CHUNK_BYTES = 8 * 1024
"""Read at once: some 30 updates, so that other tasks wait a millisecond for them and not eight."""
NEXT_ADDRESS_S = 0.25
"""How long one address of a host is tried before the next is tried at the same time."""
SEND_TIMEOUT_S = 10.0


class Transport(Protocol):
    """One connection."""

    date: str | None
    """The `Date` header of the handshake, if any."""

    async def read(self) -> bytes:
        """The next chunk (TCP) or message (WebSocket).

        Raises:
            ConnectionLost: The connection ended; `cause` is how.
        """
        ...

    async def write(self, payloads: Sequence[Payload]) -> None:
        """Send all, in order.

        Raises:
            ConnectionLost: The connection ended, or takes nothing for 10 s.
        """
        ...

    async def ping(self) -> float:
        """Ping the other side by the means of WebSocket and wait for its pong; the seconds that it took.

        Raises:
            ConnectionLost: The connection ended.
        """
        ...

    def abort(self) -> None:
        """End the connection at once; `read` then raises."""
        ...


@asynccontextmanager
async def dial(endpoint: Endpoint, tls_ca_file: str | None = None) -> AsyncIterator[Transport]:
    """Open a connection to the endpoint; it is closed at the end of the block.

    `tls_ca_file`: as in `tls_context`.

    Raises:
        ConnectionLost: Nobody there, or the WebSocket handshake was refused.
        TlsFailed: The certificate does not verify, or the answer is no TLS of today.
        ConfigError: `tls_ca_file` cannot be used.
    """
    connection = _dial_tcp(endpoint) if endpoint.transport == "tcp" else _dial_websocket(endpoint, tls_ca_file)
    async with AsyncExitStack() as stack:
        try:
            transport = await stack.enter_async_context(connection)
        except ssl.SSLError as exc:
            raise TlsFailed(f"cannot reach {endpoint.shown} ({reason(exc)})") from exc
        except OSError as exc:
            hint = f"; {endpoint.hint}" if endpoint.hint else ""
            raise ConnectionLost(f"cannot reach {endpoint.shown} ({reason(exc)}{hint})") from exc
        except UnicodeError as exc:
            raise ConnectionLost(f"cannot reach {endpoint.shown} ({describe(exc)})") from exc
        yield transport


@asynccontextmanager
async def _dial_websocket(endpoint: Endpoint, tls_ca_file: str | None) -> AsyncIterator[Transport]:
    # Imported when it is first needed: a venue on plain TCP never does.
    await import_in_thread("ordwatch.engine.websocket")
    from ordwatch.engine.websocket import dial_websocket

    async with dial_websocket(endpoint, tls_ca_file) as transport:
        yield transport


@asynccontextmanager
async def _dial_tcp(endpoint: Endpoint) -> AsyncIterator[Transport]:
    reader, writer = await asyncio.open_connection(
        endpoint.host, endpoint.port, happy_eyeballs_delay=next_address_s(endpoint.host)
    )
    try:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield _Tcp(reader, writer)
    finally:
        writer.transport.abort()


def next_address_s(host: str) -> float | None:
    """How long one address of the host is tried alone; None if the host is an address itself."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return NEXT_ADDRESS_S
    return None  # no race of one: asyncio's can leak a socket when it is cancelled


class _Tcp:
    date: str | None = None

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._may_have_more = False

    async def read(self) -> bytes:
        try:
            if self._may_have_more:
                # A buffered chunk is returned without waiting: let other tasks run first.
                await asyncio.sleep(0)
            chunk = await self._reader.read(CHUNK_BYTES)
        except OSError as exc:
            raise connection_error(exc) from exc
        if not chunk:
            raise ConnectionLost("the connection was closed by the other side", "eof")
        self._may_have_more = len(chunk) == CHUNK_BYTES
        return chunk

    async def write(self, payloads: Sequence[Payload]) -> None:
        try:
            self._writer.write(b"".join(_as_bytes(payload) for payload in payloads))
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._writer.drain()
        except TimeoutError as exc:
            raise ConnectionLost("the other side takes nothing", "silent") from exc
        except OSError as exc:
            raise connection_error(exc) from exc

    async def ping(self) -> float:
        raise ConnectionLost("a TCP connection has no ping")

    def abort(self) -> None:
        self._writer.transport.abort()


def _as_bytes(payload: Payload) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload


def connection_error(exc: OSError) -> ConnectionLost:
    """The error of a connection that was up."""
    return ConnectionLost(reason(exc), "silent" if isinstance(exc, TimeoutError) else "reset")
