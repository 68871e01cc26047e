"""Publishes a recording while it is written: tasks, sockets, files and clocks around publisher.py and restart.py.

One connection at a time. Whatever goes wrong on it (it is disconnected, a session is refused, the stream was emptied)
ends in the same question to the stream: which messages of this collector are there?
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import random
from time import monotonic
from typing import TypeVar

import msgspec

from ordwatch import __version__
from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import AuthError, ConnectionLost, PublishingStopped, Refused, TlsFailed
from ordwatch.core.escaping import safe_text
from ordwatch.recording.writer import Publication
from ordwatch.scale import stream, subjects
from ordwatch.scale.lines import RecordingLines, WholeLine
from ordwatch.scale.messages import Message, Messages, TooLarge, message_id
from ordwatch.scale.nats_client import (
    TOO_LARGE,
    WRONG_LAST_SEQUENCE,
    NatsConnection,
    NatsMessage,
    connect,
    server_time_ns,
)
from ordwatch.scale.outage import Outage, OutageMessage
from ordwatch.scale.publisher import WINDOW, Acknowledged, OtherPublisher, Publisher
from ordwatch.scale.restart import FileState, GoOn, OtherCollector, Stored, StreamState, TwoHistories, decide
from ordwatch.scale.stream_reader import stream_reader
from ordwatch.scale.take_back import place_before

GUARD_EVERY_S = 10.0
"""How often it is checked that nobody else publishes under this name; a session that is seen is checked at once."""
RETRY_S = 0.5
MAX_RETRY_S = 5.0
ASK_AGAIN_S = 0.05
AWAY_END_S = 2.0
"""How long a broker that does not take lines is tried at the end."""
MAX_RETRY_REFUSED_S = 60.0
"""For what somebody has to mend: credentials and certificates."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class _Error(msgspec.Struct):
    description: str = ""
    err_code: int = 0


class _Answer(msgspec.Struct):
    """What JetStream answers to a message."""

    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


_decode = msgspec.json.Decoder(_Answer).decode


class Publishing:
    """Publishes one recording to one stream, under one name."""

    def __init__(
        self,
        lines: RecordingLines,
        settings: NatsSettings,
        kinds: Mapping[str, str],
        *,
        published_seq: int = 0,
        last_seq: int = 0,
    ) -> None:
        """`kinds` of the venues. `published_seq` and `last_seq` are of the recording as it was opened."""
        self._lines = lines
        self._settings = settings
        self._collector = settings.collector_name
        self._messages = Messages(self._collector, settings.stream, kinds)
        self._publisher = Publisher(published_seq, last_seq)
        self._opened_seq = last_seq
        self._durable_seq = last_seq
        self._own_session_seq: int | None = None
        """Of the first session that this process has written."""
        self._changed = asyncio.Event()
        self._ask_again = False
        self._session_seen = False
        self._first_stream_seq = 0
        self._stopped: PublishingStopped | None = None
        self._outage = Outage()
        self._credentials_refused: AuthError | None = None
        self.tried = asyncio.Event()
        """The stream has this process's session, or cannot be asked: venues may be connected to."""
        # Of its own: the loop's threads may all hang in name lookups.
        self._thread = ThreadPoolExecutor(1, "read the recording")

    def publication(self) -> Publication:
        """What the writer of the recording needs; call it in the event loop."""
        loop = asyncio.get_running_loop()

        def on_durable(seq: int) -> None:
            with suppress(RuntimeError):  # the loop is closed: the writer's thread was left behind
                loop.call_soon_threadsafe(self._on_durable, seq)

        return Publication(on_durable, lambda: self._publisher.published_seq)

    def _on_durable(self, seq: int) -> None:
        if seq != self._durable_seq:
            self._durable_seq = seq
            self._changed.set()

    @property
    def published_seq(self) -> int:
        """The highest seq up to which every line is acknowledged."""
        return self._publisher.published_seq

    @property
    def waiting(self) -> int:
        """How many durable lines are not published."""
        return max(0, self._durable_seq - self.published_seq)

    @property
    def session_is_published(self) -> bool:
        """Whether the stream has the session of this process: nobody else has this name."""
        return self._own_session_seq is not None and self._publisher.published_seq >= self._own_session_seq

    def state(self) -> str:
        """How far it is, in short text for people."""
        if self._stopped is not None:
            return "publishing stopped"
        if self._outage.reason is not None:
            return f"not publishing {self._outage.away_s(monotonic()):.0f} s · {self.waiting} lines wait"
        return "published" if self.waiting <= WINDOW else f"publishing · {self.waiting} lines wait"

    async def run(self) -> None:
        """Publish until cancelled.

        Raises:
            PublishingStopped: Another process has this name, or stream and recording contradict each other.
        """
        await self._run(lambda: False)

    async def finish(self, timeout_s: float) -> None:
        """Publish what is left of a recording that is closed, at most so long; a broker that is away is not waited for.

        Raises:
            PublishingStopped: As from `run`, now or before.
            AuthError: The server refused the credentials, and lines are left.
        """
        began_s = monotonic()

        def is_done() -> bool:
            away = self._outage.reason is not None and monotonic() > began_s + AWAY_END_S
            return away or not self.waiting

        if self._stopped is None and self.waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._run(is_done)
        if self._stopped is None and self.waiting:
            log.warning("nats: %d lines are not published; the next run with --publish goes on there", self.waiting)
            if self._credentials_refused is not None:
                raise self._credentials_refused

    def close(self) -> None:
        """Close the recording's files."""
        self._thread.submit(self._lines.close)
        self._thread.shutdown(wait=False)

    async def _run(self, is_done: Callable[[], bool]) -> None:
        failures = 0
        while not is_done():
            try:
                async with connect(self._settings, name=self._name, echo=False) as connection:
                    await self._publish_to(connection, is_done)
                failures = 0
            except (ConnectionLost, AuthError, Refused) as exc:
                if self._outage.reason is None:
                    failures = 0
                failures += 1
                self._failed(exc)
                await asyncio.sleep(_wait_s(exc, failures))
            except PublishingStopped as exc:
                self._stopped = exc
                raise

    @property
    def _name(self) -> str:
        return f"ordwatch {__version__} {self._collector}"

    def _failed(self, exc: Exception) -> None:
        self._credentials_refused = exc if isinstance(exc, AuthError) else None
        self.tried.set()
        self._say(self._outage.failed(str(exc), monotonic(), self.waiting))

    def _say(self, notice: OutageMessage | None) -> None:
        if notice is not None:
            log.log(notice.level, "nats: %s", notice.text)

    async def _publish_to(self, connection: NatsConnection, is_done: Callable[[], bool]) -> None:
        """Publish over this connection until it is disconnected, which raises, or `is_done`."""
        inbox = connection.new_inbox()
        await connection.listen(f"{inbox}.*", self._on_answer)
        await connection.listen(subjects.of_type(self._collector, "session"), self._on_session)
        while not is_done():
            self._ask_again = False
            await self._ask(connection)
            await self._send_lines(connection, inbox, is_done)
            await asyncio.sleep(ASK_AGAIN_S)

    # What the stream holds.

    async def _ask(self, connection: NatsConnection) -> None:
        """Ask the stream where to go on.

        Raises:
            PublishingStopped: Nowhere.
        """
        found = await stream.info(connection, self._settings.stream)
        if found is None:
            raise Refused(f"there is no stream {self._settings.stream}; `ordwatch stream create` makes it")
        self._first_stream_seq = found.first_seq
        self._messages.max_bytes = min(connection.max_message_bytes, found.max_message_bytes or 2**62)
        last = await self._stored(connection, subjects.of_collector(self._collector))
        session = await self._stored(connection, subjects.of_type(self._collector, "session"))
        state = StreamState.asked(last, session, server_time_ns(found.now))
        durable_seq = self._durable_seq
        published_seq, has_published = self._publisher.published_seq, self.session_is_published

        def decided() -> GoOn | OtherCollector | TwoHistories:
            file: FileState = self._lines.state(durable_seq)
            return decide(state, file, published_seq=published_seq, has_published=has_published)

        match await self._in_thread(decided):
            case GoOn() as go_on:
                known = None if go_on.is_new else state.last
                held = await self._held(connection, go_on, known) if known is not None else frozenset()
                self._publisher.start(go_on.from_seq, held, go_on.session_stream_seq)
            case OtherCollector(who=who):
                raise self._stop(75, f"the name {self._collector} is taken by {who}")
            case TwoHistories(why=why):
                raise self._stop(65, f"{why}; give this recording a collector name of its own")

    def _stop(self, exit_code: int, why: str) -> PublishingStopped:
        return PublishingStopped(f"nats: {why}; nothing is published", exit_code)

    async def _stored(self, connection: NatsConnection, subject: str) -> Stored | None:
        message = await connection.last_message(self._settings.stream, subject)
        if message is None:
            return None
        try:
            found = message_id(message.headers)
        except ValueError:
            raise self._stop(65, f"the stream has {safe_text(message.subject, 100)} from another program") from None
        return Stored(found.seq, found.crc, message.data, message.stream_seq, message.time_ns)

    async def _held(self, connection: NatsConnection, go_on: GoOn, last: Stored) -> frozenset[tuple[int, str]]:
        """The lines from there on that the stream has, by seq and checksum."""
        name, own = self._settings.stream, subjects.of_collector(self._collector)
        place = await place_before(connection, name, own, go_on.from_seq, last=(last.seq, last.stream_seq))
        held: set[tuple[int, str]] = set()
        async with stream_reader(connection, name, [own], from_seq=place, headers_only=True) as reader:
            while True:
                for message in await reader.take():
                    with suppress(ValueError):
                        found = message_id(message.headers)
                        held.add((found.seq, found.crc))
                    if message.stream_seq >= last.stream_seq:
                        return frozenset(held)

    # Lines on their way.

    async def _send_lines(self, connection: NatsConnection, inbox: str, is_done: Callable[[], bool]) -> None:
        """Publish until something has to be asked again, or `is_done`."""
        guard_s = monotonic() + GUARD_EVERY_S
        while not self._ask_again and not is_done():
            self._changed.clear()
            await self._load()
            now_s = monotonic()
            if self._publisher.timer(now_s):
                self._say(self._outage.failed("the stream does not answer", now_s, self.waiting))
            for send in self._publisher.take(now_s):
                message = send.message
                await connection.publish(message.subject, message.payload, send.headers, f"{inbox}.{message.seq}")
            if self._session_seen or now_s >= guard_s:
                guard_s = now_s + GUARD_EVERY_S
                await self._check_session(connection)
            if self._stopped is not None:
                raise self._stopped
            await self._wait(connection, min(guard_s, self._publisher.next_timer_s()))

    async def _wait(self, connection: NatsConnection, until_s: float) -> None:
        waiting = self._publisher.wanted()
        if self._ask_again or (waiting[1] > 0 and waiting[0] <= self._durable_seq):
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until_s - monotonic())):
                await self._changed.wait()
        if connection.closed.is_set():
            raise ConnectionLost(connection.why_closed)

    async def _load(self) -> None:
        """Hand the lines that are durable to the publisher, as many as it wants."""
        seq, most = self._publisher.wanted()
        if most <= 0 or seq > self._durable_seq:
            return
        durable_seq = self._durable_seq
        lines = await self._in_thread(lambda: self._lines.read(seq, most, durable_seq))
        if not lines:
            await asyncio.sleep(0.1)  # its file is being rotated, or everything there is was removed
            return
        if lines[0].mark.seq > seq:
            log.warning("nats: seq %d to %d are no longer on disk: not published", seq, lines[0].mark.seq - 1)
        self._publisher.add([each for line in lines if (each := self._message(line))], lines[-1].mark.seq)
        if self._publisher.published_seq >= durable_seq:
            self._published()

    def _message(self, line: WholeLine) -> Message | None:
        try:
            message = self._messages.of(line.raw, line.mark)
        except TooLarge as exc:
            log.error("nats: %s: not published, the recording has it", exc)
            return None
        if message.is_session and message.seq > self._opened_seq and self._own_session_seq is None:
            self._own_session_seq = message.seq
        return message

    def _on_answer(self, answer: NatsMessage) -> None:
        seq = int(answer.subject.rpartition(".")[2])
        self._changed.set()
        if answer.status is not None:
            self._refused(seq, "the stream has no leader now, or there is no such stream")
            return
        found = _decode(answer.data)
        if found.error is None and found.duplicate and found.seq < self._first_stream_seq:
            # It has forgotten the message, not yet its id.
            self._refused(seq, "the stream was emptied; it takes the same lines again after its duplicate window")
        elif found.error is None:
            self._on_acknowledged(seq, Acknowledged(found.seq, found.duplicate))
        elif found.error.err_code in (WRONG_LAST_SEQUENCE, TOO_LARGE):
            self._ask_again = True
        else:
            self._refused(seq, safe_text(found.error.description, 200))

    def _on_acknowledged(self, seq: int, acknowledged: Acknowledged) -> None:
        try:
            self._publisher.acknowledged(seq, acknowledged)
        except OtherPublisher as exc:
            self._stopped = self._stop(75, f"another process publishes as {self._collector}: {exc}")
            return
        self._published()

    def _published(self) -> None:
        self._say(self._outage.recovered(monotonic()))
        self._credentials_refused = None
        if self.session_is_published:
            self.tried.set()

    def _refused(self, seq: int, why: str) -> None:
        now_s = monotonic()
        if self._publisher.failed(seq, now_s):
            self._say(self._outage.failed(why, now_s, self.waiting))

    def _on_session(self, _: NatsMessage) -> None:
        self._session_seen = True
        self._changed.set()

    async def _check_session(self, connection: NatsConnection) -> None:
        """Ask again if the last session in the stream is not the one that was published here."""
        self._session_seen = False
        session = await self._stored(connection, subjects.of_type(self._collector, "session"))
        stream_seq = session.stream_seq if session is not None else 0
        if stream_seq != self._publisher.session_stream_seq:
            self._ask_again = True

    async def _in_thread(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)


def _wait_s(exc: Exception, failures: int) -> float:
    """How long to wait before the next attempt: longer each time, with a random part."""
    most = MAX_RETRY_REFUSED_S if isinstance(exc, AuthError | TlsFailed) else MAX_RETRY_S
    wait_s = min(most, RETRY_S * float(2 ** min(10, failures - 1)))
    return wait_s * (0.5 + random() / 2)  # noqa: S311 - spreads load
