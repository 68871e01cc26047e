"""A connection to NATS, its JetStream requests, and its errors as ours. The only module that imports nats.

`connect` makes one connection and never a second: when it has ended, `NatsConnection.closed` is set, every call raises
ConnectionLost, and the caller connects again when it sees fit. Errors, all of core/errors.py:

  ConnectionLost   not reachable, ended, no answer in time, no leader now: try again
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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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
except ImportError:
    raise UsageError("NATS needs a package that is not installed: pip install 'ordwatch[nats]'") from None

CONNECT_S = 5.0
REQUEST_S = 5.0
"""How long an answer of JetStream is waited for: an election of a leader takes about as long."""
PING_S = 5
"""A connection whose pings stay unanswered for three of these is dead."""

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


class NatsMessage(NamedTuple):
    """A message as the server sent it: an answer, or one that others publish now."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    reply: str
    """The subject for an answer; for a message of a stream, where in it that message is."""

    @property
    def status(self) -> int | None:
        """A status instead of a message: 503 if nobody takes messages of that subject now."""
        text = self.headers.get("Status") if not self.data else None
        return int(text) if text is not None and text.isdigit() else None


EndListening = Callable[[], Awaitable[None]]
"""Await it, and no more messages come."""


class NatsConnection:
    """One connection to one server; `connect` makes it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._url = url
        self._host = parts.hostname
        self._must_encrypt = parts.scheme == "tls"
        self._client = Client()
        self._errors: list[Exception] = []
        """What nats-py has reported, the newest last."""
        self.server = f"{parts.hostname}:{parts.port or 4222}"
        """Its host and port."""
        self.closed = asyncio.Event()
        self.woken_when_closed: set[asyncio.Event] = set()
        """Events that are set, too, when it is closed."""
        self.why_closed = "the connection was closed"
        self.denied: str | None = None
        """What the server has not permitted this user, as it reports that (nats-py makes it lower case)."""

    async def open(
        self, credentials: Credentials, context: ssl.SSLContext, *, name: str, echo: bool, timeout_s: float
    ) -> None:
        """Connect; only `connect` calls it, once.

        Raises:
            ConnectionLost, AuthError: As from `connect`.
        """
        options: dict[str, Any] = dict(credentials.options(self._before_sending))
        if credentials.public_nkey is not None:
            # nats-py has no argument for it: it would read the seed with a package that we do not need.
            self._client._public_nkey = credentials.public_nkey
        try:
            async with asyncio.timeout(timeout_s):
                await self._client.connect(
                    [self._url],
                    name=name,
                    error_cb=self._on_error,
                    closed_cb=self._on_closed,
                    allow_reconnect=False,  # whoever connects decides when it is tried again, and what is sent then
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=int(timeout_s) or 1,
                    ping_interval=PING_S,
                    no_echo=not echo,
                    tls=context,
                    tls_hostname=self._host,
                    **options,
                )
                self._before_sending()
                _raise_if_cancelled()
        except (nats_errors.Error, OSError, TimeoutError, ssl.SSLError, VenueError) as exc:
            reason = self._errors[-1] if self._errors else exc  # closing may report another error
            # After a failed TLS handshake nats-py waits for ever for the end of a connection that has ended.
            await self.close(0.2)
            raise _connect_error(self.server, reason) from exc

    def _before_sending(self) -> None:
        # nats-py encrypts only if the server asks for it: somebody in between could take that out of its greeting.
        if self._must_encrypt and not self.encrypted:
            raise TlsFailed(f"{self.server} does not ask for TLS; no credentials were sent to it")

    async def _on_error(self, error: Exception) -> None:
        self._errors.append(error)
        if "permissions violation" in str(error).lower():
            self.denied = _error_text(error)

    async def _on_closed(self) -> None:
        if self._errors:
            self.why_closed = f"{self.server}: {_error_text(self._errors[-1])}"
        self.closed.set()
        for event in self.woken_when_closed:
            event.set()

    async def close(self, timeout_s: float = 1.0) -> None:
        """End the connection; it may take so long."""
        with suppress(nats_errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._client.close()
        _raise_if_cancelled()

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
            ConnectionLost: None in time, the connection has ended, or nobody answers requests of this subject now.
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
        """Why nothing has answered: the connection has ended, this user may not ask, or neither is known."""
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
            ConnectionLost: The connection has ended.
        """
        try:
            await self._client.publish(subject, payload, reply, headers)
            _raise_if_cancelled()
        except (nats_errors.Error, OSError) as exc:
            raise ConnectionLost(_error_text(exc)) from exc

    async def listen(self, subject: str, on_message: Callable[[NatsMessage], None]) -> Callable[[], Awaitable[None]]:
        """Call this with each message that is published under a subject from now on; returns what ends that.

        Raises:
            ConnectionLost: The connection has ended.
        """

        async def received(message: Msg) -> None:
            on_message(NatsMessage(message.subject, message.data, message.headers or {}, message.reply))

        try:
            subscription = await self._client.subscribe(subject, cb=received)
            _raise_if_cancelled()
        except (nats_errors.Error, OSError) as exc:
            raise ConnectionLost(_error_text(exc)) from exc

        async def end() -> None:
            with suppress(nats_errors.Error, OSError):
                await subscription.unsubscribe()

        return end


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
    for count, server in enumerate(servers, 1):
        connection = NatsConnection(server)
        try:
            await connection.open(credentials, context, name=name, echo=echo, timeout_s=timeout_s)
        except ConnectionLost:
            if count == len(servers):
                raise
        else:
            break
    try:
        yield connection
    finally:
        await connection.close()


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


def _headers(data: bytes) -> dict[str, str]:
    lines = data.decode("utf-8", "replace").split("\r\n")[1:]
    return {name: value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}


def _system_text(exc: OSError) -> str:
    """The system's own text, without the address that asyncio adds."""
    return os.strerror(exc.errno).lower() if exc.errno is not None and exc.errno > 0 else "not reachable"


def _error_text(exc: BaseException) -> str:
    """The error as text, without a secret and without what a terminal would take for more than text."""
    text = str(exc).removeprefix("nats: ") or type(exc).__name__
    return safe_text(text, 300)
