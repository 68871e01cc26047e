"""The simulated OpenD by itself, asked in memory by a client of a few lines."""

from collections.abc import Iterable
from itertools import count
from typing import Any

import pytest

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.contract import Close, Intent, Outgoing, Step
from ordwatch.simulators.opend.answers import REFRESHES
from ordwatch.simulators.opend.fills import UPDATE_ORDER_FILL
from ordwatch.simulators.opend.orders import ACCOUNTS, NATIVES, local_text
from ordwatch.simulators.opend.simulator import FAULTS, OpendSimulator
from ordwatch.venues.contract import HttpRequest
from ordwatch.venues.opend import frames, messages
from ordwatch.venues.opend.crypto import Rsa, body_seal, load_rsa
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb
from tests.support.rsa_key import new_rsa_key

S = 1_000_000_000
START_NS = 1_700_000_000 * S + 312_849_000
LIVE_HK, PAPER_HK = ACCOUNTS[0], ACCOUNTS[1]
BUY = Intent(side=Side.BUY, qty="300", price="480.2", account=0, instrument=0)
PAPER_BUY = Intent(side=Side.BUY, qty="300", price="480.2", account=1, instrument=0)


class Client:
    """A peer of the simulator on TCP: sends frames, keeps what comes back."""

    def __init__(self, simulator: OpendSimulator, peer: int = 1, rsa: Rsa | None = None) -> None:
        self.simulator = simulator
        self.peer = peer
        self.now_ns = START_NS
        self.closed: Close | None = None
        self._serials = count(1)
        self._rsa = rsa
        self._seal: Any = None
        simulator.connected(peer, "tcp", "", self.now_ns)

    def exchange(self, proto_id: int, body: bytes) -> list[bytes]:
        """The bodies that come back."""
        seal = self._rsa if proto_id == messages.INIT_CONNECT else self._seal
        encrypted = seal.encrypt(body) if seal is not None else None
        self.simulator.receive(
            self.peer, frames.write_frame(proto_id, next(self._serials), body, encrypted), self.now_ns
        )
        return [body for _, body in self.received(seal)]

    def received(self, seal: Any = None) -> list[tuple[int, bytes]]:
        """Proto ids and bodies of what was sent since."""
        reader = frames.FrameReader()
        found = []
        for outgoing in self.simulator.data_to_send():
            if isinstance(outgoing.payload, Close):
                self.closed = outgoing.payload
            elif isinstance(outgoing.payload, bytes):
                found += reader.feed(outgoing.payload)
        seal = seal or self._seal
        return [(frame.proto_id, seal.decrypt(frame.body) if seal else frame.body) for frame in found]

    def log_in(self, encryption: int = -1) -> pb.InitConnect.Response:
        [body] = self.exchange(messages.INIT_CONNECT, messages.init_connect(encryption))
        answer = pb.InitConnect.Response.FromString(body)
        if self._rsa is not None and encryption >= 0:
            self._seal = body_seal(answer.s2c.connAESKey, answer.s2c.aesCBCiv)
        return answer

    def subscribe(self, *accounts: int) -> None:
        self.exchange(messages.SUB_ACC_PUSH, messages.sub_acc_push(accounts))

    def orders(self, account: Any = LIVE_HK, ids: Iterable[int] = (), *, refresh: bool = False) -> Any:
        [body] = self.exchange(messages.GET_ORDER_LIST, messages.get_order_list(account.header, ids, refresh=refresh))
        return pb.GetOrderList.Response.FromString(body)

    def history(self, begin: str, end: str, ids: Iterable[int] = ()) -> Any:
        body = messages.get_history_order_list(LIVE_HK.header, ids, begin=begin, end=end)
        [answer] = self.exchange(messages.GET_HISTORY_ORDER_LIST, body)
        return pb.GetHistoryOrderList.Response.FromString(answer)

    def pushed(self) -> list[pb.Order]:
        """The orders pushed since."""
        found = self.received()
        return [
            pb.UpdateOrder.Response.FromString(body).s2c.order
            for proto_id, body in found
            if proto_id == messages.UPDATE_ORDER
        ]


@pytest.fixture
def simulator() -> OpendSimulator:
    return OpendSimulator()


@pytest.fixture
def client(simulator: OpendSimulator) -> Client:
    client = Client(simulator)
    client.log_in()
    client.subscribe(LIVE_HK.id, PAPER_HK.id)
    return client


def step(status: OrderStatus, filled: str = "0", intent: Intent = BUY, name: str = "1", **more: Any) -> Step:
    return Step(name, status, intent, filled=filled, **more)


def test_login_gives_a_key_and_an_interval(simulator: OpendSimulator) -> None:
    s2c = Client(simulator).log_in().s2c

    assert (len(s2c.connAESKey), s2c.keepAliveInterval, s2c.HasField("aesCBCiv")) == (16, 10, False)


def test_a_request_before_the_login_ends_the_conversation(simulator: OpendSimulator) -> None:
    client = Client(simulator)
    client.exchange(messages.GET_ACC_LIST, messages.get_acc_list())

    assert client.closed == Close(0)


@pytest.mark.parametrize(("encryption", "iv"), [(0, False), (2, True)], ids=["futu's ecb", "cbc"])
def test_encryption_is_what_the_client_asked_for(encryption: int, iv: bool) -> None:
    rsa = load_rsa(new_rsa_key())
    client = Client(OpendSimulator(rsa), rsa=rsa)

    assert client.log_in(encryption).s2c.HasField("aesCBCiv") is iv
    assert client.orders().retType == 0


def test_without_its_key_nobody_is_let_in() -> None:
    client = Client(OpendSimulator(load_rsa(new_rsa_key())))
    client.exchange(messages.INIT_CONNECT, messages.init_connect(-1))

    assert client.closed == Close(0)


def test_a_refused_login_says_why_and_opens_nothing(simulator: OpendSimulator) -> None:
    simulator.fault("login_refused")
    client = Client(simulator)

    answer = client.log_in()

    assert (answer.retType, answer.HasField("s2c"), bool(answer.retMsg)) == (-1, False, True)
    client.exchange(messages.GET_ACC_LIST, messages.get_acc_list())
    assert client.closed is not None


def test_a_client_without_heartbeat_is_dropped_after_thirty_seconds(simulator: OpendSimulator, client: Client) -> None:
    simulator.tick(START_NS + 30 * S)
    client.received()
    assert client.closed is None

    simulator.tick(START_NS + 31 * S)
    client.received()
    assert client.closed == Close(0)


def test_a_heartbeat_keeps_the_conversation_and_is_answered(simulator: OpendSimulator, client: Client) -> None:
    client.now_ns = START_NS + 25 * S
    [body] = client.exchange(messages.KEEP_ALIVE, messages.keep_alive(1700000025))

    simulator.tick(START_NS + 50 * S)
    client.received()

    assert pb.KeepAlive.Response.FromString(body).s2c.time == 1700000025
    assert client.closed is None


def test_what_changes_something_is_refused(client: Client) -> None:
    place_order = 2202
    [body] = client.exchange(place_order, b"")

    assert pb.KeepAlive.Response.FromString(body).retType == -1


def test_only_subscribed_accounts_are_pushed(simulator: OpendSimulator, client: Client) -> None:
    simulator.play(step(OrderStatus.NEW, intent=Intent(side=Side.BUY, qty="1", price="1", instrument=5)), START_NS)

    assert client.pushed() == []


def test_a_subscription_replaces_the_one_before(simulator: OpendSimulator, client: Client) -> None:
    client.subscribe(PAPER_HK.id)
    simulator.play(step(OrderStatus.NEW), START_NS)
    simulator.play(step(OrderStatus.NEW, intent=PAPER_BUY, name="2"), START_NS)

    [order] = client.pushed()
    assert order.orderIDEx == str(order.orderID).encode()


def test_only_order_pushes_are_marked_as_pushes(simulator: OpendSimulator, client: Client) -> None:
    simulator.play(step(OrderStatus.FILLED, "300"), START_NS)

    assert [outgoing.push for outgoing in simulator.data_to_send()] == [True, False]


@pytest.mark.parametrize(("intent", "fills"), [(BUY, 1), (PAPER_BUY, 0)], ids=["live", "paper"])
def test_fills_are_reported_to_live_accounts(
    simulator: OpendSimulator, client: Client, intent: Intent, fills: int
) -> None:
    simulator.play(step(OrderStatus.FILLED, "300", intent), START_NS)

    assert [proto_id for proto_id, _ in client.received()].count(UPDATE_ORDER_FILL) == fills


def test_the_time_of_creation_gets_its_milliseconds_when_the_order_works(
    simulator: OpendSimulator, client: Client
) -> None:
    simulator.play(step(OrderStatus.PENDING_NEW), START_NS)
    simulator.play(step(OrderStatus.NEW), START_NS + S)

    first, second = client.pushed()
    assert (first.createTime, first.createTimestamp) == (b"2023-11-15 06:13:20", 1700000000.0)
    assert (second.createTime, second.createTimestamp) == (b"2023-11-15 06:13:20.313", 1700000000.312849)


@pytest.mark.parametrize("number", NATIVES)
def test_every_native_status_can_be_played(simulator: OpendSimulator, client: Client, number: int) -> None:
    simulator.play(step(OrderStatus.UNKNOWN, native=str(number)), START_NS)

    assert [order.orderStatus for order in client.pushed()] == [number]


def test_stops_have_a_trigger_and_trailing_stops_a_trail(simulator: OpendSimulator, client: Client) -> None:
    intent = Intent(side=Side.SELL, qty="1", price=None, stop_price="470", order_type="TRAILING_STOP", account=1)
    simulator.play(step(OrderStatus.NEW, intent=intent), START_NS)

    [order] = client.pushed()
    assert (order.orderType, order.auxPrice, order.trailType) == (14, 470.0, 1)
    assert not order.HasField("price")


def test_two_states_in_one_instant_have_different_times(simulator: OpendSimulator, client: Client) -> None:
    simulator.play(step(OrderStatus.NEW), START_NS)
    simulator.play(step(OrderStatus.PARTIALLY_FILLED, "100"), START_NS)

    first, second = client.pushed()
    assert second.updateTimestamp > first.updateTimestamp


def test_universal_accounts_are_listed_only_if_asked_for(client: Client) -> None:
    def listed(wanted: bool) -> list[int]:
        c2s = pb.GetAccList.C2S(userID=0, needGeneralSecAccount=wanted)
        [body] = client.exchange(messages.GET_ACC_LIST, pb.GetAccList.Request(c2s=c2s).SerializeToString())
        return [account.accID for account in pb.GetAccList.Response.FromString(body).s2c.accList]

    assert listed(True) == [account.id for account in ACCOUNTS]
    assert LIVE_HK.id not in listed(False)


def test_finished_orders_of_the_day_are_listed_too(simulator: OpendSimulator, client: Client) -> None:
    simulator.play(step(OrderStatus.NEW), START_NS)
    simulator.play(step(OrderStatus.FILLED, "300", name="2"), START_NS)
    client.received()

    assert [order.orderStatus for order in client.orders().s2c.orderList] == [5, 11]


def test_orders_are_found_by_id(simulator: OpendSimulator, client: Client) -> None:
    simulator.play(step(OrderStatus.NEW), START_NS)
    simulator.play(step(OrderStatus.NEW, name="2"), START_NS)
    second = client.pushed()[1].orderID

    assert [order.orderID for order in client.orders(ids=[second]).s2c.orderList] == [second]


def test_an_account_of_another_environment_is_not_found(client: Client) -> None:
    assert client.orders(LIVE_HK._replace(environment=0)).retType == -1


def test_refreshing_more_than_ten_times_in_thirty_seconds_is_refused(client: Client) -> None:
    answers = [client.orders(refresh=True).retType for _ in range(REFRESHES + 1)]

    assert answers == [0] * REFRESHES + [-1]
    assert client.orders().retType == 0


def test_refreshing_is_allowed_again_after_thirty_seconds(client: Client) -> None:
    for _ in range(REFRESHES):
        client.orders(refresh=True)
    client.now_ns += 30 * S

    assert client.orders(refresh=True).retType == 0


def test_a_stale_cache_reports_the_past_until_it_is_refreshed(simulator: OpendSimulator, client: Client) -> None:
    simulator.play(step(OrderStatus.NEW), START_NS)
    simulator.fault("stale_cache")
    simulator.play(step(OrderStatus.FILLED, "300"), START_NS)
    client.received()

    assert [order.orderStatus for order in client.orders().s2c.orderList] == [5]
    assert [order.orderStatus for order in client.orders(refresh=True).s2c.orderList] == [11]
    assert [order.orderStatus for order in client.orders().s2c.orderList] == [11]


def test_history_needs_both_its_ends_and_keeps_to_them(simulator: OpendSimulator, client: Client) -> None:
    simulator.play(step(OrderStatus.FILLED, "300"), START_NS)
    client.received()

    assert client.history("", "").retType == -1
    assert len(client.history("2023-11-15 00:00:00", "2023-11-16 00:00:00").s2c.orderList) == 1
    assert len(client.history("2023-11-16 00:00:00", "2023-11-17 00:00:00").s2c.orderList) == 0


def test_a_lost_trade_server_is_reported_and_nothing_is_pushed(simulator: OpendSimulator, client: Client) -> None:
    simulator.fault("logged_out")
    simulator.play(step(OrderStatus.NEW), START_NS)

    [(proto_id, body)] = client.received()
    [state] = client.exchange(messages.GET_GLOBAL_STATE, messages.get_global_state())

    assert proto_id == messages.NOTIFY
    assert pb.Notify.Response.FromString(body).s2c.connectStatus.trdLogined is False
    assert pb.GetGlobalState.Response.FromString(state).s2c.trdLogined is False
    assert client.orders(refresh=True).retType == -1


def test_silence_is_complete(simulator: OpendSimulator, client: Client) -> None:
    simulator.fault("silent")
    simulator.play(step(OrderStatus.NEW), START_NS)

    assert client.exchange(messages.KEEP_ALIVE, messages.keep_alive(1)) == []


def test_a_wrong_sha1_is_wrong(simulator: OpendSimulator, client: Client) -> None:
    simulator.fault("bad_sha1")
    simulator.play(step(OrderStatus.NEW), START_NS)

    [outgoing] = simulator.data_to_send()
    assert isinstance(outgoing.payload, bytes)
    [frame] = frames.FrameReader().feed(outgoing.payload)
    assert not frames.is_sound(frame.body, frame.sha1)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_switched_on_and_off(simulator: OpendSimulator, client: Client, name: str) -> None:
    simulator.fault(name)
    simulator.play(step(OrderStatus.NEW), START_NS)
    simulator.data_to_send()
    simulator.fault(name, False)
    simulator.data_to_send()
    simulator.play(step(OrderStatus.FILLED, "300"), START_NS)

    assert [order.orderStatus for order in client.pushed()] == [11]


def test_a_fault_nobody_knows_is_an_error(simulator: OpendSimulator) -> None:
    with pytest.raises(ValueError, match="unknown fault 'no'"):
        simulator.fault("no")


def test_truth_counts_states_and_names_orders_as_records_do(simulator: OpendSimulator) -> None:
    simulator.play(step(OrderStatus.NEW), START_NS)
    simulator.play(step(OrderStatus.PARTIALLY_FILLED, "100.5"), START_NS)

    [(name, true)] = simulator.truth().items()
    assert name[:2] == ("live", str(LIVE_HK.id))
    assert (true.status, true.filled_qty, true.states) == (OrderStatus.PARTIALLY_FILLED, "100.5", 2)


def test_local_texts_are_rounded_to_milliseconds_in_the_exchanges_zone() -> None:
    assert local_text(1_700_000_000_999_600_000, "Asia/Hong_Kong") == "2023-11-15 06:13:21"
    assert local_text(1_700_000_000_312_849_000, "America/New_York") == "2023-11-14 17:13:20.313"


def test_there_is_no_rest(simulator: OpendSimulator) -> None:
    assert simulator.request(HttpRequest(name="", url="/"), START_NS).status == 404


def websocket_login(simulator: OpendSimulator, key_md5: str) -> Outgoing:
    simulator.connected(1, "websocket", "/", START_NS)
    request = frames.write_ws_request(messages.INIT_WEBSOCKET, 2, messages.init_web_socket(key_md5))
    simulator.receive(1, request, START_NS)
    [outgoing] = simulator.data_to_send()
    return outgoing


def test_websocket_takes_the_md5_of_its_key(simulator: OpendSimulator) -> None:
    simulator.websocket_key = "ec16fde057a2e7a0"

    payload = websocket_login(simulator, "c6d6fc06fd60613c4989e84795bd1939").payload

    assert isinstance(payload, bytes)
    answer = frames.read_ws_answer(payload)
    assert (answer.section, pb.InitWebSocket.Response.FromString(answer.body).retType) == (2, 0)


def test_websocket_refusals_can_stand_in_the_header(simulator: OpendSimulator) -> None:
    simulator.fault("header_errors")

    payload = websocket_login(simulator, "").payload

    assert isinstance(payload, bytes)
    answer = frames.read_ws_answer(payload)
    assert (answer.error, answer.error_text, answer.body) == (-1, b"websocket key error", b"")


def test_client_of_another_protocol_is_disconnected(simulator: OpendSimulator) -> None:
    simulator.connected(1, "websocket", "/", START_NS)
    simulator.receive(1, b"hello", START_NS)

    assert simulator.data_to_send() == [Outgoing(1, Close(1002))]


@pytest.mark.parametrize("transport", ["tcp", "websocket"])
def test_settings_name_the_transport_chosen(simulator: OpendSimulator, transport: Any) -> None:
    simulator.transport = transport

    block = simulator.settings({"tcp": "127.0.0.1:1", "websocket": "127.0.0.1:2"})

    assert (block["transport"], block["port"], "websocket_key" in block) == (
        transport,
        {"tcp": 1, "websocket": 2}[transport],
        transport == "websocket",
    )


@pytest.mark.parametrize(("transport", "other"), [("tcp", "websocket"), ("websocket", "tcp")])
def test_the_other_transport_is_an_alternative(simulator: OpendSimulator, transport: Any, other: Any) -> None:
    addresses = {"tcp": "127.0.0.1:1", "websocket": "127.0.0.1:2"}
    simulator.transport = transport
    alternatives = simulator.alternatives(addresses)
    simulator.transport = other

    assert alternatives == [simulator.settings(addresses)]


def test_slow_lists_come_late_and_all_else_at_once(simulator: OpendSimulator, client: Client) -> None:
    simulator.fault("slow_lists")
    body = messages.get_order_list(LIVE_HK.header, [], refresh=False)

    at_once = client.exchange(messages.GET_ORDER_LIST, body)
    others = client.exchange(messages.GET_GLOBAL_STATE, messages.get_global_state())
    simulator.tick(START_NS + 14 * S)
    before = client.received()
    simulator.tick(START_NS + 15 * S)

    assert (at_once, len(others), before) == ([], 1, [])
    assert [proto_id for proto_id, _ in client.received()] == [messages.GET_ORDER_LIST]


def test_a_late_list_is_not_for_who_came_after(simulator: OpendSimulator, client: Client) -> None:
    simulator.fault("slow_lists")
    client.exchange(messages.GET_ORDER_LIST, messages.get_order_list(LIVE_HK.header, [], refresh=False))
    simulator.disconnected(client.peer)
    Client(simulator, peer=2)

    simulator.tick(START_NS + 15 * S)

    assert simulator.data_to_send() == []


def test_a_slow_refresh_leaves_the_cache_quick(simulator: OpendSimulator, client: Client) -> None:
    simulator.fault("slow_refresh")

    cached = client.orders(refresh=False)
    refreshed = client.exchange(messages.GET_ORDER_LIST, messages.get_order_list(LIVE_HK.header, [], refresh=True))

    assert (cached.retType, refreshed) == (0, [])


def test_one_account_may_be_refused_its_orders_today_and_before(simulator: OpendSimulator, client: Client) -> None:
    simulator.fault("account_refused")
    simulator.handler.refused_account = LIVE_HK.id

    today, earlier = client.orders(), client.history("2023-11-14", "2023-11-16")
    other = client.orders(PAPER_HK)

    assert (today.retType, earlier.retType, other.retType) == (-1, -1, 0)
    assert today.retMsg.decode() == "该账户不支持订单查询"


def test_a_big_list_holds_the_orders_that_were_played_and_many_more(simulator: OpendSimulator, client: Client) -> None:
    simulator.play(step(OrderStatus.NEW), START_NS)
    simulator.fault("big_lists")
    simulator.handler.big_list = 5
    client.pushed()

    orders = list(client.orders().s2c.orderList)

    assert len({order.orderID for order in orders}) == 6
    assert [order.orderStatus for order in orders] == [5] + 5 * [11]


def test_opends_clock_stamps_the_orders_and_the_state(simulator: OpendSimulator, client: Client) -> None:
    simulator.clock_ahead_ns = 600 * S

    simulator.play(step(OrderStatus.NEW), START_NS)
    [order] = client.pushed()
    [state] = client.exchange(messages.GET_GLOBAL_STATE, messages.get_global_state())

    assert order.createTimestamp == START_NS // 1000 / 1e6 + 600
    assert pb.GetGlobalState.Response.FromString(state).s2c.time == START_NS // S + 600
