from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from ordwatch.outputs.display_times import (
    clock_time,
    duration_text,
    short_duration_text,
    stamp,
    text_ns,
    time_of_day,
    zoned,
)

HONG_KONG = ZoneInfo("Asia/Hong_Kong")
AT = "2026-03-02T12:03:09.604123Z"
AT_NS = 1_772_452_989_604_123_000


def test_a_stamp_is_one_word_with_its_offset() -> None:
    assert stamp(AT, HONG_KONG) == "2026-03-02T20:03:09.604+08:00"


def test_the_clock_time_is_that_of_the_zone() -> None:
    assert clock_time(AT, HONG_KONG) == "20:03:09"


def test_nanoseconds_are_exact() -> None:
    assert text_ns(AT) == AT_NS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (AT, "12:03:09.604"),
        ("2026-03-01T23:59:59.999999Z", "Mar 01 23:59"),
        ("2025-03-02T12:03:09.604123Z", "2025-03-02"),
    ],
    ids=["today", "another day", "another year"],
)
def test_a_time_of_another_day_shows_its_date(text: str, shown: str) -> None:
    assert time_of_day(text, UTC, AT_NS) == shown


def test_today_is_the_zones_own() -> None:
    now_ns = text_ns("2026-03-02T16:01:00.000000Z") or 0

    assert time_of_day("2026-03-02T15:59:00.000000Z", HONG_KONG, now_ns) == "Mar 02 23:59"


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"])
def test_a_text_that_is_no_time_of_the_zone_is_none(text: str) -> None:
    assert zoned(text, ZoneInfo("America/New_York")) is None


def test_a_text_that_is_no_time_is_shown_as_it_is() -> None:
    assert (stamp("soon", UTC), clock_time("soon", UTC), time_of_day("soon", UTC, 0)) == ("soon", "soon", "soon")


@pytest.mark.parametrize("text", ["", "soon", "2026-03-02T12:03:09"], ids=["empty", "a word", "without a zone"])
def test_a_text_that_is_no_time_has_no_nanoseconds(text: str) -> None:
    assert text_ns(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3.0, "0 s"), (0.9, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_an_age_is_reported_in_its_largest_whole_unit(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(41, "41s"), (200, "3m"), (7200, "2h"), (200_000, "2d")])
def test_a_short_age_has_no_space(seconds: float, text: str) -> None:
    assert short_duration_text(seconds) == text
