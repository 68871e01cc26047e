"""Hosts a simulator on loopback: real sockets, WebSockets and HTTP, and faults of the way between.

The simulator itself does no I/O; here is what hands it bytes and the time, and sends what it returns.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from random import Random

import msgspec
from aiohttp import web
from websockets import ConnectionClosed
from websockets.asyncio.server import Server, ServerConnection, serve

from ordwatch.simulators.clients import Peer, TcpPeer, WebSocketPeer
from ordwatch.simulators.contract import Simulator, Step
from ordwatch.simulators.faults import PushFaults
from ordwatch.simulators.setup import setup
from ordwatch.venues.contract import HttpRequest, Method, Setup, VenueKind, VenueSettings

LOOPBACK = "127.0.0.1"
TICK_S = 0.05
DELAY_TICKS = 5
"""Pushes held back to be reordered go out after so many ticks at the latest."""
_CHUNK_BYTES = 64 * 1024
_MAX_MESSAGE_BYTES = 16 * 2**20

_logger = logging.getLogger("ordwatch.simulators.websockets")
_logger.setLevel(logging.CRITICAL)


class Hosted:
    """A simulator with its clients. All methods act at once, except `perform`, which waits between steps."""

    def __init__(self, simulator: Simulator, seed: int = 0) -> None:
        self.simulator = simulator
        self.faults = PushFaults(seed)
        self.addresses: dict[str, str] = {}
        """host:port of each listener."""
        self.connections = 0
        """How many clients ever came."""
        self.requests = 0
        """How many REST calls were answered."""
        self.refusals = 0
        """How many clients and REST calls were refused."""
        self.bug: Exception | None = None
        """What the simulator raised, and should not have."""
        self._random = Random(seed)  # noqa: S311 - makes faults that can be repeated, guards nothing
        self._clients: dict[int, Peer] = {}
        self._next = 0
        self._refused: set[str] = set()
        self._split = False
        self._held_ticks = 0
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def settings(self) -> dict[str, object]:
        """The block of config.yaml that reaches it."""
        return self.simulator.settings(self.addresses)

    def alternatives(self) -> Sequence[dict[str, object]]:
        """The blocks that reach it other ways."""
        return self.simulator.alternatives(self.addresses)

    def setup(self, name: str | None = None, *, raw: bool = False) -> tuple[VenueKind, Setup[VenueSettings]]:
        """What a run needs to watch it; the name is that of the kind of venue unless given."""
        block = self.settings()
        return setup(name or str(block["kind"]), block, raw=raw)

    def play(self, step: Step) -> None:
        """Let an order move, now."""
        self.simulator.play(step, time.time_ns())
        self.flush()

    async def perform(self, steps: Iterable[Step], *, speed: float = 1.0) -> None:
        """Play steps, each `after_s` / `speed` seconds after the one before."""
        for step in steps:
            await asyncio.sleep(step.after_s / speed)
            self.play(step)

    def fault(self, name: str, on: bool = True) -> None:
        """Switch one of the simulator's own faults."""
        self.simulator.fault(name, on)
        self.flush()

    def drop(self, *, reset: bool = False) -> None:
        """Cut every connection by a FIN, or a reset; what is pushed until the clients are back is missed."""
        for number, peer in list(self._clients.items()):
            self._forget(number)
            peer.cut(reset=reset)

    def refuse(self, on: bool = True, listeners: Iterable[str] = ()) -> None:
        """Accept no client on these listeners (default: on none at all): each is cut at once, HTTP too."""
        names = set(listeners) or set(self.simulator.listeners)
        self._refused = self._refused | names if on else self._refused - names

    @contextmanager
    def away(self, *, reset: bool = False) -> Iterator[None]:
        """Refuse all clients until the end of the block; updates made meanwhile are not pushed."""
        self.refuse()
        self.drop(reset=reset)
        try:
            yield
        finally:
            self.refuse(False)

    def swallow(self, count: int = 1) -> None:
        """Take away so many of the next pushes, of all clients together."""
        self.faults.to_swallow = count

    def miss(self, share: float) -> None:
        """Take away this share of all pushes, by chance."""
        self.faults.miss_share = share

    def duplicate(self, repeats: int = 2) -> None:
        """Send each push so many times; 1 is normal."""
        self.faults.repeats = repeats

    def reorder(self, window: int) -> None:
        """Shuffle each so many pushes; 1 is normal. What waits for more goes out after a quarter of a second."""
        self.faults.window = window

    def split(self, on: bool = True) -> None:
        """Send byte by byte."""
        self._split = on
        for peer in self._clients.values():
            peer.split = on

    def settle(self) -> None:
        """Send what is held back to be reordered."""
        for outgoing in self.faults.delayed():
            if (peer := self._clients.get(outgoing.peer)) is not None:
                peer.put(outgoing.payload)

    async def disconnect_forever(self, every_s: float, away_s: float) -> None:
        """Disconnect and refuse clients for `away_s` seconds, on average every `every_s` seconds."""
        while True:
            await asyncio.sleep(every_s * self._random.uniform(0.5, 1.5))
            with self.away(reset=self._random.random() < 0.5):
                await asyncio.sleep(away_s)

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._clients)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something a client did makes the condition true."""
        while not condition():
            self._moved.clear()
            await self._moved.wait()

    def flush(self) -> None:
        """Send what the simulator has queued."""
        for outgoing in self.faults.pass_on(self.simulator.data_to_send()):
            if (peer := self._clients.get(outgoing.peer)) is not None:
                peer.put(outgoing.payload)

    async def tick_forever(self) -> None:
        """Call the simulator's timer repeatedly."""
        while True:
            await asyncio.sleep(TICK_S)
            self.simulator.tick(time.time_ns())
            self.flush()
            self._held_ticks += 1
            if self._held_ticks >= DELAY_TICKS:
                self._held_ticks = 0
                self.settle()

    async def serve_tcp(self, listener: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's TCP connection."""
        async with self._conversation(TcpPeer(writer), listener, "") as number:
            while data := await reader.read(_CHUNK_BYTES):
                self._receive(number, data)
            writer.close()

    async def serve_websocket(self, listener: str, connection: ServerConnection) -> None:
        """One client's WebSocket connection."""
        path = connection.request.path if connection.request is not None else ""
        async with self._conversation(WebSocketPeer(connection), listener, path) as number:
            async for message in connection:
                self._receive(number, message.encode() if isinstance(message, str) else message)

    async def answer(self, listener: str, request: web.Request) -> web.Response:
        """One REST call."""
        if listener in self._refused and request.transport is not None:
            self._turn_away()
            request.transport.abort()
        try:
            method: Method = msgspec.convert(request.method, Method)
        except msgspec.ValidationError:
            return web.Response(status=405)
        is_json = request.content_type == "application/json" and request.can_read_body
        form = await request.post() if method != "GET" and not is_json else None
        question = HttpRequest(
            name=request.path,
            url=request.path,
            method=method,
            params=dict(request.query),
            headers=dict(request.headers),
            form={key: str(value) for key, value in form.items()} if form is not None else None,
            json=await request.json() if is_json else None,
        )
        try:
            reply = self.simulator.request(question, time.time_ns())
        except Exception as bug:
            self.bug = self.bug or bug
            raise
        self.requests += 1
        self.flush()
        self._moved.set()
        return web.Response(status=reply.status, body=reply.body, content_type="application/json")

    @asynccontextmanager
    async def _conversation(self, peer: Peer, listener: str, path: str) -> AsyncIterator[int]:
        """A client from its coming to its end; what the simulator raises ends it, and `host` raises it again."""
        sending = asyncio.create_task(peer.send_forever())
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._tasks.add(task)
        number = self._next = self._next + 1
        try:
            if listener in self._refused:
                self._turn_away()
                peer.cut(reset=True)
            else:
                self._welcome(number, peer, listener, path)
            yield number
        except (OSError, ConnectionClosed):
            pass
        except Exception as bug:  # noqa: BLE001
            self.bug = self.bug or bug
            peer.cut(reset=True)
        finally:
            self._forget(number)
            self._tasks.discard(task)
            sending.cancel()
            await asyncio.wait([sending])

    def _turn_away(self) -> None:
        self.refusals += 1
        self._moved.set()

    def _welcome(self, number: int, peer: Peer, listener: str, path: str) -> None:
        self.connections += 1
        peer.split = self._split
        self._clients[number] = peer
        self.simulator.connected(number, listener, path, time.time_ns())
        self.flush()
        self._moved.set()

    def _receive(self, number: int, data: bytes) -> None:
        if number in self._clients:
            self.simulator.receive(number, data, time.time_ns())
            self.flush()
            self._moved.set()

    def _forget(self, number: int) -> None:
        if self._clients.pop(number, None) is not None:
            self.simulator.disconnected(number)
            self._moved.set()

    async def close(self) -> None:
        """Cut every connection, take no more, and wait until nothing of them is left."""
        self.refuse()
        self.drop()
        if self._tasks:
            await asyncio.wait(self._tasks)


@asynccontextmanager
async def host(simulator: Simulator, *, seed: int = 0, ports: Mapping[str, int] | None = None) -> AsyncIterator[Hosted]:
    """The simulator, reachable on loopback until the end of the block.

    Ports are the system's choice unless given by the listener's name. The same seed makes the same faults.

    Raises:
        OSError: A port given is taken.
        Exception: What the simulator raised meanwhile: a bug.
    """
    hosted = Hosted(simulator, seed)
    async with AsyncExitStack() as stack:
        for name, kind in simulator.listeners.items():
            port = (ports or {}).get(name, 0)
            match kind:
                case "tcp":
                    bound = await stack.enter_async_context(_tcp(hosted, name, port))
                case "websocket":
                    bound = await stack.enter_async_context(_websocket(hosted, name, port))
                case "http":
                    bound = await stack.enter_async_context(_http(hosted, name, port))
            hosted.addresses[name] = f"{LOOPBACK}:{bound}"
        stack.push_async_callback(hosted.close)
        ticking = asyncio.create_task(hosted.tick_forever())
        try:
            yield hosted
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
    if hosted.bug is not None:
        raise hosted.bug


@asynccontextmanager
async def _tcp(hosted: Hosted, name: str, port: int) -> AsyncIterator[int]:
    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hosted.serve_tcp(name, reader, writer)

    server = await asyncio.start_server(serve_one, LOOPBACK, port)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def _websocket(hosted: Hosted, name: str, port: int) -> AsyncIterator[int]:
    async def serve_one(connection: ServerConnection) -> None:
        await hosted.serve_websocket(name, connection)

    server: Server
    async with serve(
        serve_one,
        LOOPBACK,
        port,
        compression=None,
        ping_interval=None,
        close_timeout=1,
        max_size=_MAX_MESSAGE_BYTES,
        logger=_logger,
    ) as server:
        yield next(iter(server.sockets)).getsockname()[1]


@asynccontextmanager
async def _http(hosted: Hosted, name: str, port: int) -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        return await hosted.answer(name, request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
