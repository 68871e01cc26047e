from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordwatch.core.events import OrderStatus
from ordwatch.core.records import OrderRecord
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.listing import Listing, Selection, Sort
from ordwatch.outputs.table_state import Changes, View

Make = Callable[..., OrderRecord]
NOTHING = Changes({}, False)


def at(second: int) -> str:
    return f"2026-03-02T12:00:{second:02d}.000000Z"


def listing(*orders: OrderRecord, **selection: object) -> Listing:
    """A listing of these orders, in the order in which they changed."""
    view, made = View(Filter()), Listing()
    view.apply(orders)
    made.select(Selection(**selection))  # type: ignore[arg-type]  # any of its fields
    made.apply(view.take_changes())
    return made


def ids(made: Listing) -> str:
    return " ".join(row.order.order_id for row in made.rows(0, len(made)))


@pytest.mark.parametrize(
    ("sort", "sorted_ids"),
    [(Sort.CHANGE, "c b a"), (Sort.UNCHANGED, "a b c"), (Sort.SYMBOL, "b c a"), (Sort.VENUE, "c b a")],
)
def test_rows_are_sorted(sort: Sort, sorted_ids: str, order: Make) -> None:
    orders = [
        order(order_id="a", symbol="Z", venue="gamma", at=at(1)),
        order(order_id="b", symbol="A", venue="beta", at=at(2)),
        order(order_id="c", symbol="M", venue="alpha", at=at(3)),
    ]

    assert ids(listing(*orders, sort=sort)) == sorted_ids


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "a b"),
        ("AAPL", "a"),
        ("aapl", "a"),
        ("buy us.", "a"),
        ("us. buy", "a"),
        ("sell us.", ""),
        ("no margin", "b"),
        ("777", "b"),
        ("c-1", "b"),
        ("partially", "a"),
        ("paper", "b"),
        ("unordered", "a"),
        ("alpha", "a b"),
    ],
)
def test_every_word_must_occur_in_the_order_whatever_its_case(text: str, found: str, order: Make) -> None:
    orders = [
        order(
            order_id="b",
            client_order_id="C-1",
            account="777",
            environment="paper",
            reason="No margin",
            status=OrderStatus.REJECTED,
        ),
        order(order_id="a", symbol="US.AAPL", status=OrderStatus.PARTIALLY_FILLED, flags=("unordered",)),
    ]

    assert ids(listing(*orders, text=text)) == found


def test_final_orders_and_other_venues_can_be_left_out(order: Make) -> None:
    orders = [
        order(order_id="a"),
        order(order_id="b", status=OrderStatus.FILLED),
        order(order_id="c", venue="beta"),
    ]

    assert ids(listing(*orders, open_only=True)) == "c a"
    assert ids(listing(*orders, venue="alpha")) == "b a"


def test_a_longer_text_finds_fewer_orders_and_a_shorter_one_more_again(order: Make) -> None:
    made = listing(*[order(order_id=text) for text in ("7", "77", "777", "9")])
    seen = []

    for text in ("7", "77", "777", "77", "9", ""):
        made.select(Selection(text=text))
        made.apply(NOTHING)
        seen.append(ids(made))

    assert seen == ["777 77 7", "777 77", "777", "777 77", "9", "9 777 77 7"]


def test_listed_and_held_orders_are_counted_apart(order: Make) -> None:
    made = listing(order(order_id="a"), order(order_id="b", status=OrderStatus.FILLED), open_only=True)

    assert (len(made), made.held, made.open_orders) == (1, 2, 1)


def test_only_the_rows_asked_for_are_given(order: Make) -> None:
    made = listing(*[order(order_id=str(n)) for n in range(9)])

    assert [row.order.order_id for row in made.rows(2, 3)] == ["6", "5", "4"]
    assert [row.order.order_id for row in made.rows(8, 3)] == ["0"]


@pytest.mark.parametrize("sort", list(Sort))
def test_a_position_is_where_the_order_stands(sort: Sort, order: Make) -> None:
    made = listing(*[order(order_id=str(n), symbol=f"S{n % 3}") for n in range(9)], sort=sort)

    keys = [made.key_at(position) for position in range(9)]

    assert [made.position(key) for key in keys if key is not None] == list(range(9))
    assert made.key_at(9) is None


def test_what_is_not_listed_has_no_position(order: Make) -> None:
    made = listing(order(status=OrderStatus.FILLED), open_only=True)

    assert made.position(("alpha", "live", None, "1")) is None
    assert made.position(("alpha", "live", None, "2")) is None


def test_orders_without_an_account_and_with_an_empty_one_are_two(order: Make) -> None:
    assert len(listing(order(account=None), order(account=""), sort=Sort.SYMBOL)) == 2


def test_what_left_the_table_leaves_the_list(order: Make) -> None:
    view, made = View(Filter(open_only=True)), Listing()
    view.apply([order(), order(order_id="2")])
    made.apply(view.take_changes())

    view.apply([order(status=OrderStatus.FILLED)])
    made.apply(view.take_changes())

    assert (ids(made), made.held, made.open_orders) == ("2", 1, 1)


def test_within_a_venue_rows_stand_by_their_symbols(order: Make) -> None:
    assert ids(listing(order(order_id="a", symbol="Z"), order(order_id="b", symbol="A"), sort=Sort.VENUE)) == "b a"


def test_an_order_that_is_not_listed_takes_no_other_away_when_it_changes(order: Make) -> None:
    view, made = View(Filter()), listing(order(order_id="9"), open_only=True)
    view.apply([order(order_id="1", status=OrderStatus.FILLED)])
    made.apply(view.take_changes())

    view.apply([order(order_id="1", status=OrderStatus.FILLED, filled_qty="2")])
    made.apply(view.take_changes())

    assert (ids(made), made.held, made.open_orders) == ("9", 2, 1)


def test_of_all_orders_at_once_those_that_are_not_among_them_have_left(order: Make) -> None:
    made = listing(order(order_id="1"), order(order_id="2"), order(order_id="3", status=OrderStatus.FILLED))
    view = View(Filter())
    view.apply([order(order_id="2"), order(order_id="4"), order(order_id="5", status=OrderStatus.FILLED)])

    made.apply(Changes({**view.take_changes().rows, ("alpha", "live", None, "6"): None}, whole=True))

    assert (ids(made), made.held, made.open_orders) == ("5 4 2", 3, 2)


SELECTIONS = st.builds(
    Selection,
    text=st.sampled_from(["", "1", "10", "1 buy", "S1"]),
    open_only=st.booleans(),
    venue=st.sampled_from([None, None, None, "beta"]),
    sort=st.sampled_from([Sort.CHANGE, Sort.CHANGE, *Sort]),
)
CHANGES = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([OrderStatus.NEW, OrderStatus.FILLED]), st.booleans()), max_size=30
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(st.tuples(CHANGES, SELECTIONS), min_size=1, max_size=6))
def test_changes_one_by_one_lead_to_the_list_of_all_at_once(
    steps: list[tuple[list[tuple[int, OrderStatus, bool]], Selection]], order: Make
) -> None:
    view, made, seen = View(Filter()), Listing(), []
    for changes, selection in steps:
        orders = [
            order(order_id=str(n), status=status, venue="beta" if n % 2 else "alpha", symbol=f"S{n % 3}")
            for n, status, _ in changes
        ]
        seen += orders
        view.apply(orders)
        made.apply(view.take_changes())
        made.select(selection)

        once = listing(*seen, **selection._asdict())
        assert ids(made) == ids(once)
        assert (len(made), made.open_orders, made.held) == (len(once), once.open_orders, once.held)
