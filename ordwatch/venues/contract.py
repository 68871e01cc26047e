"""What a venue is, to the rest of ordwatch. Read this before adding one.

A venue is a frozen value of functions and one Session class. Everything here but a venue's `connect.py` is
pure: bytes and the time come in as arguments, events and bytes go out as values. No clock, no randomness,
no socket; `open` and `query` are coroutines, but all they await is the `call` handed to them.

To add a venue: one folder beside this file, one line in the registry (`__init__.py`), one block in
config.example.yaml. Contract tests, check, demo, recording, replay, table and JSON then work with no further edit.
NonfatalOutput this file: merging.py (how statements complete each other) and simulation.py (what a simulator is).
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Generic, Literal, Protocol, TypeVar

import msgspec

from ordwatch.core.events import Extra, OrderUpdate, Recency, SessionEvent
from ordwatch.core.merging import Correction, correct_any, merge_missing
from ordwatch.core.secrets import MIN_REDACTED

Payload = bytes | str
"""Bytes for a TCP stream or a binary message; str for a text message."""


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every venue takes. A venue's settings derive from it; the YAML keys are the field names."""

    kind: str = ""
    attempt_timeout: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """Seconds from dialling to the subscription's answer."""
    silence_timeout: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Seconds without a byte after which a link is dead; None: the venue's own."""
    audit_interval: Annotated[float, msgspec.Meta(ge=0)] | None = None
    """Seconds between repeated queries while live; 0 never, None: the venue's own."""
    allow_plaintext: bool = False

    def check(self) -> None:
        """Refuse what types cannot: values that contradict each other.

        Raises:
            ValueError: Says which key and why, without a value that could be secret.
        """


SettingsT = TypeVar("SettingsT", bound=VenueSettings)


@dataclass(frozen=True)
class Setup(Generic[SettingsT]):
    """One venue of the configuration, secrets resolved."""

    name: str
    """The venue's name in the configuration; it goes into every record."""
    settings: SettingsT
    raw: bool = False
    """Fill `OrderUpdate.raw`."""
    memory: dict[str, object] = field(default_factory=dict, compare=False, repr=False)
    """What the venue's functions learned and need again, such as token decimals; kept for the life of the process."""


@dataclass(frozen=True)
class Rate:
    """At most `count` requests in any `window_s` seconds, over all connections of the venue."""

    name: str
    count: int
    window_s: float


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A reading REST call. Never shown: `url`, `params`, `headers` and `form` may hold secrets."""

    name: str
    """What messages call it, such as "returnOpenOrders"."""
    url: str
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    form: Mapping[str, str] | None = None
    rates: tuple[Rate, ...] = ()

    def redacted(self, words: str) -> str:
        """The venue's words with *** in place of keys and signatures of this request, should they quote it."""
        for carried in (self.params, self.headers, self.form or {}):
            for name, value in carried.items():
                if len(value) >= MIN_REDACTED and _SECRET_NAME.search(name):
                    words = re.sub(re.escape(value), "***", words, flags=re.IGNORECASE)
        return words


_SECRET_NAME = re.compile("key|sign|secret|token|ticket|auth|pass", re.IGNORECASE)


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. The engine has retried what is worth it (429, 5xx, lost connections) before."""

    status: int
    body: bytes
    received_ns: int
    """When the answer was read, ns since 1970 UTC."""


class StreamRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request over the venue's own connection; each venue derives its own, its Session encodes them."""

    rates: tuple[Rate, ...] = ()
    timeout_s: float = 10.0
    """How long an answer is waited for."""
    required: bool = True
    """No answer means that the link is dead; otherwise it counts as a refusal of this request alone."""


RequestT = HttpRequest | StreamRequest


class Call(Protocol):
    """Sends one request and gives its answer; waits for the rates the request names."""

    async def __call__(self, request: RequestT, /) -> object:
        """The answer: an HttpReply, or the value of the session's `Answer`.

        Raises:
            ConnectionLost: No answer in time, or the link fell.
            Refused: The venue said no; its words are the message. Or it left a request unanswered that is not vital.
            RemoteProtocolError: The answer makes no sense.
        """
        ...

    def take(self, rate: Rate) -> bool:
        """Take one place of `rate` without waiting; False if none is free."""
        ...


async def http(call: Call, request: HttpRequest) -> HttpReply:
    """`call` for a REST request, with the type that it returns."""
    reply = await call(request)
    assert isinstance(reply, HttpReply)  # noqa: S101
    return reply


EVER = 0
"""`Ask.since_ns` where nothing says how far back is enough: no lower bound."""
NEVER = 2**62
"""`Report.reach_ns` of a query that cannot say what happened at any time."""


@dataclass(frozen=True)
class QuerySpec:
    """What the engine wants to know of a venue."""

    since_ns: int | None
    """Reach back to this time of the **venue's** clock, ns since 1970 UTC; a margin is subtracted already.

    EVER (0): as far as the venue allows. None: what is open, and what the venue says with it.
    """
    open_orders: Callable[[], Sequence[OrderUpdate]]
    """Orders held as open now, this venue's only. Those absent from the venue's list: ask by id."""
    orders: Callable[[], Sequence[OrderUpdate]] = tuple
    """All orders held now, final ones too, this venue's only."""


@dataclass(frozen=True)
class QueryResult:
    """How far a completed query reached."""

    reach_ns: int | None = None
    """The earliest time of the venue's clock from which every change is known; None: as far back as was asked."""
    limits: tuple[str, ...] = ()
    """What it cannot know, in words."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Parts the venue refused while it answered others: its name ("account 123") and the venue's words.

    The engine asks again, and after the third refusal in a row goes live without the part. All refused: raise Refused.
    """


class Emit(Protocol):
    """Takes the rows of one page (source="query"), in the venue's order."""

    async def __call__(self, rows: Sequence[OrderUpdate], /, *, cached: bool = False) -> None:
        """`cached`: the rows may be older than what was pushed; only those of a newer version count."""
        ...


class Session(Protocol):
    """One connection's conversation; made anew for each connection. Draws no random numbers, has no clock."""

    heartbeat_s: float
    """`heartbeat` is called this often once the connection is up; may change after login."""
    silence_s: float
    """Receiving nothing this long means the link is dead; may change after login."""
    last_message_ns: int
    """The `now_ns` with which the last whole, good message was received; 0 before the first.

    Bytes of a message that is not whole yet, or that turned out damaged, prove nothing.
    """

    def start(self, now_ns: int) -> None:
        """The connection is up: queue what is said first."""
        ...

    def receive(self, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        """Every event of this chunk (TCP) or message (WebSocket), in order. Never raises on bad input.

        When the session cannot go on, its last event is `Closed`.
        """
        ...

    def heartbeat(self, now_ns: int) -> None:
        """Queue what keeps the connection alive, if the venue wants that of a client."""
        ...

    def ask(self, key: int, request: StreamRequest, now_ns: int) -> Sequence[SessionEvent]:
        """Queue a request; its `Answer` bears `key`. What needs no wire is answered at once."""
        ...

    def data_to_send(self) -> list[Payload]:
        """Take what is queued, in order."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """Where to dial. `url` may hold a ticket: never shown; messages name `shown`."""

    transport: Literal["tcp", "websocket"]
    shown: str
    host: str = ""
    port: int = 0
    url: str = ""
    hint: str = ""
    """What to ask the user when nobody answers, such as "is OpenD running?"."""
    unanswered: str = ""
    """What to look at when somebody is there who ends the connection, or says nothing, before the first message."""
    max_message_bytes: int = 16 * 2**20
    """The largest WebSocket message that is taken."""


@dataclass(frozen=True)
class Opening:
    """What one attempt needs: where to dial and the session that talks there."""

    endpoint: Endpoint
    session: Session


def one_connection(settings: SettingsT) -> Sequence[SettingsT]:
    """What most venues need: one that carries everything."""
    return [settings]


@dataclass(frozen=True)
class Venue(Generic[SettingsT]):
    """Everything ordwatch knows of one kind of venue."""

    kind: str
    settings: type[SettingsT]
    extra: type[Extra]
    """The fixed set of `extra` keys, in order."""
    open: Callable[[Setup[SettingsT], Call], Awaitable[Opening]]
    """Before each attempt, for one of `split`: fetch what must be had first, say where to dial, make the session.

    Raises what `Call` raises, and AuthError.
    """
    query: Callable[[Setup[SettingsT], QuerySpec, Call, Emit], Awaitable[QueryResult]]
    """Ask for orders, with the settings of the whole venue: first query, reconciliation and audit alike.

    Emits rows page by page. Raises what `Call` raises. An order the venue does not know any more is emitted with
    status UNKNOWN and the reason, never guessed.
    """
    compare_versions: Callable[[OrderUpdate, OrderUpdate, bool], Recency]
    """How the first statement compares with the second, a state held; True: both came by the same way.

    EQUAL: neither times nor amounts tell; then arrival decides. A status rank may decide between different ways only,
    unless the venue's statuses never go back.
    """
    split: Callable[[SettingsT], Sequence[SettingsT]] = one_connection
    """The settings of each connection it needs; live when all are."""
    merge: Callable[[OrderUpdate, OrderUpdate], OrderUpdate] = merge_missing
    """The first statement completed by the second, a state not newer than it. Both arguments stay as they are."""
    correct: Callable[[OrderUpdate, OrderUpdate], Correction] = correct_any
    """Whether a query row of no newer version, asked for after the last statement had settled, replaces the state."""
    settle_s: float = 2.0
    """How long after a push an answer of the venue may still lack it, seconds."""
    resync_s: float = 300.0
    resync_when_idle: bool = True
    """Audit also while no order is open."""
    credentials: tuple[str, ...] = ()
    """Keys of the configuration to look at when the venue refuses the credentials."""


AnyVenue = Venue[VenueSettings]
