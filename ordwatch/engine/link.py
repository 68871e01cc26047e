"""The state of one link: a connection a venue needs, attempt after attempt. Pure; its supervisor asks it and moves it.

A link waits (`retry_s`), is tried (`deadline_s`), is up (heartbeats, silence), and is down again.
"""

import math
from collections.abc import Iterator

from ordwatch.core.events import LinkState


class Link:
    """What the supervisor knows of one link. Times are of the monotonic clock unless the name says otherwise."""

    def __init__(self) -> None:
        self.conn = 0
        """Number of the attempt, +1 for each of the venue."""
        self.state: LinkState = "connecting"
        self.is_trying = False
        """An attempt is under way, or its connection is up."""
        self.retry_s = -math.inf
        """When to try next, while nothing is under way."""
        self.deadline_s = math.inf
        """By when the subscription must be acknowledged."""
        self.is_up = False
        self.subscribed = False
        self.interrupted = False
        """The venue reported on this connection that it sees no orders; the next one reports anew."""
        self.stale = False
        """Nothing was received for half the silence limit."""
        self.live_s: float | None = None
        """Since when this connection is live."""
        self.waits: Iterator[float] | None = None
        """The back-off that goes on; None: begin anew."""
        self.waits_of: tuple[float, float] | None = None
        self.heartbeat_s = math.inf
        """Seconds between heartbeats."""
        self.silence_s = math.inf
        """Seconds without a byte after which the link is dead."""
        self.session_silence_s = math.inf
        """The same, as the session said it; the configuration may override it."""
        self.beat_s = math.inf
        """When the next heartbeat is due."""
        self.last_rx_s = math.inf
        """When anything was last received."""
        self.last_good_ns = 0
        """When the last whole, good message was received, ns since 1970 UTC; 0 before the first of all connections."""
        self.last_good_running_ns = 0
        """The same, by the clock that nobody sets."""

    def begin(self, conn: int, deadline_s: float) -> None:
        """An attempt begins."""
        self.conn, self.deadline_s, self.is_trying = conn, deadline_s, True
        self.live_s = None

    def open(self, now_s: float, heartbeat_s: float, silence_s: float) -> None:
        """The connection is up."""
        self.is_up = True
        self.last_rx_s = now_s
        self.heartbeat_s, self.silence_s = heartbeat_s, silence_s
        self.beat_s = now_s + heartbeat_s

    def pace(self, heartbeat_s: float, silence_s: float) -> None:
        """How often to send a heartbeat, and how long a silence may last; may change after login."""
        if (heartbeat_s, silence_s) != (self.heartbeat_s, self.silence_s):
            self.beat_s = min(self.beat_s, self.beat_s - self.heartbeat_s + heartbeat_s)
            self.heartbeat_s, self.silence_s = heartbeat_s, silence_s

    def end(self, retry_s: float) -> None:
        """The attempt, or its connection, ended."""
        self.is_trying = self.is_up = self.subscribed = self.interrupted = self.stale = False
        self.deadline_s = self.beat_s = self.last_rx_s = math.inf
        self.retry_s = retry_s

    @property
    def stale_at_s(self) -> float:
        """When a silence becomes visible."""
        return math.inf if self.stale else self.last_rx_s + self.silence_s / 2

    @property
    def dead_at_s(self) -> float:
        """When a silence becomes a loss."""
        return self.last_rx_s + self.silence_s

    def next_timer_s(self) -> float:
        """When an attempt, or its connection, is to be looked at again."""
        return min(self.deadline_s, self.beat_s, self.stale_at_s, self.dead_at_s)

    def is_current(self, conn: int) -> bool:
        """Whether this attempt is the one under way; what is reported of a former one is of no interest."""
        return self.is_trying and self.conn == conn
