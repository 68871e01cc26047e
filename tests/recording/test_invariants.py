from io import BytesIO

import msgspec
import pytest

from ordwatch.core.records import AnyRecord, OrderRecord
from ordwatch.recording.format import mark, record
from ordwatch.recording.invariants import Invariants, OverlapCheck
from ordwatch.recording.reading import Line, read_lines
from tests.recording.samples import alive, end, gap_closed, gap_opened, lines, link, order, start

COUNTS = {"updates": 3, "written": 2, "duplicates": 1, "rejected": 0, "gaps_opened": 0, "gaps_closed": 0}


def broken(*records: AnyRecord) -> list[str]:
    return followed(*records).broken


def followed(*records: AnyRecord, counts: Invariants | None = None) -> Invariants:
    counts = counts or Invariants()
    for line in lines(records):
        found_mark = mark(line)
        if found_mark.type == "order":
            counts.order(found_mark)
        else:
            counts.record(record(line), found_mark.seq)
    return counts


def test_counts_of_a_whole_session_agree() -> None:
    session = (start(), order("1"), order("2"), alive(10, updates=3, duplicates=1), end(12, counts=COUNTS))

    assert broken(*session, *session) == []


def test_update_that_was_not_written_is_found() -> None:
    assert broken(start(), order("1"), alive(10, updates=3, duplicates=1)) == [
        "seq 3: alpha: 3 updates received, but 1 written and 1 duplicates"
    ]


def test_what_disagrees_once_is_listed_once() -> None:
    assert len(broken(start(), alive(10, updates=1), alive(20, updates=1), alive(30, updates=1))) == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"written": 3, "updates": 4}, "counts 3 written, the recording has 2"),
        ({"gaps_opened": 1}, "counts 1 gaps_opened, the recording has 0"),
        ({"gaps_closed": 1}, "counts 1 gaps_closed, the recording has 0"),
        ({"updates": 9}, "9 updates received, but 2 written and 1 duplicates"),
    ],
    ids=["written", "opened", "closed", "updates"],
)
def test_session_end_that_counts_otherwise_is_found(counts: dict[str, int], said: str) -> None:
    assert broken(start(), order("1"), order("2"), end(12, counts=COUNTS | counts)) == [
        f"seq 4: the session {said}" if said.startswith("counts") else f"seq 4: {said}"
    ]


def test_session_end_without_counts_is_accepted() -> None:
    assert broken(start(), order("1"), end(12)) == []


def test_later_file_is_measured_against_its_first_alive() -> None:
    counts = Invariants()
    counts.records_missing()

    followed(order("1"), alive(10, updates=90), order("2"), alive(20, updates=92, duplicates=1), counts=counts)
    followed(order("3"), alive(30, updates=99), counts=counts)

    assert counts.broken == ["seq 2: alpha: 99 updates received, but 92 written and 0 duplicates"]


def test_gaps_opened_and_closed_in_turn_are_accepted() -> None:
    assert (
        broken(start(), gap_opened(1), gap_closed(1, 2), gap_opened(3, gap="alpha-2"), gap_closed(3, 4, gap="alpha-2"))
        == []
    )


def test_gap_that_stays_open_is_accepted() -> None:
    assert broken(start(), gap_opened(1)) == []


def test_gap_may_be_closed_by_the_next_session() -> None:
    assert broken(start(), gap_opened(1), start(), gap_closed(1, 9)) == []


def test_next_session_may_open_a_gap_of_its_own() -> None:
    assert broken(start(), gap_opened(1), start(), gap_opened(1, gap="alpha-2"), gap_closed(1, 9, gap="alpha-2")) == []


def test_second_gap_while_one_is_open_is_found() -> None:
    assert broken(start(), gap_opened(1), gap_opened(2, gap="alpha-2")) == [
        "seq 3: gap alpha-2 opened while alpha-1 is open"
    ]


def test_gap_id_is_used_once() -> None:
    assert broken(start(), gap_opened(1), gap_closed(1, 2), gap_opened(3)) == ["seq 4: gap alpha-1 was opened before"]


def test_gap_that_was_not_open_cannot_be_closed() -> None:
    assert broken(start(), gap_closed(1, 2)) == ["seq 2: gap alpha-1 closed, but it was not open"]


def test_later_file_may_close_a_gap_it_did_not_open() -> None:
    counts = Invariants()
    counts.records_missing()

    assert followed(gap_closed(1, 2), counts=counts).broken == []


def test_list_of_findings_is_bounded() -> None:
    listed = broken(start(), *(gap_opened(1) for _ in range(300)))

    assert len(listed) == 100


def test_only_the_venue_of_an_order_counts_it() -> None:
    other: OrderRecord = msgspec.structs.replace(order("1"), venue="beta")

    assert len(broken(start(), link("live"), other, alive(10, updates=1))) == 1


def test_each_session_counts_its_own_gaps() -> None:
    counts = {**COUNTS, "updates": 0, "written": 0, "duplicates": 0, "gaps_opened": 1, "gaps_closed": 1}
    first = (start(), gap_opened(1, gap="alpha-1"), gap_closed(1, 2, gap="alpha-1"), end(3, counts=counts))
    second = (start(), gap_opened(4, gap="alpha-2"), gap_closed(4, 5, gap="alpha-2"), end(6, counts=counts))

    assert broken(*first, *second) == []


# Lines that two files hold.


def read(*order_ids: str, first_seq: int = 1) -> list[Line]:
    content = b"".join(lines([order(order_id) for order_id in order_ids], first_seq))
    return [item for item in read_lines(BytesIO(content)) if isinstance(item, Line)]


def kept(taken: list[Line], from_seq: int | None) -> OverlapCheck:
    overlap = OverlapCheck()
    overlap.expect(from_seq)
    for line in taken:
        overlap.keep(line)
    return overlap


def test_the_same_line_matches() -> None:
    overlap = kept(read("1", "2", "3"), 1)

    assert [overlap.matches(line) for line in read("1", "2", "3")] == [True, True, True]


def test_another_line_of_the_same_seq_does_not() -> None:
    overlap = kept(read("1", "2", "3"), 1)

    assert [overlap.matches(line) for line in read("1", "9", "3")] == [True, False, True]


def test_nothing_is_kept_where_nothing_comes_again() -> None:
    overlap = kept(read("1", "2"), None)

    assert [overlap.matches(line) for line in read("8", "9")] == [True, True]


def test_lines_before_those_that_come_again_are_not_kept() -> None:
    overlap = kept(read("1", "2", "3"), 3)

    assert [overlap.matches(line) for line in read("7", "8", "9")] == [True, True, False]


def test_lines_that_were_missing_match_any() -> None:
    overlap = kept([*read("1"), *read("5", first_seq=5)], 1)

    assert [overlap.matches(line) for line in read("1", "x", "x", "x", "y")] == [True, True, True, True, False]


def test_leap_over_many_lines_takes_no_memory() -> None:
    overlap = kept([*read("1"), *read("2", first_seq=10**12)], 1)

    assert [overlap.matches(line) for line in read("2", "3", first_seq=10**12)] == [True, True]
    assert not overlap.matches(read("4", first_seq=10**12)[0])


def test_a_gap_that_is_closed_twice_is_found() -> None:
    assert broken(start(), gap_opened(1), gap_closed(1, 2), gap_closed(1, 2)) == [
        "seq 4: gap alpha-1 closed, but it was not open"
    ]
