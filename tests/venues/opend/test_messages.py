"""Bodies, held against those of the official SDK."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.errors import Refused, RemoteProtocolError
from ordwatch.venues.opend import messages
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

HEADER = pb.TrdHeader(trdEnv=1, accID=281756455988249902, trdMarket=1)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("init_connect", messages.init_connect(-1)),
        ("get_global_state", messages.get_global_state()),
        ("keep_alive", messages.keep_alive(1700000000)),
        ("get_acc_list", messages.get_acc_list()),
        ("sub_acc_push", messages.sub_acc_push([281753457989306260])),
        ("get_order_list", messages.get_order_list(HEADER, [], refresh=True)),
        ("get_order_list_by_id", messages.get_order_list(HEADER, [4883217202603317248], refresh=False)),
        (
            "get_history_order_list",
            messages.get_history_order_list(
                HEADER, [4883217202603317248], begin="2021-09-12 00:00:00", end="2021-09-14 00:00:00"
            ),
        ),
    ],
)
def test_requests_are_byte_for_byte_what_the_sdk_writes(name: str, body: bytes, sdk: dict[str, bytes]) -> None:
    assert body == sdk[f"request_{name}"]


def test_the_keep_alive_request_is_that_of_the_vector(vectors: dict[str, str]) -> None:
    assert messages.keep_alive(1700000000).hex() == vectors["keep_alive_body"]


def test_init_web_socket_writes_the_documented_fields() -> None:
    assert messages.init_web_socket("abc") == b"\x0a\x17" + b"\x22\x03abc" + b"\x2a\x08ordwatch" + b"\x32\x06Python"


def test_an_answer_of_the_sdk_is_read(sdk: dict[str, bytes]) -> None:
    s2c = messages.answer(pb.InitConnect.Response.FromString, sdk["init_connect_cbc"]).s2c

    assert (s2c.connID, s2c.connAESKey, s2c.aesCBCiv) == (6827943584315573569, b"0123456789ABCDEF", b"fedcba9876543210")
    assert s2c.keepAliveInterval == 10


def test_a_program_status_we_do_not_know_survives() -> None:
    assert messages.parse(pb.ProgramStatus.FromString, b"\x08\x63").type == 99  # type: ignore[type-var]  # no response


def test_a_no_is_raised_with_the_venues_words(sdk: dict[str, bytes]) -> None:
    with pytest.raises(Refused, match=r"^请先解锁交易 \(retType -1\)$"):
        messages.answer(pb.GetOrderList.Response.FromString, sdk["order_list_refused"])


def test_the_venues_words_cannot_command_a_terminal() -> None:
    response = pb.KeepAlive.Response(retType=-1, retMsg=b"\x1b[2J\xff")

    assert messages.refusal(response) == "\\x1b[2J\\xff (retType -1)"


@pytest.mark.parametrize("body", [b"", b"\x12\x00", b"\x08\x00\x22\x00"], ids=["empty", "no retType", "no time"])
def test_a_message_without_a_required_field_is_not_accepted(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="a required field is missing"):
        messages.parse(pb.KeepAlive.Response.FromString, body)


def test_a_push_that_says_neither_yes_nor_no_is_not_accepted() -> None:
    with pytest.raises(RemoteProtocolError, match="a required field is missing"):
        messages.parse_update_order(b"")


@pytest.mark.parametrize("position", range(12))
def test_a_cut_body_is_not_accepted(position: int, sdk: dict[str, bytes]) -> None:
    body = sdk["push_javascript_filled"]

    with pytest.raises(RemoteProtocolError):
        messages.parse_update_order(body[: len(body) - 1 - position])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_push_or_a_protocol_error(body: bytes) -> None:
    with suppress(RemoteProtocolError):
        assert isinstance(messages.parse_update_order(body), pb.UpdateOrder.Response)


def test_the_orders_of_a_list_are_those_of_the_whole_message(sdk: dict[str, bytes]) -> None:
    whole = pb.GetOrderList.Response.FromString(sdk["order_list"]).s2c

    s2c = messages.order_list(sdk["order_list"])

    assert s2c.header == whole.header
    assert [messages.order(data) for data in s2c.orderList] == list(whole.orderList)
    assert len(whole.orderList) == 2


def test_a_list_that_is_refused_is_raised_with_the_venues_words(sdk: dict[str, bytes]) -> None:
    with pytest.raises(Refused, match=r"^请先解锁交易 \(retType -1\)$"):
        messages.order_list(sdk["order_list_refused"])


def test_a_yes_without_a_list_is_no_empty_list() -> None:
    with pytest.raises(RemoteProtocolError, match="a yes without a list"):
        messages.order_list(b"\x08\x00")


def test_one_order_that_is_none_does_not_cost_the_list() -> None:
    body = pb.OrderList.Response(retType=0, s2c=pb.OrderList.S2C(header=HEADER, orderList=[b"\xff"]))

    s2c = messages.order_list(body.SerializeToString())

    with pytest.raises(RemoteProtocolError):
        messages.order(s2c.orderList[0])
