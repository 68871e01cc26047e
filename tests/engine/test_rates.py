import itertools

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
