"""The actions that a supervisor returns. The runner carries them out in order, before it reports the next event."""

from collections.abc import Sequence
from dataclasses import dataclass

from ordwatch.core.events import FeedEvent


@dataclass(frozen=True)
class Connect:
    """Start attempt `conn` of this link; report `opened`, then `received`, and in every case `disconnected`."""

    link: int
    conn: int


@dataclass(frozen=True)
class Drop:
    """End the attempt or connection of this link; its `disconnected` has this error."""

    link: int
    error: Exception


@dataclass(frozen=True)
class SendHeartbeat:
    """Let the session of this link send a heartbeat."""

    link: int


@dataclass(frozen=True)
class RunQuery:
    """Query the venue for its orders; report `query_answered` or `query_failed`."""

    number: int
    since_ns: int | None
    """As in `QuerySpec`."""
    old_before_ns: int
    """As in `QueryStamp`."""


@dataclass(frozen=True)
class CancelQuery:
    """Cancel the running query; nothing is reported of it any more."""


@dataclass(frozen=True)
class EmitEvents:
    """Put these events in the queue of the order store."""

    events: Sequence[FeedEvent]


@dataclass(frozen=True)
class Log:
    """A message for stderr; the venue's name is added in front."""

    level: int
    text: str
    bug: Exception | None = None
    """Written with its traceback."""


@dataclass(frozen=True)
class EndVenue:
    """Stop this venue for good, because of `failure`. The other venues continue."""

    failure: Exception


Action = Connect | Drop | SendHeartbeat | RunQuery | CancelQuery | EmitEvents | Log | EndVenue
