from collections.abc import Sequence

import msgspec
import pytest

from ordwatch.core.records import AnyRecord, ClockRecord, RotateRecord
from ordwatch.recording.format import mark, record
from ordwatch.recording.session_timeline import Story
from tests.recording.told import SESSION, alive, at, at_ns, end, found, lines, link, lost, order, start


def followed(records: Sequence[AnyRecord], story: Story | None = None) -> Story:
    story = story or Story()
    for line in lines(records):
        found = mark(line)
        if found.type == "order":
            story.order(found)
        else:
            story.record(record(line))
    return story


def test_session_runs_until_its_end() -> None:
    assert [followed(SESSION[:count]).running for count in (1, len(SESSION) - 1, len(SESSION))] == [True, True, False]


def test_venues_of_a_session_are_known_before_they_are_live() -> None:
    story = followed([start(0, "alpha", "beta")])

    assert set(story.coverage) == story.watched == {"alpha", "beta"}


def test_last_time_is_that_of_the_last_record_that_has_one() -> None:
    story = followed([start(), order(second=3), RotateRecord(next="rec", last_seq=3)])

    assert (story.last_at, story.last_ns) == (at(3), at_ns(3))


def test_new_story_has_no_time() -> None:
    assert Story().last_ns is None


def test_clean_end_proves_coverage_of_what_was_watched() -> None:
    story = followed([start(), link("live", 1), end(20)])
    story.coverage["alpha"].finish(at_ns(20))

    assert (story.coverage["alpha"].covered_ns, story.watched_until) == (19 * 10**9, {"alpha": at_ns(20)})


def test_row_of_a_query_is_no_proof_that_pushes_were_read() -> None:
    rows = [mark(line) for line in lines([order("1", second=8), order("2", second=9)])]
    story = followed([start(), link("live", 1), alive(6, last_rx=5)])
    for row in rows:
        story.order(msgspec.structs.replace(row, source="query"))

    assert story.coverage["alpha"].until_ns == at_ns(5)


def test_stale_link_lost_nothing() -> None:
    story = followed([start(), link("live", 1), link("stale", 5), link("live", 7), end(20)])
    story.coverage["alpha"].finish(at_ns(20))

    assert story.coverage["alpha"].uncertain == []


def test_alive_of_a_link_that_is_down_proves_nothing() -> None:
    story = followed([start(), link("live", 1), alive(5, last_rx=4.5), lost(4.5), alive(15, state="down", last_rx=14)])

    assert story.coverage["alpha"].until_ns == at_ns(4.5)


def test_story_that_begins_in_the_middle_covers_from_the_first_alive() -> None:
    story = Story()
    story.miss()
    followed([order(second=2), alive(10), end(20)], story)

    assert story.coverage["alpha"].first_live_ns == at_ns(10)


def test_session_after_missing_records_is_known_whole() -> None:
    story = Story()
    story.miss()
    followed([start(), alive(10, state="live")], story)

    assert story.coverage["alpha"].first_live_ns is None


def clock(at_second: float, jump_s: float) -> ClockRecord:
    return ClockRecord(jump_ms=jump_s * 1000, suspended_ms=0.0, at=at(at_second))


@pytest.mark.parametrize("jump_s", [-86_400, 86_400])
def test_clock_record_splits_coverage(jump_s: int) -> None:
    story = followed([start(), link("live", 1), alive(10), clock(10 + jump_s, jump_s), end(20 + jump_s)])
    story.coverage["alpha"].finish(story.watched_until["alpha"])

    assert (story.coverage["alpha"].covered_ns, story.coverage["alpha"].uncertain) == (19 * 10**9, [])


def test_sleep_of_the_machine_is_no_jump() -> None:
    asleep = ClockRecord(jump_ms=0.0, suspended_ms=60_000.0, at=at(70))
    story = followed([start(), link("live", 1), alive(10), asleep, end(80)])
    story.coverage["alpha"].finish(story.watched_until["alpha"])

    assert story.coverage["alpha"].covered_ns == 79 * 10**9


def test_session_whose_clock_is_behind_the_one_before_covers_its_own_time() -> None:
    opened = msgspec.structs.replace(lost(20, cause="restart"), at=at(-3599))
    closed = msgspec.structs.replace(found(20, 20), at=at(-3591))
    behind = (start(-3600), opened, closed, link("live", -3590), end(-3580))
    story = followed([start(), link("live", 0), alive(20), end(20), *behind])
    story.coverage["alpha"].finish(story.watched_until["alpha"])

    assert (story.coverage["alpha"].covered_ns, story.coverage["alpha"].uncertain) == (40 * 10**9, [])


def test_what_a_venue_is_live_without_is_that_of_its_last_live_record() -> None:
    limited = msgspec.structs.replace(link("live", 1), detail="without 42: no permission; 43: locked")
    records = (start(), limited, link("stale", 5))

    assert followed(records).without == {"alpha": "42: no permission; 43: locked"}
    assert followed([*records, link("live", 7)]).without == {}
