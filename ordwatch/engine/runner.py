"""Runs one venue: carries out its supervisor's decisions with tasks, sockets and clocks. Decides nothing itself."""

import asyncio
import contextlib
import functools
import logging
import math
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence

from ordwatch.core.errors import ConfigError, ConnectionLost, VenueError, leaf_errors
from ordwatch.core.events import Arrival, GapUpdate, OrderUpdate, QueryStamp, SessionEvent, VenueStats
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
from ordwatch.engine.connection import Connection
from ordwatch.engine.gaps import GapTracker
from ordwatch.engine.http import Http
from ordwatch.engine.moment import Moment, moment
from ordwatch.engine.policy import Orders, Pace, Policy
from ordwatch.engine.queue import EventQueue
from ordwatch.engine.rates import Rates
from ordwatch.engine.supervisor import Supervisor
from ordwatch.venues.contract import (
    ConnectionPlan,
    HttpReply,
    HttpRequest,
    QuerySpec,
    Rate,
    RequestT,
    Session,
    Setup,
    VenueKind,
    VenueSettings,
)

log = logging.getLogger(__name__)


class Runner:
    """Keeps one venue covered until cancelled, or until its supervisor stops the venue."""

    def __init__(
        self,
        venue: VenueKind,
        setup: Setup[VenueSettings],
        *,
        queue: EventQueue,
        orders: Orders,
        stats: VenueStats,
        gaps: GapTracker,
        pace: Pace | None = None,
        draw: random.Random | None = None,
        look: Callable[[Moment], None] = lambda _: None,
    ) -> None:
        """`look` is called with each reading of the clocks before an event is judged: the machine may have slept."""
        self.setup = setup
        self._client = venue.configure(setup)
        self._queue = queue
        self._orders = orders
        self.supervisor = Supervisor(
            _policy(venue, setup, self._client.connections, pace or Pace()),
            stats=stats,
            gaps=gaps,
            orders=orders,
            draw=draw or random.Random(),  # noqa: S311 - spreads load, guards nothing
        )
        self.only_reads = venue.only_reads
        self._look = look
        self._rates = Rates()
        self._http = Http(self._rates, venue.only_reads, self._on_server_date, tls_ca_file=setup.settings.tls_ca_file)
        self._connections: dict[int, Connection] = {}
        self._query: asyncio.Task[None] | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._over = asyncio.Event()
        self._changed = asyncio.Event()
        """Set when the time of the next timer may have changed."""

    async def run(self) -> None:
        """Keep the venue covered; returns when the venue is stopped (the reason is in `supervisor.failure`)."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                timer = tasks.create_task(self._timer_forever())
                await self._over.wait()
                timer.cancel()
                self._cancel_query()
        finally:
            self._tasks = None
            await self._http.close()

    def resume(self, covered_until_ns: int | None, open_gap: GapUpdate | None, *, clock_went_back: bool) -> None:
        """Continue a recording; see `VenueGaps.resume`."""
        self._do(self.supervisor.resume(covered_until_ns, open_gap, moment(), clock_went_back=clock_went_back))

    def pause(self) -> None:
        """The output is stalled: close the connections until `unpause`."""
        self._do(self.supervisor.pause(self._now()))

    def unpause(self) -> None:
        """The output has drained."""
        self.supervisor.unpause()
        self._changed.set()

    def slept(self, before_ns: int, now: Moment) -> None:
        """The machine or this process slept from then (wall clock, ns) on."""
        self._do(self.supervisor.slept(before_ns, now))

    def recheck(self) -> None:
        """Only the order of arrival decided a state: query soon."""
        self.supervisor.recheck(self._now())
        self._changed.set()

    def bug(self, error: Exception, missed_ns: int) -> None:
        """The venue's rules of merging failed on an update that was received at `missed_ns` (wall clock)."""
        self._do(self.supervisor.bug(error, self._now(), missed_ns))
        self._changed.set()

    # Events from connections.

    def on_opened(self, connection: Connection, session: Session, date_ns: int | None, now: Moment) -> None:
        """A connection is up."""
        self._look(now)
        link, conn = connection.link, connection.conn
        if date_ns is not None:
            self._http.clock.read(date_ns, now.running_ns)
        self._do(self.supervisor.opened(link, conn, session.heartbeat_s, session.silence_s, date_ns, now))
        self._changed.set()

    async def on_received(
        self, connection: Connection, session: Session, events: Sequence[SessionEvent], now: Moment, *, good: bool
    ) -> None:
        """A connection received something."""
        self._look(now)
        actions = self.supervisor.received(
            connection.link,
            connection.conn,
            events,
            now,
            good=good,
            heartbeat_s=session.heartbeat_s,
            silence_s=session.silence_s,
        )
        if actions:
            self._do(actions)
            if self._queue.is_full:
                await self._queue.wait_while_full()

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send a connection's own request, within the venue's rates."""
        return await self._http.send(request)

    def on_notice(self, text: str) -> None:
        """A message for the user; nothing was missed."""
        self._do([Log(logging.WARNING, text)])

    def _now(self) -> Moment:
        now = moment()
        self._look(now)
        return now

    # Actions of the supervisor.

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case EmitEvents(events=events):
                    self._queue.put_now(events)
                    continue
                case Connect(link=link, conn=conn):
                    open_session = functools.partial(self._open_session, link)
                    connection = Connection(self, link, conn, open_session, self.setup.settings.tls_ca_file)
                    self._connections[link] = connection
                    self._start(self._run_connection(connection))
                case Drop(link=link, error=error):
                    if link in self._connections:
                        self._connections[link].drop(error)
                case SendHeartbeat(link=link):
                    if link in self._connections:
                        self._heartbeat(self._connections[link])
                case RunQuery():
                    self._query = self._start(self._run_query(action))
                case CancelQuery():
                    self._cancel_query()
                case Log(level=level, text=text, bug=bug):
                    log.log(level, "%s: %s", self.setup.name, text, exc_info=bug)
                case EndVenue():
                    self._over.set()
            self._changed.set()

    def _start(self, job: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        assert self._tasks is not None  # noqa: S101 - there are no actions before `run` and after its end
        return self._tasks.create_task(job)

    def _heartbeat(self, connection: Connection) -> None:
        try:
            connection.heartbeat(moment())
        except Exception as bug:  # noqa: BLE001 - as in `_run_connection`
            self._do(self.supervisor.bug(bug, self._now()))

    def _cancel_query(self) -> None:
        if self._query is not None:
            self._query.cancel()
            self._query = None

    async def _timer_forever(self) -> None:
        while True:
            self._changed.clear()
            due_s = self.supervisor.next_timer_s()
            wait_s = due_s - moment().mono_s
            if wait_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s if math.isfinite(wait_s) else None):
                        await self._changed.wait()
                        continue
            self._do(self.supervisor.timer(self._now()))
            await asyncio.sleep(0)

    async def _run_connection(self, connection: Connection) -> None:
        try:
            error = await connection.run()
            self._forget(connection)
        except Exception as bug:  # noqa: BLE001 - a bug of an adapter, as in `_run_query`; logged with traceback
            self._forget(connection)
            self._do(self.supervisor.bug(_innermost(bug), self._now()))
            return
        self._do(self.supervisor.disconnected(connection.link, connection.conn, error, self._now()))
        await self._queue.wait_while_full()

    def _forget(self, connection: Connection) -> None:
        if self._connections.get(connection.link) is connection:
            del self._connections[connection.link]

    async def _run_query(self, start: RunQuery) -> None:
        call = Caller(self._rates, self._http, self._connections)
        spec = QuerySpec(since_ns=start.since_ns, open_orders=self._orders.open, orders=self._orders.all)
        try:
            result = await self._client.query(spec, call, functools.partial(self._emit_orders, start, call))
        except (VenueError, ConfigError, OSError) as error:
            self._do(self.supervisor.query_failed(start.number, error, self._now()))
        except Exception as bug:  # noqa: BLE001 - as above
            self._do(self.supervisor.bug(_innermost(bug), self._now()))
        else:
            self._do(self.supervisor.query_answered(start.number, result, self._now()))

    async def _emit_orders(
        self, start: RunQuery, call: "Caller", orders: Sequence[OrderUpdate], /, *, cached: bool = False
    ) -> None:
        stamp = QueryStamp(number=start.number, sent_ns=call.sent_ns, old_before_ns=start.old_before_ns, cached=cached)
        channel = "cached query" if cached else "query"
        self._queue.put_now(
            [Arrival(venue=self.setup.name, channel=channel, at_ns=moment().mono_ns, query=stamp), *orders]
        )
        await self._queue.wait_while_full()
        await asyncio.sleep(0)  # let other tasks run between the pages of a long answer

    async def _open_session(self, link: int) -> ConnectionPlan:
        return await self._client.open(link, Caller(self._rates, self._http, self._connections))

    def _on_server_date(self, date_ns: int) -> None:
        self._do(self.supervisor.server_date(date_ns, self._now()))


class Caller:
    """Sends the requests of a venue, over REST or over its own connection, within the venue's rates."""

    def __init__(self, rates: Rates, http: Http, connections: Mapping[int, Connection]) -> None:
        self._rates = rates
        self._http = http
        self._connections = connections
        self.sent_ns = 0
        """When the last request was sent, ns of the monotonic clock."""

    async def __call__(self, request: RequestT, /) -> object:
        """Send the request and return its answer; raises the errors of contract.Call."""
        if isinstance(request, HttpRequest):
            return await self._http.send(request, self._on_send)
        for rate in request.rates:
            await self._rates.wait(rate)
        self._on_send()
        if 0 not in self._connections:
            raise ConnectionLost("not connected")
        return await self._connections[0].request(request)

    def take(self, rate: Rate) -> bool:
        """Take one place of `rate` without waiting."""
        return self._rates.take(rate)

    def _on_send(self) -> None:
        self.sent_ns = moment().mono_ns


def _policy(venue: VenueKind, setup: Setup[VenueSettings], links: int, pace: Pace) -> Policy:
    settings = setup.settings
    resync_s = venue.resync_s if settings.audit_interval is None else settings.audit_interval
    return Policy(
        venue=setup.name,
        links=links,
        attempt_timeout_s=settings.attempt_timeout,
        silence_s=settings.silence_timeout,
        resync_s=resync_s or None,
        resync_when_idle=venue.resync_when_idle,
        settle_s=venue.settle_s,
        credentials=venue.credentials,
        pace=pace,
    )


def _innermost(bug: Exception) -> Exception:
    """The exception itself, if a task group wraps it."""
    return leaf_errors(bug)[0] if isinstance(bug, ExceptionGroup) else bug
