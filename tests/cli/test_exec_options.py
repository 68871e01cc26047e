"""The program of --exec: found before anything connects, without secrets in its environment, in time at an end."""

import json
import re
import signal
import sys
from pathlib import Path

import pytest
import yaml

from ordwatch.cli.exec_options import ExecOptions
from ordwatch.core.errors import UsageError
from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.contract import Intent, Step
from tests.support.process import DEADLINE_S, Simulated, run, running

STEP = Step("bought", OrderStatus.NEW, Intent(side=Side.BUY, qty="2", price="10"))


def test_it_is_split_as_a_shell_would_split_it() -> None:
    text = f"{sys.executable} -c 'a b' \"c d\" e\\ f $HOME ; *"

    assert ExecOptions(exec=text).argv() == [sys.executable, "-c", "a b", "c d", "e f", "$HOME", ";", "*"]


def test_without_it_there_is_no_program() -> None:
    assert ExecOptions().argv() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no-such-program -x", "--exec: no-such-program: no such program"),
        (str(Path(__file__)), "no such program, or it cannot be run"),
        ("sh -c 'open", "--exec: no closing quotation"),
        (" ", "--exec: expected a program"),
    ],
)
def test_mistakes_are_those_of_usage(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ExecOptions(exec=text).argv()


def test_a_program_that_is_missing_ends_it_before_anything_connects(simulated: Simulated) -> None:
    ended = run("tail", "--config", simulated.path, "--exec", "no-such-program")

    assert (ended.code, ended.out) == (2, "")
    assert simulated.connections == 0


def test_it_gets_the_record_that_is_shown_and_not_the_secret(simulated: Simulated) -> None:
    simulated.play([STEP])
    text = simulated.path.read_text()
    found = re.search("api_key: (.*)", text)
    assert found is not None
    simulated.path.write_text(text.replace(found[1], "{env: THE_KEY}", 1))
    variables = {"THE_KEY": yaml.safe_load(found[1]), "OTHER": "seen"}
    code = "import os, sys; print(sys.stdin.read()); print(os.environ.get('THE_KEY'), os.environ['OTHER'])"
    program = f'{sys.executable} -c "{code}"'

    ended = run("tail", "--config", simulated.path, "--once", "--exec", program, env=variables)

    written = [line for line in ended.err.splitlines() if line]
    assert ended.code == 0
    assert [json.loads(line) for line in written if line.startswith("{")] == [json.loads(ended.out)]
    assert written[-1] == "None seen"


def test_a_signal_waits_for_no_program(simulated: Simulated) -> None:
    simulated.play([STEP])
    program = f"{sys.executable} -c 'import time; print(1, flush=True); time.sleep(600)'"
    with running("tail", "--config", simulated.path, "--exec", program) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "1\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=DEADLINE_S)

    assert process.returncode == -signal.SIGTERM
    assert "1 record was dropped" in err
