"""`ordwatch stream` against a real server."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recording.samples import alive, link, start
from tests.scale.collectors import publishing
from tests.support.nats_server import SERVER, Server, nats_server
from tests.support.process import run


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if SERVER is None:
        pytest.skip("there is no nats-server")
    with nats_server(tmp_path) as started:
        yield started


def test_the_stream_is_made_once_and_then_compared(server: Server) -> None:
    made = run("stream", "create", "--server", server.url, "--replicas", "1")
    again = run("stream", "create", "--server", server.url, "--replicas", "1")
    differs = run("stream", "create", "--server", server.url, "--replicas", "1", "--max-age", "50d")

    assert (made.code, made.err) == (0, "")
    assert "ORDWATCH: made: subjects ow.>, storage file, num_replicas 1, max_age 100 d" in made.out
    assert (again.code, again.out) == (0, made.out.replace("made", "is there"))
    assert differs.code == 78
    assert "max_age is 100 d, not 50 d; left as it is" in differs.err


def test_status_shows_collectors_and_whether_their_venues_are_covered(server: Server, tmp_path: Path) -> None:
    run("stream", "create", "--server", server.url, "--replicas", "1")

    async def publish() -> None:
        async with publishing(tmp_path / "day.jsonl", server.settings()) as collector:
            collector.write(start(), link("live", 1), alive(2, covers=["x"]))
            await collector.all_published(3)

    asyncio.run(publish())
    shown = run("stream", "status", "--server", server.url)
    found = run("stream", "status", "--server", server.url, "-o", "json")

    assert (shown.code, found.code) == (0, 0)
    assert "alpha: covered by c" in shown.out
    status = json.loads(found.out)
    assert [(each["collector"], each["seq"], each["running"]) for each in status["collectors"]] == [("c", 3, True)]
    assert status["venues"] == [{"venue": "alpha", "kind": "toy", "covered": True, "by": ["c"], "uncovered": []}]


def test_a_stream_without_collectors_covers_nothing(server: Server) -> None:
    run("stream", "create", "--server", server.url, "--replicas", "1")

    ended = run("stream", "status", "--server", server.url)

    assert ended.code == 69
    assert "no collector has published yet" in ended.out


def test_a_missing_stream_is_named_with_the_remedy(server: Server) -> None:
    ended = run("stream", "status", "--server", server.url)

    assert ended.code == 69
    assert ended.err == "ordwatch: there is no stream ORDWATCH; `ordwatch stream create` makes it\n"


def test_a_server_that_is_not_there_is_reported() -> None:
    ended = run("stream", "status", "--server", "nats://127.0.0.1:1")

    assert ended.code == 69
    assert ended.err == "ordwatch: cannot reach 127.0.0.1:1 (connection refused)\n"
