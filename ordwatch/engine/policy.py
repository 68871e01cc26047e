"""What a supervisor is given to decide with: the venue's properties, the pace of tries, the orders known so far."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ordwatch.core.events import OrderUpdate


@dataclass(frozen=True)
class Pace:
    """How soon and how often a venue is tried again. Seconds."""

    first_s: float = 1.0
    max_s: float = 30.0
    attempts_a_minute: int = 12
    steady_s: float = 30.0
    """How long a connection must be live for the back-off to start again."""
    bug_s: float = 2.0
    """About how long to wait after the first internal error; five times as long after the second."""
    recheck_s: float = 5.0
    """How soon the venue is queried after only the order of arrival decided a state."""
    query_retry_s: tuple[float, float] = (2.0, 30.0)
    """Bounds of the back-off after a failed query."""


@dataclass(frozen=True)
class Orders:
    """Reads the merged orders of one venue from the order store."""

    open: Callable[[], Sequence[OrderUpdate]] = tuple
    all: Callable[[], Sequence[OrderUpdate]] = tuple
    latest_ns: Callable[[], int | None] = lambda: None
    """The latest time of the venue's own clock in any update."""


@dataclass(frozen=True)
class Policy:
    """The properties of a venue and its configuration that the supervisor needs."""

    venue: str
    links: int = 1
    attempt_timeout_s: float = 10.0
    silence_s: float | None = None
    """Overrides the session's own limit."""
    resync_s: float | None = 300.0
    """Between resync queries while live; None: no resyncs."""
    resync_when_idle: bool = True
    settle_s: float = 0.0
    """How long the venue's answers may lack what was before them."""
    credentials: tuple[str, ...] = ()
    pace: Pace = Pace()
