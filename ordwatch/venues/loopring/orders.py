"""An order of the relayer -> OrderUpdate; which of two statements is newer; how they merge.

Amounts come in base units and are written in human units by the decimals of the market's tokens; the integers stay in
`extra`. Without decimals the quantities are null and the update says `raw_units`. The symbol is the market in upper
case without the prefix that marks a swap ("AMM-LRC-ETH" and "LP-LRC-ETH" are orders of LRC-ETH). Statuses: the order
page of Loopring/DEX-API and DEX-API-V3; `failed` from their REST pages. Fees are paid in the bought token (DEX-API-V3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ordwatch.model import FINAL, Age, Extra, OrderStatus, OrderUpdate, Side
from ordwatch.text import decimal_text
from ordwatch.venues.contract import fill_in
from ordwatch.venues.loopring.amounts import average, difference, scaled, units_text
from ordwatch.venues.loopring.messages import DamagedOrder, Number, OrderData, OrderPush, topic_market

MAX_PRICE_CHARACTERS = 100
_FIRST_MS = 10**11
"""Times from here on are milliseconds (1973), smaller ones seconds: the samples have both."""
_LAST_MS = 253_402_300_799_999


class LoopringExtra(Extra, frozen=True, kw_only=True):
    """Fields of the relayer without a key of their own. Amounts in base units; times as the venue's own number."""

    size: str | None = None
    volume: str | None = None
    filled_size: str | None = None
    filled_volume: str | None = None
    filled_fee: str | None = None
    ts: str | None = None
    """When it was pushed."""
    valid_since: str | None = None
    valid_until: str | None = None
    storage_id: str | None = None
    trade_channel: str | None = None
    order_type: str | None = None


@dataclass(frozen=True)
class Origin:
    """Whose orders they are, and how much a token's base unit is."""

    venue: str
    account: str
    decimals: Mapping[str, int]
    """By token symbol; a token that is missing has unknown decimals."""


class Pair(NamedTuple):
    """A market: its plain name and its two tokens, which are "" when the name has no two halves."""

    symbol: str
    base: str
    quote: str


@lru_cache(maxsize=1024)
def pair(market: str) -> Pair:
    """The market that a name in any case means, swaps included."""
    symbol = market.upper()
    for prefix in ("AMM-", "LP-"):
        symbol = symbol.removeprefix(prefix) if symbol.count("-") > 1 else symbol
    base, _, quote = symbol.partition("-")
    return Pair(symbol, base, quote) if base and quote and "-" not in quote else Pair(symbol, "", "")


class _Meaning(NamedTuple):
    unfilled: OrderStatus
    filled: OrderStatus
    """The same word for an order that has fills."""
    rank: int


_MEANINGS = {
    "waiting": _Meaning(OrderStatus.PENDING_NEW, OrderStatus.PARTIALLY_FILLED, 0),
    "processing": _Meaning(OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, 1),
    "cancelling": _Meaning(OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_CANCEL, 2),
    # Filled also when a remainder too small to trade was dropped.
    "processed": _Meaning(OrderStatus.FILLED, OrderStatus.FILLED, 3),
    "cancelled": _Meaning(OrderStatus.CANCELED, OrderStatus.CANCELED, 3),
    "expired": _Meaning(OrderStatus.EXPIRED, OrderStatus.EXPIRED, 3),
    # FIX does not reject an order that has fills.
    "failed": _Meaning(OrderStatus.REJECTED, OrderStatus.CANCELED, 3),
}
_CLOSED = 3


def order_status(word: str, filled_units: str | None) -> OrderStatus:
    """The status that the venue's word means for an order with these fills; unknown words are UNKNOWN."""
    meaning = _MEANINGS.get(word.lower())
    if meaning is None:
        return OrderStatus.UNKNOWN
    return meaning.unfilled if filled_units in (None, "0") else meaning.filled


def pushed_order(push: OrderPush, origin: Origin, received_ns: int, *, raw: object = None) -> OrderUpdate:
    """What a push says."""
    return _Reading(push.data, topic_market(push.topic), origin).update(push.ts, received_ns, raw)


def queried_order(row: OrderData, origin: Origin, received_ns: int, *, raw: object = None) -> OrderUpdate:
    """What a row of a REST answer says. It says when the order was made at most, never when it came to this state."""
    told = _Reading(row, None, origin).update(None, received_ns, raw)
    return msgspec.structs.replace(told, source="query")


def unknown_order(known: OrderUpdate, origin: Origin, reason: str, received_ns: int) -> OrderUpdate:
    """The venue does not know this order any more: nothing supports another status."""
    return OrderUpdate(
        venue=origin.venue,
        environment=known.environment,
        account=known.account,
        order_id=known.order_id,
        status=OrderStatus.UNKNOWN,
        venue_status=GONE,
        reason=reason,
        received_ns=received_ns,
        source="query",
        extra=LoopringExtra(),
    )


GONE = "107003"
"""The venue's code for an order that does not exist, in place of a status word."""


class _Reading:
    """One order's fields on their way to an OrderUpdate; `flags` gathers what could not be read."""

    __slots__ = ("data", "flags", "origin", "pair")

    def __init__(self, data: OrderData, market: str | None, origin: Origin) -> None:
        self.data = data
        self.origin = origin
        self.flags = [f"bad:{_KEYS.get(name, name)}" for name in _unreadable(data)]
        self.pair = pair(data.market or market or "")

    def update(self, ts: Number, received_ns: int, raw: object) -> OrderUpdate:
        data = self.data
        extra = self._extra(ts)
        size, filled, value = extra.size, extra.filled_size, extra.filled_volume
        base, quote = self._decimals(self.pair.base), self._decimals(self.pair.quote)
        if base is None or quote is None:
            self.flags.append("raw_units")
        side = self._side()
        fee_token = self._fee_token(side)
        status = order_status(data.status, filled)
        self._judge(status, size, filled)
        return OrderUpdate(
            venue=self.origin.venue,
            account=self.origin.account,
            order_id=data.order_hash,
            client_order_id=str(data.client_order_id) if data.client_order_id not in (None, "") else None,
            symbol=self.pair.symbol or None,
            side=side,
            order_type=_order_type(data.order_type),
            status=status,
            venue_status=data.status,
            qty=_human(size, base),
            filled_qty=_human(filled, base),
            remaining_qty=_human(_remaining(status, size, filled), base),
            price=self._price(data.price, "price"),
            stop_price=self._price(data.stop_price, "stop_price"),
            avg_price=self._average(filled, base, value, quote),
            filled_value=_human(value, quote),
            fee=_human(extra.filled_fee, self._decimals(fee_token)),
            fee_currency=fee_token or None,
            created_ns=self._time(data.created_at, "created_at"),
            updated_ns=self._time(data.update_at if data.update_at is not None else extra.ts, "updated_at"),
            received_ns=received_ns,
            source="push",
            flags=tuple(self.flags),
            extra=extra,
            raw=raw,
        )

    def _extra(self, ts: Number) -> LoopringExtra:
        data = self.data
        return LoopringExtra(
            size=self._units(data.size, "qty"),
            volume=self._units(data.volume, "volume"),
            filled_size=self._units(data.filled_size, "filled_qty"),
            filled_volume=self._units(data.filled_volume, "filled_value"),
            filled_fee=self._units(data.filled_fee, "fee"),
            ts=_number(ts) if self._time(ts, "ts") is not None else None,
            valid_since=self._units(data.valid_since, "valid_since"),
            valid_until=self._units(data.valid_until, "valid_until"),
            storage_id=self._units(data.storage_id, "storage_id"),
            trade_channel=data.trade_channel,
            order_type=data.order_type,
        )

    def _units(self, value: Number, key: str) -> str | None:
        if value is None:
            return None
        try:
            return units_text(value)
        except ValueError:
            self.flags.append(f"bad:{key}")
            return None

    def _price(self, value: Number, key: str) -> str | None:
        if value is None:
            return None
        try:
            text = decimal_text(value)
        except ValueError:
            text = "-"
        if text.startswith("-") or len(text) > MAX_PRICE_CHARACTERS:
            self.flags.append(f"bad:{key}")
            return None
        return text

    def _time(self, value: Number, key: str) -> int | None:
        if value is None:
            return None
        try:
            return venue_ns(value)
        except ValueError:
            self.flags.append(f"bad:{key}")
            return None

    def _side(self) -> Side | None:
        if self.data.side is None:
            return None
        side = _SIDES.get(self.data.side.lower())
        if side is None:
            self.flags.append("bad:side")
        return side

    def _fee_token(self, side: Side | None) -> str:
        if side is None:
            return ""
        return self.pair.base if side is Side.BUY else self.pair.quote

    def _decimals(self, token: str) -> int | None:
        return self.origin.decimals.get(token)

    def _average(self, filled: str | None, base: int | None, value: str | None, quote: int | None) -> str | None:
        if filled in (None, "0") or value is None or base is None or quote is None:
            return None
        self.flags.append("derived:avg_price")
        return average(value, quote, filled, base)

    def _judge(self, status: OrderStatus, size: str | None, filled: str | None) -> None:
        overfilled = size is not None and filled is not None and int(filled) > int(size)
        if overfilled or (status is OrderStatus.FILLED and filled == "0"):
            self.flags.append("conflict")


_SIDES = {"buy": Side.BUY, "sell": Side.SELL}

_KEYS = {
    "size": "qty",
    "filled_size": "filled_qty",
    "filled_volume": "filled_value",
    "filled_fee": "fee",
    "update_at": "updated_at",
    "market": "symbol",
}
"""Keys of a record whose names differ from the venue's."""


@lru_cache(maxsize=4096)
def venue_ns(value: str | int) -> int | None:
    """A time of the venue, in seconds or milliseconds, as ns since 1970 UTC; None for 0, which says nothing.

    Raises:
        ValueError: Not a whole number, or beyond the year 9999.
    """
    number = int(units_text(value))
    milliseconds = number if number >= _FIRST_MS else number * 1000
    if milliseconds > _LAST_MS:
        raise ValueError("beyond the year 9999")
    return milliseconds * 1_000_000 or None


def _unreadable(data: OrderData) -> tuple[str, ...]:
    return data.unreadable if isinstance(data, DamagedOrder) else ()


def _human(units: str | None, decimals: int | None) -> str | None:
    return None if units is None or decimals is None else scaled(units, decimals)


def _remaining(status: OrderStatus, size: str | None, filled: str | None) -> str | None:
    if status in FINAL:
        return "0"
    return None if size is None or filled is None else difference(size, filled)


def _number(value: Number) -> str | None:
    return None if value is None else str(value)


def _order_type(word: str | None) -> str | None:
    if not word:
        return None
    return "LIMIT" if word == "LIMIT_ORDER" else word.upper()


# -- which is newer, and what both say together ------------------------------------------------------------------


def age(new: OrderUpdate, known: OrderUpdate) -> Age:
    """How a statement compares with what is known; fills never shrink, statuses only go forward.

    Exceptions are the venue's explicit words: `updateAt` on both, where the later one is newer, and a push later than
    the last one that takes a cancellation back. Fills that grew prove an open state newer whatever its word. A word
    we do not know has no rank: it is newer than any other of an open order, and any other is newer than it.
    """
    new_rank, known_rank = _rank(new), _rank(known)
    if known_rank == _CLOSED and new_rank != _CLOSED:
        return Age.OLDER
    told, held = _update_at(new), _update_at(known)
    if told is not None and held is not None and told != held:
        return Age.NEWER if told > held else Age.OLDER
    growth = _growth(new, known)
    if growth:
        return Age.NEWER if growth > 0 else Age.OLDER
    if new_rank is None or known_rank is None or new_rank == known_rank:
        return _age_by_word(new, known, closed=known_rank == _CLOSED)
    return Age.NEWER if new_rank > known_rank or _takes_cancel_back(new, known) else Age.OLDER


def merge(new: OrderUpdate, known: OrderUpdate) -> OrderUpdate:
    """The statement completed by what is known.

    Fills that it leaves out are unchanged, so a status that rests on them is drawn again. Amounts whose base units it
    tells but cannot scale stay unknown, rather than what they were. A re-sent state keeps the time it was first sent.
    """
    merged = fill_in(new, known)
    extra, held = _extra(merged), _extra(known)
    changes: dict[str, object] = {key: None for key, units in _SCALED if _outdated(new, key, units, held)}
    if _extra(new).filled_size is None and extra.filled_size is not None:
        changes |= _redrawn(new, merged, extra.filled_size)
    if _is_resent(new, extra, known):
        changes |= {"updated_ns": known.updated_ns, "extra": msgspec.structs.replace(extra, ts=held.ts)}
    return msgspec.structs.replace(merged, **changes) if changes else merged


_SCALED = (
    ("qty", "size"),
    ("filled_qty", "filled_size"),
    ("remaining_qty", "filled_size"),
    ("avg_price", "filled_size"),
    ("filled_value", "filled_volume"),
    ("fee", "filled_fee"),
)


def _outdated(new: OrderUpdate, key: str, units: str, held: LoopringExtra) -> bool:
    told = getattr(new.extra, units)
    return getattr(new, key) is None and told is not None and told != getattr(held, units)


def _redrawn(new: OrderUpdate, merged: OrderUpdate, filled: str) -> dict[str, object]:
    """Status, remainder and flags of a statement without fills, by those known before."""
    changes: dict[str, object] = {}
    status = order_status(new.venue_status, filled)
    if status is not new.status and status is not OrderStatus.UNKNOWN:
        changes["status"] = status
    if status in FINAL:
        changes["remaining_qty"] = "0"
    if merged.avg_price is not None and "derived:avg_price" not in new.flags:
        changes["flags"] = (*new.flags, "derived:avg_price")
    return changes


def _rank(update: OrderUpdate) -> int | None:
    meaning = _MEANINGS.get(update.venue_status.lower())
    return meaning.rank if meaning else None


def _extra(update: OrderUpdate) -> LoopringExtra:
    extra = update.extra
    return extra if isinstance(extra, LoopringExtra) else LoopringExtra()


def _pushed_ns(update: OrderUpdate) -> int | None:
    ts = _extra(update).ts
    return None if ts is None else venue_ns(ts)


def _update_at(update: OrderUpdate) -> int | None:
    """The venue's `updateAt`: the time of the state where it is not just the time of the push."""
    return None if update.updated_ns == _pushed_ns(update) else update.updated_ns


def _growth(new: OrderUpdate, known: OrderUpdate) -> int:
    told, held = _extra(new).filled_size, _extra(known).filled_size
    return 0 if told is None or held is None else int(told) - int(held)


def _age_by_word(new: OrderUpdate, known: OrderUpdate, *, closed: bool) -> Age:
    """For states of one rank, or without: a closed order keeps its word, an unknown word gives way to any other."""
    if new.venue_status.lower() == known.venue_status.lower():
        return Age.EQUAL
    return Age.OLDER if closed else Age.NEWER


def _takes_cancel_back(new: OrderUpdate, known: OrderUpdate) -> bool:
    told, held = _pushed_ns(new), _pushed_ns(known)
    return (
        new.source == "push"
        and known.venue_status.lower() == "cancelling"
        and new.venue_status.lower() == "processing"
        and told is not None
        and held is not None
        and told > held
    )


def _is_resent(new: OrderUpdate, extra: LoopringExtra, known: OrderUpdate) -> bool:
    held = _extra(known)
    return (
        new.venue_status == known.venue_status
        and (extra.filled_size, extra.filled_volume, extra.filled_fee)
        == (held.filled_size, held.filled_volume, held.filled_fee)
        and _update_at(new) is None
    )
