"""The lines of a collector in the order of their seq, whatever the stream made of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.scale.line_order import MAX_WAITING, WAIT_S, LineOrder, OrderedLine


def add(lines: LineOrder[str], *seqs: int, at_s: float = 0.0) -> list[OrderedLine[str]]:
    return [ready for seq in seqs for ready in lines.add(seq, f"crc {seq}", f"line {seq}", at_s)]


def names(ready: list[OrderedLine[str]]) -> list[str]:
    return [each.line for each in ready]


def begun(seq: int = 1) -> LineOrder[str]:
    lines: LineOrder[str] = LineOrder()
    add(lines, seq)
    return lines


def test_the_first_line_may_have_any_seq() -> None:
    assert add(LineOrder(), 7, 8) == [OrderedLine("line 7", missing_before=True), OrderedLine("line 8")]


def test_lines_shortly_before_the_first_one_may_be_on_their_way() -> None:
    assert add(begun(700), 698, 701, 699, 698, 5) == [
        OrderedLine("line 698", late=True),
        OrderedLine("line 701"),
        OrderedLine("line 699", late=True),
    ]


def test_lines_out_of_order_are_put_in_order() -> None:
    assert names(add(begun(), 3, 4, 2, 5)) == ["line 2", "line 3", "line 4", "line 5"]


def test_a_line_that_is_repeated_is_dropped() -> None:
    lines = begun()

    assert names(add(lines, 2, 2, 3, 1, 2)) == ["line 2", "line 3"]
    assert lines.other_history is None


def test_a_missing_line_is_waited_for_and_then_missing() -> None:
    lines = begun()
    add(lines, 3, 4, at_s=5.0)

    assert lines.timer(5.0 + WAIT_S - 0.1) == []
    assert lines.timer(5.0 + WAIT_S) == [OrderedLine("line 3", missing_before=True), OrderedLine("line 4")]
    assert lines.deadline_s is None


def test_the_wait_for_another_missing_line_begins_anew() -> None:
    lines = begun()
    add(lines, 3, 5, at_s=1.0)
    add(lines, 2, at_s=9.0)

    assert lines.timer(12.0) == []
    assert names(lines.timer(9.0 + WAIT_S)) == ["line 5"]


def test_a_missing_line_that_comes_after_all_is_late_and_the_last_of_them_fills_the_hole() -> None:
    lines = begun()
    add(lines, 4)
    lines.timer(WAIT_S)

    assert add(lines, 2) == [OrderedLine("line 2", late=True)]
    assert add(lines, 3) == [OrderedLine("line 3", late=True, fills=True)]
    assert add(lines, 2, 3) == []


def test_a_new_recording_begins_with_seq_1_again() -> None:
    lines = begun()
    add(lines, 2, 3)

    assert lines.add(1, "another", "first", 0.0, may_begin=True) == [OrderedLine("first", begins=True)]
    assert names(lines.add(2, "another 2", "second", 0.0)) == ["second"]


def test_the_first_line_again_begins_nothing() -> None:
    assert begun().add(1, "crc 1", "line 1", 0.0, may_begin=True) == []


def test_two_different_lines_with_one_seq_are_two_histories() -> None:
    lines = begun()
    add(lines, 2)

    assert lines.add(2, "another", "line 2", 0.0) == []
    assert lines.other_history == 2


def test_not_more_lines_wait_than_fit() -> None:
    lines = begun()

    ready = add(lines, *range(3, MAX_WAITING + 4))

    assert len(ready) == MAX_WAITING + 1
    assert ready[0].missing_before


@given(st.permutations(range(2, 9)), st.lists(st.integers(2, 8), max_size=5))
def test_any_order_and_any_repeats_give_each_line_once_in_order(order: list[int], repeats: list[int]) -> None:
    assert names(add(begun(), *order, *repeats)) == [f"line {seq}" for seq in range(2, 9)]


@given(st.permutations(range(2, 9)), st.integers(0, 6))
def test_nothing_is_lost_where_the_wait_ends_in_between(order: list[int], place: int) -> None:
    lines = begun()
    ready = add(lines, *order[:place])
    ready += lines.timer(WAIT_S)
    ready += add(lines, *order[place:], at_s=WAIT_S)
    ready += lines.timer(3 * WAIT_S)

    assert sorted(names(ready)) == [f"line {seq}" for seq in range(2, 9)]
    assert [each.fills for each in ready if each.late][-1:] in ([], [True])


@pytest.mark.parametrize("seq", [5, 7])
def test_lines_taken_from_elsewhere_are_not_taken_again(seq: int) -> None:
    lines: LineOrder[str] = LineOrder()
    lines.start(5, "crc 5")
    lines.start(7, "crc 7")

    assert add(lines, seq) == []
    assert names(add(lines, 8)) == ["line 8"]


@pytest.mark.parametrize("first", [1, 9], ids=["lines are missing", "lines may be on their way"])
def test_a_new_recording_lacks_nothing_of_the_one_before(first: int) -> None:
    lines = begun(first)
    add(lines, 12)
    lines.timer(WAIT_S)

    lines.add(1, "another", "another", WAIT_S, may_begin=True)

    assert add(lines, 5, at_s=WAIT_S) == []
    assert add(lines, 2, 3, 4, at_s=WAIT_S) == [OrderedLine(f"line {seq}") for seq in (2, 3, 4, 5)]
