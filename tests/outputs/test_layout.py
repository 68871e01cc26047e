from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordwatch.core.escaping import UNSAFE
from ordwatch.core.events import OrderStatus, Side, VenueStats
from ordwatch.core.records import AnyRecord, LinkRecord, OrderRecord
from ordwatch.outputs.cells import CellLine, width_of
from tests.support.table import NOON_NS, lines, texts

Make = Callable[..., OrderRecord]


def words(line: CellLine) -> list[str]:
    return "".join(cell.text for cell in line).split()


def styles(line: CellLine, word: str) -> str:
    """The style of the cell in which a word stands."""
    return next(cell.style for cell in line if word in cell.text)


def test_the_table_is_the_venues_then_the_orders(order: Make) -> None:
    shown = texts(lines(order(filled_qty="60", avg_price="479.98", status=OrderStatus.PARTIALLY_FILLED)))

    assert shown == [
        " ● alpha  live 0.5 s · 2 open",
        "    AGE  SYMBOL   SIDE  STATUS                   FILLED / QTY   PRICE     AVG  TYPE   UPDATED       ORDER",
        "   10 s  AAA-BBB  BUY   PARTIALLY_FILLED  ▓▓▓░░      60 / 100  480.00  479.98  LIMIT  12:00:00.000  1",
    ]


def test_a_table_without_orders_says_so() -> None:
    assert texts(lines())[-1] == " no orders yet"


def test_rows_that_do_not_fit_are_counted(order: Make) -> None:
    orders = [order(order_id=str(n)) for n in range(9)]

    shown = texts(lines(*orders, order(order_id="x", status=OrderStatus.FILLED), height=5))

    assert len(shown) == 5
    assert shown[-1] == " 8 more, 8 of them open"


def test_as_many_rows_as_lines_leave_no_line_for_a_count(order: Make) -> None:
    shown = texts(lines(*[order(order_id=str(n)) for n in range(3)], height=5))

    assert [line[:7] for line in shown[2:]] == ["   10 s"] * 3


def test_a_row_that_changed_a_moment_ago_is_bold(order: Make) -> None:
    old = [order(order_id=str(n)) for n in range(7)]

    shown = lines(*old, order(order_id="7", symbol="NEWS", at="2026-03-02T12:00:09.000000Z"))

    assert (styles(shown[2], "NEWS"), styles(shown[3], "AAA-BBB")) == ("bold", "")


def test_a_final_row_is_dim(order: Make) -> None:
    assert {cell.style for cell in lines(order(status=OrderStatus.FILLED))[2]} == {"dim"}


def test_a_row_of_a_venue_that_is_not_live_is_dim(order: Make) -> None:
    down = {"alpha": VenueStats(state="down", last_rx_ns=NOON_NS)}

    assert {cell.style for cell in lines(order(), stats=down)[2]} == {"dim"}


@pytest.mark.parametrize("status", [OrderStatus.REJECTED, OrderStatus.UNKNOWN])
@pytest.mark.parametrize("width", [40, 200])
def test_rejects_and_unknowns_stand_out(status: OrderStatus, width: int, order: Make) -> None:
    assert styles(lines(order(status=status), width=width)[2], status[:4]).startswith("bold ")


def test_the_marked_row_has_a_sign_and_is_reversed_without_blocks_of_other_colours(order: Make) -> None:
    line = lines(order(side=Side.BUY, status=OrderStatus.PENDING_CANCEL), pressed=["j"])[2]

    assert line[0].text.startswith("\u25b6")
    assert {cell.style for cell in line} == {"reverse"}


def test_reasons_are_shown_where_there_is_room(order: Make) -> None:
    shown = texts(lines(order(status=OrderStatus.REJECTED, reason="no margin left")))

    assert shown[2].endswith("  no margin left")


def test_numbers_stand_with_all_their_digits_or_not_at_all_at_every_width(busy_day: list[AnyRecord]) -> None:
    orders = [record for record in busy_day if isinstance(record, OrderRecord)]
    known = {
        *(number for order in orders for number in (order.qty, order.filled_qty, order.price, order.avg_price)),
        *(order.symbol for order in orders),
        *(order.order_id for order in orders),
        *("(60", "10", "12:00:00.000", "2025-12-31", "2", "1", "≈0.0000033"),
        *("0%", "6%", "60%"),
    }

    shown = {
        word
        for width in range(20, 251)
        for line in lines(*busy_day, width=width, stats=None)[4:]
        for word in words(line)
    }

    assert {word for word in shown if any(map(str.isdigit, word)) and "\u2026" not in word} <= known


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (29, " 1200 more, 1200 of them open"),
        (28, " 1200 more"),
        (9, " 1200"),
        (4, ""),
    ],
)
def test_the_count_of_hidden_rows_is_whole_or_absent(width: int, text: str, order: Make) -> None:
    orders = [order(order_id=str(n)) for n in range(1200)]

    assert texts(lines(*orders, width=width, height=3))[-1] == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(width=st.integers(-1, 250), height=st.integers(-1, 8), text=st.text(), number=st.decimals(allow_nan=False))
def test_no_line_is_wider_and_no_table_higher_than_the_terminal(
    width: int, height: int, text: str, number: object, order: Make, link: Callable[..., LinkRecord]
) -> None:
    records: list[AnyRecord] = [
        link("down", venue=text, detail=text, wait_s=1.0),
        order(venue=text, symbol=text, order_id=text, reason=text, account=text, order_type=text, price=str(number)),
        order(order_id="3", qty=text, filled_qty=text[::-1], price=text[1:], avg_price=text[:1]),
        order(order_id="2", account="2", environment="paper"),
    ]

    shown = texts(lines(*records, width=width, height=height, stats=None))

    assert len(shown) <= max(0, height)
    assert max((width_of(line) for line in shown), default=0) <= max(0, width)
    assert not any(UNSAFE.search(line) for line in shown)
