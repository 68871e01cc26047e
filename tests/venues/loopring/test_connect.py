import asyncio

import pytest

from ordwatch.errors import AuthError, Refused
from ordwatch.secret import Secret
from ordwatch.venues.contract import Call, Opening
from ordwatch.venues.loopring.connect import LoopringSettings, open_connection, split
from ordwatch.venues.loopring.profiles import PROFILES, Protocol
from tests.venues.loopring.joined import KEY, START_NS, Scripted, data, setup

TOKENS = data("tokens_v3.json")
TICKET = data("ticket_v3.json")


def settings(
    *,
    markets: tuple[str, ...] = ("LRC-ETH",),
    account_id: str = "10005",
    protocol: Protocol = "v3",
    ws_url: str | None = None,
    rest_url: str | None = None,
    allow_plaintext: bool = False,
) -> LoopringSettings:
    return LoopringSettings(
        api_key=Secret(KEY),
        account_id=account_id,
        markets=markets,
        protocol=protocol,
        ws_url=ws_url,
        rest_url=rest_url,
        allow_plaintext=allow_plaintext,
    )


def opened(call: Call, protocol: Protocol = "v3") -> Opening:
    return asyncio.run(open_connection(setup(protocol), call))


@pytest.mark.parametrize(
    "good",
    [
        settings(),
        settings(markets=("lrc-eth", "AMM-LRC-ETH")),
        settings(ws_url="ws://127.0.0.1:9/v3/ws", rest_url="http://localhost:9"),
        settings(ws_url="ws://venue.example/v3/ws", allow_plaintext=True),
    ],
    ids=["defaults", "any case", "loopback", "allowed plain text"],
)
def test_accepts_good_settings(good: LoopringSettings) -> None:
    good.check()


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        (settings(account_id=""), "account_id"),
        (settings(account_id="me"), "account_id"),
        (settings(markets=()), "markets"),
        (settings(markets=("LRC-ETH", "LRC")), "markets"),
        (settings(markets=("A-B-C",)), "markets"),
        (settings(ws_url="ws://venue.example/v3/ws"), "ws_url"),
        (settings(ws_url="https://venue.example"), "ws_url"),
        (settings(ws_url="wss://me:secret@venue.example/"), "ws_url"),
        (settings(rest_url="http://venue.example"), "rest_url"),
        (settings(rest_url="venue.example"), "rest_url"),
    ],
)
def test_refuses_bad_settings_by_the_name_of_the_key(bad: LoopringSettings, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        bad.check()


@pytest.mark.parametrize(("protocol", "sizes"), [("v3", [20, 20, 5]), ("v2topics", [20, 20, 5]), ("v2args", [1] * 45)])
def test_markets_are_split_as_the_protocol_allows(protocol: Protocol, sizes: list[int]) -> None:
    markets = tuple(f"T{number}-ETH" for number in range(45))

    assert [len(part.markets) for part in split(settings(markets=markets, protocol=protocol))] == sizes


def test_doubled_markets_are_subscribed_once() -> None:
    (part,) = split(settings(markets=("lrc-eth", "LRC-USDT", "LRC-ETH")))

    assert part.markets == ("LRC-ETH", "LRC-USDT")


@pytest.mark.parametrize(
    ("protocol", "ws_url", "rest_url"),
    [
        ("v3", "wss://ws.api3.loopring.io/v3/ws", "https://api3.loopring.io"),
        ("v2topics", "wss://ws.loopring.io/v2/ws", "https://api.loopring.io"),
        ("v2args", "wss://api.loopring.io/v2/ws", "https://api.loopring.io"),
    ],
)
def test_each_protocol_has_its_own_addresses(protocol: Protocol, ws_url: str, rest_url: str) -> None:
    assert (PROFILES[protocol].ws_url, PROFILES[protocol].rest_url) == (ws_url, rest_url)


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


def test_without_decimals_it_connects_all_the_same() -> None:
    session = opened(Scripted((400, b""), TICKET)).session
    session.start(START_NS)

    assert "wsApiKey" not in str(session.data_to_send())


def test_no_setting_shows_the_key() -> None:
    assert KEY not in repr(settings())
