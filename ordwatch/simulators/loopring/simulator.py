"""The relayer's side: WebSocket conversations and REST for one account, sans-I/O.

Checks a subscription in the order the error codes suggest, answers all or nothing, pings every 30 s, hangs up after
120 s without a pong or after a pong too many. Sources: Loopring/DEX-API and DEX-API-V3, WebSocket and REST pages.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from ordwatch.simulators.contract import Close, Market, Outgoing, Step, TrueState
from ordwatch.simulators.loopring.orders import MARKETS, PRICES, JsonObject, Relayer, RelayerOrder, push_document
from ordwatch.simulators.loopring.rest import SimulatedRest
from ordwatch.venues.contract import HttpReply, HttpRequest, Payload
from ordwatch.venues.loopring.protocol_versions import Protocol

PING_S = 30.0
PONG_LIMIT_S = 120.0
MAX_TOPICS = 20
POLICY_VIOLATION = 1008

_TOPICS = ("account", "order", "orderbook", "trade", "ticker", "candlestick", "ammpool")
_VARIANTS = ("string_topic", "misspelt_topic", "seconds", "lower_case", "update_at", "no_filled", "integers")

FAULTS = (
    *_VARIANTS,  # other documented spellings of a push
    "lower_ok",  # the success word is "ok"
    "topic_echo",  # answers have `topic` in place of `topics`
    "no_echo",  # answers have no sequence
    "no_ack",  # subscriptions are not answered
    "sub_refused",  # they are not understood: 104115
    "key_refused",  # the apiKey is invalid: 104112, and 104002 over REST
    "no_user",  # nobody has this apiKey: 104114
    "bad_market",  # the first market is not supported: 104110
    "garbage",  # something unreadable before each push
    "siblings",  # a message of another topic before each push
    "unknown_kind",  # a message of an unheard-of topic before each push
    "hashless",  # an order without hash before each push
    "no_ping",
    "mute",  # no pushes, though all else works
    "ticket_refused",
    "no_decimals",  # the list of tokens is refused
    "tokens_busy",  # the list of tokens is answered by 429
    "no_waiting",  # REST lists take the status `waiting` for a mistake: 100001
    "same_page",  # REST lists ignore the offset
    "forgets",  # REST knows no order any more: 107003
    "busy",  # REST answers 429
    "plain_error",  # REST errors as {"code":..,"msg":..}
)


@dataclass
class _Peer:
    needs_ticket: bool
    ping_due_ns: int
    received_ns: int
    pings: int = 0
    pongs: int = 0
    api_key: str | None = None
    topics: dict[str, object] = field(default_factory=dict)
    """By market, the topic as this peer's pushes name it."""


class LoopringSimulator:
    """One relayer with one account. `protocol` is the one that `settings` names; all generations are served."""

    listeners: Mapping[str, Literal["tcp", "websocket", "http"]] = {"ws": "websocket", "rest": "http"}
    markets: Sequence[Market] = tuple(PRICES.values())
    faults: Sequence[str] = FAULTS

    def __init__(self) -> None:
        self.protocol: Protocol = "v3"
        self.api_key = "simulated-loopring-api-key-0123456789abcdefghijklmnopqrstuvwxyz"
        self.account_id = "10005"
        self.ping_s = PING_S
        self.relayer = Relayer()
        self.rest = SimulatedRest(self.relayer, self.api_key, self.account_id)
        self._faults: set[str] = set()
        self._clients: dict[int, _Peer] = {}
        self._queue: list[Outgoing] = []

    def connected(self, peer: int, listener: str, path: str, now_ns: int) -> None:
        """Let a client in, v3's only with a ticket that was never used."""
        parts = urlsplit(path)
        needs_ticket = parts.path.startswith("/v3")
        ticket = parse_qs(parts.query).get("wsApiKey", [""])[0]
        if needs_ticket and not self.rest.take_ticket(ticket):
            self._queue.append(Outgoing(peer, Close(POLICY_VIOLATION, "invalid wsApiKey")))
            return
        self._clients[peer] = _Peer(needs_ticket, now_ns + self._ping_ns(), now_ns)

    def receive(self, peer: int, data: bytes, now_ns: int) -> None:
        """One WebSocket message."""
        client = self._clients.get(peer)
        if client is None:
            return
        client.received_ns = now_ns
        if data == b"pong":
            client.pongs += 1
            if client.pongs > client.pings:
                self._hang_up(peer, "too many pongs")
            return
        answer = self._answer(client, data)
        if "no_ack" not in self._faults:
            self._send(peer, json.dumps(answer))

    def disconnected(self, peer: int) -> None:
        """The client has disconnected."""
        self._clients.pop(peer, None)

    def request(self, request: HttpRequest, now_ns: int) -> HttpReply:
        """Answer a REST call."""
        return self.rest.answer(request, now_ns, self._faults)

    def play(self, step: Step, now_ns: int) -> None:
        """Apply a step to an order and push it to the subscribed clients."""
        order = self.relayer.play(step, now_ns // 1_000_000)
        if "mute" in self._faults:
            return
        for number, peer in self._clients.items():
            if order.market in peer.topics:
                self._push(number, order, peer.topics[order.market])

    def tick(self, now_ns: int) -> None:
        """Send pings, and disconnect clients that do not answer."""
        for number, peer in list(self._clients.items()):
            if peer.pongs < peer.pings and now_ns - peer.received_ns > PONG_LIMIT_S * 1e9:
                self._hang_up(number, "no pong")
            elif now_ns >= peer.ping_due_ns and "no_ping" not in self._faults:
                peer.ping_due_ns = now_ns + self._ping_ns()
                peer.pings += 1
                self._send(number, "ping")

    def data_to_send(self) -> list[Outgoing]:
        """Take what is queued, in order."""
        queue, self._queue = self._queue, []
        return queue

    def fault(self, name: str, on: bool = True) -> None:
        """Switch one of `faults`.

        Raises:
            ValueError: There is no such fault.
        """
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; there are {', '.join(FAULTS)}")
        (self._faults.add if on else self._faults.discard)(name)

    def truth(self) -> dict[tuple[str, str | None, str], TrueState]:
        """What is so."""
        return self.relayer.truth(self.account_id)

    def settings(self, addresses: Mapping[str, str]) -> dict[str, object]:
        """The block of config.yaml that reaches it."""
        path = "/v3/ws" if self.protocol == "v3" else "/v2/ws"
        return {
            "kind": "loopring",
            "api_key": self.api_key,
            "account_id": self.account_id,
            "markets": list(MARKETS),
            "protocol": self.protocol,
            "ws_url": f"ws://{addresses['ws']}{path}",
            "rest_url": f"http://{addresses['rest']}",
        }

    def alternatives(self, addresses: Mapping[str, str]) -> Sequence[dict[str, object]]:
        """There is but one way."""
        return []

    def _push(self, peer: int, order: RelayerOrder, topic: object) -> None:
        for noise in self._noise():
            self._send(peer, noise)
        document = push_document(order, self._topic(order, topic), self._faults)
        self._queue.append(Outgoing(peer, json.dumps(document), push=True))

    def _topic(self, order: RelayerOrder, topic: object) -> object:
        if "string_topic" in self._faults:
            return f"order&{order.market}"
        if "misspelt_topic" in self._faults:
            return {"topic:": "order", "market": order.market}
        return topic

    def _noise(self) -> list[Payload]:
        noise: dict[str, Payload] = {
            "garbage": '{"topic":{"topic":"order","market":"LRC-ETH"},"data":{"hash":',
            "siblings": '{"topic":{"topic":"ticker","market":"LRC-ETH"},"ts":1,"data":[]}',
            "unknown_kind": '{"topic":{"topic":"weather"},"ts":1,"data":[]}',
            "hashless": '{"topic":{"topic":"order","market":"LRC-ETH"},"ts":1,"data":{"status":"processing"}}',
        }
        return [payload for name, payload in noise.items() if name in self._faults]

    def _send(self, peer: int, payload: Payload) -> None:
        self._queue.append(Outgoing(peer, payload))

    def _hang_up(self, peer: int, reason: str) -> None:
        self._queue.append(Outgoing(peer, Close(POLICY_VIOLATION, reason)))
        del self._clients[peer]

    def _ping_ns(self) -> int:
        return int(self.ping_s * 1e9)

    def _answer(self, peer: _Peer, data: bytes) -> JsonObject:
        try:
            message = json.loads(data)
        except ValueError:
            message = None
        if not isinstance(message, dict) or "sub_refused" in self._faults:
            return {"op": "", "topics": [], "result": _failure(104115, "unexpected msg")}
        topics = _topics(message)
        code = self._fault_in(peer, message, topics)
        if code is None:
            self._apply(peer, message, topics)
        echo = {name: message[name] for name in ("op", "sequence", "apiKey", "args", "topics") if name in message}
        if "args" not in echo:
            echo.pop("apiKey", None)
        if "no_echo" in self._faults:
            echo.pop("sequence", None)
        if "topic_echo" in self._faults and "topics" in echo:
            echo["topic"] = echo.pop("topics")
        word = "ok" if "args" in echo or "lower_ok" in self._faults else "OK"
        wrong = ",".join(market for _, market in topics).lower()
        return {**echo, "result": {"status": word} if code is None else _failure(code, f"refused: order:{wrong}")}

    def _fault_in(self, peer: _Peer, message: JsonObject, topics: list[tuple[str, str]]) -> int | None:
        """The code of the first check that fails."""
        key = message.get("apiKey")
        markets = [market for _, market in topics]
        checks = (
            (104101, str(message.get("op")).lower() not in ("sub", "unsub")),
            (104100, not topics),
            (104102, any(name not in _TOPICS for name, _ in topics)),
            (104103, len(set(topics)) < len(topics) or ("args" in message and len(topics) > 1)),
            (104104, not key),
            (104112, key != self.api_key or "key_refused" in self._faults),
            (104114, "no_user" in self._faults),
            (104105, peer.api_key not in (None, key)),
            (104110, any(not self._is_market(market) for market in markets)),
            (104116, "args" not in message and len(set(markets) | set(peer.topics)) > MAX_TOPICS),
        )
        return next((code for code, failed in checks if failed), None)

    def _is_market(self, market: str) -> bool:
        return market.upper() in MARKETS[1 if "bad_market" in self._faults else 0 :]

    def _apply(self, peer: _Peer, message: JsonObject, topics: list[tuple[str, str]]) -> None:
        peer.api_key = str(message["apiKey"])
        leaf_errors = str(message["op"]).lower() == "unsub"
        if message.get("unsubscribeAll") or ("args" in message and not leaf_errors):
            peer.topics.clear()
        for name, market in topics:
            topic = f"{name}&{market}" if "args" in message else {"topic": name, "market": market}
            if leaf_errors:
                peer.topics.pop(market.upper(), None)
            else:
                peer.topics[market.upper()] = topic


def _topics(message: JsonObject) -> list[tuple[str, str]]:
    """Topic names and markets of a request of either generation."""
    args, topics = message.get("args"), message.get("topics")
    if isinstance(args, list):
        return [(str(arg).partition("&")[0], str(arg).partition("&")[2]) for arg in args]
    if not isinstance(topics, list):
        return []
    return [(str(topic.get("topic")), str(topic.get("market"))) for topic in topics if isinstance(topic, dict)]


def _failure(code: int, message: str) -> JsonObject:
    return {"status": "failed", "error": {"code": code, "message": message}}
