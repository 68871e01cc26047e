"""Connections: TCP chunks and WebSocket messages behind one narrow interface.

TLS is always verified; proxies of the environment and TLS key logs are never used. Debug logging of
the WebSocket library is off, because it prints what was sent, credentials included.
"""

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Protocol

import websockets
from websockets.asyncio.client import ClientConnection, connect

from ordwatch.core.errors import ConnectionLost, TlsFailed
from ordwatch.core.escaping import safe_text
from ordwatch.engine.failures import describe, reason
from ordwatch.engine.tls import tls_context
from ordwatch.venues.contract import Endpoint, Payload

CHUNK_BYTES = 8 * 1024
"""Read at once: some 30 updates, so that other tasks wait a millisecond for them and not eight."""
NEXT_ADDRESS_S = 0.25
"""How long one address of a host is tried before the next is tried at the same time."""
SEND_TIMEOUT_S = 10.0
MESSAGES_A_TURN = 32
"""WebSocket messages read before other tasks run: as long as the chunks of TCP."""
CLOSING_HANDSHAKE_S = 0.5
"""How long a WebSocket's closing handshake is waited for."""

_silent_log = logging.getLogger("ordwatch.websockets")
_silent_log.setLevel(logging.CRITICAL)


class Transport(Protocol):
    """One connection."""

    date: str | None
    """The `Date` header of the handshake, if any."""

    async def read(self) -> bytes:
        """The next chunk (TCP) or message (WebSocket).

        Raises:
            ConnectionLost: The connection ended; `cause` says how.
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
async def _dial_tcp(endpoint: Endpoint) -> AsyncIterator[Transport]:
    reader, writer = await asyncio.open_connection(
        endpoint.host, endpoint.port, happy_eyeballs_delay=None if _is_address(endpoint.host) else NEXT_ADDRESS_S
    )
    try:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield _Tcp(reader, writer)
    finally:
        writer.transport.abort()


def _is_address(host: str) -> bool:
    """Whether the host is one address: asyncio's race between several can leak a socket when it is cancelled."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
            raise _connection_error(exc) from exc
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
            raise _connection_error(exc) from exc

    async def ping(self) -> float:
        raise ConnectionLost("a TCP connection has no ping")

    def abort(self) -> None:
        self._writer.transport.abort()


def _as_bytes(payload: Payload) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload


def _connection_error(exc: OSError) -> ConnectionLost:
    return ConnectionLost(reason(exc), "silent" if isinstance(exc, TimeoutError) else "reset")


@asynccontextmanager
async def _dial_websocket(endpoint: Endpoint, tls_ca_file: str | None) -> AsyncIterator[Transport]:
    hint = f"; {endpoint.unanswered}" if endpoint.unanswered else ""
    try:
        connection = await _ConnectWithoutRedirect(
            endpoint.url,
            ssl=tls_context(tls_ca_file) if endpoint.url.startswith("wss:") else None,
            proxy=None,
            compression=None,
            max_size=endpoint.max_message_bytes,
            max_queue=64,
            ping_interval=None,
            open_timeout=None,
            close_timeout=1,
            logger=_silent_log,
            user_agent_header=None,
        )
    except ssl.SSLError:
        raise  # a certificate that does not verify is also a ValueError
    except websockets.InvalidHandshake as exc:
        raise ConnectionLost(f"the WebSocket handshake failed: {_handshake_failure(exc)}{hint}") from None
    except (websockets.InvalidURI, ValueError):
        raise ConnectionLost("the WebSocket address is not one") from None
    except EOFError as exc:
        raise ConnectionLost(f"the connection was closed during the WebSocket handshake{hint}", "eof") from exc
    try:
        yield _WebSocket(connection)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_HANDSHAKE_S):
                await connection.close()
        connection.transport.abort()


def _handshake_failure(exc: websockets.InvalidHandshake) -> str:
    if isinstance(exc, websockets.InvalidStatus):
        return f"HTTP status {exc.response.status_code}"
    return safe_text(type(exc).__name__, 200)


class _ConnectWithoutRedirect(connect):
    """Follows no redirect, which would send the login to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _WebSocket:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.date = connection.response.headers.get("Date") if connection.response is not None else None
        self._messages = 0

    async def read(self) -> bytes:
        self._messages += 1
        if self._messages % MESSAGES_A_TURN == 0:
            await asyncio.sleep(0)
        try:
            return await self._connection.recv(decode=False)
        except websockets.ConnectionClosed as exc:
            raise _closed(exc) from exc

    async def write(self, payloads: Sequence[Payload]) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                for payload in payloads:
                    await self._connection.send(payload)
        except TimeoutError as exc:
            raise ConnectionLost("the other side takes nothing", "silent") from exc
        except websockets.ConnectionClosed as exc:
            raise _closed(exc) from exc

    async def ping(self) -> float:
        try:
            return await (await self._connection.ping())
        except websockets.ConnectionClosed as exc:
            raise _closed(exc) from exc

    def abort(self) -> None:
        self._connection.transport.abort()


def _closed(exc: websockets.ConnectionClosed) -> ConnectionLost:
    if exc.sent is not None and exc.rcvd is None and exc.sent.code != 1000:
        reason = safe_text(exc.sent.reason, 120)
        return ConnectionLost(f"closed by us, code {exc.sent.code} {reason}".rstrip(), f"close:{exc.sent.code}")
    if exc.rcvd is not None:
        reason = safe_text(exc.rcvd.reason, 120)
        return ConnectionLost(f"closed by the venue, code {exc.rcvd.code} {reason}".rstrip(), f"close:{exc.rcvd.code}")
    if isinstance(exc.__cause__, OSError):
        return _connection_error(exc.__cause__)
    return ConnectionLost("the connection was closed by the other side", "eof")
