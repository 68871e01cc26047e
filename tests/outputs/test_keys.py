from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.outputs.keys import ESCAPE_S, Key, KeyDecoder, KeyPress


def keys(*chunks: bytes) -> list[KeyPress]:
    """The keys in these chunks, all read at once, and after a while without any more."""
    decoder = KeyDecoder()
    found = [key for chunk in chunks for key in decoder.feed(chunk, 0.0)]
    return found + decoder.expire(ESCAPE_S)


SEQUENCES = [
    (b"\x1b[A", Key.UP),
    (b"\x1bOA", Key.UP),
    (b"\x1b[B", Key.DOWN),
    (b"\x1bOB", Key.DOWN),
    (b"\x1b[1;5B", Key.DOWN),
    (b"\x1b[5~", Key.PAGE_UP),
    (b"\x1b[6~", Key.PAGE_DOWN),
    (b"\x1b[6;2~", Key.PAGE_DOWN),
    (b"\x1b[H", Key.HOME),
    (b"\x1bOH", Key.HOME),
    (b"\x1b[1~", Key.HOME),
    (b"\x1b[7~", Key.HOME),
    (b"\x1b[F", Key.END),
    (b"\x1bOF", Key.END),
    (b"\x1b[4~", Key.END),
    (b"\x1b[8~", Key.END),
    (b"\x1bOM", Key.ENTER),
    (b"\r", Key.ENTER),
    (b"\n", Key.ENTER),
    (b"\x7f", Key.BACKSPACE),
    (b"\x08", Key.BACKSPACE),
    (b"\x1b", Key.ESCAPE),
    (b"q", "q"),
    (b" ", " "),
    ("讯".encode(), "讯"),
    ("é".encode(), "é"),
]


@pytest.mark.parametrize(("data", "key"), SEQUENCES, ids=lambda value: repr(value))
def test_a_sequence_is_its_key(data: bytes, key: KeyPress) -> None:
    assert keys(data) == [key]


@pytest.mark.parametrize(("data", "key"), SEQUENCES, ids=lambda value: repr(value))
def test_a_sequence_is_its_key_byte_by_byte(data: bytes, key: KeyPress) -> None:
    assert keys(*[data[at : at + 1] for at in range(len(data))]) == [key]


@pytest.mark.parametrize(("data", "key"), [each for each in SEQUENCES if each[0] != b"\x1b"], ids=repr)
def test_a_sequence_ends_where_the_next_key_begins(data: bytes, key: KeyPress) -> None:
    assert keys(data + b"x" + data) == [key, "x", key]


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b[C",
        b"\x1b[3~",
        b"\x1b[15;5~",
        b"\x1b[I",
        b"\x1b[<0;10;20m",
        b"\x1bx",
        b"\x04",
        b"\x00",
        b"\xff",
        "\u202e".encode(),
    ],
    ids=repr,
)
def test_other_keys_are_none_and_eat_nothing_that_follows(data: bytes) -> None:
    assert keys(data + b"j") == ["j"]


def test_escape_is_escape_only_after_a_short_time() -> None:
    decoder = KeyDecoder()

    early = decoder.feed(b"\x1b", 10.0)
    due_s = decoder.due_s()
    before, after = decoder.expire(10.0 + ESCAPE_S / 2), decoder.expire(10.0 + ESCAPE_S)

    assert (early, due_s, before, after) == ([], 10.0 + ESCAPE_S, [], [Key.ESCAPE])
    assert decoder.due_s() is None


def test_a_bracket_long_after_escape_is_a_bracket() -> None:
    decoder = KeyDecoder()
    decoder.feed(b"\x1b", 0.0)

    assert decoder.feed(b"[A", ESCAPE_S) == [Key.ESCAPE, "[", "A"]


def test_escape_twice_is_two_keys() -> None:
    assert keys(b"\x1b\x1b") == [Key.ESCAPE, Key.ESCAPE]


def test_an_unfinished_sequence_is_dropped() -> None:
    decoder = KeyDecoder()
    decoder.feed(b"\x1b[1;", 0.0)

    assert decoder.feed(b"j", 1.0) == ["j"]


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=5))
def test_keys_do_not_depend_on_how_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[start:end] for start, end in pairwise(places)]

    assert keys(*chunks) == keys(data)


@given(data=st.binary())
def test_a_character_is_one_that_can_be_shown(data: bytes) -> None:
    assert all(len(key) == 1 and key.isprintable() for key in keys(data) if isinstance(key, str))
