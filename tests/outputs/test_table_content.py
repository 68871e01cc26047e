"""The table as a whole: keys, sizes and updates in any order."""

import os
from collections.abc import Callable
from datetime import UTC
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordwatch.core.events import OrderStatus, VenueStats
from ordwatch.core.records import AnyRecord, OrderRecord
from ordwatch.core.times import time_text
from ordwatch.outputs.cells import UNICODE, width_of
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.keys import Key, KeyPress
from ordwatch.outputs.screen import Screen
from ordwatch.outputs.table_content import TableContent
from tests.support.table import LATER_NS, LIVE, NOON_NS, SECOND, content, lines, texts
from tests.support.terminal import Terminal, in_cells

Make = Callable[..., OrderRecord]


def test_enter_shows_the_marked_order_whole_and_escape_the_list(order: Make) -> None:
    orders = [order(order_id="first"), order(order_id="second", reason="why")]

    opened = texts(lines(*orders, pressed=["j", Key.ENTER]))
    closed = texts(lines(*orders, pressed=["j", Key.ENTER, Key.ESCAPE]))

    assert opened[0].startswith(" ● alpha")
    assert " reason           why" in opened
    assert closed == texts(lines(*orders, pressed=["j"]))


def test_an_opened_order_shows_what_comes_in(order: Make) -> None:
    made = content([order()])
    made.lines(80, 60, now_ns=NOON_NS, now_s=0, stats=LIVE, keys=True)
    made.press([Key.ENTER])

    made.apply([order(filled_qty="77")])

    assert " filled_qty       77" in texts(made.lines(80, 60, now_ns=NOON_NS, now_s=0, stats=LIVE, keys=True))


def test_the_last_screen_is_the_list_where_the_user_was(order: Make) -> None:
    orders = [order(order_id=f"id-{n}") for n in range(30)]
    made = content(orders)
    for keys in ([], [Key.END], [Key.ENTER]):
        made.press(keys)
        made.lines(80, 12, now_ns=NOON_NS, now_s=0, stats=LIVE, keys=True)

    last = texts(made.lines(80, 12, now_ns=NOON_NS, now_s=0, stats=LIVE))

    assert "id-0" in last[-2]
    assert last[-1] == " 21 more, 21 of them open"


def test_ages_stand_while_it_is_paused(order: Make) -> None:
    made = content([order()])

    def age(now_ns: int) -> str:
        return texts(made.lines(120, 9, now_ns=now_ns, now_s=0, stats=LIVE, keys=True))[2].split("AAA")[0].strip()

    ages = [age(NOON_NS + 2 * SECOND)]
    made.press([" "])
    ages.append(age(NOON_NS + 9 * SECOND))
    made.press([" "])

    assert [*ages, age(NOON_NS + 9 * SECOND)] == ["2 s", "2 s", "9 s"]


def test_an_opened_order_that_leaves_the_table_gives_way_to_the_list(order: Make) -> None:
    made = TableContent(Filter(open_only=True), UTC, UNICODE)
    made.apply([order(order_id="stays"), order()])
    made.lines(80, 60, now_ns=NOON_NS, now_s=0, stats=LIVE, keys=True)
    made.press([Key.ENTER])

    made.apply([order(status=OrderStatus.FILLED)])
    seen = texts(made.lines(80, 60, now_ns=NOON_NS, now_s=0, stats=LIVE, keys=True))

    made.press(["/", "s"])
    then = texts(made.lines(80, 60, now_ns=NOON_NS, now_s=0, stats=LIVE, keys=True))

    assert [line for line in seen if "stays" in line]
    assert not [line for line in seen if "Esc: back" in line]
    assert then[-1].startswith(" /s_")


def test_a_fresh_row_is_bold_for_a_while_and_in_the_last_lines_never(order: Make) -> None:
    made = content([*(order(order_id=f"{n}", at="2026-03-02T11:00:00.000000Z") for n in range(4)), order(order_id="9")])

    def bold(now_s: float, *, last: bool = False) -> tuple[bool, bool]:
        drawn = made.lines(80, 12, now_ns=NOON_NS, now_s=now_s, stats=LIVE, last=last)
        return made.has_bold, any(cell.style.startswith("bold") for line in drawn[2:] for cell in line)

    assert [bold(0.0), bold(0.5, last=True), bold(0.5), bold(9.0)] == [
        (True, True),
        (False, False),
        (True, True),
        (False, False),
    ]


def test_q_is_reported(order: Make) -> None:
    made = content([order()])

    assert [made.press(["j"]), made.press(["q"])] == [False, True]


def test_of_ten_thousand_orders_one_is_found_by_its_id_and_opened(order: Make) -> None:
    made = content([order(order_id=f"77{n:08}", at=time_text(NOON_NS + n * 1000)) for n in range(10_000)])
    made.lines(100, 30, now_ns=LATER_NS, now_s=0, stats=LIVE, keys=True)

    made.press([*"/7700004321", Key.ENTER])

    shown = texts(made.lines(100, 30, now_ns=LATER_NS, now_s=0, stats=LIVE, keys=True))
    assert " order_id         7700004321" in shown


@pytest.mark.parametrize("pressed", [None, [], ["j", Key.ENTER], ["?"], ["/", "a"], [Key.END, " "]], ids=repr)
def test_no_line_is_wider_and_no_screen_higher_than_the_terminal(
    pressed: list[KeyPress] | None, busy_day: list[AnyRecord]
) -> None:
    for width in range(-1, 251):
        shown = texts(lines(*busy_day, width=width, height=width % 13, stats=None, pressed=pressed))
        assert len(shown) <= width % 13
        assert max((width_of(line) for line in shown), default=0) <= max(0, width)


ANY_KEY = st.sampled_from([*Key, *"jjkkovs?/ 1xa", "讯"])
STEPS = st.lists(
    st.tuples(st.lists(ANY_KEY, max_size=3), st.tuples(st.integers(20, 90), st.integers(2, 24)), st.integers(0, 40)),
    min_size=1,
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(steps=STEPS, seed=st.integers(0, 1000), reflows=st.booleans())
def test_whatever_is_typed_while_orders_change_and_the_terminal_is_resized_the_screen_is_whole(
    steps: list[tuple[list[KeyPress], tuple[int, int], int]],
    seed: int,
    reflows: bool,
    order: Make,
    busy_day: list[AnyRecord],
) -> None:
    random = Random(seed)
    made, screen, terminal = content(busy_day), Screen(color=True), Terminal(80, 24, reflows=reflows)
    for number, (keys, size, updates) in enumerate(steps):
        columns, rows = size
        terminal.resize(columns, rows)
        made.apply(_updates(random, updates, order))
        made.press(keys)

        now_ns = NOON_NS + number * SECOND
        shown = made.lines(columns, rows - 1, now_ns=now_ns, now_s=number, stats=_stats(random), keys=number % 5 < 4)
        terminal.feed(screen.draw(shown, os.terminal_size(size), [f"note {number}"][: number % 2]))

        row, column = terminal.cursor
        assert (terminal.cursor_visible, terminal.wraps, column) == (True, True, 0)
        meant = [in_cells(text, columns) for text in texts(shown)]
        assert terminal.cells[row - len(meant) : row] == meant


def _updates(random: Random, count: int, order: Make) -> list[OrderRecord]:
    return [
        order(
            order_id=str(random.randrange(40)),
            status=random.choice(list(OrderStatus)),
            filled_qty=str(random.random() * 10 ** random.randrange(6))[: random.randrange(1, 18)].rstrip("."),
            price=random.choice([None, "1", "0.00000001", "123456.789"]),
            symbol=random.choice(["A", "BTC_USDT", "腾讯控股"]),
            environment=random.choice(["live", "paper"]),
            reason=random.choice([None, "no margin"]),
        )
        for _ in range(count)
    ]


def _stats(random: Random) -> dict[str, VenueStats]:
    return {"alpha": VenueStats(state=random.choice(["live", "down", "reconciling"]), last_rx_ns=NOON_NS)}
