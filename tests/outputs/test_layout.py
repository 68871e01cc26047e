from collections.abc import Callable, Mapping
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordwatch.core.escaping import UNSAFE
from ordwatch.core.events import LinkState, OrderStatus, VenueStats
from ordwatch.core.records import AnyRecord, GapRecord, LinkRecord, OrderRecord
from ordwatch.core.times import time_ns
from ordwatch.outputs.cells import UNICODE, CellLine, width_of
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.layout import table_lines
from ordwatch.outputs.table_state import View

Make = Callable[..., OrderRecord]
NOON_NS = time_ns("2026-03-02T12:00:00.000000Z")
SECOND = 1_000_000_000
LATER_NS = NOON_NS + 10 * SECOND
LIVE = {"alpha": VenueStats(state="live", last_rx_ns=LATER_NS - SECOND // 2, open_orders=2)}


def lines(
    *records: AnyRecord,
    width: int = 200,
    height: int = 50,
    now_ns: int = LATER_NS,
    stats: Mapping[str, VenueStats] | None = LIVE,
) -> list[CellLine]:
    view = View(Filter())
    view.apply(records)
    return table_lines(view.picture(now_ns, height, stats), width, height, zone=UTC, glyphs=UNICODE)


def texts(shown: list[CellLine]) -> list[str]:
    return ["".join(cell.text for cell in line) for line in shown]


def words(line: CellLine) -> list[str]:
    return "".join(cell.text for cell in line).split()


def styles(line: CellLine, word: str) -> str:
    """The style of the cell in which a word stands."""
    return next(cell.style for cell in line if word in cell.text)


def test_the_table_is_the_venues_then_the_orders(order: Make) -> None:
    shown = texts(lines(order(filled_qty="60", avg_price="479.98", status=OrderStatus.PARTIALLY_FILLED)))

    assert shown == [
        " ● alpha  live 0.5 s · 2 open",
        "   AGE  VENUE  SYMBOL   SIDE  STATUS               FILLED / QTY   PRICE     AVG  TYPE   UPDATED       ORDER",
        "  10 s  alpha  AAA-BBB  BUY   PARTIALLY_FILLED  ▓▓▓░░  60 / 100  480.00  479.98  LIMIT  12:00:00.000  1",
    ]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("connecting", " ◐ alpha  connecting"),
        ("authenticating", " ◐ alpha  authenticating"),
        ("subscribing", " ◐ alpha  subscribing"),
        ("reconciling", " ◐ alpha  reconciling"),
        ("live", " ● alpha  live 12 s · 0 open"),
        ("stale", " ◌ alpha  stale 12 s"),
        ("down", " ○ alpha  down 12 s"),
        ("failed", " ✕ alpha  failed 12 s"),
    ],
)
def test_each_state_of_a_venue_has_a_sign_and_its_name(state: LinkState, text: str) -> None:
    assert texts(lines(stats={"alpha": VenueStats(state=state, last_rx_ns=LATER_NS - 12 * SECOND)}))[0] == text


def test_a_gap_that_is_open_says_since_when(gap: Callable[..., GapRecord]) -> None:
    reconciling = {"alpha": VenueStats(state="reconciling")}

    assert texts(lines(gap(), stats=reconciling))[0] == " ◐ alpha  reconciling · gap since 12:00:00"


def test_gaps_that_were_not_wholly_recovered_are_reported(gap: Callable[..., GapRecord]) -> None:
    shown = texts(lines(gap(state="closed"), gap(state="closed", outcome="partial")))

    assert shown[0].endswith(" · 2 gaps, 1 not wholly recovered")


def test_a_venue_that_is_down_says_why_and_when_it_is_tried_again(link: Callable[..., LinkRecord]) -> None:
    down = link("down", detail="connection refused", wait_s=12.0)

    assert texts(lines(down, stats=None))[0] == " ○ alpha  down · next attempt in 2 s · connection refused"


def test_unreadable_input_is_reported() -> None:
    stats = {"alpha": VenueStats(state="live", last_rx_ns=LATER_NS, rejected=3)}

    assert texts(lines(stats=stats))[0] == " ● alpha  live 0.0 s · 0 open · 3 unreadable"


def test_venues_share_a_line_where_it_is_wide_enough_for_all() -> None:
    stats = {"alpha": VenueStats(state="connecting"), "beta": VenueStats(state="connecting")}

    assert texts(lines(stats=stats, width=43))[0] == " ◐ alpha  connecting     ◐ beta  connecting"
    assert texts(lines(stats=stats, width=42))[:2] == [" ◐ alpha  connecting", " ◐ beta  connecting"]


def test_a_table_without_orders_says_so() -> None:
    assert texts(lines())[-1] == " no orders yet"


def test_rows_that_do_not_fit_are_counted(order: Make) -> None:
    orders = [order(order_id=str(n)) for n in range(9)]

    shown = texts(lines(*orders, order(order_id="x", status=OrderStatus.FILLED), height=5))

    assert len(shown) == 5
    assert shown[-1] == " 8 more, 8 of them open"


def test_as_many_rows_as_lines_leave_no_line_for_a_count(order: Make) -> None:
    shown = texts(lines(*[order(order_id=str(n)) for n in range(3)], height=5))

    assert [line[:6] for line in shown[2:]] == ["  10 s"] * 3


def test_columns_leave_from_the_right_and_numbers_stay_whole(order: Make) -> None:
    shown = texts(lines(order(), width=58))

    assert shown[1:] == [
        "   AGE  VENUE  SYMBOL   SIDE  STATUS",
        "  10 s  alpha  AAA-BBB  BUY   NEW",
    ]


def test_amounts_go_without_their_bar_before_they_go(order: Make) -> None:
    shown = texts(lines(order(filled_qty="60"), order(order_id="b", qty="10000.5"), width=64))

    assert shown[1:] == [
        "   AGE  VENUE  SYMBOL   SIDE  STATUS            FILLED / QTY",
        "  10 s  alpha  AAA-BBB  BUY   NEW                    0 / 10000.5",
        "  10 s  alpha  AAA-BBB  BUY   NEW                   60 /   100",
    ]


def test_a_change_is_bold_for_two_seconds(order: Make) -> None:
    fresh = lines(order(), now_ns=NOON_NS + 2 * SECOND - 1)[2]
    settled = lines(order(), now_ns=NOON_NS + 2 * SECOND)[2]

    assert (styles(fresh, "alpha"), styles(settled, "alpha")) == ("bold", "")


def test_a_final_row_is_dim(order: Make) -> None:
    assert {cell.style for cell in lines(order(status=OrderStatus.FILLED))[2]} == {"dim"}


def test_a_row_of_a_venue_that_is_not_live_is_dim(order: Make) -> None:
    down = {"alpha": VenueStats(state="down", last_rx_ns=NOON_NS)}

    assert {cell.style for cell in lines(order(), stats=down)[2]} == {"dim"}


@pytest.mark.parametrize("status", [OrderStatus.REJECTED, OrderStatus.UNKNOWN])
def test_rejects_and_unknowns_stand_out(status: OrderStatus, order: Make) -> None:
    assert styles(lines(order(status=status))[2], status).startswith("bold ")


def test_reasons_are_shown_where_there_is_room(order: Make) -> None:
    shown = texts(lines(order(status=OrderStatus.REJECTED, reason="no margin left")))

    assert shown[2].endswith("  no margin left")


def test_numbers_stand_with_all_their_digits_or_not_at_all_at_every_width(busy_day: list[AnyRecord]) -> None:
    orders = [record for record in busy_day if isinstance(record, OrderRecord)]
    known = {
        *(number for order in orders for number in (order.qty, order.filled_qty, order.price, order.avg_price)),
        *(order.symbol for order in orders),
        *(order.order_id for order in orders),
        *("(60", "10", "12:00:00.000", "2025-12-31"),
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
