"""How numbers, times and text are written, everywhere: exact, one line, harmless in a terminal.

The only place that makes a `DecimalText`, formats a time or escapes a character.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from time import gmtime

MAX_TEXT = 4096
"""Characters of a venue's string that a record keeps."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MAX_DIGITS = 400
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
# Doubled backslashes: inside a JSON string they read as one, anywhere else they are no JSON.
_STRAY = {0xDC00 + byte: f"\\\\x{byte:02x}" for byte in range(0x80, 0x100)}

# C0, DEL, C1, the Arabic letter mark, zero-width marks, line and paragraph separators, bidi controls,
# the byte-order mark, surrogates. Everything a terminal or a line reader could take for a command.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def decimal_text(value: str | int | Decimal) -> str:
    """The number in plain notation, every digit kept, trailing zeros too.

    Raises:
        ValueError: Not a finite number, or too long to be one.
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


@lru_cache(maxsize=4096)
def time_text(ns: int) -> str:
    """RFC 3339 in UTC with six decimals."""
    second, rest = divmod(ns, 1_000_000_000)
    return f"{_second_text(second)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=1024)
def _second_text(second: int) -> str:
    year, month, day, hour, minute, sec = gmtime(second)[:6]
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{sec:02d}"


def time_ns(text: str) -> int:
    """The nanoseconds since 1970 that `time_text` wrote.

    Raises:
        ValueError: Not such a text.
    """
    if len(text) != 27 or text[10] != "T" or text[19] != "." or text[26] != "Z":
        raise ValueError(f"not a time: {text[:40]!r}")
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND * 1000


def safe_text(text: str, limit: int = MAX_TEXT) -> str:
    """The text with every unsafe character visible as an escape, cut at `limit` characters with a mark."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return UNSAFE.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def escape_json(text: str) -> str:
    """JSON text with every unsafe character as \\uXXXX; they stand inside strings only, so it stays JSON."""
    return UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def decode_text(data: bytes) -> str:
    """UTF-8, with the bytes that are not shown as \\xff."""
    return data.decode("utf-8", "backslashreplace")


def mended_json(data: bytes) -> bytes:
    """JSON source in which half a surrogate pair is shown as \\ud800: strict readers refuse the whole text for one."""
    return _ESCAPE.sub(lambda match: rb"\\u" + match[1] if match[1] else match[0], data)


def mended_text(data: bytes) -> str:
    """JSON source as text: bytes in its strings that are not UTF-8 read as \\xff."""
    return data.decode("utf-8", "surrogateescape").translate(_STRAY)
