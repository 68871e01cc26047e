"""What a supervised venue reports of itself: states with their details, messages for the user, counts; and its end."""

import math

import msgspec
import pytest

from ordwatch.core.errors import AuthError, ConfigError, ConnectionLost, Refused, RemoteProtocolError, VenueError
from ordwatch.core.events import (
    Closed,
    Ignored,
    Interrupted,
    LinkUpdate,
    Notice,
    Progress,
    Ready,
    Resumed,
    RoundTrip,
    SessionEvent,
)
from ordwatch.engine.actions import EmitEvents, Log
from ordwatch.engine.policy import Orders, Pace
from ordwatch.engine.venue_clock import MARGIN_NS
from ordwatch.venues.contract import EVER, QueryResult
from tests.engine.test_supervisor import PUSH, REJECT, live, reconnect, stay_up
from tests.support.venue_driver import HEARTBEAT_S, SECOND, SILENCE_S, WALL_S, Driver, quick

LOGGED_OUT = Interrupted("venue_logged_out", "logged out", 0)


def details(driver: Driver) -> list[tuple[str, str | None]]:
    """Every state of a link that was reported, and why."""
    return [(event.state, event.detail) for event in driver.events if isinstance(event, LinkUpdate)]


def opened(**changes: object) -> Driver:
    """A venue whose only connection is up, and no more."""
    driver = Driver(quick(**changes))
    driver.advance(0)
    driver.open()
    return driver


def subscribed(**changes: object) -> Driver:
    """A venue that was asked for the first time."""
    driver = opened(**changes)
    driver.receive(Ready())
    return driver


# A recording that is continued.


def test_a_recording_that_is_continued_opens_its_gap_at_once() -> None:
    driver = Driver()
    driver.run(driver.supervisor.resume(6 * SECOND, None, driver.now))

    assert [(gap.cause, gap.from_ns) for gap in driver.gaps] == [("restart", 6 * SECOND)]
    assert Driver().supervisor.resume(None, None, driver.now) == []


@pytest.mark.parametrize(
    ("clock_went_back", "since_ns"), [(False, 777_000 * SECOND - MARGIN_NS), (True, EVER)], ids=["no", "yes"]
)
def test_whether_its_clock_went_back_decides_what_is_asked_for(clock_went_back: bool, since_ns: int) -> None:
    held = msgspec.structs.replace(PUSH, updated_ns=777_000 * SECOND, received_ns=5 * SECOND)
    driver = Driver(orders=Orders(all=lambda: (held,)))
    driver.run(driver.supervisor.resume(6 * SECOND, None, driver.now, clock_went_back=clock_went_back))
    driver.go_live()

    assert driver.queries[-1].since_ns == since_ns


# Connections.


def test_a_connection_that_is_up_after_its_attempt_was_given_up_is_ignored() -> None:
    driver = live()
    driver.disconnect()

    assert driver.supervisor.opened(0, 1, HEARTBEAT_S, SILENCE_S, None, driver.now) == []


def test_a_connection_that_never_receives_anything_has_the_intervals_of_its_session() -> None:
    driver = opened(attempt_timeout_s=60.0)
    driver.advance(HEARTBEAT_S + 0.1)
    before = (driver.heartbeats, driver.states[-1])
    driver.advance(SILENCE_S - HEARTBEAT_S)

    assert (before, driver.states[-1]) == ((1, "authenticating"), "down")


def test_the_configured_silence_holds_before_anything_is_received() -> None:
    driver = opened(attempt_timeout_s=60.0, silence_s=4.0)
    driver.advance(4.1)

    assert driver.states[-1] == "down"


@pytest.mark.parametrize(
    ("heartbeat_s", "silence_s", "heartbeats", "down_s"),
    [(3.0, SILENCE_S, 8, SILENCE_S), (HEARTBEAT_S, 8.0, 0, 8.0), (3.0, 8.0, 2, 8.0), (HEARTBEAT_S, 40.0, 3, 40.0)],
    ids=["heartbeats more often", "a shorter silence", "both", "a longer silence"],
)
def test_intervals_may_change_after_login(heartbeat_s: float, silence_s: float, heartbeats: int, down_s: float) -> None:
    driver = live()
    driver.run(
        driver.supervisor.received(
            0, 1, [RoundTrip(0.1)], driver.now, good=True, heartbeat_s=heartbeat_s, silence_s=silence_s
        )
    )
    driver.advance(down_s - 0.1)
    before = (driver.heartbeats, driver.states[-1])
    driver.advance(0.2)

    assert (before, driver.states[-1]) == ((heartbeats, "stale"), "down")


def test_a_venue_of_several_links_is_alive_before_any_of_them_is_subscribed() -> None:
    driver = opened(links=2)
    driver.receive(Progress("subscribing", "two markets"))

    assert driver.stats.last_rx_ns == WALL_S * SECOND
    assert details(driver)[-1] == ("subscribing", "two markets")


def test_a_silence_before_the_subscription_ends_without_a_word() -> None:
    driver = opened(attempt_timeout_s=60.0)
    driver.advance(SILENCE_S / 2 + 1)
    driver.receive(good=False)

    assert driver.states == ["connecting", "authenticating"]


def test_each_silence_of_a_connection_is_stale() -> None:
    driver = live()
    for _ in range(2):
        driver.advance(SILENCE_S * 0.6)
        driver.receive(RoundTrip(0.1))

    assert driver.states[-4:] == ["stale", "live"] * 2


def test_a_silence_of_any_link_is_stale_at_its_time() -> None:
    driver = live(links=2)
    driver.advance(HEARTBEAT_S)
    driver.receive(RoundTrip(0.1), link=0)
    driver.advance(SILENCE_S / 2 - HEARTBEAT_S + 0.1)

    assert driver.states[-1] == "stale"


@pytest.mark.parametrize("late_s", [0.9, 1.0])
def test_a_timer_that_is_a_little_late_prolongs_no_silence(late_s: float) -> None:
    driver = live()
    driver.advance(HEARTBEAT_S)
    driver.supervisor.next_timer_s()
    driver.now_s += SILENCE_S / 2 - HEARTBEAT_S + late_s
    driver.run(driver.supervisor.timer(driver.now))
    driver.advance(SILENCE_S / 2 - late_s)

    assert driver.states[-2:] == ["stale", "down"]


def test_each_link_is_tried_again_when_its_wait_is_over() -> None:
    driver = live(links=3)
    lost_s = driver.now_s
    driver.disconnect(link=1)
    driver.until_attempt(link=1)

    at_s, link, _ = driver.attempts[-1]
    assert link == 1
    assert at_s == pytest.approx(lost_s + driver.waits[-1], abs=0.001)


def test_links_that_are_lost_together_share_the_rate_of_attempts() -> None:
    driver = live(links=2, pace=Pace(first_s=1.0, attempts_a_minute=3))
    driver.disconnect(link=0)
    driver.disconnect(link=1)
    driver.advance(30)
    before = len(driver.attempts)
    driver.advance(31)

    assert before == 3
    assert {link for _, link, _ in driver.attempts[2:4]} == {0, 1}


def test_reconnects_add_up() -> None:
    driver = live(links=2)
    for link in (0, 1, 1):
        driver.disconnect(link=link)
        reconnect(driver, link=link)

    assert driver.stats.reconnects == 3


# Messages of a session.


def test_round_trips_are_milliseconds() -> None:
    driver = live()
    driver.receive(RoundTrip(0.0123456))

    assert driver.stats.rtt_ms == 12.346


@pytest.mark.parametrize("shown_by", ["a REST answer", "a round trip"])
def test_the_venues_clock_is_read_from(shown_by: str) -> None:
    driver = live()
    venue_ns = driver.now.wall_ns + 6 * SECOND
    if shown_by == "a REST answer":
        driver.run(driver.supervisor.server_date(venue_ns, driver.now))
    else:
        driver.receive(RoundTrip(0.1, venue_ns=venue_ns))

    assert driver.stats.clock_offset_s == 6.0
    assert driver.logs[-1] == "the venue's clock and this host's differ by 6 s; is this host's clock right?"


def test_a_notice_is_for_the_user_and_what_is_ignored_for_nobody() -> None:
    driver = live()
    before = len(driver.events)
    driver.receive(Notice("maintenance at noon"), Ignored("fill"))

    assert driver.logs[-1] == "maintenance at noon"
    assert len(driver.events) == before


def test_a_venue_that_sees_no_orders_is_stale_with_its_reason_and_a_gap_since_then() -> None:
    driver = live()
    driver.advance(9)
    driver.receive(RoundTrip(0.1))
    driver.receive(Interrupted("venue_logged_out", "logged out", round((WALL_S + 4) * SECOND)))

    assert [(gap.cause, gap.from_ns) for gap in driver.gaps] == [("venue_logged_out", (WALL_S + 4) * SECOND)]
    assert (details(driver)[-1], driver.logs[-1]) == (("stale", "logged out"), "logged out")


def test_a_venue_that_sees_orders_again_says_so() -> None:
    driver = live()
    driver.receive(LOGGED_OUT, Resumed())

    assert (driver.states[-1], driver.logs[-1]) == ("reconciling", "the venue sees orders again")


def test_a_link_that_sees_orders_again_stays_stale_while_another_sees_none() -> None:
    driver = live(links=2)
    for link in (0, 1):
        driver.receive(LOGGED_OUT, link=link)
    driver.receive(Resumed(), link=1)
    driver.receive(RoundTrip(0.1), link=1)

    assert driver.states[-1] == "stale"


def test_a_link_that_sees_orders_again_before_its_subscription_is_not_reconciling() -> None:
    driver = opened()
    driver.receive(LOGGED_OUT, Resumed())

    assert driver.states[-1] == "stale"


@pytest.mark.parametrize("links", [1, 2])
def test_input_that_could_not_be_read_is_a_reason_of_each_link(links: int) -> None:
    driver = live(links=links)
    driver.receive(REJECT, link=links - 1)

    assert details(driver)[-links:] == [("reconciling", "after input that could not be read")] * links
    assert driver.logs[-1] == "input that could not be read (bad)"


def test_input_that_could_not_be_read_before_the_first_live_changes_no_state() -> None:
    driver = opened()
    driver.receive(REJECT)

    assert driver.states == ["connecting", "authenticating"]


HOSTILE = "\x1b[31m" + 1_000 * "x"


@pytest.mark.parametrize(
    ("event", "longest"),
    [
        (msgspec.structs.replace(REJECT, reason=HOSTILE), 250),
        (Interrupted("venue_logged_out", HOSTILE, 0), 300),
        (Notice(HOSTILE), 400),
    ],
    ids=["reject", "interrupted", "notice"],
)
def test_text_of_a_venue_is_harmless_on_the_terminal(event: SessionEvent, longest: int) -> None:
    driver = live()
    driver.receive(event)

    assert "\\x1b[31mxxx" in driver.logs[-1]
    assert len(driver.logs[-1]) <= longest + 3


@pytest.mark.parametrize("error", [Refused(HOSTILE), AuthError(HOSTILE)], ids=["refused", "for good"])
def test_so_is_that_of_a_refusal(error: VenueError) -> None:
    driver = subscribed()
    driver.refuse(error)

    [text] = [text for text in driver.logs if "xxx" in text]
    assert "\\x1b[31mxxx" in text
    assert len(text) <= 500


# Queries.


def test_a_venue_has_answered_once_it_answered_or_refused() -> None:
    driver = subscribed()
    before = driver.supervisor.answered
    driver.refuse(ConnectionLost("reset"))
    lost = driver.supervisor.answered
    stay_up(driver, 40)
    driver.receive(REJECT)
    driver.refuse(ConnectionLost("reset"))

    assert (before, lost, driver.supervisor.answered) == (False, False, True)


def test_a_refused_query_is_the_reason_why_no_link_is_live() -> None:
    driver = Driver(quick(links=2))
    driver.advance(0)
    for link in (0, 1):
        driver.open(link)
        driver.receive(Ready(), link=link)
    driver.refuse(Refused("locked"))

    assert details(driver)[-2:] == [("reconciling", "locked")] * 2
    assert driver.logs[-1] == "query failed: locked"


def test_a_refused_resync_leaves_the_venue_live() -> None:
    driver = live(resync_s=5.0)
    driver.advance(6)
    before = driver.states[:]
    driver.refuse(Refused("busy"))

    assert driver.states == before


def test_the_failure_of_a_query_from_before_a_loss_is_no_reason() -> None:
    driver = live()
    driver.disconnect()
    reconnect(driver)
    driver.receive(REJECT)
    before = details(driver)
    driver.refuse(Refused("busy"))

    assert details(driver) == before


def test_the_failure_of_a_query_that_was_cancelled_means_nothing() -> None:
    driver = live()
    driver.disconnect()
    reconnect(driver)
    former = driver.queries[-1].number
    driver.disconnect()

    assert driver.supervisor.query_failed(former, AuthError("no"), driver.now) == []


@pytest.mark.parametrize("answered", [True, False])
def test_what_is_answered_while_the_connection_ends_changes_no_state(answered: bool) -> None:
    driver = subscribed()
    actions = driver.supervisor.received(0, 1, [Closed(RemoteProtocolError("x"))], driver.now, good=False)
    number = driver.queries[-1].number
    if answered:
        actions += driver.supervisor.query_answered(number, QueryResult(), driver.now)
    else:
        actions += driver.supervisor.query_failed(number, Refused("busy"), driver.now)

    assert [action for action in actions if isinstance(action, EmitEvents)] == []


def test_a_query_covers_the_venue_unless_it_names_what() -> None:
    driver = live(resync_s=5.0)
    before = driver.stats.covers
    driver.advance(6)
    driver.answer(QueryResult(covers=("account 6", "account 7")))

    assert (before, driver.stats.covers) == (("toy",), ("account 6", "account 7"))


def test_the_user_is_told_of_each_change_of_what_a_venue_is_live_without() -> None:
    driver = live(resync_s=10.0)
    for refused in ({"A": "no"},) * 4 + ({"A": "no", "B": "nor"},) * 4 + ({},) * 2:
        driver.receive(RoundTrip(0.1))
        driver.advance(10)
        driver.answer(QueryResult(refused=refused))

    assert [text for text in driver.logs if text.startswith("live")] == [
        "live",
        "live without A: no; queried again with each resync",
        "live without A: no; B: nor; queried again with each resync",
    ]


def without_a_part() -> Driver:
    """A venue that is live without a part, and silent for so long that it is stale."""
    driver = live(resync_s=10.0)
    for _ in range(3):
        driver.receive(RoundTrip(0.1))
        driver.advance(10)
        driver.answer(QueryResult(refused={"A": "no"}))
    driver.receive(RoundTrip(0.1))
    driver.advance(SILENCE_S / 2 + 1)
    return driver


@pytest.mark.parametrize(
    ("refused", "woken"), [({"A": "no"}, "without A: no"), ({}, None)], ids=["refused still", "answered"]
)
def test_a_silent_link_says_only_when_it_receives_again_what_it_is_live_without(
    refused: dict[str, str], woken: str | None
) -> None:
    driver = without_a_part()
    before = details(driver)
    driver.answer(QueryResult(refused=refused))
    answered = details(driver)
    driver.receive(RoundTrip(0.1))

    assert before[-1][0] == "stale"
    assert answered == before
    assert details(driver)[-1] == ("live", woken)


def test_a_gap_closes_though_the_link_is_silent_when_a_part_is_given_up() -> None:
    driver = live(resync_s=None)
    driver.disconnect()
    reconnect(driver)
    for _ in range(2):
        driver.answer(QueryResult(refused={"A": "no"}))
        while driver.query is None:
            driver.advance(1)
            driver.receive(RoundTrip(0.1))
    driver.advance(SILENCE_S / 2 + 1)
    driver.answer(QueryResult(refused={"A": "no"}))

    assert [(gap.state, gap.outcome) for gap in driver.gaps] == [("open", None), ("closed", "partial")]
    assert details(driver)[-1] == ("stale", "without A: no")


# A stall, a sleep, a bug, the end.


def test_nothing_is_tried_while_the_output_takes_nothing_whatever_else_is_due() -> None:
    driver = live()
    driver.run(driver.supervisor.pause(driver.now))
    driver.advance(120)
    driver.run(driver.supervisor.timer(driver.now))

    assert len(driver.attempts) == 1


@pytest.mark.parametrize(("received_s", "from_s"), [(1, 1), (5, 2)], ids=["silent before it", "received in it"])
def test_a_sleep_ends_every_connection_and_coverage_where_it_was_last_proven(received_s: int, from_s: int) -> None:
    driver = live(links=2)
    driver.advance(received_s)
    for link in (0, 1):
        driver.receive(RoundTrip(0.1), link=link)
    driver.run(driver.supervisor.slept(round((WALL_S + 2) * SECOND), driver.now))

    assert [gap.from_ns for gap in driver.gaps] == [(WALL_S + from_s) * SECOND]
    assert driver.conns == {}


def test_each_bug_is_logged_with_its_traceback() -> None:
    driver, logged = live(), []
    for bug in (ValueError("one"), ValueError("two"), ValueError("three")):
        actions = driver.supervisor.bug(bug, driver.now)
        logged += [action.bug is bug for action in actions if isinstance(action, Log) and action.bug is not None]

    assert logged == [True] * 3
    assert driver.supervisor.bug(ValueError("four"), driver.now) == []


def test_a_bug_is_no_second_loss_of_a_link_that_was_down_already() -> None:
    driver = live(links=2, pace=Pace(max_s=1.0))
    driver.disconnect(link=1)
    driver.bug()

    assert driver.states.count("down") == 2


def test_a_venue_that_is_stopped_says_why_and_does_nothing_more() -> None:
    driver = live(links=2, credentials=("api_key", "api_secret"))
    error = AuthError("wrong key")
    driver.disconnect(error)
    late = driver.supervisor.received(1, 2, [PUSH], driver.now, good=True)

    assert driver.supervisor.failure is error
    assert "wrong key; check `api_key`, `api_secret` in the configuration; this venue is not tried again" in driver.logs
    assert details(driver)[-2:] == [("failed", "wrong key")] * 2
    assert driver.conns == {}
    assert (late, driver.supervisor.next_timer_s()) == ([], math.inf)


@pytest.mark.parametrize(
    ("error", "credentials"), [(ConfigError("no such market"), ("api_key",)), (AuthError("no such market"), ())]
)
def test_credentials_are_named_only_if_they_are_the_reason(
    error: VenueError | ConfigError, credentials: tuple[str, ...]
) -> None:
    driver = live(credentials=credentials)
    driver.disconnect(error)

    assert "no such market; this venue is not tried again" in driver.logs


def test_the_gap_of_a_venue_that_is_stopped_begins_with_the_silence_of_the_link_that_was_refused() -> None:
    driver = live(links=2)
    driver.advance(5)
    driver.receive(RoundTrip(0.1), link=0)
    driver.advance(4)
    driver.receive(RoundTrip(0.1), link=1)
    driver.disconnect(AuthError("the session is over"), link=0)

    assert [gap.from_ns for gap in driver.gaps] == [(WALL_S + 5) * SECOND]


def test_the_gap_of_a_venue_that_is_stopped_by_a_query_begins_with_the_longest_silence() -> None:
    driver = live(links=2, resync_s=8.0)
    for seconds, link in ((5, 0), (4, 1)):
        driver.advance(seconds)
        driver.receive(RoundTrip(0.1), link=link)
    driver.refuse(AuthError("the key was deleted"))

    assert [gap.from_ns for gap in driver.gaps] == [(WALL_S + 5) * SECOND]
