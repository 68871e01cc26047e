"""Merges two updates of one order; the rules of every venue that has none of its own."""

from collections.abc import Callable
from enum import StrEnum
from itertools import compress
from operator import is_not
from typing import Protocol

import msgspec
from msgspec.structs import astuple

from ordwatch.core.events import FINAL, Extra, OrderStatus, OrderUpdate, Recency


class Correction(StrEnum):
    """Whether a query row replaces a state when their versions do not decide."""

    NO = "no"
    YES = "yes"
    CONFIRM = "confirm"
    """Only if a second query, some time later, repeats it."""


class MergeRules(Protocol):
    """What the order store needs of a venue to merge its updates; `Venue` (venues/contract.py) provides it."""

    @property
    def extra(self) -> type[Extra]: ...
    @property
    def compare_versions(self) -> Callable[[OrderUpdate, OrderUpdate, bool], Recency]: ...
    @property
    def merge(self) -> Callable[[OrderUpdate, OrderUpdate], OrderUpdate]: ...
    @property
    def correct(self) -> Callable[[OrderUpdate, OrderUpdate], Correction]: ...
    @property
    def settle_s(self) -> float: ...


def correct_any(row: OrderUpdate, known: OrderUpdate) -> Correction:
    """The latest query wins, but a query that reports a final order as open must be confirmed."""
    return Correction.CONFIRM if known.status in FINAL and row.status not in FINAL else Correction.YES


def not_found(known: OrderUpdate, reason: str, received_ns: int) -> OrderUpdate:
    """The update for an order that the venue does not find by its id: status UNKNOWN, never a guess."""
    return msgspec.structs.replace(
        known,
        status=OrderStatus.UNKNOWN,
        reason=reason,
        received_ns=received_ns,
        source="query",
        not_found=True,
        flags=(),
        raw=None,
    )


def merge_missing(new: OrderUpdate, known: OrderUpdate) -> OrderUpdate:
    """The update, with the fields that it leaves empty taken from the known state."""
    filled = _missing(new, known, _MERGED)
    extra = _merge_missing_extra(new.extra, known.extra)
    if extra is not new.extra:
        filled["extra"] = extra
    if known.not_found and not new.not_found and new.reason is None:
        filled["reason"] = ""
    return msgspec.structs.replace(new, **filled) if filled else new


def _merge_missing_extra(new: Extra, known: Extra) -> Extra:
    """The same for the venue's own fields."""
    if new is known or type(new) is not type(known):
        return new
    filled = _missing(new, known, new.__struct_fields__)
    return msgspec.structs.replace(new, **filled) if filled else new


_MERGED = tuple("" if name == "raw" else name for name in OrderUpdate.__struct_fields__)


def _missing(new: msgspec.Struct, known: msgspec.Struct, names: tuple[str, ...]) -> dict[str, object]:
    values, known_values = astuple(new), astuple(known)
    return {
        names[index]: known_values[index]
        for index in compress(_INDEXES, map(is_not, values, known_values))
        if values[index] is None and names[index]
    }


_INDEXES = range(64)
"""At least as many as any update or Extra has fields."""
