"""Decides how one venue is kept covered: links, queries, gaps. The same for every venue.

A state machine with time but without a clock: each method takes an event and its time, and returns actions
(actions.py). No socket, no task, and no randomness except its generator, so that tests and simulations can run it
for simulated years. `next_timer_s` returns when `timer` must be called.

Rules:
- A venue is live when every link's subscription was acknowledged and a query sent after that was answered completely,
  with no loss of coverage since. `_go_live` is the only place that decides this.
- A gap opens at the last whole, good message of the link that was lost; an open gap continues. A query that started
  before a loss closes no gap.
- A link is tried again after a jittered, capped back-off, which starts again only after a steady connection.
- What silence means is decided in link_states.py; a delay of our own is none.
- A venue that refuses the credentials is stopped; the others continue. So is a venue whose adapter has a bug for the
  third time within ten minutes.
"""

import logging
import math
import random
from collections.abc import Sequence

from ordwatch.core.errors import AuthError, ConfigError, ConnectionLost, Refused, RemoteProtocolError, VenueError
from ordwatch.core.escaping import safe_text
from ordwatch.core.events import (
    Arrival,
    Closed,
    FeedEvent,
    GapUpdate,
    Ignored,
    Interrupted,
    Notice,
    OrderUpdate,
    Progress,
    Ready,
    Reject,
    Resumed,
    RoundTrip,
    SessionEvent,
    VenueStats,
)
from ordwatch.engine.actions import Action, CancelQuery, Connect, Drop, EmitEvents, EndVenue, Log, RunQuery
from ordwatch.engine.failures import describe
from ordwatch.engine.gaps import GapTracker, VenueGaps, most_silent
from ordwatch.engine.link import Link
from ordwatch.engine.link_states import LinkStates
from ordwatch.engine.moment import Moment
from ordwatch.engine.policy import Orders, Policy
from ordwatch.engine.queries import Queries, Query
from ordwatch.engine.reconnects import Reconnects
from ordwatch.venues.contract import QueryResult

LAG_S = 1.0
"""A timer that runs later than this was delayed by ourselves; that delay is no silence of the venue."""
CLOCKS_DIFFER_NS = 5 * 1_000_000_000
"""A larger difference between the venue's clock and ours is reported to the user."""


class Supervisor:
    """Supervises one venue. Each call's moment must not be earlier, on the monotonic clock, than that of the last."""

    def __init__(
        self, policy: Policy, *, stats: VenueStats, gaps: GapTracker, orders: Orders, draw: random.Random
    ) -> None:
        self.gaps = VenueGaps(gaps, orders)
        self.failure: Exception | None = None
        """Why the venue was stopped."""
        self.answered = False
        """Whether the first query was answered or refused."""
        self._policy = policy
        self._stats = stats
        self._orders = orders
        self._links = LinkStates(policy, stats)
        self._reconnects = Reconnects(policy.pace, draw)
        self._queries = Queries(policy, draw)
        self._conn = 0
        self._paused = False
        self._live = False
        self._disconnected_ns = 0
        """When a connection was last lost, ns of the monotonic clock."""
        self._left_out: frozenset[str] = frozenset()
        """The parts that the venue refused and is live without."""
        self._warned_of_clock = False
        self._timer_s = self._seen_s = math.inf
        """When `timer` should be called, and when the last event was reported: a later call is our own lag."""

    @property
    def ever_live(self) -> bool:
        """Whether the venue was live at any time."""
        return self.gaps.ever_live

    # Events from the runner.

    def resume(
        self, covered_until_ns: int | None, open_gap: GapUpdate | None, now: Moment, *, clock_went_back: bool = False
    ) -> list[Action]:
        """Continue a recording; see `VenueGaps.resume`."""
        opened = self.gaps.resume(covered_until_ns, open_gap, now, clock_went_back=clock_went_back)
        return [EmitEvents(opened)] if opened else []

    def look_back(self, since_ns: int) -> None:
        """Let the first query ask for the orders that ended since then, too."""
        self.gaps.since_ns = since_ns

    def opened(
        self, link: int, conn: int, heartbeat_s: float, silence_s: float, date_ns: int | None, now: Moment
    ) -> list[Action]:
        """The connection is up; `date_ns` is the venue's clock in the handshake."""
        state = self._links.all[link]
        if not state.is_current(conn):
            return []
        self._seen_s = now.mono_s
        state.open(now.mono_s, heartbeat_s, self._policy.silence_s or silence_s)
        actions: list[Action] = [EmitEvents(self._links.change(state, "authenticating", now))]
        if date_ns is not None:
            self._venue_time(date_ns, now, actions)
        return actions

    def received(
        self,
        link: int,
        conn: int,
        events: Sequence[SessionEvent],
        now: Moment,
        *,
        good: bool,
        heartbeat_s: float = math.inf,
        silence_s: float = math.inf,
    ) -> list[Action]:
        """A chunk or message was received; `events` are the session's. `good`: it completed a good message."""
        state = self._links.all[link]
        # Once for each update: what `Link` has methods for is written out here.
        if state.conn != conn or not state.is_trying:
            return []
        now_s = self._seen_s = state.last_rx_s = now.mono_ns / 1e9
        if heartbeat_s != state.heartbeat_s or silence_s != state.session_silence_s:
            state.session_silence_s = silence_s
            state.set_intervals(heartbeat_s, self._policy.silence_s or silence_s)
        actions: list[Action] = []
        out: list[FeedEvent] = self._end_stale(state, now) if state.stale else []
        arrival: Arrival | None = None
        for event in events:
            if isinstance(event, OrderUpdate):
                if arrival is None:
                    arrival = Arrival(venue=self._policy.venue, channel=f"connection {state.conn}", at_ns=now.mono_ns)
                    out.append(arrival)
                out.append(event)
            elif isinstance(event, Closed):
                actions.append(Drop(link, event.error))
                state.subscribed = False  # it is about to go: nothing is asked that relies on it
            else:
                out += self._session_event(state, event, now, actions)
        if out:
            actions.insert(0, EmitEvents(out))
        if good:
            state.last_good_ns, state.last_good_running_ns = now.wall_ns, now.running_ns
            if len(self._links.all) > 1:
                state = most_silent(self._links.all) or state
            self._stats.last_rx_ns = state.last_good_ns
        if self._queries.running is None and now_s >= self._queries.due_s:
            self._start_query(now, actions)
        return actions

    def disconnected(self, link: int, conn: int, error: Exception, now: Moment) -> list[Action]:
        """An attempt or connection ended, for this reason."""
        state = self._links.all[link]
        if self.failure is not None or not state.is_current(conn):
            return []
        if isinstance(error, AuthError | ConfigError):
            state.end(math.inf)
            return self._end_venue(error, now, refused=state)
        wait_s = self._reconnects.wait_s(state, error, now.mono_s)
        text = f"{describe(error)}, retrying in {wait_s:.1f} s"
        actions: list[Action] = [Log(logging.WARNING, text), EmitEvents(self._on_disconnect(state, error, wait_s, now))]
        return [*actions, *self._cancel_query()]

    def query_answered(self, number: int, result: QueryResult, now: Moment) -> list[Action]:
        """The query was answered completely."""
        query = self._take_query(number)
        if query is None:
            return []
        actions: list[Action] = []
        if query.epoch != self.gaps.epoch or not self._can_query():
            self._queries.repeat(now.mono_s)
        else:
            refusals = self._queries.refusals
            refusals.add(result.refused)
            if refusals.pending is not None and not self._live:
                return self._on_query_failed(query, Refused(refusals.pending), now)
            actions += self._go_live(query, result, now)
            self._queries.on_answer(result, now.mono_s)
        self._start_query(now, actions)
        return actions

    def query_failed(self, number: int, error: VenueError | ConfigError | OSError, now: Moment) -> list[Action]:
        """The query was refused or not answered."""
        query = self._take_query(number)
        if query is None:
            return []
        if isinstance(error, AuthError | ConfigError):
            return self._end_venue(error, now)
        return self._on_query_failed(query, error, now)

    def bug(self, error: Exception, now: Moment, missed_ns: int | None = None) -> list[Action]:
        """The venue's adapter raised an unexpected exception; so what was received at `missed_ns` is not shown."""
        if self.failure is not None:
            return []
        wait_s = self._reconnects.wait_after_bug_s(now.mono_s)
        if wait_s is None:
            third = Log(logging.ERROR, "internal error, for the third time", error)
            return [third, *self._end_venue(error, now, missed_ns=missed_ns)]
        text = f"internal error, starting this venue again in {wait_s:.1f} s"
        actions: list[Action] = [Log(logging.ERROR, text, error), *self._cancel_query()]
        for index, state in enumerate(self._links.all):
            cause = ConnectionLost("internal error")
            if state.is_trying:
                events = self._on_disconnect(state, cause, wait_s, now, missed_ns)
                actions += [Drop(index, cause), EmitEvents(events)]
            state.retry_s = now.mono_s + wait_s
        return actions

    def pause(self, now: Moment) -> list[Action]:
        """The output is stalled: close the connections, and open none until `unpause`."""
        if self._paused:
            return []
        self._paused = True
        return self._links.drop_all("output_stalled", "the output takes nothing more")

    def unpause(self) -> None:
        """The output has drained."""
        self._paused = False

    def slept(self, before_ns: int, now: Moment) -> list[Action]:
        """The machine or this process slept; coverage after `before_ns` (wall clock) is uncertain.

        What a connection still receives before it ends is shown, but proves nothing.
        """
        for state in self._links.all:
            if state.last_good_ns > before_ns:
                state.last_good_running_ns -= state.last_good_ns - before_ns
                state.last_good_ns = before_ns
        silent = most_silent(self._links.all)
        opened = self._open_gap("suspended", silent, now) if silent is not None else []
        for state in self._links.all:
            state.subscribed = False
        actions: list[Action] = [EmitEvents(opened)] if opened else []
        return actions + self._links.drop_all("suspended", "slept; connections are taken for dead")

    def recheck(self, now: Moment) -> None:
        """Only the order of arrival decided a state: query soon."""
        self._queries.recheck(now.mono_s)

    def server_date(self, venue_ns: int, now: Moment) -> list[Action]:
        """A REST answer contained the venue's time."""
        actions: list[Action] = []
        self._venue_time(venue_ns, now, actions)
        return actions

    # Time.

    def next_timer_s(self) -> float:
        """When `timer` must be called, seconds of the monotonic clock; infinity: nothing is due."""
        if self.failure is not None:
            return math.inf
        timers = [state.next_timer_s() for state in self._links.all if state.is_trying]
        if not self._paused:
            allowed_s = self._reconnects.allowed_s()
            timers += [max(state.retry_s, allowed_s) for state in self._links.all if not state.is_trying]
        if self._queries.running is None and self._can_query():
            timers.append(self._queries.due_s)
        self._timer_s = min(timers, default=math.inf)
        return self._timer_s

    def timer(self, now: Moment) -> list[Action]:
        """Do everything that is due."""
        if self.failure is not None:
            return []
        actions: list[Action] = []
        lag_s = now.mono_s - max(self._timer_s, self._seen_s)
        self._seen_s = now.mono_s
        for index, state in enumerate(self._links.all):
            if lag_s > LAG_S and state.is_up:
                # Data that arrived meanwhile is still in the socket.
                state.last_rx_s += lag_s
            if state.is_trying:
                actions += self._links.check(index, now)
            elif not self._paused and max(state.retry_s, self._reconnects.allowed_s()) <= now.mono_s:
                self._connect(index, state, now, actions)
        self._start_query(now, actions)
        return actions

    def _connect(self, index: int, state: Link, now: Moment, actions: list[Action]) -> None:
        self._reconnects.attempt(now.mono_s)
        self._conn += 1
        if self._conn > len(self._links.all):
            self._stats.reconnects += 1
        state.begin(self._conn, now.mono_s + self._policy.attempt_timeout_s)
        actions += [EmitEvents(self._links.change(state, "connecting", now)), Connect(index, state.conn)]

    # Events of a session.

    def _session_event(self, state: Link, event: SessionEvent, now: Moment, actions: list[Action]) -> list[FeedEvent]:
        match event:
            case Progress():
                return self._links.change(state, event.state, now, event.detail)
            case Ready():
                state.subscribed = True
                state.deadline_s = math.inf
                return self._on_ready(state, now)
            case Interrupted():
                state.interrupted = True
                actions.append(Log(logging.WARNING, safe_text(event.detail, 300)))
                opened = self._open_gap(event.cause, state, now, event.since_ns)
                return [*opened, *self._links.change(state, "stale", now, event.detail)]
            case Resumed():
                state.interrupted = False
                actions.append(Log(logging.WARNING, "the venue sees orders again"))
                return self._on_ready(state, now)
            case Reject():
                return self._on_reject(state, event, now, actions)
            case RoundTrip():
                self._stats.rtt_ms = round(event.seconds * 1000, 3)
                if event.venue_ns is not None:
                    self._venue_time(event.venue_ns, now, actions)
                return []
            case Notice():
                actions.append(Log(logging.WARNING, safe_text(event.text, 400)))
                return []
            case Ignored():
                return []
            case _:
                raise AssertionError(f"not for the supervisor: {event!r}")

    def _on_ready(self, state: Link, now: Moment) -> list[FeedEvent]:
        if not state.subscribed or any(each.interrupted for each in self._links.all):
            return []
        self._queries.request(now.mono_s)
        return self._links.change(state, "reconciling", now)

    def _on_reject(self, state: Link, reject: Reject, now: Moment, actions: list[Action]) -> list[FeedEvent]:
        reason = safe_text(reject.reason, 200)
        actions.append(Log(logging.WARNING, f"input that could not be read ({reason})"))
        if not reject.missed:
            return [reject]
        was_live = self._live
        events: list[FeedEvent] = [reject, *self._open_gap("reject", state, now)]
        self._queries.request(now.mono_s)
        if was_live:
            for each in self._links.all:
                events += self._links.change(each, "reconciling", now, "after input that could not be read")
        return events

    def _venue_time(self, venue_ns: int, now: Moment, actions: list[Action]) -> None:
        self.gaps.read_clock(venue_ns, now.running_ns)
        ahead_ns = venue_ns - now.wall_ns
        self._stats.clock_offset_s = round(ahead_ns / 1e9, 3)
        if abs(ahead_ns) > CLOCKS_DIFFER_NS and not self._warned_of_clock:
            self._warned_of_clock = True
            text = f"the venue's clock and this host's differ by {ahead_ns / 1e9:.0f} s; is this host's clock right?"
            actions.append(Log(logging.WARNING, text))

    # Links.

    def _end_stale(self, state: Link, now: Moment) -> list[FeedEvent]:
        """Data ended a silence: there is no gap, because nothing was missed on this connection."""
        state.stale = False
        if state.state != "stale" or state.interrupted:
            return []
        if not self._live:
            return self._links.change(state, "reconciling", now)
        return self._links.change(state, "live", now, self._without())

    def _on_disconnect(
        self, state: Link, error: Exception, wait_s: float, now: Moment, missed_ns: int | None = None
    ) -> list[FeedEvent]:
        cause = error.cause if isinstance(error, ConnectionLost) else "reset"
        if isinstance(error, RemoteProtocolError):
            cause = "reject"
        opened = self._open_gap(cause, state, now, missed_ns)
        state.end(now.mono_s + wait_s)
        self._disconnected_ns = now.mono_ns
        return [*opened, *self._links.change(state, "down", now, describe(error), wait_s)]

    def _end_venue(
        self, error: Exception, now: Moment, *, refused: Link | None = None, missed_ns: int | None = None
    ) -> list[Action]:
        """Stop the venue; `refused`: the link that this is because of, if it is one."""
        keys = ", ".join(f"`{key}`" for key in self._policy.credentials)
        remedy = f"; check {keys} in the configuration" if keys and isinstance(error, AuthError) else ""
        self.failure = error
        link = refused or max(self._links.all, key=lambda state: state.last_good_ns)
        events = self._open_gap("reset", link, now, missed_ns)
        text = safe_text(str(error), 400)
        actions: list[Action] = [
            Log(logging.ERROR, f"{text}{remedy}; this venue is not tried again"),
            *self._cancel_query(),
        ]
        for index, state in enumerate(self._links.all):
            if state.is_trying:
                actions.append(Drop(index, ConnectionLost("the venue was stopped")))
            state.end(math.inf)
            events += self._links.change(state, "failed", now, text)
        return [*actions, EmitEvents(events), EndVenue(error)]

    # Queries and coverage.

    def _can_query(self) -> bool:
        return self.failure is None and self._links.ready

    def _start_query(self, now: Moment, actions: list[Action]) -> None:
        queries = self._queries
        if queries.running is not None or now.mono_s < queries.due_s or not self._can_query():
            return
        if self._live and queries.may_skip(has_open_orders=bool(self._orders.open())):
            queries.skip(now.mono_s)
            return
        query = queries.start(self.gaps.epoch, self.gaps.since_ns, self.gaps.next_since_ns(now), now.mono_s)
        actions.append(RunQuery(query.number, query.since_ns, 0 if self._live else self._disconnected_ns))

    def _cancel_query(self) -> list[Action]:
        return [CancelQuery()] if self._queries.cancel() else []

    def _take_query(self, number: int) -> Query | None:
        return self._queries.take(number) if self.failure is None else None

    def _on_query_failed(self, query: Query, error: Exception, now: Moment) -> list[Action]:
        self.answered = self.answered or isinstance(error, Refused)
        self._queries.on_failure(now.mono_s, live=self._live)
        actions: list[Action] = [Log(logging.WARNING, f"query failed: {safe_text(str(error), 300)}")]
        events: list[FeedEvent] = []
        if query.epoch == self.gaps.epoch and not self._live:
            for state in self._links.all:
                if state.subscribed:
                    events += self._links.change(state, "reconciling", now, str(error))
        return [*actions, EmitEvents(events)] if events else actions

    def _go_live(self, query: Query, result: QueryResult, now: Moment) -> list[Action]:
        without = self._queries.refusals.given_up
        events: list[FeedEvent] = list(self.gaps.close(query, result, without, now))
        actions: list[Action] = []
        left_out = self._queries.refusals.parts_given_up
        changed = left_out != self._left_out
        if without and changed:
            text = f"live without {safe_text(without, 400)}; queried again with each resync"
            actions.append(Log(logging.WARNING, text))
        elif not self._live:
            actions.append(Log(logging.INFO, "live"))
        self._left_out = left_out
        self._live = self.answered = True
        self._stats.covers = (self._policy.venue,) if result.covers is None else result.covers
        for state in self._links.all:
            if state.live_s is None:
                state.live_s = now.mono_s
            if state.stale:
                if changed and left_out:
                    # Not `live` before it receives something; but the run may end before that.
                    events += self._links.change(state, "stale", now, self._without())
            elif state.state != "live" or changed:
                events += self._links.change(state, "live", now, self._without())
        return [*actions, EmitEvents(events)] if events else actions

    def _without(self) -> str | None:
        given_up = self._queries.refusals.given_up
        return f"without {given_up}" if given_up else None

    def _open_gap(self, cause: str, state: Link, now: Moment, from_ns: int | None = None) -> list[FeedEvent]:
        """The venue is no longer covered, because of this link."""
        self._live = False
        return list(self.gaps.open(cause, state, self._links.all, now, from_ns))
