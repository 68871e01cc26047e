"""When a run ends by itself."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.limit_options import LimitOptions, TailLimitOptions
from ordwatch.cli.options import OutputKind
from ordwatch.core.errors import UsageError
from ordwatch.engine.ending import Limits

DISPLAY = DisplayOptions(output=OutputKind.JSON, time_zone=ZoneInfo("UTC"))


def test_any_run_is_limited_in_events_and_time() -> None:
    limits = LimitOptions(max_events=3, duration=60.0).limits(DISPLAY)

    assert limits == Limits(max_events=3, duration_s=60.0, counts=limits.counts)


def test_tail_has_more_limits() -> None:
    limits = TailLimitOptions(max_events=3, duration=60.0, once=True, connect_timeout=5.0).limits(DISPLAY)

    assert limits == Limits(once=True, max_events=3, duration_s=60.0, connect_timeout_s=5.0, counts=limits.counts)


@pytest.mark.parametrize(
    ("once", "given_s", "waits_s"),
    [(True, None, 30.0), (True, 5.0, 5.0), (False, 5.0, 5.0), (False, None, None)],
    ids=["once", "once, as given", "as given", "without limit"],
)
def test_once_waits_half_a_minute_by_default(once: bool, given_s: float | None, waits_s: float | None) -> None:
    assert TailLimitOptions(once=once, connect_timeout=given_s).connect_timeout_s == waits_s


def test_of_two_limits_of_time_the_nearer_counts() -> None:
    zone = ZoneInfo("UTC")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")

    assert TailLimitOptions().duration_s(zone) is None
    assert TailLimitOptions(duration=5.0, until=tomorrow).duration_s(zone) == 5.0
    assert TailLimitOptions(duration=1e6, until=tomorrow).duration_s(zone) == pytest.approx(86_400, abs=10)


def test_until_is_a_time_in_the_zone_of_the_display() -> None:
    with pytest.raises(UsageError, match="2020-03-02 09:30:00 UTC has passed"):
        TailLimitOptions(until="2020-03-02T09:30").limits(DISPLAY)
