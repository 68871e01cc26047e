"""The account: a listen key for the stream, which is silent while no order moves; signed requests for the rest.

Facts: Binance's documentation of USDⓈ-M futures, "User Data Streams", "Endpoint Security Type", "All Orders".
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from ordwatch.core.errors import ConnectionLost, RemoteProtocolError
from ordwatch.core.events import Closed, Ignored, SessionEvent
from ordwatch.core.merging import not_found
from ordwatch.core.secrets import Redaction, Secret
from ordwatch.venues import contract as ow
from ordwatch.venues.toolkit.addresses import check_url
from ordwatch.venues.toolkit.answers import ApiError, answer
from ordwatch.venues.toolkit.lenient_json import Unreadable, loads
from ordwatch.venues.toolkit.push_session import PushSession
from ordwatch.venues.toolkit.rejects import redaction

from .orders import LETTERS, order_update

LISTEN_KEY = "/fapi/v1/listenKey"
HISTORY_MS, PAGE_SIZE = 7 * 24 * 3600 * 1000 - 60_000, 1000
OTHERS = ("ACCOUNT_UPDATE", "ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL", "TRADE_LITE", "STRATEGY_UPDATE", "GRID_UPDATE")
NO_SUCH_ORDER, NO_SUCH_KEY, AUTH_CODES = "-2013", "-1125", ("-1022", "-2014", "-2015")


class BinanceFuturesSettings(ow.VenueSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account. Closed orders are asked for by symbol: those named here, and those seen."""

    api_key: Secret
    secret_key: Secret
    symbols: Sequence[str] = ()
    ws_url: str = "wss://fstream.binance.com"
    rest_url: str = "https://fapi.binance.com"

    def check(self) -> None:
        check_url("ws_url", self.ws_url, secure="wss", plain="ws", allow_plaintext=self.allow_plaintext)
        check_url("rest_url", self.rest_url, secure="https", plain="http", allow_plaintext=self.allow_plaintext)


@dataclass(frozen=True)
class BinanceFuturesClient:
    """Implements `VenueClient`."""

    setup: ow.Setup[BinanceFuturesSettings]
    redact: Redaction
    connections: int = 1

    async def open(self, _connection: int, call: ow.Call) -> ow.ConnectionPlan:
        """Fetch the listen key that is the stream's address."""
        body, settings = self._answer(await ow.http(call, self._request("POST", LISTEN_KEY))), self.setup.settings
        key = body.get("listenKey") if isinstance(body, dict) else None
        if not isinstance(key, str) or not (key.isascii() and key.isalnum()):
            raise RemoteProtocolError(f"{LISTEN_KEY}: the answer holds no key")
        self.redact.add(Secret(key))
        url, secrets = settings.ws_url.rstrip("/"), (key, settings.api_key.reveal(), settings.secret_key.reveal())
        session = PushSession(self.setup.name, self._events, others=OTHERS, secrets=secrets, silence_s=60.0)
        extend = ow.Keepalive(self._request("PUT", LISTEN_KEY), 1800.0, self._judge)  # of an hour
        return ow.ConnectionPlan(ow.Endpoint("websocket", url, url=f"{url}/ws/{key}", ping_s=20.0), session, extend)

    def _events(self, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        match loads(data):
            case {"e": "ORDER_TRADE_UPDATE", "o": dict(order), **rest}:
                fields = {name: order[letter] for letter, name in LETTERS.items() if letter in order}
                fields["updateTime"] = rest.get("T")
                return [order_update(fields, self.setup.name, "push", now_ns, raw=self.setup.raw)]
            case {"e": "listenKeyExpired"}:
                return [Closed(ConnectionLost("the listen key expired", "listen_key_expired"))]
            case {"e": str(kind)} if kind != "ORDER_TRADE_UPDATE":
                return [Ignored(kind)]
            case _:
                raise Unreadable("a message that is no event")

    async def query(self, spec: ow.QuerySpec, call: ow.Call, emit: ow.Emit) -> ow.QueryResult:
        """Open orders of all symbols; for a gap the history of each; then by id what neither named."""
        listed, now_ms = await self._rows(call, emit, "/fapi/v1/openOrders", {})
        complete_since_ns, limits = None, ["an order made before the gap, ended in it and never seen open is not found"]
        if spec.since_ns is not None:
            start_ms = max(spec.since_ns // 1_000_000, now_ms - HISTORY_MS)
            if start_ms * 1_000_000 > spec.since_ns:
                complete_since_ns = start_ms * 1_000_000
            seen = (order.symbol for order in spec.orders() if order.symbol)
            for symbol in dict.fromkeys((*self.setup.settings.symbols, *seen)):
                params = {"symbol": symbol, "startTime": str(start_ms), "limit": str(PAGE_SIZE)}
                ids, _ = await self._rows(call, emit, "/fapi/v1/allOrders", params)
                listed |= ids
                if len(ids) >= PAGE_SIZE:
                    complete_since_ns = ow.NEVER
                    limits.append(f"more orders of {symbol} than one answer holds")
        for order in spec.open_orders():
            if order.order_id not in listed and order.symbol and not order.not_found:
                params = {"symbol": order.symbol, "orderId": order.order_id}
                try:
                    await self._rows(call, emit, "/fapi/v1/order", params)
                except ApiError as exc:
                    if exc.code != NO_SUCH_ORDER:
                        raise
                    await emit([not_found(order, str(exc), exc.received_ns)])
        return ow.QueryResult(complete_since_ns=complete_since_ns, limits=tuple(limits))

    async def _rows(self, call: ow.Call, emit: ow.Emit, path: str, params: Mapping[str, str]) -> tuple[set[str], int]:
        """The ids of the orders listed there, which go out as rows, and the venue's time of the question, ms."""
        reply, setup = await ow.http(call, self._request("GET", path, params)), self.setup
        body = self._answer(reply)
        rows = [row if isinstance(row, dict) else {} for row in (body if isinstance(body, list) else [body])]
        try:
            orders = [order_update(row, setup.name, "query", reply.received_ns, raw=setup.raw) for row in rows]
        except Unreadable as exc:
            raise RemoteProtocolError(f"{path}: {exc}") from None
        await emit(orders)
        return {order.order_id for order in orders}, int(reply.sent.params["timestamp"]) if reply.sent else 0

    def _request(self, method: ow.Method, path: str, params: Mapping[str, str] | None = None) -> ow.HttpRequest:
        return ow.HttpRequest(
            name=path,
            url=self.setup.settings.rest_url.rstrip("/") + path,
            method=method,
            params=params or {},
            headers={"X-MBX-APIKEY": self.setup.settings.api_key.reveal()},
            rates=(ow.Rate("binance futures", 10, 1.0),),
            sign=self._sign if method == "GET" else None,
        )

    def _sign(self, request: ow.HttpRequest, venue_ns: int) -> ow.HttpRequest:
        params = {**request.params, "recvWindow": "5000", "timestamp": str(venue_ns // 1_000_000)}
        key, text = self.setup.settings.secret_key.reveal().encode(), urlencode(params).encode()
        return msgspec.structs.replace(
            request, params={**params, "signature": hmac.new(key, text, hashlib.sha256).hexdigest()}
        )

    def _judge(self, reply: ow.HttpReply) -> None:
        try:
            self._answer(reply)
        except ApiError as exc:
            raise ConnectionLost(str(exc), "listen_key_expired") if exc.code == NO_SUCH_KEY else exc from None

    def _answer(self, reply: ow.HttpReply) -> object:
        return answer(reply, auth_codes=AUTH_CODES, redact=self.redact)


def configure(setup: ow.Setup[ow.VenueSettings]) -> BinanceFuturesClient:
    return BinanceFuturesClient(setup.bind(BinanceFuturesSettings), redaction(setup.settings))
