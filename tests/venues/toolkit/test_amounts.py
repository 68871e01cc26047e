"""Exact arithmetic on texts."""

import pytest

from ordwatch.venues.toolkit.amounts import amount, difference, is_cut, is_less, is_zero, ms_time_ns, quotient, signed


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("0.0001", "0.0001"),
        ("8.20", "8.20"),
        ("0.1000000000000000055", "0.1000000000000000055"),
        ("7E+1", "70"),
        ("0E-18", "0.000000000000000000"),
        ("1e-7", "0.0000001"),
    ],
)
def test_amount_keeps_every_digit(reported: str, expected: str) -> None:
    flags: list[str] = []

    assert amount(reported, "qty", flags) == expected
    assert flags == []


@pytest.mark.parametrize("reported", ["NaN", "Infinity", "-1", "1e9999", "1e400", "true", "{}", "1,5", " ", "9" * 5000])
def test_what_is_no_amount_is_flagged(reported: str) -> None:
    flags: list[str] = []

    assert amount(reported, "qty", flags) is None
    assert flags == ["bad:qty"]


@pytest.mark.parametrize("reported", [None, ""])
def test_amount_not_reported_is_no_flaw(reported: str | None) -> None:
    flags: list[str] = []

    assert amount(reported, "qty", flags) is None
    assert flags == []


def test_signed_amount_may_be_below_zero() -> None:
    assert signed("-0.01", "fee", []) == "-0.01"


def test_difference_is_exact() -> None:
    assert difference("1" * 300 + ".5", "0." + "0" * 300 + "1") == "1" * 300 + ".4" + "9" * 300


@pytest.mark.parametrize(("whole", "part"), [("0.0001", "0.0001"), ("1.0", "1.00")])
def test_difference_of_equal_amounts_is_a_plain_zero(whole: str, part: str) -> None:
    assert difference(whole, part) == "0"


def test_quotient_has_no_trailing_zeros() -> None:
    assert quotient("98.914896", "0.0012") == "82429.08"
    assert quotient("7000", "10") == "700"


def test_quotient_that_does_not_end_has_28_digits() -> None:
    assert quotient("1", "3") == "0." + "3" * 28


@pytest.mark.parametrize(("value", "zero"), [("0", True), ("0.00", True), ("0.01", False), ("10", False)])
def test_zero_is_zero_however_it_is_written(value: str, zero: bool) -> None:
    assert is_zero(value) is zero


def test_less_compares_numbers_not_texts() -> None:
    assert is_less("9", "10")
    assert not is_less("1.0", "1")


@pytest.mark.parametrize(
    ("short", "full", "cut"),
    [
        ("98.91", "98.914896", True),
        ("98.92", "98.916", False),
        ("0.0000", "0.00005", True),
        ("82000.00", "82000", True),
        ("1", "0.5", False),
        ("0.5", "0.4", False),
    ],
)
def test_cut_drops_decimals_and_never_rounds(short: str, full: str, cut: bool) -> None:
    assert is_cut(short, full) is cut


def test_cut_of_the_longest_amounts_is_no_error() -> None:
    flags: list[str] = []
    long = amount("9" * 100, "qty", flags)
    fine = amount("1.1e-97", "qty", flags)

    assert flags == []
    assert long is not None
    assert fine is not None
    assert not is_cut(fine, long)


@pytest.mark.parametrize(
    ("reported", "ns"),
    [("1700000000123", 1_700_000_000_123_000_000), ("17000000001234", None), ("-1", None), ("", None), (None, None)],
)
def test_a_time_in_milliseconds_is_ns_or_none(reported: str | None, ns: int | None) -> None:
    assert ms_time_ns(reported) == ns
