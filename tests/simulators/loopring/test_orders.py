import json

import pytest

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.contract import Intent, Step
from ordwatch.simulators.loopring.orders import Relayer, flat_document, human_text, push_document, to_units
from tests.venues.loopring.joined import step


def played(*steps: Step) -> Relayer:
    relayer = Relayer()
    for number, each in enumerate(steps):
        relayer.play(each, 1000 + number)
    return relayer


@pytest.mark.parametrize(
    ("status", "filled", "truth"),
    [
        ("PENDING_NEW", "0", "PENDING_NEW"),
        ("NEW", "0", "NEW"),
        ("NEW", "1", "PARTIALLY_FILLED"),
        ("PARTIALLY_FILLED", "1", "PARTIALLY_FILLED"),
        ("PENDING_CANCEL", "1", "PENDING_CANCEL"),
        ("CANCELED", "1", "CANCELED"),
        ("EXPIRED", "0", "EXPIRED"),
        ("REJECTED", "0", "REJECTED"),
        ("REJECTED", "1", "CANCELED"),
        ("FILLED", "5", "FILLED"),
        ("UNKNOWN", "0", "UNKNOWN"),
    ],
)
def test_the_truth_is_what_a_record_should_say(status: str, filled: str, truth: str) -> None:
    (state,) = played(step("one", status, filled)).truth("10005").values()

    assert (state.status, state.filled_qty) == (OrderStatus(truth), filled)


def test_every_push_of_an_order_is_later_than_the_one_before() -> None:
    relayer = Relayer()
    order = relayer.play(step("one", "NEW"), 1000)
    first = push_document(order, "order", ())["ts"]
    second = push_document(relayer.play(step("one", "PENDING_CANCEL"), 1000), "order", ())["ts"]

    assert (first, second) == (1000, 1001)


@pytest.mark.parametrize(("side", "fee"), [(Side.BUY, "2000000000000000"), (Side.SELL, "8000000000")])
def test_the_fee_is_a_thousandth_of_what_was_bought(side: Side, fee: str) -> None:
    intent = Intent(side=side, qty="5", price="0.000004")
    relayer = played(Step(order="one", status=OrderStatus.NEW, intent=intent, filled="2"))

    assert flat_document(relayer.orders["one"])["filledFee"] == fee


def test_a_push_can_be_written_as_json() -> None:
    (order,) = played(step("one", "NEW")).orders.values()

    assert (
        json.loads(json.dumps(push_document(order, "order&LRC-ETH", {"integers"})))["data"]["volume"] == 20000000000000
    )


@pytest.mark.parametrize(
    ("text", "decimals", "units"), [("1.5", 6, 1500000), ("0.0000001", 6, 0), ("9" * 60, 18, int("9" * 60 + "0" * 18))]
)
def test_amounts_become_base_units(text: str, decimals: int, units: int) -> None:
    assert to_units(text, decimals) == units


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [(1500000, 6, "1.5"), (0, 18, "0"), (10**20, 18, "100"), (1, 18, "0.000000000000000001")],
)
def test_base_units_become_amounts(units: int, decimals: int, text: str) -> None:
    assert human_text(units, decimals) == text


@pytest.mark.parametrize(
    ("side", "intent", "price"),
    [
        (Side.BUY, {"market_price": "2804.9"}, "2945.1"),
        (Side.SELL, {"market_price": "2804.9"}, "2664.7"),
        (Side.SELL, {"stop_price": "2700"}, "2565.0"),
        (Side.BUY, {}, "2940.0"),
    ],
    ids=["buy", "sell", "stop", "usual"],
)
def test_a_market_order_is_a_limit_order_that_finds_a_price(side: Side, intent: dict[str, str], price: str) -> None:
    placed = Intent(side=side, qty="0.5", price=None, instrument=2, **intent)  # type: ignore[arg-type]  # texts only
    (order,) = played(Step(order="one", status=OrderStatus.NEW, intent=placed)).orders.values()

    assert (order.market, order.price) == ("ETH-USDT", price)
