"""Long lists in slices."""

import asyncio
from collections import Counter

from ordwatch.venues.toolkit.slices import LOOKED_AT_ONCE, picked, turn


def test_what_is_wanted_is_picked_in_order() -> None:
    numbers = range(3 * LOOKED_AT_ONCE + 1)

    assert asyncio.run(picked(numbers, lambda number: number % LOOKED_AT_ONCE == 0)) == list(numbers[::LOOKED_AT_ONCE])
    assert asyncio.run(picked([], bool)) == []


async def test_other_tasks_run_between_slices() -> None:
    rounds = 0
    looked_at: Counter[int] = Counter()

    async def count_rounds() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await turn()

    def note(_: int) -> bool:
        looked_at[rounds] += 1
        return False

    counting = asyncio.create_task(count_rounds())
    await picked(range(5 * LOOKED_AT_ONCE), note)
    counting.cancel()

    assert looked_at == dict.fromkeys(range(5), LOOKED_AT_ONCE)
