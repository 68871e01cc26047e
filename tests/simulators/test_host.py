"""Hosting: real sockets around a simulator that writes down what happens to it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

import aiohttp
import pytest
import websockets
from websockets.asyncio.client import connect

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.contract import Close, Intent, Market, Outgoing, Step, TrueState
from ordwatch.simulators.host import Hosted, host
from ordwatch.venues.contract import HttpReply, HttpRequest, Payload
from tests.support.runs import run

STEP = Step("1", OrderStatus.NEW, Intent(side=Side.BUY, qty="1", price="1"))


class Echo:
    """Sends back what it receives, pushes the step's name to everybody."""

    listeners: Mapping[str, Literal["tcp", "websocket", "http"]] = {"wire": "tcp", "web": "websocket", "rest": "http"}
    markets: Sequence[Market] = ()
    faults: Sequence[str] = ("loud",)

    def __init__(self) -> None:
        self.clients: dict[int, str] = {}
        self.loud = False
        self.ticks = 0
        self.asked: list[HttpRequest] = []
        self.queue: list[Outgoing] = []

    def connected(self, peer: int, listener: str, path: str, now_ns: int) -> None:
        self.clients[peer] = path

    def receive(self, peer: int, data: bytes, now_ns: int) -> None:
        answers: dict[bytes, Payload | Close] = {b"end": Close(0), b"cut": Close(-1), b"leave": Close(4001, "go")}
        if data == b"bug":
            raise RuntimeError("a bug")
        self.queue.append(Outgoing(peer, answers.get(data, data)))

    def disconnected(self, peer: int) -> None:
        del self.clients[peer]

    def request(self, request: HttpRequest, now_ns: int) -> HttpReply:
        self.asked.append(request)
        if request.url == "/bug":
            raise RuntimeError("a bug")
        return HttpReply(status=418, body=b"{}", received_ns=now_ns)

    def play(self, step: Step, now_ns: int) -> None:
        self.queue += [Outgoing(peer, step.order.encode(), push=True) for peer in self.clients]

    def tick(self, now_ns: int) -> None:
        self.ticks += 1

    def data_to_send(self) -> list[Outgoing]:
        queue, self.queue = self.queue, []
        return queue

    def fault(self, name: str, on: bool = True) -> None:
        self.loud = on

    def truth(self) -> dict[tuple[str, str | None, str], TrueState]:
        return {}

    def settings(self, addresses: Mapping[str, str]) -> dict[str, object]:
        return dict(addresses)

    def alternatives(self, addresses: Mapping[str, str]) -> Sequence[dict[str, object]]:
        return []


Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def wire(hosted: Hosted) -> AsyncIterator[Wire]:
    name, _, port = hosted.addresses["wire"].rpartition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def exchange(connection: Wire, data: bytes) -> bytes:
    connection[1].write(data)
    return await connection[0].readexactly(len(data))


def test_tcp_carries_bytes_both_ways() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, wire(hosted) as connection:
            assert await exchange(connection, b"hello") == b"hello"

    run(test())


def test_websocket_carries_messages_and_has_the_path() -> None:
    async def test() -> None:
        echo = Echo()
        async with host(echo) as hosted, connect(f"ws://{hosted.addresses['web']}/v2?key=1", proxy=None) as client:
            await client.send("hello")

            assert await client.recv() == b"hello"
            assert list(echo.clients.values()) == ["/v2?key=1"]

    run(test())


def test_rest_reaches_the_simulator_with_path_params_and_form() -> None:
    async def test() -> None:
        echo = Echo()
        async with host(echo) as hosted, aiohttp.ClientSession() as client:
            url = f"http://{hosted.addresses['rest']}/a/b?c=d"
            async with client.post(url, data={"e": "f"}, headers={"X-Key": "g"}) as reply:
                assert reply.status == 418

            [asked] = echo.asked
            assert (asked.url, asked.method, asked.params, asked.form) == ("/a/b", "POST", {"c": "d"}, {"e": "f"})
            assert asked.headers["X-Key"] == "g"

    run(test())


def test_settings_are_the_simulators_own_for_these_addresses() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted:
            assert hosted.settings() == hosted.addresses

    run(test())


def test_a_port_can_be_chosen() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted:
            port = int(hosted.addresses["wire"].rpartition(":")[2])
        async with host(Echo(), ports={"wire": port}) as hosted:
            assert hosted.addresses["wire"] == f"127.0.0.1:{port}"

    run(test())


def test_a_drop_ends_the_connection_and_the_simulator_knows() -> None:
    async def test() -> None:
        echo = Echo()
        async with host(echo) as hosted, wire(hosted) as connection:
            await exchange(connection, b"hello")

            hosted.drop()

            assert echo.clients == {}
            assert await connection[0].read() == b""

    run(test())


def test_a_drop_can_be_a_reset() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, wire(hosted) as connection:
            await exchange(connection, b"hello")

            hosted.drop(reset=True)

            with pytest.raises(ConnectionResetError):
                await connection[0].read()

    run(test())


def test_who_comes_while_it_is_away_is_cut_off() -> None:
    async def test() -> None:
        echo = Echo()
        async with host(echo) as hosted:
            with hosted.away():
                async with wire(hosted) as (reader, _):
                    with pytest.raises(ConnectionResetError):
                        await reader.read()

            assert (hosted.refusals, hosted.connections) == (1, 0)
            async with wire(hosted) as connection:
                assert await exchange(connection, b"hello") == b"hello"

    run(test())


def test_rest_is_cut_off_while_it_is_away() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, aiohttp.ClientSession() as client:
            with hosted.away(), pytest.raises(aiohttp.ClientError):
                await client.get(f"http://{hosted.addresses['rest']}/")

    run(test())


@pytest.mark.parametrize(("word", "ending"), [(b"end", b""), (b"cut", None)], ids=["fin", "reset"])
def test_the_simulator_can_hang_up_on_tcp(word: bytes, ending: bytes | None) -> None:
    async def test() -> bytes | None:
        async with host(Echo()) as hosted, wire(hosted) as (reader, writer):
            writer.write(word)
            try:
                return await reader.read()
            except ConnectionResetError:
                return None

    async def compared() -> None:
        assert await test() == ending

    run(compared())


def test_the_simulator_can_close_a_websocket_with_code_and_reason() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, connect(f"ws://{hosted.addresses['web']}", proxy=None) as client:
            await client.send(b"leave")
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await client.recv()

            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "go")

    run(test())


def test_split_bytes_come_one_by_one() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, wire(hosted) as (reader, writer):
            await hosted.until(lambda: hosted.clients == 1)
            hosted.split()
            writer.write(b"hello")

            assert await reader.read(100) == b"h"
            assert await reader.readexactly(4) == b"ello"

    run(test())


def test_split_websocket_messages_come_in_fragments() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, connect(f"ws://{hosted.addresses['web']}", proxy=None) as client:
            hosted.split()
            await client.send(b"hello")

            assert [part async for part in client.recv_streaming()][:2] == [b"h", b"e"]

    run(test())


def test_pushes_reach_every_client_and_faults_touch_them_only() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, wire(hosted) as connection:
            await exchange(connection, b"hello")
            hosted.swallow()
            hosted.play(STEP)
            hosted.duplicate(2)
            hosted.play(STEP)

            assert await connection[0].readexactly(2) == b"11"
            assert await exchange(connection, b"end of it") == b"end of it"

    run(test())


def test_reordered_pushes_are_not_held_for_ever() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, wire(hosted) as connection:
            await exchange(connection, b"hello")
            hosted.reorder(100)
            hosted.play(STEP)

            assert await connection[0].readexactly(1) == b"1"

    run(test())


def test_the_simulator_receives_the_time() -> None:
    async def test() -> None:
        echo = Echo()
        async with host(echo) as hosted, wire(hosted) as connection:
            await exchange(connection, b"hello")
            hosted.reorder(100)
            hosted.play(STEP)
            await connection[0].readexactly(1)

            assert echo.ticks > 0

    run(test())


def test_performing_plays_every_step() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, wire(hosted) as connection:
            await exchange(connection, b"hello")

            await hosted.perform([STEP, STEP, STEP], speed=1000)

            assert await connection[0].readexactly(3) == b"111"

    run(test())


def test_a_fault_of_the_venue_is_handed_on() -> None:
    async def test() -> None:
        echo = Echo()
        async with host(echo) as hosted:
            hosted.fault("loud")

            assert echo.loud

    run(test())


def test_a_bug_of_the_simulator_shows_at_the_end() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, wire(hosted) as (_, writer):
            await hosted.until(lambda: hosted.clients == 1)
            writer.write(b"bug")
            await hosted.until(lambda: hosted.clients == 0)

    with pytest.raises(RuntimeError, match="a bug"):
        run(test())


def test_a_bug_in_a_rest_answer_shows_too() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, aiohttp.ClientSession() as client:
            await client.get(f"http://{hosted.addresses['rest']}/bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run(test())


def test_the_end_cuts_every_connection() -> None:
    async def test() -> None:
        async with AsyncExitStack() as after:
            async with host(Echo()) as hosted:
                connection = await after.enter_async_context(wire(hosted))
                await exchange(connection, b"hello")

            assert await connection[0].read() == b""

    run(test())


def test_stumbling_cuts_the_clients_again_and_again() -> None:
    async def test() -> None:
        async with host(Echo()) as hosted, wire(hosted) as connection:
            await exchange(connection, b"hello")
            stumbling = asyncio.create_task(hosted.disconnect_forever(every_s=0.01, away_s=0.01))
            await hosted.until(lambda: hosted.clients == 0)
            stumbling.cancel()

    run(test())
