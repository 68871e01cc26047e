"""A venue's client and its simulator, talking in memory: no socket and no clock, so that any byte can be spoiled.

Everything that the client sends is kept.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from ordwatch.core.errors import ConnectionLost
from ordwatch.core.events import Answer, OrderUpdate, SessionEvent, Turn
from ordwatch.core.secrets import MIN_REDACTED, Secret
from ordwatch.simulators import load_simulator
from ordwatch.simulators.contract import Close, Step
from ordwatch.simulators.setup import setup
from ordwatch.venues.contract import (
    EVER,
    ConnectionPlan,
    HttpReply,
    HttpRequest,
    Payload,
    QueryResult,
    QuerySpec,
    Rate,
    RequestT,
)

START_NS = 1_790_000_000_000_000_000
STEP_NS = 4_000_000_000
"""Between two requests: more than any rate asks for."""
MAX_REQUESTS = 300
PEER = 1
T = TypeVar("T")


def as_it_is(data: bytes) -> bytes:
    """No damage."""
    return data


class Conversation:
    """One connection of a fresh client to a fresh simulator, with the REST calls. It is a `Call`."""

    def __init__(self, kind: str, name: str = "tested") -> None:
        self.simulator = load_simulator(kind)
        self._addresses = {f"127.0.0.1:{port}": name for port, name in enumerate(self.simulator.listeners, start=1)}
        block = self.simulator.settings({name: address for address, name in self._addresses.items()})
        self.venue, self.setup = setup(name, block, raw=True)
        self.client = self.venue.configure(self.setup)
        self.now_ns = START_NS
        self.sent: list[HttpRequest | Payload] = []
        self.received: list[bytes] = []
        """What the simulator sent over the connection, before any damage."""
        self.orders: list[OrderUpdate] = []
        self.spoil_frame: Callable[[bytes], bytes] = as_it_is
        self.spoil_reply: Callable[[HttpReply], HttpReply] = lambda reply: reply
        self.plan: ConnectionPlan | None = None
        self._requests = 0

    @property
    def secrets(self) -> list[str]:
        """What no message may show: the configured secrets, and keys in the path of the address.

        A ticket in its query is good for one connection, and used up before anything can be shown.
        """
        values = msgspec.structs.asdict(self.setup.settings).values()
        known = [value.reveal() for value in values if isinstance(value, Secret)]
        if self.plan is not None and self.plan.endpoint.url:
            endpoint = self.plan.endpoint
            known += urlsplit(endpoint.url.removeprefix(endpoint.shown)).path.split("/")
        return [secret for secret in known if len(secret) >= MIN_REDACTED]

    def play(self, steps: Sequence[Step]) -> None:
        """Let orders move; what that makes the simulator push waits for `exchange`."""
        for step in steps:
            self.simulator.play(step, self._later())

    def connect(self) -> list[SessionEvent]:
        """Open the connection; the events up to the point where both sides wait for something."""
        self.plan = _run(self.client.open(0, self))
        endpoint = self.plan.endpoint
        url = urlsplit(endpoint.url)
        listener = self._addresses[url.netloc or f"{endpoint.host}:{endpoint.port}"]
        path = f"{url.path or '/'}{'?' + url.query if url.query else ''}" if endpoint.url else ""
        self.simulator.connected(PEER, listener, path, self._later())
        return [*self.plan.session.start(self.now_ns), *self.exchange()]

    def exchange(self) -> list[SessionEvent]:
        """Carry everything that is queued to the other side, to and fro, until nothing is left."""
        assert self.plan is not None
        session, events = self.plan.session, list[SessionEvent]()
        while True:
            sent = session.data_to_send()
            self.sent += sent
            for payload in sent:
                data = payload.encode() if isinstance(payload, str) else payload
                self.simulator.receive(PEER, data, self.now_ns)
            arrived = [out.payload for out in self.simulator.data_to_send() if out.peer == PEER]
            if not sent and not arrived:
                return events
            for answer in arrived:
                if not isinstance(answer, Close):
                    events += self.receive(answer.encode() if isinstance(answer, str) else answer)

    def receive(self, data: bytes) -> list[SessionEvent]:
        """Let the session read this, with the damage done to it."""
        assert self.plan is not None
        self.received.append(data)
        events = self.plan.session.receive(self.spoil_frame(data), self._later())
        return [event for event in events if not isinstance(event, Turn)]

    def query(self, open_orders: Sequence[OrderUpdate] = ()) -> QueryResult:
        """One query of the client's, of a gap that reaches back for ever."""
        spec = QuerySpec(since_ns=EVER, open_orders=lambda: open_orders, orders=lambda: open_orders)
        return _run(self.client.query(spec, self, self._emit))

    async def _emit(self, orders: Sequence[OrderUpdate], /, *, cached: bool = False) -> None:
        self.orders += orders

    async def __call__(self, request: RequestT, /) -> object:
        """The answer, from the simulator."""
        self._requests += 1
        if self._requests > MAX_REQUESTS:
            raise ConnectionLost(f"more than {MAX_REQUESTS} requests")
        self._later()
        if isinstance(request, HttpRequest):
            signed = request.signed(self.now_ns)
            self.sent.append(signed)
            local = msgspec.structs.replace(signed, url=urlsplit(signed.url).path)
            reply = self.simulator.request(local, self.now_ns)
            return self.spoil_reply(msgspec.structs.replace(reply, sent=signed))
        assert self.plan is not None
        events = [*self.plan.session.queue_request(self._requests, request, self.now_ns), *self.exchange()]
        for event in events:
            if isinstance(event, Answer) and event.key == self._requests:
                if event.error is not None:
                    raise event.error
                return event.value
        raise ConnectionLost("no answer")

    def take(self, rate: Rate) -> bool:
        """There is always a place."""
        return True

    def _later(self) -> int:
        self.now_ns += STEP_NS
        return self.now_ns


def _run(job: Coroutine[object, object, T]) -> T:
    return asyncio.run(job)
