from collections.abc import Sequence

import msgspec

from ordwatch.recording.format import mark, record
from ordwatch.recording.story import Story
from ordwatch.records import AnyRecord, RotateRecord
from tests.recording.told import SESSION, alive, at, at_ns, end, lines, link, lost, order, start


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
