from ordwatch.feed.coverage import Coverage
from ordwatch.venues.contract import Report

SECOND = 1_000_000_000


def live(at_s: int = 10) -> Coverage:
    coverage = Coverage("toy")
    coverage.restore(Report(), at_s * SECOND)
    return coverage


def test_no_gap_before_the_first_live() -> None:
    assert Coverage("toy").lose("eof", 1, 2) == []


def test_gap_opens_where_coverage_ended() -> None:
    [gap] = live().lose("eof", 20 * SECOND, 25 * SECOND)

    assert (gap.gap, gap.cause, gap.from_ns, gap.at_ns) == ("toy-1", "eof", 20 * SECOND, 25 * SECOND)


def test_a_second_break_does_not_open_another() -> None:
    coverage = live()
    coverage.lose("eof", 20 * SECOND, 25 * SECOND)

    assert coverage.lose("reset", 26 * SECOND, 27 * SECOND) == []


def test_gap_closes_recovered_by_a_query_without_bound() -> None:
    coverage = live()
    coverage.lose("eof", 20 * SECOND, 25 * SECOND)

    [gap] = coverage.restore(Report(limits=("a", "b")), 30 * SECOND)

    assert (gap.state, gap.outcome, gap.to_ns, gap.limits) == ("closed", "recovered", 30 * SECOND, "a; b")


def test_gap_closes_partial_where_the_query_does_not_reach_its_start() -> None:
    coverage = live()
    coverage.lose("eof", 20 * SECOND, 25 * SECOND)

    [gap] = coverage.restore(Report(reach_ns=22 * SECOND), 30 * SECOND)

    assert (gap.outcome, gap.to_ns) == ("partial", 22 * SECOND)


def test_query_that_reaches_less_than_five_seconds_before_the_gap_does_not_prove_it_recovered() -> None:
    coverage = live()
    coverage.lose("eof", 20 * SECOND, 25 * SECOND)

    [gap] = coverage.restore(Report(reach_ns=16 * SECOND), 30 * SECOND)

    assert (gap.outcome, gap.to_ns) == ("partial", 20 * SECOND)


def test_gap_closes_recovered_where_the_query_reaches_five_seconds_before() -> None:
    coverage = live()
    coverage.lose("eof", 20 * SECOND, 25 * SECOND)

    [gap] = coverage.restore(Report(reach_ns=15 * SECOND), 30 * SECOND)

    assert gap.outcome == "recovered"


def test_numbers_go_on_after_a_restart() -> None:
    coverage = Coverage("toy", gaps_before=7)

    [gap] = coverage.resume(5 * SECOND, 9 * SECOND)

    assert (gap.gap, gap.cause, gap.from_ns) == ("toy-8", "restart", 5 * SECOND)


def test_open_gap_is_uncertain_until_now() -> None:
    coverage = live()
    coverage.lose("eof", 20 * SECOND, 25 * SECOND)

    assert coverage.uncertain_s(32 * SECOND) == 12.0


def test_partial_gap_is_uncertain_to_where_the_query_reached() -> None:
    coverage = live()
    coverage.lose("eof", 20 * SECOND, 25 * SECOND)
    coverage.restore(Report(reach_ns=23 * SECOND), 30 * SECOND)

    assert coverage.uncertain_s(99 * SECOND) == 3.0


def test_recovered_gap_is_not_uncertain() -> None:
    coverage = live()
    coverage.lose("eof", 20 * SECOND, 25 * SECOND)
    coverage.restore(Report(), 30 * SECOND)

    assert coverage.uncertain_s(99 * SECOND) == 0.0


def test_gap_left_open_goes_on_and_closes_with_its_id() -> None:
    coverage = Coverage("toy", gaps_before=7)
    before = live()
    [left] = before.lose("eof", 20 * SECOND, 25 * SECOND)

    coverage.go_on(left)

    assert coverage.lose("reset", 26 * SECOND, 27 * SECOND) == []
    assert [(gap.gap, gap.from_ns) for gap in coverage.restore(Report(), 30 * SECOND)] == [("toy-1", 20 * SECOND)]
