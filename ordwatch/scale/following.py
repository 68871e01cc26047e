"""Follows a stream: tasks, connections and clocks around follower.py, and the records to the outputs.

The stream is the buffer: while an output takes nothing, or the broker is away, nothing is read, and afterwards reading
goes on with the next message. Losses of the broker are links and gaps of a venue of their own, `nats`.
"""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from ordwatch import system
from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import AuthError, ConfigError, OrdwatchError, VenueError
from ordwatch.core.escaping import safe_text
from ordwatch.core.events import FeedEvent, GapUpdate, LinkState, LinkUpdate, VenueStats
from ordwatch.core.records import AliveRecord, OrderRecord, VenueAlive, for_outputs
from ordwatch.core.times import time_text
from ordwatch.engine.clocks import TICK_S, Clocks
from ordwatch.engine.ending import Limits, Outcome, VenueProgress
from ordwatch.engine.failures import describe
from ordwatch.engine.gaps import GapTracker
from ordwatch.engine.moment import moment
from ordwatch.engine.output import Sink
from ordwatch.engine.rates import backoff
from ordwatch.engine.run_session import SLICE, STALL_CHECK_S, RunFacts, RunSession
from ordwatch.scale import stream, subjects
from ordwatch.scale.follower import Follower, Read, Resume, StoredMessage
from ordwatch.scale.nats_client import NatsConnection, StreamMessage, connect, server_time_ns
from ordwatch.scale.stream_reader import StreamReader, stream_reader

BROKER = "nats"
"""The name under which the connection to the stream has its links and gaps."""
RETRY_S = (0.5, 10.0)
STEADY_S = 30.0
FIRST_CONTACT_S = 5.0
"""How long the session record waits for the broker to name the venues."""
PREROLL_NS = 30 * 1_000_000_000
"""How much before its position a restart reads: each collector is proven alive there at least once."""

log = logging.getLogger(__name__)


class _Place(NamedTuple):
    """Where in the stream reading begins."""

    from_seq: int | None = None
    from_time: str | None = None


LAST_OF_SUBJECTS = _Place()
"""With the last message of each subject."""


class BrokerLink:
    """The link to the stream: what becomes of it, as links and gaps like those of any venue."""

    def __init__(self, resume: Resume) -> None:
        self.stats = VenueStats()
        self.is_live = False
        self._conn = 0
        self._gaps = GapTracker(BROKER, gaps_before=resume.gap_numbers.get(BROKER, 0))
        self._resume = resume

    def resumed(self, at_ns: int) -> list[FeedEvent]:
        """A recording is continued."""
        gap, until_ns = self._resume.open_gaps.get(BROKER), self._resume.covered_until_ns.get(BROKER)
        if gap is not None:
            self._gaps.continue_gap(gap)
        elif until_ns is not None:
            return [*self._gaps.resume(until_ns, at_ns)]
        return []

    def connecting(self, at_ns: int) -> list[FeedEvent]:
        """The next attempt begins."""
        self._conn += 1
        self.stats.reconnects = self._conn - 1
        return [self._link("connecting", at_ns)]

    def now(self, at_ns: int) -> list[FeedEvent]:
        """The state of the attempt that was under way when the session began."""
        return [self._link(self.stats.state, at_ns)] if self._conn else []

    def live(self, at_ns: int) -> list[FeedEvent]:
        """All that the stream holds was read."""
        self.is_live = True
        self.stats.last_rx_ns = at_ns
        return [*self._gaps.close_gap(at_ns, None), self._link("live", at_ns)]

    def down(self, detail: str, wait_s: float, at_ns: int) -> list[FeedEvent]:
        """Disconnected, or no connection could be made."""
        return self._not_live("down", detail, at_ns, wait_s)

    def failed(self, detail: str, at_ns: int) -> list[FeedEvent]:
        """No further attempt is made."""
        return self._not_live("failed", detail, at_ns)

    def _not_live(self, state: LinkState, detail: str, at_ns: int, wait_s: float | None = None) -> list[FeedEvent]:
        self.is_live = False
        opened: Sequence[GapUpdate] = self._gaps.open_gap("reset", self.stats.last_rx_ns or at_ns, at_ns)
        return [*opened, self._link(state, at_ns, detail, wait_s)]

    def _link(self, state: LinkState, at_ns: int, detail: str | None = None, wait_s: float | None = None) -> LinkUpdate:
        self.stats.state = state
        waits = round(wait_s, 3) if wait_s is not None else None
        return LinkUpdate(venue=BROKER, conn=self._conn, state=state, detail=detail, wait_s=waits, at_ns=at_ns)


class FollowRun:
    """Follows one stream and writes its records to some sinks."""

    def __init__(
        self,
        settings: NatsSettings,
        follower: Follower,
        sinks: Sequence[Sink],
        limits: Limits,
        *,
        others: Sink | None = None,
        resume: Resume | None = None,
        since_ns: int | None = None,
        only: Collection[str] = (),
        fail_on_gap: bool = False,
    ) -> None:
        """`others` gets the collectors' other records. `since_ns`: where in the stream reading begins."""
        self._settings = settings
        self._follower = follower
        self._others = others
        self._resume = resume or Resume()
        self._since_ns = since_ns
        self._subjects = [subjects.of_collector(name) for name in only] or [subjects.ALL]
        self._sessions = [subjects.of_type(name, "session") for name in only] or [subjects.of_type("*", "session")]
        self._broker = BrokerLink(self._resume)
        self._first_contact = asyncio.Event()
        self._session = RunSession(
            sinks,
            limits,
            facts=lambda: RunFacts(follower.kinds, follower.store.counts, bool(follower.simulated)),
            progress=self._progress,
            open_gaps=self._resume.open_gaps.values(),
            fail_on_gap=fail_on_gap,
        )
        self._clocks = Clocks(moment())
        self._read_seq = 0
        """The last message that was read."""
        self._stream_created: str | None = None
        """When the stream that was read last was made."""
        follower.counts = lambda record: isinstance(record, OrderRecord) and limits.counts(record)
        follower.remaining = limits.max_events

    def stats(self) -> Mapping[str, VenueStats]:
        """The present state of each venue, and of the link to the stream."""
        return {**self._follower.stats, BROKER: self._broker.stats}

    def restored(self) -> Sequence[OrderRecord]:
        """The open orders of a continued recording, for the table."""
        return self._follower.restored()

    def stop(self, reason: str, signal: int | None = None) -> None:
        """End the run."""
        self._session.stop(reason, signal)

    def note_failure(self, error: OrdwatchError) -> None:
        """Note a failure that does not end the run, for its exit code."""
        self._session.outcome.failures.append(error)

    async def run(self) -> Outcome:
        """Run until a limit is reached, `stop` is called, reading is of no use, or an output failed."""
        try:
            await self._session.run(self._tasks())
        finally:
            await self._end()
        return self._session.outcome

    def _tasks(self) -> list[Coroutine[None, None, None]]:
        return [
            self._session_begins(),
            self._follow_forever(),
            self._session.alive_forever(self._write_alive),
            self._ticks_forever(),
        ]

    async def _session_begins(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_CONTACT_S):
                await self._first_contact.wait()
        self._start_session()

    def _start_session(self) -> None:
        if self._session.has_begun:
            return
        self._session.begin()
        now = moment()
        self._session.write(self._follower.resumed(now))
        self._apply([*self._broker.resumed(now.wall_ns), *self._broker.now(now.wall_ns)])

    # Reading.

    async def _follow_forever(self) -> None:
        waits = backoff(*RETRY_S)
        while True:
            began_s = time.monotonic()
            try:
                await self._follow_once()
            except (AuthError, ConfigError) as exc:
                self._on_refusal(exc)
                return
            except (VenueError, OSError, TimeoutError) as exc:
                if time.monotonic() - began_s > STEADY_S:
                    waits = backoff(*RETRY_S)
                await self._on_disconnect(exc, waits)

    def _on_refusal(self, error: OrdwatchError) -> None:
        """Trying again cannot help: the run ends."""
        text = safe_text(str(error), 400)
        log.error("%s: %s", BROKER, text)
        self._session.outcome.failures.append(error)
        self._start_session()
        self._apply(self._broker.failed(text, time.time_ns()))
        self.stop(f"{BROKER}: {text}")

    async def _on_disconnect(self, error: Exception, waits: Iterator[float]) -> None:
        wait_s = next(waits)
        self._start_session()
        text = describe(error)
        log.warning("%s: %s, retrying in %.1f s", BROKER, text, wait_s)
        now = moment()
        self._session.write(self._follower.disconnected("the stream cannot be read", now))
        self._apply(self._broker.down(text, wait_s, now.wall_ns))
        await asyncio.sleep(wait_s)

    async def _follow_once(self) -> None:
        connecting = self._broker.connecting(time.time_ns())
        if self._session.has_begun:
            self._apply(connecting)
        async with connect(self._settings, name="ordwatch follow") as connection:
            found = await stream.info(connection, self._settings.stream)
            if found is None:
                name = self._settings.stream
                raise VenueError(f"there is no stream {name}; `ordwatch stream create` makes it")
            if not await self._is_same_stream(connection, found):
                log.warning("%s: the stream was made anew; it is read from its beginning", BROKER)
                self._read_seq = 0
                self._resume = dataclasses.replace(self._resume, position=None)
                self._follower.forget_position()
            self._stream_created = found.created
            if not self._follower.is_caught_up:
                await self._begin(connection, server_time_ns(found.now))
            place = await self._place(connection)
            async with stream_reader(
                connection,
                self._settings.stream,
                self._subjects,
                from_seq=place.from_seq,
                from_time=place.from_time,
                last_per_subject=place == LAST_OF_SUBJECTS,
            ) as reader:
                await self._read_forever(reader)

    async def _is_same_stream(self, connection: NatsConnection, found: stream.StreamInfo) -> bool:
        """Whether it is the stream that was read before, so that what was read needs not be read again."""
        if self._stream_created is not None:
            return found.created == self._stream_created and found.last_seq >= self._read_seq
        position, last = self._resume.position, self._follower.last_recorded
        if position is None or last is None:
            return True
        if found.last_seq < position:
            return False
        # Streams have no lasting name of their own; the place of the last recorded order shows which one it is.
        at = await connection.next_message(self._settings.stream, position, subjects.ALL)
        if at is None or at.stream_seq != position:
            return True
        place = subjects.parse(at.subject)
        return (place.collector, place.venue, place.order_id) == (last.collector, last.venue, last.order_id)

    async def _begin(self, connection: NatsConnection, stream_now_ns: int) -> None:
        """Learn which collectors there are, and what they watch."""
        async with stream_reader(connection, self._settings.stream, self._sessions, last_per_subject=True) as reader:
            found: list[StreamMessage] = []
            while len(found) < reader.pending and (some := await reader.take(FIRST_CONTACT_S)):
                found += some
        last_of_subjects = (
            self._resume.position is None and self._since_ns is None and not self._resume.covered_until_ns
        )
        self._follower.begin(map(_stored, found), stream_now_ns, moment(), last_of_subjects=last_of_subjects)
        self._first_contact.set()
        self._start_session()

    async def _place(self, connection: NatsConnection) -> "_Place":
        """Where reading begins, or goes on."""
        if self._follower.is_caught_up or (self._read_seq and not self._last_of_subjects):
            return _Place(from_seq=self._read_seq + 1)
        if self._resume.position is not None:
            at = await connection.next_message(self._settings.stream, self._resume.position, subjects.ALL)
            if at is not None:
                return _Place(from_time=time_text(at.time_ns - PREROLL_NS))
        covered = [until_ns for until_ns in self._resume.covered_until_ns.values() if until_ns is not None]
        if covered:
            return _Place(from_time=time_text(min(covered) - 2 * PREROLL_NS))
        return LAST_OF_SUBJECTS if self._since_ns is None else _Place(from_time=time_text(self._since_ns))

    @property
    def _last_of_subjects(self) -> bool:
        return self._since_ns is None and self._resume.position is None and not self._resume.covered_until_ns

    async def _read_forever(self, reader: StreamReader) -> None:
        first, taken = reader.pending, 0
        if not first:
            self._caught_up()
        while True:
            await self._outputs_ready()
            messages = await reader.take()
            self._broker.stats.last_rx_ns = time.time_ns()
            for start in range(0, len(messages), SLICE):
                await self._read(messages[start : start + SLICE])
            taken += len(messages)
            if not self._broker.is_live and (taken >= first or not messages[-1].pending):
                self._caught_up()

    async def _read(self, messages: Sequence[StreamMessage]) -> None:
        fresh = [_stored(each) for each in messages if each.stream_seq > self._read_seq]
        if not fresh:
            return
        self._take(self._follower.read(fresh, moment()))
        self._read_seq = fresh[-1].stream_seq
        await self._session.drain()
        await asyncio.sleep(0)  # other tasks have their turn

    def _caught_up(self) -> None:
        now = moment()
        was_caught_up = self._follower.is_caught_up
        self._apply(self._broker.live(now.wall_ns))
        if was_caught_up:
            self._session.write(self._follower.connected(now))
        else:
            self._take(self._follower.caught_up(now))
        self._session.end_if_decided()

    async def _outputs_ready(self) -> None:
        while self._session.must_pause:  # noqa: ASYNC110 - a sink has no event for this
            await asyncio.sleep(STALL_CHECK_S)

    # Time.

    async def _ticks_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now = moment()
            self._clocks.tick(now)
            if not self._session.has_begun:
                continue
            if (jump := self._clocks.look(now)) is not None:
                self._apply([jump])
            self._take(self._follower.timer(now))

    async def _write_alive(self) -> None:
        if self._session.has_begun:
            self._session.write([self._alive()])

    def _progress(self) -> list[VenueProgress]:
        joint, caught_up = self._follower.joint.values(), self._follower.is_caught_up
        return [VenueProgress(each.ever_live, caught_up) for each in joint] or [VenueProgress(False, caught_up)]

    # Writing.

    def _take(self, read: Read) -> None:
        if read.others and self._others is not None:
            self._others.write(for_outputs(read.others))
        self._session.write(read.records)

    def _apply(self, events: Sequence[FeedEvent]) -> None:
        self._session.write(self._follower.store.apply(events))

    def _alive(self) -> AliveRecord:
        stats = self._broker.stats
        broker = VenueAlive(
            state=stats.state,
            last_rx=time_text(stats.last_rx_ns) if stats.last_rx_ns is not None else None,
            rtt_ms=None,
            updates=0,
            duplicates=0,
            rejected=0,
            reconnects=stats.reconnects,
            open_orders=0,
        )
        return AliveRecord(
            venues={**{name: self._follower.alive(name) for name in self._follower.joint}, BROKER: broker},
            queue=0,
            loop_lag_ms=self._clocks.take_lag_ms(),
            rss_mib=system.rss_mib(),
            synced_seq=None,
            at=time_text(time.time_ns()),
        )

    async def _end(self) -> None:
        self._start_session()
        if not self._broker.is_live:
            self._session.write(self._follower.end(moment()))
        self._session.write([self._alive()])
        await self._session.end()


def _stored(message: StreamMessage) -> StoredMessage:
    return StoredMessage(message.subject, message.data, message.stream_seq, message.time_ns)
