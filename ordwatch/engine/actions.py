"""The actions that a supervisor returns. The runner carries them out in order, before it reports the next event."""

from collections.abc import Sequence

import msgspec

from ordwatch.core.events import FeedEvent


class Connect(msgspec.Struct, frozen=True):
    """Start attempt `conn` of this link; report `opened`, then `received`, and in every case `disconnected`."""

    link: int
    conn: int


class Drop(msgspec.Struct, frozen=True):
    """End the attempt or connection of this link; its `disconnected` has this error."""

    link: int
    error: Exception


class SendHeartbeat(msgspec.Struct, frozen=True):
    """Let the session of this link send a heartbeat."""

    link: int


class RunQuery(msgspec.Struct, frozen=True):
    """Query the venue for its orders; report `query_answered` or `query_failed`."""

    number: int
    since_ns: int | None
    """As in `QuerySpec`."""
    old_before_ns: int
    """As in `QueryStamp`."""


class CancelQuery(msgspec.Struct, frozen=True):
    """Cancel the running query; nothing is reported of it any more."""


class EmitEvents(msgspec.Struct, frozen=True):
    """Put these events in the queue of the order store."""

    events: Sequence[FeedEvent]


class Log(msgspec.Struct, frozen=True):
    """A message for stderr; the venue's name is added in front."""

    level: int
    text: str
    bug: Exception | None = None
    """Written with its traceback."""


class EndVenue(msgspec.Struct, frozen=True):
    """Stop this venue for good, because of `failure`. The other venues continue."""

    failure: Exception


Action = Connect | Drop | SendHeartbeat | RunQuery | CancelQuery | EmitEvents | Log | EndVenue
