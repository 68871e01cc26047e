"""WebSocket connections, as `transport.dial` opens them.

A module of its own because its library takes a while to import. Debug logging of the library is off, because it prints
what was sent, credentials included.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import ClientConnection, connect

from ordwatch.core.errors import ConnectionLost
from ordwatch.core.escaping import safe_text
from ordwatch.engine.tls import tls_context
from ordwatch.engine.transport import SEND_TIMEOUT_S, Transport, connection_error, next_address_s
from ordwatch.venues.contract import Endpoint, Payload

MESSAGES_A_TURN = 32
"""WebSocket messages read before other tasks run: as long as the chunks of TCP."""
CLOSING_HANDSHAKE_S = 0.5
"""How long a WebSocket's closing handshake is waited for."""

_silent_log = logging.getLogger("ordwatch.websockets")
_silent_log.setLevel(logging.CRITICAL)


@asynccontextmanager
async def dial_websocket(endpoint: Endpoint, tls_ca_file: str | None) -> AsyncIterator[Transport]:
    """Open a WebSocket connection to the endpoint; it is closed at the end of the block.

    Raises:
        ConnectionLost: The handshake failed.
        OSError, UnicodeError, ConfigError: As for `transport.dial`, which names what they mean.
    """
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
            happy_eyeballs_delay=next_address_s(urlsplit(endpoint.url).hostname or ""),
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
        return connection_error(exc.__cause__)
    return ConnectionLost("the connection was closed by the other side", "eof")
