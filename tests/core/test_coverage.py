import pytest

from ordwatch.core.coverage import Coverage

SECOND = 1_000_000_000


def live(at_s: int = 10) -> Coverage:
    coverage = Coverage("toy")
    coverage.close_gap(at_s * SECOND, None)
    return coverage


def test_no_gap_before_the_first_live() -> None:
    assert Coverage("toy").open_gap("eof", 1, 2) == []


def test_gap_opens_where_coverage_ended() -> None:
    [gap] = live().open_gap("eof", 20 * SECOND, 25 * SECOND)

    assert (gap.gap, gap.cause, gap.from_ns, gap.at_ns) == ("toy-1", "eof", 20 * SECOND, 25 * SECOND)


def test_a_second_break_does_not_open_another() -> None:
    coverage = live()
    coverage.open_gap("eof", 20 * SECOND, 25 * SECOND)

    assert coverage.open_gap("reset", 26 * SECOND, 27 * SECOND) == []


def test_gap_closes_recovered_by_a_query_without_bound() -> None:
    coverage = live()
    coverage.open_gap("eof", 20 * SECOND, 25 * SECOND)

    [gap] = coverage.close_gap(30 * SECOND, "a; b")

    assert (gap.state, gap.outcome, gap.to_ns, gap.limits) == ("closed", "recovered", 30 * SECOND, "a; b")


def test_gap_closes_partial_where_the_query_does_not_reach_its_start() -> None:
    coverage = live()
    coverage.open_gap("eof", 20 * SECOND, 25 * SECOND)

    [gap] = coverage.close_gap(30 * SECOND, None, 2 * SECOND)

    assert (gap.outcome, gap.to_ns) == ("partial", 22 * SECOND)


@pytest.mark.parametrize(("reached_after_s", "to_s"), [(-4, 20), (2, 22), (2**31, 30)])
def test_partial_gap_ends_where_the_query_reached_and_within_the_gap(reached_after_s: int, to_s: int) -> None:
    coverage = live()
    coverage.open_gap("eof", 20 * SECOND, 25 * SECOND)

    [gap] = coverage.close_gap(30 * SECOND, None, reached_after_s * SECOND)

    assert (gap.outcome, gap.to_ns) == ("partial", to_s * SECOND)


@pytest.mark.parametrize("closes_s", [12, 15])
def test_gap_of_a_clock_put_back_keeps_its_start_and_ends_no_earlier(closes_s: int) -> None:
    coverage = live()

    [opened] = coverage.open_gap("eof", 20 * SECOND, 11 * SECOND)
    [closed] = coverage.close_gap(closes_s * SECOND, None)

    assert (opened.from_ns, closed.from_ns, closed.to_ns) == (20 * SECOND, 20 * SECOND, 20 * SECOND)


def test_covered_time_in_the_future_of_the_clock_stays_the_start_of_the_gap() -> None:
    coverage = Coverage("toy")

    [gap] = coverage.resume(3600 * SECOND, 9 * SECOND)

    assert (gap.from_ns, gap.at_ns) == (3600 * SECOND, 9 * SECOND)


def test_only_closed_and_recovered_gaps_leave_coverage_whole() -> None:
    coverage = live()
    wholes = [coverage.is_whole]
    coverage.open_gap("eof", 20 * SECOND, 11 * SECOND)
    wholes.append(coverage.is_whole)
    coverage.close_gap(12 * SECOND, None)
    wholes.append(coverage.is_whole)
    coverage.open_gap("eof", 20 * SECOND, 11 * SECOND)
    coverage.close_gap(12 * SECOND, None, 0)
    wholes.append(coverage.is_whole)

    assert wholes == [True, False, True, False]


def test_a_venue_that_was_never_live_is_not_whole() -> None:
    assert not Coverage("toy").is_whole


def test_numbers_go_on_after_a_restart() -> None:
    coverage = Coverage("toy", gaps_before=7)

    [gap] = coverage.resume(5 * SECOND, 9 * SECOND)

    assert (gap.gap, gap.cause, gap.from_ns) == ("toy-8", "restart", 5 * SECOND)


def test_open_gap_is_uncertain_until_now() -> None:
    coverage = live()
    coverage.open_gap("eof", 20 * SECOND, 25 * SECOND)

    assert coverage.uncertain_s(32 * SECOND) == 12.0


def test_partial_gap_is_uncertain_to_where_the_query_reached() -> None:
    coverage = live()
    coverage.open_gap("eof", 20 * SECOND, 25 * SECOND)
    coverage.close_gap(30 * SECOND, None, 3 * SECOND)

    assert coverage.uncertain_s(99 * SECOND) == 3.0


def test_recovered_gap_is_not_uncertain() -> None:
    coverage = live()
    coverage.open_gap("eof", 20 * SECOND, 25 * SECOND)
    coverage.close_gap(30 * SECOND, None)

    assert coverage.uncertain_s(99 * SECOND) == 0.0


def test_gap_left_open_goes_on_and_closes_with_its_id() -> None:
    coverage = Coverage("toy", gaps_before=7)
    before = live()
    [left] = before.open_gap("eof", 20 * SECOND, 25 * SECOND)

    coverage.continue_gap(left)

    assert coverage.open_gap("reset", 26 * SECOND, 27 * SECOND) == []
    assert [(gap.gap, gap.from_ns) for gap in coverage.close_gap(30 * SECOND, None)] == [("toy-1", 20 * SECOND)]


def test_several_partial_gaps_add_up_and_leave_the_venue_uncertain() -> None:
    coverage = live()
    for at_s in (20, 40, 60):
        coverage.open_gap("eof", at_s * SECOND, at_s * SECOND)
        coverage.close_gap((at_s + 5) * SECOND, None, 2 * SECOND)
    coverage.open_gap("eof", 80 * SECOND, 80 * SECOND)
    coverage.close_gap(90 * SECOND, None)

    assert coverage.uncertain_s(100 * SECOND) == 6
    assert not coverage.is_whole


def test_gaps_that_were_all_recovered_leave_the_venue_whole() -> None:
    coverage = live()
    for at_s in (20, 40, 60):
        coverage.open_gap("eof", at_s * SECOND, at_s * SECOND)
        coverage.close_gap((at_s + 5) * SECOND, None)

    assert coverage.is_whole
    assert coverage.uncertain_s(100 * SECOND) == 0
