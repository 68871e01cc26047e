"""OpenD's side of every conversation, on TCP and WebSocket, sans-I/O. The official SDK takes it for an OpenD.

Answers what a reader may ask and refuses the rest; pushes orders and, for live accounts, fills to whoever subscribed.
Facts: Futu API documentation ("Protocol Introduction", "Trade", "Notify", "Interface Limitations") and futu-api 10.11.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ordwatch.core.errors import RemoteProtocolError
from ordwatch.simulators.contract import Close, Market, Outgoing, Step, TrueState
from ordwatch.simulators.opend.answers import Refusal, RequestHandler, read, refused
from ordwatch.simulators.opend.fills import UPDATE_ORDER_FILL, fill_push
from ordwatch.simulators.opend.orders import LIVE, SECURITIES, Broker, SimulatedOpendOrder
from ordwatch.simulators.opend.wire import (
    AES_IV,
    AES_KEY,
    ClientLink,
    Request,
    TcpClient,
    WebSocketClient,
    websocket_key_md5,
)
from ordwatch.venues.contract import HttpReply, HttpRequest
from ordwatch.venues.opend import messages
from ordwatch.venues.opend.crypto import Rsa
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

HEARTBEAT_LIMIT_NS = 30 * 1_000_000_000

FAULTS = (
    "sparse",  # orders without their optional fields
    "no_timestamps",  # times as local texts only
    "whole_seconds",  # times without a fraction
    "bad_text",  # names that are not UTF-8
    "not_a_number",  # pushed quantities are NaN
    "no_id",  # pushed orders have no id
    "bad_sha1",  # TCP: pushes do not match their SHA-1
    "unreadable",  # pushes are no protobuf
    "push_refused",  # pushes with retType -1
    "unknown_kind",  # a message of an unheard-of proto id before each push
    "quotes",  # a market data push before each push
    "unasked",  # an answer nobody waits for before each push
    "bad_flag",  # TCP: garbage before each push
    "endless",  # TCP: a header of a 2 GiB body before each push
    "mute",  # no pushes, though all else works
    "silent",  # nothing at all is sent any more
    "deaf",  # requests are not answered
    "login_refused",  # as by an OpenD whose own login waits for a code from the phone
    "accounts_refused",
    "no_accounts",
    "subscription_refused",
    "orders_refused",
    "account_refused",  # no orders of `refused_account`, today's or earlier, are answered, as with a fund account
    "history_refused",
    "slow_lists",  # every list of orders is `list_delay_s` late
    "slow_refresh",  # those that OpenD has to ask its broker for are
    "big_lists",  # the first account has `big_list` more orders today
    "header_errors",  # WebSocket: refusals stand in the header
    "logged_out",  # not logged in at the trade server: reported, nothing is pushed, nothing is refreshed
    "kicked_out",  # reports that the same user logged in elsewhere
    "gateway_lost",  # WebSocket: reports that OpenD has ended
    "stale_cache",  # orders are as they were when this was switched on, until they are asked for with refreshCache
    "open_only",  # the list of orders has no finished ones
    "forgets",  # no order is known any more
)

_CONNECT_STATUS, _GTW_EVENT, _KICKED_OUT = 3, 1, 7
_QUOTE_PUSH, _UNKNOWN_KIND = 3005, 9999
_USER_ID = 7400000
_NO_LOGIN_YET = "登录需要手机验证码"


@dataclass
class _Peer:
    wire: ClientLink
    received_ns: int
    ready: bool = False
    notify: bool = False
    accounts: frozenset[int] = frozenset()


class OpendSimulator:
    """One OpenD with several accounts. `transport` is the one that `settings` names; both are served."""

    listeners: Mapping[str, Literal["tcp", "websocket", "http"]] = {"tcp": "tcp", "websocket": "websocket"}
    markets: Sequence[Market] = tuple(security.market for security in SECURITIES)
    faults: Sequence[str] = FAULTS

    def __init__(self, rsa: Rsa | None = None) -> None:
        """`rsa` is the key this OpenD is configured with; it draws random numbers, so it is made outside."""
        self.transport: Literal["tcp", "websocket"] = "tcp"
        self.websocket_key = "simulated-websocket-key"
        self.keep_alive_s = 10
        self.clock_ahead_ns = 0
        """How far OpenD's clock, which stamps the orders, is ahead of the one it is hosted by."""
        self.list_delay_s = 15.0
        self.broker = Broker()
        self.asked: list[int] = []
        """Proto ids of every request, in order."""
        self.refused: list[int] = []
        """Those that got a no."""
        self._rsa = rsa
        self._faults: set[str] = set()
        self._clients: dict[int, _Peer] = {}
        self._queue: list[Outgoing] = []
        self._serial = 0
        self._now_ns = 0
        self._late: list[tuple[int, int, bytes]] = []
        """When it is due, to whom, and what."""
        self.handler = RequestHandler(self.broker, self._faults)
        self._answers: dict[int, Callable[[_Peer, bytes], bytes]] = {
            messages.INIT_CONNECT: self._init_connect,
            messages.INIT_WEBSOCKET: self._init_websocket,
            messages.KEEP_ALIVE: self._keep_alive,
            messages.SUB_ACC_PUSH: self._subscribe,
            messages.GET_GLOBAL_STATE: lambda _, body: self.handler.global_state(
                body, self._now_ns + self.clock_ahead_ns
            ),
            messages.GET_ACC_LIST: lambda _, body: self.handler.account_list(body),
            messages.GET_ORDER_LIST: lambda _, body: self.handler.order_list(body, self._now_ns),
            messages.GET_HISTORY_ORDER_LIST: lambda _, body: self.handler.history(body, self._now_ns),
        }

    def connected(self, peer: int, listener: str, path: str, now_ns: int) -> None:
        """A client came."""
        wire: ClientLink = TcpClient(self._rsa) if listener == "tcp" else WebSocketClient()
        self._clients[peer] = _Peer(wire, now_ns)

    def receive(self, peer: int, data: bytes, now_ns: int) -> None:
        """Bytes of a TCP stream or one WebSocket message. A client that violates the protocol is disconnected."""
        client = self._clients.get(peer)
        if client is None:
            return
        self._now_ns = now_ns
        try:
            for request in client.wire.receive(data):
                self._take(peer, client, request)
        except RemoteProtocolError:
            self._hang_up(peer)

    def disconnected(self, peer: int) -> None:
        """The client has disconnected."""
        self._clients.pop(peer, None)

    def request(self, request: HttpRequest, now_ns: int) -> HttpReply:
        """OpenD has no REST."""
        return HttpReply(status=404, body=b"", received_ns=now_ns)

    def play(self, step: Step, now_ns: int) -> None:
        """Apply a step to an order; push it and its fills to the clients that subscribed to its account."""
        self._now_ns = now_ns
        known = self.broker.orders.get(step.order)
        before = known.filled if known is not None else 0
        order = self.broker.play(step, now_ns + self.clock_ahead_ns)
        if not self._faults & {"mute", "silent", "logged_out"}:
            for number, peer in self._clients.items():
                if order.account.id in peer.accounts:
                    self._push_order(number, peer, order)
                    if order.filled > before and order.account.environment == LIVE:
                        self._push_fill(number, peer, order, float(order.filled - before))

    def tick(self, now_ns: int) -> None:
        """Send delayed messages, and disconnect clients that sent no heartbeat for 30 s."""
        self._now_ns = now_ns
        self._send_late()
        for number, peer in list(self._clients.items()):
            if peer.wire.beats and now_ns - peer.received_ns > HEARTBEAT_LIMIT_NS:
                self._hang_up(number)

    def data_to_send(self) -> list[Outgoing]:
        """Take what is queued, in order."""
        queue, self._queue = self._queue, []
        return [] if "silent" in self._faults else queue

    def fault(self, name: str, on: bool = True) -> None:
        """Switch one of `faults`.

        Raises:
            ValueError: There is no such fault.
        """
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; there are {', '.join(FAULTS)}")
        (self._faults.add if on else self._faults.discard)(name)
        if name in ("stale_cache", "logged_out"):
            self.handler.freeze(on)
        if name == "logged_out":
            status = pb.Notify.ConnectStatus(qotLogined=True, trdLogined=not on)
            self._notify(pb.Notify.S2C(type=_CONNECT_STATUS, connectStatus=status))
        if name == "kicked_out" and on:
            event = pb.Notify.GtwEvent(eventType=_KICKED_OUT, desc="账号已在别处登录".encode())
            self._notify(pb.Notify.S2C(type=_GTW_EVENT, event=event))
        if name == "gateway_lost" and on:
            for number, peer in self._clients.items():
                if not peer.wire.beats:
                    self._send(number, peer.wire.push(messages.OPEND_DISCONNECTED, 0, b""))

    def truth(self) -> dict[tuple[str, str | None, str], TrueState]:
        """What is so."""
        return self.broker.truth()

    def settings(self, addresses: Mapping[str, str]) -> dict[str, object]:
        """The block of config.yaml that reaches it; one with an RSA key also needs the key's file."""
        return self._block(self.transport, addresses)

    def alternatives(self, addresses: Mapping[str, str]) -> Sequence[dict[str, object]]:
        """The block for the other transport."""
        return [self._block("websocket" if self.transport == "tcp" else "tcp", addresses)]

    def _block(self, transport: str, addresses: Mapping[str, str]) -> dict[str, object]:
        host, _, port = addresses[transport].rpartition(":")
        block: dict[str, object] = {"kind": "opend", "host": host, "port": int(port), "transport": transport}
        if transport == "websocket":
            block["websocket_key"] = self.websocket_key
        return block

    def _push_order(self, number: int, peer: _Peer, order: SimulatedOpendOrder) -> None:
        for noise in self._noise(peer):
            self._send(number, noise)
        s2c = pb.UpdateOrder.S2C(header=order.account.header, order=order.wire(self._faults))
        body = pb.UpdateOrder.Response(retType=0, retMsg=b"", errCode=0, s2c=s2c).SerializeToString()
        if "push_refused" in self._faults:
            body = refused("服务器繁忙")
        if "unreadable" in self._faults:
            body = b"\xff\xff\xff" + body
        sound = "bad_sha1" not in self._faults
        payload = peer.wire.push(messages.UPDATE_ORDER, self._next_serial(), body, sound=sound)
        self._queue.append(Outgoing(number, payload, push=True))

    def _push_fill(self, number: int, peer: _Peer, order: SimulatedOpendOrder, qty: float) -> None:
        order.fills += 1
        fill_id = order.order_id + order.fills
        price = float(order.last.avg_price or order.placed.intent.price or 0)
        body = fill_push(order.account.header, order.wire(), fill_id=fill_id, qty=qty, price=price)
        self._send(number, peer.wire.push(UPDATE_ORDER_FILL, self._next_serial(), body))

    def _noise(self, peer: _Peer) -> list[bytes]:
        alive = pb.KeepAlive.Response(retType=0, s2c=pb.KeepAlive.S2C(time=1)).SerializeToString()
        noise = {
            "unknown_kind": peer.wire.push(_UNKNOWN_KIND, self._serial, alive),
            "quotes": peer.wire.push(_QUOTE_PUSH, self._serial, alive),
            "unasked": peer.wire.push(messages.GET_ORDER_LIST, 0xFFFFFF00, alive),
            "bad_flag": b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "endless": peer.wire.push(messages.UPDATE_ORDER, 0, b"")[:12]
            + (2**31 - 1).to_bytes(4, "little")
            + bytes(28),
        }
        return [payload for name, payload in noise.items() if name in self._faults]

    def _notify(self, s2c: pb.Notify.S2C) -> None:
        body = pb.Notify.Response(retType=0, s2c=s2c).SerializeToString()
        for number, peer in self._clients.items():
            if peer.notify:
                self._send(number, peer.wire.push(messages.NOTIFY, self._next_serial(), body))

    def _next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def _send(self, peer: int, payload: bytes) -> None:
        self._queue.append(Outgoing(peer, payload))

    def _hang_up(self, peer: int) -> None:
        self._queue.append(Outgoing(peer, Close(0 if self._clients[peer].wire.beats else 1002)))
        del self._clients[peer]

    def _take(self, number: int, peer: _Peer, request: Request) -> None:
        self.asked.append(request.proto_id)
        if not peer.ready and request.proto_id not in (messages.INIT_CONNECT, messages.INIT_WEBSOCKET):
            raise RemoteProtocolError("a request before the login")
        answer = self._answers.get(request.proto_id, _not_offered)
        try:
            body, error = answer(peer, request.body), b""
        except Refusal as exc:
            self.refused.append(request.proto_id)
            body = refused(str(exc))
            error = str(exc).encode() if "header_errors" in self._faults else b""
        payload = peer.wire.answer(request, body, error=error)
        if self._is_slow(request):
            self._late.append((self._now_ns + int(self.list_delay_s * 1e9), number, payload))
        elif "deaf" not in self._faults:
            self._send(number, payload)

    def _is_slow(self, request: Request) -> bool:
        if request.proto_id != messages.GET_ORDER_LIST:
            return False
        refreshes = pb.GetOrderList.Request.FromString(request.body).c2s.refreshCache
        return "slow_lists" in self._faults or ("slow_refresh" in self._faults and refreshes)

    def _send_late(self) -> None:
        due = [late for late in self._late if late[0] <= self._now_ns]
        self._late = [late for late in self._late if late[0] > self._now_ns]
        for _, number, payload in due:
            if number in self._clients:
                self._send(number, payload)

    def _init_connect(self, peer: _Peer, body: bytes) -> bytes:
        c2s = read(pb.InitConnect.Request.FromString, body).c2s
        self.handler.refuse_if("login_refused", _NO_LOGIN_YET)
        s2c = pb.InitConnect.S2C(
            serverVer=1011,
            loginUserID=_USER_ID,
            connID=self._next_serial(),
            connAESKey=AES_KEY,
            keepAliveInterval=self.keep_alive_s,
        )
        if peer.wire.encrypt(c2s.packetEncAlgo):
            s2c.aesCBCiv = AES_IV
        peer.ready, peer.notify = True, c2s.recvNotify
        return pb.InitConnect.Response(retType=0, retMsg=b"", errCode=0, s2c=s2c).SerializeToString()

    def _init_websocket(self, peer: _Peer, body: bytes) -> bytes:
        c2s = read(pb.InitWebSocket.Request.FromString, body).c2s
        self.handler.refuse_if("login_refused", _NO_LOGIN_YET)
        if c2s.websocketKey != websocket_key_md5(self.websocket_key):
            raise Refusal("websocket key error")
        peer.ready = peer.notify = True
        s2c = pb.InitWebSocket.S2C(
            serverTime=(self._now_ns + self.clock_ahead_ns) // 1_000_000_000, connID=self._next_serial()
        )
        return pb.InitWebSocket.Response(retType=0, s2c=s2c).SerializeToString()

    def _keep_alive(self, peer: _Peer, body: bytes) -> bytes:
        time_s = read(pb.KeepAlive.Request.FromString, body).c2s.time
        peer.received_ns = self._now_ns
        return pb.KeepAlive.Response(retType=0, s2c=pb.KeepAlive.S2C(time=time_s)).SerializeToString()

    def _subscribe(self, peer: _Peer, body: bytes) -> bytes:
        c2s = read(pb.SubAccPush.Request.FromString, body).c2s
        self.handler.refuse_if("subscription_refused", "订阅失败")
        peer.accounts = frozenset(c2s.accIDList)
        return pb.SubAccPush.Response(retType=0, s2c=pb.SubAccPush.S2C()).SerializeToString()


def _not_offered(peer: _Peer, body: bytes) -> bytes:
    raise Refusal("不支持的协议")
