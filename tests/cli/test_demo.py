"""`ordwatch demo`: every venue, no configuration."""

import json
import signal
from pathlib import Path

import pytest

from ordwatch.cli.simulators import chosen_kinds
from ordwatch.core.errors import UsageError
from ordwatch.venues import REGISTRY
from tests.support.process import end, run, running


def test_it_shows_orders_of_every_venue() -> None:
    ended = run("demo", "--max-events", "40", "--speed", "20")

    assert ended.code == 0
    assert {json.loads(line)["venue"] for line in ended.lines} == set(REGISTRY)


def test_it_needs_no_configuration_and_reads_none(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("not: a configuration")

    ended = run("demo", "--max-events", "1", env={"ORDWATCH_CONFIG": str(tmp_path / "config.yaml")})

    assert (ended.code, ended.err) == (0, "")


def test_session_record_names_the_kinds_and_that_they_are_simulated() -> None:
    ended = run("demo", "--max-events", "1", "--records", "all")

    session = json.loads(ended.lines[0])
    assert (session["kinds"], session["simulated"]) == ({kind: kind for kind in REGISTRY}, True)
    assert list(session)[7:10] == ["venues", "kinds", "simulated"]


def test_a_signal_ends_it_cleanly() -> None:
    with running("demo") as process:
        assert process.stdout is not None
        process.stdout.readline()

        ended = end(process, signal.SIGINT)

    assert (ended.code, ended.err) == (-signal.SIGINT, "")


def test_a_duration_ends_it() -> None:
    assert run("demo", "--duration", "0.5s", "--venue", list(REGISTRY)[1]).code == 0


def test_kinds_are_all_unless_some_are_named_each_once() -> None:
    first, second, *_ = REGISTRY

    assert chosen_kinds(None) == list(REGISTRY)
    assert chosen_kinds([second, first, second]) == [second, first]


def test_a_kind_that_is_nearly_right_is_suggested() -> None:
    first = next(iter(REGISTRY))

    with pytest.raises(UsageError, match=f"did you mean `{first}`"):
        chosen_kinds([first[:-1]])
