"""One run: the runners of all venues -> one queue -> order store -> sinks; start, drain, stop."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ordwatch import system
from ordwatch.core.conversion import order_record
from ordwatch.core.errors import OrdwatchError
from ordwatch.core.events import FeedEvent, GapUpdate, HeartbeatTick, OrderUpdate, VenueStats
from ordwatch.core.order_store import OrderStore
from ordwatch.core.records import AliveRecord, OrderRecord, VenueAlive
from ordwatch.core.times import time_text
from ordwatch.engine.clocks import TICK_S, Clocks
from ordwatch.engine.ending import Limits, Outcome, VenueProgress
from ordwatch.engine.gaps import GapTracker
from ordwatch.engine.moment import Moment, moment
from ordwatch.engine.output import Sink
from ordwatch.engine.policy import Orders, Pace
from ordwatch.engine.queue import EventQueue
from ordwatch.engine.run_session import SLICE, STALL_CHECK_S, RunFacts, RunSession
from ordwatch.engine.runner import Runner
from ordwatch.venues.contract import Setup, VenueKind, VenueSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VenueResume:
    """The state of one venue in a continued recording."""

    covered_until_ns: int | None = None
    gaps: int = 0
    """Highest gap number used."""
    open_gap: GapUpdate | None = None
    """A gap that was never closed: it continues."""
    clock_went_back: bool = False
    """Since then the wall clock was put back, so that the times of receipt of stored orders cannot be compared."""


@dataclass(frozen=True)
class ResumeState:
    """The state that a run continues from, out of a recording."""

    orders: Iterable[OrderRecord] = ()
    venues: Mapping[str, VenueResume] = field(default_factory=dict)

    def open_gaps(self) -> list[GapUpdate]:
        """The gaps that continue."""
        return [venue.open_gap for venue in self.venues.values() if venue.open_gap is not None]


class Run:
    """Watches some venues and writes their records to some sinks."""

    def __init__(
        self,
        venues: Sequence[tuple[VenueKind, Setup[VenueSettings]]],
        sinks: Sequence[Sink],
        limits: Limits | None = None,
        *,
        start: ResumeState | None = None,
        look_back_s: float | None = None,
        config_sha256: str | None = None,
        simulated: bool = False,
        fail_on_gap: bool = False,
        redact: Callable[[str], str] = str,
        pace: Pace | None = None,
        before_connecting: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`look_back_s`: the first queries also ask for the orders that ended so long ago, not only for what is open.
        `before_connecting` is waited for once the start is written, before any venue is connected to.
        """
        start = start or ResumeState()
        kinds = {setup.name: venue.kind for venue, setup in venues}
        self._stats = {setup.name: VenueStats() for _, setup in venues}
        self._store = OrderStore(
            {setup.name: venue for venue, setup in venues},
            self._stats,
            redact,
            self._alive,
            self._recheck,
            self._on_bug,
        )
        self._store.load(start.orders, {gap.venue: gap.gap for gap in start.open_gaps()})
        self._queue = EventQueue()
        self._clocks = Clocks(moment())
        self._runners = [self._runner(venue, setup, start, pace) for venue, setup in venues]
        self._before_connecting = before_connecting
        self._may_connect = asyncio.Event()
        self._taken: deque[FeedEvent] = deque()
        """Taken from the queue, not merged yet; of a large account many thousands."""
        self._session = RunSession(
            sinks,
            limits or Limits(),
            facts=lambda: RunFacts(kinds, self._store.counts, simulated, config_sha256),
            progress=self._progress,
            open_gaps=start.open_gaps(),
            fail_on_gap=fail_on_gap,
        )
        self._resume_from = start.venues
        if look_back_s is not None:
            for runner in self._runners:
                runner.supervisor.look_back(time.time_ns() - int(look_back_s * 1e9))

    def _runner(self, venue: VenueKind, setup: Setup[VenueSettings], start: ResumeState, pace: Pace | None) -> Runner:
        name = setup.name
        return Runner(
            venue,
            setup,
            queue=self._queue,
            orders=Orders(
                open=lambda: self._store.open_orders(name),
                all=lambda: self._store.orders(name),
                latest_ns=lambda: self._store.latest_ns(name),
            ),
            stats=self._stats[name],
            gaps=GapTracker(name, gaps_before=start.venues.get(name, VenueResume()).gaps),
            pace=pace,
            look=self._look,
        )

    def stats(self) -> Mapping[str, VenueStats]:
        """The present state of each venue."""
        return self._stats

    def restored(self) -> Sequence[OrderRecord]:
        """The open orders of a continued recording, for the table."""
        return [
            order_record(order, prev_status=None, gap=None, changed=(), flags=())
            for name in self._stats
            for order in self._store.open_orders(name)
        ]

    def stop(self, reason: str, signal: int | None = None) -> None:
        """End the run: close the connections, drain the queue, flush the sinks."""
        self._session.stop(reason, signal)

    def note_failure(self, error: OrdwatchError) -> None:
        """Note a failure that does not end the run, for its exit code."""
        self._session.outcome.failures.append(error)

    async def run(self) -> Outcome:
        """Run until a limit is reached, `stop` is called, no venue is left, or an output failed."""
        self._session.begin()
        try:
            self._resume()
            await self._session.run(self._jobs())
        finally:
            await self._end()
        return self._session.outcome

    def _jobs(self) -> list[Coroutine[None, None, None]]:
        return [
            *(self._watch_runner(runner) for runner in self._runners),
            self._merge_forever(),
            self._session.alive_forever(self._put_heartbeat),
            self._clocks_forever(),
            self._stalls_forever(),
            self._allow_connecting(),
        ]

    def _resume(self) -> None:
        for runner in self._runners:
            state = self._resume_from.get(runner.setup.name, VenueResume())
            runner.resume(state.covered_until_ns, state.open_gap, clock_went_back=state.clock_went_back)

    def _recheck(self, venue: str) -> None:
        self._runner_of(venue).recheck()

    def _on_bug(self, update: OrderUpdate, bug: Exception) -> None:
        self._runner_of(update.venue).bug(bug, update.received_ns)

    def _runner_of(self, venue: str) -> Runner:
        return next(runner for runner in self._runners if runner.setup.name == venue)

    async def _allow_connecting(self) -> None:
        if self._before_connecting is not None:
            await self._before_connecting()
        self._may_connect.set()

    async def _watch_runner(self, runner: Runner) -> None:
        await self._may_connect.wait()
        await runner.run()
        self._session.end_if_decided()

    async def _merge_forever(self) -> None:
        while True:
            self._taken += await self._queue.take()
            await self._merge()

    async def _merge(self) -> None:
        """Merge the events that were taken. If this is cancelled, `_end` merges the rest."""
        while self._taken:
            # At most as many events as may still be shown, so that none is merged beyond the limit.
            count = min(SLICE, self._remaining(), len(self._taken))
            events = [self._taken.popleft() for _ in range(count)]
            self._session.write(self._store.apply(events))
            if self._remaining() == 0:
                return
            await self._session.drain()
            if self._taken:
                await asyncio.sleep(0)  # other tasks have their turn; else waiting for the queue gives it to them

    def _remaining(self) -> int:
        left = self._session.events_left
        return SLICE if left is None else left

    def _progress(self) -> list[VenueProgress]:
        supervisors = [runner.supervisor for runner in self._runners]
        return [VenueProgress(each.ever_live, each.answered, each.failure is not None) for each in supervisors]

    async def _put_heartbeat(self) -> None:
        await self._queue.put([self._heartbeat_tick()])

    async def _clocks_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now = moment()
            self._clocks.tick(now)
            self._look(now)

    def _look(self, now: Moment) -> None:
        before_ns = self._clocks.last_ns
        jump = self._clocks.look(now)
        if jump is None:
            return
        self._queue.put_now([jump])
        if jump.suspended_ms:
            log.warning("this machine or process slept for %.1f s", jump.suspended_ms / 1000)
            for runner in self._runners:
                runner.slept(before_ns, now)

    async def _stalls_forever(self) -> None:
        while True:
            await asyncio.sleep(STALL_CHECK_S)
            paused = self._session.must_pause
            for runner in self._runners:
                if paused:
                    runner.pause()
                else:
                    runner.unpause()

    def _heartbeat_tick(self) -> HeartbeatTick:
        last_rx_ns = {name: stats.last_rx_ns for name, stats in self._stats.items()}
        if self._session.is_stopped:
            # Updates that a limit leaves unmerged have no record, so `last_rx` must be before them.
            for event in reversed(self._taken):
                if isinstance(event, OrderUpdate):
                    last_rx_ns[event.venue] = event.received_ns - 1_000
        return HeartbeatTick(last_rx_ns)

    def _alive(self, tick: HeartbeatTick) -> AliveRecord:
        # Readers rely on this: everything received until `last_rx` has its records before this one.
        return AliveRecord(
            venues={name: _venue_alive(stats, tick.last_rx_ns[name]) for name, stats in self._stats.items()},
            queue=len(self._queue),
            loop_lag_ms=self._clocks.take_lag_ms(),
            rss_mib=system.rss_mib(),
            synced_seq=None,
            at=time_text(time.time_ns()),
        )

    async def _end(self) -> None:
        self._taken += self._queue.take_now()
        await self._merge()
        # A bug that merging met has opened a gap, whose record must stand before the end.
        self._session.write(self._store.apply(self._queue.take_now()))
        self._session.outcome.failures += [
            runner.supervisor.failure for runner in self._runners if runner.supervisor.failure is not None
        ]
        self._session.write([self._alive(self._heartbeat_tick())])
        await self._session.end()


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
