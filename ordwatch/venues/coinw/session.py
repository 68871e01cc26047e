"""One conversation with CoinW: login, subscription, pushes; a ping every 10 s, for the server never pings.

An idle socket is cut after 60 s without a close frame, and an order channel is silent for hours: the pong is the
only sign of life, also while pushes flow. Facts: CoinW API documentation, "Subscribe Current Orders" (spot);
JKorf/CoinW.Net 3.4.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from ordwatch.core.errors import AuthError, ConnectionLost, Refused, VenueError
from ordwatch.core.escaping import safe_text
from ordwatch.core.events import (
    Answer,
    Closed,
    Ignored,
    Notice,
    OrderUpdate,
    Progress,
    Ready,
    Reject,
    RoundTrip,
    SessionEvent,
    Turn,
)
from ordwatch.venues.coinw.messages import (
    PING,
    SUBSCRIBE,
    BadRow,
    ErrorFrame,
    LoginAnswer,
    LongPush,
    Message,
    OrderPush,
    OrderRow,
    Other,
    Pong,
    Reply,
    SubscriptionAnswer,
    decode,
    decode_long,
    login,
    payloads,
    row,
)
from ordwatch.venues.coinw.orders import PushedOrderReader
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import Payload, Setup, StreamRequest
from ordwatch.venues.toolkit.lenient_json import Unreadable, payload
from ordwatch.venues.toolkit.pieces import LONG_BYTES
from ordwatch.venues.toolkit.rejects import MAX_REJECTS, head
from ordwatch.venues.toolkit.unknown_kinds import UnknownKinds

HEARTBEAT_S = 10.0
SILENCE_S = 25.0

PASSING_CODES = frozenset({"429", "500", "1001", "29001", "-200"})
"""Too many requests, "exception", "system error": nothing about the credentials, even in answer to a login."""
AUTH_CODES = frozenset({"1003", "6000"})
LOGIN_TRIES = 4
"""Logins refused in a row with another code, whose meaning nobody published, after which it counts as final."""
LOGIN_RETRY_S = (60.0, 300.0)
"""The waits between them: the venue bans a client that asks too often."""

_MAX_PINGS = 16
_ORDERS_A_TURN = 64
_MAX_TEXT = 300


@dataclass
class Logins:
    """What one account's sessions know of the logins before; its client keeps it."""

    refused: int = 0
    """How many were refused in a row, with an unknown code."""


class CoinwSession:
    """Logs in, subscribes to the orders of all pairs and reads what is pushed."""

    def __init__(self, setup: Setup[CoinwSettings], logins: Logins | None = None) -> None:
        settings = setup.settings
        self.silence_s = settings.silence_timeout or SILENCE_S
        self.heartbeat_s = min(HEARTBEAT_S, self.silence_s / 2.5)
        self.last_message_ns = 0
        self._venue = setup.name
        self._raw = setup.raw
        self._settings = settings
        self._reader = PushedOrderReader(setup.name)
        self._logins = logins or Logins()
        self._outgoing: list[Payload] = []
        self.last_message_ns = 0
        self._pinged_ns: deque[int] = deque(maxlen=_MAX_PINGS)
        self._unanswered = 0
        """Pings since the last pong. Heartbeats count the time: `now_ns` is the wall clock's and may jump."""
        self._most_unanswered = ceil(self.silence_s / self.heartbeat_s)
        self._logged_in = self._ready = self._closed = self._damaged = False
        self._unknown = UnknownKinds()

    def start(self, now_ns: int) -> Sequence[SessionEvent]:
        """Queue the login; it holds the secret itself."""
        self._outgoing.append(login(self._settings.api_key.reveal(), self._settings.secret_key.reveal()))
        return ()

    def heartbeat(self, now_ns: int) -> None:
        """Queue a ping."""
        self._pinged_ns.append(now_ns)
        self._unanswered += 1
        self._outgoing.append(PING)

    def data_to_send(self) -> list[Payload]:
        """Take what is queued, in order."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def queue_request(self, key: int, request: StreamRequest, now_ns: int) -> Sequence[SessionEvent]:
        """Refuse: CoinW answers questions over REST only."""
        return (Answer(key, error=Refused("this venue is asked over REST only")),)

    def receive(self, data: bytes, now_ns: int) -> Iterable[SessionEvent]:
        """Every event of one message, in order; of a long one, as it is read. Never raises on bad input."""
        if self._closed:
            return ()
        self._damaged = False
        if len(data) > LONG_BYTES:
            return self._read_long(data, now_ns)
        events: Sequence[SessionEvent]
        try:
            message = decode(data)
        except Unreadable as exc:
            events = (self._reject(data, str(exc), now_ns, missed=True),)
        else:
            if type(message) is OrderPush and len(message.orders) == 1 and not self._raw:
                events = (self._order(message.orders[0], data, now_ns, None),)
            else:
                events = self._events(message, data, now_ns)
        if not self._damaged:
            self.last_message_ns = now_ns
        return [*events, *self._close_if_mute()] if self._unanswered > self._most_unanswered else events

    def _read_long(self, data: bytes, now_ns: int) -> Iterator[SessionEvent]:
        try:
            message = yield from decode_long(data)
            if isinstance(message, LongPush):
                yield from self._capped(self._long_orders(message, now_ns), now_ns)
            else:
                yield from self._events(message, data, now_ns)
        except Unreadable as exc:
            yield self._reject(data, str(exc), now_ns, missed=True)
        if not self._damaged:
            self.last_message_ns = now_ns
        yield from self._close_if_mute()

    def _events(self, message: Message, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        match message:
            case OrderPush():
                return self._orders(message, data, now_ns)
            case Pong():
                return (self._pong(now_ns),)
            case LoginAnswer():
                return self._login_answered(message.outcome, data, now_ns)
            case SubscriptionAnswer():
                return self._subscription_answered(message, data, now_ns)
            case ErrorFrame():
                return self._error(message.outcome)
            case Other():
                return (self._other(message, data, now_ns),)

    def _close_if_mute(self) -> Sequence[SessionEvent]:
        if self._closed or self._unanswered <= self._most_unanswered:
            return ()
        waited_s = (self._unanswered - 1) * self.heartbeat_s
        return self._close(ConnectionLost(f"no answer to a ping for {waited_s:.0f} s", "silent"))

    def _orders(self, push: OrderPush, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        if self._raw:
            pairs = zip(push.orders, payloads(data), strict=True)
            return list(self._capped((self._order(each, data, now_ns, raw) for each, raw in pairs), now_ns))
        return list(self._capped((self._order(each, data, now_ns, None) for each in push.orders), now_ns))

    def _long_orders(self, push: LongPush, now_ns: int) -> Iterator[OrderUpdate | Reject | Turn]:
        for number, each in enumerate(push.orders, 1):
            if isinstance(each, Turn):
                yield each
            elif isinstance(each, BadRow):
                yield self._order(each, each.data, now_ns, None)
            else:
                yield self._order(row(each), bytes(each), now_ns, payload(each) if self._raw else None)
            if number % _ORDERS_A_TURN == 0:
                yield Turn()

    def _capped(self, events: Iterable[OrderUpdate | Reject | Turn], now_ns: int) -> Iterator[SessionEvent]:
        """The events of one message, MAX_REJECTS rejects and one for all others; it is left where most are rejects."""
        orders = rejects = 0
        for event in events:
            if isinstance(event, Reject):
                rejects += 1
                if rejects > MAX_REJECTS + orders:
                    break
                if rejects > MAX_REJECTS:
                    continue
            elif isinstance(event, OrderUpdate):
                orders += 1
            yield event
        if rejects > MAX_REJECTS:
            yield self._reject(b"", "further orders of a message, or all the rest of it", now_ns, missed=True)

    def _order(self, row: OrderRow | BadRow, data: bytes, now_ns: int, raw: object) -> OrderUpdate | Reject:
        if type(row) is BadRow:
            return self._reject(row.data, row.reason, now_ns, missed=True)
        assert isinstance(row, OrderRow)  # noqa: S101
        try:
            return self._reader.read(row, now_ns, raw=raw)
        except Unreadable as exc:
            return self._reject(data, str(exc), now_ns, missed=True)

    def _pong(self, now_ns: int) -> SessionEvent:
        self._unanswered = 0
        if not self._pinged_ns:
            return Ignored("pong")
        return RoundTrip((now_ns - self._pinged_ns.popleft()) / 1e9)

    def _login_answered(self, outcome: Reply, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        if outcome.ok is None:
            return (self._reject(data, "login answer without a result", now_ns, missed=False),)
        if not outcome.ok:
            return self._close(self._login_refused(outcome))
        if self._logged_in:
            return (Ignored("login"),)
        self._logged_in = True
        self._logins.refused = 0
        self._outgoing.append(SUBSCRIBE)
        return (Progress("subscribing"),)

    def _subscription_answered(self, answer: SubscriptionAnswer, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        outcome = answer.outcome
        if not answer.ours or not self._logged_in or self._ready:
            return (Ignored("subscription"),)
        if outcome.ok is None:
            return (self._reject(data, "subscription answer without a result", now_ns, missed=False),)
        if not outcome.ok:
            return self._close(self._refusal("subscription", outcome, final=outcome.code in AUTH_CODES))
        self._ready = True
        return (Ready(),)

    def _error(self, outcome: Reply) -> Sequence[SessionEvent]:
        if outcome.code in AUTH_CODES:
            return self._close(self._refusal("login", outcome, final=True))
        if not self._logged_in:
            return self._close(self._login_refused(outcome))
        if not self._ready:
            return self._close(self._refusal("subscription", outcome, final=False))
        return (Ignored("error"), Notice(self._safe(f"the venue reports an error, {outcome}")))

    def _login_refused(self, outcome: Reply) -> VenueError:
        """Final with a code that names the credentials; with an unknown one after some tries, minutes apart."""
        if outcome.code in PASSING_CODES | AUTH_CODES:
            return self._refusal("login", outcome, final=outcome.code in AUTH_CODES)
        self._logins.refused += 1
        message = self._safe(f"login refused ({outcome})")
        if self._logins.refused >= LOGIN_TRIES:
            return AuthError(f"{message}, {self._logins.refused} times in a row")
        return Refused(message, retry_s=LOGIN_RETRY_S)

    def _refusal(self, what: str, outcome: Reply, *, final: bool) -> VenueError:
        message = self._safe(f"{what} refused ({outcome})")
        return AuthError(message) if final else Refused(message)

    def _close(self, error: VenueError) -> Sequence[SessionEvent]:
        self._closed = True
        return (Closed(error),)

    def _other(self, message: Other, data: bytes, now_ns: int) -> SessionEvent:
        if message.known:
            return Ignored(message.kind)
        if not self._unknown.is_new(message.kind):
            return Ignored("unknown")
        return self._reject(data, self._safe(f"message of an unknown kind: {message.kind}"), now_ns, missed=False)

    def _reject(self, data: bytes, reason: str, now_ns: int, *, missed: bool) -> Reject:
        self._damaged = self._damaged or missed
        shown = head(data, (self._settings.api_key.reveal(), self._settings.secret_key.reveal()))
        return Reject(venue=self._venue, reason=reason, data=shown, size=len(data), missed=missed, at_ns=now_ns)

    def _safe(self, text: str) -> str:
        """Text of the venue, without the credentials that it may quote."""
        return safe_text(self._settings.redact(text), _MAX_TEXT)
