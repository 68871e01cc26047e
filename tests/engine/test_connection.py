"""What one connection knows of itself, seen in what the engine reports of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from ordwatch.core.errors import ConnectionLost, Refused
from ordwatch.core.events import Ready, SessionEvent
from ordwatch.engine import connection as module
from ordwatch.engine.connection import Connection
from ordwatch.engine.moment import Moment
from ordwatch.engine.run import Run
from ordwatch.venues.contract import (
    Call,
    ConnectionPlan,
    Emit,
    Endpoint,
    HttpReply,
    HttpRequest,
    Keepalive,
    QueryResult,
    QuerySpec,
    Session,
    Setup,
    VenueKind,
    reads_only,
)
from tests.support.collect import DEADLINE_S, Collected
from tests.support.runs import FAST
from tests.support.toy import TOY, ListOrders, ToySession, ToySettings, toy_kind, toy_open, toy_server


async def test_a_loss_by_unreadable_input_begins_at_the_last_message_that_was_read() -> None:
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        out = Collected()
        venue: VenueKind = TOY
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

        async def query(setup: Setup[ToySettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
            server.answers = False
            with pytest.raises(Refused, match=r"^no answer to a query within"):
                await call(ListOrders(timeout_s=0.01, required=False))
            return QueryResult()

        out = Collected()
        venue: VenueKind = toy_kind(queried=query)
        run = Run([(venue, Setup("toy", ToySettings(port=server.port)))], [out])
        running = asyncio.create_task(run.run())
        await out.until(lambda: "live" in out.states)
        run.stop("test over")
        await running

        assert server.connections == 1
        assert "down" not in out.states


class Subscribed(ToySession):
    """A session whose address is the subscription: it is ready at once."""

    def start(self, now_ns: int) -> Sequence[SessionEvent]:
        return [Ready()]


async def subscribed_open(setup: Setup[ToySettings], call: Call) -> ConnectionPlan:
    opening = await toy_open(setup, call)
    return replace(opening, session=Subscribed(setup))


async def test_a_session_that_is_ready_at_once_goes_live_and_its_gap_begins_at_the_handshake() -> None:
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        out = Collected()
        run = Run([(toy_kind(subscribed_open), Setup("toy", ToySettings(port=server.port)))], [out], pace=FAST)
        running = asyncio.create_task(run.run())
        await out.until(lambda: "live" in out.states)
        authenticated_at = next(link.at for link in out.links if link.state == "reconciling")
        server.drop()
        await out.until(lambda: bool(out.gaps))
        run.stop("test over")
        await running

        assert "hello" not in server.seen
        assert authenticated_at <= out.gaps[0].from_ < out.gaps[0].at


def kept_alive(judge: Callable[[HttpReply], None], url: str) -> VenueKind:
    """A toy that repeats a request to this address all the time."""

    async def opened(setup: Setup[ToySettings], call: Call) -> ConnectionPlan:
        request = HttpRequest(name="extend", url=url, method="PUT")
        return replace(await toy_open(setup, call), keepalive=Keepalive(request, 0.01, judge))

    return toy_kind(opened)


@asynccontextmanager
async def rest(replies: list[int]) -> AsyncIterator[str]:
    """A server that answers these statuses, the last one for ever; 0 closes the connection. Gives its address."""

    async def answer(request: web.Request) -> web.Response:
        status = replies.pop(0) if len(replies) > 1 else replies[0]
        if not status:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 200)

    app = web.Application()
    app.router.add_put("/key", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/key"
    finally:
        await runner.cleanup()


async def test_a_refused_keepalive_is_a_notice_and_the_connection_stays(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[int] = []

    def judge(reply: HttpReply) -> None:
        answers.append(reply.status)
        if reply.status != 200:
            raise Refused(f"extend: HTTP status {reply.status}")

    async with asyncio.timeout(DEADLINE_S), toy_server() as server, rest([400, 200]) as url:
        out = Collected()
        setup = Setup("toy", ToySettings(port=server.port, heartbeat=0.01))
        run = Run([(kept_alive(judge, url), setup)], [out], pace=FAST)
        running = asyncio.create_task(run.run())
        await server.until(lambda: len(answers) >= 3)
        run.stop("test over")
        await running

        assert "toy: not kept alive: extend: HTTP status 400" in caplog.text
        assert server.connections == 1


async def test_a_keepalive_that_failed_is_sent_again_the_next_time(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[int] = []
    async with asyncio.timeout(DEADLINE_S), toy_server() as server, rest([200, 0, 0, 0, 0, 0, 0, 200]) as url:
        kind = kept_alive(lambda reply: answers.append(reply.status), url)
        run = Run([(kind, Setup("toy", ToySettings(port=server.port, heartbeat=0.01)))], [Collected()], pace=FAST)
        running = asyncio.create_task(run.run())
        await server.until(lambda: len(answers) >= 3 and "toy: not kept alive: " in caplog.text)
        run.stop("test over")
        await running

        assert server.connections == 1


async def test_a_keepalive_whose_answer_says_that_the_session_is_over_makes_a_new_connection() -> None:
    def judge(reply: HttpReply) -> None:
        if reply.status == 404:
            raise ConnectionLost("extend: there is no such key", "expired")

    async with asyncio.timeout(DEADLINE_S), toy_server() as server, rest([200, 404, 200]) as url:
        out = Collected()
        run = Run([(kept_alive(judge, url), Setup("toy", ToySettings(port=server.port)))], [out], pace=FAST)
        running = asyncio.create_task(run.run())
        await out.until(lambda: any(gap.state == "closed" for gap in out.gaps))
        run.stop("test over")
        await running

        assert out.gaps[0].cause == "expired"
        assert server.connections == 2


async def test_others_have_their_turn_while_a_long_message_is_read() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        out = Collected()
        run = Run([(TOY, Setup("toy", ToySettings(port=server.port)))], [out])
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

        async def query(setup: Setup[ToySettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
            for _ in range(20):
                await call(ListOrders())
            return QueryResult()

        out = Collected()
        venue: VenueKind = toy_kind(queried=query)
        run = Run([(venue, Setup("toy", ToySettings(port=server.port)))], [out])
        running = asyncio.create_task(run.run())
        await out.until(lambda: "live" in out.states)
        run.stop("test over")
        await running

        assert server.connections == 1


class Alone:
    """Runs one connection and decides nothing."""

    def __init__(self) -> None:
        self.only_reads = TOY.only_reads
        self.opened = asyncio.Event()
        self.received = asyncio.Event()
        self.good: list[bool] = []
        """Of all that was received, whether it completed a good message."""

    def on_opened(self, connection: Connection, session: Session, date_ns: int | None, now: Moment) -> None:
        self.opened.set()

    async def on_received(
        self, connection: Connection, session: Session, events: Sequence[SessionEvent], now: Moment, *, good: bool
    ) -> None:
        self.good.append(good)
        self.received.set()

    async def send(self, request: HttpRequest) -> HttpReply:
        raise AssertionError(f"nothing is sent outside this connection: {request}")

    def on_notice(self, text: str) -> None:
        raise AssertionError(text)


def connection_to(port: int, owner: Alone) -> Connection:
    async def open_session() -> ConnectionPlan:
        session = ToySession(Setup("toy", ToySettings(port=port)))
        return ConnectionPlan(
            Endpoint("tcp", shown="here", host="127.0.0.1", port=port, unanswered="is it a toy?"), session
        )

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


async def test_a_good_message_is_one_though_the_wall_clock_was_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    wall_s = 2_000
    monkeypatch.setattr(module, "moment", lambda: Moment(wall_s * 10**9, 0, 0))

    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        owner = Alone()
        running = asyncio.create_task(connection_to(server.port, owner).run())
        await owner.received.wait()
        wall_s -= 600
        owner.received.clear()
        server.say("pong")
        await owner.received.wait()
        server.end()
        await running

    assert owner.good == [True, True]


@pytest.mark.parametrize("dropped", [True, False], ids=["dropped", "ended by the venue"])
async def test_requests_without_an_answer_end_with_their_connection_and_are_not_too_many(
    dropped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 2)

    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        owner = Alone()
        server.mute_lists = True
        connection = connection_to(server.port, owner)
        running = asyncio.create_task(connection.run())
        await owner.received.wait()
        waiting = [asyncio.create_task(connection.request(ListOrders())) for _ in range(2)]
        await server.until(lambda: sum(line.startswith("list") for line in server.seen) == 2)
        with pytest.raises(ConnectionLost, match=r"^not connected$"):
            await connection.request(ListOrders())
        if dropped:
            connection.drop(ConnectionLost("slept", "suspended"))
        else:
            server.end()
        await running
        ended = await asyncio.gather(*waiting, return_exceptions=True)

    assert [str(each) for each in ended] == ["slept" if dropped else "the connection ended before the answer"] * 2
    with pytest.raises(ConnectionLost, match=r"^not connected$"):
        await connection.request(ListOrders())


async def test_a_heartbeat_is_sent_by_a_connection_that_is_up_only() -> None:
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        owner = Alone()
        connection = connection_to(server.port, owner)
        connection.heartbeat(Moment(0, 0, 0))
        running = asyncio.create_task(connection.run())
        await owner.received.wait()
        connection.heartbeat(Moment(0, 0, 0))
        await server.until(lambda: "ping" in server.seen)
        server.end()
        await running
        connection.heartbeat(Moment(0, 0, 0))

    assert server.seen.count("ping") == 1


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


async def test_a_message_that_is_not_on_the_list_is_never_sent() -> None:
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        owner = Alone()
        owner.only_reads = reads_only("ping\n")

        with pytest.raises(ExceptionGroup) as failed:
            await connection_to(server.port, owner).run()

        assert "a message of 6 bytes is not on the list of what only reads" in str(failed.value.exceptions[0])
        assert server.seen == []
