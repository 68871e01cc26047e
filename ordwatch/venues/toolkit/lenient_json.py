"""JSON whose types are not to be trusted: every value as its exact text.

Venues document strings where they send numbers and the other way round. As text both are the same, and no
number passes through a float: 0.1000000000000000055 keeps its digits, 4624530513294751114 its last ones.

Two ways: `fields`, `items` and `text` decode no more than what is asked for; `loads` gives the whole tree.
"""

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec

from ordwatch.core.escaping import decode_text, escape_half_surrogates, escape_invalid_utf8

Fields = dict[str, msgspec.Raw]

_FIELDS = msgspec.json.Decoder(Fields)
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_STRING = msgspec.json.Decoder(str)
_SAFE_INTEGER = 2**53
T = TypeVar("T")


class Unreadable(ValueError):
    """Input that cannot be read; the message is a short reason, without the input."""


def fields(data: bytes | msgspec.Raw) -> Fields:
    """The members of a JSON object; of members of one name the last.

    Raises:
        Unreadable: Not JSON, or not an object.
    """
    try:
        return _decoded(_FIELDS, data)
    except msgspec.ValidationError as exc:
        raise Unreadable("not a JSON object") from exc


def items(data: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The values of a JSON array.

    Raises:
        Unreadable: Not JSON, or not an array.
    """
    try:
        return _decoded(_ITEMS, data)
    except msgspec.ValidationError as exc:
        raise Unreadable("not a JSON array") from exc


def text(value: msgspec.Raw | None) -> str | None:
    """A string's content, anything else as it is written; None for null and for what is absent.

    Raises:
        Unreadable: A string with a bare control character.
    """
    if value is None:
        return None
    source = bytes(value)
    if source == b"null":
        return None
    if source[:1] != b'"':
        return decode_text(source)
    try:
        return _STRING.decode(source)
    except UnicodeDecodeError:
        # The order they came with is not lost for a few bytes of its text.
        return text(msgspec.Raw(escape_invalid_utf8(source).encode()))
    except msgspec.DecodeError as exc:
        raise Unreadable("not JSON") from exc


def loads(data: bytes) -> object:
    """JSON with every number as its own text; bytes that are no UTF-8 visible as \\xff, half surrogates as \\ud800.

    Raises:
        Unreadable: Not JSON.
    """
    return _parsed(_source(data), str)


def shown(data: bytes, secret: str = "") -> object:
    """The JSON for a record's `raw`: integers beyond 2**53 and fractions as text, *** in place of `secret`.

    Raises:
        Unreadable: Not JSON.
    """
    source = _source(data)
    return _parsed(source.replace(secret, "***") if secret else source, _safe_integer)


def is_string(value: msgspec.Raw | None) -> bool:
    """Whether the value is written as a JSON string."""
    return value is not None and bytes(value)[:1] == b'"'


def payload(data: msgspec.Raw) -> object:
    """The members of an object for a record's `raw`: integers beyond 2^53, fractions and structures as text."""
    try:
        return {name: _plain(value) for name, value in fields(data).items()}
    except Unreadable:
        return decode_text(bytes(data))


def _decoded(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        source = bytes(data)
        mended = escape_half_surrogates(source)
        if mended == source:
            raise Unreadable("not JSON") from exc
        return _decoded(decoder, mended)


def _parsed(source: str, integer: Callable[[str], int | str]) -> object:
    try:
        value: object = json.loads(source, parse_int=integer, parse_float=str, parse_constant=_refuse_constant)
    except json.JSONDecodeError as exc:
        raise Unreadable(f"not JSON: {exc.msg} at character {exc.pos}") from None
    except RecursionError:
        raise Unreadable("JSON nested too deeply") from None
    return value


def _source(data: bytes) -> str:
    if b"\\u" in data:
        data = escape_half_surrogates(data)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return escape_invalid_utf8(data)


def _refuse_constant(name: str) -> object:
    raise Unreadable(f"not JSON: {name} is no number")


def _safe_integer(text: str) -> int | str:
    return int(text) if len(text) < 16 else text


def _plain(value: msgspec.Raw) -> str | int | bool | None:
    source = text(value)
    if source is None or is_string(value):
        return source
    if source in ("true", "false"):
        return source == "true"
    if len(source) <= 17 and source.lstrip("-").isdecimal() and abs(int(source)) <= _SAFE_INTEGER:
        return int(source)
    return source
