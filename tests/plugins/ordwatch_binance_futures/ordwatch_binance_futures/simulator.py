"""Binance USDⓈ-M futures, played: listen keys, signed REST, and pushes of what its orders do."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlencode

from ordwatch.core.events import OrderStatus
from ordwatch.simulators.base import PushSimulator
from ordwatch.simulators.contract import Market, Step, TrueState
from ordwatch.venues.contract import HttpReply, HttpRequest

from .orders import LETTERS, STATUSES

API_KEY, SECRET_KEY = "simulated-api-key-0123456789", "simulated-secret-key-0123456789"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
WORDS = {OrderStatus.PENDING_NEW: "NEW", OrderStatus.REJECTED: "EXPIRED"}  # the nearest it knows


class BinanceFuturesSimulator(PushSimulator):
    """Implements `Simulator`: one account."""

    listeners: Mapping[str, Literal["tcp", "websocket", "http"]] = {"stream": "websocket", "rest": "http"}
    markets: Sequence[Market] = (
        Market("64000", "0.1", "0.01"),
        Market("3100", "0.01", "0.1"),
        Market("150", "0.01", "1"),
    )
    faults: Sequence[str] = ("listen_key_expired",)

    def __init__(self) -> None:
        super().__init__()
        self._key, self._keys, self._last_ms = "", 0, 0
        self._orders: dict[str, dict[str, str | int]] = {}
        self._states: dict[str, int] = {}

    def lets_in(self, path: str) -> bool:
        return self._key != "" and path == f"/ws/{self._key}"

    def fault(self, name: str, on: bool = True) -> None:
        if on:
            self.send(json.dumps({"e": "listenKeyExpired", "E": self._last_ms, "listenKey": self._key}))
            self._key = ""

    def play(self, step: Step, now_ns: int) -> None:
        self._last_ms, intent = max(self._last_ms + 1, now_ns // 1_000_000), step.intent
        row = self._orders.setdefault(
            step.order,
            {
                "orderId": 8_389_765_000_000_000_000 + len(self._orders), "clientOrderId": step.order, "status": "",
                "symbol": SYMBOLS[intent.instrument % len(SYMBOLS)], "side": intent.side.partition("_")[0],
                "type": intent.order_type, "timeInForce": "GTC", "origQty": intent.qty, "price": intent.price or "0",
                "stopPrice": intent.stop_price or "0", "positionSide": "BOTH", "time": self._last_ms,
            },
        )  # fmt: skip
        word = step.native or WORDS.get(step.status, step.status.value)
        status = word if word in STATUSES or step.native else row["status"] or "NEW"
        if (status, step.filled) != (row["status"], row.get("executedQty")):
            row |= {"status": status, "executedQty": step.filled, "avgPrice": step.avg_price or "0"}
            row["updateTime"] = self._last_ms
            self._states[step.order] = self._states.get(step.order, 0) + 1
            order = {letter: row[name] for letter, name in LETTERS.items()}
            push = {"e": "ORDER_TRADE_UPDATE", "E": self._last_ms, "T": self._last_ms, "o": order}
            self.send(json.dumps(push), push=True)

    def truth(self) -> dict[tuple[str, str | None, str], TrueState]:
        return {
            ("live", None, str(row["orderId"])): TrueState(
                STATUSES.get(str(row["status"]), OrderStatus.UNKNOWN), str(row["executedQty"]), self._states[name]
            )
            for name, row in self._orders.items()
        }

    def settings(self, addresses: Mapping[str, str]) -> dict[str, object]:
        urls = {"ws_url": f"ws://{addresses['stream']}", "rest_url": f"http://{addresses['rest']}"}
        keys = {"api_key": API_KEY, "secret_key": SECRET_KEY}
        return {"kind": "binance_futures", **keys, "symbols": list(SYMBOLS), **urls}

    def request(self, request: HttpRequest, now_ns: int) -> HttpReply:
        headers = {name.lower(): value for name, value in request.headers.items()}
        status, body = 400, self._refusal(request.params, now_ns // 1_000_000) if request.method == "GET" else None
        if headers.get("x-mbx-apikey") != API_KEY:
            status, body = 401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
        elif body is None:
            status, body = self._answer(f"{request.method} {request.url}", request.params)
        return HttpReply(status=status, body=json.dumps(body).encode(), received_ns=now_ns)

    def _refusal(self, params: Mapping[str, str], now_ms: int) -> object:
        signed = urlencode({name: value for name, value in params.items() if name != "signature"}).encode()
        if hmac.new(SECRET_KEY.encode(), signed, hashlib.sha256).hexdigest() != params.get("signature"):
            return {"code": -1022, "msg": "Signature for this request is not valid."}
        if not -1000 < now_ms - int(params["timestamp"]) <= int(params["recvWindow"]):
            return {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
        return None

    def _answer(self, asked: str, params: Mapping[str, str]) -> tuple[int, object]:
        rows = [row for row in self._orders.values() if params.get("symbol", row["symbol"]) == row["symbol"]]
        match asked.replace("/fapi/v1/", ""):
            case "POST listenKey":
                self._keys += not self._key
                self._key = self._key or f"simulatedListenKey{self._keys:08}"
                return 200, {"listenKey": self._key}
            case "PUT listenKey":
                return (200, {}) if self._key else (400, {"code": -1125, "msg": "This listenKey does not exist."})
            case "GET openOrders":
                return 200, [row for row in rows if row["status"] in ("NEW", "PARTIALLY_FILLED")]
            case "GET allOrders":
                return 200, [row for row in rows if int(row["time"]) >= int(params["startTime"])][-1000:]
            case "GET order":
                found = [row for row in rows if str(row["orderId"]) == params["orderId"]]
                return (200, found[0]) if found else (400, {"code": -2013, "msg": "Order does not exist."})
            case _:
                return 404, {"code": -5000, "msg": "Path is invalid."}
