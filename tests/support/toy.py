"""A venue made for tests of the engine: lines of text over TCP, and a server that does what a test asks of it.

Lines of the venue: ok | no | denied | pong | bad | turn | out | in | rows KEY ID:STATUS:FILLED:VERSION ... | refuse KEY
| order ID STATUS FILLED VERSION
"""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from ordwatch.core.errors import AuthError, Refused, RemoteProtocolError
from ordwatch.core.events import (
    Answer,
    Closed,
    Extra,
    Interrupted,
    OrderStatus,
    OrderUpdate,
    Progress,
    Ready,
    Recency,
    Reject,
    Resumed,
    RoundTrip,
    SessionEvent,
    Turn,
)
from ordwatch.core.merging import not_found
from ordwatch.venues.contract import (
    Call,
    ConnectionPlan,
    Emit,
    Endpoint,
    Payload,
    QueryResult,
    QuerySpec,
    Setup,
    StreamRequest,
    VenueKind,
    VenueSettings,
    reads_only,
)


class ToyExtra(Extra, frozen=True, kw_only=True):
    """A word, and a time as text."""

    TIME_TEXTS: ClassVar[frozenset[str]] = frozenset({"clock"})

    note: str | None = None
    clock: str | None = None


class ToySettings(VenueSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server is; `links` connections are needed."""

    port: int = 0
    links: int = 1
    heartbeat: float = 60.0
    silence: float = 120.0


class ListOrders(StreamRequest, frozen=True, kw_only=True):
    """Everything the venue holds."""

    timeout_s: float = 1.0


LIST = ListOrders()


def toy_update(
    venue: str,
    order_id: str,
    status: str,
    filled: str | None,
    version: str,
    source: str = "push",
    now_ns: int | None = None,
) -> OrderUpdate:
    return OrderUpdate(
        venue=venue,
        order_id=order_id,
        symbol="TOY",
        status=OrderStatus(status),
        venue_status=status.lower(),
        qty="10",
        filled_qty=filled,
        updated_ns=int(version) * 1_000_000,
        received_ns=now_ns if now_ns is not None else time.time_ns(),
        source="query" if source == "query" else "push",
        extra=ToyExtra(),
    )


def toy_compare_versions(new: OrderUpdate, known: OrderUpdate, _same_way: bool) -> Recency:
    mine, theirs = new.updated_ns or 0, known.updated_ns or 0
    if mine == theirs:
        return Recency.EQUAL
    return Recency.NEWER if mine > theirs else Recency.OLDER


class ToySession:
    """The client's side of one conversation."""

    def __init__(self, setup: Setup[ToySettings]) -> None:
        self.heartbeat_s = setup.settings.heartbeat
        self.silence_s = setup.settings.silence
        self.last_message_ns = 0
        self._name = setup.name
        self._out: list[Payload] = []
        self._rest = b""

    def start(self, now_ns: int) -> Sequence[SessionEvent]:
        self._out.append(b"hello\n")
        return ()

    def receive(self, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if any(line != b"bad" for line in lines):
            self.last_message_ns = now_ns
        return [event for line in lines for event in self._line(line.decode().split(), now_ns)]

    def _line(self, words: list[str], now_ns: int) -> list[SessionEvent]:
        match words:
            case ["ok"]:
                return [Progress("subscribing"), Ready()]
            case ["no"]:
                return [Closed(Refused("the toy says no"))]
            case ["denied"]:
                return [Closed(AuthError("login refused (code 5)"))]
            case ["pong"]:
                return [RoundTrip(0.001)]
            case ["out"]:
                return [Interrupted("venue_logged_out", "the toy sees nothing", now_ns)]
            case ["in"]:
                return [Resumed()]
            case ["rows", key, *rows]:
                return [Answer(int(key), [self._row(row, now_ns) for row in rows])]
            case ["refuse", key]:
                return [Answer(int(key), error=Refused("locked, says the toy"))]
            case ["order", order_id, status, filled, version]:
                return [toy_update(self._name, order_id, status, filled, version, now_ns=now_ns)]
            case ["turn"]:
                return [Turn()]
            case ["bad"]:
                return [Reject(venue=self._name, reason="bad line", data=b"bad", size=3, missed=True, at_ns=now_ns)]
            case _:
                return [Closed(RemoteProtocolError(f"not a toy line: {words!r}"))]

    def _row(self, row: str, now_ns: int) -> OrderUpdate:
        order_id, status, filled, version = row.split(":")
        return toy_update(self._name, order_id, status, filled, version, "query", now_ns)

    def heartbeat(self, now_ns: int) -> None:
        self._out.append(b"ping\n")

    def queue_request(self, key: int, request: StreamRequest, now_ns: int) -> Sequence[SessionEvent]:
        self._out.append(b"list %d\n" % key)
        return []

    def data_to_send(self) -> list[Payload]:
        out, self._out = self._out, []
        return out


async def toy_open(setup: Setup[ToySettings], call: Call) -> ConnectionPlan:
    port = setup.settings.port
    endpoint = Endpoint(transport="tcp", shown=f"127.0.0.1:{port}", host="127.0.0.1", port=port)
    return ConnectionPlan(endpoint, ToySession(setup))


async def toy_query(setup: Setup[ToySettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
    rows = await call(LIST)
    assert isinstance(rows, list)
    await emit(rows)
    reported = {row.order_id for row in rows}
    lost = [order for order in spec.open_orders() if order.order_id not in reported and not order.not_found]
    await emit([not_found(order, "the toy does not know it", time.time_ns()) for order in lost])
    return QueryResult(limits=("states in between cannot be known",))


Open = Callable[[Setup[ToySettings], Call], Awaitable[ConnectionPlan]]
Query = Callable[[Setup[ToySettings], QuerySpec, Call, Emit], Awaitable[QueryResult]]


@dataclass(frozen=True)
class ToyClient:
    """Calls these functions with its setup."""

    setup: Setup[ToySettings]
    opened: Open
    queried: Query

    @property
    def connections(self) -> int:
        return self.setup.settings.links

    async def open(self, connection: int, call: Call) -> ConnectionPlan:
        return await self.opened(self.setup, call)

    async def query(self, spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
        return await self.queried(self.setup, spec, call, emit)


def toy_kind(opened: Open = toy_open, queried: Query = toy_query) -> VenueKind:
    """The toy, opened and asked by these functions."""
    return VenueKind(
        contract=1,
        kind="toy",
        settings=ToySettings,
        extra=ToyExtra,
        configure=lambda setup: ToyClient(setup.bind(ToySettings), opened, queried),
        only_reads=reads_only("hello\n|ping\n|list [0-9]+\n", "PUT /key"),
        compare_versions=toy_compare_versions,
        credentials=("api_key",),
    )


TOY = toy_kind()


class ToyServer:
    """Answers as scripted; holds the true orders."""

    def __init__(self) -> None:
        self.orders: dict[str, tuple[str, str, int]] = {}
        self.greeting = "ok"
        self.answers = True
        self.refuses = False
        self.mute_lists = False
        self.port = 0
        self.connections = 0
        self.seen: list[str] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._moved = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        self._moved.set()
        try:
            while line := await reader.readline():
                self.seen.append(line.decode().strip())
                self._moved.set()
                if self.answers:
                    self._answer(writer, line.decode().split())
        except ConnectionError:
            pass
        finally:
            if writer in self._writers:
                self._writers.remove(writer)
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, words: list[str]) -> None:
        match words:
            case ["hello"]:
                writer.write(self.greeting.encode() + b"\n")
            case ["ping"]:
                writer.write(b"pong\n")
            case ["list", _] if self.mute_lists:
                pass
            case ["list", key] if self.refuses:
                writer.write(f"refuse {key}\n".encode())
            case ["list", key]:
                rows = " ".join(f"{name}:{s}:{f}:{v}" for name, (s, f, v) in self.orders.items())
                writer.write(f"rows {key} {rows}\n".encode())
            case _:
                raise ValueError(f"a toy client does not say {words!r}")

    def move(self, order_id: str, status: str, filled: str = "0", *, push: bool = True) -> None:
        """Let an order reach a state; `push`: with a push."""
        version = self.orders.get(order_id, ("", "", 0))[2] + 1
        self.orders[order_id] = (status, filled, version)
        if push:
            self.say(f"order {order_id} {status} {filled} {version}")

    def say(self, line: str) -> None:
        for writer in self._writers:
            writer.write(line.encode() + b"\n")

    def drop(self, index: int = 0) -> None:
        """Reset a connection."""
        writer = self._writers[index]
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    def end(self) -> None:
        """Close every connection in order."""
        for writer in self._writers:
            writer.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something the server sees makes the condition true."""
        while not condition():
            self._moved.clear()
            await self._moved.wait()


@asynccontextmanager
async def toy_server() -> AsyncIterator[ToyServer]:
    toy = ToyServer()
    server = await asyncio.start_server(toy.serve, "127.0.0.1", 0)
    toy.port = server.sockets[0].getsockname()[1]
    try:
        yield toy
    finally:
        server.close()
        for _ in range(8):  # who was accepted a moment ago is served first, and so known
            await asyncio.sleep(0)
        for writer in list(toy._writers):
            writer.transport.abort()
        await server.wait_closed()
