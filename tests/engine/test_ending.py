"""When a run ends, and what its end means."""

import pytest

from ordwatch.core.errors import AuthError, OutputError, ReaderClosed
from ordwatch.core.venue_coverage import CoverageResult, UncertainInterval
from ordwatch.engine.ending import Ending, Limits, Outcome, RunProgress, VenueProgress, ending, must_pause

AWAY = VenueProgress()
REFUSED_QUERY = VenueProgress(answered=True)
LIVE = VenueProgress(ever_live=True, answered=True)
WAS_LIVE_AND_STOPPED = LIVE._replace(stopped=True)
STOPPED = VenueProgress(stopped=True)

ALL_LIMITS = Limits(once=True, max_events=3, duration_s=60.0, connect_timeout_s=30.0)
ANSWERED = Ending("every venue has answered")
NOT_ANSWERED = Ending("not every venue has answered in time", connected=False)
NOT_LIVE = Ending("no venue became live in time", connected=False)
NONE_LEFT = Ending("no venue is left to watch")
ENOUGH = Ending("event limit reached")
OVER = Ending("duration reached")


@pytest.mark.parametrize(
    ("limits", "progress", "end"),
    [
        pytest.param(Limits(), RunProgress([AWAY]), None, id="without limits a run goes on"),
        pytest.param(Limits(), RunProgress([LIVE, AWAY], 10**9, 10**9), None, id="without limits, ever so long"),
        pytest.param(Limits(), RunProgress([STOPPED, AWAY]), None, id="one venue stopped, one not live"),
        pytest.param(Limits(), RunProgress([STOPPED, WAS_LIVE_AND_STOPPED]), NONE_LEFT, id="all venues stopped"),
        pytest.param(ALL_LIMITS, RunProgress([STOPPED], 3, 60.0), NONE_LEFT, id="all stopped, and all limits reached"),
        pytest.param(Limits(), RunProgress([]), None, id="a run of no venue has none that stopped"),
        pytest.param(Limits(once=True), RunProgress([AWAY]), None, id="once, unanswered"),
        pytest.param(Limits(once=True), RunProgress([LIVE, AWAY]), None, id="once, one of two answered"),
        pytest.param(Limits(once=True), RunProgress([AWAY, LIVE]), None, id="once, the other of two answered"),
        pytest.param(
            Limits(once=True), RunProgress([LIVE, REFUSED_QUERY]), ANSWERED, id="once, one answered, one refused"
        ),
        pytest.param(Limits(once=True), RunProgress([LIVE, STOPPED]), ANSWERED, id="once, one answered, one stopped"),
        pytest.param(Limits(once=True), RunProgress([STOPPED, AWAY]), None, id="once, one stopped, one unanswered"),
        pytest.param(ALL_LIMITS, RunProgress([LIVE], 3, 60.0), ANSWERED, id="once, all limits reached"),
        pytest.param(Limits(max_events=3), RunProgress([LIVE], 2), None, id="an event less than the limit"),
        pytest.param(Limits(max_events=3), RunProgress([LIVE], 3), ENOUGH, id="as many events as the limit"),
        pytest.param(ALL_LIMITS, RunProgress([LIVE, AWAY], 3, 60.0), ENOUGH, id="enough events, and out of time"),
        pytest.param(ALL_LIMITS, RunProgress([LIVE, AWAY], 2), None, id="no limit reached"),
        pytest.param(ALL_LIMITS, RunProgress([LIVE, AWAY], 2, 30.0), NOT_ANSWERED, id="once, one unanswered in time"),
        pytest.param(Limits(connect_timeout_s=30.0), RunProgress([AWAY]), None, id="not live, before the time-out"),
        pytest.param(Limits(connect_timeout_s=30.0), RunProgress([AWAY], 0, 29.9), None, id="just before the time-out"),
        pytest.param(
            Limits(connect_timeout_s=30.0), RunProgress([AWAY, AWAY], 0, 30.0), NOT_LIVE, id="none live in time"
        ),
        pytest.param(
            Limits(connect_timeout_s=30.0), RunProgress([REFUSED_QUERY], 0, 30.0), NOT_LIVE, id="a refusal is not live"
        ),
        pytest.param(Limits(connect_timeout_s=30.0), RunProgress([AWAY, LIVE], 0, 30.0), None, id="one live in time"),
        pytest.param(
            Limits(connect_timeout_s=30.0), RunProgress([AWAY, WAS_LIVE_AND_STOPPED], 0, 30.0), None, id="one was live"
        ),
        pytest.param(Limits(duration_s=60.0), RunProgress([LIVE], 0, 60.0), OVER, id="the duration"),
        pytest.param(Limits(duration_s=60.0), RunProgress([AWAY], 0, 60.0), OVER, id="the duration, never live"),
        pytest.param(Limits(duration_s=60.0, once=True), RunProgress([AWAY], 0, 60.0), OVER, id="once, the duration"),
        pytest.param(
            Limits(duration_s=30.0, connect_timeout_s=30.0), RunProgress([AWAY], 0, 30.0), NOT_LIVE, id="both at once"
        ),
        pytest.param(
            Limits(duration_s=30.0, connect_timeout_s=30.0), RunProgress([LIVE], 0, 30.0), OVER, id="both at once, live"
        ),
    ],
)
def test_a_run_ends_at_its_first_limit(limits: Limits, progress: RunProgress, end: Ending | None) -> None:
    assert ending(limits, progress) == end


@pytest.mark.parametrize(
    ("limits", "deadlines_s"),
    [
        (Limits(once=True, max_events=3), []),
        (Limits(duration_s=60.0, connect_timeout_s=30.0), [30.0, 60.0]),
        (Limits(duration_s=5.0, connect_timeout_s=30.0), [5.0, 30.0]),
        (Limits(duration_s=5.0, connect_timeout_s=5.0), [5.0]),
        (Limits(duration_s=0.0), [0.0]),
    ],
    ids=["none", "time-out first", "duration first", "together", "at once"],
)
def test_limits_of_time_are_deadlines(limits: Limits, deadlines_s: list[float]) -> None:
    assert limits.deadlines_s() == deadlines_s


@pytest.mark.parametrize(
    ("stalled", "pause"),
    [([], False), ([False, False], False), ([True, False], True), ([False, True], True), ([True, True], True)],
    ids=["no output", "none stalled", "the first", "the last", "all"],
)
def test_one_stalled_output_pauses_all_venues(stalled: list[bool], pause: bool) -> None:
    assert must_pause(stalled) is pause


def result(*uncertain_s: int, first_live_ns: int | None = 0, without: str | None = None) -> CoverageResult:
    intervals = tuple(UncertainInterval(0, seconds * 10**9, "reset") for seconds in uncertain_s)
    return CoverageResult(first_live_ns, 10**9, intervals, None, without)


@pytest.mark.parametrize(
    ("results", "late_alive", "covered"),
    [
        ([result(), result()], [], True),
        ([result(1), result()], [], False),
        ([result(), result(1)], [], False),
        ([result(), result(first_live_ns=None)], [], False),
        ([result(), result(without="BTC_USDT: locked")], [], False),
        ([result(0)], [], False),
        ([result()], ["2026-03-02T16:10:00Z"], False),
        ([], [], True),
    ],
    ids=["whole", "a gap", "a gap of the other", "never live", "without a part", "no length", "late alive", "no venue"],
)
@pytest.mark.parametrize("fail_on_gap", [True, False], ids=["--fail-on-gap", "gaps allowed"])
def test_fail_on_gap_wants_every_venue_covered(
    results: list[CoverageResult], late_alive: list[str], covered: bool, fail_on_gap: bool
) -> None:
    outcome = Outcome("duration reached", fail_on_gap=fail_on_gap)

    outcome.judge({str(number): each for number, each in enumerate(results)}, late_alive)

    assert outcome.covered is covered
    assert outcome.exit_code == (3 if fail_on_gap and not covered else 0)


def test_uncertain_time_of_the_venues_adds_up() -> None:
    outcome = Outcome("duration reached")

    outcome.judge({"one": result(1, 2), "other": result(4)}, [])

    assert outcome.uncertain_s == 7.0


def test_a_reader_that_has_left_does_not_hide_an_output_that_failed() -> None:
    outcome = Outcome("the output failed", failures=[ReaderClosed("gone"), OutputError("the disk is full")])

    assert (outcome.exit_code, Outcome("the reader left", failures=[ReaderClosed("gone")]).exit_code) == (74, 141)


def test_a_venue_that_refuses_counts_before_one_that_is_away_and_a_lost_line_before_both() -> None:
    refused = Outcome("no venue became live in time", [AuthError("no")], connected=False)
    lost = Outcome("the output failed", [AuthError("no"), OutputError("full")], connected=False, signal=15)

    assert (refused.exit_code, refused.output_failed) == (77, False)
    assert (lost.exit_code, lost.output_failed) == (74, True)


@pytest.mark.parametrize(
    ("outcome", "exit_code"),
    [
        (Outcome("duration reached"), 0),
        (Outcome("internal error", [ValueError("a bug")]), 1),
        (Outcome("no venue became live in time", connected=False), 69),
        (Outcome("SIGTERM", signal=15), 143),
        (Outcome("SIGINT", [AuthError("no")], signal=2), 130),
        (Outcome("SIGTERM", connected=False, covered=False, fail_on_gap=True, signal=15), 143),
        (Outcome("duration reached", connected=False, covered=False, fail_on_gap=True), 69),
        (Outcome("duration reached", [AuthError("no")], covered=False, fail_on_gap=True), 77),
    ],
    ids=lambda value: value.reason if isinstance(value, Outcome) else str(value),
)
def test_exit_code_is_that_of_the_signal_or_of_the_first_cause(outcome: Outcome, exit_code: int) -> None:
    assert outcome.exit_code == exit_code


def test_outcome_holds_what_it_was_judged_by() -> None:
    outcome, coverage = Outcome("duration reached"), {"one": result(1)}

    outcome.judge(coverage, ["2026-03-02T16:10:00Z"])

    assert (outcome.coverage, outcome.late_alive) == (coverage, ["2026-03-02T16:10:00Z"])
