"""What a pushed order of CoinW means: OrderRow -> OrderUpdate.

Facts: CoinW API documentation, "Subscribe Current Orders" (spot): a market order has an empty side and the market's
price; `dealFunds` counts what was paid so far, for its sample of an unfilled order shows 0.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from ordwatch.model import DecimalText, Extra, OrderStatus, OrderUpdate, Side
from ordwatch.venues.coinw.amounts import amount, difference, is_less, is_zero, quotient, signed
from ordwatch.venues.coinw.loose import Unreadable
from ordwatch.venues.coinw.messages import OrderRow
from ordwatch.venues.coinw.status import Told, rule

_MAX_WORD = 64
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999."""
_ID = re.compile(r"(?!0+$)[0-9A-Za-z][0-9A-Za-z_-]{0,63}", re.ASCII)
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}


class CoinwExtra(Extra, frozen=True, kw_only=True):
    """What CoinW tells beyond the common keys."""

    price: str | None = None
    """Of a market order: the market's price, not the order's."""
    remaining_size: str | None = None
    type: str | None = None
    reason: str | None = None


def order_update(row: OrderRow, *, venue: str, received_ns: int, raw: object = None) -> OrderUpdate:
    """One pushed order.

    Raises:
        Unreadable: There is no readable id, or neither type nor reason.
    """
    flags: list[str] = []
    order_id, words = identifier(row.order_id), _words((row.type or "")[:_MAX_WORD], (row.reason or "")[:_MAX_WORD])
    is_market = order_type(row.order_type) == "MARKET"
    price = amount(row.price, "price", flags)
    told = _amounts(row, flags)
    status = _status(words, told, flags)
    filled = _filled(status, told, flags)
    time_ns = milliseconds_ns(row.time, "updated_at", flags)
    return OrderUpdate(
        venue=venue,
        order_id=order_id,
        client_order_id=row.client_id or None,
        symbol=symbol(row.product_id),
        side=side(row.side, flags),
        order_type=order_type(row.order_type),
        status=status,
        venue_status=words.shown,
        reason=row.reason if status in (OrderStatus.CANCELED, OrderStatus.REJECTED) else None,
        qty=told.size,
        filled_qty=filled,
        remaining_qty=told.left if told.size is not None else None,
        price=None if is_market else price,
        avg_price=told.average or _average(told.funds, filled, flags),
        filled_value=told.funds,
        fee=fee(row.fee, flags),
        # Whether later events bear the order's time or their own is not documented.
        created_ns=time_ns if status is OrderStatus.NEW else None,
        updated_ns=time_ns,
        received_ns=received_ns,
        source="push",
        flags=tuple(flags),
        extra=CoinwExtra(
            price=price if is_market else None,
            remaining_size=told.left,
            type=row.type or None,
            reason=row.reason or None,
        ),
        raw=raw,
    )


def identifier(value: int | str) -> str:
    """The order's id as text.

    Raises:
        Unreadable: It is empty, zero or no id at all.
    """
    text = str(value)
    if not (text.isdecimal() and text.isascii() and len(text) <= 20 and text.strip("0")) and not _ID.fullmatch(text):
        raise Unreadable("order without a readable id")
    return text


def symbol(pair: str | None) -> str | None:
    """The pair as the sample writes it, BTC_USDT; the table of fields has BTC-USDT."""
    return _upper(pair[:_MAX_WORD]).replace("-", "_") or None if pair else None


def order_type(word: str | None) -> str | None:
    """LIMIT, MARKET, or another word in the same form."""
    return _upper(word[:_MAX_WORD]) or None if word else None


def side(word: str | None, flags: list[str]) -> Side | None:
    """BUY or SELL in any case; None when empty, as on a market order."""
    if not word:
        return None
    known = _SIDES.get(word) or _SIDES.get(word.upper())
    if known is None:
        flags.append("bad:side")
    return known


def fee(value: str | None, flags: list[str]) -> DecimalText | None:
    """The fee so far, below zero for a rebate. Its currency is not documented."""
    return signed(value, "fee", flags)


def milliseconds_ns(value: int | str | None, key: str, flags: list[str]) -> int | None:
    """Milliseconds since 1970 as nanoseconds; None when the venue tells no time."""
    if type(value) is int and 0 < value <= _LAST_MS:
        return value * 1_000_000
    if value is None or value in ("", "0", 0):
        return None
    text = str(value)
    if text.isascii() and text.isdecimal() and len(text) <= 15 and int(text) <= _LAST_MS:
        return int(text) * 1_000_000
    flags.append(f"bad:{key}")
    return None


@lru_cache(maxsize=256)
def _upper(word: str) -> str:
    return "_".join(word.upper().split())


class _Words(NamedTuple):
    kind: str
    reason: str
    shown: str


@lru_cache(maxsize=256)
def _words(kind: str, reason: str) -> _Words:
    own = [word.strip() for word in (kind, reason) if word.strip() and word.lstrip()[0] not in "{["]
    if not own:
        raise Unreadable("order without a readable status")
    return _Words(_upper(kind), _upper(reason), "/".join(own))


class _Amounts(NamedTuple):
    size: DecimalText | None
    left: DecimalText | None
    funds: DecimalText | None
    average: DecimalText | None


def _amounts(row: OrderRow, flags: list[str]) -> _Amounts:
    size = amount(row.size, "qty", flags)
    average = amount(row.dealAvgPrice, "avg_price", flags)
    return _Amounts(
        size=None if size is None or is_zero(size) else size,
        left=amount(row.remaining_size, "remaining_qty", flags),
        funds=amount(row.dealFunds, "filled_value", flags),
        average=None if average is None or is_zero(average) else average,
    )


def _status(words: _Words, told: _Amounts, flags: list[str]) -> OrderStatus:
    size, left, funds, _ = told
    paid = funds is not None and not is_zero(funds)
    decided = rule(
        Told(
            words.kind,
            words.reason,
            sized=size is not None,
            nothing_left=None if left is None else is_zero(left),
            some_filled=paid or (size is not None and left is not None and is_less(left, size)),
        )
    )
    if decided.guessed:
        flags.append("guessed")
    return decided.status


def _filled(status: OrderStatus, told: _Amounts, flags: list[str]) -> DecimalText | None:
    size, left, funds, average = told
    nothing = funds is not None and is_zero(funds)
    if size is None or left is None:
        if funds is None or nothing:
            return "0" if nothing else None
        return _derived("filled_qty", funds, average, flags)
    filled = difference(size, left)
    if filled[0] == "-":
        flags.append("conflict")
        return None
    if (funds is not None and nothing is not is_zero(filled)) or is_zero(left) is not _WHOLE.get(status, is_zero(left)):
        flags.append("conflict")
    # Sizes that say more than no money paid: an ended order with nothing left is not an order that was filled.
    return "0" if nothing and status in (OrderStatus.CANCELED, OrderStatus.REJECTED) else filled


_WHOLE = {OrderStatus.FILLED: True, OrderStatus.CANCELED: False, OrderStatus.REJECTED: False}
"""Whether an order of this status is filled to the last."""


def _average(funds: DecimalText | None, filled: DecimalText | None, flags: list[str]) -> DecimalText | None:
    if funds is None or filled is None or is_zero(funds) or is_zero(filled) or "derived:filled_qty" in flags:
        return None
    return _derived("avg_price", funds, filled, flags)


def _derived(key: str, dividend: DecimalText, divisor: DecimalText | None, flags: list[str]) -> DecimalText | None:
    if divisor is None:
        return None
    flags.append(f"derived:{key}")
    return quotient(dividend, divisor)
