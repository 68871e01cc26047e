import pytest

from ordwatch.engine.venue_clock import MARGIN_NS, VenueClock, server_date_ns, since
from ordwatch.venues.contract import EVER

HOUR = 3600 * 1_000_000_000


def test_time_of_the_venue_is_unknown_before_the_first_reading() -> None:
    assert VenueClock().at(5) is None


def test_last_reading_decides_and_runs_on() -> None:
    clock = VenueClock()
    clock.read(100 * HOUR, 1 * HOUR)
    clock.read(200 * HOUR, 2 * HOUR)

    assert clock.at(3 * HOUR) == 201 * HOUR


@pytest.mark.parametrize(
    ("clock_ns", "latest_ns", "expected"),
    [
        (None, None, EVER),
        (9 * HOUR, None, 9 * HOUR - MARGIN_NS),
        (None, 8 * HOUR, 8 * HOUR - MARGIN_NS),
        (9 * HOUR, 8 * HOUR, 8 * HOUR - MARGIN_NS),
        (8 * HOUR, 9 * HOUR, 8 * HOUR - MARGIN_NS),
        (None, 1, EVER + 1),
    ],
)
def test_a_venue_is_asked_from_the_earlier_of_what_is_known(
    clock_ns: int | None, latest_ns: int | None, expected: int
) -> None:
    assert since(clock_ns, latest_ns) == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777 * 10**9),
        ("Sun, 06 Nov 1994 08:49:37 +0100", 784_108_177 * 10**9),
        (None, None),
        ("", None),
        ("yesterday", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
    ],
)
def test_the_date_of_an_answer_is_read_or_left_out(date: str | None, expected: int | None) -> None:
    assert server_date_ns(date) == expected
