"""The status table, row by row."""

import pytest

from ordwatch.core.events import OrderStatus
from ordwatch.venues.coinw.statuses import Told, rule


@pytest.mark.parametrize(
    ("told", "number", "status", "guessed"),
    [
        (Told("DONE", "REJECTED"), 1, OrderStatus.REJECTED, False),
        (Told("RECEIVED", "REJECT"), 1, OrderStatus.REJECTED, False),
        (Told("DONE", "CANCELLED", sized=True, nothing_left=False, some_filled=True), 2, OrderStatus.CANCELED, False),
        (Told("DONE", "CANCELED"), 2, OrderStatus.CANCELED, False),
        (Told("", "CANCELLED"), 2, OrderStatus.CANCELED, False),
        (Told("DONE", "FILLED"), 3, OrderStatus.FILLED, False),
        (Told("DONE", "FILLED", sized=True, nothing_left=False), 3, OrderStatus.FILLED, False),
        (Told("RECEIVED", "FILLED", sized=True, nothing_left=True), 4, OrderStatus.FILLED, False),
        (Told("RECEIVED", "FILLED", nothing_left=True), 4, OrderStatus.PARTIALLY_FILLED, False),
        (Told("MATCH", "FILLED", sized=True, nothing_left=False), 4, OrderStatus.PARTIALLY_FILLED, False),
        (Told("DONE", "", nothing_left=True), 5, OrderStatus.FILLED, True),
        (Told("DONE", "", sized=True, nothing_left=False, some_filled=True), 5, OrderStatus.CANCELED, True),
        (Told("DONE", ""), 5, OrderStatus.UNKNOWN, False),
        (
            Told("RECEIVED", "", sized=True, nothing_left=False, some_filled=True),
            6,
            OrderStatus.PARTIALLY_FILLED,
            False,
        ),
        (Told("MATCH", "", some_filled=True), 6, OrderStatus.PARTIALLY_FILLED, False),
        (Told("RECEIVED", "", sized=True, nothing_left=False), 7, OrderStatus.NEW, False),
        (Told("RECEIVED", "", nothing_left=True), 7, OrderStatus.NEW, False),
        (Told("OPEN", ""), 7, OrderStatus.NEW, False),
        (Told("CHANGE", "", sized=True, nothing_left=False), 8, OrderStatus.UNKNOWN, False),
        (Told("DONE", "EXPIRED"), 8, OrderStatus.UNKNOWN, False),
        (Told("", "TIMEOUT"), 8, OrderStatus.UNKNOWN, False),
    ],
)
def test_first_rule_that_holds_decides(told: Told, number: int, status: OrderStatus, guessed: bool) -> None:
    decided = rule(*told)

    assert (decided.number, decided.status, decided.guessed) == (number, status, guessed)
