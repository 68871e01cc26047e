"""What waits to be written: from the event loop to the writer's thread, without a lock and never waiting."""

from collections import deque
from collections.abc import Iterable, Sequence
from threading import Event

from ordwatch.core.records import AnyRecord

MAX_RECORDS = 100_000
MAX_BYTES = 64 * 2**20
GROUP_RECORDS = 512
GROUP_BYTES = 64 * 2**10

_RECORD_BYTES = 1024

Entry = bytes | AnyRecord
"""An encoded order record, or a record that the writer looks at before it encodes it."""


class Queue:
    """One thread puts, another takes; only `wake` and the properties are for both."""

    def __init__(
        self, *, max_records: int = MAX_RECORDS, max_bytes: int = MAX_BYTES, group_records: int = GROUP_RECORDS
    ) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._group_records = group_records
        self._entries: deque[Entry] = deque()
        self._ready = Event()
        # Each written by one side only, so that reading them needs no lock.
        self._bytes_in = 0
        self._bytes_out = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def fill(self) -> float:
        """How full it is: 1.0 and more is full."""
        waiting = self._bytes_in - self._bytes_out
        return max(len(self._entries) / self._max_records, waiting / self._max_bytes)

    def put(self, entries: Sequence[Entry]) -> None:
        """Take entries, also beyond the limits: keeping them is the caller's."""
        self._bytes_in += _size(entries)
        self._entries.extend(entries)
        self.wake()

    def wake(self) -> None:
        """Make a waiting `take` return."""
        if not self._ready.is_set():
            self._ready.set()

    def take(self, timeout_s: float | None) -> list[Entry]:
        """The oldest entries, one group of them at most; none after `timeout_s`, or when woken for another reason."""
        if not self._entries:
            self._ready.wait(timeout_s)
        self._ready.clear()
        group: list[Entry] = []
        size = 0
        while self._entries and len(group) < self._group_records and size < GROUP_BYTES:
            entry = self._entries.popleft()
            group.append(entry)
            size += len(entry) if isinstance(entry, bytes) else _RECORD_BYTES
        self._bytes_out += size
        return group


def _size(entries: Iterable[Entry]) -> int:
    return sum(len(entry) if isinstance(entry, bytes) else _RECORD_BYTES for entry in entries)
