"""The clients of a hosted simulator: what it sends them is queued, and written by one task for each."""

import asyncio
import contextlib
import socket
import struct
from typing import Protocol

import websockets
from websockets.asyncio.server import ServerConnection

from ordwatch.simulators.contract import Close
from ordwatch.venues.contract import Payload

RESET = -1
"""A Close with this code is a TCP reset."""
_TURNS = 2
"""Rounds of the event loop until a reader in the same loop has surely read what was sent."""
_LINGER_NONE = struct.pack("ii", 1, 0)


class Peer(Protocol):
    """One client."""

    split: bool
    """Send byte by byte."""

    def put(self, payload: Payload | Close) -> None:
        """Queue a payload, or the end of the conversation."""
        ...

    def cut(self, *, reset: bool) -> None:
        """End the connection now, whatever is queued: by a reset, else by a bare FIN."""
        ...

    async def send_forever(self) -> None:
        """Write what is queued until the end of the conversation, or of the connection."""
        ...


class TcpPeer:
    """A client on a plain TCP connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.split = False
        self._writer = writer
        self._queue: asyncio.Queue[Payload | Close] = asyncio.Queue()
        _socket(writer.transport).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def put(self, payload: Payload | Close) -> None:
        """Queue a payload, or the end of the conversation."""
        self._queue.put_nowait(payload)

    def cut(self, *, reset: bool) -> None:
        """End the connection now."""
        _cut(self._writer.transport, reset=reset)

    async def send_forever(self) -> None:
        """Write what is queued until the end."""
        with contextlib.suppress(OSError):
            while not isinstance(item := await self._queue.get(), Close):
                await self._send(item.encode() if isinstance(item, str) else item)
            if item.code == RESET:
                self.cut(reset=True)
            else:
                self._writer.close()

    async def _send(self, data: bytes) -> None:
        if self.split:
            for byte in data:
                self._writer.write(bytes([byte]))
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
        else:
            self._writer.write(data)
        await self._writer.drain()


class WebSocketPeer:
    """A client on a WebSocket connection; `split` gives each byte a fragment of its own."""

    def __init__(self, connection: ServerConnection) -> None:
        self.split = False
        self._connection = connection
        self._queue: asyncio.Queue[Payload | Close] = asyncio.Queue()

    def put(self, payload: Payload | Close) -> None:
        """Queue a payload, or the end of the conversation."""
        self._queue.put_nowait(payload)

    def cut(self, *, reset: bool) -> None:
        """End the connection now, without a closing handshake."""
        _cut(self._connection.transport, reset=reset)

    async def send_forever(self) -> None:
        """Write what is queued until the end."""
        with contextlib.suppress(websockets.ConnectionClosed):
            while not isinstance(item := await self._queue.get(), Close):
                await self._connection.send(_fragments(item) if self.split else item)
            if item.code == RESET:
                self.cut(reset=True)
            else:
                await self._connection.close(item.code, item.reason)


def _fragments(payload: Payload) -> list[str] | list[bytes]:
    if isinstance(payload, str):
        return list(payload)
    return [bytes([byte]) for byte in payload]


def _cut(transport: asyncio.BaseTransport, *, reset: bool) -> None:
    assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101
    if reset and not transport.is_closing():
        _socket(transport).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    transport.abort()


def _socket(transport: asyncio.BaseTransport) -> socket.socket:
    found: socket.socket = transport.get_extra_info("socket")
    return found
