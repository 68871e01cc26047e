"""The venue's side of CoinW's conversations: WebSocket and REST, sans-I/O, with its documented doubts as faults.

Errors and the cut of an idle socket as observed on the live public socket of the same host; limits and signatures
as the API documentation has them.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal

import msgspec

from ordwatch.core.secrets import Secret
from ordwatch.simulators.coinw.orders import FIRST_ID, PAIR_MARKETS, PAIRS, SimulatedCoinwOrder
from ordwatch.simulators.contract import Close, Market, Outgoing, Step, TrueState
from ordwatch.venues.coinw.rest import HISTORY, OPEN_ORDERS, ORDER, PATH, signature
from ordwatch.venues.contract import HttpReply, HttpRequest

API_KEY = "c821db84-6fbd-11e4-a9e3-c86000d26d7c"
SECRET_KEY = "simulated-secret-0123456789ABCDEF"  # noqa: S105 - of the simulator, no one's
IDLE_S = 60.0
WINDOW_S = 2.0
LIMITS = {OPEN_ORDERS: 30, ORDER: 30, HISTORY: 5}
HISTORY_SIZE = 1000
NEXT_ID = 2**20
"""Ids are not in time order at this venue: they leap, and every other one back."""

FAULTS = (
    "login_refused", "login_silent", "subscription_refused", "subscription_silent", "push_before_ack", "no_pong",
    "mute", "silent_partials", "order_time", "data_array", "data_text", "numbers", "lower_case", "hyphen_pairs",
    "market_by_quote", "garbage", "binary", "unknown_kind", "credentials_expired", "rate_limited", "http_500",
    "history_fails", "vanished", "numeric_code", "rejected_as_canceled",
)  # fmt: skip

Json = dict[str, object]


@dataclass
class _Peer:
    received_ns: int
    logged_in: bool = False
    subscribed: bool = False


class CoinwSimulator:
    """One account at the venue, with every socket that is logged in to it."""

    listeners: Mapping[str, Literal["tcp", "websocket", "http"]] = MappingProxyType(
        {"stream": "websocket", "rest": "http"}
    )
    markets: Sequence[Market] = tuple(PAIR_MARKETS.values())
    faults: Sequence[str] = FAULTS

    def __init__(self) -> None:
        self.orders: dict[str, SimulatedCoinwOrder] = {}
        """By the scenario's names."""
        self.requests: list[str] = []
        """Commands of the REST calls that came."""
        self.events: list[str] = []
        """Events of the messages that came."""
        self._clients: dict[int, _Peer] = {}
        self._outgoing: list[Outgoing] = []
        self._on: set[str] = set()
        self._asked_ns: dict[str, deque[int]] = {command: deque() for command in LIMITS}

    def connected(self, peer: int, listener: str, path: str, now_ns: int) -> None:
        """A socket opened; nothing is sent before the client's first message."""
        self._clients[peer] = _Peer(now_ns)

    def disconnected(self, peer: int) -> None:
        """The client has disconnected."""
        self._clients.pop(peer, None)

    def receive(self, peer: int, data: bytes, now_ns: int) -> None:
        """One message of a client."""
        client = self._clients.get(peer)
        if client is None:
            return
        client.received_ns = now_ns
        try:
            message = msgspec.json.decode(data, type=_ClientMessage)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._say(peer, _error(1001, "Rate Limit"))
            return
        self.events.append(message.event)
        match message.event:
            case "ping":
                self._say(peer, {"event": "pong"}, unless="no_pong")
            case "login" if message.params is not None:
                self._login(peer, client, message.params)
            case "sub" | "unsub" if message.params is not None:
                self._subscribe(peer, client, message.event, message.params)
            case _:
                self._say(peer, _error(500, "exception"))

    def tick(self, now_ns: int) -> None:
        """Cut the sockets that were idle for 60 s, without a close frame."""
        for peer, client in list(self._clients.items()):
            if now_ns - client.received_ns > IDLE_S * 1e9:
                self._outgoing.append(Outgoing(peer, Close(-1)))
                self.disconnected(peer)

    def data_to_send(self) -> list[Outgoing]:
        """Take what is queued, in order."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def _login(self, peer: int, client: _Peer, params: Mapping[str, str]) -> None:
        known = (params.get("api_key"), params.get("passphrase")) == (API_KEY, SECRET_KEY)
        client.logged_in = known and "login_refused" not in self._on
        if client.logged_in:
            self._say(peer, {"data": {"result": True}, "channel": "login"}, unless="login_silent")
        else:
            refusal = {"result": False, "errorCode": 1003, "errorMsg": "api_key or passphrase error"}
            self._say(peer, {"data": refusal, "channel": "login"})

    def _subscribe(self, peer: int, client: _Peer, event: str, params: Mapping[str, str]) -> None:
        biz, kind = params.get("biz"), params.get("type")
        data: Json = {"result": True}
        if not client.logged_in:
            data = {"result": False, "errorCode": 1003, "errorMsg": "not logged in"}
        elif (biz, kind) != ("exchange", "order") or "subscription_refused" in self._on:
            data = {"result": False, "errorCode": 1007, "errorMsg": "Invalid parameter"}
        else:
            client.subscribed = event == "sub"
        if "push_before_ack" in self._on:
            for order in self.orders.values():
                self._push_to(peer, order)
        channel = "subscribe" if event == "sub" else "unsubscribe"
        self._say(peer, {"biz": biz, "data": data, "channel": channel, "type": kind}, unless="subscription_silent")

    def _say(self, peer: int, message: Json, *, unless: str = "") -> None:
        if unless not in self._on:
            self._outgoing.append(Outgoing(peer, _text(message)))

    def play(self, step: Step, now_ns: int) -> None:
        """Let an order move and push it to every subscribed socket."""
        now_ms = now_ns // 1_000_000
        order = self.orders.get(step.order)
        if order is None:
            number = len(self.orders)
            order_id = FIRST_ID + NEXT_ID * (number if number % 2 else -number)
            order = SimulatedCoinwOrder(order_id, f"ordwatch-{number + 1}", step.intent, now_ms)
            self.orders[step.order] = order
        if order.step(step, now_ms) and not self._is_silent(order):
            for peer, client in self._clients.items():
                if client.subscribed:
                    self._push_to(peer, order)

    def truth(self) -> dict[tuple[str, str | None, str], TrueState]:
        """The true states, whatever was pushed."""
        return {
            ("live", None, str(order.order_id)): TrueState(order.status, order.filled_qty, order.states)
            for order in self.orders.values()
        }

    def _is_silent(self, order: SimulatedCoinwOrder) -> bool:
        partial = bool(order.filled) and order.is_open
        return "mute" in self._on or (partial and "silent_partials" in self._on)

    def _push_to(self, peer: int, order: SimulatedCoinwOrder) -> None:
        for fault, noise in _NOISE.items():
            if fault in self._on:
                self._outgoing.append(Outgoing(peer, noise))
        row = order.pushed()
        for name in _SHAPES:
            if name in self._on:
                row = _SHAPES[name](row, order)
        data: object = [row] if "data_array" in self._on else row
        if "data_text" in self._on:
            data = _text(data)
        payload = _text({"biz": "exchange", "data": data, "type": "order"})
        self._outgoing.append(Outgoing(peer, payload, push=True))

    def request(self, request: HttpRequest, now_ns: int) -> HttpReply:
        """Answer a call; parameters may stand in the query string or in a form."""
        params = {**request.params, **(request.form or {})}
        command = params.pop("command", "")
        self.requests.append(command)
        if "http_500" in self._on or ("history_fails" in self._on and command == HISTORY):
            return HttpReply(status=500, body=b"<html>500</html>", received_ns=now_ns)
        answer = self._answer(request.url.partition("?")[0], command, params, now_ns)
        if "numeric_code" in self._on and isinstance(code := answer["code"], str):
            answer["code"] = int(code)
        return HttpReply(status=200, body=msgspec.json.encode(answer), received_ns=now_ns)

    def _answer(self, path: str, command: str, params: dict[str, str], now_ns: int) -> Json:
        sign = params.pop("sign", "")
        if path != PATH or command not in LIMITS:
            return _refusal("500", "failure")
        if "credentials_expired" in self._on or params.get("api_key") != API_KEY:
            return _refusal("10006", "api_key error")
        if sign != signature(params, Secret(SECRET_KEY)):
            return _refusal("10007", "signature error")
        if self._is_too_often(command, now_ns) or "rate_limited" in self._on:
            return {"code": 29001, "msg": "API access frequently"}
        if command == ORDER:
            return self._details(params.get("orderNumber", ""))
        if "currencyPair" not in params:
            return _refusal("-103", "currencyPair is required")
        # CoinW's own script sends both empty.
        if not all(_is_time(params.get(name, "")) for name in ("startAt", "endAt")):
            return _refusal("-103", "startAt and endAt are milliseconds")
        rows = self._open_orders(params) if command == OPEN_ORDERS else self._history(params)
        return _success([self._row(row) for row in rows])

    def _is_too_often(self, command: str, now_ns: int) -> bool:
        asked = self._asked_ns[command]
        while asked and now_ns - asked[0] > WINDOW_S * 1e9:
            asked.popleft()
        asked.append(now_ns)
        return len(asked) > LIMITS[command]

    def _details(self, number: str) -> Json:
        known = next((order for order in self.orders.values() if str(order.order_id) == number), None)
        if known is None or "vanished" in self._on:
            return _success(None)
        local = datetime.fromtimestamp(known.created_ms / 1000, UTC) + timedelta(hours=8)
        return _success(self._row(known.details(local.strftime("%Y-%m-%d %H:%M:%S"))))

    def _open_orders(self, params: Mapping[str, str]) -> list[Json]:
        if "vanished" in self._on:
            return []
        return [order.open_row() for order in self._within(params) if order.is_open]

    def _history(self, params: Mapping[str, str]) -> list[Json]:
        return [order.history_row() for order in self._within(params)][:HISTORY_SIZE]

    def _within(self, params: Mapping[str, str]) -> list[SimulatedCoinwOrder]:
        """Orders of the pair placed within the times, newest first."""
        start_ms, end_ms = int(params.get("startAt") or 0), int(params.get("endAt") or 2**62)
        orders = [
            order
            for order in self.orders.values()
            if order.pair == params["currencyPair"] and start_ms <= order.created_ms <= end_ms
        ]
        return sorted(orders, key=lambda order: order.created_ms, reverse=True)

    def _row(self, row: Json) -> Json:
        if row["status"] == 6 and "rejected_as_canceled" in self._on:
            return {**row, "status": 4}
        return row

    def fault(self, name: str, on: bool = True) -> None:
        """Switch one of FAULTS.

        Raises:
            ValueError: There is no such fault.
        """
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; there are {', '.join(FAULTS)}")
        if on:
            self._on.add(name)
        else:
            self._on.discard(name)

    def settings(self, addresses: Mapping[str, str]) -> dict[str, object]:
        """The block of config.yaml that reaches it."""
        return {
            "kind": "coinw",
            "api_key": API_KEY,
            "secret_key": SECRET_KEY,
            "pairs": list(PAIRS),
            "ws_url": f"ws://{addresses['stream']}",
            "rest_url": f"http://{addresses['rest']}",
        }

    def alternatives(self, addresses: Mapping[str, str]) -> Sequence[dict[str, object]]:
        """There is but one way."""
        return []


class _ClientMessage(msgspec.Struct):
    event: str = ""
    params: dict[str, str] | None = None


def _text(message: object) -> str:
    return msgspec.json.encode(message).decode()


def _error(code: int, message: str) -> Json:
    return {"result": False, "errorCode": code, "errorMsg": message}


def _is_time(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and len(text) < 19)


def _success(data: object) -> Json:
    return {"code": "200", "data": data, "msg": "SUCCESS", "success": True, "failed": False}


def _refusal(code: str, message: str) -> Json:
    return {"code": code, "data": None, "msg": message, "success": False, "failed": True}


def _as_numbers(row: Json, order: SimulatedCoinwOrder) -> Json:
    amounts = ("size", "remaining_size", "price", "dealFunds", "dealAvgPrice", "fee")
    numbers = {name: msgspec.Raw(str(row[name]).encode()) for name in amounts if name in row}
    return {**row, **numbers, "order_id": str(row["order_id"]), "time": str(row["time"])}


def _in_lower_case(row: Json, order: SimulatedCoinwOrder) -> Json:
    texts = ("type", "reason", "side", "order_type")
    return {name: str(value).lower() if name in texts else value for name, value in row.items()}


def _with_hyphen(row: Json, order: SimulatedCoinwOrder) -> Json:
    return {**row, "product_id": order.pair.replace("_", "-")}


def _at_order_time(row: Json, order: SimulatedCoinwOrder) -> Json:
    return {**row, "time": order.created_ms}


def _by_quote(row: Json, order: SimulatedCoinwOrder) -> Json:
    return row if order.intent.price else {**row, "size": "0", "remaining_size": "0"}


_SHAPES: dict[str, Callable[[Json, SimulatedCoinwOrder], Json]] = {
    "market_by_quote": _by_quote,
    "order_time": _at_order_time,
    "lower_case": _in_lower_case,
    "hyphen_pairs": _with_hyphen,
    "numbers": _as_numbers,
}
"""What the documentation leaves open about a row."""

_NOISE: dict[str, bytes | str] = {
    "garbage": '{"biz":"exchange","type":"order","data":',
    "binary": b"\x00\xff\xfe garbage",
    "unknown_kind": '{"biz":"exchange","type":"candles","data":"[]"}',
}
"""What comes before a push."""
