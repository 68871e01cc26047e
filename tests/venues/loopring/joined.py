"""A session and a simulator joined in memory, and REST calls answered by it; time passes only as the test says so."""

import json
from collections.abc import Sequence
from pathlib import Path

from ordwatch.core.events import OrderStatus, OrderUpdate, SessionEvent, Side
from ordwatch.core.secrets import Secret
from ordwatch.simulators.contract import Close, Intent, Outgoing, Step
from ordwatch.simulators.loopring.simulator import LoopringSimulator
from ordwatch.venues.contract import HttpReply, HttpRequest, Rate, RequestT, Setup
from ordwatch.venues.loopring.orders import Origin
from ordwatch.venues.loopring.protocol_versions import Protocol
from ordwatch.venues.loopring.session import LoopringSession
from ordwatch.venues.loopring.settings import LoopringSettings

DATA = Path(__file__).parent / "data"
KEY = "canary-6f1d0c2b9a8e7f5d4c3b2a1908f7e6d5c4b3a29180f7e6d5c4b3a291807f6e5d"
ORIGIN = Origin("loopring", "10005", {"LRC": 18, "ETH": 18, "USDT": 6, "BTC": 8})
START_NS = 1_700_000_000_000_000_000


def data(name: str) -> bytes:
    """A file of bytes that we did not write."""
    return (DATA / name).read_bytes()


def session(*markets: str, as_args: bool = False, raw: bool = False, origin: Origin = ORIGIN) -> LoopringSession:
    """A session that was started, its subscription taken."""
    talk = LoopringSession(origin, markets or ("LRC-ETH",), Secret(KEY), as_args=as_args, raw=raw)
    talk.start(START_NS)
    return talk


def answer(code: int | None = None, sequence: int | None = None, words: str = "words", status: str = "OK") -> bytes:
    """An answer to a subscription, a refusal if it has a code."""
    result: dict[str, object] = {"status": status}
    if code is not None:
        result = {"status": "failed", "error": {"code": code, "message": words}}
    reported: dict[str, object] = {"op": "sub", "sequence": sequence, "topics": [], "result": result}
    return json.dumps({key: value for key, value in reported.items() if value is not None}).encode()


def order(**fields: object) -> dict[str, object]:
    """The data of a push of LRC-ETH, with some fields changed; ... leaves a field out."""
    reported: dict[str, object] = {
        "hash": "0x01",
        "clientOrderId": "mine",
        "size": "5000000000000000000",
        "volume": "20000000000000",
        "price": "0.000004",
        "filledSize": "0",
        "filledVolume": "0",
        "filledFee": "0",
        "status": "processing",
        "createdAt": "1584717910000",
        "validSince": "1584717910",
        "validUntil": "1587309910",
        "side": "BUY",
        "market": "LRC-ETH",
    }
    return {key: value for key, value in (reported | fields).items() if value is not ...}


def push(ts: object = 1584717910123, **fields: object) -> bytes:
    """A push of LRC-ETH as production sends it."""
    return json.dumps({"topic": {"topic": "order", "market": "LRC-ETH"}, "ts": ts, "data": order(**fields)}).encode()


def read(frame: bytes, talk: LoopringSession | None = None) -> OrderUpdate:
    """The one order update that a frame makes."""
    (event,) = (talk or session()).receive(frame, START_NS)
    assert isinstance(event, OrderUpdate), event
    return event


def step(name: str, status: str, filled: str = "0", native: str | None = None, instrument: int = 0) -> Step:
    """One step of an order of 5 LRC at 0.000004."""
    intent = Intent(side=Side.BUY, qty="5", price="0.000004", instrument=instrument)
    return Step(order=name, status=OrderStatus(status), intent=intent, filled=filled, native=native)


class Joined:
    """One client at a simulator; everything either says is delivered at once, in order."""

    def __init__(
        self, simulator: LoopringSimulator, *markets: str, path: str = "/v2/ws", as_args: bool = False
    ) -> None:
        self.simulator = simulator
        self.now_ns = START_NS
        self.events: list[SessionEvent] = []
        self.closes: list[Close] = []
        self.received: list[Outgoing] = []
        self.talk = LoopringSession(ORIGIN, markets, Secret(simulator.api_key), as_args=as_args)
        simulator.connected(1, "ws", path, self.now_ns)
        self.talk.start(self.now_ns)
        self.run()

    def run(self) -> None:
        """Deliver until both are silent."""
        while True:
            sent = self.talk.data_to_send()
            for payload in sent:
                self.simulator.receive(1, payload.encode() if isinstance(payload, str) else payload, self.now_ns)
            received = self.simulator.data_to_send()
            self.received += received
            for outgoing in received:
                self._deliver(outgoing.payload)
            if not sent and not received:
                return

    def _deliver(self, payload: bytes | str | Close) -> None:
        if isinstance(payload, Close):
            self.closes.append(payload)
        else:
            frame = payload.encode() if isinstance(payload, str) else payload
            self.events += self.talk.receive(frame, self.now_ns)

    def play(self, *steps: Step) -> None:
        """Let orders move, a millisecond apart."""
        for each in steps:
            self.now_ns += 1_000_000
            self.simulator.play(each, self.now_ns)
            self.run()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * 1e9)
        self.simulator.tick(self.now_ns)
        self.run()

    @property
    def updates(self) -> list[OrderUpdate]:
        """The order updates so far."""
        return [event for event in self.events if isinstance(event, OrderUpdate)]


class RestCall:
    """Answers REST calls by a simulator, five a second; keeps what was asked."""

    def __init__(self, simulator: LoopringSimulator) -> None:
        self.simulator = simulator
        self.now_ns = START_NS + 3_600_000_000_000
        self.asked: list[HttpRequest] = []

    async def __call__(self, request: RequestT, /) -> object:
        assert isinstance(request, HttpRequest)
        self.asked.append(request)
        self.now_ns += 400_000_000
        return self.simulator.request(request, self.now_ns)

    def take(self, rate: Rate) -> bool:
        return True


class Scripted:
    """Answers calls from a list, whatever is asked."""

    def __init__(self, *replies: bytes | tuple[int, bytes]) -> None:
        self._replies = list(replies)
        self.asked: list[HttpRequest] = []

    async def __call__(self, request: RequestT, /) -> object:
        assert isinstance(request, HttpRequest)
        self.asked.append(request)
        reported = self._replies.pop(0)
        status, body = reported if isinstance(reported, tuple) else (200, reported)
        return HttpReply(status=status, body=body, received_ns=START_NS + len(self.asked))

    def take(self, rate: Rate) -> bool:
        return True


class Emitted:
    """Keeps the rows that a query emits."""

    def __init__(self) -> None:
        self.rows: list[OrderUpdate] = []

    async def __call__(self, rows: Sequence[OrderUpdate], /, *, cached: bool = False) -> None:
        self.rows += rows


def setup(
    protocol: Protocol = "v3", markets: tuple[str, ...] = ("LRC-ETH",), *, api_key: str = KEY, raw: bool = False
) -> Setup[LoopringSettings]:
    """A configured venue."""
    settings = LoopringSettings(api_key=Secret(api_key), account_id="10005", markets=markets, protocol=protocol)
    return Setup("loopring", settings, raw)
