"""Decides which lines of a recording are sent to the stream, which are sent again, and up to which all are published.

Pure: lines, acknowledgements and the time come in, messages to send come out. Lines are sent in their order, at most
WINDOW of them without an acknowledgement; after an error everything from the first unacknowledged line on is sent
again. `session` records are sent alone, and only accepted if no other process has published one meanwhile: so two
processes under one name notice each other.
"""

import math
from collections import deque
from collections.abc import Collection, Sequence
from itertools import islice
from typing import NamedTuple

from ordwatch.scale.messages import EXPECTED_SESSION, Message

WINDOW = 256
ACK_S = 6.0
"""An acknowledgement that takes longer does not come: more than an election of the stream's leader takes."""
RETRY_S = 0.25
MAX_RETRY_S = 5.0


class Send(NamedTuple):
    """A message to send now."""

    message: Message
    headers: dict[str, str]


class Acknowledged(NamedTuple):
    """The stream has a message; `stream_seq` is its number there."""

    stream_seq: int
    duplicate: bool
    """It had a message with this id before."""


class OtherPublisher(Exception):
    """A message that was never sent before is in the stream already: another process uses this name."""


class Publisher:
    """The lines of one recording on their way to the stream. Times are seconds of one monotonic clock."""

    def __init__(self, published_seq: int = 0, sent_before_seq: int = 0) -> None:
        """`published_seq`: as recorded. `sent_before_seq`: an earlier process may have sent until there."""
        self._read_seq = published_seq
        self._sent_seq = sent_before_seq
        self._stored: Collection[tuple[int, str]] = frozenset()
        self.session_stream_seq = 0
        """The number of this collector's last `session` record in the stream, as far as it was seen here."""
        self._waiting: dict[int, Message] = {}
        """Lines that were read and are not acknowledged, in their order."""
        self._unsent: deque[Message] = deque()
        """Those of them that are to be sent."""
        self._sent_s: dict[int, float] = {}
        """When the others were sent, the oldest first."""
        self._first_sends: set[int] = set()
        self._not_before_s = -math.inf
        self._failures = 0

    @property
    def published_seq(self) -> int:
        """The highest seq up to which every line is acknowledged."""
        return next(iter(self._waiting), self._read_seq + 1) - 1

    @property
    def in_flight(self) -> int:
        """How many messages are sent and not acknowledged."""
        return len(self._sent_s)

    def start(self, from_seq: int, stored: Collection[tuple[int, str]], session_stream_seq: int) -> None:
        """Begin, or begin again on another connection: what the stream holds decides.

        `stored`: seq and checksum of the lines from `from_seq` on that the stream has. `session_stream_seq`: the number
        of this collector's last `session` record in the stream, 0 if there is none.
        """
        self._read_seq = from_seq - 1
        self._stored = stored
        self.session_stream_seq = session_stream_seq
        self._waiting.clear()
        self._unsent.clear()
        self._sent_s.clear()
        self._first_sends.clear()
        self._not_before_s = -math.inf
        self._failures = 0

    def wanted(self) -> tuple[int, int]:
        """The seq of the next line to read, and how many lines are wanted from there on; 0: none now."""
        return self._read_seq + 1, self.published_seq + WINDOW - self._read_seq

    def add(self, messages: Sequence[Message], read_seq: int) -> None:
        """Take the lines up to `read_seq`, in their order; those that are not among them cannot be published."""
        for message in messages:
            if (message.seq, message.crc) not in self._stored:
                self._waiting[message.seq] = message
                self._unsent.append(message)
        self._read_seq = read_seq

    def take(self, now_s: float) -> list[Send]:
        """The messages to send now, which then count as sent."""
        found: list[Send] = []
        while self._unsent and now_s >= self._not_before_s and not self._guarded(self._unsent[0]):
            message = self._unsent.popleft()
            if message.seq > self._sent_seq:
                self._sent_seq = message.seq
                self._first_sends.add(message.seq)
            self._sent_s[message.seq] = now_s
            guard = {EXPECTED_SESSION: str(self.session_stream_seq)} if message.is_session else {}
            found.append(Send(message, message.headers | guard))
        return found

    def _guarded(self, following: Message) -> bool:
        """Whether it has to wait: a session for all before it, and all others for a session."""
        if not self._sent_s:
            return False
        return following.is_session or any(self._waiting[seq].is_session for seq in islice(self._sent_s, 1))

    def acknowledged(self, seq: int, answer: Acknowledged) -> None:
        """The stream has the message of this line.

        Raises:
            OtherPublisher: It had it before, though it was never sent before.
        """
        message = self._waiting.get(seq)
        if message is None:
            return
        if answer.duplicate and seq in self._first_sends:
            raise OtherPublisher(f"the stream has seq {seq} already")
        if message.is_session:
            self.session_stream_seq = answer.stream_seq
        if self._sent_s.pop(seq, None) is None:
            self._unsent.remove(message)  # an answer to an earlier attempt, before the next one
        del self._waiting[seq]
        self._first_sends.discard(seq)
        self._failures = 0

    def failed(self, seq: int, now_s: float) -> bool:
        """The message of this line was not taken: all that is not acknowledged is sent again, after a while.

        False if that was decided already, by another error.
        """
        if seq not in self._sent_s:
            return False
        self._failures += 1
        self._not_before_s = now_s + min(MAX_RETRY_S, RETRY_S * 2 ** min(10, self._failures - 1))
        self._unsent = deque(self._waiting.values())
        self._sent_s.clear()
        self._first_sends.clear()
        return True

    def timer(self, now_s: float) -> bool:
        """Look whether an acknowledgement is overdue; then all that is not acknowledged is sent again."""
        oldest = next(iter(self._sent_s), None)
        return oldest is not None and now_s >= self._sent_s[oldest] + ACK_S and self.failed(oldest, now_s)

    def next_timer_s(self) -> float:
        """When there is something to do though nothing has come: `take` or `timer`."""
        if self._sent_s:
            return next(iter(self._sent_s.values())) + ACK_S
        return self._not_before_s if self._unsent else math.inf
