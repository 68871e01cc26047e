"""The table's lines for some records, without a terminal."""

from collections.abc import Iterable, Mapping
from datetime import UTC

from ordwatch.core.events import VenueStats
from ordwatch.core.records import AnyRecord
from ordwatch.core.times import time_ns
from ordwatch.outputs.cells import UNICODE, CellLine
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.keys import KeyPress
from ordwatch.outputs.table_content import TableContent

NOON_NS = time_ns("2026-03-02T12:00:00.000000Z")
SECOND = 1_000_000_000
LATER_NS = NOON_NS + 10 * SECOND
LIVE = {"alpha": VenueStats(state="live", last_rx_ns=LATER_NS - SECOND // 2, open_orders=2)}


def content(records: Iterable[AnyRecord]) -> TableContent:
    """A table that has these records."""
    made = TableContent(Filter(), UTC, UNICODE)
    made.apply(records)
    return made


def lines(
    *records: AnyRecord,
    width: int = 200,
    height: int = 50,
    now_ns: int = LATER_NS,
    stats: Mapping[str, VenueStats] | None = LIVE,
    pressed: Iterable[KeyPress] | None = None,
) -> list[CellLine]:
    """What the screen shows, after these keys; None: keys are not read."""
    made = content(records)
    made.lines(width, height, now_ns=now_ns, now_s=0.0, stats=stats, keys=pressed is not None)
    for key in pressed or ():
        made.press([key])
        made.lines(width, height, now_ns=now_ns, now_s=0.0, stats=stats, keys=True)
    return made.lines(width, height, now_ns=now_ns, now_s=0.0, stats=stats, keys=pressed is not None)


def texts(shown: Iterable[CellLine]) -> list[str]:
    """The lines without their styles."""
    return ["".join(cell.text for cell in line) for line in shown]
