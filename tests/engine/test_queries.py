"""When a venue is queried."""

import math
from random import Random

import pytest

from ordwatch.engine.policy import Pace, Policy
from ordwatch.engine.queries import Queries
from ordwatch.venues.contract import QueryResult


class Longest(Random):
    """Draws the upper bound, so that a bound is what is seen."""

    def uniform(self, a: float, b: float) -> float:
        return b


def queries(*, resync_s: float | None = 300.0, when_idle: bool = True, settle_s: float = 0.0) -> Queries:
    pace = Pace(recheck_s=5.0, query_retry_s=(2.0, 16.0))
    policy = Policy("toy", resync_s=resync_s, resync_when_idle=when_idle, settle_s=settle_s, pace=pace)
    return Queries(policy, Longest())


def answered(asked: Queries, result: QueryResult | None = None, now_s: float = 100.0) -> Queries:
    query = asked.start(0, None, 1, 90.0)
    asked.take(query.number)
    asked.on_answer(result or QueryResult(), now_s)
    return asked


def test_the_first_query_is_due_at_once() -> None:
    assert queries().due_s == -math.inf


@pytest.mark.parametrize(("resync_s", "due_s"), [(300.0, 400.0), (None, math.inf)], ids=["resyncs", "no resyncs"])
def test_after_an_answer_comes_the_resync(resync_s: float | None, due_s: float) -> None:
    assert answered(queries(resync_s=resync_s)).due_s == due_s


def test_a_query_may_ask_for_another_one_sooner() -> None:
    assert answered(queries(), QueryResult(again_s=20.0)).due_s == 120.0


def test_that_does_not_put_off_a_doubt_of_before() -> None:
    asked = queries()
    query = asked.start(0, None, 1, 90.0)

    asked.recheck(99.0)
    asked.take(query.number)
    asked.on_answer(QueryResult(again_s=20.0), 100.0)

    assert asked.due_s == 104.0


def test_failures_wait_longer_each_time_and_start_again_after_an_answer() -> None:
    asked, due_s = queries(), []

    for _ in range(5):
        asked.on_failure(100.0, live=False)
        due_s.append(asked.due_s)
    answered(asked).on_failure(100.0, live=False)

    assert due_s == [102.0, 104.0, 108.0, 116.0, 116.0]
    assert asked.due_s == 102.0


def test_a_failure_while_live_is_repeated_soon() -> None:
    asked = queries()

    for _ in range(5):
        asked.on_failure(100.0, live=True)

    assert asked.due_s == 105.0


def test_a_doubt_brings_the_resync_forward_once() -> None:
    asked = answered(queries())

    asked.recheck(110.0)
    asked.recheck(112.0)

    assert asked.due_s == 115.0


def test_doubts_during_a_query_count_from_the_first() -> None:
    asked = queries()
    query = asked.start(0, None, 1, 90.0)

    for now_s in (91.0, 95.0, 99.0):
        asked.recheck(now_s)
    asked.take(query.number)
    asked.on_answer(QueryResult(), 100.0)

    assert asked.due_s == 96.0


def test_an_answer_that_came_too_late_is_asked_for_again_at_once() -> None:
    asked = answered(queries())

    asked.repeat(120.0)

    assert asked.due_s == 120.0


@pytest.mark.parametrize(("resync_s", "due_s"), [(300.0, 700.0), (None, math.inf)], ids=["resyncs", "no resyncs"])
def test_a_resync_that_is_left_out_is_due_again_after_its_interval(resync_s: float | None, due_s: float) -> None:
    asked = answered(queries(resync_s=resync_s))

    asked.skip(400.0)

    assert asked.due_s == due_s


def test_without_resyncs_a_doubt_stays() -> None:
    asked = answered(queries(resync_s=None))

    asked.recheck(110.0)

    assert asked.due_s == math.inf


def test_a_doubt_that_arises_during_a_query_wants_another_one() -> None:
    asked = queries()
    query = asked.start(0, None, 1, 90.0)

    asked.recheck(99.0)
    asked.take(query.number)
    asked.on_answer(QueryResult(), 100.0)

    assert asked.due_s == 104.0


@pytest.mark.parametrize(
    ("when_idle", "open_orders", "doubt", "skips"),
    [
        (True, False, False, False),
        (False, True, False, False),
        (False, False, True, False),
        (False, False, False, True),
    ],
    ids=["always asked", "orders are open", "a state is in doubt", "nothing to ask"],
)
def test_an_idle_venue_may_go_without_resyncs(when_idle: bool, open_orders: bool, doubt: bool, skips: bool) -> None:
    asked = answered(queries(when_idle=when_idle))
    if doubt:
        asked.recheck(110.0)

    assert asked.may_skip(has_open_orders=open_orders) is skips


def test_a_part_that_was_given_up_is_asked_for_though_idle() -> None:
    asked = answered(queries(when_idle=False))

    for _ in range(3):
        asked.refusals.add({"BTC_USDT": "locked"})

    assert not asked.may_skip(has_open_orders=False)


def test_the_result_of_a_query_that_was_replaced_does_not_matter() -> None:
    asked = queries()
    first = asked.start(0, None, 1, 90.0)
    was_running = asked.cancel()
    second = asked.start(0, None, 1, 90.0)

    assert was_running
    assert asked.take(first.number) is None
    assert asked.take(second.number) is second
    assert asked.take(second.number) is None
    assert not asked.cancel()


@pytest.mark.parametrize(
    ("missed_s", "resync_s", "due_s"),
    [(80.0, 300.0, 400.0), (81.0, 300.0, 91.0), (90.0, 300.0, 100.0), (90.0, None, math.inf)],
    ids=["settled when asked", "almost settled", "asked at once", "no resyncs"],
)
def test_an_answer_that_may_be_behind_is_asked_for_again(missed_s: float, resync_s: float | None, due_s: float) -> None:
    asked = queries(resync_s=resync_s, settle_s=10.0)

    asked.request(missed_s)
    answered(asked)

    assert asked.due_s == due_s


def test_the_repeated_query_is_the_last() -> None:
    asked = queries(settle_s=10.0)
    asked.request(90.0)

    answered(asked)
    query = asked.start(0, None, 1, 100.0)
    asked.take(query.number)
    asked.on_answer(QueryResult(), 101.0)

    assert asked.due_s == 401.0
