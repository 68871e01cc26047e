"""Long JSON messages in pieces."""

import json
from collections.abc import Generator
from contextlib import suppress
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.events import Turn
from ordwatch.venues.toolkit import pieces
from ordwatch.venues.toolkit.pieces import MAX_DEPTH, MAX_ENTRY_BYTES, MAX_MEMBER_BYTES, MAX_MEMBERS, Broken

T = TypeVar("T")
LONG = 200_000


def ended(steps: Generator[Turn, None, T]) -> tuple[int, T]:
    """How many turns were given, and what came of it."""
    turns = 0
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return turns, stop.value
        turns += 1


def values(data: bytes) -> dict[bytes, bytes]:
    spans = ended(pieces.members(data))[1]
    return {name: data[start:end] for name, (start, end) in spans.items()}


def items(data: bytes, start: int = 0) -> list[bytes]:
    return [data[each[0] : each[1]] for each in pieces.elements(data, start) if not isinstance(each, Turn)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)
STYLES = st.sampled_from([{"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}])


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=9), STYLES)
def test_members_are_those_of_a_decoder(value: dict[str, object], style: dict[str, object]) -> None:
    found = values(json.dumps(value, **style).encode())  # type: ignore[arg-type]  # three ways to write the same

    assert {json.loads(b'"%s"' % name): json.loads(text) for name, text in found.items()} == value


@given(st.lists(JSON, max_size=9), STYLES)
def test_elements_are_those_of_a_decoder(value: list[object], style: dict[str, object]) -> None:
    data = json.dumps(value, **style).encode()  # type: ignore[arg-type]

    assert [json.loads(text) for text in items(b"  " + data, 2)] == value


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), st.integers(0, 60))
def test_any_bytes_end_in_members_or_in_words(data: bytes, cut: int) -> None:
    for steps in (pieces.members(data[:cut]), pieces.elements(data[:cut])):
        with suppress(Broken):
            assert sum(1 for _ in steps) < 100


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cut off"),
        (b"x" * LONG, "not a JSON object"),
        (b"\xff" * LONG, "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b'{"a":1', "cut off"),
        (b'{"a":', "cut off"),
        (b'{"a"', "cut off"),
        (b'{"a":"b', "cut off in a string"),
        (b'{"a":"b\\', "cut off in a string"),
        (b'{"a":"b\\"', "cut off in a string"),
        (b'{"a":[1,2', "cut off"),
        (b'{"a":[{"b":"c"}', "cut off"),
        (b'{"a" 1}', "not JSON at byte 5"),
        (b'{"a":}', "not JSON at byte 5"),
        (b'{"a":1 2}', "not JSON at byte 7"),
        (b"{a:1}", "not JSON at byte 1"),
        (b'{"a":1}x', "more behind the object, at byte 7"),
        (b'{"a":' + b"[" * LONG, "JSON nested too deeply"),
        (b"{" + b",".join(b'"a":1' for _ in range(MAX_MEMBERS + 1)) + b"}", "an object of more than 32 members"),
    ],
)
def test_what_is_no_object_is_said(data: bytes, words: str) -> None:
    with pytest.raises(Broken, match=words):
        ended(pieces.members(data))


@pytest.mark.parametrize("data", [b"{}", b"", b"[1 2]", b"[1", b"[", b'["a', b"[1,", b"[,1]"])
def test_what_is_no_array_is_said(data: bytes) -> None:
    with pytest.raises(Broken):
        items(data)


SHAPES = {
    "string": b'"' + b"x" * LONG + b'"',
    "escapes": b'"' + b"\\ud800" * (LONG // 6) + b'"',
    "backslashes": b'"' + b"\\\\" * (LONG // 2) + b'"',
    "number": b"1" * LONG,
    "numbers": b"[" + b"1," * (LONG // 2) + b"1]",
    "strings": b"[" + b'"a",' * (LONG // 4) + b"1]",
    "objects": b"[" + b'{"b":"}"},' * (LONG // 10) + b"1]",
    "deep": b"[" + b'[[[{"a":[1]}]]],' * (LONG // 16) + b"1]",
    "object": b'{"a":"' + b"x" * LONG + b'","b":[{"c":1}]}',
    "spaces": b" " * LONG + b"1",
    "bytes": b'"' + b"\xff" * LONG + b'"',
}


@pytest.mark.parametrize("value", SHAPES.values(), ids=SHAPES)
def test_long_value_is_found_in_steps(value: bytes) -> None:
    data = b'{"before":1,"long":' + value + b',"after":"]"}'
    turns, spans = ended(pieces.members(data))
    start, end = spans[b"long"]

    assert data[start:end] == value.strip()
    assert data[slice(*spans[b"after"])] == b'"]"'
    assert turns >= len(value) // 32_768


def test_elements_are_given_before_the_array_is_read_to_its_end() -> None:
    data = b'[1,{"a":2},"3",' + b"[" * (MAX_DEPTH + 2)
    found = pieces.elements(data)

    assert [next(found) for _ in range(3)] == [(1, 2), (3, 10), (11, 14)]
    with pytest.raises(Broken):
        list(found)


def test_what_is_too_long_becomes_null() -> None:
    value = {"type": "x" * MAX_MEMBER_BYTES, "biz": "y", "data": {"a": "z" * MAX_MEMBER_BYTES}}
    data = json.dumps(value).encode()

    assert json.loads(pieces.shortened(data, ended(pieces.members(data))[1], b"data")) == value | {"type": None}


def test_long_entry_becomes_null() -> None:
    data = json.dumps({"a": "y", "data": "x" * MAX_ENTRY_BYTES}).encode()

    assert json.loads(pieces.shortened(data, ended(pieces.members(data))[1], b"data")) == {"a": "y", "data": None}
