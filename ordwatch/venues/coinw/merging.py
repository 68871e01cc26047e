"""Which of two statements about an order is newer, and how they make one.

CoinW numbers nothing, and "WebSocket data does not guarantee the order of timestamps" (API documentation,
"Precautions"): the rank of the status and the filled amount decide. REST cuts amounts to the pair's decimals,
so 98.91 from there is no other amount than 98.914896 from a push.
"""

from decimal import Decimal

import msgspec

from ordwatch.core.events import DecimalText, OrderStatus, OrderUpdate, Recency
from ordwatch.core.merging import Correction, merge_missing
from ordwatch.venues.toolkit.amounts import is_cut

_FINAL_RANK = 2
_RANKS = {
    OrderStatus.NEW: 0,
    OrderStatus.PARTIALLY_FILLED: 1,
    OrderStatus.FILLED: _FINAL_RANK,
    OrderStatus.CANCELED: _FINAL_RANK,
    OrderStatus.REJECTED: _FINAL_RANK,
}

_FACTS = ("client_order_id", "symbol", "side", "qty", "filled_qty", "avg_price", "filled_value", "fee", "created_ns")
"""What one source reports and another leaves out."""


def compare_versions(new: OrderUpdate, known: OrderUpdate, _same_way: bool = False) -> Recency:
    """How a statement compares with what is known: never down in rank, never out of a final status."""
    new_rank, known_rank = _RANKS.get(new.status), _RANKS.get(known.status)
    if new_rank is None or known_rank is None:
        return _compare_with_unknown(new, known, new_rank, known_rank)
    if new_rank != known_rank:
        return Recency.NEWER if new_rank > known_rank else Recency.OLDER
    if new.status is not known.status:
        return Recency.NEWER if _corrects(new, known) else Recency.OLDER
    return _compare_fills(new, known)


def correct(row: OrderUpdate, known: OrderUpdate) -> Correction:
    """Fills never shrink and a final order stays as it is; the rank goes back only from what is open to doubt."""
    if _RANKS.get(known.status) == _FINAL_RANK or _growth(row, known) < 0:
        return Correction.NO
    row_rank, known_rank = _RANKS.get(row.status), _RANKS.get(known.status)
    if known_rank is not None and row_rank is not None and row_rank < known_rank and "guessed" not in known.flags:
        return Correction.NO
    return Correction.YES


def merge(new: OrderUpdate, known: OrderUpdate) -> OrderUpdate:
    """The statement completed by what is known. Fills never shrink; finer amounts and the first time stay."""
    kept: dict[str, object] = {}
    if known.created_ns is not None and new.created_ns is not None:
        kept["created_ns"] = known.created_ns
    if known.order_type == "MARKET" and new.price is not None:
        kept["price"] = None
    growth = _growth(new, known)
    if growth < 0:
        kept |= {"filled_qty": known.filled_qty, "filled_value": known.filled_value, "avg_price": known.avg_price}
    if new.source == "query":
        kept |= _finer(new, known)
        if growth == 0:
            kept |= _unmoved(new, known)
        if _is_average_of_cut_amounts(new, known):
            kept |= {"avg_price": known.avg_price, "flags": _flags_with_average_of(known, new)}
    reported_ns, is_same_state = new.updated_ns, new.status is known.status and growth == 0
    if reported_ns is not None and is_same_state:
        kept["updated_ns"] = max(reported_ns, known.updated_ns or 0)
    merged = merge_missing(msgspec.structs.replace(new, **kept) if kept else new, known)
    if reported_ns is None or is_same_state or _is_later(reported_ns, known):
        return merged
    return msgspec.structs.replace(merged, updated_ns=None)


def _is_later(reported_ns: int, known: OrderUpdate) -> bool:
    """Whether a new state's time is its own. One that is not later is the order's, not the state's."""
    return reported_ns > max(known.updated_ns or 0, known.created_ns or 0)


def _compare_with_unknown(
    new: OrderUpdate, known: OrderUpdate, new_rank: int | None, known_rank: int | None
) -> Recency:
    """An unknown status counts as open; a query whose status is known is newer than it."""
    if known_rank == _FINAL_RANK:
        return Recency.OLDER
    if new_rank == _FINAL_RANK:
        return Recency.NEWER
    if known_rank is None and new_rank is not None and new.source == "query":
        return Recency.NEWER
    if growth := _growth(new, known):
        return Recency.NEWER if growth > 0 else Recency.OLDER
    return Recency.EQUAL


def _corrects(new: OrderUpdate, known: OrderUpdate) -> bool:
    """Whether one final status outweighs another: a documented status a guess, a push (it has rejections) a query."""
    if "guessed" in new.flags or "guessed" in known.flags:
        return "guessed" not in new.flags
    return new.source == "push" and known.source == "query"


def _compare_fills(new: OrderUpdate, known: OrderUpdate) -> Recency:
    if growth := _growth(new, known):
        return Recency.NEWER if growth > 0 else Recency.OLDER
    adds_facts = any(getattr(known, fact) is None and getattr(new, fact) is not None for fact in _FACTS)
    return Recency.NEWER if adds_facts else Recency.EQUAL


def _growth(new: OrderUpdate, known: OrderUpdate) -> int:
    """1 if more is filled than was known, -1 if less, 0 if the same or not to be compared."""
    for new_amount, known_amount in ((new.filled_qty, known.filled_qty), (new.filled_value, known.filled_value)):
        if new_amount is not None and known_amount is not None:
            if new_amount == known_amount or (new.source == "query" and is_cut(new_amount, known_amount)):
                return 0
            one, other = Decimal(new_amount), Decimal(known_amount)
            return (one > other) - (one < other)
    return 0


def _finer(new: OrderUpdate, known: OrderUpdate) -> dict[str, object]:
    amounts = (
        ("qty", new.qty, known.qty),
        ("filled_qty", new.filled_qty, known.filled_qty),
        ("filled_value", new.filled_value, known.filled_value),
        ("price", new.price, known.price),
        ("fee", new.fee, known.fee),
    )
    return {
        name: known_amount
        for name, new_amount, known_amount in amounts
        if new_amount is not None and known_amount is not None and is_cut(new_amount, known_amount)
    }


def _is_average_of_cut_amounts(row: OrderUpdate, known: OrderUpdate) -> bool:
    """Whether the known average is one of those that the row's amounts had before their decimals were cut off."""
    value, amount, known_amount = row.filled_value, row.filled_qty, known.avg_price
    if "derived:avg_price" not in row.flags or value is None or amount is None or known_amount is None:
        return False
    lowest = Decimal(value) / (Decimal(amount) + _unit(amount))
    highest = (Decimal(value) + _unit(value)) / Decimal(amount)
    return lowest <= Decimal(known_amount) <= highest


def _unit(amount: DecimalText) -> Decimal:
    """One unit of the amount's last decimal."""
    return Decimal(1).scaleb(-len(amount.partition(".")[2]))


def _flags_with_average_of(known: OrderUpdate, row: OrderUpdate) -> tuple[str, ...]:
    if "derived:avg_price" in known.flags:
        return row.flags
    return tuple(flag for flag in row.flags if flag != "derived:avg_price")


def _unmoved(new: OrderUpdate, known: OrderUpdate) -> dict[str, object]:
    """What a query without further fills does not know better: it divides and subtracts cut amounts."""
    kept: dict[str, object] = {}
    if known.avg_price is not None:
        kept["avg_price"] = known.avg_price
    if known.remaining_qty is not None:
        kept["remaining_qty"] = known.remaining_qty
    if new.status is known.status:
        kept["venue_status"] = known.venue_status
    return kept
