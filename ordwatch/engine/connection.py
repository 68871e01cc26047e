"""One connection: connects, passes what it reads to the session, writes what the session queues, and reports events.

It decides nothing. When it ends, because of the venue, a deadline or a stop, its sockets are closed.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Protocol

from ordwatch.core.errors import ConfigError, ConnectionLost, Refused, VenueError, leaf_errors
from ordwatch.core.escaping import safe_text
from ordwatch.core.events import Answer, Closed, Ready, RoundTrip, SessionEvent, Turn
from ordwatch.engine.keepalive import ends_connection
from ordwatch.engine.moment import Moment, moment
from ordwatch.engine.read_only import only_reading
from ordwatch.engine.transport import Transport, dial
from ordwatch.engine.venue_clock import server_date_ns
from ordwatch.venues.contract import ConnectionPlan, HttpReply, HttpRequest, Keepalive, Payload, Session, StreamRequest

MAX_PENDING = 256
"""Requests that may wait for their answers on one connection."""


class Owner(Protocol):
    """Gets the events of connections; a Runner."""

    only_reads: Callable[[HttpRequest | Payload], bool]
    """The venue's list of what may be sent."""

    def on_opened(self, connection: "Connection", session: Session, date_ns: int | None, now: Moment) -> None:
        """The connection is up."""
        ...

    async def on_received(
        self, connection: "Connection", session: Session, events: Sequence[SessionEvent], now: Moment, *, good: bool
    ) -> None:
        """Data was received; waits while the queue of the order store is full."""
        ...

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send a REST request for this connection; raises the errors of contract.Call."""
        ...

    def on_notice(self, text: str) -> None:
        """Something the user should know of that is no loss."""
        ...


class Connection:
    """One attempt to connect and the connection it makes; used once."""

    def __init__(
        self,
        owner: Owner,
        link: int,
        conn: int,
        open_session: Callable[[], Awaitable[ConnectionPlan]],
        tls_ca_file: str | None = None,
    ) -> None:
        self.link = link
        self.conn = conn
        self._owner = owner
        self._open_session = open_session
        self._tls_ca_file = tls_ca_file
        self._scope = asyncio.timeout(None)
        self._is_running = False
        self._dropped: Exception | None = None
        self._session: Session | None = None
        self._unanswered = ""
        """A hint for the user if the connection ends before the first good message."""
        self._outgoing: list[Payload] = []
        self._to_send = asyncio.Event()
        self._pending: dict[int, asyncio.Future[object]] = {}
        self._keys = count(1)

    async def run(self) -> Exception:
        """Connect and exchange data until the connection ends; returns the reason. Only bugs and a stop are raised."""
        reasons: list[Exception] = []
        try:
            async with self._scope:
                self._is_running = True
                if self._dropped is None:
                    await self._talk()
        except* (VenueError, ConfigError, OSError) as ended:
            reasons = leaf_errors(ended)
        finally:
            self._is_running = False
            self._end()
        return self._with_hint(self._dropped or reasons[0])

    def _with_hint(self, error: Exception) -> Exception:
        """The error, with a hint if the other side accepted the connection but never sent a good message."""
        if self._unanswered and isinstance(error, ConnectionLost):
            return ConnectionLost(f"{error}; {self._unanswered}", error.cause)
        return error

    def drop(self, error: Exception) -> None:
        """End the connection now, for this reason, even while it waits."""
        if self._dropped is None:
            self._dropped = error
            if self._is_running:
                self._scope.reschedule(-math.inf)

    def heartbeat(self, now: Moment) -> None:
        """Let the session send a heartbeat."""
        if self._session is not None:
            self._session.heartbeat(now.wall_ns)
            self._send_queued(self._session)

    async def request(self, request: StreamRequest) -> object:
        """Send a request over this connection and wait for its answer.

        Raises:
            ConnectionLost: The connection is not up or ended; or a required request was not answered in time, which
                ends the connection.
            Refused: A request that is not required was not answered in time.
            VenueError: The session reports this error for the answer.
        """
        session = self._session
        if session is None or len(self._pending) >= MAX_PENDING:
            raise ConnectionLost("not connected")
        key = next(self._keys)
        future = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            now = moment()
            for event in session.queue_request(key, request, now.wall_ns):
                if isinstance(event, Answer):  # what needs no wire is answered at once
                    self._answer(event)
            self._send_queued(session)
            async with asyncio.timeout(request.timeout_s):
                return await future
        except TimeoutError as exc:
            text = f"no answer to a query within {request.timeout_s:g} s"
            if not request.required:
                raise Refused(text) from exc
            error = ConnectionLost(text, "silent")
            self.drop(error)
            raise error from exc
        finally:
            self._pending.pop(key, None)

    async def _talk(self) -> None:
        plan = await self._open_session()
        async with dial(plan.endpoint, self._tls_ca_file) as transport, asyncio.TaskGroup() as tasks:
            self._unanswered = plan.endpoint.unanswered
            session = self._session = plan.session
            now = moment()
            events = session.start(now.wall_ns)
            self._owner.on_opened(self, session, server_date_ns(transport.date), now)
            if events:
                # Where the address is the subscription, the handshake that answered it is a good message.
                is_ready = any(isinstance(event, Ready) for event in events)
                await self._owner.on_received(self, session, events, now, good=is_ready)
            self._send_queued(session)
            tasks.create_task(self._write_forever(transport))
            if plan.keepalive is not None:
                tasks.create_task(self._keep_alive_forever(plan.keepalive))
            if plan.endpoint.ping_s is not None:
                tasks.create_task(self._ping_forever(session, transport, plan.endpoint.ping_s))
            await self._read_forever(session, transport)

    async def _read_forever(self, session: Session, transport: Transport) -> None:
        while True:
            data = await transport.read()
            now = moment()
            before_ns = session.last_message_ns
            events: list[SessionEvent] = []
            for event in session.receive(data, now.wall_ns):
                if isinstance(event, Answer):
                    self._answer(event)
                elif isinstance(event, Turn):
                    # A long message is read as its events are taken.
                    await self._owner.on_received(self, session, events, now, good=False)
                    events = []
                    await asyncio.sleep(0)
                else:
                    events.append(event)
            self._send_queued(session)
            is_good = session.last_message_ns != before_ns
            if is_good:
                self._unanswered = ""
            await self._owner.on_received(self, session, events, now, good=is_good)
            if events and isinstance(events[-1], Closed):
                raise events[-1].error

    def _send_queued(self, session: Session) -> None:
        # Most messages that are received have no answer: then the task that writes is not woken.
        self._outgoing += session.data_to_send()
        if self._outgoing:
            self._to_send.set()

    async def _write_forever(self, transport: Transport) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            payloads, self._outgoing = self._outgoing, []
            await transport.write([only_reading(self._owner.only_reads, payload) for payload in payloads])

    async def _keep_alive_forever(self, keepalive: Keepalive) -> None:
        while True:
            await asyncio.sleep(keepalive.interval_s)
            try:
                reply = await self._owner.send(keepalive.request)
            except VenueError as exc:
                self._owner.on_notice(safe_text(f"not kept alive: {exc}", 300))
                continue
            try:
                keepalive.judge(reply)
            except VenueError as exc:
                if ends_connection(exc):
                    raise
                self._owner.on_notice(safe_text(f"not kept alive: {exc}", 300))

    async def _ping_forever(self, session: Session, transport: Transport, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            seconds = await transport.ping()
            await self._owner.on_received(self, session, [RoundTrip(seconds)], moment(), good=True)

    def _answer(self, answer: Answer) -> None:
        future = self._pending.get(answer.key)
        if future is None or future.done():
            return
        if answer.error is not None:
            future.set_exception(answer.error)
        else:
            future.set_result(answer.value)

    def _end(self) -> None:
        self._session = None
        for future in self._pending.values():
            if not future.done():
                future.set_exception(self._dropped or ConnectionLost("the connection ended before the answer"))
                future.exception()
        self._pending.clear()
