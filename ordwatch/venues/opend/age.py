"""Which of two statements about an order is the newer.

OpenD numbers nothing: its times can be equal or absent and have second resolution at times. Status names: Futu API
documentation, "Trading Definitions", OrderStatus.
"""

from decimal import Decimal

from ordwatch.model import Age, DecimalText, OrderUpdate
from ordwatch.venues.opend.tables import BUSTED

_RANKS = {
    "Unsubmitted": 1,
    "WaitingSubmit": 2,
    "Submitting": 3,
    "TimeOut": 3,
    "Submitted": 4,
    "Disabled": 4,
    "Filled_Part": 5,
    "Cancelling_Part": 6,
    "Cancelling_All": 6,
    "Cancelled_Part": 7,
    "Cancelled_All": 7,
    "Filled_All": 7,
    "SubmitFailed": 7,
    "Failed": 7,
    "Deleted": 8,
    "FillCancelled": 8,
}
"""How late in an order's life a status stands; 0 for those that say nothing of it."""


def age(new: OrderUpdate, known: OrderUpdate) -> Age:
    """By OpenD's time, then a busted fill, then the filled quantity, then how late in its life the status stands.

    What one of the two does not tell decides nothing.
    """
    order = (
        _compare(new.updated_ns, known.updated_ns)
        or _compare(new.venue_status == BUSTED, known.venue_status == BUSTED)
        or _compare_texts(new.filled_qty, known.filled_qty)
        or _compare(_RANKS.get(new.venue_status, 0), _RANKS.get(known.venue_status, 0))
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
