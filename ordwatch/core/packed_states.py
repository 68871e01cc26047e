"""Earlier states of an order in little memory: what they have otherwise than the state after them, as bytes. Pure.

An order keeps its last eight states, nearly all of which are never looked at again. Whole, they take some 1.2 kB each,
and the garbage collector walks over the lists that hold them; packed, some 60 bytes each, all in one object.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import compress, pairwise
from operator import is_not
from struct import Struct
from typing import Any

import msgspec
from msgspec.structs import astuple, replace

from ordwatch.core.events import OrderStatus, OrderUpdate, Side, TimeInForce

NAMES = OrderUpdate.__struct_fields__
EXTRA = NAMES.index("extra")
INDEXES = range(64)
"""At least as many as an update or an Extra has fields; those of the Extra are numbered from here on."""
OF_EXTRA = len(INDEXES)

_LENGTH = Struct(">I")
"""In front of each packed state."""

_TYPES: dict[str, Callable[[Any], object]] = {
    "status": OrderStatus,
    "side": Side,
    "time_in_force": TimeInForce,
    "flags": tuple,
    "created_ns": int,
    "updated_ns": int,
}
"""The types of values that are plain text or a list while packed; times are, where they are long."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def encode_differing(differing: list[object]) -> bytes:
    """Pack fields that differ: index, value, index, value ..."""
    try:
        return _encode(differing)
    except OverflowError:  # a time after the year 2554: msgpack's numbers have 64 bits
        return _encode([str(value) if isinstance(value, int) and value >= 2**64 else value for value in differing])


def packed(older: OrderUpdate, newer: OrderUpdate) -> bytes:
    """What the older state has otherwise than the newer one; both have an Extra of the same class, and no payload."""
    differing: list[object] = []
    old, new = astuple(older), astuple(newer)
    for index in compress(INDEXES, map(is_not, old, new)):
        if index != EXTRA and old[index] != new[index]:
            differing += (index, old[index])
    old, new = astuple(older.extra), astuple(newer.extra)
    for index in compress(INDEXES, map(is_not, old, new)):
        if old[index] != new[index]:
            differing += (index + OF_EXTRA, old[index])
    return encode_differing(differing)


def unpacked(data: bytes, newer: OrderUpdate) -> OrderUpdate:
    """The older state again, by the newer one that it was packed with."""
    differing = iter(_decode(data))
    changes: dict[str, object] = {}
    of_extra: dict[str, object] = {}
    for index, value in zip(differing, differing, strict=True):
        if index >= OF_EXTRA:
            of_extra[newer.extra.__struct_fields__[index - OF_EXTRA]] = value
        else:
            name = NAMES[index]
            changes[name] = _TYPES[name](value) if name in _TYPES and value is not None else value
    if of_extra:
        changes["extra"] = replace(newer.extra, **of_extra)
    return replace(newer, **changes)


def packed_all(states: Sequence[OrderUpdate]) -> bytes:
    """All but the last of these states, oldest first, as one text of bytes."""
    earlier = b""
    for older, newer in pairwise(states):
        earlier = with_later(earlier, packed(older, newer))
    return earlier


def with_later(earlier: bytes, state: bytes) -> bytes:
    """The packed states, and this one behind them: each behind its length."""
    return b"".join((earlier, _LENGTH.pack(len(state)), state))


def without_oldest(earlier: bytes) -> bytes:
    """All of them but the first."""
    return earlier[_LENGTH.size + _LENGTH.unpack_from(earlier)[0] :]


def unpacked_all(earlier: bytes, latest: OrderUpdate) -> Iterator[OrderUpdate]:
    """The states again, the latest first."""
    state = latest
    yield state
    for data in reversed(list(_each(earlier))):
        state = unpacked(data, state)
        yield state


def _each(earlier: bytes) -> Iterator[bytes]:
    end = 0
    while end < len(earlier):
        begin = end + _LENGTH.size
        end = begin + _LENGTH.unpack_from(earlier, end)[0]
        yield earlier[begin:end]
