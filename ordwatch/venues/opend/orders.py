"""What OpenD says of an order, as an `OrderUpdate`; and which of two statements is the newer.

The hot path: one look at all fields, then answers remembered by value, for most of them repeat from push to push.
Facts: Futu API documentation, "Trading Definitions" (Order, OrderStatus) and "Orders Push Callback".
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from functools import lru_cache
from operator import attrgetter
from sys import float_info
from typing import NamedTuple

import msgspec

from ordwatch.errors import RemoteProtocolError
from ordwatch.model import Age, DecimalText, Environment, Extra, OrderStatus, OrderUpdate, Side, Source, TimeInForce
from ordwatch.text import decimal_text, decode_text, double_text
from ordwatch.venues.opend import tables
from ordwatch.venues.opend.messages import payload
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb
from ordwatch.venues.opend.times import seconds_ns, text_ns, zone_of

NO_NUMBER = -(2**31)
"""What an integer field reads as that was not sent; see the .proto file."""
NO_DOUBLE = -float_info.max
"""The same for a double."""

GONE = "OpenD does not know this order any more"
"""The reason of an order that is neither among the day's orders nor in the history."""

_CACHED = 8192


class OpendExtra(Extra, frozen=True, kw_only=False):
    """Fields of OpenD's Order that have no key of their own.

    Enumerations in upper snake case of the venue's words, decimals and ids as text. `trd_market` is the order's own,
    else the header's; the two times are OpenD's local texts; a leg has market, code, side, qty_ratio, position_id
    and pred_side.
    """

    session: str | None = None
    fill_outside_rth: bool | None = None
    trail_type: str | None = None
    trail_value: DecimalText | None = None
    trail_spread: DecimalText | None = None
    expire_time: str | None = None
    order_amount: DecimalText | None = None
    strategy_type: str | None = None
    combo_legs: list[dict[str, str | None]] | None = None
    jp_acc_type: str | None = None
    trd_market: str | None = None
    sec_market: str | None = None
    create_time: str | None = None
    update_time: str | None = None


_HEADER = attrgetter("trdEnv", "accID")
_TERMS = attrgetter("trdSide", "orderType", "timeInForce", "currency")
_AMOUNTS = attrgetter("orderStatus", "qty", "fillQty")
_PRICES = attrgetter("orderType", "price", "auxPrice", "fillAvgPrice")
_SECURITY = attrgetter("code", "secMarket", "trdMarket")
_TEXTS = attrgetter("orderIDEx", "name", "lastErrMsg", "remark")
_TIMES = attrgetter("createTimestamp", "updateTimestamp", "createTime", "updateTime")
_REST = attrgetter(
    "session",
    "fillOutsideRTH",
    "trailType",
    "trailValue",
    "trailSpread",
    "expireTime",
    "orderAmount",
    "strategyType",
    "jpAccType",
    "trdMarket",
    "secMarket",
)

Flags = tuple[str, ...]


def order_update(
    header: pb.TrdHeader,
    order: pb.Order,
    *,
    venue: str,
    futures_zone: str,
    received_ns: int,
    source: Source,
    raw: bool = False,
) -> OrderUpdate:
    """The statement about one order. `futures_zone` is the zone of texts in futures markets.

    Raises:
        RemoteProtocolError: It names no order: environment, account, id or status is missing or makes no sense.
    """
    # Longer than a function should be: it is one list of assignments, and a call for each part costs a tenth.
    environment, account = _account(_HEADER(header))
    order_id, market = order.orderID, header.trdMarket
    if not order_id:
        raise RemoteProtocolError("an order without an id")
    amounts = _amounts(_AMOUNTS(order))
    terms = _terms(_TERMS(order))
    prices = _prices(_PRICES(order))
    symbol, symbol_flags = _symbol(_SECURITY(order), market)
    order_id_ex, name, reason, remark = _texts(_TEXTS(order))
    created, updated, created_text, updated_text = _TIMES(order)
    rest, rest_flags = _rest(_REST(order), market)
    extra = OpendExtra(*rest, _text(created_text), decode_text(updated_text) or None)
    if legs := order.comboLegs:
        extra = msgspec.structs.replace(extra, combo_legs=[_leg(leg) for leg in legs])
    flags = amounts.flags + terms.flags + prices.flags + symbol_flags + rest_flags
    created_ns, updated_ns = seconds_ns(created), seconds_ns(updated)
    if created_ns is None or updated_ns is None:
        zone = zone_of(order.secMarket, market, futures_zone)
        created_ns, created_flags = _time("created_at", created, extra.create_time, zone)
        updated_ns, updated_flags = _time("updated_at", updated, extra.update_time, zone)
        flags = tuple(dict.fromkeys(flags + created_flags + updated_flags))
    return OrderUpdate(
        venue=venue,
        environment=environment,
        account=account,
        order_id=str(order_id),
        order_id_ext=order_id_ex,
        symbol=symbol,
        name=name,
        side=terms.side,
        order_type=terms.order_type,
        time_in_force=terms.time_in_force,
        status=amounts.status,
        venue_status=amounts.venue_status,
        reason=reason,
        qty=amounts.qty,
        filled_qty=amounts.filled,
        remaining_qty=amounts.remaining,
        price=prices.price,
        stop_price=prices.stop,
        avg_price=prices.average,
        currency=terms.currency,
        remark=remark,
        created_ns=created_ns,
        updated_ns=updated_ns,
        received_ns=received_ns,
        source=source,
        flags=flags,
        extra=extra,
        raw=payload(header, order) if raw else None,
    )


def gone(known: OrderUpdate, received_ns: int) -> OrderUpdate:
    """The statement about an order that the book holds and OpenD does not know any more."""
    return OrderUpdate(
        venue=known.venue,
        environment=known.environment,
        account=known.account,
        order_id=known.order_id,
        status=OrderStatus.UNKNOWN,
        venue_status=known.venue_status,
        reason=GONE,
        received_ns=received_ns,
        source="query",
        extra=OpendExtra(),
    )


def is_gone(update: OrderUpdate) -> bool:
    """Whether this is what `gone` makes, or the book's state after it."""
    return update.status is OrderStatus.UNKNOWN and update.reason == GONE


# -- which is newer --------------------------------------------------------------------------------------------

_RANKS = {
    OrderStatus.UNKNOWN: 0,
    OrderStatus.PENDING_NEW: 1,
    OrderStatus.NEW: 2,
    OrderStatus.SUSPENDED: 2,
    OrderStatus.PARTIALLY_FILLED: 3,
    OrderStatus.PENDING_CANCEL: 4,
    OrderStatus.CANCELED: 5,
    OrderStatus.REJECTED: 5,
    OrderStatus.EXPIRED: 5,
    OrderStatus.FILLED: 5,
}


def age(new: OrderUpdate, known: OrderUpdate) -> Age:
    """By OpenD's time, then a busted fill, then the filled quantity, then how near the status is to the end.

    What one of the two does not tell decides nothing. That OpenD knows an order no more is newer than all it said.
    """
    if is_gone(new) is not is_gone(known):
        return Age.NEWER
    order = (
        _compare(new.updated_ns, known.updated_ns)
        or _compare(new.venue_status == tables.BUSTED, known.venue_status == tables.BUSTED)
        or _compare_texts(new.filled_qty, known.filled_qty)
        or _compare(_RANKS[new.status], _RANKS[known.status])
    )
    if order == 0:
        return Age.EQUAL
    return Age.NEWER if order > 0 else Age.OLDER


def _compare(new: int | None, known: int | None) -> int:
    if new is None or known is None:
        return 0
    return (new > known) - (new < known)


def _compare_texts(new: DecimalText | None, known: DecimalText | None) -> int:
    if new is None or known is None or new == known:
        return 0
    return int(Decimal(new).compare(Decimal(known)))


# -- parts of an order, remembered by what OpenD sent ----------------------------------------------------------


class _Amounts(NamedTuple):
    status: OrderStatus
    venue_status: str
    qty: DecimalText | None
    filled: DecimalText | None
    remaining: DecimalText | None
    flags: Flags


class _Terms(NamedTuple):
    side: Side | None
    order_type: str | None
    time_in_force: TimeInForce | None
    currency: str | None
    flags: Flags


class _Prices(NamedTuple):
    price: DecimalText | None
    stop: DecimalText | None
    average: DecimalText | None
    flags: Flags


_Words = tuple[
    str | None,  # session
    bool | None,  # fill_outside_rth
    str | None,  # trail_type
    str | None,  # trail_value
    str | None,  # trail_spread
    str | None,  # expire_time
    str | None,  # order_amount
    str | None,  # strategy_type
    None,  # combo_legs
    str | None,  # jp_acc_type
    str | None,  # trd_market
    str | None,  # sec_market
]

_UNFILLED = frozenset({0, 1, 2, 3, 5, 13, 15, 21, 23})
_PARTLY_FILLED = frozenset({10, 12, 14})
_FILLED = 11
_BUSTED = 24

_EXACT = Context(prec=1000)
"""Two doubles have no more digits than this between the first of one and the last of the other."""


@lru_cache(maxsize=_CACHED)
def _account(fields: tuple[int, int]) -> tuple[Environment, str]:
    environment, account = fields
    if environment not in tables.ENVIRONMENTS or not account:
        raise RemoteProtocolError("an order of no known environment or account")
    return tables.ENVIRONMENTS[environment], str(account)


@lru_cache(maxsize=_CACHED)
def _amounts(fields: tuple[int, float, float]) -> _Amounts:
    number, qty, filled = fields
    if number == NO_NUMBER:
        raise RemoteProtocolError("an order without a status")
    venue_status, status = tables.STATUSES.get(number, (str(number), OrderStatus.UNKNOWN))
    qty_text, qty_flags = _decimal("qty", qty)
    filled_text, filled_flags = _decimal("filled_qty", filled)
    flags = _missing("qty", qty == NO_DOUBLE) + qty_flags + filled_flags
    remaining = None
    if qty_text is not None and filled_text is not None:
        if _disagree(number, qty, filled):
            flags += ("conflict",)
        if filled <= qty:
            remaining = decimal_text(_EXACT.subtract(Decimal(qty_text), Decimal(filled_text)))
    if number == _BUSTED:
        flags += ("fill_busted",)
    return _Amounts(status, venue_status, qty_text, filled_text, remaining, flags)


def _disagree(status: int, qty: float, filled: float) -> bool:
    """Whether status and quantities contradict each other; an order by amount may have no quantity of its own."""
    if qty and filled > qty:
        return True
    if status in _UNFILLED:
        return filled > 0
    if status in _PARTLY_FILLED:
        return filled == 0 or filled == qty
    return status == _FILLED and filled < qty


@lru_cache(maxsize=_CACHED)
def _terms(fields: tuple[int, int, int, int]) -> _Terms:
    side, order_type, time_in_force, currency = fields
    flags: Flags = ()
    if side not in tables.SIDES:
        flags += ("bad:side",)
    if time_in_force not in tables.TIMES_IN_FORCE and time_in_force != NO_NUMBER:
        flags += ("bad:time_in_force",)
    return _Terms(
        tables.SIDES.get(side),
        _word(tables.ORDER_TYPES, order_type),
        tables.TIMES_IN_FORCE.get(time_in_force),
        _word(tables.CURRENCIES, currency),
        flags + _missing("order_type", order_type == NO_NUMBER),
    )


@lru_cache(maxsize=_CACHED)
def _prices(fields: tuple[int, float, float, float]) -> _Prices:
    order_type, price, stop, average = fields
    if order_type in tables.PRICELESS:
        price = NO_DOUBLE
    price_text, price_flags = _decimal("price", price)
    stop_text, stop_flags = _decimal("stop_price", stop)
    average_text, average_flags = _decimal("avg_price", average)
    return _Prices(price_text, stop_text, average_text, price_flags + stop_flags + average_flags)


@lru_cache(maxsize=_CACHED)
def _symbol(fields: tuple[bytes, int, int], header_market: int) -> tuple[str | None, Flags]:
    code, sec_market, trd_market = fields
    if not code:
        return None, ("bad:symbol",)
    prefix = (
        tables.SEC_MARKET_PREFIXES.get(sec_market)
        or tables.TRD_MARKET_PREFIXES.get(trd_market)
        or tables.TRD_MARKET_PREFIXES.get(header_market)
    )
    text = decode_text(code)
    return (f"{prefix}.{text}" if prefix else text), ()


@lru_cache(maxsize=_CACHED)
def _texts(fields: tuple[bytes, bytes, bytes, bytes]) -> tuple[str | None, str | None, str, str | None]:
    order_id_ex, name, error, remark = fields
    return _text(order_id_ex), _text(name), decode_text(error), _text(remark)


@lru_cache(maxsize=_CACHED)
def _rest(
    fields: tuple[int, int, int, float, float, bytes, float, int, int, int, int], header_market: int
) -> tuple[_Words, Flags]:
    (session, outside, trail_type, value, spread, expire, amount, strategy, jp_acc_type, trd_market, sec_market) = (
        fields
    )
    trail_value, value_flags = _decimal("trail_value", value)
    trail_spread, spread_flags = _decimal("trail_spread", spread)
    order_amount, amount_flags = _decimal("order_amount", amount)
    words = (
        _word(tables.SESSIONS, session),
        None if outside == NO_NUMBER else outside != 0,
        _word(tables.TRAIL_TYPES, trail_type),
        trail_value,
        trail_spread,
        _text(expire),
        order_amount,
        _word(tables.STRATEGIES, strategy),
        None,
        _word(tables.JP_ACC_TYPES, jp_acc_type),
        _word(tables.TRD_MARKETS, header_market if trd_market == NO_NUMBER else trd_market),
        _word(tables.SEC_MARKETS, sec_market),
    )
    return words, value_flags + spread_flags + amount_flags


def _leg(leg: pb.ComboLeg) -> dict[str, str | None]:
    return {
        "market": _word(tables.QOT_MARKETS, leg.security.market),
        "code": _text(leg.security.code),
        "side": _word(tables.SIDES, leg.side),
        "qty_ratio": _decimal("combo_legs", leg.qtyRatio)[0],
        "position_id": str(leg.positionID) if leg.HasField("positionID") else None,
        "pred_side": _word(tables.PREDICTIONS, leg.predSide),
    }


def _time(key: str, seconds: float, text: str | None, zone: str | None) -> tuple[int | None, Flags]:
    """OpenD's timestamp; only where there is none, its local text, whose zone is then our assumption."""
    ns = seconds_ns(seconds)
    if ns is not None:
        return ns, ()
    if text is None:
        return None, () if seconds in (NO_DOUBLE, 0) else (f"bad:{key}",)
    ns = text_ns(text, zone) if zone is not None else None
    return ns, (f"bad:{key}",) if ns is None else ("zone_assumed",)


def _decimal(key: str, value: float) -> tuple[DecimalText | None, Flags]:
    """A quantity or price; one that is negative or not finite cannot be read."""
    if value == NO_DOUBLE:
        return None, ()
    if not 0 <= value <= float_info.max:
        return None, (f"bad:{key}",)
    return double_text(value), ()


def _missing(key: str, missing: bool) -> Flags:
    return (f"bad:{key}",) if missing else ()


def _word(table: Mapping[int, str | None], number: int) -> str | None:
    return None if number == NO_NUMBER else tables.word(table, number)


@lru_cache(maxsize=_CACHED)
def _text(data: bytes) -> str | None:
    return decode_text(data) or None
