"""`ordwatch init`: the example, private, never over another file; with one block of it only."""

from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from ordwatch.cli.init import EXAMPLE, next_steps, with_blocks
from ordwatch.config import read
from ordwatch.venues import REGISTRY
from tests.support.process import run

TEXT = (files("ordwatch.config") / EXAMPLE).read_text(encoding="utf-8")


def test_it_writes_the_example_to_where_tail_looks_for_it(tmp_path: Path) -> None:
    ended = run("init", env={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "conf")})

    path = tmp_path / "conf" / "ordwatch" / "config.yaml"
    assert (ended.code, ended.err) == (0, "")
    assert path.read_text(encoding="utf-8") == TEXT
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert ended.lines[0] == f"{path}: written; only you can read it. Next:"


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("mine")

    ended = run("init", path)

    assert (ended.code, ended.out, path.read_text()) == (73, "", "mine")
    assert ended.err == f"ordwatch: cannot create {path}: file exists\n"


@pytest.mark.parametrize("kind", REGISTRY)
def test_one_block_can_be_kept(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.yaml"

    ended = run("init", path, "--venue", kind)

    assert ended.code == 0
    assert list(read(path).venues) == [kind]
    assert set(path.read_text().splitlines()) < set(TEXT.splitlines())


def test_a_venue_must_be_one_of_the_example(tmp_path: Path) -> None:
    ended = run("init", tmp_path / "config.yaml", "--venue", "nowhere")

    assert (ended.code, ended.out, list(tmp_path.iterdir())) == (2, "", [])


BLOCKS = """\
# head
venues:

  # one
  one:
    a: 1
    # b: 2

  # two,
  # of two lines
  two:
    a: 1

# last
last:
  c: 3
"""
STARTS = {"one": 5, "two": 11, "last": 15}


@pytest.mark.parametrize(
    ("kept", "left"),
    [
        (["one"], {"venues": {"one": {"a": 1}}}),
        (["two"], {"venues": {"two": {"a": 1}}}),
        (["one", "two"], {"venues": {"one": {"a": 1}, "two": {"a": 1}}}),
        (["two", "last"], {"venues": {"two": {"a": 1}}, "last": {"c": 3}}),
    ],
)
def test_blocks_are_left_out_with_their_comments(kept: list[str], left: object) -> None:
    text = with_blocks(BLOCKS, STARTS, kept)

    assert yaml.safe_load(text) == left
    assert [name for name in STARTS if f"# {name}" in text] == kept


def test_the_next_steps_name_the_keys_that_have_no_default() -> None:
    steps = next_steps(Path("a b.yaml"), list(REGISTRY), is_default=False)

    assert "- remove the venues that you do not use" in steps
    assert sum("works as it is" in step for step in steps) == 1
    assert steps[-2:] == ["- ordwatch check --config 'a b.yaml'", "- ordwatch tail --config 'a b.yaml'"]


def test_the_file_in_the_root_of_the_project_is_the_same() -> None:
    assert (Path(__file__).parents[2] / EXAMPLE).read_text(encoding="utf-8") == TEXT
