"""`ordwatch check`, as a process, against simulators."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import Simulated, run, write_private


def verdicts(out: str) -> list[dict[str, Any]]:
    """What was found."""
    return [json.loads(line) for line in out.splitlines()]


def test_a_venue_that_answers_passes_every_check(simulated: Simulated) -> None:
    ended = run("check", "--config", simulated.path, "-o", "json")

    assert ended.code == 0
    assert [found["check"] for found in verdicts(ended.out)] == [
        "configuration",
        "secrets",
        "name lookup",
        "TCP",
        "reachability",
        "login",
        "subscription",
        "query",
        "clock",
    ]
    assert {found["verdict"] for found in verdicts(ended.out)} == {"ok"}


def test_each_venue_has_its_own_verdicts(two_simulated: Simulated) -> None:
    ended = run("check", "--config", two_simulated.path, "-o", "json")

    assert {found["venue"] for found in verdicts(ended.out)} == {None, *two_simulated.hosts}


def test_text_is_one_line_for_each_verdict(simulated: Simulated) -> None:
    ended = run("check", "--config", simulated.path)

    assert all(line.startswith("ok ") for line in ended.lines)
    assert ended.err == ""


def test_nobody_there_is_a_failure_with_a_remedy(simulated: Simulated) -> None:
    simulated.do(lambda: next(iter(simulated.hosts.values())).refuse())

    ended = run("check", "--config", simulated.path, "-o", "json")

    last = verdicts(ended.out)[-1]
    assert ended.code == 69
    assert (last["verdict"], last["exit_code"]) == ("failed", 69)
    assert last["remedy"]


def test_a_configuration_that_cannot_be_is_the_only_verdict(tmp_path: Path) -> None:
    path = write_private(tmp_path / "config.yaml", "venues:\n  somewhere: {}\n")

    ended = run("check", "--config", path, "-o", "json")

    assert ended.code == 78
    [found] = verdicts(ended.out)
    assert (found["check"], found["verdict"]) == ("configuration", "failed")
    assert "no such kind of venue" in found["detail"]


def test_every_mistake_of_a_configuration_has_its_verdict(tmp_path: Path) -> None:
    path = write_private(tmp_path / "config.yaml", "venues:\n  a: {}\n  b: {}\n")

    ended = run("check", "--config", path)

    assert (ended.code, len(ended.lines)) == (78, 2)


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_a_configuration_that_others_can_read_fails_with_the_remedy(simulated: Simulated, mode: int) -> None:
    simulated.path.chmod(mode)

    ended = run("check", "--config", simulated.path)

    assert ended.code == 78
    assert f"chmod 600 {simulated.path}" in ended.out
    assert simulated.connections == 0


def test_a_venue_that_is_not_configured_is_a_mistake_of_usage(simulated: Simulated) -> None:
    ended = run("check", "--config", simulated.path, "--venue", "nowhere")

    assert (ended.code, ended.out) == (2, "")
