import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordwatch.core.errors import AuthError, Refused, RemoteProtocolError, VenueError
from ordwatch.core.events import (
    Answer,
    Closed,
    Ignored,
    Notice,
    OrderUpdate,
    Progress,
    Ready,
    Reject,
    SessionEvent,
    Turn,
)
from ordwatch.core.secrets import Secret
from ordwatch.venues.contract import StreamRequest
from ordwatch.venues.loopring.orders import Origin
from ordwatch.venues.loopring.session import LoopringSession
from tests.venues.loopring.joined import KEY, ORIGIN, START_NS, answer, data, push, session


def reported(talk: LoopringSession, *frames: bytes) -> Sequence[SessionEvent]:
    return [event for frame in frames for event in talk.receive(frame, START_NS)]


def started(*markets: str) -> LoopringSession:
    """A session whose subscription was sent."""
    talk = session(*markets)
    talk.data_to_send()
    return talk


def requests(talk: LoopringSession) -> list[tuple[int, list[str]]]:
    """Sequence and markets of each subscription that is queued."""
    sent = [json.loads(payload) for payload in talk.data_to_send()]
    return [(each["sequence"], [topic["market"] for topic in each["topics"]]) for each in sent]


def test_subscribes_to_all_markets_at_once() -> None:
    assert requests(session("LRC-ETH", "LRC-USDT")) == [(1, ["LRC-ETH", "LRC-USDT"])]


def test_early_v2_subscribes_by_args() -> None:
    (payload,) = session("LRC-ETH", as_args=True).data_to_send()

    assert json.loads(payload) == {"op": "sub", "apiKey": KEY, "args": ["order&LRC-ETH"]}


@pytest.mark.parametrize("status", ["OK", "ok", "Ok"])
def test_is_ready_when_the_subscription_is_acknowledged(status: str) -> None:
    assert reported(started(), answer(sequence=1, status=status)) == [Ready()]


@pytest.mark.parametrize("name", ["answer_topics_ok.json", "answer_args_ok.json"])
def test_is_ready_on_the_documented_answers(name: str) -> None:
    assert reported(started(), data(name)) == [Ready()]


def test_is_ready_once() -> None:
    assert reported(started(), answer(), answer()) == [Ready(), Ignored("answer")]


def test_takes_a_push_before_the_answer() -> None:
    first, second = reported(started(), push(), answer())

    assert (type(first), second) == (OrderUpdate, Ready())


def test_a_ping_is_answered_with_one_pong_at_once() -> None:
    talk = started()

    assert (reported(talk, b"ping"), talk.data_to_send()) == ([], ["pong"])


def test_each_ping_has_its_own_pong() -> None:
    talk = started()
    reported(talk, b"ping", b"ping")

    assert talk.data_to_send() == ["pong", "pong"]


def test_a_heartbeat_says_nothing() -> None:
    talk = started()
    talk.heartbeat(START_NS)

    assert talk.data_to_send() == []


def test_calls_the_link_dead_after_two_missed_pings() -> None:
    assert session().silence_s == 75.0


@pytest.mark.parametrize("code", [104104, 104105, 104112, 104114])
def test_refused_credentials_end_the_venue(code: int) -> None:
    (event,) = reported(started(), answer(code))

    assert isinstance(event, Closed)
    assert isinstance(event.error, AuthError)
    assert str(event.error) == f"the api key is refused ({code}: words)"


@pytest.mark.parametrize(
    "code", [104100, 104101, 104102, 104103, 104106, 104107, 104108, 104109, 104111, 104115, 104116]
)
def test_a_subscription_that_is_not_understood_ends_the_connection(code: int) -> None:
    (event,) = reported(started(), answer(code))

    assert isinstance(event, Closed)
    assert isinstance(event.error, RemoteProtocolError)
    assert f"({code}: words)" in str(event.error)


@pytest.mark.parametrize("frame", [answer(999999), answer(status="no")], ids=["unknown code", "no code"])
def test_any_other_refusal_ends_the_connection_with_the_venues_words(frame: bytes) -> None:
    (event,) = reported(started(), frame)

    assert isinstance(event, Closed)
    assert isinstance(event.error, Refused)


def test_an_unsubscription_that_was_none_is_ignored() -> None:
    assert reported(started(), answer(104113)) == [Ignored("answer")]


def test_nothing_follows_the_end() -> None:
    talk = started()
    reported(talk, answer(104112))

    assert reported(talk, push(), b"ping", answer()) == []
    assert talk.data_to_send() == []


def test_a_bad_market_among_several_is_looked_for_one_by_one() -> None:
    talk = started("LRC-ETH", "LRC-XXX", "LRC-USDT")

    (event,) = reported(talk, answer(104110, 1))

    assert isinstance(event, Progress)
    assert requests(talk) == [(2, ["LRC-ETH"]), (3, ["LRC-XXX"]), (4, ["LRC-USDT"])]


def test_a_bad_market_is_named_and_the_others_are_watched() -> None:
    talk = started("LRC-ETH", "LRC-XXX")

    _, notice, progress, ready = reported(talk, answer(104110, 1), answer(None, 2), answer(104110, 3))

    text = "market LRC-XXX is refused (104110: words); is it in exchange/markets?"
    assert (notice, progress, ready) == (Notice(text), Progress("subscribing", text), Ready())


def test_answers_are_matched_by_sequence_in_any_order() -> None:
    talk = started("LRC-ETH", "LRC-XXX")

    events = reported(talk, answer(104110, 1), answer(104110, 3), answer(None, 2))

    assert isinstance(events[1], Notice)
    assert "LRC-XXX" in events[1].text


def test_answers_without_a_sequence_are_matched_in_turn() -> None:
    talk = started("LRC-ETH", "LRC-XXX")

    events = reported(talk, answer(104110), answer(), answer(104110))

    assert isinstance(events[1], Notice)
    assert "LRC-XXX" in events[1].text


def test_without_any_good_market_the_connection_ends() -> None:
    notice, _, closed = reported(started("LRC-XXX"), data("answer_topics_failed.json"))

    assert isinstance(notice, Notice)
    assert isinstance(closed, Closed)
    assert "LRC-XXX" in str(closed.error)


def test_unknown_decimals_are_said_when_ready() -> None:
    talk = LoopringSession(Origin("loopring", "1", {"ETH": 18}), ["LRC-ETH"], Secret(KEY))
    talk.start(START_NS)

    assert reported(talk, answer()) == [
        Notice("decimals of LRC are unknown: their amounts stay in base units"),
        Ready(),
    ]


@pytest.mark.parametrize(
    "topic",
    [
        "account",
        "orderbook",
        "trade",
        "ticker",
        "candlestick",
        "ammpool",
        "blockgen",
        "mixorder",
        "mixtrade",
        "notification",
    ],
)
def test_other_topics_of_the_relayer_are_counted(topic: str) -> None:
    frame = json.dumps({"topic": {"topic": topic}, "data": {}}).encode()

    assert reported(started(), frame) == [Ignored(topic)]


def test_an_unknown_kind_is_rejected_once_and_then_counted() -> None:
    frame = b'{"topic":"weather&x","data":{}}'

    first, second = reported(started(), frame, frame)

    assert isinstance(first, Reject)
    assert (first.missed, second) == (False, Ignored("unknown"))


def test_the_memory_of_unknown_kinds_is_bounded() -> None:
    talk = started()
    events = reported(talk, *(b'{"topic":"kind%d"}' % number for number in range(1000)))

    assert sum(isinstance(event, Reject) for event in events) == 64


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        push().replace(b'"5000000000000000000"', b"NaN"),
        push(hash=...),
        push(status=...),
        b"PING",
    ],
    ids=["empty", "cut", "binary", "deep", "NaN", "hashless", "statusless", "PING"],
)
def test_an_unreadable_frame_is_a_loss_and_the_connection_stays(frame: bytes) -> None:
    talk = started()

    reject, update = reported(talk, frame, push())

    assert isinstance(reject, Reject)
    assert (reject.missed, reject.size, reject.venue) == (True, len(frame), "loopring")
    assert isinstance(update, OrderUpdate)


def test_a_query_over_the_stream_is_refused() -> None:
    (event,) = session().queue_request(7, StreamRequest(), START_NS)

    assert isinstance(event, Answer)
    assert event.key == 7
    assert isinstance(event.error, Refused)


ECHOES = {
    "refusal of early v2": data("answer_args_failed.json").replace(b"<apiKey>", KEY.encode()),
    "invalid key": answer(104112, words=f"no user for {KEY}"),
    "words cut within the key": answer(104112, words="x" * 190 + KEY),
    "unread answer": b'{"op":"sub","apiKey":"' + KEY.encode() + b'","args":["order&LRC-BTC"],"result"',
    "unknown kind": b'{"topic":"' + KEY.encode() + b'"}',
    "push": push(clientOrderId="x", apiKey=KEY),
}


def shown(event: SessionEvent) -> str:
    """Everything of an event that could be shown anywhere."""
    return repr(event) + (str(event.error) if isinstance(event, Closed) else "")


@pytest.mark.parametrize("frame", ECHOES.values(), ids=ECHOES.keys())
def test_an_echoed_key_is_in_no_event(frame: bytes) -> None:
    events = reported(session(raw=True), frame)

    assert events
    assert not [event for event in events if KEY[:12] in shown(event)]


NUMBERS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
FIELDS = st.sampled_from(
    [
        *("hash", "status", "size", "volume", "price", "filledSize", "filledVolume", "filledFee", "createdAt"),
        *("updateAt", "validSince", "side", "market", "clientOrderId", "orderType", "storageId"),
    ]
)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(frame: bytes) -> None:
    talk = session()
    talk.receive(frame, START_NS)

    assert isinstance(next(iter(talk.receive(push(), START_NS))), OrderUpdate)


@given(st.dictionaries(FIELDS, VALUES, max_size=6))
def test_every_push_with_strange_values_is_an_order_or_a_reject(fields: dict[str, object]) -> None:
    (event,) = session(raw=True).receive(push(**fields), START_NS)

    assert isinstance(event, OrderUpdate | Reject)


@settings(max_examples=200)
@given(st.integers(0, 400), st.integers(0, 255))
def test_every_push_with_a_changed_byte_is_read_or_rejected(position: int, byte: int) -> None:
    frame = bytearray(push())
    frame[position % len(frame)] = byte
    (event,) = session(raw=True).receive(bytes(frame), START_NS)

    assert isinstance(event, OrderUpdate | Reject)


@given(st.dictionaries(st.sampled_from(["op", "result", "sequence", "topic", "data", "ts"]), VALUES))
def test_every_message_of_strange_shape_is_survived(message: dict[str, object]) -> None:
    talk = LoopringSession(ORIGIN, ["LRC-ETH", "LRC-USDT"], Secret(KEY))
    talk.start(START_NS)
    events = talk.receive(json.dumps(message).encode(), START_NS)

    assert all(not isinstance(event, Closed) or isinstance(event.error, VenueError) for event in events)


@pytest.mark.parametrize(
    "frame", [b"ping", answer(), push(), b'{"topic":"ticker"}'], ids=["ping", "answer", "push", "other topic"]
)
def test_the_last_message_is_the_last_that_was_read_without_fault(frame: bytes) -> None:
    talk = started()
    assert talk.last_message_ns == 0

    talk.receive(frame, START_NS)

    assert talk.last_message_ns == START_NS


@pytest.mark.parametrize("frame", [b"{", b"\xff", push(hash=...)], ids=["cut", "no text", "no hash"])
def test_a_damaged_message_is_not_the_last_good_one(frame: bytes) -> None:
    talk = started()
    reported(talk, b"ping")

    talk.receive(frame, START_NS + 1)

    assert talk.last_message_ns == START_NS


def test_markets_that_cannot_be_subscribed_to_are_kept_until_they_can_be() -> None:
    refused = {"LRC-USDT": "words of an earlier connection"}
    talk = LoopringSession(ORIGIN, ["LRC-ETH", "LRC-USDT"], Secret(KEY), refused_markets=refused)
    talk.start(START_NS)
    reported(talk, answer(104110, 1), answer(104110, 2), answer(sequence=3))

    assert refused == {"LRC-ETH": "its subscription is refused (104110: words)"}


def long(frame: bytes, talk: LoopringSession | None = None) -> list[SessionEvent]:
    """The events of a long message, without the turns between them."""
    return [event for event in (talk or started()).receive(frame, START_NS) if not isinstance(event, Turn)]


PADDING = "x" * 100_000


def test_a_long_push_whose_order_is_not_long_is_read() -> None:
    talk = session(raw=True)
    frame = push()[:-1] + b', "z": "' + PADDING.encode() + b'"}'
    (update,) = long(frame, talk)
    (short,) = session(raw=True).receive(push(), START_NS)

    assert isinstance(update, OrderUpdate)
    assert isinstance(short, OrderUpdate)
    assert isinstance(update.raw, dict)
    assert isinstance(short.raw, dict)
    assert update.raw == short.raw | {"z": None}
    assert (update.order_id, update.qty, talk.last_message_ns) == (short.order_id, short.qty, START_NS)


def test_an_order_of_a_length_that_none_has_is_lost() -> None:
    talk = started()
    (event,) = long(push(clientOrderId=PADDING), talk)

    assert isinstance(event, Reject)
    assert (event.missed, event.reason.startswith("data of 100")) == (True, True)
    assert talk.last_message_ns == 0


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (json.dumps({"topic": {"topic": "orderbook"}, "data": [["1", "2"]] * 9000}), Ignored),
        (json.dumps({"topic": {"topic": "weather"}, "data": PADDING}), Reject),
        (json.dumps({"op": "sub", "result": {"status": "OK"}, "topics": [PADDING]}), Ready),
        (json.dumps({"topic": PADDING}), Reject),
        (PADDING, Reject),
        ("[" * 100_000, Reject),
        ('{"a":"' + PADDING, Reject),
    ],
    ids=["sibling", "unknown", "answer", "topic", "garbage", "deep", "cut off"],
)
def test_a_long_message_is_distinguished_like_a_short_one(frame: str, kind: type) -> None:
    (event,) = long(frame.encode())

    assert type(event) is kind


def test_others_have_their_turn_while_a_long_message_is_read() -> None:
    events = list(started().receive(json.dumps({"a": PADDING * 10}).encode(), START_NS))

    assert sum(isinstance(event, Turn) for event in events) >= 30


@given(st.binary(max_size=60), st.integers(0, 9000))
@settings(max_examples=50)
def test_damage_anywhere_in_a_long_message_gives_events_and_never_an_exception(noise: bytes, place: int) -> None:
    frame = push(clientOrderId="x" * 8000)
    for event in started().receive(frame[:place] + noise + frame[place + len(noise) :], START_NS):
        assert isinstance(event, OrderUpdate | Reject | Ignored | Turn)
