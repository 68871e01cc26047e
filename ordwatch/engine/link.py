"""The state of one link: a connection that a venue needs, over all attempts. Pure; changed by the supervisor only.

A link waits (`retry_s`), is tried (`deadline_s`), is up (heartbeats, silence), and is down again.
"""

import math
from collections.abc import Iterator

from ordwatch.core.events import LinkState


class Link:
    """The state of one link. Times are of the monotonic clock unless documented otherwise."""

    def __init__(self) -> None:
        self.conn = 0
        """Number of the attempt, +1 for each of the venue."""
        self.state: LinkState = "connecting"
        self.is_trying = False
        """An attempt is running, or its connection is up."""
        self.retry_s = -math.inf
        """When to try next, if no attempt is running."""
        self.deadline_s = math.inf
        """By when the subscription must be acknowledged."""
        self.is_up = False
        self.subscribed = False
        self.interrupted = False
        """The venue reported on this connection that it sees no orders; the next one reports again."""
        self.stale = False
        """Nothing was received for half the silence limit."""
        self.live_s: float | None = None
        """Since when this connection is live."""
        self.waits: Iterator[float] | None = None
        """The present back-off; None: start a new one."""
        self.waits_range: tuple[float, float] | None = None
        """First and longest wait of the present back-off."""
        self.heartbeat_s = math.inf
        """Seconds between heartbeats."""
        self.silence_s = math.inf
        """Seconds without a byte after which the connection counts as lost."""
        self.session_silence_s = math.inf
        """The same, as the session has it; the configuration may override it."""
        self.next_heartbeat_s = math.inf
        """When the next heartbeat is due."""
        self._heartbeat_sent_s = math.inf
        """When the last heartbeat was sent, or the connection came up."""
        self.last_rx_s = math.inf
        """When anything was last received."""
        self.last_good_ns = 0
        """When the last whole, good message was received, ns since 1970 UTC; 0 before the first of all connections."""
        self.last_good_running_ns = 0
        """The same, by the clock that is never set."""

    def begin(self, conn: int, deadline_s: float) -> None:
        """An attempt starts."""
        self.conn, self.deadline_s, self.is_trying = conn, deadline_s, True
        self.live_s = None

    def open(self, now_s: float, heartbeat_s: float, silence_s: float) -> None:
        """The connection is up."""
        self.is_up = True
        self.last_rx_s = now_s
        self.heartbeat_s, self.silence_s = heartbeat_s, silence_s
        self.heartbeat_sent(now_s)

    def heartbeat_sent(self, now_s: float) -> None:
        """A heartbeat is sent, or the connection comes up: the next one is due after the interval."""
        self._heartbeat_sent_s = now_s
        self.next_heartbeat_s = now_s + self.heartbeat_s

    def set_intervals(self, heartbeat_s: float, silence_s: float) -> None:
        """Set how often to send a heartbeat, and how long a silence may last; may change after login."""
        if (heartbeat_s, silence_s) != (self.heartbeat_s, self.silence_s):
            self.next_heartbeat_s = min(self.next_heartbeat_s, self._heartbeat_sent_s + heartbeat_s)
            self.heartbeat_s, self.silence_s = heartbeat_s, silence_s

    def end(self, retry_s: float) -> None:
        """The attempt, or its connection, ended."""
        self.is_trying = self.is_up = self.subscribed = self.interrupted = self.stale = False
        self.deadline_s = self.next_heartbeat_s = self.last_rx_s = math.inf
        self.retry_s = retry_s

    @property
    def stale_at_s(self) -> float:
        """When the link becomes stale if nothing is received."""
        return math.inf if self.stale else self.last_rx_s + self.silence_s / 2

    @property
    def dead_at_s(self) -> float:
        """When the connection counts as lost if nothing is received."""
        return self.last_rx_s + self.silence_s

    def next_timer_s(self) -> float:
        """When the attempt or connection must be checked again."""
        return min(self.deadline_s, self.next_heartbeat_s, self.stale_at_s, self.dead_at_s)

    def is_current(self, conn: int) -> bool:
        """Whether this attempt is the running one; events of earlier attempts are ignored."""
        return self.is_trying and self.conn == conn
