"""What options mean."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import typer

from ordwatch.cli.options import MessageOptions, duration, factor, one_of, seconds_until, some_text, whole_number, zone
from ordwatch.core.errors import UsageError
from ordwatch.core.events import OrderStatus, Side
from tests.support.process import run

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 12:00 in New York


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("90s", 90.0), ("30m", 1800.0), ("6h", 21_600.0), ("1d", 86_400.0), ("0.5", 0.5), ("1.5h", 5400.0)],
)
def test_a_duration_is_seconds_or_has_a_unit(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "5x", "-5", "1h30m", "inf", "nan", "1e3", "٣", "9" * 20])
def test_another_text_is_no_duration(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="30m"):
        duration(text)


@pytest.mark.parametrize("text", ["", " ", "…"])
def test_an_empty_text_is_a_mistake_and_no_filter(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is empty"):
        some_text(text)


@pytest.mark.parametrize("option", ["--order", "--symbol", "--account"])
def test_filters_refuse_an_empty_variable_of_a_script(option: str) -> None:
    ended = run("demo", option, "")

    assert (ended.code, ended.out) == (2, "")
    assert "is empty" in ended.err


def test_a_zone_has_the_name_of_the_database() -> None:
    assert zone("America/New_York") == NEW_YORK


@pytest.mark.parametrize("name", ["Amerika/New_York", "", "/etc/passwd", "../../etc/passwd", "a\0b", "America"])
def test_another_name_is_no_zone(name: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a time zone"):
        zone(name)


def test_a_zone_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(typer.BadParameter, match="did you mean `America/New_York`"):
        zone("America/NewYork")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12:01", 60.0),
        ("16:10", 15_000.0),
        ("16:10:30", 15_030.0),
        ("2026-03-03T12:00", 86_400.0),
        ("2026-03-02 13:00", 3600.0),
        ("2026-03-02T17:00:05Z", 5.0),
        ("2026-03-02T18:00:05+01:00", 5.0),
    ],
)
def test_a_time_is_todays_in_the_zone_unless_it_has_a_date(text: str, seconds: float) -> None:
    assert seconds_until(text, NEW_YORK, NOON) == seconds


def test_a_day_of_a_changing_clock_has_its_true_length() -> None:
    before_the_change = datetime(2026, 3, 8, 5, 30, tzinfo=UTC)  # 00:30 in New York; at 2:00 it becomes 3:00

    assert seconds_until("04:30", NEW_YORK, before_the_change) == 3 * 3600


def test_a_time_that_a_clock_change_leaves_out_is_one_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    before_the_change = datetime(2026, 3, 8, 6, 30, tzinfo=UTC)  # 01:30 in New York

    try:
        seconds = {zone: seconds_until("02:30", zone, before_the_change) for zone in (None, NEW_YORK)}
    finally:
        monkeypatch.undo()
        time.tzset()

    assert seconds == {None: 3600.0, NEW_YORK: 3600.0}


def test_a_short_hour_is_a_time_too() -> None:
    assert seconds_until("9:30", NEW_YORK, datetime(2026, 3, 2, 14, 0, tzinfo=UTC)) == 1800.0


@pytest.mark.parametrize("text", ["11:59", "12:00", "2026-03-01T23:00"])
def test_a_time_that_is_past_is_refused_with_the_time_there(text: str) -> None:
    with pytest.raises(UsageError, match="has passed; it is now 12:00:00 there"):
        seconds_until(text, NEW_YORK, NOON)


@pytest.mark.parametrize("text", ["", "noon", "25:00", "16:1", "16", "2026-13-01T00:00", "16:10:99", "١٦:١٠"])
def test_another_text_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="expected a time such as 16:10"):
        seconds_until(text, NEW_YORK, NOON)


@pytest.mark.parametrize("text", ["partially_filled", "PARTIALLY_FILLED", "Partially_Filled"])
def test_a_name_is_read_in_any_case(text: str) -> None:
    assert one_of(OrderStatus)(text) is OrderStatus.PARTIALLY_FILLED


@pytest.mark.parametrize("text", ["", "fills", "filled ", "\x1b[2J"])
def test_another_name_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not one of buy, sell, sell_short, buy_back") as refused:
        one_of(Side)(text)

    assert refused.value.message.isprintable()


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("000002", 2), ("9" * 18, 10**18 - 1), (5, 5)])
def test_a_whole_number_is_digits(text: str | int, number: int) -> None:
    assert whole_number(1)(text) == number


@pytest.mark.parametrize("text", ["", "0", "-1", "+1", "1.0", "1e3", "1_000", "٣", "9" * 19])
def test_another_text_is_no_whole_number(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a whole number of 1 or more"):
        whole_number(1)(text)


@pytest.mark.parametrize(("text", "number"), [("0.01", 0.01), ("1", 1.0), ("60", 60.0), ("1000", 1000.0), (1.0, 1.0)])
def test_a_factor_is_a_number_within_its_bounds(text: str | float, number: float) -> None:
    assert factor(1000)(text) == number


@pytest.mark.parametrize("text", ["", "0", "0.009", "1000.1", "-1", "nan", "inf", "1e2", "٣", "1,5"])
def test_another_text_is_no_factor(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"is not a number from 0\.01 to 1000"):
        factor(1000)(text)


@pytest.mark.parametrize(("verbose", "quiet", "level"), [(0, False, 0), (0, True, -1), (1, False, 1), (3, False, 3)])
def test_verbosity_counts_from_quiet_up(verbose: int, quiet: bool, level: int) -> None:
    assert MessageOptions(verbose=verbose, quiet=quiet).level == level


def test_more_and_fewer_messages_at_once_are_refused() -> None:
    with pytest.raises(UsageError, match="give one"):
        _ = MessageOptions(verbose=1, quiet=True).level
