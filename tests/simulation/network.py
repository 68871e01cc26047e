"""Connections and queries between a simulated venue and a supervisor: late, broken, half open, damaged, shuffled."""

import errno
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from tests.simulation.clocks import SECOND
from tests.simulation.product import (
    NEVER,
    Arrival,
    AuthError,
    Closed,
    ConnectionLost,
    Ignored,
    Interrupted,
    OrderUpdate,
    Progress,
    QueryResult,
    QueryStamp,
    Ready,
    Refused,
    Reject,
    RemoteProtocolError,
    Resumed,
    RoundTrip,
    RunQuery,
    SessionEvent,
    VenueError,
)
from tests.simulation.venue import Order, State

if TYPE_CHECKING:
    from tests.simulation.process import Shell

MAX_DELAY_S = 3.0
"""The longest that a message is under way."""
PATIENCE_S = 10.0


class Line:
    """One attempt to connect, and its connection."""

    def __init__(self, shell: "Shell", link: int, conn: int) -> None:
        self.shell = shell
        self.link = link
        self.conn = conn
        self.is_up = False
        self.subscribed = False
        """On the venue's side: pushes are sent."""
        self.ended = False
        self.silent = False
        """Half open: nothing arrives any more, and nothing says so."""
        self.damaged = False
        """Within a damaged message: bytes arrive, and pushes are lost in it."""
        self.interrupted = False
        self.shuffled = shell.world.draw.random() < shell.world.plan.shuffle
        self.latest: dict[str, int] = {}
        """By order the latest state that was delivered."""
        self._arrives_ns = 0
        self._last_said_ns = shell.world.clocks.moment().wall_ns

    def dial(self) -> None:
        """Begin."""
        world, shell = self.shell.world, self.shell
        if shell.is_down and world.draw.random() < 0.3:
            return  # nobody answers: the deadline ends it
        self._later(world.draw.uniform(0.01, 0.4), self._dialled)

    def _dialled(self) -> None:
        shell, world = self.shell, self.shell.world
        if shell.is_down:
            self.end(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
            return
        if shell.refuses_login:
            self.end(AuthError("the key is not known"))
            return
        self.is_up = True
        dialect = shell.venue.dialect
        date_ns = None if dialect.beats_say_time else shell.venue_date_ns()
        now = shell.process.now()
        shell.do(shell.supervisor.opened(self.link, self.conn, dialect.heartbeat_s, dialect.silence_s, date_ns, now))
        if world.draw.random() < world.plan.no_answer:
            return
        self.send(lambda _: [Progress("subscribing")])
        self._venue_side(world.draw.uniform(0.01, 0.3), self._subscribe)

    def _subscribe(self) -> None:
        self.subscribed = True
        self.send(lambda _: [Ready()])
        if self.shell.venue.dialect.ping_s is not None:
            self._venue_side(self.shell.venue.dialect.ping_s, self._ping)
        if self.shell.interrupted:
            self.interrupt()

    def _ping(self) -> None:
        self.send(lambda _: [Ignored("ping")])
        self._venue_side(self.shell.venue.dialect.ping_s or 30.0, self._ping)

    # What the venue sends.

    def push(self, order: Order, state: State) -> None:
        """The venue reports a state of an order of this line."""
        if not self.subscribed or self.interrupted:
            return
        repeats = 2 if self.shell.world.draw.random() < self.shell.world.plan.repeat else 1
        if self.is_up and not self.silent and not self.damaged:
            self.shell.invariants.pushed(self, order, state)
        for _ in range(repeats):
            self.send(lambda ns: [self.shell.venue.push(order, state, ns)], state=(order, state))

    def heartbeat(self) -> None:
        """A heartbeat is sent, and answered."""
        dialect = self.shell.venue.dialect
        said_ns = self.shell.venue_date_ns() if dialect.beats_say_time else None
        self.send(lambda _: [RoundTrip(0.01, said_ns)], slower_s=0.01)

    def interrupt(self) -> None:
        """The venue says that it sees no orders for now."""
        if not self.interrupted:
            self.interrupted = True
            self.send(lambda _: [Interrupted("venue_logged_out", "logged out", self._last_said_ns)])

    def resume(self) -> None:
        """It sees them again."""
        if self.interrupted:
            self.interrupted = False
            self.send(lambda _: [Resumed()])

    def spoil(self) -> None:
        """One push cannot be read: the session rejects it."""
        now = self.shell.world.clocks.moment().wall_ns
        name = self.shell.venue.dialect.name
        reject = Reject(venue=name, reason="unreadable", data=b"?", size=1, missed=True, at_ns=now)
        self.send(lambda _: [reject])

    def damage(self, length_s: float) -> None:
        """A message whose length is wrong swallows what follows, for so long; then the session gives up."""
        self.damaged = True
        self._venue_side(length_s, self._found_damaged)

    def _found_damaged(self) -> None:
        self.damaged = False
        self.send(lambda _: [Closed(RemoteProtocolError("a frame that cannot be"))])

    def send(
        self,
        build: Callable[[int], Sequence[SessionEvent]],
        *,
        slower_s: float = 0.0,
        state: tuple[Order, State] | None = None,
    ) -> None:
        """Put a message on its way; `build` gets the wall time of its arrival."""
        world = self.shell.world
        if self.ended or self.silent or not self.is_up:
            return
        delay_s = slower_s + (
            world.draw.uniform(0, MAX_DELAY_S) if world.draw.random() < world.plan.slow else world.draw.uniform(0, 0.05)
        )
        arrives_ns = world.clocks.now_ns + int(delay_s * SECOND)
        if not (self.shuffled and state is not None):
            arrives_ns = self._arrives_ns = max(arrives_ns, self._arrives_ns)
        damaged = self.damaged
        world.at(arrives_ns, lambda: self._arrive(build, damaged, state), self.shell.process)

    def _arrive(
        self, build: Callable[[int], Sequence[SessionEvent]], damaged: bool, state: tuple[Order, State] | None
    ) -> None:
        if self.ended:
            return
        shell, now = self.shell, self.shell.process.now()
        if self.ended:
            return  # the machine slept: the look at the clocks has ended it
        events = [] if damaged else list(build(now.wall_ns))
        is_good = not damaged and not any(isinstance(event, Reject | Closed) for event in events)
        if is_good:
            self._last_said_ns = now.wall_ns
        if state is not None and not damaged:
            shell.invariants.delivered(self, *state)
            shell.world.note(f"{shell.name} {self.conn} push {state[0].order_id}/{state[1].number} {state[1].word}")
        dialect = shell.venue.dialect
        if any(isinstance(event, Interrupted) for event in events):
            shell.invariants.broke(shell)
        if is_good:
            shell.invariants.good(shell, self.link)
        if any(isinstance(event, Ready) for event in events):
            shell.invariants.ready(shell, self.link)
        with shell.about(self.link):
            shell.do(
                shell.supervisor.received(
                    self.link,
                    self.conn,
                    events,
                    now,
                    good=is_good,
                    heartbeat_s=dialect.heartbeat_s,
                    silence_s=dialect.silence_s,
                )
            )
        if events and isinstance(events[-1], Closed):
            self.end(events[-1].error)

    # Ends.

    def end(self, error: Exception) -> None:
        """The connection ends, and the process learns it."""
        if self.ended:
            return
        self.ended, self.is_up, self.subscribed = True, False, False
        shell, world = self.shell, self.shell.world
        if shell.lines.get(self.link) is self:
            del shell.lines[self.link]
        world.note(f"{shell.name} {self.conn} ends: {error}")

        def report() -> None:
            with shell.about(self.link):
                shell.do(shell.supervisor.disconnected(self.link, self.conn, error, shell.process.now()))

        world.at(world.clocks.now_ns + world.draw.randrange(1_000_000), report, shell.process)

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        world = self.shell.world
        world.at(world.clocks.now_ns + int(delay_s * SECOND), lambda: None if self.ended else act(), self.shell.process)

    def _venue_side(self, delay_s: float, act: Callable[[], None]) -> None:
        """Happens at the venue, whatever becomes of the process."""
        world = self.shell.world
        world.at(world.clocks.now_ns + int(delay_s * SECOND), lambda: None if self.ended else act())


Steps = Generator[float, None, QueryResult]


class Query:
    """One query under way: requests one after the other, each answered with what the venue knew then."""

    def __init__(self, shell: "Shell", asked: RunQuery) -> None:
        self.shell = shell
        self.asked = asked
        self.sent_mono_ns = 0
        self.cancelled = False
        self._steps = self._ask()
        self._snapshot_ns = 0
        self.first_snapshot_ns = shell.world.clocks.now_ns
        """The true time of the oldest answer."""

    def step(self) -> None:
        """Go on, until the next answer."""
        shell, world = self.shell, self.shell.world
        if self.cancelled:
            return
        try:
            delay_s = next(self._steps)
        except StopIteration as end:
            report: QueryResult = end.value
            shell.invariants.answered(shell, self, report)
            shell.query = None
            shell.do(shell.supervisor.query_answered(self.asked.number, report, shell.process.now()))
            return
        except VenueError as error:
            world.note(f"{shell.name} query {self.asked.number} fails: {error}")
            shell.query = None
            shell.do(shell.supervisor.query_failed(self.asked.number, error, shell.process.now()))
            return
        except ZeroDivisionError as bug:
            shell.query = None
            shell.bug(bug)
            return
        world.at(world.clocks.now_ns + int(delay_s * SECOND), self.step, shell.process)

    def _request(self) -> Generator[float, None, int]:
        """One request; gives the true time whose state it answers."""
        shell, world = self.shell, self.shell.world
        draw, plan = world.draw, world.plan
        self.sent_mono_ns = world.clocks.moment().mono_ns
        over_line = shell.venue.dialect.kind == "opend"
        line = shell.lines.get(0)
        if over_line and (line is None or not line.is_up):
            raise ConnectionLost("not connected")
        if over_line and line is not None and line.silent:
            yield PATIENCE_S
            lost = ConnectionLost("no answer to a query within 10 s", "silent")
            line.end(lost)
            raise lost
        there_s = draw.uniform(0.005, 0.1)
        if draw.random() < plan.slow_query:
            there_s = draw.uniform(0.1, 8.0)
        yield there_s
        if shell.is_down:
            yield 1.0
            raise ConnectionLost("cannot connect")
        if shell.queries_fail or draw.random() < plan.failing_query:
            raise Refused("too frequently")
        if draw.random() < plan.buggy_query:
            raise ZeroDivisionError
        stale_ns = int(draw.uniform(0, plan.stale * shell.venue.dialect.rules.settle_s) * SECOND)
        snapshot_ns = world.clocks.now_ns - stale_ns
        self.first_snapshot_ns = min(self.first_snapshot_ns, snapshot_ns)
        said_ns = shell.venue_date_ns()
        yield draw.uniform(0.005, 0.1)
        if over_line and (line is None or line.ended):
            raise ConnectionLost("the connection ended before the answer")
        if not shell.venue.dialect.beats_say_time:
            shell.do(shell.supervisor.server_date(said_ns, shell.process.now()))
        return snapshot_ns

    def _ask(self) -> Steps:
        shell, venue = self.shell, self.shell.venue
        draw = shell.world.draw
        refused = dict(venue.refused)
        if len(refused) >= len(venue.dialect.parts):
            yield 0.05
            raise Refused(next(iter(refused.values())))
        if venue.dialect.kind == "opend" and draw.random() < 0.7:
            cached_ns = (yield from self._request()) - int(draw.uniform(0, 20) * SECOND)
            self._emit([each for each in venue.open_at(cached_ns) if each[0].part not in refused], cached=True)
        snapshot_ns = yield from self._request()
        named: set[str] = set()
        rows = [each for each in venue.open_at(snapshot_ns) if each[0].part not in refused]
        yield from self._pages(rows, named)
        complete_since_ns: int | None = None
        limits: tuple[str, ...] = ()
        if self.asked.since_ns is not None:
            snapshot_ns = yield from self._request()
            if draw.random() < shell.world.plan.no_history:
                complete_since_ns, limits = NEVER, ("no history",)
            else:
                rows = venue.history_at(snapshot_ns, self.asked.since_ns)
                yield from self._pages([each for each in rows if each[0].part not in refused], named)
        for held in shell.orders_open():
            order = venue.orders[held.order_id]
            if held.order_id in named or order.part in refused:
                continue
            snapshot_ns = yield from self._request()
            state = order.at(snapshot_ns)
            if state is not None:
                self._emit([(order, state)])
        return QueryResult(complete_since_ns, limits, refused)

    def _pages(self, rows: list[tuple[Order, State]], named: set[str]) -> Generator[float, None, None]:
        """EmitEvents an answer in parts, with time between them."""
        named.update(order.order_id for order, _ in rows)
        size = self.shell.world.draw.choice((3, 100))
        for start in range(0, len(rows), size):
            self._emit(rows[start : start + size])
            yield 0.001

    def _emit(self, rows: list[tuple[Order, State]], *, cached: bool = False) -> None:
        shell, now = self.shell, self.shell.world.clocks.moment()
        asked = self.asked
        stamp = QueryStamp(
            number=asked.number, sent_ns=self.sent_mono_ns, old_before_ns=asked.old_before_ns, cached=cached
        )
        way = "cached query" if cached else "query"
        for order, state in rows:
            shell.invariants.row(shell, order, state)
        updates: list[OrderUpdate] = [shell.venue.row(order, state, now.wall_ns) for order, state in rows]
        shell.world.note(
            f"{shell.name} query {asked.number}{' cached' if cached else ''} says "
            + " ".join(f"{order.order_id}/{state.number}" for order, state in rows)
        )
        shell.process.put([Arrival(venue=shell.name, channel=way, at_ns=now.mono_ns, query=stamp), *updates])
