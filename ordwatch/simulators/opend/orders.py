"""The orders behind the simulated OpenD: accounts, securities, and what their states look like on the wire.

Written against Futu API documentation, "Trading Definitions" and "Orders Push Callback", apart from the code that
reads: neither orders.py nor tables.py is used here. On that page an order's createTime is in whole seconds at first
and in milliseconds once the order works; the texts are local to the exchange and rounded to milliseconds.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.numbers import double_text
from ordwatch.simulators.contract import Intent, Market, Step, TrueState
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

PAPER, LIVE = 0, 1


class SimulatedAccount(NamedTuple):
    """One account of the simulated OpenD."""

    environment: int
    """TrdEnv."""
    id: int
    markets: tuple[int, ...]
    """Numbers of TrdMarket."""
    acc_type: int
    sim_type: int | None = None

    @property
    def header(self) -> pb.TrdHeader:
        """What the venue's messages about it begin with."""
        return pb.TrdHeader(trdEnv=self.environment, accID=self.id, trdMarket=self.markets[0])

    @property
    def name(self) -> tuple[str, str]:
        """Environment and account as ordwatch's records name them."""
        return ("live" if self.environment == LIVE else "paper", str(self.id))


class Security(NamedTuple):
    """Something to trade."""

    code: str
    name: str
    sec_market: int
    trd_market: int
    currency: int
    zone: str
    markets: tuple[int, ...]
    """Numbers of TrdMarket an account needs, one of them."""
    market: Market


ACCOUNTS = (
    SimulatedAccount(LIVE, 281756455988249902, (1, 2, 4), 2),
    SimulatedAccount(PAPER, 3450309, (1,), 1, 1),
    SimulatedAccount(LIVE, 281756420273981734, (5,), 2),
    SimulatedAccount(PAPER, 3450310, (2,), 2, 4),
    SimulatedAccount(LIVE, 281756457888247915, (2,), 1),
)

_HK, _NEW_YORK, _SHANGHAI = "Asia/Hong_Kong", "America/New_York", "Asia/Shanghai"

SECURITIES = (
    Security("00700", "腾讯控股", 1, 1, 1, _HK, (1,), Market("486.4", "0.2", "100")),
    Security("AAPL", "苹果", 2, 2, 2, _NEW_YORK, (2,), Market("231.5", "0.01", "10")),
    Security("600519", "贵州茅台", 31, 4, 3, _SHANGHAI, (4,), Market("1466.2", "0.01", "100")),
    Security("TSLA", "特斯拉", 2, 2, 2, _NEW_YORK, (2,), Market("391.3", "0.01", "10")),
    Security("09988", "阿里巴巴-W", 1, 1, 1, _HK, (1,), Market("152.3", "0.1", "100")),
    Security("HSI2612", "恒指期货2612", 1, 5, 1, _SHANGHAI, (5,), Market("25880", "1", "1")),
    Security("NVDA", "英伟达", 2, 2, 2, _NEW_YORK, (2,), Market("182.6", "0.01", "10")),
)

UNKNOWN_STATUS = -1
SUBMITTED = 5

_NUMBERS = {
    OrderStatus.PENDING_NEW: (2, 2),
    OrderStatus.NEW: (SUBMITTED, SUBMITTED),
    OrderStatus.PARTIALLY_FILLED: (10, 10),
    OrderStatus.FILLED: (11, 11),
    OrderStatus.PENDING_CANCEL: (13, 12),
    OrderStatus.CANCELED: (15, 14),
    OrderStatus.REJECTED: (21, 14),
    OrderStatus.SUSPENDED: (22, 22),
    OrderStatus.EXPIRED: (15, 14),
    OrderStatus.UNKNOWN: (UNKNOWN_STATUS, UNKNOWN_STATUS),
}
"""OpenD's OrderStatus without and with a fill. It has no status for an expired order: its day ends it as a cancel."""

NATIVES = (-1, 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 21, 22, 23, 24)
"""Every OrderStatus OpenD documents."""

_TRUTHS = {
    0: OrderStatus.PENDING_NEW,
    1: OrderStatus.PENDING_NEW,
    2: OrderStatus.PENDING_NEW,
    3: OrderStatus.REJECTED,
    5: OrderStatus.NEW,
    10: OrderStatus.PARTIALLY_FILLED,
    11: OrderStatus.FILLED,
    12: OrderStatus.PENDING_CANCEL,
    13: OrderStatus.PENDING_CANCEL,
    14: OrderStatus.CANCELED,
    15: OrderStatus.CANCELED,
    21: OrderStatus.REJECTED,
    22: OrderStatus.SUSPENDED,
    23: OrderStatus.CANCELED,
    24: OrderStatus.CANCELED,
}

_FINISHED = frozenset({3, 11, 14, 15, 21, 23, 24})
_SIDES = {Side.BUY: 1, Side.SELL: 2, Side.SELL_SHORT: 3, Side.BUY_BACK: 4}
_TYPES = {"LIMIT": 1, "MARKET": 2, "STOP": 10, "STOP_LIMIT": 11, "TRAILING_STOP": 14, "TRAILING_STOP_LIMIT": 15}
_TRAILING = frozenset({14, 15})
_FIRST_ORDER_ID = 3964487190993133422
_ORDER_ID_STEP = 1048583
MANY_ORDERS_FROM = 5 * 10**18
"""The ids of the many orders of a big list, apart from those that are played."""
_MICROSECOND = 1000
_US = 2


@dataclass
class SimulatedOpendOrder:
    """One order as the broker holds it; times in ns."""

    account: SimulatedAccount
    security: Security
    order_id: int
    placed: Step
    created_ns: int
    last: Step = field(init=False)
    status: int = 0
    updated_ns: int = 0
    states: int = 0
    fills: int = 0

    @property
    def filled(self) -> Decimal:
        """Executed so far."""
        return Decimal(self.last.filled)

    @property
    def is_finished(self) -> bool:
        """Nothing more is expected of it."""
        return self.status in _FINISHED

    def wire(self, variants: Collection[str] = ()) -> pb.Order:
        """The order as OpenD sends it; `variants` are the simulator's faults that change its fields."""
        order = self._required()
        if "sparse" not in variants:
            self._write_optional(order)
        self._write_times(order, variants)
        if "no_id" in variants:
            order.ClearField("orderID")
        if "not_a_number" in variants:
            order.qty = float("nan")
        if "bad_text" in variants:
            order.name = b"\xff\xfe\x1b[2J" + order.name
        return order

    def _required(self) -> pb.Order:
        intent = self.placed.intent
        return pb.Order(
            trdSide=_SIDES[intent.side],
            orderType=_TYPES.get(intent.order_type, 1),
            orderStatus=self.status,
            orderID=self.order_id,
            orderIDEx=self.order_id_ex.encode(),
            code=self.security.code.encode(),
            name=self.security.name.encode(),
            qty=float(intent.qty),
        )

    def _write_optional(self, order: pb.Order) -> None:
        intent = self.placed.intent
        order.fillQty = float(self.filled)
        order.fillAvgPrice = float(self.last.avg_price or 0)
        order.lastErrMsg = self.last.reason.encode()
        order.secMarket = self.security.sec_market
        order.trdMarket = self.security.trd_market
        order.currency = self.security.currency
        order.remark = intent.remark.encode()
        order.timeInForce = 0 if self.account.environment == PAPER else 1
        if intent.price is not None:
            order.price = float(intent.price)
        if intent.stop_price is not None:
            order.auxPrice = float(intent.stop_price)
        if order.orderType in _TRAILING:
            order.trailType, order.trailValue, order.trailSpread = 1, 2.5, 0.1
        if self.security.sec_market == _US:
            order.fillOutsideRTH, order.session = 1, 3

    def _write_times(self, order: pb.Order, variants: Collection[str]) -> None:
        created_ns, updated_ns = self.created_ns, self.updated_ns
        jobs = self.states > 1 or self.status >= SUBMITTED
        if not jobs or "whole_seconds" in variants:
            created_ns = _whole_second(created_ns)
        if "whole_seconds" in variants:
            updated_ns = _whole_second(updated_ns)
        order.createTime = local_text(created_ns, self.security.zone).encode()
        order.updateTime = local_text(updated_ns, self.security.zone).encode()
        if not {"sparse", "no_timestamps"} & set(variants):
            order.createTimestamp = created_ns // _MICROSECOND / 1e6
            order.updateTimestamp = updated_ns // _MICROSECOND / 1e6

    @property
    def order_id_ex(self) -> str:
        """Its text twin, the id that the official SDK shows: the number for paper accounts."""
        if self.account.environment == PAPER:
            return str(self.order_id)
        day = local_text(self.created_ns, self.security.zone)[:10].replace("-", "")
        return f"{day}_{self.order_id % 10**9}_OD|T+k/{self.order_id % 10**6:06d}=="


class Broker:
    """Places orders and lets them live."""

    def __init__(self) -> None:
        self.orders: dict[str, SimulatedOpendOrder] = {}
        """By the scenario's name."""

    def play(self, step: Step, now_ns: int) -> SimulatedOpendOrder:
        """Let one order move; the first step with a name places it."""
        now_ns -= now_ns % _MICROSECOND
        order = self.orders.get(step.order)
        if order is None:
            order = self.orders[step.order] = self._placed(step, now_ns)
        order.last = step
        order.status = _number(step)
        order.updated_ns = max(now_ns, order.updated_ns + _MICROSECOND)
        order.states += 1
        return order

    def of(self, account: int) -> list[SimulatedOpendOrder]:
        """The orders of one account, oldest first."""
        return [order for order in self.orders.values() if order.account.id == account]

    def truth(self) -> dict[tuple[str, str | None, str], TrueState]:
        """What is so, by the keys of ordwatch's records."""
        return {
            (*order.account.name, str(order.order_id)): TrueState(
                _TRUTHS.get(order.status, OrderStatus.UNKNOWN), double_text(float(order.filled)), order.states
            )
            for order in self.orders.values()
        }

    def _placed(self, step: Step, now_ns: int) -> SimulatedOpendOrder:
        security = SECURITIES[step.intent.instrument % len(SECURITIES)]
        able = [account for account in ACCOUNTS if set(security.markets) & set(account.markets)]
        return SimulatedOpendOrder(
            account=able[step.intent.account % len(able)],
            security=security,
            order_id=_FIRST_ORDER_ID + _ORDER_ID_STEP * len(self.orders),
            placed=step,
            created_ns=now_ns,
        )


def finished_order(now_ns: int) -> pb.Order:
    """An order that was filled, of the first account."""
    intent = Intent(side=Side.BUY, qty="300", price="480.2")
    step = Step("finished", OrderStatus.FILLED, intent, filled="300", avg_price="480.1")
    return Broker().play(step, now_ns).wire()


def _number(step: Step) -> int:
    if step.native is not None:
        return int(step.native)
    without_fill, with_fill = _NUMBERS[step.status]
    return with_fill if Decimal(step.filled) else without_fill


def local_text(ns: int, zone: str) -> str:
    """A time as OpenD writes it: local, with milliseconds unless it is a whole second."""
    local = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=ns // _MICROSECOND)
    local = (local + timedelta(microseconds=500)).astimezone(ZoneInfo(zone))
    text = local.strftime("%Y-%m-%d %H:%M:%S")
    milliseconds = local.microsecond // 1000
    return f"{text}.{milliseconds:03d}" if milliseconds else text


def _whole_second(ns: int) -> int:
    return ns - ns % 1_000_000_000
