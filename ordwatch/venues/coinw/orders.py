"""What a pushed order of CoinW means: OrderRow -> OrderUpdate.

Facts: CoinW API documentation, "Subscribe Current Orders" (spot): a market order has an empty side and the market's
price; `dealFunds` counts what was paid so far, for its sample of an unfilled order shows 0.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from ordwatch.core.events import DecimalText, Extra, OrderStatus, OrderUpdate, Side
from ordwatch.venues.coinw.messages import OrderRow
from ordwatch.venues.coinw.statuses import rule
from ordwatch.venues.toolkit.amounts import amount, difference, is_zero, nonzero, quotient, signed
from ordwatch.venues.toolkit.lenient_json import Unreadable

_BIG_ID = 2**63
_MAX_WORD = 64
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999."""
_ID = re.compile(r"(?!0+$)[0-9A-Za-z][0-9A-Za-z_-]{0,63}", re.ASCII)
_TYPE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_NEW = OrderStatus.NEW
_UNDONE = frozenset({OrderStatus.CANCELED, OrderStatus.REJECTED})
_WHOLE = {OrderStatus.FILLED: True, OrderStatus.CANCELED: False, OrderStatus.REJECTED: False}
"""Whether an order of this status is filled to the last."""
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}


class CoinwExtra(Extra, frozen=True, kw_only=True):
    """What CoinW reports beyond the common keys."""

    price: str | None = None
    """Of a market order: the market's price, not the order's."""
    remaining_size: str | None = None
    type: str | None = None
    reason: str | None = None


class PushedOrderReader:
    """Makes updates of pushed orders, for one venue of the configuration."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        # Called as an attribute it gets its arguments on the stack; CPython collects more than 15 named arguments
        # of any other call in a dict first, which takes six times as long.
        self._update = OrderUpdate

    def read(self, row: OrderRow, received_ns: int, *, raw: object = None) -> OrderUpdate:
        """One pushed order.

        Raises:
            Unreadable: There is no readable id, or neither type nor reason.
        """
        flags: list[str] = []
        price, kind = amount(row.price, "price", flags), order_type(row.order_type)
        is_market = kind == "MARKET"
        judged = _judged(row, flags)
        status, left = judged.status, judged.left
        time_ns = milliseconds_ns(row.time, "updated_at", flags)
        return self._update(
            venue=self._venue,
            order_id=identifier(row.order_id),
            client_order_id=row.client_id or None,
            symbol=symbol(row.product_id),
            side=side(row.side, flags),
            order_type=kind,
            status=status,
            venue_status=judged.word,
            reason=row.reason if status in _UNDONE else None,
            qty=judged.size,
            filled_qty=judged.filled,
            remaining_qty=left if judged.size is not None else None,
            price=None if is_market else price,
            avg_price=judged.average,
            filled_value=judged.funds,
            fee=signed(row.fee, "fee", flags),
            # Whether later events have the order's time or their own is not documented.
            created_ns=time_ns if status is _NEW else None,
            updated_ns=time_ns,
            received_ns=received_ns,
            source="push",
            flags=tuple(flags),
            extra=CoinwExtra(
                price=price if is_market else None,
                remaining_size=left,
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
    if type(value) is int and 0 < value < _BIG_ID:
        return str(value)
    text = str(value)
    if not _ID.fullmatch(text):
        raise Unreadable("order without a readable id")
    return text


def symbol(pair: str | None) -> str | None:
    """The pair as the sample writes it, BTC_USDT; the table of fields has BTC-USDT."""
    return _symbol(pair[:_MAX_WORD]) if pair else None


@lru_cache(maxsize=1024)
def _symbol(pair: str) -> str | None:
    return _upper(pair).replace("-", "_") or None


def order_type(word: str | None) -> str | None:
    """LIMIT, MARKET, or another name in the same form; what is no name as UNKNOWN(it)."""
    return _order_type(word[:_MAX_WORD]) if word else None


@lru_cache(maxsize=256)
def _order_type(word: str) -> str | None:
    kind = _upper(word)
    if not kind or _TYPE.fullmatch(kind):
        return kind or None
    return f"UNKNOWN({kind.replace(')', '')})"


def side(word: str | None, flags: list[str]) -> Side | None:
    """BUY or SELL in any case; None when empty, as on a market order."""
    if not word:
        return None
    known = _SIDES.get(word) or _SIDES.get(word.upper())
    if known is None:
        flags.append("bad:side")
    return known


def milliseconds_ns(value: int | str | None, key: str, flags: list[str]) -> int | None:
    """Milliseconds since 1970 as nanoseconds; None when the venue reports no time."""
    if type(value) is int and 0 < value <= _LAST_MS:
        return value * 1_000_000
    if value is None or value in ("", "0", 0):
        return None
    text = str(value)
    if text.isascii() and text.isdecimal() and len(text) <= 15 and int(text) <= _LAST_MS:
        return int(text) * 1_000_000
    flags.append(f"bad:{key}")
    return None


def _upper(word: str) -> str:
    return "_".join(word.upper().split())


class _Decided(NamedTuple):
    status: OrderStatus
    guessed: bool
    word: str


@lru_cache(maxsize=1024)
def _decided(kind: str, reason: str, sized: bool, nothing_left: bool | None, some_filled: bool) -> _Decided:
    """The status, and the venue's own words for it."""
    own = [word.strip() for word in (kind, reason) if word.strip() and word.lstrip()[0] not in "{["]
    if not own:
        raise Unreadable("order without a readable status")
    decided = rule(_upper(kind), _upper(reason), sized, nothing_left, some_filled)
    return _Decided(decided.status, decided.guessed, "/".join(own))


class _Judged(NamedTuple):
    status: OrderStatus
    word: str
    size: DecimalText | None
    left: DecimalText | None
    funds: DecimalText | None
    filled: DecimalText | None
    average: DecimalText | None


def _judged(row: OrderRow, flags: list[str]) -> _Judged:
    """What type, reason and sizes mean together."""
    size = nonzero(amount(row.size, "qty", flags))
    left = amount(row.remaining_size, "remaining_qty", flags)
    funds = amount(row.dealFunds, "filled_value", flags)
    average = nonzero(amount(row.dealAvgPrice, "avg_price", flags))
    unpaid = None if funds is None else is_zero(funds)
    none_left = None if left is None else is_zero(left)
    filled = difference(size, left) if size is not None and left is not None else None
    some_filled = unpaid is False or (filled is not None and filled != "0" and filled[0] != "-")
    kind, reason = (row.type or "")[:_MAX_WORD], (row.reason or "")[:_MAX_WORD]
    status, guessed, word = _decided(kind, reason, size is not None, none_left, some_filled)
    if guessed:
        flags.append("guessed")
    if filled is None:
        filled = _paid_for(funds, unpaid, average, flags)
    else:
        if _disagree(filled, unpaid, none_left, status):
            flags.append("conflict")
        filled = _believed(filled, unpaid, status)
        average = average or _average(funds, filled, unpaid, flags)
    return _Judged(status, word, size, left, funds, filled, average)


def _disagree(filled: DecimalText, unpaid: bool | None, none_left: bool | None, status: OrderStatus) -> bool:
    if filled[0] == "-" or (unpaid is not None and unpaid is not (filled == "0")):
        return True
    return none_left is not _WHOLE.get(status, none_left)


def _believed(filled: DecimalText, unpaid: bool | None, status: OrderStatus) -> DecimalText | None:
    # An ended order with nothing left and nothing paid for is not an order that was filled.
    if unpaid and status in _UNDONE:
        return "0"
    return None if filled[0] == "-" else filled


def _paid_for(
    funds: DecimalText | None, unpaid: bool | None, average: DecimalText | None, flags: list[str]
) -> DecimalText | None:
    """What is filled of an order whose sizes do not show it."""
    if unpaid:
        return "0"
    if funds is None or average is None:
        return None
    flags.append("derived:filled_qty")
    return quotient(funds, average)


def _average(
    funds: DecimalText | None, filled: DecimalText | None, unpaid: bool | None, flags: list[str]
) -> DecimalText | None:
    if funds is None or unpaid or filled is None or filled == "0":
        return None
    flags.append("derived:avg_price")
    return quotient(funds, filled)
