"""Asking for orders over REST."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from ordwatch.core.errors import AuthError, ConnectionLost, Refused, RemoteProtocolError
from ordwatch.core.events import OrderStatus, OrderUpdate, Side
from ordwatch.simulators.coinw.simulator import SECRET_KEY, CoinwSimulator
from ordwatch.simulators.contract import Intent, Step
from ordwatch.venues.coinw.orders import CoinwExtra
from ordwatch.venues.coinw.query import PAGE_ROWS, query
from ordwatch.venues.coinw.rest import HISTORY, OPEN_ORDERS, ORDER, Busy
from ordwatch.venues.contract import HttpReply, HttpRequest, QueryResult, QuerySpec
from tests.venues.coinw.joint import NOW_NS, SECOND_NS, Desk, ask, reach, setup

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
    """An order that the book holds as open."""
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
    report = run(desk, ask(), "BTC_USDT", "ETH-USDT")

    assert desk.commands == [OPEN_ORDERS, OPEN_ORDERS]
    assert [(order.symbol, order.status) for order in desk.rows] == [
        ("BTC_USDT", OrderStatus.NEW),
        ("ETH_USDT", OrderStatus.PARTIALLY_FILLED),
    ]
    assert report == QueryResult(limits=("orders of other pairs than BTC_USDT, ETH_USDT cannot be seen over REST",))


def test_asks_for_the_pairs_seen_beside_those_configured() -> None:
    desk = canned()
    report = run(desk, ask(held(symbol="LTC_USDT"), held("8", "BTC_USDT")), "BTC_USDT")

    assert [request.params.get("currencyPair") for request in desk.asked[:2]] == ["BTC_USDT", "LTC_USDT"]
    assert "BTC_USDT, LTC_USDT" in report.limits[0]


def test_without_any_pair_nothing_is_claimed() -> None:
    report = run(canned(), ask(since_ns=SINCE_NS))

    assert report.reach_ns is not None
    assert report.reach_ns > NOW_NS
    assert report.limits[0] == "orders, for no pair is configured or seen, cannot be seen over REST"


def test_gap_is_asked_for_in_the_history_with_a_minute_to_spare() -> None:
    desk = canned()
    report = run(desk, ask(since_ns=SINCE_NS), "BTC_USDT")

    assert desk.commands == [OPEN_ORDERS, HISTORY]
    assert desk.asked[1].params["startAt"] == str(NOW_MS - 160_000)
    assert report.reach_ns is None
    assert "states that did not last inside the gap cannot be known" in report.limits


def test_order_born_and_ended_in_the_gap_is_found() -> None:
    simulator = playing(Step("a", OrderStatus.NEW, LIMIT), Step("a", OrderStatus.FILLED, LIMIT, filled="0.0012"))
    desk = reach(simulator)
    run(desk, ask(since_ns=SINCE_NS), "BTC_USDT")

    assert [(order.status, order.client_order_id, order.filled_qty) for order in desk.rows] == [
        (OrderStatus.FILLED, "ordwatch-1", "0.001200")
    ]


def test_order_that_left_the_list_is_asked_for_by_id() -> None:
    simulator = playing(Step("a", OrderStatus.NEW, MARKET), Step("a", OrderStatus.FILLED, MARKET, filled="0.0012"))
    order_id = str(simulator.orders["a"].order_id)
    desk = reach(simulator)
    run(desk, ask(held(order_id)), "BTC_USDT")

    assert desk.commands == [OPEN_ORDERS, ORDER]
    assert desk.asked[1].params["orderNumber"] == order_id
    assert [(order.status, order.side, order.source) for order in desk.rows] == [
        (OrderStatus.FILLED, Side.SELL, "query")
    ]


def test_order_on_the_list_is_not_asked_for_again() -> None:
    simulator = playing(Step("a", OrderStatus.NEW, LIMIT))
    desk = reach(simulator)
    run(desk, ask(held(str(simulator.orders["a"].order_id))), "BTC_USDT")

    assert desk.commands == [OPEN_ORDERS]


def test_order_whose_end_the_history_told_is_not_asked_for_again() -> None:
    desk = canned(returnUTradeHistory=[row(7, NOW_MS)])
    run(desk, ask(held("7"), since_ns=SINCE_NS), "BTC_USDT")

    assert desk.commands == [OPEN_ORDERS, HISTORY]


@pytest.mark.parametrize("data", [None, {}, [], ""])
def test_order_the_venue_does_not_know_is_unknown_and_never_guessed(data: object) -> None:
    desk = canned(returnOrderTrades=data)
    run(desk, ask(held()), "BTC_USDT")

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
    run(desk, ask(held()), "BTC_USDT")

    (order,) = desk.rows
    assert (order.status, order.not_found, order.received_ns) == (OrderStatus.UNKNOWN, True, NOW_NS)
    assert order.reason == "returnOrderTrades: code -3: no such order"


def test_reason_of_an_order_never_quotes_the_secret() -> None:
    def answer(request: HttpRequest) -> HttpReply:
        denied = b'{"code":"500","msg":"no order for ' + SECRET_KEY.encode() + b'"}'
        body = b'{"code":"200","data":[]}' if request.name == OPEN_ORDERS else denied
        return HttpReply(status=200, body=body, received_ns=NOW_NS)

    desk = Desk(answer)
    run(desk, ask(held()), "BTC_USDT")

    assert desk.rows[0].reason == "returnOrderTrades: code 500: no order for ***"


@pytest.mark.parametrize("error", [ConnectionLost("no answer"), Refused("HTTP status 500"), AuthError("no")])
@pytest.mark.parametrize("command", [OPEN_ORDERS, ORDER])
def test_call_that_fails_fails_the_query_and_ends_no_order(command: str, error: Exception) -> None:
    desk = canned(**{command: error})

    with pytest.raises(type(error)):
        run(desk, ask(held()), "BTC_USDT")
    assert desk.rows == []


@pytest.mark.parametrize("data", ["x", 5, {}])
def test_answer_that_is_no_list_makes_no_sense(data: object) -> None:
    with pytest.raises(RemoteProtocolError, match="returnOpenOrders"):
        run(canned(returnOpenOrders=data), ask(), "BTC_USDT")


def test_answer_without_data_is_an_empty_list() -> None:
    desk = canned(returnOpenOrders=None)
    run(desk, ask(), "BTC_USDT")

    assert desk.pages == []


def test_unreadable_row_is_counted_and_nothing_more_is_claimed() -> None:
    good = {"orderNumber": 1, "status": 1}
    desk = canned(returnOpenOrders=[good, {"status": 1}, 5])
    report = run(desk, ask(), "BTC_USDT")

    assert [order.order_id for order in desk.rows] == ["1"]
    assert report.reach_ns == NOW_NS
    assert report.limits[-1].startswith("2 rows of returnOpenOrders could not be read")


def history(pages: Callable[[dict[str, str]], list[dict[str, object]] | Exception]) -> Desk:
    """A desk with no open orders, and this history by the parameters of the call."""

    def answer(request: HttpRequest) -> HttpReply | Exception:
        data = pages(dict(request.params)) if request.name == HISTORY else []
        if isinstance(data, Exception):
            return data
        return HttpReply(status=200, body=msgspec.json.encode({"code": "200", "data": data}), received_ns=NOW_NS)

    return Desk(answer)


def full_page(newest_ms: int) -> list[dict[str, object]]:
    return [row(newest_ms - place, newest_ms - place) for place in range(PAGE_ROWS)]


def test_full_page_of_history_is_followed_by_an_older_one() -> None:
    desk = history(lambda params: [] if "endAt" in params else full_page(NOW_MS))
    report = run(desk, ask(since_ns=SINCE_NS), "BTC_USDT")

    assert [request.params.get("endAt") for request in desk.asked[1:]] == [None, str(NOW_MS - PAGE_ROWS + 1)]
    assert report.reach_ns is None


def test_history_that_does_not_move_on_is_left_and_said_so() -> None:
    desk = history(lambda params: full_page(NOW_MS))
    report = run(desk, ask(since_ns=SINCE_NS), "BTC_USDT")

    assert desk.commands.count(HISTORY) == 2
    assert report.reach_ns == (NOW_MS - PAGE_ROWS + 1) * 1_000_000
    assert report.limits[-1] == "the history of BTC_USDT goes on beyond what the venue tells"


@pytest.mark.parametrize("error", [ConnectionLost("no answer within 10 s"), Refused("HTTP status 500")])
def test_page_that_fails_leaves_the_gap_partly_covered_and_said_so(error: Exception) -> None:
    desk = history(lambda params: error if "endAt" in params else full_page(NOW_MS))
    report = run(desk, ask(since_ns=SINCE_NS), "BTC_USDT")

    assert report.reach_ns == (NOW_MS - PAGE_ROWS + 1) * 1_000_000
    assert report.limits[-1] == f"page 2 of the history of BTC_USDT failed ({error})"


def test_first_page_that_fails_covers_nothing_before_now() -> None:
    report = run(history(lambda params: Refused("no")), ask(since_ns=SINCE_NS), "BTC_USDT")

    assert report.reach_ns == NOW_NS


def test_busy_venue_keeps_the_gap_open() -> None:
    with pytest.raises(Busy):
        run(history(lambda params: Busy("too frequent")), ask(since_ns=SINCE_NS), "BTC_USDT")


def test_raw_is_filled_when_wanted() -> None:
    desk = canned(returnOpenOrders=[{"orderNumber": 1, "status": 1}])
    run(desk, ask(), "BTC_USDT", raw=True)

    assert desk.rows[0].raw == {"orderNumber": 1, "status": 1}
