"""Drives a supervisor without sockets and clocks: does what it decides on paper, and checks what must always be so."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from ordwatch.core.errors import ConfigError, ConnectionLost, VenueError
from ordwatch.core.events import (
    FeedEvent,
    GapUpdate,
    Interrupted,
    LinkUpdate,
    OrderUpdate,
    Ready,
    Resumed,
    SessionEvent,
    VenueStats,
)
from ordwatch.engine.actions import (
    Action,
    CancelQuery,
    Connect,
    Drop,
    EmitEvents,
    EndVenue,
    Log,
    RunQuery,
    SendHeartbeat,
)
from ordwatch.engine.gaps import GapTracker
from ordwatch.engine.moment import Moment
from ordwatch.engine.policy import Orders, Pace, Policy
from ordwatch.engine.supervisor import Supervisor
from ordwatch.venues.contract import QueryResult

SECOND = 1_000_000_000
START_S, WALL_S = 1_000.0, 500_000.0
"""The start by the monotonic clock, in which `Driver` counts, and by the wall clock."""
ASLEEP_S = 300.0
"""How long the machine slept before the start: so long the third clock is ahead of the monotonic one."""
HEARTBEAT_S, SILENCE_S = 10.0, 25.0


@dataclass
class Driver:
    """One supervised venue on paper. Time moves only by `advance`."""

    policy: Policy = field(default_factory=lambda: Policy(venue="toy"))
    orders: Orders = field(default_factory=Orders)
    now_s: float = START_S
    wall_ahead_s: float = WALL_S - START_S
    """How far the wall clock is ahead of the monotonic one."""
    gaps_before: int = 0
    """The highest gap number of the recording that is continued."""
    attempts: list[tuple[float, int, int]] = field(default_factory=list)
    """When, link and number of each attempt."""
    conns: dict[int, int] = field(default_factory=dict)
    """By link the attempt or connection under way."""
    up: set[int] = field(default_factory=set)
    subscribed: set[int] = field(default_factory=set)
    interrupted: set[int] = field(default_factory=set)
    """Links on which the venue said that it sees no orders."""
    heartbeats: int = 0
    query: RunQuery | None = None
    queries: list[RunQuery] = field(default_factory=list)
    events: list[FeedEvent] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    ended: Exception | None = None
    asked_whole: bool = False
    """The query under way was sent when every link was subscribed, and nothing broke since."""

    def __post_init__(self) -> None:
        self.stats = VenueStats()
        self.supervisor = Supervisor(
            self.policy,
            stats=self.stats,
            gaps=GapTracker(self.policy.venue, gaps_before=self.gaps_before),
            orders=self.orders,
            draw=random.Random(7),
        )

    @property
    def now(self) -> Moment:
        mono_ns = math.ceil(self.now_s * SECOND)  # a timer that is due is due by every clock
        return Moment(
            wall_ns=mono_ns + round(self.wall_ahead_s * SECOND),
            mono_ns=mono_ns,
            running_ns=mono_ns + round(ASLEEP_S * SECOND),
        )

    def advance(self, seconds: float) -> None:
        """Let time pass; timers are served when they are due."""
        until_s = self.now_s + seconds
        for _ in range(100_000):
            due_s = self.supervisor.next_timer_s()
            if due_s > until_s:
                break
            self.now_s = max(self.now_s, due_s)
            self._do(self.supervisor.timer(self.now))
            # Serving a timer must move it, or the shell would spin.
            assert self.supervisor.next_timer_s() > self.now_s
        else:
            raise AssertionError("timers without end")
        self.now_s = until_s

    def until_attempt(self, link: int = 0) -> None:
        """Let time pass until the link is tried."""
        while link not in self.conns:
            self.advance(max(0.0, self.supervisor.next_timer_s() - self.now_s))

    def open(self, link: int = 0) -> None:
        """The link's connection is up."""
        self.up.add(link)
        self._do(self.supervisor.opened(link, self.conns[link], HEARTBEAT_S, SILENCE_S, None, self.now))

    def receive(self, *events: SessionEvent, link: int = 0, good: bool = True) -> None:
        """The session of the link made this of what came."""
        if any(isinstance(event, Ready) for event in events):
            self.subscribed.add(link)
        for event in events:
            if isinstance(event, Interrupted):
                self.interrupted.add(link)
            elif isinstance(event, Resumed):
                self.interrupted.discard(link)
        self._do(
            self.supervisor.received(
                link, self.conns[link], events, self.now, good=good, heartbeat_s=HEARTBEAT_S, silence_s=SILENCE_S
            )
        )

    def disconnect(self, error: Exception | None = None, link: int = 0) -> None:
        """The link's attempt or connection ends."""
        conn = self.conns.pop(link)
        self.up.discard(link)
        self.subscribed.discard(link)
        self.interrupted.discard(link)
        self.asked_whole = False
        error = error or ConnectionLost("reset by the other side", "reset")
        self._do(self.supervisor.disconnected(link, conn, error, self.now))

    def answer(self, report: QueryResult | None = None) -> None:
        """The query under way is answered to its end."""
        assert self.query is not None
        query, self.query = self.query, None
        self._do(self.supervisor.query_answered(query.number, report or QueryResult(), self.now))

    def refuse(self, error: VenueError | ConfigError) -> None:
        """The query under way fails."""
        assert self.query is not None
        query, self.query = self.query, None
        self._do(self.supervisor.query_failed(query.number, error, self.now))

    def bug(self) -> None:
        """The adapter raises; the shell then ends whatever is under way."""
        self._do(self.supervisor.bug(ValueError("a bug"), self.now))

    def go_live(self) -> None:
        """Connect every link, subscribe, and answer the query."""
        self.advance(0)
        for link in range(self.policy.links):
            self.open(link)
            self.receive(Ready(), link=link)
        self.answer()

    def run(self, actions: Sequence[Action]) -> None:
        """Do what one of the supervisor's other methods decided."""
        self._do(actions)

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            assert self.ended is None, f"{action} after the end"
            match action:
                case Connect(link=link, conn=conn):
                    assert link not in self.conns, "two attempts on one link"
                    self.conns[link] = conn
                    self.attempts.append((self.now_s, link, conn))
                case Drop(link=link, error=error):
                    self._dropped(link, error)
                case SendHeartbeat(link=link):
                    assert link in self.up
                    self.heartbeats += 1
                case RunQuery():
                    assert self.query is None, "two queries at once"
                    assert self.subscribed == set(range(self.policy.links)), "asked before every link was subscribed"
                    self.query = action
                    self.queries.append(action)
                    self.asked_whole = True
                case CancelQuery():
                    self.query = None
                case EmitEvents(events=events):
                    self._emitted(events)
                case Log(text=text):
                    self.logs.append(text)
                case EndVenue(failure=failure):
                    self.ended = failure

    def _dropped(self, link: int, error: Exception) -> None:
        """The shell ends the connection and reports it, when it was not reported before."""
        if link not in self.conns:
            return
        conn = self.conns.pop(link)
        self.up.discard(link)
        self.subscribed.discard(link)
        self.interrupted.discard(link)
        self.asked_whole = False
        self._do(self.supervisor.disconnected(link, conn, error, self.now))

    def _emitted(self, events: Sequence[FeedEvent]) -> None:
        for event in events:
            if isinstance(event, GapUpdate) and event.state == "open":
                self.asked_whole = False
            if isinstance(event, LinkUpdate) and event.state == "live" and event.detail is None:
                assert self.subscribed == set(range(self.policy.links)), "live without a subscription"
            self.events.append(event)

    # What was written.

    @property
    def states(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, LinkUpdate)]

    @property
    def gaps(self) -> list[GapUpdate]:
        return [event for event in self.events if isinstance(event, GapUpdate)]

    @property
    def updates(self) -> list[OrderUpdate]:
        return [event for event in self.events if isinstance(event, OrderUpdate)]

    @property
    def waits(self) -> list[float]:
        """How long each "down" says it waits."""
        return [event.wait_s or 0 for event in self.events if isinstance(event, LinkUpdate) and event.state == "down"]


def quick(**changes: object) -> Policy:
    """A policy with some values changed."""
    return Policy(**({"venue": "toy", "pace": Pace()} | changes))  # type: ignore[arg-type]
