"""One conversation with the relayer: subscribe, then pushes; its `ping` is answered with one `pong`.

The relayer pings every 30 s and hangs up after two minutes without a pong, or after a pong too many; a client never
pings (Loopring/DEX-API, `websocket/overview.md`). It reports the state of an order only when it changes, no snapshot.
"""

from collections.abc import Iterable, Iterator, Sequence

from ordwatch.core.errors import AuthError, Refused, RemoteProtocolError, VenueError
from ordwatch.core.events import Answer, Closed, Ignored, Notice, OrderUpdate, Progress, Ready, Reject, SessionEvent
from ordwatch.core.secrets import Secret
from ordwatch.venues.contract import Payload, StreamRequest
from ordwatch.venues.loopring.messages import (
    PING,
    PONG,
    SIBLING_TOPICS,
    Message,
    OrderTopicPush,
    OtherTopic,
    RelayerAnswer,
    decode,
    decode_long,
    failure_text,
    raw_payload,
    subscribe_args,
    subscribe_topics,
)
from ordwatch.venues.loopring.orders import Origin, pushed_order, unscaled_tokens
from ordwatch.venues.toolkit.lenient_json import Unreadable
from ordwatch.venues.toolkit.pieces import LONG_BYTES
from ordwatch.venues.toolkit.rejects import head
from ordwatch.venues.toolkit.unknown_kinds import UnknownKinds

SILENCE_S = 75.0
"""Two pings and some slack: on an account without trades nothing else is received."""

BAD_MARKET = 104110
NOT_SUBSCRIBED = 104113
AUTH_CODES = frozenset({104104, 104105, 104112, 104114})
"""No apiKey; another than before; an invalid one; one without a user."""

_FAULTS = {
    104100: "it saw no topics",
    104101: "it does not know the operation",
    104102: "it does not know the topic",
    104103: "it saw a topic twice",
    104106: "it read a candlestick topic",
    104107: "it read an orderbook topic",
    104108: "it read a depth10 topic",
    104109: "it read a trade topic",
    104111: "it read a ticker topic",
    104115: "it did not understand the message",
    104116: "it counted too many subscriptions",
}
"""What a subscription of ours never gives cause for: the venue speaks another protocol, or we have a bug."""


class LoopringSession:
    """Subscribes to the orders of some markets. `as_args` writes the subscription as early v2 wants it."""

    heartbeat_s = 86_400.0

    def __init__(
        self,
        origin: Origin,
        markets: Sequence[str],
        api_key: Secret,
        *,
        as_args: bool = False,
        raw: bool = False,
        silence_s: float = SILENCE_S,
        refused_markets: dict[str, str] | None = None,
    ) -> None:
        """`refused_markets` takes the markets that cannot be subscribed to, with the venue's messages."""
        self.silence_s = silence_s
        self.last_message_ns = 0
        self._origin = origin
        self._markets = tuple(markets)
        self._api_key = api_key
        self._as_args = as_args
        self._raw = raw
        self._queue: list[Payload] = []
        self._sequence = 0
        self._waiting: dict[str, tuple[str, ...]] = {}
        """Markets of the subscriptions without an answer, by sequence, oldest first."""
        self._refused: list[str] = []
        self._refused_markets = {} if refused_markets is None else refused_markets
        self._ready = False
        self._closed = False
        self._unknown = UnknownKinds()

    def start(self, now_ns: int) -> Sequence[SessionEvent]:
        """Queue the subscription."""
        self._subscribe(self._markets)
        return ()

    def receive(self, data: bytes, now_ns: int) -> Iterable[SessionEvent]:
        """Every event of one message, in order; of a long one, as it is read. Never raises on bad input."""
        if self._closed:
            return ()
        if data == PING:
            self.last_message_ns = now_ns
            self._queue.append(PONG)
            return ()
        if len(data) > LONG_BYTES:
            return self._read_long(data, now_ns)
        try:
            message = decode(data)
        except Unreadable as exc:
            return (self._reject(data, str(exc), now_ns, missed=True),)
        if type(message) is OrderTopicPush:
            self.last_message_ns = now_ns
            return (self._order(message, data, now_ns),)
        return self._events(message, data, now_ns)

    def _read_long(self, data: bytes, now_ns: int) -> Iterator[SessionEvent]:
        try:
            message, data = yield from decode_long(data)
        except Unreadable as exc:
            yield self._reject(data, str(exc), now_ns, missed=True)
        else:
            yield from self._events(message, data, now_ns)

    def _events(self, message: Message, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        self.last_message_ns = now_ns
        match message:
            case OrderTopicPush():
                return (self._order(message, data, now_ns),)
            case RelayerAnswer():
                return self._answer(message)
            case OtherTopic():
                return (self._other(message, data, now_ns),)

    def heartbeat(self, now_ns: int) -> None:
        """Nothing: the relayer pings, and a pong too many ends the connection."""

    def queue_request(self, key: int, request: StreamRequest, now_ns: int) -> Sequence[SessionEvent]:
        """Refuse: orders are asked for over REST."""
        return (Answer(key, error=Refused("the relayer answers no queries over its stream")),)

    def data_to_send(self) -> list[Payload]:
        """Take what is queued, in order."""
        queue, self._queue = self._queue, []
        return queue

    def _subscribe(self, *groups: tuple[str, ...]) -> None:
        key = self._api_key.reveal()
        for markets in groups:
            self._sequence += 1
            self._waiting[str(self._sequence)] = markets
            self._queue.append(
                subscribe_args(markets[0], key) if self._as_args else subscribe_topics(markets, key, self._sequence)
            )

    def _order(self, push: OrderTopicPush, data: bytes, now_ns: int) -> OrderUpdate:
        return pushed_order(push, self._origin, now_ns, raw=self._payload(data) if self._raw else None)

    def _payload(self, data: bytes) -> object:
        try:
            return raw_payload(data, self._api_key.reveal())
        except Unreadable:
            return None

    def _other(self, message: OtherTopic, data: bytes, now_ns: int) -> SessionEvent:
        if message.kind in SIBLING_TOPICS:
            return Ignored(message.kind)
        if not self._unknown.is_new(message.kind):
            return Ignored("unknown")
        return self._reject(data, "a message of an unknown kind", now_ns, missed=False)

    def _reject(self, data: bytes, reason: str, now_ns: int, *, missed: bool) -> Reject:
        shown = head(data, (self._api_key.reveal(),))
        return Reject(venue=self._origin.venue, reason=reason, data=shown, size=len(data), missed=missed, at_ns=now_ns)

    def _answer(self, answer: RelayerAnswer) -> Sequence[SessionEvent]:
        if answer.code == NOT_SUBSCRIBED:
            return (Ignored("answer"),)
        error = None if answer.ok or answer.code == BAD_MARKET else self._error(answer)
        if error is not None:
            return self._close(error)
        markets = self._answered(answer)
        if markets is None:
            return (Ignored("answer"),)
        if not answer.ok:
            return self._refuse(markets, answer)
        for market in markets:
            self._refused_markets.pop(market, None)
        return self._settle()

    def _answered(self, answer: RelayerAnswer) -> tuple[str, ...] | None:
        """Markets of the subscription this answers; without a sequence that we know, of the oldest."""
        if answer.sequence is not None and answer.sequence in self._waiting:
            return self._waiting.pop(answer.sequence)
        return self._waiting.pop(next(iter(self._waiting))) if self._waiting else None

    def _refuse(self, markets: tuple[str, ...], answer: RelayerAnswer) -> Sequence[SessionEvent]:
        """One bad market fails the whole request: subscribe one by one to find it and to get the others."""
        if len(markets) > 1:
            self._subscribe(*((market,) for market in markets))
            return (Progress("subscribing", "one market at a time, for one of them is refused"),)
        self._refused.append(markets[0])
        self._refused_markets[markets[0]] = f"its subscription is refused ({self._failure_text(answer)})"
        text = f"market {markets[0]} is refused ({self._failure_text(answer)}); is it in exchange/markets?"
        return (Notice(text), Progress("subscribing", text), *self._settle())

    def _settle(self) -> Sequence[SessionEvent]:
        if self._waiting or self._ready:
            return ()
        if len(self._refused) == len(self._markets):
            return self._close(Refused(f"no market can be subscribed to: {', '.join(self._refused)}"))
        self._ready = True
        watched = [market for market in self._markets if market not in self._refused]
        unscaled = unscaled_tokens(watched, self._origin.decimals)
        if not unscaled:
            return (Ready(),)
        return (Notice(f"decimals of {', '.join(unscaled)} are unknown: their amounts stay in base units"), Ready())

    def _error(self, answer: RelayerAnswer) -> VenueError:
        text = self._failure_text(answer)
        if answer.code in AUTH_CODES:
            return AuthError(f"the api key is refused ({text})")
        if answer.code in _FAULTS:
            return RemoteProtocolError(f"the subscription is refused: {_FAULTS[answer.code]} ({text})")
        return Refused(f"the subscription is refused ({text})")

    def _failure_text(self, answer: RelayerAnswer) -> str:
        return failure_text(answer.code, answer.message, self._api_key.reveal())

    def _close(self, error: VenueError) -> Sequence[SessionEvent]:
        self._closed = True
        return (Closed(error),)
