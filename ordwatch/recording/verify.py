"""What a recording proves: whole lines without a missing one, the coverage of each venue, consistent counts.

Reads files only, one line at a time; needs no configuration, and may read a file that is being written.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ordwatch.core.coverage import StreamCoverage
from ordwatch.core.records import SCHEMA, AnyRecord, GapRecord, IoErrorRecord, RejectRecord, RepairRecord, SessionRecord
from ordwatch.core.times import time_text
from ordwatch.core.venue_coverage import CoverageResult
from ordwatch.recording.format import record
from ordwatch.recording.history import TYPES_READ, proven_durable
from ordwatch.recording.inputs import OnRead
from ordwatch.recording.invariants import MAX_LISTED, Invariants, OverlapCheck
from ordwatch.recording.lock import is_held
from ordwatch.recording.reading import Damage, Line, RecordingFile, in_order, may_be_partial_start, read_lines
from ordwatch.recording.rotation import older_file
from ordwatch.recording.verdict import (
    COVERED,
    DAMAGED,
    UNCERTAIN,
    FileSummary,
    Interval,
    SessionSummary,
    VenueSummary,
    Verdict,
)

_READ = TYPES_READ | {"reject", "io_error"}
_BEGIN_SESSION = frozenset({"repair", "prev_session", "session"})


def check(paths: Sequence[Path], on_read: OnRead | None = None) -> Verdict:
    """What these files prove together; they are put in order by what they hold. `-` is stdin.

    Raises:
        InputMissing: One of them cannot be read.
        RecordingError: The compressed data of one is damaged.
    """
    files = in_order(paths)
    being_written = any(is_held(file.path) for file in files)
    reader = _Reader()
    for index, file in enumerate(files):
        later = [other.first_seq for other in files[index + 1 :] if other.first_seq is not None]
        reader.read(file, again_from=min(later, default=None), last=not later, on_read=on_read)
    return reader.verdict(being_written=being_written)


class _Reader:
    """Reads files in order and keeps what the verdict needs."""

    def __init__(self) -> None:
        self._coverage = StreamCoverage()
        self._invariants = Invariants()
        self._overlap = OverlapCheck()
        self._files: list[FileSummary] = []
        self._sessions: list[SessionSummary] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._repairs = 0
        self._damage: list[str] = []
        self._damage_at_end: list[tuple[int, str]] = []  # in the last file: after which seq, and what
        self._first_seq: int | None = None
        self._last_seq = 0
        self._last_type = ""
        self._moved_away: str | None = None
        self._durable_seq = 0
        self._missing = False  # lines before the next one are missing or cannot be read

    def read(self, file: RecordingFile, *, again_from: int | None, last: bool, on_read: OnRead | None) -> None:
        """Read one more file. Lines from `again_from` on may be in a later one again."""
        self._follow(file)
        self._overlap.expect(again_from)
        lines = 0
        damage_before = len(self._damage)
        foreign = False
        last_seq: int | None = None
        with file.open(on_read) as opened:
            for item in read_lines(opened):
                if isinstance(item, Damage):
                    foreign = foreign or (item.number == 1 and not may_be_partial_start(item.raw))
                    self._damaged(file.path, item, may_be_partial=last and not foreign)
                    continue
                lines += 1
                last_seq = item.mark.seq
                if last_seq > self._last_seq:
                    self._line(file.path, item)
                elif not self._overlap.matches(item):
                    self._note(f"{file.path}: contradicts another file from seq {last_seq} on")
                    break
        if foreign and not lines:
            del self._damage[damage_before:]
            self._note(f"{file.path}: not a recording of ordwatch; the next run refuses to write to it")
        self._ends_as_named(file.path, last_seq)
        self._files.append(FileSummary(path=str(file.path), lines=lines, first_seq=file.first_seq, last_seq=last_seq))

    def _ends_as_named(self, path: Path, last_seq: int | None) -> None:
        """A rotated file was whole when it got its name; the next run refuses it otherwise."""
        named = older_file(path)
        if named is None or not named.recording.exists():
            return
        if named.last_seq != last_seq:
            self._note(f"{path}: ends with seq {last_seq}, its name says {named.last_seq}; the next run refuses it")

    def _follow(self, file: RecordingFile) -> None:
        if file.first_seq is None:
            return
        if self._first_seq is None:
            self._first_seq = file.first_seq
            self._last_seq = file.first_seq - 1
            self._missing = file.first_seq != 1
        elif file.first_seq > self._last_seq + 1:
            self._note(f"seq {self._last_seq + 1} to {file.first_seq - 1} are in none of these files")
            self._last_seq = file.first_seq - 1
            self._missing = True

    def _damaged(self, path: Path, item: Damage, *, may_be_partial: bool) -> None:
        self._missing = True
        what = f"{path}: {item.place}"
        if may_be_partial and len(self._damage_at_end) < MAX_LISTED:
            self._damage_at_end.append((self._last_seq, what))
        else:
            self._note(what)

    def _note(self, what: str) -> None:
        if len(self._damage) < MAX_LISTED:
            self._damage.append(what)

    def _line(self, path: Path, line: Line) -> None:
        found = line.mark
        if self._missing or (self._last_type == "repair" and found.type not in _BEGIN_SESSION):
            self._coverage.records_missing()
            self._invariants.records_missing()
            self._missing = False
        self._overlap.keep(line)
        self._last_seq = found.seq
        self._last_type = found.type
        if found.type == "order":
            self._coverage.order(found.venue, found.source, found.received_at, found.collector)
            self._invariants.order(found)
            self._counts["order", found.venue or ""] += 1
        elif found.type in _READ:
            try:
                self._record(record(line.raw), found.seq)
            except ValueError as exc:
                self._note(f"{path}: byte {line.offset}: {exc}")

    def _record(self, record: AnyRecord, seq: int) -> None:
        self._coverage.record(record)
        self._invariants.record(record, seq)
        self._durable_seq = max(self._durable_seq, proven_durable(record, seq))
        match record:
            case SessionRecord() if record.schema != SCHEMA:
                self._note(f"seq {seq}: written as {record.schema[:40]}, this ordwatch knows {SCHEMA}")
            case SessionRecord(state="start"):
                self._sessions.append(SessionSummary(start=record.at, end=None, exit=None))
            case SessionRecord() if self._sessions:
                start = self._sessions.pop().start
                self._sessions.append(SessionSummary(start=start, end=record.at, exit=record.exit))
            case GapRecord(state="open"):
                self._counts["gap", record.venue] += 1
            case RejectRecord():
                self._counts["reject", record.venue] += 1 + record.suppressed
            case RepairRecord():
                self._repairs += 1
            case IoErrorRecord(op="cut" | "replaced" as what) if seq - 1 == self._first_seq != 1:
                # The second line of a new file that was begun because of that.
                self._moved_away = f"the file with seq {self._first_seq - 1} and before was {what} by another program"
            case _:
                pass

    def verdict(self, *, being_written: bool) -> Verdict:
        """What was found; nothing may be read after that."""
        damage = [*self._damage, *(what for after, what in self._damage_at_end if after < self._durable_seq)]
        tail = [what for after, what in self._damage_at_end if after >= self._durable_seq]
        continues = self._last_type == "rotate"
        stopped = self._coverage.running and not being_written and not continues
        results = {name: self._coverage.result(name, stopped=stopped) for name in self._coverage.venues}
        uncertain = not all(result.is_whole for result in results.values())
        missing = self._moved_away is not None or not self._first_seq
        if damage or self._invariants.broken:
            exit_code = DAMAGED
        elif uncertain or stopped or missing or self._coverage.late_alive or (tail and not being_written):
            exit_code = UNCERTAIN
        else:
            exit_code = COVERED
        return Verdict(
            exit_code=exit_code,
            being_written=being_written,
            continues=continues and not being_written,
            files=self._files,
            first_seq=self._first_seq,
            last_seq=self._last_seq if self._first_seq else None,
            lines=sum(file.lines for file in self._files),
            sessions=self._sessions,
            unclean_ends=sum(session.end is None for session in self._sessions) - (self._coverage.running - stopped),
            repairs=self._repairs,
            damage=damage,
            partial_write=tail[0] if tail else None,
            moved_away=self._moved_away,
            broken_invariants=self._invariants.broken,
            late_alive=self._coverage.late_alive,
            venues={name: self._summary(name, result) for name, result in results.items()},
        )

    def _summary(self, name: str, result: CoverageResult) -> VenueSummary:
        covered_s, uncertain_s = result.covered_ns / 1e9, result.uncertain_ns / 1e9
        return VenueSummary(
            first_live=None if result.first_live_ns is None else time_text(result.first_live_ns),
            covered_s=round(covered_s, 6),
            uncertain_s=round(uncertain_s, 6),
            covered_percent=_percent(covered_s, uncertain_s) if result.first_live_ns is not None else None,
            uncertain=[
                Interval(
                    from_=time_text(interval.from_ns),
                    to=None if interval.to_ns is None else time_text(interval.to_ns),
                    reason=interval.reason,
                )
                for interval in result.uncertain
            ],
            open_gap=None if result.open_gap is None else result.open_gap.gap,
            without=result.without,
            orders=self._counts["order", name],
            gaps=self._counts["gap", name],
            rejects=self._counts["reject", name],
        )


def _percent(covered_s: float, uncertain_s: float) -> float:
    """Rounded down, so that 100 means all."""
    whole = covered_s + uncertain_s
    return int(covered_s / whole * 10_000) / 100 if whole else 100.0
