"""What the parts of ordwatch say to each other: statements of venues and events of links.

Imports nothing of ours. What is written for the user (records, with texts for times) is in records.py.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

import msgspec

DecimalText = str
"""An exact decimal in plain notation, matching -?(0|[1-9][0-9]*)(\\.[0-9]+)?; made by text.py only."""

Source = Literal["push", "query"]
Environment = Literal["live", "paper"]


class OrderStatus(StrEnum):
    """Names of FIX tag 39, and UNKNOWN when no statement of the venue supports one of them."""

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


class Side(StrEnum):
    """The side of an order; a short sale and its return are told apart where the venue does."""

    BUY = "BUY"
    SELL = "SELL"
    SELL_SHORT = "SELL_SHORT"
    BUY_BACK = "BUY_BACK"


class TimeInForce(StrEnum):
    """How long an order works."""

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


OrderKey = tuple[str, Environment, str | None, str]
"""Venue, environment, account and order id: what makes an order one and the same; never the id alone."""


class Extra(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Documented fields of a venue that have no key of their own. Each venue has its fixed subclass.

    Every field has the default None and is `str | bool | list | None`; ids and decimals are text.
    """

    TIME_TEXTS: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold times as text; a query row that differs only in them does not differ."""


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One statement of a venue about one order.

    None: this statement does not tell. Merging keeps what is known in its place.
    """

    venue: str
    """The venue's name in the configuration."""
    environment: Environment = "live"
    account: str | None = None
    order_id: str
    order_id_ext: str | None = None
    client_order_id: str | None = None
    symbol: str | None = None
    """The record falls back to "" when nothing ever told it."""
    name: str | None = None
    side: Side | None = None
    order_type: str | None = None
    time_in_force: TimeInForce | None = None
    status: OrderStatus
    venue_status: str
    """The venue's own word for the status."""
    reason: str | None = None
    """Last error, reject or cancel reason. "" takes a former reason back (the record then shows null)."""
    qty: DecimalText | None = None
    """Ordered amount in units of the base asset (shares, coins, contracts); never lots or wei."""
    filled_qty: DecimalText | None = None
    """Executed so far. May shrink where a venue busts a fill."""
    remaining_qty: DecimalText | None = None
    """What the venue says is still open, or qty - filled_qty; the record shows 0 once the order is final."""
    price: DecimalText | None = None
    """Limit price; None for a market order."""
    stop_price: DecimalText | None = None
    avg_price: DecimalText | None = None
    filled_value: DecimalText | None = None
    """Quote amount filled so far."""
    fee: DecimalText | None = None
    fee_currency: str | None = None
    currency: str | None = None
    remark: str | None = None
    created_ns: int | None = None
    """The venue's own time, ns since 1970 UTC, a multiple of 1000; None if it sends none. Never our clock."""
    updated_ns: int | None = None
    """The venue's own time of this state, likewise."""
    received_ns: int
    """When our socket returned the bytes, ns since 1970 UTC."""
    source: Source
    not_found: bool = False
    """The venue, asked for this order by id, does not know it (any more); see venues/merging.py."""
    flags: tuple[str, ...] = ()
    """Flags of this statement (guessed, conflict, fill_busted, bad:KEY, ...); the book adds late and the like."""
    extra: Extra
    raw: object = None
    """The payload as decoded, for --raw; integers beyond 2^53 as text, nothing secret."""

    @property
    def key(self) -> OrderKey:
        """The key under which the book holds this order."""
        return (self.venue, self.environment, self.account, self.order_id)


class Recency(StrEnum):
    """How a statement compares with another one of the same order, judged by what both say of their version."""

    NEWER = "newer"
    EQUAL = "equal"
    OLDER = "older"


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """Input that could not be read."""

    venue: str
    reason: str
    data: bytes
    """The input, or its beginning."""
    size: int
    """Bytes of the whole input."""
    lost: bool
    """An order update may have been lost with it: the engine opens a gap and asks the venue."""
    at_ns: int


# What only a session says, to the engine that runs it.


class Progress(msgspec.Struct, frozen=True):
    """The conversation reached a new stage; the engine itself says "authenticating" when the connection is up."""

    state: Literal["subscribing"]
    detail: str | None = None


class Ready(msgspec.Struct, frozen=True):
    """The venue acknowledged the subscription; from here on its pushes reach us."""


class Answer(msgspec.Struct, frozen=True):
    """The answer to what the engine asked with `key`: a value, or the error to raise there."""

    key: int
    value: object = None
    error: Exception | None = None


class Interrupted(msgspec.Struct, frozen=True):
    """The venue says that it cannot see orders for now, though the link works.

    Not seen since `since_ns`, the last push or answer before; never later than now.
    """

    cause: str
    detail: str
    since_ns: int


class Resumed(msgspec.Struct, frozen=True):
    """The venue sees orders again; the engine asks for what was missed."""


class RoundTrip(msgspec.Struct, frozen=True):
    """A heartbeat was answered after `seconds`."""

    seconds: float
    venue_ns: int | None = None
    """The venue's clock in the answer, ns since 1970 UTC, if it tells."""


class Ignored(msgspec.Struct, frozen=True):
    """Messages of a known kind that are not orders (fills, other topics, answers nobody waits for)."""

    kind: str


class Notice(msgspec.Struct, frozen=True):
    """Words of the venue the user should read once, on stderr."""

    text: str


class Turn(msgspec.Struct, frozen=True):
    """Nothing yet: a long message is being read, and others may have their turn."""


class Closed(msgspec.Struct, frozen=True):
    """The session cannot go on; always its last event, after the good ones of the same chunk."""

    error: Exception


SessionEvent = (
    OrderUpdate
    | Reject
    | Progress
    | Ready
    | Answer
    | Interrupted
    | Resumed
    | RoundTrip
    | Ignored
    | Notice
    | Turn
    | Closed
)


# What the engine says, to the book and the sinks.

LinkState = Literal["connecting", "authenticating", "subscribing", "reconciling", "live", "stale", "down", "failed"]


class LinkUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A connection changed state."""

    venue: str
    conn: int
    """Number of the attempt, +1 for each."""
    state: LinkState
    detail: str | None = None
    wait_s: float | None = None
    """With "down": seconds until the next attempt."""
    at_ns: int


class GapUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Coverage of a venue was lost, or restored."""

    venue: str
    gap: str
    state: Literal["open", "closed"]
    cause: str
    from_ns: int
    """The last proof of life before the break, not when it was noticed."""
    to_ns: int | None = None
    """Once closed: until when nothing was seen; of a partial one, where the time begins that the query reached."""
    outcome: Literal["recovered", "partial"] | None = None
    limits: str | None = None
    at_ns: int


class ClockJump(msgspec.Struct, frozen=True, kw_only=True):
    """The wall clock jumped against the monotonic one, or the machine slept. Milliseconds."""

    jump_ms: float
    suspended_ms: float
    at_ns: int


class HeartbeatTick(msgspec.Struct, frozen=True):
    """Time for a sign of life. It waits in line, so that what was heard before is written before."""

    last_rx_ns: Mapping[str, int | None]
    """By venue: when anything was last received and handed on, ns since 1970 UTC."""


class QueryStamp(msgspec.Struct, frozen=True, kw_only=True):
    """Which query the rows that follow answer. Times are of the monotonic clock, ns."""

    number: int
    """Of this venue in this process, from 1 on; one query may take several requests."""
    asked_ns: int
    """When the request that they answer was sent."""
    old_before_ns: int = 0
    """Statements that arrived before this need no settling time: the gap that the query closes was noticed later."""
    cached: bool = False
    """The rows may be older than what was pushed."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """How the order updates of this venue that follow it in the stream of events reached us."""

    venue: str
    way: str
    """One connection, or one kind of query: within it statements arrive in the order in which the venue sent them."""
    at_ns: int
    """When, ns of the monotonic clock."""
    query: QueryStamp | None = None
    """Set when rows follow that answer a query."""


FeedEvent = Arrival | OrderUpdate | Reject | LinkUpdate | GapUpdate | ClockJump | HeartbeatTick


class VenueStats(msgspec.Struct, kw_only=True):
    """How one venue is at this moment; counts are since the start."""

    state: LinkState = "connecting"
    last_rx_ns: int | None = None
    """When anything was last received, ns since 1970 UTC."""
    rtt_ms: float | None = None
    clock_offset_s: float | None = None
    """The venue's clock minus ours, as closely as it tells (often whole seconds)."""
    updates: int = 0
    duplicates: int = 0
    rejected: int = 0
    reconnects: int = 0
    open_orders: int = 0
