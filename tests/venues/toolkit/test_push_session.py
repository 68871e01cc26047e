from collections.abc import Sequence

from ordwatch.core.errors import ConnectionLost, Refused
from ordwatch.core.events import Answer, Closed, Ignored, Ready, Reject, SessionEvent
from ordwatch.venues.contract import StreamRequest
from ordwatch.venues.toolkit.lenient_json import Unreadable
from ordwatch.venues.toolkit.push_session import PushSession


def read(data: bytes, now_ns: int) -> Sequence[SessionEvent]:
    if data == b"end":
        return [Closed(ConnectionLost("over"))]
    if data.startswith(b"bad"):
        raise Unreadable("not an order")
    return [Ignored(data.decode())]


def session() -> PushSession:
    return PushSession("toy", read, others={"hello"}, secrets=["listenkey"], silence_s=60.0)


def test_it_is_ready_at_once() -> None:
    assert session().start(1) == [Ready()]


def test_a_message_is_what_the_venue_makes_of_it_and_proves_life() -> None:
    talk = session()

    assert talk.receive(b"hello", 7) == [Ignored("hello")]
    assert talk.last_message_ns == 7


def test_what_cannot_be_read_may_have_been_an_order_and_shows_no_secret() -> None:
    talk = session()
    (reject,) = talk.receive(b"bad listenkey", 7)

    assert isinstance(reject, Reject)
    assert (reject.venue, reject.reason, reject.data, reject.missed) == ("toy", "not an order", b"bad ***", True)
    assert talk.last_message_ns == 0


def test_a_message_of_an_unknown_kind_is_a_reject_once() -> None:
    talk = session()
    first, second = (event for _ in range(2) for event in talk.receive(b"other", 7))

    assert isinstance(first, Reject)
    assert (first.reason, first.missed) == ("a message of an unknown kind", False)
    assert second == Ignored("unknown")


def test_nothing_comes_after_the_end() -> None:
    talk = session()
    talk.receive(b"end", 7)

    assert talk.receive(b"hello", 8) == []


def test_nothing_is_said_to_the_venue() -> None:
    talk = session()
    talk.start(1)
    talk.heartbeat(2)
    (answer,) = talk.queue_request(3, StreamRequest(), 4)

    assert isinstance(answer, Answer)
    assert isinstance(answer.error, Refused)
    assert talk.data_to_send() == []
