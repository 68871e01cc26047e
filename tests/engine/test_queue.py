import asyncio

from ordwatch.core.events import FeedEvent
from ordwatch.engine.queue import EventQueue
from tests.support.toy import toy_update

EVENTS: list[FeedEvent] = [toy_update("toy", str(n), "NEW", "0", "1") for n in range(4)]


async def test_everything_that_waits_is_taken_at_once_in_order() -> None:
    queue = EventQueue()
    await queue.put(EVENTS[:2])
    await queue.put(EVENTS[2:])

    assert await queue.take() == EVENTS
    assert len(queue) == 0


async def test_taker_waits_for_the_first() -> None:
    queue = EventQueue()
    taking = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    await queue.put(EVENTS[:1])

    assert await taking == EVENTS[:1]


async def test_full_queue_makes_the_pump_wait() -> None:
    queue = EventQueue(capacity=2)
    await queue.put(EVENTS[:2])
    putting = asyncio.create_task(queue.put(EVENTS[2:]))
    await asyncio.sleep(0)

    assert not putting.done()
    assert await queue.take() == EVENTS[:2]
    await putting
    assert await queue.take() == EVENTS[2:]


async def test_who_put_without_waiting_is_told_when_it_is_full_and_no_longer() -> None:
    queue = EventQueue(capacity=2)
    full = []
    for event in EVENTS[:2]:
        queue.put_now([event])
        full.append(queue.is_full)
    queue.take_now()

    assert [*full, queue.is_full] == [False, True, False]


async def test_of_two_that_wait_for_room_the_second_waits_for_what_the_first_puts() -> None:
    queue = EventQueue(capacity=1)
    await queue.put(EVENTS[:1])
    first = asyncio.create_task(queue.put(EVENTS[1:2]))
    second = asyncio.create_task(queue.put(EVENTS[2:3]))
    await asyncio.sleep(0)

    taken = []
    for _ in range(3):
        taken.append(queue.take_now())
        await asyncio.sleep(0)
    await asyncio.gather(first, second)

    assert taken == [EVENTS[:1], EVENTS[1:2], EVENTS[2:3]]
