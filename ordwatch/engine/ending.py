"""Decides when a run ends, and what its end means: over all venues, limits and outputs.

Pure: no clock and no task. The run (run.py) reports its progress after every merge, when a venue was stopped and when
a deadline has passed, and does what is decided here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ordwatch.core.errors import OUTPUT_FAILED, OrdwatchError, ReaderClosed, worst
from ordwatch.core.records import AnyRecord
from ordwatch.core.venue_coverage import CoverageResult


def _every_record(_: AnyRecord) -> bool:
    return True


@dataclass(frozen=True)
class Limits:
    """When a run ends by itself; None: no such limit."""

    once: bool = False
    """End when every venue has answered its first query or refused it."""
    max_events: int | None = None
    """Order records for which `counts` is true."""
    duration_s: float | None = None
    connect_timeout_s: float | None = None
    """If no venue is live by then, or with `once` not every venue has answered: exit 69."""
    counts: Callable[[AnyRecord], bool] = _every_record

    def deadlines_s(self) -> list[float]:
        """The times since the start of the run at which a limit of time is reached, the first one first."""
        return sorted({each for each in (self.duration_s, self.connect_timeout_s) if each is not None})


class VenueProgress(NamedTuple):
    """How far one venue has come since the start of the run."""

    ever_live: bool = False
    answered: bool = False
    """Its first query was answered or refused."""
    stopped: bool = False
    """It is not tried again."""


class RunProgress(NamedTuple):
    """How far the run has come."""

    venues: Sequence[VenueProgress]
    events: int = 0
    """Order records that count for the limit."""
    passed_s: float = 0.0
    """The last deadline that has passed; 0 before the first."""


class Ending(NamedTuple):
    """The run ends now."""

    reason: str
    connected: bool = True
    """False: no venue became live within the connect time-out, or with `once` one did not answer."""


def ending(limits: Limits, progress: RunProgress) -> Ending | None:
    """Why the run ends now; None while it goes on. Where several limits are reached at once, the first listed counts.

    A time-out to connect comes before the duration: of two limits that end together, the one that failed is reported.
    """
    venues = progress.venues
    if venues and all(venue.stopped for venue in venues):
        return Ending("no venue is left to watch")
    all_answered = all(venue.answered or venue.stopped for venue in venues)
    if limits.once and all_answered:
        return Ending("every venue has answered")
    if limits.max_events is not None and progress.events >= limits.max_events:
        return Ending("event limit reached")
    if _has_passed(limits.connect_timeout_s, progress):
        if limits.once:
            return Ending("not every venue has answered in time", connected=False)
        if not any(venue.ever_live for venue in venues):
            return Ending("no venue became live in time", connected=False)
    if _has_passed(limits.duration_s, progress):
        return Ending("duration reached")
    return None


def _has_passed(deadline_s: float | None, progress: RunProgress) -> bool:
    return deadline_s is not None and progress.passed_s >= deadline_s


def must_pause(stalled: Iterable[bool]) -> bool:
    """Whether no venue may be connected: one of the outputs (for each, whether it is stalled) can take nothing more.

    Not only when all of them stall: what one output cannot take would be missing there in silence.
    """
    return any(stalled)


@dataclass
class Outcome:
    """How a run ended."""

    reason: str
    failures: list[Exception] = field(default_factory=list)
    """They decide the exit code: an OrdwatchError has its own, anything else 1."""
    uncertain_s: float = 0.0
    covered: bool = True
    """Whether every venue was live, and every interval since its first `live` is covered."""
    coverage: Mapping[str, CoverageResult] = field(default_factory=dict)
    """By venue, judged from the records of this run."""
    late_alive: Sequence[str] = ()
    """Alive records that came too late to prove what lies before them."""
    connected: bool = True
    """As in `Ending`."""
    signal: int | None = None
    """The signal that ended the run."""
    fail_on_gap: bool = False

    def judge(self, coverage: Mapping[str, CoverageResult], late_alive: Sequence[str]) -> None:
        """Note what the records of the whole run prove."""
        self.coverage, self.late_alive = coverage, late_alive
        self.uncertain_s = sum(result.uncertain_ns for result in coverage.values()) / 1e9
        self.covered = all(result.is_whole for result in coverage.values()) and not late_alive

    @property
    def output_failed(self) -> bool:
        """Whether records were not written; then the exit code shows it, even after a signal."""
        return bool(self._codes() & OUTPUT_FAILED)

    @property
    def exit_code(self) -> int:
        """128 + the signal if everything was written, else the code of the first cause in errors.PRECEDENCE."""
        codes = self._codes()
        if self.output_failed:
            return worst(codes - {ReaderClosed.exit_code})
        return worst(codes) if self.signal is None else 128 + self.signal

    def _codes(self) -> set[int]:
        codes = {exc.exit_code if isinstance(exc, OrdwatchError) else 1 for exc in self.failures}
        if not self.connected:
            codes.add(69)
        if self.fail_on_gap and not self.covered:
            codes.add(3)
        return codes
