import asyncio
import itertools
from types import SimpleNamespace

import pytest

from ordwatch.engine import rates as module
from ordwatch.engine.rates import Rates, backoff
from ordwatch.venues.contract import Rate


def test_waits_never_exceed_a_bound_that_doubles_to_the_cap() -> None:
    waits = list(itertools.islice(backoff(1.0, 8.0), 8))

    assert all(wait <= bound for wait, bound in zip(waits, [1, 2, 4, 8, 8, 8, 8, 8], strict=True))


def test_two_runs_differ() -> None:
    assert list(itertools.islice(backoff(), 8)) != list(itertools.islice(backoff(), 8))


def test_rate_gives_its_places_and_then_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "monotonic", lambda: 100.0)
    rates, rate = Rates(), Rate("r", 3, 30.0)

    assert [rates.take(rate) for _ in range(4)] == [True, True, True, False]


def test_a_place_is_free_again_after_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 100.0, 129.9, 130.1, 130.1])
    monkeypatch.setattr(module, "monotonic", lambda: next(now))
    rates, rate = Rates(), Rate("r", 1, 30.0)

    assert [rates.take(rate) for _ in range(3)] == [True, False, True]


async def test_a_place_counts_from_its_answer_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    rates, rate = Rates(), Rate("r", 1, 1.0)
    place = await rates.wait(rate)
    now[0] = 100.8
    place.answered()
    now[0] = 101.1

    assert rates.delay_s(rate) == pytest.approx(0.701)


async def test_the_next_place_is_that_of_the_oldest_answer_and_not_of_the_first_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    rates, rate = Rates(), Rate("r", 2, 30.0)
    answered_late, _ = [await rates.wait(rate) for _ in range(2)]
    now[0] = 110.0
    answered_late.answered()

    assert rates.delay_s(rate) == pytest.approx(20.001)


def test_a_first_wait_keeps_to_the_cap_too() -> None:
    waits = [next(backoff(60.0, 5.0)) for _ in range(50)]

    assert max(waits) <= 5


def test_a_place_is_free_as_soon_as_the_oldest_leaves_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    rates, rate = Rates(), Rate("r", 3, 30.0)
    for now[0] in (100.0, 110.0, 120.0):
        rates.take(rate)

    assert rates.delay_s(rate) == pytest.approx(10.001)


async def test_two_that_wait_for_one_place_take_it_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    turn = asyncio.sleep

    async def pass_time(seconds: float) -> None:
        until_s = now[0] + seconds
        await turn(0)
        now[0] = max(now[0], until_s)

    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=pass_time))
    rates, rate = Rates(), Rate("r", 1, 30.0)
    rates.take(rate)

    places = await asyncio.gather(rates.wait(rate), rates.wait(rate))

    assert sorted(place.at_s for place in places) == pytest.approx([130, 160], abs=0.01)
