"""CoinW's spot WebSocket: what is sent and received, one JSON object in each text message.

Decodes without judging: amounts stay as the venue wrote them, orders.py knows what they mean.
Facts: CoinW API documentation, "Subscribe Current Orders" (spot); what it leaves open as JKorf/CoinW.Net 3.4 has it.
"""

from collections.abc import Generator, Iterator
from typing import Literal

import msgspec

from ordwatch.core.escaping import safe_text
from ordwatch.core.events import Turn
from ordwatch.venues.toolkit import pieces
from ordwatch.venues.toolkit.lenient_json import Fields, Unreadable, fields, is_string, items, payload, text

PING = '{"event":"ping"}'
SUBSCRIBE = '{"event":"sub","params":{"biz":"exchange","type":"order"}}'


class OrderRow(msgspec.Struct, frozen=True):
    """One order of a push, in the venue's spelling. Amounts are text, exact; absent and null are None."""

    order_id: int | str
    """Near 2^62; a number in the documentation's sample, a string in its table."""
    type: str | None = None
    reason: str | None = None
    product_id: str | None = None
    side: str | None = None
    """Empty for a market order."""
    order_type: str | None = None
    size: str | None = None
    """Base amount ordered; 0 for a market order placed by quote amount."""
    remaining_size: str | None = None
    price: str | None = None
    """Of a market order the market's price."""
    dealFunds: str | None = None  # noqa: N815
    """Quote amount filled so far."""
    dealAvgPrice: str | None = None  # noqa: N815
    fee: str | None = None
    client_id: str | None = None
    time: int | str | None = None
    """Milliseconds since 1970 UTC; whether of the order or of the event is not documented."""


class BadRow(msgspec.Struct, frozen=True):
    """One entry of a push that is no order."""

    reason: str
    data: bytes


class Reply(msgspec.Struct, frozen=True):
    """How the venue answered; `code` and `message` are its own."""

    ok: bool | None
    code: str
    message: str

    def __str__(self) -> str:
        return f"code {self.code or 'unknown'}: {self.message or 'no text'}"


class OrderPush(msgspec.Struct, frozen=True):
    """Orders that are new or changed."""

    orders: list[OrderRow | BadRow]


class LongPush(msgspec.Struct, frozen=True):
    """The same, of a long message: orders as they are found, for `row`."""

    orders: Iterator[Turn | msgspec.Raw | BadRow]


class Pong(msgspec.Struct, frozen=True):
    """The answer to PING."""


class LoginAnswer(msgspec.Struct, frozen=True):
    """The answer to `login`."""

    outcome: Reply


class SubscriptionAnswer(msgspec.Struct, frozen=True):
    """The answer to a subscription, or to its end; there is no request id to match, only the topic."""

    outcome: Reply
    ours: bool
    """Whether it answers SUBSCRIBE."""


class ErrorFrame(msgspec.Struct, frozen=True):
    """A refusal that does not name the request it answers."""

    outcome: Reply


class Other(msgspec.Struct, frozen=True):
    """A message that is no order. `known`: of a documented kind."""

    kind: str
    known: bool


Message = OrderPush | Pong | LoginAnswer | SubscriptionAnswer | ErrorFrame | Other


def login(api_key: str, secret: str) -> str:
    """The login message. It holds the secret itself, there is no signature: never to be shown."""
    params = {"api_key": api_key, "passphrase": secret}
    return msgspec.json.encode({"event": "login", "params": params}).decode()


def decode(data: bytes) -> Message:
    """The contents of one message.

    Raises:
        Unreadable: Not JSON, not an object, or a push without orders.
    """
    try:
        push = _PUSH.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_any(fields(data))
    if push.event or push.channel:
        return _decode_any(fields(data))
    return OrderPush([push.data])


def decode_long(data: bytes) -> Generator[Turn, None, Message | LongPush]:
    """The contents of a long message; members of a size that none has count as null.

    Raises:
        Unreadable: As `decode`.
    """
    try:
        spans = yield from pieces.members(data)
        message = fields(pieces.shortened(data, spans, b"data"))
    except pieces.Broken as exc:
        raise Unreadable(str(exc)) from exc
    if not _is_order_push(message) or b"data" not in spans:
        return _decode_any(message)
    start, end = spans[b"data"]
    if end - start <= pieces.MAX_ENTRY_BYTES:
        return LongPush(_long_orders(message["data"]))
    if data[start : start + 1] == b"[":
        return LongPush(_elements(data, start))
    raise Unreadable(f"data of {end - start} bytes that is no array")


def row(data: msgspec.Raw) -> OrderRow | BadRow:
    """One order of a push."""
    try:
        return _ROW.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _odd_row(data)


def payloads(data: bytes) -> list[object]:
    """Each order of a push as it came, for a record's `raw`.

    Raises:
        Unreadable: As `decode`.
    """
    return [payload(row) for row in _objects(fields(data)["data"])]


class _Push(msgspec.Struct):
    """The documented shape; whatever differs takes the longer way."""

    data: OrderRow
    biz: Literal["exchange"]
    type: Literal["order"]
    event: str = ""
    channel: str = ""


_PUSH = msgspec.json.Decoder(_Push)
_ROW = msgspec.json.Decoder(OrderRow)


def _decode_any(message: Fields) -> Message:
    event, channel, biz, kind = (text(message.get(name)) for name in ("event", "channel", "biz", "type"))
    if event == "pong":
        return Pong()
    if channel == "login":
        return LoginAnswer(_outcome(_one(message)))
    if channel in ("subscribe", "unsubscribe", "unsub"):
        ours = (channel, biz, kind) == ("subscribe", "exchange", "order")
        return SubscriptionAnswer(_outcome(_one(message)), ours)
    if _is_order_push(message):
        return OrderPush([row(each) for each in _objects(message["data"])])
    if text(message.get("result")) == "false":
        return ErrorFrame(_outcome(message))
    if (biz, kind) == ("exchange", "assets"):
        return Other("assets", known=True)
    return Other(_kind(event, channel, biz, kind), known=False)


def _is_order_push(message: Fields) -> bool:
    event, channel, biz, kind = (text(message.get(name)) for name in ("event", "channel", "biz", "type"))
    return (biz, kind) == ("exchange", "order") and "data" in message and not channel and event != "pong"


def _long_orders(data: msgspec.Raw) -> Iterator[Turn | msgspec.Raw | BadRow]:
    if is_string(data):
        data = msgspec.Raw((text(data) or "").encode("utf-8", "surrogatepass").strip())
    source = bytes(data)
    if source[:1] == b"[":
        return _elements(source, 0)
    return iter(_objects(data))


def _elements(data: bytes, start: int) -> Iterator[Turn | msgspec.Raw | BadRow]:
    try:
        for element in pieces.elements(data, start):
            if isinstance(element, Turn):
                yield element
                continue
            first, end = element
            if end - first > pieces.MAX_ENTRY_BYTES:
                yield BadRow(f"order of {end - first} bytes", data[first : first + pieces.MAX_ENTRY_BYTES])
            else:
                yield msgspec.Raw(data[first:end])
    except pieces.Broken as exc:
        yield BadRow(f"orders behind these are lost: {exc}", b"")


def _one(message: Fields) -> Fields:
    objects = _objects(message["data"]) if "data" in message else []
    return fields(objects[0]) if objects else {}


def _outcome(message: Fields) -> Reply:
    result = (text(message.get("result")) or "").lower()
    return Reply(
        ok={"true": True, "false": False}.get(result),
        code=safe_text(text(message.get("errorCode")) or "", 20),
        message=safe_text(text(message.get("errorMsg")) or ""),
    )


def _objects(data: msgspec.Raw) -> list[msgspec.Raw]:
    """The objects in `data`: one, an array of them, or a string holding either as JSON."""
    if is_string(data):
        data = msgspec.Raw((text(data) or "").encode("utf-8", "surrogatepass").strip())
    first = bytes(data)[:1]
    if first == b"{":
        return [data]
    if first == b"[":
        return items(data)
    raise Unreadable("data is neither an object nor an array")


def _odd_row(data: msgspec.Raw) -> OrderRow | BadRow:
    try:
        members = fields(data)
        texts = {name: text(members.get(name)) for name in OrderRow.__struct_fields__}
    except Unreadable as exc:
        return BadRow(f"order: {exc}", bytes(data))
    order_id = texts["order_id"]
    if order_id is None or not (is_string(members["order_id"]) or order_id.isdecimal()):
        return BadRow("order without a readable id", bytes(data))
    return msgspec.convert(texts, OrderRow)


def _kind(event: str | None, channel: str | None, biz: str | None, kind: str | None) -> str:
    named = (("event", event), ("channel", channel), ("biz", biz), ("type", kind))
    return safe_text(" ".join(f"{name}={value}" for name, value in named if value) or "no name")
