"""What must hold in every recording: each update was written or is a duplicate, each gap that closes was open; and
two files that hold the same seq hold the same line.
"""

from array import array
from collections import Counter
from collections.abc import Mapping

from ordwatch.core.records import AliveRecord, AnyRecord, GapRecord, SessionRecord
from ordwatch.recording.format import Mark
from ordwatch.recording.reading import Line

MAX_LISTED = 100
"""Findings of one kind that a verdict lists."""

_MOST_MISSING = 1_000_000


class Invariants:
    """Follows the records and lists what does not add up."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        """Counts that disagree: the recording is not what its writer received. At most MAX_LISTED."""
        self._open_gaps: set[str] = set()
        self._used_gaps: set[str] = set()
        self._open_now: dict[str, str] = {}  # by venue, the gap that this session has open
        self._complete = True  # no record was missing so far
        self._written: Counter[str] = Counter()
        self._excess: dict[str, int] | None = {}  # updates that the lines read do not explain; None: not known yet
        self._session_complete = True  # all of this session was read
        self._gaps: Counter[str] = Counter()

    def order(self, mark: Mark) -> None:
        """Take an order record."""
        self._written[mark.venue or ""] += 1

    def record(self, record: AnyRecord, seq: int) -> None:
        """Take any other record."""
        match record:
            case SessionRecord(state="start"):
                self._session_started()
            case SessionRecord(counts=dict(counts)):
                self._session_ended(counts, seq)
            case AliveRecord():
                self._alive(record, seq)
            case GapRecord(state="open"):
                self._gap_opened(record, seq)
            case GapRecord():
                self._gap_closed(record, seq)
            case _:
                pass

    def records_missing(self) -> None:
        """Records are missing here: counting starts again."""
        self._complete = False
        self._excess = None
        self._session_complete = False
        self._written.clear()
        self._open_now.clear()

    def _session_started(self) -> None:
        self._written.clear()
        self._excess = {}
        self._session_complete = True
        self._gaps.clear()
        self._open_now.clear()

    def _session_ended(self, counts: Mapping[str, int], seq: int) -> None:
        in_recording = {
            "written": self._written.total(),
            "gaps_opened": self._gaps["open"],
            "gaps_closed": self._gaps["closed"],
        }
        for name, found in in_recording.items():
            if self._session_complete and counts.get(name, found) != found:
                self._note(f"seq {seq}: the session counts {counts[name]} {name}, the recording has {found}")
        updates, written, duplicates = (counts.get(name, 0) for name in ("updates", "written", "duplicates"))
        if updates != written + duplicates:
            self._note(f"seq {seq}: {updates} updates received, but {written} written and {duplicates} duplicates")

    def _alive(self, record: AliveRecord, seq: int) -> None:
        excess = {name: venue.updates - venue.duplicates - self._written[name] for name, venue in record.venues.items()}
        for name, venue in record.venues.items():
            before = excess[name] if self._excess is None else self._excess.get(name, 0)
            if excess[name] != before:
                written = self._written[name] + before
                self._note(
                    f"seq {seq}: {name}: {venue.updates} updates received, but {written} written and "
                    f"{venue.duplicates} duplicates"
                )
        self._excess = excess

    def _gap_opened(self, gap: GapRecord, seq: int) -> None:
        self._gaps["open"] += 1
        if gap.gap in self._used_gaps:
            self._note(f"seq {seq}: gap {gap.gap} was opened before")
        elif gap.venue in self._open_now:
            self._note(f"seq {seq}: gap {gap.gap} opened while {self._open_now[gap.venue]} is open")
        self._used_gaps.add(gap.gap)
        self._open_gaps.add(gap.gap)
        self._open_now[gap.venue] = gap.gap

    def _gap_closed(self, gap: GapRecord, seq: int) -> None:
        self._gaps["closed"] += 1
        if self._complete and gap.gap not in self._open_gaps:
            self._note(f"seq {seq}: gap {gap.gap} closed, but it was not open")
        self._open_gaps.discard(gap.gap)
        self._open_now.pop(gap.venue, None)

    def _note(self, broken: str) -> None:
        if len(self.broken) < MAX_LISTED:
            self.broken.append(broken)


class OverlapCheck:
    """Keeps the checksums of lines that a later file may hold again: 4 to 8 bytes a line, none if no file follows."""

    def __init__(self) -> None:
        self._sums = array("Q")
        self._first_seq = 0
        self._from: int | None = None

    def expect(self, from_seq: int | None) -> None:
        """Lines from this seq on will be in a later file again; None: none will."""
        self._from = from_seq

    def keep(self, line: Line) -> None:
        """Take a line; each has a larger seq than the one before."""
        seq = line.mark.seq
        if self._from is None or seq < self._from:
            return
        if not self._sums:
            self._first_seq = seq
        missing = seq - self._first_seq - len(self._sums)
        if missing > _MOST_MISSING:
            self._sums, self._first_seq, missing = array("Q"), seq, 0
        self._sums.extend([0] * missing)
        self._sums.append(_checksum_and_length(line))

    def matches(self, line: Line) -> bool:
        """Whether the line is the one that was kept, or none was."""
        index = line.mark.seq - self._first_seq
        return not 0 <= index < len(self._sums) or self._sums[index] in (0, _checksum_and_length(line))


def _checksum_and_length(line: Line) -> int:
    # With the length it is never 0, which stands for a line that was not kept.
    return int(line.raw[-11:-3], 16) << 24 | len(line.raw)
