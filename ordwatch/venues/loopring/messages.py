"""What the relayer sends and what is sent to it: JSON text frames of every generation of the protocol.

The venue's spelling stays in this module. Pushes in the documented shapes are decoded straight into structs;
whatever they cannot hold (numbers with a point, wrong types, other topics, answers) takes the lenient path, in which
every number is text, so that no digit is lost. Sources: Loopring/DEX-API and DEX-API-V3, `websocket/order.md` and
`websocket/overview.md`; the misspelt key "topic:" is in several of their samples.
"""

import json
from collections.abc import Generator, Mapping, Sequence

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ordwatch.core.escaping import safe_text
from ordwatch.core.events import Turn
from ordwatch.venues.toolkit import pieces
from ordwatch.venues.toolkit.lenient_json import Unreadable, loads, shown

Number = str | int | None
"""The relayer writes numbers as text or as integers, and changed its mind about which."""

ORDER_TOPIC = "order"
PING = b"ping"
PONG = "pong"

SIBLING_TOPICS = frozenset(
    {
        *("account", "orderbook", "depth", "depth10", "trade", "ticker", "candlestick", "ammpool", "blockgen"),
        *("mixorder", "mixtrade", "mixdepth", "notification"),
    }
)
"""Other topics the relayer is known to have."""

_MAX_TEXT = 200


class Topic(msgspec.Struct, frozen=True):
    """A push's topic as an object."""

    topic: str | None = None
    misspelt: str | None = msgspec.field(default=None, name="topic:")
    market: str | None = None


class OrderData(msgspec.Struct, frozen=True, rename="camel"):
    """An order as a push or a REST row describes it. Amounts are base units, `price` is in human units."""

    order_hash: str = msgspec.field(name="hash")
    status: str
    client_order_id: str | int | None = None
    size: Number = None
    volume: Number = None
    price: Number = None
    filled_size: Number = None
    filled_volume: Number = None
    filled_fee: Number = None
    created_at: Number = None
    update_at: Number = None
    valid_since: Number = None
    valid_until: Number = None
    side: str | None = None
    market: str | None = None
    order_type: str | None = None
    trade_channel: str | None = None
    storage_id: Number = None
    stop_price: Number = None


class DamagedOrder(OrderData, frozen=True, rename="camel"):
    """An order some of whose fields had a wrong type."""

    unreadable: tuple[str, ...] = ()
    """The names of these fields, as here; their values are None."""


class OrderTopicPush(msgspec.Struct, frozen=True):
    """One push of the `order` topic."""

    topic: str | Topic
    data: OrderData
    ts: Number = None
    op: Raw | UnsetType = UNSET
    """Marks an answer, which is no push."""


class RelayerAnswer(msgspec.Struct, frozen=True):
    """The answer to a subscription, or the relayer's complaint about something it could not read."""

    ok: bool
    sequence: str | None
    code: int | None
    message: object
    """The venue's description of a failure, as received: `failure_text` makes it fit to be shown."""


class OtherTopic(msgspec.Struct, frozen=True):
    """A message that is neither an order nor an answer; "" when it names no topic."""

    kind: str


Message = OrderTopicPush | RelayerAnswer | OtherTopic

_PUSH = msgspec.json.Decoder(OrderTopicPush)


def decode(data: bytes) -> Message:
    """The message in one frame; `ping` is not one.

    Raises:
        Unreadable: Not JSON, not an object, or an order without hash or status.
    """
    try:
        push = _PUSH.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _decode_leniently(data)
    if push.op is UNSET and push.data.order_hash and push.data.status and topic_name(push.topic) == ORDER_TOPIC:
        return push
    return _decode_leniently(data)


def decode_long(data: bytes) -> Generator[Turn, None, tuple[Message, bytes]]:
    """The message in a long frame, and the frame with null for what is longer than it ever is.

    Raises:
        Unreadable: As `decode`.
    """
    try:
        spans = yield from pieces.members(data)
    except pieces.Broken as exc:
        raise Unreadable(str(exc)) from exc
    start, end = spans.get(b"data", (0, 0))
    short = pieces.shortened(data, spans, b"data")
    try:
        return decode(short), short
    except Unreadable as exc:
        raise Unreadable(f"data of {end - start} bytes" if end - start > pieces.MAX_ENTRY_BYTES else str(exc)) from exc


def topic_name(topic: str | Topic) -> str:
    """The topic's name in lower case; "" if it has none."""
    if isinstance(topic, str):
        return topic.partition("&")[0].lower()
    return (topic.topic or topic.misspelt or "").lower()


def topic_market(topic: str | Topic) -> str | None:
    """The market the topic names, as it spells it."""
    return topic.partition("&")[2] or None if isinstance(topic, str) else topic.market


def raw_payload(data: bytes, secret: str = "") -> object:
    """The JSON to show: integers beyond 2**53 and fractions as text, `secret` redacted.

    Raises:
        Unreadable: As `loads` does.
    """
    return shown(data, secret)


def subscribe_topics(markets: Sequence[str], api_key: str, sequence: int) -> str:
    """Subscribe to the orders of these markets, as v2 (since 2020-04-10) and v3 want it."""
    topics = [{"topic": ORDER_TOPIC, "market": market} for market in markets]
    return json.dumps({"op": "sub", "sequence": sequence, "apiKey": api_key, "topics": topics})


def subscribe_args(market: str, api_key: str) -> str:
    """Subscribe to the orders of one market, as early v2 wants it."""
    return json.dumps({"op": "sub", "apiKey": api_key, "args": [f"{ORDER_TOPIC}&{market}"]})


def order_data(fields: Mapping[str, object]) -> OrderData:
    """An order from a decoded object of `loads`, with wrongly typed fields left out and named.

    Raises:
        Unreadable: Without a hash or a status.
    """
    for name in ("hash", "status"):
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise Unreadable(f"an order without {name}")
    members = {name: value for name in _FIELDS if (value := fields.get(name)) is not None}
    unreadable = [name for name, value in members.items() if not isinstance(value, str)]
    for name in unreadable:
        del members[name]
    if not unreadable:
        return msgspec.convert(members, OrderData)
    return msgspec.convert({**members, "unreadable": [_FIELDS[name] for name in unreadable]}, DamagedOrder)


def failure_text(code: int | None, message: object, secret: str) -> str:
    """The venue's description of a failure: its code and message in one harmless line, `secret` redacted."""
    text = safe_text(blank(message, secret), _MAX_TEXT) if isinstance(message, str) else ""
    return ": ".join(part for part in (str(code) if code is not None else "no code", text) if part)


def blank(text: str, secret: str) -> str:
    """The text with *** in place of the secret, which the relayer echoes in some answers."""
    return text.replace(secret, "***") if secret else text


def error_code(value: object) -> int | None:
    """A code of the venue; it is an integer of six digits."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else None


_FIELDS = {field.encode_name: field.name for field in msgspec.structs.fields(OrderData)}


def _decode_leniently(data: bytes) -> Message:
    fields = loads(data)
    if not isinstance(fields, dict):
        raise Unreadable("not a JSON object")
    if "op" in fields and "result" in fields:
        return _answer(fields)
    topic = _topic(fields.get("topic"))
    name = topic_name(topic)
    if name != ORDER_TOPIC:
        return OtherTopic(name)
    if not isinstance(fields.get("data"), dict):
        raise Unreadable("an order push without its data")
    order = order_data(fields["data"])
    ts = fields.get("ts")
    return OrderTopicPush(topic=topic, data=order, ts=ts if isinstance(ts, str) or ts is None else "")


def _topic(value: object) -> str | Topic:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    texts = {name: text for name in ("topic", "market") if isinstance(text := value.get(name), str)}
    misspelt = value.get("topic:")
    return Topic(**texts, misspelt=misspelt if isinstance(misspelt, str) else None)


def _answer(fields: Mapping[str, object]) -> RelayerAnswer:
    result = fields["result"] if isinstance(fields["result"], dict) else {}
    status, error, sequence = result.get("status"), result.get("error"), fields.get("sequence")
    error = error if isinstance(error, dict) else {}
    return RelayerAnswer(
        ok=isinstance(status, str) and status.lower() == "ok",
        sequence=sequence if isinstance(sequence, str) else None,
        code=error_code(error.get("code")),
        message=error.get("message"),
    )
