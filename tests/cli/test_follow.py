"""The command `follow`, as a process: what it needs, what it refuses, and what it shows of a real stream."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordwatch.cli import app
from ordwatch.venues import REGISTRY
from tests.scale import model
from tests.scale.model import SECOND, PaperCollector, stream
from tests.scale.test_follower import life
from tests.scale.test_following import publish
from tests.support.nats_server import Server, free_port, nats_server, needs_nats_server
from tests.support.process import run

PAST_S = 30.0


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose stream holds half a minute of two collectors, which ends now."""
    monkeypatch.setattr(model, "START_NS", time.time_ns() - round(PAST_S * SECOND))
    monkeypatch.setitem(REGISTRY, "toy", "tests.support.toy:TOY")
    collectors = [PaperCollector(name, life("1", 10, 15, 20)) for name in ("a", "b")]
    with nats_server(tmp_path) as started:
        asyncio.run(publish(started, stream(*collectors, until_s=PAST_S)))
        yield started


def test_without_a_broker_once_ends_with_69() -> None:
    ended = run("follow", "--once", "--connect-timeout", "3", "--server", f"nats://127.0.0.1:{free_port()}")

    assert ended.code == 69
    *attempts, never_live, not_answered = ended.err.splitlines()
    assert all("retrying in" in line for line in attempts)
    assert never_live.startswith("ordwatch: nats: never was live")
    assert not_answered == "ordwatch: not every venue has answered in time"


def test_plain_text_over_a_network_is_refused() -> None:
    ended = run("follow", "--server", "nats://192.0.2.1:4222")

    assert (ended.code, ended.out) == (2, "")
    assert "use tls://, or a configuration with nats.allow_plaintext: true" in ended.err


def test_without_the_package_it_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "__init__.py").write_text("raise ImportError")

    ended = run("follow", "--server", "nats://127.0.0.1:4222", env={"PYTHONPATH": str(tmp_path)})

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "ordwatch: NATS needs a package that is not installed: pip install 'ordwatch[nats]'\n"


@needs_nats_server
def test_a_kind_that_is_not_installed_is_named(server: Server) -> None:
    ended = run("follow", "--once", "--server", server.url)

    assert ended.code == 78
    assert "'toy'" in ended.err


@needs_nats_server
def test_once_shows_what_stands_now(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    assert app.run(["follow", "--once", "-o", "json", "--server", server.url]) == 0

    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(line["type"], line["status"], line["collector"]) for line in lines] == [("order", "FILLED", "a")]
    assert lines[0]["stream_seq"] > 0


@needs_nats_server
def test_the_collectors_other_records_are_shown_on_demand_only_and_never_recorded(
    server: Server, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl"
    args = ["follow", "--once", "-o", "json", "--records", "all", "--record", str(path), "--server", server.url]

    assert app.run(args) == 0

    hosts = {line["host"] for line in map(json.loads, capfd.readouterr().out.splitlines()) if line["type"] == "session"}
    recorded = {line["host"] for line in map(json.loads, path.read_text().splitlines()) if line["type"] == "session"}
    assert hosts > {"a", "b"}
    assert not recorded & {"a", "b"}


@needs_nats_server
def test_one_collector_alone_can_be_followed(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    args = ["follow", "--once", "-o", "json", "--collector", "b", "--server", server.url]

    assert app.run(args) == 0
    assert [json.loads(line)["collector"] for line in capfd.readouterr().out.splitlines()] == ["b"]


@needs_nats_server
def test_the_table_names_the_link_to_the_stream_like_a_venue(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    assert app.run(["follow", "--once", "-o", "table", "--server", server.url]) == 0

    shown = capfd.readouterr().out
    assert "nats" in shown
    assert "FILLED" in shown
