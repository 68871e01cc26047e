"""The session of a stream that is subscribed to by its address and on which the client sends nothing."""

from collections.abc import Callable, Container, Iterable, Sequence

from ordwatch.core.errors import Refused
from ordwatch.core.events import Answer, Closed, Ignored, Ready, Reject, SessionEvent
from ordwatch.venues.contract import Payload, StreamRequest
from ordwatch.venues.toolkit import rejects
from ordwatch.venues.toolkit.lenient_json import Unreadable
from ordwatch.venues.toolkit.unknown_kinds import UnknownKinds

NO_HEARTBEAT_S = 86_400.0


class PushSession:
    """Ready at once; hands each message to the venue's own reader."""

    def __init__(
        self,
        venue: str,
        read: Callable[[bytes, int], Sequence[SessionEvent]],
        *,
        others: Container[str],
        secrets: Iterable[str],
        silence_s: float,
    ) -> None:
        """`read` takes a message and the time of its arrival, and raises `Unreadable` for what may have been an order.

        `others` are the kinds of messages known to be no orders: what `read` gives as `Ignored` and is not among them
        is a reject, once for each kind. `secrets` are what the venue may quote, such as the key in the address.
        """
        self.heartbeat_s = NO_HEARTBEAT_S
        self.silence_s = silence_s
        self.last_message_ns = 0
        self._venue = venue
        self._read = read
        self._secrets = tuple(secrets)
        self._others = others
        self._unknown = UnknownKinds()
        self._closed = False

    def start(self, now_ns: int) -> Sequence[SessionEvent]:
        """The address was the subscription."""
        return [Ready()]

    def receive(self, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        """The events of one message."""
        if self._closed:
            return []
        try:
            events = self._read(data, now_ns)
        except Unreadable as exc:
            return [self._reject(data, str(exc), now_ns, missed=True)]
        self.last_message_ns = now_ns
        self._closed = any(isinstance(event, Closed) for event in events)
        return [self._checked(event, data, now_ns) for event in events]

    def _checked(self, event: SessionEvent, data: bytes, now_ns: int) -> SessionEvent:
        if not isinstance(event, Ignored) or event.kind in self._others:
            return event
        if not self._unknown.is_new(event.kind):
            return Ignored("unknown")
        return self._reject(data, "a message of an unknown kind", now_ns, missed=False)

    def _reject(self, data: bytes, reason: str, now_ns: int, *, missed: bool) -> Reject:
        shown = rejects.head(data, self._secrets)
        return Reject(venue=self._venue, reason=reason, data=shown, size=len(data), missed=missed, at_ns=now_ns)

    def heartbeat(self, now_ns: int) -> None:
        """Nothing: `Endpoint.ping_s` keeps such a connection alive."""

    def queue_request(self, key: int, request: StreamRequest, now_ns: int) -> Sequence[SessionEvent]:
        """Refuse: there is nobody to ask."""
        return [Answer(key, error=Refused("nothing can be asked over this stream"))]

    def data_to_send(self) -> list[Payload]:
        """Nothing is ever sent."""
        return []
