"""One connection of a venue, from dialling to its fall: the pump, the heartbeat and the silence limit.

The same for every venue. What the venue's session says is handed on in order; what it means for the venue as a
whole (live, gaps, queries) is the supervisor's.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count
from typing import Protocol

from ordwatch.errors import ConfigError, ConnectionLost, Refused, VenueError
from ordwatch.feed.transport import Transport, dial
from ordwatch.model import Answer, Closed, FeedEvent, LinkState, OrderUpdate, Reject, RoundTrip, SessionEvent, Turn
from ordwatch.venues.contract import AnyVenue, Call, Session, Setup, StreamRequest, VenueSettings

MAX_PENDING = 256


class Supervisor(Protocol):
    """What a link needs of the one who keeps it."""

    venue: AnyVenue
    call: Call

    def note(self, link: "Link", event: SessionEvent, now_ns: int) -> list[FeedEvent]:
        """A session said something that is no order and no answer."""
        ...

    def change(self, link: "Link", state: LinkState, detail: str | None = None) -> list[FeedEvent]:
        """The link reached a state."""
        ...

    def quiet(self, link: "Link") -> list[FeedEvent]:
        """Half the silence limit passed without a byte."""
        ...

    def spoke(self, link: "Link") -> list[FeedEvent]:
        """A byte came after that."""
        ...

    def round_trip(self, event: RoundTrip, now_ns: int) -> None:
        """A heartbeat was answered."""
        ...

    def heard(self, now_ns: int) -> None:
        """Something was received, and what it said was handed on."""
        ...

    def dated(self, date: str | None, now_ns: int) -> None:
        """An HTTP `Date` told the venue's clock."""
        ...

    @property
    def emit(self) -> Callable[[Sequence[FeedEvent]], Awaitable[None]]:
        """Hands events on."""
        ...


class Link:
    """One of the connections a venue needs; `attempt` is run for it again and again."""

    def __init__(self, feed: Supervisor, part: Setup[VenueSettings]) -> None:
        self._feed = feed
        self.part = part
        self.conn = 0
        self.state: LinkState = "connecting"
        self.subscribed = False
        self.was_live = False
        self.stale = False
        self.last_rx_ns = 0
        """When anything was last received, ns since 1970 UTC; 0 before the first."""
        self.last_good_ns = 0
        """The same, of the last chunk in which nothing was unreadable; 0 until this connection brought one."""
        self._heard_s = 0.0
        self._session: Session | None = None
        self._transport: Transport | None = None
        self._fault: Exception | None = None
        self._deadline: asyncio.Timeout | None = None
        self._pending: dict[int, asyncio.Future[object]] = {}
        self._keys = count(1)

    async def attempt(self) -> Exception:
        """Dial, talk, and return why it ended. Only a bug raises."""
        self._fault = None
        try:
            async with asyncio.timeout(self.part.settings.attempt_timeout) as self._deadline:
                opening = await self._feed.venue.open(self.part, self._feed.call)
                async with dial(opening.endpoint) as transport:
                    await self._talk(opening.session, transport)
        except TimeoutError as exc:
            return self._cause(_timed_out(exc, self.part.settings.attempt_timeout))
        except (VenueError, ConfigError, OSError) as exc:
            return self._cause(exc)
        finally:
            self._end()
        raise AssertionError("a link ends by an error")

    def _cause(self, seen: Exception) -> Exception:
        """Why the link ended: what we dropped it for, else what was seen."""
        return self._fault or seen

    async def _talk(self, session: Session, transport: Transport) -> None:
        self._session, self._transport = session, transport
        self._heard_s = time.monotonic()
        self.last_good_ns = 0
        self._feed.dated(transport.date, time.time_ns())
        await self._feed.emit(self._feed.change(self, "authenticating"))
        session.start(time.time_ns())
        await self._flush()
        watch = asyncio.create_task(self._watch(session))
        watch.add_done_callback(lambda _: transport.abort())
        try:
            await self._pump(session, transport)
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _pump(self, session: Session, transport: Transport) -> None:
        while True:
            data = await transport.read()
            now_ns = time.time_ns()
            self._heard_s = time.monotonic()
            self.last_rx_ns = now_ns
            events = session.receive(data, now_ns)
            try:
                await self._flush()
            finally:  # what was received counts, also where nothing can be sent any more
                readable = await self._dispatch(events, now_ns)
            self._feed.heard(now_ns)
            if readable:
                self.last_good_ns = now_ns

    async def _dispatch(self, events: Iterable[SessionEvent], now_ns: int) -> bool:
        """Hand on what a session says, in order; True if all of its input could be read."""
        readable = True
        out: list[FeedEvent] = []
        closed: Exception | None = None
        if self.stale:
            out += self._feed.spoke(self)
        for event in events:
            if isinstance(event, OrderUpdate):
                out.append(event)
            elif isinstance(event, Turn):
                await self._feed.emit(out)
                out = []
                await asyncio.sleep(0)
            elif isinstance(event, Answer):
                self._settle(event)
            elif isinstance(event, RoundTrip):
                self._feed.round_trip(event, now_ns)
            elif isinstance(event, Closed):
                closed = event.error
            else:
                readable = readable and not isinstance(event, Reject)
                out += self._feed.note(self, event, now_ns)
        if out:
            await self._feed.emit(out)
        if closed is not None:
            raise closed
        return readable

    def ready(self) -> None:
        """The subscription was acknowledged: the attempt's deadline is met."""
        self.subscribed = True
        if self._deadline is not None:
            self._deadline.reschedule(None)

    async def ask(self, request: StreamRequest) -> object:
        """Send a request over this connection and wait for its answer.

        Raises:
            ConnectionLost: The link is down or fell, or a vital request was not answered in time (then it falls).
            Refused: One that is not vital was not answered in time.
            VenueError: What the session made of the answer.
        """
        session = self._session
        if session is None or len(self._pending) >= MAX_PENDING:
            raise ConnectionLost("not connected")
        key = next(self._keys)
        future = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            now_ns = time.time_ns()
            await self._dispatch(session.ask(key, request, now_ns), now_ns)
            await self._flush()
            async with asyncio.timeout(request.patience_s):
                return await future
        except TimeoutError as exc:
            told = f"no answer to a query within {request.patience_s:g} s"
            if not request.vital:
                raise Refused(told) from exc
            lost = ConnectionLost(told, "silent")
            self.drop(lost)
            raise lost from exc
        finally:
            self._pending.pop(key, None)

    def drop(self, error: Exception) -> None:
        """End the connection now, for this reason."""
        self._fault = self._fault or error
        if self._transport is not None:
            self._transport.abort()

    def _settle(self, answer: Answer) -> None:
        future = self._pending.get(answer.key)
        if future is None or future.done():
            return
        if answer.error is not None:
            future.set_exception(answer.error)
        else:
            future.set_result(answer.value)

    async def _flush(self) -> None:
        if self._session is not None and self._transport is not None and (payloads := self._session.data_to_send()):
            await self._transport.write(payloads)

    async def _watch(self, session: Session) -> None:
        beat_s = time.monotonic()
        while True:
            tick_s = min(1.0, session.heartbeat_s, self._silence_s(session) / 4)
            before_s = time.monotonic()
            await asyncio.sleep(tick_s)
            now_s = time.monotonic()
            # Our own lag is no silence of the venue's: what came meanwhile waits in the socket.
            self._heard_s += max(0.0, now_s - before_s - 2 * tick_s)
            if now_s - beat_s >= session.heartbeat_s:
                beat_s = now_s
                session.heartbeat(time.time_ns())
                await self._flush()
            await self._judge_silence(now_s - self._heard_s, self._silence_s(session))

    async def _judge_silence(self, silent_s: float, limit_s: float) -> None:
        if silent_s > limit_s:
            self.drop(ConnectionLost(f"heard nothing for {silent_s:.0f} s", "silent"))
        elif silent_s > limit_s / 2 and not self.stale:
            await self._feed.emit(self._feed.quiet(self))

    def _silence_s(self, session: Session) -> float:
        return self.part.settings.silence_timeout or session.silence_s

    def _end(self) -> None:
        self._session = self._transport = self._deadline = None
        self.stale = False
        for future in self._pending.values():
            if not future.done():
                future.set_exception(self._fault or ConnectionLost("the connection fell before the answer"))
                future.exception()
        self._pending.clear()


def _timed_out(exc: TimeoutError, attempt_timeout: float) -> Exception:
    if exc.errno is not None:
        return exc
    return ConnectionLost(f"no subscription within {attempt_timeout:g} s of dialling", "silent")
