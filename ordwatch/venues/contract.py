"""What a venue is, to the rest of ordwatch: all that somebody who writes one must know.

A venue is a `VenueKind`: a frozen value that names its settings, its extra fields and its rules. `configure` binds the
settings once and gives a `VenueClient`, which lives as long as the process and keeps what it learned (a token's
decimals, a path that was refused). A client makes one `Session` for each connection and answers queries. Everything
but the two coroutines `open` and `query` is pure: bytes and the time come in as arguments, events and bytes go out as
values. No clock, no randomness, no socket; the coroutines await nothing but the `call` handed to them.

The way of one connection:

1. `client.open(number, call)` fetches what must be had first (a ticket, a listen key) and says where to dial.
2. The engine dials; `session.start` queues the login. Where the address itself is the subscription, it returns
   `Ready()` at once.
3. Each chunk or message goes to `session.receive`, which returns events in order: `Ready` once pushes reach us,
   `OrderUpdate` for each statement about an order, `Reject` for what cannot be read (`missed=True` if it may have been
   an order), `RoundTrip`, `Ignored`, `Notice`; `Closed(error)` last, when the conversation is over. Never an exception.
4. What keeps it alive: `session.heartbeat`, every `session.heartbeat_s`; `Endpoint.ping_s` for pings of WebSocket
   itself; `ConnectionPlan.keepalive` for a REST request that is repeated while connected.
5. When every connection is `Ready`, the engine calls `client.query`, and with it the venue is live. It does so again
   after every gap and from time to time. Rows go out by `emit`, page by page; what the query cannot know is in its
   `QueryResult`. An order held as open that no list names is asked for by id; one that the venue does not know is
   emitted as `not_found` (core/merging.py): UNKNOWN with the reason, never a guess.

Errors (core/errors.py) say what the engine does next: `AuthError` ends the venue; `Refused`, `ConnectionLost` and
`RemoteProtocolError` are tried again after a back-off; `ConfigError` means that the user must edit a file. No message
holds a secret: what the venue wrote goes through `HttpRequest.redacted`, and settings hold secrets as `Secret`.

Order updates have exact decimals as text (`decimal_text` in core/numbers.py), ids as text, times as int ns since 1970
UTC in whole microseconds and of the venue's own clock; None where the venue sent none. A status that is not in the
venue's table is UNKNOWN, with the venue's name for it in `venue_status`.

REST: a `HttpRequest` names its `rates`. What depends on the time (a signature) is made by its `sign`, which is called
when the request is sent: after the waits, and again at each retry.

Read-only: `VenueKind.only_reads` is the list of what may be sent; `reads_only` makes it from patterns. Nothing that
places, changes or cancels an order may be on it. The engine sends nothing else (engine/read_only.py): what is not on
the list counts as a bug of the adapter.

To add a venue to ordwatch: one folder in venues/, one line in the registry (`__init__.py`), one block in
config.example.yaml. To ship one as a package of its own: an entry point in the group `ordwatch.venues` whose name is
the kind and whose value is a `VenueKind`; another in `ordwatch.simulators` whose value makes a simulator
(simulators/contract.py), if there is one. They are loaded only when the configuration or the command line names the
kind. `ordwatch.testing` holds what every venue must do, as tests. Check, demo, recording, replay, table and JSON then
work with no further edit.
toolkit/ has what several venues need: JSON whose types are not to be trusted, amounts, redaction, simple streams.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from ordwatch.core.events import Extra, OrderUpdate, Recency, SessionEvent
from ordwatch.core.merging import Correction, correct_any, merge_missing
from ordwatch.core.secrets import MIN_REDACTED

CONTRACT = 1
"""The version of this contract. A venue writes the number that it was made for into its `VenueKind`."""

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
    tls_ca_file: str | None = None
    """The path of a private CA's certificate, trusted in addition to those of the system."""

    def check(self) -> None:
        """Refuse what types cannot: values that contradict each other.

        Raises:
            ValueError: Names the key and the reason, without a value that could be secret.
        """


SettingsT = TypeVar("SettingsT", bound=VenueSettings)
SettingsT_co = TypeVar("SettingsT_co", bound=VenueSettings, covariant=True)


@dataclass(frozen=True)
class Setup(Generic[SettingsT_co]):
    """One venue of the configuration, secrets resolved."""

    name: str
    """The venue's name in the configuration; it goes into every record."""
    settings: SettingsT_co
    raw: bool = False
    """Fill `OrderUpdate.raw`."""

    def bind(self, wanted: type[SettingsT]) -> "Setup[SettingsT]":
        """The same, known to hold the venue's own settings."""
        assert isinstance(self.settings, wanted)  # noqa: S101 - the engine reads settings by `VenueKind.settings`
        return Setup(self.name, self.settings, self.raw)

    def part(self, settings: SettingsT) -> "Setup[SettingsT]":
        """The same with other settings, such as those of one connection."""
        return Setup(self.name, settings, self.raw)


@dataclass(frozen=True)
class Rate:
    """At most `count` requests in any `window_s` seconds, over all connections of the venue."""

    name: str
    count: int
    window_s: float


Method = Literal["GET", "POST", "PUT", "DELETE"]


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A reading REST call. Never shown: everything but `name` may hold secrets."""

    name: str
    """What messages call it, such as "returnOpenOrders"."""
    url: str
    method: Method = "GET"
    params: Mapping[str, str] = {}
    """The query string, in this order."""
    headers: Mapping[str, str] = {}
    form: Mapping[str, str] | None = None
    """The body, as a form."""
    json: Mapping[str, Any] | None = None
    """The body, as JSON; `json_body` gives the bytes that are sent. Not together with `form`."""
    rates: tuple[Rate, ...] = ()
    sign: Callable[["HttpRequest", int], "HttpRequest"] | None = None
    """Gives this request as it is sent now: with a time, a nonce, a signature.

    Called when it is sent, after the waits for `rates` and again at each retry, with the venue's time, ns since 1970
    UTC: that of its last answer, or else of this host's clock.
    """

    def signed(self, venue_ns: int) -> "HttpRequest":
        """The request as it is sent at this time of the venue."""
        return self if self.sign is None else self.sign(self, venue_ns)

    def json_body(self) -> bytes | None:
        """The bytes of the body, if it is JSON."""
        return None if self.json is None else msgspec.json.encode(self.json)

    def redacted(self, text: str) -> str:
        """Text of the venue with *** in place of keys and signatures of this request, should it quote them."""
        for carried in (self.params, self.headers, self.form or {}, self.json or {}):
            for name, value in carried.items():
                if isinstance(value, str) and len(value) >= MIN_REDACTED and _SECRET_NAME.search(name):
                    text = re.sub(re.escape(value), "***", text, flags=re.IGNORECASE)
        return text


_SECRET_NAME = re.compile("key|sign|secret|token|ticket|auth|pass", re.IGNORECASE)


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. The engine has retried what is worth it (429, 5xx, lost connections) before."""

    status: int
    body: bytes
    received_ns: int
    """When the answer was read, ns since 1970 UTC."""
    sent: HttpRequest | None = None
    """The request as it was sent, signature included: its `redacted` cleans a message that quotes it."""


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
            ConnectionLost: No answer in time, or the connection was lost.
            Refused: The venue refused, with its own message; or it did not answer a request that is not `required`.
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
"""`QuerySpec.since_ns` where nothing shows how far back is enough: no lower bound."""
NEVER = 2**62
"""`QueryResult.complete_since_ns` of a query that cannot say what happened at any time."""


@dataclass(frozen=True)
class QuerySpec:
    """What the engine wants to know of a venue."""

    since_ns: int | None
    """Reach back to this time of the **venue's** clock, ns since 1970 UTC; a margin is subtracted already.

    EVER (0): as far as the venue allows. None: what is open, and what the venue reports with it.
    """
    open_orders: Callable[[], Sequence[OrderUpdate]]
    """Orders held as open now, this venue's only. Those absent from the venue's list: ask by id."""
    orders: Callable[[], Sequence[OrderUpdate]] = tuple
    """All orders held now, final ones too, this venue's only."""


@dataclass(frozen=True)
class QueryResult:
    """How far a completed query reached."""

    complete_since_ns: int | None = None
    """The earliest time of the venue's clock from which every change is known; None: as far back as was asked."""
    limits: tuple[str, ...] = ()
    """What it cannot know, as sentences for the user."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Parts the venue refused while it answered others: its name ("account 123") and the venue's message.

    The engine asks again, and after the third refusal in a row goes live without the part. All refused: raise Refused.
    """
    again_s: float | None = None
    """Ask again so soon, though live: something is missing that does not touch coverage, such as token decimals."""
    covers: tuple[str, ...] | None = None
    """What the subscription and this query cover, such as account ids; None: the venue as a whole.

    Two machines that watch the same venue back each other up for equal entries, so an entry must mean the same orders
    on both. A part that was refused is not named.
    """


class Emit(Protocol):
    """Takes the rows of one page (source="query"), in the venue's order."""

    async def __call__(self, orders: Sequence[OrderUpdate], /, *, cached: bool = False) -> None:
        """`cached`: the rows may be older than what was pushed; only those of a newer version count."""
        ...


class Session(Protocol):
    """One connection's conversation; a new one for each connection. Draws no random numbers, has no clock."""

    heartbeat_s: float
    """`heartbeat` is called this often once the connection is up; may change after login."""
    silence_s: float
    """Receiving nothing this long means the link is dead; may change after login."""
    last_message_ns: int
    """The `now_ns` with which the last whole, good message was received; 0 before the first.

    Bytes of a message that is not whole yet, or that turned out damaged, prove nothing.
    """

    def start(self, now_ns: int) -> Sequence[SessionEvent]:
        """The connection is up: queue what is sent first; `Ready()` at once if the address itself subscribes."""
        ...

    def receive(self, data: bytes, now_ns: int) -> Iterable[SessionEvent]:
        """Every event of this chunk (TCP) or message (WebSocket), in order. Never raises on bad input.

        When the session cannot go on, its last event is `Closed`. A long message may be read while this is iterated,
        to its end and before the next `receive`; `Turn` among the events says that others may have their turn.
        """
        ...

    def heartbeat(self, now_ns: int) -> None:
        """Queue what keeps the connection alive, if the venue wants that of a client."""
        ...

    def queue_request(self, key: int, request: StreamRequest, now_ns: int) -> Sequence[SessionEvent]:
        """Queue a request; its `Answer` has this `key`. What needs no wire is answered at once."""
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
    """What to check when the other side ends the connection, or is silent, before the first message."""
    max_message_bytes: int = 16 * 2**20
    """The largest WebSocket message that is taken."""
    ping_s: float | None = None
    """Seconds between pings of WebSocket itself, each of whose pongs proves life; None: none are sent.

    For a venue whose stream may be silent for longer than `Session.silence_s` and that has no ping of its own.
    """


def accept_any(reply: HttpReply) -> None:
    """Whatever the venue answered is fine."""


@dataclass(frozen=True)
class Keepalive:
    """A request that is repeated while a connection is up, such as the one that extends a listen key.

    One without an answer is a notice to the user, no loss: the connection itself still proves what it can.
    """

    request: HttpRequest
    interval_s: float
    judge: Callable[[HttpReply], None] = accept_any
    """Looks at the answer.

    Raises Refused or RemoteProtocolError for one that the user should know of, ConnectionLost when the venue reports
    that the session is over, so that a new connection is made, and AuthError when it refuses the credentials.
    """


@dataclass(frozen=True)
class ConnectionPlan:
    """What one attempt needs: where to dial and the session that talks there."""

    endpoint: Endpoint
    session: Session
    keepalive: Keepalive | None = None


class VenueClient(Protocol):
    """One venue of the configuration, for the life of the process."""

    @property
    def connections(self) -> int:
        """How many connections it needs; the venue is live when all are."""
        ...

    async def open(self, connection: int, call: Call, /) -> ConnectionPlan:
        """Before each attempt of one connection, from 0 on: fetch what must be had first, and say where to dial.

        Raises:
            AuthError: The venue refuses the credentials.
            VenueError: What `Call` raises.
            ConfigError: The user must edit a file.
        """
        ...

    async def query(self, spec: QuerySpec, call: Call, emit: Emit, /) -> QueryResult:
        """Ask for orders: first query, query of a gap and periodic resync alike.

        Emits rows page by page. An order the venue does not know any more is emitted with status UNKNOWN and the
        reason, never guessed.

        Raises:
            AuthError: The venue refuses the credentials.
            VenueError: What `Call` raises.
        """
        ...


def reads_only(*patterns: str) -> Callable[[HttpRequest | Payload], bool]:
    """The list of what a venue may send, for `VenueKind.only_reads`.

    Each pattern is a regular expression that must match as a whole: a request, written as "GET /path/of/it", or a
    message over the connection (bytes as latin-1). A request is judged by method and path, whatever its parameters.
    """
    known = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL)

    def only_reads(sent: HttpRequest | Payload) -> bool:
        match sent:
            case HttpRequest():
                text = f"{sent.method} {urlsplit(sent.url).path}"
            case str():
                text = sent
            case _:
                text = sent.decode("latin-1")
        return known.fullmatch(text) is not None

    return only_reads


@dataclass(frozen=True, kw_only=True)
class VenueKind:
    """Everything ordwatch knows of one kind of venue before it is configured."""

    contract: int
    """The version of this contract it was written for: a number, not the name `CONTRACT`."""
    kind: str
    settings: type[VenueSettings]
    extra: type[Extra]
    """The fixed set of `extra` keys, in order."""
    configure: Callable[[Setup[VenueSettings]], VenueClient]
    """Binds the settings; called once for each venue of the configuration. Fetches nothing."""
    only_reads: Callable[[HttpRequest | Payload], bool]
    """Whether a request, or a message over the connection, is on the list of those known to read only."""
    compare_versions: Callable[[OrderUpdate, OrderUpdate, bool], Recency]
    """How the first statement compares with the second, a state held; True: both came by the same way.

    EQUAL: neither times nor amounts decide; then arrival decides. A status rank may decide between different ways only,
    unless the venue's statuses never go back.
    """
    merge: Callable[[OrderUpdate, OrderUpdate], OrderUpdate] = merge_missing
    """The first statement completed by the second, a state not newer than it. Both arguments stay as they are."""
    correct: Callable[[OrderUpdate, OrderUpdate], Correction] = correct_any
    """Whether a query row of no newer version, asked for after the last statement had settled, replaces the state."""
    settle_s: float = 2.0
    """How long after a push an answer of the venue may still lack it, seconds."""
    resync_s: float = 300.0
    """Seconds between repeated queries while live."""
    resync_when_idle: bool = True
    """Repeat the query also while no order is open."""
    credentials: tuple[str, ...] = ()
    """Keys of the configuration to look at when the venue refuses the credentials."""

    def required_keys(self) -> list[str]:
        """The keys of the configuration that have no default. Without any, the venue needs no configuration."""
        return [field.name for field in msgspec.structs.fields(self.settings) if field.required]
