"""Which of two statements about an order is the newer.

OpenD numbers nothing: its times can be equal or absent and have second resolution at times. Status names: Futu API
documentation, "Trading Definitions", OrderStatus.
"""

from decimal import Decimal

from ordwatch.model import Age, DecimalText, OrderStatus, OrderUpdate
from ordwatch.venues.opend.tables import BUSTED

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

    What one of the two does not tell decides nothing.
    """
    order = (
        _compare(new.updated_ns, known.updated_ns)
        or _compare(new.venue_status == BUSTED, known.venue_status == BUSTED)
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
