"""How numbers, times and text are written, everywhere: exact, one line, harmless in a terminal.

The only place that makes a `DecimalText`, formats a time or escapes a character.
"""

import difflib
import re
from collections.abc import Callable, Iterable
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

# What a terminal or a line reader could take for a command, and what nobody would see: C0, DEL, C1, line and paragraph
# separators, surrogates, and Unicode's format characters (category Cf: bidi controls, zero width, tags) and
# Default_Ignorable_Code_Point (fillers, variation selectors), with three signs that are blank by their names.
# Accents, wide characters and emoji stay; an emoji loses its selector to an escape.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_SPECIAL = re.compile("[^ -~][^ -~]*")  # with "+" alone it is searched four times slower, too


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
    return _escaped(text, _visible)


def _escaped(text: str, escape: Callable[[re.Match[str]], str]) -> str:
    # First the runs of what is not printable ASCII: a class that reaches beyond 16 bits is searched four times slower.
    return _SPECIAL.sub(lambda run: UNSAFE.sub(escape, run.group()), text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape_json(text: str) -> str:
    """JSON text with every unsafe character as \\uXXXX; they stand inside strings only, so it stays JSON."""
    return _escaped(text, _json_escape)


def _json_escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)  # JSON has no longer escapes: RFC 8259, section 7
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def decode_text(data: bytes) -> str:
    """UTF-8, with the bytes that are not shown as \\xff."""
    return data.decode("utf-8", "backslashreplace")


def mended_json(data: bytes) -> bytes:
    """JSON source in which half a surrogate pair is shown as \\ud800: strict readers refuse the whole text for one."""
    return _ESCAPE.sub(lambda match: rb"\\u" + match[1] if match[1] else match[0], data)


def mended_text(data: bytes) -> str:
    """JSON source as text: bytes in its strings that are not UTF-8 read as \\xff."""
    return data.decode("utf-8", "surrogateescape").translate(_STRAY)


def suggest(name: str, known: Iterable[str]) -> str:
    """ ", did you mean ...?" with the known name that is nearest, in any case; "" if none is near."""
    by_lower_case = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    return f", did you mean `{by_lower_case[close[0]]}`?" if close else ""
