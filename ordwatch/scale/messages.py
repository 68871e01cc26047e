"""A line of a recording as a message of the stream: its id, its headers, and what is left out if it is too large. Pure.

The payload is the line with its line end, byte for byte. Only a line that the server would not take goes without `raw`,
with the flag `raw_dropped` and a checksum of its own.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from ordwatch.core.records import SCHEMA, OrderRecord, encode
from ordwatch.recording.format import BadLine, Mark, crc_of, record, with_crc
from ordwatch.scale import subjects

MESSAGE_ID = "Nats-Msg-Id"
EXPECTED_STREAM = "Nats-Expected-Stream"
EXPECTED_SESSION = "Nats-Expected-Last-Subject-Sequence"
SCHEMA_HEADER = "Ordwatch-Schema"
KIND_HEADER = "Ordwatch-Kind"
RAW_DROPPED = "raw_dropped"
_NO_KIND = "-"


class TooLarge(ValueError):
    """The server takes no message of that size, even without `raw`."""


class Message(NamedTuple):
    """A line that is to be published."""

    seq: int
    crc: str
    """Of the payload."""
    subject: str
    payload: bytes
    headers: dict[str, str]

    @property
    def is_session(self) -> bool:
        """Whether it is a `session` record, which is sent alone and guarded."""
        return self.subject.endswith(".session")


class MessageId(NamedTuple):
    """What identifies a message; written `<collector>/<seq>/<crc>`."""

    collector: str
    seq: int
    crc: str

    def __str__(self) -> str:
        return f"{self.collector}/{self.seq}/{self.crc}"


def message_id(headers: Mapping[str, str]) -> MessageId:
    """The id of a message of the stream.

    Raises:
        ValueError: It has none of ours.
    """
    collector, _, rest = headers.get(MESSAGE_ID, "").partition("/")
    seq, _, crc = rest.partition("/")
    if not (collector and seq.isdecimal() and len(seq) < 19 and len(crc) == 8):
        raise ValueError("a message without an id of ordwatch")
    return MessageId(collector, int(seq), crc)


class Messages:
    """Makes the messages of one collector."""

    def __init__(self, collector: str, stream: str, kinds: Mapping[str, str], max_bytes: int | None = None) -> None:
        """`kinds`: the kind of each venue, as in `session` records. `max_bytes`: of a message, headers included."""
        self._collector = collector
        self._stream = stream
        self._kinds = kinds
        self.max_bytes = max_bytes

    def of(self, line: bytes, mark: Mark) -> Message:
        """The message of a whole line.

        Raises:
            TooLarge: The server does not take it.
        """
        message = self._message(line, mark)
        if self.max_bytes is None or _size(message) <= self.max_bytes:
            return message
        smaller = without_raw(line, mark.seq)
        if smaller is None or _size(message := self._message(smaller, mark)) > self.max_bytes:
            raise TooLarge(f"seq {mark.seq} has {len(line)} bytes, the server takes {self.max_bytes}")
        return message

    def _message(self, line: bytes, mark: Mark) -> Message:
        crc = crc_of(line)
        headers = {
            MESSAGE_ID: str(MessageId(self._collector, mark.seq, crc)),
            EXPECTED_STREAM: self._stream,
            SCHEMA_HEADER: SCHEMA,
            KIND_HEADER: self._kinds.get(mark.venue, _NO_KIND) if mark.venue is not None else _NO_KIND,
        }
        return Message(mark.seq, crc, subjects.subject(self._collector, mark), line, headers)


def crcs(line: bytes, seq: int) -> frozenset[str]:
    """The checksums that a message of this line may have: the line's own, and that of the line without `raw`."""
    smaller = without_raw(line, seq)
    return frozenset(map(crc_of, filter(None, (line, smaller))))


def without_raw(line: bytes, seq: int) -> bytes | None:
    """The line of an order without what the venue sent; None if it has none of it."""
    try:
        order = record(line)
    except BadLine:
        return None
    if not isinstance(order, OrderRecord) or order.raw is None:
        return None
    smaller = msgspec.structs.replace(order, raw=None, flags=(*order.flags, RAW_DROPPED))
    return with_crc(encode(smaller), seq)


def _size(message: Message) -> int:
    return len(message.payload) + headers_size(message.headers.items())


def headers_size(headers: Iterable[tuple[str, str]]) -> int:
    """Bytes that headers take in a message, the one that a guarded message adds included."""
    guard = len(EXPECTED_SESSION) + 24
    return 12 + guard + sum(len(name) + len(value) + 4 for name, value in headers)
