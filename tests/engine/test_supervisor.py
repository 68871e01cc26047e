"""The rules of one venue's supervision, in simulated time: the second time, the third time, ten minutes later."""

import itertools

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ordwatch.core.errors import (
    AuthError,
    ConfigError,
    ConnectionLost,
    Refused,
    RemoteProtocolError,
    TlsFailed,
    VenueError,
)
from ordwatch.core.events import (
    Arrival,
    Closed,
    GapUpdate,
    Interrupted,
    LinkUpdate,
    Progress,
    Ready,
    Reject,
    Resumed,
    RoundTrip,
    SessionEvent,
)
from ordwatch.engine.actions import EmitEvents, RunQuery
from ordwatch.engine.policy import Orders, Pace
from ordwatch.engine.reconnects import ATTEMPTS_WINDOW_S
from ordwatch.engine.venue_clock import MARGIN_NS
from ordwatch.venues.contract import EVER, NEVER, QueryResult
from tests.support.toy import toy_update
from tests.support.venue_driver import HEARTBEAT_S, SECOND, SILENCE_S, START_S, WALL_S, Driver, quick

REJECT = Reject(venue="toy", reason="bad", data=b"", size=0, missed=True, at_ns=0)
PUSH = toy_update("toy", "1", "NEW", "0", "1", now_ns=5)


def live(**changes: object) -> Driver:
    driver = Driver(quick(**changes))
    driver.go_live()
    return driver


def reconnect(driver: Driver, link: int = 0) -> None:
    """Wait for the next attempt, and let it succeed."""
    driver.until_attempt(link)
    driver.open(link)
    driver.receive(Ready(), link=link)


def test_the_way_to_live() -> None:
    driver = Driver()
    driver.advance(0)
    driver.open()
    driver.receive(Progress("subscribing"), Ready())
    before = driver.states[:]
    driver.answer()

    assert before == ["connecting", "authenticating", "subscribing", "reconciling"]
    assert driver.states[4:] == ["live"]
    assert driver.gaps == []


def test_no_query_before_every_link_is_subscribed() -> None:
    driver = Driver(quick(links=2))
    driver.advance(0)
    driver.open(0)
    driver.receive(Ready(), link=0)
    driver.open(1)
    before = len(driver.queries)
    driver.receive(Ready(), link=1)

    assert (before, len(driver.queries)) == (0, 1)


def test_a_gap_opens_at_the_last_good_message_and_not_when_the_break_was_noticed() -> None:
    driver = live()
    driver.advance(3)
    driver.receive(RoundTrip(0.1))
    driver.advance(4)
    driver.receive(good=False)
    driver.advance(1)
    driver.disconnect()

    [gap] = driver.gaps
    assert (gap.from_ns, gap.at_ns) == ((WALL_S + 3) * SECOND, (WALL_S + 8) * SECOND)


def test_one_gap_goes_on_over_several_breaks_and_closes_once() -> None:
    driver = live()
    driver.disconnect()
    for _ in range(3):
        reconnect(driver)
        driver.disconnect()
    reconnect(driver)
    driver.answer()

    assert [gap.state for gap in driver.gaps] == ["open", "closed"]


def test_a_query_from_before_a_break_closes_nothing_and_is_asked_again() -> None:
    driver = live()
    driver.disconnect()
    reconnect(driver)
    driver.receive(REJECT)
    driver.answer()
    before = [gap.state for gap in driver.gaps]
    driver.advance(0)
    driver.answer()

    assert before == ["open"]
    assert [gap.state for gap in driver.gaps] == ["open", "closed"]


def test_links_of_one_venue_are_lost_and_the_gap_starts_at_the_first() -> None:
    driver = live(links=2)
    driver.advance(5)
    driver.receive(RoundTrip(0.1), link=1)
    driver.disconnect(link=0)
    driver.disconnect(link=1)

    assert [(gap.state, gap.from_ns) for gap in driver.gaps] == [("open", WALL_S * SECOND)]


def test_a_venue_is_proven_alive_only_as_far_as_the_most_silent_of_its_links() -> None:
    driver = live(links=2)
    driver.receive(RoundTrip(0.1), link=0)
    driver.advance(5)
    driver.receive(RoundTrip(0.1), link=1)
    proven_ns = driver.stats.last_rx_ns
    driver.disconnect(link=1)

    assert proven_ns == WALL_S * SECOND
    assert [gap.from_ns for gap in driver.gaps] == [WALL_S * SECOND]


def test_updates_are_handed_on_with_the_connection_they_came_by() -> None:
    driver = live()
    driver.receive(PUSH, PUSH)

    [arrival] = [event for event in driver.events if isinstance(event, Arrival)]
    assert (arrival.channel, arrival.at_ns) == ("connection 1", START_S * SECOND)
    assert len(driver.updates) == 2


def test_the_good_events_before_an_end_are_kept() -> None:
    driver = live()
    driver.receive(PUSH, Closed(RemoteProtocolError("nonsense")))

    assert driver.events.index(PUSH) < driver.events.index(driver.gaps[0])
    assert driver.gaps[0].cause == "reject"


def test_nothing_is_asked_over_a_connection_that_ends_with_its_subscription() -> None:
    driver = Driver()
    driver.advance(0)
    driver.open()
    driver.receive(Ready(), Closed(RemoteProtocolError("nonsense")))

    assert driver.queries == []


def test_no_link_stays_live_after_input_of_another_that_could_not_be_read() -> None:
    driver = live(links=2)
    before = len(driver.states)
    driver.receive(REJECT, link=0)
    reconciling = driver.states[before:]
    driver.answer()

    assert reconciling == ["reconciling"] * 2
    assert driver.states[before + 2 :] == ["live"] * 2


def test_bytes_of_a_venue_that_sees_no_orders_end_no_stale_state() -> None:
    driver = live()
    driver.receive(Interrupted("venue_logged_out", "it sees nothing", 0))
    driver.advance(SILENCE_S / 2 + 1)
    driver.receive(RoundTrip(0.1))

    assert driver.states[-1] == "stale"


def test_a_part_that_is_refused_while_live_fails_no_query() -> None:
    driver = live(resync_s=300.0)
    stay_up(driver, 299)
    driver.advance(1)
    driver.answer(QueryResult(refused={"account 7": "funds"}, covers=("account 6",)))
    stay_up(driver, 200)

    assert len(driver.queries) == 2
    assert driver.stats.covers == ("account 6",)


# Back-off and rates.


def test_back_off_grows_to_its_cap_and_begins_anew_only_after_a_steady_connection() -> None:
    driver = Driver(quick(pace=Pace(first_s=1, max_s=8, steady_s=30, attempts_a_minute=1000)))
    for live_s in (0, 0, 0, 0, 0, 10, 31):
        reconnect(driver)
        driver.answer()
        for _ in range(int(live_s)):
            driver.advance(1)
            driver.receive(RoundTrip(0.1))
        driver.disconnect()

    assert max(driver.waits) <= 8
    assert max(driver.waits[2:6]) > 2
    assert driver.waits[6] <= 1


def test_attempts_keep_to_their_rate_at_the_hundredth_failure() -> None:
    driver = Driver(quick(pace=Pace(first_s=0.001, max_s=0.001)))
    while len(driver.attempts) < 100:
        driver.advance(0.5)
        if driver.conns:
            driver.disconnect()

    times = [at_s for at_s, _, _ in driver.attempts]
    assert all(later >= earlier + ATTEMPTS_WINDOW_S for earlier, later in zip(times, times[12:], strict=False))


def test_a_venue_may_ask_for_longer_waits() -> None:
    driver = Driver()
    for _ in range(6):
        driver.until_attempt()
        driver.disconnect(Refused("phone code", retry_s=(6.0, 60.0)))

    assert min(driver.waits) >= 6
    assert max(driver.waits) <= 60


def test_tls_that_cannot_be_trusted_is_tried_again_no_sooner_than_after_a_minute() -> None:
    driver = Driver()
    driver.advance(0)
    driver.disconnect(TlsFailed("wrong host"))

    assert driver.waits == [pytest.approx(60)]


def test_an_attempt_that_is_not_subscribed_in_time_is_dropped() -> None:
    driver = Driver()
    driver.advance(0)
    driver.open()
    driver.advance(9.9)
    before = driver.states[:]
    driver.advance(0.2)

    assert "down" not in before
    assert driver.states[-1] == "down"


def test_no_link_is_cut_by_its_own_deadline_once_it_is_subscribed() -> None:
    driver = live()
    for _ in range(60):
        driver.advance(10)
        driver.receive(RoundTrip(0.1))

    assert "down" not in driver.states


# Silence.


def test_silence_is_stale_first_and_then_a_loss() -> None:
    driver = live()
    driver.advance(SILENCE_S / 2 + 0.1)
    stale = driver.states[-1]
    driver.advance(SILENCE_S / 2)

    assert (stale, driver.states[-1]) == ("stale", "down")
    assert driver.gaps[0].cause == "silent"


def test_a_byte_ends_a_silence_and_nothing_was_missed() -> None:
    driver = live()
    driver.advance(SILENCE_S * 0.6)
    driver.receive(good=False)

    assert driver.states[-2:] == ["stale", "live"]
    assert driver.gaps == []


def test_heartbeats_go_out_as_often_as_the_session_wants() -> None:
    driver = live()
    for _ in range(10):
        driver.advance(HEARTBEAT_S)
        driver.receive(RoundTrip(0.1))

    assert driver.heartbeats == 10


def test_our_own_lag_is_no_silence_of_the_venue() -> None:
    driver = live()
    driver.supervisor.next_timer_s()
    driver.now_s += 3 * SILENCE_S
    driver.run(driver.supervisor.timer(driver.now))

    assert "down" not in driver.states


def test_a_silence_counts_from_what_was_read_after_our_own_lag() -> None:
    driver = live()
    driver.supervisor.next_timer_s()
    driver.now_s += 3 * SILENCE_S
    driver.receive(RoundTrip(0.1))
    driver.run(driver.supervisor.timer(driver.now))
    driver.advance(SILENCE_S)

    assert [gap.from_ns for gap in driver.gaps] == [(WALL_S + 3 * SILENCE_S) * SECOND]


# Queries.


def test_a_refused_query_leaves_the_link_reconciling_and_is_asked_again_with_back_off() -> None:
    driver = Driver()
    driver.advance(0)
    driver.open()
    driver.receive(Ready())
    for _ in range(5):
        driver.refuse(Refused("locked"))
        for _ in range(35):
            driver.advance(1)
            driver.receive(RoundTrip(0.1))

    assert driver.states[-1] == "reconciling"
    assert len(driver.queries) == 6
    assert driver.supervisor.answered


def test_resyncs_come_at_their_interval_while_live() -> None:
    driver = live(resync_s=300.0)
    for _ in range(100):
        driver.advance(10)
        driver.receive(RoundTrip(0.1))
        if driver.query is not None:
            driver.answer()

    assert len(driver.queries) == 1 + 3


@pytest.mark.parametrize(("open_orders", "expected"), [((), 1), ((PUSH,), 4)])
def test_a_venue_without_open_orders_may_go_without_resyncs(open_orders: tuple[object, ...], expected: int) -> None:
    driver = Driver(quick(resync_s=30.0, resync_when_idle=False), orders=Orders(open=lambda: open_orders))  # type: ignore[arg-type,return-value]
    driver.go_live()
    for _ in range(10):
        driver.advance(10)
        driver.receive(RoundTrip(0.1))
        if driver.query is not None:
            driver.answer()

    assert len(driver.queries) == expected


def test_doubt_brings_the_next_query_forward_once() -> None:
    driver = live()
    driver.supervisor.recheck(driver.now)
    driver.supervisor.recheck(driver.now)
    driver.advance(4.9)
    before = len(driver.queries)
    driver.advance(0.2)
    driver.answer()
    driver.advance(20)

    assert (before, len(driver.queries)) == (1, 2)


def test_a_venue_may_want_to_be_asked_again_soon() -> None:
    driver = Driver(quick(resync_s=300.0, resync_when_idle=False))
    driver.advance(0)
    driver.open()
    driver.receive(Ready())
    driver.answer(QueryResult(again_s=10.0))
    driver.advance(9.9)
    before = len(driver.queries)
    driver.advance(0.2)

    assert (before, len(driver.queries)) == (1, 2)


def test_doubt_does_not_put_a_query_off() -> None:
    driver = live(resync_s=3.0)
    driver.supervisor.recheck(driver.now)
    driver.advance(3.1)

    assert len(driver.queries) == 2


def test_without_resyncs_doubt_asks_nothing() -> None:
    driver = live(resync_s=None)
    driver.supervisor.recheck(driver.now)
    driver.advance(10)

    assert len(driver.queries) == 1


def resync(driver: Driver, **refused: str) -> None:
    """The next resync, in which the venue refuses these parts; the link receives something before it."""
    driver.receive(RoundTrip(0.1))
    driver.advance(10)
    driver.answer(QueryResult(refused=refused))


def test_a_part_that_is_first_refused_for_good_while_the_link_is_silent_is_named_at_once() -> None:
    driver = live(resync_s=10.0)
    resync(driver, A="no")
    resync(driver, A="no")
    driver.receive(RoundTrip(0.1))
    driver.advance(SILENCE_S / 2 + 1)
    before = driver.states[-1]
    driver.answer(QueryResult(refused={"A": "no"}))

    last = [event for event in driver.events if isinstance(event, LinkUpdate)][-1]

    assert before == "stale"
    assert (last.state, last.detail) == ("stale", "without A: no")


def test_a_second_part_that_is_refused_for_good_is_named_too_and_once() -> None:
    driver = live(resync_s=10.0)
    for refused in ({"A": "no"},) * 3 + ({"A": "no", "B": "nor"},) * 4 + ({"B": "nor"},):
        resync(driver, **refused)

    details = [event.detail for event in driver.events if isinstance(event, LinkUpdate) and event.state == "live"]

    assert details == [None, "without A: no", "without A: no; B: nor", "without B: nor"]


def test_a_part_refused_three_times_leaves_the_venue_live_without_it() -> None:
    driver = Driver()
    driver.advance(0)
    driver.open()
    driver.receive(Ready())
    states = []
    for _ in range(3):
        driver.advance(8)
        driver.receive(RoundTrip(0.1))
        driver.answer(QueryResult(refused={"account 7": "funds"}))
        states.append(driver.states[-1])

    assert states == ["reconciling", "reconciling", "live"]
    [live] = [event for event in driver.events if isinstance(event, LinkUpdate) and event.state == "live"]
    assert live.detail == "without account 7: funds"


# Gaps in the venue's time.


@pytest.mark.parametrize("ahead_s", [0.0, 600.0, -3600.0])
def test_a_gap_is_asked_in_the_venues_time_whatever_our_clock_says(ahead_s: float) -> None:
    driver = Driver(wall_ahead_s=ahead_s)
    driver.go_live()
    driver.receive(RoundTrip(0.1, venue_ns=777_000 * SECOND))
    driver.advance(10)
    driver.wall_ahead_s += 7200
    driver.disconnect()
    reconnect(driver)

    assert driver.queries[-1].since_ns == 777_000 * SECOND - MARGIN_NS


@pytest.mark.parametrize(("ahead_s", "warns"), [(6, True), (-6, True), (5, False)])
def test_clocks_that_differ_are_reported_once_also_if_the_handshake_shows_it(ahead_s: int, warns: bool) -> None:
    driver = Driver()
    driver.advance(0)
    for date_ns in (driver.now.wall_ns + ahead_s * SECOND,) * 2:
        driver.run(driver.supervisor.opened(0, 1, HEARTBEAT_S, SILENCE_S, date_ns, driver.now))

    assert sum("is this host's clock right?" in text for text in driver.logs) == warns
    assert driver.stats.clock_offset_s == ahead_s


def test_a_gap_is_asked_in_the_time_that_the_handshake_showed() -> None:
    driver = Driver()
    driver.advance(0)
    driver.run(driver.supervisor.opened(0, 1, HEARTBEAT_S, SILENCE_S, 777_000 * SECOND, driver.now))
    driver.up.add(0)
    driver.receive(Ready())
    driver.answer()
    driver.advance(10)
    driver.receive(RoundTrip(0.1))
    driver.disconnect()
    reconnect(driver)

    assert driver.queries[-1].since_ns == 777_010 * SECOND - MARGIN_NS


def test_the_first_query_may_look_back() -> None:
    driver = Driver()
    driver.supervisor.look_back(777_000 * SECOND)
    driver.advance(0)
    driver.open()
    driver.receive(Ready())

    assert driver.queries[-1].since_ns == 777_000 * SECOND


def test_statements_of_other_links_after_the_break_do_not_move_its_start() -> None:
    latest_ns = 0
    driver = Driver(quick(links=2), orders=Orders(latest_ns=lambda: latest_ns))
    driver.go_live()
    latest_ns = 777_020 * SECOND
    driver.advance(20)
    driver.receive(RoundTrip(0.1), link=1)
    driver.disconnect(link=0)
    reconnect(driver)

    assert driver.queries[-1].since_ns == 777_000 * SECOND - MARGIN_NS


def test_a_restart_is_asked_from_where_coverage_ended_though_other_links_received_more() -> None:
    before = msgspec.structs.replace(PUSH, updated_ns=777_000 * SECOND, received_ns=5 * SECOND)
    later = msgspec.structs.replace(PUSH, order_id="2", updated_ns=777_300 * SECOND, received_ns=305 * SECOND)
    orders = Orders(all=lambda: (before, later), latest_ns=lambda: 777_300 * SECOND)
    driver = Driver(orders=orders)

    driver.run(driver.supervisor.resume(6 * SECOND, None, driver.now))
    driver.advance(0)
    driver.open()
    driver.receive(Ready())

    assert driver.queries[-1].since_ns == 777_000 * SECOND - MARGIN_NS


def test_a_gap_that_goes_on_after_a_restart_is_asked_from_its_start_whatever_came_while_it_was_open() -> None:
    held = [
        msgspec.structs.replace(
            PUSH, order_id=str(at_s), received_ns=at_s * SECOND, updated_ns=(at_s + 777_000) * SECOND
        )
        for at_s in (10, 20, 900)
    ]
    driver = Driver(orders=Orders(all=lambda: held, latest_ns=lambda: 777_900 * SECOND))
    gap = GapUpdate(venue="toy", gap="toy-1", state="open", cause="eof", from_ns=20 * SECOND, at_ns=21 * SECOND)
    driver.run(driver.supervisor.resume(None, gap, driver.now))
    driver.go_live()

    assert driver.queries[-1].since_ns == 777_020 * SECOND - MARGIN_NS


def test_a_query_without_bound_where_nothing_is_known() -> None:
    driver = live()
    driver.disconnect()
    reconnect(driver)

    assert driver.queries[-1].since_ns == EVER


@pytest.mark.parametrize(
    ("complete_since_ns", "outcome"),
    [
        (None, "recovered"),
        (NEVER, "partial"),
        (777_000 * SECOND - 5 * SECOND, "recovered"),
        (777_001 * SECOND, "partial"),
    ],
)
def test_a_gap_is_recovered_only_by_a_query_that_reaches_its_start(complete_since_ns: int | None, outcome: str) -> None:
    driver = live()
    driver.receive(RoundTrip(0.1, venue_ns=777_000 * SECOND))
    driver.disconnect()
    reconnect(driver)
    driver.answer(QueryResult(complete_since_ns=complete_since_ns))

    assert driver.gaps[-1].outcome == outcome


@pytest.mark.parametrize(
    "gap",
    [[REJECT], [Interrupted("venue_logged_out", "logged out", 0), Resumed()]],
    ids=["input that could not be read", "a venue that saw no orders"],
)
def test_statements_of_a_connection_that_is_still_up_need_their_settling_time(gap: list[SessionEvent]) -> None:
    """What the venue answers may be behind its own pushes, of a moment before too."""
    driver = live()
    driver.advance(1)
    driver.receive(*gap)

    assert [query.old_before_ns for query in driver.queries] == [0, 0]


def test_statements_before_the_break_was_noticed_need_no_settling_time() -> None:
    driver = live()
    driver.advance(1)
    driver.disconnect()
    reconnect(driver)

    assert [query.old_before_ns for query in driver.queries] == [0, (START_S + 1) * SECOND]


def test_a_venue_that_sees_no_orders_is_a_gap_until_it_is_back() -> None:
    driver = live()
    driver.advance(9)
    driver.receive(Interrupted("venue_logged_out", "logged out", round((WALL_S + 4) * SECOND)), good=True)
    driver.advance(1)
    driver.receive(RoundTrip(0.1))
    asked = len(driver.queries)
    driver.receive(Resumed())
    driver.answer()

    assert asked == 1
    assert [(gap.state, gap.cause, gap.from_ns) for gap in driver.gaps] == [
        ("open", "venue_logged_out", WALL_S * SECOND),
        ("closed", "venue_logged_out", WALL_S * SECOND),
    ]


def test_a_venue_that_saw_no_orders_before_a_break_is_asked_after_it() -> None:
    driver = live()
    driver.receive(Interrupted("venue_logged_out", "logged out", 0))
    driver.disconnect()
    reconnect(driver)
    driver.answer()

    assert driver.states[-1] == "live"
    assert [gap.state for gap in driver.gaps] == ["open", "closed"]


def test_a_venue_that_sees_no_orders_on_one_link_is_not_asked_while_another_sees_them_again() -> None:
    driver = live(links=2)
    driver.receive(Interrupted("venue_logged_out", "logged out", 0), link=0)
    driver.receive(Interrupted("venue_logged_out", "logged out", 0), link=1)
    driver.receive(Resumed(), link=1)
    before = len(driver.queries)
    driver.receive(Resumed(), link=0)

    assert (before, len(driver.queries)) == (1, 2)


def test_unreadable_input_that_may_have_been_an_order_is_a_gap_and_a_query() -> None:
    driver = live()
    driver.receive(REJECT, good=False)
    driver.answer()

    assert [gap.state for gap in driver.gaps] == ["open", "closed"]
    assert driver.states[-2:] == ["reconciling", "live"]


def test_unreadable_input_that_was_no_order_is_no_gap() -> None:
    driver = live()
    driver.receive(msgspec.structs.replace(REJECT, missed=False), good=False)

    assert driver.gaps == []


# The end, a bug, a stall, a sleep.


def test_refused_credentials_end_the_venue_and_are_not_tried_again() -> None:
    driver = live(links=2)
    driver.disconnect(AuthError("wrong key"))
    driver.advance(600)

    assert isinstance(driver.ended, AuthError)
    assert driver.states[-2:] == ["failed", "failed"]
    assert len(driver.attempts) == 2


@pytest.mark.parametrize("error", [AuthError("wrong key"), ConfigError("no such account")])
def test_a_query_that_is_refused_for_good_ends_the_venue(error: VenueError | ConfigError) -> None:
    driver = live(resync_s=5.0)
    driver.advance(6)
    driver.refuse(error)
    driver.advance(600)

    assert driver.ended is error
    assert (driver.states[-1], len(driver.attempts), len(driver.queries)) == ("failed", 1, 2)


def test_the_third_bug_within_ten_minutes_ends_the_venue_after_growing_waits() -> None:
    driver = live()
    waits = []
    for _ in range(3):
        driver.bug()
        waits.append(driver.waits[-1])
        if driver.ended is None:
            reconnect(driver)
            driver.answer()

    assert isinstance(driver.ended, ValueError)
    assert 1 < waits[0] < 3
    assert 7 < waits[1] < 13


def test_a_bug_found_after_later_messages_is_a_gap_from_what_it_missed() -> None:
    driver = live()
    missed_ns = driver.now.wall_ns
    driver.advance(3)
    driver.receive(RoundTrip(0.1))

    driver.run(driver.supervisor.bug(ValueError("a bug"), driver.now, missed_ns))

    assert driver.gaps[-1].from_ns == missed_ns


def test_bugs_far_apart_do_not_end_the_venue() -> None:
    driver = live()
    for _ in range(5):
        driver.bug()
        reconnect(driver)
        driver.answer()
        for _ in range(31):
            driver.advance(10)
            driver.receive(RoundTrip(0.1))

    assert driver.ended is None


def test_a_stalled_output_closes_the_links_and_opens_none_until_it_has_drained() -> None:
    driver = live()
    driver.run(driver.supervisor.pause(driver.now))
    driver.run(driver.supervisor.pause(driver.now))
    driver.advance(120)
    before = len(driver.attempts)
    driver.supervisor.unpause()
    driver.advance(0)

    assert driver.gaps[0].cause == "output_stalled"
    assert (before, len(driver.attempts)) == (1, 2)


def test_a_sleep_is_a_gap_from_before_it() -> None:
    driver = live()
    driver.advance(5)
    driver.receive(RoundTrip(0.1))
    driver.run(driver.supervisor.slept(round((WALL_S + 2) * SECOND), driver.now))

    assert (driver.gaps[0].cause, driver.gaps[0].from_ns) == ("suspended", (WALL_S + 2) * SECOND)


def test_what_arrives_after_a_sleep_proves_nothing_of_it() -> None:
    driver = live()
    driver.advance(5)
    driver.receive(RoundTrip(0.1))
    actions = driver.supervisor.slept(round((WALL_S + 2) * SECOND), driver.now)
    actions += driver.supervisor.received(0, 1, [PUSH], driver.now, good=True)
    actions += driver.supervisor.disconnected(0, 1, ConnectionLost("closed"), driver.now)
    driver.run([action for action in actions if isinstance(action, EmitEvents)])

    assert [(gap.cause, gap.from_ns) for gap in driver.gaps] == [("suspended", (WALL_S + 2) * SECOND)]
    assert driver.updates == [PUSH]


def test_an_answer_of_before_a_sleep_closes_no_gap() -> None:
    driver = live()
    driver.disconnect()
    reconnect(driver)
    actions = driver.supervisor.slept(round((WALL_S + 2) * SECOND), driver.now)
    actions += driver.supervisor.query_answered(driver.queries[-1].number, QueryResult(), driver.now)

    assert [gap.state for gap in driver.gaps] == ["open"]
    assert not any(isinstance(action, RunQuery | EmitEvents) for action in actions)


def test_a_venue_that_was_stopped_does_not_mind_a_sleep() -> None:
    driver = live()
    driver.disconnect(AuthError("no"))

    assert driver.supervisor.slept(round((WALL_S + 2) * SECOND), driver.now) == []


def test_what_a_former_connection_still_reports_is_ignored() -> None:
    driver = live()
    driver.disconnect()
    driver.advance(60)
    actions = driver.supervisor.received(0, 1, [PUSH], driver.now, good=True)
    actions += driver.supervisor.disconnected(0, 1, ConnectionLost("late"), driver.now)

    assert actions == []


# The second time, the second link, ten minutes later.


def stay_up(driver: Driver, seconds: int, links: int = 1) -> None:
    """Let time pass on live links; each query is answered."""
    for _ in range(seconds):
        driver.advance(1)
        for link in range(links):
            driver.receive(RoundTrip(0.1), link=link)
        if driver.query is not None:
            driver.answer()


def test_each_resync_reaches_back_to_where_the_one_before_it_was_asked() -> None:
    latest_ns = 777_000 * SECOND
    driver = Driver(quick(resync_s=100.0), orders=Orders(latest_ns=lambda: latest_ns))
    driver.go_live()
    for _ in range(3):
        latest_ns += 100 * SECOND
        stay_up(driver, 101)

    starts = [(query.since_ns or 0) + MARGIN_NS for query in driver.queries[1:]]
    assert starts == [777_000 * SECOND, 777_100 * SECOND, 777_200 * SECOND]


def refuse_queries(driver: Driver, count: int) -> list[float]:
    """Seconds until the venue was asked again, for each of so many refusals."""
    waits = []
    for _ in range(count):
        driver.refuse(Refused("busy"))
        since_s = driver.now_s
        while driver.query is None:
            driver.advance(0.1)
            driver.receive(RoundTrip(0.1))
        waits.append(driver.now_s - since_s)
    return waits


def test_the_back_off_of_queries_begins_anew_after_one_that_was_answered() -> None:
    driver = Driver(quick(resync_s=None))
    firsts, lasts = [], []
    for _ in range(6):
        driver.until_attempt()
        driver.open()
        driver.receive(Ready())
        first, *_, last = refuse_queries(driver, 6)
        firsts.append(first)
        lasts.append(last)
        driver.answer()
        driver.disconnect()

    assert max(firsts) <= 2.2
    assert max(lasts) > 5


def test_a_resync_that_fails_while_live_is_asked_again_within_seconds_also_the_sixth_time() -> None:
    driver = live(resync_s=60.0)
    stay_up(driver, 59)
    driver.advance(2)
    waits = refuse_queries(driver, 8)

    assert max(waits) <= 5.2
    assert driver.gaps == []


def test_a_bug_makes_a_link_wait_that_was_down_already() -> None:
    driver = live(links=2, pace=Pace(bug_s=100.0, max_s=1.0))
    driver.disconnect(link=1)
    driver.bug()
    driver.advance(60)

    assert len(driver.attempts) == 2


def test_after_a_sleep_the_venue_is_asked_from_before_it() -> None:
    driver = live()
    driver.receive(RoundTrip(0.1, venue_ns=777_000 * SECOND))
    driver.advance(5)
    driver.receive(RoundTrip(0.1))
    driver.run(driver.supervisor.slept(round((WALL_S + 2) * SECOND), driver.now))
    reconnect(driver)

    assert driver.queries[-1].since_ns == 777_002 * SECOND - MARGIN_NS


def test_each_doubt_brings_a_query_forward() -> None:
    driver = live()
    for _ in range(3):
        driver.supervisor.recheck(driver.now)
        stay_up(driver, 10)

    assert len(driver.queries) == 1 + 3


def test_a_doubt_that_arises_while_a_query_is_under_way_brings_another() -> None:
    driver = live()
    driver.supervisor.recheck(driver.now)
    driver.advance(6)
    driver.supervisor.recheck(driver.now)
    driver.answer()
    stay_up(driver, 10)

    assert len(driver.queries) == 1 + 2


def test_a_doubt_outlives_a_query_that_failed() -> None:
    driver = live(resync_when_idle=False)
    driver.supervisor.recheck(driver.now)
    driver.advance(6)
    driver.refuse(Refused("busy"))
    stay_up(driver, 10)

    assert len(driver.queries) == 1 + 2


def test_our_own_lag_is_no_silence_of_any_link() -> None:
    driver = live(links=3)
    driver.supervisor.next_timer_s()
    driver.now_s += 3 * SILENCE_S
    driver.run(driver.supervisor.timer(driver.now))

    assert "down" not in driver.states


def test_only_what_follows_the_first_connections_are_reconnects() -> None:
    driver = live(links=3)
    before = driver.stats.reconnects
    driver.disconnect(link=1)
    reconnect(driver, link=1)

    assert (before, driver.stats.reconnects) == (0, 1)


def test_the_rate_allows_an_attempt_as_soon_as_the_first_of_the_last_twelve_is_a_minute_old() -> None:
    driver = Driver(quick(pace=Pace(first_s=0.001, max_s=0.001)))
    while len(driver.attempts) < 40:
        driver.advance(1)
        if driver.conns:
            driver.disconnect()

    times = [at_s for at_s, _, _ in driver.attempts]
    assert [later - earlier for earlier, later in zip(times, times[12:], strict=False)] == [
        pytest.approx(60, abs=1)
    ] * 28


def test_a_wait_that_the_rate_prolongs_is_reported_as_it_is() -> None:
    driver = Driver(quick(pace=Pace(first_s=0.001, max_s=0.001)))
    starts = []
    while len(driver.attempts) < 30:
        driver.until_attempt()
        driver.disconnect()
        starts.append(driver.now_s)

    lengths = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert driver.waits[:-1] == pytest.approx(lengths, abs=0.002)


def test_a_silence_that_ends_while_orders_are_queried_is_reconciling_again() -> None:
    driver = Driver()
    driver.advance(0)
    driver.open()
    driver.receive(Ready())
    driver.advance(SILENCE_S * 0.6)
    driver.receive(RoundTrip(0.1))

    assert driver.states[-2:] == ["stale", "reconciling"]


def test_a_resync_answered_while_a_link_is_silent_leaves_it_stale() -> None:
    driver = live(links=2, resync_s=30.0)
    driver.advance(10)
    driver.receive(RoundTrip(0.1), link=0)
    driver.receive(RoundTrip(0.1), link=1)
    driver.advance(10)
    driver.receive(RoundTrip(0.1), link=0)
    driver.advance(10.1)
    driver.receive(RoundTrip(0.1), link=0)
    stale = driver.states[-1]
    driver.answer()

    assert (stale, driver.states[-1], driver.stats.state) == ("stale", "stale", "stale")


def test_longer_waits_that_a_venue_asked_for_once_do_not_stay() -> None:
    driver = Driver(quick(pace=Pace(max_s=4.0)))
    driver.until_attempt()
    driver.disconnect(Refused("phone code", retry_s=(30.0, 60.0)))
    for _ in range(4):
        driver.until_attempt()
        driver.disconnect()

    assert driver.waits[0] >= 30
    assert max(driver.waits[1:]) <= 4


@pytest.mark.parametrize("links", [2, 3])
def test_a_stall_of_the_output_closes_every_link(links: int) -> None:
    driver = live(links=links)
    driver.run(driver.supervisor.pause(driver.now))

    assert driver.conns == {}
    assert [gap.cause for gap in driver.gaps] == ["output_stalled"]


def test_a_resync_after_a_recovered_gap_lets_new_states_settle() -> None:
    driver = live(resync_s=60.0)
    driver.advance(1)
    driver.disconnect()
    reconnect(driver)
    driver.answer()
    stay_up(driver, 61)

    assert [query.old_before_ns for query in driver.queries] == [0, (START_S + 1) * SECOND, 0]


def test_resyncs_do_not_make_a_connection_young() -> None:
    driver = Driver(quick(resync_s=10.0, pace=Pace(first_s=1, max_s=64, steady_s=30)))
    for _ in range(6):
        driver.until_attempt()
        driver.disconnect()
    reconnect(driver)
    driver.answer()
    stay_up(driver, 35)
    driver.disconnect()

    assert max(driver.waits[:-1]) > 8
    assert driver.waits[-1] <= 1


def test_a_connection_is_as_old_as_its_own_first_live() -> None:
    driver = Driver(quick(resync_s=None, pace=Pace(first_s=1, max_s=64, steady_s=30)))
    reconnect(driver)
    driver.answer()
    stay_up(driver, 35)
    for _ in range(7):
        driver.disconnect()
        reconnect(driver)
        driver.answer()
        stay_up(driver, 5)

    assert max(driver.waits) > 4


def test_wrong_configuration_found_while_connecting_ends_the_venue() -> None:
    driver = Driver(quick(links=2))
    driver.advance(0)
    driver.disconnect(ConfigError("no such key"))
    driver.advance(600)

    assert isinstance(driver.ended, ConfigError)
    assert len(driver.attempts) == 2


def test_three_bugs_within_ten_minutes_end_the_venue_also_long_after_another() -> None:
    driver = live(resync_s=None)
    driver.bug()
    reconnect(driver)
    driver.answer()
    stay_up(driver, 1000)
    for _ in range(3):
        driver.bug()
        if driver.ended is None:
            reconnect(driver)
            driver.answer()

    assert isinstance(driver.ended, ValueError)


def test_the_configured_silence_holds_for_the_whole_connection() -> None:
    driver = live(silence_s=4.0)
    driver.advance(1)
    driver.receive(RoundTrip(0.1))
    driver.advance(3.9)
    before = driver.states[-1]
    driver.advance(0.2)

    assert (before, driver.states[-1]) == ("stale", "down")


def test_a_silence_is_stale_first_on_every_connection() -> None:
    driver = live()
    for _ in range(2):
        driver.advance(SILENCE_S + 1)
        reconnect(driver)
        driver.answer()
    driver.advance(SILENCE_S * 0.6)

    assert driver.states.count("stale") == 3


def test_the_answer_of_a_query_that_was_cancelled_is_not_that_of_the_next() -> None:
    driver = live()
    driver.disconnect()
    reconnect(driver)
    former = driver.queries[-1].number
    driver.disconnect()
    reconnect(driver)
    driver.run(driver.supervisor.query_answered(former, QueryResult(), driver.now))

    assert [gap.state for gap in driver.gaps] == ["open"]
    assert driver.states[-1] == "reconciling"


def test_input_that_could_not_be_read_is_no_sign_of_life() -> None:
    driver = live()
    driver.advance(2)
    driver.receive(REJECT, good=False)
    driver.answer()
    driver.advance(2)
    driver.receive(msgspec.structs.replace(REJECT, missed=False), good=False)
    driver.advance(2)
    driver.disconnect()

    assert [gap.from_ns for gap in driver.gaps] == [WALL_S * SECOND] * 3


def test_what_a_connection_reports_between_its_end_and_the_next_attempt_is_ignored() -> None:
    driver = live()
    driver.disconnect()
    actions = driver.supervisor.received(0, 1, [PUSH], driver.now, good=True)
    actions += driver.supervisor.disconnected(0, 1, ConnectionLost("late"), driver.now)

    assert actions == []


REPORTS = [QueryResult(), QueryResult(complete_since_ns=NEVER), QueryResult(refused={"a": "b"})]


class Venue(RuleBasedStateMachine):
    """Anything may happen at any time; the driver checks what must always be so."""

    @initialize(links=st.integers(1, 3), resync=st.sampled_from([None, 5.0, 300.0]))
    def begin(self, links: int, resync: float | None) -> None:
        self.driver = Driver(quick(links=links, resync_s=resync))
        self.driver.advance(0)

    @property
    def going(self) -> list[int]:
        return sorted(self.driver.conns)

    @rule(seconds=st.sampled_from([0.0, 0.3, 3.0, 20.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.driver.advance(seconds)

    @precondition(lambda self: self.driver.ended is None and set(self.going) - self.driver.up)
    @rule(data=st.data())
    def open(self, data: st.DataObject) -> None:
        self.driver.open(data.draw(st.sampled_from(sorted(set(self.going) - self.driver.up))))

    @precondition(lambda self: self.driver.ended is None and self.driver.up)
    @rule(
        data=st.data(),
        event=st.sampled_from(
            [Progress("subscribing"), Ready(), REJECT, PUSH, RoundTrip(0.1), Resumed(), Interrupted("x", "y", 5)]
        ),
        good=st.booleans(),
    )
    def receive(self, data: st.DataObject, event: SessionEvent, good: bool) -> None:
        link = data.draw(st.sampled_from(sorted(self.driver.up)))
        if not (isinstance(event, Progress) and link in self.driver.subscribed):  # no session subscribes twice
            self.driver.receive(event, link=link, good=good)

    @precondition(lambda self: self.driver.ended is None and self.going)
    @rule(
        data=st.data(),
        error=st.sampled_from(
            [ConnectionLost("x", "eof"), RemoteProtocolError("x"), OSError("x"), Refused("x", retry_s=(6, 60))]
        ),
    )
    def disconnect(self, data: st.DataObject, error: Exception) -> None:
        self.driver.disconnect(error, data.draw(st.sampled_from(self.going)))

    @precondition(lambda self: self.driver.query is not None)
    @rule(report=st.sampled_from(REPORTS))
    def answer(self, report: QueryResult) -> None:
        self.driver.answer(report)

    @precondition(lambda self: self.driver.query is not None)
    @rule(error=st.sampled_from([Refused("x"), ConnectionLost("x")]))
    def refuse(self, error: VenueError) -> None:
        self.driver.refuse(error)

    @precondition(lambda self: self.driver.ended is None)
    @rule(seconds=st.sampled_from([0.0, 31.0]), report=st.sampled_from(REPORTS))
    def connect_all(self, seconds: float, report: QueryResult) -> None:
        """Chance alone would hardly ever lead to `live`."""
        self.wait(seconds)
        for link in self.going:
            if link not in self.driver.up:
                self.driver.open(link)
            if link not in self.driver.subscribed:
                self.driver.receive(Ready(), link=link)
        if self.driver.query is not None:
            self.driver.answer(report)

    @precondition(lambda self: self.driver.ended is None)
    @rule()
    def doubt(self) -> None:
        self.driver.supervisor.recheck(self.driver.now)

    @precondition(lambda self: self.driver.ended is None)
    @rule(paused=st.booleans())
    def stall(self, paused: bool) -> None:
        if paused:
            self.driver.run(self.driver.supervisor.pause(self.driver.now))
        else:
            self.driver.supervisor.unpause()

    @precondition(lambda self: self.driver.ended is None)
    @rule()
    def sleep(self) -> None:
        self.driver.run(self.driver.supervisor.slept(self.driver.now.wall_ns - SECOND, self.driver.now))

    @precondition(lambda self: self.driver.ended is None and self.going)
    @rule(data=st.data())
    def refuse_credentials(self, data: st.DataObject) -> None:
        if data.draw(st.integers(0, 9)) == 0:
            self.driver.disconnect(AuthError("x"), data.draw(st.sampled_from(self.going)))

    @invariant()
    def gaps_open_and_close_in_turn(self) -> None:
        gaps = self.driver.gaps
        assert [gap.state for gap in gaps] == (["open", "closed"] * len(gaps))[: len(gaps)]
        assert [gap.gap for gap in gaps] == [f"toy-{1 + index // 2}" for index in range(len(gaps))]
        assert all(gap.to_ns >= gap.from_ns for gap in gaps if gap.to_ns is not None)

    @invariant()
    def attempts_keep_to_their_rate(self) -> None:
        times = [at_s for at_s, _, _ in self.driver.attempts]
        assert all(later >= earlier + ATTEMPTS_WINDOW_S for earlier, later in zip(times, times[12:], strict=False))

    @invariant()
    def a_venue_that_can_be_asked_is_live_or_asked_soon(self) -> None:
        driver = self.driver
        sighted = driver.subscribed - driver.interrupted
        if driver.ended is None and sighted == set(range(driver.policy.links)) and driver.query is None:
            assert driver.supervisor._can_query()
            assert driver.stats.state in ("live", "stale") or driver.supervisor._queries.due_s <= driver.now_s + 30

    @invariant()
    def live_is_no_open_gap(self) -> None:
        if self.driver.stats.state == "live":
            assert self.driver.supervisor.gaps.gap is None


TestVenue = Venue.TestCase
TestVenue.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
