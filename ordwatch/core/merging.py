"""How two statements about one order make one: the same for every venue that adds nothing of its own."""

from collections.abc import Callable
from enum import StrEnum
from itertools import compress
from operator import is_not
from typing import Protocol

import msgspec
from msgspec.structs import astuple

from ordwatch.core.events import FINAL, Extra, OrderStatus, OrderUpdate, Recency


class Correction(StrEnum):
    """What a settled query row may do to a state that no version shows to be older."""

    NO = "no"
    YES = "yes"
    CONFIRM = "confirm"
    """Only when a second query, some time later, says it again."""


class MergeRules(Protocol):
    """What the order store must know of a venue to merge its statements; a `Venue` is one (venues/contract.py)."""

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
    """The venue's word of now counts; that a final order is open again it must say twice."""
    return Correction.CONFIRM if known.status in FINAL and row.status not in FINAL else Correction.YES


def not_found(known: OrderUpdate, reason: str, received_ns: int) -> OrderUpdate:
    """The statement that the venue, asked for this order by its id, does not know it: UNKNOWN, never a guess."""
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
    """The statement with what it does not say taken from what is known."""
    filled = _missing(new, known, _MERGED)
    extra = _merge_missing_extra(new.extra, known.extra)
    if extra is not new.extra:
        filled["extra"] = extra
    if known.not_found and not new.not_found and new.reason is None:
        filled["reason"] = ""
    return msgspec.structs.replace(new, **filled) if filled else new


def _merge_missing_extra(new: Extra, known: Extra) -> Extra:
    """The same for the fields of one venue."""
    if new is known or type(new) is not type(known):
        return new
    filled = _missing(new, known, new.__struct_fields__)
    return msgspec.structs.replace(new, **filled) if filled else new


_MERGED = tuple("" if name == "raw" else name for name in OrderUpdate.__struct_fields__)


def _missing(new: msgspec.Struct, known: msgspec.Struct, names: tuple[str, ...]) -> dict[str, object]:
    told, before = astuple(new), astuple(known)
    return {
        names[index]: before[index]
        for index in compress(_INDEXES, map(is_not, told, before))
        if told[index] is None and names[index]
    }


_INDEXES = range(64)
"""Of the fields of any statement or Extra."""
