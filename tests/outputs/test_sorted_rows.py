import sys
from dataclasses import dataclass
from random import Random
from types import FrameType

from hypothesis import given
from hypothesis import strategies as st

from ordwatch.outputs.sorted_rows import SortedRows

NUMBERS = st.sets(st.integers(0, 5000), max_size=3000)


@given(first=NUMBERS, added=NUMBERS, removed=NUMBERS)
def test_it_is_a_sorted_list_whatever_is_added_and_removed(first: set[int], added: set[int], removed: set[int]) -> None:
    rows = SortedRows(first)

    for number in added - first:
        rows.add(number)
    left = sorted((first | added) - removed)
    for number in (first | added) & removed:
        rows.remove(number)

    assert rows.between(0, len(rows)) == left
    assert len(rows) == len(left)
    assert [rows.rank(number) for number in left[::7]] == list(range(0, len(left), 7))


@given(seed=st.integers(0, 2**32))
def test_many_that_are_added_one_by_one_are_sorted(seed: int) -> None:
    rows: SortedRows[int] = SortedRows()
    numbers = Random(seed).sample(range(100_000), 1300)

    for number in numbers:
        rows.add(number)

    assert rows.between(1000, 1100) == sorted(numbers)[1000:1100]


def test_a_part_beyond_the_ends_is_what_is_there() -> None:
    rows = SortedRows(range(1500))

    assert (rows.between(-5, 2), rows.between(1498, 1600), rows.between(7, 7)) == ([0, 1], [1498, 1499], [])


def test_the_rank_of_what_is_not_there_is_where_it_would_stand() -> None:
    assert [SortedRows([2, 4]).rank(number) for number in (1, 3, 9)] == [0, 1, 2]
    assert SortedRows[int]().rank(1) == 0


@dataclass(frozen=True)
class Item:
    number: int

    def __lt__(self, other: "Item") -> bool:
        return self.number < other.number


class LongestCall:
    """How many comparisons the longest call of a function written in C made: no other thread runs meanwhile."""

    def __init__(self) -> None:
        self.comparisons = 0
        self._now = 0

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        if event == "c_call":
            self._now = 0
        elif event == "call" and frame.f_code is Item.__lt__.__code__:
            self._now += 1
            self.comparisons = max(self.comparisons, self._now)


def test_other_threads_can_run_while_many_rows_are_sorted() -> None:
    items = [Item(number) for number in Random(1).sample(range(100_000), 20_000)]
    longest = LongestCall()

    sys.setprofile(longest.profile)
    rows = SortedRows(items)
    sys.setprofile(None)

    assert rows.between(0, 20_000) == sorted(items)
    assert longest.comparisons < 20_000
