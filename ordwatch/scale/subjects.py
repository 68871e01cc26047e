"""Subjects: where a line of a recording is published, and how a subject is read. Pure.

    ow.<collector>.<type>.<venue>.<account>.<order_id>    orders
    ow.<collector>.<type>.<venue>                         gap, link and reject
    ow.<collector>.<type>                                 the rest

An order's record that is flagged `late` has the type `late`: so the last message of an `order` subject is the state of
that order. Text of venues may hold any byte: those outside A-Za-z0-9_- stand as =XX, two upper-case hex digits.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from ordwatch.recording.format import Mark

ROOT = "ow"
ALL = f"{ROOT}.>"
"""What a stream has to take."""

_NULL = "-"
_EMPTY = "="
_PLAIN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_CODE = re.compile(r"=([0-9A-F]{2})", re.ASCII)
_OF_VENUE = frozenset({"gap", "link", "reject"})


class Subject(NamedTuple):
    """The tokens of a subject; None where it has no such token, or the token stands for null."""

    collector: str
    type: str
    """As in the record; `late` for an order's record that is flagged so."""
    venue: str | None = None
    account: str | None = None
    order_id: str | None = None


def subject(collector: str, line: Mark) -> str:
    """The subject of a line of this collector's recording."""
    if line.type == "order":
        kind = "late" if "late" in line.flags else "order"
        return f"{ROOT}.{collector}.{kind}.{token(line.venue)}.{token(line.account)}.{token(line.order_id)}"
    if line.type in _OF_VENUE:
        return f"{ROOT}.{collector}.{line.type}.{token(line.venue)}"
    return f"{ROOT}.{collector}.{line.type}"


def of_collector(collector: str) -> str:
    """The subjects of all messages of a collector."""
    return f"{ROOT}.{collector}.>"


def of_type(collector: str, kind: str) -> str:
    """The subject of a collector's records of a type that has no venue in it, such as `session` and `alive`."""
    return f"{ROOT}.{collector}.{kind}"


def parse(text: str) -> Subject:
    """The values in a subject.

    Raises:
        ValueError: It is none of ours.
    """
    root, *tokens = text.split(".")
    if root != ROOT or len(tokens) not in (2, 3, 5):
        raise ValueError(f"not a subject of ordwatch: {text!r}")
    collector, kind, *rest = tokens
    return Subject(collector, kind, *map(untoken, rest))


@lru_cache(4096)
def token(value: str | None) -> str:
    """A value as one token of a subject."""
    if value is None:
        return _NULL
    if value == _NULL:
        return "=2D"  # else it would mean null
    if _PLAIN.fullmatch(value):
        return value
    return "".join(_encoded(byte) for byte in value.encode("utf-8", "surrogatepass")) or _EMPTY


def _encoded(byte: int) -> str:
    char = chr(byte)
    return char if _PLAIN.fullmatch(char) else f"={byte:02X}"


def untoken(text: str) -> str | None:
    """The value of a token; None for null.

    Raises:
        ValueError: No value has this token.
    """
    if text == _NULL:
        return None
    if text == _EMPTY:
        return ""
    rest = _CODE.sub("", text)
    if not text or (rest and not _PLAIN.fullmatch(rest)):
        raise ValueError(f"not a token of a subject: {text!r}")
    data = _CODE.sub(lambda code: chr(int(code[1], 16)), text).encode("latin-1")
    return data.decode("utf-8", "surrogatepass")
