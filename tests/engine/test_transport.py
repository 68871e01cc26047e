import asyncio
import gc
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from websockets.asyncio.server import ServerConnection, serve

from ordwatch.core.errors import ConnectionLost, TlsFailed
from ordwatch.engine.failures import describe
from ordwatch.engine.transport import CHUNK_BYTES, Transport, dial
from ordwatch.engine.websocket import MESSAGES_A_TURN
from ordwatch.venues.contract import Endpoint
from tests.support import tls
from tests.support.collect import DEADLINE_S
from tests.support.hosts import deaf_address, resolves_to

Talk = Callable[[ServerConnection], Awaitable[None]]
Stream = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tcp(talk: Stream) -> AsyncIterator[Transport]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(DEADLINE_S):
        async with dial(Endpoint(transport="tcp", shown="here", host="127.0.0.1", port=port)) as transport:
            yield transport


@asynccontextmanager
async def websocket(talk: Talk, *, max_message_bytes: int = 16 * 2**20) -> AsyncIterator[Transport]:
    async with serve(talk, "127.0.0.1", 0) as server, asyncio.timeout(DEADLINE_S):
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        endpoint = Endpoint(transport="websocket", shown="here", url=url, max_message_bytes=max_message_bytes)
        async with dial(endpoint) as transport:
            yield transport


async def test_tcp_carries_bytes_both_ways() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        writer.close()

    async with tcp(echo) as transport:
        await transport.write([b"ab", b"cd"])

        assert await transport.read() == b"abcd"


async def test_a_websocket_is_pinged_and_its_pong_takes_a_time() -> None:
    async def listen(connection: ServerConnection) -> None:
        async for _ in connection:
            pass

    async with websocket(listen) as transport:
        assert 0 < await transport.ping() < 10


async def test_a_websocket_that_ends_instead_of_a_pong_is_lost() -> None:
    async def hang_up(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with websocket(hang_up) as transport:
        with pytest.raises(ConnectionLost):
            await transport.ping()


async def test_orderly_end_of_tcp_is_eof() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with tcp(hang_up) as transport:
        with pytest.raises(ConnectionLost) as lost:
            await transport.read()

        assert lost.value.cause == "eof"


@pytest.mark.parametrize("turns", range(8))
def test_dialling_that_is_given_up_leaves_no_socket_behind(turns: int) -> None:
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # what other tests left behind, such as the sockets of an event loop, is not the matter here

    async def talk(port: int) -> None:
        async with dial(Endpoint(transport="tcp", shown="here", host="127.0.0.1", port=port)) as transport:
            await transport.read()

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            talking = asyncio.create_task(talk(listener.getsockname()[1]))
            for _ in range(turns):
                await asyncio.sleep(0)
            talking.cancel()
            await asyncio.wait([talking])

            assert talking.cancelled()

    asyncio.run(test())

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()  # a socket that was left behind warns now; an event loop's own pair is not of the internet family
    assert [warning for warning in seen if f"family={int(socket.AF_INET)}" in str(warning.message)] == []


async def test_abort_ends_a_read() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with tcp(silent) as transport:
        reading = asyncio.create_task(transport.read())
        await asyncio.sleep(0)
        transport.abort()

        with pytest.raises(ConnectionLost):
            await reading


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint(transport="tcp", shown="here", host="127.0.0.1", port=1, hint="is it running?"),
        Endpoint(transport="websocket", shown="here", url="ws://127.0.0.1:1/?key=SECRET", hint="is it running?"),
    ],
    ids=["tcp", "websocket"],
)
async def test_nobody_there_is_reported_with_address_and_hint(endpoint: Endpoint) -> None:
    with pytest.raises(ConnectionLost) as lost:
        async with dial(endpoint):
            pass

    assert str(lost.value) == "cannot reach here (connection refused; is it running?)"


@pytest.mark.parametrize("host", ["a..b", "x" * 64], ids=["an empty part", "a long part"])
async def test_a_name_that_no_host_can_have_is_reported(host: str) -> None:
    with pytest.raises(ConnectionLost, match=r"^cannot reach here \(no host has such a name\)$"):
        async with dial(Endpoint("tcp", shown="here", host=host, port=1)):
            pass


async def test_text_and_binary_messages_arrive_as_bytes() -> None:
    async def both(connection: ServerConnection) -> None:
        await connection.send("text")
        await connection.send(b"\xff\x00")
        await connection.wait_closed()

    async with websocket(both) as transport:
        assert [await transport.read(), await transport.read()] == [b"text", b"\xff\x00"]


async def test_messages_that_wait_leave_turns_to_others() -> None:
    async def flood(connection: ServerConnection) -> None:
        for _ in range(10 * MESSAGES_A_TURN):
            await connection.send("x")
        await connection.wait_closed()

    turns: list[int] = []

    async def other() -> None:
        while True:
            await asyncio.sleep(0)
            turns.append(1)

    async with websocket(flood) as transport:
        neighbour = asyncio.create_task(other())
        for _ in range(10 * MESSAGES_A_TURN):
            await transport.read()
        neighbour.cancel()

        assert len(turns) >= 9


async def test_str_goes_out_as_text_and_bytes_as_binary() -> None:
    got: list[str | bytes] = []

    async def listen(connection: ServerConnection) -> None:
        got.append(await connection.recv())
        got.append(await connection.recv())
        await connection.send("thanks")
        await connection.wait_closed()

    async with websocket(listen) as transport:
        await transport.write(["ping", b"\x01"])
        await transport.read()

        assert got == ["ping", b"\x01"]


async def test_close_code_is_the_cause() -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(4001, "maintenance\x1b[2J")

    async with websocket(close) as transport:
        with pytest.raises(ConnectionLost) as lost:
            await transport.read()

        assert lost.value.cause == "close:4001"
        assert str(lost.value) == r"closed by the venue, code 4001 maintenance\x1b[2J"


async def test_we_say_goodbye() -> None:
    codes: list[int | None] = []

    async def listen(connection: ServerConnection) -> None:
        await connection.wait_closed()
        codes.append(connection.close_code)

    async with serve(listen, "127.0.0.1", 0) as server, asyncio.timeout(DEADLINE_S):
        port = next(iter(server.sockets)).getsockname()[1]
        async with dial(Endpoint(transport="websocket", shown="here", url=f"ws://127.0.0.1:{port}/")):
            pass

    assert codes == [1000]


async def test_oversized_message_closes_with_1009() -> None:
    async def flood(connection: ServerConnection) -> None:
        await connection.send(b"x" * 1001)
        await connection.wait_closed()

    async with websocket(flood, max_message_bytes=1000) as transport:
        with pytest.raises(ConnectionLost) as lost:
            await transport.read()

        assert lost.value.cause == "close:1009"


async def test_a_venue_may_have_larger_messages_than_16_mib() -> None:
    async def send(connection: ServerConnection) -> None:
        await connection.send(bytes(17 * 2**20))

    async with websocket(send, max_message_bytes=17 * 2**20) as transport:
        assert len(await transport.read()) == 17 * 2**20


async def test_http_answer_instead_of_a_handshake_is_reported_by_its_status() -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(page, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/?wsApiKey=SECRET"
    async with server, asyncio.timeout(DEADLINE_S):
        with pytest.raises(ConnectionLost, match="HTTP status 403") as lost:
            async with dial(Endpoint(transport="websocket", shown="here", url=url)):
                pass

        assert "SECRET" not in repr(lost.value)


async def test_a_redirect_of_the_handshake_is_not_followed() -> None:
    strangers: list[str] = []

    async def stranger(connection: ServerConnection) -> None:
        strangers.append("came")

    async with serve(stranger, "127.0.0.1", 0) as elsewhere:
        location = f"ws://127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}/"

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(redirect, "127.0.0.1", 0)
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with server, asyncio.timeout(DEADLINE_S):
            with pytest.raises(ConnectionLost, match="HTTP status 302"):
                async with dial(Endpoint(transport="websocket", shown="here", url=url)):
                    pass

    assert strangers == []


@pytest.mark.parametrize(("host", "days"), [("127.0.0.1", 30), ("127.0.0.9", 30), ("127.0.0.1", -1)])
async def test_certificate_that_does_not_verify_is_refused_before_a_word(tmp_path: Path, host: str, days: int) -> None:
    received: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=tls.certificate(tmp_path, host=host, days=days))
    url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, asyncio.timeout(DEADLINE_S):
        with pytest.raises(TlsFailed, match=r"^cannot reach here \(certificate verify failed: "):
            async with dial(Endpoint(transport="websocket", shown="here", url=url)):
                pass

    assert received in ([], [b""])


@pytest.mark.parametrize(("answer", "reason"), tls.ANSWERS.values(), ids=tls.ANSWERS)
async def test_an_answer_that_is_no_tls_of_today_is_named(answer: bytes, reason: str) -> None:
    async with tls.answering(answer) as port, asyncio.timeout(DEADLINE_S):
        with pytest.raises(TlsFailed) as failed:
            async with dial(Endpoint("websocket", shown="here", url=f"wss://127.0.0.1:{port}/", hint="hint?")):
                pass

    assert str(failed.value) == f"cannot reach here ({reason})"


async def test_a_connection_that_is_closed_within_the_tls_handshake_is_named() -> None:
    async with tls.answering(b"") as port, asyncio.timeout(DEADLINE_S):
        with pytest.raises(ConnectionLost) as lost:
            async with dial(Endpoint("websocket", shown="here", url=f"wss://127.0.0.1:{port}/")):
                pass

    assert str(lost.value) == "cannot reach here (the connection was closed before an answer)"


async def test_a_certificate_of_a_private_authority_is_accepted_with_it(tmp_path: Path) -> None:
    async def greet(connection: ServerConnection) -> None:
        await connection.send("hello")
        await connection.wait_closed()

    context = tls.certificate(tmp_path, host="127.0.0.1", days=30)
    async with serve(greet, "127.0.0.1", 0, ssl=context) as server, asyncio.timeout(DEADLINE_S):
        url = f"wss://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
        async with dial(Endpoint("websocket", shown="here", url=url), str(tmp_path / "server.pem")) as transport:
            assert await transport.read() == b"hello"


def test_a_fault_of_tls_on_a_connection_that_stood_is_named_too() -> None:
    fault = ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad record mac")
    fault.reason = "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"

    assert describe(fault) == "cannot connect (TLS failed: decryption failed or bad record mac)"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY", "ws_proxy"])
async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")

    async def greet(connection: ServerConnection) -> None:
        await connection.send("hello")
        await connection.wait_closed()

    async with websocket(greet) as transport:
        assert await transport.read() == b"hello"


async def test_bytes_that_wait_leave_turns_to_others() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(CHUNK_BYTES * 40))
        try:
            await reader.read()
        finally:  # the loop may end before the client's end is noticed
            writer.transport.abort()

    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with tcp(flood) as transport:
        await transport.read()
        neighbour = asyncio.create_task(other())
        left, most = CHUNK_BYTES * 30, 0
        while left > 0:
            before = turns
            left -= len(await transport.read())
            most = max(most, before - turns + 1)
        neighbour.cancel()

    assert most == 0, "a chunk was read without a turn of the others"


@pytest.mark.parametrize("transport", ["tcp", "websocket"])
async def test_the_addresses_of_a_name_are_tried_beside_each_other(
    monkeypatch: pytest.MonkeyPatch, transport: Literal["tcp", "websocket"]
) -> None:
    async def greet(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(greet, "127.0.0.1", 0) as server, asyncio.timeout(DEADLINE_S):
        port = next(iter(server.sockets)).getsockname()[1]
        endpoint = Endpoint(transport, shown="here", host="two", port=port, url=f"ws://two:{port}/")
        with deaf_address("127.0.0.2", port):
            resolves_to(monkeypatch, "127.0.0.2", "127.0.0.1")
            async with dial(endpoint) as connected:
                connected.abort()


async def test_a_host_that_is_an_address_is_tried_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float | None] = []

    async def refuse(host: str, port: int, *, happy_eyeballs_delay: float | None) -> None:
        delays.append(happy_eyeballs_delay)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(asyncio, "open_connection", refuse)
    for host in ("127.0.0.1", "::1"):
        with pytest.raises(ConnectionLost):
            async with dial(Endpoint("tcp", shown="here", host=host, port=1)):
                pass

    assert delays == [None, None]
