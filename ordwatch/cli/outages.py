"""Reports on stderr, also with -q, which venues are not live and which intervals stayed uncertain."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from ordwatch.cli.stderr import log
from ordwatch.core.errors import ReaderClosed
from ordwatch.core.escaping import safe_text
from ordwatch.core.records import LinkRecord, OutputRecord
from ordwatch.core.times import time_text
from ordwatch.core.venue_coverage import CoverageResult, UncertainInterval
from ordwatch.outputs.immediate_sink import ImmediateSink

if TYPE_CHECKING:
    from ordwatch.engine.ending import Outcome

OUTAGE_S = 60.0
"""A venue that is not live for longer is reported as an error."""
CHECK_S = 1.0
MAX_INTERVALS = 3
"""Uncertain intervals that the message about a venue lists."""


class Outages(ImmediateSink):
    """A sink that reports when a venue is not live for more than a minute, and when it is live again."""

    def __init__(self, venues: Iterable[str], *, now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._venues = {name: _Venue(name, now_s()) for name in venues}

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Note the states of links."""
        for record in (each.record for each in records):
            if isinstance(record, LinkRecord):
                name = record.venue
                if name not in self._venues:
                    self._venues[name] = _Venue(name, self._now_s())  # a follower meets its venues one by one
                self._venues[name].note(record, self._now_s())

    async def watch(self) -> None:
        """Check the venues once a second."""
        while True:
            await asyncio.sleep(CHECK_S)
            self.check()

    def check(self) -> None:
        """Report each venue that is not live for more than a minute, once."""
        for venue in self._venues.values():
            venue.check(self._now_s())

    def report_end(self, outcome: "Outcome") -> None:
        """Report each venue that never was live in the run; with --fail-on-gap also each venue with uncertain
        intervals. Nothing is reported if the reader of stdout closed it, nor about a venue whose first attempt was
        interrupted by a signal or a failed output.
        """
        if any(isinstance(failure, ReaderClosed) for failure in outcome.failures):
            return
        cut_short = outcome.signal is not None or outcome.output_failed
        for venue in self._venues.values():
            named = not venue.was_live and not venue.failed and (venue.detail is not None or not cut_short)
            facts = [f"never was live: {venue.reason}"] if named else []
            if outcome.fail_on_gap and (result := outcome.coverage.get(venue.name)) is not None:
                facts += _uncertain(result)
            if facts:
                log.error("%s: %s", venue.name, "; ".join(facts))
        if outcome.fail_on_gap and outcome.late_alive:
            log.error("uncertain: alive record too late: %s", outcome.late_alive[0])


def _uncertain(result: CoverageResult) -> Iterator[str]:
    """What is not covered and why; nothing if all is."""
    if result.uncertain:
        more = len(result.uncertain) - MAX_INTERVALS
        intervals = [_interval(interval) for interval in result.uncertain[:MAX_INTERVALS]]
        yield f"uncertain: {'; '.join(intervals + ([f'and {more} more'] if more > 0 else []))}"
    if result.open_gap is not None:
        yield f"gap {result.open_gap.gap} was not closed when the run ended"
    if result.without is not None:
        yield f"live without {safe_text(result.without, 300)}"


def _interval(interval: UncertainInterval) -> str:
    to = "?" if interval.to_ns is None else time_text(interval.to_ns)
    return f"{time_text(interval.from_ns)} to {to} ({safe_text(interval.reason, 300)})"


class _Venue:
    def __init__(self, name: str, now_s: float) -> None:
        self.name = name
        self.was_live = False
        self.failed = False
        self.detail: str | None = None
        """Why it is not live, if a link record gave a reason."""
        self._state = "connecting"
        self._down_since_s: float | None = now_s
        self._reported = False

    @property
    def reason(self) -> str:
        return self.detail or f"still {self._state}"

    def note(self, link: LinkRecord, now_s: float) -> None:
        if link.state == "live":
            self._live(now_s)
            return
        if self._down_since_s is None:
            self._down_since_s = now_s
            self.detail = None
        self._state = link.state
        self.failed = self.failed or link.state == "failed"
        if link.detail is not None:
            self.detail = safe_text(link.detail, 300)

    def _live(self, now_s: float) -> None:
        if self._reported and self._down_since_s is not None:
            log.error("%s: live again after %.0f s", self.name, now_s - self._down_since_s)
        self._down_since_s = None
        self._reported = False
        self.was_live = True

    def check(self, now_s: float) -> None:
        if self._down_since_s is None or self._reported or self.failed:
            return
        if now_s - self._down_since_s > OUTAGE_S:
            self._reported = True
            log.error("%s: not live for %.0f s: %s", self.name, now_s - self._down_since_s, self.reason)
