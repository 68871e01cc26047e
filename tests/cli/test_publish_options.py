"""`tail --publish` on the command line, and as a process that is killed."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from ordwatch.cli.publish_options import PublishOptions
from ordwatch.config.nats import safe_collector
from ordwatch.core.errors import UsageError
from ordwatch.recording.verify import check
from tests.scale.collectors import content, make_stream, recorded, until
from tests.support.nats_server import SERVER, nats_server
from tests.support.process import Simulated, end, run, running


def test_publishing_needs_a_recording() -> None:
    with pytest.raises(UsageError, match="--publish needs a recording; add --record FILE"):
        PublishOptions(publish=True).sink()


def test_without_the_package_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ordwatch.scale.nats_client", raising=False)
    monkeypatch.delattr("ordwatch.scale.nats_client", raising=False)
    for name in [name for name in sys.modules if name == "nats" or name.startswith("nats.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nats", None)

    with pytest.raises(UsageError, match=r"pip install 'ordwatch\[nats\]'"):
        PublishOptions(publish=True, record=tmp_path / "day.jsonl").sink()


def test_publishing_needs_the_section(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("venues: {opend: }\n")
    config.chmod(0o600)

    ended = run("tail", "--config", config, "--record", tmp_path / "day.jsonl", "--publish")

    assert ended.code == 78
    assert "has no section `nats`" in ended.err
    assert not (tmp_path / "day.jsonl").exists()


@pytest.mark.skipif(SERVER is None, reason="there is no nats-server")
def test_a_killed_recorder_whose_file_lost_its_end_goes_on_whole(tmp_path: Path) -> None:
    config, file = tmp_path / "config.yaml", tmp_path / "day.jsonl"
    with nats_server(tmp_path) as server, Simulated(["coinw"], config) as simulated:
        asyncio.run(make_stream(server.settings()))
        append(config, f'nats: {{servers: ["{server.url}"], collector: c}}\n'.encode())
        command = ("tail", "--config", config, "--record", file, "--publish", "-o", "json")
        with running(*command) as process:
            asyncio.run(until(lambda: file.exists() and content(file).count(b'"state":"live"') > 0))
            while b'"state":"live"' not in asyncio.run(recorded(server.settings())):
                pass
            process.kill()
            process.wait()
        before = content(file)
        os.truncate(file, len(before) // 2)
        with running(*command) as process:
            asyncio.run(until(lambda: content(file).count(b'"state":"live"') > 1 and simulated.connections > 1))
            ended = end(process, signal.SIGTERM)
        held = asyncio.run(recorded(server.settings()))

    assert ended.code == -signal.SIGTERM
    assert "lines that it lacked are taken back" in ended.err
    assert content(file).startswith(before[: before.rindex(b'"state":"live"')])
    assert held == content(file)
    verdict = check([file])
    assert [*verdict.damage, *verdict.broken_invariants] == []


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.skipif(SERVER is None, reason="there is no nats-server")
def test_the_demo_can_be_published(tmp_path: Path) -> None:
    file = tmp_path / "demo.jsonl"
    with nats_server(tmp_path) as server:
        asyncio.run(make_stream(server.settings()))
        ended = run(
            "demo", "--venue", "coinw", "--max-events", "5", "-o", "json", "--record", file, "--publish",
            "--server", server.url,
        )  # fmt: skip
        held = asyncio.run(recorded(server.settings(), safe_collector(socket.gethostname())))

    assert (ended.code, ended.err) == (0, "")
    assert held == content(file)
