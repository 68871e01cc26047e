"""What the relayer's statuses mean, and which comes after which.

Sources: the order page of Loopring/DEX-API and DEX-API-V3; `failed` from their REST pages.
"""

from typing import NamedTuple

from ordwatch.core.events import OrderStatus


class _Meaning(NamedTuple):
    unfilled: OrderStatus
    filled: OrderStatus
    """The same for an order that has fills."""
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
CLOSED = 3
"""The rank of every status after which nothing changes."""


def _meaning(word: str) -> _Meaning | None:
    return _MEANINGS.get(word) or _MEANINGS.get(word.lower())


def order_status(word: str, filled_units: str | None) -> OrderStatus:
    """What the venue's status means for an order with these fills; unknown ones are UNKNOWN."""
    meaning = _meaning(word)
    if meaning is None:
        return OrderStatus.UNKNOWN
    return meaning.unfilled if filled_units in (None, "0") else meaning.filled


def status_rank(word: str) -> int | None:
    """How far on its way an order with this status is, CLOSED at the end; None for an unknown one."""
    meaning = _meaning(word)
    return meaning.rank if meaning else None
