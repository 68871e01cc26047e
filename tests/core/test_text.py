import json
import math
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.text import (
    MAX_TEXT,
    UNSAFE,
    decimal_text,
    decode_text,
    double_text,
    escape_json,
    mended_json,
    mended_text,
    safe_text,
    suggest,
    time_ns,
    time_text,
)

PLAIN = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("0.1000000000000000055", "0.1000000000000000055"),
        ("82000", "82000"),
        ("8.20", "8.20"),
        ("0E-18", "0.000000000000000000"),
        ("7E+1", "70"),
        ("1e-7", "0.0000001"),
        ("007.5", "7.5"),
        ("+1", "1"),
        (".5", "0.5"),
        ("-0", "0"),
        ("-0.00", "0.00"),
        (12345678901234567890, "12345678901234567890"),
        (Decimal("1.10"), "1.10"),
    ],
)
def test_decimals_keep_every_digit(told: str | int | Decimal, written: str) -> None:
    assert decimal_text(told) == written


@pytest.mark.parametrize(
    "told", ["", " ", "NaN", "Infinity", "1e400000", "1e9999", "abc", "0x10", "1_000", "１", "--1", True]
)
def test_what_is_no_decimal_is_refused(told: str | bool) -> None:
    with pytest.raises(ValueError, match="number"):
        decimal_text(told)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18))
def test_decimals_read_back_to_the_same_number(number: Decimal) -> None:
    assert Decimal(decimal_text(str(number))) == number


@pytest.mark.parametrize(
    ("double", "written"),
    [
        (480.0, "480"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (479.98, "479.98"),
    ],
)
def test_doubles_are_written_as_their_shortest_decimal(double: float, written: str) -> None:
    assert double_text(double) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_read_back_to_the_same_double(double: float) -> None:
    assert float(double_text(double)) == double


@pytest.mark.parametrize("double", [math.nan, math.inf, -math.inf])
def test_doubles_that_are_no_number_are_refused(double: float) -> None:
    with pytest.raises(ValueError, match="number"):
        double_text(double)


def test_time_is_rfc_3339_in_utc() -> None:
    assert time_text(1_631_522_700_312_849_000) == "2021-09-13T08:45:00.312849Z"


@given(st.integers(min_value=0, max_value=253_402_300_799_999_999))
def test_time_reads_back(microseconds: int) -> None:
    assert time_ns(time_text(microseconds * 1000)) == microseconds * 1000


@pytest.mark.parametrize(
    "text", ["", "2021-09-13T08:45:00Z", "2021-09-13 08:45:00.312849Z", "2021-09-13T08:45:00.31284xZ"]
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words may be the standard library's
        time_ns(text)


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
    assert json.loads(mended_json(source)) == read


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_json_without_half_pairs_stays_as_it_is(text: str) -> None:
    source = json.dumps(text).encode()

    assert mended_json(source) == source


def test_bytes_that_are_no_text_are_visible_inside_a_json_string() -> None:
    assert json.loads(mended_text(b'"a\xffb"')) == "a\\xffb"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("filed", ", did you mean `FILLED`?"),
        ("REJECTD", ", did you mean `REJECTED`?"),
        ("x", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_suggested_in_any_case(name: str, said: str) -> None:
    assert suggest(name, ["NEW", "FILLED", "REJECTED"]) == said
