"""A sorted sequence that knows the position of each item; changing it costs little, however long it is."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

_MAX_BLOCK = 512
_SAMPLED = 64
"""Of so many items one is looked at to find the bounds of the blocks."""


class _Comparable(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


T = TypeVar("T", bound=_Comparable)


class SortedRows(Generic[T]):
    """Items in rising order, no two of them equal, in blocks of some hundred."""

    def __init__(self, items: Iterable[T] = ()) -> None:
        every = list(items)
        # One sort of 100,000 items would hold up the threads that read and write for a third of a second.
        bounds = sorted(every[::_SAMPLED])[:: _MAX_BLOCK // _SAMPLED]
        blocks: list[list[T]] = [[] for _ in range(len(bounds) + 1)]
        for item in every:
            blocks[bisect_left(bounds, item)].append(item)
        for block in blocks:
            block.sort()
        self._blocks = [block for block in blocks if block]
        self._last = [block[-1] for block in self._blocks]
        self._count = len(every)

    def __len__(self) -> int:
        return self._count

    def add(self, item: T) -> None:
        """Insert an item that is not there yet."""
        self._count += 1
        if not self._blocks:
            self._blocks, self._last = [[item]], [item]
            return
        at = min(bisect_left(self._last, item), len(self._blocks) - 1)
        block = self._blocks[at]
        insort(block, item)
        self._last[at] = block[-1]
        if len(block) > 2 * _MAX_BLOCK:
            self._blocks[at : at + 1] = [block[:_MAX_BLOCK], block[_MAX_BLOCK:]]
            self._last[at : at + 1] = [block[_MAX_BLOCK - 1], block[-1]]

    def remove(self, item: T) -> None:
        """Remove an item that is there."""
        at = bisect_left(self._last, item)
        block = self._blocks[at]
        del block[bisect_left(block, item)]
        self._count -= 1
        if block:
            self._last[at] = block[-1]
        else:
            del self._blocks[at], self._last[at]

    def rank(self, item: T) -> int:
        """How many items come before this one."""
        at = bisect_left(self._last, item)
        before = sum(map(len, self._blocks[:at]))
        return before + bisect_left(self._blocks[at], item) if at < len(self._blocks) else before

    def between(self, first: int, end: int) -> list[T]:
        """The items from position `first` up to, not including, `end`; fewer where there are none."""
        return list(self._between(max(0, first), end))

    def _between(self, first: int, end: int) -> Iterator[T]:
        at = 0
        for block in self._blocks:
            if at >= end:
                return
            if at + len(block) > first:
                yield from block[max(0, first - at) : end - at]
            at += len(block)
