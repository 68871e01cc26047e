"""A file that was cut, or restored from a backup, gets its lines back from the stream."""

from pathlib import Path

import pytest

from ordwatch.recording.rotation import older_files
from ordwatch.scale.nats_client import connect
from ordwatch.scale.take_back import place_before
from tests.recording.samples import alive, end, order, start
from tests.scale.collectors import content, damage, make_stream, publish, publishing, recorded
from tests.support.nats_server import Server, needs_nats_server

pytestmark = needs_nats_server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.jsonl"


def cut(path: Path, lines: int, more: int) -> bytes:
    """Leave so many lines and bytes of the file; what it held before."""
    data = content(path)
    path.write_bytes(data[: sum(map(len, data.splitlines(True)[:lines])) + more])
    return data


@pytest.mark.parametrize(("lines", "more"), [(8, 0), (8, 20), (52, 1)], ids=["line end", "inside a line", "last line"])
async def test_lines_that_were_cut_off_are_taken_back(server: Server, path: Path, lines: int, more: int) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), *(order(str(number)) for number in range(50)), alive(2, updates=50), end(3))
        await collector.all_published(53)
    before = cut(path, lines, more)

    async with publishing(path, server.settings()) as collector:
        collector.write(start(10), end(11))
        await collector.all_published(collector.continued.last_seq + 2)

    assert content(path).startswith(before)
    assert content(path).count(b"\n") == 53 + 3
    assert await recorded(server.settings()) == content(path)
    assert damage(path, content(path)) == []


@pytest.mark.parametrize("more", [0, 20], ids=["empty", "inside its first line"])
async def test_a_file_that_lost_all_since_its_rotation_gets_it_back(server: Server, path: Path, more: int) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), order("1"))
        await collector.all_published(2)
        collector.published.rotate_now()
        collector.write(order("2"), order("3"))
        await collector.all_published(6)
    before = cut(path, 0, more)

    async with publishing(path, server.settings()) as collector:
        collector.write(start(10), end(11))
        await collector.all_published(collector.continued.last_seq + 2)

    (older,) = older_files(path)
    assert content(path).startswith(before)
    assert collector.failures == []
    assert await recorded(server.settings()) == content(older.path) + content(path)


async def test_a_damaged_end_is_left_to_the_repair(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), order("1"), order("2"))
        await collector.all_published(3)
    cut(path, 2, 0)
    append(path, b"\0" * 600)

    async with publishing(path, server.settings()) as collector:
        collector.write(start(10))
        stopped = await collector.failed()

    assert stopped.exit_code == 65
    assert content(path).count(b'"type":"repair"') == 1


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


async def test_a_new_recording_takes_nothing_from_the_old_one(server: Server, path: Path) -> None:
    await make_stream(server.settings())
    async with publishing(path, server.settings()) as collector:
        collector.write(start(), order("1"), order("2"), end(3))
        await collector.all_published(4)
    tomorrow = path.with_name("tomorrow.jsonl")
    async with publishing(tomorrow, server.settings()) as collector:
        collector.write(start(100))
        await collector.all_published(1)
        collector.write(end(101))
    async with publishing(tomorrow, server.settings()) as collector:
        assert collector.continued.last_seq == 3
        collector.write(start(200), end(201))

    assert await recorded(server.settings()) == content(tomorrow)


async def test_what_older_recordings_hold_is_not_searched_for_the_first_lines_of_a_new_one(server: Server) -> None:
    await make_stream(server.settings())
    async with connect(server.settings(), name="test") as connection:
        for seq in [*range(10_001, 12_500), *range(1, 6)]:
            headers = {"Nats-Msg-Id": f"c/{seq}/00000000"}
            await connection.publish("ow.c.alive", b"", headers, connection.new_inbox())
        last = await publish(connection, "ow.c.alive", b"", **{"Nats-Msg-Id": "c/6/00000000"})
        place = await place_before(connection, "ORDWATCH", "ow.c.>", 3, last=(6, last))

    assert (last, place) == (2505, 2505 - 1024)


async def test_without_a_server_the_recording_is_opened_all_the_same(server: Server, path: Path) -> None:
    append(path, b"")
    server.kill()

    async with publishing(path, server.settings()) as collector:
        collector.write(start())

    assert content(path).count(b"\n") == 1
