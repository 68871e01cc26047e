"""What stderr says of venues that are not live."""

import logging
import signal

import pytest

from ordwatch.cli.outages import Outages
from ordwatch.core.errors import OutputError, ReaderClosed
from ordwatch.core.events import LinkState
from ordwatch.core.records import AnyRecord, GapRecord, LinkRecord, for_outputs
from ordwatch.core.times import time_ns
from ordwatch.core.venue_coverage import CoverageResult, UncertainInterval
from ordwatch.engine.ending import Outcome

TIME = "2026-03-02T12:00:00.000000Z"
REFUSED = "cannot reach 127.0.0.1:1 (connection refused)"


class Watched:
    """Outages of these venues, on a clock of the test."""

    def __init__(self, *venues: str) -> None:
        self.now_s = 1000.0
        self.outages = Outages(venues, now_s=lambda: self.now_s)

    def after(self, seconds: float, *records: AnyRecord) -> None:
        """Let time pass, then these records come."""
        self.now_s += seconds
        self.outages.write(for_outputs(records))
        self.outages.check()

    def end(self, outcome: Outcome | None = None) -> None:
        """The run ends."""
        self.outages.report_end(outcome or Outcome("duration reached"))


def link(state: LinkState, detail: str | None = None, venue: str = "toy") -> LinkRecord:
    """A link that reached a state."""
    return LinkRecord(venue=venue, conn=1, state=state, detail=detail, wait_s=None, at=TIME)


def lost(number: int, reason: str = "reset") -> UncertainInterval:
    """Five minutes of a day in January that stayed uncertain."""
    from_ns = time_ns(f"2026-01-0{number}T12:00:00.000000Z")
    return UncertainInterval(from_ns, from_ns + 300 * 10**9, reason)


def uncertain(*intervals: UncertainInterval, open_gap: GapRecord | None = None, without: str | None = None) -> Outcome:
    """A run in which this of the venue stayed uncertain, and decides the exit code."""
    result = CoverageResult(time_ns(TIME), 0, intervals, open_gap, without)
    return Outcome("duration reached", covered=False, coverage={"toy": result}, fail_on_gap=True)


@pytest.fixture(autouse=True)
def _every_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "ordwatch")


def test_a_venue_that_is_away_for_a_minute_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy")

    seen.after(0, link("live"))
    seen.after(5, link("down", REFUSED))
    seen.after(60)

    assert caplog.messages == []


def test_a_venue_that_is_away_for_longer_is_reported_once_and_once_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = Watched("toy")

    seen.after(0, link("live"))
    seen.after(5, link("down", REFUSED))
    seen.after(50, link("connecting"))
    seen.after(11)
    seen.after(61, link("down", REFUSED))
    seen.after(61, link("connecting"), link("authenticating"), link("live"))

    assert caplog.messages == [f"toy: not live for 61 s: {REFUSED}", "toy: live again after 183 s"]
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


def test_an_outage_after_an_outage_is_reported_again(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy")

    for _ in range(2):
        seen.after(0, link("down", REFUSED))
        seen.after(61)
        seen.after(0, link("live"))

    assert len(caplog.messages) == 4


def test_a_venue_that_was_live_for_a_moment_between_two_looks_is_away_from_then_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = Watched("toy")

    seen.after(40, link("live"), link("down", REFUSED))
    seen.after(40)

    assert caplog.messages == []


def test_each_venue_has_its_own_outage(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy", "game")

    seen.after(0, link("live"))
    seen.after(61, link("stale", "received nothing", "game"))

    assert caplog.messages == ["game: not live for 61 s: received nothing"]


def test_a_state_without_a_detail_is_itself_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy")

    seen.after(0, link("live"))
    seen.after(0, link("reconciling"))
    seen.after(61)

    assert caplog.messages == ["toy: not live for 61 s: still reconciling"]


def test_a_venue_that_refused_was_named_then_and_is_not_named_again(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy")

    seen.after(0, link("failed", "login refused"))
    seen.after(61)
    seen.end()

    assert caplog.messages == []


def test_a_venue_that_never_was_live_is_named_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy", "game")

    seen.after(1, link("live"), link("down", REFUSED, "game"), link("connecting", venue="game"), link("down"))
    seen.end()

    assert caplog.messages == [f"game: never was live: {REFUSED}"]


CUT_SHORT = [Outcome("SIGTERM", signal=signal.SIGTERM), Outcome("full", failures=[OutputError("full")])]


@pytest.mark.parametrize("outcome", [Outcome("duration reached"), *CUT_SHORT], ids=lambda outcome: outcome.reason)
def test_it_is_named_however_the_run_ends(caplog: pytest.LogCaptureFixture, outcome: Outcome) -> None:
    seen = Watched("toy")

    seen.after(1, link("down", REFUSED))
    seen.end(outcome)

    assert caplog.messages == [f"toy: never was live: {REFUSED}"]


def test_of_a_planned_end_in_the_first_attempt_the_stage_is_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy", "game")

    seen.after(0, link("authenticating"))
    seen.end()

    assert caplog.messages == ["toy: never was live: still authenticating", "game: never was live: still connecting"]


@pytest.mark.parametrize("outcome", CUT_SHORT, ids=lambda outcome: outcome.reason)
def test_a_run_that_is_cut_short_in_the_first_attempt_says_nothing(
    caplog: pytest.LogCaptureFixture, outcome: Outcome
) -> None:
    seen = Watched("toy")

    seen.after(0, link("connecting"))
    seen.end(outcome)

    assert caplog.messages == []


def test_a_reader_that_left_is_the_end_of_all_messages(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy")
    outcome = uncertain(lost(1))
    outcome.failures.append(ReaderClosed("left"))

    seen.end(outcome)

    assert caplog.messages == []


def test_intervals_are_named_only_where_they_decide_the_exit_code(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy")
    outcome = uncertain(lost(1))
    outcome.fail_on_gap = False

    seen.after(0, link("live"))
    seen.end(outcome)

    assert caplog.messages == []


OPEN = GapRecord(
    venue="toy", gap="toy-7", state="open", cause="reset", from_=TIME, to=None, outcome=None, recovered=None,
    limits=None, at=TIME,
)  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "reported"),
    [
        (uncertain(lost(1)), "uncertain: 2026-01-01T12:00:00.000000Z to 2026-01-01T12:05:00.000000Z (reset)"),
        (
            uncertain(lost(1, "reset; \x1b[2J")),
            r"uncertain: 2026-01-01T12:00:00.000000Z to 2026-01-01T12:05:00.000000Z (reset; \x1b[2J)",
        ),
        (uncertain(UncertainInterval(time_ns(TIME), None, "eof")), f"uncertain: {TIME} to ? (eof)"),
        (
            uncertain(lost(1), open_gap=OPEN),
            "uncertain: 2026-01-01T12:00:00.000000Z to 2026-01-01T12:05:00.000000Z (reset); "
            "gap toy-7 was not closed when the run ended",
        ),
        (uncertain(without="account 2: no permission"), "live without account 2: no permission"),
    ],
    ids=["partial", "unsafe", "without an end", "open", "without a part"],
)
def test_what_stayed_uncertain_is_named_with_its_reason(
    caplog: pytest.LogCaptureFixture, outcome: Outcome, reported: str
) -> None:
    seen = Watched("toy")

    seen.after(0, link("live"))
    seen.end(outcome)

    assert caplog.messages == [f"toy: {reported}"]


def test_a_venue_that_is_whole_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy", "game")

    seen.after(0, link("live"), link("live", venue="game"))
    seen.end(uncertain())

    assert caplog.messages == []


def test_many_intervals_of_a_venue_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy")

    seen.after(0, link("live"))
    seen.end(uncertain(*map(lost, range(1, 6))))

    [line] = caplog.messages
    assert line.count("(reset)") == 3
    assert line.endswith("; and 2 more")


def test_a_late_alive_record_is_named(caplog: pytest.LogCaptureFixture) -> None:
    seen = Watched("toy")
    outcome = uncertain()
    outcome.late_alive = [f"{TIME}: 50 s after the alive record before"]

    seen.after(0, link("live"))
    seen.end(outcome)

    assert caplog.messages == [f"uncertain: alive record too late: {TIME}: 50 s after the alive record before"]
