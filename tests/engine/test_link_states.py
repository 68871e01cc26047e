import math

import pytest

from ordwatch.core.events import LinkState, LinkUpdate, VenueStats
from ordwatch.engine.actions import Action, Drop, EmitEvents, SendHeartbeat
from ordwatch.engine.link_states import LinkStates
from ordwatch.engine.moment import Moment
from ordwatch.engine.policy import Policy

WALL_AHEAD_S = 5_000


def at(second: float) -> Moment:
    """That second of the monotonic clock."""
    return Moment(*(round((second + ahead_s) * 1e9) for ahead_s in (WALL_AHEAD_S, 0, 300)))


@pytest.fixture
def stats() -> VenueStats:
    return VenueStats()


@pytest.fixture
def states(stats: VenueStats) -> LinkStates:
    """Two links, the first up since second 100: a heartbeat every 30 s, silent for 60 s at most."""
    states = LinkStates(Policy(venue="toy", links=2, attempt_timeout_s=10.0), stats)
    first = states.all[0]
    first.begin(1, 110.0)
    first.open(100.0, heartbeat_s=30.0, silence_s=60.0)
    first.deadline_s = math.inf
    first.subscribed = True
    states.change(first, "live", at(100))
    return states


def emitted(actions: list[Action]) -> list[object]:
    return [event for action in actions if isinstance(action, EmitEvents) for event in action.events]


def dropped(actions: list[Action]) -> list[tuple[int, str, str]]:
    return [
        (action.link, str(action.error), getattr(action.error, "cause", ""))
        for action in actions
        if isinstance(action, Drop)
    ]


@pytest.mark.parametrize(
    ("first", "second", "venue"),
    [
        ("live", "live", "live"),
        ("live", "stale", "stale"),
        ("stale", "reconciling", "reconciling"),
        ("down", "connecting", "down"),
        ("failed", "down", "failed"),
    ],
)
def test_venue_has_the_state_of_its_worst_link(
    states: LinkStates, stats: VenueStats, first: LinkState, second: LinkState, venue: LinkState
) -> None:
    states.change(states.all[1], second, at(101))
    states.change(states.all[0], first, at(102))

    assert stats.state == venue


def test_change_of_a_link_is_reported(states: LinkStates) -> None:
    down = states.change(states.all[0], "down", at(103), "reset", 1.23456)

    assert down == [
        LinkUpdate(venue="toy", conn=1, state="down", detail="reset", wait_s=1.235, at_ns=(WALL_AHEAD_S + 103) * 10**9)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("subscribed", "interrupted", "ready"),
    [(True, False, True), (False, False, False), (True, True, False)],
    ids=["subscribed", "not acknowledged", "sees no orders"],
)
def test_is_ready_when_every_link_is(states: LinkStates, subscribed: bool, interrupted: bool, ready: bool) -> None:
    states.all[1].subscribed, states.all[1].interrupted = subscribed, interrupted

    assert states.ready is ready


def test_drops_every_link_that_is_tried(states: LinkStates) -> None:
    before = states.drop_all("suspended", "slept")
    states.all[1].begin(2, 120.0)

    assert dropped(before) == [(0, "slept", "suspended")]
    assert dropped(states.drop_all("suspended", "slept")) == [(0, "slept", "suspended"), (1, "slept", "suspended")]


def test_nothing_is_due_before_its_time(states: LinkStates) -> None:
    assert states.check(0, at(129.9)) == []


def test_heartbeat_is_sent_each_time_it_is_due(states: LinkStates) -> None:
    states.all[0].last_rx_s = 140.0

    assert [states.check(0, at(second)) for second in (130, 131, 160)] == [[SendHeartbeat(0)], [], [SendHeartbeat(0)]]


def test_link_is_stale_once_after_half_the_limit(states: LinkStates) -> None:
    states.all[0].next_heartbeat_s = math.inf
    stale = emitted(states.check(0, at(130)))

    assert [(event.state, event.conn, event.detail) for event in stale if isinstance(event, LinkUpdate)] == [
        ("stale", 1, "received nothing for half the silence limit")
    ]
    assert states.check(0, at(131)) == []


def test_silence_before_the_subscription_is_not_reported(states: LinkStates) -> None:
    states.change(states.all[0], "authenticating", at(101))
    states.all[0].next_heartbeat_s = math.inf

    assert states.check(0, at(130)) == []
    assert states.all[0].stale


def test_connection_is_dropped_once_after_the_whole_limit(states: LinkStates) -> None:
    assert dropped(states.check(0, at(161))) == [(0, "received nothing for 61 s", "silent")]
    assert dropped(states.check(0, at(162))) == []
    assert not states.all[0].subscribed


def test_attempt_without_a_subscription_is_dropped_once_at_its_deadline(states: LinkStates) -> None:
    states.all[1].begin(2, 120.0)

    assert [dropped(states.check(1, at(second))) for second in (119, 120, 121)] == [
        [],
        [(1, "no subscription within 10 s", "silent")],
        [],
    ]
