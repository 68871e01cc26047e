"""What one connection knows of itself, seen in what the engine tells of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ordwatch.core.errors import ConnectionLost, Refused
from ordwatch.core.events import SessionEvent
from ordwatch.engine import connection as module
from ordwatch.engine.connection import Connection
from ordwatch.engine.moment import Moment
from ordwatch.engine.run import Run
from ordwatch.venues.contract import AnyVenue, Call, Emit, Endpoint, Opening, QueryResult, QuerySpec, Session, Setup
from tests.support.collect import DEADLINE_S, Collected
from tests.support.toy import TOY, ListOrders, ToySession, ToySettings, toy_server


async def test_a_loss_by_unreadable_input_begins_at_the_last_message_that_was_read() -> None:
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


async def test_a_request_that_is_not_vital_and_gets_no_answer_is_refused_and_the_link_stays() -> None:
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


async def test_others_have_their_turn_while_a_long_message_is_read() -> None:
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


async def test_answered_requests_take_no_room_however_many_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 5)

    async with asyncio.timeout(DEADLINE_S), toy_server() as server:

        async def query(setup: Setup[ToySettings], ask: QuerySpec, call: Call, emit: Emit) -> QueryResult:
            for _ in range(20):
                await call(ListOrders())
            return QueryResult()

        out = Collected()
        venue: AnyVenue = replace(TOY, query=query)  # type: ignore[assignment]  # as above
        run = Run([(venue, Setup("toy", ToySettings(port=server.port)))], [out])
        running = asyncio.create_task(run.run())
        await out.until(lambda: "live" in out.states)
        run.stop("test over")
        await running

        assert server.connections == 1


class Alone:
    """Runs one connection and notes nothing."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.received = asyncio.Event()

    def on_opened(self, connection: Connection, session: Session, date_ns: int | None, now: Moment) -> None:
        self.opened.set()

    async def on_received(
        self, connection: Connection, session: Session, events: Sequence[SessionEvent], now: Moment, *, good: bool
    ) -> None:
        self.received.set()


def connection_to(port: int, owner: Alone) -> Connection:
    async def open_session() -> Opening:
        session = ToySession(Setup("toy", ToySettings(port=port)))
        return Opening(Endpoint("tcp", shown="here", host="127.0.0.1", port=port, unanswered="is it a toy?"), session)

    return Connection(owner, 0, 1, open_session)


@pytest.mark.parametrize("answers", [True, False])
async def test_only_a_connection_without_a_good_message_ends_with_the_hint(answers: bool) -> None:
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        owner = Alone()
        server.answers = answers
        running = asyncio.create_task(connection_to(server.port, owner).run())
        await server.until(lambda: "hello" in server.seen)
        if answers:
            await owner.received.wait()
        server.end()

        assert ("is it a toy?" in str(await running)) is not answers


async def test_the_first_of_several_reasons_ends_a_connection() -> None:
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        owner = Alone()
        connection = connection_to(server.port, owner)
        running = asyncio.create_task(connection.run())
        await owner.opened.wait()
        connection.drop(ConnectionLost("received nothing for 25 s", "silent"))
        connection.drop(ConnectionLost("the venue is over"))
        ended = await running

        assert isinstance(ended, ConnectionLost)
        assert ended.cause == "silent"


async def test_a_connection_that_is_dropped_before_it_runs_dials_nobody() -> None:
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        connection = connection_to(server.port, Alone())
        connection.drop(ConnectionLost("slept", "suspended"))
        ended = await connection.run()

        assert str(ended) == "slept"
        assert server.connections == 0
