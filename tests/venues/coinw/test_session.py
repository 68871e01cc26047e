"""One conversation: login, subscription, pushes, pings and whatever else may come."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.errors import AuthError, ConnectionLost, Refused, VenueError
from ordwatch.core.events import (
    Answer,
    Closed,
    Ignored,
    Notice,
    OrderStatus,
    OrderUpdate,
    Progress,
    Ready,
    Reject,
    RoundTrip,
    SessionEvent,
    Turn,
)
from ordwatch.core.secrets import Secret
from ordwatch.venues.coinw.messages import PING, SUBSCRIBE
from ordwatch.venues.coinw.session import CoinwSession, Logins
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import Setup, StreamRequest
from tests.venues.coinw.joint import NOW_NS, SECOND_NS, setup

DATA = Path(__file__).parent / "data"
CANARY = "canary-4f3c2b1a-secret"
KEY = "canary-0011223344-key"
ORDER = (DATA / "order_received.json").read_bytes()


def session(*, raw: bool = False) -> CoinwSession:
    """A session that has said its login, with canaries for credentials."""
    settings = CoinwSettings(api_key=Secret(KEY), secret_key=Secret(CANARY))
    fresh = CoinwSession(Setup("coinw", settings, raw))
    fresh.start(NOW_NS)
    return fresh


def received(conversation: CoinwSession, *names: str) -> list[SessionEvent]:
    """What the venue's own bytes make of it."""
    return [event for name in names for event in conversation.receive((DATA / f"{name}.json").read_bytes(), NOW_NS)]


def live(*, raw: bool = False) -> CoinwSession:
    """A session whose subscription was acknowledged."""
    conversation = session(raw=raw)
    received(conversation, "login_ok", "subscribed")
    conversation.data_to_send()
    return conversation


def refusal(events: list[SessionEvent]) -> Exception:
    """Why the session closed; nothing comes after."""
    last = events[-1]
    assert isinstance(last, Closed)
    return last.error


def test_says_the_login_first_and_subscribes_only_after_its_answer() -> None:
    conversation = session()
    (login,) = conversation.data_to_send()

    assert isinstance(login, str)
    assert msgspec.json.decode(login) == {"event": "login", "params": {"api_key": KEY, "passphrase": CANARY}}
    assert received(conversation, "login_ok") == [Progress("subscribing")]
    assert conversation.data_to_send() == [SUBSCRIBE]
    assert received(conversation, "subscribed") == [Ready()]
    assert conversation.data_to_send() == []


def test_pushes_before_the_acknowledgement_are_taken() -> None:
    conversation = session()
    events = received(conversation, "order_received", "login_ok", "order_received", "subscribed")

    assert [type(event) for event in events] == [OrderUpdate, Progress, OrderUpdate, Ready]


def test_login_refused_names_the_code_and_ends_the_session() -> None:
    conversation = session()
    error = refusal(received(conversation, "login_refused"))

    assert isinstance(error, AuthError)
    assert "login refused (code 1003" in str(error)
    assert received(conversation, "order_received") == []


@pytest.mark.parametrize("code", [1001, 429, 29001, 500, -200])
def test_login_refused_for_a_passing_reason_is_no_word_about_the_credentials(code: int) -> None:
    answer = f'{{"data":{{"result":false,"errorCode":{code},"errorMsg":"busy"}},"channel":"login"}}'
    error = refusal(list(session().receive(answer.encode(), NOW_NS)))

    assert type(error) is Refused


def refused_login(code: object) -> bytes:
    return f'{{"data":{{"result":false,"errorCode":{code},"errorMsg":"no"}},"channel":"login"}}'.encode()


def login_errors(logins: Logins, *frames: bytes) -> list[Exception]:
    """How each login of a new connection ended; what was learned is kept."""
    errors = []
    for frame in frames:
        talk = CoinwSession(setup(), logins)
        talk.start(NOW_NS)
        errors.append(refusal(list(talk.receive(frame, NOW_NS))))
    return errors


@pytest.mark.parametrize("frame", [refused_login(1234), refused_login('""'), b'{"result":false,"errorCode":77}'])
def test_login_refused_with_an_unknown_code_is_tried_again_in_minutes_and_given_up(frame: bytes) -> None:
    *passing, last = login_errors(Logins(), *[frame] * 4)

    assert [type(error) for error in passing] == [Refused] * 3
    assert [error.retry_s for error in passing if isinstance(error, Refused)] == [(60.0, 300.0)] * 3
    assert isinstance(last, AuthError)
    assert "4 times in a row" in str(last)


@pytest.mark.parametrize("code", [1003, 6000, '"1003"'])
def test_login_refused_with_a_code_of_the_credentials_is_final_at_once(code: object) -> None:
    assert isinstance(login_errors(Logins(), refused_login(code))[0], AuthError)


def test_login_that_succeeds_forgets_the_refusals_before() -> None:
    logins = Logins()
    login_errors(logins, *[refused_login(1234)] * 3)
    received(CoinwSession(setup(), logins), "login_ok")

    assert type(login_errors(logins, refused_login(1234))[0]) is Refused


def test_refusal_for_a_passing_reason_uses_up_no_try() -> None:
    errors = login_errors(Logins(), *[refused_login(29001)] * 9)

    assert [(type(error), error.retry_s) for error in errors if isinstance(error, Refused)] == [(Refused, None)] * 9


def test_subscription_refused_says_why() -> None:
    error = refusal(received(session(), "login_ok", "subscription_refused"))

    assert type(error) is Refused
    assert str(error) == "subscription refused (code 1007: Invalid parameter)"


def test_subscription_refused_for_the_credentials_is_their_refusal() -> None:
    answer = b'{"biz":"exchange","type":"order","channel":"subscribe","data":{"result":false,"errorCode":6000}}'
    conversation = session()
    received(conversation, "login_ok")

    assert isinstance(refusal(list(conversation.receive(answer, NOW_NS))), AuthError)


@pytest.mark.parametrize("name", ["error_unknown_event", "error_not_json"])
def test_error_before_ready_ends_the_attempt(name: str) -> None:
    assert type(refusal(received(session(), name))) is Refused


def test_error_while_live_is_reported_and_the_connection_stays() -> None:
    conversation = live()

    assert received(conversation, "error_unknown_event") == [
        Ignored("error"),
        Notice("the venue reports an error, code 500: exception"),
    ]
    assert isinstance(received(conversation, "order_received")[0], OrderUpdate)


def test_error_about_the_credentials_ends_a_live_session() -> None:
    frame = b'{"result":false,"errorCode":6000,"errorMsg":"key deleted"}'

    assert isinstance(refusal(list(live().receive(frame, NOW_NS))), AuthError)


@pytest.mark.parametrize("channel", ["login", "subscribe"])
def test_answer_without_a_result_is_rejected_and_awaited_further(channel: str) -> None:
    conversation = session()
    received(conversation, "login_ok")
    answer = f'{{"channel":"{channel}","biz":"exchange","type":"order","data":{{}}}}'
    (event,) = conversation.receive(answer.encode(), NOW_NS)

    assert isinstance(event, Reject)
    assert not event.missed
    assert received(conversation, "subscribed") == [Ready()]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("login_ok", "login"), ("subscribed", "subscription"), ("assets_change", "assets"), ("pong", "pong")],
)
def test_known_messages_nobody_waits_for_are_counted(name: str, kind: str) -> None:
    assert received(live(), name) == [Ignored(kind)]


def test_acknowledgement_before_the_login_is_not_ours() -> None:
    assert received(session(), "subscribed") == [Ignored("subscription")]


def test_pong_measures_the_round_trip() -> None:
    conversation = live()
    conversation.heartbeat(NOW_NS)

    assert conversation.data_to_send() == [PING]
    assert conversation.receive(b'{"event":"pong"}', NOW_NS + SECOND_NS // 4) == (RoundTrip(0.25),)


def test_ping_is_what_the_venue_answers() -> None:
    assert PING == '{"event":"ping"}'


def test_pings_often_enough_for_the_silence_limit() -> None:
    assert (CoinwSession(setup()).heartbeat_s, CoinwSession(setup()).silence_s) == (10.0, 25.0)
    assert (CoinwSession(setup(silence=5)).heartbeat_s, CoinwSession(setup(silence=5)).silence_s) == (2.0, 5)


def test_update_bears_our_name_of_the_venue_and_the_time_of_receipt() -> None:
    (order,) = received(live(), "order_received")

    assert isinstance(order, OrderUpdate)
    assert (order.venue, order.received_ns, order.status, order.raw) == ("coinw", NOW_NS, OrderStatus.NEW, None)


def test_raw_is_the_payload_with_ids_as_text() -> None:
    (order,) = received(live(raw=True), "order_received")

    assert isinstance(order, OrderUpdate)
    assert isinstance(order.raw, dict)
    assert (order.raw["order_id"], order.raw["size"]) == ("4624530513294751114", "0.0001")


def test_bad_row_is_rejected_between_good_ones() -> None:
    row = b'{"order_id":1,"type":"RECEIVED"}'
    frame = b'{"biz":"exchange","type":"order","data":[' + row + b',{"order_id":2},5,' + row + b"]}"
    events = live().receive(frame, NOW_NS)

    assert [type(event) for event in events] == [OrderUpdate, Reject, Reject, OrderUpdate]
    assert [event.missed for event in events if isinstance(event, Reject)] == [True, True]


def test_half_a_surrogate_pair_in_a_text_costs_no_order() -> None:
    frame = b'{"biz":"exchange","type":"order","data":{"order_id":1,"type":"RECEIVED","client_id":"a\\ud800"}}'
    (event,) = live().receive(frame, NOW_NS)

    assert isinstance(event, OrderUpdate)
    assert event.client_order_id == "a\\ud800"


@pytest.mark.parametrize(
    "frame",
    [
        b"", b"\x00", b"ping", b"{", b"[]", b'{"a":NaN}',
        b'{"biz":"exchange","type":"order","data":' + b"[" * 100_000 + b"}", b"\xff\xfe", b"<html>400</html>",
    ],
)  # fmt: skip
def test_unreadable_input_is_a_lost_message_and_the_connection_stays(frame: bytes) -> None:
    conversation = live()
    (event,) = conversation.receive(frame, NOW_NS)

    assert isinstance(event, Reject)
    assert (event.venue, event.size, event.missed, event.at_ns) == ("coinw", len(frame), True, NOW_NS)
    assert isinstance(received(conversation, "order_received")[0], OrderUpdate)


def test_unknown_kind_is_rejected_once_and_then_counted() -> None:
    conversation = live()
    first, again, other = (
        next(iter(conversation.receive(frame, NOW_NS)))
        for frame in (b'{"event":"notice"}', b'{"event":"notice"}', b'{"event":"maintenance"}')
    )

    assert isinstance(first, Reject)
    assert (first.missed, first.reason) == (False, "message of an unknown kind: event=notice")
    assert again == Ignored("unknown")
    assert isinstance(other, Reject)


def test_kinds_without_end_are_only_counted() -> None:
    conversation = live()
    events = [next(iter(conversation.receive(f'{{"event":"e{n}"}}'.encode(), NOW_NS))) for n in range(100)]

    assert sum(isinstance(event, Reject) for event in events) == 64


def test_asking_over_the_stream_is_refused_at_once() -> None:
    (answer,) = live().queue_request(3, StreamRequest(), NOW_NS)

    assert isinstance(answer, Answer)
    assert answer.key == 3
    assert isinstance(answer.error, VenueError)


@pytest.mark.parametrize(
    "frame",
    [
        f'{{"data":{{"result":false,"errorCode":1003,"errorMsg":"no {CANARY} {KEY}"}},"channel":"login"}}',
        f'{{"result":false,"errorCode":"{KEY[:18]}","errorMsg":"{CANARY}"}}',
        f'{{"event":"login","params":{{"api_key":"{KEY}","passphrase":"{CANARY}"}}}}',
        f'{{"event":"{CANARY}"}}',
        f"{CANARY} {KEY}",
        f'{{"result":false,"errorCode":7,"errorMsg":"{"x" * 290}{CANARY}"}}',
    ],
)
@pytest.mark.parametrize("conversation", [session, live], ids=["at login", "live"])
def test_secret_that_a_venue_echoes_is_blotted_out(frame: str, conversation: Callable[[], CoinwSession]) -> None:
    reported = conversation()
    events = reported.receive(frame.encode(), NOW_NS)
    shown = f"{reported!r} {events!r} {[str(event) for event in events]}"

    assert CANARY not in shown
    assert CANARY[:10] not in shown
    assert KEY not in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(["RECEIVED", "DONE", "Filled", "CANCELLED", "BUY", "", "0E-18", "-1", "NaN", "1e400", "7E+1"])
NAMES = (
    "order_id", "type", "reason", "size", "remaining_size", "price", "dealFunds", "dealAvgPrice", "fee", "time",
    "side", "order_type", "product_id", "client_id",
)  # fmt: skip
ROWS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, WORDS | JSON))
FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "event": JSON | st.just("pong"),
        "channel": JSON | st.sampled_from(["login", "subscribe", "unsub"]),
        "biz": st.just("exchange") | JSON,
        "type": st.just("order") | JSON,
        "data": ROWS | st.lists(ROWS, max_size=3) | ROWS.map(lambda row: msgspec.json.encode(row).decode()) | JSON,
        "result": JSON,
    },
)
PUSHES = ROWS.map(lambda row: {"biz": "exchange", "type": "order", "data": {"order_id": 5, "type": "DONE", **row}})


@given(st.binary(max_size=200) | (FRAMES | PUSHES).map(msgspec.json.encode), st.booleans())
def test_any_input_gives_events_and_never_an_exception(frame: bytes, raw: bool) -> None:
    for event in live(raw=raw).receive(frame, NOW_NS):
        assert isinstance(event, OrderUpdate | Reject | Closed | Ignored | Notice | RoundTrip)


@given(PUSHES.map(msgspec.json.encode))
def test_every_push_is_an_order_or_a_reject(frame: bytes) -> None:
    (event,) = live().receive(frame, NOW_NS)

    assert isinstance(event, OrderUpdate | Reject)


@given(st.integers(min_value=0, max_value=len(ORDER) - 1), st.integers(min_value=0, max_value=255))
def test_any_byte_changed_gives_an_order_a_reject_or_a_count(place: int, byte: int) -> None:
    frame = ORDER[:place] + bytes([byte]) + ORDER[place + 1 :]
    (event,) = live().receive(frame, NOW_NS)

    assert isinstance(event, OrderUpdate | Reject | Ignored)


@pytest.mark.parametrize("name", ["login_ok", "subscribed", "order_received", "pong", "assets_change"])
def test_last_message_is_the_last_that_was_read_without_fault(name: str) -> None:
    conversation = session()
    assert conversation.last_message_ns == 0

    conversation.receive((DATA / f"{name}.json").read_bytes(), NOW_NS)

    assert conversation.last_message_ns == NOW_NS


@pytest.mark.parametrize(
    "frame",
    [b"{", b"\xff", b'{"biz":"exchange","type":"order","data":[{"order_id":1,"type":"RECEIVED"},{"order_id":2}]}'],
    ids=["cut", "no text", "a bad row behind a good one"],
)
def test_damaged_message_is_not_the_last_good_one(frame: bytes) -> None:
    conversation = live()
    conversation.receive(frame, NOW_NS + SECOND_NS)

    assert conversation.last_message_ns == NOW_NS


def beats(conversation: CoinwSession, count: int) -> None:
    """So many pings that nobody answers, 10 s apart; pushes flow all the while."""
    for number in range(1, count + 1):
        conversation.heartbeat(NOW_NS + number * 10 * SECOND_NS)
        (order,) = conversation.receive(ORDER, NOW_NS + (number * 10 + 5) * SECOND_NS)
        assert isinstance(order, OrderUpdate)


def test_unanswered_ping_ends_the_link_though_pushes_flow() -> None:
    conversation = live()
    beats(conversation, 3)
    conversation.heartbeat(NOW_NS + 40 * SECOND_NS)
    order, closed = conversation.receive(ORDER, NOW_NS + 41 * SECOND_NS)

    assert isinstance(order, OrderUpdate)
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, ConnectionLost)
    assert (closed.error.cause, str(closed.error)) == ("silent", "no answer to a ping for 30 s")
    assert conversation.receive(ORDER, NOW_NS + 42 * SECOND_NS) == ()


def test_pong_in_time_keeps_the_link() -> None:
    conversation = live()
    for _ in range(3):
        beats(conversation, 3)
        (pong,) = received(conversation, "pong")

        assert isinstance(pong, RoundTrip)


def test_pong_that_waited_behind_our_own_lag_keeps_the_link() -> None:
    conversation = live()
    beats(conversation, 3)
    conversation.heartbeat(NOW_NS + 40 * SECOND_NS)

    assert isinstance(received(conversation, "pong")[0], RoundTrip)
    assert isinstance(received(conversation, "order_received")[0], OrderUpdate)


def test_wall_clock_that_jumps_ahead_answers_no_ping_late() -> None:
    conversation = live()
    conversation.heartbeat(NOW_NS)
    (order,) = conversation.receive(ORDER, NOW_NS + 3600 * SECOND_NS)

    assert isinstance(order, OrderUpdate)


def test_long_silence_limit_allows_as_many_pings() -> None:
    patient = CoinwSession(setup(silence=600))
    beats(patient, 60)
    patient.heartbeat(NOW_NS)

    assert isinstance(list(patient.receive(ORDER, NOW_NS))[-1], Closed)


GOOD = b'{"order_id":%d,"type":"RECEIVED","size":"1","remaining_size":"1"}'
LONG_PUSH = b'{"biz":"exchange","data":[%s],"type":"order"}'


def long_push(count: int, *others: bytes) -> bytes:
    """A push of so many orders, and these entries behind every second of them."""
    rows = [GOOD % number for number in range(1, count + 1)]
    return LONG_PUSH % b",".join(part for row in rows for part in (row, *others))


def receive(conversation: CoinwSession, frame: bytes, now_ns: int = NOW_NS) -> list[SessionEvent]:
    """The events of a long message, without the turns between them."""
    return [event for event in conversation.receive(frame, now_ns) if not isinstance(event, Turn)]


@pytest.mark.parametrize("raw", [False, True])
def test_every_order_of_a_long_push_is_an_update(raw: bool) -> None:
    conversation = live(raw=raw)
    events = receive(conversation, long_push(1000), NOW_NS + SECOND_NS)
    orders = [event for event in events if isinstance(event, OrderUpdate)]

    assert [order.order_id for order in orders] == [str(number) for number in range(1, 1001)]
    assert len(events) == 1000
    assert conversation.last_message_ns == NOW_NS + SECOND_NS
    assert orders[-1].raw == ({**msgspec.json.decode(GOOD % 1000)} if raw else None)


def test_long_push_is_the_same_as_many_short_ones() -> None:
    long = receive(live(), long_push(300))
    short = [event for number in range(1, 301) for event in live().receive(LONG_PUSH % (GOOD % number), NOW_NS)]

    assert long == short


def test_long_push_in_a_string_is_read() -> None:
    text = msgspec.json.encode((b"[" + b",".join(GOOD % number for number in range(1, 101)) + b"]").decode())
    events = receive(live(), b'{"biz":"exchange","type":"order","data":' + text + b"}")

    assert [type(event) for event in events] == [OrderUpdate] * 100


def test_others_have_their_turn_while_a_long_push_is_read() -> None:
    turns, streak, longest = 0, 0, 0
    for event in live().receive(long_push(3000), NOW_NS):
        turns += isinstance(event, Turn)
        streak = 0 if isinstance(event, Turn) else streak + 1
        longest = max(longest, streak)

    assert turns >= 3000 // 64
    assert longest <= 64


def test_bad_rows_of_a_long_push_are_rejected_between_good_ones() -> None:
    events = receive(live(), long_push(20, b'{"order_id":2}', b"[" + b"1," * 9000 + b"1]"))

    assert [type(event) for event in events[:6]] == [OrderUpdate, Reject, Reject] * 2
    assert [event.missed for event in events if isinstance(event, Reject)] == [True] * 33
    assert sum(isinstance(event, OrderUpdate) for event in events) == 20
    assert [event.reason for event in events if isinstance(event, Reject)][1] == "order of 18003 bytes"


@pytest.mark.parametrize("count", [200, 100_000])
def test_message_full_of_what_is_no_order_is_left_after_some_rejects(count: int) -> None:
    conversation = live()
    events = receive(conversation, LONG_PUSH % (b"1," * count + GOOD % 1))

    assert [type(event) for event in events] == [Reject] * 33
    assert conversation.last_message_ns == NOW_NS
    assert isinstance(received(conversation, "order_received")[0], OrderUpdate)


@pytest.mark.parametrize("tail", [b"", b"]", b"],"], ids=["in the array", "behind it", "in the object"])
def test_long_push_that_is_cut_off_is_lost_as_a_whole(tail: bytes) -> None:
    conversation = live()
    (event,) = receive(conversation, long_push(100).partition(b"],")[0] + tail, NOW_NS + SECOND_NS)

    assert isinstance(event, Reject)
    assert (event.missed, event.reason) == (True, "cut off")
    assert conversation.last_message_ns == NOW_NS


def test_orders_before_a_damaged_place_of_a_long_push_are_taken() -> None:
    *orders, reject = receive(live(), long_push(500).replace(b"}," + GOOD % 400, b"} " + GOOD % 400))

    assert [type(event) for event in orders] == [OrderUpdate] * 399
    assert isinstance(reject, Reject)
    assert (reject.missed, "orders behind these are lost" in reject.reason) == (True, True)


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (b'{"event":"pong","z":"%s"}', Ignored),
        (b'{"event":"notice","z":"%s"}', Reject),
        (b'{"biz":"exchange","type":"assets","data":"%s"}', Ignored),
        (b'{"biz":"exchange","type":"order","data":{"order_id":1,"type":"RECEIVED","client_id":"%s"}}', Reject),
        (b'{"biz":"exchange","type":"order","data":"%s"}', Reject),
        (b'{"biz":"exchange","type":"order","data":{"order_id":1,"type":"RECEIVED"},"z":"%s"}', OrderUpdate),
    ],
)
def test_long_message_is_distinguished_like_a_short_one(frame: bytes, kind: type) -> None:
    (event,) = receive(live(), frame % (b"x" * 100_000))

    assert type(event) is kind


def test_long_answer_to_the_login_is_heeded() -> None:
    conversation = session()
    answer = b'{"channel":"login","data":{"result":true},"z":"' + b"x" * 9000 + b'"}'

    assert receive(conversation, answer) == [Progress("subscribing")]


def test_unanswered_ping_ends_the_link_behind_a_long_push() -> None:
    conversation = live()
    for _ in range(4):
        conversation.heartbeat(NOW_NS)
    *orders, closed = receive(conversation, long_push(100))

    assert [type(event) for event in orders] == [OrderUpdate] * 100
    assert isinstance(closed, Closed)


@given(st.binary(max_size=60), st.integers(0, 9000))
def test_damage_anywhere_in_a_long_push_gives_events_and_never_an_exception(noise: bytes, place: int) -> None:
    frame = long_push(100)
    for event in live().receive(frame[:place] + noise + frame[place + len(noise) :], NOW_NS):
        assert isinstance(event, OrderUpdate | Reject | Ignored | Turn)
