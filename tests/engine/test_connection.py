"""What one connection knows of itself, seen in what the engine tells of it."""

import asyncio
from dataclasses import replace

import pytest

from ordwatch.core.errors import Refused
from ordwatch.engine.run import Run
from ordwatch.venues.contract import AnyVenue, Call, Emit, QueryResult, QuerySpec, Setup
from tests.support.collect import DEADLINE_S, Collected
from tests.support.toy import TOY, ListOrders, ToySettings, toy_server


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


def test_a_request_that_is_not_vital_and_gets_no_answer_is_refused_and_the_link_stays() -> None:
    async def test() -> None:
        async with asyncio.timeout(DEADLINE_S), toy_server() as server:

            async def query(setup: Setup[ToySettings], ask: QuerySpec, call: Call, emit: Emit) -> QueryResult:
                server.answers = False
                with pytest.raises(Refused, match=r"^no answer to a query within"):
                    await call(ListOrders(timeout_s=0.01, required=False))
                return QueryResult()

            out = Collected()
            venue: AnyVenue = replace(TOY, query=query)  # type: ignore[assignment]  # as above
            run = Run([(venue, Setup("toy", ToySettings(port=server.port)))], [out])
            running = asyncio.create_task(run.run())
            await out.until(lambda: "live" in out.states)
            run.stop("test over")
            await running

            assert server.connections == 1
            assert "down" not in out.states

    asyncio.run(test(), debug=True)


def test_others_have_their_turn_while_a_long_message_is_read() -> None:
    async def test() -> None:
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        async with asyncio.timeout(DEADLINE_S), toy_server() as server:
            out = Collected()
            venue: AnyVenue = TOY  # type: ignore[assignment]  # as above
            run = Run([(venue, Setup("toy", ToySettings(port=server.port)))], [out])
            running = asyncio.create_task(run.run())
            await out.until(lambda: "live" in out.states)
            counting = asyncio.create_task(count_turns())
            server.say("order 1 NEW 0 1\n" + "turn\n" * 500 + "order 2 NEW 0 1")
            await out.until(lambda: bool(out.orders))
            first, before = [order.order_id for order in out.orders], turns
            await out.until(lambda: len(out.orders) == 2)
            counting.cancel()
            run.stop("test over")
            await running

            assert first == ["1"]
            assert turns - before >= 400

    asyncio.run(test(), debug=True)
