"""Long JSON messages, read piece by piece, so that no step takes longer than a few milliseconds whatever the bytes are.

Finds where values begin and end and judges nothing of what is in them: that does who decodes a piece. Between steps the
generators yield `Turn`. One call into C over 16 MiB would hold up every other venue, in a thread as well.
"""

import re
from collections.abc import Generator

from ordwatch.core.events import Turn

LONG_BYTES = 2048
"""Messages up to this are decoded in one go; a push of one order has a few hundred bytes."""
MAX_ENTRY_BYTES = 16 * 1024
"""No order is longer."""
MAX_MEMBER_BYTES = 1024
"""Nor any other member of a message that counts."""
MAX_MEMBERS = 32
MAX_DEPTH = 64

Span = tuple[int, int]

_STEP_BYTES = 32 * 1024
_STEP_TOKENS = 256
_TURN = Turn()

_TEXT = rb'(?:[^"\\]++|\\.)*+'
_FLAT = rb'(?:[^"\[\]{}]++|"%s")*+' % _TEXT
_IN_STRING = re.compile(_TEXT, re.DOTALL)
_IN_CONTAINER = re.compile(rb'(?:[^"\[\]{}]++|"%s"|\{%s\}|\[%s\])*+' % (_TEXT, _FLAT, _FLAT), re.DOTALL)
"""A run of what needs no counting of brackets: anything but strings, strings, and containers without others inside."""
_FLAT_VALUE = re.compile(rb'\{%s\}|"%s"' % (_FLAT, _TEXT), re.DOTALL)
_IN_SCALAR = re.compile(rb'[^\s"\[\]{},:]*+')
_SPACE = re.compile(rb"\s*+")
_QUOTE, _BACKSLASH, _COMMA, _COLON = b'"\\,:'


class Broken(ValueError):
    """Bytes that are no JSON; the message is a short reason."""


def members(data: bytes) -> Generator[Turn, None, dict[bytes, Span]]:
    """The values of a JSON object, by their names as they are written; of members of one name the last.

    Raises:
        Broken: Not an object, or one of more than MAX_MEMBERS members.
    """
    found: dict[bytes, Span] = {}
    pos = yield from _after_space(data, 0)
    if data[pos : pos + 1] != b"{":
        raise Broken("not a JSON object")
    pos = yield from _after_space(data, pos + 1)
    count = 0
    while data[pos] != b"}"[0]:
        count += 1
        if count > MAX_MEMBERS:
            raise Broken(f"an object of more than {MAX_MEMBERS} members")
        name_end = yield from _string_end(data, pos)
        name = data[pos + 1 : name_end - 1] if name_end - pos <= MAX_MEMBER_BYTES else b""
        pos = yield from _after(data, name_end, _COLON)
        end = yield from _value_end(data, pos)
        found[name] = (pos, end)
        pos = yield from _after_space(data, end)
        if data[pos] == _COMMA:
            pos = yield from _after_space(data, pos + 1)
        elif data[pos] != b"}"[0]:
            raise Broken(f"not JSON at byte {pos}")
    end = yield from _skip_space(data, pos + 1)
    if end < len(data):
        raise Broken(f"more behind the object, at byte {end}")
    return found


def elements(data: bytes, start: int = 0) -> Generator[Turn | Span, None, None]:
    """Each value of the JSON array that begins at `start`, as soon as its end is found.

    Raises:
        Broken: Not an array, or not JSON between its values.
    """
    if data[start : start + 1] != b"[":
        raise Broken("not a JSON array")
    pos = yield from _after_space(data, start + 1)
    while data[pos] != b"]"[0]:
        flat = _FLAT_VALUE.match(data, pos, pos + _STEP_BYTES)
        end = flat.end() if flat is not None else (yield from _value_end(data, pos))
        yield pos, end
        pos = yield from _after_space(data, end)
        if data[pos] == _COMMA:
            pos = yield from _after_space(data, pos + 1)
        elif data[pos] != b"]"[0]:
            raise Broken(f"not JSON at byte {pos}")


def shortened(data: bytes, spans: dict[bytes, Span], name: bytes) -> bytes:
    """The object again, with null for what is too long: MAX_ENTRY_BYTES for the member of this name, else less."""
    kept = []
    for key, (start, end) in spans.items():
        most = MAX_ENTRY_BYTES if key == name else MAX_MEMBER_BYTES
        kept.append(b'"%s":%s' % (key, data[start:end] if end - start <= most else b"null"))
    return b"{%s}" % b",".join(kept)


def _after_space(data: bytes, pos: int) -> Generator[Turn, None, int]:
    """The place of the next byte that is not a space."""
    pos = yield from _skip_space(data, pos)
    if pos >= len(data):
        raise Broken("cut off")
    return pos


def _skip_space(data: bytes, pos: int) -> Generator[Turn, None, int]:
    while True:
        limit = pos + _STEP_BYTES
        pos = _end(_SPACE, data, pos, limit)
        if pos < limit:
            return pos
        yield _TURN


def _after(data: bytes, pos: int, byte: int) -> Generator[Turn, None, int]:
    """The place of the value behind this byte."""
    pos = yield from _after_space(data, pos)
    if data[pos] != byte:
        raise Broken(f"not JSON at byte {pos}")
    return (yield from _after_space(data, pos + 1))


def _value_end(data: bytes, pos: int) -> Generator[Turn, None, int]:
    if data[pos] == _QUOTE:
        return (yield from _string_end(data, pos))
    if data[pos] in b"{[":
        return (yield from _container_end(data, pos))
    start = pos
    while True:
        limit = pos + _STEP_BYTES
        pos = _end(_IN_SCALAR, data, pos, limit)
        if pos == start:
            raise Broken(f"not JSON at byte {pos}")
        if pos < limit:
            return pos  # the end of the message is found by who looks for what follows
        yield _TURN


def _string_end(data: bytes, pos: int) -> Generator[Turn, None, int]:
    if data[pos] != _QUOTE:
        raise Broken(f"not JSON at byte {pos}")
    pos += 1
    while True:
        pos = _end(_IN_STRING, data, pos, pos + _STEP_BYTES)
        # Before a backslash it stops only where the step, or the message, ends behind it.
        if pos >= len(data) - (data[-1] == _BACKSLASH):
            raise Broken("cut off in a string")
        if data[pos] == _QUOTE:
            return pos + 1
        yield _TURN


def _container_end(data: bytes, pos: int) -> Generator[Turn, None, int]:
    depth = tokens = 0
    step = pos
    while True:
        if data[pos] == _QUOTE:
            pos = yield from _string_end(data, pos)
        elif data[pos] in b"[{":
            depth += 1
            pos += 1
            if depth > MAX_DEPTH:
                raise Broken("JSON nested too deeply")
        elif data[pos] in b"]}":
            depth -= 1
            pos += 1
            if not depth:
                return pos
        pos = _end(_IN_CONTAINER, data, pos, pos + _STEP_BYTES)
        if pos >= len(data):
            raise Broken("cut off")
        tokens += 1
        if tokens >= _STEP_TOKENS or pos - step >= _STEP_BYTES:
            tokens, step = 0, pos
            yield _TURN


def _end(pattern: re.Pattern[bytes], data: bytes, pos: int, limit: int) -> int:
    found = pattern.match(data, pos, limit)
    return pos if found is None else found.end()
