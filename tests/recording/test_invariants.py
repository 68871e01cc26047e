import msgspec
import pytest

from ordwatch.core.records import AnyRecord, ClockRecord, OrderRecord
from ordwatch.recording.format import mark, record
from ordwatch.recording.invariants import Laws
from tests.recording.told import alive, at, end, found, lines, link, lost, order, start

COUNTS = {"updates": 3, "written": 2, "duplicates": 1, "rejected": 0, "gaps_opened": 0, "gaps_closed": 0}


def broken(*records: AnyRecord) -> list[str]:
    return followed(*records).broken


def followed(*records: AnyRecord, laws: Laws | None = None) -> Laws:
    laws = laws or Laws()
    for line in lines(records):
        found_mark = mark(line)
        if found_mark.type == "order":
            laws.order(found_mark)
        else:
            laws.record(record(line), found_mark.seq)
    return laws


def test_whole_session_keeps_the_laws() -> None:
    session = (start(), order("1"), order("2"), alive(10, updates=3, duplicates=1), end(12, counts=COUNTS))

    assert broken(*session, *session) == []


def test_update_that_was_not_written_breaks_the_law() -> None:
    assert broken(start(), order("1"), alive(10, updates=3, duplicates=1)) == [
        "seq 3: alpha: 3 updates in, but 1 written and 1 duplicates"
    ]


def test_law_that_was_broken_once_is_told_once() -> None:
    assert len(broken(start(), alive(10, updates=1), alive(20, updates=1), alive(30, updates=1))) == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"written": 3, "updates": 4}, "counts 3 written, the recording holds 2"),
        ({"gaps_opened": 1}, "counts 1 gaps_opened, the recording holds 0"),
        ({"gaps_closed": 1}, "counts 1 gaps_closed, the recording holds 0"),
        ({"updates": 9}, "9 updates in, but 2 written and 1 duplicates"),
    ],
    ids=["written", "opened", "closed", "updates"],
)
def test_end_that_counts_otherwise_breaks_the_law(counts: dict[str, int], said: str) -> None:
    assert broken(start(), order("1"), order("2"), end(12, counts=COUNTS | counts)) == [
        f"seq 4: the session {said}" if said.startswith("counts") else f"seq 4: {said}"
    ]


def test_end_without_counts_breaks_nothing() -> None:
    assert broken(start(), order("1"), end(12)) == []


def test_later_file_is_measured_against_its_first_alive() -> None:
    laws = Laws()
    laws.miss()

    followed(order("1"), alive(10, updates=90), order("2"), alive(20, updates=92, duplicates=1), laws=laws)
    followed(order("3"), alive(30, updates=99), laws=laws)

    assert laws.broken == ["seq 2: alpha: 99 updates in, but 92 written and 0 duplicates"]


def test_gap_opened_and_closed_keeps_the_law() -> None:
    assert broken(start(), lost(1), found(1, 2), lost(3, gap="alpha-2"), found(3, 4, gap="alpha-2")) == []


def test_gap_that_stays_open_keeps_the_law() -> None:
    assert broken(start(), lost(1)) == []


def test_gap_may_be_closed_by_the_next_session() -> None:
    assert broken(start(), lost(1), start(), found(1, 9)) == []


def test_next_session_may_open_a_gap_of_its_own() -> None:
    assert broken(start(), lost(1), start(), lost(1, gap="alpha-2"), found(1, 9, gap="alpha-2")) == []


def test_second_gap_while_one_is_open_breaks_the_law() -> None:
    assert broken(start(), lost(1), lost(2, gap="alpha-2")) == ["seq 3: gap alpha-2 opened while alpha-1 is open"]


def test_gap_id_is_used_once() -> None:
    assert broken(start(), lost(1), found(1, 2), lost(3)) == ["seq 4: gap alpha-1 was opened before"]


def test_gap_that_was_not_open_cannot_be_closed() -> None:
    assert broken(start(), found(1, 2)) == ["seq 2: gap alpha-1 closed, but it was not open"]


def test_later_file_may_close_a_gap_it_did_not_open() -> None:
    laws = Laws()
    laws.miss()

    assert followed(found(1, 2), laws=laws).broken == []


@pytest.mark.parametrize(("second", "late"), [(30, 0), (30.1, 1)])
def test_alive_comes_within_twice_its_period(second: float, late: int) -> None:
    assert len(followed(start(), alive(10), alive(second)).late) == late


def test_time_between_sessions_is_not_late() -> None:
    assert followed(start(), alive(10), start(), alive(500)).late == []


def test_sleep_that_was_noticed_is_not_late() -> None:
    slept = ClockRecord(jump_ms=0.0, suspended_ms=120_000.0, at=at(130))

    assert followed(start(), alive(10), slept, alive(131)).late == []


def test_what_is_told_of_broken_laws_is_bounded() -> None:
    laws = broken(start(), *(lost(1) for _ in range(300)))

    assert len(laws) == 100


def test_only_the_venue_of_an_order_counts_it() -> None:
    other: OrderRecord = msgspec.structs.replace(order("1"), venue="beta")

    assert len(broken(start(), link("live"), other, alive(10, updates=1))) == 1


def test_each_session_counts_its_own_gaps() -> None:
    counts = {**COUNTS, "updates": 0, "written": 0, "duplicates": 0, "gaps_opened": 1, "gaps_closed": 1}
    first = (start(), lost(1, gap="alpha-1"), found(1, 2, gap="alpha-1"), end(3, counts=counts))
    second = (start(), lost(4, gap="alpha-2"), found(4, 5, gap="alpha-2"), end(6, counts=counts))

    assert broken(*first, *second) == []
