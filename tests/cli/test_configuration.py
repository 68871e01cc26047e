"""A configuration that is not there, and one with many mistakes."""

from pathlib import Path

import pytest

from ordwatch.venues import REGISTRY, load
from tests.support.process import run, write_private

WITHOUT = [kind for kind in REGISTRY if not load(kind).required_keys()]
"""Kinds of venues that need no configuration."""
OTHERS = [kind for kind in REGISTRY if kind not in WITHOUT]


def test_one_kind_of_venue_needs_no_configuration() -> None:
    assert len(WITHOUT) == 1


def test_it_is_watched_with_its_defaults_which_stderr_names(tmp_path: Path) -> None:
    [kind] = WITHOUT

    ended = run("tail", "--venue", kind, "--once", "--connect-timeout", "0", env={"HOME": str(tmp_path)})

    path = tmp_path / ".config" / "ordwatch" / "config.yaml"
    assert ended.code == 69
    assert f"{kind}: there is no {path}; the defaults are used (kind {kind}, " in ended.err


@pytest.mark.parametrize(
    ("names", "variables"),
    [([], {}), ([*WITHOUT, OTHERS[0]], {}), (WITHOUT, {"ORDWATCH_CONFIG": "x"})],
    ids=["no venue", "another venue too", "a file is named"],
)
def test_anything_else_needs_one(tmp_path: Path, names: list[str], variables: dict[str, str]) -> None:
    venues = [part for name in names for part in ("--venue", name)]

    ended = run("tail", *venues, env={"HOME": str(tmp_path), **variables})

    assert ended.code == 78
    assert "`ordwatch init` writes an example" in ended.err


def test_nothing_under_the_name_of_a_venue_is_all_defaults(tmp_path: Path) -> None:
    [kind] = WITHOUT
    path = write_private(tmp_path / "config.yaml", f"venues:\n  {kind}:\n")

    ended = run("check", "--config", path)

    assert ended.lines[0] == f"ok      -          configuration {path}: {kind}"


def test_every_mistake_is_a_line_on_stderr_though_they_look_alike(tmp_path: Path) -> None:
    text = "venues:\n  a:\n    kind: x\n  b:\n    kind: x\n  b:\n    kind: y\n"
    path = write_private(tmp_path / "config.yaml", text)

    ended = run("tail", "--config", path)

    assert ended.code == 78
    assert [line.split(": ")[1] for line in ended.err.splitlines()] == [f"{path}:{line}" for line in (3, 5, 6)]
