"""How two states of one order differ: the keys that changed, and whether an update only repeats a state. Pure.

Which of two states is newer is the venue's to decide (venues/contract.py), not this module's.
"""

from itertools import compress
from operator import is_not

from msgspec.structs import astuple, replace

from ordwatch.core.events import FINAL, Extra, OrderUpdate

KEYS = tuple(
    {"created_ns": "created_at", "updated_ns": "updated_at"}.get(name, name)
    if name not in ("received_ns", "source", "not_found", "flags", "raw")
    else ""
    for name in OrderUpdate.__struct_fields__
)
"""For each field of an update the record's key that changes with it; "" for fields that are never a change."""

_INDEXES = range(len(KEYS))

_INCIDENTAL = frozenset({"updated_at", "name"})
"""Keys whose difference alone does not make a query row different."""

_COMPARED = tuple(name for name, key in zip(OrderUpdate.__struct_fields__, KEYS, strict=True) if key)


def normalized(order: OrderUpdate) -> OrderUpdate:
    """The state as it is stored: without the payload; a final order has no remaining quantity."""
    if order.raw is not None:
        order = replace(order, raw=None)
    if order.remaining_qty != "0" and order.status in FINAL:
        order = replace(order, remaining_qty="0")
    return order


def changed_keys(state: OrderUpdate, before: OrderUpdate) -> list[str]:
    """The record's keys that differ between two states, in the order of the record."""
    new, old = astuple(state), astuple(before)
    differ = compress(_INDEXES, map(is_not, new, old))
    return as_in_record([KEYS[index] for index in differ if new[index] != old[index] and KEYS[index]], state, before)


def as_in_record(changed: list[str], state: OrderUpdate, before: OrderUpdate) -> list[str]:
    """The keys of the fields that differ, as the record names them: with `final`, and without a reason that is none."""
    if (state.status in FINAL) is not (before.status in FINAL):
        changed.insert(changed.index("status") + 1 + ("venue_status" in changed), "final")
    if "reason" in changed and not state.reason and not before.reason:
        changed.remove("reason")
    return changed


def differs(merged: OrderUpdate, known: OrderUpdate, changed: list[str]) -> bool:
    """Whether a row really differs; another time, or another spelling of it, is no difference."""
    for key in changed:
        if key == "extra":
            if _extra_differs(merged.extra, known.extra):
                return True
        elif key not in _INCIDENTAL:
            return True
    return False


def _extra_differs(new: Extra, old: Extra) -> bool:
    return any(getattr(new, name) != getattr(old, name) for name in new.__struct_fields__ if name not in new.TIME_TEXTS)


def contradicts(merged: OrderUpdate, state: OrderUpdate) -> bool:
    """Whether an update, merged into a state, has another value of what that state knows, but for times and names."""
    for key in changed_keys(merged, state):
        if key == "extra":
            new, old = merged.extra, state.extra
            names = [name for name in new.__struct_fields__ if name not in new.TIME_TEXTS]
            if any(getattr(old, name) not in (None, getattr(new, name)) for name in names):
                return True
        elif key not in _INCIDENTAL and getattr(state, key, None) is not None:
            return True
    return False


def is_duplicate(update: OrderUpdate, state: OrderUpdate) -> bool:
    """Whether every field that the update has is the same in the state."""
    for name in _COMPARED:
        new, known = getattr(update, name), getattr(state, name)
        if new is None or new == known or (name == "reason" and not new and not known):
            continue
        if name == "remaining_qty" and state.status in FINAL:
            continue
        if not (isinstance(new, Extra) and _is_extra_duplicate(new, known)):
            return False
    return True


def _is_extra_duplicate(new: Extra, old: object) -> bool:
    return type(new) is type(old) and all(
        (value := getattr(new, name)) is None or value == getattr(old, name) for name in new.__struct_fields__
    )
