import asyncio
import json
from collections.abc import Sequence

import pytest

from ordwatch.core.errors import AuthError, ConnectionLost, Refused, RemoteProtocolError, VenueError
from ordwatch.core.events import OrderStatus, OrderUpdate, VenueStats
from ordwatch.core.order_store import OrderStore
from ordwatch.core.records import OrderRecord
from ordwatch.simulators.loopring.simulator import LoopringSimulator
from ordwatch.venues import load
from ordwatch.venues.contract import EVER, NEVER, Call, HttpRequest, QueryResult, QuerySpec, RequestT
from ordwatch.venues.loopring.connect import query
from ordwatch.venues.loopring.learned import Learned
from ordwatch.venues.loopring.orders import Origin
from ordwatch.venues.loopring.protocol_versions import Protocol
from ordwatch.venues.toolkit.slices import LOOKED_AT_ONCE
from tests.venues.loopring.joined import (
    START_NS,
    Emitted,
    RestCall,
    Scripted,
    data,
    order,
    push,
    read,
    session,
    setup,
    step,
)

TOKENS = data("tokens_v3.json")
NO_ORDERS = b'{"totalNum":0,"orders":[]}'


def query_spec(*known: OrderUpdate, since_ns: int | None = None) -> QuerySpec:
    return QuerySpec(since_ns=since_ns, open_orders=lambda: known)


def asked(
    call: Call,
    question: QuerySpec,
    *,
    protocol: Protocol = "v3",
    markets: tuple[str, ...] = ("LRC-ETH",),
    api_key: str = LoopringSimulator().api_key,
) -> tuple[Sequence[OrderUpdate], QueryResult]:
    """The rows and the report of one query."""
    reported = Emitted()
    result = asyncio.run(query(setup(protocol, markets, api_key=api_key), Learned(), question, call, reported))
    return reported.rows, result


def simulator(*statuses: str, instrument: int = 0) -> LoopringSimulator:
    """A venue with one order in each of these states."""
    venue = LoopringSimulator()
    for number, status in enumerate(statuses):
        venue.play(step(f"order{number}", status, instrument=instrument), START_NS + number * 1_000_000)
    return venue


def rows(first: int, count: int, total: int, **fields: object) -> bytes:
    """A page of v2-like rows, newest first."""
    orders = [order(hash=str(number), **fields) for number in range(first, first + count)]
    return json.dumps({"totalNum": total, "orders": orders}).encode()


def ids(updates: Sequence[OrderUpdate]) -> list[int]:
    return [int(update.order_id) for update in updates]


@pytest.mark.parametrize("protocol", ["v3", "v2topics", "v2args"])
def test_reports_what_is_open(protocol: Protocol) -> None:
    venue = simulator("NEW", "FILLED", "PENDING_CANCEL", "PENDING_NEW", "CANCELED")

    reported, result = asked(RestCall(venue), query_spec(), protocol=protocol)

    assert {update.status for update in reported} == {"NEW", "PENDING_CANCEL", "PENDING_NEW"}
    assert {update.source for update in reported} == {"query"}
    assert result.complete_since_ns is None


def test_reports_what_was_closed_since_a_time() -> None:
    venue = simulator("NEW", "FILLED", "CANCELED", "EXPIRED", "REJECTED")

    reported, _ = asked(RestCall(venue), query_spec(since_ns=START_NS))

    assert {update.status for update in reported} == {"NEW", "FILLED", "CANCELED", "EXPIRED", "REJECTED"}


@pytest.mark.parametrize(("since_ns", "start"), [(START_NS, str(START_NS // 1_000_000)), (EVER, "0")])
def test_closed_orders_are_asked_for_from_the_time_that_was_asked(since_ns: int, start: str) -> None:
    call = Scripted(TOKENS, NO_ORDERS, NO_ORDERS)
    asked(call, query_spec(since_ns=since_ns))

    assert call.asked[-1].params["start"] == start


def test_a_row_has_no_time_of_its_state() -> None:
    (reported,), _ = asked(RestCall(simulator("NEW")), query_spec())

    assert (reported.updated_ns, reported.qty, reported.order_type) == (None, "5", "LIMIT")


def test_reads_every_page() -> None:
    call = RestCall(simulator(*["NEW"] * 120))

    reported, result = asked(call, query_spec())

    assert len({update.order_id for update in reported}) == 120
    assert [request.params["offset"] for request in call.asked[1:]] == ["0", "50", "100"]
    assert result.complete_since_ns is None


def test_a_row_that_shifts_to_the_next_page_is_reported_once() -> None:
    call = Scripted(TOKENS, rows(0, 50, 52), rows(49, 2, 52), rows(51, 1, 52))

    reported, _ = asked(call, query_spec())

    assert sorted(ids(reported)) == list(range(52))


def test_a_list_that_shrank_while_it_was_read_is_read_again() -> None:
    call = Scripted(TOKENS, rows(0, 50, 52), rows(51, 1, 51), rows(0, 50, 51), rows(50, 1, 51))

    reported, result = asked(call, query_spec())

    assert sorted(ids(reported)) == list(range(52))
    assert result.complete_since_ns is None


def test_a_list_that_grew_past_its_last_page_is_read_again() -> None:
    grown = (rows(100, 50, 53), rows(0, 3, 53))
    call = Scripted(TOKENS, rows(0, 50, 50), rows(47, 3, 53), *grown)

    reported, result = asked(call, query_spec())

    assert sorted(ids(reported)) == [*range(50), *range(100, 150)]
    assert result.complete_since_ns is None


def test_a_total_that_is_too_small_hides_no_page() -> None:
    call = Scripted(TOKENS, rows(0, 50, 30), rows(50, 20, 30))

    reported, result = asked(call, query_spec())

    assert sorted(ids(reported)) == list(range(70))
    assert result.complete_since_ns is None


def test_a_venue_that_gives_its_only_page_again_has_reported_all() -> None:
    reported, result = asked(Scripted(TOKENS, rows(0, 50, 50), rows(0, 50, 50)), query_spec())

    assert sorted(ids(reported)) == list(range(50))
    assert result.complete_since_ns is None


def test_a_list_of_closed_orders_that_grows_is_read_once() -> None:
    closed = [rows(0, 50, 100), rows(40, 50, 110), rows(80, 20, 120), rows(98, 2, 122), rows(0, 0, 122)]

    reported, result = asked(Scripted(TOKENS, NO_ORDERS, *closed), query_spec(since_ns=START_NS))

    assert sorted(ids(reported)) == list(range(100))
    assert result.complete_since_ns is None


def test_a_list_that_never_holds_still_is_not_all_there_is() -> None:
    changing = [rows(0, 50, 52), rows(50, 1, 51)] * 3

    _, result = asked(Scripted(TOKENS, *changing), query_spec())

    assert result.complete_since_ns == NEVER
    assert "kept changing" in result.limits[0]


@pytest.mark.parametrize("total", [500, None])
def test_a_page_that_repeats_ends_the_reading_and_is_said(total: int | None) -> None:
    page = json.dumps({"totalNum": total, "orders": [order(hash=str(number)) for number in range(50)]}).encode()

    reported, result = asked(Scripted(TOKENS, page, page), query_spec())

    assert len(reported) == 50
    assert result.complete_since_ns == NEVER
    assert "page 2 of the processing orders repeats an earlier one" in result.limits


def test_a_list_of_100_000_orders_is_read_to_its_end() -> None:
    pages = [rows(number, 1, 2000) for number in range(2000)]

    reported, result = asked(Scripted(TOKENS, *pages), query_spec())

    assert len(reported) == 2000
    assert result.complete_since_ns is None


async def test_other_tasks_run_while_the_orders_held_are_looked_through() -> None:
    count = 3 * LOOKED_AT_ONCE
    held = [held_in("LRC-ETH", str(number)) for number in range(count)]
    call = Scripted(TOKENS, rows(0, count, count), rows(0, 0, count))
    rounds = 0

    async def count_rounds() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_rounds())
    await query(setup(), Learned(), query_spec(*held), call, Emitted())
    counting.cancel()

    assert rounds == 3


def test_pages_without_end_are_left_at_125_000_orders() -> None:
    pages = [rows(number, 1, 10**6) for number in range(2500)]
    call = Scripted(TOKENS, *pages)

    _, result = asked(call, query_spec())

    assert len(call.asked) == 2501
    assert result.limits[0] == "the list of processing orders was read to its page 2500"
    assert result.complete_since_ns == NEVER


def test_rows_that_cannot_be_named_make_the_answer_incomplete() -> None:
    body = json.dumps({"totalNum": 2, "orders": [order(), order(hash=...)]}).encode()

    reported, result = asked(Scripted(TOKENS, body), query_spec())

    assert len(reported) == 1
    assert result.complete_since_ns == NEVER
    assert "1 rows without hash or status at offset 0" in result.limits


def test_only_the_configured_markets_are_reported() -> None:
    venue = simulator("NEW", instrument=1)

    assert asked(RestCall(venue), query_spec(), markets=("LRC-ETH",))[0] == []
    assert len(asked(RestCall(venue), query_spec(), markets=("lrc-usdt",))[0]) == 1


def test_a_swap_belongs_to_its_market() -> None:
    (reported,), _ = asked(Scripted(TOKENS, rows(1, 1, 1, market="AMM-LRC-ETH")), query_spec())

    assert reported.symbol == "AMM-LRC-ETH"


def test_an_open_order_that_is_not_listed_is_asked_for_by_its_hash() -> None:
    venue = simulator("FILLED")
    ((_, _, order_hash),) = venue.truth()

    (reported,), result = asked(RestCall(venue), query_spec(read(push(hash=order_hash))))

    assert (reported.order_id, reported.status, reported.source) == (order_hash, OrderStatus.FILLED, "query")
    assert result.complete_since_ns is None


def test_an_open_order_that_is_listed_is_not_asked_for_again() -> None:
    venue = simulator("NEW")
    ((_, _, order_hash),) = venue.truth()
    call = RestCall(venue)

    asked(call, query_spec(read(push(hash=order_hash))))

    assert [request.name for request in call.asked] == ["getTokens", "getOrders"]


def test_an_order_the_venue_does_not_know_is_not_found_never_guessed() -> None:
    (reported,), result = asked(RestCall(LoopringSimulator()), query_spec(read(push())))

    assert (reported.order_id, reported.status, reported.not_found) == ("0x01", OrderStatus.UNKNOWN, True)
    assert reported.reason == "getOrder: 107003: order does not exist"
    assert result.complete_since_ns is None


def test_the_answer_about_another_order_is_refused() -> None:
    body = json.dumps(order(hash="0x02")).encode()

    with pytest.raises(RemoteProtocolError, match="another order"):
        asked(Scripted(TOKENS, NO_ORDERS, body), query_spec(read(push())))


@pytest.mark.parametrize("body", [(500, b""), (400, b'{"code":100002,"msg":"timeout"}')])
def test_any_other_error_about_an_order_fails_the_query(body: tuple[int, bytes]) -> None:
    with pytest.raises(Refused):
        asked(Scripted(TOKENS, NO_ORDERS, body), query_spec(read(push())))


def test_a_failing_second_page_fails_the_query_after_the_first_was_reported() -> None:
    reported = Emitted()
    call = Scripted(TOKENS, rows(0, 50, 60), (429, b""))

    with pytest.raises(Refused, match="429"):
        asyncio.run(query(setup(), Learned(), query_spec(), call, reported))
    assert len(reported.rows) == 50


@pytest.mark.parametrize("protocol", ["v3", "v2args"])
def test_refused_credentials_end_the_query(protocol: Protocol) -> None:
    with pytest.raises(AuthError, match="104002"):
        asked(RestCall(LoopringSimulator()), query_spec(), protocol=protocol, api_key="another")


@pytest.mark.parametrize(
    "tokens", [(400, b'{"code":100002,"msg":"timeout"}'), b"[]", b"7"], ids=["refused", "none", "odd"]
)
def test_without_decimals_base_units_are_reported_and_it_is_said(tokens: bytes | tuple[int, bytes]) -> None:
    (reported,), result = asked(Scripted(tokens, rows(1, 1, 1)), query_spec())

    assert ("raw_units" in reported.flags, reported.qty) == (True, None)
    assert "decimals of ETH, LRC are unknown" in result.limits[-1]


def test_the_limits_name_the_markets() -> None:
    _, result = asked(Scripted(TOKENS, NO_ORDERS), query_spec(), markets=("LRC-USDT", "LRC-ETH"))

    assert result.limits[0] == "markets asked for: LRC-ETH, LRC-USDT"


DENIED = (400, b'{"resultInfo":{"code":100000,"message":"unknown error"}}')


class ByName(Scripted):
    """Answers each call by its name, or by its name and the order asked for."""

    def __init__(self, **replies: bytes | tuple[int, bytes] | Exception) -> None:
        super().__init__()
        self.replies = replies

    async def __call__(self, request: RequestT, /) -> object:
        assert isinstance(request, HttpRequest)
        order_hash = request.params.get("orderHash", "")
        reply = self.replies.get(request.name + order_hash, self.replies.get(request.name, NO_ORDERS))
        if isinstance(reply, Exception):
            raise reply
        self._replies.append(reply)
        return await super().__call__(request)


def rounds(known: Learned, question: QuerySpec, *calls: Call) -> list[tuple[list[OrderUpdate], QueryResult]]:
    """Rows and report of several queries in one process."""
    found = []
    for call in calls:
        emitted = Emitted()
        who = setup(markets=("LRC-ETH", "LRC-USDT"))
        result = asyncio.run(query(who, known, question, call, emitted))
        found.append((emitted.rows, result))
    return found


def names(call: Scripted) -> list[str]:
    return [request.name for request in call.asked]


def test_decimals_once_learned_are_not_asked_for_again() -> None:
    first, second = Scripted(TOKENS, NO_ORDERS), Scripted(NO_ORDERS)
    rounds(Learned(), query_spec(), first, second)

    assert (names(first), names(second)) == (["getTokens", "getOrders"], ["getOrders"])


@pytest.mark.parametrize(
    "tokens", [(429, b""), (503, b""), b"7", ConnectionLost("no answer")], ids=["429", "503", "odd", "no answer"]
)
def test_decimals_that_could_not_be_had_are_asked_for_again_soon(tokens: bytes | tuple[int, bytes] | Exception) -> None:
    refused, reported = ByName(getTokens=tokens), ByName(getTokens=TOKENS)
    (_, before), (_, after) = rounds(Learned(), query_spec(), refused, reported)

    assert before.again_s == 10.0
    assert "decimals of ETH, LRC, USDT are unknown" in before.limits[-1]
    assert names(reported) == ["getTokens", "getOrders"]
    assert not any("decimals" in limit for limit in after.limits)


def test_a_shorter_list_of_tokens_takes_no_decimals_away() -> None:
    known = Learned()
    first = b'[{"symbol":"LRC","decimals":18},{"symbol":"ETH","decimals":18}]'
    second = b'[{"symbol":"USDT","decimals":6}]'
    rounds(known, query_spec(), ByName(getTokens=first), ByName(getTokens=second))

    assert known.decimals == {"LRC": 18, "ETH": 18, "USDT": 6}


def test_a_token_that_the_venue_does_not_list_brings_no_query_forward() -> None:
    ((_, result),) = rounds(Learned(), query_spec(), ByName(getTokens=b'[{"symbol":"LRC","decimals":18}]'))

    assert result.again_s is None


UNSCALED = session(origin=Origin("loopring", "10005", {}))
FILLED = {
    "status": "processed",
    "filledSize": "5000000000000000000",
    "filledVolume": "20000000000000",
    "filledFee": "1",
}


def unscaled(**fields: object) -> OrderUpdate:
    """An order that was pushed while the decimals were unknown."""
    return read(push(**fields), UNSCALED)


def holding(*orders: OrderUpdate) -> QuerySpec:
    return QuerySpec(since_ns=None, open_orders=tuple, orders=lambda: orders)


def test_orders_reported_without_amounts_are_emitted_again_when_the_decimals_are_known() -> None:
    call = ByName(getTokens=TOKENS)
    ((emitted, _),) = rounds(
        Learned(), holding(unscaled(**FILLED), unscaled(hash="0x02"), read(push(hash="0x03"))), call
    )

    assert [(order.order_id, order.qty, order.filled_qty, order.avg_price) for order in emitted] == [
        ("0x01", "5", "5", "0.000004"),
        ("0x02", "5", "0", None),
    ]
    assert (emitted[0].filled_value, emitted[0].fee, emitted[0].remaining_qty) == (
        "0.00002",
        "0.000000000000000001",
        "0",
    )
    assert emitted[0].flags == ("derived:avg_price",)
    assert names(call) == ["getTokens", "getOrders"]


def test_orders_on_their_way_while_the_decimals_were_learned_are_looked_for_once_more() -> None:
    known = Learned()
    calls = ByName(getTokens=(429, b"")), ByName(getTokens=TOKENS), ByName(), ByName()
    first, second, third, fourth = rounds(known, holding(unscaled()), *calls)

    assert [len(rows) for rows, _ in (first, second, third, fourth)] == [0, 1, 1, 0]
    assert [result.again_s for _, result in (first, second, third, fourth)] == [10.0, 10.0, None, None]


def test_an_order_of_a_token_still_unknown_waits() -> None:
    ((emitted, _),) = rounds(Learned(), holding(unscaled()), ByName(getTokens=b'[{"symbol":"USDT","decimals":6}]'))

    assert emitted == []


def test_amounts_known_late_are_written_for_a_filled_order_too() -> None:
    held = unscaled(**FILLED)
    store = OrderStore({"loopring": load("loopring")}, {"loopring": VenueStats()})
    store.apply([held])
    ((emitted, _),) = rounds(Learned(), holding(held), ByName(getTokens=TOKENS))
    (record,) = store.apply(emitted)

    assert isinstance(record, OrderRecord)
    assert (record.status, record.qty, record.filled_qty, record.flags) == ("FILLED", "5", "5", ("derived:avg_price",))
    assert store.apply(emitted) == []


def test_open_orders_are_asked_for_without_waiting_where_the_venue_takes_it_for_a_mistake() -> None:
    wrong = (400, b'{"resultInfo":{"code":100001,"message":"invalid parameter"}}')
    known = Learned()
    first, second = Scripted(TOKENS, wrong, rows(1, 1, 1)), Scripted(rows(1, 1, 1))
    (emitted, result), _ = rounds(known, query_spec(), first, second)

    assert ids(emitted) == [1]
    words = [
        request.params["status"] for call in (first, second) for request in call.asked if "status" in request.params
    ]
    assert words == ["processing,cancelling,waiting", "processing,cancelling", "processing,cancelling"]
    assert "orders in the status `waiting` cannot be listed" in result.limits


def test_another_mistake_in_a_parameter_is_not_taken_for_that_of_waiting() -> None:
    wrong = (400, b'{"resultInfo":{"code":100001,"message":"invalid parameter"}}')
    known = Learned()

    with pytest.raises(Refused, match="100001"):
        rounds(known, query_spec(), Scripted(TOKENS, wrong, wrong))
    assert known.filters_waiting


def held_in(market: str, order_hash: str) -> OrderUpdate:
    return read(push(hash=order_hash, market=market))


FAILURES = [DENIED, (503, b""), ConnectionLost("no answer"), RemoteProtocolError("nonsense")]
by_failure = pytest.mark.parametrize("failure", FAILURES, ids=["denied", "503", "no answer", "nonsense"])


@by_failure
def test_a_market_whose_orders_are_refused_costs_the_others_nothing(
    failure: bytes | tuple[int, bytes] | Exception,
) -> None:
    found = json.dumps(order(hash="0x02", market="LRC-USDT")).encode()
    call = ByName(getTokens=TOKENS, getOrder0x01=failure, getOrder0x02=found)
    ((emitted, result),) = rounds(Learned(), query_spec(held_in("LRC-ETH", "0x01"), held_in("LRC-USDT", "0x02")), call)

    assert [order.order_id for order in emitted] == ["0x02"]
    assert result.refused.keys() == {"market LRC-ETH"}
    assert result.complete_since_ns == NEVER


@by_failure
def test_markets_that_all_fail_fail_the_query(failure: bytes | tuple[int, bytes] | Exception) -> None:
    call = ByName(getTokens=TOKENS, getOrder=failure)

    with pytest.raises(VenueError):
        rounds(Learned(), query_spec(held_in("LRC-ETH", "0x01"), held_in("LRC-USDT", "0x02")), call)


def test_closed_orders_that_are_refused_are_named_and_asked_for_again() -> None:
    call = Scripted(TOKENS, rows(1, 1, 1), DENIED)
    ((emitted, result),) = rounds(Learned(), query_spec(since_ns=START_NS), call)

    assert ids(emitted) == [1]
    assert result.refused == {"closed orders": "getOrders: 100000: unknown error"}
    assert result.complete_since_ns == NEVER


def test_a_market_that_cannot_be_subscribed_to_is_not_covered() -> None:
    known = Learned()
    known.refused_markets["LRC-USDT"] = "its subscription is refused (104110: words)"
    ((_, result),) = rounds(known, query_spec(), Scripted(TOKENS, NO_ORDERS))

    assert result.refused == {"market LRC-USDT": "its subscription is refused (104110: words)"}
    assert result.covers == ("10005/LRC-ETH",)
