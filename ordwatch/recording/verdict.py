"""What verify found, as a value, as text and as JSON."""

import json
from collections.abc import Iterator

import msgspec

from ordwatch.core.escaping import safe_text
from ordwatch.core.records import Time

COVERED = 0
UNCERTAIN = 3
DAMAGED = 65


class FileFound(msgspec.Struct, frozen=True, kw_only=True):
    """One file and the lines in it."""

    path: str
    lines: int
    first_seq: int | None
    last_seq: int | None


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which a venue was not seen; `to` is null if nobody knows until when."""

    from_: Time = msgspec.field(name="from")
    to: Time | None
    reason: str


class VenueFound(msgspec.Struct, frozen=True, kw_only=True):
    """What is proven of one venue."""

    first_live: Time | None
    covered_s: float
    uncertain_s: float
    """Of the intervals whose end is known."""
    covered_percent: float | None
    uncertain: list[Interval]
    open_gap: str | None
    """The id of a gap that was never closed."""
    without: str | None
    """The parts of it (accounts, pairs, markets) that its last `live` record does not cover, and why."""
    orders: int
    gaps: int
    rejects: int


class SessionFound(msgspec.Struct, frozen=True, kw_only=True):
    """One run that wrote into the recording; `end` is null if it stopped without one."""

    start: Time
    end: Time | None
    exit: int | None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording proves."""

    exit_code: int = msgspec.field(name="exit")
    being_written: bool
    """A recorder holds it now: what follows the last proof is still to come, not uncertain."""
    goes_on: bool
    """It goes on in a file that was not given."""
    files: list[FileFound]
    first_seq: int | None
    last_seq: int | None
    lines: int
    sessions: list[SessionFound]
    unclean_ends: int
    repairs: int
    damage: list[str]
    """Damage in durable data, holes, second histories."""
    tail: str | None
    """Damage that a crash may leave; the next run cuts it off."""
    taken: str | None
    """What was done to the file before the first of these, whose lines stand in none of them."""
    broken_laws: list[str]
    late_alive: list[str]
    venues: dict[str, VenueFound]

    def json(self) -> str:
        """One line of JSON, in ASCII: names of files and of venues may hold anything."""
        return json.dumps(msgspec.to_builtins(self), separators=(",", ":"))

    def text(self) -> str:
        """For people, several lines."""
        return "\n".join(safe_text(line, 1000) for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for file in self.files:
            yield f"{file.path}: {file.lines} lines, seq {file.first_seq} to {file.last_seq}"
        yield (
            f"{_count(len(self.sessions), 'session')}, {_count(self.unclean_ends, 'unclean end')}, "
            f"{_count(self.repairs, 'repair')}{', still being written' if self.being_written else ''}"
            f"{', goes on in a file not given' if self.goes_on else ''}"
        )
        for name, venue in self.venues.items():
            yield from _venue(name, venue)
        yield from (f"damaged: {what}" for what in self.damage)
        if self.tail is not None:
            yield f"torn tail: {self.tail}{self._fate_of_tail()}"
        if self.taken is not None:
            yield f"missing: {self.taken}; its lines stand in none of these files"
        yield from (f"law broken: {law}" for law in self.broken_laws)
        yield from (f"alive too late: {late}" for late in self.late_alive)
        if not self.damage and not self.broken_laws:
            yield "laws hold: seq without hole or repeat; updates = written + duplicates; gaps opened = closed + open"
        yield _SAYS[self.exit_code]

    def _fate_of_tail(self) -> str:
        if self.being_written:
            return "; it is being written"
        # A run that continues a damaged recording refuses it as a whole.
        return "" if self.damage else "; the next run saves it and cuts it off"


_SAYS = {
    COVERED: "covered: nothing was missed",
    UNCERTAIN: "uncertain: something may have been missed",
    DAMAGED: "damaged: the recording does not prove what it should",
}


def _venue(name: str, venue: VenueFound) -> Iterator[str]:
    counts = f"{_count(venue.orders, 'order line')}, {_count(venue.gaps, 'gap')}, {_count(venue.rejects, 'reject')}"
    if venue.first_live is None:
        yield f"{name}: never live; {counts}"
        return
    yield f"{name}: {venue.covered_percent} % covered since {venue.first_live}; {counts}"
    for uncertain in venue.uncertain:
        yield f"{name}: uncertain from {uncertain.from_} to {uncertain.to or '?'}: {uncertain.reason}"
    if venue.open_gap is not None:
        yield f"{name}: gap {venue.open_gap} is still open"
    if venue.without is not None:
        yield f"{name}: live without {venue.without}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
