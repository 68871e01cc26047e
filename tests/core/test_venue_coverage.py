import msgspec
import pytest

from ordwatch.core.records import GapRecord
from ordwatch.core.timeline import Timeline
from ordwatch.core.venue_coverage import CoverageResult, UncertainInterval, VenueCoverage
from tests.recording.samples import at, at_ns, gap_closed, gap_opened


def judged(
    venue: VenueCoverage, until_ns: int | None, *, stopped: bool = False
) -> tuple[float, list[UncertainInterval]]:
    """Seconds that are covered, and the times that are not."""
    result = venue.result(until_ns, stopped=stopped)
    return result.covered_ns / 1e9, list(result.uncertain)


def ended(venue: VenueCoverage, end_ns: int) -> None:
    """A clean end; if the venue is live, the alive record before it has a message that was just received."""
    if venue.gap is None:
        venue.alive(end_ns, end_ns)
    venue.session_ended(end_ns)


@pytest.fixture
def live() -> VenueCoverage:
    """A venue that is live since second 10."""
    coverage = VenueCoverage()
    coverage.link_live(at_ns(10))
    return coverage


def test_coverage_begins_with_the_first_live(live: VenueCoverage) -> None:
    ended(live, at_ns(30))

    assert (live.first_live_ns, judged(live, at_ns(30))) == (at_ns(10), (20, []))


def test_states_on_the_way_to_the_first_live_are_no_loss() -> None:
    coverage = VenueCoverage()
    coverage.link_not_live("connecting")
    coverage.link_live(at_ns(10))
    ended(coverage, at_ns(30))

    assert (coverage.first_live_ns, judged(coverage, at_ns(30))) == (at_ns(10), (20, []))


@pytest.mark.parametrize("closed", [gap_closed(15, 25), gap_closed(15, 25, partial="history ends")])
def test_a_gap_does_not_move_the_first_live(live: VenueCoverage, closed: GapRecord) -> None:
    live.gap_opened(gap_opened(15))
    live.gap_closed(closed)

    assert live.first_live_ns == at_ns(10)


@pytest.mark.parametrize(
    ("result", "is_whole"),
    [
        (CoverageResult(1, 1, (), None, None), True),
        (CoverageResult(None, 1, (), None, None), False),
        (CoverageResult(1, 1, (UncertainInterval(1, 1, "eof"),), None, None), False),
        (CoverageResult(1, 1, (), gap_opened(15), None), False),
        (CoverageResult(1, 1, (), None, ""), False),
    ],
    ids=["whole", "never live", "uncertain", "an open gap", "without a part"],
)
def test_a_venue_is_whole_if_nothing_is_in_doubt(result: CoverageResult, is_whole: bool) -> None:
    assert result.is_whole is is_whole


def test_venue_that_never_was_live_is_not_uncertain_either() -> None:
    coverage = VenueCoverage()
    coverage.link_not_live("down")
    ended(coverage, at_ns(30))

    assert (coverage.first_live_ns, coverage.until_ns, judged(coverage, at_ns(30))) == (None, None, (0, []))


def test_recovered_gap_is_covered(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    live.gap_closed(gap_closed(15, 25))
    ended(live, at_ns(30))

    assert judged(live, at_ns(30)) == (20, [])


def test_partial_gap_is_uncertain_and_says_why(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    live.gap_closed(gap_closed(15, 25, partial="page 2 failed"))
    ended(live, at_ns(30))

    assert judged(live, at_ns(30)) == (10, [UncertainInterval(at_ns(15), at_ns(25), "eof; page 2 failed")])


def test_partial_gap_without_limits_names_its_cause_alone(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    live.gap_closed(msgspec.structs.replace(gap_closed(15, 25, partial=""), limits=None))

    assert judged(live, None)[1] == [UncertainInterval(at_ns(15), at_ns(25), "eof")]


def test_partial_gap_is_uncertain_only_to_where_the_query_reached(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    live.gap_closed(msgspec.structs.replace(gap_closed(15, 22, partial="history ends"), at=at(25)))
    ended(live, at_ns(30))

    assert judged(live, at_ns(30)) == (13, [UncertainInterval(at_ns(15), at_ns(22), "eof; history ends")])


def test_recovered_gap_proves_life_until_its_end(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    live.gap_closed(gap_closed(15, 25))

    assert live.until_ns == at_ns(25)


def test_open_gap_is_uncertain_until_the_end(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    ended(live, at_ns(30))

    assert judged(live, at_ns(30)) == (5, [UncertainInterval(at_ns(15), at_ns(30), "eof")])


@pytest.mark.parametrize("live_again_s", [25, 26])
def test_gap_may_close_before_the_link_says_live(live: VenueCoverage, live_again_s: int) -> None:
    live.link_not_live("down")
    live.gap_opened(gap_opened(15))
    live.gap_closed(gap_closed(15, 25))
    live.link_live(at_ns(live_again_s))
    ended(live, at_ns(30))

    assert judged(live, at_ns(30)) == (20, [])


def test_gap_may_close_after_the_link_says_live(live: VenueCoverage) -> None:
    live.link_not_live("down")
    live.gap_opened(gap_opened(15))
    live.link_live(at_ns(25))
    live.gap_closed(gap_closed(15, 25))
    ended(live, at_ns(30))

    assert judged(live, at_ns(30)) == (20, [])


def test_link_that_left_live_without_a_gap_is_uncertain_from_its_last_proof_of_life(live: VenueCoverage) -> None:
    live.push_received(at(14))
    live.push_received(at(15))
    live.link_not_live("down")
    live.link_live(at_ns(25))
    ended(live, at_ns(30))

    assert judged(live, at_ns(30)) == (9, [UncertainInterval(at_ns(14), at_ns(25), "link down without a gap")])


def test_a_link_that_came_back_without_a_gap_is_held_against_it_once(live: VenueCoverage) -> None:
    live.link_not_live("down")
    live.link_live(at_ns(25))
    live.link_live(at_ns(40), "without account 7")
    ended(live, at_ns(50))

    assert judged(live, at_ns(50)) == (25, [UncertainInterval(at_ns(10), at_ns(25), "link down without a gap")])


def test_a_clean_end_does_not_excuse_a_link_that_left_live_without_a_gap(live: VenueCoverage) -> None:
    live.alive(at_ns(20), at_ns(15))
    live.link_not_live("down")
    live.session_ended(at_ns(30))

    assert judged(live, at_ns(30)) == (5, [UncertainInterval(at_ns(15), at_ns(30), "link down without a gap")])


def test_gap_says_since_when_not_the_link(live: VenueCoverage) -> None:
    live.link_not_live("down")
    live.gap_opened(gap_opened(18))

    assert live.until_ns == at_ns(18)


def test_unclean_end_is_uncertain_from_the_last_proof_of_life(live: VenueCoverage) -> None:
    live.alive(at_ns(20), at_ns(19.5))

    assert judged(live, None, stopped=True) == (9.5, [UncertainInterval(at_ns(19.5), None, "stopped without an end")])


def test_unclean_end_adds_to_what_was_uncertain_before(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    live.gap_closed(gap_closed(15, 18, partial="history ends"))
    result = live.result(None, stopped=True)

    assert [interval.from_ns for interval in result.uncertain] == [at_ns(15), at_ns(18)]
    assert result.uncertain_ns == 3 * 10**9


def test_a_session_that_was_never_live_proves_nothing_by_its_clean_end(live: VenueCoverage) -> None:
    live.alive(at_ns(20), at_ns(20))
    live.session_started()
    live.session_ended(at_ns(30))

    assert judged(live, at_ns(40)) == (10, [UncertainInterval(at_ns(20), at_ns(40), "stopped without an end")])


def test_push_after_the_last_alive_proves_life(live: VenueCoverage) -> None:
    live.alive(at_ns(20), at_ns(19.5))
    live.push_received(at(21))
    live.push_received(at(22))
    live.push_received(at(20.5))

    assert live.until_ns == at_ns(21)


def test_pushes_read_together_prove_only_what_was_read_before_them(live: VenueCoverage) -> None:
    live.push_received(at(21))
    live.push_received(at(22))
    live.push_received(at(22))

    assert live.until_ns == at_ns(21)


def test_pushes_take_nothing_from_a_later_proof_of_life(live: VenueCoverage) -> None:
    live.push_received(at(21))
    live.push_received(at(22))
    live.alive(at_ns(30), at_ns(29))

    assert live.until_ns == at_ns(29)


def test_after_the_last_proof_of_life_a_clean_end_leaves_time_that_is_neither(live: VenueCoverage) -> None:
    live.alive(at_ns(29), at_ns(27))
    live.session_ended(at_ns(30))

    assert live.until_ns == at_ns(27)
    assert judged(live, at_ns(30)) == (17, [])


def test_the_time_before_a_clean_end_is_in_the_gap_of_the_next_session(live: VenueCoverage) -> None:
    live.alive(at_ns(29), at_ns(27))
    live.session_ended(at_ns(30))
    live.session_started()
    live.gap_opened(gap_opened(27, cause="restart"))

    assert judged(live, at_ns(60)) == (17, [UncertainInterval(at_ns(27), at_ns(60), "restart")])


def test_a_session_after_a_clean_end_that_opens_no_gap_proves_nothing_of_the_time_before(live: VenueCoverage) -> None:
    live.alive(at_ns(29), at_ns(27))
    live.session_ended(at_ns(30))
    live.session_started()
    live.link_live(at_ns(50))
    ended(live, at_ns(60))

    assert judged(live, at_ns(60)) == (27, [UncertainInterval(at_ns(27), at_ns(50), "not recorded")])


def test_time_between_sessions_is_uncertain_unless_a_gap_recovers_it(live: VenueCoverage) -> None:
    ended(live, at_ns(30))
    live.session_started()
    live.link_live(at_ns(50))
    ended(live, at_ns(60))

    assert judged(live, at_ns(60)) == (30, [UncertainInterval(at_ns(30), at_ns(50), "not recorded")])


def test_gap_over_a_restart_covers_the_time_between(live: VenueCoverage) -> None:
    live.alive(at_ns(20), at_ns(20))
    live.session_started()
    live.gap_opened(gap_opened(20, cause="restart"))
    live.gap_closed(gap_closed(20, 50))
    ended(live, at_ns(60))

    assert judged(live, at_ns(60)) == (50, [])


def test_gap_that_begins_late_leaves_the_time_before_uncertain(live: VenueCoverage) -> None:
    live.alive(at_ns(20), at_ns(20))
    live.session_started()
    live.gap_opened(gap_opened(40, cause="restart"))
    live.gap_closed(gap_closed(40, 50))
    ended(live, at_ns(60))

    assert judged(live, at_ns(60)) == (30, [UncertainInterval(at_ns(20), at_ns(40), "restart")])


def test_gap_that_reaches_back_into_covered_time_takes_it_back(live: VenueCoverage) -> None:
    ended(live, at_ns(30))
    live.session_started()
    live.gap_opened(gap_opened(25, cause="restart"))
    open_gap = judged(live, at_ns(40))
    live.gap_closed(gap_closed(25, 50, partial="history ends"))

    assert open_gap == (15, [UncertainInterval(at_ns(25), at_ns(40), "restart")])
    assert judged(live, None) == (15, [UncertainInterval(at_ns(25), at_ns(50), "eof; history ends")])


def test_gap_that_reaches_back_before_the_covered_time_takes_no_more_than_that(live: VenueCoverage) -> None:
    ended(live, at_ns(30))
    live.session_started()
    live.gap_opened(gap_opened(5, cause="restart"))
    live.gap_closed(gap_closed(5, 50, partial="history ends"))

    assert judged(live, None) == (0, [UncertainInterval(at_ns(10), at_ns(50), "eof; history ends")])


def test_gap_that_ends_before_the_covered_time_is_uncertain_for_a_moment(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(5, at_=15))
    live.gap_closed(msgspec.structs.replace(gap_closed(5, 7, partial="history ends"), at=at(15)))
    live.alive(at_ns(20), at_ns(20))

    assert judged(live, None) == (10, [UncertainInterval(at_ns(10), at_ns(10), "eof; history ends")])


def test_recovered_gap_that_reaches_back_before_the_covered_time_adds_nothing_of_that(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(5, at_=15))
    live.gap_closed(gap_closed(5, 20))

    assert judged(live, None) == (10, [])


def test_gap_begins_no_later_than_it_is_noticed(live: VenueCoverage) -> None:
    """A clock that was set back by less than a second is not reported."""
    live.gap_opened(gap_opened(20.5, at_=20))

    assert judged(live, at_ns(25)) == (10, [UncertainInterval(at_ns(20), at_ns(25), "eof")])


def test_gap_that_reaches_back_before_the_first_known_one_takes_nothing_away() -> None:
    coverage = VenueCoverage()
    coverage.gap_opened(gap_opened(15))
    coverage.gap_opened(gap_opened(12, gap="alpha-2", cause="restart"))

    assert judged(coverage, at_ns(20)) == (0, [UncertainInterval(at_ns(15), at_ns(20), "restart")])


def test_second_gap_over_a_restart_goes_on_from_the_first(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    ended(live, at_ns(30))
    live.session_started()
    live.gap_opened(gap_opened(15, gap="alpha-2", cause="restart"))
    live.gap_closed(gap_closed(15, 50, gap="alpha-2"))
    ended(live, at_ns(60))

    assert judged(live, at_ns(60)) == (50, [])


def test_missing_records_are_uncertain_until_the_next_alive(live: VenueCoverage) -> None:
    live.alive(at_ns(20), at_ns(20))
    live.records_missing()
    live.alive(at_ns(40), at_ns(39))
    ended(live, at_ns(60))

    assert judged(live, at_ns(60)) == (30, [UncertainInterval(at_ns(20), at_ns(40), "records are missing")])


def test_coverage_of_a_later_file_begins_with_its_first_alive() -> None:
    coverage = VenueCoverage(_records_missing=True)
    coverage.alive(at_ns(40), at_ns(39))
    ended(coverage, at_ns(60))

    assert (coverage.first_live_ns, judged(coverage, at_ns(60))) == (at_ns(40), (20, []))


def test_link_that_left_live_before_missing_records_is_not_held_against_it_after_them(live: VenueCoverage) -> None:
    live.link_not_live("down")
    live.records_missing()
    live.alive(at_ns(40), at_ns(39))
    live.link_live(at_ns(45))
    ended(live, at_ns(60))

    assert judged(live, at_ns(60)) == (20, [UncertainInterval(at_ns(10), at_ns(40), "link down without a gap")])


def test_gap_that_was_open_before_missing_records_is_not_open_after_them(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    live.records_missing()
    live.alive(at_ns(40), at_ns(39))

    assert (live.is_covered, live.gap) == (True, None)


def test_alive_record_in_a_gap_after_missing_records_does_not_close_it(live: VenueCoverage) -> None:
    live.records_missing()
    live.gap_opened(gap_opened(30))
    live.alive(at_ns(40), at_ns(39))

    assert not live.is_covered


def test_alive_record_before_the_first_live_of_a_session_covers_nothing(live: VenueCoverage) -> None:
    """Records that were missing in the session before are no reason to trust it."""
    live.records_missing()
    live.session_started()
    live.alive(at_ns(40), at_ns(39))

    assert not live.is_covered


def jumped(coverage: VenueCoverage, timeline: Timeline, at_second: float, jump_s: float) -> None:
    """The wall clock is at `at_second` after it jumped."""
    coverage.clock_jumps(at_ns(at_second - jump_s))
    timeline.jump(at_ns=at_ns(at_second), jump_ns=round(jump_s * 1e9))


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture
def clocked(timeline: Timeline) -> VenueCoverage:
    """A venue that is live since second 10, and a clock that may jump."""
    coverage = VenueCoverage(timeline)
    coverage.link_live(at_ns(10))
    return coverage


DAY = 86_400


@pytest.mark.parametrize("jump_s", [-3600, -5, 5, DAY])
def test_time_that_the_clock_jumped_over_is_neither_covered_nor_uncertain(
    clocked: VenueCoverage, timeline: Timeline, jump_s: int
) -> None:
    clocked.alive(at_ns(20), at_ns(20))
    jumped(clocked, timeline, 20 + jump_s, jump_s)
    ended(clocked, at_ns(30 + jump_s))

    assert judged(clocked, timeline.elapsed_ns(at_ns(30 + jump_s))) == (20, [])


@pytest.fixture
def set_back(clocked: VenueCoverage, timeline: Timeline) -> VenueCoverage:
    """At second 40 the clock is set back to second 20, after an alive record and the last message of before it."""
    clocked.alive(at_ns(30), at_ns(30))
    jumped(clocked, timeline, 20, -20)
    return clocked


def test_silence_over_a_clock_that_was_set_back_is_not_covered(set_back: VenueCoverage) -> None:
    """The last message was that of second 35, 55 seconds before the break was noticed."""
    set_back.gap_opened(gap_opened(35, at_=70))

    assert set_back.result(None).covered_ns == 25 * 10**9


def test_nor_if_the_last_message_is_the_one_of_the_alive_record(set_back: VenueCoverage) -> None:
    set_back.gap_opened(gap_opened(30, at_=70))

    assert set_back.result(None).covered_ns == 20 * 10**9


def test_an_alive_record_after_the_clock_was_set_back_proves_only_what_was_received(set_back: VenueCoverage) -> None:
    set_back.alive(at_ns(39), at_ns(35))
    set_back.gap_opened(gap_opened(35, at_=70))

    assert set_back.result(None).covered_ns == 25 * 10**9


def test_messages_after_the_next_alive_record_are_of_the_clock_as_it_is(set_back: VenueCoverage) -> None:
    """Elapsed: 40 until the jump, then 45 - 20 until the last message."""
    set_back.alive(at_ns(29), at_ns(28))
    set_back.alive(at_ns(39), at_ns(38))
    set_back.gap_opened(gap_opened(45, at_=70))

    assert set_back.result(None).covered_ns == (40 - 10 + 45 - 20) * 10**9


def test_nor_is_a_message_in_doubt_that_came_after_an_alive_record_of_a_silent_venue(set_back: VenueCoverage) -> None:
    """Until second 29 nothing came after the jump: then the message of second 35 is one of after it."""
    set_back.alive(at_ns(29), at_ns(30))
    set_back.alive(at_ns(39), at_ns(35))
    set_back.gap_opened(gap_opened(35, at_=70))

    assert set_back.result(None).covered_ns == (40 - 10 + 35 - 20) * 10**9


def test_a_gap_that_the_venue_reports_late_begins_at_the_earliest_possible_time(set_back: VenueCoverage) -> None:
    """The venue saw no orders since second 25, though messages were received until second 38 of after the jump."""
    set_back.alive(at_ns(29), at_ns(28))
    set_back.alive(at_ns(39), at_ns(38))
    set_back.gap_opened(gap_opened(25, cause="venue_logged_out", at_=40))

    assert set_back.result(None).covered_ns == 15 * 10**9


def test_a_gap_that_the_venue_reports_does_not_begin_before_the_venue_was_live(timeline: Timeline) -> None:
    """The clock showed second 7 before the venue was live, and once more after that."""
    coverage = VenueCoverage(timeline)
    jumped(coverage, timeline, 4, -4)
    coverage.link_live(at_ns(6))
    coverage.gap_opened(gap_opened(7, cause="venue_logged_out", at_=9))

    assert coverage.result(None).covered_ns == 10**9


@pytest.mark.parametrize("live_s", [10, None], ids=["live after it", "never live"])
def test_a_gap_that_the_venue_reports_may_begin_before_the_venue_was_live(live_s: int | None) -> None:
    coverage = VenueCoverage()
    if live_s is not None:
        coverage.link_live(at_ns(live_s))
    coverage.gap_opened(gap_opened(7, cause="venue_logged_out", at_=20))

    assert (coverage.result(None).covered_ns, coverage.is_covered) == (0, False)


def test_a_gap_may_begin_before_the_last_proof_of_life_of_before_a_jump(set_back: VenueCoverage) -> None:
    """Another connection was silent since second 15."""
    set_back.gap_opened(gap_opened(15, at_=25))

    assert set_back.result(None).covered_ns == 5 * 10**9


def test_pushes_prove_life_after_the_clock_was_set_back(clocked: VenueCoverage, timeline: Timeline) -> None:
    for second in (38, 39):
        clocked.push_received(at(second))
    jumped(clocked, timeline, 20, -20)
    for second in (25, 26):
        clocked.push_received(at(second))

    assert clocked.result(None).covered_ns == (40 - 10 + 25 - 20) * 10**9


def test_a_silent_venue_stays_where_it_was_last_proven_after_a_second_jump(
    clocked: VenueCoverage, timeline: Timeline
) -> None:
    """First a day forward, then 20 seconds back: nothing was received since 20 seconds after the venue was live."""
    jumped(clocked, timeline, DAY + 15, DAY)
    clocked.alive(at_ns(DAY + 30), at_ns(DAY + 30))
    jumped(clocked, timeline, DAY + 20, -20)
    clocked.alive(at_ns(DAY + 39), at_ns(DAY + 30))
    clocked.gap_opened(gap_opened(DAY + 30, at_=DAY + 70))

    assert clocked.result(None).covered_ns == 20 * 10**9


def test_no_time_before_the_live_is_ever_taken_away(clocked: VenueCoverage, timeline: Timeline) -> None:
    """The clock was set twice between two looks at it: the jump seems to have been before the live."""
    jumped(clocked, timeline, 20, 11)
    before = (clocked.until_ns, clocked.result(None).covered_ns)
    clocked.gap_opened(gap_opened(20))

    assert before == (at_ns(10 + 11), 0)
    assert clocked.result(None).covered_ns == 0


def test_missing_records_after_a_jump_end_with_the_next_alive(clocked: VenueCoverage, timeline: Timeline) -> None:
    clocked.alive(at_ns(20), at_ns(20))
    jumped(clocked, timeline, DAY + 20, DAY)
    clocked.records_missing()
    clocked.alive(at_ns(DAY + 40), at_ns(DAY + 39))
    clocked.alive(at_ns(DAY + 50), at_ns(DAY + 45))

    assert clocked.result(None).covered_ns == (20 - 10 + 45 - 40) * 10**9


@pytest.mark.parametrize("jump_s", [-3600, DAY])
def test_gap_over_a_jump_is_uncertain_on_both_sides(clocked: VenueCoverage, timeline: Timeline, jump_s: int) -> None:
    clocked.gap_opened(gap_opened(15))
    jumped(clocked, timeline, 20 + jump_s, jump_s)
    clocked.gap_closed(gap_closed(15, 25 + jump_s, partial="history ends"))
    ended(clocked, at_ns(30 + jump_s))

    assert judged(clocked, timeline.elapsed_ns(at_ns(30 + jump_s))) == (
        10,
        [
            UncertainInterval(at_ns(15), at_ns(20), "eof; history ends"),
            UncertainInterval(at_ns(20 + jump_s), at_ns(25 + jump_s), "eof; history ends"),
        ],
    )


@pytest.mark.parametrize("jump_s", [-3600, DAY])
def test_recovered_gap_over_a_jump_is_covered(clocked: VenueCoverage, timeline: Timeline, jump_s: int) -> None:
    clocked.gap_opened(gap_opened(15))
    jumped(clocked, timeline, 20 + jump_s, jump_s)
    clocked.gap_closed(gap_closed(15, 25 + jump_s))
    ended(clocked, at_ns(30 + jump_s))

    assert judged(clocked, timeline.elapsed_ns(at_ns(30 + jump_s))) == (20, [])


def test_recovered_gap_is_covered_though_the_clock_was_put_back_to_before_it(
    clocked: VenueCoverage, timeline: Timeline
) -> None:
    clocked.gap_opened(gap_opened(15))
    jumped(clocked, timeline, 13, -4)
    clocked.gap_closed(gap_closed(15, 25))
    ended(clocked, at_ns(30))

    assert judged(clocked, timeline.elapsed_ns(at_ns(30)))[1] == []


def test_push_before_the_record_of_a_jump_covers_no_jumped_time(clocked: VenueCoverage, timeline: Timeline) -> None:
    clocked.push_received(at(20))
    clocked.push_received(at(DAY + 20))
    clocked.push_received(at(DAY + 21))
    jumped(clocked, timeline, DAY + 21, DAY)

    assert clocked.result(None, stopped=True).covered_ns == 11 * 10**9


def test_last_message_of_a_clock_that_was_ahead_proves_no_future(clocked: VenueCoverage, timeline: Timeline) -> None:
    clocked.alive(at_ns(4000), at_ns(4000))
    jumped(clocked, timeline, 400, -3600)
    clocked.alive(at_ns(410), at_ns(4000))

    assert clocked.until_ns in (at_ns(4000), at_ns(400))
    assert clocked.result(None).covered_ns == 3990 * 10**9


def test_last_message_of_a_clock_that_was_further_ahead_proves_no_future(
    clocked: VenueCoverage, timeline: Timeline
) -> None:
    clocked.alive(at_ns(4000), at_ns(4000))
    jumped(clocked, timeline, 400, -3600)
    clocked.alive(at_ns(410), at_ns(4005))

    assert clocked.until_ns == at_ns(410)


def test_open_gap_is_uncertain_though_the_clock_is_behind_its_start(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(3600))

    assert judged(live, at_ns(30))[1] == [UncertainInterval(at_ns(3600), at_ns(3600), "eof")]


def test_so_is_each_gap_before_it(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    live.gap_closed(gap_closed(15, 18, partial="history ends"))
    live.gap_opened(gap_opened(3600))

    assert [interval.from_ns for interval in judged(live, at_ns(30))[1]] == [at_ns(15), at_ns(3600)]


def test_partial_gap_without_length_is_uncertain(live: VenueCoverage) -> None:
    live.gap_opened(gap_opened(15))
    live.gap_closed(gap_closed(15, 15, partial="one market refused"))

    assert judged(live, None)[1] == [UncertainInterval(at_ns(15), at_ns(15), "eof; one market refused")]


def test_partial_gap_of_a_clock_that_was_ahead_is_uncertain_until_it_was_closed(
    clocked: VenueCoverage, timeline: Timeline
) -> None:
    clocked.alive(at_ns(3600), at_ns(3600))
    clocked.session_started()
    jumped(clocked, timeline, 100, -3500)
    clocked.gap_opened(msgspec.structs.replace(gap_opened(3600, cause="restart"), at=at(100)))
    clocked.gap_closed(msgspec.structs.replace(gap_closed(3600, 3600, partial="clock"), at=at(110)))
    ended(clocked, at_ns(120))

    assert judged(clocked, timeline.elapsed_ns(at_ns(120), at_ns(120))) == (
        3600,
        [UncertainInterval(at_ns(100), at_ns(110), "eof; clock")],
    )


def test_partial_gap_whose_opening_is_in_a_file_before_is_uncertain() -> None:
    coverage = VenueCoverage(_records_missing=True)
    coverage.gap_closed(gap_closed(15, 25, partial="history ends"))

    assert judged(coverage, None)[1] == [UncertainInterval(at_ns(15), at_ns(25), "eof; history ends")]


def test_recovered_gap_whose_opening_is_in_a_file_before_covers_nothing_of_that() -> None:
    coverage = VenueCoverage(_records_missing=True)
    coverage.gap_closed(gap_closed(15, 25))
    coverage.alive(at_ns(30), at_ns(30))

    assert (coverage.first_live_ns, judged(coverage, None)) == (at_ns(25), (5, []))


def test_gap_without_anything_before_it_proves_that_the_venue_was_live() -> None:
    coverage = VenueCoverage()
    coverage.gap_opened(gap_opened(15))

    assert coverage.first_live_ns == at_ns(15)
    assert judged(coverage, at_ns(20)) == (0, [UncertainInterval(at_ns(15), at_ns(20), "eof")])


@pytest.mark.parametrize("partial", [None, "history ends"], ids=["recovered", "partial"])
def test_several_gaps_add_up(live: VenueCoverage, partial: str | None) -> None:
    for second in (20, 40, 60):
        live.gap_opened(gap_opened(second))
        live.gap_closed(gap_closed(second, second + 2, partial=partial))
    result = live.result(at_ns(70))

    assert result.uncertain_ns == (0 if partial is None else 6 * 10**9)
    assert result.is_whole == (partial is None)


@pytest.fixture
def two(live: VenueCoverage) -> VenueCoverage:
    """A venue with two connections, both live."""
    for number in (1, 2):
        live.connection_changed(number, "live")
    return live


def test_push_of_one_of_two_connections_proves_nothing_of_the_other(two: VenueCoverage) -> None:
    two.push_received(at(15))
    two.push_received(at(16))

    assert two.until_ns == at_ns(10)


@pytest.mark.parametrize("state", ["down", "failed"])
def test_push_proves_life_again_when_one_of_two_connections_is_left(two: VenueCoverage, state: str) -> None:
    two.connection_changed(2, state)
    two.push_received(at(15))
    two.push_received(at(16))

    assert two.until_ns == at_ns(15)


def test_one_silent_connection_at_a_clean_end_leaves_the_time_since_uncertain(two: VenueCoverage) -> None:
    two.alive(at_ns(20), at_ns(13))
    two.connection_changed(2, "stale")
    two.session_ended(at_ns(30))

    assert judged(two, at_ns(30)) == (3, [UncertainInterval(at_ns(13), at_ns(30), "silent until the end")])


def test_connection_that_received_again_before_a_clean_end_was_never_uncertain(two: VenueCoverage) -> None:
    two.connection_changed(2, "stale")
    two.connection_changed(2, "live")
    ended(two, at_ns(30))

    assert judged(two, at_ns(30)) == (20, [])


def test_a_silent_connection_of_the_session_before_is_not_silent_in_the_next(two: VenueCoverage) -> None:
    two.connection_changed(2, "stale")
    two.session_ended(at_ns(30))
    two.session_started()
    two.link_live(at_ns(40))
    two.connection_changed(3, "live")
    two.alive(at_ns(49), at_ns(48))
    two.session_ended(at_ns(50))

    assert judged(two, at_ns(50)) == (8, [UncertainInterval(at_ns(10), at_ns(40), "silent until the end")])


def test_next_session_does_not_count_the_connections_of_the_last(two: VenueCoverage) -> None:
    two.session_started()
    two.link_live(at_ns(40))
    two.push_received(at(45))
    two.push_received(at(46))

    assert two.until_ns == at_ns(45)


def test_what_it_is_live_without_is_that_of_the_last_link_record(live: VenueCoverage) -> None:
    live.link_live(at_ns(12), "without one: refused")
    live.link_stale("without two: locked")
    live.link_stale("received nothing")
    without = live.result(None).without
    live.link_live(at_ns(15))

    assert (without, live.result(None).without) == ("two: locked", None)


def test_is_covered_outside_gaps(live: VenueCoverage) -> None:
    covered = [live.is_covered]
    live.gap_opened(gap_opened(15))
    covered.append(live.is_covered)
    live.gap_closed(gap_closed(15, 25, partial="history ends"))
    covered.append(live.is_covered)

    assert covered == [True, False, True]
    assert live.uncertain == [UncertainInterval(at_ns(15), at_ns(25), "eof; history ends")]


def test_clock_went_back_if_it_did_so_after_what_is_covered(clocked: VenueCoverage, timeline: Timeline) -> None:
    clocked.alive(at_ns(30), at_ns(30))
    jumped(clocked, timeline, 20, -20)
    went_back = clocked.clock_went_back
    clocked.alive(at_ns(25), at_ns(24))

    assert (went_back, clocked.clock_went_back) == (True, False)


def test_clock_went_back_if_it_did_so_after_the_open_gap_began(clocked: VenueCoverage, timeline: Timeline) -> None:
    clocked.gap_opened(gap_opened(15))
    before = clocked.clock_went_back
    jumped(clocked, timeline, 20, -20)

    assert (before, clocked.clock_went_back) == (False, True)


def test_clock_went_back_since_the_gap_began_though_nothing_was_covered_then(timeline: Timeline) -> None:
    coverage = VenueCoverage(timeline)
    jumped(coverage, timeline, 4, -4)
    coverage.link_live(at_ns(6))
    coverage.gap_opened(gap_opened(3, at_=8))

    assert coverage.clock_went_back


def test_clock_of_a_venue_that_never_was_live_never_went_back(timeline: Timeline) -> None:
    coverage = VenueCoverage(timeline)
    jumped(coverage, timeline, 20, -20)

    assert not coverage.clock_went_back


def test_push_whose_time_is_none_proves_nothing(live: VenueCoverage) -> None:
    live.push_received("no time")
    live.push_received("not a time")

    assert live.until_ns == at_ns(10)


def test_state_that_was_read_again_uses_the_timeline_of_its_stream(clocked: VenueCoverage, timeline: Timeline) -> None:
    again = msgspec.json.decode(msgspec.json.encode(clocked), type=VenueCoverage)
    again.share(timeline)
    jumped(again, timeline, 25, 5)
    ended(again, at_ns(30))

    assert judged(again, timeline.elapsed_ns(at_ns(30))) == (15, [])


def test_alive_record_of_a_venue_that_received_nothing_proves_nothing(live: VenueCoverage) -> None:
    live.alive(at_ns(20), None)

    assert live.until_ns == at_ns(10)
