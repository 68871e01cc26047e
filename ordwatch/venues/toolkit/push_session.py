"""The session of a stream that is subscribed to by its address and on which the client sends nothing."""

from collections.abc import Callable, Iterable, Sequence

from ordwatch.core.errors import Refused
from ordwatch.core.events import Answer, Closed, Ready, Reject, SessionEvent
from ordwatch.venues.contract import Payload, StreamRequest
from ordwatch.venues.toolkit import rejects
from ordwatch.venues.toolkit.lenient_json import Unreadable

NO_HEARTBEAT_S = 86_400.0


class PushSession:
    """Ready at once; hands each message to the venue's own reader."""

    def __init__(
        self,
        venue: str,
        read: Callable[[bytes, int], Sequence[SessionEvent]],
        *,
        secrets: Iterable[str],
        silence_s: float,
    ) -> None:
        """`read` takes a message and the time of its arrival, and raises `Unreadable` for what may have been an order.

        `secrets` are what the venue may quote, such as the key in the address.
        """
        self.heartbeat_s = NO_HEARTBEAT_S
        self.silence_s = silence_s
        self.last_message_ns = 0
        self._venue = venue
        self._read = read
        self._secrets = tuple(secrets)
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
            shown = rejects.head(data, self._secrets)
            return [
                Reject(venue=self._venue, reason=str(exc), data=shown, size=len(data), lost=True, at_ns=now_ns),
            ]
        self.last_message_ns = now_ns
        self._closed = any(isinstance(event, Closed) for event in events)
        return events

    def heartbeat(self, now_ns: int) -> None:
        """Nothing: `Endpoint.ping_s` keeps such a connection alive."""

    def ask(self, key: int, request: StreamRequest, now_ns: int) -> Sequence[SessionEvent]:
        """Refuse: there is nobody to ask."""
        return [Answer(key, error=Refused("nothing can be asked over this stream"))]

    def data_to_send(self) -> list[Payload]:
        """Nothing is ever sent."""
        return []
