"""Where publishing goes on: one row for each state in which a stream and a recording can meet."""

import msgspec
import pytest

from ordwatch.core.records import SCHEMA, AliveRecord, SessionRecord, encode
from ordwatch.core.times import time_text
from ordwatch.recording.format import crc_of, with_crc
from ordwatch.scale.restart import (
    FileState,
    GoOn,
    OtherCollector,
    Stored,
    StreamState,
    TwoHistories,
    decide,
)

NS = 10**9
NOON_NS = 1_800_000_000 * NS


def session(seq: int, *, at_s: float = 0.0, state: str = "start", host: str = "here") -> bytes:
    record = SessionRecord(
        state="start", schema=SCHEMA, version="1", pid=7, host=host, venues=[], config_sha256=None, reason=None,
        exit=None, counts=None, uncertain_s=None, at=time_text(NOON_NS + int(at_s * NS)),
    )  # fmt: skip
    return with_crc(encode(msgspec.structs.replace(record, state=state)), seq)


def alive(seq: int, *, at_s: float = 0.0, rss: float = 1.0) -> bytes:
    record = AliveRecord(
        venues={}, queue=0, loop_lag_ms=0.0, rss_mib=rss, synced_seq=None, at=time_text(NOON_NS + int(at_s * NS))
    )
    return with_crc(encode(record), seq)


def stored(line: bytes, seq: int, *, stored_s: float = 0.0, stream_seq: int = 0) -> Stored:
    return Stored(seq, crc_of(line), line, stream_seq or 100 + seq, NOON_NS + int(stored_s * NS))


def stream(last: Stored | None, last_session: Stored | None, *, now_s: float = 1.0) -> StreamState:
    return StreamState.asked(last, last_session, NOON_NS + int(now_s * NS))


class File:
    """The recording: line 1 is its session, written at `begun_s`, the others are alive records."""

    def __init__(self, first_seq: int = 1, last_seq: int = 10, *, begun_s: float = 0.0) -> None:
        self.lines = {seq: alive(seq, at_s=begun_s + seq) for seq in range(first_seq, last_seq + 1)}
        if first_seq == 1:
            self.lines[1] = session(1, at_s=begun_s)
        begun_ns = NOON_NS + int(begun_s * NS) if first_seq == 1 else None
        self.state = FileState(first_seq, last_seq, begun_ns, self._crcs)

    def _crcs(self, seq: int) -> frozenset[str]:
        return frozenset({crc_of(self.lines[seq])}) if seq in self.lines else frozenset()

    def stored(self, seq: int) -> Stored:
        return stored(self.lines[seq], seq)


def foreign_session(**at: float) -> Stored:
    return stored(session(3, host="there", at_s=at.get("at_s", 0.0)), 3, stored_s=at.get("stored_s", 0.0))


def test_an_empty_stream_gets_all_that_is_left_on_disk() -> None:
    file = File(4)

    found = decide(stream(None, None), file.state, published_seq=9, has_published=False)

    assert found == GoOn(4, 0, is_new=True)


@pytest.mark.parametrize(("published_seq", "from_seq"), [(0, 1), (5, 6), (7, 8), (9, 8)])
def test_a_known_last_message_is_gone_on_behind(published_seq: int, from_seq: int) -> None:
    file = File()

    found = decide(stream(file.stored(7), file.stored(1)), file.state, published_seq=published_seq, has_published=False)

    assert found == GoOn(from_seq, 101)


def test_a_stream_that_was_emptied_while_it_was_published_to_gets_all_again() -> None:
    file = File()

    found = decide(stream(file.stored(7), None), file.state, published_seq=6, has_published=True)

    assert found == GoOn(1, 0)


def test_a_last_message_without_raw_is_known_by_its_other_checksum() -> None:
    file = File()
    smaller = Stored(7, "0badc0de", file.lines[7], 107, NOON_NS)
    both = file.state._replace(crcs=lambda seq: file.state.crcs(seq) | {"0badc0de"})

    found = decide(stream(smaller, file.stored(1)), both, published_seq=7, has_published=False)

    assert isinstance(found, GoOn)


@pytest.mark.parametrize("stored_s", [5, 3_600], ids=["clocks agree", "the server's clock is ahead"])
def test_a_recording_begun_later_is_a_new_one(stored_s: float) -> None:
    old_end = stored(session(30, at_s=5, state="end"), 30, stored_s=stored_s)

    found = decide(stream(old_end, old_end), File(begun_s=6).state, published_seq=0, has_published=False)

    assert found == GoOn(1, 130, is_new=True)


def test_a_recording_begun_later_after_a_process_that_died_long_ago_is_a_new_one() -> None:
    last, old = stored(alive(30, at_s=5), 30, stored_s=5), foreign_session()

    found = decide(stream(last, old, now_s=36), File(begun_s=35).state, published_seq=0, has_published=False)

    assert found == GoOn(1, 103, is_new=True)


def test_a_process_that_still_publishes_is_not_replaced() -> None:
    last, old = stored(alive(30, at_s=5), 30, stored_s=5), foreign_session()

    found = decide(stream(last, old, now_s=34), File(begun_s=33).state, published_seq=0, has_published=False)

    assert found == OtherCollector(f"process 7 on there, since {time_text(NOON_NS)}")


@pytest.mark.parametrize("last", [None, stored(alive(2, at_s=-60), 2, stored_s=-60)])
def test_a_session_that_came_between_the_two_questions_is_the_last_message(last: Stored | None) -> None:
    found = decide(stream(last, foreign_session()), File().state, published_seq=0, has_published=False)

    assert found == OtherCollector(f"process 7 on there, since {time_text(NOON_NS)}")


def test_a_process_that_died_a_moment_ago_goes_on_with_its_file() -> None:
    file = File()

    found = decide(stream(file.stored(7), file.stored(1)), file.state, published_seq=7, has_published=False)

    assert found == GoOn(8, 101)


def test_a_newer_session_of_somebody_else_ends_what_was_published_here() -> None:
    file = File()

    found = decide(
        stream(file.stored(7), foreign_session(at_s=60, stored_s=60)), file.state, published_seq=7, has_published=True
    )

    assert found == OtherCollector(f"process 7 on there, since {time_text(NOON_NS + 60 * NS)}")


def test_a_newer_line_of_somebody_else_ends_what_was_published_here() -> None:
    file = File()

    found = decide(
        stream(stored(alive(11, rss=2), 11), file.stored(1)), file.state, published_seq=7, has_published=True
    )

    assert isinstance(found, OtherCollector)


def test_another_line_with_the_same_seq_is_another_history() -> None:
    file = File()
    end = stored(session(5, state="end"), 5)

    found = decide(stream(stored(alive(7, at_s=9, rss=2), 7), end), file.state, published_seq=0, has_published=False)

    assert found == TwoHistories("seq 7 of this collector in the stream is another line than in the recording")


def test_a_stream_that_has_more_than_the_recording_is_another_history() -> None:
    file = File()
    end = stored(session(20, at_s=20, state="end"), 20)

    found = decide(stream(end, end), file.state, published_seq=0, has_published=False)

    assert isinstance(found, TwoHistories)
    assert "up to seq 20" in found.why


def test_a_recording_whose_older_files_are_gone_goes_on_with_what_is_left() -> None:
    end = stored(session(5, state="end"), 5)

    found = decide(stream(end, end), File(8, 12).state, published_seq=5, has_published=False)

    assert found == GoOn(8, 105, is_new=True)
