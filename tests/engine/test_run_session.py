"""What every run has: the records of its start and end, its limits, and when it is reported alive."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
import pytest

from ordwatch.core.errors import AuthError, OutputError
from ordwatch.core.events import GapUpdate, LinkState
from ordwatch.core.records import AnyRecord, SessionRecord
from ordwatch.engine import run_session
from ordwatch.engine.ending import Limits, VenueProgress
from ordwatch.engine.run_session import RunFacts, RunSession
from tests.recording.samples import alive, link, order
from tests.support.collect import Collected
from tests.support.simulated import in_simulated_time

COUNTS = {"updates": 7, "written": 4, "duplicates": 3, "rejected": 2, "gaps_opened": 1, "gaps_closed": 1}
LIVE, AWAY, STOPPED = VenueProgress(ever_live=True, answered=True), VenueProgress(), VenueProgress(stopped=True)


def facts() -> RunFacts:
    return RunFacts({"alpha": "toy", "beta": "coin"}, Counter(COUNTS), simulated=True, config_sha256="abc")


def session(
    out: Collected | None = None,
    limits: Limits | None = None,
    *,
    progress: Callable[[], Sequence[VenueProgress]] = tuple,
    open_gaps: Sequence[GapUpdate] = (),
    fail_on_gap: bool = False,
) -> RunSession:
    sinks = [] if out is None else [out]
    return RunSession(
        sinks, limits or Limits(), facts=facts, progress=progress, open_gaps=open_gaps, fail_on_gap=fail_on_gap
    )


def sessions(out: Collected) -> list[SessionRecord]:
    return [record for record in out.records if isinstance(record, SessionRecord)]


async def test_the_start_and_the_end_say_what_the_run_was() -> None:
    out = Collected()
    run = session(out)
    before = run.has_begun
    run.begin()
    run.stop("enough")
    await run.end()

    start, end = sessions(out)
    assert (before, start.state, end.state) == (False, "start", "end")
    for record in (start, end):
        assert (record.venues, record.kinds) == (["alpha", "beta"], {"alpha": "toy", "beta": "coin"})
        assert (record.simulated, record.config_sha256) == (True, "abc")
    assert (start.reason, start.exit, start.counts, start.uncertain_s) == (None, None, None, None)
    assert (end.reason, end.exit, end.counts) == ("enough", 0, COUNTS)


async def test_a_gap_that_the_recording_left_open_is_uncertain_at_the_end() -> None:
    gap = GapUpdate(venue="alpha", gap="alpha-1", state="open", cause="eof", from_ns=5_000_000_000, at_ns=6_000_000_000)
    out = Collected()
    run = session(out, open_gaps=[gap], fail_on_gap=True)
    run.begin()
    await run.end()

    [_, end] = sessions(out)
    assert (run.outcome.covered, end.exit) == (False, 3)
    assert (end.uncertain_s or 0) > 1e9
    assert set(run.outcome.coverage) == {"alpha", "beta"}


async def test_the_exit_code_in_the_record_is_that_of_the_run() -> None:
    out = Collected()
    run = session(out)
    run.begin()
    run.outcome.failures.append(AuthError("no"))
    await run.end()

    assert (sessions(out)[-1].exit, run.outcome.exit_code) == (77, 77)


def test_the_limit_of_events_counts_the_orders_that_it_is_for() -> None:
    run = session(limits=Limits(max_events=2, counts=lambda record: record.venue == "alpha"), progress=lambda: [LIVE])  # type: ignore[union-attr]
    left = [run.events_left]
    groups: list[list[AnyRecord]] = [[order("1"), link("live")], [order("2", venue="beta")], [order("3"), alive(5)]]
    for records in groups:
        run.write(records)
        left.append(run.events_left)

    assert left == [2, 1, 1, 0]
    assert (run.is_stopped, run.outcome.reason, run.outcome.connected) == (True, "event limit reached", True)


def test_without_a_limit_any_number_of_events_is_left() -> None:
    run = session()
    run.write([order("1")])

    assert (run.events_left, run.is_stopped) == (None, False)


def test_a_limit_is_looked_at_though_nothing_was_written() -> None:
    run = session(progress=lambda: [STOPPED, STOPPED])
    run.write([])

    assert (run.is_stopped, run.outcome.reason) == (True, "no venue is left to watch")


@in_simulated_time
async def test_the_first_limit_of_time_that_decides_ends_the_run() -> None:
    run = session(limits=Limits(duration_s=30.0, connect_timeout_s=10.0), progress=lambda: [AWAY])
    began_s = asyncio.get_running_loop().time()
    await run.run([])

    assert asyncio.get_running_loop().time() - began_s == pytest.approx(10.0, abs=0.1)
    assert (run.outcome.reason, run.outcome.connected) == ("no venue became live in time", False)


@in_simulated_time
async def test_what_a_run_does_is_cancelled_at_its_end_and_its_bug_is_a_failure() -> None:
    cancelled: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append("forever")

    async def broken() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    run = session(limits=Limits(duration_s=5.0))
    await run.run([forever()])
    fails = session()
    await fails.run([forever(), broken()])

    assert cancelled == ["forever"] * 2
    assert (run.outcome.reason, run.outcome.failures) == ("duration reached", [])
    assert (fails.outcome.reason, [type(each) for each in fails.outcome.failures]) == (
        "internal error",
        [ZeroDivisionError],
    )


@in_simulated_time
async def test_an_output_that_fails_ends_the_run() -> None:
    class Failing(Collected):
        async def watch(self) -> None:
            await asyncio.sleep(1)
            raise OutputError("disk full")

    run = session(Failing())
    await run.run([])

    assert (run.outcome.reason, run.outcome.exit_code) == ("the output failed", 74)


@pytest.mark.parametrize(
    ("state", "expected_s"), [("live", [10, 15, 25, 35]), ("reconciling", [10, 20, 30]), ("stale", [10, 20, 30])]
)
@in_simulated_time
async def test_a_run_is_reported_alive_in_its_period_and_when_a_venue_becomes_live(
    state: LinkState, expected_s: list[float]
) -> None:
    run = session()
    reported_s: list[float] = []
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    async def report() -> None:
        reported_s.append(loop.time() - began_s)

    async def change() -> None:
        await asyncio.sleep(15)
        run.write([link("down"), link(state)])

    with suppress(TimeoutError):
        async with asyncio.timeout(3.6 * run_session.ALIVE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(change())
            await run.alive_forever(report)

    assert reported_s == pytest.approx(expected_s, abs=0.1)


def test_one_stalled_output_pauses_the_run() -> None:
    one, other = Collected(), Collected()
    run = RunSession([one, other], Limits(), facts=facts, progress=tuple)
    paused = [run.must_pause]
    other.stalled = True
    paused.append(run.must_pause)

    assert paused == [False, True]


async def test_each_output_is_waited_for_until_it_takes_more() -> None:
    waited: list[str] = []

    class Slow(Collected):
        async def drain(self) -> None:
            await asyncio.sleep(0)
            waited.append("one")

    await RunSession([Slow(), Slow()], Limits(), facts=facts, progress=tuple).drain()

    assert waited == ["one"] * 2


def test_records_reach_each_output_in_order() -> None:
    one, other = Collected(), Collected()
    records: list[AnyRecord] = [order("1"), msgspec.structs.replace(order("2"), venue="beta"), link("down")]
    RunSession([one, other], Limits(), facts=facts, progress=tuple).write(records)

    assert one.records == other.records == records
