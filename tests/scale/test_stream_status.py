"""How collectors are, from the last messages of their subjects."""

from collections.abc import Callable

import msgspec
import pytest

from ordwatch.core.records import AnyRecord, encode
from ordwatch.recording.format import crc_of, mark, with_crc
from ordwatch.scale import stream_status, subjects
from ordwatch.scale.nats_client import StreamMessage
from tests.recording.samples import alive, end, gap_closed, gap_opened, link, order, start

NS = 10**9
NOW_NS = 1_900_000_000 * NS


def message(record: AnyRecord, seq: int, *, collector: str = "a", age_s: float = 5.0) -> StreamMessage:
    line = with_crc(encode(record), seq)
    headers = {"Nats-Msg-Id": f"{collector}/{seq}/{crc_of(line)}"}
    return StreamMessage(subjects.subject(collector, mark(line)), line, headers, 100 + seq, NOW_NS - int(age_s * NS))


def covering(*entries: str, age_s: float = 5.0, collector: str = "a", seq: int = 3) -> StreamMessage:
    record = alive(10)
    venue = msgspec.structs.replace(record.venues["alpha"], covers=list(entries))
    record = msgspec.structs.replace(record, venues={"alpha": venue}, synced_seq=9, published_seq=7)
    return message(record, seq, collector=collector, age_s=age_s)


def running(*more: StreamMessage, collector: str = "a", age_s: float = 5.0) -> list[StreamMessage]:
    return [message(start(), 1, collector=collector, age_s=age_s), *more]


def covered(messages: list[StreamMessage]) -> list[bool]:
    return [venue.covered for venue in stream_status.joint(stream_status.collectors(messages, NOW_NS))]


def test_a_collector_that_is_alive_covers_its_venue() -> None:
    (state,) = stream_status.collectors(running(covering("x")), NOW_NS)

    assert (state.collector, state.host, state.running, state.seq, state.lag) == ("a", "here", True, 3, 2)
    assert state.age_s == 5.0
    assert state.venues["alpha"].kind == "toy"
    assert state.venues["alpha"].covered


@pytest.mark.parametrize(
    "messages",
    [
        lambda: running(covering("x", age_s=26)),
        lambda: [message(end(), 9), covering("x")],
        lambda: running(covering("x"), message(link("down"), 4)),
        lambda: running(covering("x"), message(gap_opened(1), 4)),
        lambda: [covering("x")],
    ],
    ids=["overdue", "ended", "link down since", "gap open", "no session"],
)
def test_one_that_misses_something_does_not(messages: Callable[[], list[StreamMessage]]) -> None:
    assert covered(messages()) == [False]


def test_a_link_state_before_the_last_alive_does_not_count() -> None:
    assert covered(running(covering("x", seq=4), message(link("down"), 3))) == [True]


def test_a_closed_gap_does_not_count() -> None:
    assert covered(running(covering("x"), message(gap_closed(1, 2), 4))) == [True]


def test_collectors_back_each_other_up_for_what_both_cover() -> None:
    lost = running(covering("x", age_s=99, collector="b"), collector="b")
    (venue,) = stream_status.joint(stream_status.collectors([*running(covering("x")), *lost], NOW_NS))

    assert (venue.covered, venue.by, venue.uncovered) == (True, ["a"], [])


def test_what_only_the_lost_one_covered_is_named() -> None:
    lost = running(covering("x", "y", age_s=99, collector="b"), collector="b")
    (venue,) = stream_status.joint(stream_status.collectors([*running(covering("x")), *lost], NOW_NS))

    assert (venue.covered, venue.by, venue.uncovered) == (False, ["a"], ["y"])


def test_messages_of_other_programs_are_passed_over() -> None:
    foreign = StreamMessage("ow.a.session", b"hello", {}, 1, NOW_NS)

    assert stream_status.collectors([foreign], NOW_NS) == []


def test_an_open_order_that_the_stream_soon_forgets_is_a_warning() -> None:
    old = message(order("1"), 2, age_s=81)
    final = message(msgspec.structs.replace(order("2"), final=True), 3, age_s=81)
    young = message(order("3"), 4, age_s=79)

    (warning,) = stream_status.order_warnings([old, final, young], NOW_NS, 100 * NS)

    assert warning.startswith("ow.a.order.alpha.-.1: open")


def test_a_running_session_that_the_stream_soon_forgets_is_a_warning() -> None:
    messages = [*running(age_s=81), message(end(), 9, collector="b", age_s=81)]

    (warning,) = stream_status.session_warnings(messages, NOW_NS, 100 * NS)

    assert warning.startswith("ow.a.session: the running session")
    assert stream_status.session_warnings(messages, NOW_NS, 0) == []
