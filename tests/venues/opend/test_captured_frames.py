"""Frames of a real OpenD, whole and as they came; see data/SOURCES.md."""

import json

import pytest

from ordwatch.core.events import Ignored, OrderStatus, OrderUpdate, Ready, RoundTrip, SessionEvent
from ordwatch.venues.opend import messages
from ordwatch.venues.opend.frames import FrameReader, is_sound, write_frame
from ordwatch.venues.opend.orders import OrderReader
from ordwatch.venues.opend.session import OpendSession
from ordwatch.venues.opend.wire import TcpWire
from tests.venues.opend.conftest import DATA

S = 1_000_000_000
CAPTURED = {name: bytes.fromhex(text) for name, text in json.loads((DATA / "captured_frames.json").read_text()).items()}
PUSHES = ["update_order_submitting", "update_order_submitted", "update_order_cancelled"]
_SERIAL_AT = slice(8, 12)


class Client:
    """A session that is answered with frames of a real OpenD, under the serials of its own requests."""

    def __init__(self, sdk: dict[str, bytes]) -> None:
        self.session = OpendSession("opend", TcpWire(None), OrderReader("opend", futures_zone="UTC"))
        self.now_ns = 1783751387 * S
        self._serials: dict[int, bytes] = {}
        self.session.start(self.now_ns)
        for proto_id, name in (
            (messages.INIT_CONNECT, "init_connect"),
            (messages.GET_GLOBAL_STATE, "global_state"),
            (messages.GET_ACC_LIST, "acc_list"),
        ):
            self.answer(proto_id, write_frame(proto_id, 0, sdk[name]))

    def answer(self, proto_id: int, frame: bytes) -> list[SessionEvent]:
        for data in self.session.data_to_send():
            assert isinstance(data, bytes)
            self._serials[int.from_bytes(data[2:6], "little")] = data[_SERIAL_AT]
        return self.receive(frame[:8] + self._serials[proto_id] + frame[12:])

    def receive(self, data: bytes) -> list[SessionEvent]:
        return list(self.session.receive(data, self.now_ns))


@pytest.fixture
def client(sdk: dict[str, bytes]) -> Client:
    return Client(sdk)


@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_frame_is_one_sound_frame(name: str) -> None:
    reader = FrameReader()

    [frame] = reader.feed(CAPTURED[name])

    assert reader.damage is None
    assert is_sound(frame.body, frame.sha1)


def test_the_requests_are_those_that_ordwatch_writes() -> None:
    bodies = [FrameReader().feed(CAPTURED[name])[0].body for name in ("sub_acc_push_request", "keep_alive_request")]

    assert bodies == [messages.sub_acc_push([28881234]), messages.keep_alive(1783192757)]


def test_a_subscription_answered_without_s2c_is_acknowledged(client: Client) -> None:
    assert client.answer(messages.SUB_ACC_PUSH, CAPTURED["sub_acc_push"]) == [Ready()]


def test_a_keep_alive_is_answered(client: Client) -> None:
    client.session.heartbeat(client.now_ns)

    assert client.answer(messages.KEEP_ALIVE, CAPTURED["keep_alive"]) == [RoundTrip(0.0)]


def test_the_pushes_of_a_paper_order_come_out_in_their_order(client: Client) -> None:
    updates = client.receive(b"".join(CAPTURED[name] for name in PUSHES))

    reported = [(each.status, each.symbol, each.price) for each in updates if isinstance(each, OrderUpdate)]
    assert reported == [
        (OrderStatus.PENDING_NEW, "US.F", "7"),
        (OrderStatus.NEW, "US.F", "7"),
        (OrderStatus.CANCELED, "US.F", "7"),
    ]


@pytest.mark.parametrize("size", [1, 43, 45, 200])
def test_they_come_out_however_they_are_cut(size: int, client: Client) -> None:
    data = b"".join(CAPTURED[name] for name in PUSHES)

    events = [event for start in range(0, len(data), size) for event in client.receive(data[start : start + size])]

    assert len([event for event in events if isinstance(event, OrderUpdate)]) == 3


def test_two_states_of_one_second_bear_the_same_time(client: Client) -> None:
    submitting, submitted, cancelled = client.receive(b"".join(CAPTURED[name] for name in PUSHES))

    assert isinstance(submitting, OrderUpdate)
    assert isinstance(submitted, OrderUpdate)
    assert isinstance(cancelled, OrderUpdate)
    assert (submitting.updated_ns, submitted.updated_ns) == (1783751382 * S, 1783751382 * S)
    assert cancelled.updated_ns == 1783751387 * S


def test_a_fill_is_counted(client: Client) -> None:
    assert client.receive(CAPTURED["update_order_fill"]) == [Ignored("UpdateOrderFill")]
