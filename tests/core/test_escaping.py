import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.escaping import (
    MAX_TEXT,
    UNSAFE,
    decode_text,
    escape_half_surrogates,
    escape_invalid_utf8,
    escape_json,
    safe_text,
)


@given(st.text(alphabet=st.characters(codec=None)))
def test_safe_text_holds_nothing_a_terminal_obeys(text: str) -> None:
    assert not UNSAFE.search(safe_text(text))


def test_safe_text_shows_what_it_escapes() -> None:
    assert safe_text("a\x1b[2J\u202e\x9b") == r"a\x1b[2J\u202e\x9b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BTC\U000e0041\U000e007f", r"BTC\U000e0041\U000e007f"),
        ("\u3164\u115f\u1160\uffa0\u2800", r"\u3164\u115f\u1160\uffa0\u2800"),
        ("a\xadb", r"a\xadb"),
        ("a\u034f\u180e\u200b\u2060\u2064\u206a\u206f\ufeffb", r"a\u034f\u180e\u200b\u2060\u2064\u206a\u206f\ufeffb"),
        ("\u2764\ufe0f \u845b\U000e0100", "\u2764\\ufe0f \u845b\\U000e0100"),
        ("\ufff9a\ufffab\ufffb", r"\ufff9a\ufffab\ufffb"),
    ],
    ids=["tags", "fillers", "soft hyphen", "zero width", "variation selectors", "annotations"],
)
def test_safe_text_shows_what_nobody_would_see(text: str, shown: str) -> None:
    assert safe_text(text) == shown


@pytest.mark.parametrize(
    "text", ["腾讯控股（港股）、中文", "é e\u0301 ñ", "한국어 ไทย עברית عربي", "😀 👍🏽 🇭🇰 ¥€₿ ●▓░…"]
)
def test_safe_text_leaves_what_can_be_read(text: str) -> None:
    assert safe_text(text) == text


def test_no_control_and_no_format_character_of_unicode_is_safe() -> None:
    dangerous = [
        char for char in map(chr, range(0x110000)) if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]

    assert [f"U+{ord(char):04X}" for char in dangerous if not UNSAFE.fullmatch(char)] == []


# Default_Ignorable_Code_Point of https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt
IGNORABLE = """AD 34F 61C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8
    1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"""


@pytest.mark.parametrize("span", IGNORABLE.split())
def test_no_character_that_may_be_left_out_is_safe(span: str) -> None:
    first, _, last = span.partition("-")

    assert all(UNSAFE.fullmatch(chr(code)) for code in range(int(first, 16), int(last or first, 16) + 1))


def test_safe_text_is_cut_with_a_mark() -> None:
    assert safe_text("x" * (MAX_TEXT + 1)) == "x" * (MAX_TEXT - 1) + "…"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_escaped_json_reads_back_the_same_and_is_one_line(text: str) -> None:
    escaped = escape_json(json.dumps(text, ensure_ascii=False))

    assert json.loads(escaped) == text
    assert len(escaped.splitlines()) == 1


def test_a_character_beyond_16_bits_is_escaped_as_a_pair() -> None:
    assert escape_json('"\U000e0041"') == r'"\udb40\udc41"'


def test_bytes_that_are_not_utf8_are_shown() -> None:
    assert decode_text(b"a\xff") == r"a\xff"


@pytest.mark.parametrize(
    ("source", "read"),
    [
        (rb'"\ud800"', r"\ud800"),
        (rb'"a\uDC00b"', r"a\uDC00b"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\ud83d\ud83d\ude00"', "\\ud83d\U0001f600"),
        (rb'"\\ud800"', r"\ud800"),
        (rb'"\\\ud800"', "\\" + r"\ud800"),
        (rb'"\"\n\u00e9"', '"\n\u00e9'),
    ],
)
def test_half_a_surrogate_pair_in_json_is_shown(source: bytes, read: str) -> None:
    assert json.loads(escape_half_surrogates(source)) == read


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_json_without_half_pairs_stays_as_it_is(text: str) -> None:
    source = json.dumps(text).encode()

    assert escape_half_surrogates(source) == source


def test_bytes_that_are_no_text_are_visible_inside_a_json_string() -> None:
    assert json.loads(escape_invalid_utf8(b'"a\xffb"')) == "a\\xffb"
