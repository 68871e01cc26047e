"""Following a real stream: its beginning, its live messages, the broker's outages, and a restart with a recording."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ordwatch.config.nats import NatsSettings
from ordwatch.core.conversion import gap_update
from ordwatch.core.errors import ConfigError, VenueError
from ordwatch.core.records import AliveRecord, GapRecord, LinkRecord, OrderRecord, SessionRecord
from ordwatch.engine.ending import Limits, Outcome
from ordwatch.engine.output import Sink
from ordwatch.recording.sink import Recording
from ordwatch.recording.verify import check
from ordwatch.scale import stream as streams
from ordwatch.scale.follower import Follower, Resume, StoredMessage
from ordwatch.scale.following import BROKER, FollowRun
from ordwatch.scale.nats_client import connect
from ordwatch.venues.contract import VenueKind
from tests.scale import model
from tests.scale.collectors import make_stream
from tests.scale.model import SECOND, Change, Cut, PaperCollector, stream
from tests.scale.test_follower import life
from tests.support.collect import Collected
from tests.support.nats_server import Server, nats_cluster, nats_server, needs_nats_server
from tests.support.toy import TOY

pytestmark = needs_nats_server
PAST_S = 60.0


@pytest.fixture(autouse=True)
def until_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collectors' minute ends now."""
    monkeypatch.setattr(model, "START_NS", time.time_ns() - round(PAST_S * SECOND))


async def publish(server: Server, messages: Sequence[StoredMessage], *, create: bool = True) -> None:
    async with connect(server.settings(), name="test") as connection:
        if create:
            await streams.create(connection, streams.wanted("ORDWATCH", replicas=1))
        found = await streams.info(connection, "ORDWATCH")
        assert found is not None
        for message in messages:
            await connection.publish(message.subject, message.data, {}, connection.new_inbox())
        while True:
            now = await streams.info(connection, "ORDWATCH")
            assert now is not None
            if now.messages >= found.messages + len(messages):
                return
            await asyncio.sleep(0.01)


def collectors(changes: Sequence[Change], *cuts: Cut, until_s: float = PAST_S) -> list[StoredMessage]:
    """What two collectors have published, of which only the first was cut."""
    both = [PaperCollector("a", changes, cuts), PaperCollector("b", changes)]
    return stream(*both, until_s=until_s)


class Seen(Collected):
    """A sink, and the run that writes to it."""

    run: FollowRun
    outcome: "asyncio.Task[Outcome]"

    def lasts(self, kind: type[LinkRecord]) -> dict[str, str]:
        return {record.venue: record.state for record in self.records if isinstance(record, kind)}


@asynccontextmanager
async def following(
    server: Server,
    limits: Limits | None = None,
    *sinks: Sink,
    load: Callable[[str], VenueKind] = lambda _: TOY,
    resume: Resume | None = None,
    since_ns: int | None = None,
) -> AsyncIterator[Seen]:
    seen = Seen()
    follower = Follower(load, resume=resume)
    seen.run = FollowRun(
        server.settings(), follower, [*sinks, seen], limits or Limits(), resume=resume, since_ns=since_ns
    )
    for sink in sinks:
        sink.start()
    seen.outcome = asyncio.create_task(seen.run.run())
    try:
        yield seen
    finally:
        seen.run.stop("the test is over")
        await seen.outcome


async def test_begins_with_the_last_message_of_every_subject(server: Server) -> None:
    await publish(server, collectors(life("1", 10, 20, 30)))

    async with following(server, Limits(once=True)) as seen:
        outcome = await seen.outcome

    assert [(r.order_id, r.status, r.collector) for r in seen.orders] == [("1", "FILLED", "a")]
    assert (outcome.reason, outcome.exit_code) == ("every venue has answered", 0)
    assert seen.lasts(LinkRecord) == {BROKER: "live", "toy": "live"}
    first, *_, last = seen.records
    assert isinstance(first, SessionRecord)
    assert isinstance(last, SessionRecord)
    assert (first.state, first.venues, first.kinds, last.state) == ("start", ["toy"], {"toy": "toy"}, "end")


async def test_since_a_time_reads_every_state_from_there(server: Server) -> None:
    await publish(server, collectors(life("1", 10, 20, 30)))

    async with following(server, Limits(once=True), since_ns=time.time_ns() - 3600 * SECOND) as seen:
        await seen.outcome

    assert [r.status for r in seen.orders] == ["NEW", "PARTIALLY_FILLED", "FILLED"]


async def test_goes_on_live(server: Server) -> None:
    messages = collectors(life("1", 10, 40, 50))
    await publish(server, messages[:10])

    async with following(server) as seen:
        await seen.until(lambda: bool(seen.orders))
        await publish(server, messages[10:], create=False)
        await seen.until(lambda: len(seen.orders) == 3)

    assert [r.status for r in seen.orders] == ["NEW", "PARTIALLY_FILLED", "FILLED"]


async def test_a_venue_of_a_kind_that_is_not_installed_ends_with_78_and_is_named(server: Server) -> None:
    def load(kind: str) -> VenueKind:
        raise ConfigError(f"unknown kind of venue {kind!r}")

    await publish(server, collectors([]))

    async with following(server, load=load) as seen:
        outcome = await seen.outcome

    assert outcome.exit_code == 78
    assert "toy" in outcome.reason


async def test_wrong_credentials_end_it_and_the_link_has_failed(tmp_path: Path) -> None:
    with nats_server(tmp_path, "authorization { token: secret-1 }") as server:
        async with following(server) as seen:
            outcome = await seen.outcome

    assert outcome.exit_code == 77
    assert seen.lasts(LinkRecord) == {BROKER: "failed"}


async def test_a_broker_that_is_away_for_a_while_costs_nothing(server: Server) -> None:
    messages = collectors(life("1", 10, 40, 50))
    await publish(server, messages[:10])

    async with following(server) as seen:
        await seen.until(lambda: seen.lasts(LinkRecord).get("toy") == "live")
        server.kill()
        await seen.until(lambda: seen.lasts(LinkRecord).get(BROKER) == "down")
        assert seen.lasts(LinkRecord)["toy"] == "stale"
        server.start()
        await publish(server, messages[10:], create=False)
        await seen.until(lambda: len(seen.orders) == 3 and seen.lasts(LinkRecord)["toy"] == "live")

    gaps = [(r.venue, r.state, r.outcome) for r in seen.records if isinstance(r, GapRecord)]
    assert gaps == [(BROKER, "open", None), (BROKER, "closed", "recovered")]


async def test_without_the_broker_at_the_end_nothing_is_claimed_of_the_time_since(server: Server) -> None:
    await publish(server, collectors([]))

    async with following(server) as seen:
        await seen.until(lambda: seen.lasts(LinkRecord).get("toy") == "live")
        server.kill()
        await seen.until(lambda: seen.lasts(LinkRecord).get(BROKER) == "down")
        seen.run.stop("enough")
        outcome = await seen.outcome

    assert not outcome.covered
    assert outcome.coverage["toy"].open_gap is not None


async def test_a_recording_is_continued_exactly_where_it_ended(server: Server, tmp_path: Path) -> None:
    messages = collectors(life("1", 10, 40, 50), Cut(15, 35, "gap"))
    path = tmp_path / "all.jsonl"
    await publish(server, messages[:10])

    statuses: list[str] = []
    for more in (messages[10:16], messages[16:-4], messages[-4:]):
        await publish(server, more, create=False)
        recording = Recording(path)
        async with following(server, Limits(), recording, resume=resumed(recording)) as seen:
            await seen.until(lambda: seen.lasts(LinkRecord).get("toy") == "live")
        statuses += [r.status for r in seen.orders]

    assert statuses == ["NEW", "PARTIALLY_FILLED", "FILLED"]
    verdict = check([path])
    assert verdict.exit_code == 0, verdict.text()
    lines = path.read_text()
    assert lines.count('"type":"session"') == 6


@pytest.mark.parametrize("orders_before", [1, 4])
async def test_a_stream_that_was_made_anew_is_read_whatever_was_read_of_the_one_before(
    server: Server, tmp_path: Path, orders_before: int
) -> None:
    path = tmp_path / "all.jsonl"
    before = [event for n in range(orders_before) for event in life(f"old{n}", 10 + n, 40 + n, 50 + n)]
    await publish(server, collectors(before))
    recording = Recording(path)
    async with following(server, Limits(), recording, resume=resumed(recording)) as seen:
        await seen.until(lambda: len({r.order_id for r in seen.orders}) == orders_before)

    async with connect(server.settings(), name="test") as connection:
        await connection.api("STREAM.DELETE.ORDWATCH")
    await publish(server, collectors([*life("new1", 10, 40, 50), *life("new2", 11, 41, 51)]))
    recording = Recording(path)
    async with following(server, Limits(), recording, resume=resumed(recording)) as seen:
        await seen.until(lambda: {r.order_id for r in seen.orders if r.status == "FILLED"} >= {"new1", "new2"})


def resumed(recording: Recording) -> Resume:
    found = recording.open()
    return Resume(
        orders=found.orders,
        kinds=found.kinds,
        covered_until_ns=found.covered_until_ns,
        open_gaps={name: gap_update(gap) for name, gap in found.open_gaps.items()},
        gap_numbers={name: found.next_gap(name) - 1 for name in [*found.kinds, BROKER]},
        position=found.stream_seq,
    )


async def test_alive_records_name_what_is_covered_and_until_when(server: Server) -> None:
    await publish(server, collectors([]))

    async with following(server) as seen:
        await seen.until(lambda: any(isinstance(r, AliveRecord) and "toy" in r.venues for r in seen.records))

    alive = next(r for r in seen.records if isinstance(r, AliveRecord) and "toy" in r.venues)
    assert alive.venues["toy"].covers == ["toy"]
    assert alive.venues["toy"].last_rx is not None


async def test_at_most_so_many_orders_are_merged(server: Server) -> None:
    await publish(server, collectors([*life("1", 10, 20, 30), *life("2", 31, 32, 33)]))

    async with following(server, Limits(max_events=2), since_ns=time.time_ns() - 3600 * SECOND) as seen:
        outcome = await seen.outcome

    assert len([r for r in seen.records if isinstance(r, OrderRecord)]) == 2
    assert outcome.reason == "event limit reached"


async def test_a_cluster_that_loses_its_leader_is_read_on(tmp_path: Path) -> None:
    messages = collectors(life("1", 10, 40, 50))
    with nats_cluster(tmp_path) as servers:
        settings = NatsSettings(servers=tuple(each.url for each in servers))
        await make_stream(settings, replicas=3)
        await publish(servers[0], messages[:10], create=False)
        follower = Follower(lambda _: TOY)
        seen = Seen()
        seen.run = FollowRun(settings, follower, [seen], Limits())
        running = asyncio.create_task(seen.run.run())
        try:
            await seen.until(lambda: seen.lasts(LinkRecord).get("toy") == "live")
            async with connect(settings, name="test") as connection:
                found = await streams.info(connection, "ORDWATCH")
            assert found is not None
            leader = next(each for each in servers if each.name == found.leader)
            leader.kill()
            await publish_when_it_can(next(each for each in servers if each is not leader), messages[10:])
            await seen.until(lambda: len(seen.orders) == 3 and seen.lasts(LinkRecord)["toy"] == "live")
        finally:
            seen.run.stop("the test is over")
            await running

    assert [r.status for r in seen.orders] == ["NEW", "PARTIALLY_FILLED", "FILLED"]
    assert [r.outcome for r in seen.gaps if r.state == "closed" and r.venue == "toy"] == []


async def publish_when_it_can(server: Server, messages: Sequence[StoredMessage]) -> None:
    """Publish once the cluster has a leader again."""
    async with asyncio.timeout(30.0):
        while True:
            try:
                async with connect(server.settings(), name="test") as connection:
                    found = await streams.info(connection, "ORDWATCH")
                if found is not None and found.leader is not None:
                    return await publish(server, messages, create=False)
            except VenueError:
                pass
            await asyncio.sleep(0.1)
