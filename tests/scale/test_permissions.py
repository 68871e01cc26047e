"""The permissions that the README gives to paste are enough, and no more than its user needs."""

import re
from pathlib import Path

import msgspec
import pytest

from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import AuthError
from ordwatch.core.secrets import Secret
from ordwatch.scale import stream
from ordwatch.scale.nats_client import connect
from tests.recording.samples import alive, end, start
from tests.scale.collectors import content, make_stream, publishing, recorded
from tests.support.nats_server import Server, nats_server, needs_nats_server

pytestmark = needs_nats_server
README = Path(__file__).parents[2] / "README.md"


def users() -> str:
    """The README's users, and one who may do all."""
    found = re.search(r"```\n(authorization \{ users: \[\n.*?)\n```", README.read_text(), re.DOTALL)
    assert found is not None
    return found[1].replace('"..."', "secret-1").replace("users: [", "users: [ { user: admin, password: secret-1 }")


def as_user(server: Server, name: str, collector: str = "desk-1") -> NatsSettings:
    settings = msgspec.structs.replace(server.settings(), user=Secret(name), password=Secret("secret-1"))
    return msgspec.structs.replace(settings, collector=collector)


async def test_a_collector_publishes_and_takes_back_with_them(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    with nats_server(tmp_path, users()) as server:
        await make_stream(as_user(server, "admin"))
        settings = as_user(server, "desk-1")
        async with publishing(path, settings) as collector:
            collector.write(start(), alive(1), end(2))
            await collector.all_published(3)
        before = content(path)
        shorten(path)
        async with publishing(path, settings) as collector:
            collector.write(start(10), end(11))
            await collector.all_published(6)
        held = await recorded(as_user(server, "admin"), "desk-1")

    assert content(path).startswith(before)
    assert held == content(path)


def shorten(path: Path) -> None:
    path.write_bytes(content(path)[:-20])


async def test_a_reader_reads_with_them(tmp_path: Path) -> None:
    with nats_server(tmp_path, users()) as server:
        await make_stream(as_user(server, "admin"))
        async with publishing(tmp_path / "day.jsonl", as_user(server, "desk-1")) as collector:
            collector.write(start())
            await collector.all_published(1)
        held = await recorded(as_user(server, "reader"), "desk-1")
        async with connect(as_user(server, "reader"), name="test") as connection:
            found = await stream.status(connection, "ORDWATCH")

    assert held == content(tmp_path / "day.jsonl")
    assert [each.collector for each in found.collectors] == ["desk-1"]


@pytest.mark.parametrize(
    "subject", ["ow.other.alive", "$JS.API.STREAM.PURGE.ORDWATCH", "$JS.API.STREAM.DELETE.ORDWATCH"]
)
@pytest.mark.parametrize("user", ["desk-1", "reader"])
async def test_no_more_is_permitted(tmp_path: Path, user: str, subject: str) -> None:
    with nats_server(tmp_path, users()) as server:
        async with connect(as_user(server, user), name="test") as connection:
            with pytest.raises(AuthError, match="permissions violation"):
                await connection.request(subject, b"", 0.5)
