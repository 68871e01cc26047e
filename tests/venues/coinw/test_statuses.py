"""The status table, row by row."""

import pytest

from ordwatch.core.events import OrderStatus
from ordwatch.venues.coinw.statuses import ReportedOrder, rule


@pytest.mark.parametrize(
    ("reported", "number", "status", "guessed"),
    [
        (ReportedOrder("DONE", "REJECTED"), 1, OrderStatus.REJECTED, False),
        (ReportedOrder("RECEIVED", "REJECT"), 1, OrderStatus.REJECTED, False),
        (
            ReportedOrder("DONE", "CANCELLED", sized=True, nothing_left=False, some_filled=True),
            2,
            OrderStatus.CANCELED,
            False,
        ),
        (ReportedOrder("DONE", "CANCELED"), 2, OrderStatus.CANCELED, False),
        (ReportedOrder("", "CANCELLED"), 2, OrderStatus.CANCELED, False),
        (ReportedOrder("DONE", "FILLED"), 3, OrderStatus.FILLED, False),
        (ReportedOrder("DONE", "FILLED", sized=True, nothing_left=False), 3, OrderStatus.FILLED, False),
        (ReportedOrder("RECEIVED", "FILLED", sized=True, nothing_left=True), 4, OrderStatus.FILLED, False),
        (ReportedOrder("RECEIVED", "FILLED", nothing_left=True), 4, OrderStatus.PARTIALLY_FILLED, False),
        (ReportedOrder("MATCH", "FILLED", sized=True, nothing_left=False), 4, OrderStatus.PARTIALLY_FILLED, False),
        (ReportedOrder("DONE", "", nothing_left=True), 5, OrderStatus.FILLED, True),
        (ReportedOrder("DONE", "", sized=True, nothing_left=False, some_filled=True), 5, OrderStatus.CANCELED, True),
        (ReportedOrder("DONE", ""), 5, OrderStatus.UNKNOWN, False),
        (
            ReportedOrder("RECEIVED", "", sized=True, nothing_left=False, some_filled=True),
            6,
            OrderStatus.PARTIALLY_FILLED,
            False,
        ),
        (ReportedOrder("MATCH", "", some_filled=True), 6, OrderStatus.PARTIALLY_FILLED, False),
        (ReportedOrder("RECEIVED", "", sized=True, nothing_left=False), 7, OrderStatus.NEW, False),
        (ReportedOrder("RECEIVED", "", nothing_left=True), 7, OrderStatus.NEW, False),
        (ReportedOrder("OPEN", ""), 7, OrderStatus.NEW, False),
        (ReportedOrder("CHANGE", "", sized=True, nothing_left=False), 8, OrderStatus.UNKNOWN, False),
        (ReportedOrder("DONE", "EXPIRED"), 8, OrderStatus.UNKNOWN, False),
        (ReportedOrder("", "TIMEOUT"), 8, OrderStatus.UNKNOWN, False),
    ],
)
def test_first_rule_that_holds_decides(
    reported: ReportedOrder, number: int, status: OrderStatus, guessed: bool
) -> None:
    decided = rule(*reported)

    assert (decided.number, decided.status, decided.guessed) == (number, status, guessed)
