import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.numbers import decimal_text, double_text

PLAIN = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"


@pytest.mark.parametrize(
    ("reported", "written"),
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
def test_decimals_keep_every_digit(reported: str | int | Decimal, written: str) -> None:
    assert decimal_text(reported) == written


@pytest.mark.parametrize(
    "reported", ["", " ", "NaN", "Infinity", "1e400000", "1e9999", "abc", "0x10", "1_000", "１", "--1", True]
)
def test_what_is_no_decimal_is_refused(reported: str | bool) -> None:
    with pytest.raises(ValueError, match="number"):
        decimal_text(reported)


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
