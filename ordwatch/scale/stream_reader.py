"""Reads the messages of a stream from a place in it on, in its order, and then those that come.

The server keeps the place and sends what is asked for. It acknowledges nothing and stores nothing: a reader that fails,
or whose connection was closed, is made anew behind the last message that was taken.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from ordwatch.core.errors import ConnectionLost, VenueError
from ordwatch.scale.nats_client import EndListening, NatsConnection, NatsMessage, StreamMessage

BATCH = 500
EXPIRES_S = 30
HEARTBEAT_S = 5
FORGOTTEN_S = 60
"""After so long without a request the server forgets the reader."""
_REQUEST_ENDED = (404, 408)
"""Statuses that end a request: there was no message, or its time is over."""
_HEARTBEAT = 100
_NOBODY = 503


class ReaderFailed(ConnectionLost):
    """A reader's place in the stream does not exist any more; make another behind the last message that was taken."""


@asynccontextmanager
async def stream_reader(
    connection: NatsConnection,
    stream: str,
    subjects: Sequence[str],
    *,
    from_seq: int | None = None,
    from_time: str | None = None,
    last_per_subject: bool = False,
    headers_only: bool = False,
) -> AsyncIterator["StreamReader"]:
    """Reads the messages of these subjects from a place in the stream on, and then those that come.

    From the stream's first message, or from `from_seq`, from `from_time` (RFC 3339), or `last_per_subject` first.

    Raises:
        ConnectionLost, AuthError, ApiRefused: As from `NatsConnection.api`.
    """
    reader = StreamReader(connection, stream)
    start: dict[str, object] = {"deliver_policy": "all"}
    if last_per_subject:
        start = {"deliver_policy": "last_per_subject"}
    elif from_seq is not None:
        start = {"deliver_policy": "by_start_sequence", "opt_start_seq": max(1, from_seq)}
    elif from_time is not None:
        start = {"deliver_policy": "by_start_time", "opt_start_time": from_time}
    try:
        await reader.open({**start, "filter_subjects": list(subjects), "headers_only": headers_only})
        yield reader
    finally:
        await reader.close()


class StreamReader:
    """Messages of a stream in its order, without a hole; `stream_reader` makes it."""

    def __init__(self, connection: NatsConnection, stream: str) -> None:
        self._connection = connection
        self._stream = stream
        self._name = connection.new_inbox().rpartition(".")[2]
        self._inbox = connection.new_inbox()
        self._end_listening: EndListening | None = None
        self._arrived: deque[StreamMessage] = deque()
        self._changed = asyncio.Event()
        self._requested = 0
        """Messages that were requested and have not come."""
        self._arrived_ever = 0
        self._failure: str | None = None
        self.pending = 0
        """How many messages the stream had when this reader was made."""

    async def open(self, config: Mapping[str, object]) -> None:
        """Make the reader's place in the stream.

        Raises:
            ConnectionLost, AuthError, ApiRefused: As from `NatsConnection.api`.
        """
        self._end_listening = await self._connection.listen(self._inbox, self._on_message)
        self._connection.woken_when_closed.add(self._changed)
        made = await self._connection.api(
            f"CONSUMER.CREATE.{self._stream}.{self._name}",
            {
                "stream_name": self._stream,
                "action": "create",
                "config": {
                    **config,
                    "name": self._name,
                    "ack_policy": "none",
                    "replay_policy": "instant",
                    "mem_storage": True,
                    "num_replicas": 1,
                    "inactive_threshold": FORGOTTEN_S * 10**9,
                },
            },
        )
        self.pending = int(made.get("num_pending", 0))

    async def take(self, timeout_s: float | None = None) -> list[StreamMessage]:
        """What has come, in the stream's order; waits for it. Empty if nothing came in that time.

        Raises:
            ReaderFailed: A message is missing before the next one, or the server does not answer: make a new reader.
            ConnectionLost: The connection has ended.
        """
        if self._requested < BATCH // 2:
            await self._request()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._arrived and self._failure is None:
                    await self._wait()
        if self._arrived:
            arrived, self._arrived = list(self._arrived), deque()
            return arrived
        if self._failure is not None:
            raise ReaderFailed(self._failure)
        return []

    async def _wait(self) -> None:
        """Until something comes; the server sends a sign of life each HEARTBEAT_S."""
        try:
            async with asyncio.timeout(2 * HEARTBEAT_S + 1):
                await self._changed.wait()
        except TimeoutError:
            self._failure = "the server does not answer"
        self._changed.clear()
        if self._connection.closed.is_set():
            raise ConnectionLost(self._connection.why_closed)
        if not self._requested and not self._arrived and self._failure is None:
            await self._request()

    async def _request(self) -> None:
        self._requested += BATCH
        request = {"batch": BATCH, "expires": EXPIRES_S * 10**9, "idle_heartbeat": HEARTBEAT_S * 10**9}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        await self._connection.publish(subject, json.dumps(request).encode(), {}, self._inbox)

    def _on_message(self, message: NatsMessage) -> None:
        self._changed.set()
        status = message.status
        if status is None:
            self._on_stored(message)
        elif status in _REQUEST_ENDED:
            # The request ran out; the header has how much of it was left.
            self._requested = max(0, self._requested - int(message.headers.get("Nats-Pending-Messages", BATCH)))
        elif status == _NOBODY:
            self._failure = "nobody answers for the stream: it has no leader now, or is not there"
        elif status != _HEARTBEAT:
            self._failure = message.headers.get("Description", f"status {status}")

    def _on_stored(self, message: NatsMessage) -> None:
        # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<reader's own seq>.<time>.<pending>, or with a domain
        # and an account before the stream: counted from the end, where a random token may follow.
        tokens = message.reply.split(".")
        first = 4 if len(tokens) == 9 else 6
        stream_seq, own_seq, at_ns, pending = map(int, tokens[first + 1 : first + 5])
        self._requested = max(0, self._requested - 1)
        self._arrived_ever += 1
        if own_seq != self._arrived_ever:
            self._failure = self._failure or "a message is missing"
        if self._failure is None:
            found = StreamMessage(message.subject, message.data, message.headers, stream_seq, at_ns, pending)
            self._arrived.append(found)

    async def close(self) -> None:
        """Forget the reader; raises nothing."""
        self._connection.woken_when_closed.discard(self._changed)
        with suppress(VenueError):
            if self._end_listening is not None:
                await self._end_listening()
            forget = f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._name}"
            await self._connection.publish(forget, b"", {}, self._connection.new_inbox())
