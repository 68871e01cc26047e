"""Keeps one venue covered: its links up, its orders asked for, its gaps accounted. The same for every venue.

A venue is live when every link's subscription was acknowledged and a query sent after that was answered to its
last page. `_went_live` is the one place that says so.
"""

import asyncio
import contextlib
import functools
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ordwatch.clocks import running_ns
from ordwatch.errors import (
    AuthError,
    ConfigError,
    ConnectionLost,
    Refused,
    RemoteProtocolError,
    TlsFailed,
    VenueError,
    leaves,
)
from ordwatch.feed.backoff import TLS_RETRY_S, Rates, backoff
from ordwatch.feed.call import Caller
from ordwatch.feed.coverage import Coverage
from ordwatch.feed.http import Http
from ordwatch.feed.link import Link
from ordwatch.feed.refusals import Refusals
from ordwatch.feed.transport import words
from ordwatch.feed.venueclock import MARGIN_NS, VenueClock, since
from ordwatch.model import (
    Arrival,
    Counted,
    FeedEvent,
    GapUpdate,
    Interrupted,
    LinkState,
    LinkUpdate,
    Notice,
    OrderUpdate,
    Progress,
    QueryStamp,
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
CLOCKS_DIFFER_NS = 5 * 1_000_000_000
"""A difference between the venue's clock and ours that the user should know of."""
REACH_SLACK_NS = 5 * 1_000_000_000
"""A query heals a gap when it reaches back to this long before the gap's start."""
WHOLE_GAP_NS = 2**62

_BADNESS: tuple[LinkState, ...] = (
    "live", "stale", "reconciling", "subscribing", "authenticating", "connecting", "down", "failed",
)  # fmt: skip


@dataclass(frozen=True)
class Pace:
    """How eagerly a venue is tried again."""

    first_s: float = 1.0
    max_s: float = 30.0
    attempts_a_minute: int = 12
    steady_s: float = 30.0
    """Seconds of `live` after which the back-off begins anew."""
    bug_s: float = 2.0
    """About how long to wait after the first internal error; five times as long after the second."""
    recheck_s: float = 5.0
    """How soon after a state that rests on arrival alone the venue is asked."""


Emit = Callable[[Sequence[FeedEvent]], Awaitable[None]]


@dataclass(frozen=True)
class Orders:
    """What is held of one venue's orders, as merged so far."""

    open: Callable[[], Sequence[OrderUpdate]] = tuple
    all: Callable[[], Sequence[OrderUpdate]] = tuple
    latest_ns: Callable[[], int | None] = lambda: None
    """The latest time of the venue's own clock in any statement."""


class Feed:
    """One venue, kept covered until cancelled or until it refuses the credentials."""

    def __init__(
        self,
        venue: AnyVenue,
        setup: Setup[VenueSettings],
        *,
        emit: Emit,
        orders: Orders,
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
        self._orders = orders
        self._vitals = vitals
        self._pace = pace or Pace()
        self._attempts = Rate("attempts", self._pace.attempts_a_minute, 60.0)
        self._rates = Rates()
        self._http = Http(self._rates, self.on_server_date)
        self.parts = [Setup(setup.name, part, setup.raw, setup.memory) for part in venue.split(setup.settings)]
        self._links: list[Link] = []
        self.call: Call = Caller(self._rates, self._http, self._links)
        self._links += [Link(self, part) for part in self.parts]
        self._interrupted = False
        self._epoch = 0
        self._clock = VenueClock()
        self._warned_of_clock = False
        self._since_ns: int | None = None
        """From when the next query must reach, in the venue's time; None before the first complete one."""
        self._noticed_ns = 0
        """When the gap, or its last break, was noticed; monotonic."""
        self._queries = 0
        self._refusals = Refusals()
        self._recheck_s: float | None = None
        """When the venue is asked ahead of the periodic resync, seconds of the monotonic clock."""
        self._live = False
        self._changed = asyncio.Event()
        self._unheld = asyncio.Event()
        self._unheld.set()

    async def run(self) -> None:
        """Keep the venue covered; returns when it refused the credentials or a bug cannot be passed (`failure`)."""
        bugs: deque[float] = deque(maxlen=BUGS_ALLOWED + 1)
        try:
            while self.failure is None:
                try:
                    await self._run_links()
                except* (AuthError, ConfigError) as refused:
                    await self._fail(leaves(refused)[0])
                except* Exception as found:  # noqa: BLE001 - the one place for bugs: logged with traceback
                    await self._on_bug(leaves(found)[0], bugs)
        finally:
            await self.close()

    async def _on_bug(self, bug: Exception, bugs: deque[float]) -> None:
        bugs.append(time.monotonic())
        if len(bugs) > BUGS_ALLOWED and bugs[-1] - bugs[0] < BUGS_WINDOW_S:
            log.error("%s: internal error, for the third time", self.setup.name, exc_info=bug)
            await self._fail(bug)
            return
        wait_s = self._pace.bug_s * 5 ** (len(bugs) - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load
        log.error("%s: internal error, starting this venue again in %.1f s", self.setup.name, wait_s, exc_info=bug)
        await self.emit(self._all_disconnected("internal error", wait_s))
        await asyncio.sleep(wait_s)

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
        events = self._open_gap("reset", max(self._links, key=lambda link: link.last_good_ns))
        for link in self._links:
            events += self.change(link, "failed", safe_text(str(error), 400))
        await self.emit(events)

    def _all_disconnected(self, detail: str, wait_s: float) -> list[FeedEvent]:
        events: list[FeedEvent] = []
        for link in self._links:
            if link.state not in ("down", "failed"):
                events += self._on_disconnect(link, ConnectionLost(detail), wait_s)
        return events

    def drop(self, cause: str, detail: str, since_ns: int) -> None:
        """End every connection: what came since `since_ns` is not to be relied on."""
        for link in self._links:
            if link.last_good_ns > since_ns:
                link.last_good_running_ns -= link.last_good_ns - since_ns
                link.last_good_ns = since_ns
            link.drop(ConnectionLost(detail, cause))

    def resume(self, covered_until_ns: int | None, open_gap: GapUpdate | None) -> list[FeedEvent]:
        """A recording goes on, which was covered until then or has a gap that was never closed."""
        if open_gap is not None:
            self.coverage.continue_gap(open_gap)
        elif covered_until_ns is None:
            return []
        # What this host's clock said then is worth nothing now; the venue's own times stand in the recording.
        self._since_ns = since(None, self._orders.latest_ns())
        return [] if open_gap is not None else list(self.coverage.resume(covered_until_ns or 0, time.time_ns()))

    def recheck(self) -> None:
        """A state rests on arrival alone: ask soon."""
        if self._recheck_s is None and self._audit_s() is not None:
            self._recheck_s = time.monotonic() + self._pace.recheck_s
            self._changed.set()

    def hold(self) -> None:
        """Close the connections and open no more until `release`: the output takes nothing more."""
        if self._unheld.is_set():
            self._unheld.clear()
            self.drop("output_stalled", "the output takes nothing more", time.time_ns())

    def release(self) -> None:
        """The output has drained."""
        self._unheld.set()

    async def _keep(self, link: Link) -> None:
        pace = (self._pace.first_s, self._pace.max_s)
        waits, waits_of = backoff(*pace), pace
        while True:
            await self._unheld.wait()
            await self._rates.wait(self._attempts)
            link.conn = self._next_conn()
            link.live_s = None
            await self.emit(self.change(link, "connecting"))
            error = await link.attempt()
            if isinstance(error, AuthError | ConfigError):
                raise error
            wanted = error.retry_s if isinstance(error, Refused) and error.retry_s is not None else pace
            if wanted != waits_of or (link.live_s is not None and time.monotonic() - link.live_s > self._pace.steady_s):
                waits, waits_of = backoff(*wanted), wanted
            wait_s = max(next(waits), self._rates.delay_s(self._attempts), wanted[0] if wanted is not pace else 0.0)
            if isinstance(error, TlsFailed):
                wait_s = max(wait_s, TLS_RETRY_S)
            log.warning("%s: %s, retrying in %.1f s", self.setup.name, words(error), wait_s)
            await self.emit(self._on_disconnect(link, error, wait_s))
            await asyncio.sleep(wait_s)

    def _next_conn(self) -> int:
        conn = max(link.conn for link in self._links) + 1
        if conn > len(self._links):
            self._vitals.reconnects += 1
        return conn

    def _on_disconnect(self, link: Link, error: Exception, wait_s: float | None) -> list[FeedEvent]:
        cause = error.cause if isinstance(error, ConnectionLost) else "reset"
        if isinstance(error, RemoteProtocolError):
            cause = "reject"
        events = self._open_gap(cause, link)
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

    def on_message(self, now_ns: int) -> None:
        """A whole, good message was received, and what it said was handed on."""
        self._vitals.last_rx_ns = now_ns

    def round_trip(self, event: RoundTrip, now_ns: int) -> None:
        """A heartbeat was answered."""
        self._vitals.rtt_ms = round(event.seconds * 1000, 3)
        if event.venue_ns is not None:
            self._on_venue_time(event.venue_ns, now_ns, 3)

    def on_server_date(self, date: str | None, now_ns: int) -> None:
        """An HTTP answer bore this `Date`; whole seconds."""
        with contextlib.suppress(ValueError, TypeError):
            self._on_venue_time(int(parsedate_to_datetime(date or "").timestamp()) * 1_000_000_000, now_ns, 1)

    def _on_venue_time(self, venue_ns: int, now_ns: int, digits: int) -> None:
        self._clock.read(venue_ns, running_ns())
        self._vitals.clock_offset_s = round((venue_ns - now_ns) / 1e9, digits)
        if abs(venue_ns - now_ns) > CLOCKS_DIFFER_NS and not self._warned_of_clock:
            self._warned_of_clock = True
            log.warning(
                "%s: the venue's clock and this host's differ by %.0f s; is this host's clock right?",
                self.setup.name,
                (venue_ns - now_ns) / 1e9,
            )

    def on_stale(self, link: Link) -> list[FeedEvent]:
        """A silence that is not yet a loss."""
        if link.state not in ("live", "reconciling"):
            return []
        link.stale = True
        return self.change(link, "stale", "received nothing for half the silence limit")

    def on_fresh(self, link: Link) -> list[FeedEvent]:
        """The end of such a silence: no gap, nothing was missed on this connection."""
        link.stale = False
        if link.state != "stale" or self._interrupted:
            return []
        return self.change(link, "live", self._live_detail()) if self._live else self.change(link, "reconciling")

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
                opened = self._open_gap(event.cause, link, event.since_ns)
                return [*opened, *self.change(link, "stale", event.detail)]
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
        events: list[FeedEvent] = [reject, *self._open_gap("reject", link)]
        self._changed.set()
        if was_live:
            for each in self._links:
                events += self.change(each, "reconciling", "after input that could not be read")
        return events

    def _open_gap(self, cause: str, link: Link, from_ns: int | None = None) -> list[FeedEvent]:
        """Coverage ended with the last good message of this link, or at `from_ns`, which is earlier."""
        self._live = False
        self._epoch += 1
        self._noticed_ns = time.monotonic_ns()
        now_ns, now_running_ns = time.time_ns(), running_ns()
        last_ns = link.last_good_ns or now_ns
        last_running_ns = link.last_good_running_ns or now_running_ns
        if from_ns is not None and from_ns < last_ns:
            last_running_ns -= last_ns - from_ns
            last_ns = from_ns
        opened = self.coverage.open_gap(cause, last_ns, now_ns)
        if opened:
            latest_ns = self._orders.latest_ns()
            if latest_ns is not None:
                # Other links may have gone on meanwhile, and the venue's time no faster than ours.
                latest_ns -= now_running_ns - last_running_ns
            self._since_ns = since(self._clock.at(last_running_ns), latest_ns)
        return list(opened)

    async def _query_forever(self) -> None:
        waits = backoff(min(2.0, self._pace.max_s), self._pace.max_s)
        while True:
            if self._live:
                if await self._until_changed(self._audit_wait_s()) or not self._audit_due():
                    continue
            elif not self._askable():
                await self._until_changed(None)
                continue
            self._recheck_s = None
            if await self._query():
                waits = backoff(min(2.0, self._pace.max_s), self._pace.max_s)
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

    def _audit_wait_s(self) -> float | None:
        if self._recheck_s is not None:
            return max(0.0, self._recheck_s - time.monotonic())
        return self._audit_s()

    def _audit_due(self) -> bool:
        asked_for = self._recheck_s is not None or self._refusals.given_up is not None
        return self._live and (asked_for or self.venue.audit_when_idle or bool(self._orders.open()))

    async def _query(self) -> bool:
        epoch = self._epoch
        next_since_ns = since(self._clock.at(running_ns()), self._orders.latest_ns())
        ask = Ask(since_ns=self._since_ns, open_orders=self._orders.open, orders=self._orders.all)
        self._queries += 1
        call = Caller(self._rates, self._http, self._links)
        emit = functools.partial(self._emit_rows, call)
        try:
            report = await self.venue.query(self.setup, ask, call, emit)
        except AuthError:
            raise
        except (VenueError, OSError) as exc:
            await self._query_failed(exc, epoch)
            return False
        if epoch != self._epoch or not self._askable():
            return False
        self._refusals.note(report.refused)
        if (pending := self._refusals.pending) is not None and not self._live:
            await self._query_failed(Refused(pending), epoch)
            return False
        await self._went_live(report, ask.since_ns)
        self._since_ns = next_since_ns
        return True

    async def _emit_rows(self, call: Caller, rows: Sequence[OrderUpdate], /, *, cached: bool = False) -> None:
        stamp = QueryStamp(
            number=self._queries,
            asked_ns=call.sent_ns,
            old_before_ns=0 if self._live else self._noticed_ns,
            cached=cached,
        )
        arrival = Arrival(
            venue=self.setup.name, way="cached query" if cached else "query", at_ns=time.monotonic_ns(), query=stamp
        )
        await self.emit([arrival, *rows])
        await asyncio.sleep(0)  # between the pages of a long answer others have their turn

    async def _query_failed(self, error: Exception, epoch: int) -> None:
        log.warning("%s: query failed: %s", self.setup.name, safe_text(str(error), 300))
        self.answered = self.answered or isinstance(error, Refused)
        if epoch == self._epoch and not self._live:
            for link in self._links:
                if link.subscribed:
                    await self.emit(self.change(link, "reconciling", str(error)))

    async def _went_live(self, report: Report, since_ns: int | None) -> None:
        given_up = self._refusals.given_up
        limits = "; ".join((*report.limits, *([f"without {given_up}"] if given_up else []))) or None
        reached_after_ns = WHOLE_GAP_NS if given_up else _reached_after_ns(report, since_ns)
        events: list[FeedEvent] = list(self.coverage.close_gap(time.time_ns(), limits, reached_after_ns))
        if given_up and not self.coverage.limited:
            log.warning("%s: live without %s; asked again with each resync", self.setup.name, safe_text(given_up, 400))
        elif not self._live:
            log.info("%s: live", self.setup.name)
        changed = self.coverage.limited != bool(given_up)
        self.coverage.limited = bool(given_up)
        self._live = self.ever_live = self.answered = True
        for link in self._links:
            if link.live_s is None:
                link.live_s = time.monotonic()
            if (link.state != "live" or changed) and not link.stale:
                events += self.change(link, "live", self._live_detail())
        await self.emit(events)

    def _live_detail(self) -> str | None:
        given_up = self._refusals.given_up
        return f"without {given_up}" if given_up else None


def _reached_after_ns(report: Report, since_ns: int | None) -> int | None:
    """How long after a gap's start the time begins that the query reached; None: back to the start."""
    if report.reach_ns is None:
        return None
    if not since_ns:
        return WHOLE_GAP_NS
    after_ns = report.reach_ns - (since_ns + MARGIN_NS)
    return after_ns if after_ns > -REACH_SLACK_NS else None
