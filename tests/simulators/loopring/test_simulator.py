import json

import pytest

from ordwatch.simulators.contract import Close, Outgoing
from ordwatch.simulators.loopring.simulator import FAULTS, LoopringSimulator
from ordwatch.venues.contract import HttpRequest
from tests.venues.loopring.joined import START_NS, data, step

LRC_ETH = {"topic": "order", "market": "LRC-ETH"}


def connected(*faults: str, path: str = "/v2/ws") -> LoopringSimulator:
    """A simulator with one client."""
    venue = LoopringSimulator()
    venue.connected(1, "ws", path, START_NS)
    for fault in faults:
        venue.fault(fault)
    return venue


def asked(venue: LoopringSimulator, **message: object) -> dict[str, object]:
    """The answer to one message."""
    venue.receive(1, json.dumps(message).encode(), START_NS)
    (outgoing,) = venue.data_to_send()
    assert isinstance(outgoing.payload, str)
    reported: dict[str, object] = json.loads(outgoing.payload)
    return reported


def subscribed(*faults: str, **message: object) -> LoopringSimulator:
    """A simulator whose client subscribed to LRC-ETH."""
    venue = connected(*faults)
    asked(venue, **({"op": "sub", "apiKey": venue.api_key, "topics": [LRC_ETH]} | message))
    return venue


def pushed(venue: LoopringSimulator, status: str = "NEW") -> dict[str, object]:
    """The push that one step makes."""
    venue.play(step("one", status), START_NS)
    (outgoing,) = venue.data_to_send()
    assert outgoing.push
    assert isinstance(outgoing.payload, str)
    reported: dict[str, object] = json.loads(outgoing.payload)
    return reported


def order_in(push: dict[str, object]) -> dict[str, object]:
    """The order of a push."""
    order = push["data"]
    assert isinstance(order, dict)
    return order


def ticket(venue: LoopringSimulator) -> str:
    reply = venue.request(HttpRequest(name="t", url="/v3/ws/key"), START_NS)
    reported: str = json.loads(reply.body)["key"]
    return reported


def closes(venue: LoopringSimulator) -> list[Outgoing]:
    return [outgoing for outgoing in venue.data_to_send() if isinstance(outgoing.payload, Close)]


def test_a_ticket_lets_one_connection_in() -> None:
    venue = LoopringSimulator()
    venue.connected(1, "ws", f"/v3/ws?wsApiKey={ticket(venue)}", START_NS)

    assert closes(venue) == []


def test_a_ticket_is_good_once() -> None:
    venue = LoopringSimulator()
    path = f"/v3/ws?wsApiKey={ticket(venue)}"
    venue.connected(1, "ws", path, START_NS)
    venue.connected(2, "ws", path, START_NS)

    assert [outgoing.peer for outgoing in closes(venue)] == [2]


@pytest.mark.parametrize("path", ["/v3/ws", "/v3/ws?wsApiKey=", "/v3/ws?wsApiKey=guessed"])
def test_v3_lets_nobody_in_without_a_ticket(path: str) -> None:
    assert closes(connected(path=path))


def test_answers_the_documented_subscription_as_documented() -> None:
    venue = connected()
    request = json.loads(data("subscribe_topics.json").replace(b"<apiKey>", venue.api_key.encode()))
    documented = json.loads(data("answer_topics_ok.json"))

    assert asked(venue, **request) == documented | {"topics": request["topics"]}


def test_answers_the_documented_subscription_of_early_v2_as_documented() -> None:
    venue = connected()
    request = json.loads(data("subscribe_args.json").replace(b"<apiKey>", venue.api_key.encode()))
    request["args"] = ["order&LRC-ETH"]

    assert asked(venue, **request) == request | {"result": {"status": "ok"}}


KEY = LoopringSimulator().api_key


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"op": "dance", "apiKey": KEY, "topics": [LRC_ETH]}, 104101),
        ({"op": "sub", "apiKey": KEY, "topics": []}, 104100),
        ({"op": "sub", "apiKey": KEY}, 104100),
        ({"op": "sub", "apiKey": KEY, "topics": [{"topic": "weather"}]}, 104102),
        ({"op": "sub", "apiKey": KEY, "topics": [LRC_ETH, LRC_ETH]}, 104103),
        ({"op": "sub", "apiKey": KEY, "args": ["order&LRC-ETH", "order&LRC-USDT"]}, 104103),
        ({"op": "sub", "topics": [LRC_ETH]}, 104104),
        ({"op": "sub", "apiKey": "wrong", "topics": [LRC_ETH]}, 104112),
        ({"op": "sub", "apiKey": KEY, "topics": [LRC_ETH, {"topic": "order", "market": "LRC-XXX"}]}, 104110),
        ({"op": "sub", "apiKey": KEY, "topics": [{"topic": "order"}]}, 104110),
    ],
)
def test_refuses_with_the_code_of_the_first_check_that_fails(message: dict[str, object], code: int) -> None:
    result = asked(connected(), **message)["result"]

    assert isinstance(result, dict)
    assert (result["status"], result["error"]["code"]) == ("failed", code)


def test_what_it_cannot_read_is_unexpected() -> None:
    venue = connected()
    venue.receive(1, b"hello", START_NS)
    (outgoing,) = venue.data_to_send()

    assert isinstance(outgoing.payload, str)
    assert json.loads(outgoing.payload)["result"]["error"]["code"] == 104115


def test_a_refused_subscription_changes_nothing() -> None:
    venue = connected()
    asked(venue, op="sub", apiKey=KEY, topics=[LRC_ETH, {"topic": "order", "market": "LRC-XXX"}])
    venue.play(step("one", "NEW"), START_NS)

    assert venue.data_to_send() == []


@pytest.mark.parametrize("op", ["unSub", "unsub"])
def test_an_unsubscription_ends_the_pushes(op: str) -> None:
    venue = subscribed()
    asked(venue, op=op, apiKey=KEY, topics=[LRC_ETH])
    venue.play(step("one", "NEW"), START_NS)

    assert venue.data_to_send() == []


def test_a_second_subscription_by_args_replaces_the_first() -> None:
    venue = subscribed(topics=None, args=["order&LRC-USDT"])
    asked(venue, op="sub", apiKey=KEY, args=["order&LRC-ETH"])

    assert pushed(venue)["topic"] == "order&LRC-ETH"


def test_a_push_has_the_fields_of_the_documented_one() -> None:
    assert pushed(subscribed()).keys() == json.loads(data("push_topics.json")).keys()
    assert order_in(pushed(subscribed())).keys() == json.loads(data("push_topics.json"))["data"].keys()


def test_a_push_looks_as_in_production() -> None:
    reported = pushed(subscribed())

    assert (reported["ts"], reported["topic"]) == (START_NS // 10**6, LRC_ETH)
    assert order_in(reported)["createdAt"] == str(START_NS // 10**6)
    assert (order_in(reported)["side"], order_in(reported)["size"]) == ("BUY", "5" + "0" * 18)


@pytest.mark.parametrize(
    ("fault", "path", "value"),
    [
        ("string_topic", ("topic",), "order&LRC-ETH"),
        ("misspelt_topic", ("topic", "topic:"), "order"),
        ("seconds", ("ts",), START_NS // 10**9),
        ("seconds", ("data", "createdAt"), str(START_NS // 10**9)),
        ("lower_case", ("data", "side"), "buy"),
        ("lower_case", ("data", "market"), "lrc-eth"),
        ("update_at", ("data", "updateAt"), START_NS // 10**6 - 3),
        ("integers", ("data", "size"), 5 * 10**18),
    ],
)
def test_documented_variants_of_a_push_can_be_played(fault: str, path: tuple[str, ...], value: object) -> None:
    reported: object = pushed(subscribed(fault))
    for name in path:
        assert isinstance(reported, dict)
        reported = reported[name]

    assert reported == value


def test_an_unchanged_fill_can_be_left_out() -> None:
    venue = subscribed("no_filled")

    assert "filledSize" in order_in(pushed(venue))
    assert "filledSize" not in order_in(pushed(venue))


@pytest.mark.parametrize(("native", "word"), [("frozen", "frozen"), ("PROCESSED", "PROCESSED")])
def test_any_word_of_the_venue_can_be_played(native: str, word: str) -> None:
    venue = subscribed()
    venue.play(step("one", "NEW", native=native), START_NS)
    (outgoing,) = venue.data_to_send()

    assert isinstance(outgoing.payload, str)
    assert json.loads(outgoing.payload)["data"]["status"] == word


def test_pings_every_thirty_seconds() -> None:
    venue = connected()
    venue.tick(START_NS + 29 * 10**9)
    venue.tick(START_NS + 30 * 10**9)
    venue.tick(START_NS + 31 * 10**9)

    assert venue.data_to_send() == [Outgoing(1, "ping")]


def test_hangs_up_after_two_minutes_without_a_pong() -> None:
    venue = connected()
    venue.tick(START_NS + 30 * 10**9)
    venue.tick(START_NS + 121 * 10**9)

    assert [outgoing.payload for outgoing in closes(venue)] == [Close(1008, "no pong")]


def test_hangs_up_after_a_pong_too_many() -> None:
    venue = connected()
    venue.receive(1, b"pong", START_NS)

    assert [outgoing.payload for outgoing in closes(venue)] == [Close(1008, "too many pongs")]


def test_steps_count_while_nobody_listens() -> None:
    venue = LoopringSimulator()
    venue.play(step("one", "NEW"), START_NS)
    venue.play(step("one", "CANCELED", "2"), START_NS)

    (state,) = venue.truth().values()
    assert (state.status, state.filled_qty, state.states) == ("CANCELED", "2", 2)


def test_the_settings_reach_it() -> None:
    assert LoopringSimulator().settings({"ws": "127.0.0.1:1", "rest": "127.0.0.1:2"}) == {
        "kind": "loopring",
        "api_key": KEY,
        "account_id": "10005",
        "markets": ["LRC-ETH", "LRC-USDT", "ETH-USDT"],
        "protocol": "v3",
        "ws_url": "ws://127.0.0.1:1/v3/ws",
        "rest_url": "http://127.0.0.1:2",
    }


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_switched(name: str) -> None:
    venue = subscribed()
    venue.fault(name)
    venue.fault(name, False)

    assert pushed(venue) == pushed(subscribed())


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(ValueError, match="unknown fault 'gremlins'"):
        LoopringSimulator().fault("gremlins")
