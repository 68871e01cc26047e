"""What one connection knows of itself, seen in what the engine tells of it."""

import asyncio

from ordwatch.pipeline import Run
from ordwatch.venues.contract import AnyVenue, Setup
from tests.support.collect import DEADLINE_S, Collected
from tests.support.toy import TOY, ToySettings, toy_server


def test_a_loss_by_unreadable_input_begins_at_the_last_message_that_was_read() -> None:
    async def test() -> None:
        async with asyncio.timeout(DEADLINE_S), toy_server() as server:
            out = Collected()
            venue: AnyVenue = TOY  # type: ignore[assignment]  # the registry erases the settings' type as well
            run = Run([(venue, Setup("toy", ToySettings(port=server.port)))], [out])
            running = asyncio.create_task(run.run())
            await out.until(lambda: "live" in out.states)
            server.move("1", "NEW")
            await out.until(lambda: bool(out.orders))
            server.say("bad")
            await out.until(lambda: bool(out.gaps))
            run.stop("test over")
            await running

            assert out.gaps[0].from_ == out.orders[0].received_at
            assert out.gaps[0].at > out.gaps[0].from_

    asyncio.run(test(), debug=True)
