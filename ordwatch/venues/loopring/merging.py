"""Which of two statements about an order is newer, and what both together report.

The relayer sends no version: fills and statuses only go forward, and that has to do.
"""

import msgspec

from ordwatch.core.events import FINAL, OrderStatus, OrderUpdate, Recency
from ordwatch.core.merging import Correction, merge_missing
from ordwatch.venues.loopring.orders import LoopringExtra, completes, own_extra, venue_ns
from ordwatch.venues.loopring.statuses import CLOSED, order_status, status_rank


def compare_versions(new: OrderUpdate, known: OrderUpdate, _same_way: bool = False) -> Recency:
    """How a statement compares with what is known; fills never shrink, statuses only go forward.

    Exceptions are what the venue states explicitly: `updateAt` on both, where the later one is newer, and a push later
    than the last one that takes a cancellation back. Fills that grew prove an open state newer whatever its status.
    An unknown status has no rank: it is newer than any other of an open order, and any other is newer than it.
    """
    new_rank, known_rank = status_rank(new.venue_status), status_rank(known.venue_status)
    if known_rank == CLOSED and new_rank != CLOSED:
        return Recency.OLDER
    new_ns = _update_at(new)
    known_ns = None if new_ns is None else _update_at(known)
    if new_ns is not None and known_ns is not None and new_ns != known_ns:
        return Recency.NEWER if new_ns > known_ns else Recency.OLDER
    growth = _growth(new, known)
    if growth:
        return Recency.NEWER if growth > 0 else Recency.OLDER
    if new_rank is None or known_rank is None or new_rank == known_rank:
        return _compare_statuses(new, known, closed=known_rank == CLOSED)
    if new_rank > known_rank:
        return Recency.EQUAL if _may_be_taken_back(new, known) else Recency.NEWER
    return _compare_after_cancelling(new, known)


def correct(row: OrderUpdate, known: OrderUpdate) -> Correction:
    """Fills never shrink and a closed order stays closed; else only a cancellation under way is taken back."""
    row_rank, known_rank = status_rank(row.venue_status), status_rank(known.venue_status)
    if known_rank == CLOSED or known.status in FINAL or _growth(row, known) < 0:
        return Correction.NO
    doubtful = known.status in (OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL)
    if row_rank is not None and known_rank is not None and row_rank < known_rank and not doubtful:
        return Correction.NO
    return Correction.YES


def merge(new: OrderUpdate, known: OrderUpdate) -> OrderUpdate:
    """The statement completed by what is known.

    Fills that it leaves out are unchanged, so a status that rests on them is drawn again. Amounts whose base units it
    reports but that cannot be scaled stay unknown, rather than what they were. A push sent again keeps the time it was
    first sent.
    """
    merged = merge_missing(new, known)
    stated, extra, held = own_extra(new), own_extra(merged), own_extra(known)
    changes: dict[str, object] = {}
    if None in (new.qty, new.filled_qty, new.filled_value, new.fee):
        changes |= {key: None for key, units in _SCALED if _outdated(new, key, units, held)}
    if stated.filled_size is None and extra.filled_size is not None:
        changes |= _redrawn(new, merged, extra.filled_size)
    if known.not_found and new.reason is None:
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
    stated = getattr(new.extra, units)
    return getattr(new, key) is None and stated is not None and stated != getattr(held, units)


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


def _pushed_ns(update: OrderUpdate) -> int | None:
    ts = own_extra(update).ts
    return None if ts is None else venue_ns(ts)


def _update_at(update: OrderUpdate) -> int | None:
    """The venue's `updateAt`: the time of the state where it is not just the time of the push."""
    return None if update.updated_ns == _pushed_ns(update) else update.updated_ns


def _growth(new: OrderUpdate, known: OrderUpdate) -> int:
    filled, before = own_extra(new).filled_size, own_extra(known).filled_size
    return 0 if filled is None or before is None or filled == before else int(filled) - int(before)


def _compare_statuses(new: OrderUpdate, known: OrderUpdate, *, closed: bool) -> Recency:
    """For states of one rank, or without: a closed order keeps its status, any other replaces an unknown one."""
    if new.venue_status.lower() == known.venue_status.lower():
        return Recency.NEWER if completes(new, known) else Recency.EQUAL
    return Recency.OLDER if closed else Recency.NEWER


def _compare_after_cancelling(new: OrderUpdate, known: OrderUpdate) -> Recency:
    """For a status of lower rank: only a push takes a cancellation back, and only a later one.

    A row reports no time, and two pushes may be sent in one millisecond: then arrival decides.
    """
    statuses = (known.venue_status.lower(), new.venue_status.lower())
    pushed_ns, held_ns = _pushed_ns(new), _pushed_ns(known)
    if new.source != "push" or statuses != ("cancelling", "processing") or pushed_ns is None:
        return Recency.OLDER
    if held_ns is None or pushed_ns == held_ns:
        return Recency.EQUAL
    return Recency.NEWER if pushed_ns > held_ns else Recency.OLDER


def _may_be_taken_back(row: OrderUpdate, known: OrderUpdate) -> bool:
    """Whether a row reports a cancellation that a push may have taken back since: a row may be behind the pushes."""
    statuses = (known.venue_status.lower(), row.venue_status.lower())
    return row.source == "query" and known.source == "push" and statuses == ("processing", "cancelling")


def _is_resent(new: OrderUpdate, extra: LoopringExtra, known: OrderUpdate) -> bool:
    held = own_extra(known)
    return (
        known.source == new.source == "push"
        and held.ts is not None
        and new.venue_status == known.venue_status
        and (extra.filled_size, extra.filled_volume, extra.filled_fee)
        == (held.filled_size, held.filled_volume, held.filled_fee)
        and _update_at(new) in (None, known.updated_ns)
    )
