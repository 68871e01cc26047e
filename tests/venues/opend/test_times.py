"""OpenD's times."""

import pytest

from ordwatch.venues.opend.times import clock_ns, day_began_ns, local_text, midnight_ns, seconds_ns, text_ns

S = 1_000_000_000


@pytest.mark.parametrize("microsecond", [0, 1, 312849, 499999, 500000, 567732, 604215, 999999])
@pytest.mark.parametrize("second", [1, 1631522700, 1999999999, 4102444800])
def test_timestamps_are_exact_to_the_microsecond(second: int, microsecond: int) -> None:
    assert seconds_ns(float(f"{second}.{microsecond:06d}")) == (second * 1_000_000 + microsecond) * 1000


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e300])
def test_what_is_no_time_is_none(seconds: float) -> None:
    assert seconds_ns(seconds) is None


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2021-06-25 11:38:30", "Asia/Hong_Kong", 1624592310 * S),
        ("2021-11-04 11:26:27", "America/New_York", 1636039587 * S),
        ("2021-12-04 11:26:27", "America/New_York", 1638635187 * S),
        ("2026-11-01 01:30:00", "America/New_York", 1793511000 * S),
        ("2021-06-25 11:38:30.5", "UTC", 1624621110 * S + S // 2),
        ("2021-06-25T11:38:30", "UTC", None),
        ("2021-06-25 11:38:61", "UTC", None),
        ("0000-01-01 00:00:00", "UTC", None),
        ("2021-06-25 11:38:30", "No/Where", None),
        ("", "UTC", None),
    ],
)
def test_a_local_text_is_read_in_its_zone(text: str, zone: str, expected: int | None) -> None:
    assert text_ns(text, zone) == expected


def test_a_local_text_is_the_time_there() -> None:
    assert local_text(1624592310 * S, "Asia/Hong_Kong") == "2021-06-25 11:38:30"


def test_midnight_is_the_markets_own() -> None:
    noon_in_new_york = 1636039587 * S

    assert midnight_ns(noon_in_new_york, "America/New_York") == text_ns("2021-11-04 00:00:00", "America/New_York")


def test_the_trading_day_began_at_the_latest_midnight_of_its_markets() -> None:
    noon_in_sydney = text_ns("2026-03-10 12:00:00", "Australia/Sydney") or 0

    assert day_began_ns(noon_in_sydney, (8, 1)) == text_ns("2026-03-10 00:00:00", "Asia/Hong_Kong")


@pytest.mark.parametrize("markets", [(5,), (1, 2), (10,), (7,), (1, 999), ()])
def test_when_it_began_is_not_known_of_futures_overnight_and_unknown_markets(markets: tuple[int, ...]) -> None:
    assert day_began_ns(1636039587 * S, markets) is None


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1, S), (1700000000, 1700000000 * S), (0, None), (-1, None), (2**62, None)]
)
def test_a_clock_shows_a_time_between_1970_and_3000(seconds: int, expected: int | None) -> None:
    assert clock_ns(seconds) == expected
