"""Exact numbers as text: every digit kept, no exponent. The only place that makes a `DecimalText`."""

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache

_MAX_DIGITS = 400
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)


def decimal_text(value: str | int | Decimal) -> str:
    """The number in plain notation, every digit kept, trailing zeros too.

    Raises:
        ValueError: Not a finite number, or too long.
    """
    if isinstance(value, str) and len(value) <= _MAX_DIGITS and _PLAIN.fullmatch(value):
        return value if value[0] != "-" else _plain(Decimal(value))
    if isinstance(value, bool):
        raise ValueError("not a number: a boolean")
    if isinstance(value, str) and not (len(value) <= _MAX_DIGITS and _NUMBER.fullmatch(value)):
        raise ValueError("not a number")
    try:
        number = Decimal(value)
    except InvalidOperation as exc:
        raise ValueError("not a number") from exc
    if not number.is_finite():
        raise ValueError("not a finite number")
    if abs(number.adjusted()) > _MAX_DIGITS:
        raise ValueError("a number of too many digits")
    return _plain(number)


@lru_cache(maxsize=8192)
def double_text(value: float) -> str:
    """The shortest decimal that reads back to the same double: 480.0 -> "480".

    Raises:
        ValueError: Not a finite number.
    """
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2] if text != "-0.0" else "0"
    if "e" in text or "n" in text:
        return decimal_text(text)
    return text


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.lstrip("-") if number.is_zero() else text
