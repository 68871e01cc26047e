"""The lines of one collector in the order of their `seq`: each once, and what is missing. Pure.

The stream may hold them out of order or twice. A line that is missing is waited for; after that those behind it are
handed out, and when it comes after all it is handed out too, as a late one. A new recording of the same collector
begins with seq 1 again.
"""

from collections import OrderedDict
from typing import Generic, NamedTuple, TypeVar

WAIT_S = 10.0
MAX_WAITING = 10_000
"""More lines than this do not wait for one that is missing."""
_REMEMBERED = 4096
"""Lines whose checksum is kept, to distinguish a repeat from another history."""
_HOLES_KEPT = 100_000
_IN_FLIGHT = 256
"""As many lines a collector sends before the first of them is there: so far before the first line others may follow."""

T = TypeVar("T")


class OrderedLine(NamedTuple, Generic[T]):
    """A line that may be taken now."""

    line: T
    missing_before: bool = False
    """Lines before this one have not come in time."""
    late: bool = False
    """Lines behind this one were handed out before."""
    fills: bool = False
    """With this late line nothing is missing any more."""
    begins: bool = False
    """The first line of a new recording: what was before has another history."""


class LineOrder(Generic[T]):
    """Orders the lines of one collector. Times are of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self.last_seq = 0
        """Of the last line that was handed out in order."""
        self.other_history: int | None = None
        """A seq that came with two different lines."""
        self._waiting: dict[int, T] = {}
        self._since_s: float | None = None
        self._holes: set[int] = set()
        self._earlier: set[int] = set()
        """Lines before the first one, which may have come before reading began, or be on their way."""
        self._known: OrderedDict[int, str] = OrderedDict()
        self._started = False

    @property
    def deadline_s(self) -> float | None:
        """When `timer` must be called; None: nothing is waited for."""
        return None if self._since_s is None else self._since_s + WAIT_S

    def start(self, seq: int, crc: str) -> None:
        """Lines up to this one were taken from elsewhere; it is the last of them, or among them."""
        if not self._started or seq > self.last_seq:
            self._earlier = set(range(max(1, seq - _IN_FLIGHT), seq)) - self._known.keys()
        self._started = True
        self.last_seq = max(self.last_seq, seq)
        self._earlier.discard(seq)
        self._remember(seq, crc)

    def add(self, seq: int, crc: str, line: T, now_s: float, *, may_begin: bool = False) -> list[OrderedLine[T]]:
        """The lines that may be taken now that this one came. `may_begin`: it can be the first of a recording."""
        known = self._known.get(seq)
        if may_begin and seq == 1 and self._started and known != crc:
            self._begin_anew()
            return [OrderedLine(line, begins=True), *self._take(seq, crc, now_s)]
        if known is not None:
            if known != crc:
                self.other_history = seq
            return []
        if not self._started:
            self.start(seq, crc)
            return [OrderedLine(line, missing_before=seq > 1)]
        if seq == self.last_seq + 1:
            return [OrderedLine(line), *self._take(seq, crc, now_s)]
        if seq in self._earlier:
            self._earlier.discard(seq)
            self._remember(seq, crc)
            return [OrderedLine(line, late=True)]
        if seq in self._holes:
            self._holes.discard(seq)
            self._remember(seq, crc)
            return [OrderedLine(line, late=True, fills=not self._holes)]
        if seq <= self.last_seq:
            return []
        self._waiting[seq] = line
        self._remember(seq, crc)
        if self._since_s is None:
            self._since_s = now_s
        return self._pass_over() if len(self._waiting) > MAX_WAITING else []

    def timer(self, now_s: float) -> list[OrderedLine[T]]:
        """The lines that have waited long enough for one that is missing."""
        deadline_s = self.deadline_s
        return self._pass_over() if deadline_s is not None and now_s >= deadline_s else []

    def _take(self, seq: int, crc: str, now_s: float) -> list[OrderedLine[T]]:
        """The line with this seq is taken; those that waited for it follow."""
        self.last_seq = seq
        self._remember(seq, crc)
        ready: list[OrderedLine[T]] = []
        while (line := self._waiting.pop(self.last_seq + 1, None)) is not None:
            self.last_seq += 1
            ready.append(OrderedLine(line))
        if not self._waiting:
            self._since_s = None
        elif ready or self._since_s is None:
            self._since_s = now_s  # what is missing now is another line
        return ready

    def _pass_over(self) -> list[OrderedLine[T]]:
        """Wait no longer: go on behind the lines that are missing."""
        ready: list[OrderedLine[T]] = []
        for seq in sorted(self._waiting):
            missing = seq != self.last_seq + 1
            if missing:
                self._holes.update(range(max(self.last_seq + 1, seq - _HOLES_KEPT), seq))
            ready.append(OrderedLine(self._waiting[seq], missing_before=missing))
            self.last_seq = seq
        if len(self._holes) > _HOLES_KEPT:
            self._holes = set(sorted(self._holes)[-_HOLES_KEPT:])
        self._waiting.clear()
        self._since_s = None
        return ready

    def _begin_anew(self) -> None:
        self._waiting.clear()
        self._holes.clear()
        self._earlier.clear()
        self._known.clear()
        self._since_s = None

    def _remember(self, seq: int, crc: str) -> None:
        self._known[seq] = crc
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
