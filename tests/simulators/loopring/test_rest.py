import json

import pytest

from ordwatch.simulators.loopring.simulator import LoopringSimulator
from ordwatch.venues.contract import HttpReply, HttpRequest
from tests.venues.loopring.joined import START_NS, data, step

KEY = LoopringSimulator().api_key


def get(
    venue: LoopringSimulator, path: str, params: dict[str, str] | None = None, *, now_ns: int = START_NS, key: str = KEY
) -> HttpReply:
    account = {"accountId": "10005"} | (params or {})
    return venue.request(HttpRequest(name="x", url=path, params=account, headers={"x-api-key": key}), now_ns)


def code(reply: HttpReply) -> object:
    reported = json.loads(reply.body)
    return reported["resultInfo"]["code"]


def shape(value: object) -> object:
    """The keys of nested objects, whatever stands in them."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


def venue(count: int = 1) -> LoopringSimulator:
    reported = LoopringSimulator()
    for number in range(count):
        reported.play(step(str(number), "NEW"), START_NS + number * 10**6)
    return reported


def test_a_row_of_v3_has_the_documented_shape() -> None:
    (row,) = json.loads(get(venue(), "/api/v3/orders").body)["orders"]

    assert shape(row) == shape(json.loads(data("orders_v3.json"))["orders"][0])


def test_a_row_of_v2_has_the_documented_fields() -> None:
    (row,) = json.loads(get(venue(), "/api/v2/orders").body)["data"]["orders"]

    assert row.keys() | {"orderType"} == json.loads(data("orders_v2.json"))["data"]["orders"][0].keys()


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({}, 50),
        ({"limit": "99"}, 50),
        ({"limit": "7"}, 7),
        ({"offset": "50"}, 10),
        ({"status": "processed,failed"}, 0),
        ({"market": "LRC-USDT"}, 0),
        ({"start": str(START_NS // 10**6 + 58)}, 2),
        ({"end": str(START_NS // 10**6 + 2)}, 3),
    ],
    ids=str,
)
def test_lists_are_paged_and_filtered(params: dict[str, str], count: int) -> None:
    assert len(json.loads(get(venue(60), "/api/v3/orders", params).body).get("orders", [])) == count


def test_the_newest_order_comes_first() -> None:
    rows = json.loads(get(venue(3), "/api/v3/orders").body)["orders"]

    assert [row["clientOrderId"] for row in rows] == ["scenario-3", "scenario-2", "scenario-1"]


@pytest.mark.parametrize(
    ("key", "params", "expected"),
    [("", {}, 104001), ("wrong", {}, 104002), (KEY, {"accountId": "1"}, 104003), (KEY, {"orderHash": "0"}, 107003)],
)
def test_refuses_with_the_documented_code(key: str, params: dict[str, str], expected: int) -> None:
    reply = get(venue(), "/api/v3/order", params, key=key)

    assert (reply.status, code(reply)) == (400, expected)


def test_v2_tells_errors_with_status_200() -> None:
    reply = get(venue(), "/api/v2/order", {"orderHash": "0"})

    assert (reply.status, code(reply)) == (200, 107003)


@pytest.mark.parametrize(("path", "allowed"), [("/api/v3/orders", 5), ("/api/v2/orders", 3)])
def test_too_many_calls_in_a_second_are_refused(path: str, allowed: int) -> None:
    reported = venue()

    assert [get(reported, path).status for _ in range(allowed + 1)] == [200] * allowed + [429]
    assert reported.rest.too_many == 1


def test_calls_at_the_documented_pace_are_answered() -> None:
    reported = venue()

    assert [get(reported, "/api/v3/orders", now_ns=START_NS + n * 200_000_000).status for n in range(20)] == [200] * 20


@pytest.mark.parametrize(
    ("path", "reported"),
    [("/api/v3/timestamp", {"timestamp": START_NS // 10**6}), ("/api/v2/timestamp", START_NS // 10**6)],
)
def test_reports_the_time(path: str, reported: object) -> None:
    body = json.loads(get(venue(), path).body)

    assert (body["data"] if "v2" in path else body) == reported


def test_reports_markets_by_the_ids_of_its_tokens() -> None:
    reported = venue()
    (market, *_) = json.loads(get(reported, "/api/v3/exchange/markets").body)["markets"]
    tokens = json.loads(get(reported, "/api/v3/exchange/tokens").body)

    assert market["market"] == "LRC-ETH"
    assert (tokens[market["baseTokenId"]]["symbol"], tokens[market["quoteTokenId"]]["symbol"]) == ("LRC", "ETH")


@pytest.mark.parametrize("path", ["/", "/api/v3/submitOrder", "/api/v3/user/info"])
def test_other_paths_do_not_exist(path: str) -> None:
    assert get(venue(), path).status == 404


def test_nothing_is_changed_over_rest() -> None:
    assert venue().request(HttpRequest(name="x", url="/api/v3/order", method="POST"), START_NS).status == 405


@pytest.mark.parametrize(
    ("path", "more"), [("/api/v3/exchange/tokens", "gasAmounts"), ("/api/v2/exchange/tokens", "unit")]
)
def test_tokens_have_what_official_clients_read(path: str, more: str) -> None:
    body = json.loads(get(LoopringSimulator(), path).body)
    tokens = body["data"] if isinstance(body, dict) else body

    assert [token["symbol"] for token in tokens] == ["LRC", "ETH", "USDT"]
    assert all(len(token["address"]) == 42 and {more, "name", "decimals"} <= token.keys() for token in tokens)


def test_a_row_of_tokens_has_the_documented_fields() -> None:
    reported = json.loads(get(LoopringSimulator(), "/api/v3/exchange/tokens").body)[0]

    assert reported.keys() >= json.loads(data("tokens_v3.json"))[0].keys()


@pytest.mark.parametrize("name", ["start", "end", "offset", "limit"])
def test_an_empty_number_counts_as_left_out(name: str) -> None:
    assert len(json.loads(get(venue(3), "/api/v3/orders", {name: ""}).body)["orders"]) == 3


@pytest.mark.parametrize("name", ["start", "end", "offset", "limit"])
@pytest.mark.parametrize("text", ["x", "-1", "1.5"])
def test_a_number_that_is_none_is_a_mistake(name: str, text: str) -> None:
    assert code(get(venue(), "/api/v3/orders", {name: text})) == 100001


def test_the_status_waiting_can_be_a_mistake() -> None:
    relayer = venue()
    relayer.fault("no_waiting")

    assert code(get(relayer, "/api/v3/orders", {"status": "processing,waiting"})) == 100001
    assert get(relayer, "/api/v3/orders", {"status": "processing"}).status == 200


def test_the_list_of_tokens_can_be_busy_alone() -> None:
    relayer = venue()
    relayer.fault("tokens_busy")

    assert get(relayer, "/api/v3/exchange/tokens").status == 429
    assert get(relayer, "/api/v3/orders").status == 200
