"""One conversation with CoinW: login, subscription, pushes; a ping every 10 s, for the server never pings.

An idle socket is cut after 60 s without a close frame, and an order channel is silent for hours: the pong is the
only sign of life. Facts: CoinW API documentation, "Subscribe Current Orders" (spot); JKorf/CoinW.Net 3.4.
"""

from collections import deque
from collections.abc import Sequence

from ordwatch.core.errors import AuthError, Refused, VenueError
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
)
from ordwatch.venues.coinw.lenient_json import Unreadable
from ordwatch.venues.coinw.messages import (
    PING,
    SUBSCRIBE,
    BadRow,
    ErrorFrame,
    LoginAnswer,
    OrderPush,
    OrderRow,
    Other,
    Pong,
    Reply,
    SubscriptionAnswer,
    decode,
    login,
    payloads,
)
from ordwatch.venues.coinw.orders import order_update
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import Payload, Setup, StreamRequest

HEARTBEAT_S = 10.0
SILENCE_S = 25.0

PASSING_CODES = frozenset({"429", "500", "1001", "29001", "-200"})
"""Too many requests, "exception", "system error": no word about the credentials, even in answer to a login."""
AUTH_CODES = frozenset({"1003", "6000"})

_MAX_KINDS = 64
_MAX_PINGS = 16
_MAX_REJECT_BYTES = 4096
_MAX_WORDS = 300


class CoinwSession:
    """Logs in, subscribes to the orders of all pairs and reads what is pushed."""

    def __init__(self, setup: Setup[CoinwSettings]) -> None:
        settings = setup.settings
        self.silence_s = settings.silence_timeout or SILENCE_S
        self.heartbeat_s = min(HEARTBEAT_S, self.silence_s / 2.5)
        self.last_message_ns = 0
        self._venue = setup.name
        self._raw = setup.raw
        self._settings = settings
        self._outgoing: list[Payload] = []
        self._pinged_ns: deque[int] = deque(maxlen=_MAX_PINGS)
        self._logged_in = self._ready = self._closed = False
        self._kinds: set[str] = set()

    def start(self, now_ns: int) -> None:
        """Queue the login; it holds the secret itself."""
        self._outgoing.append(login(self._settings.api_key.reveal(), self._settings.secret_key.reveal()))

    def heartbeat(self, now_ns: int) -> None:
        """Queue a ping."""
        self._pinged_ns.append(now_ns)
        self._outgoing.append(PING)

    def data_to_send(self) -> list[Payload]:
        """Take what is queued, in order."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def ask(self, key: int, request: StreamRequest, now_ns: int) -> Sequence[SessionEvent]:
        """Refuse: CoinW answers questions over REST only."""
        return (Answer(key, error=Refused("this venue is asked over REST only")),)

    def receive(self, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        """Every event of one message, in order. Never raises on bad input."""
        if self._closed:
            return ()
        try:
            message = decode(data)
        except Unreadable as exc:
            return (self._reject(data, str(exc), now_ns, lost=True),)
        self.last_message_ns = now_ns
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

    def _orders(self, push: OrderPush, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        if self._raw:
            pairs = zip(push.rows, payloads(data), strict=True)
            return [self._order(row, data, now_ns, raw) for row, raw in pairs]
        return [self._order(row, data, now_ns, None) for row in push.rows]

    def _order(self, row: OrderRow | BadRow, data: bytes, now_ns: int, raw: object) -> OrderUpdate | Reject:
        if type(row) is BadRow:
            return self._reject(row.data, row.reason, now_ns, lost=True)
        assert isinstance(row, OrderRow)  # noqa: S101
        try:
            return order_update(row, venue=self._venue, received_ns=now_ns, raw=raw)
        except Unreadable as exc:
            return self._reject(data, str(exc), now_ns, lost=True)

    def _pong(self, now_ns: int) -> SessionEvent:
        if not self._pinged_ns:
            return Ignored("pong")
        return RoundTrip((now_ns - self._pinged_ns.popleft()) / 1e9)

    def _login_answered(self, outcome: Reply, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        if outcome.ok is None:
            return (self._reject(data, "login answer without a result", now_ns, lost=False),)
        if not outcome.ok:
            return self._close(self._refusal("login", outcome, final=outcome.code not in PASSING_CODES))
        if self._logged_in:
            return (Ignored("login"),)
        self._logged_in = True
        self._outgoing.append(SUBSCRIBE)
        return (Progress("subscribing"),)

    def _subscription_answered(self, answer: SubscriptionAnswer, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        outcome = answer.outcome
        if not answer.ours or not self._logged_in or self._ready:
            return (Ignored("subscription"),)
        if outcome.ok is None:
            return (self._reject(data, "subscription answer without a result", now_ns, lost=False),)
        if not outcome.ok:
            return self._close(self._refusal("subscription", outcome, final=outcome.code in AUTH_CODES))
        self._ready = True
        return (Ready(),)

    def _error(self, outcome: Reply) -> Sequence[SessionEvent]:
        if outcome.code in AUTH_CODES:
            return self._close(self._refusal("login", outcome, final=True))
        if not self._ready:
            stage = "subscription" if self._logged_in else "login"
            return self._close(self._refusal(stage, outcome, final=False))
        return (Ignored("error"), Notice(self._safe(f"the venue reports an error, {outcome}")))

    def _refusal(self, what: str, outcome: Reply, *, final: bool) -> VenueError:
        message = self._safe(f"{what} refused ({outcome})")
        return AuthError(message) if final else Refused(message)

    def _close(self, error: VenueError) -> Sequence[SessionEvent]:
        self._closed = True
        return (Closed(error),)

    def _other(self, message: Other, data: bytes, now_ns: int) -> SessionEvent:
        if message.known:
            return Ignored(message.kind)
        if message.kind[:_MAX_WORDS] in self._kinds or len(self._kinds) >= _MAX_KINDS:
            return Ignored("unknown")
        self._kinds.add(message.kind[:_MAX_WORDS])
        return self._reject(data, self._safe(f"message of an unknown kind: {message.kind}"), now_ns, lost=False)

    def _reject(self, data: bytes, reason: str, now_ns: int, *, lost: bool) -> Reject:
        shown = self._settings.redact(data.decode("latin-1")).encode("latin-1")[:_MAX_REJECT_BYTES]
        return Reject(venue=self._venue, reason=reason, data=shown, size=len(data), lost=lost, at_ns=now_ns)

    def _safe(self, words: str) -> str:
        """The venue's words, should they quote what we sent."""
        return safe_text(self._settings.redact(words), _MAX_WORDS)
