"""What every run has, whatever it reads: outputs, limits, the records of its start and end, and its outcome.

Used by the run that watches venues (run.py) and by the one that follows a stream (scale/following.py).
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from msgspec import structs

from ordwatch import __version__
from ordwatch.core.conversion import gap_record
from ordwatch.core.coverage import StreamCoverage
from ordwatch.core.errors import OrdwatchError, leaf_errors
from ordwatch.core.events import GapUpdate
from ordwatch.core.records import SCHEMA, AnyRecord, LinkRecord, OrderRecord, SessionRecord, for_outputs
from ordwatch.core.times import time_text
from ordwatch.engine.ending import Limits, Outcome, RunProgress, VenueProgress, ending, must_pause
from ordwatch.engine.output import Sink

log = logging.getLogger(__name__)

ALIVE_S = 10.0
STALL_CHECK_S = 0.1
SLICE = 64
"""Events merged in one step before other tasks run again."""
_COUNTS = ("updates", "written", "duplicates", "rejected", "gaps_opened", "gaps_closed")


class RunFacts(NamedTuple):
    """What the session records say of a run."""

    kinds: Mapping[str, str]
    """The kind of each venue, by name."""
    counts: Mapping[str, int]
    """The order store's."""
    simulated: bool
    config_sha256: str | None = None


class RunSession:
    """The session of one run: writes its records to the sinks until something ends it."""

    def __init__(
        self,
        sinks: Sequence[Sink],
        limits: Limits,
        *,
        facts: Callable[[], RunFacts],
        progress: Callable[[], Sequence[VenueProgress]],
        open_gaps: Iterable[GapUpdate] = (),
        fail_on_gap: bool = False,
    ) -> None:
        """`open_gaps`: those that a continued recording has left open."""
        self.sinks = sinks
        self.limits = limits
        self.outcome = Outcome(reason="stopped", fail_on_gap=fail_on_gap)
        self._facts = facts
        self._progress = progress
        self._stop = asyncio.Event()
        self._went_live = asyncio.Event()
        """A venue is live: an alive record is due at once, because only that one reports what the venue covers."""
        self._events = 0
        """Order records that count for the limit of events."""
        self._passed_s = 0.0
        """The last deadline that has passed, since the start of the run."""
        self._coverage = StreamCoverage()
        # No record of this run opens a gap that the recording has left open.
        self._coverage.records(gap_record(gap, recovered=None) for gap in open_gaps)

    @property
    def is_stopped(self) -> bool:
        """Whether the run ends, or has ended."""
        return self._stop.is_set()

    @property
    def has_begun(self) -> bool:
        """Whether the record of the start was written."""
        return self._coverage.running

    @property
    def events_left(self) -> int | None:
        """How many order records the limit of events still allows; None: any number."""
        most = self.limits.max_events
        return None if most is None else most - self._events

    def stop(self, reason: str, signal: int | None = None) -> None:
        """End the run; of several reasons the first counts."""
        if not self._stop.is_set():
            self.outcome.reason, self.outcome.signal = reason, signal
            self._stop.set()

    async def run(self, tasks: Iterable[Coroutine[None, None, None]]) -> None:
        """Run these, and what the sinks need, until something ends the run; then cancel them."""
        try:
            async with asyncio.TaskGroup() as group:
                every = [group.create_task(task) for task in (*(sink.watch() for sink in self.sinks), *tasks)]
                every.append(group.create_task(self._deadlines()))
                await self._stop.wait()
                for task in every:
                    task.cancel()
        except* OrdwatchError as failed:
            self._fail(failed, "the output failed")
        except* Exception as bugs:
            log.error("internal error", exc_info=bugs.exceptions[0])
            self._fail(bugs, "internal error")

    def _fail(self, group: BaseExceptionGroup[Exception], reason: str) -> None:
        self.outcome.failures += leaf_errors(group)
        self.stop(reason)

    async def _deadlines(self) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        for deadline_s in self.limits.deadlines_s():
            await asyncio.sleep(started_s + deadline_s - loop.time())
            self._passed_s = deadline_s
            self.end_if_decided()

    def end_if_decided(self) -> None:
        """Look whether a limit ends the run now."""
        end = ending(self.limits, RunProgress(self._progress(), self._events, self._passed_s))
        if end is not None and not self._stop.is_set():
            self.outcome.connected = end.connected
            self.stop(end.reason)

    async def alive_forever(self, alive: Callable[[], Awaitable[None]]) -> None:
        """Call this every ALIVE_S, and at once when a venue has become live."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(ALIVE_S):
                    await self._went_live.wait()
            self._went_live.clear()
            await alive()

    @property
    def must_pause(self) -> bool:
        """Whether an output can take nothing more."""
        return must_pause(sink.stalled for sink in self.sinks)

    async def drain(self) -> None:
        """Wait until each sink takes more."""
        for sink in self.sinks:
            await sink.drain()

    def begin(self) -> None:
        """Write the record of the start."""
        self.write([self._record("start")])

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Hand these to every sink, and look whether they end the run."""
        if records:
            self._coverage.records(records)
            self._hand_out(records)
            if any(isinstance(record, LinkRecord) and record.state == "live" for record in records):
                self._went_live.set()
            if self.limits.max_events is not None:
                counts = self.limits.counts
                self._events += sum(isinstance(record, OrderRecord) and counts(record) for record in records)
        self.end_if_decided()

    def _hand_out(self, records: Sequence[AnyRecord]) -> None:
        shared = for_outputs(records)
        for sink in self.sinks:
            sink.write(shared)

    async def end(self) -> None:
        """Write the record of the end, with what all records prove, and close the sinks."""
        end, outcome, coverage = self._record("end"), self.outcome, self._coverage
        coverage.record(end)
        names = dict.fromkeys([*end.venues, *coverage.venues])
        outcome.judge({name: coverage.result(name) for name in names}, coverage.late_alive)
        self._hand_out([structs.replace(end, exit=outcome.exit_code, uncertain_s=round(outcome.uncertain_s, 6))])
        closed = await asyncio.gather(*(sink.close() for sink in self.sinks), return_exceptions=True)
        outcome.failures += [error for error in closed if isinstance(error, Exception)]

    def _record(self, state: Literal["start", "end"]) -> SessionRecord:
        ended, facts = state == "end", self._facts()
        return SessionRecord(
            state=state,
            schema=SCHEMA,
            version=__version__,
            pid=os.getpid(),
            host=socket.gethostname(),
            venues=list(facts.kinds),
            kinds=dict(facts.kinds),
            simulated=facts.simulated,
            config_sha256=facts.config_sha256,
            reason=self.outcome.reason if ended else None,
            exit=None,
            counts={key: facts.counts[key] for key in _COUNTS} if ended else None,
            uncertain_s=None,
            at=time_text(time.time_ns()),
        )
