import msgspec
import pytest

from ordwatch.recording.coverage import Coverage, Uncertain
from ordwatch.recording.timeline import Timeline
from tests.recording.told import at, at_ns, found, lost


def seconds(coverage: Coverage) -> float:
    return coverage.covered_ns / 1e9


@pytest.fixture
def live() -> Coverage:
    """A venue that is live since second 10."""
    coverage = Coverage()
    coverage.live(at_ns(10))
    return coverage


def test_coverage_begins_with_the_first_live(live: Coverage) -> None:
    live.end(at_ns(30))
    live.finish(at_ns(30))

    assert (live.first_live_ns, seconds(live), live.uncertain) == (at_ns(10), 20, [])


def test_venue_that_never_was_live_is_not_uncertain_either() -> None:
    coverage = Coverage()
    coverage.fall("down")
    coverage.end(at_ns(30))
    coverage.finish(at_ns(30))

    assert (coverage.first_live_ns, coverage.until_ns, seconds(coverage), coverage.uncertain) == (None, None, 0, [])


def test_recovered_gap_is_covered(live: Coverage) -> None:
    live.open_gap(lost(15))
    live.close_gap(found(15, 25))
    live.end(at_ns(30))
    live.finish(at_ns(30))

    assert (seconds(live), live.uncertain) == (20, [])


def test_partial_gap_is_uncertain_and_says_why(live: Coverage) -> None:
    live.open_gap(lost(15))
    live.close_gap(found(15, 25, partial="page 2 failed"))
    live.end(at_ns(30))
    live.finish(at_ns(30))

    assert (seconds(live), live.uncertain) == (10, [Uncertain(at_ns(15), at_ns(25), "eof; page 2 failed")])


def test_open_gap_is_uncertain_until_the_end(live: Coverage) -> None:
    live.open_gap(lost(15))
    live.end(at_ns(30))
    live.finish(at_ns(30))

    assert (seconds(live), live.uncertain) == (5, [Uncertain(at_ns(15), at_ns(30), "eof")])


def test_gap_may_close_before_the_link_says_live(live: Coverage) -> None:
    live.fall("down")
    live.open_gap(lost(15))
    live.close_gap(found(15, 25))
    live.live(at_ns(25))
    live.end(at_ns(30))
    live.finish(at_ns(30))

    assert (seconds(live), live.uncertain) == (20, [])


def test_gap_may_close_after_the_link_says_live(live: Coverage) -> None:
    live.fall("down")
    live.open_gap(lost(15))
    live.live(at_ns(25))
    live.close_gap(found(15, 25))
    live.end(at_ns(30))
    live.finish(at_ns(30))

    assert (seconds(live), live.uncertain) == (20, [])


def test_link_that_fell_without_a_gap_is_uncertain_from_its_last_proof_of_life(live: Coverage) -> None:
    live.hear(at(14))
    live.hear(at(15))
    live.fall("down")
    live.live(at_ns(25))
    live.end(at_ns(30))
    live.finish(at_ns(30))

    assert (seconds(live), live.uncertain) == (9, [Uncertain(at_ns(14), at_ns(25), "link down without a gap")])


def test_gap_says_since_when_not_the_fallen_link(live: Coverage) -> None:
    live.fall("down")
    live.open_gap(lost(18))

    assert live.until_ns == at_ns(18)


def test_unclean_end_is_uncertain_from_the_last_proof_of_life(live: Coverage) -> None:
    live.alive(at_ns(20), at_ns(19.5))
    live.stop("stopped without an end")
    live.finish(None)

    assert (seconds(live), live.uncertain) == (9.5, [Uncertain(at_ns(19.5), None, "stopped without an end")])


def test_push_after_the_last_alive_proves_life(live: Coverage) -> None:
    live.alive(at_ns(20), at_ns(19.5))
    live.hear(at(21))
    live.hear(at(22))
    live.hear(at(20.5))

    assert live.until_ns == at_ns(21)


def test_pushes_read_together_prove_only_what_was_read_before_them(live: Coverage) -> None:
    live.hear(at(21))
    live.hear(at(22))
    live.hear(at(22))

    assert live.until_ns == at_ns(21)


def test_clean_end_covers_to_its_time_but_the_next_gap_begins_where_it_was_last_heard(live: Coverage) -> None:
    live.alive(at_ns(29), at_ns(27))
    live.end(at_ns(30))

    assert live.until_ns == at_ns(27)

    live.finish(at_ns(30))
    assert (seconds(live), live.uncertain) == (20, [])


def test_time_between_sessions_is_uncertain_unless_a_gap_recovers_it(live: Coverage) -> None:
    live.end(at_ns(30))
    live.begin()
    live.live(at_ns(50))
    live.end(at_ns(60))
    live.finish(at_ns(60))

    assert (seconds(live), live.uncertain) == (30, [Uncertain(at_ns(30), at_ns(50), "not recorded")])


def test_gap_over_a_restart_covers_the_time_between(live: Coverage) -> None:
    live.alive(at_ns(20), at_ns(20))
    live.begin()
    live.open_gap(lost(20, cause="restart"))
    live.close_gap(found(20, 50))
    live.end(at_ns(60))
    live.finish(at_ns(60))

    assert (seconds(live), live.uncertain) == (50, [])


def test_gap_that_begins_late_leaves_the_time_before_uncertain(live: Coverage) -> None:
    live.alive(at_ns(20), at_ns(20))
    live.begin()
    live.open_gap(lost(40, cause="restart"))
    live.close_gap(found(40, 50))
    live.end(at_ns(60))
    live.finish(at_ns(60))

    assert (seconds(live), live.uncertain) == (30, [Uncertain(at_ns(20), at_ns(40), "restart")])


def test_gap_that_reaches_back_into_covered_time_takes_it_back(live: Coverage) -> None:
    live.end(at_ns(30))
    live.begin()
    live.open_gap(lost(25, cause="restart"))
    live.close_gap(found(25, 50, partial="history ends"))
    live.finish(None)

    assert (seconds(live), live.uncertain) == (15, [Uncertain(at_ns(25), at_ns(50), "eof; history ends")])


def test_second_gap_over_a_restart_goes_on_from_the_first(live: Coverage) -> None:
    live.open_gap(lost(15))
    live.end(at_ns(30))
    live.begin()
    live.open_gap(lost(15, gap="alpha-2", cause="restart"))
    live.close_gap(found(15, 50, gap="alpha-2"))
    live.end(at_ns(60))
    live.finish(at_ns(60))

    assert (seconds(live), live.uncertain) == (50, [])


def test_missing_records_are_uncertain_until_the_next_alive(live: Coverage) -> None:
    live.alive(at_ns(20), at_ns(20))
    live.miss()
    live.alive(at_ns(40), at_ns(39))
    live.end(at_ns(60))
    live.finish(at_ns(60))

    assert (seconds(live), live.uncertain) == (30, [Uncertain(at_ns(20), at_ns(40), "records are missing")])


def test_coverage_of_a_later_file_begins_with_its_first_alive() -> None:
    coverage = Coverage(unread=True)
    coverage.alive(at_ns(40), at_ns(39))
    coverage.end(at_ns(60))
    coverage.finish(at_ns(60))

    assert (coverage.first_live_ns, seconds(coverage), coverage.uncertain) == (at_ns(40), 20, [])


def jumped(coverage: Coverage, timeline: Timeline, at_second: float, jump_s: float) -> None:
    """The wall clock is at `at_second` after it jumped."""
    coverage.clock_jumps(at_ns(at_second - jump_s))
    timeline.jump(at_ns=at_ns(at_second), jump_ns=round(jump_s * 1e9))


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture
def clocked(timeline: Timeline) -> Coverage:
    """A venue that is live since second 10, and a clock that may jump."""
    coverage = Coverage(timeline)
    coverage.live(at_ns(10))
    return coverage


DAY = 86_400


@pytest.mark.parametrize("jump_s", [-3600, -5, 5, DAY])
def test_time_that_the_clock_jumped_over_is_neither_covered_nor_uncertain(
    clocked: Coverage, timeline: Timeline, jump_s: int
) -> None:
    clocked.alive(at_ns(20), at_ns(20))
    jumped(clocked, timeline, 20 + jump_s, jump_s)
    clocked.end(at_ns(30 + jump_s))
    clocked.finish(timeline.passed(at_ns(30 + jump_s)))

    assert (seconds(clocked), clocked.uncertain) == (20, [])


@pytest.mark.parametrize("jump_s", [-3600, DAY])
def test_gap_over_a_jump_is_uncertain_before_and_after_it(clocked: Coverage, timeline: Timeline, jump_s: int) -> None:
    clocked.open_gap(lost(15))
    jumped(clocked, timeline, 20 + jump_s, jump_s)
    clocked.close_gap(found(15, 25 + jump_s, partial="history ends"))
    clocked.end(at_ns(30 + jump_s))
    clocked.finish(timeline.passed(at_ns(30 + jump_s)))

    assert seconds(clocked) == 10
    assert clocked.uncertain == [
        Uncertain(at_ns(15), at_ns(20), "eof; history ends"),
        Uncertain(at_ns(20 + jump_s), at_ns(25 + jump_s), "eof; history ends"),
    ]


@pytest.mark.parametrize("jump_s", [-3600, DAY])
def test_recovered_gap_over_a_jump_is_covered(clocked: Coverage, timeline: Timeline, jump_s: int) -> None:
    clocked.open_gap(lost(15))
    jumped(clocked, timeline, 20 + jump_s, jump_s)
    clocked.close_gap(found(15, 25 + jump_s))
    clocked.end(at_ns(30 + jump_s))
    clocked.finish(timeline.passed(at_ns(30 + jump_s)))

    assert (seconds(clocked), clocked.uncertain) == (20, [])


def test_push_read_between_a_jump_and_its_record_covers_no_jumped_time(clocked: Coverage, timeline: Timeline) -> None:
    clocked.hear(at(20))
    clocked.hear(at(DAY + 20))
    clocked.hear(at(DAY + 21))
    jumped(clocked, timeline, DAY + 21, DAY)
    clocked.stop("stopped without an end")
    clocked.finish(None)

    assert seconds(clocked) == 11


def test_last_message_of_a_clock_that_was_ahead_proves_no_time_to_come(clocked: Coverage, timeline: Timeline) -> None:
    clocked.alive(at_ns(4000), at_ns(4000))
    jumped(clocked, timeline, 400, -3600)
    clocked.alive(at_ns(410), at_ns(4000))

    assert clocked.until_ns in (at_ns(4000), at_ns(400))
    clocked.finish(None)
    assert seconds(clocked) == 3990


def test_open_gap_is_uncertain_though_the_clock_is_behind_its_begin(live: Coverage) -> None:
    live.open_gap(lost(3600))
    live.finish(at_ns(30))

    assert live.uncertain == [Uncertain(at_ns(3600), at_ns(3600), "eof")]


def test_partial_gap_without_length_is_uncertain(live: Coverage) -> None:
    live.open_gap(lost(15))
    live.close_gap(found(15, 15, partial="one market refused"))

    assert live.uncertain == [Uncertain(at_ns(15), at_ns(15), "eof; one market refused")]


def test_partial_gap_of_a_clock_that_was_ahead_is_uncertain_until_it_was_closed(
    clocked: Coverage, timeline: Timeline
) -> None:
    clocked.alive(at_ns(3600), at_ns(3600))
    clocked.begin()
    jumped(clocked, timeline, 100, -3500)
    clocked.open_gap(msgspec.structs.replace(lost(3600, cause="restart"), at=at(100)))
    clocked.close_gap(msgspec.structs.replace(found(3600, 3600, partial="clock"), at=at(110)))
    clocked.end(at_ns(120))
    clocked.finish(timeline.passed(at_ns(120), at_ns(120)))

    assert clocked.uncertain == [Uncertain(at_ns(100), at_ns(110), "eof; clock")]
    assert seconds(clocked) == 3600


def test_partial_gap_whose_opening_is_in_a_file_before_is_uncertain() -> None:
    coverage = Coverage(unread=True)
    coverage.close_gap(found(15, 25, partial="history ends"))

    assert coverage.uncertain == [Uncertain(at_ns(15), at_ns(25), "eof; history ends")]
