"""`ordwatch simulate`: simulators for others to reach."""

import json
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml

from ordwatch.cli.simulate import write_private
from ordwatch.core.errors import OutputRefused
from ordwatch.venues import REGISTRY
from tests.support.process import end, run, running

KIND = list(REGISTRY)[1]


def test_the_configuration_it_prints_reaches_it(tmp_path: Path) -> None:
    path = tmp_path / "sim.yaml"
    with running("simulate", KIND, "--speed", "50") as process:
        assert process.stdout is not None
        # The last line of the block is the address of the REST listener.
        lines = list(iter_until(process.stdout, "rest_url"))
        write_private(path, "".join(lines))

        watched = run("tail", "--config", path, "--max-events", "3")
        ended = end(process, signal.SIGTERM)

    assert [json.loads(line)["venue"] for line in watched.lines] == [KIND] * 3
    assert ended.code == -signal.SIGTERM


def iter_until(lines: Iterable[str], word: str) -> Iterator[str]:
    """The lines up to the first that has the word."""
    for line in lines:
        yield line
        if word in line:
            return


def test_a_duration_ends_it(tmp_path: Path) -> None:
    ended = run("simulate", KIND, "--duration", "0", "--write-config", tmp_path / "sim.yaml")

    assert (ended.code, ended.out) == (0, "")


def test_the_configuration_is_for_the_user_alone(tmp_path: Path) -> None:
    run("simulate", KIND, "--duration", "0", "--write-config", tmp_path / "sim.yaml")

    assert (tmp_path / "sim.yaml").stat().st_mode & 0o777 == 0o600
    assert list(yaml.safe_load((tmp_path / "sim.yaml").read_text())["venues"]) == [KIND]


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "sim.yaml").write_text("mine")

    with pytest.raises(OutputRefused, match="file exists"):
        write_private(tmp_path / "sim.yaml", "text")

    assert (tmp_path / "sim.yaml").read_text() == "mine"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OutputRefused):
        write_private(tmp_path / "link", "text")

    assert not (tmp_path / "elsewhere").exists()
