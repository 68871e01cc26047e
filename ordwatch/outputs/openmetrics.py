"""What a run's metrics are, as OpenMetrics text (version 1.0.0), and whether every venue is live. No I/O.

Names are fixed: dashboards and alerts rely on them. A value that is not known has no sample.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from ordwatch.core.escaping import safe_text
from ordwatch.core.events import VenueStats
from ordwatch.core.records import AliveRecord, AnyRecord, GapRecord, SessionRecord
from ordwatch.core.times import time_ns

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Number = int | float


class Process(NamedTuple):
    """What is measured of the whole process."""

    queue: int = 0
    loop_lag_s: float = 0.0
    memory_bytes: int = 0
    synced_seq: int | None = None


class _Family(NamedTuple):
    name: str
    type: Literal["gauge", "counter"]
    help: str
    unit: str = ""


_VENUE: tuple[tuple[_Family, Callable[[VenueStats, int, int | None], Number | None]], ...] = (
    (
        _Family("ordwatch_venue_live", "gauge", "1 if the venue is live"),
        lambda venue, now_ns, gap_ns: int(venue.state == "live"),
    ),
    (
        _Family("ordwatch_venue_life_age_seconds", "gauge", "Time since the last message of the venue", "seconds"),
        lambda venue, now_ns, gap_ns: _seconds_since(venue.last_rx_ns, now_ns),
    ),
    (
        _Family("ordwatch_venue_gap_open_seconds", "gauge", "Length of the open gap so far; 0 if none", "seconds"),
        lambda venue, now_ns, gap_ns: _seconds_since(gap_ns, now_ns) or 0,
    ),
    (
        _Family("ordwatch_venue_updates", "counter", "Order updates received"),
        lambda venue, now_ns, gap_ns: venue.updates,
    ),
    (
        _Family("ordwatch_venue_duplicates", "counter", "Order updates that said nothing new"),
        lambda venue, now_ns, gap_ns: venue.duplicates,
    ),
    (
        _Family("ordwatch_venue_rejects", "counter", "Input that could not be read"),
        lambda venue, now_ns, gap_ns: venue.rejected,
    ),
    (
        _Family("ordwatch_venue_reconnects", "counter", "Connections after the first"),
        lambda venue, now_ns, gap_ns: venue.reconnects,
    ),
    (
        _Family("ordwatch_venue_open_orders", "gauge", "Orders that are open"),
        lambda venue, now_ns, gap_ns: venue.open_orders,
    ),
    (
        _Family("ordwatch_venue_round_trip_seconds", "gauge", "Time until the last heartbeat was answered", "seconds"),
        lambda venue, now_ns, gap_ns: None if venue.rtt_ms is None else round(venue.rtt_ms / 1000, 6),
    ),
    (
        _Family("ordwatch_venue_clock_offset_seconds", "gauge", "The venue's clock minus ours", "seconds"),
        lambda venue, now_ns, gap_ns: venue.clock_offset_s,
    ),
)

_PROCESS: tuple[tuple[_Family, Callable[[Process], Number | None]], ...] = (
    (_Family("ordwatch_queue", "gauge", "Events that wait to be merged"), lambda process: process.queue),
    (
        _Family("ordwatch_loop_lag_seconds", "gauge", "Longest delay of the event loop in the last 10 s", "seconds"),
        lambda process: process.loop_lag_s,
    ),
    (
        _Family("ordwatch_memory_bytes", "gauge", "Memory of the process, resident", "bytes"),
        lambda process: process.memory_bytes,
    ),
    (
        _Family("ordwatch_synced_seq", "gauge", "Highest seq of the recording that is durable"),
        lambda process: process.synced_seq,
    ),
)


class RunMetrics:
    """Follows the records and statistics of one run."""

    def __init__(self, stats: Callable[[], Mapping[str, VenueStats]], open_gaps: Iterable[GapRecord] = ()) -> None:
        """`open_gaps`: those that a continued recording has open."""
        self._stats = stats
        self._gap_ns = {gap.venue: time_ns(gap.from_) for gap in open_gaps}
        self._alive = Process()
        self._ended = False

    def record(self, record: AnyRecord) -> None:
        """Take the next record."""
        match record:
            case GapRecord(state="open"):
                self._gap_ns[record.venue] = time_ns(record.from_)
            case GapRecord():
                self._gap_ns.pop(record.venue, None)
            case AliveRecord():
                self._alive = Process(queue=record.queue, loop_lag_s=round(record.loop_lag_ms / 1000, 6))
            case SessionRecord(state="end"):
                self._ended = True
            case _:
                pass

    def not_live(self) -> dict[str, str]:
        """The venues that are not live, and their states; all of them once the run has ended."""
        return {name: venue.state for name, venue in self._venues().items() if venue.state != "live"}

    def text(self, *, now_ns: int, memory_bytes: int, synced_seq: int | None) -> str:
        """All metrics at that time."""
        process = self._alive._replace(memory_bytes=memory_bytes, synced_seq=synced_seq)
        return "\n".join([*self._venue_lines(now_ns), *_process_lines(process), "# EOF", ""])

    def _venues(self) -> Mapping[str, VenueStats]:
        stats = self._stats()
        if not self._ended:
            return stats
        # Whoever reads a file that is left behind must not take the venues for watched.
        return {name: _not_watched(venue) for name, venue in stats.items()}

    def _venue_lines(self, now_ns: int) -> Iterator[str]:
        venues = self._venues()
        for family, value in _VENUE:
            values = {name: value(venue, now_ns, self._gap_ns.get(name)) for name, venue in venues.items()}
            yield from _lines(family, {f'{{venue="{_escaped(name)}"}}': number for name, number in values.items()})


def _not_watched(venue: VenueStats) -> VenueStats:
    return VenueStats(
        state="down",
        last_rx_ns=venue.last_rx_ns,
        updates=venue.updates,
        duplicates=venue.duplicates,
        rejected=venue.rejected,
        reconnects=venue.reconnects,
        open_orders=venue.open_orders,
    )


def _process_lines(process: Process) -> Iterator[str]:
    for family, value in _PROCESS:
        yield from _lines(family, {"": value(process)})


def _lines(family: _Family, samples: Mapping[str, Number | None]) -> Iterator[str]:
    known = {labels: value for labels, value in samples.items() if value is not None}
    if not known:
        return
    yield f"# TYPE {family.name} {family.type}"
    if family.unit:
        yield f"# UNIT {family.name} {family.unit}"
    yield f"# HELP {family.name} {family.help}."
    suffix = "_total" if family.type == "counter" else ""
    for labels, value in known.items():
        yield f"{family.name}{suffix}{labels} {value!r}"


def _seconds_since(from_ns: int | None, now_ns: int) -> float | None:
    """Never negative: the wall clock may have been put back."""
    return None if from_ns is None else max(0.0, round((now_ns - from_ns) / 1e9, 6))


def _escaped(label: str) -> str:
    return safe_text(label).replace("\\", "\\\\").replace('"', '\\"')
