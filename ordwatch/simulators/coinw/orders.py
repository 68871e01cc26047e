"""The orders of the simulated CoinW, and their form in its stream and its REST answers."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.numbers import decimal_text
from ordwatch.simulators.contract import Intent, Market, Step

PAIR_MARKETS = {
    "BTC_USDT": Market("82000", "0.01", "0.001"),
    "ETH_USDT": Market("2800", "0.01", "0.05"),
    "LTC_USDT": Market("85.4", "0.01", "0.5"),
}
PAIRS = tuple(PAIR_MARKETS)
FEE_RATE = Decimal("0.001")
"""In the bought coin; the documentation does not say in which."""
FIRST_ID = 4_624_530_513_294_751_114

_BASE_PLACES = Decimal("0.000001")
_QUOTE_PLACES = Decimal("0.01")

_STATUS_TEXTS = {
    OrderStatus.NEW: "RECEIVED",
    OrderStatus.PARTIALLY_FILLED: "RECEIVED",
    OrderStatus.FILLED: "DONE/FILLED",
    OrderStatus.CANCELED: "DONE/CANCELLED",
    OrderStatus.REJECTED: "DONE/REJECTED",
    OrderStatus.UNKNOWN: "TRIGGERED",
}
"""The `type`, or `type/reason`, of a push for each status."""

_MEANINGS = {
    "RECEIVED": OrderStatus.NEW,
    "OPEN": OrderStatus.NEW,
    **{status_text: status for status, status_text in _STATUS_TEXTS.items() if "/" in status_text},
}
"""What a native word makes of an order; of any other the step itself says it."""

_REST_STATUS = {
    OrderStatus.NEW: 1,
    OrderStatus.PARTIALLY_FILLED: 2,
    OrderStatus.FILLED: 3,
    OrderStatus.CANCELED: 4,
    OrderStatus.REJECTED: 6,
    OrderStatus.UNKNOWN: 1,
}

_OWN_STATUS = {
    OrderStatus.PENDING_NEW: OrderStatus.NEW,
    OrderStatus.PENDING_CANCEL: None,
    OrderStatus.SUSPENDED: None,
    OrderStatus.EXPIRED: OrderStatus.CANCELED,
}
"""What this venue has instead of a status it does not know; None: nothing happens here."""


@dataclass
class SimulatedCoinwOrder:
    """One order; `step` moves it."""

    order_id: int
    client_id: str
    intent: Intent
    created_ms: int
    status: OrderStatus = OrderStatus.NEW
    status_text: str = "RECEIVED"
    filled: Decimal = Decimal(0)
    average: Decimal = Decimal(0)
    moved_ms: int = 0
    states: int = 0

    @property
    def pair(self) -> str:
        """The pair it trades."""
        return PAIRS[self.intent.instrument % len(PAIRS)]

    @property
    def side(self) -> str:
        """BUY or SELL; spot knows no short sales."""
        return "BUY" if self.intent.side in (Side.BUY, Side.BUY_BACK) else "SELL"

    @property
    def is_open(self) -> bool:
        """Whether it is among the open orders."""
        return self.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNKNOWN)

    @property
    def size(self) -> Decimal:
        """The base amount ordered."""
        return Decimal(self.intent.qty)

    @property
    def filled_qty(self) -> str:
        """The base amount executed."""
        return decimal_text(self.filled)

    @property
    def market_price(self) -> str:
        """Its own price, else the market's."""
        return self.intent.price or self.intent.market_price or PAIR_MARKETS[self.pair].price

    @property
    def fee(self) -> Decimal:
        """What it has cost so far."""
        return FEE_RATE * (self.filled if self.side == "BUY" else self.filled * self.average)

    def step(self, step: Step, now_ms: int) -> bool:
        """Apply a step; False if nothing changed that this venue would push."""
        status = _OWN_STATUS.get(step.status, step.status)
        if status is None:
            return False
        status_text = step.native or _STATUS_TEXTS[status]
        if step.native is not None:
            status = _MEANINGS.get(step.native, status)
        filled = Decimal(step.filled)
        if self.states and (status, status_text, filled) == (self.status, self.status_text, self.filled):
            return False
        self.status, self.status_text, self.filled = status, status_text, filled
        self.average = Decimal(step.avg_price or self.market_price) if filled else Decimal(0)
        self.moved_ms = now_ms
        self.states += 1
        return True

    def pushed(self) -> dict[str, object]:
        """The order as the documentation's sample has it; `reason` and `dealAvgPrice` only where they apply."""
        kind, _, reason = self.status_text.partition("/")
        push: dict[str, object] = {
            "side": self.side if self.intent.price else "",
            "fee": decimal_text(self.fee.normalize()),
            "dealFunds": decimal_text(self.filled * self.average),
            "type": kind,
            "client_id": self.client_id,
            "remaining_size": decimal_text(self.size - self.filled),
            "size": self.intent.qty,
            "price": self.market_price,
            "product_id": self.pair,
            "time": self.moved_ms,
            "order_id": self.order_id,
            "order_type": "LIMIT" if self.intent.price else "MARKET",
        }
        if reason:
            push["reason"] = reason
        if self.filled:
            push["dealAvgPrice"] = decimal_text(self.average)
        return push

    def open_row(self) -> dict[str, object]:
        """A row of returnOpenOrders."""
        return {
            "orderNumber": self.order_id,
            "date": self.created_ms,
            "startingAmount": _cut(self.size * Decimal(self.market_price), _QUOTE_PLACES),
            "total": _cut(self.size, _BASE_PLACES),
            "type": self.side.lower(),
            "prize": _cut(Decimal(self.market_price), _QUOTE_PLACES),
            "success_count": _cut(self.filled, _BASE_PLACES),
            "success_amount": _cut(self.filled * self.average, _QUOTE_PLACES),
            "status": _REST_STATUS[self.status],
        }

    def history_row(self) -> dict[str, object]:
        """A row of returnUTradeHistory: the only call whose rows have the client's id."""
        row = self.open_row()
        row["tradeID"] = row.pop("orderNumber")
        row["amount"] = row.pop("startingAmount")
        return {**row, "fee": self._cut_fee(), "out_trade_no": self.client_id}

    def details(self, date: str) -> dict[str, object]:
        """The data of returnOrderTrades; `date` is the venue's wall clock."""
        row = self.open_row()
        return {
            "tradeID": self.order_id,
            "currencyPair": self.pair,
            "type": row["type"],
            "amount": row["startingAmount"],
            "success_amount": row["success_amount"],
            "total": row["total"],
            "success_total": row["success_count"],
            "fee": self._cut_fee(),
            "date": date,
            "status": row["status"],
        }

    def _cut_fee(self) -> str:
        return _cut(self.fee, _BASE_PLACES if self.side == "BUY" else _QUOTE_PLACES)


def _cut(value: Decimal, places: Decimal) -> str:
    return decimal_text(value.quantize(places, ROUND_DOWN))
