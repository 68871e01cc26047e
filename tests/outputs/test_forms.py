from collections.abc import Callable, Mapping, Sequence
from datetime import UTC

import pytest

from ordwatch.core.events import OrderStatus, Side, VenueStats
from ordwatch.core.records import OrderRecord
from ordwatch.core.times import time_ns
from ordwatch.outputs.cells import ASCII, UNICODE, Glyphs, width_of
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.forms import SHORT_STATUSES, Form, FormCache, Scene, all_forms
from ordwatch.outputs.listing import Listing
from ordwatch.outputs.table_state import TableRow, View
from ordwatch.outputs.widths import StickyWidths

Make = Callable[..., OrderRecord]
NOON_NS = time_ns("2026-03-02T12:00:00.000000Z")
LIVE = {"alpha": VenueStats(state="live", last_rx_ns=NOON_NS)}
DOWN = {"alpha": VenueStats(state="down", last_rx_ns=NOON_NS - 41_000_000_000)}


def forms(
    *orders: OrderRecord,
    stats: Mapping[str, VenueStats] = LIVE,
    glyphs: Glyphs = UNICODE,
    now_ns: int = NOON_NS,
    widths: StickyWidths | None = None,
) -> dict[str, Form]:
    """The forms for these orders, the one given first on top."""
    view, listing = View(Filter()), Listing()
    view.apply(reversed(orders))
    listing.apply(view.take_changes())
    overview = view.overview(now_ns, stats)
    venues = {venue.name: venue for venue in overview.venues}
    scene = Scene(now_ns, venues, UTC, glyphs, widths or StickyWidths(), overview.several_accounts)
    return all_forms(listing.rows(0, 99), scene, FormCache())


def drawn(form: Form, width: int | None = None) -> list[str]:
    """What stands in each row, in the whole width that the form needs or in another."""
    return ["".join(cell.text for cell in piece) for piece in form.draw(form.need if width is None else width)]


def texts(*orders: OrderRecord, form: str, **scene: object) -> list[str]:
    return drawn(forms(*orders, **scene)[form])  # type: ignore[arg-type]  # any argument of `forms`


@pytest.mark.parametrize("form", sorted(all_forms([], Scene(0, {}, UTC, UNICODE, StickyWidths()), FormCache())))
def test_all_cells_of_a_form_have_its_width(form: str, order: Make) -> None:
    made = forms(
        order(order_id="a", symbol="腾讯", qty="1"),
        order(order_id="b", qty="100.25", filled_qty="0.5", avg_price="1.000123", environment="paper"),
        order(order_id="c", qty="１.５", filled_qty="1 / 2", price="一", order_type="MARKET_IF_TOUCHED"),
    )[form]

    for width in (made.need, max(made.least or made.need, made.need - 3)):
        assert {width_of(text) for text in drawn(made, width)} == {width}


@pytest.mark.parametrize(
    ("filled", "qty", "bar"),
    [
        ("60", "100", "▓▓▓░░"),
        ("0", "100", "░░░░░"),
        ("0.001", "100", "▓░░░░"),
        ("99.99", "100", "▓▓▓▓░"),
        ("100", "100", "▓▓▓▓▓"),
        ("1", None, "     "),
    ],
)
def test_the_bar_is_empty_or_full_only_when_the_order_is(
    filled: str | None, qty: str | None, bar: str, order: Make
) -> None:
    (text,) = texts(order(filled_qty=filled, qty=qty), form="amounts with bar")

    assert text[:5] == bar


def amounts(order: Make) -> Sequence[OrderRecord]:
    return [
        order(order_id="a", filled_qty="60", qty="100"),
        order(order_id="b", filled_qty="2.5", qty="10000.5"),
        order(order_id="c", filled_qty="0", qty=None),
    ]


def test_amounts_stand_next_to_the_slash_and_the_slashes_in_one_column(order: Make) -> None:
    assert texts(*amounts(order), form="aligned amounts") == [
        "    60 / 100    ",
        "   2.5 / 10000.5",
        "     0 / -      ",
    ]


def test_amounts_are_as_short_as_they_are(order: Make) -> None:
    assert texts(*amounts(order), form="amounts") == [
        "     60 / 100",
        "2.5 / 10000.5",
        "        0 / -",
    ]


def test_amounts_that_do_not_fit_are_shown_in_percent(order: Make) -> None:
    form = forms(*amounts(order))["amounts"]

    assert drawn(form, 9) == [" 60 / 100", "      <1%", "    0 / -"]


def test_a_price_that_does_not_fit_is_left_out_whole(order: Make) -> None:
    form = forms(order(price="480.00"), order(order_id="b", price="12345.678"))["price"]

    assert drawn(form, 7) == [" 480.00", "      …"]


def test_of_a_monstrous_number_only_its_length_is_shown(order: Make) -> None:
    assert texts(order(price="1" * 61), form="price") == ["(61 digits)"]
    assert texts(order(price="1" * 60), form="price") == ["1" * 60]


def test_a_rounded_average_is_marked(order: Make) -> None:
    made = order(price="480", avg_price="479.98333", filled_qty="1")

    assert texts(made, form="average") == ["≈479.98"]
    assert texts(made, form="average", glyphs=ASCII) == ["~479.98"]


def test_without_unicode_bars_and_cuts_are_ascii(order: Make) -> None:
    made = forms(order(filled_qty="60", order_id="7" * 30, symbol="腾讯", name="腾讯控股"), glyphs=ASCII)

    assert all(text.isascii() for form in made.values() for text in drawn(form, form.least))
    assert drawn(made["amounts with bar"])[0][:5] == "###.."


def test_paper_orders_are_marked_in_every_form_of_the_symbol(order: Make) -> None:
    made = forms(order(environment="paper", symbol="US.AAPL"), order(order_id="b", symbol="US.AAPL"))

    assert drawn(made["symbol"]) == ["US.AAPL (p)", "US.AAPL    "]
    assert drawn(made["symbol"], 8) == ["US.… (p)", "US.AAPL "]
    assert drawn(made["symbol with paper"]) == ["US.AAPL paper", "US.AAPL      "]


def test_a_venue_is_named_only_where_there_are_several(order: Make) -> None:
    assert "venue" not in forms(order())
    assert texts(order(), order(venue="beta"), form="venue") == ["alpha", "beta "]


def test_accounts_are_shown_only_where_a_venue_has_several(order: Make) -> None:
    several = texts(order(account="281756455988249902"), order(order_id="b", account="2"), form="account")

    assert several == ["…8249902", "2       "]
    assert "account" not in forms(order(account="2"), order(venue="beta", account="3"))


@pytest.mark.parametrize(
    ("side", "short", "full"),
    [
        (None, "    ", "    "),
        (Side.SELL, "SELL", "SELL"),
        (Side.SELL_SHORT, "S/S ", "SELL_SHORT"),
        (Side.BUY_BACK, "B/B ", "BUY_BACK"),
    ],
)
def test_a_side_is_short_or_whole(side: Side | None, short: str, full: str, order: Make) -> None:
    assert (texts(order(side=side), form="short side"), texts(order(side=side), form="side")) == ([short], [full])


@pytest.mark.parametrize("status", OrderStatus)
def test_a_short_status_has_six_letters_at_most(status: OrderStatus) -> None:
    assert len(SHORT_STATUSES.get(status, status)) <= 6
    assert len(set(SHORT_STATUSES.values())) == len(SHORT_STATUSES)


@pytest.mark.parametrize(
    ("status", "short", "full"),
    [
        (OrderStatus.NEW, "NEW 41s", "NEW 41 s ago"),
        (OrderStatus.PARTIALLY_FILLED, "PART 41s", "PART 41 s ago"),
        (OrderStatus.PENDING_NEW, "P/NEW 41s", "P/NEW 41 s ago"),
        (OrderStatus.FILLED, "FILLED", "FILLED"),
    ],
)
def test_an_open_order_of_a_venue_that_is_not_live_says_how_old_what_is_known_is(
    status: OrderStatus, short: str, full: str, order: Make
) -> None:
    made = forms(order(status=status), stats=DOWN)

    assert [drawn(made[form])[0].strip() for form in ("short status", "status")] == [short, full]


@pytest.mark.parametrize("seconds", [0, 59, 3599, 80_000, 864_000])
@pytest.mark.parametrize("status", OrderStatus)
def test_the_status_never_needs_more_room(status: OrderStatus, seconds: int, order: Make) -> None:
    stats = {"alpha": VenueStats(state="down", last_rx_ns=NOON_NS - seconds * 1_000_000_000)}

    assert forms(order(status=status), stats=stats)["status"].need == len("PARTIALLY_FILLED")


def test_an_age_counts_from_the_last_change(order: Make) -> None:
    assert texts(order(), form="age", now_ns=NOON_NS + 61_000_000_000) == [" 1 min"]


def test_a_time_the_venue_did_not_report_is_blank(order: Make) -> None:
    assert texts(order(updated_at=None), form="updated") == [" " * 12]


def test_the_time_of_the_venue_is_that_of_the_zone(order: Make) -> None:
    assert texts(order(), form="updated") == ["12:00:00.000"]


def test_ids_are_cut_so_that_their_ends_are_seen(order: Make) -> None:
    form = forms(order(order_id="70012603317248"))["id"]

    assert (drawn(form), drawn(form, 6)) == (["70012603317248"], ["…17248"])


def test_notes_are_the_reason_then_flags_and_what_is_usual_last(order: Make) -> None:
    made = forms(order(flags=("derived:avg_price", "unordered"), reason="no margin"))

    assert drawn(made["note"]) == ["no margin unordered derived:avg_price"]
    assert drawn(made["short note"]) == ["no margin unordered"]


def test_there_are_no_columns_for_what_no_order_has(order: Make) -> None:
    assert forms(order(name=None)).keys() & {"name", "note", "short note"} == set()


def test_a_column_stays_for_a_while_when_what_needed_it_has_gone(order: Make) -> None:
    widths = StickyWidths()
    forms(order(flags=("unordered", "conflict"), price="123456789"), widths=widths)

    after = forms(order(), widths=widths)

    assert drawn(after["note"]) == [" " * len("unordered conflict")]
    assert drawn(after["price"]) == ["   480.00"]


def test_forms_are_kept_until_an_order_or_the_minute_changes(order: Make) -> None:
    cache, row = FormCache(), TableRow(order(), "2026-03-02T12:00:00.000000Z", 1)
    changed = TableRow(order(price="1.5"), "2026-03-02T12:00:00.000000Z", 2)

    def price(row: TableRow, now_ns: int) -> tuple[int, list[str]]:
        form = all_forms([row], Scene(now_ns, {}, UTC, UNICODE, StickyWidths()), cache)["price"]
        return id(form), drawn(form)

    first, again, other, later = price(row, NOON_NS), price(row, NOON_NS + 1), price(changed, NOON_NS), price(row, 0)

    assert (again, other[1], later[1]) == (first, ["  1.5"], first[1])


def test_the_time_since_the_last_change_goes_on_where_nothing_else_does(order: Make) -> None:
    cache, row = FormCache(), TableRow(order(), "2026-03-02T12:00:00.000000Z", 1)
    scenes = [Scene(NOON_NS + seconds * 1_000_000_000, {}, UTC, UNICODE, StickyWidths()) for seconds in (1, 2)]

    assert [drawn(all_forms([row], scene, cache)["age"]) for scene in scenes] == [["   1 s"], ["   2 s"]]
