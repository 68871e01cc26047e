"""One process of ordwatch on paper: supervisors, order store and recorder, with what their shells do around them."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.clocks import SECOND
from tests.simulation.disk import Recorder
from tests.simulation.network import Line, Query
from tests.simulation.product import (
    SCHEMA,
    TICK_S,
    Action,
    AliveRecord,
    AnyRecord,
    CancelQuery,
    Clocks,
    Connect,
    Drop,
    EmitEvents,
    EndVenue,
    FeedEvent,
    GapTracker,
    GapUpdate,
    HeartbeatTick,
    LinkUpdate,
    Log,
    Moment,
    Orders,
    OrderStore,
    OrderUpdate,
    Policy,
    RunQuery,
    SendHeartbeat,
    SessionRecord,
    Supervisor,
    VenueAlive,
    VenueStats,
    gap_update,
    time_text,
)
from tests.simulation.venue import Venue

if TYPE_CHECKING:
    from tests.simulation.invariants import Invariants
    from tests.simulation.world import World

ALIVE_S = 10.0
TICK_NS = int(TICK_S * SECOND)
COUNTS = ("updates", "written", "duplicates", "rejected", "gaps_opened", "gaps_closed")


class Shell:
    """Does what one supervisor decides."""

    def __init__(self, process: "Process", venue: Venue, gaps: GapTracker) -> None:
        self.process = process
        self.world: World = process.world
        self.invariants: Invariants = process.world.invariants
        self.venue = venue
        self.name = venue.dialect.name
        self.lines: dict[int, Line] = {}
        self.query: Query | None = None
        self.link: int | None = None
        """Which link the present report is about."""
        rules = venue.dialect.rules
        self.supervisor = Supervisor(
            Policy(
                venue=self.name,
                links=venue.dialect.links,
                resync_s=rules.resync_s,
                resync_when_idle=rules.resync_when_idle,
                settle_s=rules.settle_s,
            ),
            stats=process.stats[self.name],
            gaps=gaps,
            orders=Orders(
                open=self.orders_open,
                all=lambda: process.store.orders(self.name),
                latest_ns=lambda: process.store.latest_ns(self.name),
            ),
            draw=Random(self.world.draw.random()),
        )
        self._timer = 0

    def orders_open(self) -> Sequence[OrderUpdate]:
        """The orders held as open."""
        return self.process.store.open_orders(self.name)

    @property
    def is_down(self) -> bool:
        return self.world.is_faulty(self.name, "down")

    @property
    def queries_fail(self) -> bool:
        return self.world.is_faulty(self.name, "queries")

    @property
    def interrupted(self) -> bool:
        return self.world.is_faulty(self.name, "logged out")

    @property
    def refuses_login(self) -> bool:
        return self.world.is_faulty(self.name, "login")

    def venue_date_ns(self) -> int:
        """What the venue says of its time: whole seconds."""
        return self.venue.clock_ns(self.world.clocks.now_ns) // SECOND * SECOND

    @contextlib.contextmanager
    def about(self, link: int) -> Iterator[None]:
        """What is decided here follows from what happened to this link."""
        self.link = link
        yield
        self.link = None

    def do(self, actions: Sequence[Action]) -> None:
        """Do what the supervisor decided."""
        self._do(actions)
        self.plan_timer()

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self.invariants.decided(self, action)
            match action:
                case EmitEvents(events=events):
                    self._emitted(events)
                case Connect(link=link, conn=conn):
                    line = self.lines[link] = Line(self, link, conn)
                    line.dial()
                case Drop(link=link, error=error):
                    if link in self.lines:
                        self.lines[link].end(error)
                case SendHeartbeat(link=link):
                    if link in self.lines:
                        self.lines[link].heartbeat()
                case RunQuery():
                    self.world.note(f"{self.name} asks {action.number} since {action.since_ns}")
                    self.query = Query(self, action)
                    self.world.at(self.world.clocks.now_ns, self.query.step, self.process)
                case CancelQuery():
                    if self.query is not None:
                        self.query.cancelled = True
                    self.query = None
                case Log(text=text):
                    self.world.note(f"{self.name}: {text}")
                case EndVenue(failure=failure):
                    self.world.note(f"{self.name} is over: {failure}")

    def _emitted(self, events: Sequence[FeedEvent]) -> None:
        for event in events:
            match event:
                case GapUpdate():
                    self.world.note(f"{self.name} {event.gap} {event.state} {event.cause} {event.outcome or ''}")
                case LinkUpdate():
                    self.world.note(f"{self.name} {event.conn} is {event.state} {event.detail or ''}")
                case _:
                    pass
        self.process.put(events)

    def bug(self, error: Exception) -> None:
        """The adapter raised what it must not."""
        self.invariants.bug(self)
        self.do(self.supervisor.bug(error, self.process.now()))

    def plan_timer(self) -> None:
        """Serve the next timer when it is due; the one planned before is forgotten."""
        self._timer += 1
        number, due_s = self._timer, self.supervisor.next_timer_s()
        if due_s == math.inf:
            return
        clocks = self.world.clocks
        is_due = due_s <= clocks.moment().mono_s
        # A clock in nanoseconds may show a second that is not quite over.
        wait_ns = 0 if is_due else max(1_000, math.ceil(due_s * SECOND) - clocks.mono_ns)
        self.world.at(clocks.now_ns + wait_ns, lambda: self._serve(number), self.process)

    def _serve(self, number: int) -> None:
        if number != self._timer:
            return
        now = self.process.now()
        if self.supervisor.next_timer_s() > now.mono_s:
            self.plan_timer()  # the machine slept, and the monotonic clock stood still
            return
        self._do(self.supervisor.timer(now))
        self.invariants.served(self, now)
        self.plan_timer()


class Process:
    """From its start to its end; killed, or stopped."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.dead = False
        names = [venue.dialect.name for venue in world.venues]
        self.stats = {name: VenueStats() for name in names}
        rules = {venue.dialect.name: venue.dialect.rules for venue in world.venues}
        file, past = world.disk.open()
        self.recorder = Recorder(file, world.disk.files, self.after)
        self.store = OrderStore(
            rules, self.stats, str, self._alive, self._recheck, mono_ns=lambda: world.clocks.mono_ns
        )
        open_gaps = {name: gap.gap for name, gap in past.open_gaps.items()}
        self.store.load(past.orders, open_gaps)
        self.shells = {
            venue.dialect.name: Shell(
                self, venue, GapTracker(venue.dialect.name, gaps_before=past.next_gap(venue.dialect.name) - 1)
            )
            for venue in world.venues
        }
        self._events: list[FeedEvent] = []
        self._merge_planned = False
        self._stalled = False
        self._past = past
        self._clocks = Clocks(world.clocks.moment())
        self._looked_ns = world.clocks.now_ns
        self.slept_from_ns = world.clocks.now_ns
        """The true time of the look at the clocks before the last one."""
        self._was_frozen = False

    def start(self) -> None:
        """Begin, as pipeline does."""
        self.world.invariants.started([gap_update(gap) for gap in self._past.open_gaps.values()])
        self._write([self._session("start")])
        for name, shell in self.shells.items():
            gap = self._past.open_gaps.get(name)
            until_ns = self._past.covered_until_ns.get(name)
            now = self.world.clocks.moment()
            update = gap_update(gap) if gap is not None else None
            back = name in self._past.clock_went_back
            shell.do(shell.supervisor.resume(until_ns, update, now, clock_went_back=back))
        self.after(ALIVE_S, self._beat)

    def after(self, delay_s: float, act: "object") -> None:
        """Do it in this process, after so long, if it lives."""
        assert callable(act)
        self.world.at(self.world.clocks.now_ns + int(delay_s * SECOND), act, self)

    # The queue and the order store.

    def put(self, events: Sequence[FeedEvent]) -> None:
        """Events for the order store, which takes them up a moment later."""
        self._events += events
        if self._events and not self._merge_planned and not self._stalled:
            self._merge_planned = True
            self.after(self.world.draw.uniform(0, 0.004), self._merge)

    def _merge(self) -> None:
        self._merge_planned = False
        if self._stalled:
            return
        self.merge_now()

    def merge_now(self) -> None:
        """Merge what waits."""
        events, self._events = self._events, []
        records = self.store.apply(events)
        for record in records:
            self.world.invariants.record(self, record)
        self._write(records)

    def _write(self, records: Sequence[AnyRecord]) -> None:
        if records:
            self.recorder.take(list(records))

    def _recheck(self, name: str) -> None:
        shell = self.shells[name]
        shell.supervisor.recheck(self.now())
        shell.plan_timer()

    # Output, clocks, signs of life.

    def stall(self) -> None:
        """The output takes nothing more."""
        self._stalled = True
        for shell in self.shells.values():
            shell.do(shell.supervisor.pause(self.now()))

    def unstall(self) -> None:
        """It does again."""
        self._stalled = False
        for shell in self.shells.values():
            shell.supervisor.unpause()
            shell.plan_timer()
        self.put([])

    def now(self) -> Moment:
        """All clocks, after a look at them: what is found is done first."""
        now = self.world.clocks.moment()
        if not self._was_frozen:
            self._looked(self.world.draw.randrange(TICK_NS))
        self._was_frozen = False
        before_ns = self._clocks.last_ns
        jump = self._clocks.look(now)
        self.slept_from_ns, self._looked_ns = self._looked_ns, self.world.clocks.now_ns
        if jump is None:
            return now
        self.put([jump])
        if jump.suspended_ms:
            for shell in self.shells.values():
                shell.do(shell.supervisor.slept(before_ns, now))
        return now

    def look(self) -> None:
        """A look at the clocks is due."""
        self.now()

    def freeze(self) -> None:
        """From now on it does nothing."""
        if not self._was_frozen:
            self._looked(self.world.draw.randrange(TICK_NS))
        self._was_frozen = True

    def _looked(self, ago_ns: int) -> None:
        """While it was not frozen it has looked at its clocks all the time, the last time so long ago."""
        clocks = self.world.clocks
        # What the next look finds of a step is for it to find.
        at_ns = min(clocks.now_ns - ago_ns, clocks.next_step(self._looked_ns) - 1)
        if at_ns > self._looked_ns:
            self._clocks, self._looked_ns = Clocks(clocks.moment_at(at_ns)), at_ns

    def _beat(self) -> None:
        self.put([HeartbeatTick({name: stats.last_rx_ns for name, stats in self.stats.items()})])
        self.after(ALIVE_S, self._beat)

    def _alive(self, tick: HeartbeatTick) -> AliveRecord:
        return AliveRecord(
            venues={name: _venue_alive(stats, tick.last_rx_ns[name]) for name, stats in self.stats.items()},
            queue=0,
            loop_lag_ms=0.0,
            rss_mib=0.0,
            synced_seq=None,
            at=time_text(self.world.clocks.moment().wall_ns),
        )

    def _session(self, state: str) -> SessionRecord:
        ended = state == "end"
        return SessionRecord(
            state="end" if ended else "start",
            schema=SCHEMA,
            version="0",
            pid=1,
            host="paper",
            venues=list(self.stats),
            config_sha256=None,
            reason="stopped" if ended else None,
            exit=0 if ended else None,
            counts={key: self.store.counts[key] for key in COUNTS} if ended else None,
            uncertain_s=0.0 if ended else None,
            at=time_text(self.world.clocks.moment().wall_ns),
        )

    # Ends.

    def end(self) -> None:
        """Stop cleanly, if the disk takes it."""
        self.merge_now()
        tick = HeartbeatTick({name: stats.last_rx_ns for name, stats in self.stats.items()})
        self._write([self._alive(tick), self._session("end")])
        self.recorder.end()
        self.kill()

    def kill(self) -> None:
        """Killed, in the middle of whatever it does."""
        self.dead = True
        self.world.died_ns = self.world.clocks.now_ns
        self.recorder.kill(self.world.draw)
        for shell in self.shells.values():
            for line in shell.lines.values():
                line.ended = True

    def past_gap(self, name: str) -> GapUpdate | None:
        """The gap that the process before left open."""
        gap = self._past.open_gaps.get(name)
        return gap_update(gap) if gap is not None else None


def _venue_alive(stats: VenueStats, last_rx_ns: int | None) -> VenueAlive:
    return VenueAlive(
        state=stats.state,
        last_rx=time_text(last_rx_ns) if last_rx_ns is not None else None,
        rtt_ms=stats.rtt_ms,
        updates=stats.updates,
        duplicates=stats.duplicates,
        rejected=stats.rejected,
        reconnects=stats.reconnects,
        open_orders=stats.open_orders,
        covers=list(stats.covers),
    )
