import asyncio

import pytest

from ordwatch.core.errors import AuthError, ConnectionLost, Refused
from ordwatch.core.events import OrderUpdate
from ordwatch.venues.contract import Call, ConnectionPlan, HttpRequest, QuerySpec, RequestT
from ordwatch.venues.loopring import connect
from ordwatch.venues.loopring.connect import open_connection, query
from ordwatch.venues.loopring.learned import Learned
from ordwatch.venues.loopring.protocol_versions import PROTOCOLS, Protocol
from tests.venues.loopring.joined import START_NS, Emitted, Scripted, data, push, setup

TOKENS = data("tokens_v3.json")
TICKET = data("ticket_v3.json")


def opened(call: Call, protocol: Protocol = "v3") -> ConnectionPlan:
    return asyncio.run(open_connection(setup(protocol), Learned(), call))


@pytest.mark.parametrize(
    ("protocol", "ws_url", "rest_url"),
    [
        ("v3", "wss://ws.api3.loopring.io/v3/ws", "https://api3.loopring.io"),
        ("v2topics", "wss://ws.loopring.io/v2/ws", "https://api.loopring.io"),
        ("v2args", "wss://api.loopring.io/v2/ws", "https://api.loopring.io"),
    ],
)
def test_each_protocol_has_its_own_addresses(protocol: Protocol, ws_url: str, rest_url: str) -> None:
    assert (PROTOCOLS[protocol].ws_url, PROTOCOLS[protocol].rest_url) == (ws_url, rest_url)


def test_a_fresh_ticket_goes_into_the_address_and_nowhere_else() -> None:
    endpoint = opened(Scripted(TOKENS, b'{"key":"a b&c"}')).endpoint

    assert endpoint.url == "wss://ws.api3.loopring.io/v3/ws?wsApiKey=a%20b%26c"
    assert endpoint.shown == "wss://ws.api3.loopring.io/v3/ws"


def test_the_ticket_is_fetched_last_for_it_may_not_live_long() -> None:
    call = Scripted(TOKENS, TICKET)
    opened(call)

    assert [request.name for request in call.asked] == ["getTokens", "getTicket"]


def test_early_v2_needs_no_ticket() -> None:
    assert opened(Scripted(TOKENS), "v2args").endpoint.url == "wss://api.loopring.io/v2/ws"


def test_v2_takes_the_ticket_it_is_given() -> None:
    assert opened(Scripted(TOKENS, data("ticket_v2.json")), "v2topics").endpoint.url.endswith(
        "?wsApiKey=fx2xW5hoVFbcaanWS"
    )


def test_v2_connects_without_a_ticket_where_there_was_none_yet() -> None:
    assert opened(Scripted(TOKENS, (404, b"")), "v2topics").endpoint.url == "wss://ws.loopring.io/v2/ws"


def test_v3_does_not_connect_without_a_ticket() -> None:
    with pytest.raises(Refused, match="getTicket: HTTP status 503"):
        opened(Scripted(TOKENS, (503, b"")))


def test_a_refused_key_ends_the_venue_before_it_connects() -> None:
    with pytest.raises(AuthError):
        opened(Scripted((400, b'{"resultInfo":{"code":104002,"message":"invalid"}}')))


def test_known_decimals_are_not_fetched_for_another_connection() -> None:
    known, first, second = Learned(), Scripted(TOKENS, TICKET), Scripted(TICKET)
    asyncio.run(open_connection(setup(), known, first))
    asyncio.run(open_connection(setup(), known, second))

    assert [request.name for request in second.asked] == ["getTicket"]


def test_a_list_of_tokens_that_takes_too_long_holds_up_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "TOKENS_TIMEOUT_S", 0.0)

    class Slow(Scripted):
        async def __call__(self, request: RequestT, /) -> object:
            if isinstance(request, HttpRequest) and request.name == "getTokens":
                await asyncio.Event().wait()
            return await super().__call__(request)

    assert opened(Slow(TICKET)).endpoint.url.endswith("?wsApiKey=fx2xW5hoVFbcaanWS")


def test_without_an_answer_about_decimals_it_connects_all_the_same() -> None:
    class Mute(Scripted):
        async def __call__(self, request: RequestT, /) -> object:
            if isinstance(request, HttpRequest) and request.name == "getTokens":
                raise ConnectionLost("no answer")
            return await super().__call__(request)

    assert opened(Mute(TICKET)).endpoint.url.endswith("?wsApiKey=fx2xW5hoVFbcaanWS")


def test_decimals_learned_by_a_query_serve_the_connection_that_is_up() -> None:
    known, reported = Learned(), Emitted()
    session = asyncio.run(open_connection(setup(), known, Scripted((429, b""), TICKET))).session
    spec = QuerySpec(since_ns=None, open_orders=tuple)
    asyncio.run(query(setup(), known, spec, Scripted(TOKENS, b'{"totalNum":0}'), reported))
    (update,) = session.receive(push(), START_NS)

    assert isinstance(update, OrderUpdate)
    assert (update.qty, update.flags) == ("5", ())


def test_without_decimals_it_connects_all_the_same() -> None:
    session = opened(Scripted((400, b""), TICKET)).session
    session.start(START_NS)

    assert "wsApiKey" not in str(session.data_to_send())
