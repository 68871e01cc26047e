"""What OpenD reports about an order, as an `OrderUpdate`.

The hot path: one look at all fields, then answers remembered by value where most of them repeat from push to push;
the texts of one order do not.
Facts: Futu API documentation, "Trading Definitions" (Order, OrderStatus) and "Orders Push Callback".
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from functools import lru_cache
from operator import attrgetter
from sys import float_info
from typing import ClassVar

import msgspec

from ordwatch.core.errors import RemoteProtocolError
from ordwatch.core.escaping import decode_text
from ordwatch.core.events import DecimalText, Environment, Extra, OrderStatus, OrderUpdate, Side, Source, TimeInForce
from ordwatch.core.numbers import decimal_text, double_text
from ordwatch.venues.opend import tables
from ordwatch.venues.opend.messages import payload
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb
from ordwatch.venues.opend.times import seconds_ns, text_ns, zone_of

NO_NUMBER = -(2**31)
"""What an integer field reads as that was not sent; see the .proto file."""
NO_DOUBLE = -float_info.max
"""The same for a double."""

_CACHED = 8192


class OpendExtra(Extra, frozen=True, kw_only=False):
    """Fields of OpenD's Order that have no key of their own.

    Enumerations in upper snake case of the venue's names, decimals and ids as text. `trd_market` is the order's own,
    else the header's; the two times are OpenD's local texts; a leg has market, code, side, qty_ratio, position_id
    and pred_side.
    """

    TIME_TEXTS: ClassVar[frozenset[str]] = frozenset({"create_time", "update_time"})

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


_HEADER = attrgetter("trdEnv", "accID", "trdMarket")
_TERMS = attrgetter(
    "trdSide",
    "orderType",
    "timeInForce",
    "currency",
    "code",
    "secMarket",
    "trdMarket",
    "session",
    "fillOutsideRTH",
    "trailType",
    "trailValue",
    "trailSpread",
    "expireTime",
    "orderAmount",
    "strategyType",
    "jpAccType",
)
_AMOUNTS = attrgetter("orderStatus", "qty", "fillQty")
_PRICES = attrgetter("orderType", "price", "auxPrice", "fillAvgPrice")
_TEXTS = attrgetter("orderIDEx", "name", "lastErrMsg", "remark", "createTime")
_REST = attrgetter("orderID", "createTimestamp", "updateTimestamp", "updateTime", "comboLegs")

Flags = tuple[str, ...]


class OrderReader:
    """Makes statements of OpenD's orders, for one venue of the configuration."""

    def __init__(self, venue: str, *, futures_zone: str, raw: bool = False) -> None:
        """`futures_zone` is the zone of time texts in futures markets."""
        self._venue = venue
        self._futures_zone = futures_zone
        self._raw = raw
        # Called as an attribute it gets its arguments on the stack; CPython collects more than 15 named arguments
        # of any other call in a dict first, which takes longer than making the struct.
        self._update = OrderUpdate

    def read(self, header: pb.TrdHeader, order: pb.Order, received_ns: int, source: Source) -> OrderUpdate:
        """The statement about one order.

        Raises:
            RemoteProtocolError: It names no order: environment, account, id or status is missing or makes no sense.
        """
        # Longer than a function should be: one list of assignments.
        environment, account, market = _account(_HEADER(header))
        status, venue_status, qty, filled, remaining, amount_flags = _amounts(_AMOUNTS(order))
        symbol, side, order_type, time_in_force, currency, extra_fields, term_flags = _terms(_TERMS(order), market)
        price, stop_price, avg_price, price_flags = _prices(_PRICES(order))
        order_id_ex, name, reason, remark, created_text = _texts(_TEXTS(order))
        order_id, created, updated, updated_text, legs = _REST(order)
        if not order_id:
            raise RemoteProtocolError("an order without an id")
        extra = OpendExtra(*extra_fields, created_text, _text(updated_text))
        if legs:
            extra = msgspec.structs.replace(extra, combo_legs=[_leg(leg) for leg in legs])
        flags = amount_flags + term_flags + price_flags
        created_ns, updated_ns = seconds_ns(created), seconds_ns(updated)
        if created_ns is None or updated_ns is None:
            zone = zone_of(order, header, self._futures_zone)
            created_ns, updated_ns, time_flags = _times(created, created_text, updated, extra.update_time, zone)
            flags = tuple(dict.fromkeys(flags + time_flags))
        return self._update(
            venue=self._venue,
            environment=environment,
            account=account,
            order_id=str(order_id),
            order_id_ext=order_id_ex,
            symbol=symbol,
            name=name,
            side=side,
            order_type=order_type,
            time_in_force=time_in_force,
            status=status,
            venue_status=venue_status,
            reason=reason,
            qty=qty,
            filled_qty=filled,
            remaining_qty=remaining,
            price=price,
            stop_price=stop_price,
            avg_price=avg_price,
            currency=currency,
            remark=remark,
            created_ns=created_ns,
            updated_ns=updated_ns,
            received_ns=received_ns,
            source=source,
            flags=flags,
            extra=extra,
            raw=payload(header, order) if self._raw else None,
        )


# Parts of an order, remembered by what OpenD sent: most repeat from push to push.


_Amounts = tuple[OrderStatus, str, DecimalText | None, DecimalText | None, DecimalText | None, Flags]
"""Status, the venue's name for it, ordered, filled, remaining."""
_Prices = tuple[DecimalText | None, DecimalText | None, DecimalText | None, Flags]
"""Limit, trigger, average."""
_ExtraFields = tuple[
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
"""The fields of `OpendExtra` that do not change with each push."""
_Terms = tuple[str | None, Side | None, str | None, TimeInForce | None, str | None, _ExtraFields, Flags]
"""Symbol, side, order type, time in force, currency."""

_UNFILLED = frozenset({0, 1, 2, 3, 5, 13, 15, 21, 23})
_PARTLY_FILLED = frozenset({10, 12, 14})
_FILLED = 11
_BUSTED = 24

_EXACT = Context(prec=1000)
"""Two doubles have no more digits than this between the first of one and the last of the other."""


@lru_cache(maxsize=_CACHED)
def _account(fields: tuple[int, int, int]) -> tuple[Environment, str, int]:
    environment, account, market = fields
    if environment not in tables.ENVIRONMENTS or not account:
        raise RemoteProtocolError("an order of no known environment or account")
    return tables.ENVIRONMENTS[environment], str(account), market


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
    return status, venue_status, qty_text, filled_text, remaining, flags


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
def _terms(
    fields: tuple[int, int, int, int, bytes, int, int, int, int, int, float, float, bytes, float, int, int],
    header_market: int,
) -> _Terms:
    side, order_type, time_in_force, currency, code, sec_market, trd_market, *_others = fields
    market = header_market if trd_market == NO_NUMBER else trd_market
    flags = _missing("symbol", not code) + _missing("order_type", order_type == NO_NUMBER)
    if side not in tables.SIDES:
        flags += ("bad:side",)
    if time_in_force not in tables.TIMES_IN_FORCE and time_in_force != NO_NUMBER:
        flags += ("bad:time_in_force",)
    extra_fields, word_flags = _extra_fields(fields[7:], sec_market, market)
    return (
        # The header's market is but the first of the account's: it counts only where the order names none.
        _symbol(code, sec_market, market or header_market),
        tables.SIDES.get(side),
        _word(tables.ORDER_TYPES, order_type),
        tables.TIMES_IN_FORCE.get(time_in_force),
        _word(tables.CURRENCIES, currency),
        extra_fields,
        flags + word_flags,
    )


def _symbol(code: bytes, sec_market: int, trd_market: int) -> str | None:
    if not code:
        return None
    prefix = tables.SEC_MARKET_PREFIXES.get(sec_market) or tables.TRD_MARKET_PREFIXES.get(trd_market)
    return f"{prefix}.{decode_text(code)}" if prefix else decode_text(code)


def _prices(fields: tuple[int, float, float, float]) -> _Prices:
    order_type, price, stop, average = fields
    if order_type in tables.PRICELESS:
        price = NO_DOUBLE
    price_text, price_flags = _decimal("price", price)
    stop_text, stop_flags = _decimal("stop_price", stop)
    average_text, average_flags = _decimal("avg_price", average)
    return price_text, stop_text, average_text, price_flags + stop_flags + average_flags


def _texts(
    fields: tuple[bytes, bytes, bytes, bytes, bytes],
) -> tuple[str | None, str | None, str, str | None, str | None]:
    order_id_ex, name, error, remark, created = fields
    # No error is a statement too: it takes a former one back.
    return _text(order_id_ex), _name(name), decode_text(error) if error else "", _text(remark), _text(created)


def _extra_fields(
    fields: tuple[int, int, int, float, float, bytes, float, int, int], sec_market: int, trd_market: int
) -> tuple[_ExtraFields, Flags]:
    session, outside, trail_type, value, spread, expire, amount, strategy, jp_acc_type = fields
    trail_value, value_flags = _decimal("trail_value", value)
    trail_spread, spread_flags = _decimal("trail_spread", spread)
    order_amount, amount_flags = _decimal("order_amount", amount)
    extra_fields = (
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
        _word(tables.TRD_MARKETS, trd_market),
        _word(tables.SEC_MARKETS, sec_market),
    )
    return extra_fields, value_flags + spread_flags + amount_flags


def _leg(leg: pb.ComboLeg) -> dict[str, str | None]:
    return {
        "market": _word(tables.QOT_MARKETS, leg.security.market),
        "code": _text(leg.security.code),
        "side": _word(tables.SIDES, leg.side),
        "qty_ratio": _decimal("combo_legs", leg.qtyRatio)[0],
        "position_id": str(leg.positionID) if leg.HasField("positionID") else None,
        "pred_side": _word(tables.PREDICTIONS, leg.predSide),
    }


def _times(
    created: float, created_text: str | None, updated: float, updated_text: str | None, zone: str | None
) -> tuple[int | None, int | None, Flags]:
    """When the order was created and updated, where OpenD sent only a text for at least one of them."""
    created_ns, created_flags = _time("created_at", created, created_text, zone)
    updated_ns, updated_flags = _time("updated_at", updated, updated_text, zone)
    return created_ns, updated_ns, created_flags + updated_flags


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


def _text(data: bytes) -> str | None:
    return decode_text(data) if data else None


_name = lru_cache(maxsize=_CACHED)(_text)
"""One text for all orders of a security, instead of one each."""
