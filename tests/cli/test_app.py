"""The command line as a whole: mistakes, help, version, and what a bare environment makes of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ordwatch
from ordwatch.simulate.host import LOOPBACK
from tests.support.process import COMMAND, run

COMMANDS = ["tail", "demo", "simulate", "check", "replay", "verify", "schema"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["tial"], "tail"),
        (["--nope"], "--nope"),
        (["tail", "--outptu", "json"], "--output"),
        (["tail", "-o", "xml"], "'table', 'json', 'text'"),
        (["tail", "--status", "filed"], "'filled'"),
        (["tail", "--max-events", "0"], "--max-events"),
        (["tail", "--max-events", "many"], "--max-events"),
        (["tail", "--duration", "soon"], "30m"),
        (["tail", "--time-zone", "Europe/Berlim"], "Europe/Berlin"),
        (["tail", "--until", "00:00", "--time-zone", "UTC"], "is past"),
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
def test_a_mistake_of_usage_is_told_in_few_lines(args: list[str], said: str) -> None:
    ended = run(*args)

    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert len(ended.err.splitlines()) <= 5
    assert ended.out == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_begins_with_examples(command: str) -> None:
    ended = run(command, "--help")

    assert ended.code == 0
    assert ended.out.index("Examples:") < ended.out.index("Options:")


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


def test_help_imports_no_engine() -> None:
    code = (
        "import sys; sys.argv = ['ordwatch', 'tail', '--help']; import ordwatch.cli as c; c.main(); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout

    assert not {"aiohttp", "websockets", "google.protobuf", "cryptography", "yaml"} & set(loaded.split())


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
