from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordwatch.core.events import OrderStatus
from ordwatch.core.records import OrderRecord
from ordwatch.outputs.browser import MAX_FILTER, Browser, Mode, Window
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.keys import Key, KeyPress
from ordwatch.outputs.listing import Sort
from ordwatch.outputs.table_state import View

Make = Callable[..., OrderRecord]
PAGE = 4


class Table:
    """A browser with the orders it shows: the order "0" is the oldest, and at the bottom."""

    def __init__(self, orders: Sequence[OrderRecord]) -> None:
        self.view = View(Filter(open_only=False), ["alpha", "beta"])
        self.browser = Browser()
        self.update(*orders)

    def update(self, *orders: OrderRecord) -> Window:
        self.view.apply(orders)
        if not self.browser.paused:
            self.browser.update(self.view.take_changes(), ["alpha", "beta"])
        return self.window()

    def window(self, page: int = PAGE) -> Window:
        return self.browser.window(page)

    def press(self, *keys: KeyPress) -> str:
        """What is on the screen after these keys: ids, the marked one in brackets."""
        for key in keys:
            self.browser.press(key)
        return screen(self.window())


def screen(window: Window) -> str:
    ids = [row.order.order_id for row in window.rows]
    return " ".join(f"[{each}]" if at == window.mark else each for at, each in enumerate(ids))


@pytest.fixture
def ten(order: Make) -> Table:
    return Table([order(order_id=str(n)) for n in range(10)])


def test_without_a_key_the_latest_changes_are_shown_and_none_is_marked(ten: Table) -> None:
    assert screen(ten.window()) == "9 8 7 6"


@pytest.mark.parametrize(
    ("keys", "chosen"), [("", False), ("j", False), (" ", True), ("  ", False), ("o", True), ("v", True), ("s", True)]
)
def test_a_list_that_is_not_simply_the_latest_changes_was_chosen(keys: str, chosen: bool, ten: Table) -> None:
    ten.press(*keys)

    assert ten.browser.chosen is chosen


def test_a_text_shorter_than_the_screen_begins_with_its_first_line(ten: Table) -> None:
    ten.press("?")

    assert ten.browser.scrolled(3, 10) == 0


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ("j", "[9] 8 7 6"),
        ([Key.DOWN], "[9] 8 7 6"),
        ([Key.UP], "[9] 8 7 6"),
        ("jj", "9 [8] 7 6"),
        ("jjk", "[9] 8 7 6"),
        ("jkk", "[9] 8 7 6"),
        ("jjjj", "9 8 7 [6]"),
        ("jjjjj", "8 7 6 [5]"),
        ("jjjjjk", "8 7 [6] 5"),
        ([Key.PAGE_DOWN], "9 8 7 [6]"),
        ([Key.PAGE_DOWN, Key.PAGE_DOWN], "5 4 3 [2]"),
        (["j", Key.PAGE_DOWN], "[5] 4 3 2"),
        (["j", Key.PAGE_DOWN, Key.PAGE_UP], "[9] 8 7 6"),
        ([Key.END], "3 2 1 [0]"),
        ([Key.END, "j"], "3 2 1 [0]"),
        ([Key.END, Key.HOME], "[9] 8 7 6"),
        ([Key.END, Key.PAGE_DOWN], "3 2 1 [0]"),
        ([Key.PAGE_UP], "[9] 8 7 6"),
        ([Key.END, Key.ESCAPE], "9 8 7 6"),
        ("x", "9 8 7 6"),
    ],
)
def test_keys_move_the_mark_and_the_screen_follows(keys: Sequence[KeyPress], seen: str, ten: Table) -> None:
    assert ten.press(*keys) == seen


def test_a_marked_row_that_others_push_down_keeps_its_mark(ten: Table, order: Make) -> None:
    ten.press("j", "j")

    assert screen(ten.update(order(order_id="new"))) == "new 9 [8] 7"


def test_at_the_bottom_of_the_screen_the_rows_above_go_and_the_mark_stays(ten: Table, order: Make) -> None:
    ten.press("j", "j", "j", "j")

    assert screen(ten.update(order(order_id="new"))) == "9 8 7 [6]"


def test_where_the_list_is_scrolled_rows_stay_where_they_are(ten: Table, order: Make) -> None:
    before = ten.press("j", "j", "j", "j", "j", "k")

    assert screen(ten.update(order(order_id="new"), order(order_id="newer"))) == before


def test_the_mark_goes_with_the_order_that_changes(ten: Table, order: Make) -> None:
    ten.press(Key.END)

    assert screen(ten.update(order(order_id="0", filled_qty="1"))) == "[0] 9 8 7"


def test_a_larger_screen_is_filled(ten: Table) -> None:
    ten.press(Key.END)

    assert screen(ten.window(7)) == "6 5 4 3 2 1 [0]"


def test_a_smaller_screen_still_shows_the_mark(ten: Table) -> None:
    ten.press(Key.END)

    assert screen(ten.window(2)) == "1 [0]"


def test_when_the_marked_order_leaves_the_list_its_neighbour_is_marked(ten: Table, order: Make) -> None:
    ten.press("o", "j", "j")

    assert screen(ten.update(order(order_id="8", status=OrderStatus.FILLED))) == "9 [7] 6 5"


def test_when_the_last_order_leaves_the_list_nothing_is_marked(order: Make) -> None:
    table = Table([order(order_id="1")])
    table.press("o", "j")

    assert screen(table.update(order(order_id="1", status=OrderStatus.FILLED))) == ""
    assert table.press("j", Key.ENTER) == ""


def test_the_filter_narrows_the_list_as_one_types(order: Make) -> None:
    table = Table([order(order_id="xb"), order(order_id="xq"), order(order_id="7")])

    assert [table.press(key) for key in ("/", "x", "q")] == ["7 xq xb", "xq xb", "xq"]
    assert table.press(Key.BACKSPACE, Key.BACKSPACE, "7") == "7"
    assert not table.browser.quit


def test_enter_keeps_the_filter_and_escape_clears_it(ten: Table) -> None:
    ten.press("/", "1", Key.BACKSPACE, Key.ENTER)
    assert ten.browser.mode is Mode.LIST

    assert ten.press("/", "7", Key.DOWN) == "[7]"
    assert ten.press(Key.ESCAPE) == "9 8 [7] 6"


def test_while_one_types_nothing_is_marked(ten: Table) -> None:
    assert ten.press("j", "/", "9") == "9"


def test_enter_opens_the_only_order_that_a_filter_left(ten: Table) -> None:
    ten.press("/", "7", Key.ENTER)

    assert (ten.browser.mode, ten.browser.opened) == (Mode.DETAILS, ("alpha", "live", None, "7"))
    ten.press(Key.ENTER)
    assert ten.browser.mode is Mode.DETAILS


def test_escape_while_typing_shows_all_again(ten: Table) -> None:
    assert ten.press("/", "7", Key.ESCAPE) == "9 8 7 6"


def test_backspace_in_an_empty_filter_ends_it(ten: Table) -> None:
    ten.press("/", Key.BACKSPACE)

    assert ten.browser.mode is Mode.LIST


def test_a_filter_has_an_end(ten: Table) -> None:
    ten.press("/", *"x" * (MAX_FILTER + 9))

    assert len(ten.window().selection.text) == MAX_FILTER


def test_enter_opens_the_marked_order_and_escape_goes_back(ten: Table) -> None:
    ten.press("j", "j", Key.ENTER)
    assert (ten.browser.mode, ten.browser.opened) == (Mode.DETAILS, ("alpha", "live", None, "8"))

    assert ten.press(Key.ESCAPE) == "9 [8] 7 6"
    assert ten.browser.mode is Mode.LIST


def test_enter_without_a_mark_opens_the_first_order(ten: Table) -> None:
    ten.press(Key.ENTER)

    assert ten.browser.opened == ("alpha", "live", None, "9")


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        ("", 0),
        ("jj", 2),
        ("jjk", 1),
        ("k", 0),
        ([Key.END], 14),
        ([Key.PAGE_DOWN], 6),
        ([Key.END, Key.HOME], 0),
        ([Key.PAGE_DOWN] * 9, 14),
    ],
)
def test_keys_scroll_an_opened_order(keys: Sequence[KeyPress], first: int, ten: Table) -> None:
    ten.press(Key.ENTER)
    ten.browser.scrolled(20, 6)
    for key in keys:
        ten.browser.press(key)
        ten.browser.scrolled(20, 6)

    assert ten.browser.scrolled(20, 6) == first


def test_open_orders_only_and_all_again(ten: Table, order: Make) -> None:
    ten.update(order(order_id="9", status=OrderStatus.FILLED))

    assert [ten.press("o"), ten.press("o")] == ["8 7 6 5", "9 8 7 6"]


def test_one_venue_after_the_other_then_all(order: Make) -> None:
    table = Table([order(order_id="a"), order(order_id="b", venue="beta")])

    assert [table.press("v") for _ in range(3)] == ["a", "b", "b a"]


def test_sorts_come_one_after_the_other(ten: Table) -> None:
    ten.press()

    assert [ten.press("s") and ten.window().selection.sort for _ in range(4)] == [
        Sort.SYMBOL,
        Sort.UNCHANGED,
        Sort.VENUE,
        Sort.CHANGE,
    ]


def test_a_mark_stays_through_sorting_and_leaves_with_its_order(ten: Table, order: Make) -> None:
    ten.update(order(order_id="9", status=OrderStatus.FILLED))

    assert ten.press("j", "s", "s") == "6 7 8 [9]"
    assert ten.press("o") == "0 1 2 3"


def test_a_pause_holds_what_is_shown_and_the_end_of_it_shows_what_came(ten: Table, order: Make) -> None:
    ten.press(" ")

    paused = ten.update(order(order_id="new"))
    ten.browser.press(" ")

    assert (screen(paused), paused.paused) == ("9 8 7 6", True)
    assert screen(ten.update()) == "new 9 8 7"


def test_one_can_move_and_filter_while_it_is_paused(ten: Table, order: Make) -> None:
    ten.press(" ")
    ten.update(order(order_id="new"))

    assert ten.press(Key.END) == "3 2 1 [0]"
    assert ten.press("/", "7") == "7"
    assert ten.press(Key.ESCAPE, "/", "n", "e", "w") == "9 8 7 6"  # all are NEW


@pytest.mark.parametrize("before", [[], [Key.ENTER]], ids=["the list", "an order"])
def test_the_help_goes_back_to_where_it_was_opened(before: list[KeyPress], ten: Table) -> None:
    ten.press(*before)
    mode = ten.browser.mode

    ten.press("?")
    shown = ten.browser.mode
    ten.press(Key.ESCAPE)
    after = ten.browser.mode
    ten.press("?", "?")

    assert (shown, after, ten.browser.mode) == (Mode.HELP, mode, mode)


@pytest.mark.parametrize("leave", ["?", Key.ESCAPE])
def test_an_order_is_read_from_its_first_line_after_the_help_was_scrolled(leave: KeyPress, ten: Table) -> None:
    ten.press(Key.ENTER, "?", "j", "j", leave)

    assert ten.browser.scrolled(lines=20, height=5) == 0


@pytest.mark.parametrize("before", [[], [Key.ENTER], ["?"], ["j"]])
def test_q_ends_everywhere_but_in_the_filter(before: list[KeyPress], ten: Table) -> None:
    ten.press(*before, "q")

    assert ten.browser.quit


def test_an_order_that_is_no_longer_known_closes_its_page(ten: Table) -> None:
    ten.press(Key.ENTER)

    ten.browser.close_details()

    assert (ten.browser.mode, ten.browser.opened) == (Mode.LIST, None)


ANY_KEY = st.sampled_from([*Key, *"jkovs?/ 17x"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(st.tuples(st.lists(ANY_KEY, max_size=4), st.integers(-1, 30), st.integers(0, 9)), max_size=20))
def test_whatever_is_pressed_the_screen_is_full_and_shows_the_mark(
    steps: list[tuple[list[KeyPress], int, int]], order: Make
) -> None:
    table = Table([order(order_id=str(n), venue="beta" if n % 3 else "alpha") for n in range(20)])
    for keys, page, changed in steps:
        for key in keys:
            table.browser.press(key)
        status = OrderStatus.FILLED if changed % 2 else OrderStatus.NEW
        table.update(order(order_id=str(changed), status=status, venue="beta" if changed % 3 else "alpha"))

        window = table.window(page)

        assert len(window.rows) == min(max(0, page), window.listed)
        assert window.first + len(window.rows) <= window.listed
        assert window.mark is None or page < 1 or 0 <= window.mark < len(window.rows)
