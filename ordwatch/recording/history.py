"""What a recording hands to the session that continues it: seq, gaps, covered times, the last states of orders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import msgspec

from ordwatch.core.coverage import StreamCoverage
from ordwatch.core.errors import RecordingError
from ordwatch.core.order_entry import STATES_KEPT
from ordwatch.core.order_store import FINAL_KEPT
from ordwatch.core.records import (
    SCHEMA,
    AliveRecord,
    AnyRecord,
    GapRecord,
    OrderRecord,
    PrevSessionRecord,
    RepairRecord,
    RotatedFromRecord,
    SessionRecord,
)
from ordwatch.recording.format import MAX_LINE_BYTES, BadLine, Mark, is_whole, record
from ordwatch.recording.inputs import open_input
from ordwatch.recording.reading import Line

TYPES_READ = frozenset({"session", "gap", "link", "alive", "clock", "prev_session", "repair", "rotated_from"})
"""Types of records, besides orders, that the next session needs."""

_OFFSET_BITS = 48


class StoredOrders:
    """The last states of each order, read from the files each time it is iterated, in the order of the lines.

    Read it before anything is written: it knows the files by the names they had when the recording was opened.
    Iterating raises RecordingError where a line with a right checksum is no order of this schema.
    """

    def __init__(self, paths: Sequence[Path] = (), places: Sequence[int] = ()) -> None:
        self._paths = paths
        self._places = places

    def renamed(self, old: Path, new: Path) -> "StoredOrders":
        """The same, where a file has another name now."""
        return StoredOrders([new if path == old else path for path in self._paths], self._places)

    def __len__(self) -> int:
        return len(self._places)

    def are_whole(self) -> bool:
        """Whether every one of them is in its place, undamaged.

        Raises:
            OSError: A file cannot be read.
            RecordingError: The compressed data of one is damaged.
        """
        for index, places in groupby(self._places, key=lambda place: place >> _OFFSET_BITS):
            with open_input(self._paths[index]) as file:
                for place in places:
                    file.seek(place & (1 << _OFFSET_BITS) - 1)
                    if not is_whole(file.readline(MAX_LINE_BYTES + 1), b"order"):
                        return False
        return True

    def __iter__(self) -> Iterator[OrderRecord]:
        for index, places in groupby(self._places, key=lambda place: place >> _OFFSET_BITS):
            path = self._paths[index]
            with open_input(path) as file:
                for place in places:
                    offset = file.seek(place & (1 << _OFFSET_BITS) - 1)
                    try:
                        order = record(file.readline())
                    except BadLine as exc:
                        raise RecordingError(f"{path}: byte {offset}: {exc}") from exc
                    if isinstance(order, OrderRecord):
                        yield order


@dataclass(frozen=True)
class Continuation:
    """What the next session begins with. A new recording has all the defaults."""

    last_seq: int = 0
    """Of the last line, those written by recovery included."""
    clean: bool = True
    """Whether the session before ended orderly."""
    orders: StoredOrders = field(default_factory=StoredOrders)
    covered_until_ns: Mapping[str, int | None] = field(default_factory=dict)
    """By venue, for those that were ever live: until when they are known to be covered."""
    open_gaps: Mapping[str, GapRecord] = field(default_factory=dict)
    """By venue, gaps that the session before left open: they continue, with their id."""
    clock_went_back: frozenset[str] = frozenset()
    """Venues of which earlier times of receipt, since they were last covered, may be later ones."""
    gap_numbers: Mapping[str, int] = field(default_factory=dict)
    gap_number_floor: int = 0
    kinds: Mapping[str, str] = field(default_factory=dict)
    """By venue."""
    stream_seq: int | None = None
    """Of a follower's recording: the highest position in the stream of which it has an order."""
    published_seq: int = 0
    """Up to this line all were published, as the last `alive` record with such a number has it; 0: there is none."""

    def next_gap(self, venue: str) -> int:
        """The number of the venue's next gap: larger than any that the recording has used."""
        return 1 + max(self.gap_numbers.get(venue, 0), self.gap_number_floor)


_Key = tuple[str | None, str | None, str | None, str | None]


class History(msgspec.Struct):
    """Takes the lines of a recording, oldest first, and keeps what the next session needs.

    A structure, so that a checkpoint can hold all of it.
    """

    coverage: StreamCoverage = msgspec.field(default_factory=StreamCoverage)
    durable_seq: int = 0
    """Every line up to this one is known to be durable."""
    other_schema: str | None = None
    """The schema of a session, if it is not ours."""
    is_complete: bool = True
    """Whether no line is missing since the first of the recording."""
    files: list[int] = []
    """The files that lines came from, by the seq of their first line, which is the same whatever the name is."""
    _any_line: bool = False
    _open: dict[_Key, tuple[int, ...]] = {}
    _final: dict[_Key, tuple[int, ...]] = {}
    _gap_numbers: dict[str, int] = {}
    _published_seq: int = 0
    _kinds: dict[str, str] = {}
    _stream_seq: int | None = None

    def next_file(self, first_seq: int) -> None:
        """The lines that follow are in the file that begins with this seq."""
        self.files.append(first_seq)

    def lines_missing(self) -> None:
        """Lines are missing here."""
        self._any_line = True
        self.is_complete = False
        self.coverage.records_missing()

    def line(self, line: Line) -> None:
        """Take the next line.

        Raises:
            ValueError: It holds no record of this schema.
        """
        found = line.mark
        if not self._any_line:
            self._any_line = True
            if found.seq != 1:
                self.lines_missing()
        if found.type == "order":
            self.coverage.order(found.venue, found.source, found.received_at, found.collector)
            if found.stream_seq is not None:
                self._stream_seq = max(self._stream_seq or 0, found.stream_seq)
            if "late" not in found.flags:
                self._keep(found, line.offset)
        elif found.type in TYPES_READ:
            self._note(record(line.raw), found)

    def orders(self, files: Mapping[int, Path]) -> StoredOrders:
        """The last states of each order; `files` has the path of each file, by the seq of its first line."""
        places = sorted(place for kept in (self._open, self._final) for places in kept.values() for place in places)
        return StoredOrders(tuple(files[first_seq] for first_seq in self.files), places)

    def continuation(self, last_seq: int, files: Mapping[int, Path]) -> Continuation:
        """What the next session begins with; `last_seq` is that of the last line, `files` as for `orders`.

        Raises:
            ValueError: A time in a line cannot be read.
        """
        venues = self.coverage.venues
        return Continuation(
            last_seq=last_seq,
            clean=not self.coverage.running,
            orders=self.orders(files),
            covered_until_ns={name: venue.until_ns for name, venue in venues.items() if venue.until_ns is not None},
            open_gaps={name: venue.gap for name, venue in venues.items() if venue.gap is not None},
            clock_went_back=frozenset(name for name, venue in venues.items() if venue.clock_went_back),
            gap_numbers=dict(self._gap_numbers),
            # Each gap takes a line at least, so no number is larger than the seq it had then.
            gap_number_floor=0 if self.is_complete else last_seq,
            kinds=dict(self._kinds),
            stream_seq=self._stream_seq,
            published_seq=min(self._published_seq, last_seq),
        )

    def _keep(self, found: Mark, offset: int) -> None:
        key = (found.venue, found.environment, found.account, found.order_id)
        before = self._open.get(key) or self._final.pop(key, None) or ()
        # A tuple: the garbage collector would walk over 100,000 lists, and nothing else runs meanwhile.
        places = (*before, len(self.files) - 1 << _OFFSET_BITS | offset)[-STATES_KEPT:]
        if not found.final:
            self._open[key] = places
            return
        self._open.pop(key, None)
        self._final[key] = places
        if len(self._final) > FINAL_KEPT:
            del self._final[next(iter(self._final))]

    def _note(self, record: AnyRecord, found: Mark) -> None:
        self.coverage.record(record)
        self.durable_seq = max(self.durable_seq, proven_durable(record, found.seq))
        match record:
            case GapRecord():
                number = record.gap.removeprefix(f"{record.venue}-")
                if number.isdecimal() and len(number) < 19:
                    known = self._gap_numbers.get(record.venue, 0)
                    self._gap_numbers[record.venue] = max(known, int(number))
            case SessionRecord() if record.schema != SCHEMA:
                self.other_schema = record.schema
            case SessionRecord():
                self._kinds |= record.kinds or {}
            case AliveRecord():
                self._published_seq = record.published_seq or self._published_seq
            case RepairRecord():
                self.is_complete = False
            case _:
                pass


def proven_durable(record: AnyRecord, seq: int) -> int:
    """Up to which seq every line is durable if this record, with this seq, can be read; 0: unknown.

    A session end is written after a sync, and a session or file that continues others syncs them first.
    """
    match record:
        case AliveRecord():
            proven = record.synced_seq or 0
        case SessionRecord(state="end"):
            proven = seq - 1
        case PrevSessionRecord():
            proven = record.last_seq
        case RepairRecord():
            proven = record.after_seq
        case RotatedFromRecord():
            proven = record.prev_last_seq
        case _:
            proven = 0
    return min(proven, seq - 1)
