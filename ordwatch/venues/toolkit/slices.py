"""Long lists in slices, between which other tasks run: whoever has 100,000 orders must not hold up another venue.

Pure: it names no event loop, and starts nothing.
"""

import types
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

READ_AT_ONCE = 200
"""Orders of an answer that are read in one go: some 30 us each."""
LOOKED_AT_ONCE = 2_000
"""Orders that are looked at in one go: at most 1 us each."""

T = TypeVar("T")


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Let other tasks run."""
    yield  # to the event loop, which goes on here in its next round: as `asyncio.sleep(0)`


async def picked(items: Sequence[T], wanted: Callable[[T], bool]) -> list[T]:
    """The items that are wanted, in their order."""
    found: list[T] = []
    for first in range(0, len(items), LOOKED_AT_ONCE):
        found += filter(wanted, items[first : first + LOOKED_AT_ONCE])
        await turn()
    return found
