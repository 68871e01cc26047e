"""Keeps one venue covered: its links up, its orders asked for, its gaps accounted. The same for every venue.

A venue is live when every link's subscription was acknowledged and a query sent after that was answered to its
last page. `_went_live` is the one place that says so.
"""

import asyncio
import contextlib
import logging
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ordwatch.errors import AuthError, ConfigError, ConnectionLost, Refused, RemoteProtocolError, VenueError, leaves
from ordwatch.feed.backoff import Rates, backoff
from ordwatch.feed.call import Caller
from ordwatch.feed.coverage import Coverage
from ordwatch.feed.http import Http
from ordwatch.feed.link import Link
from ordwatch.feed.transport import words
from ordwatch.model import (
    Counted,
    FeedEvent,
    Interrupted,
    LinkState,
    LinkUpdate,
    Notice,
    OrderUpdate,
    Progress,
    Ready,
    Reject,
    Resumed,
    RoundTrip,
    SessionEvent,
    Vitals,
)
from ordwatch.text import safe_text
from ordwatch.venues.contract import AnyVenue, Ask, Call, Rate, Report, Setup, VenueSettings

log = logging.getLogger(__name__)

BUGS_ALLOWED = 2
BUGS_WINDOW_S = 600.0
TLS_RETRY_S = 60.0

_BADNESS: tuple[LinkState, ...] = (
    "live", "stale", "reconciling", "subscribing", "authenticating", "connecting", "down", "failed",
)  # fmt: skip


@dataclass(frozen=True)
class Pace:
    """How eagerly a venue is tried again."""

    first_s: float = 1.0
    max_s: float = 30.0
    attempts_a_minute: int = 12


Emit = Callable[[Sequence[FeedEvent]], Awaitable[None]]


class Feed:
    """One venue, kept covered until cancelled or until it refuses the credentials."""

    def __init__(
        self,
        venue: AnyVenue,
        setup: Setup[VenueSettings],
        *,
        emit: Emit,
        open_orders: Callable[[], Sequence[OrderUpdate]],
        vitals: Vitals,
        coverage: Coverage,
        pace: Pace | None = None,
    ) -> None:
        self.venue = venue
        self.setup = setup
        self.coverage = coverage
        self.failure: Exception | None = None
        self.ever_live = False
        self.answered = False
        """The first query was answered, if only by a refusal."""
        self.emit = emit
        self._open_orders = open_orders
        self._vitals = vitals
        self._pace = pace or Pace()
        self._attempts = Rate("attempts", self._pace.attempts_a_minute, 60.0)
        self._rates = Rates()
        self._http = Http(self._rates, self.dated)
        self.parts = [Setup(setup.name, part, setup.raw, setup.memory) for part in venue.split(setup.settings)]
        self._links: list[Link] = []
        self.call: Call = Caller(self._rates, self._http, self._links)
        self._links += [Link(self, part) for part in self.parts]
        self._interrupted = False
        self._epoch = 0
        self._covered_ns: int | None = None
        """When the last query that was answered to its end was sent."""
        self._live = False
        self._changed = asyncio.Event()
        self._unheld = asyncio.Event()
        self._unheld.set()

    async def run(self) -> None:
        """Keep the venue covered; returns when it refused the credentials (`failure` says so).

        Raises:
            Exception: A bug showed three times within ten minutes.
        """
        bugs: deque[float] = deque(maxlen=BUGS_ALLOWED + 1)
        try:
            while self.failure is None:
                try:
                    await self._run_links()
                except* (AuthError, ConfigError) as refused:
                    await self._fail(leaves(refused)[0])
                except* Exception as found:
                    bug = leaves(found)[0]
                    bugs.append(time.monotonic())
                    log.error("%s: internal error, starting this venue again", self.setup.name, exc_info=bug)
                    if len(bugs) > BUGS_ALLOWED and bugs[-1] - bugs[0] < BUGS_WINDOW_S:
                        raise bug from None
                    await self.emit(self._all_fell("internal error"))
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of the REST connections."""
        await self._http.close()

    async def _run_links(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for link in self._links:
                tasks.create_task(self._keep(link))
            tasks.create_task(self._query_forever())

    async def _fail(self, error: Exception) -> None:
        self.failure = error
        keys = ", ".join(f"`{key}`" for key in self.venue.credentials)
        look = f"; check {keys} in the configuration" if keys and isinstance(error, AuthError) else ""
        log.error("%s: %s%s; not asked again", self.setup.name, safe_text(str(error), 400), look)
        now_ns = time.time_ns()
        events = self._uncover("reset", max(link.last_rx_ns for link in self._links) or now_ns, now_ns)
        for link in self._links:
            events += self.change(link, "failed", safe_text(str(error), 400))
        await self.emit(events)

    def _all_fell(self, detail: str) -> list[FeedEvent]:
        events: list[FeedEvent] = []
        for link in self._links:
            if link.state not in ("down", "failed"):
                events += self._fell(link, ConnectionLost(detail), None)
        return events

    def drop(self, cause: str, detail: str, since_ns: int) -> None:
        """End every connection: what came since `since_ns` is not to be relied on."""
        for link in self._links:
            link.last_good_ns = min(link.last_good_ns, since_ns)
            link.last_rx_ns = min(link.last_rx_ns, since_ns)
            link.drop(ConnectionLost(detail, cause))

    def hold(self) -> None:
        """Close the connections and open no more until `release`: the output takes nothing more."""
        if self._unheld.is_set():
            self._unheld.clear()
            self.drop("output_stalled", "the output takes nothing more", time.time_ns())

    def release(self) -> None:
        """The output has drained."""
        self._unheld.set()

    async def _keep(self, link: Link) -> None:
        waits = backoff(self._pace.first_s, self._pace.max_s)
        slow_waits: Iterator[float] | None = None
        while True:
            await self._unheld.wait()
            await self._rates.wait(self._attempts)
            link.conn = self._next_conn()
            link.was_live = False
            await self.emit(self.change(link, "connecting"))
            error = await link.attempt()
            if isinstance(error, AuthError | ConfigError):
                raise error
            if link.was_live:
                waits = backoff(self._pace.first_s, self._pace.max_s)
            wait_s = max(next(waits), self._rates.delay_s(self._attempts))
            if isinstance(error, ssl.SSLCertVerificationError):
                wait_s = max(wait_s, TLS_RETRY_S)
            if isinstance(error, Refused) and error.retry_s is not None:
                shortest_s, longest_s = error.retry_s
                slow_waits = slow_waits or backoff(min(2 * shortest_s, longest_s), longest_s)
                wait_s = max(wait_s, shortest_s, next(slow_waits))
            else:
                slow_waits = None
            log.warning("%s: %s, retrying in %.1f s", self.setup.name, words(error), wait_s)
            await self.emit(self._fell(link, error, wait_s))
            await asyncio.sleep(wait_s)

    def _next_conn(self) -> int:
        conn = max(link.conn for link in self._links) + 1
        if conn > len(self._links):
            self._vitals.reconnects += 1
        return conn

    def _fell(self, link: Link, error: Exception, wait_s: float | None) -> list[FeedEvent]:
        now_ns = time.time_ns()
        cause = error.cause if isinstance(error, ConnectionLost) else "reset"
        if isinstance(error, RemoteProtocolError):
            cause = "reject"
        events: list[FeedEvent] = list(self._uncover(cause, link.last_rx_ns or now_ns, now_ns))
        link.subscribed = False
        return events + self.change(link, "down", words(error), wait_s)

    def change(
        self, link: Link, state: LinkState, detail: str | None = None, wait_s: float | None = None
    ) -> list[FeedEvent]:
        """The link reached a state; also the venue's state in the vitals."""
        link.state = state
        self._vitals.state = max((each.state for each in self._links), key=_BADNESS.index)
        return [
            LinkUpdate(
                venue=self.setup.name,
                conn=link.conn,
                state=state,
                detail=detail,
                wait_s=round(wait_s, 3) if wait_s is not None else None,
                at_ns=time.time_ns(),
            )
        ]

    def heard(self, now_ns: int) -> None:
        """Something was received, and what it said was handed on."""
        self._vitals.last_rx_ns = now_ns

    def round_trip(self, event: RoundTrip, now_ns: int) -> None:
        """A heartbeat was answered."""
        self._vitals.rtt_ms = round(event.seconds * 1000, 3)
        if event.venue_ns is not None:
            self._vitals.clock_offset_s = round((event.venue_ns - now_ns) / 1e9, 3)

    def dated(self, date: str | None, now_ns: int) -> None:
        """An HTTP `Date` told the venue's clock; whole seconds."""
        with contextlib.suppress(ValueError, TypeError):
            told = parsedate_to_datetime(date or "")
            self._vitals.clock_offset_s = round(told.timestamp() - now_ns / 1e9, 1)

    def quiet(self, link: Link) -> list[FeedEvent]:
        """A silence that is not yet a loss."""
        if link.state not in ("live", "reconciling"):
            return []
        link.stale = True
        return self.change(link, "stale", "heard nothing for half the silence limit")

    def spoke(self, link: Link) -> list[FeedEvent]:
        """The end of such a silence: no gap, nothing was missed on this connection."""
        link.stale = False
        if link.state != "stale" or self._interrupted:
            return []
        return self.change(link, "live" if self._live else "reconciling")

    def note(self, link: Link, event: SessionEvent, now_ns: int) -> list[FeedEvent]:
        """What a session says beside orders and answers, and what follows for the venue."""
        match event:
            case Progress():
                return self.change(link, event.state, event.detail)
            case Ready():
                link.ready()
                return self._ready(link)
            case Interrupted():
                self._interrupted = True
                log.warning("%s: %s", self.setup.name, safe_text(event.detail, 300))
                lost = self._uncover(event.cause, event.since_ns, now_ns)
                return [*lost, *self.change(link, "stale", event.detail)]
            case Resumed():
                self._interrupted = False
                log.warning("%s: the venue sees orders again", self.setup.name)
                return self._ready(link)
            case Reject():
                return self._rejected(link, event)
            case Notice():
                log.warning("%s: %s", self.setup.name, safe_text(event.text, 400))
                return []
            case Counted():
                return []
            case _:
                raise AssertionError(f"not for the supervisor: {event!r}")

    def _ready(self, link: Link) -> list[FeedEvent]:
        if link.subscribed and not self._interrupted:
            self._changed.set()
            return self.change(link, "reconciling")
        return []

    def _rejected(self, link: Link, reject: Reject) -> list[FeedEvent]:
        log.warning("%s: input that could not be read (%s)", self.setup.name, safe_text(reject.reason, 200))
        if not reject.lost:
            return [reject]
        was_live = self._live
        events: list[FeedEvent] = [reject, *self._uncover("reject", link.last_good_ns or reject.at_ns, reject.at_ns)]
        self._changed.set()
        if was_live:
            for each in self._links:
                events += self.change(each, "reconciling", "after input that could not be read")
        return events

    def _uncover(self, cause: str, from_ns: int, at_ns: int) -> list[FeedEvent]:
        self._live = False
        self._epoch += 1
        return list(self.coverage.lose(cause, from_ns, at_ns))

    async def _query_forever(self) -> None:
        waits = backoff(2.0, self._pace.max_s)
        while True:
            if self._live:
                if await self._until_changed(self._audit_s()) or not self._audit_due():
                    continue
            elif not self._askable():
                await self._until_changed(None)
                continue
            if await self._query():
                waits = backoff(2.0, self._pace.max_s)
            elif self._askable():
                await asyncio.sleep(min(next(waits), 5.0 if self._live else self._pace.max_s))

    def _askable(self) -> bool:
        return all(link.subscribed for link in self._links) and not self._interrupted

    async def _until_changed(self, timeout_s: float | None) -> bool:
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _audit_s(self) -> float | None:
        interval = self.setup.settings.audit_interval
        return (self.venue.audit_s if interval is None else interval) or None

    def _audit_due(self) -> bool:
        return self._live and (self.venue.audit_when_idle or bool(self._open_orders()))

    async def _query(self) -> bool:
        epoch, asked_ns = self._epoch, time.time_ns()
        gap = self.coverage.gap
        # An audit reaches back to the query before it: an order may have come and gone with no push told.
        since_ns = gap.from_ns if gap is not None else self._covered_ns
        ask = Ask(since_ns=since_ns, open_orders=self._open_orders)
        try:
            report = await self.venue.query(self.setup, ask, self.call, self._emit_rows)
        except AuthError:
            raise
        except (VenueError, OSError) as exc:
            await self._query_failed(exc, epoch)
            return False
        if epoch != self._epoch or not self._askable():
            return False
        self._covered_ns = asked_ns
        await self._went_live(report)
        return True

    async def _emit_rows(self, rows: Sequence[OrderUpdate], /, *, cached: bool = False) -> None:
        await self.emit(rows)
        await asyncio.sleep(0)  # between the pages of a long answer others have their turn

    async def _query_failed(self, error: Exception, epoch: int) -> None:
        log.warning("%s: query failed: %s", self.setup.name, safe_text(str(error), 300))
        self.answered = self.answered or isinstance(error, Refused)
        if epoch == self._epoch and not self._live:
            for link in self._links:
                if link.subscribed:
                    await self.emit(self.change(link, "reconciling", str(error)))

    async def _went_live(self, report: Report) -> None:
        now_ns = time.time_ns()
        events: list[FeedEvent] = list(self.coverage.restore(report, now_ns))
        if not self._live:
            log.info("%s: live", self.setup.name)
        self._live = self.ever_live = self.answered = True
        for link in self._links:
            link.was_live = True
            if link.state != "live" and not link.stale:
                events += self.change(link, "live")
        await self.emit(events)
