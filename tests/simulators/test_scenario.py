"""Lifecycles of orders."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import islice

import pytest

from ordwatch.core.events import FINAL, OrderStatus, Side
from ordwatch.simulators.contract import Intent, Market, Step
from ordwatch.simulators.scenario import LIFECYCLES, Lifecycle, lifecycles, market, natives, one_of_each, suspended

INTENT = Intent(side=Side.BUY, qty="500", price="480.2")


def by_order(steps: Iterable[Step]) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(step.order, []).append(step)
    return found


Play = Callable[[str, Intent], Lifecycle]


def name(life: Play) -> str:
    return getattr(life, "__name__", "")


every_life = pytest.mark.parametrize("life", [*LIFECYCLES, suspended], ids=name)


@every_life
def test_every_scenario_ends_final_and_only_there(life: Play) -> None:
    *before, last = life("1", INTENT)

    assert last.status in FINAL
    assert not FINAL & {step.status for step in before}


@every_life
def test_no_scenario_takes_an_execution_back(life: Play) -> None:
    filled = [Decimal(step.filled) for step in life("1", INTENT)]

    assert filled == sorted(filled)
    assert filled[-1] <= Decimal(INTENT.qty)


@every_life
def test_what_is_filled_is_whole(life: Play) -> None:
    last = life("1", INTENT)[-1]

    assert (last.status is OrderStatus.FILLED) == (last.filled == INTENT.qty)


@every_life
def test_every_execution_has_a_price(life: Play) -> None:
    assert all((step.avg_price is not None) == (step.filled != "0") for step in life("1", INTENT))


def test_stories_live_side_by_side() -> None:
    steps = list(lifecycles(count=20))

    assert by_order(steps).keys() == {f"order {number}" for number in range(1, 21)}
    assert [step.order for step in steps] != sorted(step.order for step in steps)


def test_stories_end_every_order() -> None:
    assert all(steps[-1].status in FINAL for steps in by_order(lifecycles(count=50)).values())


def test_stories_go_on_without_end() -> None:
    assert len(list(islice(lifecycles(), 1000))) == 1000


def test_same_seed_makes_the_same_scenarios() -> None:
    assert list(lifecycles(3, 30)) == list(lifecycles(3, 30))
    assert list(lifecycles(3, 30)) != list(lifecycles(4, 30))


def test_stories_visit_several_accounts_and_instruments() -> None:
    intents = [step.intent for step in lifecycles(count=100)]

    assert len({intent.account for intent in intents}) > 3
    assert len({intent.instrument for intent in intents}) > 3


def test_stories_keep_their_pace() -> None:
    waits_s = [step.after_s for step in lifecycles(count=400, rate=10.0)]

    assert 0.08 < sum(waits_s) / len(waits_s) < 0.12


def test_one_of_each_plays_every_life_once() -> None:
    assert len(by_order(one_of_each())) == len(LIFECYCLES)


def test_natives_play_each_word_on_an_order_of_its_own() -> None:
    steps = natives(["22", "24"], INTENT)

    assert [(step.order, step.native) for step in steps] == [
        ("native 22", None),
        ("native 22", "22"),
        ("native 24", None),
        ("native 24", "24"),
    ]


def test_orders_are_executed_at_their_limit_or_better() -> None:
    intents = [
        step.intent for step in lifecycles(count=300, markets=[Market("2800", "0.1", "0.05")]) if step.intent.price
    ]
    prices = [(intent, Decimal(intent.price or 0), Decimal(intent.market_price or 0)) for intent in intents]

    assert all(paid <= limit if intent.side is Side.BUY else paid >= limit for intent, limit, paid in prices)
    assert all(abs(paid - limit) <= Decimal("0.3") for _, limit, paid in prices)
    assert any(paid != limit for _, limit, paid in prices)


@every_life
def test_every_execution_is_at_the_market_price(life: Play) -> None:
    intent = Intent(side=Side.BUY, qty="500", price="480.2", market_price="480")

    assert {step.avg_price for step in life("1", intent) if step.avg_price} <= {"480", intent.price}


def test_market_order_is_executed_at_the_market_price() -> None:
    steps = market("1", Intent(side=Side.BUY, qty="500", price="480.2", market_price="480"))

    assert [step.avg_price for step in steps] == [None, "480", "480"]
