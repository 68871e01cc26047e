"""Times in the past: over midnight, in another zone, on days that are longer or shorter."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ordwatch.cli.past_times import past_ns
from ordwatch.core.errors import UsageError
from ordwatch.core.times import time_text

NEW_YORK = ZoneInfo("America/New_York")
HONG_KONG = ZoneInfo("Asia/Hong_Kong")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def reported(text: str, zone: ZoneInfo = NEW_YORK, now: datetime = NOON) -> str:
    """The time as text, to the minute."""
    return time_text(past_ns("--since", text, zone, now))[:16]


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("06:59", NEW_YORK, "2026-03-02T11:59"),
        ("07:00", NEW_YORK, "2026-03-02T12:00"),
        ("07:01", NEW_YORK, "2026-03-01T12:01"),
        ("9:30", NEW_YORK, "2026-03-01T14:30"),
        ("9:30", HONG_KONG, "2026-03-02T01:30"),
        ("23:59:30", HONG_KONG, "2026-03-01T15:59"),
    ],
)
def test_a_time_of_day_that_is_still_to_come_is_yesterday_s(text: str, zone: ZoneInfo, expected: str) -> None:
    assert reported(text, zone) == expected


def test_just_after_midnight_the_evening_is_yesterday_s() -> None:
    assert reported("22:00", now=datetime(2026, 3, 2, 5, 0, 1, tzinfo=UTC)) == "2026-03-02T03:00"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 3, 8, 13, tzinfo=UTC), "2026-03-08T04:59"),  # clocks were put forward at 07:00 UTC
        (datetime(2026, 11, 1, 14, tzinfo=UTC), "2026-11-01T03:59"),  # clocks were put back at 06:00 UTC
    ],
)
def test_yesterday_is_a_day_of_the_calendar_not_24_hours(now: datetime, expected: str) -> None:
    assert reported("23:59", now=now) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", "2026-03-02T11:30"),
        ("90s", "2026-03-02T11:58"),
        ("60", "2026-03-02T11:59"),
        ("1d", "2026-03-01T12:00"),
        ("2026-03-02T06:30", "2026-03-02T11:30"),
        ("2026-03-02 06:30:00", "2026-03-02T11:30"),
        ("2026-03-02T06:30Z", "2026-03-02T06:30"),
        ("2026-03-02T06:30+08:00", "2026-03-01T22:30"),
        ("2026-03-02", "2026-03-02T05:00"),
    ],
)
def test_durations_and_full_times(text: str, expected: str) -> None:
    assert reported(text) == expected


@pytest.mark.parametrize("text", ["", "noon", "25:00", "9:61", "30 minutes", "2026-13-01", "-30m"])
def test_anything_else_is_a_mistake_of_usage(text: str) -> None:
    with pytest.raises(UsageError, match=r"--since: .* is not a time such as 09:30"):
        reported(text)


def test_what_is_yet_to_come_is_none_either() -> None:
    with pytest.raises(UsageError, match="--since: 2026-03-02 08:00:00 EST has not come yet; it is now 07:00:00"):
        reported("2026-03-02T08:00")
