from collections.abc import Callable
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from ordwatch.core.escaping import UNSAFE
from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.records import GapRecord, OrderRecord
from ordwatch.outputs.cells import UNICODE, width_of
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.forms import Scene
from ordwatch.outputs.order_details import detail_lines
from ordwatch.outputs.table_state import View
from ordwatch.outputs.widths import StickyWidths
from tests.support.table import texts

Make = Callable[..., OrderRecord]


def page(*records: OrderRecord | GapRecord, width: int = 200, zone: ZoneInfo | None = None) -> list[str]:
    """The page of the order "1" after these records."""
    view = View(Filter())
    view.apply(records)
    last = next(record for record in reversed(records) if isinstance(record, OrderRecord))
    details = view.details((last.venue, last.environment, last.account, last.order_id))
    assert details is not None
    return texts(detail_lines(details, Scene(0, {}, zone or UTC, UNICODE, StickyWidths()), width))


def test_every_key_of_the_record_is_there(order: Make) -> None:
    shown = "\n".join(page(structs.replace(order(extra={"a": "b"}), raw={"id": "1"})))

    assert [key for key in OrderRecord.__struct_fields__ if key not in shown] == []
    assert ' raw              {"id": "1"}' in shown


def test_values_are_whole_and_times_are_those_of_the_zone(order: Make) -> None:
    shown = page(order(price="0.000000000000000001"), zone=ZoneInfo("Asia/Hong_Kong"))

    assert " price            0.000000000000000001" in shown
    assert " updated_at       2026-03-02T20:00:00.000+08:00" in shown


def test_the_history_is_there_oldest_first(order: Make) -> None:
    shown = page(
        order(),
        order(
            filled_qty="60",
            avg_price="479.98",
            status=OrderStatus.PARTIALLY_FILLED,
            source="query",
            reason="why",
            flags=("unordered",),
        ),
    )

    at = shown.index(" HISTORY: 2 states seen by this ordwatch, oldest first")
    assert shown[at + 1 : at + 3] == [
        " 2026-03-02T12:00:00.000+00:00  NEW               0 / 100  @ 480.00  push",
        " 2026-03-02T12:00:00.000+00:00  PARTIALLY_FILLED  60 / 100  @ 480.00  avg 479.98  query  unordered  why",
    ]


def test_states_that_were_not_kept_are_counted(order: Make) -> None:
    shown = page(*[order(filled_qty=str(n)) for n in range(60)])

    at = shown.index(" HISTORY: 60 states seen by this ordwatch, oldest first")
    assert shown[at + 2] == " ... 10 more"


def test_the_gaps_of_its_venue_are_there(order: Make, gap: Callable[..., GapRecord]) -> None:
    shown = page(order(), gap(state="closed", outcome="partial"), gap())

    assert shown[-2:] == [
        " alpha-1  2026-03-02T12:00:00.000+00:00 to 2026-03-02T12:00:00.000+00:00  eof  partial",
        " alpha-1  2026-03-02T12:00:00.000+00:00 to now  eof  open",
    ]


def test_without_gaps_that_is_said(order: Make) -> None:
    assert page(order())[-1] == " GAPS: none of its venue in this time"


def test_a_long_value_goes_on_below_itself(order: Make) -> None:
    shown = page(order(reason="0123456789" * 5), width=40)

    at = shown.index(f" reason           {'0123456789' * 2}01"[:40])
    assert "".join(line[18:] for line in shown[at : at + 3]) == "0123456789" * 5


def test_in_a_narrow_terminal_a_value_stands_below_its_key(order: Make) -> None:
    shown = page(order(side=Side.SELL_SHORT), width=20)

    assert shown[shown.index(" side") + 1] == "  SELL_SHORT"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(width=st.integers(-1, 120), text=st.text())
def test_no_line_is_wider_than_the_terminal_or_harms_it(width: int, text: str, order: Make) -> None:
    shown = page(order(symbol=text, reason=text, remark=text, raw={text: text}), width=width)

    assert max(map(width_of, shown)) <= max(0, width)
    assert not any(UNSAFE.search(line) for line in shown)


@pytest.mark.parametrize("width", [20, 40, 100])
def test_no_character_of_a_value_is_left_out_at_any_width(width: int, order: Make) -> None:
    text = "".join(chr(0x4E00 + n) + str(n) for n in range(90))

    assert text in "".join(line.strip() for line in page(order(reason=text), width=width))
