from collections.abc import Callable

import pytest

from ordwatch.core.records import OrderRecord
from ordwatch.outputs.amounts import average_text, bar_cells, percent_text

Make = Callable[..., OrderRecord]


@pytest.mark.parametrize(
    ("filled", "qty", "percent", "cells"),
    [
        ("60", "100", "60%", 3),
        ("0", "100", "0%", 0),
        ("0.001", "100", "<1%", 1),
        ("99.999999999999999999999999999999999", "100", "99%", 4),
        ("100", "100", "100%", 5),
        ("120", "100", "100%", 5),
        ("1", "3", "33%", 1),
        ("-1", "3", "0%", 0),
        ("1", None, "-", None),
        (None, "100", "-", None),
        ("0", "0", "-", None),
        ("x", "NaN", "-", None),
        ("1", "9" * 500, "-", None),
    ],
)
def test_a_share_is_whole_or_nothing_only_when_the_order_is(
    filled: str | None, qty: str | None, percent: str, cells: int | None, order: Make
) -> None:
    made = order(filled_qty=filled, qty=qty)

    assert (percent_text(made), bar_cells(made, 5)) == (percent, cells)


@pytest.mark.parametrize(
    ("price", "average", "text"),
    [
        ("480.00", "479.98", "479.98"),
        ("480", "479.98", "479.98"),
        ("480", "479.980000", "479.980000"),
        ("480", "479.9833", "≈479.98"),
        ("480", "479.9999", "≈480"),
        ("0.000004", "0.00000329999", "≈0.0000033"),
        ("1", "0.00012345", "≈0.00012"),
        ("-1.5", "-1.23456", "≈-1.235"),
        (None, "82013.123456789", "≈82013.123"),
        (None, "0.00000329999", "0.00000329999"),
        (None, "123456789.5", "≈123456790"),
        ("1", "1" * 60, "1" * 60),
        ("1", "soon", "soon"),
    ],
)
def test_an_average_has_the_digits_of_its_price_and_two_more(
    price: str | None, average: str, text: str, order: Make
) -> None:
    assert average_text(order(price=price, avg_price=average, filled_qty="1")) == text


@pytest.mark.parametrize(
    ("filled", "average", "text"),
    [
        ("0", "0", None),
        ("0", "479.98", None),
        (None, "0.00", None),
        (None, "479.98", "479.98"),
        ("1", "0", "0"),
        ("1", None, None),
        ("0", "soon", None),
    ],
)
def test_an_order_without_fills_has_no_average(
    filled: str | None, average: str | None, text: str | None, order: Make
) -> None:
    assert average_text(order(filled_qty=filled, avg_price=average)) == text


def test_the_average_of_a_stop_order_has_the_digits_of_its_stop_price(order: Make) -> None:
    assert average_text(order(price=None, stop_price="1.5", avg_price="1.23456", filled_qty="1")) == "≈1.235"
