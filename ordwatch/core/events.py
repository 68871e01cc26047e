"""The events that the parts of ordwatch exchange: order updates of venues, and the states of links.

Imports nothing of ordwatch. The records written for the user, with times as text, are in records.py.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

import msgspec

DecimalText = str
"""An exact decimal in plain notation, matching -?(0|[1-9][0-9]*)(\\.[0-9]+)?; made by numbers.py only."""

Source = Literal["push", "query"]
Environment = Literal["live", "paper"]


class OrderStatus(StrEnum):
    """Names of FIX tag 39, and UNKNOWN if the venue reports none of these."""

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
    """The side of an order; short sales and their buy-backs are separate if the venue separates them."""

    BUY = "BUY"
    SELL = "SELL"
    SELL_SHORT = "SELL_SHORT"
    BUY_BACK = "BUY_BACK"


class TimeInForce(StrEnum):
    """How long an order stays in force."""

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


OrderKey = tuple[str, Environment, str | None, str]
"""Venue, environment, account and order id. Two updates are about the same order if all four are equal."""


class Extra(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Documented fields of a venue that have no key of their own in records. Each venue has its subclass.

    Every field has the default None and is `str | bool | list | None`; ids and decimals are text.
    """

    TIME_TEXTS: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold times as text; a query row that differs only in them does not differ."""


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a venue reported about one order in one message or query row.

    A field is None if the venue did not report it; merging then keeps the known value.
    """

    venue: str
    """The venue's name in the configuration."""
    environment: Environment = "live"
    account: str | None = None
    order_id: str
    order_id_ext: str | None = None
    client_order_id: str | None = None
    symbol: str | None = None
    """The record has "" if it was never reported."""
    name: str | None = None
    side: Side | None = None
    order_type: str | None = None
    time_in_force: TimeInForce | None = None
    status: OrderStatus
    venue_status: str
    """The venue's own name for the status."""
    reason: str | None = None
    """Last error, reject or cancel reason. "" removes an earlier reason (the record then has null)."""
    qty: DecimalText | None = None
    """Ordered amount in units of the base asset (shares, coins, contracts); never lots or wei."""
    filled_qty: DecimalText | None = None
    """Executed so far. May shrink where a venue busts a fill."""
    remaining_qty: DecimalText | None = None
    """The open quantity that the venue reports, or qty - filled_qty; 0 in the record once the order is final."""
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
    """The venue does not find this order by its id (any more); see `not_found` in merging.py."""
    flags: tuple[str, ...] = ()
    """Flags of this update (guessed, conflict, fill_busted, bad:KEY, ...); the order store adds late and others."""
    extra: Extra
    raw: object = None
    """The payload as decoded, for --raw; integers beyond 2^53 as text, nothing secret."""

    @property
    def key(self) -> OrderKey:
        """The key of this order in the order store."""
        return (self.venue, self.environment, self.account, self.order_id)


class Recency(StrEnum):
    """Whether an update is newer than another one of the same order, by their versions (times, amounts, statuses)."""

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
    missed: bool
    """It may have contained an order update: the engine opens a gap and queries the venue."""
    at_ns: int


# Events from a session to the engine that runs it.


class Progress(msgspec.Struct, frozen=True):
    """The session reached a new state; the engine itself reports "authenticating" when the connection is up."""

    state: Literal["subscribing"]
    detail: str | None = None


class Ready(msgspec.Struct, frozen=True):
    """The venue acknowledged the subscription; from here on its pushes reach us."""


class Answer(msgspec.Struct, frozen=True):
    """The answer to the request with this `key`: a value, or the error to raise for it."""

    key: int
    value: object = None
    error: Exception | None = None


class Interrupted(msgspec.Struct, frozen=True):
    """The venue reports that it cannot see orders for now, although the connection is up.

    Orders are not seen since `since_ns`: the last push or answer before; never later than now.
    """

    cause: str
    detail: str
    since_ns: int


class Resumed(msgspec.Struct, frozen=True):
    """The venue sees orders again; the engine queries what was missed."""


class RoundTrip(msgspec.Struct, frozen=True):
    """A heartbeat was answered after `seconds`."""

    seconds: float
    venue_ns: int | None = None
    """The venue's clock in the answer, ns since 1970 UTC, if the answer contains it."""


class Ignored(msgspec.Struct, frozen=True):
    """A message of a known kind that is not about orders (fills, other topics, answers to no request)."""

    kind: str


class Notice(msgspec.Struct, frozen=True):
    """A message of the venue for the user; written once to stderr."""

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


# Events from the engine to the order store and the sinks.

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
    """A gap in the coverage of a venue opened or closed."""

    venue: str
    gap: str
    state: Literal["open", "closed"]
    cause: str
    from_ns: int
    """The last good message before the gap, not when the gap was noticed."""
    to_ns: int | None = None
    """Once closed: the end of the gap; of a partial one, where the history of the query begins."""
    outcome: Literal["recovered", "partial"] | None = None
    limits: str | None = None
    at_ns: int


class ClockJump(msgspec.Struct, frozen=True, kw_only=True):
    """The wall clock jumped against the monotonic one, or the machine slept. Milliseconds."""

    jump_ms: float
    suspended_ms: float
    at_ns: int


class HeartbeatTick(msgspec.Struct, frozen=True):
    """Time for an alive record. It goes through the queue, so that everything received before is written before."""

    last_rx_ns: Mapping[str, int | None]
    """By venue: when anything was last received and queued, ns since 1970 UTC."""


class QueryStamp(msgspec.Struct, frozen=True, kw_only=True):
    """The query that the rows after it belong to. Times are of the monotonic clock, ns."""

    number: int
    """Counts the queries of this venue in this process, from 1; one query may need several requests."""
    sent_ns: int
    """When the request for these rows was sent."""
    old_before_ns: int = 0
    """Rows count at once, without `settle_s`, against updates that arrived before this: a connection was lost since."""
    cached: bool = False
    """The rows may be older than pushes received before."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """When and over which channel the order updates of this venue after it in the queue arrived."""

    venue: str
    channel: str
    """One connection, or one kind of query: within it, updates arrive in the order in which the venue sent them."""
    at_ns: int
    """When, ns of the monotonic clock."""
    query: QueryStamp | None = None
    """Set if query rows follow."""
    collector: str | None = None
    """Set if a state follows that this collector has merged and recorded; then it is the channel too."""
    stream_seq: int | None = None
    """Where that record stands in the stream of all collectors."""


FeedEvent = Arrival | OrderUpdate | Reject | LinkUpdate | GapUpdate | ClockJump | HeartbeatTick


class VenueStats(msgspec.Struct, kw_only=True):
    """The present state of one venue; counts are since the start."""

    state: LinkState = "connecting"
    last_rx_ns: int | None = None
    """When anything was last received, ns since 1970 UTC."""
    rtt_ms: float | None = None
    clock_offset_s: float | None = None
    """The venue's clock minus ours, as exactly as it reports it (often whole seconds)."""
    updates: int = 0
    duplicates: int = 0
    rejected: int = 0
    reconnects: int = 0
    open_orders: int = 0
    covers: tuple[str, ...] = ()
    """What the subscription and the last complete query cover."""
