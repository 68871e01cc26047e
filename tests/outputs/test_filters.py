from collections.abc import Callable

import pytest

from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.records import AnyRecord, GapRecord, LinkRecord, OrderRecord, SinkGapRecord
from ordwatch.outputs.filters import Filter, RecordChoice

Make = Callable[..., OrderRecord]


@pytest.mark.parametrize("glob", ["AAA-*", "aaa-bbb", "???-BBB"])
def test_a_symbol_is_found_by_a_glob_in_any_letter_case(glob: str, order: Make) -> None:
    assert Filter(symbols=(glob,)).passes(order(symbol="AAA-BBB"))


def test_a_glob_must_match_the_whole_symbol(order: Make) -> None:
    assert not Filter(symbols=("AAA",)).passes(order(symbol="AAA-BBB"))


def test_values_of_one_option_are_alternatives(order: Make) -> None:
    keep = Filter(symbols=("X*", "AAA*"))

    assert keep.passes(order(symbol="AAA-BBB"))


def test_different_options_must_all_hold(order: Make) -> None:
    keep = Filter(symbols=("AAA*",), sides=frozenset({Side.SELL}))

    assert not keep.passes(order(symbol="AAA-BBB", side=Side.BUY))


def test_status_side_and_account_are_compared_as_they_are(order: Make) -> None:
    keep = Filter(statuses=frozenset({OrderStatus.NEW}), sides=frozenset({Side.BUY}), accounts=frozenset({"7"}))

    assert keep.passes(order(status=OrderStatus.NEW, side=Side.BUY, account="7"))
    assert not keep.passes(order(status=OrderStatus.FILLED, side=Side.BUY, account="7"))
    assert not keep.passes(order(status=OrderStatus.NEW, side=None, account="7"))
    assert not keep.passes(order(status=OrderStatus.NEW, side=Side.BUY, account=None))


def test_open_only_hides_final_orders_and_keeps_unknown_ones(order: Make) -> None:
    keep = Filter(open_only=True)

    assert not keep.passes(order(status=OrderStatus.CANCELED))
    assert keep.passes(order(status=OrderStatus.UNKNOWN))


@pytest.mark.parametrize(
    ("records", "gap_passes", "link_passes"),
    [("orders", False, False), ("gaps", True, False), ("all", True, True)],
)
def test_records_says_which_kinds_a_stream_carries(
    records: RecordChoice,
    gap_passes: bool,
    link_passes: bool,
    gap: Callable[..., GapRecord],
    link: Callable[..., LinkRecord],
) -> None:
    keep = Filter(records=records)

    assert (keep.passes(gap()), keep.passes(link("live"))) == (gap_passes, link_passes)


@pytest.mark.parametrize("records", ["orders", "gaps", "all"])
def test_a_sink_gap_always_passes(records: RecordChoice) -> None:
    missed: AnyRecord = SinkGapRecord(count=1, from_="", to="", at="")

    assert Filter(records=records, open_only=True).passes(missed)


def test_rows_about_older_changes_are_hidden_and_pushes_and_rows_without_a_time_are_not(order: Make) -> None:
    keep = Filter(rows_since="2026-03-02T09:30:00.000000Z")
    early, late = "2026-03-02T09:29:59.999999Z", "2026-03-02T09:30:00.000000Z"

    assert [
        keep.passes(order(source=source, updated_at=at))
        for source, at in [("query", early), ("query", late), ("query", None), ("push", early)]
    ] == [False, True, True, True]


def test_an_order_is_chosen_by_an_end_of_its_id(order: Make) -> None:
    keep = Filter(orders=("17",))

    assert [keep.passes(order(order_id=each)) for each in ("117", "17", "171")] == [True, True, False]


def test_an_end_of_several_ids_is_a_warning(order: Make, caplog: pytest.LogCaptureFixture) -> None:
    keep = Filter(orders=("17",))

    assert keep.passes(order(order_id="117"))
    assert keep.passes(order(order_id="217"))

    assert caplog.messages == ["--order 17: matches several orders, such as 117 and 217"]
