from collections.abc import Callable, Sequence

import pytest

from ordwatch.core.events import OrderStatus
from ordwatch.core.records import OrderRecord
from ordwatch.outputs.cells import width_of
from ordwatch.outputs.footer import KEYS, help_lines
from ordwatch.outputs.keys import Key, KeyPress
from tests.support.table import content, lines, texts

Make = Callable[..., OrderRecord]
HINTS = "  Enter: details  /: filter  ?: keys  q: end"


@pytest.fixture
def orders(order: Make) -> list[OrderRecord]:
    return [
        *(order(order_id=f"id-{n}") for n in range(3)),
        order(order_id="filled", status=OrderStatus.FILLED, venue="beta"),
    ]


@pytest.mark.parametrize(
    ("pressed", "text"),
    [
        ([], " 4 orders, 3 open" + HINTS),
        ("jj", " 2 of 4 orders, 3 open" + HINTS),
        ("o", " 3 of 4 orders, 3 open  open only" + HINTS),
        ("jo", " 3 of 4 orders, 3 open  open only" + HINTS),
        ("joj", " 1 of 3 of 4 orders, 3 open  open only" + HINTS),
        ("v", " 3 of 4 orders, 3 open  alpha only" + HINTS),
        ("s", " 4 orders, 3 open  by symbol" + HINTS),
        (" ", " PAUSED, 0 new  4 orders, 3 open" + HINTS),
        ("/i", " /i_  4 orders, 3 open  Enter: keep  Esc: clear"),
        ("/id-1", " /id-1_  1 of 4 orders, 1 open  Enter: details  Esc: clear"),
        (["/", "i", Key.ENTER], " /i  4 orders, 3 open" + HINTS),
    ],
)
def test_the_last_line_says_what_was_chosen(pressed: Sequence[KeyPress], text: str, orders: list[OrderRecord]) -> None:
    assert texts(lines(*orders, pressed=pressed))[-1] == text


def test_what_came_during_a_pause_is_counted(order: Make, orders: list[OrderRecord]) -> None:
    made = content(orders)
    made.lines(80, 9, now_ns=0, now_s=0, stats=None, keys=True)
    made.press([" "])

    made.apply([order(order_id="new"), order(order_id="new", filled_qty="1")])

    shown = texts(made.lines(80, 9, now_ns=0, now_s=0, stats=None, keys=True))
    assert shown[-1].startswith(" PAUSED, 2 new")
    assert not [line for line in shown if line.endswith("  new")]


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (62, " 4 orders, 3 open" + HINTS),
        (61, " 4 orders, 3 open" + HINTS),
        (60, " 4 orders, 3 open  ?: keys  q: end"),
        (26, " 4 orders, 3 open  ?: keys"),
        (17, " 4 orders, 3 open"),
    ],
)
def test_what_does_not_fit_is_left_out_whole(width: int, text: str, orders: list[OrderRecord]) -> None:
    assert texts(lines(*orders, pressed=[], width=width))[-1] == text


def test_of_a_long_filter_the_end_is_seen(orders: list[OrderRecord]) -> None:
    assert texts(lines(*orders, pressed="/0123456789", width=8))[-1] == " 456789_"


def test_the_last_screen_says_what_was_chosen_without_keys(orders: list[OrderRecord]) -> None:
    made = content(orders)
    made.press("o")
    made.lines(80, 9, now_ns=0, now_s=0, stats=None, keys=True)

    assert texts(made.lines(80, 9, now_ns=0, now_s=0, stats=None))[-1] == " 3 of 4 orders, 3 open  open only"


def test_a_filter_that_leaves_nothing_says_of_how_many(orders: list[OrderRecord]) -> None:
    assert " none of 4 orders" in texts(lines(*orders, pressed="/zzz"))


@pytest.mark.parametrize("width", [0, 7, 40, 200])
def test_the_help_fits_any_width(width: int) -> None:
    assert max(width_of(text) for text in texts(help_lines(width))) <= width


def test_the_help_names_every_key() -> None:
    shown = "\n".join(texts(lines(pressed="?")))

    assert [key for key, text in KEYS if f" {key} " not in shown or text not in shown] == []
    assert "Esc: back" in shown


def test_the_place_in_a_long_text_is_shown() -> None:
    assert texts(lines(pressed=["?", Key.DOWN], height=8))[-1].startswith(" lines 2 to 7 of ")
