"""What a recording proves: every line whole and in its place, every venue's coverage, the laws kept.

Reads files only, one line at a time; needs no configuration, and may read a file that is being written.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ordwatch.core.errors import InputMissing
from ordwatch.core.records import SCHEMA, AnyRecord, GapRecord, IoErrorRecord, RejectRecord, RepairRecord, SessionRecord
from ordwatch.core.times import time_text
from ordwatch.recording.coverage import Coverage
from ordwatch.recording.format import record
from ordwatch.recording.history import TOLD, proven_durable
from ordwatch.recording.invariants import MAX_TOLD, Laws
from ordwatch.recording.lock import is_held
from ordwatch.recording.overlap import Copies
from ordwatch.recording.reading import Damage, Line, may_be_torn_begin, read_lines
from ordwatch.recording.rotation import older_file
from ordwatch.recording.session_timeline import Story
from ordwatch.recording.verdict import (
    COVERED,
    DAMAGED,
    UNCERTAIN,
    FileFound,
    Interval,
    SessionFound,
    VenueFound,
    Verdict,
)

_READ = TOLD | {"reject", "io_error"}
_OPENING = frozenset({"repair", "prev_session", "session"})


class Peeked(NamedTuple):
    """A file and the seq of its first whole line; None if it has none."""

    path: Path
    first_seq: int | None


def check(paths: Sequence[Path]) -> Verdict:
    """What these files prove together; they are put in order by what they hold.

    Raises:
        InputMissing: One of them cannot be read.
    """
    files = in_order(paths)
    being_written = any(is_held(file.path) for file in files)
    reader = _Reader()
    for index, file in enumerate(files):
        later = [other.first_seq for other in files[index + 1 :] if other.first_seq is not None]
        reader.read(file, again_from=min(later, default=None), last=not later)
    return reader.verdict(being_written=being_written)


def in_order(paths: Sequence[Path]) -> list[Peeked]:
    """The files by the seq they begin with; a lock or a torn tail beside its recording is left out.

    Raises:
        InputMissing: One of them cannot be read.
    """
    beside = tuple(f"{path}{what}" for path in paths for what in (".lock", ".torn-"))
    files = [path for path in paths if not str(path).startswith(beside)]
    return sorted((_peeked(path) for path in files), key=lambda file: file.first_seq or 0)


def _peeked(path: Path) -> Peeked:
    try:
        with path.open("rb") as file:
            return Peeked(path, next((item.mark.seq for item in read_lines(file) if isinstance(item, Line)), None))
    except OSError as exc:
        raise InputMissing(f"{path}: cannot be read ({exc.strerror})") from exc


class _Reader:
    """Reads files in order and keeps what the verdict needs."""

    def __init__(self) -> None:
        self._story = Story()
        self._laws = Laws()
        self._copies = Copies()
        self._files: list[FileFound] = []
        self._sessions: list[SessionFound] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._repairs = 0
        self._damage: list[str] = []
        self._tail: list[tuple[int, str]] = []  # after which seq the last file is damaged, and how
        self._first_seq: int | None = None
        self._last_seq = 0
        self._last_type = ""
        self._taken: str | None = None
        self._durable_seq = 0
        self._missing = False  # lines before the next one cannot be read

    def read(self, peeked: Peeked, *, again_from: int | None, last: bool) -> None:
        """Read one more file. Lines from `again_from` on may stand in a later one again."""
        self._join(peeked)
        self._copies.expect(again_from)
        lines = 0
        damage_before = len(self._damage)
        foreign = False
        last_seq: int | None = None
        with peeked.path.open("rb") as file:
            for item in read_lines(file):
                if isinstance(item, Damage):
                    foreign = foreign or (item.number == 1 and not may_be_torn_begin(item.raw))
                    self._damaged(peeked.path, item, may_be_torn=last and not foreign)
                    continue
                lines += 1
                last_seq = item.mark.seq
                if last_seq > self._last_seq:
                    self._line(peeked.path, item)
                elif not self._copies.agree(item):
                    self._note(f"{peeked.path}: two histories from seq {last_seq} on: another file tells it otherwise")
                    break
        if foreign and not lines:
            del self._damage[damage_before:]
            self._note(f"{peeked.path}: not a recording of ordwatch; the next run refuses it: name another file")
        self._ends_as_named(peeked.path, last_seq)
        self._files.append(FileFound(path=str(peeked.path), lines=lines, first_seq=peeked.first_seq, last_seq=last_seq))

    def _ends_as_named(self, path: Path, last_seq: int | None) -> None:
        """A file that was rotated away was whole when it got its name; the next run holds it to that."""
        named = older_file(path)
        if named is None or not path.with_name(path.name.rpartition(".")[0]).exists():
            return
        if named.last_seq != last_seq:
            self._note(f"{path}: ends with seq {last_seq}, its name says {named.last_seq}; the next run refuses it")

    def _join(self, peeked: Peeked) -> None:
        if peeked.first_seq is None:
            return
        if self._first_seq is None:
            self._first_seq = peeked.first_seq
            self._last_seq = peeked.first_seq - 1
            self._missing = peeked.first_seq != 1
        elif peeked.first_seq > self._last_seq + 1:
            self._note(f"seq {self._last_seq + 1} to {peeked.first_seq - 1} stand in none of these files")
            self._last_seq = peeked.first_seq - 1
            self._missing = True

    def _damaged(self, path: Path, item: Damage, *, may_be_torn: bool) -> None:
        self._missing = True
        what = f"{path}: {item.place}"
        if may_be_torn and len(self._tail) < MAX_TOLD:
            self._tail.append((self._last_seq, what))
        else:
            self._note(what)

    def _note(self, what: str) -> None:
        if len(self._damage) < MAX_TOLD:
            self._damage.append(what)

    def _line(self, path: Path, line: Line) -> None:
        found = line.mark
        if self._missing or (self._last_type == "repair" and found.type not in _OPENING):
            self._story.miss()
            self._laws.miss()
            self._missing = False
        self._copies.keep(line)
        self._last_seq = found.seq
        self._last_type = found.type
        if found.type == "order":
            self._story.order(found)
            self._laws.order(found)
            self._counts["order", found.venue or ""] += 1
        elif found.type in _READ:
            try:
                self._record(record(line.raw), found.seq)
            except ValueError as exc:
                self._note(f"{path}: byte {line.offset}: {exc}")

    def _record(self, record: AnyRecord, seq: int) -> None:
        self._story.record(record)
        self._laws.record(record, seq)
        self._durable_seq = max(self._durable_seq, proven_durable(record, seq))
        match record:
            case SessionRecord() if record.schema != SCHEMA:
                self._note(f"seq {seq}: written as {record.schema[:40]}, this ordwatch knows {SCHEMA}")
            case SessionRecord(state="start"):
                self._sessions.append(SessionFound(start=record.at, end=None, exit=None))
            case SessionRecord() if self._sessions:
                start = self._sessions.pop().start
                self._sessions.append(SessionFound(start=start, end=record.at, exit=record.exit))
            case GapRecord(state="open"):
                self._counts["gap", record.venue] += 1
            case RejectRecord():
                self._counts["reject", record.venue] += 1 + record.suppressed
            case RepairRecord():
                self._repairs += 1
            case IoErrorRecord(op="cut" | "replaced" as what) if seq - 1 == self._first_seq != 1:
                # The second line of a new file that was begun because of that.
                self._taken = f"the file with seq {self._first_seq - 1} and before was {what} by somebody else"
            case _:
                pass

    def verdict(self, *, being_written: bool) -> Verdict:
        """What was found; nothing may be read after that."""
        damage = [*self._damage, *(what for after, what in self._tail if after < self._durable_seq)]
        tail = [what for after, what in self._tail if after >= self._durable_seq]
        goes_on = self._last_type == "rotate"
        stopped = self._story.running and not being_written and not goes_on
        venues = {name: self._venue(name, stopped=stopped) for name in self._story.coverage}
        uncertain = any(_is_uncertain(venue) for venue in venues.values())
        missing = self._taken is not None or not self._first_seq
        if damage or self._laws.broken:
            exit_code = DAMAGED
        elif uncertain or stopped or missing or self._laws.late or (tail and not being_written):
            exit_code = UNCERTAIN
        else:
            exit_code = COVERED
        return Verdict(
            exit_code=exit_code,
            being_written=being_written,
            goes_on=goes_on and not being_written,
            files=self._files,
            first_seq=self._first_seq,
            last_seq=self._last_seq if self._first_seq else None,
            lines=sum(file.lines for file in self._files),
            sessions=self._sessions,
            unclean_ends=sum(session.end is None for session in self._sessions) - (self._story.running - stopped),
            repairs=self._repairs,
            damage=damage,
            tail=tail[0] if tail else None,
            taken=self._taken,
            broken_laws=self._laws.broken,
            late_alive=self._laws.late,
            venues=venues,
        )

    def _venue(self, name: str, *, stopped: bool) -> VenueFound:
        coverage = self._story.coverage[name]
        self._finish(name, coverage, stopped=stopped)
        covered_s = coverage.covered_ns / 1e9
        uncertain_s = sum(lost.to_ns - lost.from_ns for lost in coverage.uncertain if lost.to_ns is not None) / 1e9
        return VenueFound(
            first_live=None if coverage.first_live_ns is None else time_text(coverage.first_live_ns),
            covered_s=round(covered_s, 6),
            uncertain_s=round(uncertain_s, 6),
            covered_percent=_percent(covered_s, uncertain_s) if coverage.first_live_ns is not None else None,
            uncertain=[
                Interval(
                    from_=time_text(lost.from_ns),
                    to=None if lost.to_ns is None else time_text(lost.to_ns),
                    reason=lost.reason,
                )
                for lost in coverage.uncertain
            ],
            open_gap=None if coverage.gap is None else coverage.gap.gap,
            without=self._story.without.get(name),
            orders=self._counts["order", name],
            gaps=self._counts["gap", name],
            rejects=self._counts["reject", name],
        )

    def _finish(self, name: str, coverage: Coverage, *, stopped: bool) -> None:
        story = self._story
        if not (story.running and name in story.watched):
            coverage.finish(story.watched_until.get(name))
        elif stopped:
            coverage.stop("stopped without an end")
            coverage.finish(None)
        else:
            coverage.finish(story.last_passed_ns)


def _is_uncertain(venue: VenueFound) -> bool:
    never_live = venue.first_live is None
    return never_live or bool(venue.uncertain) or venue.open_gap is not None or venue.without is not None


def _percent(covered_s: float, uncertain_s: float) -> float:
    """Rounded down, so that 100 means all."""
    whole = covered_s + uncertain_s
    return int(covered_s / whole * 10_000) / 100 if whole else 100.0
