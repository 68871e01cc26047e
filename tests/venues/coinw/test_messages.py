"""CoinW's messages, in the documented shape and in every other."""

from pathlib import Path

import msgspec
import pytest

from ordwatch.venues.coinw.messages import (
    SUBSCRIBE,
    BadRow,
    ErrorFrame,
    LoginAnswer,
    Message,
    OrderPush,
    OrderRow,
    Other,
    Pong,
    Reply,
    SubscriptionAnswer,
    decode,
    login,
    payloads,
)
from ordwatch.venues.toolkit.lenient_json import Unreadable

DATA = Path(__file__).parent / "data"
ROW = b'{"order_id":4624530513294751114,"type":"RECEIVED","size":"0.0001","time":1743244437255}'
PLAIN = OrderRow(order_id=4624530513294751114, type="RECEIVED", size="0.0001", time=1743244437255)


def push(data: bytes) -> bytes:
    """An order push with this `data`."""
    return b'{"biz":"exchange","data":' + data + b',"type":"order"}'


def rows(frame: bytes) -> list[OrderRow | BadRow]:
    """The orders of a push."""
    message = decode(frame)
    assert isinstance(message, OrderPush)
    return message.orders


@pytest.mark.parametrize("name", ["order_received.json", "order_received_spaced.json"])
def test_reads_the_documented_push(name: str) -> None:
    assert rows((DATA / name).read_bytes()) == [
        OrderRow(
            order_id=4624530513294751114,
            type="RECEIVED",
            product_id="BTC_USDT",
            side="BUY",
            order_type="LIMIT",
            size="0.0001",
            remaining_size="0.0001",
            price="82000",
            dealFunds="0",
            fee="0",
            client_id="you*******",
            time=1743244437255,
        )
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("login_ok.json", LoginAnswer(Reply(ok=True, code="", message=""))),
        ("login_refused.json", LoginAnswer(Reply(ok=False, code="1003", message="..."))),
        ("subscribed.json", SubscriptionAnswer(Reply(ok=True, code="", message=""), ours=True)),
        (
            "subscription_refused.json",
            SubscriptionAnswer(Reply(ok=False, code="1007", message="Invalid parameter"), ours=True),
        ),
        ("pong.json", Pong()),
        ("error_unknown_event.json", ErrorFrame(Reply(ok=False, code="500", message="exception"))),
        ("error_not_json.json", ErrorFrame(Reply(ok=False, code="1001", message="Rate Limit"))),
        ("assets_change.json", Other("assets", known=True)),
    ],
)
def test_distinguishes_documented_messages(name: str, message: Message) -> None:
    assert decode((DATA / name).read_bytes()) == message


@pytest.mark.parametrize(
    "data",
    [ROW, b" [" + ROW + b"]", msgspec.json.encode(ROW.decode()), msgspec.json.encode(f"[{ROW.decode()}]")],
    ids=["object", "array", "text of an object", "text of an array"],
)
def test_data_may_be_an_object_an_array_or_text_holding_either(data: bytes) -> None:
    frame = push(data.strip())

    assert [msgspec.to_builtins(row) | {"order_id": 0, "time": 0} for row in rows(frame)] == [
        msgspec.to_builtins(PLAIN) | {"order_id": 0, "time": 0}
    ]


def test_an_empty_array_holds_no_orders() -> None:
    assert rows(push(b"[]")) == []


def test_an_array_holds_any_number_of_orders() -> None:
    assert len(rows(push(b"[" + b",".join([ROW] * 50) + b"]"))) == 50


def test_one_bad_row_leaves_its_neighbours() -> None:
    found = rows(push(b"[" + ROW + b',{"type":"DONE"},7,' + ROW + b"]"))

    assert [type(row) for row in found] == [OrderRow, BadRow, BadRow, OrderRow]


def test_numbers_and_strings_read_the_same() -> None:
    (row,) = rows(
        push(b'{"order_id":"4624530513294751114","time":"1743244437255","size":0.1000000000000000055,"fee":0E-18}')
    )

    assert row == OrderRow(
        order_id="4624530513294751114", time="1743244437255", size="0.1000000000000000055", fee="0E-18"
    )


def test_null_is_as_good_as_absent() -> None:
    assert rows(push(b'{"order_id":1,"reason":null,"side":null,"time":null}')) == [OrderRow(order_id=1)]


@pytest.mark.parametrize("order_id", [b"null", b"true", b"4.62e18", b"{}", b"-1.5"])
def test_an_id_that_is_neither_integer_nor_string_is_a_bad_row(order_id: bytes) -> None:
    (row,) = rows(push(b'{"order_id":' + order_id + b',"type":"DONE"}'))

    assert isinstance(row, BadRow)


def test_an_id_beyond_64_bits_keeps_its_digits() -> None:
    (row,) = rows(push(b'{"order_id":123456789012345678901234567890123,"type":"DONE"}'))

    assert isinstance(row, OrderRow)
    assert str(row.order_id) == "123456789012345678901234567890123"


def test_an_order_with_bytes_that_are_not_utf8_is_kept() -> None:
    (row,) = rows(push(b'{"order_id":1,"type":"DONE","client_id":"caf\xe9"}'))

    assert row == OrderRow(order_id="1", type="DONE", client_id="caf\\xe9")


@pytest.mark.parametrize(
    "frame",
    [
        b"", b"ping", b"[]", b'"pong"', b'{"event":"pong"', b"\x00\x01", b"\xff", b'{"a":NaN}', push(b"null"),
        push(b"7"), push(b'"nonsense"'), push(b'"\\"twice\\""'), push(b"["), push(b"{" * 100_000),
        b'{"channel":"login","data":"x"}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_so(frame: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(frame)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b'{"event":"pong","biz":"exchange","type":"order","data":{"order_id":1}}', Pong()),
        (
            b'{"channel":"unsub","biz":"exchange","type":"order","data":{"result":true}}',
            SubscriptionAnswer(Reply(ok=True, code="", message=""), ours=False),
        ),
        (
            b'{"channel":"unsubscribe","biz":"exchange","type":"order","data":"{\\"result\\":true}"}',
            SubscriptionAnswer(Reply(ok=True, code="", message=""), ours=False),
        ),
        (
            b'{"channel":"subscribe","biz":"exchange","type":"assets","data":{"result":true}}',
            SubscriptionAnswer(Reply(ok=True, code="", message=""), ours=False),
        ),
        (b'{"channel":"login"}', LoginAnswer(Reply(ok=None, code="", message=""))),
        (b'{"biz":"exchange","type":"order"}', Other("biz=exchange type=order", known=False)),
        (b'{"biz":"futures","type":"order","data":[]}', Other("biz=futures type=order", known=False)),
        (b'{"event":"PONG"}', Other("event=PONG", known=False)),
        (b"{}", Other("no name", known=False)),
    ],
)
def test_routes_by_content(frame: bytes, message: Message) -> None:
    assert decode(frame) == message


def test_a_top_level_time_is_ignored() -> None:
    assert rows(push(ROW)[:-1] + b',"time":987654321987654321}') == [PLAIN]


def test_login_and_subscription_are_what_a_client_of_the_venue_sends() -> None:
    assert msgspec.json.decode(login("", "")) == msgspec.json.decode((DATA / "client_login.json").read_bytes())
    assert msgspec.json.decode(SUBSCRIBE) == msgspec.json.decode((DATA / "client_subscribe.json").read_bytes())


def test_a_secret_with_quotes_stays_one_string() -> None:
    assert msgspec.json.decode(login("k", 's"\\')) == {
        "event": "login",
        "params": {"api_key": "k", "passphrase": 's"\\'},
    }


def test_payload_has_ids_as_text() -> None:
    (payload,) = payloads((DATA / "order_received.json").read_bytes())

    assert isinstance(payload, dict)
    assert payload["order_id"] == "4624530513294751114"
    assert payload["time"] == 1743244437255
