"""A connection to NATS, its JetStream requests, and its errors as ours. The only module that imports nats.

`connect` makes one connection and never a second: when it is gone, `NatsConnection.closed` is set, every call raises
ConnectionLost, and the caller connects again when it sees fit. Errors, all of core/errors.py:

  ConnectionLost   not reachable, gone, no answer in time, no leader now: try again
    TlsFailed      try again, rarely
  ApiRefused       JetStream refused a request; it has `err_code`. A kind of Refused
  AuthError        the server refused the credentials, or they may not do this
  ConfigError      a key or certificate of the configuration cannot be used

Importing it without the package raises UsageError with the line that installs it.
"""

import asyncio
import json
import logging
import os
import random
import ssl
from base64 import b64decode
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import AuthError, ConnectionLost, Refused, TlsFailed, UsageError, VenueError
from ordwatch.core.escaping import safe_text
from ordwatch.scale.credentials import Credentials, tls_context

try:
    from nats import errors as nats_errors
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription
except ImportError:
    raise UsageError("NATS needs a package that is not installed: pip install 'ordwatch[nats]'") from None

CONNECT_S = 5.0
REQUEST_S = 5.0
"""How long an answer of JetStream is waited for: an election of a leader takes about as long."""
PING_S = 5
"""A connection whose pings stay unanswered for three of these is gone."""

NO_MESSAGE = 10037
NO_STREAM = 10059
STREAM_EXISTS = 10058
WRONG_LAST_SEQUENCE = 10071
TOO_LARGE = 10054

log = logging.getLogger(__name__)
logging.getLogger("nats").setLevel(logging.CRITICAL)  # it reports here what is reported by our errors, with tracebacks


class ApiRefused(Refused):
    """JetStream refused a request."""

    def __init__(self, message: str, err_code: int) -> None:
        super().__init__(message)
        self.err_code = err_code
        """As in the NATS server's list of errors; 0 if it named none."""


class ReaderFailed(ConnectionLost):
    """A reader's place in the stream is gone; make another one that begins behind the last message that was taken."""


class StreamMessage(NamedTuple):
    """A message that a stream holds."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    stream_seq: int
    time_ns: int
    """When the stream took it, by its server's clock; ns since 1970 UTC."""
    pending: int = 0
    """From a reader: how many messages follow that the stream had when it sent this one."""


class UnstoredMessage(NamedTuple):
    """A message that was not read from a stream: an answer, or one that others publish now."""

    subject: str
    data: bytes
    status: int | None
    """A status instead of a message: 503 if nobody takes messages of that subject now."""


class NatsConnection:
    """One connection to one server; `connect` makes it."""

    def __init__(self, client: Client, server: str) -> None:
        self._client = client
        self.server = server
        """Its host and port."""
        self.closed = asyncio.Event()
        self.woken_when_closed: set[asyncio.Event] = set()
        """Events that are set, too, when it is closed."""
        self.why_closed = "the connection was closed"
        self.denied: str | None = None
        """What the server has not permitted this user, in its words (nats-py makes them lower case)."""

    @property
    def max_message_bytes(self) -> int:
        """The largest message, headers included, that the server takes."""
        return self._client.max_payload

    @property
    def encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return bool(self._client._server_info.get("tls_required"))

    def new_inbox(self) -> str:
        """A subject for answers to this connection."""
        return self._client.new_inbox()

    async def request(self, subject: str, payload: bytes = b"", timeout_s: float = REQUEST_S) -> bytes:
        """The answer to a request.

        Raises:
            ConnectionLost: None in time, the connection is gone, or nobody answers requests of this subject now.
            AuthError: This user may not send it.
        """
        try:
            answer = await self._client.request(subject, payload, timeout_s)
            _raise_if_cancelled()
            return answer.data
        except nats_errors.NoRespondersError as exc:
            raise ConnectionLost(
                "JetStream does not answer: it is not enabled there, or its cluster has no leader"
            ) from exc
        except (nats_errors.TimeoutError, TimeoutError, asyncio.CancelledError) as exc:
            task = asyncio.current_task()
            if isinstance(exc, asyncio.CancelledError) and (task is None or task.cancelling()):
                raise  # it was asked for; nats-py cancels what waits for an answer when its connection ends
            raise self.no_answer(timeout_s) from exc
        except (nats_errors.Error, OSError) as exc:
            raise ConnectionLost(_error_text(exc)) from exc

    def no_answer(self, timeout_s: float) -> VenueError:
        """Why nothing has answered: the connection is gone, this user may not ask, or neither is known."""
        if self.closed.is_set():
            return ConnectionLost(self.why_closed)
        if self.denied is not None:
            return AuthError(self.denied)
        return ConnectionLost(f"no answer within {timeout_s:g} s", "silent")

    async def api(self, name: str, request: Mapping[str, object] | None = None) -> dict[str, Any]:
        """The answer to a JetStream request, such as `STREAM.INFO.ORDWATCH`.

        Raises:
            ConnectionLost, AuthError: As from `request`.
            ApiRefused: It was refused.
        """
        payload = json.dumps(request).encode() if request is not None else b""
        try:
            answer = json.loads(await self.request(f"$JS.API.{name}", payload))
            error = answer.get("error")
        except (ValueError, AttributeError) as exc:
            raise ConnectionLost("the answer is not one of JetStream") from exc
        if error is not None:
            raise ApiRefused(safe_text(str(error.get("description", error)), 300), int(error.get("err_code", 0)))
        found: dict[str, Any] = answer
        return found

    async def last_message(self, stream: str, subject: str) -> StreamMessage | None:
        """The newest message whose subject matches, from the stream's leader; None if there is none.

        Raises:
            ConnectionLost, AuthError, ApiRefused: As from `api`.
        """
        return await self._message(stream, {"last_by_subj": subject})

    async def next_message(self, stream: str, from_seq: int, subject: str) -> StreamMessage | None:
        """The oldest message at `from_seq` of the stream or later whose subject matches; None if there is none.

        Raises:
            ConnectionLost, AuthError, ApiRefused: As from `api`.
        """
        return await self._message(stream, {"seq": max(1, from_seq), "next_by_subj": subject})

    async def _message(self, stream: str, request: Mapping[str, object]) -> StreamMessage | None:
        try:
            found = (await self.api(f"STREAM.MSG.GET.{stream}", request))["message"]
        except ApiRefused as exc:
            if exc.err_code == NO_MESSAGE:
                return None
            raise
        return StreamMessage(
            subject=found["subject"],
            data=b64decode(found.get("data", "")),
            headers=_headers(b64decode(found.get("hdrs", ""))),
            stream_seq=int(found["seq"]),
            time_ns=server_time_ns(found["time"]),
        )

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str], reply: str) -> None:
        """Send a message; its acknowledgement comes to `reply`. Returns when it is on its way, not when it is there.

        Raises:
            ConnectionLost: The connection is gone.
        """
        try:
            await self._client.publish(subject, payload, reply, headers)
            _raise_if_cancelled()
        except (nats_errors.Error, OSError) as exc:
            raise ConnectionLost(_error_text(exc)) from exc

    async def listen(self, subject: str, on_message: Callable[[UnstoredMessage], None]) -> None:
        """Call this with each message that is published under a subject from now on.

        Raises:
            ConnectionLost: The connection is gone.
        """
        await self.subscribe(
            subject, lambda message: on_message(UnstoredMessage(message.subject, message.data, _status(message)))
        )

    async def subscribe(self, subject: str, on_message: Callable[[Msg], None]) -> Subscription:
        """As `listen`, with the messages as NATS has them; for this module."""

        async def received(message: Msg) -> None:
            on_message(message)

        try:
            subscription = await self._client.subscribe(subject, cb=received)
            _raise_if_cancelled()
            return subscription
        except (nats_errors.Error, OSError) as exc:
            raise ConnectionLost(_error_text(exc)) from exc

    @asynccontextmanager
    async def reader(
        self,
        stream: str,
        subjects: Sequence[str],
        *,
        from_seq: int | None = None,
        from_time: str | None = None,
        last_per_subject: bool = False,
        headers_only: bool = False,
    ) -> AsyncIterator["Reader"]:
        """Reads the messages of these subjects from a place in the stream on, and then those that come.

        From the stream's first message, or from `from_seq`, from `from_time` (RFC 3339), or `last_per_subject` first.

        Raises:
            ConnectionLost, AuthError, ApiRefused: As from `api`.
        """
        reader = Reader(self, stream)
        start: dict[str, object] = {"deliver_policy": "all"}
        if last_per_subject:
            start = {"deliver_policy": "last_per_subject"}
        elif from_seq is not None:
            start = {"deliver_policy": "by_start_sequence", "opt_start_seq": max(1, from_seq)}
        elif from_time is not None:
            start = {"deliver_policy": "by_start_time", "opt_start_time": from_time}
        await reader.open({**start, "filter_subjects": list(subjects), "headers_only": headers_only})
        try:
            yield reader
        finally:
            await reader.close()


class Reader:
    """Messages of a stream in its order, without a hole; `NatsConnection.reader` makes it."""

    BATCH = 500
    EXPIRES_S = 30
    HEARTBEAT_S = 5
    FORGOTTEN_S = 60
    """After so long without a request the server forgets the reader."""

    def __init__(self, connection: NatsConnection, stream: str) -> None:
        self._connection = connection
        self._stream = stream
        self._name = connection.new_inbox().rpartition(".")[2]
        self._inbox = connection.new_inbox()
        self._subscription: Subscription | None = None
        self._arrived: deque[StreamMessage] = deque()
        self._changed = asyncio.Event()
        self._asked = 0
        """Messages that were asked for and have not come."""
        self._arrived_ever = 0
        self._failure: str | None = None
        self.pending = 0
        """How many messages the stream had when this reader was made."""

    async def open(self, config: Mapping[str, object]) -> None:
        """Make the reader's place in the stream.

        Raises:
            ConnectionLost, AuthError, ApiRefused: As from `NatsConnection.api`.
        """
        self._subscription = await self._connection.subscribe(self._inbox, self._on_message)
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
                    "inactive_threshold": self.FORGOTTEN_S * 10**9,
                },
            },
        )
        self.pending = int(made.get("num_pending", 0))

    async def take(self, timeout_s: float | None = None) -> list[StreamMessage]:
        """What has come, in the stream's order; waits for it. Empty if nothing came in that time.

        Raises:
            ReaderLost: A message is missing before the next one, or the server does not answer: make a new reader.
            ConnectionLost: The connection is gone.
        """
        if self._asked < self.BATCH // 2:
            await self._ask()
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
            async with asyncio.timeout(2 * self.HEARTBEAT_S + 1):
                await self._changed.wait()
        except TimeoutError:
            self._failure = "the server does not answer"
        self._changed.clear()
        if self._connection.closed.is_set():
            raise ConnectionLost(self._connection.why_closed)
        if not self._asked and not self._arrived and self._failure is None:
            await self._ask()

    async def _ask(self) -> None:
        self._asked += self.BATCH
        request = {"batch": self.BATCH, "expires": self.EXPIRES_S * 10**9, "idle_heartbeat": self.HEARTBEAT_S * 10**9}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        await self._connection.publish(subject, json.dumps(request).encode(), {}, self._inbox)

    def _on_message(self, message: Msg) -> None:
        self._changed.set()
        status = _status(message)
        if status is None:
            self._on_stored(message)
        elif status in (404, 408):
            # The request ran out; the header says how much of it was left.
            self._asked = max(0, self._asked - int((message.headers or {}).get("Nats-Pending-Messages", self.BATCH)))
        elif status != 100:
            self._failure = (message.headers or {}).get("Description", f"status {status}")

    def _on_stored(self, message: Msg) -> None:
        # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<reader's own seq>.<time>.<pending>, or with a domain
        # and an account before the stream: counted from the end, where a random token may follow.
        tokens = message.reply.split(".")
        first = 4 if len(tokens) == 9 else 6
        stream_seq, own_seq, at_ns, pending = map(int, tokens[first + 1 : first + 5])
        self._asked = max(0, self._asked - 1)
        self._arrived_ever += 1
        if own_seq != self._arrived_ever:
            self._failure = self._failure or "a message is missing"
        if self._failure is None:
            headers = message.headers or {}
            self._arrived.append(StreamMessage(message.subject, message.data, headers, stream_seq, at_ns, pending))

    async def close(self) -> None:
        """Forget the reader; never raises."""
        self._connection.woken_when_closed.discard(self._changed)
        with suppress(VenueError, nats_errors.Error, OSError):
            if self._subscription is not None:
                await self._subscription.unsubscribe()
            await self._connection.publish(
                f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._name}", b"", {}, self._connection.new_inbox()
            )


@asynccontextmanager
async def connect(
    settings: NatsSettings, *, name: str, echo: bool = True, timeout_s: float = CONNECT_S
) -> AsyncIterator[NatsConnection]:
    """A connection to the first server that answers, in random order; `timeout_s` for each of them.

    `name` is shown by the server's monitoring. Without `echo`, what this connection publishes does not come back to it.

    Raises:
        ConnectionLost, AuthError: None answers, or one refused the credentials; the last server's error.
        ConfigError: A key or certificate of the configuration cannot be used.
    """
    credentials = Credentials(settings)
    context = tls_context(settings)
    servers = random.sample(settings.servers, len(settings.servers))
    for last, server in enumerate(servers, 1 - len(servers)):
        try:
            connection = await _connect_to(server, credentials, context, name=name, echo=echo, timeout_s=timeout_s)
        except ConnectionLost:
            if last == 0:
                raise
        else:
            break
    try:
        yield connection
    finally:
        await _close(connection._client, 1.0)


async def _connect_to(
    server: str,
    credentials: Credentials,
    context: ssl.SSLContext,
    *,
    name: str,
    echo: bool,
    timeout_s: float,
) -> NatsConnection:
    client = Client()
    parts = urlsplit(server)
    shown = f"{parts.hostname}:{parts.port or 4222}"
    connection = NatsConnection(client, shown)
    failures: list[Exception] = []

    def before_sending() -> None:
        # nats-py encrypts only if the server asks for it: somebody in between could take that out of its greeting.
        if parts.scheme == "tls" and not client._server_info.get("tls_required"):
            raise TlsFailed(f"{shown} does not ask for TLS; no credentials were sent to it")

    options: dict[str, Any] = dict(credentials.options(before_sending))
    if credentials.public_nkey is not None:
        # nats-py has no argument for it: it would read the seed with a package that we do not need.
        client._public_nkey = credentials.public_nkey

    async def on_error(error: Exception) -> None:
        failures.append(error)
        if "permissions violation" in str(error).lower():
            connection.denied = _error_text(error)

    async def on_closed() -> None:
        connection.why_closed = f"{shown}: {_error_text(failures[-1])}" if failures else connection.why_closed
        connection.closed.set()
        for event in connection.woken_when_closed:
            event.set()

    try:
        async with asyncio.timeout(timeout_s):
            await client.connect(
                [server],
                name=name,
                error_cb=on_error,
                closed_cb=on_closed,
                allow_reconnect=False,  # whoever connects decides when it is tried again, and what is sent then
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(timeout_s) or 1,
                ping_interval=PING_S,
                no_echo=not echo,
                tls=context,
                tls_hostname=parts.hostname,
                **options,
            )
            before_sending()
            _raise_if_cancelled()
    except (nats_errors.Error, OSError, TimeoutError, ssl.SSLError, VenueError) as exc:
        reason = failures[-1] if failures else exc  # closing may report another error, which says nothing
        # After a failed TLS handshake nats-py waits for ever for the end of a connection that has ended.
        await _close(client, 0.2)
        raise _connect_error(shown, reason) from exc
    return connection


async def _close(client: Client, timeout_s: float) -> None:
    with suppress(nats_errors.Error, OSError, TimeoutError):
        async with asyncio.timeout(timeout_s):
            await client.close()
    _raise_if_cancelled()


def _raise_if_cancelled() -> None:
    """nats-py catches CancelledError in places; without this a task that was cancelled there would go on for ever."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _connect_error(server: str, exc: Exception) -> VenueError:
    match exc:
        case VenueError():
            return exc
        case nats_errors.AuthorizationError():
            return AuthError(f"{server} refused the credentials")
        case ssl.SSLCertVerificationError():
            return TlsFailed(f"{server}: TLS failed: {exc.verify_message}")
        case ssl.SSLError():
            return TlsFailed(f"{server}: TLS failed: {(exc.reason or 'no TLS').lower().replace('_', ' ')}")
        case TimeoutError():
            return ConnectionLost(f"{server}: no answer in time", "silent")
        case OSError():
            return ConnectionLost(f"cannot reach {server} ({_system_text(exc)})")
        case _:
            pass
    text = _error_text(exc)
    if "auth" in text.lower():
        return AuthError(f"{server} refused the credentials ({text.strip(chr(39)).lower()})")
    return ConnectionLost(f"{server}: {text}")


def server_time_ns(text: str) -> int:
    """The nanoseconds since 1970 of a time of a NATS server, which has as many decimals as it needs."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(f"{whole}+00:00").timestamp()
    return int(seconds) * 10**9 + int(f"{fraction:0<9.9}")


def _status(message: Msg) -> int | None:
    text = (message.headers or {}).get("Status") if not message.data else None
    return int(text) if text is not None and text.isdigit() else None


def _headers(data: bytes) -> dict[str, str]:
    lines = data.decode("utf-8", "replace").split("\r\n")[1:]
    return {name: value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}


def _system_text(exc: OSError) -> str:
    """What the system says, without the address that asyncio adds."""
    return os.strerror(exc.errno).lower() if exc.errno is not None and exc.errno > 0 else "not reachable"


def _error_text(exc: BaseException) -> str:
    """The error in words, without a secret and without what a terminal would take for more than text."""
    text = str(exc).removeprefix("nats: ") or type(exc).__name__
    return safe_text(text, 300)
