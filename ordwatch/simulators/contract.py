"""The interface of a simulator, and the steps of orders that it plays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ordwatch.core.events import OrderStatus, Side
from ordwatch.venues.contract import HttpReply, HttpRequest, Payload


@dataclass(frozen=True)
class Market:
    """What an instrument usually costs, and the amounts it is traded in; plain decimals."""

    price: str
    tick: str
    lot: str


@dataclass(frozen=True)
class Intent:
    """What somebody wants to trade, in terms every venue understands; amounts are plain decimals.

    `instrument` and `account` are numbers the simulator reduces to what it has.
    """

    side: Side
    qty: str
    price: str | None
    """None: a market order."""
    stop_price: str | None = None
    order_type: str = "LIMIT"
    market_price: str | None = None
    """What is traded at when it is placed, no worse than its limit; None: what is usual at the venue."""
    instrument: int = 0
    account: int = 0
    remark: str = ""


@dataclass(frozen=True)
class Step:
    """One moment in an order's life."""

    order: str
    """The scenario's name of the order; the first step with a name places it."""
    status: OrderStatus
    intent: Intent
    filled: str = "0"
    """Executed so far, of intent.qty."""
    avg_price: str | None = None
    reason: str = ""
    native: str | None = None
    """Play this status of the venue's own (a number or word) instead of the one `status` maps to."""
    after_s: float = 0.0
    """Seconds after the step before."""


@dataclass(frozen=True)
class Close:
    """The simulator ends a conversation; code 0 on TCP is an orderly FIN, -1 a reset."""

    code: int = 1000
    reason: str = ""


@dataclass(frozen=True)
class Outgoing:
    """Something a simulator sends to one of its peers."""

    peer: int
    payload: Payload | Close
    push: bool = False
    """An order push: the host's faults (miss, duplicate, reorder) touch only these."""


@dataclass(frozen=True)
class TrueState:
    """What the venue itself holds about an order, to compare records with."""

    status: OrderStatus
    filled_qty: str | None
    states: int
    """How many states it ever gave the order."""


class Simulator(Protocol):
    """The venue's side of every conversation, and its orders. Sans-I/O too; simulate/ hosts it."""

    listeners: Mapping[str, Literal["tcp", "websocket", "http"]]
    """What to open, each on a loopback port of its own."""
    markets: Sequence[Market]
    """The instruments by number, so that orders have realistic prices and amounts."""
    faults: Sequence[str]
    """Names `fault` takes: what this venue can do wrong beyond the host's drop, miss, duplicate, reorder, split."""

    def connected(self, peer: int, listener: str, path: str, now_ns: int) -> None:
        """A client came; `path` is a WebSocket's path with its query, else ""."""
        ...

    def receive(self, peer: int, data: bytes, now_ns: int) -> None:
        """Bytes of a TCP stream or one WebSocket message."""
        ...

    def disconnected(self, peer: int) -> None:
        """The client has disconnected."""
        ...

    def request(self, request: HttpRequest, now_ns: int) -> HttpReply:
        """Answer a REST call; `url` holds the path only."""
        ...

    def play(self, step: Step, now_ns: int) -> None:
        """Let an order move; queues the pushes this makes. Steps played while nobody listens still count."""
        ...

    def tick(self, now_ns: int) -> None:
        """Called every 50 ms or so: time-outs, pings."""
        ...

    def data_to_send(self) -> list[Outgoing]:
        """Take what is queued, in order."""
        ...

    def fault(self, name: str, on: bool = True) -> None:
        """Switch one of `faults`."""
        ...

    def truth(self) -> dict[tuple[str, str | None, str], TrueState]:
        """By environment, account and order id, as ordwatch's records name them: what is so."""
        ...

    def settings(self, addresses: Mapping[str, str]) -> dict[str, object]:
        """The block of config.yaml that reaches it; `addresses` gives host:port for each listener."""
        ...

    def alternatives(self, addresses: Mapping[str, str]) -> Sequence[dict[str, object]]:
        """Further blocks that reach it, each another way; `settings` is the usual one."""
        ...
