"""What was known at a time, and whether it was all."""

from pathlib import Path

import pytest

from ordwatch.core.events import OrderStatus
from ordwatch.core.records import AnyRecord, RotatedFromRecord
from ordwatch.recording.past_state import PastState, doubts
from ordwatch.recording.reading import read_records
from ordwatch.recording.verify import check
from tests.recording.samples import alive, at, at_ns, end, gap_closed, gap_opened, link, order, start, written

LIVE: tuple[AnyRecord, ...] = (start(), link("live", 1))


def state_at(path: Path, second: float) -> PastState:
    state = PastState(at_ns(second))
    state.take(read_records([path]))
    return state


def doubts_at(path: Path, second: float, *venues: str) -> list[str]:
    return list(doubts(state_at(path, second), check([path]), venues=venues, now_ns=at_ns(100)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


@pytest.mark.parametrize(
    ("second", "known"),
    [
        (1, []),
        (2, [("1", "NEW")]),
        (3, [("1", "NEW"), ("2", "NEW")]),
        (4, [("2", "NEW"), ("1", "FILLED")]),
        (9, [("2", "NEW"), ("1", "FILLED")]),
    ],
)
def test_the_last_record_of_each_order_is_what_was_known(
    path: Path, second: float, known: list[tuple[str, str]]
) -> None:
    written(
        path,
        *LIVE,
        order("1", second=2),
        order("2", second=3),
        order("1", second=4, status=OrderStatus.FILLED),
        order("1", second=5, status=OrderStatus.PARTIALLY_FILLED, flags=("late",)),
    )

    assert [(each.order_id, each.status) for each in state_at(path, second).orders()] == known


def test_the_state_of_venues_is_that_of_the_time_too(path: Path) -> None:
    written(path, *LIVE, alive(2), gap_opened(3), link("down", 3), alive(12, state="down"))

    kinds = [type(record).__name__ for record in state_at(path, 5).of_venues()]

    assert kinds == ["SessionRecord", "AliveRecord", "GapRecord", "LinkRecord"]


def test_it_knows_when_the_recording_begins_and_ends(path: Path) -> None:
    written(path, RotatedFromRecord(prev="x", prev_last_seq=9), *LIVE, alive(8), first_seq=10)

    state = state_at(path, 3)

    assert (state.begins_ns, state.ends_ns) == (at_ns(0), at_ns(8))


ENDED = (*LIVE, alive(2), gap_opened(3), gap_closed(3, 6, partial="page 2 failed"), link("live", 6), end(9))


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (0.5, f"alpha: was not live before {at(1)}"),
        (3, f"alpha: not seen from {at(3)} to {at(6)} (eof; page 2 failed)"),
        (4, f"alpha: not seen from {at(3)} to {at(6)} (eof; page 2 failed)"),
        (9.5, f"the recording ends at {at(9)}"),
    ],
)
def test_an_uncertain_time_has_its_reason(path: Path, second: float, reason: str) -> None:
    written(path, *ENDED)

    assert doubts_at(path, second) == [reason]


@pytest.mark.parametrize("second", [1, 2.5, 7, 9])
def test_a_covered_time_has_none(path: Path, second: float) -> None:
    written(path, *ENDED)

    assert doubts_at(path, second) == []


def test_a_recovered_gap_is_covered(path: Path) -> None:
    written(path, *LIVE, alive(2), gap_opened(3), gap_closed(3, 6), link("live", 6), end(9))

    assert doubts_at(path, 4) == []


@pytest.mark.parametrize(("second", "gaps"), [(3, []), (4, ["alpha-1"]), (5.9, ["alpha-1"]), (6, [])])
def test_in_a_gap_that_was_recovered_later_not_all_was_known(path: Path, second: float, gaps: list[str]) -> None:
    written(path, *LIVE, alive(2), gap_opened(3), gap_closed(3, 6), link("live", 6), end(9))

    assert [gap.gap for gap in state_at(path, second).recovered] == gaps


def test_after_the_last_proof_of_life_of_a_killed_recorder_nothing_is_known(path: Path) -> None:
    written(path, *LIVE, alive(8), order("1", second=9))

    assert doubts_at(path, 7) == []
    assert doubts_at(path, 9) == [f"alpha: not seen from {at(8)} (stopped without an end)"]


def test_other_venues_do_not_matter(path: Path) -> None:
    written(path, start(0, "alpha", "beta"), link("live", 1), alive(8), end(9))

    assert doubts_at(path, 5, "alpha") == []
    assert doubts_at(path, 5) == ["beta: never was live"]
