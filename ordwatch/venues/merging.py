"""How two statements about one order make one: the same for every venue that adds nothing of its own."""

from itertools import compress
from operator import is_not

import msgspec
from msgspec.structs import astuple

from ordwatch.model import Extra, OrderStatus, OrderUpdate


def gone(known: OrderUpdate, reason: str, received_ns: int) -> OrderUpdate:
    """The statement that the venue, asked for this order by its id, does not know it: UNKNOWN, never a guess."""
    return msgspec.structs.replace(
        known,
        status=OrderStatus.UNKNOWN,
        reason=reason,
        received_ns=received_ns,
        source="query",
        gone=True,
        flags=(),
        raw=None,
    )


def fill_in(new: OrderUpdate, known: OrderUpdate) -> OrderUpdate:
    """The statement with what it does not tell taken from what is known; its time never goes back."""
    filled = _missing(new, known, _MERGED)
    extra = _fill_in_extra(new.extra, known.extra)
    if extra is not new.extra:
        filled["extra"] = extra
    updated_ns, known_ns = new.updated_ns, known.updated_ns
    if updated_ns is not None and known_ns is not None and known_ns > updated_ns:
        filled["updated_ns"] = known_ns
    if known.gone and not new.gone and new.reason is None:
        filled["reason"] = ""
    return msgspec.structs.replace(new, **filled) if filled else new


def _fill_in_extra(new: Extra, known: Extra) -> Extra:
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
