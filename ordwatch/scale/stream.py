"""The stream that recordings are published to: its configuration, made once and compared later."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ordwatch.core.errors import VenueError
from ordwatch.scale import stream_status, subjects
from ordwatch.scale.nats_client import (
    NO_STREAM,
    ApiRefused,
    NatsConnection,
    StreamMessage,
    server_time_ns,
)
from ordwatch.scale.stream_reader import stream_reader

MAX_AGE_S = 100 * 86_400.0
"""How long a message is kept by default: longer than any order lives, for the last message of an open one must stay."""
REPLICAS = 3
DUPLICATE_WINDOW_S = 120.0
NS = 10**9


class NoStream(VenueError):
    """There is no such stream."""


class StreamInfo(NamedTuple):
    """A stream as its server describes it."""

    config: Mapping[str, Any]
    first_seq: int
    last_seq: int
    messages: int
    leader: str | None
    """The server that leads its replicas; None where there is only one."""
    replicas_current: int
    """How many replicas have all messages, the leader included."""
    created: str
    """When it was made, by its server's clock."""
    now: str
    """The server's time, RFC 3339."""

    @property
    def max_message_bytes(self) -> int | None:
        """The largest message, headers included, that the stream takes; None: any."""
        most = int(self.config.get("max_msg_size", -1))
        return most if most > 0 else None


def wanted(
    name: str, *, replicas: int = REPLICAS, max_age_s: float = MAX_AGE_S, max_bytes: int | None = None
) -> dict[str, Any]:
    """The configuration of the stream, as JetStream takes it."""
    return {
        "name": name,
        "subjects": [subjects.ALL],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": replicas,
        "max_age": int(max_age_s * NS),
        "max_bytes": -1 if max_bytes is None else max_bytes,
        "deny_delete": True,
        "duplicate_window": int(min(DUPLICATE_WINDOW_S, max_age_s or DUPLICATE_WINDOW_S) * NS),
        "allow_direct": True,
    }


def differences(found: Mapping[str, Any], want: Mapping[str, Any]) -> list[str]:
    """What is not as wanted, one text for each key; a longer duplicate window is no difference."""
    listed = []
    for key, value in want.items():
        is_ = found.get(key, False if isinstance(value, bool) else None)
        if key == "duplicate_window" and isinstance(is_, int) and is_ >= value:
            continue
        if is_ != value:
            listed.append(f"{key} is {_shown(key, is_)}, not {_shown(key, value)}")
    return listed


def described(config: Mapping[str, Any]) -> str:
    """The configuration of a stream in one line."""
    keys = ("subjects", "storage", "num_replicas", "max_age", "max_bytes", "duplicate_window", "deny_delete")
    return ", ".join(f"{key} {_shown(key, config.get(key))}" for key in keys)


def _shown(key: str, value: object) -> str:
    if key in ("max_age", "duplicate_window") and isinstance(value, int):
        seconds = value / NS
        return f"{seconds / 86_400:g} d" if seconds >= 86_400 else f"{seconds:g} s"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower()


async def info(connection: NatsConnection, name: str) -> StreamInfo | None:
    """The stream of this name; None if there is none.

    Raises:
        ConnectionLost, AuthError, ApiRefused: As from `NatsConnection.api`.
    """
    try:
        return _info(await connection.api(f"STREAM.INFO.{name}"))
    except ApiRefused as exc:
        if exc.err_code == NO_STREAM:
            return None
        raise


async def create(connection: NatsConnection, config: Mapping[str, Any]) -> StreamInfo:
    """Make the stream.

    Raises:
        ConnectionLost, AuthError, ApiRefused: As from `NatsConnection.api`; refused also if there is one that differs.
    """
    return _info(await connection.api(f"STREAM.CREATE.{config['name']}", config))


async def status(connection: NatsConnection, name: str) -> stream_status.StreamStatus:
    """How the stream and its collectors are.

    Raises:
        NoStream: There is none of this name.
        ConnectionLost, AuthError, ApiRefused: As from `NatsConnection.api`.
    """
    found = await info(connection, name)
    if found is None:
        raise NoStream(f"there is no stream {name}; `ordwatch stream create` makes it")
    now_ns, kept_ns = server_time_ns(found.now), int(found.config.get("max_age", 0))
    messages = await _last_messages(connection, name, stream_status.SUBJECTS)
    old = await _old_orders(connection, name, found, now_ns, kept_ns)
    for collector in {subjects.parse(message.subject).collector for message in messages}:
        last = await connection.last_message(name, subjects.of_collector(collector))
        messages += [last] if last is not None else []
    seen = stream_status.seen_collectors(messages)
    return stream_status.StreamStatus(
        stream=name,
        messages=found.messages,
        replicas=int(found.config.get("num_replicas", 1)),
        replicas_current=found.replicas_current,
        leader=found.leader,
        collectors=[each.state(now_ns) for each in seen],
        venues=stream_status.joint(seen, now_ns),
        warnings=[
            *stream_status.session_warnings(messages, now_ns, kept_ns),
            *stream_status.order_warnings(old, now_ns, kept_ns),
        ],
    )


async def _last_messages(connection: NatsConnection, name: str, wanted: Sequence[str]) -> list[StreamMessage]:
    messages: list[StreamMessage] = []
    async with stream_reader(connection, name, wanted, last_per_subject=True) as reader:
        while len(messages) < reader.pending:
            messages += await reader.take()
    return messages


async def _old_orders(
    connection: NatsConnection, name: str, found: StreamInfo, now_ns: int, kept_ns: int
) -> list[StreamMessage]:
    """Last messages of orders that the stream will soon forget; they come oldest first, so few are read."""
    first = await connection.next_message(name, found.first_seq, subjects.ALL) if found.messages else None
    if first is None or not stream_status.is_old(first, now_ns, kept_ns):
        return []
    messages: list[StreamMessage] = []
    async with stream_reader(connection, name, [stream_status.ORDERS], last_per_subject=True) as reader:
        while len(messages) < reader.pending:
            messages += await reader.take()
            if not stream_status.is_old(messages[-1], now_ns, kept_ns):
                break
    return messages


def _info(found: Mapping[str, Any]) -> StreamInfo:
    cluster = found.get("cluster") or {}
    replicas = cluster.get("replicas") or []
    return StreamInfo(
        config=found["config"],
        first_seq=int(found["state"]["first_seq"]),
        last_seq=int(found["state"]["last_seq"]),
        messages=int(found["state"]["messages"]),
        leader=cluster.get("leader"),
        replicas_current=1 + sum(bool(each.get("current")) for each in replicas),
        created=found.get("created", ""),
        now=found.get("ts", ""),
    )
