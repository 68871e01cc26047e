"""One venue kept covered, seen in what the engine writes: the second time, the third time, and with another venue."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from ordwatch.core.errors import AuthError, ConnectionLost
from ordwatch.core.events import Arrival, LinkUpdate, OrderUpdate, VenueStats
from ordwatch.engine.ending import Limits, Outcome
from ordwatch.engine.gaps import GapTracker
from ordwatch.engine.http import Http
from ordwatch.engine.moment import Moment
from ordwatch.engine.policy import Orders, Pace
from ordwatch.engine.queue import EventQueue
from ordwatch.engine.rates import Rates
from ordwatch.engine.run import ResumeState, Run, VenueResume
from ordwatch.engine.runner import Caller, Runner
from ordwatch.engine.venue_clock import MARGIN_NS
from ordwatch.venues.contract import (
    EVER,
    Call,
    ConnectionPlan,
    Emit,
    QueryResult,
    QuerySpec,
    Rate,
    Setup,
    VenueKind,
    reads_only,
)
from tests.support.collect import DEADLINE_S, Collected
from tests.support.toy import (
    TOY,
    ListOrders,
    ToyClient,
    ToyServer,
    ToySettings,
    toy_kind,
    toy_open,
    toy_query,
    toy_server,
    toy_update,
)

FAST = Pace(first_s=0.01, max_s=0.05, attempts_a_minute=10_000, bug_s=0.01, recheck_s=0.01, query_retry_s=(0.01, 0.05))
HOUR_NS = 3600 * 1_000_000_000


@dataclass
class Asked:
    """A toy venue's queries: what was asked, and what is answered."""

    result: QueryResult = field(default_factory=QueryResult)
    rows: Sequence[OrderUpdate] = ()
    specs: list[QuerySpec] = field(default_factory=list)

    async def query(self, setup: Setup[ToySettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
        self.specs.append(spec)
        await emit(self.rows)
        await toy_query(setup, spec, call, emit)
        return self.result

    @property
    def since(self) -> list[int | None]:
        return [spec.since_ns for spec in self.specs]


@dataclass
class Watched:
    """A run over some toy venues: `toy`, `toy2`, ..."""

    servers: list[ToyServer]
    out: Collected
    run: Run
    outcome: "asyncio.Task[Outcome]"

    async def live(self, times: int = 1, venue: str = "toy") -> None:
        await self.out.until(lambda: self.states(venue).count("live") >= times)

    async def closed_gaps(self, count: int) -> None:
        await self.out.until(lambda: sum(gap.state == "closed" for gap in self.out.gaps) >= count)

    def states(self, venue: str = "toy") -> list[str]:
        return [link.state for link in self.out.links if link.venue == venue]


@asynccontextmanager
async def watching(
    *queries: Asked, start: ResumeState | None = None, limits: Limits | None = None, pace: Pace = FAST, **settings: Any
) -> AsyncIterator[Watched]:
    async with asyncio.timeout(DEADLINE_S), AsyncExitStack() as stack:
        servers, venues = [], []
        for number, asked in enumerate(queries, start=1):
            server = await stack.enter_async_context(toy_server())
            venue: VenueKind = toy_kind(queried=asked.query)
            name = "toy" if number == 1 else f"toy{number}"
            servers.append(server)
            venues.append((venue, Setup(name, ToySettings(port=server.port, **settings))))
        out = Collected()
        run = Run(venues, [out], limits, start=start, pace=pace)
        outcome = asyncio.create_task(run.run())
        try:
            yield Watched(servers, out, run, outcome)
        finally:
            run.stop("test over")
            await outcome


def stated(at_ns: int, order_id: str = "1") -> OrderUpdate:
    """A row of the venue that bears this time of its clock."""
    row = toy_update("toy", order_id, "NEW", "0", "1", source="query")
    return msgspec.structs.replace(row, updated_ns=at_ns)


@pytest.mark.parametrize("ahead_ns", [-HOUR_NS, 600 * 10**9, HOUR_NS])
async def test_a_gap_is_asked_in_the_venues_time_whatever_our_clock_says(
    ahead_ns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_ns = time.time_ns
    venue_ns = true_ns()
    asked = Asked(rows=[stated(venue_ns)])

    monkeypatch.setattr(time, "time_ns", lambda: true_ns() + ahead_ns)
    async with watching(asked) as seen:
        await seen.live()
        seen.servers[0].drop()
        await seen.closed_gaps(1)

    assert asked.since[0] is None
    assert venue_ns - 30 * 10**9 - MARGIN_NS < (asked.since[1] or 0) <= venue_ns - MARGIN_NS
    assert seen.out.gaps[-1].outcome == "recovered"


async def test_a_clock_put_back_during_an_outage_leaves_the_gap_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    true_ns = time.time_ns
    venue_ns = true_ns()
    asked = Asked(rows=[stated(venue_ns)])

    async with watching(asked) as seen:
        await seen.live()
        monkeypatch.setattr(time, "time_ns", lambda: true_ns() - HOUR_NS)
        seen.servers[0].drop()
        await seen.closed_gaps(1)

    opened, closed = seen.out.gaps
    assert opened.from_ == closed.from_ == closed.to
    assert opened.at < opened.from_
    assert (asked.since[1] or 0) <= venue_ns - MARGIN_NS


async def test_a_venue_that_says_no_time_is_asked_without_bound() -> None:
    asked = Asked()

    async with watching(asked) as seen:
        await seen.live()
        seen.servers[0].drop()
        await seen.closed_gaps(1)

    assert asked.since == [None, EVER]


async def test_a_recording_continued_under_another_clock_asks_from_the_venues_own_times() -> None:
    venue_ns = time.time_ns() - 7 * HOUR_NS
    ahead_ns = time.time_ns() + HOUR_NS
    before = Asked(rows=[stated(venue_ns)])
    asked = Asked()

    async with watching(before) as former:
        await former.live()
    start = ResumeState(orders=former.out.orders, venues={"toy": VenueResume(covered_until_ns=ahead_ns)})
    async with watching(asked, start=start) as seen:
        seen.servers[0].orders["1"] = ("NEW", "0", 1)
        await seen.closed_gaps(1)

    assert asked.since == [venue_ns // 1000 * 1000 - MARGIN_NS]
    assert seen.out.gaps[1].from_ == seen.out.gaps[1].to


async def test_a_query_that_reaches_less_far_closes_a_gap_partial() -> None:
    asked = Asked(rows=[stated(time.time_ns())])

    async with watching(asked) as seen:
        await seen.live()
        asked.result = QueryResult(complete_since_ns=time.time_ns() + HOUR_NS, limits=("page 2 failed",))
        seen.servers[0].drop()
        await seen.closed_gaps(1)

    assert (seen.out.gaps[-1].outcome, seen.out.gaps[-1].limits) == ("partial", "page 2 failed")


async def test_a_refused_part_keeps_the_venue_from_live_until_the_third_refusal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = Asked(QueryResult(refused={"account 7": "funds"}))

    async with watching(asked) as seen:
        await seen.live()

    details = [(link.state, link.detail) for link in seen.out.links if link.state in ("reconciling", "live")]
    assert details == [
        ("reconciling", None),
        ("reconciling", "account 7: funds"),
        ("reconciling", "account 7: funds"),
        ("live", "without account 7: funds"),
    ]
    assert len(asked.specs) == 3
    assert caplog.text.count("live without account 7: funds") == 1
    assert not (await seen.outcome).covered


async def test_gaps_of_a_venue_without_a_part_are_partial_and_name_it() -> None:
    asked = Asked(QueryResult(refused={"account 7": "funds"}))

    async with watching(asked) as seen:
        await seen.live()
        seen.servers[0].drop()
        await seen.closed_gaps(1)

    assert (seen.out.gaps[-1].outcome, seen.out.gaps[-1].limits) == ("partial", "without account 7: funds")


async def test_a_part_that_is_answered_again_makes_the_venue_whole() -> None:
    asked = Asked(QueryResult(refused={"account 7": "funds"}))

    async with watching(asked, audit_interval=0.01) as seen:
        await seen.live()
        asked.result = QueryResult()
        await seen.live(2)

    assert [link.detail for link in seen.out.links if link.state == "live"] == ["without account 7: funds", None]
    assert (await seen.outcome).covered


async def test_a_part_refused_by_a_periodic_resync_is_named_at_the_third_time() -> None:
    asked = Asked()

    async with watching(asked, audit_interval=0.01) as seen:
        await seen.live()
        asked.result = QueryResult(refused={"account 7": "funds"})
        await seen.live(2)

    assert [link.detail for link in seen.out.links if link.state == "live"] == [None, "without account 7: funds"]
    assert seen.out.gaps == []


async def test_a_state_that_rests_on_arrival_alone_brings_the_next_query_forward() -> None:
    asked = Asked()

    async with watching(asked) as seen:
        await seen.live()
        seen.servers[0].say("order 1 NEW 0 1\norder 1 SUSPENDED 0 1")
        await seen.servers[0].until(lambda: seen.servers[0].seen[-1].startswith("list") and len(asked.specs) == 2)

    assert seen.out.gaps == []


async def test_a_bug_in_one_venue_ends_it_after_back_offs_and_leaves_the_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)

    async with watching(Asked(), Asked()) as seen:
        for times in (1, 2, 3):
            await seen.live(times)
            seen.servers[0].say("order 1 NO_SUCH_STATUS 0 1")
        await seen.out.until(lambda: seen.states()[-1] == "failed")
        seen.servers[1].move("2", "NEW")
        await seen.out.until(lambda: seen.out.statuses("2") == ["NEW"])
        running = not seen.outcome.done()

    assert running
    assert (await seen.outcome).exit_code == 1
    assert "down" not in seen.states("toy2")
    waits = [link.wait_s or 0 for link in seen.out.links if link.state == "down"]
    assert len(waits) == 2
    assert waits[1] > 3 * waits[0] > 0
    assert caplog.text.count("internal error") == 3


async def test_one_wrong_key_leaves_the_other_venue_alone() -> None:
    async with watching(Asked(), Asked()) as seen:
        await seen.live(venue="toy2")
        await seen.live()
        seen.servers[0].greeting = "denied"
        seen.servers[0].drop()
        await seen.out.until(lambda: seen.states()[-1] == "failed")
        seen.servers[1].move("2", "NEW")
        await seen.out.until(lambda: seen.out.statuses("2") == ["NEW"])

    assert (await seen.outcome).exit_code == 77
    assert "down" not in seen.states("toy2")


async def test_a_stop_in_the_tick_in_which_a_link_is_lost_ends_the_run() -> None:
    for turns in range(40):
        async with watching(Asked()) as seen:
            await seen.live()
            seen.servers[0].drop()
            for _ in range(turns):
                await asyncio.sleep(0)
            seen.run.stop("now")
            ended, _ = await asyncio.wait([seen.outcome], timeout=DEADLINE_S)
            if not ended:
                seen.outcome.cancel()

            assert ended, f"not ended by a stop {turns} turns after the drop"


@pytest.mark.parametrize(("steady_s", "grows"), [(3600.0, True), (0.0, False)])
async def test_the_back_off_begins_anew_only_after_a_steady_connection(
    steady_s: float, grows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random.Random, "uniform", lambda _self, _low, high: high)
    pace = replace(FAST, max_s=10.0, first_s=0.001, steady_s=steady_s)

    async with watching(Asked(), pace=pace) as seen:
        for times in range(1, 5):
            await seen.live(times)
            seen.servers[0].drop()
        await seen.live(5)

    waits = [link.wait_s or 0 for link in seen.out.links if link.state == "down"]
    assert (waits[3] > 4 * waits[0]) is grows


async def test_warns_once_of_clocks_that_differ(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    async with watching(Asked()) as seen:
        await seen.live()
        [runner] = seen.run._runners
        runner._on_server_date(time.time_ns() - HOUR_NS)
        runner._on_server_date(time.time_ns() - HOUR_NS)

    assert caplog.text.count("is this host's clock right?") == 1


# Rates, parts and back-pressure: a runner alone.

MINUTE = Rate("lists", 1, 60.0)


def runner_of(venue: VenueKind, settings: ToySettings, queue: EventQueue | None = None, pace: Pace = FAST) -> Runner:
    return Runner(
        venue,
        Setup("toy", settings),
        queue=EventQueue() if queue is None else queue,
        orders=Orders(),
        stats=VenueStats(),
        gaps=GapTracker("toy"),
        pace=pace,
    )


@asynccontextmanager
async def running(runner: Runner) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_each_link_is_opened_by_its_number() -> None:
    opened: list[int] = []

    class Numbered(ToyClient):
        async def open(self, connection: int, call: Call) -> ConnectionPlan:
            opened.append(connection)
            return await super().open(connection, call)

    kind = replace(TOY, configure=lambda setup: Numbered(setup.bind(ToySettings), toy_open, toy_query))
    async with toy_server() as server, running(runner_of(kind, ToySettings(port=server.port, links=3))):
        await server.until(lambda: server.connections == 3)

    assert opened == [0, 1, 2]


ANYTHING = reads_only(".*")


class FakeTime:
    """Passes while somebody sleeps, at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self._turn = asyncio.sleep
        monkeypatch.setattr("ordwatch.engine.rates.monotonic", lambda: self.now_s)
        monkeypatch.setattr("ordwatch.engine.rates.asyncio", SimpleNamespace(sleep=self.sleep))

    async def sleep(self, seconds: float) -> None:
        await self._turn(0)
        self.now_s += seconds


async def test_requests_over_a_connection_wait_for_their_rate_and_count_as_sent_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake, sent = FakeTime(monkeypatch), []
    http = Http(Rates(), ANYTHING)
    caller = Caller(Rates(), http, {})
    monkeypatch.setattr("ordwatch.engine.runner.moment", lambda: Moment(0, round(fake.now_s), 0))
    for _ in range(3):
        with pytest.raises(ConnectionLost):
            await caller(ListOrders(rates=(MINUTE,)))
        sent.append(caller.sent_ns)

    assert sent == [1000, 1060, 1120]


@pytest.mark.parametrize(("interval", "resync_s"), [(None, TOY.resync_s), (0, None), (7.0, 7.0)])
def test_an_audit_interval_of_0_means_no_resyncs_and_nothing_asked_in_doubt(
    interval: float | None, resync_s: float | None
) -> None:
    runner = runner_of(TOY, ToySettings(audit_interval=interval))

    assert runner.supervisor._policy.resync_s == resync_s


async def test_with_an_audit_interval_of_0_only_breaks_are_asked_about() -> None:
    asked = Asked()
    async with watching(asked, audit_interval=0) as seen:
        await seen.live()
        seen.servers[0].drop()
        await seen.live(2)
        seen.servers[0].drop()
        await seen.live(3)

    assert len(asked.specs) == 3


async def test_a_connection_is_not_read_while_the_order_store_takes_nothing() -> None:
    queue = EventQueue(capacity=4)
    async with toy_server() as server:
        async with running(runner_of(TOY, ToySettings(port=server.port), queue)):
            events: list[object] = []
            while not any(isinstance(event, LinkUpdate) and event.state == "live" for event in events):
                events += await queue.take()
            for number in range(50):
                server.say(f"order {number} NEW 0 1")
                await asyncio.sleep(0)
            # Turns enough to read all fifty, were they read.
            for _ in range(500):
                await asyncio.sleep(0)
            waiting = len(queue)

    assert 4 <= waiting < 50


@pytest.mark.parametrize("cached", [False, True])
async def test_rows_are_handed_on_as_what_they_are(cached: bool) -> None:
    async def query(setup: Setup[ToySettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
        await emit([stated(1)], cached=cached)
        return QueryResult()

    queue = EventQueue()
    async with toy_server() as server:
        async with running(runner_of(toy_kind(queried=query), ToySettings(port=server.port), queue)):
            stamps: list[bool] = []
            while not stamps:
                arrivals = [event for event in await queue.take() if isinstance(event, Arrival)]
                stamps += [arrival.query.cached for arrival in arrivals if arrival.query is not None]

    assert stamps == [cached]


async def test_rows_count_from_when_they_were_asked_for() -> None:
    times: list[int] = []

    async def query(setup: Setup[ToySettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
        times.append(time.monotonic_ns())
        await call(ListOrders())
        times.append(time.monotonic_ns())
        await emit([stated(1)])
        return QueryResult()

    queue = EventQueue()
    async with toy_server() as server:
        async with running(runner_of(toy_kind(queried=query), ToySettings(port=server.port), queue)):
            found: list[Arrival] = []
            while not found:
                events = await queue.take()
                found += [each for each in events if isinstance(each, Arrival) and each.query is not None]

    asked_ns, answered_ns = times
    assert found[0].query is not None
    assert asked_ns <= found[0].query.sent_ns < answered_ns <= found[0].at_ns


async def test_pages_of_a_long_answer_wait_while_the_order_store_takes_nothing() -> None:
    emitted: list[int] = []
    begun = asyncio.Event()

    async def query(setup: Setup[ToySettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
        for number in range(50):
            await emit([stated(1, str(number))])
            emitted.append(number)
            begun.set()
        return QueryResult()

    async with toy_server() as server:
        async with running(runner_of(toy_kind(queried=query), ToySettings(port=server.port), EventQueue(capacity=20))):
            await begun.wait()
            # Turns enough for all fifty.
            for _ in range(500):
                await asyncio.sleep(0)

    assert 0 < len(emitted) < 50


async def test_a_venue_that_is_given_up_leaves_no_client_open(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Http] = []
    close = Http.close

    async def close_and_note(client: Http) -> None:
        closed.append(client)
        await close(client)

    monkeypatch.setattr(Http, "close", close_and_note)
    async with toy_server() as server, asyncio.timeout(DEADLINE_S):
        server.greeting = "denied"
        runner = runner_of(TOY, ToySettings(port=server.port))
        await runner.run()

    assert isinstance(runner.supervisor.failure, AuthError)
    assert len(closed) == 1
