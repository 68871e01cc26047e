"""The conversation, against a scripted OpenD that writes its frames with struct alone."""

import hashlib
import struct
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.errors import AuthError, ConfigError, ConnectionLost, Refused, RemoteProtocolError
from ordwatch.core.events import (
    Answer,
    Closed,
    Ignored,
    Interrupted,
    Notice,
    OrderUpdate,
    Progress,
    Ready,
    Reject,
    Resumed,
    RoundTrip,
    SessionEvent,
)
from ordwatch.core.secrets import Secret
from ordwatch.venues.contract import Session, StreamRequest
from ordwatch.venues.opend.crypto import AesCbc, FtAesEcb
from ordwatch.venues.opend.frames import MAX_PUSH_BYTES
from ordwatch.venues.opend.messages import SENT
from ordwatch.venues.opend.orders import OrderReader
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb
from ordwatch.venues.opend.requests import Account, Accounts, ListAccounts, ListHistory, ListOrders, OrderPages
from ordwatch.venues.opend.session import MAX_PENDING, OpendSession
from ordwatch.venues.opend.wire import BodyCipher, TcpWire, WebSocketWire, Wire

INIT_WEBSOCKET, OPEND_DISCONNECTED = 1, 2
INIT_CONNECT, GET_GLOBAL_STATE, NOTIFY, KEEP_ALIVE = 1001, 1002, 1003, 1004
GET_ACC_LIST, SUB_ACC_PUSH, GET_ORDER_LIST, UPDATE_ORDER = 2001, 2008, 2201, 2208
UPDATE_ORDER_FILL, GET_HISTORY = 2218, 2221

S = 1_000_000_000
ACCOUNT = Account(id=281756455988249902, environment="live", env_number=1, markets=(1, 2, 4))
OK = b"\x08\x00"  # retType 0


def tcp_frame(proto_id: int, serial: int, body: bytes, encrypted: bytes | None = None, body_format: int = 0) -> bytes:
    sent = body if encrypted is None else encrypted
    digest = hashlib.sha1(body, usedforsecurity=False).digest()
    return struct.pack("<2sI2B2I20s8s", b"FT", proto_id, body_format, 0, serial, len(sent), digest, bytes(8)) + sent


def ws_message(cmd: int, section: int, body: bytes, error: int = 0, text: bytes = b"") -> bytes:
    return struct.pack(">8sIQi20s", b"ft-v1.0\0", cmd, section, error, text) + body


class Rot:
    """A stand-in for RSA whose random padding would make no test."""

    def encrypt(self, plain: bytes, /) -> bytes:
        return bytes((byte + 1) % 256 for byte in plain) + b"R"

    def decrypt(self, encrypted: bytes, /) -> bytes:
        if not encrypted.endswith(b"R"):
            raise RemoteProtocolError("cannot be decrypted")
        return bytes((byte - 1) % 256 for byte in encrypted[:-1])


class Peer:
    """The far side of one session, on either transport; time passes only where a test says so."""

    def __init__(self, wire: Wire, accounts: Sequence[str] = (), seal: BodyCipher | None = None) -> None:
        self.session = OpendSession("opend", wire, OrderReader("opend", futures_zone="UTC"), accounts)
        self.ws = isinstance(wire, WebSocketWire)
        self.seal = seal
        self.now_ns = 1000 * S
        self.last: dict[int, int] = {}
        self.serials: list[int] = []
        self.session.start(self.now_ns)

    def requests(self) -> list[tuple[int, bytes]]:
        """Proto id and plain body of everything the session has to send."""
        found = []
        for data in self.session.data_to_send():
            assert isinstance(data, bytes)
            if self.ws:
                magic, proto_id, serial = struct.unpack_from(">8sIQ", data)
                body = data[20:]
                assert magic == b"ft-v1.0\0"
            else:
                magic, proto_id, _f, _v, serial, size, sha1, _r = struct.unpack_from("<2sI2B2I20s8s", data)
                body = data[44:] if self.seal is None else self.seal.decrypt(data[44:])
                assert (magic, len(data) - 44, hashlib.sha1(body, usedforsecurity=False).digest()) == (
                    b"FT",
                    size,
                    sha1,
                )
            self.last[proto_id] = serial
            self.serials.append(serial)
            found.append((proto_id, body))
        return found

    def frame(self, proto_id: int, serial: int, body: bytes) -> bytes:
        if self.ws:
            return ws_message(proto_id, serial, body)
        return tcp_frame(proto_id, serial, body, None if self.seal is None else self.seal.encrypt(body))

    def receive(self, data: bytes) -> Sequence[SessionEvent]:
        return self.session.receive(data, self.now_ns)

    def answer(self, proto_id: int, body: bytes) -> Sequence[SessionEvent]:
        """Answer the session's last request of this id."""
        self.requests()
        return self.receive(self.frame(proto_id, self.last[proto_id], body))

    def push(self, proto_id: int, body: bytes) -> Sequence[SessionEvent]:
        return self.receive(self.frame(proto_id, 0, body))


def log_in(peer: Peer, sdk: dict[str, bytes], state: str = "global_state") -> Sequence[SessionEvent]:
    """From the first request to the subscription's answer, which gives the events."""
    peer.answer(*((INIT_WEBSOCKET, OK) if peer.ws else (INIT_CONNECT, sdk["init_connect"])))
    peer.answer(GET_GLOBAL_STATE, sdk[state])
    peer.answer(GET_ACC_LIST, sdk["acc_list"])
    return peer.answer(SUB_ACC_PUSH, sdk["sub_acc_push"])


def tcp() -> Peer:
    return Peer(TcpWire(None))


def websocket() -> Peer:
    return Peer(WebSocketWire(Secret("ec16fde057a2e7a0")))


@pytest.fixture(params=[tcp, websocket], ids=["tcp", "websocket"])
def either(request: pytest.FixtureRequest) -> Peer:
    make: Callable[[], Peer] = request.param
    return make()


@pytest.fixture
def peer(sdk: dict[str, bytes]) -> Peer:
    """A TCP conversation that is subscribed."""
    found = tcp()
    log_in(found, sdk)
    return found


def test_the_session_is_what_the_engine_takes() -> None:
    session: Session = tcp().session

    assert session.heartbeat_s > 0


def test_nothing_but_the_login_is_said_before_its_answer() -> None:
    peer = tcp()
    peer.session.heartbeat(peer.now_ns)

    assert [proto_id for proto_id, _ in peer.requests()] == [INIT_CONNECT]


def test_the_steps_follow_each_other(sdk: dict[str, bytes]) -> None:
    peer = tcp()

    assert peer.requests()[0][0] == INIT_CONNECT
    assert Progress("subscribing") in peer.answer(INIT_CONNECT, sdk["init_connect"])
    assert [proto_id for proto_id, _ in peer.requests()] == [GET_GLOBAL_STATE]
    peer.receive(tcp_frame(GET_GLOBAL_STATE, peer.last[GET_GLOBAL_STATE], sdk["global_state"]))
    assert peer.requests() == [(GET_ACC_LIST, sdk["request_get_acc_list"])]
    peer.receive(tcp_frame(GET_ACC_LIST, peer.last[GET_ACC_LIST], sdk["acc_list"]))
    assert [proto_id for proto_id, _ in peer.requests()] == [SUB_ACC_PUSH]


def test_it_is_ready_once_the_subscription_is_acknowledged(either: Peer, sdk: dict[str, bytes]) -> None:
    assert log_in(either, sdk) == [Ready()]


def test_every_account_is_subscribed(sdk: dict[str, bytes]) -> None:
    peer = tcp()
    peer.answer(INIT_CONNECT, sdk["init_connect"])
    peer.answer(GET_GLOBAL_STATE, sdk["global_state"])
    peer.answer(GET_ACC_LIST, sdk["acc_list"])

    request = pb.SubAccPush.Request.FromString(peer.requests()[0][1])

    assert list(request.c2s.accIDList) == [281756455988249902, 3637840, 9007199254740993, 18446744073709551615]


def test_only_configured_accounts_are_subscribed_and_shown(sdk: dict[str, bytes]) -> None:
    peer = Peer(TcpWire(None), ["3637840"])
    peer.answer(INIT_CONNECT, sdk["init_connect"])
    peer.answer(GET_GLOBAL_STATE, sdk["global_state"])
    peer.answer(GET_ACC_LIST, sdk["acc_list"])
    request = pb.SubAccPush.Request.FromString(peer.requests()[0][1])
    peer.receive(tcp_frame(SUB_ACC_PUSH, peer.last[SUB_ACC_PUSH], sdk["sub_acc_push"]))

    assert list(request.c2s.accIDList) == [3637840]
    assert isinstance(peer.push(UPDATE_ORDER, sdk["push_cpp_submitted"])[0], OrderUpdate)
    assert peer.push(UPDATE_ORDER, sdk["push_javascript_filled"]) == [Ignored("order of another account")]


def test_an_account_that_opend_does_not_list_is_the_users_to_mend(sdk: dict[str, bytes]) -> None:
    peer = Peer(TcpWire(None), ["3637840", "42"])
    peer.answer(INIT_CONNECT, sdk["init_connect"])
    peer.answer(GET_GLOBAL_STATE, sdk["global_state"])

    closed = peer.answer(GET_ACC_LIST, sdk["acc_list"])[-1]

    assert isinstance(closed, Closed)
    assert isinstance(closed.error, ConfigError)
    assert str(closed.error).startswith("accounts: OpenD does not list 42; it lists 3637840, 9007199254740993")


def test_an_opend_without_accounts_is_reported(sdk: dict[str, bytes]) -> None:
    peer = tcp()
    peer.answer(INIT_CONNECT, sdk["init_connect"])
    peer.answer(GET_GLOBAL_STATE, sdk["global_state"])

    assert peer.answer(GET_ACC_LIST, OK) == [Notice("OpenD lists no account")]


def closed_by(event: SessionEvent) -> Exception:
    """Why the conversation ended."""
    assert isinstance(event, Closed)
    return event.error


def refused_login(words: str, ret_type: int = -1) -> bytes:
    return pb.InitConnect.Response(retType=ret_type, retMsg=words.encode()).SerializeToString()


@pytest.mark.parametrize("words", ["登录需要手机验证码", "too many requests", "client version is too low", ""])
@pytest.mark.parametrize("make", [tcp, websocket], ids=["tcp", "websocket"])
def test_a_login_refused_for_another_reason_than_the_key_is_tried_again_slowly(
    make: Callable[[], Peer], words: str
) -> None:
    peer = make()

    error = closed_by(peer.answer(INIT_WEBSOCKET if peer.ws else INIT_CONNECT, refused_login(words))[-1])

    assert isinstance(error, Refused)
    assert error.retry_s == (6.0, 60.0)
    assert str(error).startswith(f"login refused: {words}")


@pytest.mark.parametrize("ret_type", [-100, -200, -400])
def test_a_login_refused_with_another_number_is_tried_again_too(ret_type: int) -> None:
    error = closed_by(tcp().answer(INIT_CONNECT, refused_login("busy", ret_type))[-1])

    assert isinstance(error, Refused)
    assert error.retry_s == (6.0, 60.0)


@pytest.mark.parametrize("words", ["WebSocket Key error", "wrong password", "密钥错误", "秘钥不匹配"])
def test_words_that_name_the_configured_key_end_it_for_good(words: str) -> None:
    error = closed_by(websocket().answer(INIT_WEBSOCKET, refused_login(words))[-1])

    assert isinstance(error, AuthError)
    assert str(error) == f"login refused: {words} (retType -1)"


def test_words_that_name_the_rsa_key_end_it_for_good() -> None:
    peer = Peer(TcpWire(Rot()), seal=Rot())
    peer.requests()
    peer.seal = None

    error = closed_by(peer.answer(INIT_CONNECT, refused_login("RSA key mismatch"))[-1])

    assert isinstance(error, AuthError)


@pytest.mark.parametrize(
    ("peer", "proto_id", "setting"),
    [
        (Peer(TcpWire(None)), INIT_CONNECT, "rsa_private_key_file"),
        (Peer(WebSocketWire(None)), INIT_WEBSOCKET, "websocket_key"),
    ],
    ids=["tcp", "websocket"],
)
def test_words_that_name_a_key_where_none_is_configured_name_the_setting(
    peer: Peer, proto_id: int, setting: str
) -> None:
    error = closed_by(peer.answer(proto_id, refused_login("key needed"))[-1])

    assert isinstance(error, Refused)
    assert str(error) == f"login refused: key needed (retType -1); `{setting}` is not configured"


@pytest.mark.parametrize("body", [b"", OK, b"garbage"], ids=["empty", "no s2c", "garbage"])
def test_a_login_answer_without_sense_ends_it(body: bytes) -> None:
    closed = tcp().answer(INIT_CONNECT, body)[-1]

    assert isinstance(closed, Closed)
    assert type(closed.error) is RemoteProtocolError


def test_a_refused_subscription_ends_it_with_the_venues_words(sdk: dict[str, bytes]) -> None:
    peer = tcp()
    peer.answer(INIT_CONNECT, sdk["init_connect"])
    peer.answer(GET_GLOBAL_STATE, sdk["global_state"])
    peer.answer(GET_ACC_LIST, sdk["acc_list"])

    closed = peer.answer(SUB_ACC_PUSH, sdk["sub_acc_push_refused"])[-1]

    assert isinstance(closed, Closed)
    assert str(closed.error) == "SubAccPush refused: no such account (retType -1)"


def test_a_state_that_is_not_reported_does_not_keep_the_orders_from_us(sdk: dict[str, bytes]) -> None:
    peer = tcp()
    peer.answer(INIT_CONNECT, sdk["init_connect"])
    refused = pb.GetGlobalState.Response(retType=-1, retMsg=b"later").SerializeToString()

    events = peer.answer(GET_GLOBAL_STATE, refused)

    assert events == [Notice("GetGlobalState: later (retType -1)")]
    assert [proto_id for proto_id, _ in peer.requests()] == [GET_ACC_LIST]


def test_serials_increase(peer: Peer) -> None:
    assert peer.serials == sorted(set(peer.serials))


def test_the_websocket_login_sends_the_md5_of_the_key(vectors: dict[str, str]) -> None:
    request = pb.InitWebSocket.Request.FromString(websocket().requests()[0][1])

    assert request.c2s.websocketKey == vectors["websocket_key_md5"]


def test_a_websocket_without_a_key_sends_an_empty_one() -> None:
    request = pb.InitWebSocket.Request.FromString(Peer(WebSocketWire(None)).requests()[0][1])

    assert (request.c2s.HasField("websocketKey"), request.c2s.websocketKey) == (True, "")


def test_a_wrong_websocket_key_refused_in_the_header_ends_it_for_good() -> None:
    peer = websocket()
    peer.requests()

    closed = peer.receive(ws_message(INIT_WEBSOCKET, peer.last[INIT_WEBSOCKET], b"", -1, b"wrong key"))[-1]

    assert isinstance(closed, Closed)
    assert isinstance(closed.error, AuthError)
    assert str(closed.error) == "login refused: wrong key (error -1)"


def test_a_websocket_login_refused_in_the_header_for_another_reason_is_tried_again() -> None:
    peer = websocket()
    peer.requests()

    error = closed_by(peer.receive(ws_message(INIT_WEBSOCKET, peer.last[INIT_WEBSOCKET], b"", -1, b"wait"))[-1])

    assert isinstance(error, Refused)
    assert error.retry_s == (6.0, 60.0)


def test_a_gateway_that_lost_its_opend_ends_the_conversation(sdk: dict[str, bytes]) -> None:
    peer = websocket()
    log_in(peer, sdk)

    closed = peer.push(OPEND_DISCONNECTED, b"")[-1]

    assert isinstance(closed, Closed)
    assert isinstance(closed.error, ConnectionLost)


@pytest.mark.parametrize(
    ("login", "seal"),
    [
        ("init_connect_cbc", AesCbc(b"0123456789ABCDEF", b"fedcba9876543210")),
        ("init_connect", FtAesEcb(b"0123456789ABCDEF")),
    ],
    ids=["cbc", "ftaes"],
)
def test_with_a_key_everything_after_the_login_is_aes(login: str, seal: BodyCipher, sdk: dict[str, bytes]) -> None:
    peer = Peer(TcpWire(Rot()), seal=Rot())
    request = pb.InitConnect.Request.FromString(peer.requests()[0][1])
    peer.answer(INIT_CONNECT, sdk[login])
    peer.seal = seal
    peer.answer(GET_GLOBAL_STATE, sdk["global_state"])
    peer.answer(GET_ACC_LIST, sdk["acc_list"])

    assert request.c2s.packetEncAlgo == 2
    assert peer.answer(SUB_ACC_PUSH, sdk["sub_acc_push"]) == [Ready()]
    assert isinstance(peer.push(UPDATE_ORDER, sdk["push_javascript_filled"])[0], OrderUpdate)


@pytest.mark.parametrize("damage", [b"x" * 16, b"x" * 15, b""], ids=["nonsense", "length", "empty"])
def test_an_encrypted_push_that_cannot_be_opened_is_a_loss_in_the_same_words(
    damage: bytes, sdk: dict[str, bytes]
) -> None:
    peer = Peer(TcpWire(Rot()), seal=Rot())
    peer.answer(INIT_CONNECT, sdk["init_connect_cbc"])

    reject = peer.receive(tcp_frame(UPDATE_ORDER, 0, sdk["push_javascript_filled"], damage))[0]

    assert isinstance(reject, Reject)
    assert (reject.reason, reject.missed) == ("UpdateOrder: cannot be decrypted", True)


def test_a_login_refused_in_clear_shows_the_venues_words(sdk: dict[str, bytes]) -> None:
    peer = Peer(TcpWire(Rot()), seal=Rot())
    peer.requests()
    peer.seal = None

    closed = peer.answer(INIT_CONNECT, sdk["init_connect_refused"])[-1]

    assert isinstance(closed, Closed)
    assert str(closed.error) == "login refused: client version is too low (retType -1)"


def test_a_login_answer_that_cannot_be_decrypted_names_the_key_to_look_at(sdk: dict[str, bytes]) -> None:
    peer = Peer(TcpWire(Rot()), seal=Rot())
    peer.requests()

    events = peer.receive(tcp_frame(INIT_CONNECT, peer.last[INIT_CONNECT], sdk["init_connect_cbc"], b"another key"))

    error = closed_by(events[-1])
    assert isinstance(error, RemoteProtocolError)
    assert str(error) == "InitConnect: cannot be decrypted; is `rsa_private_key_file` OpenD's own?"


def test_a_login_accepted_in_clear_is_not_believed_where_there_is_a_key(sdk: dict[str, bytes]) -> None:
    peer = Peer(TcpWire(Rot()), seal=Rot())
    peer.requests()
    peer.seal = None

    closed = peer.answer(INIT_CONNECT, sdk["init_connect_cbc"])[-1]

    assert isinstance(closed, Closed)
    assert "without encryption" in str(closed.error)


def test_pushes_come_out_in_order(either: Peer, sdk: dict[str, bytes]) -> None:
    log_in(either, sdk)

    events = [
        event
        for name in ("submitting", "submitted", "filled")
        for event in either.push(UPDATE_ORDER, sdk[f"push_javascript_{name}"])
    ]

    assert [event.venue_status for event in events if isinstance(event, OrderUpdate)] == [
        "Submitting",
        "Submitted",
        "Filled_All",
    ]


def test_a_chunk_of_many_pushes_loses_none(peer: Peer, sdk: dict[str, bytes]) -> None:
    bodies = [sdk["push_javascript_submitted"], sdk["push_javascript_filled"]] * 100

    events = peer.receive(b"".join(tcp_frame(UPDATE_ORDER, serial, body) for serial, body in enumerate(bodies)))

    assert [isinstance(event, OrderUpdate) for event in events] == [True] * 200


@pytest.mark.parametrize("size", [1, 7, 44, 45, 100])
def test_a_push_cut_anywhere_is_the_same_push(size: int, peer: Peer, sdk: dict[str, bytes]) -> None:
    data = tcp_frame(UPDATE_ORDER, 1, sdk["push_javascript_filled"])
    expected = peer.receive(data)

    events = [e for start in range(0, len(data), size) for e in peer.receive(data[start : start + size])]

    assert events == expected


def test_a_push_is_known_by_its_id_even_with_the_serial_of_a_request(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.session.heartbeat(peer.now_ns)
    peer.requests()

    events = peer.receive(tcp_frame(UPDATE_ORDER, peer.last[KEEP_ALIVE], sdk["push_javascript_filled"]))

    assert isinstance(events[0], OrderUpdate)


def test_a_push_that_says_no_changes_nothing(peer: Peer, sdk: dict[str, bytes]) -> None:
    assert peer.push(UPDATE_ORDER, sdk["push_refused"]) == [
        Notice("OpenD could not push an order: 没有权限 (retType -1)")
    ]


def test_a_wrong_byte_in_a_push_is_a_loss_and_the_next_push_is_read(peer: Peer, sdk: dict[str, bytes]) -> None:
    good = tcp_frame(UPDATE_ORDER, 1, sdk["push_javascript_filled"])
    bad = good[:-1] + bytes([good[-1] ^ 1])

    reject, update = peer.receive(bad + good)

    assert reject == Reject(
        venue="opend",
        reason="UpdateOrder: the body does not match its SHA-1",
        data=bad[44:108],
        size=len(bad) - 44,
        missed=True,
        at_ns=peer.now_ns,
    )
    assert isinstance(update, OrderUpdate)


@pytest.mark.parametrize(
    "body", [b"", b"\xff", OK, b"\x08\x00\x22\x00"], ids=["empty", "garbage", "no s2c", "no order"]
)
def test_an_unreadable_push_is_a_loss(body: bytes, peer: Peer) -> None:
    reject = peer.push(UPDATE_ORDER, body)[0]

    assert isinstance(reject, Reject)
    assert reject.missed


def test_a_push_in_json_is_a_loss(peer: Peer) -> None:
    reject = peer.receive(tcp_frame(UPDATE_ORDER, 0, b"{}", body_format=1))[0]

    assert isinstance(reject, Reject)
    assert (reject.reason, reject.missed) == ("UpdateOrder: a body in format 1, expected protobuf", True)


def test_fills_market_data_and_answers_nobody_waits_for_are_counted(peer: Peer, sdk: dict[str, bytes]) -> None:
    events = [
        *peer.push(UPDATE_ORDER_FILL, sdk["push_fill"]),
        *peer.push(3005, b""),
        *peer.push(GET_ORDER_LIST, sdk["order_list"]),
    ]

    assert events == [Ignored("UpdateOrderFill"), Ignored("proto id 3005"), Ignored("GetOrderList")]


def test_an_unknown_id_is_a_possible_loss_once(peer: Peer, sdk: dict[str, bytes]) -> None:
    first = peer.push(2209, sdk["push_javascript_filled"])[0]
    second = peer.push(2209, b"")[0]

    assert isinstance(first, Reject)
    assert (first.reason, first.missed) == ("unknown proto id 2209", True)
    assert second == Ignored("proto id 2209")


def test_a_damaged_fill_is_no_lost_order(peer: Peer) -> None:
    data = tcp_frame(UPDATE_ORDER_FILL, 0, b"abc")

    reject = peer.receive(data[:-1] + b"x")[0]

    assert isinstance(reject, Reject)
    assert not reject.missed


def test_garbage_ends_the_conversation_after_the_good_pushes(peer: Peer, sdk: dict[str, bytes]) -> None:
    good = tcp_frame(UPDATE_ORDER, 1, sdk["push_javascript_filled"])

    update, closed = peer.receive(good + b"XX" + good)

    assert isinstance(update, OrderUpdate)
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, RemoteProtocolError)
    assert peer.receive(good) == []


def test_a_websocket_message_that_is_none_ends_the_conversation(sdk: dict[str, bytes]) -> None:
    peer = websocket()
    log_in(peer, sdk)

    assert isinstance(peer.receive(b"hello")[-1], Closed)


def test_losing_the_trade_server_interrupts_since_the_last_push_or_answer(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.now_ns = 1010 * S
    peer.push(UPDATE_ORDER, sdk["push_javascript_filled"])
    peer.now_ns = 1020 * S

    lost = peer.push(NOTIFY, sdk["notify_trade_logged_out"])
    again = peer.push(NOTIFY, sdk["notify_trade_logged_out"])
    back = peer.push(NOTIFY, sdk["notify_trade_logged_in"])

    assert lost == [Interrupted("venue_logged_out", "OpenD is not logged in at its trade server", 1010 * S)]
    assert (again, back) == ([], [Resumed()])


def test_a_poll_shows_the_loss_too_since_orders_were_seen_for_certain(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.now_ns = 1010 * S
    peer.push(UPDATE_ORDER, sdk["push_javascript_filled"])
    peer.now_ns = 1015 * S
    peer.session.heartbeat(peer.now_ns)
    peer.answer(KEEP_ALIVE, sdk["keep_alive"])
    for second in (1020, 1030, 1040):
        peer.now_ns = second * S
        peer.session.heartbeat(peer.now_ns)

    lost = peer.answer(GET_GLOBAL_STATE, sdk["global_state_logged_out"])[-1]
    peer.now_ns = 1042 * S
    peer.session.heartbeat(peer.now_ns)
    back = peer.answer(GET_GLOBAL_STATE, sdk["global_state"])[-1]

    assert isinstance(lost, Interrupted)
    assert lost.since_ns == 1010 * S
    assert back == Resumed()


def test_an_opend_without_its_trade_server_is_interrupted_from_the_start(either: Peer, sdk: dict[str, bytes]) -> None:
    ready, interrupted = log_in(either, sdk, "global_state_logged_out")

    assert ready == Ready()
    assert isinstance(interrupted, Interrupted)
    assert interrupted.since_ns == either.now_ns


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "notify_kicked_out",
            "OpenD says: it was kicked out, the user logged in elsewhere (logged in on another device)",
        ),
        ("notify_program_status", "OpenD's program status is ForceLogout (session expired)"),
    ],
)
def test_alarms_are_reported(name: str, words: str, peer: Peer, sdk: dict[str, bytes]) -> None:
    assert peer.push(NOTIFY, sdk[name]) == [Notice(words)]


def test_a_program_status_is_reported_when_it_changes(sdk: dict[str, bytes]) -> None:
    peer = tcp()
    peer.answer(INIT_CONNECT, sdk["init_connect"])

    events = peer.answer(GET_GLOBAL_STATE, sdk["global_state_preparing"])

    assert Notice("OpenD's program status is NessaryDataPreparing") in events


def test_other_notifications_are_counted(peer: Peer, sdk: dict[str, bytes]) -> None:
    assert peer.push(NOTIFY, sdk["notify_quota"]) == [Ignored("notification")]


@pytest.mark.parametrize("data", [tcp_frame(NOTIFY, 0, b"\xff"), tcp_frame(NOTIFY, 0, b"ab")[:-1] + b"x"])
def test_a_notification_that_cannot_be_read_may_hide_a_loss(data: bytes, peer: Peer) -> None:
    reject = peer.receive(data)[0]

    assert isinstance(reject, Reject)
    assert reject.missed


def test_the_heartbeat_follows_opends_wish(sdk: dict[str, bytes]) -> None:
    peer = tcp()
    body = pb.InitConnect.Response.FromString(sdk["init_connect"])
    body.s2c.keepAliveInterval = 20
    peer.answer(INIT_CONNECT, body.SerializeToString())

    assert (peer.session.heartbeat_s, peer.session.silence_s) == (16.0, 60.0)


@pytest.mark.parametrize("interval", [0, -5, 31, 2**31 - 1])
def test_a_senseless_interval_is_the_usual_one(interval: int, sdk: dict[str, bytes]) -> None:
    peer = tcp()
    body = pb.InitConnect.Response.FromString(sdk["init_connect"])
    body.s2c.keepAliveInterval = interval
    peer.answer(INIT_CONNECT, body.SerializeToString())

    assert (peer.session.heartbeat_s, peer.session.silence_s) == (8.0, 30.0)


def test_on_tcp_keep_alive_is_the_heartbeat_and_its_answer_the_round_trip(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.session.heartbeat(1700000000 * S)
    sent = peer.requests()
    peer.now_ns = 1700000000 * S + S // 4

    events = peer.receive(tcp_frame(KEEP_ALIVE, peer.last[KEEP_ALIVE], sdk["keep_alive"]))

    assert sent[0] == (KEEP_ALIVE, sdk["request_keep_alive"])
    assert events == [RoundTrip(0.25)]


def test_the_global_state_is_asked_every_30_s(peer: Peer) -> None:
    polled = []
    for second in (1008, 1016, 1024, 1032, 1040):
        peer.session.heartbeat(second * S)
        polled.append(GET_GLOBAL_STATE in [proto_id for proto_id, _ in peer.requests()])

    assert polled == [False, False, False, True, False]


def test_while_no_orders_are_seen_the_global_state_is_asked_every_2_s(either: Peer, sdk: dict[str, bytes]) -> None:
    log_in(either, sdk)
    usual_s = either.session.heartbeat_s
    either.push(NOTIFY, sdk["notify_trade_logged_out"])
    meanwhile_s = either.session.heartbeat_s
    either.requests()

    either.session.heartbeat(either.now_ns + 2 * S)

    assert meanwhile_s == 2.0
    assert GET_GLOBAL_STATE in [proto_id for proto_id, _ in either.requests()]
    either.push(NOTIFY, sdk["notify_trade_logged_in"])
    assert either.session.heartbeat_s == usual_s


def test_an_opend_that_wants_heartbeats_more_often_gets_them_while_no_orders_are_seen(sdk: dict[str, bytes]) -> None:
    peer = tcp()
    body = pb.InitConnect.Response.FromString(sdk["init_connect"])
    body.s2c.keepAliveInterval = 1
    peer.answer(INIT_CONNECT, body.SerializeToString())
    peer.answer(GET_GLOBAL_STATE, sdk["global_state_logged_out"])

    assert peer.session.heartbeat_s == 0.8


def test_on_websocket_the_global_state_is_the_heartbeat(sdk: dict[str, bytes]) -> None:
    peer = websocket()
    log_in(peer, sdk)
    peer.session.heartbeat(peer.now_ns)

    assert [proto_id for proto_id, _ in peer.requests()] == [GET_GLOBAL_STATE]
    assert peer.session.heartbeat_s == 10.0


def test_accounts_are_answered_from_memory(peer: Peer) -> None:
    peer.requests()

    (answer,) = peer.session.queue_request(1, ListAccounts(), peer.now_ns)

    assert isinstance(answer, Answer)
    assert isinstance(answer.value, Accounts)
    assert answer.value.accounts[0] == ACCOUNT
    assert [account.disabled for account in answer.value.accounts] == [False, False, False, True]
    assert peer.requests() == []


def venue_ns(peer: Peer) -> int:
    """OpenD's clock now, as a query learns it."""
    (answer,) = peer.session.queue_request(1, ListAccounts(), peer.now_ns)
    assert isinstance(answer, Answer)
    assert isinstance(answer.value, Accounts)
    return answer.value.venue_ns


def test_the_venues_clock_is_that_of_the_global_state(either: Peer, sdk: dict[str, bytes]) -> None:
    reported_ns = pb.GetGlobalState.Response.FromString(sdk["global_state"]).s2c.time * S
    log_in(either, sdk)
    either.now_ns += 5 * S

    assert venue_ns(either) == reported_ns + 5 * S


def test_keep_alive_has_no_clock_of_the_venue(peer: Peer, sdk: dict[str, bytes]) -> None:
    before_ns = venue_ns(peer)
    peer.session.heartbeat(peer.now_ns)

    peer.answer(KEEP_ALIVE, pb.KeepAlive.Response(retType=0, s2c=pb.KeepAlive.S2C(time=5)).SerializeToString())

    assert venue_ns(peer) == before_ns


@pytest.mark.parametrize("time_s", [0, -1, 2**62])
def test_a_senseless_time_of_the_global_state_is_no_clock(time_s: int, sdk: dict[str, bytes]) -> None:
    peer = tcp()
    peer.answer(INIT_CONNECT, sdk["init_connect"])
    body = pb.GetGlobalState.Response.FromString(sdk["global_state"])
    body.s2c.time = time_s

    round_trip = peer.answer(GET_GLOBAL_STATE, body.SerializeToString())[0]

    assert round_trip == RoundTrip(0.0, None)
    assert venue_ns(peer) == peer.now_ns


@pytest.mark.parametrize(
    ("request_", "proto_id", "written", "answered"),
    [
        (ListOrders(account=ACCOUNT, refresh=True), GET_ORDER_LIST, "get_order_list", "order_list"),
        (
            ListOrders(account=ACCOUNT, order_ids=("4883217202603317248",)),
            GET_ORDER_LIST,
            "get_order_list_by_id",
            "order_list",
        ),
        (
            ListHistory(
                account=ACCOUNT,
                begin="2021-09-12 00:00:00",
                end="2021-09-14 00:00:00",
                order_ids=("4883217202603317248",),
            ),
            GET_HISTORY,
            "get_history_order_list",
            "history_order_list",
        ),
    ],
)
def test_orders_asked_for_come_as_rows(
    request_: StreamRequest, proto_id: int, written: str, answered: str, peer: Peer, sdk: dict[str, bytes]
) -> None:
    peer.requests()
    asked = peer.session.queue_request(41, request_, peer.now_ns)
    sent = peer.requests()

    (answer,) = peer.receive(tcp_frame(proto_id, peer.last[proto_id], sdk[answered]))

    assert (asked, sent) == ([], [(proto_id, sdk[f"request_{written}"])])
    assert isinstance(answer, Answer)
    assert isinstance(answer.value, OrderPages)
    assert answer.key == 41
    assert [(row.order_id, row.source) for page in answer.value.pages for row in page] == [
        ("4883217202603317248", "query"),
        ("72625263708670783", "query"),
    ]


def test_a_refused_question_is_answered_with_the_venues_words(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.session.queue_request(41, ListOrders(account=ACCOUNT), peer.now_ns)

    (answer,) = peer.answer(GET_ORDER_LIST, sdk["order_list_refused"])

    assert isinstance(answer, Answer)
    assert isinstance(answer.error, Refused)
    assert str(answer.error) == "请先解锁交易 (retType -1)"


def test_a_damaged_answer_is_a_reject_and_an_error_for_who_asked(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.session.queue_request(41, ListOrders(account=ACCOUNT), peer.now_ns)
    peer.requests()
    data = tcp_frame(GET_ORDER_LIST, peer.last[GET_ORDER_LIST], sdk["order_list"])

    reject, answer = peer.receive(data[:-1] + b"\0")

    assert isinstance(reject, Reject)
    assert not reject.missed
    assert isinstance(answer, Answer)
    assert isinstance(answer.error, RemoteProtocolError)


@pytest.mark.parametrize(
    ("proto_id", "request_"),
    [
        (GET_ORDER_LIST, ListOrders(account=ACCOUNT)),
        (GET_HISTORY, ListHistory(account=ACCOUNT, begin="2026-03-09 00:00:00", end="2026-03-10 00:00:00")),
    ],
)
def test_a_yes_without_a_list_is_no_empty_list(peer: Peer, proto_id: int, request_: StreamRequest) -> None:
    peer.session.queue_request(41, request_, peer.now_ns)

    reject, answer = peer.answer(proto_id, OK)

    assert isinstance(reject, Reject)
    assert isinstance(answer, Answer)
    assert isinstance(answer.error, RemoteProtocolError)


def test_an_order_in_an_answer_that_cannot_be_read_is_reported_beside_the_others(
    peer: Peer, sdk: dict[str, bytes]
) -> None:
    body = pb.GetOrderList.Response.FromString(sdk["order_list"])
    body.s2c.orderList[0].ClearField("orderID")
    nameless = body.s2c.orderList[0].SerializeToString()
    peer.session.queue_request(41, ListOrders(account=ACCOUNT), peer.now_ns)

    (answer,) = peer.answer(GET_ORDER_LIST, body.SerializeToString())

    assert isinstance(answer, Answer)
    assert isinstance(answer.value, OrderPages)
    assert ([len(page) for page in answer.value.pages], answer.value.unread) == ([1], 1)
    (reject,) = peer.receive(b"")
    assert isinstance(reject, Reject)
    assert (reject.data, reject.size, reject.missed) == (nameless[:64], len(nameless), False)


def test_answers_of_other_serials_answer_nothing(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.session.queue_request(41, ListOrders(account=ACCOUNT), peer.now_ns)
    peer.requests()

    events = peer.receive(tcp_frame(GET_ORDER_LIST, peer.last[GET_ORDER_LIST] + 1, sdk["order_list"]))

    assert events == [Ignored("GetOrderList")]


def test_requests_that_are_never_answered_are_forgotten(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.session.queue_request(0, ListOrders(account=ACCOUNT), peer.now_ns)
    peer.requests()
    first = peer.last[GET_ORDER_LIST]
    for key in range(1, MAX_PENDING + 1):
        peer.session.queue_request(key, ListOrders(account=ACCOUNT), peer.now_ns)

    events = peer.receive(tcp_frame(GET_ORDER_LIST, first, sdk["order_list"]))

    assert events == [Ignored("GetOrderList")]


def test_a_request_of_another_venue_is_refused(peer: Peer) -> None:
    (answer,) = peer.session.queue_request(1, StreamRequest(), 5)

    assert isinstance(answer, Answer)
    assert isinstance(answer.error, Refused)


def test_nothing_but_reading_requests_leaves_a_session(either: Peer, sdk: dict[str, bytes]) -> None:
    log_in(either, sdk)
    either.session.heartbeat(either.now_ns + 60 * S)
    either.session.queue_request(1, ListOrders(account=ACCOUNT), either.now_ns)
    either.session.queue_request(2, ListHistory(account=ACCOUNT, begin="", end=""), either.now_ns)
    either.requests()

    assert set(either.last) <= SENT


@given(data=st.data())
def test_no_bytes_make_a_session_raise(data: st.DataObject, sdk: dict[str, bytes]) -> None:
    peer = tcp()
    log_in(peer, sdk)
    proto_id = data.draw(st.sampled_from([NOTIFY, KEEP_ALIVE, GET_ORDER_LIST, UPDATE_ORDER, UPDATE_ORDER_FILL, 9999]))
    body = bytearray(data.draw(st.sampled_from(sorted(sdk.values()))))
    flips = data.draw(st.lists(st.tuples(st.integers(0, max(len(body) - 1, 0)), st.integers(0, 255)), max_size=4))
    mutated = bytes(with_flips(body, flips))

    events = peer.receive(tcp_frame(proto_id, data.draw(st.integers(0, 5)), mutated))

    assert [event for event in events if isinstance(event, Closed)] == []


@given(st.binary(max_size=300), st.booleans())
def test_no_garbage_makes_a_session_raise(garbage: bytes, on_websocket: bool) -> None:
    peer = websocket() if on_websocket else tcp()

    assert len(peer.receive(garbage)) <= 1 + len(garbage) // 44


@given(position=st.integers(0, 43 + 200), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_taken_for_another_state(position: int, bit: int, sdk: dict[str, bytes]) -> None:
    peer = tcp()
    log_in(peer, sdk)
    good = tcp_frame(UPDATE_ORDER, 1, sdk["push_javascript_filled"])
    expected = peer.receive(good)
    bad = bytearray(good)
    bad[position % len(bad)] ^= 1 << bit

    events = peer.receive(bytes(bad))

    assert [event for event in events if isinstance(event, OrderUpdate)] in ([], expected)


def with_flips(body: bytearray, flips: list[tuple[int, int]]) -> bytearray:
    for position, value in flips:
        body[position : position + 1] = bytes([value])
    return body


def pass_time(peer: Peer, seconds: int, data: bytes = b"\0") -> Sequence[SessionEvent]:
    """Heartbeats as the engine calls them, each followed by a few bytes; the events."""
    events: list[SessionEvent] = []
    for _ in range(0, seconds, 4):
        peer.now_ns += 4 * S
        peer.session.heartbeat(peer.now_ns)
        events += peer.receive(data)
    return events


def announced(proto_id: int, serial: int) -> bytes:
    """The header of a body of 8 MiB."""
    return struct.pack("<2sI2B2I20s8s", b"FT", proto_id, 0, 0, serial, 8 << 20, bytes(20), bytes(8))


def test_a_body_that_never_ends_is_no_sign_of_life(peer: Peer) -> None:
    peer.receive(announced(UPDATE_ORDER, 1))

    [closed] = pass_time(peer, 32)

    assert isinstance(closed_by(closed), RemoteProtocolError)


def test_a_body_that_takes_its_time_is_waited_for(peer: Peer) -> None:
    peer.receive(announced(UPDATE_ORDER, 1))

    assert pass_time(peer, 28) == []


def test_an_answer_that_was_asked_for_and_still_grows_is_no_silence(peer: Peer) -> None:
    peer.session.queue_request(41, ListOrders(account=ACCOUNT), peer.now_ns)
    peer.requests()
    peer.receive(announced(GET_ORDER_LIST, peer.last[GET_ORDER_LIST]))

    assert pass_time(peer, 300) == []


def test_an_answer_that_grows_for_ever_has_a_damaged_length(peer: Peer) -> None:
    peer.session.queue_request(41, ListOrders(account=ACCOUNT), peer.now_ns)
    peer.requests()
    peer.receive(announced(GET_ORDER_LIST, peer.last[GET_ORDER_LIST]))
    pass_time(peer, 300)

    [closed] = pass_time(peer, 4)

    assert isinstance(closed_by(closed), RemoteProtocolError)


def test_a_heartbeat_that_is_not_answered_ends_it_though_pushes_come(either: Peer, sdk: dict[str, bytes]) -> None:
    log_in(either, sdk)

    events = pass_time(either, 36, either.frame(UPDATE_ORDER, 0, sdk["push_javascript_filled"]))

    error = closed_by(events[-1])
    assert isinstance(error, ConnectionLost)
    assert error.cause == "silent"


def test_a_query_that_is_not_answered_ends_nothing(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.session.queue_request(41, ListOrders(account=ACCOUNT), peer.now_ns)
    events: list[SessionEvent] = []
    for _ in range(20):
        peer.now_ns += 8 * S
        peer.session.heartbeat(peer.now_ns)
        peer.requests()
        for proto_id in (KEEP_ALIVE, GET_GLOBAL_STATE):
            events += peer.receive(peer.frame(proto_id, peer.last[proto_id], sdk["keep_alive"]))

    assert [event for event in events if isinstance(event, Closed)] == []


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_a_host_clock_that_is_set_is_no_silence(jump_s: int, peer: Peer, sdk: dict[str, bytes]) -> None:
    push = tcp_frame(UPDATE_ORDER, 1, sdk["push_javascript_filled"])
    peer.session.heartbeat(peer.now_ns)
    peer.now_ns += jump_s * S

    events = [*peer.receive(push[:60]), *peer.receive(push[60:])]

    assert [type(event) for event in events] == [OrderUpdate]


def test_before_the_first_message_there_is_no_sign_of_life() -> None:
    peer = tcp()
    peer.receive(b"FT")

    assert peer.session.last_message_ns == 0


@pytest.mark.parametrize("name", ["push_javascript_filled", "push_fill", "notify_quota", "keep_alive"])
def test_a_whole_message_that_can_be_read_is_a_sign_of_life(name: str, either: Peer, sdk: dict[str, bytes]) -> None:
    proto_ids = {"push_fill": UPDATE_ORDER_FILL, "notify_quota": NOTIFY, "keep_alive": KEEP_ALIVE}
    log_in(either, sdk)
    either.now_ns += 5 * S

    either.push(proto_ids.get(name, UPDATE_ORDER), sdk[name])

    assert either.session.last_message_ns == either.now_ns


def test_bytes_behind_a_header_that_announces_too_much_are_no_sign_of_life(peer: Peer, sdk: dict[str, bytes]) -> None:
    before_ns = peer.now_ns
    peer.receive(announced(UPDATE_ORDER, 1))

    pass_time(peer, 20, tcp_frame(UPDATE_ORDER, 1, sdk["push_javascript_filled"]))

    assert peer.session.last_message_ns == before_ns


@pytest.mark.parametrize("proto_id", [UPDATE_ORDER, NOTIFY, KEEP_ALIVE, GET_ORDER_LIST, UPDATE_ORDER_FILL, 9999])
def test_a_damaged_message_is_no_sign_of_life(proto_id: int, peer: Peer) -> None:
    before_ns = peer.now_ns
    peer.session.queue_request(41, ListOrders(account=ACCOUNT), peer.now_ns)
    peer.session.heartbeat(peer.now_ns)
    peer.requests()
    peer.now_ns += 5 * S

    peer.receive(tcp_frame(proto_id, peer.last.get(proto_id, 0), b"abc")[:-1] + b"x")

    assert peer.session.last_message_ns == before_ns


def test_a_refused_question_is_a_sign_of_life_all_the_same(peer: Peer, sdk: dict[str, bytes]) -> None:
    peer.session.queue_request(41, ListOrders(account=ACCOUNT), peer.now_ns)
    peer.now_ns += 5 * S

    peer.answer(GET_ORDER_LIST, sdk["order_list_refused"])

    assert peer.session.last_message_ns == peer.now_ns


def test_a_push_of_more_than_16_mib_is_not_believed_on_websocket_either(sdk: dict[str, bytes]) -> None:
    peer = websocket()
    log_in(peer, sdk)

    [closed] = peer.push(UPDATE_ORDER, bytes(MAX_PUSH_BYTES + 1))

    assert isinstance(closed_by(closed), RemoteProtocolError)


def test_losing_the_trade_server_interrupts_since_the_last_push_that_could_be_read(
    peer: Peer, sdk: dict[str, bytes]
) -> None:
    peer.now_ns = 1010 * S
    peer.push(UPDATE_ORDER, sdk["push_javascript_filled"])
    peer.now_ns = 1015 * S
    peer.push(UPDATE_ORDER, b"\xff")
    peer.now_ns = 1020 * S

    [lost] = peer.push(NOTIFY, sdk["notify_trade_logged_out"])

    assert isinstance(lost, Interrupted)
    assert lost.since_ns == 1010 * S
