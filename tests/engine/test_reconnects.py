"""When a link is tried again."""

import math
from random import Random

import pytest

from ordwatch.core.errors import ConnectionLost, Refused, TlsFailed
from ordwatch.engine.link import Link
from ordwatch.engine.policy import Pace
from ordwatch.engine.reconnects import Reconnects

LOST = ConnectionLost("reset")


class Longest(Random):
    """Draws the upper bound, so that a bound is what is seen."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Shortest(Random):
    """Draws the lower bound."""

    def uniform(self, a: float, b: float) -> float:
        return a


def reconnects(draw: Random | None = None, **pace: float) -> Reconnects:
    return Reconnects(Pace(**pace), draw or Longest())  # type: ignore[arg-type]  # a whole number among them


def test_waits_double_up_to_the_longest() -> None:
    tries, link = reconnects(first_s=1.0, max_s=5.0), Link()

    assert [tries.wait_s(link, LOST, 0.0) for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_each_link_has_its_own_waits() -> None:
    tries, one, other = reconnects(), Link(), Link()
    tries.wait_s(one, LOST, 0.0)

    assert tries.wait_s(one, LOST, 0.0) == 2.0
    assert tries.wait_s(other, LOST, 0.0) == 1.0


@pytest.mark.parametrize(("live_for_s", "wait_s"), [(29.0, 2.0), (30.0, 2.0), (31.0, 1.0)])
def test_waits_start_again_after_a_steady_connection(live_for_s: float, wait_s: float) -> None:
    tries, link = reconnects(steady_s=30.0), Link()
    tries.wait_s(link, LOST, 0.0)
    link.live_s = 100.0

    assert tries.wait_s(link, LOST, 100.0 + live_for_s) == wait_s


def test_a_venue_may_ask_for_longer_waits_as_often_as_it_refuses() -> None:
    tries, link = reconnects(), Link()
    full = Refused("full", retry_s=(60.0, 120.0))

    assert [tries.wait_s(link, error, 0.0) for error in (LOST, full, full, LOST)] == [1.0, 60.0, 120.0, 1.0]


def test_a_venue_that_asks_for_no_wait_is_tried_as_after_any_loss() -> None:
    tries, link = reconnects(), Link()

    assert [tries.wait_s(link, error, 0.0) for error in (LOST, Refused("full"), LOST)] == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(("error", "wait_s"), [(LOST, 0.0), (Refused("full", retry_s=(60.0, 120.0)), 60.0)])
def test_only_a_venue_that_asks_for_a_wait_gets_it_for_certain(error: Exception, wait_s: float) -> None:
    assert reconnects(Shortest()).wait_s(Link(), error, 0.0) == wait_s


@pytest.mark.parametrize(("first_s", "wait_s"), [(1.0, 60.0), (100.0, 100.0)])
def test_a_fault_of_tls_waits_a_minute_at_least(first_s: float, wait_s: float) -> None:
    assert reconnects(first_s=first_s, max_s=100.0).wait_s(Link(), TlsFailed("certificate"), 0.0) == wait_s


def test_attempts_of_all_links_keep_to_their_rate() -> None:
    tries = reconnects(attempts_a_minute=2)
    tries.attempt(10.0)

    before_s = tries.allowed_s()
    tries.attempt(15.0)

    assert (before_s, tries.allowed_s()) == (-math.inf, 70.0)
    assert tries.wait_s(Link(), LOST, 20.0) == 50.0


def test_after_internal_errors_the_third_time_is_one_too_many() -> None:
    tries = reconnects(bug_s=2.0)

    assert [tries.wait_after_bug_s(now_s) for now_s in (0.0, 300.0, 599.0)] == [2.5, 12.5, None]


def test_an_old_internal_error_does_not_count() -> None:
    tries = reconnects(bug_s=2.0)

    waits = [tries.wait_after_bug_s(now_s) for now_s in (0.0, 300.0, 600.0, 901.0)]

    assert None not in waits
