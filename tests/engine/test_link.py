import math

from ordwatch.engine.link import Link


def up(heartbeat_s: float = 30.0) -> Link:
    link = Link()
    link.begin(1, 110.0)
    link.open(100.0, heartbeat_s, 60.0)
    return link


def test_a_shorter_heartbeat_holds_at_once() -> None:
    link = up(heartbeat_s=30.0)
    link.set_intervals(10.0, 60.0)

    assert link.next_heartbeat_s == 110.0


def test_a_session_that_begins_without_heartbeats_may_have_them_later() -> None:
    link = up(heartbeat_s=math.inf)
    link.set_intervals(10.0, 60.0)

    assert link.next_heartbeat_s == 110.0


def test_a_longer_heartbeat_holds_from_the_next_on() -> None:
    link = up(heartbeat_s=10.0)
    link.set_intervals(30.0, 60.0)

    assert link.next_heartbeat_s == 110.0


def test_a_new_attempt_has_nothing_of_the_one_before() -> None:
    link, fresh = up(), Link()
    link.live_s, link.stale, link.subscribed = 101.0, True, True
    link.end(200.0)
    link.begin(2, 210.0)
    fresh.begin(2, 210.0)

    assert link.next_timer_s() == fresh.next_timer_s() == 210.0
    assert link.live_s is None
    assert [link.stale, link.subscribed, link.is_up] == [False] * 3


def test_nothing_is_current_between_two_attempts() -> None:
    link = up()
    before = link.is_current(1)
    link.end(200.0)

    assert (before, link.is_current(1), link.is_current(0)) == (True, False, False)


def test_an_attempt_that_waits_for_its_first_byte_is_looked_at_at_its_deadline() -> None:
    link = Link()
    link.begin(1, 110.0)

    assert link.next_timer_s() == 110.0
