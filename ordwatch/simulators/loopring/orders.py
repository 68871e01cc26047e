"""The simulated relayer's orders, in base units, and their form in pushes and REST rows.

Written against the venue's documents, apart from the code that reads: messages.py is not used here.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from hashlib import sha256

from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.numbers import decimal_text
from ordwatch.simulators.contract import Intent, Market, Step, TrueState

TOKENS = {"LRC": 18, "ETH": 18, "USDT": 6}
"""Symbol -> decimals; the position is the token's id."""
ADDRESSES = {
    "LRC": "0xbbbbca6a901c926f240b89eacb641d8aec7aeafd",
    "ETH": "0x0000000000000000000000000000000000000000",
    "USDT": "0xdac17f958d2ee523a2206206994597c13d831ec7",
}
"""Their contracts on Ethereum's main net."""
PRICES = {
    "LRC-ETH": Market("0.00004", "0.0000001", "500"),
    "LRC-USDT": Market("0.11", "0.0001", "200"),
    "ETH-USDT": Market("2800", "0.1", "0.05"),
}
MARKETS = tuple(PRICES)
SLIPPAGE = Decimal("0.05")
"""How much worse than the market the limit of a market order may be, for the venue has only limit orders."""
VALID_S = 30 * 86_400

JsonObject = dict[str, object]

_EXACT = Context(prec=200, rounding=ROUND_DOWN)

_STATUS_NAMES = {
    OrderStatus.PENDING_NEW: "waiting",
    OrderStatus.NEW: "processing",
    OrderStatus.PARTIALLY_FILLED: "processing",
    OrderStatus.FILLED: "processed",
    OrderStatus.PENDING_CANCEL: "cancelling",
    OrderStatus.CANCELED: "cancelled",
    OrderStatus.REJECTED: "failed",
    OrderStatus.SUSPENDED: "waiting",
    OrderStatus.EXPIRED: "expired",
    OrderStatus.UNKNOWN: "frozen",
}

_TRUTHS = {
    ("waiting", False): OrderStatus.PENDING_NEW,
    ("waiting", True): OrderStatus.PARTIALLY_FILLED,
    ("processing", False): OrderStatus.NEW,
    ("processing", True): OrderStatus.PARTIALLY_FILLED,
    ("cancelling", False): OrderStatus.PENDING_CANCEL,
    ("cancelling", True): OrderStatus.PENDING_CANCEL,
    ("processed", False): OrderStatus.FILLED,
    ("processed", True): OrderStatus.FILLED,
    ("cancelled", False): OrderStatus.CANCELED,
    ("cancelled", True): OrderStatus.CANCELED,
    ("expired", False): OrderStatus.EXPIRED,
    ("expired", True): OrderStatus.EXPIRED,
    ("failed", False): OrderStatus.REJECTED,
    ("failed", True): OrderStatus.CANCELED,
}


@dataclass
class RelayerOrder:
    """One order as the relayer holds it; amounts in base units, times in ms."""

    order_hash: str
    number: int
    market: str
    side: str
    price: str
    size: int
    volume: int
    created_ms: int
    word: str = "waiting"
    filled: int = 0
    value: int = 0
    fee: int = 0
    updated_ms: int = 0
    states: int = 0
    filled_reported: int | None = None
    """The fill of the last push."""

    @property
    def client_order_id(self) -> str:
        """The id its maker gave it."""
        return f"scenario-{self.number}"

    @property
    def is_open(self) -> bool:
        """It is not in a final state."""
        return self.word in ("waiting", "processing", "cancelling")


class Relayer:
    """Places orders and lets them live."""

    def __init__(self) -> None:
        self.orders: dict[str, RelayerOrder] = {}
        """By the scenario's name."""

    def play(self, step: Step, now_ms: int) -> RelayerOrder:
        """Let one order move; the first step with a name places it."""
        order = self.orders.get(step.order)
        if order is None:
            order = self.orders[step.order] = self._placed(step, now_ms)
        base, quote = order.market.split("-")
        order.word = step.native if step.native is not None else _STATUS_NAMES[step.status]
        order.filled = to_units(step.filled, TOKENS[base])
        paid = _EXACT.multiply(Decimal(step.filled), Decimal(step.avg_price or order.price))
        order.value = to_units(paid, TOKENS[quote])
        order.fee = (order.filled if order.side == "BUY" else order.value) // 1000
        order.updated_ms = max(now_ms, order.updated_ms + 1)
        order.states += 1
        return order

    def truth(self, account: str) -> dict[tuple[str, str | None, str], TrueState]:
        """What is so, by the keys of ordwatch's records."""
        return {
            ("live", account, order.order_hash): TrueState(
                _TRUTHS.get((order.word.lower(), order.filled > 0), OrderStatus.UNKNOWN),
                human_text(order.filled, TOKENS[order.market.split("-")[0]]),
                order.states,
            )
            for order in self.orders.values()
        }

    def _placed(self, step: Step, now_ms: int) -> RelayerOrder:
        intent = step.intent
        market = MARKETS[intent.instrument % len(MARKETS)]
        base, quote = market.split("-")
        price = intent.price or _limit_price(intent, PRICES[market])
        return RelayerOrder(
            order_hash=f"0x{sha256(step.order.encode()).hexdigest()}",
            number=len(self.orders) + 1,
            market=market,
            side="BUY" if intent.side in (Side.BUY, Side.BUY_BACK) else "SELL",
            price=price,
            size=to_units(intent.qty, TOKENS[base]),
            volume=to_units(_EXACT.multiply(Decimal(intent.qty), Decimal(price)), TOKENS[quote]),
            created_ms=now_ms,
        )


def _limit_price(intent: Intent, market: Market) -> str:
    """The limit with which an order is sent that shall be executed at any price."""
    worse = 1 + SLIPPAGE if intent.side in (Side.BUY, Side.BUY_BACK) else 1 - SLIPPAGE
    ticks = round(Decimal(intent.market_price or intent.stop_price or market.price) * worse / Decimal(market.tick))
    return decimal_text(ticks * Decimal(market.tick))


def to_units(amount: str | Decimal, decimals: int) -> int:
    """Base units of an amount in human units; what is less than a unit is dropped."""
    return int(_EXACT.scaleb(Decimal(amount), decimals))


def human_text(units: int, decimals: int) -> str:
    """Base units in human units, without trailing zeros."""
    return format(_EXACT.scaleb(Decimal(units), -decimals).normalize(_EXACT), "f")


def push_document(order: RelayerOrder, topic: object, variants: Collection[str]) -> JsonObject:
    """A push about this order, in production's shape but for `variants` (see simulator.py)."""
    second = 1000 if "seconds" in variants else 1
    data = flat_document(order)
    data["createdAt"] = str(order.created_ms // second)
    data["validSince"], data["validUntil"] = str(data["validSince"]), str(data["validUntil"])
    if "no_filled" in variants and order.filled_reported == order.filled:
        del data["filledSize"]
    if "update_at" in variants:
        data["updateAt"] = order.updated_ms - 3
    if "lower_case" in variants:
        data |= {"side": order.side.lower(), "market": order.market.lower()}
    if "integers" in variants:
        data |= {name: int(str(data[name])) for name in _INTEGERS if name in data}
    order.filled_reported = order.filled
    return {"topic": topic, "ts": order.updated_ms // second, "data": data}


_INTEGERS = ("size", "volume", "filledSize", "filledVolume", "filledFee", "createdAt", "validSince", "validUntil")


def flat_document(order: RelayerOrder) -> JsonObject:
    """The order as pushes and v2 rows have it."""
    return {
        "hash": order.order_hash,
        "clientOrderId": order.client_order_id,
        "size": str(order.size),
        "volume": str(order.volume),
        "price": order.price,
        "filledSize": str(order.filled),
        "filledVolume": str(order.value),
        "filledFee": str(order.fee),
        "status": order.word,
        "createdAt": order.created_ms,
        "validSince": order.created_ms // 1000,
        "validUntil": order.created_ms // 1000 + VALID_S,
        "side": order.side,
        "market": order.market,
    }


def nested_document(order: RelayerOrder, account_id: str) -> JsonObject:
    """The order as v3 rows have it: without times of its own."""
    return {
        "hash": order.order_hash,
        "clientOrderId": order.client_order_id,
        "side": order.side,
        "market": order.market,
        "price": order.price,
        "volumes": {
            "baseAmount": str(order.size),
            "quoteAmount": str(order.volume),
            "baseFilled": str(order.filled),
            "quoteFilled": str(order.value),
            "fee": str(order.fee),
        },
        "validity": {"start": order.created_ms // 1000, "end": order.created_ms // 1000 + VALID_S},
        "orderType": "LIMIT_ORDER",
        "tradeChannel": "MIXED",
        "status": order.word,
        "storageInfo": {"accountId": int(account_id), "tokenId": 1, "storageId": order.number},
    }
