"""Merges an update into the known state and names what changed in one walk over the fields. Pure; the hot path.

The plain way is three walks: `merge` of the venue, `changed_keys` (differences.py) and `packed` (packed_states.py). It
stays the reference: tests hold this module to give the same, and it is what happens in the rare cases.
"""

from collections.abc import Callable
from itertools import compress
from operator import is_not
from typing import NamedTuple

from msgspec.structs import astuple, replace

from ordwatch.core.differences import KEYS, as_in_record, normalized
from ordwatch.core.events import OrderUpdate
from ordwatch.core.merging import merge_missing
from ordwatch.core.packed_states import EXTRA, INDEXES, NAMES, OF_EXTRA, encode_differing


class Merged(NamedTuple):
    """An update merged into what was known."""

    state: OrderUpdate
    changed: list[str]
    """The record's keys that differ from the known state, in the order of the record."""
    before: bytes
    """The known state, packed with the new one."""


def merge_update(
    update: OrderUpdate, known: OrderUpdate, merge: Callable[[OrderUpdate, OrderUpdate], OrderUpdate]
) -> Merged:
    """The same as `normalized(merge(update, known))`, its `changed_keys` and `packed`, in fewer walks."""
    if merge is merge_missing and not known.not_found and type(update.extra) is type(known.extra):
        return _merge_missing(normalized(update), known)
    return _difference(normalized(merge(update, known)), known)


def _difference(state: OrderUpdate, known: OrderUpdate) -> Merged:
    changed: list[str] = []
    before: list[object] = []
    new, old = astuple(state), astuple(known)
    for index in compress(INDEXES, map(is_not, new, old)):
        if new[index] != old[index]:
            if index != EXTRA:
                before += (index, old[index])
            if KEYS[index]:
                changed.append(KEYS[index])
    new, old = astuple(state.extra), astuple(known.extra)
    for index in compress(INDEXES, map(is_not, new, old)):
        if new[index] != old[index]:
            before += (index + OF_EXTRA, old[index])
    return Merged(state, as_in_record(changed, state, known), encode_differing(before))


def _merge_missing(update: OrderUpdate, known: OrderUpdate) -> Merged:
    missing: dict[str, object] = {}
    changed: list[str] = []
    before: list[object] = []
    new, old = astuple(update), astuple(known)
    for index in compress(INDEXES, map(is_not, new, old)):
        value = new[index]
        if value is None:
            missing[NAMES[index]] = old[index]
        elif index != EXTRA and value != old[index]:
            before += (index, old[index])
            if KEYS[index]:
                changed.append(KEYS[index])
    extra, of_extra = update.extra, len(before)
    missing_extra: dict[str, object] = {}
    new, old = astuple(extra), astuple(known.extra)
    for index in compress(INDEXES, map(is_not, new, old)):
        value = new[index]
        if value is None:
            missing_extra[extra.__struct_fields__[index]] = old[index]
        elif value != old[index]:
            before += (index + OF_EXTRA, old[index])
    if len(before) > of_extra:
        changed.append("extra")  # the last key that can change
    if missing_extra:
        missing["extra"] = replace(extra, **missing_extra)
    state = replace(update, **missing) if missing else update
    return Merged(state, as_in_record(changed, state, known), encode_differing(before))
