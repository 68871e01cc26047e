from collections.abc import Callable, Mapping
from datetime import UTC

import pytest

from ordwatch.core.events import OrderStatus, Side, VenueStats
from ordwatch.core.records import OrderRecord
from ordwatch.core.times import time_ns
from ordwatch.outputs.cells import ASCII, UNICODE, Glyphs, width_of
from ordwatch.outputs.columns import Column, Scene, fixed_columns, id_column, note_column
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.table_state import View

Make = Callable[..., OrderRecord]
NOON_NS = time_ns("2026-03-02T12:00:00.000000Z")
LIVE = {"alpha": VenueStats(state="live", last_rx_ns=NOON_NS)}


def texts(column: Column) -> list[str]:
    return ["".join(cell.text for cell in piece) for piece in column.pieces]


def columns(
    *orders: OrderRecord, stats: Mapping[str, VenueStats] = LIVE, glyphs: Glyphs = UNICODE, now_ns: int = NOON_NS
) -> dict[str, list[str]]:
    """Title -> what stands below it, the order given first on top."""
    view = View(Filter())
    view.apply(reversed(orders))
    picture = view.picture(now_ns, 99, stats)
    scene = Scene(now_ns, {venue.name: venue for venue in picture.venues}, UTC, glyphs)
    all_columns = [*fixed_columns(picture.rows, scene), id_column(picture.rows, scene, 24)]
    return {column.title.strip(): texts(column) for column in all_columns}


def test_the_columns_stand_in_their_order(order: Make) -> None:
    assert list(columns(order())) == [
        "AGE",
        "VENUE",
        "SYMBOL",
        "SIDE",
        "STATUS",
        "FILLED / QTY",
        "PRICE",
        "AVG",
        "TYPE",
        "UPDATED",
        "ORDER",
    ]


def test_all_pieces_of_a_column_have_its_width(order: Make) -> None:
    view = View(Filter())
    view.apply(
        [
            order(order_id="a", symbol="腾讯", qty="1"),
            order(order_id="b", qty="100.25", filled_qty="0.5"),
            order(order_id="c", qty="１.５", filled_qty="1 / 2", price="一"),
        ]
    )

    shown = fixed_columns(view.picture(NOON_NS, 99, LIVE).rows, Scene(NOON_NS, {}, UTC, UNICODE))

    assert [{width_of(text) for text in texts(column)} for column in shown] == [{column.width} for column in shown]


@pytest.mark.parametrize(
    ("filled", "qty", "bar"),
    [
        ("60", "100", "▓▓▓░░"),
        ("0", "100", "░░░░░"),
        ("0.001", "100", "▓░░░░"),
        ("99.99", "100", "▓▓▓▓░"),
        ("100", "100", "▓▓▓▓▓"),
        ("120", "100", "▓▓▓▓▓"),
        ("1", None, "     "),
        (None, "100", "     "),
        ("0", "0", "     "),
        ("x", "NaN", "     "),
    ],
)
def test_the_bar_is_empty_or_full_only_when_the_order_is(
    filled: str | None, qty: str | None, bar: str, order: Make
) -> None:
    (text,) = columns(order(filled_qty=filled, qty=qty))["FILLED / QTY"]

    assert text[:5] == bar


def test_amounts_are_aligned_on_their_points_and_on_the_slash(order: Make) -> None:
    amounts = columns(
        order(order_id="a", filled_qty="60", qty="100"),
        order(order_id="b", filled_qty="2.5", qty="10000.5"),
        order(order_id="c", filled_qty="0", qty=None),
    )["FILLED / QTY"]

    assert amounts == ["▓▓▓░░  60   /   100  ", "▓░░░░   2.5 / 10000.5", "        0   /     -  "]


def test_a_market_order_has_no_price(order: Make) -> None:
    assert columns(order(order_id="a", price=None), order(order_id="b"))["PRICE"] == ["      ", "480.00"]


def test_an_order_without_fills_has_no_average(order: Make) -> None:
    averages = columns(
        order(order_id="a", filled_qty="0", avg_price="0"),
        order(order_id="b", filled_qty=None, avg_price="0.00"),
        order(order_id="c", filled_qty=None, avg_price="479.98"),
        order(order_id="d", filled_qty="1", avg_price="-0.01"),
    )["AVG"]

    assert [text.strip() for text in averages] == ["", "", "479.98", "-0.01"]


def test_without_unicode_bars_and_cuts_are_ascii(order: Make) -> None:
    shown = columns(order(filled_qty="60", order_id="7" * 30, symbol="腾讯"), glyphs=ASCII)

    assert "".join(text for column in shown.values() for text in column).isascii()
    assert shown["FILLED / QTY"] == ["###..  60 / 100"]


def test_paper_orders_are_marked(order: Make) -> None:
    assert columns(order(environment="paper"))["VENUE"] == ["alpha paper"]


def test_accounts_are_shown_only_where_a_venue_has_several(order: Make) -> None:
    several = columns(order(order_id="a", account="281756455988249902"), order(order_id="b", account="2"))

    assert several["ACCOUNT"] == ["…8249902", "2       "]
    assert "ACCOUNT" not in columns(order(account="2"), order(venue="beta", account="3"))


def test_an_unknown_side_is_blank(order: Make) -> None:
    assert columns(order(side=None), order(order_id="b", side=Side.SELL))["SIDE"] == ["    ", "SELL"]


def test_an_open_order_of_a_venue_that_is_not_live_says_how_old_what_is_known_is(order: Make) -> None:
    down = {"alpha": VenueStats(state="down", last_rx_ns=NOON_NS - 41_000_000_000)}

    shown = columns(order(order_id="a"), order(order_id="b", status=OrderStatus.FILLED), stats=down)

    assert [text.strip() for text in shown["STATUS"]] == ["NEW 41 s ago", "FILLED"]


def test_an_age_counts_from_the_last_change(order: Make) -> None:
    assert columns(order(), now_ns=NOON_NS + 61_000_000_000)["AGE"] == ["1 min"]


def test_a_time_the_venue_did_not_tell_is_blank(order: Make) -> None:
    assert columns(order(updated_at=None))["UPDATED"] == ["       "]


def test_ids_are_whole_where_there_is_room(order: Make) -> None:
    assert columns(order(order_id="70012603317248"))["ORDER"] == ["70012603317248"]


def test_notes_tell_flags_and_reasons(order: Make) -> None:
    view = View(Filter())
    view.apply([order(flags=("unordered",), reason="no margin")])

    column = note_column(view.picture(NOON_NS, 9).rows, Scene(NOON_NS, {}, UTC, UNICODE), 15)

    assert column is not None
    assert texts(column) == ["unordered no m…"]


def test_there_is_no_column_for_no_notes(order: Make) -> None:
    view = View(Filter())
    view.apply([order()])

    assert note_column(view.picture(NOON_NS, 9).rows, Scene(NOON_NS, {}, UTC, UNICODE), 15) is None
