"""Signatures and envelopes of REST calls."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ordwatch.core.errors import AuthError, ConnectionLost, Refused, RemoteProtocolError, VenueError
from ordwatch.core.secrets import Secret
from ordwatch.venues.coinw.rest import HISTORY, OPEN_ORDERS, ORDER, RATES, Busy, Denied, answer_data, request, signature
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import HttpReply, HttpRequest
from tests.venues.coinw.joint import NOW_NS, Desk, setup

DATA = Path(__file__).parent / "data"
KEY = "c821db84-6fbd-11e4-a9e3-c86000d26d7c"
SECRET = "test-secret-0123456789ABCDEF"
SETTINGS = CoinwSettings(api_key=Secret(KEY), secret_key=Secret(SECRET), rest_url="https://example.com/")


def answering(*bodies: bytes, status: int = 200) -> Desk:
    """A desk that gives these answers in turn, the last one for ever."""
    coming = list(bodies)

    def answer(_: HttpRequest) -> HttpReply:
        return HttpReply(status=status, body=coming.pop(0) if len(coming) > 1 else coming[0], received_ns=NOW_NS)

    return Desk(answer)


def test_words_that_quote_a_secret_lose_it() -> None:
    desk = answering(b'{"code":"-3","msg":"canary was refused"}')
    asked = request(setup().settings, ORDER, {"orderNumber": "1"})

    with pytest.raises(Denied, match=r"\*\*\* was refused"):
        asyncio.run(answer_data(desk, asked, redact=lambda words: words.replace("canary", "***")))


def data_of(desk: Desk) -> msgspec.Raw | None:
    data, received_ns = asyncio.run(answer_data(desk, request(setup().settings, ORDER, {"orderNumber": "1"})))
    assert received_ns == NOW_NS
    return data


@pytest.mark.parametrize(
    ("params", "sign"),
    [
        ({"currencyPair": "BTC_USDT"}, "EA05777B26E50204C717B07178711CF1"),
        ({"orderNumber": "4624530513294751114"}, "C6DB9251FF3BD2364E496373FFE02CD4"),
        ({"symbol": "BTC_USDT", "startAt": "1743244437255", "limit": "100"}, "549D6555A6068F2CEB1ADFA415C92FC5"),
    ],
)
def test_signature_follows_the_published_rule(params: dict[str, str], sign: str) -> None:
    assert signature({**params, "api_key": KEY}, Secret(SECRET)) == sign


def test_request_carries_everything_in_the_query_string() -> None:
    asked = request(SETTINGS, OPEN_ORDERS, {"currencyPair": "BTC_USDT"})

    assert (asked.method, asked.url, asked.form) == ("POST", "https://example.com/api/v1/private", None)
    assert asked.params == {
        "command": "returnOpenOrders",
        "currencyPair": "BTC_USDT",
        "api_key": KEY,
        "sign": "EA05777B26E50204C717B07178711CF1",
    }


def test_secret_itself_is_not_sent() -> None:
    asked = request(SETTINGS, OPEN_ORDERS, {"currencyPair": "BTC_USDT"})

    assert SECRET not in repr(asked)


@pytest.mark.parametrize("code", ["1003", "5000", "29001"], ids=["credentials", "denied", "busy"])
@pytest.mark.parametrize("written", [str.upper, str.lower])
def test_a_refusal_that_quotes_our_request_shows_neither_key_nor_signature(
    code: str, written: Callable[[str], str]
) -> None:
    asked = request(SETTINGS, ORDER, {"orderNumber": "17"})
    quoted = written(f"bad request orderNumber=17&api_key={KEY}&sign={asked.params['sign']}")
    desk = answering(msgspec.json.encode({"code": code, "msg": quoted}))

    with pytest.raises(VenueError) as refused:
        asyncio.run(answer_data(desk, asked))

    assert str(refused.value).lower().endswith(": bad request ordernumber=17&api_key=***&sign=***")


@pytest.mark.parametrize(("command", "limit"), [(OPEN_ORDERS, 30), (ORDER, 30), (HISTORY, 5)])
def test_rates_are_at_most_half_of_the_limits(command: str, limit: int) -> None:
    (rate,) = request(SETTINGS, command, {}).rates

    assert rate.count * 2 <= limit
    assert rate.window_s == 2.0


def test_only_calls_that_read_have_a_rate() -> None:
    assert set(RATES) == {"returnOpenOrders", "returnOrderTrades", "returnUTradeHistory"}


@pytest.mark.parametrize(
    "envelope", [b'{"code":"200",%s}', b'{"code":200,%s}', b'{"code":"0",%s}', b'{"code":0,%s}', b'{"success":true,%s}']
)
def test_success_may_be_a_string_or_a_number(envelope: bytes) -> None:
    assert data_of(answering(envelope % b'"data":[1]')) == msgspec.Raw(b"[1]")


def test_data_may_be_missing() -> None:
    assert data_of(answering(b'{"code":"200"}')) is None


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"code":"1003","msg":"x"}', 200, AuthError),
        (b'{"code":6000,"msg":"x"}', 200, AuthError),
        (b'{"code":"10007","msg":"x"}', 200, AuthError),
        (b"<html>", 401, AuthError),
        (b'{"msg":"x"}', 401, AuthError),
        (b"<html>", 403, Refused),
        (b"<html>", 500, Refused),
        (b"<html>", 429, Busy),
        (b'{"code":"-103","msg":"x"}', 200, Denied),
        (b'{"code":"500","msg":"x"}', 200, Denied),
        (b'{"code":"500","msg":"x"}', 500, Refused),
        (b'{"msg":"x"}', 200, Refused),
        (b"<html>", 200, RemoteProtocolError),
        (b"", 200, RemoteProtocolError),
        (b"[]", 200, RemoteProtocolError),
    ],
)
def test_refusals_are_distinguished_by_what_follows(body: bytes, status: int, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        data_of(answering(body, status=status))

    assert raised.type is error


def test_refusal_has_the_venues_code_and_words() -> None:
    with pytest.raises(Refused, match=r"^returnOrderTrades: code -3: no such order\\x1b$"):
        data_of(answering(b'{"code":"-3","msg":"no such order\\u001b"}'))


def test_too_frequent_is_asked_again_after_the_pause() -> None:
    desk = answering((DATA / "rest_too_frequent.json").read_bytes(), b'{"code":"200","data":{}}')

    assert data_of(desk) == msgspec.Raw(b"{}")
    first, second = desk.asked
    assert [rate for rate in second.rates if rate not in first.rates] == desk.taken
    assert (desk.taken[0].count, desk.taken[0].window_s) == (1, 2.0)


@pytest.mark.parametrize("code", ["29001", "429", "-200"])
def test_too_frequent_again_and_again_is_given_up(code: str) -> None:
    desk = answering(f'{{"code":{code},"msg":"API access frequently"}}'.encode())

    with pytest.raises(Busy, match="API access frequently"):
        data_of(desk)
    assert len(desk.asked) == 4


def test_errors_of_the_call_pass_through() -> None:
    with pytest.raises(ConnectionLost, match="no answer"):
        data_of(Desk(lambda _: ConnectionLost("no answer")))
