import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.venues.loopring.amounts import average, scaled, units_text

LONGEST = 10**77 - 1


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        ("500000000", 18, "0.0000000005"),
        ("1000000000000000000", 18, "1"),
        ("1500000", 6, "1.5"),
        ("0", 18, "0"),
        ("1", 18, "0.000000000000000001"),
        ("120", 0, "120"),
        (str(LONGEST), 18, "9" * 59 + "." + "9" * 18),
        (str(LONGEST), 77, "0." + "9" * 77),
    ],
)
def test_base_units_are_written_in_human_units_without_superfluous_zeros(units: str, decimals: int, text: str) -> None:
    assert scaled(units, decimals) == text


@given(units=st.integers(0, LONGEST), decimals=st.integers(0, 77))
def test_scaling_loses_no_digit(units: int, decimals: int) -> None:
    whole, _, fraction = scaled(str(units), decimals).partition(".")

    assert int(whole + fraction.ljust(decimals, "0")) == units


@pytest.mark.parametrize(
    ("value", "text"),
    [("007", "7"), (12, "12"), ("0", "0"), ("000", "0"), (2**256 - 1, str(2**256 - 1))],
)
def test_whole_numbers_are_read_from_text_and_integers(value: str | int, text: str) -> None:
    assert units_text(value) == text


@pytest.mark.parametrize("value", ["", "-1", -1, "1.0", "1e3", "+1", "1_0", " 1", "٣", "²", "NaN", "9" * 79, "0x1f"])
def test_anything_else_is_no_amount_of_base_units(value: str | int) -> None:
    with pytest.raises(ValueError, match="whole number"):
        units_text(value)


@pytest.mark.parametrize(
    ("value", "value_decimals", "amount", "amount_decimals", "text"),
    [
        (100000, 8, 30000000, 18, "33333333.333333333333333333333333333333"),
        (2, 18, 1, 18, "2"),
        (1, 6, 8, 18, "125000000000"),
        (2, 0, 3, 0, "0.666666666666666666666666666667"),
        (0, 18, 5, 18, "0"),
        (LONGEST, 18, LONGEST, 6, "0.000000000001"),
    ],
)
def test_the_average_price_is_the_quotient_in_human_units(
    value: int, value_decimals: int, amount: int, amount_decimals: int, text: str
) -> None:
    assert average(value, value_decimals, amount, amount_decimals) == text
