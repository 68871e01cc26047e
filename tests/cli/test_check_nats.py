"""What `check` says of the section `nats`, against real servers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ordwatch.cli.check_nats import check_nats
from ordwatch.config import NatsSettings
from ordwatch.core.secrets import Secret
from tests.scale.collectors import make_stream, messages
from tests.support.nats_server import SERVER, Server, free_port, nats_server
from tests.support.process import run, write_private


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if SERVER is None:
        pytest.skip("there is no nats-server")
    with nats_server(tmp_path) as started:
        yield started


def shown(settings: NatsSettings) -> list[tuple[str, str, int]]:
    return [(result.check, result.verdict, result.exit_code) for result in check_nats(settings)]


def test_all_is_in_place_and_nothing_is_published(server: Server) -> None:
    asyncio.run(make_stream(server.settings(), duplicate_window=120 * 10**9))

    assert shown(server.settings()) == [
        ("reachability", "ok", 0),
        ("login", "ok", 0),
        ("stream", "warning", 0),  # one replica
        ("permissions", "ok", 0),
    ]
    assert asyncio.run(messages(server.settings())) == []


def test_a_server_that_is_not_there() -> None:
    assert shown(NatsSettings(servers=(f"nats://127.0.0.1:{free_port()}",))) == [("reachability", "failed", 69)]


def test_a_stream_that_is_not_there(server: Server) -> None:
    *_, last = check_nats(server.settings())

    assert (last.check, last.verdict, last.exit_code) == ("stream", "failed", 69)
    assert "ordwatch stream create" in (last.remedy or "")


def test_a_short_duplicate_window_is_a_warning(server: Server) -> None:
    asyncio.run(make_stream(server.settings()))

    (stream,) = [result for result in check_nats(server.settings()) if result.check == "stream"]

    assert "duplicate window of 2 s" in stream.detail


@pytest.mark.skipif(SERVER is None, reason="there is no nats-server")
def test_wrong_credentials(tmp_path: Path) -> None:
    with nats_server(tmp_path, "authorization { token: secret-1 }") as server:
        settings = msgspec.structs.replace(server.settings(), token=Secret("secret-2"))

        assert shown(settings) == [("login", "failed", 77)]


@pytest.mark.skipif(SERVER is None, reason="there is no nats-server")
def test_a_user_that_may_not_publish_under_this_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.cli.check_nats.ANSWER_S", 0.5)
    users = """authorization { users: [
        { user: admin, password: secret-1 },
        { user: other, password: secret-1, permissions: { publish: ["ow.other.>", "$JS.API.STREAM.INFO.ORDWATCH"] } }
    ] }"""
    with nats_server(tmp_path, users) as server:
        admin = msgspec.structs.replace(server.settings(), user=Secret("admin"), password=Secret("secret-1"))
        asyncio.run(make_stream(admin))

        *_, last = check_nats(msgspec.structs.replace(admin, user=Secret("other")))

    assert (last.check, last.verdict, last.exit_code) == ("permissions", "failed", 77)
    assert "ow.c.check" in last.detail


def test_the_command_checks_a_configuration_that_only_follows(server: Server, tmp_path: Path) -> None:
    asyncio.run(make_stream(server.settings()))
    config = write_private(tmp_path / "config.yaml", f'nats: {{servers: ["{server.url}"]}}\n')

    ended = run("check", "--config", config)

    assert ended.code == 0
    assert [line.split()[:3] for line in ended.lines] == [
        ["ok", "-", "configuration"],
        ["ok", "nats", "reachability"],
        ["ok", "nats", "login"],
        ["warning", "nats", "stream"],
        ["ok", "nats", "permissions"],
    ]
