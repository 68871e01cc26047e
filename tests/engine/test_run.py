"""The engine, whole, against a server that does what a test asks of it: real sockets, no simulator of a venue."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from ordwatch.core.coverage import StreamCoverage
from ordwatch.core.errors import AuthError, OutputError, TlsFailed
from ordwatch.core.events import Arrival, OrderUpdate, Recency
from ordwatch.core.records import (
    AliveRecord,
    ClockRecord,
    GapRecord,
    LinkRecord,
    OrderRecord,
    RejectRecord,
    SessionRecord,
)
from ordwatch.core.times import time_ns
from ordwatch.core.venue_coverage import CoverageResult
from ordwatch.engine import run as run_module
from ordwatch.engine import run_session
from ordwatch.engine.ending import Limits, Outcome
from ordwatch.engine.policy import Pace
from ordwatch.engine.run import ResumeState, Run, VenueResume
from ordwatch.engine.run_session import SLICE, RunFacts, RunSession
from ordwatch.venues.contract import Call, ConnectionPlan, Emit, QueryResult, QuerySpec, Setup, VenueKind
from tests.recording.samples import link
from tests.support import toy
from tests.support.collect import DEADLINE_S, Collected
from tests.support.simulated import in_simulated_time
from tests.support.toy import TOY, ListOrders, ToyServer, ToySession, ToySettings, toy_kind, toy_server

FAST = Pace(first_s=0.01, max_s=0.05, attempts_a_minute=10_000, bug_s=0.01, recheck_s=0.01, query_retry_s=(0.01, 0.05))


@dataclass
class Watched:
    server: ToyServer
    out: Collected
    run: Run
    outcome: "asyncio.Task[Outcome]"

    async def live(self, times: int = 1) -> None:
        await self.out.until(lambda: self.out.states.count("live") >= times)

    async def closed_gaps(self, count: int) -> None:
        await self.out.until(lambda: sum(gap.state == "closed" for gap in self.out.gaps) >= count)


@asynccontextmanager
async def watching(
    limits: Limits | None = None, start: ResumeState | None = None, *, fail_on_gap: bool = False, **settings: Any
) -> AsyncIterator[Watched]:
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        out = Collected()
        venue: VenueKind = replace(TOY, settle_s=0.0)
        setup = Setup("toy", ToySettings(port=server.port, **settings))
        run = Run([(venue, setup)], [out], limits, start=start, pace=FAST, fail_on_gap=fail_on_gap)
        outcome = asyncio.create_task(run.run())
        try:
            yield Watched(server, out, run, outcome)
        finally:
            run.stop("test over")
            await outcome


async def test_states_of_a_link_lead_to_live() -> None:
    async with watching() as seen:
        await seen.live()

        assert seen.out.states == ["connecting", "authenticating", "subscribing", "reconciling", "live"]


async def test_first_query_reports_what_is_open() -> None:
    async with watching() as seen:
        seen.server.move("1", "NEW")
        await seen.live()

        [order] = seen.out.orders

        assert (order.order_id, order.source, order.gap, order.prev_status) == ("1", "query", None, None)


async def test_each_push_is_one_record() -> None:
    async with watching() as seen:
        await seen.live()
        for filled in range(10):
            seen.server.move("1", "PARTIALLY_FILLED", str(filled))
        seen.server.move("1", "FILLED", "10")
        await seen.out.until(lambda: "FILLED" in seen.out.statuses("1"))

        assert [order.filled_qty for order in seen.out.orders] == [*map(str, range(10)), "10"]


async def test_a_long_stream_is_reported_whole() -> None:
    async with watching() as seen:
        await seen.live()
        for filled in range(3_500):
            seen.server.move("1", "PARTIALLY_FILLED", str(filled))
        seen.server.move("1", "FILLED", "3500")
        await seen.out.until(lambda: "FILLED" in seen.out.statuses("1"))

        assert [order.filled_qty for order in seen.out.orders] == [*map(str, range(3_500)), "3500"]


async def test_a_stop_in_the_middle_of_a_burst_writes_all_that_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drain(out: Collected) -> None:
        if out.orders:
            monkeypatch.undo()
            await asyncio.Event().wait()

    async with watching() as seen:
        await seen.live()
        monkeypatch.setattr(Collected, "drain", drain)
        seen.server.say("\n".join(f"order {number} NEW 0 1" for number in range(2 * SLICE)))
        await seen.out.until(lambda: bool(seen.out.orders))
        assert len(seen.out.orders) < 2 * SLICE
        seen.run.stop("in the middle")
        await seen.outcome

        assert len(seen.out.orders) == 2 * SLICE


async def test_what_a_limit_leaves_untold_is_not_called_heard() -> None:
    async with watching(Limits(max_events=1)) as seen:
        await seen.live()
        seen.server.say("order 1 NEW 0 1\norder 2 NEW 0 1")
        await seen.outcome

        *_, alive = (record for record in seen.out.records if isinstance(record, AliveRecord))

        assert (alive.venues["toy"].last_rx or "") < seen.out.orders[0].received_at


async def test_a_venue_that_goes_live_is_reported_alive_at_once_with_what_it_covers() -> None:
    async with watching() as seen:
        await seen.live()
        await seen.out.until(lambda: any(isinstance(record, AliveRecord) for record in seen.out.records))

        [alive] = [record for record in seen.out.records if isinstance(record, AliveRecord)]

        assert (alive.venues["toy"].state, alive.venues["toy"].covers) == ("live", ["toy"])


@in_simulated_time
async def test_a_venue_that_goes_live_while_another_is_reported_alive_is_reported_at_once_too() -> None:
    session = RunSession([], Limits(), facts=lambda: RunFacts({}, {}, simulated=False), progress=tuple)
    go_live = [link("live", venue=venue) for venue in ("toy1", "toy2")]
    reports = 0

    async def alive() -> None:
        nonlocal reports
        reports += 1
        session.write(go_live[reports : reports + 1])

    session.write(go_live[:1])
    with suppress(TimeoutError):
        async with asyncio.timeout(run_session.ALIVE_S / 2):
            await session.alive_forever(alive)

    assert reports == 2


async def test_drop_opens_a_gap_that_the_query_closes() -> None:
    async with watching() as seen:
        await seen.live()
        seen.server.move("1", "NEW")
        await seen.out.until(lambda: bool(seen.out.orders))
        seen.server.drop()
        seen.server.move("1", "FILLED", "10", push=False)
        await seen.closed_gaps(1)

        opened, closed = seen.out.gaps

        assert (opened.state, opened.cause, opened.to) == ("open", "reset", None)
        assert (closed.state, closed.outcome, closed.recovered) == ("closed", "recovered", 1)
        assert opened.gap == closed.gap == seen.out.orders[-1].gap == "toy-1"
        assert seen.out.orders[-1].source == "query"


async def test_gap_begins_at_the_last_proof_of_life() -> None:
    async with watching() as seen:
        await seen.live()
        seen.server.move("1", "NEW")
        await seen.out.until(lambda: bool(seen.out.orders))
        seen.server.end()
        await seen.closed_gaps(1)

        assert seen.out.gaps[0].from_ == seen.out.orders[0].received_at
        assert seen.out.gaps[0].cause == "eof"


async def test_one_gap_lasts_over_several_breaks() -> None:
    async with watching() as seen:
        await seen.live()
        seen.server.greeting = "no"
        seen.server.drop()
        await seen.out.until(lambda: seen.out.states.count("down") >= 4)
        seen.server.greeting = "ok"
        await seen.closed_gaps(1)

        assert [gap.state for gap in seen.out.gaps] == ["open", "closed"]


@in_simulated_time
async def test_twenty_drops_end_with_every_order_in_its_true_state() -> None:
    async with watching() as seen:
        await seen.live()
        for drop in range(20):
            seen.server.move(str(drop), "NEW")
            seen.server.drop()
            seen.server.move(str(drop), "FILLED", "10", push=False)
            await seen.closed_gaps(drop + 1)

        last = {order.order_id: (order.status, order.filled_qty) for order in seen.out.orders}

        assert last == {name: (status, filled) for name, (status, filled, _) in seen.server.orders.items()}
        assert len({(order.order_id, order.updated_at) for order in seen.out.orders}) == len(seen.out.orders)
        assert [gap.state for gap in seen.out.gaps] == ["open", "closed"] * 20


async def test_restart_without_change_adds_no_order() -> None:
    async with watching() as before:
        before.server.move("1", "NEW")
        await before.live()
        past = ResumeState(orders=before.out.orders, venues={"toy": VenueResume(covered_until_ns=1, gaps=4)})

        async with watching(start=past) as seen:
            seen.server.move("1", "NEW")
            await seen.live()

            assert seen.out.orders == []
            assert [(gap.gap, gap.cause, gap.state) for gap in seen.out.gaps] == [
                ("toy-5", "restart", "open"),
                ("toy-5", "restart", "closed"),
            ]


async def test_order_the_venue_forgot_becomes_unknown_once() -> None:
    async with watching(audit_interval=0.05) as seen:
        seen.server.move("1", "NEW")
        await seen.live()
        del seen.server.orders["1"]
        await seen.server.until(lambda: sum(line.startswith("list") for line in seen.server.seen) >= 4)

        assert seen.out.statuses("1") == ["NEW", "UNKNOWN"]
        assert seen.out.orders[-1].reason == "the toy does not know it"


async def test_audit_finds_what_no_push_reported() -> None:
    async with watching(audit_interval=0.05) as seen:
        await seen.live()
        seen.server.move("1", "FILLED", "10", push=False)
        await seen.out.until(lambda: "FILLED" in seen.out.statuses("1"))

        assert seen.out.orders[-1].source == "query"
        assert seen.out.gaps == []


async def test_refused_credentials_stop_the_venue_with_77() -> None:
    async with watching() as seen:
        seen.server.greeting = "denied"
        outcome = await seen.outcome

        assert outcome.exit_code == 77
        assert isinstance(outcome.failures[0], AuthError)
        assert seen.server.connections == 1
        assert seen.out.states[-1] == "failed"


async def test_refused_query_leaves_the_link_reconciling_with_the_venues_words() -> None:
    async with watching() as seen:
        seen.server.refuses = True
        await seen.out.until(lambda: any("locked" in (_detail(r) or "") for r in seen.out.records))
        seen.server.move("1", "NEW")
        await seen.out.until(lambda: bool(seen.out.orders))

        assert "live" not in seen.out.states


def _detail(record: object) -> str | None:
    return record.detail if isinstance(record, LinkRecord) else None


async def test_a_fault_of_tls_is_tried_again_after_a_minute_at_the_earliest() -> None:
    async def untrusted(setup: Setup[ToySettings], call: Call) -> ConnectionPlan:
        raise TlsFailed("getTicket: certificate verify failed: self-signed certificate")

    out = Collected()
    venue: VenueKind = toy_kind(untrusted)
    run = Run([(venue, Setup("toy", ToySettings()))], [out], pace=FAST)
    outcome = asyncio.create_task(run.run())
    await out.until(lambda: "down" in out.states)
    run.stop("enough")
    await outcome

    [down] = [record for record in out.records if isinstance(record, LinkRecord) and record.state == "down"]
    assert down.detail == "getTicket: certificate verify failed: self-signed certificate"
    assert down.wait_s is not None
    assert down.wait_s >= 60


async def test_never_live_while_the_query_is_unanswered() -> None:
    async with watching(Limits(connect_timeout_s=0.2)) as seen:
        seen.server.answers = False
        await seen.server.until(lambda: "hello" in seen.server.seen)
        seen.server.say("ok")
        await seen.server.until(lambda: "list 1" in seen.server.seen)
        outcome = await seen.outcome

        assert outcome.exit_code == 69
        assert seen.out.states[-1] == "reconciling"


@in_simulated_time
async def test_nothing_is_asked_before_the_subscription_is_acknowledged() -> None:
    async with watching(heartbeat=0.01) as seen:
        seen.server.answers = False
        await seen.server.until(lambda: seen.server.seen.count("ping") == 3)

        assert seen.server.seen == ["hello", "ping", "ping", "ping"]


async def test_a_query_from_before_a_break_closes_no_gap() -> None:
    async with watching() as seen:
        await seen.live()
        seen.server.answers = False
        seen.server.say("bad")
        await seen.server.until(lambda: "list 2" in seen.server.seen)
        seen.server.say("bad")
        seen.server.say("rows 2")
        await seen.server.until(lambda: "list 3" in seen.server.seen)

        assert [gap.state for gap in seen.out.gaps] == ["open"]


@in_simulated_time
async def test_a_sleep_is_a_gap_from_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching() as seen:
        await seen.live()
        monkeypatch.setattr("ordwatch.system.boot_clock_ns", lambda: time.monotonic_ns() + 3600 * 10**9)
        await seen.closed_gaps(1)

        [slept] = [record for record in seen.out.records if isinstance(record, ClockRecord)]

        assert slept.suspended_ms > 3_500_000
        assert (seen.out.gaps[0].cause, seen.out.gaps[1].outcome) == ("suspended", "recovered")
        assert seen.out.gaps[0].from_ < slept.at


@in_simulated_time
async def test_a_sleep_after_the_clock_was_put_back_is_a_gap_from_before_the_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watching() as seen:
        await seen.live()
        host = SimpleNamespace(time_ns=lambda: time.time_ns() - 600 * 10**9, monotonic_ns=time.monotonic_ns)
        monkeypatch.setattr("ordwatch.engine.moment.time", host)
        await seen.out.until(lambda: any(isinstance(record, ClockRecord) for record in seen.out.records))
        host.time_ns = lambda: time.time_ns() - 300 * 10**9
        monkeypatch.setattr("ordwatch.system.boot_clock_ns", lambda: time.monotonic_ns() + 300 * 10**9)
        await seen.closed_gaps(1)

        _, slept = [record for record in seen.out.records if isinstance(record, ClockRecord)]

        assert slept.suspended_ms == pytest.approx(300_000, abs=1_000)
        assert time_ns(seen.out.gaps[0].from_) <= time_ns(slept.at) - 300 * 10**9


@pytest.mark.parametrize("is_unreadable", [False, True], ids=["the connection ends", "a message cannot be read"])
@in_simulated_time
async def test_a_break_right_after_a_sleep_is_a_gap_from_before_the_sleep(
    monkeypatch: pytest.MonkeyPatch, is_unreadable: bool
) -> None:
    async with watching() as seen:
        await seen.live()
        monkeypatch.setattr("ordwatch.system.boot_clock_ns", lambda: time.monotonic_ns() + 3600 * 10**9)
        seen.server.move("1", "NEW")
        seen.server.say("bad") if is_unreadable else seen.server.drop()
        await seen.closed_gaps(1)

        kinds = [type(record) for record in seen.out.records]
        [order] = seen.out.orders

        assert seen.out.gaps[0].cause == "suspended"
        assert seen.out.gaps[0].from_ < order.received_at
        assert kinds.index(ClockRecord) < kinds.index(GapRecord)


async def test_unanswered_query_ends_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy, "LIST", ListOrders(timeout_s=0.05))

    async with watching() as seen:
        await seen.server.until(lambda: seen.server.connections == 1)
        seen.server.mute_lists = True
        await seen.out.until(lambda: "down" in seen.out.states)

        assert "live" not in seen.out.states


async def test_unanswered_query_that_is_not_vital_leaves_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy, "LIST", ListOrders(timeout_s=0.05, required=False))

    async with watching() as seen:
        seen.server.mute_lists = True
        await seen.out.until(lambda: any("no answer to a query" in (_detail(r) or "") for r in seen.out.records))
        seen.server.mute_lists = False
        await seen.live()

        assert seen.server.connections == 1


async def test_unreadable_input_is_a_reject_and_a_gap_that_a_query_closes() -> None:
    async with watching() as seen:
        await seen.live()
        seen.server.move("1", "NEW", push=False)
        seen.server.say("bad")
        await seen.closed_gaps(1)

        kinds = [type(r) for r in seen.out.records if isinstance(r, RejectRecord | GapRecord | OrderRecord)]

        assert kinds == [RejectRecord, GapRecord, OrderRecord, GapRecord]
        assert seen.out.gaps[0].cause == "reject"
        assert seen.server.connections == 1


async def test_logged_out_venue_is_a_gap_until_it_is_back() -> None:
    async with watching() as seen:
        await seen.live()
        seen.server.say("out")
        await seen.out.until(lambda: "stale" in seen.out.states)
        seen.server.move("1", "FILLED", "10", push=False)
        seen.server.say("in")
        await seen.closed_gaps(1)

        assert seen.out.gaps[0].cause == "venue_logged_out"
        assert seen.out.statuses("1") == ["FILLED"]
        assert seen.server.connections == 1


@in_simulated_time
async def test_silence_is_stale_first_and_then_a_gap() -> None:
    async with watching(heartbeat=0.05, silence=0.4) as seen:
        await seen.live()
        seen.server.answers = False
        await seen.out.until(lambda: bool(seen.out.gaps))

        assert seen.out.states[5:7] == ["stale", "down"]
        assert seen.out.gaps[0].cause == "silent"


@in_simulated_time
async def test_answered_heartbeats_keep_a_link_without_pushes_live() -> None:
    async with watching(heartbeat=0.05, silence=0.4) as seen:
        await seen.live()
        await seen.server.until(lambda: seen.server.seen.count("ping") >= 15)

        assert seen.out.states[-1] == "live"
        assert seen.run.stats()["toy"].rtt_ms == 1.0


async def test_venue_of_several_links_is_live_when_all_are() -> None:
    async with watching(links=3) as seen:
        await seen.live(3)
        live_from = seen.out.states.index("live")

        assert seen.out.states[:live_from].count("reconciling") == 3


async def test_one_lost_link_of_several_is_a_gap_of_the_venue() -> None:
    async with watching(links=3) as seen:
        await seen.live(3)
        seen.server.drop(1)
        await seen.closed_gaps(1)

        assert [gap.state for gap in seen.out.gaps] == ["open", "closed"]
        assert seen.server.connections == 4


@in_simulated_time
async def test_stalled_output_closes_the_links_on_purpose() -> None:
    async with watching() as seen:
        await seen.live()
        seen.out.stalled = True
        await seen.out.until(lambda: bool(seen.out.gaps))
        connections = seen.server.connections
        seen.out.stalled = False
        await seen.closed_gaps(1)

        assert seen.out.gaps[0].cause == "output_stalled"
        assert seen.server.connections == connections + 1


async def test_once_stops_after_the_first_answer() -> None:
    async with watching(Limits(once=True)) as seen:
        outcome = await seen.outcome

        assert (outcome.exit_code, outcome.reason) == (0, "every venue has answered")


async def test_once_with_refused_credentials_ends_with_77() -> None:
    async with watching(Limits(once=True)) as seen:
        seen.server.greeting = "denied"

        assert (await seen.outcome).exit_code == 77


async def test_once_stops_after_a_refused_query_too() -> None:
    async with watching(Limits(once=True)) as seen:
        seen.server.refuses = True
        outcome = await seen.outcome

        assert (outcome.exit_code, outcome.reason) == (0, "every venue has answered")


@in_simulated_time
async def test_once_ends_with_69_when_only_some_venues_have_answered() -> None:
    async with asyncio.timeout(DEADLINE_S), toy_server() as there, toy_server() as away:
        away.answers = False
        there.move("1", "NEW")
        venue: VenueKind = TOY
        servers = {"there": there, "away": away}
        venues = [(venue, Setup(name, ToySettings(port=each.port))) for name, each in servers.items()]
        out = Collected()
        limits = Limits(once=True, connect_timeout_s=3.0)
        outcome = await Run(venues, [out], limits, pace=FAST).run()

        assert (outcome.exit_code, outcome.reason) == (69, "not every venue has answered in time")
        assert [order.venue for order in out.orders] == ["there"]


async def test_a_gap_that_is_open_at_the_end_is_uncertain_though_the_clock_was_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with watching(fail_on_gap=True) as seen:
        await seen.live()
        seen.server.greeting = "no"
        seen.server.drop()
        await seen.out.until(lambda: bool(seen.out.gaps))
        put_back_ns = time.time_ns() - 3600 * 10**9
        set_wall_clock(monkeypatch, put_back_ns)
        seen.run.stop("enough")

        assert (await seen.outcome).exit_code == 3


async def test_event_limit_is_exact() -> None:
    async with watching(Limits(max_events=3)) as seen:
        await seen.live()
        for filled in range(8):
            seen.server.move("1", "PARTIALLY_FILLED", str(filled))
        outcome = await seen.outcome

        assert outcome.exit_code == 0
        assert len(seen.out.orders) == 3


async def test_duration_ends_the_run() -> None:
    async with watching(Limits(duration_s=0.05)) as seen:
        assert (await seen.outcome).exit_code == 0


async def test_session_records_frame_the_run_and_its_counts_add_up() -> None:
    async with watching() as seen:
        await seen.live()
        seen.server.move("1", "NEW")
        seen.server.say("order 1 NEW 0 1")
        await seen.server.until(lambda: seen.server.connections == 1)
        await seen.out.until(lambda: seen.run.stats()["toy"].duplicates == 1 or bool(seen.out.orders))
        seen.run.stop("enough")
        await seen.outcome

    first, *_, alive, last = seen.out.records

    assert isinstance(first, SessionRecord)
    assert first.state == "start"
    assert first.kinds == {"toy": "toy"}
    assert first.simulated is False
    assert isinstance(alive, AliveRecord)
    assert isinstance(last, SessionRecord)
    assert (last.state, last.reason, last.exit) == ("end", "enough", 0)
    assert last.counts is not None
    assert last.counts["updates"] == last.counts["written"] + last.counts["duplicates"]


async def test_uncertain_interval_fails_the_run_when_asked_to() -> None:
    async with watching(fail_on_gap=True) as seen:
        await seen.live()
        seen.server.greeting = "no"
        seen.server.drop()
        await seen.out.until(lambda: bool(seen.out.gaps))
        seen.run.stop("enough")

        assert (await seen.outcome).exit_code == 3


async def test_failed_output_ends_the_run_with_74() -> None:
    class Failing(Collected):
        async def watch(self) -> None:
            raise OutputError("disk full")

    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        venue: VenueKind = TOY
        setup = Setup("toy", ToySettings(port=server.port))
        outcome = await Run([(venue, setup)], [Failing()], pace=FAST).run()

        assert outcome.exit_code == 74


async def test_output_that_fails_at_its_end_is_an_exit_code_too() -> None:
    class Failing(Collected):
        async def close(self) -> None:
            raise OutputError("disk full")

    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        venue: VenueKind = TOY
        setup = Setup("toy", ToySettings(port=server.port))
        outcome = await Run([(venue, setup)], [Failing()], Limits(once=True), pace=FAST).run()

        assert outcome.exit_code == 74


async def test_signal_decides_how_the_run_is_said_to_end() -> None:
    async with watching() as seen:
        seen.server.greeting = "denied"
        await seen.out.until(lambda: seen.out.states[-1:] == ["authenticating"])
        seen.run.stop("SIGTERM", 15)

        assert (await seen.outcome).exit_code == 143


async def test_open_orders_of_a_recording_are_there_to_be_shown() -> None:
    async with watching() as before:
        before.server.move("1", "NEW")
        before.server.move("2", "FILLED", "10")
        await before.live()

        async with watching(start=ResumeState(orders=before.out.orders)) as seen:
            assert [order.order_id for order in seen.run.restored()] == ["1"]


@in_simulated_time
async def test_bug_in_a_venue_ends_the_run_after_the_third_time(caplog: pytest.LogCaptureFixture) -> None:
    async with watching() as seen:
        for times in (1, 2, 3):
            await seen.live(times)
            seen.server.say("order 1 NO_SUCH_STATUS 0 1")
        outcome = await seen.outcome

    assert outcome.exit_code == 1
    assert caplog.text.count("internal error") == 3


@in_simulated_time
async def test_sign_of_life_claims_nothing_that_still_waits_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_session, "ALIVE_S", 0.01)

    async with watching() as seen:
        await seen.live()
        for filled in range(9):
            seen.server.move("1", "PARTIALLY_FILLED", str(filled))
        await seen.out.until(lambda: seen.out.statuses("1").count("PARTIALLY_FILLED") == 9)
        beats = sum(isinstance(record, AliveRecord) for record in seen.out.records)
        await seen.out.until(lambda: sum(isinstance(r, AliveRecord) for r in seen.out.records) > beats)

    reported_ns = 0
    for record in seen.out.records:
        if isinstance(record, OrderRecord):
            assert time_ns(record.received_at) >= reported_ns
        elif isinstance(record, AliveRecord) and (last_rx := record.venues["toy"].last_rx) is not None:
            reported_ns = time_ns(last_rx)

    assert reported_ns


# Several venues, several outputs, the second time.


@asynccontextmanager
async def several(
    *outs: Collected,
    venues: int = 2,
    kind: VenueKind = TOY,
    limits: Limits | None = None,
    fail_on_gap: bool = False,
    **settings: Any,
) -> AsyncIterator[tuple[list[ToyServer], Run, "asyncio.Task[Outcome]"]]:
    """A run over venues `toy1`, `toy2`, ... into these outputs; stopped at the end."""
    async with asyncio.timeout(DEADLINE_S), AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(toy_server()) for _ in range(venues)]
        venue: VenueKind = replace(kind, settle_s=0.0)
        setups = [
            (venue, Setup(f"toy{n}", ToySettings(port=each.port, **settings))) for n, each in enumerate(servers, 1)
        ]
        run = Run(setups, outs, limits, pace=FAST, fail_on_gap=fail_on_gap)
        outcome = asyncio.create_task(run.run())
        try:
            yield servers, run, outcome
        finally:
            run.stop("test over")
            await asyncio.wait([outcome])


def live_venues(out: Collected) -> set[str]:
    return {link.venue for link in out.links if link.state == "live"}


async def test_every_output_gets_every_record() -> None:
    one, other = Collected(), Collected()

    async with several(one, other) as (servers, _, _):
        await one.until(lambda: len(live_venues(one)) == 2)
        servers[1].move("1", "NEW")
        await one.until(lambda: bool(one.orders))

    assert len(one.records) > 10
    assert one.records == other.records


@pytest.mark.parametrize("stalls", [0, 1])
async def test_one_stalled_output_of_two_closes_every_venue_until_it_has_drained(stalls: int) -> None:
    outs = [Collected(), Collected()]

    async with several(*outs) as (servers, _, _):
        await outs[0].until(lambda: len(live_venues(outs[0])) == 2)
        outs[stalls].stalled = True
        await outs[0].until(lambda: len(outs[0].gaps) == 2)
        before = [server.connections for server in servers]
        outs[stalls].stalled = False
        await outs[0].until(lambda: len(outs[0].gaps) == 4)

    assert {gap.cause for gap in outs[0].gaps} == {"output_stalled"}
    assert (before, [server.connections for server in servers]) == ([1, 1], [2, 2])


async def test_a_doubt_on_one_venue_asks_that_one_only() -> None:
    out = Collected()

    async with several(out) as (servers, _, _):
        await out.until(lambda: len(live_venues(out)) == 2)
        servers[1].say("order 1 NEW 0 1\norder 1 SUSPENDED 0 1")
        await servers[1].until(lambda: sum(line.startswith("list") for line in servers[1].seen) == 2)

        assert sum(line.startswith("list") for line in servers[0].seen) == 1


async def test_a_bug_in_the_merging_of_one_venue_does_not_end_the_other(caplog: pytest.LogCaptureFixture) -> None:
    out = Collected()

    async with several(out, kind=replace(TOY, compare_versions=fails_once())) as (servers, _, outcome):
        await out.until(lambda: len(live_venues(out)) == 2)
        servers[0].move("1", "NEW")
        await out.until(lambda: len(out.orders) == 1)
        servers[0].move("1", "FILLED", "10")
        await out.until(lambda: sum(gap.state == "closed" for gap in out.gaps) == 1)
        servers[1].move("2", "NEW")
        await out.until(lambda: out.orders[-1].order_id == "2")

    assert "internal error" in caplog.text
    assert [(order.order_id, order.status) for order in out.orders] == [("1", "NEW"), ("1", "FILLED"), ("2", "NEW")]
    assert {gap.venue for gap in out.gaps} == {"toy1"}
    assert (await outcome).exit_code == 0
    [end] = [record for record in out.records if isinstance(record, SessionRecord) and record.state == "end"]
    assert end.counts is not None
    assert end.counts["updates"] == end.counts["written"] + end.counts["duplicates"]


async def test_a_bug_that_is_met_at_the_end_of_a_run_leaves_an_open_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drain(out: Collected) -> None:
        if out.orders:
            monkeypatch.undo()
            await asyncio.Event().wait()

    out = Collected()
    async with several(out, venues=1, kind=replace(TOY, compare_versions=fails_once())) as (servers, run, outcome):
        await out.until(lambda: bool(live_venues(out)))
        monkeypatch.setattr(Collected, "drain", drain)
        servers[0].say("\n".join([*(f"order {number} NEW 0 1" for number in range(SLICE + 1)), "order 0 FILLED 10 2"]))
        await out.until(lambda: bool(out.orders))
        run.stop("in the middle")
        await outcome

    assert len(out.orders) == SLICE + 1
    assert [gap.state for gap in out.gaps] == ["open"]


async def test_a_bug_in_the_heartbeat_of_one_venue_does_not_end_the_other(caplog: pytest.LogCaptureFixture) -> None:
    bugs: list[Exception] = []

    class Session(ToySession):
        def heartbeat(self, now_ns: int) -> None:
            if bugs:
                raise bugs.pop()
            super().heartbeat(now_ns)

    async def opened(setup: Setup[ToySettings], call: Call) -> ConnectionPlan:
        return replace(await toy.toy_open(setup, call), session=Session(setup))

    out = Collected()
    async with several(out, kind=toy_kind(opened), heartbeat=0.01) as (servers, _, outcome):
        await out.until(lambda: len(live_venues(out)) == 2)
        bugs.append(ZeroDivisionError("a bug"))
        await out.until(lambda: [gap.state for gap in out.gaps] == ["open", "closed"])
        for number, server in enumerate(servers):
            server.move(str(number), "NEW")
        await out.until(lambda: len(out.orders) == 2)

    assert "internal error" in caplog.text
    assert (await outcome).exit_code == 0


def fails_once() -> Callable[[OrderUpdate, OrderUpdate, bool], Recency]:
    """Rules with a bug that shows at the first comparison."""
    bugs = [ZeroDivisionError("a bug")]

    def compare(new: OrderUpdate, known: OrderUpdate, same_way: bool) -> Recency:
        if bugs:
            raise bugs.pop()
        return TOY.compare_versions(new, known, same_way)

    return compare


async def test_the_limit_of_events_holds_over_several_batches() -> None:
    async with watching(Limits(max_events=5)) as seen:
        await seen.live()
        for number in range(1, 4):
            seen.server.move(str(number), "NEW")
            await seen.out.until(lambda number=number: len(seen.out.orders) == number)  # type: ignore[misc]
        seen.server.say("\n".join(f"order {number} NEW 0 1" for number in range(10, 30)))
        await seen.outcome

        assert len(seen.out.orders) == 5


async def test_what_a_limit_leaves_unmerged_counts_from_its_first_event() -> None:
    async with watching(Limits(max_events=1)) as seen:
        await seen.live()
        [runner] = seen.run._runners
        updates = [toy.toy_update("toy", str(n), "NEW", "0", "1", now_ns=1_000_000_000 * n) for n in range(1, 5)]
        runner._queue.put_now([Arrival(venue="toy", channel="connection 1", at_ns=1), *updates])
        await seen.outcome

        [alive] = [record for record in seen.out.records if isinstance(record, AliveRecord)]

        assert time_ns(alive.venues["toy"].last_rx or "") == 1_999_999_000


@in_simulated_time
async def test_one_venue_that_is_live_in_time_is_enough() -> None:
    out = Collected()

    began_s = asyncio.get_running_loop().time()
    async with several(out, limits=Limits(connect_timeout_s=5.0, duration_s=10.0)) as (servers, _, outcome):
        servers[1].greeting = "no"
        ended = await outcome
    lasted_s = asyncio.get_running_loop().time() - began_s

    assert live_venues(out) == {"toy1"}
    assert (ended.exit_code, ended.reason) == (0, "duration reached")
    assert lasted_s == pytest.approx(10.0, abs=1.0)


@pytest.mark.parametrize("away", [0, 1])
async def test_a_gap_of_either_venue_fails_a_run_that_must_have_none(away: int) -> None:
    out = Collected()

    async with several(out, fail_on_gap=True) as (servers, run, outcome):
        await out.until(lambda: len(live_venues(out)) == 2)
        servers[away].greeting = "no"
        servers[away].drop()
        await out.until(lambda: bool(out.gaps))
        run.stop("enough")

        assert (await outcome).exit_code == 3


async def test_uncertain_time_of_the_venues_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Collected()

    async with several(out) as (servers, run, outcome):
        await out.until(lambda: len(live_venues(out)) == 2)
        for server in servers:
            server.greeting = "no"
            server.drop()
        await out.until(lambda: len(out.gaps) == 2)
        starts = [time_ns(gap.from_) for gap in out.gaps]
        later_ns = max(starts) + 3600 * 10**9
        set_wall_clock(monkeypatch, later_ns)
        run.stop("enough")

        # Coverage begins with `live`, which may be later than the message from which the gap counts.
        assert (await outcome).uncertain_s == pytest.approx(sum(later_ns - start for start in starts) / 1e9, abs=1)
        for name, coverage in run_coverage(out).items():
            assert coverage == (await outcome).coverage[name]
        last = out.records[-1]
        assert isinstance(last, SessionRecord)
        assert last.uncertain_s == (await outcome).uncertain_s


def set_wall_clock(monkeypatch: pytest.MonkeyPatch, now_ns: int) -> None:
    """The time of what the run itself writes from now on: sessions and alive records."""
    for module in (run_module, run_session):
        monkeypatch.setattr(module, "time", SimpleNamespace(time_ns=lambda: now_ns))


def run_coverage(out: Collected) -> dict[str, CoverageResult]:
    """By venue, the judgement of a reader of the records."""
    coverage = StreamCoverage()
    coverage.records(out.records)
    return {name: coverage.result(name) for name in coverage.venues}


async def test_each_output_is_closed_though_one_before_it_fails() -> None:
    class Closing(Collected):
        closed = False

        async def close(self) -> None:
            self.closed = True
            raise OutputError("disk full")

    one, other = Closing(), Closing()

    async with several(one, other, venues=1, limits=Limits(once=True)) as (_, _, outcome):
        ended = await outcome

    assert (one.closed, other.closed) == (True, True)
    assert ended.exit_code == 74
    assert len(ended.failures) == 2


async def test_a_run_that_ends_while_a_link_is_silent_does_not_call_it_covered() -> None:
    session = RunSession(
        [], Limits(), facts=lambda: RunFacts({"toy": "toy"}, Counter(), simulated=False), progress=tuple
    )
    session.begin()
    session.write([link("live", 1, venue="toy"), link("stale", 2, venue="toy")])

    await session.end()

    assert not session.outcome.covered


async def test_the_first_reason_to_stop_stands() -> None:
    async with watching() as seen:
        await seen.live()
        seen.run.stop("SIGTERM", 15)
        seen.run.stop("SIGINT", 2)
        outcome = await seen.outcome

    assert (outcome.reason, outcome.signal, outcome.exit_code) == ("SIGTERM", 15, 143)


@in_simulated_time
async def test_a_sleep_is_a_gap_of_every_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Collected()

    async with several(out):
        await out.until(lambda: len(live_venues(out)) == 2)
        monkeypatch.setattr("ordwatch.system.boot_clock_ns", lambda: time.monotonic_ns() + 3600 * 10**9)
        await out.until(lambda: sum(gap.state == "closed" for gap in out.gaps) == 2)

    assert {(gap.venue, gap.cause) for gap in out.gaps} == {("toy1", "suspended"), ("toy2", "suspended")}


async def test_the_first_query_of_each_venue_may_look_back() -> None:
    asked: dict[str, int | None] = {}

    async def query(setup: Setup[ToySettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
        asked[setup.name] = spec.since_ns
        return QueryResult()

    async with asyncio.timeout(DEADLINE_S), toy_server() as one, toy_server() as other:
        kind = toy_kind(queried=query)
        setups = [(kind, Setup(f"toy{server.port}", ToySettings(port=server.port))) for server in (one, other)]
        began_ns = time.time_ns()
        await Run(setups, [Collected()], Limits(once=True), look_back_s=3600.5, pace=FAST).run()
        ended_ns = time.time_ns()

    assert len(asked) == 2
    assert all(began_ns <= (since_ns or 0) + 3600_500_000_000 <= ended_ns for since_ns in asked.values())


async def test_no_venue_is_connected_to_before_the_run_may_but_its_start_is_written() -> None:
    may = asyncio.Event()
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        out = Collected()
        setup = Setup("toy", ToySettings(port=server.port))
        run = Run([(toy_kind(), setup)], [out], pace=FAST, before_connecting=may.wait)  # type: ignore[arg-type]
        outcome = asyncio.create_task(run.run())
        await out.until(lambda: bool(out.records))
        for _ in range(100):
            await asyncio.sleep(0)
        before = ([type(record) for record in out.records], server.connections)
        may.set()
        await out.until(lambda: "live" in out.states)
        run.stop("enough")
        await outcome

    assert before == ([SessionRecord], 0)


async def test_a_failure_that_is_noted_decides_the_exit_code_and_not_the_end() -> None:
    async with watching() as seen:
        await seen.live()
        seen.run.note_failure(OutputError("the program failed"))
        seen.server.move("1", "NEW")
        await seen.out.until(lambda: bool(seen.out.orders))
        seen.run.stop("enough")

        assert ((await seen.outcome).reason, (await seen.outcome).exit_code) == ("enough", 74)
