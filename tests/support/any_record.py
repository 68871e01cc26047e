"""Records of every type, with any text and number their fields take."""

from collections.abc import Callable
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from ordwatch.core.escaping import MAX_TEXT
from ordwatch.core.records import AnyRecord, Record, VenueAlive

TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(["x" * (MAX_TEXT + 1), '"\\,{}', "\x7f\u2028\ud800é€𝄞"])
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS
PAYLOADS = st.recursive(
    VALUES, lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXTS, each, max_size=3), max_leaves=5
)
NUMBERS = {int: st.integers(0, 2**53), float: st.floats(0, 1e9)}


def any_record() -> st.SearchStrategy[AnyRecord]:
    """A record of any type."""
    return st.one_of(*(_struct(kind) for kind in get_args(AnyRecord)))


def _struct(kind: type[Any]) -> st.SearchStrategy[Any]:
    fields = {field.name: _values(field.type) for field in msgspec.structs.fields(kind)}
    return st.fixed_dictionaries(fields).map(_made(kind))


def _made(kind: type[Record] | type[VenueAlive]) -> Callable[[dict[str, Any]], Record | VenueAlive]:
    return lambda values: kind(**values)


def _values(wanted: Any) -> st.SearchStrategy[Any]:
    origin, of = get_origin(wanted), get_args(wanted)
    if wanted is VenueAlive:
        return _struct(VenueAlive)
    if wanted is object:
        return PAYLOADS
    if wanted is str:
        return TEXTS
    if origin is list:
        return st.lists(_values(of[0]), max_size=2)
    if origin is tuple:
        return st.lists(_values(of[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXTS, _values(of[1]), max_size=2)
    if origin is Literal:
        return st.sampled_from(of)
    if isinstance(wanted, UnionType) or origin is not None:
        return st.one_of(*map(_values, of))
    return NUMBERS[wanted] if wanted in NUMBERS else st.from_type(wanted)
