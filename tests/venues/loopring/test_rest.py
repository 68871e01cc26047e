import json
from collections.abc import Callable

import pytest

from ordwatch.core.errors import AuthError, Refused, RemoteProtocolError
from ordwatch.venues.contract import HttpReply, HttpRequest, Rate
from ordwatch.venues.loopring.protocol_versions import PROTOCOLS, Protocol
from ordwatch.venues.loopring.rest import (
    CLOSED_STATUSES,
    OPEN_STATUSES,
    Access,
    ErrorAnswer,
    one_order,
    order_request,
    orders_page,
    orders_request,
    ticket,
    ticket_request,
    token_decimals,
    tokens_request,
)
from tests.venues.loopring.joined import KEY, START_NS, data, order


def access(protocol: Protocol = "v3") -> Access:
    return Access(PROTOCOLS[protocol], "https://rest.example", KEY, "10005")


def reply(body: bytes, status: int = 200) -> HttpReply:
    return HttpReply(status=status, body=body, received_ns=START_NS)


def wrapped(payload: object) -> bytes:
    return json.dumps({"resultInfo": {"code": 0, "message": "SUCCESS"}, "data": payload}).encode()


def test_asks_for_a_page_of_orders_as_documented() -> None:
    assert orders_request(access(), OPEN_STATUSES, 50, None) == HttpRequest(
        name="getOrders",
        url="https://rest.example/api/v3/orders",
        params={"accountId": "10005", "status": "processing,cancelling,waiting", "limit": "50", "offset": "50"},
        headers={"X-API-KEY": KEY},
        rates=(Rate("loopring /api/v3/orders", 5, 1.0),),
    )


def test_bounds_the_time_of_creation_in_milliseconds() -> None:
    assert orders_request(access(), CLOSED_STATUSES, 0, 1700000000000).params["start"] == "1700000000000"


def test_asks_for_one_order_by_its_hash() -> None:
    request = order_request(access("v2args"), "0x01")

    assert request.url == "https://rest.example/api/v2/order"
    assert request.params == {"accountId": "10005", "orderHash": "0x01"}
    assert request.rates == (Rate("loopring /api/v2/order", 3, 1.0),)


def test_the_ticket_is_asked_for_without_the_key() -> None:
    request = ticket_request(access())

    assert (request.url, request.headers) == ("https://rest.example/v3/ws/key", {})


ALLOWED = {
    *("/v3/ws/key", "/v2/ws/key", "/api/v3/orders", "/api/v2/orders", "/api/v3/order", "/api/v2/order"),
    *("/api/v3/exchange/tokens", "/api/v2/exchange/tokens"),
}


@pytest.mark.parametrize("protocol", ["v3", "v2topics"])
@pytest.mark.parametrize(
    "make",
    [
        ticket_request,
        tokens_request,
        lambda access: orders_request(access, OPEN_STATUSES, 0, None),
        lambda access: order_request(access, "1"),
    ],
    ids=["ticket", "tokens", "orders", "order"],
)
def test_every_call_only_reads(protocol: Protocol, make: Callable[[Access], HttpRequest]) -> None:
    request = make(access(protocol))

    assert request.method == "GET"
    assert request.form is None
    assert request.url.removeprefix("https://rest.example") in ALLOWED


@pytest.mark.parametrize("name", ["ticket_v3.json", "ticket_v2.json"])
@pytest.mark.parametrize("protocol", ["v3", "v2topics"])
def test_a_ticket_is_read_in_either_shape_from_either_path(name: str, protocol: Protocol) -> None:
    assert ticket(reply(data(name)), access(protocol)) == "fx2xW5hoVFbcaanWS"


@pytest.mark.parametrize("body", [b"{}", b'{"key":""}', b'{"key":{}}', b"[]", wrapped({})])
def test_an_answer_without_a_ticket_makes_no_sense(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ticket(reply(body), access())


@pytest.mark.parametrize(
    "body",
    [
        data("tokens_v3.json"),
        wrapped(json.loads(data("tokens_v3.json"))),
        b'{"tokens":' + data("tokens_v3.json") + b"}",
    ],
    ids=["bare", "v2", "named"],
)
def test_decimals_are_read_from_every_list_of_tokens(body: bytes) -> None:
    assert token_decimals(reply(body), access()) == {"ETH": 18, "LRC": 18, "USDT": 6}


def test_decimals_of_a_single_token_are_read() -> None:
    assert token_decimals(reply(b'{"symbol":"lrc","decimals":"18"}'), access()) == {"LRC": 18}


def test_a_token_without_readable_decimals_is_left_out() -> None:
    tokens = [{"symbol": "A", "decimals": value} for value in (-1, 1.5, None, "x", 78, 1000, True)]

    assert token_decimals(reply(json.dumps([*tokens, 5, {"decimals": 1}]).encode()), access()) == {}


@pytest.mark.parametrize("name", ["orders_v3.json", "orders_v2.json"])
def test_a_documented_row_reads_the_same_in_both_generations(name: str) -> None:
    page = orders_page(reply(data(name)), access(), raw=False)

    (row,) = page.orders
    assert (page.total, page.sent, row.order.order_hash, row.order.status) == (1, 1, "0xfb5e", "processing")
    assert (row.order.size, row.order.volume) == ("8210000000000001024", "163182534700000032")
    assert (row.order.filled_size, row.order.filled_volume, row.order.filled_fee) == ("0", "0", "0")
    assert (row.order.valid_since, row.order.valid_until) == ("1583929591", "1586521591")
    assert (row.order.order_type, row.order.side, row.order.price) == ("LIMIT_ORDER", "SELL", "0.01987608")


def test_a_row_of_v3_tells_its_channel_and_storage() -> None:
    (row,) = orders_page(reply(data("orders_v3.json")), access(), raw=False).orders

    assert (row.order.trade_channel, row.order.storage_id, row.order.created_at) == ("ORDER_BOOK", "7", None)


def test_a_stop_order_reports_its_stop_price() -> None:
    reported = json.loads(data("orders_v3.json"))["orders"][0] | {"extraOrderInfo": {"stopPrice": "0.5"}}

    assert one_order(reply(json.dumps(reported).encode()), access(), raw=False).order.stop_price == "0.5"


def test_the_payload_of_a_row_is_kept_when_asked_for() -> None:
    (row,) = orders_page(reply(data("orders_v2.json")), access(), raw=True).orders

    assert isinstance(row.raw, dict)
    assert row.raw["createdAt"] == 1583933191494


@pytest.mark.parametrize("body", [b'{"totalNum":0}', b'{"totalNum":0,"orders":null}', b'{"totalNum":0,"orders":[]}'])
def test_a_list_without_rows_is_empty(body: bytes) -> None:
    assert orders_page(reply(body), access(), raw=False) == ([], 0, 0)


def test_rows_without_hash_or_status_are_distinguished() -> None:
    body = wrapped({"totalNum": 3, "orders": [order(), order(hash=...), 7]})
    page = orders_page(reply(body), access("v2topics"), raw=True)

    assert (len(page.orders), page.sent) == (1, 3)


@pytest.mark.parametrize(
    "body",
    [b"[]", b'{"orders":{}}', b"not json", b'"x"', wrapped(None)],
    ids=["list", "object", "text", "string", "null"],
)
def test_what_is_no_list_of_orders_makes_no_sense(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        orders_page(reply(body), access(), raw=False)


@pytest.mark.parametrize(
    ("status", "name", "code"),
    [(400, "error_v3.json", 107003), (200, "error_v3.json", 107003), (400, "error_nested.json", 108000)],
)
def test_errors_are_read_in_every_form(status: int, name: str, code: int) -> None:
    with pytest.raises(ErrorAnswer) as caught:
        one_order(reply(data(name), status), access(), raw=False)

    assert caught.value.code == code


@pytest.mark.parametrize("code", [104001, 104002, 104003])
@pytest.mark.parametrize(
    "form",
    [
        '{{"resultInfo":{{"code":{},"message":"{}"}}}}',
        '{{"code":{},"msg":"{}"}}',
        '{{"error":{{"code":{},"message":"{}"}}}}',
    ],
)
def test_refused_credentials_are_distinguished_and_not_shown(code: int, form: str) -> None:
    with pytest.raises(AuthError) as caught:
        orders_page(reply(form.format(code, f"bad {KEY}").encode(), 400), access(), raw=False)

    assert str(caught.value) == f"getOrders: the credentials are refused ({code}: bad ***)"


@pytest.mark.parametrize(("status", "body"), [(429, b""), (502, b"<html>"), (404, b"{}"), (400, b"null")])
def test_a_status_without_a_code_is_a_refusal(status: int, body: bytes) -> None:
    with pytest.raises(Refused, match=f"getOrders: HTTP status {status}"):
        orders_page(reply(body, status), access(), raw=False)
