"""Decides where publishing goes on, from what the stream holds and what the recording holds. Pure.

The stream decides, whatever a process remembers: its last message of this collector is looked up in the recording.
"""

from collections.abc import Callable
from typing import NamedTuple

from ordwatch.core.records import AnyRecord, SessionRecord, record_time
from ordwatch.core.times import time_ns
from ordwatch.recording.format import BadLine, record

ALIVE_S = 30.0
"""A process that has published nothing for longer does not run any more: it writes `alive` every 10 s."""
_NS = 10**9


class Stored(NamedTuple):
    """A message of this collector in the stream."""

    seq: int
    crc: str
    line: bytes
    stream_seq: int
    stored_ns: int
    """When the stream took it, by the server's clock."""

    @property
    def written_ns(self) -> int:
        """The time in the record, by the collector's clock; where it has none, when the stream took it."""
        found = self._record
        at = record_time(found) if found is not None else None
        try:
            return time_ns(at) if at is not None else self.stored_ns
        except ValueError:
            return self.stored_ns

    @property
    def session(self) -> SessionRecord | None:
        """The record, if it is one of a session."""
        found = self._record
        return found if isinstance(found, SessionRecord) else None

    @property
    def _record(self) -> AnyRecord | None:
        try:
            return record(self.line)
        except BadLine:
            return None


class StreamState(NamedTuple):
    """What the stream holds of this collector."""

    last: Stored | None
    last_session: Stored | None
    now_ns: int
    """The server's clock."""

    @classmethod
    def asked(cls, last: Stored | None, last_session: Stored | None, now_ns: int) -> "StreamState":
        """What two answers report, `last` requested first: a session between them is the last message, too."""
        if last_session is not None and (last is None or last.stream_seq < last_session.stream_seq):
            last = last_session
        return cls(last, last_session, now_ns)


class FileState(NamedTuple):
    """What the recording holds."""

    first_seq: int
    """Of the oldest line that is left on disk."""
    last_seq: int
    begun_ns: int | None
    """When line 1 was written; None if it is not left."""
    crcs: Callable[[int], frozenset[str]]
    """The checksums that a message of a line may have; empty if there is no such line."""

    def has(self, message: Stored) -> bool:
        """Whether the message is a line of this recording."""
        return message.crc in self.crcs(message.seq)


class GoOn(NamedTuple):
    """Send the lines from here on that the stream does not have."""

    from_seq: int
    session_stream_seq: int
    """The number of this collector's last `session` message, 0 if there is none."""
    is_new: bool = False
    """The stream has no line of this recording yet: nothing has to be looked for."""


class OtherCollector(NamedTuple):
    """Another process publishes under this name."""

    who: str


class TwoHistories(NamedTuple):
    """The stream holds lines of this collector that contradict the recording."""

    why: str


Decision = GoOn | OtherCollector | TwoHistories


def decide(stream: StreamState, file: FileState, *, published_seq: int, has_published: bool) -> Decision:
    """Where publishing goes on.

    `published_seq`: up to which line the recording reports all as published, 0 if it does not. `has_published`:
    this process has published its `session` record already.
    """
    last, session = stream.last, stream.last_session
    session_stream_seq = session.stream_seq if session is not None else 0
    if last is None:
        return GoOn(file.first_seq, session_stream_seq, is_new=True)
    foreign = session is not None and not file.has(session)
    if has_published and session is not None and foreign:
        return OtherCollector(_who(session))
    if has_published and session is None and file.has(last):
        return GoOn(file.first_seq, 0)  # the stream was emptied: what it has now came after that
    if file.has(last):
        return GoOn(max(file.first_seq, min(published_seq, last.seq) + 1), session_stream_seq)
    if has_published:
        return OtherCollector(_who(last))
    if session is not None and foreign and _runs(session, stream):
        return OtherCollector(_who(session))
    if file.begun_ns is not None and file.begun_ns > last.written_ns:
        return GoOn(1, session_stream_seq, is_new=True)
    if last.seq < file.first_seq and not file.begun_ns:
        return GoOn(file.first_seq, session_stream_seq, is_new=True)
    if last.seq > file.last_seq:
        return TwoHistories(
            f"the stream has lines up to seq {last.seq} of this collector, the recording only up to {file.last_seq}"
        )
    return TwoHistories(f"seq {last.seq} of this collector in the stream is another line than in the recording")


def _runs(session: Stored, stream: StreamState) -> bool:
    """Whether the process of that session still publishes."""
    found = session.session
    if found is None or found.state == "end" or stream.last is None:
        return False
    return stream.now_ns - stream.last.stored_ns < ALIVE_S * _NS


def _who(message: Stored) -> str:
    """Which process sent it, and since when, as far as it is known."""
    found = message.session
    if found is None:
        return f"another process (its seq {message.seq})"
    return f"process {found.pid} on {found.host}, since {found.at}"
