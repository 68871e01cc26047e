"""CoinW's session and its simulator joined in memory, and a `Call` that reaches the simulator's REST side."""

from collections.abc import Callable, Sequence

from ordwatch.core.events import OrderUpdate, SessionEvent
from ordwatch.core.secrets import Secret
from ordwatch.simulators.coinw.simulator import API_KEY, SECRET_KEY, CoinwSimulator
from ordwatch.simulators.contract import Close
from ordwatch.venues.coinw.session import CoinwSession
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import HttpReply, HttpRequest, QuerySpec, Rate, RequestT, Setup

NOW_NS = 1_743_244_437_255_000_000
SECOND_NS = 1_000_000_000


def setup(
    *, pairs: Sequence[str] = ("BTC_USDT",), secret: str = SECRET_KEY, raw: bool = False, silence: float | None = None
) -> Setup[CoinwSettings]:
    """The configuration that reaches the simulator."""
    settings = CoinwSettings(
        api_key=Secret(API_KEY),
        secret_key=Secret(secret),
        pairs=pairs,
        silence_timeout=silence,
        rest_url="http://127.0.0.1:1",
        ws_url="ws://127.0.0.1:1",
    )
    return Setup("coinw", settings, raw)


def query_spec(*open_orders: OrderUpdate, since_ns: int | None = None) -> QuerySpec:
    """A question of the engine's."""
    return QuerySpec(since_ns=since_ns, open_orders=lambda: open_orders)


class Desk:
    """Answers calls at a fixed time and writes down what was asked."""

    def __init__(self, answer: Callable[[HttpRequest], HttpReply | Exception]) -> None:
        self.asked: list[HttpRequest] = []
        self.taken: list[Rate] = []
        self.pages: list[list[OrderUpdate]] = []
        self._answer = answer

    async def __call__(self, request: RequestT, /) -> object:
        assert isinstance(request, HttpRequest)
        self.asked.append(request)
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def take(self, rate: Rate) -> bool:
        self.taken.append(rate)
        return True

    async def emit(self, rows: Sequence[OrderUpdate], /, *, cached: bool = False) -> None:
        self.pages.append(list(rows))

    @property
    def rows(self) -> list[OrderUpdate]:
        """Every row that was emitted."""
        return [row for page in self.pages for row in page]

    @property
    def commands(self) -> list[str]:
        """What was asked."""
        return [request.name for request in self.asked]


def reach(simulator: CoinwSimulator, now_ns: int = NOW_NS) -> Desk:
    """A desk that asks the simulator, which sees only the path of an address."""

    def answer(request: HttpRequest) -> HttpReply:
        path = request.url.removeprefix("http://127.0.0.1:1")
        local = HttpRequest(name=request.name, url=path, method=request.method, params=request.params)
        return simulator.request(local, now_ns)

    return Desk(answer)


class Joint:
    """One session at the simulator; everything sent on either side arrives at once."""

    def __init__(self, simulator: CoinwSimulator, who: Setup[CoinwSettings] | None = None) -> None:
        self.simulator = simulator
        self.session = CoinwSession(who or setup())
        self.events: list[SessionEvent] = []
        self.closed: Close | None = None
        simulator.connected(1, "stream", "/", NOW_NS)
        self.session.start(NOW_NS)
        self.pump()

    def pump(self, now_ns: int = NOW_NS) -> None:
        """Carry what is queued, until both are silent."""
        while self._carry(now_ns):
            pass

    def _carry(self, now_ns: int) -> int:
        sent, received = self.session.data_to_send(), self.simulator.data_to_send()
        for payload in sent:
            assert isinstance(payload, str)
            self.simulator.receive(1, payload.encode(), now_ns)
        for outgoing in received:
            self._deliver(outgoing.payload, now_ns)
        return len(sent) + len(received)

    def _deliver(self, payload: bytes | str | Close, now_ns: int) -> None:
        match payload:
            case Close():
                self.closed = payload
            case str():
                self.events += self.session.receive(payload.encode(), now_ns)
            case bytes():
                self.events += self.session.receive(payload, now_ns)

    @property
    def orders(self) -> list[OrderUpdate]:
        """The pushed orders."""
        return [event for event in self.events if isinstance(event, OrderUpdate)]
