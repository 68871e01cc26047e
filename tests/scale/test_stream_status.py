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
    stream_seq = 100 * (1 + ord(collector) - ord("a")) + seq
    return StreamMessage(subjects.subject(collector, mark(line)), line, headers, stream_seq, NOW_NS - int(age_s * NS))


def covering(*entries: str, age_s: float = 5.0, collector: str = "a", seq: int = 3) -> StreamMessage:
    record = msgspec.structs.replace(alive(10, covers=entries, synced_seq=9), published_seq=7)
    return message(record, seq, collector=collector, age_s=age_s)


def running(*more: StreamMessage, collector: str = "a", age_s: float = 5.0) -> list[StreamMessage]:
    first = [message(start(), 1, collector=collector, age_s=age_s)]
    return [*first, message(link("live", 1), 2, collector=collector, age_s=age_s), *more]


def joint(messages: list[StreamMessage]) -> list[stream_status.JointState]:
    return stream_status.joint(stream_status.seen_collectors(messages), NOW_NS)


def covered(messages: list[StreamMessage]) -> list[bool]:
    return [venue.covered for venue in joint(messages)]


def test_a_collector_that_is_alive_covers_its_venue() -> None:
    (seen,) = stream_status.seen_collectors(running(covering("x")))
    state = seen.state(NOW_NS)

    assert (state.collector, state.host, state.running, state.seq, state.lag) == ("a", "here", True, 3, 2)
    assert state.age_s == 5.0
    assert state.venues["alpha"].kind == "toy"
    assert state.venues["alpha"].covered


def test_the_last_line_of_a_collector_is_its_last_sign_of_life() -> None:
    (seen,) = stream_status.seen_collectors(running(covering("x"), message(order("1"), 9, age_s=2)))
    state = seen.state(NOW_NS)

    assert (state.seq, state.age_s) == (9, 2.0)


@pytest.mark.parametrize(
    "messages",
    [
        lambda: running(covering("x", age_s=26)),
        lambda: [*running(covering("x"))[1:], message(end(11), 9)],
        lambda: running(covering("x"), message(gap_opened(10, at_=11), 4), message(link("down", 11), 5)),
        lambda: [covering("x")],
    ],
    ids=["overdue", "ended", "gap open", "no session"],
)
def test_one_that_misses_something_does_not(messages: Callable[[], list[StreamMessage]]) -> None:
    assert covered(messages()) == [False]


def test_a_closed_gap_does_not_count() -> None:
    messages = [message(start(), 1), message(gap_closed(1, 2), 2), message(link("live", 2), 3), covering("x", seq=4)]

    assert covered(messages) == [True]


def test_a_gap_of_an_older_recording_does_not_count() -> None:
    older = message(gap_opened(0), 90, age_s=99)
    first, *more = running(covering("x"))

    assert covered([older._replace(stream_seq=50), first, *more]) == [True]


def test_one_that_has_begun_and_is_not_live_yet_does_not_cover_its_venue() -> None:
    assert covered([message(start(), 1)]) == [False]


def test_collectors_back_each_other_up_for_what_both_cover() -> None:
    missed = running(covering("x", age_s=99, collector="b"), collector="b", age_s=99)
    (venue,) = joint([*running(covering("x")), *missed])

    assert (venue.covered, venue.by, venue.uncovered) == (True, ["a"], [])


def test_what_only_the_missing_one_covered_is_named() -> None:
    missed = running(covering("x", "y", age_s=99, collector="b"), collector="b", age_s=99)
    (venue,) = joint([*running(covering("x")), *missed])

    assert (venue.covered, venue.by, venue.uncovered) == (False, ["a"], ["y"])


def test_messages_of_other_programs_are_passed_over() -> None:
    foreign = StreamMessage("ow.a.session", b"hello", {}, 1, NOW_NS)

    assert stream_status.seen_collectors([foreign]) == []


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
