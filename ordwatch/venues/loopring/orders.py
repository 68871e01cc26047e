"""An order of the relayer -> OrderUpdate; which of two statements is newer; how they merge.

Amounts come in base units and are written in human units by the decimals of the market's tokens; the integers stay in
`extra`. Without decimals the quantities are null and the update says `raw_units`. The symbol is the market in upper
case without the prefix that marks a swap ("AMM-LRC-ETH" and "LP-LRC-ETH" are orders of LRC-ETH). Statuses: the order
page of Loopring/DEX-API and DEX-API-V3; `failed` from their REST pages. Fees are paid in the bought token (DEX-API-V3).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ordwatch.model import FINAL, Age, Extra, OrderStatus, OrderUpdate, Side
from ordwatch.text import decimal_text
from ordwatch.venues.contract import fill_in
from ordwatch.venues.loopring.amounts import average, scaled, units_text
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


@dataclass(frozen=True, eq=False)
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


def unscaled_tokens(markets: Iterable[str], decimals: Mapping[str, int]) -> list[str]:
    """Tokens of these markets whose decimals are unknown."""
    tokens = {token for market in markets for token in pair(market)[1:]}
    return sorted(tokens - decimals.keys() - {""})


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


def _meaning(word: str) -> _Meaning | None:
    return _MEANINGS.get(word) or _MEANINGS.get(word.lower())


def order_status(word: str, filled_units: str | None) -> OrderStatus:
    """The status that the venue's word means for an order with these fills; unknown words are UNKNOWN."""
    meaning = _meaning(word)
    if meaning is None:
        return OrderStatus.UNKNOWN
    return meaning.unfilled if filled_units in (None, "0") else meaning.filled


def pushed_order(push: OrderPush, origin: Origin, received_ns: int, *, raw: object = None) -> OrderUpdate:
    """What a push says."""
    data = push.data
    flags: list[str] = []
    pushed_ns = _time(push.ts, "ts", flags)
    ts = None if pushed_ns is None else str(push.ts)
    update = _order_update(
        data, data.market or topic_market(push.topic) or "", ts, pushed_ns, origin, received_ns, flags
    )
    return update if raw is None else msgspec.structs.replace(update, raw=raw)


def queried_order(row: OrderData, origin: Origin, received_ns: int, *, raw: object = None) -> OrderUpdate:
    """What a row of a REST answer says. It says when the order was made at most, never when it came to this state."""
    flags: list[str] = []
    stop_price = _price(row.stop_price, "stop_price", flags)
    storage_id = _units(row.storage_id, "storage_id", flags)
    update = _order_update(row, row.market or "", None, None, origin, received_ns, flags)
    extra = msgspec.structs.replace(
        _own(update), storage_id=storage_id, trade_channel=row.trade_channel, order_type=row.order_type
    )
    return msgspec.structs.replace(
        update, source="query", stop_price=stop_price, order_type=_order_type(row.order_type), extra=extra, raw=raw
    )


class _Terms(NamedTuple):
    """What of an order stays the same from statement to statement."""

    update: OrderUpdate
    """With these terms filled in, and what changes left empty."""
    extra: LoopringExtra
    base: int | None
    """Decimals of the base token; quote and fee likewise."""
    quote: int | None
    fee: int | None


@lru_cache(maxsize=16384)
def _terms(
    origin: Origin,
    market: str,
    side_word: str | None,
    size: Number,
    volume: Number,
    price: Number,
    created_at: Number,
    valid_since: Number,
    valid_until: Number,
) -> _Terms:
    """Every push repeats the terms of its order: they are read once."""
    symbol, base_token, quote_token = pair(market)
    base, quote = origin.decimals.get(base_token), origin.decimals.get(quote_token)
    flags = ["raw_units"] if base is None or quote is None else []
    side = _side(side_word, flags)
    fee_token = base_token if side is Side.BUY else quote_token if side is Side.SELL else ""
    extra = LoopringExtra(
        size=_units(size, "qty", flags),
        volume=_units(volume, "volume", flags),
        valid_since=_units(valid_since, "valid_since", flags),
        valid_until=_units(valid_until, "valid_until", flags),
    )
    update = OrderUpdate(
        venue=origin.venue,
        account=origin.account,
        order_id="",
        symbol=symbol or None,
        side=side,
        status=OrderStatus.UNKNOWN,
        venue_status="",
        qty=_human(extra.size, base),
        price=_price(price, "price", flags),
        fee_currency=fee_token or None,
        created_ns=_time(created_at, "created_at", flags),
        received_ns=0,
        source="push",
        extra=extra,
        flags=tuple(flags),  # last: reading the fields above adds to it
    )
    return _Terms(update, extra, base, quote, origin.decimals.get(fee_token))


def _order_update(
    data: OrderData,
    market: str,
    ts: str | None,
    pushed_ns: int | None,
    origin: Origin,
    received_ns: int,
    flags: list[str],
) -> OrderUpdate:
    terms = _terms(
        origin,
        market,
        data.side,
        data.size,
        data.volume,
        data.price,
        data.created_at,
        data.valid_since,
        data.valid_until,
    )
    filled = _units(data.filled_size, "filled_qty", flags)
    value = _units(data.filled_volume, "filled_value", flags)
    fee = _units(data.filled_fee, "fee", flags)
    status = order_status(data.status, filled)
    # No more keywords than 14: from 16 on, CPython builds a dict for the call, which takes five times as long.
    return msgspec.structs.replace(
        terms.update,
        order_id=data.order_hash,
        client_order_id=None if data.client_order_id in (None, "") else str(data.client_order_id),
        status=status,
        venue_status=data.status,
        filled_qty=_human(filled, terms.base),
        remaining_qty=_human(_remaining(status, terms.extra.size, filled, flags), terms.base),
        avg_price=_average(filled, value, terms, flags),
        filled_value=_human(value, terms.quote),
        fee=_human(fee, terms.fee),
        updated_ns=pushed_ns if data.update_at is None else _updated_ns(data.update_at, pushed_ns, flags),
        received_ns=received_ns,
        extra=msgspec.structs.replace(terms.extra, filled_size=filled, filled_volume=value, filled_fee=fee, ts=ts),
        flags=(*terms.update.flags, *_damage(data), *flags),
    )


def _updated_ns(update_at: Number, pushed_ns: int | None, flags: list[str]) -> int | None:
    told = _time(update_at, "updated_at", flags)
    return pushed_ns if told is None else told


def _damage(data: OrderData) -> Sequence[str]:
    if not isinstance(data, DamagedOrder):
        return ()
    return [f"bad:{_KEYS.get(name, name)}" for name in data.unreadable]


def _units(value: Number, key: str, flags: list[str]) -> str | None:
    if value is None:
        return None
    try:
        return units_text(value)
    except ValueError:
        flags.append(f"bad:{key}")
        return None


def _price(value: Number, key: str, flags: list[str]) -> str | None:
    if value is None:
        return None
    try:
        text = decimal_text(value)
    except ValueError:
        text = "-"
    if text[0] == "-" or len(text) > MAX_PRICE_CHARACTERS:
        flags.append(f"bad:{key}")
        return None
    return text


def _time(value: Number, key: str, flags: list[str]) -> int | None:
    if value is None:
        return None
    try:
        return venue_ns(value)
    except ValueError:
        flags.append(f"bad:{key}")
        return None


def _side(word: str | None, flags: list[str]) -> Side | None:
    if word is None:
        return None
    side = _SIDES.get(word) or _SIDES.get(word.upper())
    if side is None:
        flags.append("bad:side")
    return side


def _remaining(status: OrderStatus, size: str | None, filled: str | None, flags: list[str]) -> str | None:
    """Base units left, and a flag when what was filled cannot be."""
    remaining = None
    if size is not None and filled is not None:
        left = int(size) - int(filled)
        if left < 0 or (status is OrderStatus.FILLED and filled == "0"):
            flags.append("conflict")
        remaining = str(left) if left > 0 else "0"
    return "0" if status in FINAL else remaining


def _average(filled: str | None, value: str | None, terms: _Terms, flags: list[str]) -> str | None:
    if filled is None or filled == "0" or value is None or terms.base is None or terms.quote is None:
        return None
    flags.append("derived:avg_price")
    return average(int(value), terms.quote, int(filled), terms.base)


_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}

_KEYS = {
    "size": "qty",
    "filled_size": "filled_qty",
    "filled_volume": "filled_value",
    "filled_fee": "fee",
    "update_at": "updated_at",
    "market": "symbol",
}
"""Keys of a record whose names differ from the venue's."""


def venue_ns(value: str | int) -> int | None:
    """A time of the venue, in seconds or milliseconds, as ns since 1970 UTC; None for 0, which says nothing.

    Raises:
        ValueError: Not a whole number, or beyond the year 9999.
    """
    number = value if isinstance(value, int) else int(units_text(value))
    if _FIRST_MS <= number <= _LAST_MS:
        return number * 1_000_000
    if not 0 <= number < _FIRST_MS:
        raise ValueError("not a time before the year 10000")
    return number * 1_000_000_000 or None


def _human(units: str | None, decimals: int | None) -> str | None:
    return None if units is None or decimals is None else scaled(units, decimals)


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
    tells but cannot scale stay unknown, rather than what they were. A push sent again keeps the time it was first sent.
    """
    merged = fill_in(new, known)
    told, extra, held = _own(new), _own(merged), _own(known)
    changes: dict[str, object] = {}
    if None in (new.qty, new.filled_qty, new.filled_value, new.fee):
        changes |= {key: None for key, units in _SCALED if _outdated(new, key, units, held)}
    if told.filled_size is None and extra.filled_size is not None:
        changes |= _redrawn(new, merged, extra.filled_size)
    if known.gone and new.reason is None:
        changes["reason"] = ""
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
    meaning = _meaning(update.venue_status)
    return meaning.rank if meaning else None


def _own(update: OrderUpdate) -> LoopringExtra:
    extra = update.extra
    return extra if isinstance(extra, LoopringExtra) else LoopringExtra()


def _pushed_ns(update: OrderUpdate) -> int | None:
    ts = _own(update).ts
    return None if ts is None else venue_ns(ts)


def _update_at(update: OrderUpdate) -> int | None:
    """The venue's `updateAt`: the time of the state where it is not just the time of the push."""
    return None if update.updated_ns == _pushed_ns(update) else update.updated_ns


def _growth(new: OrderUpdate, known: OrderUpdate) -> int:
    told, held = _own(new).filled_size, _own(known).filled_size
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
    held = _own(known)
    return (
        known.source == new.source == "push"
        and held.ts is not None
        and new.venue_status == known.venue_status
        and (extra.filled_size, extra.filled_volume, extra.filled_fee)
        == (held.filled_size, held.filled_volume, held.filled_fee)
        and _update_at(new) is None
    )
