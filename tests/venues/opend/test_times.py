"""OpenD's times."""

import pytest

from ordwatch.venues.opend.times import local_text, midnight_ns, seconds_ns, text_ns, zones_of

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


def test_the_zones_of_markets_leave_out_what_is_not_known() -> None:
    assert zones_of((1, 2, 5, 7, 99), "America/Chicago") == ["America/Chicago", "America/New_York", "Asia/Hong_Kong"]
