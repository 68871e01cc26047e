import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from aiohttp import web
from msgspec.structs import replace

from ordwatch.core.errors import ConnectionLost, RemoteProtocolError, TlsFailed
from ordwatch.engine import http as module
from ordwatch.engine import rates
from ordwatch.engine.http import Http
from ordwatch.engine.rates import Rates
from ordwatch.engine.read_only import NotReadOnly
from ordwatch.venues.contract import HttpRequest, Method, Rate, reads_only
from tests.support import tls
from tests.support.collect import DEADLINE_S

ANYTHING = reads_only(".*")
Handler = Callable[[web.Request], Awaitable[web.Response]]


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "backoff", lambda first_s, max_s: iter([0.0] * 9))


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[tuple[Http, str]]:
    app = web.Application()
    app.router.add_route("*", "/orders", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    client = Http(Rates(), ANYTHING)
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield client, f"http://127.0.0.1:{runner.addresses[0][1]}/orders"
    finally:
        await client.close()
        await runner.cleanup()


async def test_parameters_headers_and_form_arrive() -> None:
    async def echo(request: web.Request) -> web.Response:
        form = await request.post()
        return web.json_response({**request.query, "key": request.headers["X-API-KEY"], "form": form["a"]})

    async with answering(echo) as (client, url):
        reply = await client.send(
            HttpRequest(
                name="orders",
                url=url,
                method="POST",
                params={"limit": "50"},
                headers={"X-API-KEY": "k"},
                form={"a": "1"},
            )
        )

        assert reply.status == 200
        assert reply.body == b'{"limit": "50", "key": "k", "form": "1"}'


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_json_body_arrives_with_each_method_as_the_bytes_that_can_be_signed(method: Method) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), headers={"X-Was": f"{request.method} {request.content_type}"})

    async with answering(echo) as (client, url):
        request = HttpRequest(name="orders", url=url, method=method, json={"depth": 5, "pair": "é"})
        reply = await client.send(request)

        assert reply.body == request.json_body() == '{"depth":5,"pair":"é"}'.encode()


async def test_a_request_is_signed_anew_at_each_try_with_the_time_that_the_venue_said() -> None:
    venue_s = 1_000_000_000
    seen: list[str] = []

    async def busy(request: web.Request) -> web.Response:
        seen.append(request.query["timestamp"])
        date = formatdate(venue_s + 100 * len(seen), usegmt=True)
        return web.Response(status=503 if len(seen) < 3 else 200, headers={"Date": date})

    def sign(request: HttpRequest, venue_ns: int) -> HttpRequest:
        signed_s = venue_ns // 10**9
        return msgspec.structs.replace(request, params={**request.params, "timestamp": str(signed_s)})

    async with answering(busy) as (client, url):
        before_s = time.time_ns() // 10**9
        reply = await client.send(HttpRequest(name="orders", url=url, sign=sign))

        assert int(seen[0]) >= before_s  # nothing was said yet: this host's clock
        assert [int(text) - venue_s for text in seen[1:]] == [100, 200]
        assert reply.sent is not None
        assert reply.sent.params["timestamp"] == seen[2]


@pytest.mark.parametrize("status", [429, 500, 502])
async def test_busy_venue_is_asked_again(status: int) -> None:
    answers = [status, status, 200]

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=answers.pop(0))

    async with answering(busy) as (client, url):
        assert (await client.send(HttpRequest(name="orders", url=url))).status == 200


async def test_third_refusal_is_the_answer() -> None:
    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=503)

    async with answering(busy) as (client, url):
        assert (await client.send(HttpRequest(name="orders", url=url))).status == 503


async def test_client_errors_are_not_asked_again() -> None:
    calls: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=400)

    async with answering(refuse) as (client, url):
        assert (await client.send(HttpRequest(name="orders", url=url))).status == 400
        assert len(calls) == 1


async def test_lost_connection_names_the_call_and_not_the_address() -> None:
    client = Http(Rates(), ANYTHING)
    request = HttpRequest(name="orders", url="http://127.0.0.1:1/?apiKey=SECRET", params={"sign": "SECRET"})
    with pytest.raises(ConnectionLost, match=r"^orders: ") as lost:
        await client.send(request)
    await client.close()

    assert "SECRET" not in str(lost.value) + repr(lost.value.__cause__)


async def test_answer_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 1000)

    async def flood(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1001)

    async with answering(flood) as (client, url):
        with pytest.raises(RemoteProtocolError, match="1000 bytes"):
            await client.send(HttpRequest(name="orders", url=url))


async def test_redirects_are_not_followed() -> None:
    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"})

    async with answering(away) as (client, url):
        assert (await client.send(HttpRequest(name="orders", url=url))).status == 302


@pytest.mark.parametrize(("answer", "said"), tls.ANSWERS.values(), ids=tls.ANSWERS)
async def test_an_answer_that_is_no_tls_of_today_is_named_and_not_asked_for_again(answer: bytes, said: str) -> None:
    connections: list[int] = []

    client = Http(Rates(), ANYTHING)
    async with tls.answering(answer, connections) as port, asyncio.timeout(DEADLINE_S):
        with pytest.raises(TlsFailed) as failed:
            await client.send(HttpRequest(name="orders", url=f"https://127.0.0.1:{port}/"))
    await client.close()

    assert str(failed.value) == f"orders: {said}"
    assert len(connections) == 1


async def test_a_certificate_that_does_not_verify_is_named(tmp_path: Path) -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    client = Http(Rates(), ANYTHING)
    context = tls.certificate(tmp_path, host="127.0.0.1", days=30)
    server = await asyncio.start_server(leave, "127.0.0.1", 0, ssl=context)
    async with server, asyncio.timeout(DEADLINE_S):
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(TlsFailed, match=r"^orders: certificate verify failed: self.signed certificate$"):
            await client.send(HttpRequest(name="orders", url=url))
    await client.close()


async def test_after_a_fault_of_tls_nothing_is_asked_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now_s[0])
    connections: list[int] = []
    seen: list[int] = []

    client = Http(Rates(), ANYTHING)
    async with tls.answering(b"no TLS at all", connections) as port, asyncio.timeout(DEADLINE_S):
        for now_s[0] in (1000.0, 1059.0, 1060.0):
            with pytest.raises(TlsFailed):
                await client.send(HttpRequest(name="orders", url=f"https://127.0.0.1:{port}/"))
            seen.append(len(connections))
    await client.close()

    assert seen == [1, 1, 2]


async def test_nobody_there_is_named() -> None:
    client = Http(Rates(), ANYTHING)
    with pytest.raises(ConnectionLost, match=r"^orders: connection refused$"):
        await client.send(HttpRequest(name="orders", url="http://127.0.0.1:1/"))
    await client.close()


HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
BODIES = {
    "length": HEAD + b"Content-Length: 12\r\n\r\n" + b"[1,2,3,4,5]\n",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"6\r\n[1,2,3\r\n6\r\n,4,5]\n\r\n0\r\n\r\n",
    "end": HEAD + b"\r\n" + b"[1,2,3,4,5]\n",
}


@pytest.mark.parametrize("answer", BODIES.values(), ids=BODIES)
async def test_answer_in_two_segments_is_read_whole_wherever_it_is_cut(answer: bytes) -> None:
    cuts = iter(range(1, len(answer)))

    async def answer_in_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        cut = next(cuts)
        writer.write(answer[:cut])
        await writer.drain()
        for _ in range(5):
            await asyncio.sleep(0)  # the reader has read the first part by then
        writer.write(answer[cut:])
        writer.close()

    async with await asyncio.start_server(answer_in_two, "127.0.0.1", 0) as server, asyncio.timeout(DEADLINE_S):
        port = server.sockets[0].getsockname()[1]
        client = Http(Rates(), ANYTHING)
        request = HttpRequest(name="orders", url=f"http://127.0.0.1:{port}/")
        bodies = {(await client.send(request)).body for _ in range(1, len(answer))}
        await client.close()

        assert bodies == {b"[1,2,3,4,5]\n"}


@pytest.mark.parametrize("status", [429, 503])
async def test_wait_that_a_venue_asks_for_is_capped(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER_MAX_S", 0.01)
    answers = [("9999", status), ("9" * 400, status), ("", 200)]

    async def busy(request: web.Request) -> web.Response:
        retry_after, code = answers.pop(0)
        return web.Response(status=code, headers={"Retry-After": retry_after})

    async with answering(busy) as (client, url):
        assert (await client.send(HttpRequest(name="orders", url=url))).status == 200


def test_cap_of_a_wait_is_half_a_minute() -> None:
    assert module.RETRY_AFTER_MAX_S == 30.0


@pytest.mark.parametrize("text", ["-1", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "٣"])
async def test_wait_that_is_no_number_of_seconds_is_ignored(text: str) -> None:
    answers = [429, 200]

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=answers.pop(0), headers={"Retry-After": text})

    async with answering(busy) as (client, url):
        assert (await client.send(HttpRequest(name="orders", url=url))).status == 200


@pytest.mark.parametrize(("asked", "waited"), [("2", 2.0), ("3600", module.RETRY_AFTER_MAX_S), ("soon", 0.0)])
async def test_a_busy_venue_is_left_alone_as_long_as_it_asks_within_reason(
    asked: str, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, turn, slept = [429, 200], asyncio.sleep, []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await turn(0)

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=answers.pop(0), headers={"Retry-After": asked})

    async with answering(busy) as (client, url):
        monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=sleep))
        await client.send(HttpRequest(name="orders", url=url))

    assert sum(slept) == waited


@pytest.mark.parametrize("fails", [False, True])
async def test_a_request_counts_from_its_answer_and_as_sent_after_its_wait(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, turn, sent_s, answered_s = [1000.0], asyncio.sleep, [], []

    async def pass_time(seconds: float) -> None:
        await turn(0)
        now_s[0] += seconds

    monkeypatch.setattr(rates, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(rates, "asyncio", SimpleNamespace(sleep=pass_time))

    async def slow(request: web.Request) -> web.Response:
        now_s[0] += 7
        answered_s.append(now_s[0])
        if fails:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=200)

    # Of two rates each counts from the answer; the longer one, the second, decides.
    request = {"name": "orders", "rates": (Rate("quick", 1, 5.0), Rate("slow", 1, 60.0))}
    async with answering(slow) as (client, url):
        for _ in range(2):
            with contextlib.suppress(ConnectionLost):
                await client.send(HttpRequest(url=url, **request), lambda: sent_s.append(now_s[0]))  # type: ignore[arg-type]

    first, second, *_ = sent_s
    assert first == 1000
    # The library itself sends a second time what breaks on a connection that was used before.
    assert second - 60 == pytest.approx(max(at_s for at_s in answered_s if at_s < second), abs=0.01)


async def test_a_certificate_of_a_private_authority_is_accepted_with_it(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    context = tls.certificate(tmp_path, host="127.0.0.1", days=30)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    client = Http(Rates(), ANYTHING, tls_ca_file=str(tmp_path / "server.pem"))
    try:
        async with asyncio.timeout(DEADLINE_S):
            url = f"https://127.0.0.1:{runner.addresses[0][1]}/"
            assert (await client.send(HttpRequest(name="orders", url=url))).body == b"here"
    finally:
        await client.close()
        await runner.cleanup()


async def test_what_is_not_on_the_list_is_never_sent() -> None:
    async def answer(request: web.Request) -> web.Response:
        seen.append(request.method)
        return web.Response()

    seen: list[str] = []
    async with answering(answer) as (_, url):
        client = Http(Rates(), reads_only("GET /orders"))
        try:
            await client.send(HttpRequest(name="orders", url=url))
            with pytest.raises(NotReadOnly, match=r"^cancel is not on the list of what only reads; it was not sent$"):
                await client.send(HttpRequest(name="cancel", url=url, method="DELETE", params={"key": "SECRET"}))
        finally:
            await client.close()

    assert seen == ["GET"]


async def test_a_request_is_judged_as_it_is_signed() -> None:
    def turned(request: HttpRequest, _venue_ns: int) -> HttpRequest:
        return replace(request, params={"command": "cancelOrder"})

    client = Http(Rates(), lambda sent: isinstance(sent, HttpRequest) and sent.params.get("command") != "cancelOrder")

    with pytest.raises(NotReadOnly):
        await client.send(HttpRequest(name="orders", url="http://127.0.0.1:1/", sign=turned))
