"""Which lines are sent, sent again and published; against a stream that loses, delays and repeats."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.scale.messages import EXPECTED_SESSION, Message
from ordwatch.scale.publisher import ACK_S, RETRY_S, WINDOW, Acknowledged, OtherPublisher, Publisher


def line(seq: int, kind: str = "alive") -> Message:
    return Message(seq, f"{seq:08x}", f"ow.c.{kind}", b"%d" % seq, {"Id": str(seq)})


def lines(first: int, last: int) -> list[Message]:
    return [line(seq) for seq in range(first, last + 1)]


def sent(publisher: Publisher, now_s: float = 0.0) -> list[int]:
    return [send.message.seq for send in publisher.take(now_s)]


def acknowledge(publisher: Publisher, *seqs: int) -> None:
    for seq in seqs:
        publisher.acknowledged(seq, Acknowledged(seq + 1000, duplicate=False))


def loaded(first: int = 1, last: int = 3) -> Publisher:
    publisher = Publisher()
    publisher.start(first, frozenset(), 0)
    publisher.add(lines(first, last), last)
    return publisher


def test_lines_are_sent_in_their_order_and_once() -> None:
    publisher = loaded()

    assert sent(publisher) == [1, 2, 3]
    assert sent(publisher) == []
    assert publisher.published_seq == 0


def test_published_is_what_is_acknowledged_without_a_hole() -> None:
    publisher = loaded()
    sent(publisher)

    acknowledge(publisher, 2)
    assert publisher.published_seq == 0
    acknowledge(publisher, 1)
    assert publisher.published_seq == 2
    acknowledge(publisher, 3)
    assert publisher.published_seq == 3


def test_no_more_lines_are_wanted_than_the_window_has_room_for() -> None:
    publisher = loaded(1, WINDOW)
    sent(publisher)

    assert publisher.wanted() == (WINDOW + 1, 0)
    acknowledge(publisher, 2)
    assert publisher.wanted() == (WINDOW + 1, 0)
    acknowledge(publisher, 1)
    assert publisher.wanted() == (WINDOW + 1, 2)


def test_after_an_error_all_from_the_first_unacknowledged_line_on_is_sent_again() -> None:
    publisher = loaded()
    sent(publisher)
    acknowledge(publisher, 2)

    assert publisher.failed(3, 10.0)

    assert sent(publisher, 10.0) == []
    assert publisher.next_timer_s() == 10.0 + RETRY_S
    assert sent(publisher, 10.0 + RETRY_S) == [1, 3]


def test_one_error_after_the_other_is_waited_for_longer_and_longer() -> None:
    publisher = loaded(1, 1)
    waits = []
    for _ in range(8):
        sent(publisher, 1000.0)
        publisher.failed(1, 0.0)
        waits.append(publisher.next_timer_s())

    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_an_acknowledgement_makes_the_next_error_the_first() -> None:
    publisher = loaded()
    sent(publisher)
    publisher.failed(1, 0.0)
    sent(publisher, 1.0)
    acknowledge(publisher, 1)

    publisher.failed(2, 5.0)

    assert publisher.next_timer_s() == 5.0 + RETRY_S


def test_errors_of_all_messages_in_flight_are_one_error() -> None:
    publisher = loaded()
    sent(publisher)

    assert [publisher.failed(seq, 0.0) for seq in (1, 2, 3)] == [True, False, False]


def test_an_overdue_acknowledgement_is_an_error() -> None:
    publisher = loaded()
    sent(publisher, 7.0)

    assert publisher.next_timer_s() == 7.0 + ACK_S
    assert not publisher.timer(7.0 + ACK_S - 0.1)
    assert publisher.timer(7.0 + ACK_S)
    assert sent(publisher, 7.0 + ACK_S + RETRY_S) == [1, 2, 3]


def test_an_acknowledgement_of_an_earlier_attempt_counts() -> None:
    publisher = loaded()
    sent(publisher)
    publisher.failed(2, 0.0)

    acknowledge(publisher, 1)

    assert publisher.published_seq == 1
    assert sent(publisher, RETRY_S) == [2, 3]


def test_nothing_is_due_when_all_is_published() -> None:
    publisher = loaded()
    sent(publisher)
    acknowledge(publisher, 1, 2, 3)

    assert publisher.next_timer_s() == math.inf
    assert not publisher.timer(1e9)


def test_what_the_stream_has_is_not_sent() -> None:
    publisher = Publisher(published_seq=2)
    publisher.start(3, {(3, line(3).crc), (5, line(5).crc), (6, "other")}, 0)
    publisher.add(lines(3, 6), 6)

    assert publisher.published_seq == 3
    assert sent(publisher) == [4, 6]
    acknowledge(publisher, 4)
    assert publisher.published_seq == 5


def test_a_new_connection_sends_what_the_stream_does_not_have() -> None:
    publisher = loaded()
    sent(publisher)
    acknowledge(publisher, 1)

    publisher.start(2, {(2, line(2).crc)}, 0)
    publisher.add(lines(2, 3), 3)

    assert sent(publisher) == [3]


def test_lines_that_are_gone_are_passed_over() -> None:
    publisher = loaded(1, 2)
    publisher.add(lines(10, 11), 11)

    assert sent(publisher) == [1, 2, 10, 11]
    acknowledge(publisher, 1, 2)
    assert publisher.published_seq == 9


def test_a_line_that_is_too_large_is_passed_over() -> None:
    publisher = loaded(1, 2)
    publisher.add([], 3)
    sent(publisher)
    acknowledge(publisher, 1, 2)

    assert publisher.published_seq == 3
    assert publisher.wanted()[0] == 4


def test_before_the_stream_was_asked_the_recording_is_believed() -> None:
    assert Publisher(published_seq=7).published_seq == 7


def with_session() -> Publisher:
    publisher = Publisher()
    publisher.start(1, frozenset(), 42)
    publisher.add([line(1), line(2, "session"), line(3), line(4, "session")], 4)
    return publisher


def test_a_session_is_sent_alone_and_guarded_by_the_session_before() -> None:
    publisher = with_session()

    assert sent(publisher) == [1]
    acknowledge(publisher, 1)
    (session,) = publisher.take(0.0)
    assert session.message.seq == 2
    assert session.headers == {"Id": "2", EXPECTED_SESSION: "42"}
    assert sent(publisher) == []
    acknowledge(publisher, 2)
    assert sent(publisher) == [3]
    acknowledge(publisher, 3)
    (session,) = publisher.take(0.0)
    assert session.headers[EXPECTED_SESSION] == "1002"


def test_a_duplicate_that_was_sent_once_is_somebody_else_s() -> None:
    publisher = loaded()
    sent(publisher)

    with pytest.raises(OtherPublisher, match="seq 2"):
        publisher.acknowledged(2, Acknowledged(1, duplicate=True))


def test_a_duplicate_that_was_sent_twice_is_our_own() -> None:
    publisher = loaded()
    sent(publisher)
    publisher.failed(2, 0.0)
    sent(publisher, 1.0)

    publisher.acknowledged(2, Acknowledged(1, duplicate=True))


def test_a_duplicate_that_an_earlier_process_may_have_sent_is_our_own() -> None:
    publisher = Publisher(sent_before_seq=2)
    publisher.start(1, frozenset(), 0)
    publisher.add(lines(1, 3), 3)
    sent(publisher)

    publisher.acknowledged(2, Acknowledged(1, duplicate=True))
    with pytest.raises(OtherPublisher):
        publisher.acknowledged(3, Acknowledged(1, duplicate=True))


class Stream:
    """A stream that takes messages late, loses them or their answers, and drops repeated ids for a while."""

    def __init__(self, draw: Random) -> None:
        self._draw = draw
        self._answers: list[tuple[int, Acknowledged | None]] = []
        self.held: list[int] = []

    def publish(self, seq: int) -> None:
        fate = self._draw.random()
        if fate < 0.1:
            return  # lost
        if fate < 0.2:
            self._answers.append((seq, None))
            return
        duplicate = seq in self.held
        if not duplicate or self._draw.random() < 0.3:
            self.held.append(seq)
        if fate > 0.3:
            self._answers.append((seq, Acknowledged(len(self.held), duplicate)))

    def answers(self) -> list[tuple[int, Acknowledged | None]]:
        self._draw.shuffle(self._answers)
        some = self._draw.randrange(len(self._answers) + 1)
        answers, self._answers = self._answers[:some], self._answers[some:]
        return answers


@given(st.integers(0, 2**32), st.integers(1, 600))
def test_whatever_the_stream_does_each_line_gets_there_and_the_window_holds(seed: int, count: int) -> None:
    draw = Random(seed)
    stream = Stream(draw)
    publisher = Publisher()
    publisher.start(1, frozenset(), 0)
    now_s = 0.0
    while publisher.published_seq < count:
        first, most = publisher.wanted()
        last = min(count, first + min(most, draw.randrange(1, 300)) - 1)
        publisher.add([line(seq, "session" if seq % 97 == 0 else "alive") for seq in range(first, last + 1)], last)
        for send in publisher.take(now_s):
            stream.publish(send.message.seq)
        assert publisher.in_flight <= WINDOW
        for seq, answer in stream.answers():
            if answer is None:
                publisher.failed(seq, now_s)
            else:
                publisher.acknowledged(seq, answer)
        publisher.timer(now_s)
        assert set(range(1, publisher.published_seq + 1)) <= set(stream.held)
        now_s += 1.0

    # What is missing lies within a window of the largest seq held, at every moment: a restart need not look further.
    largest = 0
    for place, seq in enumerate(stream.held):
        largest = max(largest, seq)
        assert set(range(1, largest - WINDOW + 1)) <= set(stream.held[: place + 1])
