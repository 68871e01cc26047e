import json

import pytest

from ordwatch.venues.loopring.messages import (
    DamagedOrder,
    OrderTopicPush,
    OtherTopic,
    RelayerAnswer,
    decode,
    failure_text,
    order_data,
    raw_payload,
    subscribe_args,
    subscribe_topics,
    topic_market,
    topic_name,
)
from ordwatch.venues.toolkit.lenient_json import Unreadable, loads
from tests.venues.loopring.joined import data, order, push


def pushed(frame: bytes) -> OrderTopicPush:
    message = decode(frame)
    assert isinstance(message, OrderTopicPush), message
    return message


def answered(frame: bytes) -> RelayerAnswer:
    message = decode(frame)
    assert isinstance(message, RelayerAnswer), message
    return message


@pytest.mark.parametrize("name", ["push_args.json", "push_topics.json", "push_table.json"])
def test_reads_every_documented_shape_of_a_push(name: str) -> None:
    message = pushed(data(name))

    assert topic_name(message.topic) == "order"
    assert (message.data.order_hash, message.data.filled_fee) == ("11212", "1000000")


def test_reads_every_field_of_the_documented_push() -> None:
    reported = pushed(data("push_args.json")).data

    assert (reported.client_order_id, reported.size, reported.volume, reported.price) == (
        "myOrder",
        "500000000",
        "210000000",
        "0.000004",
    )
    assert (reported.filled_size, reported.filled_volume, reported.status, reported.side) == (
        "30000000",
        "100000",
        "processing",
        "buy",
    )
    assert (reported.created_at, reported.valid_since, reported.valid_until) == (
        "1494900087",
        "1494900087",
        "1495900087",
    )


@pytest.mark.parametrize(
    ("topic", "name", "market"),
    [
        ("order&lrc-eth", "order", "lrc-eth"),
        ("ORDER", "order", None),
        ({"topic": "order", "market": "LRC-ETH"}, "order", "LRC-ETH"),
        ({"topic:": "order", "market": "LRC-ETH"}, "order", "LRC-ETH"),
        ({"topic": "Order"}, "order", None),
    ],
)
def test_reads_the_topic_as_text_as_object_and_misspelt(topic: object, name: str, market: str | None) -> None:
    message = pushed(json.dumps({"topic": topic, "data": order()}).encode())

    assert (topic_name(message.topic), topic_market(message.topic)) == (name, market)


def test_keeps_every_digit_of_a_long_integer() -> None:
    digits = "1234567890" * 7 + "1234567"

    assert str(pushed(push(size=int(digits))).data.size) == digits


def test_keeps_every_digit_of_a_number_with_a_point() -> None:
    frame = push(price="PRICE").replace(b'"PRICE"', b"0.1000000000000000055")

    assert pushed(frame).data.price == "0.1000000000000000055"


@pytest.mark.parametrize("value", [True, [], {"a": 1}], ids=repr)
def test_leaves_out_and_names_a_field_of_a_wrong_type(value: object) -> None:
    reported = pushed(push(size=value)).data

    assert isinstance(reported, DamagedOrder)
    assert (reported.unreadable, reported.size, reported.order_hash) == (("size",), None, "0x01")


def test_a_null_field_is_not_reported() -> None:
    reported = pushed(push(size=None)).data

    assert (reported.size, isinstance(reported, DamagedOrder)) == (None, False)


@pytest.mark.parametrize("field", ["hash", "status"])
@pytest.mark.parametrize("value", [..., None, "", {}], ids=repr)
def test_an_order_without_hash_or_status_is_unreadable(field: str, value: object) -> None:
    with pytest.raises(Unreadable, match=f"an order without {field}"):
        decode(push(**{field: value}))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"pong", "not JSON"),
        (b"\x00\xff\xfe", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"topic":"order","data":{"hash":"1","status":"processing","size":NaN}}', "NaN is no number"),
        (b'{"topic":"order","data":{"hash":"1","status":"processing","size":-Infinity}}', "Infinity is no number"),
        (b'{"topic":"order","data":[]}', "without its data"),
        (b'{"topic":"order"}', "without its data"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else None,
)
def test_says_why_a_frame_is_unreadable(frame: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode(frame)


def test_half_a_surrogate_pair_is_shown_and_the_order_kept() -> None:
    message = decode(push(clientOrderId="MINE").replace(b"MINE", b"a\\ud83d\\ud83d\\ude00"))

    assert isinstance(message, OrderTopicPush)
    assert message.data.client_order_id == "a\\ud83d\U0001f600"


def test_bytes_that_are_no_utf8_are_shown_and_the_order_kept() -> None:
    frame = push(clientOrderId="MINE").replace(b"MINE", b"caf\xe9")

    assert pushed(frame).data.client_order_id == "caf\\xe9"


def test_unknown_fields_are_ignored() -> None:
    assert pushed(push(colour="red", unreadable=["size"])) == pushed(push())


@pytest.mark.parametrize(
    ("name", "ok", "sequence", "code", "message"),
    [
        ("answer_topics_ok.json", True, "10000", None, None),
        ("answer_topics_failed.json", False, "10000", 104110, "receive illegal arg for order:lrc-xxx"),
        ("answer_topics_unexpected.json", False, None, 104115, "unexpected msg:xxx"),
        ("answer_args_ok.json", True, None, None, None),
        ("answer_args_failed.json", False, None, 104110, "..."),
        ("answer_args_unexpected.json", False, None, 104115, "unexpected msg:xxx"),
    ],
)
def test_reads_every_documented_answer(
    name: str, ok: bool, sequence: str | None, code: int | None, message: str | None
) -> None:
    assert answered(data(name)) == RelayerAnswer(ok=ok, sequence=sequence, code=code, message=message)


@pytest.mark.parametrize(
    ("result", "ok"),
    [({"status": "oK"}, True), ({"status": "fine"}, False), ({}, False), ("OK", False), ({"status": True}, False)],
    ids=repr,
)
def test_only_the_success_word_is_success(result: object, ok: bool) -> None:
    assert answered(json.dumps({"op": "sub", "result": result}).encode()).ok is ok


def test_an_answer_with_an_order_in_it_is_no_push() -> None:
    frame = json.dumps({"op": "sub", "result": {"status": "OK"}, "topic": "order", "data": order()}).encode()

    assert answered(frame).ok


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (b'{"topic":"ticker&LRC-ETH","data":{"hash":"1","status":"x"}}', "ticker"),
        (b'{"topic":{"topic":"Account"},"data":{}}', "account"),
        (b'{"topic":[7],"data":{}}', ""),
        (b'{"op":"sub"}', ""),
        (b"{}", ""),
    ],
)
def test_names_the_topic_of_anything_else(frame: bytes, kind: str) -> None:
    assert decode(frame) == OtherTopic(kind)


@pytest.mark.parametrize("changed", [b'"statuz"', b'"hasch"'])
def test_a_wrong_byte_in_the_documented_push_is_noticed(changed: bytes) -> None:
    frame = data("push_args.json").replace({b'"statuz"': b'"status"', b'"hasch"': b'"hash"'}[changed], changed)

    with pytest.raises(Unreadable):
        decode(frame)


def test_subscribes_as_the_documents_of_v3_write_it() -> None:
    documented = json.loads(data("subscribe_topics.json"))
    del documented["unsubscribeAll"]  # optional, and a fresh connection has nothing to drop

    assert json.loads(subscribe_topics(["LRC-ETH", "LRC-USDT"], "<apiKey>", 10000)) == documented


def test_subscribes_as_the_documents_of_early_v2_write_it() -> None:
    assert json.loads(subscribe_args("LRC-BTC", "<apiKey>")) == json.loads(data("subscribe_args.json"))


def test_the_payload_shows_ids_as_text_and_blanks_the_secret() -> None:
    shown = raw_payload(b'{"id":9007199254740993,"n":12,"x":1e400,"key":"s3cret","t":"a s3cret b"}', "s3cret")

    assert shown == {"id": "9007199254740993", "n": 12, "x": "1e400", "key": "***", "t": "a *** b"}


def test_every_number_of_the_lenient_path_is_its_own_text() -> None:
    assert loads(b'{"a":1.10,"b":' + b"9" * 5000 + b',"c":true}') == {"a": "1.10", "b": "9" * 5000, "c": True}


def test_an_order_is_read_from_decoded_fields() -> None:
    assert order_data({"hash": "1", "status": "x", "filledSize": "3"}).filled_size == "3"


@pytest.mark.parametrize(
    ("code", "reported", "shown"),
    [
        (104112, "bad key s3cret", "104112: bad key ***"),
        (None, None, "no code"),
        (7, "\x1b[2J\n", "7: \\x1b[2J\\x0a"),
        (7, "s3cret" * 100, "7: " + "*" * 199 + "…"),
    ],
)
def test_the_venues_words_are_harmless_short_and_without_the_secret(
    code: int | None, reported: object, shown: str
) -> None:
    assert failure_text(code, reported, "s3cret") == shown
