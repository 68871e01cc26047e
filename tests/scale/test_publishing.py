"""Recordings published to real servers: whatever happens, the stream holds each line, and they equal the file."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import AuthError, PublishingStopped, leaf_errors
from ordwatch.core.records import OrderRecord
from ordwatch.core.secrets import Secret
from ordwatch.recording.rotation import Rotation
from ordwatch.scale import publishing as module
from ordwatch.scale.lines import RecordingLines
from ordwatch.scale.nats_client import NatsConnection, NatsMessage, StreamMessage, connect
from ordwatch.scale.publishing import Publishing
from tests.recording.samples import alive, end, order, start
from tests.scale.collectors import content, damage, make_stream, messages, publishing, recorded, until
from tests.support.nats_server import Server, nats_cluster, nats_server, needs_nats_server

pytestmark = needs_nats_server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.jsonl"


async def one_session(path: Path, settings: NatsSettings, second: float = 0) -> None:
    async with publishing(path, settings) as collector:
        collector.write(start(second), order("1", second=second + 1), alive(second + 2, updates=1), end(second + 3))
        await collector.all_published(collector.continued.last_seq + 4)


async def test_the_stream_holds_the_recording_byte_for_byte(server: Server, path: Path) -> None:
    await make_stream(server.settings())

    await one_session(path, server.settings())
    await one_session(path, server.settings(), 10)

    assert await recorded(server.settings()) == content(path)
    assert damage(path, content(path)) == []


async def test_each_message_says_what_it_is(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    await one_session(path, server.settings())

    found = {message.subject: message.headers for message in await messages(server.settings())}

    crc = content(path).splitlines()[1][-10:-2].decode()
    assert list(found) == ["ow.c.session", "ow.c.order.alpha.-.1", "ow.c.alive"]
    assert found["ow.c.order.alpha.-.1"] == {
        "Nats-Msg-Id": f"c/2/{crc}",
        "Nats-Expected-Stream": "ORDWATCH",
        "Ordwatch-Schema": "ordwatch/1",
        "Ordwatch-Kind": "toy",
    }
    assert found["ow.c.session"]["Nats-Expected-Last-Subject-Sequence"] == "1"


async def test_alive_says_how_far_all_is_published(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), alive(1))
        await collector.all_published(2)
        collector.write(alive(2), end(3))

    lines = list(map(json.loads, content(path).splitlines()))
    assert [line["published_seq"] for line in lines if line["type"] == "alive"] == [0, 2]


async def test_what_was_not_published_before_the_end_is_published_by_the_next_run(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    server.kill()
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), *(order(str(number)) for number in range(500)), end(1))
    server.start()

    await one_session(path, server.settings(), 10)

    assert await recorded(server.settings()) == content(path)


async def test_a_broker_that_is_away_costs_nothing(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start())
        await collector.all_published(1)
        for burst in range(10):
            collector.write(*(order(f"{burst}.{number}") for number in range(100)))
            if burst == 2:
                server.kill()
            if burst == 6:
                server.start()
            await asyncio.sleep(0.05)

        await collector.all_published(1001)

    assert await recorded(server.settings()) == content(path)


async def test_after_an_outage_in_which_the_stream_got_all_it_counts_as_published(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    await one_session(path, server.settings())
    server.kill()
    again = Publishing(RecordingLines(path), server.settings(), {"alpha": "toy"}, last_seq=4)
    task = asyncio.create_task(again.run())
    await until(lambda: again.state().startswith("not publishing"))
    server.start()
    await until(lambda: again.published_seq == 4)

    state = again.state()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    again.close()

    assert state == "published"


async def test_a_dead_process_s_last_lines_are_published_by_the_next(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), *(order(str(number)) for number in range(3000)))
        await collector.all_published(700)
        await collector.die()
        server.kill()  # else its orderly end publishes the rest
    server.start()

    await one_session(path, server.settings(), 10)

    assert await recorded(server.settings()) == content(path)
    found = await messages(server.settings())
    assert len({message.headers["Nats-Msg-Id"] for message in found}) == len(found)


async def test_a_new_recording_of_the_same_name_is_sent_whole(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    await one_session(path, server.settings())
    tomorrow = path.with_name("tomorrow.jsonl")

    await one_session(tomorrow, server.settings(), 86_400)
    await one_session(tomorrow, server.settings(), 86_410)

    assert len(await messages(server.settings())) == 4 + 4 + 5
    assert await recorded(server.settings()) == content(tomorrow)


async def test_rotated_files_are_sent_one_after_the_other(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings(), Rotation(max_bytes=4000)) as collector:
        for number in range(20):
            collector.write(start() if number == 0 else order(str(number)))
            await asyncio.sleep(0.01)
        collector.write(end(1))

    files = sorted(path.parent.glob("day.jsonl.*-*"), key=lambda file: int(file.name.split(".")[-1].split("-")[0]))
    assert len(files) > 2
    assert await recorded(server.settings()) == b"".join(content(file) for file in [*files, path])


async def test_lines_that_are_no_longer_on_disk_are_passed_over(
    server: Server, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await make_stream(server.settings())
    server.kill()
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), order("1"))
        await until(lambda: content(path).count(b"\n") == 2)
        collector.published.rotate_now()
        collector.write(order("2"), end(1))
    (older,) = path.parent.glob("day.jsonl.1-*")
    older.unlink()
    server.start()

    await one_session(path, server.settings(), 10)

    assert await recorded(server.settings()) == content(path)


async def test_an_emptied_stream_gets_all_again(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.scale.publishing.GUARD_EVERY_S", 0.1)
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), order("1"))
        await collector.all_published(2)
        async with connect(server.settings(), name="test") as connection:
            await connection.api("STREAM.PURGE.ORDWATCH")
        collector.write(order("2"))
        async with asyncio.timeout(60):
            while await recorded(server.settings()) != content(path):
                pass
        collector.write(end(3))

    assert await recorded(server.settings()) == content(path)


async def test_a_stream_that_was_emptied_meanwhile_gets_all_again(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    await one_session(path, server.settings())
    async with connect(server.settings(), name="test") as connection:
        await connection.api("STREAM.PURGE.ORDWATCH")

    await one_session(path, server.settings(), 10)

    assert await recorded(server.settings()) == content(path)


async def test_a_second_process_of_the_same_name_is_refused(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as first:
        first.write(start())
        await first.all_published(1)
        async with publishing(path.with_name("second.jsonl"), server.settings()) as second:
            second.write(start(10), order("1"))
            (refused,) = leaf_errors(await second.ended() or Exception())
        first.write(order("2"), end(3))

    assert isinstance(refused, PublishingStopped)
    assert refused.exit_code == 75
    assert "process 1 on here, since 2026-03-02T12:00:00" in str(refused)
    assert first.failures == []
    assert await recorded(server.settings()) == content(path)


async def test_of_two_that_begin_at_the_same_moment_one_is_refused(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    async with (
        publishing(path, server.settings()) as first,
        publishing(path.with_name("second.jsonl"), server.settings()) as second,
    ):
        first.write(start(), order("1"))
        second.write(start(0.1), order("2"))
        ended = asyncio.ensure_future(second.ended()), asyncio.ensure_future(first.ended())
        done, others = await asyncio.wait(ended, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        winner = first if ended[0] in done else second
        assert len(done) == 1
        await winner.all_published(2)
        for other in others:
            other.cancel()

    (refused,) = leaf_errors(done.pop().result() or Exception())
    assert isinstance(refused, PublishingStopped)
    assert winner.failures == []
    assert (await recorded(server.settings())).startswith(b"".join(content(winner.path).splitlines(True)[:2]))


async def test_a_newer_session_of_somebody_else_ends_publishing_and_not_the_recording(
    server: Server, path: Path
) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start())
        await collector.all_published(1)
        collector.published.connecting_allowed()
        await foreign_session(server, path)
        stopped = await collector.failed()
        collector.write(order("1"), end(2))

    assert isinstance(stopped, PublishingStopped)
    assert stopped.exit_code == 75
    assert content(path).count(b"\n") == 3
    assert len(await messages(server.settings())) == 2


async def test_a_session_that_comes_while_the_last_one_is_asked_for_is_looked_at_too(
    server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GUARD_EVERY_S", 1.0)
    last_message, on_session = NatsConnection.last_message, Publishing._on_session
    comes_now, seen = asyncio.Event(), asyncio.Event()

    def noted(publishing: Publishing, message: NatsMessage) -> None:
        on_session(publishing, message)
        seen.set()

    async def asked(connection: NatsConnection, stream: str, subject: str) -> StreamMessage | None:
        found = await last_message(connection, stream, subject)
        if subject == "ow.c.session" and comes_now.is_set():
            comes_now.clear()
            await foreign_session(server, path)
            await seen.wait()
        return found

    monkeypatch.setattr(Publishing, "_on_session", noted)
    monkeypatch.setattr(NatsConnection, "last_message", asked)
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start())
        await collector.all_published(1)
        collector.published.connecting_allowed()
        monkeypatch.setattr(module, "GUARD_EVERY_S", 3_600.0)  # it is asked once more by itself, and not again
        comes_now.set()
        stopped = await collector.failed()

    assert isinstance(stopped, PublishingStopped)
    assert stopped.exit_code == 75


async def foreign_session(server: Server, path: Path) -> None:
    """Another process publishes a session, as one does that has taken the name over."""
    other = path.with_name("other.jsonl")
    async with publishing(other, msgspec.structs.replace(server.settings(), collector="x")) as collector:
        collector.write(start(20))
        await collector.all_published(1)
    (message,) = (each for each in await messages(server.settings(), "x") if b'"state":"start"' in each.data)
    headers = {name: value.replace("x/", "c/") for name, value in message.headers.items() if "Last" not in name}
    async with connect(server.settings(), name="test") as connection:
        await connection.publish("ow.c.session", message.data, headers, connection.new_inbox())


async def test_two_histories_are_not_mixed(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    older = path.with_name("older.jsonl")
    await one_session(older, msgspec.structs.replace(server.settings(), collector="other"))
    await one_session(path, server.settings(), 10)

    async with publishing(older, server.settings()) as collector:
        collector.write(start(30))
        stopped = await collector.failed()
        collector.write(end(31))

    assert isinstance(stopped, PublishingStopped)
    assert stopped.exit_code == 65
    assert content(older).count(b'"state":"end"') == 2
    assert await recorded(server.settings()) == content(path)


def large_order() -> OrderRecord:
    return msgspec.structs.replace(order("1"), raw={"text": ["x" * 100] * 50})


async def test_a_message_that_is_too_large_goes_without_what_the_venue_sent(server: Server, path: Path) -> None:
    await make_stream(server.settings(), max_msg_size=4096)
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), large_order(), order("2"), end(1))
        await collector.all_published(4)

    lines = content(path).splitlines(True)
    found = (await recorded(server.settings())).splitlines(True)
    assert [line == copy for line, copy in zip(lines, found, strict=True)] == [True, False, True, True]
    smaller, whole = msgspec.json.decode(found[1]), msgspec.json.decode(lines[1])
    assert smaller | {"raw": whole["raw"], "flags": [], "crc": whole["crc"]} == whole
    assert smaller["flags"] == ["raw_dropped"]
    assert damage(path, b"".join(found)) == []


async def test_a_restart_knows_a_message_that_went_without(server: Server, path: Path) -> None:
    await make_stream(server.settings(), max_msg_size=4096)
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), large_order())
        await collector.all_published(2)
        await collector.die()
    await one_session(path, server.settings(), 10)

    assert len(await messages(server.settings())) == content(path).count(b"\n")


async def test_wrong_credentials_end_with_their_own_code(tmp_path: Path, path: Path) -> None:
    with nats_server(tmp_path, "authorization { token: secret-1 }") as server:
        settings = msgspec.structs.replace(server.settings(), token=Secret("secret-2"))
        async with publishing(path, settings) as collector:
            collector.write(start(), end(1))
            await collector.die()
            with pytest.raises(AuthError, match="refused the credentials"):
                await collector.close()

    assert content(path).count(b"\n") == 2


async def test_without_a_stream_it_is_said_how_to_make_it(
    server: Server, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with publishing(path, server.settings()) as collector:
        collector.write(start())
        await until(lambda: "stream create" in caplog.text)
        await make_stream(server.settings())
        await collector.all_published(1)

    assert "publishing again after" in caplog.text


async def test_the_leader_is_killed_then_all_servers_are_restarted_and_nothing_is_lost(
    tmp_path: Path, path: Path
) -> None:
    with nats_cluster(tmp_path) as servers:
        settings = NatsSettings(servers=tuple(server.url for server in servers), collector="c")
        await make_stream(settings, replicas=3)
        async with publishing(path, settings) as collector:
            collector.write(start(), *(order(str(number)) for number in range(2000)))
            await collector.all_published(300)
            (leader,) = [server for server in servers if server.name == await leader_of(settings)]
            leader.kill()
            collector.write(*(order(str(number)) for number in range(2000, 4000)))
            await collector.all_published(4001)
            for server in servers:
                server.kill()
            collector.write(*(order(str(number)) for number in range(4000, 4500)))
            for server in servers:
                server.start()
            await collector.all_published(4501)
            collector.write(end(1))

        assert await recorded(settings) == content(path)


async def leader_of(settings: NatsSettings) -> str:
    async with connect(settings, name="test") as connection:
        found = await connection.api("STREAM.INFO.ORDWATCH")
    name: str = found["cluster"]["leader"]
    return name
