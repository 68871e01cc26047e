"""Text of a venue or a file as one line that is harmless in a terminal: unsafe characters become visible escapes."""

import re
from collections.abc import Callable

MAX_TEXT = 4096
"""Longer strings are cut in records."""

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
# Two backslashes: in a JSON string they mean one; outside strings they are not valid JSON.
_STRAY = {0xDC00 + byte: f"\\\\x{byte:02x}" for byte in range(0x80, 0x100)}

# Characters that a terminal or a line reader could take for a command, and invisible ones: C0, DEL, C1, line and
# paragraph separators, surrogates, Unicode's format characters (category Cf: bidi controls, zero width, tags),
# Default_Ignorable_Code_Point (fillers, variation selectors), and three characters that are named blank.
# Accents, wide characters and emoji are safe; the variation selector of an emoji is escaped.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_SPECIAL = re.compile("[^ -~][^ -~]*")  # with "+" alone it is searched four times slower, too


def safe_text(text: str, limit: int = MAX_TEXT) -> str:
    """The text with every unsafe character as a visible escape, cut to `limit` characters with "…" at the end."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return _escaped(text, _visible)


def _escaped(text: str, escape: Callable[[re.Match[str]], str]) -> str:
    # First find runs outside printable ASCII: a class beyond 16 bits is searched four times slower.
    return _SPECIAL.sub(lambda run: UNSAFE.sub(escape, run.group()), text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape_json(text: str) -> str:
    """JSON text with every unsafe character as \\uXXXX; they occur in strings only, so the result is the same JSON."""
    return _escaped(text, _json_escape)


def _json_escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)  # as a surrogate pair: RFC 8259, section 7
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def decode_text(data: bytes) -> str:
    """The bytes as UTF-8 text; invalid bytes as \\xff."""
    return data.decode("utf-8", "backslashreplace")


def escape_half_surrogates(data: bytes) -> bytes:
    """JSON with every unpaired surrogate as the text \\ud800; strict readers refuse the whole document otherwise."""
    return _ESCAPE.sub(lambda match: rb"\\u" + match[1] if match[1] else match[0], data)


def escape_invalid_utf8(data: bytes) -> str:
    """JSON as text, with bytes in its strings that are not UTF-8 as \\xff."""
    return data.decode("utf-8", "surrogateescape").translate(_STRAY)
