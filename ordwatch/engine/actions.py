"""What a supervisor wants done. The shell does it in order, at once, before anything else is reported back."""

from collections.abc import Sequence
from dataclasses import dataclass

from ordwatch.core.events import FeedEvent


@dataclass(frozen=True)
class Connect:
    """Begin attempt `conn` of this link; report `opened`, then `received`, and in any case `disconnected`."""

    link: int
    conn: int


@dataclass(frozen=True)
class Drop:
    """End the attempt or connection of this link; its `disconnected` bears this error."""

    link: int
    error: Exception


@dataclass(frozen=True)
class SendHeartbeat:
    """Let the session of this link say what keeps the connection alive."""

    link: int


@dataclass(frozen=True)
class StartQuery:
    """Ask the venue for its orders; report `query_answered` or `query_failed`."""

    number: int
    since_ns: int | None
    """As in `QuerySpec`."""
    old_before_ns: int
    """As in `QueryStamp`."""


@dataclass(frozen=True)
class CancelQuery:
    """Let go of the query that is under way; nothing is reported of it any more."""


@dataclass(frozen=True)
class Emit:
    """Hand these events on to the order store."""

    events: Sequence[FeedEvent]


@dataclass(frozen=True)
class Log:
    """A message for the user, on stderr; the venue's name is put before it."""

    level: int
    text: str
    bug: Exception | None = None
    """Shown with its traceback."""


@dataclass(frozen=True)
class EndVenue:
    """This venue is over; `failure` says why. The others go on."""

    failure: Exception


Action = Connect | Drop | SendHeartbeat | StartQuery | CancelQuery | Emit | Log | EndVenue
