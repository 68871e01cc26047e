"""An order of the relayer -> OrderUpdate.

Amounts come in base units and are written in human units by the decimals of the market's tokens; the integers stay in
`extra`. Without decimals the quantities are null and the update has the flag `raw_units`. The symbol is the market in
upper case without the prefix that marks a swap ("AMM-LRC-ETH" and "LP-LRC-ETH" are orders of LRC-ETH). Fields: the
order page of Loopring/DEX-API and DEX-API-V3. Fees are paid in the bought token (DEX-API-V3).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec

from ordwatch.core.events import FINAL, Extra, OrderStatus, OrderUpdate, Side
from ordwatch.core.numbers import decimal_text
from ordwatch.venues.loopring.amounts import average, scaled, units_text
from ordwatch.venues.loopring.messages import DamagedOrder, Number, OrderData, OrderTopicPush, topic_market
from ordwatch.venues.loopring.statuses import order_status

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


def own_extra(update: OrderUpdate) -> LoopringExtra:
    """The extra fields of one of this venue's updates."""
    extra = update.extra
    return extra if isinstance(extra, LoopringExtra) else LoopringExtra()


@dataclass(frozen=True)
class Origin:
    """Whose orders they are, and how much a token's base unit is."""

    venue: str
    account: str
    decimals: Mapping[str, int]
    """By token symbol; a token that is missing has unknown decimals."""


class Pair(NamedTuple):
    """A market: without the prefix of swaps, its tokens ("" when it has no two halves), and with the prefix."""

    symbol: str
    base: str
    quote: str
    name: str


@lru_cache(maxsize=1024)
def pair(market: str) -> Pair:
    """The market that a name in any case means, swaps included."""
    name = symbol = market.upper()
    for prefix in ("AMM-", "LP-"):
        symbol = symbol.removeprefix(prefix) if symbol.count("-") > 1 else symbol
    base, _, quote = symbol.partition("-")
    plain = base and quote and "-" not in quote
    return Pair(symbol, base, quote, name) if plain else Pair(symbol, "", "", name)


def unscaled_tokens(markets: Iterable[str], decimals: Mapping[str, int]) -> list[str]:
    """Tokens of these markets whose decimals are unknown."""
    tokens = {token for market in markets for token in pair(market)[1:3]}
    return sorted(tokens - decimals.keys() - {""})


def pushed_order(push: OrderTopicPush, origin: Origin, received_ns: int, *, raw: object = None) -> OrderUpdate:
    """The update of a push."""
    data = push.data
    flags: list[str] = []
    pushed_ns = _time(push.ts, "ts", flags)
    ts = None if pushed_ns is None else str(push.ts)
    update = _order_update(
        data, data.market or topic_market(push.topic) or "", ts, pushed_ns, origin, received_ns, flags
    )
    return update if raw is None else msgspec.structs.replace(update, raw=raw)


def queried_order(row: OrderData, origin: Origin, received_ns: int, *, raw: object = None) -> OrderUpdate:
    """The update of a REST order. It has the time of creation at most, never that of its present state."""
    flags: list[str] = []
    stop_price = _price(row.stop_price, "stop_price", flags)
    storage_id = _units(row.storage_id, "storage_id", flags)
    update = _order_update(row, row.market or "", None, None, origin, received_ns, flags)
    extra = msgspec.structs.replace(
        own_extra(update), storage_id=storage_id, trade_channel=row.trade_channel, order_type=row.order_type
    )
    return msgspec.structs.replace(
        update, source="query", stop_price=stop_price, order_type=_order_type(row.order_type), extra=extra, raw=raw
    )


def rescaled(known: OrderUpdate, decimals: Mapping[str, int]) -> OrderUpdate | None:
    """A state that has base units without amounts, with the amounts that these decimals make; None: nothing to gain."""
    if known.not_found or not _lacks_amounts(known):
        return None
    extra, names = own_extra(known), pair(known.symbol or "")
    base, quote = decimals.get(names.base), decimals.get(names.quote)
    flags: list[str] = []
    terms = _Terms(known, extra, base, quote, base if known.side is Side.BUY else quote if known.side else None)
    amounts = {
        "qty": _human(extra.size, base),
        "filled_qty": _human(extra.filled_size, base),
        "remaining_qty": _human(_remaining(known.status, extra.size, extra.filled_size, []), base),
        "avg_price": _average(extra.filled_size, extra.filled_volume, terms, flags),
        "filled_value": _human(extra.filled_volume, quote),
        "fee": _human(extra.filled_fee, terms.fee),
    }
    gained = {key: text for key, text in amounts.items() if text is not None and getattr(known, key) is None}
    if not gained:
        return None
    kept = (flag for flag in known.flags if flag != "raw_units" or base is None or quote is None)
    changes: dict[str, object] = {**gained, "flags": tuple(dict.fromkeys((*kept, *flags)))}
    return msgspec.structs.replace(known, source="query", raw=None, **changes)


def completes(new: OrderUpdate, known: OrderUpdate) -> bool:
    """Whether a statement has amounts where the other has base units only."""
    return _lacks_amounts(known) and not _lacks_amounts(new)


def _lacks_amounts(update: OrderUpdate) -> bool:
    extra = own_extra(update)
    return (
        (update.qty is None and extra.size is not None)
        or (update.filled_qty is None and extra.filled_size is not None)
        or (update.filled_value is None and extra.filled_volume is not None)
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


@lru_cache(maxsize=12_288)
def _terms(
    owner: tuple[str, str],
    decimals: tuple[int | None, int | None],
    market: Pair,
    side_word: str | None,
    size: Number,
    volume: Number,
    price: Number,
    created_at: Number,
    validity: tuple[Number, Number],
) -> _Terms:
    """Every push repeats the terms of its order: they are read once."""
    base, quote = decimals
    flags = ["raw_units"] if base is None or quote is None else []
    side = _side(side_word, flags)
    fee_token, fee = {Side.BUY: (market.base, base), Side.SELL: (market.quote, quote), None: ("", None)}[side]
    extra = LoopringExtra(
        size=_units(size, "qty", flags),
        volume=_units(volume, "volume", flags),
        valid_since=_units(validity[0], "valid_since", flags),
        valid_until=_units(validity[1], "valid_until", flags),
    )
    update = OrderUpdate(
        venue=owner[0],
        account=owner[1],
        order_id="",
        symbol=market.name or None,
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
    return _Terms(update, extra, base, quote, fee)


def _order_update(
    data: OrderData,
    market: str,
    ts: str | None,
    pushed_ns: int | None,
    origin: Origin,
    received_ns: int,
    flags: list[str],
) -> OrderUpdate:
    names = pair(market)
    terms = _terms(
        (origin.venue, origin.account),
        (origin.decimals.get(names.base), origin.decimals.get(names.quote)),
        names,
        data.side,
        data.size,
        data.volume,
        data.price,
        data.created_at,
        (data.valid_since, data.valid_until),
    )
    filled = _units(data.filled_size, "filled_qty", flags)
    value = _units(data.filled_volume, "filled_value", flags)
    fee = _units(data.filled_fee, "fee", flags)
    status = order_status(data.status, filled)
    remaining = _remaining(status, terms.extra.size, filled, flags)
    # No more keywords than 14: from 16 on, CPython builds a dict for the call, which takes five times as long.
    return msgspec.structs.replace(
        terms.update,
        order_id=data.order_hash,
        client_order_id=None if data.client_order_id in (None, "") else str(data.client_order_id),
        status=status,
        venue_status=data.status,
        filled_qty=_human(filled, terms.base),
        remaining_qty=terms.update.qty if remaining is terms.extra.size else _human(remaining, terms.base),
        avg_price=_average(filled, value, terms, flags),
        filled_value=_human(value, terms.quote),
        fee=_human(fee, terms.fee),
        updated_ns=pushed_ns if data.update_at is None else _updated_ns(data.update_at, pushed_ns, flags),
        received_ns=received_ns,
        extra=msgspec.structs.replace(terms.extra, filled_size=filled, filled_volume=value, filled_fee=fee, ts=ts),
        flags=(*terms.update.flags, *_damage(data), *flags),
    )


def _updated_ns(update_at: Number, pushed_ns: int | None, flags: list[str]) -> int | None:
    updated_ns = _time(update_at, "updated_at", flags)
    return pushed_ns if updated_ns is None else updated_ns


def _damage(data: OrderData) -> Sequence[str]:
    if not isinstance(data, DamagedOrder):
        return ()
    return [f"bad:{_KEYS.get(name, name)}" for name in data.unreadable]


def _units(value: Number, key: str, flags: list[str]) -> str | None:
    if value is None or value == "0":
        return value
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
    if filled == "0":
        remaining = size
        if size is not None and status is OrderStatus.FILLED:
            flags.append("conflict")
    elif size is not None and filled is not None:
        left = int(size) - int(filled)
        if left < 0:
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
    """A time of the venue, in seconds or milliseconds, as ns since 1970 UTC; None for 0, which means nothing.

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
