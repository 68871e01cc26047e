"""Session and simulator joined in memory, and the simulator's own rules."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from ordwatch.core.errors import AuthError, Refused, VenueError
from ordwatch.core.events import (
    Closed,
    Ignored,
    OrderStatus,
    Progress,
    Ready,
    Reject,
    RoundTrip,
    Side,
    VenueStats,
)
from ordwatch.core.order_store import OrderStore
from ordwatch.core.records import OrderRecord
from ordwatch.simulators.coinw.orders import PAIRS
from ordwatch.simulators.coinw.simulator import API_KEY, FAULTS, LIMITS, CoinwSimulator
from ordwatch.simulators.contract import Close, Intent, Outgoing, Step
from ordwatch.simulators.scenario import one_of_each
from ordwatch.venues import load
from ordwatch.venues.coinw.query import query
from ordwatch.venues.coinw.rest import PATH, signature
from ordwatch.venues.contract import HttpRequest
from tests.venues.coinw.joint import NOW_NS, SECOND_NS, Joint, query_spec, reach, setup

INTENT = Intent(side=Side.BUY, qty="0.0012", price="82429.08")
MARKET = Intent(side=Side.SELL, qty="0.0012", price=None)


def scenario(intent: Intent = INTENT) -> list[Step]:
    """An order placed, filled in part, filled."""
    return [
        Step("a", OrderStatus.NEW, intent),
        Step("a", OrderStatus.PARTIALLY_FILLED, intent, filled="0.0005", avg_price="82429.08"),
        Step("a", OrderStatus.FILLED, intent, filled="0.0012", avg_price="82429.08"),
    ]


def watched(*faults: str, intent: Intent = INTENT) -> Joint:
    """A session that received the scenario from a venue with these faults."""
    simulator = CoinwSimulator()
    joint = Joint(simulator)
    for fault in faults:
        simulator.fault(fault)
    for place, step in enumerate(scenario(intent)):
        simulator.play(step, NOW_NS + place * SECOND_NS)
        joint.pump()
    return joint


def refused(*faults: str) -> VenueError:
    """Why a session ended before it was ready."""
    simulator = CoinwSimulator()
    for fault in faults:
        simulator.fault(fault)
    last = Joint(simulator).events[-1]
    assert isinstance(last, Closed)
    assert isinstance(last.error, VenueError)
    return last.error


def test_conversation_reaches_ready_and_says_nothing_but_login_and_subscription() -> None:
    joint = Joint(CoinwSimulator())

    assert joint.events == [Progress("subscribing"), Ready()]
    assert joint.simulator.events == ["login", "sub"]


def test_scenario_is_reported_as_it_happened() -> None:
    orders = watched().orders

    assert [(order.status, order.filled_qty) for order in orders] == [
        (OrderStatus.NEW, "0"),
        (OrderStatus.PARTIALLY_FILLED, "0.0005"),
        (OrderStatus.FILLED, "0.0012"),
    ]
    assert [order.flags for order in orders] == [(), (), ()]


@pytest.mark.parametrize("fault", ["data_array", "data_text", "numbers", "lower_case", "hyphen_pairs", "order_time"])
def test_documented_doubts_change_nothing_of_the_scenario(fault: str) -> None:
    reported = [
        (order.order_id, order.symbol, order.side, order.status, order.filled_qty) for order in watched(fault).orders
    ]

    assert reported == [
        (order.order_id, order.symbol, order.side, order.status, order.filled_qty) for order in watched().orders
    ]


def test_push_before_the_acknowledgement_arrives() -> None:
    simulator = CoinwSimulator()
    simulator.fault("push_before_ack")
    simulator.play(scenario()[0], NOW_NS)
    joint = Joint(simulator)

    assert [order.status for order in joint.orders] == [OrderStatus.NEW]
    assert joint.events[-1] == Ready()


def test_market_order_by_quote_amount_is_reported_without_a_size() -> None:
    orders = watched("market_by_quote", intent=MARKET).orders

    assert [(order.qty, order.filled_qty, order.side, order.price) for order in orders] == [
        (None, "0", None, None),
        (None, "0.0005", None, None),
        (None, "0.0012", None, None),
    ]


def test_silent_partial_fills_leave_the_rest() -> None:
    assert [order.status for order in watched("silent_partials").orders] == [OrderStatus.NEW, OrderStatus.FILLED]


def test_muted_stream_says_nothing() -> None:
    assert watched("mute").orders == []


@pytest.mark.parametrize("fault", ["garbage", "binary"])
def test_garbage_between_pushes_is_rejected_and_loses_no_push(fault: str) -> None:
    joint = watched(fault)

    assert len(joint.orders) == 3
    assert [event.missed for event in joint.events if isinstance(event, Reject)] == [True, True, True]


def test_unknown_kind_between_pushes_is_rejected_once() -> None:
    joint = watched("unknown_kind")

    assert [event.missed for event in joint.events if isinstance(event, Reject)] == [False]
    assert joint.events.count(Ignored("unknown")) == 2


def test_login_refused_ends_in_an_error_about_the_credentials() -> None:
    error = refused("login_refused")

    assert isinstance(error, AuthError)
    assert "1003" in str(error)


def test_wrong_secret_is_refused_and_not_shown() -> None:
    joint = Joint(CoinwSimulator(), setup(secret="canary-wrong"))

    assert isinstance(joint.events[-1], Closed)
    assert isinstance(joint.events[-1].error, AuthError)
    assert "canary" not in repr(joint.events)


def test_subscription_refused_ends_in_a_refusal() -> None:
    assert type(refused("subscription_refused")) is Refused


@pytest.mark.parametrize(("fault", "events"), [("login_silent", 0), ("subscription_silent", 1)])
def test_silence_at_the_beginning_leaves_the_session_waiting(fault: str, events: int) -> None:
    simulator = CoinwSimulator()
    simulator.fault(fault)

    assert len(Joint(simulator).events) == events


def test_ping_is_answered_and_keeps_the_socket_open() -> None:
    joint = Joint(CoinwSimulator())
    for second in range(10, 130, 10):
        joint.session.heartbeat(NOW_NS + second * SECOND_NS)
        joint.pump(NOW_NS + second * SECOND_NS)
        joint.simulator.tick(NOW_NS + second * SECOND_NS)
    joint.pump()

    assert joint.events.count(RoundTrip(0.0)) == 12
    assert joint.closed is None


def test_pong_may_stay_away() -> None:
    joint = Joint(CoinwSimulator())
    joint.simulator.fault("no_pong")
    joint.session.heartbeat(NOW_NS)
    joint.pump()

    assert joint.events == [Progress("subscribing"), Ready()]


def test_idle_socket_is_cut_after_a_minute() -> None:
    joint = Joint(CoinwSimulator())
    joint.simulator.tick(NOW_NS + 61 * SECOND_NS)
    joint.pump()

    assert joint.closed == Close(-1)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"ping", {"result": False, "errorCode": 1001, "errorMsg": "Rate Limit"}),
        (b'{"event":"SUB","params":{}}', {"result": False, "errorCode": 500, "errorMsg": "exception"}),
        (b'{"event":"sub"}', {"result": False, "errorCode": 500, "errorMsg": "exception"}),
    ],
)
def test_nonsense_is_answered_as_the_venue_does(sent: bytes, answer: dict[str, object]) -> None:
    simulator = CoinwSimulator()
    simulator.connected(1, "stream", "/", NOW_NS)
    simulator.receive(1, sent, NOW_NS)

    assert simulator.data_to_send() == [Outgoing(1, msgspec.json.encode(answer).decode())]


def test_subscribing_without_a_login_is_refused() -> None:
    simulator = CoinwSimulator()
    simulator.connected(1, "stream", "/", NOW_NS)
    simulator.receive(1, b'{"event":"sub","params":{"biz":"exchange","type":"order"}}', NOW_NS)

    (sent,) = simulator.data_to_send()
    assert isinstance(sent.payload, str)
    assert '"result":false' in sent.payload


def test_closed_socket_sends_nothing_more() -> None:
    joint = Joint(CoinwSimulator())
    joint.simulator.disconnected(1)
    joint.simulator.receive(1, b'{"event":"ping"}', NOW_NS)
    joint.simulator.play(scenario()[0], NOW_NS)

    assert joint.simulator.data_to_send() == []


def test_only_pushes_are_marked_as_such() -> None:
    joint = Joint(CoinwSimulator())
    joint.simulator.fault("unknown_kind")
    joint.simulator.play(scenario()[0], NOW_NS)

    assert [outgoing.push for outgoing in joint.simulator.data_to_send()] == [False, True]


@pytest.mark.parametrize("fault", [(), ("data_text",), ("numeric_code",), ("rejected_as_canceled",)])
def test_what_was_reported_ends_as_it_is(fault: tuple[str, ...]) -> None:
    joint = watched(*fault)
    joint.simulator.play(Step("b", OrderStatus.REJECTED, INTENT), NOW_NS)
    joint.simulator.play(Step("c", OrderStatus.CANCELED, INTENT), NOW_NS)
    joint.pump()
    desk = reach(joint.simulator)
    asyncio.run(query(setup(), query_spec(since_ns=NOW_NS), desk, desk.emit))
    store = OrderStore({"coinw": load("coinw")}, {"coinw": VenueStats()})
    records = store.apply([*joint.orders, *desk.rows])

    reported = {record.order_id: record.status for record in records if isinstance(record, OrderRecord)}
    assert reported == {order_id: state.status for (_, _, order_id), state in joint.simulator.truth().items()}


@pytest.mark.parametrize("intent", [INTENT, MARKET], ids=["limit", "market"])
def test_second_identical_query_adds_no_record(intent: Intent) -> None:
    simulator = watched(intent=intent).simulator
    simulator.play(Step("b", OrderStatus.PARTIALLY_FILLED, intent, filled="0.0003"), NOW_NS)
    desk = reach(simulator)
    asyncio.run(query(setup(), query_spec(since_ns=NOW_NS), desk, desk.emit))
    store = OrderStore({"coinw": load("coinw")}, {"coinw": VenueStats()})

    assert len(store.apply(desk.rows)) == 3
    assert store.apply(desk.rows) == []


def test_session_and_query_say_nothing_but_what_reads() -> None:
    joint = watched()
    joint.session.heartbeat(NOW_NS)
    joint.pump()
    desk = reach(joint.simulator)
    asyncio.run(query(setup(), query_spec(*joint.orders[:1], since_ns=NOW_NS), desk, desk.emit))

    assert set(joint.simulator.events) <= {"login", "sub", "unsub", "ping"}
    assert set(joint.simulator.requests) <= {"returnOpenOrders", "returnOrderTrades", "returnUTradeHistory"}


def asked(command: str = "returnOpenOrders", *, form: bool = False, **params: str) -> HttpRequest:
    """A call signed with the simulator's own secret."""
    signed = {"api_key": API_KEY, **params}
    everything = {**signed, "command": command, "sign": signature(signed, setup().settings.secret_key)}
    if form:
        return HttpRequest(name=command, url=PATH, method="POST", form=everything)
    return HttpRequest(name=command, url=PATH, method="POST", params=everything)


def code(simulator: CoinwSimulator, request: HttpRequest) -> object:
    """The code of its answer."""
    return msgspec.json.decode(simulator.request(request, NOW_NS).body)["code"]


@pytest.mark.parametrize("form", [False, True], ids=["query string", "form"])
def test_signed_call_is_answered(form: bool) -> None:
    assert code(CoinwSimulator(), asked(form=form, currencyPair="BTC_USDT")) == "200"


def test_wrong_signature_is_refused() -> None:
    request = asked(currencyPair="BTC_USDT")
    tampered = msgspec.structs.replace(request, params={**request.params, "currencyPair": "ETH_USDT"})

    assert code(CoinwSimulator(), tampered) == "10007"


def test_pair_is_required() -> None:
    assert code(CoinwSimulator(), asked()) == "-103"


@pytest.mark.parametrize("command", ["doTrade", "cancelOrder", ""])
def test_commands_that_do_not_read_do_not_exist(command: str) -> None:
    assert code(CoinwSimulator(), asked(command)) == "500"


def test_calls_beyond_the_limit_are_refused_until_the_window_has_passed() -> None:
    simulator = CoinwSimulator()
    request = asked("returnUTradeHistory", currencyPair="BTC_USDT")
    codes = [code(simulator, request) for _ in range(LIMITS["returnUTradeHistory"] + 1)]
    later = msgspec.json.decode(simulator.request(request, NOW_NS + 3 * SECOND_NS).body)

    assert codes == ["200"] * 5 + [29001]
    assert later["code"] == "200"


@pytest.mark.parametrize(
    ("fault", "expected"), [("credentials_expired", "10006"), ("rate_limited", 29001), ("numeric_code", 200)]
)
def test_faults_of_rest_answers(fault: str, expected: object) -> None:
    simulator = CoinwSimulator()
    simulator.fault(fault)

    assert code(simulator, asked(currencyPair="BTC_USDT")) == expected


@pytest.mark.parametrize(("fault", "status"), [("http_500", 500), ("history_fails", 200)])
def test_a_failing_server_answers_with_its_status(fault: str, status: int) -> None:
    simulator = CoinwSimulator()
    simulator.fault(fault)

    assert simulator.request(asked(currencyPair="BTC_USDT"), NOW_NS).status == status
    assert simulator.request(asked("returnUTradeHistory", currencyPair="BTC_USDT"), NOW_NS).status == 500


def test_vanished_order_becomes_unknown_and_no_more() -> None:
    joint = Joint(CoinwSimulator())
    joint.simulator.play(scenario()[0], NOW_NS)
    joint.pump()
    joint.simulator.fault("vanished")
    desk = reach(joint.simulator)
    asyncio.run(query(setup(), query_spec(*joint.orders), desk, desk.emit))

    assert [(row.status, row.not_found) for row in desk.rows] == [(OrderStatus.UNKNOWN, True)]


def test_fault_can_be_taken_back() -> None:
    simulator = CoinwSimulator()
    simulator.fault("http_500")
    simulator.fault("http_500", on=False)

    assert simulator.request(asked(currencyPair="BTC_USDT"), NOW_NS).status == 200


def test_unknown_fault_is_named() -> None:
    with pytest.raises(ValueError, match="unknown fault 'x'"):
        CoinwSimulator().fault("x")


def test_faults_have_names_of_their_own() -> None:
    assert len(set(FAULTS)) == len(FAULTS)
    assert list(CoinwSimulator().faults) == list(FAULTS)


@pytest.mark.parametrize(
    "times", [{"startAt": "", "endAt": ""}, {"startAt": "0", "endAt": "9" * 13}], ids=["empty", "wide"]
)
@pytest.mark.parametrize("command", ["returnUTradeHistory", "returnOpenOrders"])
def test_empty_times_are_no_bounds(command: str, times: dict[str, str]) -> None:
    simulator = CoinwSimulator()
    simulator.play(scenario()[0], NOW_NS)
    answer = msgspec.json.decode(
        simulator.request(asked(command, form=False, currencyPair="BTC_USDT", **times), NOW_NS).body
    )

    assert len(answer["data"]) == 1


@pytest.mark.parametrize("name", ["startAt", "endAt"])
@pytest.mark.parametrize("text", ["x", "-1", "1.5", "9" * 19, "٣"])
def test_times_that_are_none_are_refused(name: str, text: str) -> None:
    assert (
        code(CoinwSimulator(), asked("returnOpenOrders", form=False, currencyPair="BTC_USDT", **{name: text})) == "-103"
    )


@pytest.mark.parametrize("place", range(len(PAIRS)))
def test_stories_move_in_the_prices_of_their_pair(place: int) -> None:
    simulator = CoinwSimulator()
    joint = Joint(simulator)
    for step in one_of_each(markets=[simulator.markets[place]]):
        simulator.play(replace(step, intent=replace(step.intent, instrument=place)), NOW_NS)
        joint.pump()
    usual = Decimal(simulator.markets[place].price)
    shown = [(order.price, order.avg_price, msgspec.to_builtins(order.extra)["price"]) for order in joint.orders]
    prices = [Decimal(price) for three in shown for price in three if price is not None]

    assert {order.symbol for order in joint.orders} == {PAIRS[place]}
    assert len({order.order_id for order in joint.orders}) == 12
    assert all(abs(price / usual - 1) < Decimal("0.03") for price in prices)
