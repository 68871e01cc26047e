import asyncio
import os
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordwatch.core.escaping import UNSAFE
from ordwatch.core.events import OrderStatus
from ordwatch.core.records import (
    AliveRecord,
    AnyRecord,
    GapRecord,
    LinkRecord,
    OrderRecord,
    SessionRecord,
    SinkGapRecord,
    VenueAlive,
    for_outputs,
)
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.text import TextLines, text_line

Make = Callable[..., OrderRecord]


def written(path: Path, record: AnyRecord, *, color: bool) -> str:
    async def scenario(fd: int) -> None:
        sink = TextLines(fd, Filter(records="all"), UTC, color)
        sink.start()
        sink.write(for_outputs([record]))
        await sink.close()

    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    asyncio.run(scenario(fd))
    os.close(fd)
    return path.read_text()


def test_an_order_is_a_line_of_columns_then_of_names_and_values(order: Make) -> None:
    line = text_line(order(avg_price="479.98", filled_qty="60", status=OrderStatus.PARTIALLY_FILLED), UTC)

    assert line == (
        "2026-03-02T12:00:00.000+00:00 alpha     ORDER AAA-BBB      BUY  PARTIALLY_FILLED 60/100        "
        "@ 480.00     LIMIT  id=1 avg=479.98 updated=2026-03-02T12:00:00.000+00:00"
    )


def test_what_is_not_known_is_a_dash(order: Make) -> None:
    words = text_line(order(symbol=None, side=None, price=None, qty=None, order_type=None), UTC).split()

    assert words[3:10] == ["-", "-", "NEW", "0/-", "@", "-", "-"]


def test_text_of_several_words_is_quoted(order: Make) -> None:
    assert text_line(order(reason='no "margin" left'), UTC).endswith("reason=\"no 'margin' left\"")


def test_paper_orders_say_so(order: Make) -> None:
    assert " environment=paper" in text_line(order(environment="paper"), UTC)


def test_a_gap_says_where_it_began(gap: Callable[..., GapRecord]) -> None:
    line = text_line(gap(), UTC)

    assert line == (
        "2026-03-02T12:00:00.000+00:00 alpha     GAP   gap=alpha-1 state=open cause=eof "
        "from=2026-03-02T12:00:00.000+00:00"
    )


def test_a_link_says_its_state(link: Callable[..., LinkRecord]) -> None:
    assert text_line(link("down", wait_s=2.5), UTC).endswith("alpha     LINK  conn=1 state=down wait_s=2.5")


def test_an_alive_record_names_the_venues_states() -> None:
    venue = VenueAlive(
        state="live", last_rx=None, rtt_ms=None, updates=0, duplicates=0, rejected=0, reconnects=0, open_orders=0
    )
    alive = AliveRecord(venues={"alpha": venue}, queue=0, loop_lag_ms=0, rss_mib=0, synced_seq=None, at="")

    assert text_line(alive, UTC) == "- -         ALIVE alpha=live"


def test_missed_records_are_counted() -> None:
    missed = SinkGapRecord(count=5, from_="a", to="b", at="")

    assert text_line(missed, UTC) == "- -         SINK_GAP count=5 from=a to=b"


def test_a_session_lists_its_venues_and_counts() -> None:
    session = SessionRecord(
        state="end",
        schema="ordwatch/1",
        version="1",
        pid=1,
        host="h",
        venues=["alpha", "beta"],
        config_sha256=None,
        reason="event limit reached",
        exit=0,
        counts={"written": 3, "late": 0},
        uncertain_s=None,
        at="",
    )

    assert text_line(session, UTC) == (
        "- -         SESSION state=end schema=ordwatch/1 version=1 pid=1 host=h venues=alpha,beta "
        'reason="event limit reached" exit=0 counts=written:3,late:0'
    )


def test_with_color_a_gap_stands_out_and_a_link_does_not(
    tmp_path: Path, gap: Callable[..., GapRecord], link: Callable[..., LinkRecord]
) -> None:
    assert written(tmp_path / "gap", gap(), color=True).startswith("\x1b[1;33m")
    assert written(tmp_path / "link", link("live"), color=True).startswith("\x1b[2m")


def test_there_are_no_escape_sequences_without_color(tmp_path: Path, order: Make) -> None:
    line = written(tmp_path / "out", order(status=OrderStatus.REJECTED, reason="\x1b]0;title\x07"), color=False)

    assert "\x1b" not in line
    assert line.endswith("reason=\\x1b]0;title\\x07\n")


def test_with_color_a_reject_stands_out(tmp_path: Path, order: Make) -> None:
    line = written(tmp_path / "out", order(status=OrderStatus.REJECTED), color=True)

    assert line.startswith("\x1b[1;31m2026-")
    assert line.endswith("\x1b[0m\n")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text())
def test_no_text_of_a_venue_commands_a_terminal_or_ends_the_line(text: str, order: Make) -> None:
    line = text_line(order(symbol=text, order_id=text, reason=text, remark=text, account=text), UTC)

    assert UNSAFE.search(line) is None
