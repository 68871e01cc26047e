"""The conservation laws of a recording: what came in went somewhere, what was opened was closed or is open."""

from collections import Counter
from collections.abc import Mapping

from ordwatch.core.records import AliveRecord, AnyRecord, ClockRecord, GapRecord, SessionRecord
from ordwatch.core.times import time_ns
from ordwatch.recording.format import Mark

ALIVE_PERIOD_S = 10
MAX_TOLD = 100


class Laws:
    """Follows the records and notes each law that does not hold."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        """Laws of counting: these say that the recording is not what its writer took in. At most MAX_TOLD."""
        self.late: list[str] = []
        """Alive records that came too late: what lies between proves nothing. At most MAX_TOLD."""
        self._open_gaps: set[str] = set()
        self._used_gaps: set[str] = set()
        self._open_now: dict[str, str] = {}  # by venue, the gap that this session has open
        self._whole = True
        self._written: Counter[str] = Counter()
        self._excess: dict[str, int] | None = {}  # updates in that the lines read do not explain; None: not known yet
        self._counted = True  # all of this session was read
        self._gaps: Counter[str] = Counter()
        self._alive_ns: int | None = None

    def order(self, mark: Mark) -> None:
        """An order record was read."""
        self._written[mark.venue or ""] += 1

    def record(self, record: AnyRecord, seq: int) -> None:
        """Any other record was read."""
        match record:
            case SessionRecord(state="start"):
                self._start()
            case SessionRecord(counts=dict(counts)):
                self._end(counts, seq)
            case AliveRecord():
                self._alive(record, seq)
            case ClockRecord():
                self._alive_ns = None
            case GapRecord(state="open"):
                self._open(record, seq)
            case GapRecord():
                self._close(record, seq)
            case _:
                pass

    def miss(self) -> None:
        """Records are missing here: counts start anew."""
        self._whole = False
        self._excess = None
        self._counted = False
        self._written.clear()
        self._open_now.clear()
        self._alive_ns = None

    def _start(self) -> None:
        self._written.clear()
        self._excess = {}
        self._counted = True
        self._gaps.clear()
        self._open_now.clear()
        self._alive_ns = None

    def _end(self, counts: Mapping[str, int], seq: int) -> None:
        told = {
            "written": self._written.total(),
            "gaps_opened": self._gaps["open"],
            "gaps_closed": self._gaps["closed"],
        }
        for name, found in told.items():
            if self._counted and counts.get(name, found) != found:
                self._break(f"seq {seq}: the session counts {counts[name]} {name}, the recording holds {found}")
        updates, written, duplicates = (counts.get(name, 0) for name in ("updates", "written", "duplicates"))
        if updates != written + duplicates:
            self._break(f"seq {seq}: {updates} updates in, but {written} written and {duplicates} duplicates")

    def _alive(self, record: AliveRecord, seq: int) -> None:
        at_ns = time_ns(record.at)
        if self._alive_ns is not None and at_ns - self._alive_ns > 2 * ALIVE_PERIOD_S * 10**9:
            late_s = (at_ns - self._alive_ns) / 1e9
            _note(self.late, f"seq {seq}: {late_s:.0f} s since the alive record before")
        self._alive_ns = at_ns
        excess = {name: venue.updates - venue.duplicates - self._written[name] for name, venue in record.venues.items()}
        for name, venue in record.venues.items():
            before = excess[name] if self._excess is None else self._excess.get(name, 0)
            if excess[name] != before:
                written = self._written[name] + before
                self._break(
                    f"seq {seq}: {name}: {venue.updates} updates in, but {written} written and "
                    f"{venue.duplicates} duplicates"
                )
        self._excess = excess

    def _open(self, gap: GapRecord, seq: int) -> None:
        self._gaps["open"] += 1
        if gap.gap in self._used_gaps:
            self._break(f"seq {seq}: gap {gap.gap} was opened before")
        elif gap.venue in self._open_now:
            self._break(f"seq {seq}: gap {gap.gap} opened while {self._open_now[gap.venue]} is open")
        self._used_gaps.add(gap.gap)
        self._open_gaps.add(gap.gap)
        self._open_now[gap.venue] = gap.gap

    def _close(self, gap: GapRecord, seq: int) -> None:
        self._gaps["closed"] += 1
        if self._whole and gap.gap not in self._open_gaps:
            self._break(f"seq {seq}: gap {gap.gap} closed, but it was not open")
        self._open_gaps.discard(gap.gap)
        self._open_now.pop(gap.venue, None)

    def _break(self, law: str) -> None:
        _note(self.broken, law)


def _note(laws: list[str], law: str) -> None:
    if len(laws) < MAX_TOLD:
        laws.append(law)
