"""Orders as the simulated venue holds them."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.coinw.orders import SimulatedCoinwOrder
from ordwatch.simulators.contract import Intent, Step

INTENT = Intent(side=Side.SELL_SHORT, qty="0.00123456", price="82429.08")


def order(*steps: Step) -> SimulatedCoinwOrder:
    """An order that took these steps."""
    fresh = SimulatedCoinwOrder(1, "mine", INTENT, 5)
    for step in steps:
        fresh.step(step, 6)
    return fresh


def test_spot_knows_no_short_sales() -> None:
    assert order(Step("a", OrderStatus.NEW, INTENT)).pushed()["side"] == "SELL"


def test_rest_cuts_amounts_to_the_decimals_of_the_pair() -> None:
    row = order(Step("a", OrderStatus.PARTIALLY_FILLED, INTENT, filled="0.0012")).history_row()

    assert (row["total"], row["success_count"], row["success_amount"]) == ("0.001234", "0.001200", "98.91")


@pytest.mark.parametrize("status", [OrderStatus.PENDING_CANCEL, OrderStatus.SUSPENDED])
def test_statuses_the_venue_does_not_have_change_nothing(status: OrderStatus) -> None:
    moved = order(Step("a", OrderStatus.NEW, INTENT), Step("a", status, INTENT))

    assert (moved.status, moved.states) == (OrderStatus.NEW, 1)


def test_order_that_expires_elsewhere_is_canceled_here() -> None:
    assert order(Step("a", OrderStatus.EXPIRED, INTENT)).pushed()["reason"] == "CANCELLED"


def test_the_same_step_again_is_no_new_state() -> None:
    assert order(Step("a", OrderStatus.NEW, INTENT), Step("a", OrderStatus.PENDING_NEW, INTENT)).states == 1


def test_native_words_are_played_as_they_are() -> None:
    pushed = order(Step("a", OrderStatus.UNKNOWN, INTENT, native="MATCH/MAKER")).pushed()

    assert (pushed["type"], pushed["reason"]) == ("MATCH", "MAKER")


@pytest.mark.parametrize(
    ("native", "status"),
    [("OPEN", OrderStatus.NEW), ("DONE/CANCELLED", OrderStatus.CANCELED), ("CHANGE", OrderStatus.UNKNOWN)],
)
def test_native_words_that_have_a_meaning_are_taken_by_it(native: str, status: OrderStatus) -> None:
    assert order(Step("a", OrderStatus.UNKNOWN, INTENT, native=native)).status is status


MARKET = Intent(side=Side.BUY, qty="0.5", price=None, instrument=1)


@pytest.mark.parametrize(("market_price", "shown"), [(None, "2800"), ("2815.3", "2815.3")])
def test_market_order_shows_the_price_of_its_own_market(market_price: str | None, shown: str) -> None:
    fresh = SimulatedCoinwOrder(1, "mine", replace(MARKET, market_price=market_price), 5)

    assert (fresh.pushed()["price"], fresh.open_row()["prize"]) == (shown, f"{Decimal(shown):.2f}")


@pytest.mark.parametrize(("side", "fee", "cut"), [(Side.BUY, "0.0002", "0.000200"), (Side.SELL, "0.56", "0.56")])
def test_amounts_of_an_execution_agree(side: Side, fee: str, cut: str) -> None:
    fresh = SimulatedCoinwOrder(1, "mine", replace(MARKET, side=side, price="2790"), 5)
    fresh.step(Step("a", OrderStatus.PARTIALLY_FILLED, fresh.intent, filled="0.2", avg_price="2800"), 6)
    pushed = fresh.pushed()

    assert (pushed["dealFunds"], pushed["dealAvgPrice"], pushed["remaining_size"]) == ("560.0", "2800", "0.3")
    assert (pushed["fee"], fresh.history_row()["fee"], fresh.details("")["fee"]) == (fee, cut, cut)
