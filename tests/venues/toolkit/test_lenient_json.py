"""JSON of untrusted types as text."""

import msgspec
import pytest

from ordwatch.venues.toolkit.lenient_json import Unreadable, fields, items, loads, payload, text


def reported(source: bytes) -> str | None:
    """The text of a value that stands in an object."""
    return text(fields(b'{"a":' + source + b"}")["a"])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b'"text"', "text"),
        (b'""', ""),
        (b"null", None),
        (b"4624530513294751114", "4624530513294751114"),
        (b"0.1000000000000000055", "0.1000000000000000055"),
        (b"1e400", "1e400"),
        (b"9" * 5000, "9" * 5000),
        (b"true", "true"),
        (b'{"b": 1}', '{"b": 1}'),
        (b'"\\u0000"', "\x00"),
        (b'"caf\xff"', "caf\\xff"),
        (b'"\\ud800"', "\\ud800"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_value_is_its_exact_text(source: bytes, expected: str | None) -> None:
    assert reported(source) == expected


def test_absent_value_is_none() -> None:
    assert text(None) is None


@pytest.mark.parametrize(
    "source",
    [
        b"", b"x", b"[]", b'"{}"', b"null", b'{"a":NaN}', b'{"a":1', b"{} {}", b'{"a":' + b"[" * 100_000, b"\x00",
        b'{"a":01}', b'\xff{"a":1}',
    ],
)  # fmt: skip
def test_refuses_what_is_no_object(source: bytes) -> None:
    with pytest.raises(Unreadable):
        fields(source)


@pytest.mark.parametrize("source", [b"{}", b"[1", b"[" * 100_000])
def test_refuses_what_is_no_array(source: bytes) -> None:
    with pytest.raises(Unreadable):
        items(source)


def test_refuses_a_string_with_a_bare_control_character() -> None:
    with pytest.raises(Unreadable):
        text(msgspec.Raw(b'"a\x00b"'))


def test_of_two_members_of_one_name_the_last_counts() -> None:
    assert text(fields(b'{"a":1,"a":2}')["a"]) == "2"


def test_payload_keeps_small_integers_and_writes_the_rest_as_text() -> None:
    row = msgspec.Raw(b'{"i":-5,"id":4624530513294751114,"x":0.10,"s":"t","n":null,"b":true,"o":{"k":1}}')

    assert payload(row) == {
        "i": -5, "id": "4624530513294751114", "x": "0.10", "s": "t", "n": None, "b": True, "o": '{"k":1}'
    }  # fmt: skip


def test_payload_of_no_object_is_its_text() -> None:
    assert payload(msgspec.Raw(b"[1]")) == "[1]"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (b'{"a":[1,0.10,true,null]}', {"a": ["1", "0.10", True, None]}),
        (b'"\xff"', "\\xff"),
        (b'"\\ud800"', "\\ud800"),
    ],
    ids=["numbers", "no UTF-8", "half a surrogate"],
)
def test_a_whole_tree_has_its_numbers_as_text(source: bytes, value: object) -> None:
    assert loads(source) == value


@pytest.mark.parametrize("source", [b"NaN", b"{", b"[" * 100_000, b""], ids=["constant", "cut", "nested", "empty"])
def test_what_is_no_json_cannot_be_read(source: bytes) -> None:
    with pytest.raises(Unreadable, match="JSON"):
        loads(source)
