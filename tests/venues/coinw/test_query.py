"""Queries for orders over REST."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from ordwatch.core.errors import AuthError, ConnectionLost, Refused, RemoteProtocolError
from ordwatch.core.events import OrderStatus, OrderUpdate, Side
from ordwatch.simulators.coinw.simulator import SECRET_KEY, CoinwSimulator
from ordwatch.simulators.contract import Intent, Step
from ordwatch.venues.coinw.orders import CoinwExtra
from ordwatch.venues.coinw.query import PAGE_SIZE, query
from ordwatch.venues.coinw.rest import HISTORY, OPEN_ORDERS, ORDER, Busy
from ordwatch.venues.contract import EVER, NEVER, HttpReply, HttpRequest, QueryResult, QuerySpec
from ordwatch.venues.toolkit.slices import READ_AT_ONCE
from tests.venues.coinw.joint import NOW_NS, SECOND_NS, Desk, query_spec, reach, setup

LIMIT = Intent(side=Side.BUY, qty="0.0012", price="82429.08")
MARKET = Intent(side=Side.SELL, qty="0.0012", price=None)
OTHER = Intent(side=Side.SELL, qty="1", price="2000", instrument=1)
SINCE_NS = NOW_NS - 100 * SECOND_NS
NOW_MS = NOW_NS // 1_000_000


def run(desk: Desk, asked: QuerySpec, *pairs: str, raw: bool = False) -> QueryResult:
    return asyncio.run(query(setup(pairs=pairs, raw=raw), asked, desk, desk.emit))


def playing(*steps: Step) -> CoinwSimulator:
    """A venue where this happened, one second after another, the last of it now."""
    simulator = CoinwSimulator()
    for place, step in enumerate(steps, 1 - len(steps)):
        simulator.play(step, NOW_NS + place * SECOND_NS)
    return simulator


def held(order_id: str = "7", symbol: str = "BTC_USDT") -> OrderUpdate:
    """An order that is open in the store."""
    return OrderUpdate(
        venue="coinw",
        order_id=order_id,
        symbol=symbol,
        status=OrderStatus.NEW,
        venue_status="RECEIVED",
        received_ns=1,
        source="push",
        extra=CoinwExtra(),
    )


def canned(**answers: object) -> Desk:
    """A desk that answers each command with this data, or raises."""

    def answer(request: HttpRequest) -> HttpReply | Exception:
        data = answers.get(request.name, [])
        if isinstance(data, Exception):
            return data
        return HttpReply(status=200, body=msgspec.json.encode({"code": "200", "data": data}), received_ns=NOW_NS)

    return Desk(answer)


def row(number: int, date_ms: int, status: int = 4) -> dict[str, object]:
    return {"tradeID": number, "date": date_ms, "total": "1", "success_count": "0", "status": status}


def test_asks_for_the_open_orders_of_each_pair() -> None:
    simulator = playing(
        Step("a", OrderStatus.NEW, LIMIT),
        Step("b", OrderStatus.PARTIALLY_FILLED, OTHER, filled="0.5"),
        Step("c", OrderStatus.NEW, LIMIT),
        Step("c", OrderStatus.CANCELED, LIMIT),
    )
    desk = reach(simulator)
    result = run(desk, query_spec(), "BTC_USDT", "ETH-USDT")

    assert desk.commands == [OPEN_ORDERS, OPEN_ORDERS]
    assert [(order.symbol, order.status) for order in desk.rows] == [
        ("BTC_USDT", OrderStatus.NEW),
        ("ETH_USDT", OrderStatus.PARTIALLY_FILLED),
    ]
    assert result == QueryResult(limits=("orders of other pairs than BTC_USDT, ETH_USDT cannot be seen over REST",))


def test_rows_of_a_long_answer_are_emitted_slice_by_slice() -> None:
    rows: list[object] = [row(number, NOW_MS, status=1) for number in range(1, 2 * READ_AT_ONCE + 2)]
    rows[READ_AT_ONCE] = rows[2 * READ_AT_ONCE] = "no order"
    desk = canned(returnOpenOrders=rows)
    result = run(desk, query_spec(), "BTC_USDT")

    assert [len(page) for page in desk.pages] == [READ_AT_ONCE, READ_AT_ONCE - 1]
    assert result.complete_since_ns == NEVER
    assert [limit for limit in result.limits if "could not be read" in limit] == [
        "2 rows of returnOpenOrders could not be read (not a JSON object)"
    ]


def test_asks_for_the_pairs_seen_beside_those_configured() -> None:
    desk = canned()
    result = run(desk, query_spec(held(symbol="LTC_USDT"), held("8", "BTC_USDT")), "BTC_USDT")

    assert [request.params.get("currencyPair") for request in desk.asked[:2]] == ["BTC_USDT", "LTC_USDT"]
    assert "BTC_USDT, LTC_USDT" in result.limits[0]


def test_without_any_pair_nothing_is_claimed() -> None:
    result = run(canned(), query_spec(since_ns=SINCE_NS))

    assert result.complete_since_ns == NEVER
    assert result.limits[0] == "orders, for no pair is configured or seen, cannot be seen over REST"


def test_gap_is_asked_for_in_the_history_from_the_time_that_was_asked() -> None:
    desk = canned()
    result = run(desk, query_spec(since_ns=SINCE_NS), "BTC_USDT")

    assert desk.commands == [OPEN_ORDERS, HISTORY]
    assert desk.asked[1].params["startAt"] == str(NOW_MS - 100_000)
    assert result.complete_since_ns is None
    assert "states that did not last inside the gap cannot be known" in result.limits


def test_without_a_time_the_whole_history_is_asked_for() -> None:
    desk = canned()
    run(desk, query_spec(since_ns=EVER), "BTC_USDT")

    assert desk.commands == [OPEN_ORDERS, HISTORY]
    assert not desk.asked[1].params.keys() & {"startAt", "endAt"}


def test_order_born_and_ended_in_the_gap_is_found() -> None:
    simulator = playing(Step("a", OrderStatus.NEW, LIMIT), Step("a", OrderStatus.FILLED, LIMIT, filled="0.0012"))
    desk = reach(simulator)
    run(desk, query_spec(since_ns=SINCE_NS), "BTC_USDT")

    assert [(order.status, order.client_order_id, order.filled_qty) for order in desk.rows] == [
        (OrderStatus.FILLED, "ordwatch-1", "0.001200")
    ]


def test_order_that_left_the_list_is_asked_for_by_id() -> None:
    simulator = playing(Step("a", OrderStatus.NEW, MARKET), Step("a", OrderStatus.FILLED, MARKET, filled="0.0012"))
    order_id = str(simulator.orders["a"].order_id)
    desk = reach(simulator)
    run(desk, query_spec(held(order_id)), "BTC_USDT")

    assert desk.commands == [OPEN_ORDERS, ORDER]
    assert desk.asked[1].params["orderNumber"] == order_id
    assert [(order.status, order.side, order.source) for order in desk.rows] == [
        (OrderStatus.FILLED, Side.SELL, "query")
    ]


def test_order_on_the_list_is_not_asked_for_again() -> None:
    simulator = playing(Step("a", OrderStatus.NEW, LIMIT))
    desk = reach(simulator)
    run(desk, query_spec(held(str(simulator.orders["a"].order_id))), "BTC_USDT")

    assert desk.commands == [OPEN_ORDERS]


def test_order_whose_end_the_history_reported_is_not_asked_for_again() -> None:
    desk = canned(returnUTradeHistory=[row(7, NOW_MS)])
    run(desk, query_spec(held("7"), since_ns=SINCE_NS), "BTC_USDT")

    assert desk.commands == [OPEN_ORDERS, HISTORY]


@pytest.mark.parametrize("data", [None, {}, [], ""])
def test_order_the_venue_does_not_know_is_unknown_and_never_guessed(data: object) -> None:
    desk = canned(returnOrderTrades=data)
    run(desk, query_spec(held()), "BTC_USDT")

    (order,) = desk.rows
    assert (order.order_id, order.status, order.not_found, order.received_ns) == (
        "7",
        OrderStatus.UNKNOWN,
        True,
        NOW_NS,
    )
    assert order.reason == "returnOrderTrades: the venue does not know this order"


def test_order_the_venue_denies_is_unknown_with_its_words() -> None:
    def answer(request: HttpRequest) -> HttpReply:
        body = b'{"code":"200","data":[]}' if request.name == OPEN_ORDERS else b'{"code":"-3","msg":"no such order"}'
        return HttpReply(status=200, body=body, received_ns=NOW_NS)

    desk = Desk(answer)
    run(desk, query_spec(held()), "BTC_USDT")

    (order,) = desk.rows
    assert (order.status, order.not_found, order.received_ns) == (OrderStatus.UNKNOWN, True, NOW_NS)
    assert order.reason == "returnOrderTrades: code -3: no such order"


def test_reason_of_an_order_never_quotes_the_secret() -> None:
    def answer(request: HttpRequest) -> HttpReply:
        denied = b'{"code":"500","msg":"no order for ' + SECRET_KEY.encode() + b'"}'
        body = b'{"code":"200","data":[]}' if request.name == OPEN_ORDERS else denied
        return HttpReply(status=200, body=body, received_ns=NOW_NS)

    desk = Desk(answer)
    run(desk, query_spec(held()), "BTC_USDT")

    assert desk.rows[0].reason == "returnOrderTrades: code 500: no order for ***"


@pytest.mark.parametrize("error", [ConnectionLost("no answer"), Refused("HTTP status 500"), AuthError("no")])
@pytest.mark.parametrize("command", [OPEN_ORDERS, ORDER])
def test_call_that_fails_fails_the_query_and_ends_no_order(command: str, error: Exception) -> None:
    desk = canned(**{command: error})

    with pytest.raises(type(error)):
        run(desk, query_spec(held()), "BTC_USDT")
    assert desk.rows == []


@pytest.mark.parametrize("data", ["x", 5, {}])
def test_answer_that_is_no_list_makes_no_sense(data: object) -> None:
    with pytest.raises(RemoteProtocolError, match="returnOpenOrders"):
        run(canned(returnOpenOrders=data), query_spec(), "BTC_USDT")


def test_answer_without_data_is_an_empty_list() -> None:
    desk = canned(returnOpenOrders=None)
    run(desk, query_spec(), "BTC_USDT")

    assert desk.pages == []


def test_unreadable_row_is_counted_and_nothing_more_is_claimed() -> None:
    good = {"orderNumber": 1, "status": 1}
    desk = canned(returnOpenOrders=[good, {"status": 1}, 5])
    result = run(desk, query_spec(), "BTC_USDT")

    assert [order.order_id for order in desk.rows] == ["1"]
    assert result.complete_since_ns == NEVER
    assert result.limits[-1].startswith("2 rows of returnOpenOrders could not be read")


def history(pages: Callable[[dict[str, str]], list[dict[str, object]] | Exception]) -> Desk:
    """A desk with no open orders, and this history by the parameters of the call."""

    def answer(request: HttpRequest) -> HttpReply | Exception:
        data = pages(dict(request.params)) if request.name == HISTORY else []
        if isinstance(data, Exception):
            return data
        return HttpReply(status=200, body=msgspec.json.encode({"code": "200", "data": data}), received_ns=NOW_NS)

    return Desk(answer)


def full_page(newest_ms: int) -> list[dict[str, object]]:
    return [row(newest_ms - place, newest_ms - place) for place in range(PAGE_SIZE)]


def test_full_page_of_history_is_followed_by_an_older_one() -> None:
    desk = history(lambda params: [] if "endAt" in params else full_page(NOW_MS))
    result = run(desk, query_spec(since_ns=SINCE_NS), "BTC_USDT")

    assert [request.params.get("endAt") for request in desk.asked[1:]] == [None, str(NOW_MS - PAGE_SIZE + 2)]
    assert result.complete_since_ns is None


def test_orders_of_the_millisecond_in_which_a_page_ends_are_on_the_next_one() -> None:
    created_ms = {number: NOW_MS - number // 2 for number in range(1, PAGE_SIZE + 3)}

    def before(end_ms: int) -> list[dict[str, object]]:
        return [row(number, at_ms) for number, at_ms in created_ms.items() if at_ms < end_ms][:PAGE_SIZE]

    desk = history(lambda params: before(int(params.get("endAt", NOW_MS + 1))))
    run(desk, query_spec(since_ns=SINCE_NS), "BTC_USDT")

    assert {int(order.order_id) for order in desk.rows} == created_ms.keys()


def test_history_that_does_not_move_on_is_left_and_said_so() -> None:
    desk = history(lambda params: full_page(NOW_MS))
    result = run(desk, query_spec(since_ns=SINCE_NS), "BTC_USDT")

    assert desk.commands.count(HISTORY) == 2
    assert result.complete_since_ns == (NOW_MS - PAGE_SIZE + 2) * 1_000_000
    assert result.limits[-1] == (
        "the history of BTC_USDT goes on beyond what the venue lists, back to 2025-03-29T10:33:56.257000Z"
    )


def test_full_page_of_history_without_times_is_not_all_there_is() -> None:
    rows: list[dict[str, object]] = [{"tradeID": number, "status": 4} for number in range(1, PAGE_SIZE + 1)]
    result = run(history(lambda params: rows), query_spec(since_ns=EVER), "BTC_USDT")

    assert result.complete_since_ns == NEVER
    assert result.limits[-1] == "the history of BTC_USDT goes on beyond what the venue lists"


def test_full_page_with_an_unreadable_row_is_followed_by_an_older_one() -> None:
    page: list[dict[str, object]] = [*full_page(NOW_MS)[:-1], {"status": 4}]
    desk = history(lambda params: [] if "endAt" in params else page)
    run(desk, query_spec(since_ns=SINCE_NS), "BTC_USDT")

    assert desk.commands.count(HISTORY) == 2


def test_history_without_end_is_left_at_its_fiftieth_page_and_said_so() -> None:
    desk = history(lambda params: full_page(int(params.get("endAt", NOW_MS))))
    result = run(desk, query_spec(since_ns=EVER), "BTC_USDT")

    assert desk.commands.count(HISTORY) == 50
    assert result.complete_since_ns == (NOW_MS - 50 * (PAGE_SIZE - 2)) * 1_000_000
    assert result.limits[-1] == ("the history of BTC_USDT was read to its page 50, back to 2025-03-29T10:33:07.355000Z")


FAILURES = [ConnectionLost("no answer"), Refused("HTTP status 500"), RemoteProtocolError("nonsense"), Busy("later")]
by_failure = pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)


@by_failure
def test_page_of_history_that_fails_is_named_and_asked_again(error: Exception) -> None:
    desk = history(lambda params: error if "endAt" in params else full_page(NOW_MS))
    result = run(desk, query_spec(since_ns=SINCE_NS), "BTC_USDT")

    assert len(desk.rows) == PAGE_SIZE
    assert result.refused == {"history of BTC_USDT": str(error)}
    assert result.complete_since_ns == NEVER


def by_pair(refused: dict[str, Exception]) -> Desk:
    """A desk that answers each call, but not for these pairs."""

    def answer(request: HttpRequest) -> HttpReply | Exception:
        pair = request.params.get("currencyPair", "")
        if pair in refused:
            return refused[pair]
        row = {"orderNumber": 1, "tradeID": 1, "status": 1}
        body = msgspec.json.encode({"code": "200", "data": row if request.name == ORDER else [row]})
        return HttpReply(status=200, body=body, received_ns=NOW_NS)

    return Desk(answer)


@by_failure
def test_pair_that_fails_costs_the_others_nothing(error: Exception) -> None:
    desk = by_pair({"ETH_USDT": error})
    result = run(desk, query_spec(held("7"), since_ns=SINCE_NS), "BTC_USDT", "ETH_USDT", "LTC_USDT")

    assert [order.symbol for order in desk.rows] == ["BTC_USDT", "LTC_USDT", "BTC_USDT", "LTC_USDT", "BTC_USDT"]
    assert result.refused == {"pair ETH_USDT": str(error)}
    assert result.complete_since_ns == NEVER


@by_failure
def test_pairs_that_all_fail_fail_the_query(error: Exception) -> None:
    with pytest.raises(type(error)):
        run(by_pair({"BTC_USDT": error, "ETH_USDT": error}), query_spec(), "BTC_USDT", "ETH_USDT")


def test_venue_that_answers_nobody_is_not_asked_for_every_pair() -> None:
    pairs = [f"A{number}_USDT" for number in range(20)]
    desk = by_pair({pair: ConnectionLost("no answer") for pair in pairs})

    with pytest.raises(ConnectionLost):
        run(desk, query_spec(), *pairs)
    assert len(desk.asked) == 2


def test_refused_credentials_end_the_query_at_once() -> None:
    desk = by_pair({"BTC_USDT": AuthError("no")})

    with pytest.raises(AuthError):
        run(desk, query_spec(), "BTC_USDT", "ETH_USDT")
    assert len(desk.asked) == 1


def test_venue_that_wants_to_be_asked_later_is_asked_once_for_each_further_pair() -> None:
    def answer(request: HttpRequest) -> HttpReply:
        busy = request.params["currencyPair"] != "LTC_USDT"
        body = b'{"code":29001,"msg":"API access frequently"}' if busy else b'{"code":"200","data":[]}'
        return HttpReply(status=200, body=body, received_ns=NOW_NS)

    desk = Desk(answer)
    result = run(desk, query_spec(), "BTC_USDT", "ETH_USDT", "LTC_USDT")

    pairs = [request.params["currencyPair"] for request in desk.asked]
    assert pairs == ["BTC_USDT"] * 4 + ["ETH_USDT", "LTC_USDT"]
    assert result.refused.keys() == {"pair BTC_USDT", "pair ETH_USDT"}


def test_words_of_a_refusal_never_quote_the_secret() -> None:
    desk = by_pair({"ETH_USDT": Refused(f"bad secret {SECRET_KEY}")})

    assert run(desk, query_spec(), "BTC_USDT", "ETH_USDT").refused == {"pair ETH_USDT": "bad secret ***"}


def test_raw_is_filled_when_wanted() -> None:
    desk = canned(returnOpenOrders=[{"orderNumber": 1, "status": 1}])
    run(desk, query_spec(), "BTC_USDT", raw=True)

    assert desk.rows[0].raw == {"orderNumber": 1, "status": 1}
