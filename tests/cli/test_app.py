"""The command line as a whole: mistakes, help, version, and what a bare environment makes of it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import ordwatch
from ordwatch.cli.app import command_line
from ordwatch.simulators.host import LOOPBACK
from ordwatch.venues import REGISTRY, load
from tests.support.process import COMMAND, run

VALUES = {
    **dict.fromkeys(["--open", "--raw", "--once", "--fail-on-gap", "--verbose", "--quiet", "--max-events"], "1"),
    **dict.fromkeys(["--speed", "--seed", "--duration", "--connect-timeout", "--lock-wait"], "1"),
    "--output": "json",
    "--records": "all",
    "--status": "new",
    "--side": "buy",
    "--time-zone": "UTC",
    "--fsync": "never",
    "--color": "never",
}
"""A value for each option that does not take any text."""

COMMANDS = ["tail", "demo", "simulate", "check", "replay", "verify", "schema"]


@pytest.mark.parametrize(
    ("args", "stderr"),
    [
        (["tial"], "tail"),
        (["--nope"], "--nope"),
        (["tail", "--outptu", "json"], "--output"),
        (["tail", "-o", "xml"], "'xml' is not one of table, json, text"),
        (["tail", "-o", "jsn"], "did you mean `json`?"),
        (["check", "-o", "txt"], "did you mean `text`?"),
        (["tail", "--status", "FILED"], "did you mean `filled`?"),
        (["tail", "--side", "sel"], "did you mean `sell`?"),
        (["tail", "--records", "gabs"], "did you mean `gaps`?"),
        (["tail", "--color", "alwyas"], "did you mean `always`?"),
        (["tail", "--fsync", "nevr"], "did you mean `never`?"),
        (["tail", "--max-events", "0"], "'0' is not a whole number of 1 or more"),
        (["tail", "--max-events", "many"], "'many' is not a whole number of 1 or more"),
        (["demo", "--seed", "-1"], "'-1' is not a whole number of 0 or more"),
        (["demo", "--speed", "fast"], "'fast' is not a number from 0.01 to 1000"),
        (["tail", "--duration", "soon"], "'soon' is not a duration such as 90, 90s, 30m, 6h or 1d"),
        (["tail", "--connect-timeout", "soon"], "30m"),
        (["tail", "--record", "x", "--lock-wait", "soon"], "30m"),
        (["tail", "--time-zone", "Europe/Berlim"], "Europe/Berlin"),
        (["tail", "--until", "00:00", "--time-zone", "UTC"], "has passed"),
        (["tail", "--until", "noon"], "16:10"),
        (["tail", "-v", "-q"], "give one"),
        (["tail", "-o", "text", "--records", "all"], "-o json"),
        (["tail", "--rotate", "daily"], "add --record FILE"),
        (["tail", "--record", "x", "--rotate", "weekly"], "daily"),
        (["tail", "--venue"], "--venue"),
        (["tail", "extra"], "extra"),
        (["demo", "--venue", "nowhere"], "no venue 'nowhere'"),
        (["simulate"], "VENUE"),
        (["simulate", "nowhere"], "no venue 'nowhere'; there are"),
        (["replay"], "FILE"),
        (["replay", "x", "--speed", "0"], "speed"),
        (["verify"], "FILE"),
        (["schema", "extra"], "extra"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_of_usage_is_reported_in_few_lines(args: list[str], stderr: str) -> None:
    ended = run(*args)

    assert ended.code == 2
    assert stderr in ended.err
    assert "Traceback" not in ended.err
    assert "Value error" not in ended.err
    assert len(ended.err.splitlines()) <= 5
    assert ended.out == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_begins_with_examples(command: str) -> None:
    ended = run(command, "--help")

    assert ended.code == 0
    assert ended.out.index("Examples:") < ended.out.index("Options:")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_plain_and_fits_the_terminal(command: str, columns: int) -> None:
    ended = run(*filter(None, [command]), "--help", env={"COLUMNS": str(columns)})

    assert not re.search(r"<|list\[|\bPath\b|range|>=|\[env|\[default|\{", ended.out)
    assert not re.search(r"--[a-z]+-$", ended.out, re.MULTILINE)
    assert [line for line in ended.lines if len(line) > columns] == []


@pytest.mark.parametrize(("command", "usage"), [("verify", "FILE..."), ("replay", "FILE..."), ("simulate", "VENUE...")])
def test_help_names_arguments_as_the_usage_does(command: str, usage: str) -> None:
    lines = run(command, "--help").lines

    assert lines[0] == f"Usage: ordwatch {command} [OPTIONS] {usage}"
    assert [line for line in lines if line.startswith(f"  {usage}  ")] != []


@pytest.mark.parametrize(
    ("name", "option"),
    [
        (name, option)
        for name, command in typer.main.get_group(command_line()).commands.items()
        for option in command.params
        if option.param_type_name == "option" and option.name != "help"
    ],
    ids=lambda value: value if isinstance(value, str) else value.opts[-1],
)
def test_each_option_can_come_from_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, option: Any) -> None:
    long = max(option.opts, key=len)
    variable = f"ORDWATCH_{name}_{long.removeprefix('--')}".upper().replace("-", "_")
    monkeypatch.setenv(variable, VALUES.get(long, "x"))
    group: Any = typer.main.get_group(command_line())
    parent = group.make_context("ordwatch", [name, "--help"], resilient_parsing=True, **group.context_settings)

    context = group.commands[name].make_context(name, [], parent=parent, resilient_parsing=True)

    assert context.get_parameter_source(option.name).name == "ENVIRONMENT"


def test_a_variable_is_what_the_option_would_be() -> None:
    variables = {"ORDWATCH_DEMO_MAX_EVENTS": "3", "ORDWATCH_DEMO_OUTPUT": "TEXT", "ORDWATCH_DEMO_OPEN": "1"}

    ended = run("demo", env=variables)

    assert (ended.code, len(ended.lines)) == (0, 3)
    assert all(" ORDER " in line for line in ended.lines)


def test_a_variable_that_is_wrong_is_a_mistake_of_usage() -> None:
    ended = run("demo", env={"ORDWATCH_DEMO_OUTPUT": "jsn"})

    assert ended.code == 2
    assert "did you mean `json`?" in ended.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_what_an_option_takes(shell: str) -> None:
    words = {"COMP_WORDS": "ordwatch tail --status fi", "COMP_CWORD": "3"}
    args = {"_TYPER_COMPLETE_ARGS": "ordwatch tail --status fi", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}

    ended = run(env={"_ORDWATCH_COMPLETE": f"complete_{shell}", **words, **args})

    assert "filled" in ended.out
    assert "canceled" not in ended.out


def completed(shell: str, line: str, home: Path) -> str:
    """What the shell offers for the last word of this line."""
    variables = {
        "_ORDWATCH_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    return run(env={**variables, "HOME": str(home)}).out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_the_venues_of_the_configuration(shell: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("venues:\n  desk-1: {kind: nothing}\n  desk-2:\n  other:\n")

    offered = completed(shell, f"ordwatch tail --config {path} --venue de", tmp_path)

    assert ("desk-1" in offered, "desk-2" in offered, "other" in offered) == (True, True, False)


@pytest.mark.parametrize("content", [None, "venues: [", "- a", "venues: 5"])
def test_without_a_configuration_it_completes_no_venue_and_says_nothing(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    if content is not None:
        path.write_text(content)

    assert completed("bash", f"ordwatch tail --config {path} --venue d", tmp_path).strip() == ""


def test_commands_without_a_configuration_complete_the_built_in_kinds(tmp_path: Path) -> None:
    [kind, *_] = REGISTRY

    assert completed("bash", f"ordwatch demo --venue {kind[:2]}", tmp_path).split() == [kind]


def test_help_names_every_command() -> None:
    ended = run("--help")

    assert [command for command in COMMANDS if f"\n  {command} " not in ended.out] == []


def test_without_a_command_there_is_help() -> None:
    assert "Commands:" in run().out + run().err


def test_the_version_is_the_packages() -> None:
    assert run("--version").out == f"ordwatch {ordwatch.__version__}\n"


def test_the_version_imports_nothing_that_costs() -> None:
    code = "import sys; sys.argv = ['ordwatch', '--version']; import ordwatch.cli as c; c.main(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout

    assert not {"typer", "msgspec", "yaml", "asyncio", "rich"} & set(loaded.split())


def modules_after(*args: str) -> set[str]:
    """The modules that are loaded once this command line has ended."""
    code = (
        "import sys; sys.argv = ['ordwatch', *sys.argv[1:]]\n"
        "import ordwatch.cli as c\n"
        "c.main()\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *args],
        env={"HOME": "/nonexistent"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return set(ended.stderr.splitlines()[-1].split())


SLOW = {"aiohttp", "websockets", "google.protobuf", "cryptography", "yaml", "rich", "pydantic", "nats"}
"""Modules whose import takes long, in comparison to typer's."""


def test_help_imports_no_command() -> None:
    modules = modules_after("--help")

    assert not (SLOW | {"asyncio", "msgspec"}) & modules
    assert not {f"ordwatch.cli.{name}" for name in COMMANDS} & modules


def test_help_of_a_command_imports_no_engine() -> None:
    modules = modules_after("tail", "--help")

    assert not (SLOW | {"ordwatch.engine.run", "ordwatch.config"}) & modules
    assert not {f"ordwatch.cli.{name}" for name in COMMANDS if name != "tail"} & modules


def test_tail_imports_only_what_its_venue_needs() -> None:
    [kind] = [kind for kind in REGISTRY if not load(kind).required_keys()]

    modules = modules_after("tail", "--venue", kind, "--once", "--connect-timeout", "0.5")

    assert SLOW & modules == {"google.protobuf"}
    assert not {f"ordwatch.venues.{other}" for other in REGISTRY if other != kind} & modules
    assert not {"ordwatch.outputs.table", "ordwatch.recording.sink", "ordwatch.outputs.metrics"} & modules


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ORDWATCH_DEMO_OPEN": "maybe"}, "'maybe' is not one of 1, 0, true"),
        ({"ORDWATCH_DEMO_VERBOSE": "much"}, "'much' is not a number such as 1 or 2"),
    ],
)
def test_a_variable_of_a_flag_that_is_wrong_is_a_mistake_of_usage(variables: dict[str, str], message: str) -> None:
    ended = run("demo", env=variables)

    assert ended.code == 2
    assert message in ended.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_completion_for_every_shell(shell: str) -> None:
    ended = run(env={"_ORDWATCH_COMPLETE": f"source_{shell}"})

    assert ended.code == 0
    assert "ordwatch" in ended.out


def test_a_bare_environment_is_enough(tmp_path: Path) -> None:
    ended = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" demo --max-events 1 <&- 2>"$1/err"', COMMAND, tmp_path],
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, (tmp_path / "err").read_bytes()) == (0, b"")
    assert ended.stdout.startswith(b'{"type":"order"')


def test_modules_in_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    for name in ("yaml", "ssl", "typer", "msgspec"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")

    ended = subprocess.run([COMMAND, "tail"], cwd=tmp_path, env={}, capture_output=True, timeout=60, check=False)

    assert ended.returncode == 78


def test_an_environment_says_nothing_of_secrets_in_the_command_line(tmp_path: Path) -> None:
    ended = run("tail", "--help", env={"HOME": str(tmp_path)})

    assert not [word for word in ("--api-key", "--secret", "--password", LOOPBACK) if word in ended.out]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_output_is_an_error_of_output() -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [COMMAND, "demo", "--speed", "50"], stdout=full, stderr=subprocess.PIPE, env={}, timeout=60, check=False
        )

    assert ended.returncode == 74
    assert b"cannot write to stdout" in ended.stderr
