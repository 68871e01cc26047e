"""Which of two statements about an order is the newer.

OpenD numbers nothing, and its times may come from different clocks: in every documented sample of a live order
"Submitting" has whole seconds and later states microseconds; paper accounts have whole seconds only. Status names:
Futu API documentation, "Trading Definitions", OrderStatus.
"""

from decimal import Decimal

from ordwatch.core.events import FINAL, DecimalText, OrderUpdate, Recency
from ordwatch.venues.opend.tables import BUSTED

SECOND_NS = 1_000_000_000

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
"""How late in an order's life a status stands; 0 for those that do not show it."""


def compare_versions(new: OrderUpdate, known: OrderUpdate, same_channel: bool) -> Recency:
    """By OpenD's time where it can decide, a cancelled fill, final before open, and the filled quantity.

    Between statements of different ways also by how late in an order's life the status stands: disabled and
    submitted, or cancelling and submitted, may follow each other in either order, so on one connection it does not
    decide. What one of the two does not report decides nothing.
    """
    order = (
        _compare_times(new.updated_ns, known.updated_ns)
        or _compare(new.venue_status == BUSTED, known.venue_status == BUSTED)
        or _compare(new.status in FINAL, known.status in FINAL)
        or _compare_amounts(new.filled_qty, known.filled_qty)
        or (0 if same_channel else _compare(_RANKS.get(new.venue_status, 0), _RANKS.get(known.venue_status, 0)))
    )
    if order == 0:
        return Recency.EQUAL
    return Recency.NEWER if order > 0 else Recency.OLDER


def _compare_times(new: int | None, known: int | None) -> int:
    """A time in whole seconds may be cut or rounded: with one of those, times up to 1 s apart do not decide."""
    if new is None or known is None or new == known:
        return 0
    if (new % SECOND_NS == 0 or known % SECOND_NS == 0) and abs(new - known) <= SECOND_NS:
        return 0
    return 1 if new > known else -1


def _compare(new: int, known: int) -> int:
    return (new > known) - (new < known)


def _compare_amounts(new: DecimalText | None, known: DecimalText | None) -> int:
    if new is None or known is None or new == known:
        return 0
    return int(Decimal(new).compare(Decimal(known)))
