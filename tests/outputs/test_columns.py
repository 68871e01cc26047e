from collections.abc import Callable
from datetime import UTC

import pytest

from ordwatch.core.events import OrderStatus, Side, VenueStats
from ordwatch.core.records import OrderRecord
from ordwatch.core.times import time_ns
from ordwatch.outputs.cells import UNICODE, width_of
from ordwatch.outputs.columns import ORDER, STEPS, fitting_columns, gap_of
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.forms import FormCache, Scene
from ordwatch.outputs.listing import Listing
from ordwatch.outputs.table_state import View
from ordwatch.outputs.widths import StickyWidths

Make = Callable[..., OrderRecord]
NOON_NS = time_ns("2026-03-02T12:00:00.000000Z")


def table(*orders: OrderRecord, width: int, widths: StickyWidths | None = None) -> list[str]:
    """Titles and rows in so many cells, the order given first on top."""
    view, listing = View(Filter()), Listing()
    view.apply(reversed(orders))
    listing.apply(view.take_changes())
    live = VenueStats(state="live", last_rx_ns=NOON_NS)
    overview = view.overview(NOON_NS, {order.venue: live for order in orders})
    venues = {venue.name: venue for venue in overview.venues}
    scene = Scene(NOON_NS, venues, UTC, UNICODE, widths or StickyWidths(), overview.several_accounts)
    columns = fitting_columns(listing.rows(0, 99), scene, width, FormCache())
    gap = " " * gap_of(width)
    rows = [
        gap.join("".join(cell.text for cell in column.pieces[at]) for column in columns) for at in range(len(orders))
    ]
    return [gap.join(column.title for column in columns), *rows]


@pytest.fixture
def day(order: Make) -> list[OrderRecord]:
    """Ordinary orders of three venues."""
    return [
        order(
            venue="opend",
            order_id="3964487191003619252",
            account="281756455988249902",
            symbol="HK.09988",
            environment="paper",
            side=Side.SELL_SHORT,
            status=OrderStatus.PARTIALLY_FILLED,
            filled_qty="550",
            qty="1100",
            price="154.4",
            avg_price="154.8",
            name="阿里巴巴-W",
        ),
        order(
            venue="coinw",
            order_id="4624530513302091146",
            symbol="BTC_USDT",
            filled_qty="0.0054",
            qty="0.009",
            price="82129.95",
            order_type="LIMIT",
        ),
        order(
            venue="loopring",
            order_id="0xf5248a7a7dd9c6b6f82b06a53559886b588efa3d37dc2048fd5590103cefb08c",
            symbol="LRC-ETH",
            side=Side.SELL,
            status=OrderStatus.REJECTED,
            qty="10000",
            price="0.0000392",
            reason="not enough LRC",
        ),
    ]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (
            39,
            [
                "SYMBOL       SIDE STATUS FILL     PRICE",
                "HK.09988 (p) S/S  PART    50%     154.4",
                "BTC_USDT     BUY  NEW     60%  82129.95",
                "LRC-ETH      SELL REJECT   0% 0.0000392",
            ],
        ),
        (
            59,
            [
                "SYMBOL      SIDE  STATUS  FILLED / QTY        PRICE  ORDER ",
                "HK.09… (p)  S/S   PART       550 / 1100       154.4  …19252",
                "BTC_USDT    BUY   NEW     0.0054 / 0.009   82129.95  …91146",
                "LRC-ETH     SELL  REJECT       0 / 10000  0.0000392  …fb08c",
            ],
        ),
        (
            79,
            [
                "SYMBOL          SIDE        STATUS            FILLED / QTY        PRICE  ORDER ",
                "HK.09988 paper  SELL_SHORT  PARTIALLY_FILLED     550 / 1100       154.4  …19252",
                "BTC_USDT        BUY         NEW               0.0054 / 0.009   82129.95  …91146",
                "LRC-ETH         SELL        REJECTED               0 / 10000  0.0000392  …fb08c",
            ],
        ),
    ],
)
def test_what_a_trader_needs_first_is_there_at_every_width(
    width: int, shown: list[str], day: list[OrderRecord]
) -> None:
    assert table(*day, width=width) == shown


def test_a_wide_terminal_shows_everything(day: list[OrderRecord]) -> None:
    titles, first, second, third = table(*day, width=199)

    assert titles.split() == [
        *("AGE", "VENUE", "SYMBOL", "SIDE", "STATUS", "FILLED", "/", "QTY", "PRICE", "AVG", "TYPE", "UPDATED", "NAME"),
        *("ORDER", "NOTE"),
    ]
    assert "阿里巴巴-W" in first
    assert "▓▓▓░░" in second
    assert third.endswith("not enough LRC")


@pytest.mark.parametrize(
    ("width", "added"),
    [
        (79, "SYMBOL SIDE STATUS FILLED / QTY PRICE ORDER"),
        (88, "AGE SYMBOL SIDE STATUS FILLED / QTY PRICE ORDER"),
        (104, "AGE SYMBOL SIDE STATUS FILLED / QTY PRICE ORDER NOTE"),
        (114, "AGE VENUE SYMBOL SIDE STATUS FILLED / QTY PRICE ORDER NOTE"),
        (126, "AGE VENUE SYMBOL SIDE STATUS FILLED / QTY PRICE AVG ORDER NOTE"),
        (140, "AGE VENUE SYMBOL SIDE STATUS FILLED / QTY PRICE AVG UPDATED ORDER NOTE"),
    ],
)
def test_further_columns_come_in_the_order_of_their_use(width: int, added: str, day: list[OrderRecord]) -> None:
    assert " ".join(table(*day, width=width)[0].split()) == added


def test_no_row_is_wider_than_the_terminal(day: list[OrderRecord]) -> None:
    widest = {width: max(map(width_of, table(*day, width=width))) for width in range(-1, 250)}

    assert [width for width, seen in widest.items() if seen > max(0, width)] == []


def test_the_whole_width_is_used_while_anything_is_left_out(day: list[OrderRecord]) -> None:
    unused = {width: width - width_of(table(*day, width=width)[0]) for width in range(39, 200)}

    assert {width: left for width, left in unused.items() if left > 18} == {}


def test_one_monstrous_number_costs_the_others_nothing(day: list[OrderRecord], order: Make) -> None:
    monster = order(
        venue="coinw", order_id="9", filled_qty="30.000000000000000001", qty="500.5", price="0.1" + "0" * 30
    )

    shown = table(*day, monster, width=79)

    assert shown[:4] == table(*day, width=79)
    assert shown[4].split() == ["AAA-BBB", "BUY", "NEW", "5%", "…", "9"]


def test_columns_stand_still_when_rows_come_and_go(day: list[OrderRecord], order: Make) -> None:
    widths = StickyWidths()
    before = table(*day, width=120, widths=widths)[0]

    after = table(order(venue="opend"), order(order_id="2", venue="coinw"), width=120, widths=widths)[0]

    assert after == before


def test_every_step_names_a_column(order: Make) -> None:
    assert {step.column for step in STEPS} == set(ORDER)


def test_without_rows_the_titles_stand() -> None:
    assert table(width=39)[0].split() == ["SYMBOL", "SIDE", "STATUS", "FILLED", "/", "QTY", "PRICE"]
