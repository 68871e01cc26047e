"""The relayer's REST calls that read orders and tokens, and their answers in all three envelopes.

v2 wraps everything as `resultInfo` and `data`; v3 answers bare, and errors with HTTP 400. Reading needs the header
X-API-KEY and no signature. Sources: Loopring/DEX-API and DEX-API-V3, REST pages; the bare list of tokens from
Loopring/hello_loopring and hummingbot. Nothing here places, changes or cancels an order.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ordwatch.core.errors import AuthError, Refused, RemoteProtocolError
from ordwatch.venues.contract import HttpReply, HttpRequest
from ordwatch.venues.loopring.amounts import MAX_DECIMALS
from ordwatch.venues.loopring.messages import (
    OrderData,
    error_code,
    failure_text,
    order_data,
    raw_payload,
)
from ordwatch.venues.loopring.protocol_versions import ProtocolVersion
from ordwatch.venues.toolkit.lenient_json import Unreadable, loads

PAGE_SIZE = 50
"""The most the venue gives in one answer."""
DOCUMENTED_OPEN_STATUSES = ("processing", "cancelling")
OPEN_STATUSES = (*DOCUMENTED_OPEN_STATUSES, "waiting")
"""A client that ran against the relayer asked for `waiting` too (Loopring/dexwebapp)."""
CLOSED_STATUSES = ("processed", "failed", "cancelled", "expired")

BAD_PARAMETER = 100001
UNKNOWN_ORDER = 107003
AUTH_CODES = frozenset({104001, 104002, 104003})
"""apiKey empty, apiKey invalid, accountId invalid."""


class ErrorAnswer(Refused):
    """The venue answered with an error; `code` is its own, None if it gave none."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


class Access(NamedTuple):
    """The address of REST and the account. Never shown: it holds the key."""

    profile: ProtocolVersion
    base_url: str
    api_key: str
    account_id: str


class ListedOrder(NamedTuple):
    """One order of an answer."""

    order: OrderData
    raw: object


class Page(NamedTuple):
    """One answer to `orders_request`."""

    orders: list[ListedOrder]
    sent: int
    """Orders the venue sent, those without hash or status too."""
    total: int | None
    """How many orders there are in all, as the venue reports."""


def ticket_request(access: Access) -> HttpRequest:
    """Ask for a connection's ticket, which anybody may have: without the key."""
    assert access.profile.ticket_path is not None  # noqa: S101
    return _get(access, "getTicket", access.profile.ticket_path, {}, {})


def tokens_request(access: Access) -> HttpRequest:
    """Ask for the tokens and their decimals."""
    return _get(access, "getTokens", access.profile.tokens_path, {}, _key_header(access))


def orders_request(access: Access, statuses: Sequence[str], offset: int, start_ms: int | None) -> HttpRequest:
    """Ask for one page of the account's orders in these states; `start_ms` bounds the time of their creation."""
    params = {
        "accountId": access.account_id,
        "status": ",".join(statuses),
        "limit": str(PAGE_SIZE),
        "offset": str(offset),
    }
    if start_ms is not None:
        params["start"] = str(start_ms)
    return _get(access, "getOrders", access.profile.orders_path, params, _key_header(access))


def order_request(access: Access, order_hash: str) -> HttpRequest:
    """Ask for one order."""
    params = {"accountId": access.account_id, "orderHash": order_hash}
    return _get(access, "getOrder", access.profile.order_path, params, _key_header(access))


def ticket(reply: HttpReply, access: Access) -> str:
    """The ticket in an answer of either generation.

    Raises:
        Refused: The venue refuses.
        RemoteProtocolError: The answer holds none.
    """
    body = _result("getTicket", reply, access)
    key = body.get("key", body.get("data")) if isinstance(body, dict) else body
    if not isinstance(key, str) or not key:
        raise RemoteProtocolError("getTicket: the answer holds no ticket")
    return key


def token_decimals(reply: HttpReply, access: Access) -> dict[str, int]:
    """Decimals by token symbol, in upper case. A token without readable decimals is left out.

    Raises:
        Refused: The venue refuses.
        RemoteProtocolError: The answer is no list of tokens.
    """
    body = _result("getTokens", reply, access)
    if isinstance(body, dict):
        body = body.get("tokens", [body])
    if not isinstance(body, list):
        raise RemoteProtocolError("getTokens: the answer is no list of tokens")
    return {
        symbol.upper(): int(decimals)
        for token in body
        if isinstance(token, dict)
        and isinstance(symbol := token.get("symbol"), str)
        and isinstance(decimals := token.get("decimals"), str)
        and decimals.isascii()
        and decimals.isdigit()
        and len(decimals) < 4
        and int(decimals) <= MAX_DECIMALS
    }


def orders_page(reply: HttpReply, access: Access, *, raw: bool) -> Page:
    """The orders of one page.

    Raises:
        Refused: The venue refuses.
        RemoteProtocolError: The answer is no list of orders.
    """
    body = _result("getOrders", reply, access)
    if not isinstance(body, dict):
        raise RemoteProtocolError("getOrders: the answer is no list of orders")
    listed = [] if body.get("orders") is None else body["orders"]
    if not isinstance(listed, list):
        raise RemoteProtocolError("getOrders: the answer is no list of orders")
    shown = _raw_orders(reply, access) if raw else [None] * len(listed)
    orders = [
        ListedOrder(order, payload) for fields, payload in zip(listed, shown, strict=True) if (order := _order(fields))
    ]
    return Page(orders, len(listed), error_code(body.get("totalNum")))


def one_order(reply: HttpReply, access: Access, *, raw: bool) -> ListedOrder:
    """The order of one answer.

    Raises:
        Refused: The venue refuses; an ErrorAnswer with `code` 107003 if it knows no such order.
        RemoteProtocolError: The answer is no order.
    """
    order = _order(_result("getOrder", reply, access))
    if order is None:
        raise RemoteProtocolError("getOrder: the answer is no order")
    return ListedOrder(order, _unwrapped(raw_payload(reply.body, access.api_key)) if raw else None)


def _get(access: Access, name: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> HttpRequest:
    return HttpRequest(
        name=name,
        url=access.base_url.rstrip("/") + path,
        params=params,
        headers=headers,
        rates=(access.profile.rate(path),),
    )


def _key_header(access: Access) -> dict[str, str]:
    return {"X-API-KEY": access.api_key}


def _result(name: str, reply: HttpReply, access: Access) -> object:
    """What a successful answer holds, out of its envelope."""
    try:
        body = loads(reply.body)
    except Unreadable as exc:
        if reply.status != 200:
            raise ErrorAnswer(f"{name}: HTTP status {reply.status}", None) from None
        raise RemoteProtocolError(f"{name}: {exc}") from None
    code, message = _failure(body)
    if reply.status == 200 and code in (None, 0):
        return _unwrapped(body)
    if reply.status != 200 and code is None:
        raise ErrorAnswer(f"{name}: HTTP status {reply.status}", None)
    text = failure_text(code, message, access.api_key)
    if code in AUTH_CODES:
        raise AuthError(f"{name}: the credentials are refused ({text})")
    raise ErrorAnswer(f"{name}: {text}", code)


def _failure(body: object) -> tuple[int | None, object]:
    """Code and message of an error in any of the three forms; a code of None: it is none."""
    if not isinstance(body, dict):
        return None, None
    for holder in (body.get("resultInfo"), body.get("error"), body):
        if isinstance(holder, dict) and (code := error_code(holder.get("code"))) is not None:
            return code, holder.get("message", holder.get("msg"))
    return None, None


def _unwrapped(body: object) -> object:
    return body.get("data") if isinstance(body, dict) and "resultInfo" in body else body


def _raw_orders(reply: HttpReply, access: Access) -> list[object]:
    body = _unwrapped(raw_payload(reply.body, access.api_key))
    orders = body.get("orders") if isinstance(body, dict) else None
    return orders if isinstance(orders, list) else []


def _order(fields: object) -> OrderData | None:
    """A row in the shape of a push; None if it has no hash or status. v3 nests what v2 has flat."""
    if not isinstance(fields, dict):
        return None
    try:
        return order_data(_flat(fields) if "volumes" in fields else fields)
    except Unreadable:
        return None


def _flat(fields: Mapping[str, object]) -> dict[str, object]:
    volumes, validity = _object(fields.get("volumes")), _object(fields.get("validity"))
    stop = _object(fields.get("extraOrderInfo"))
    return {
        **fields,
        "size": volumes.get("baseAmount"),
        "volume": volumes.get("quoteAmount"),
        "filledSize": volumes.get("baseFilled"),
        "filledVolume": volumes.get("quoteFilled"),
        "filledFee": volumes.get("fee"),
        "validSince": validity.get("start"),
        "validUntil": validity.get("end"),
        "storageId": _object(fields.get("storageInfo")).get("storageId"),
        "stopPrice": stop.get("stopPrice"),
    }


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
