"""The simulated relayer's REST: tickets, orders, one order, markets, tokens and the time, in v2's and v3's shapes.

Lists are newest first and limited to 50 rows; over the documented rate the answer is HTTP 429.
"""

import json
from collections import deque
from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl, urlsplit

from ordwatch.simulators.loopring.orders import (
    ADDRESSES,
    MARKETS,
    PRICES,
    TOKENS,
    JsonObject,
    Relayer,
    RelayerOrder,
    flat_document,
    nested_document,
)
from ordwatch.venues.contract import HttpReply, HttpRequest

MAX_PAGE_SIZE = 50
RATE_WINDOW_NS = 800_000_000
"""A little short of the second of the documents: requests sent a second apart may arrive closer together."""


class ApiFailure(Exception):
    """An error the venue answers with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class SimulatedRest:
    """Answers calls; keeps the tickets it gave and the times it was asked."""

    def __init__(self, relayer: Relayer, api_key: str, account_id: str) -> None:
        self.too_many = 0
        """How many calls came over the rate."""
        self._relayer = relayer
        self._api_key = api_key
        self._account_id = account_id
        self._tickets: set[str] = set()
        self._given = 0
        self._asked_ns: dict[str, deque[int]] = {}

    def take_ticket(self, ticket: str) -> bool:
        """True if this ticket was given out and not used since."""
        valid = ticket in self._tickets
        self._tickets.discard(ticket)
        return valid

    def answer(self, request: HttpRequest, now_ns: int, faults: Collection[str]) -> HttpReply:
        """The reply to one call."""
        parts = urlsplit(request.url)
        params = {**dict(parse_qsl(parts.query)), **request.params}
        headers = {name.lower(): value for name, value in request.headers.items()}
        v3 = "/v3/" in parts.path
        if request.method != "GET":
            return _reply(405, {}, now_ns)
        if "busy" in faults or ("tokens_busy" in faults and parts.path.endswith("/tokens")):
            return _reply(429, {}, now_ns)
        if self._is_too_often(parts.path, now_ns, 5 if v3 else 3):
            return _reply(429, {}, now_ns)
        try:
            body = self._body(parts.path, params, headers.get("x-api-key"), now_ns // 1_000_000, faults)
        except ApiFailure as exc:
            error: object = {"code": exc.code, "message": exc.message}
            if "plain_error" in faults:
                return _reply(400, {"code": exc.code, "msg": exc.message}, now_ns)
            return _reply(400 if v3 else 200, {"resultInfo": error}, now_ns)
        except LookupError:
            return _reply(404, {}, now_ns)
        if v3:
            return _reply(200, body, now_ns)
        return _reply(200, {"resultInfo": {"code": 0, "message": "SUCCESS"}, "data": body}, now_ns)

    def _is_too_often(self, path: str, now_ns: int, count: int) -> bool:
        asked = self._asked_ns.setdefault(path, deque())
        while asked and asked[0] <= now_ns - RATE_WINDOW_NS:
            asked.popleft()
        if len(asked) >= count:
            self.too_many += 1
            return True
        asked.append(now_ns)
        return False

    def _body(
        self, path: str, params: Mapping[str, str], key: str | None, now_ms: int, faults: Collection[str]
    ) -> object:
        v3 = "/v3/" in path
        match path.removeprefix("/api").removeprefix("/v3").removeprefix("/v2"):
            case "/ws/key":
                return self._ticket(faults) if not v3 else {"key": self._ticket(faults)}
            case "/exchange/tokens":
                return self._tokens(v3, faults)
            case "/exchange/markets":
                return {"markets": _markets()} if v3 else _markets()
            case "/timestamp":
                return {"timestamp": now_ms} if v3 else now_ms
            case "/orders":
                self._authorize(params, key, faults)
                return self._orders(params, v3, faults)
            case "/order":
                self._authorize(params, key, faults)
                return self._order(params, v3, faults)
            case _:
                raise LookupError(path)

    def _ticket(self, faults: Collection[str]) -> str:
        if "ticket_refused" in faults:
            raise ApiFailure(100000, "unknown error")
        self._given += 1
        ticket = f"ticket{self._given:010d}"
        self._tickets.add(ticket)
        return ticket

    def _tokens(self, v3: bool, faults: Collection[str]) -> list[JsonObject]:
        if "no_decimals" in faults:
            raise ApiFailure(100002, "timeout")
        return [_token(number, symbol, v3) for number, symbol in enumerate(TOKENS)]

    def _authorize(self, params: Mapping[str, str], key: str | None, faults: Collection[str]) -> None:
        if not key:
            raise ApiFailure(104001, "empty apiKey")
        if key != self._api_key or "key_refused" in faults:
            raise ApiFailure(104002, "invalid apiKey")
        if params.get("accountId") != self._account_id:
            raise ApiFailure(104003, "invalid accountId")

    def _orders(self, params: Mapping[str, str], v3: bool, faults: Collection[str]) -> JsonObject:
        statuses = [each for each in params.get("status", "").split(",") if each]
        if "waiting" in statuses and "no_waiting" in faults:
            raise ApiFailure(100001, "invalid parameter: status")
        start, end = _number(params, "start", 0), _number(params, "end", 0)
        found = [
            order
            for order in reversed(self._relayer.orders.values())
            if (not statuses or order.word.lower() in statuses)
            and order.created_ms >= start
            and (not end or order.created_ms <= end)
            and params.get("market", order.market) == order.market
            and "forgets" not in faults
        ]
        offset = 0 if "same_page" in faults else _number(params, "offset", 0)
        limit = min(_number(params, "limit", MAX_PAGE_SIZE), MAX_PAGE_SIZE)
        rows = [self._row(order, v3) for order in found[offset : offset + limit]]
        return {"totalNum": len(found), "orders": rows} if rows else {"totalNum": len(found)}

    def _order(self, params: Mapping[str, str], v3: bool, faults: Collection[str]) -> JsonObject:
        for order in self._relayer.orders.values():
            if order.order_hash == params.get("orderHash") and "forgets" not in faults:
                return self._row(order, v3)
        raise ApiFailure(107003, "order does not exist")

    def _row(self, order: RelayerOrder, v3: bool) -> JsonObject:
        return nested_document(order, self._account_id) if v3 else flat_document(order)


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ApiFailure(100001, f"invalid parameter: {name}")
    return int(text) if text else default


def _token(number: int, symbol: str, v3: bool) -> JsonObject:
    """A row of exchange/tokens; official clients look at more of it than ours."""
    decimals = TOKENS[symbol]
    unit = 10**decimals
    amounts = {"minimum": str(unit), "maximum": str(10**6 * unit), "dust": str(unit // 1000)}
    row: JsonObject = {
        "type": "ETH" if symbol == "ETH" else "ERC20",
        "tokenId": number,
        "symbol": symbol,
        "name": symbol,
        "address": ADDRESSES[symbol],
        "decimals": decimals,
        "precision": 4,
        "enabled": True,
    }
    if v3:
        more: JsonObject = {
            "precisionForOrder": 4,
            "orderAmounts": amounts,
            "luckyTokenAmounts": amounts,
            "fastWithdrawLimit": amounts["maximum"],
            "gasAmounts": {"distribution": "85000", "deposit": "110000"},
        }
    else:
        more = {
            "unit": symbol,
            "minOrderAmount": amounts["minimum"],
            "maxOrderAmount": amounts["maximum"],
            "dustOrderAmount": amounts["dust"],
        }
    return row | more


def _markets() -> list[JsonObject]:
    symbols = list(TOKENS)
    return [
        {
            "market": market,
            "baseTokenId": symbols.index(market.split("-")[0]),
            "quoteTokenId": symbols.index(market.split("-")[1]),
            "precisionForPrice": len(PRICES[market].tick.partition(".")[2]),
            "orderbookAggLevels": 5,
            "enabled": True,
        }
        for market in MARKETS
    ]


def _reply(status: int, body: object, now_ns: int) -> HttpReply:
    return HttpReply(status=status, body=json.dumps(body).encode(), received_ns=now_ns)
