"""A run as a process sees it."""

import asyncio
import signal
import subprocess
import sys

import pytest
import typer

from ordwatch.cli.process import Killed
from ordwatch.cli.running import finish, run_to_end, start_all
from ordwatch.core.errors import (
    AuthError,
    OutputError,
    OutputRefused,
    ReaderClosed,
    RecordingBusy,
    RecordingError,
    StdoutFailed,
)
from ordwatch.engine.ending import Outcome
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.json_lines import JsonLines
from tests.support.collect import Collected


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome("limit reached"), 0),
        (Outcome("bug", failures=[KeyError("x"), AuthError("no")]), 1),
        (Outcome("refused", failures=[AuthError("no")]), 77),
        (Outcome("output", failures=[OutputError("full"), AuthError("no")]), 74),
        (Outcome("damaged", failures=[RecordingError("seq")]), 65),
        (Outcome("in time", connected=False), 69),
        (Outcome("gap", covered=False, fail_on_gap=True), 3),
        (Outcome("gap", covered=False), 0),
        (Outcome("refused and away", connected=False, failures=[AuthError("no")]), 77),
        (Outcome("away and gap", connected=False, covered=False, fail_on_gap=True), 69),
        (Outcome("SIGTERM, output", signal=signal.SIGTERM, failures=[OutputError("full")]), 74),
        (
            Outcome(
                "SIGINT, output, reader", signal=signal.SIGINT, failures=[ReaderClosed("left"), OutputError("full")]
            ),
            74,
        ),
        (Outcome("SIGTERM, bug, output", signal=signal.SIGTERM, failures=[KeyError("x"), OutputError("full")]), 1),
        (Outcome("SIGTERM", signal=signal.SIGTERM, failures=[OutputError("full")]), 74),
        (Outcome("SIGTERM", signal=signal.SIGTERM, failures=[AuthError("no"), StdoutFailed("full")]), 74),
        (Outcome("SIGTERM", signal=signal.SIGTERM, failures=[RecordingBusy("replaced")]), 75),
    ],
    ids=lambda value: value.reason if isinstance(value, Outcome) else "",
)
def test_an_outcome_becomes_an_exit_code(outcome: Outcome, code: int) -> None:
    with pytest.raises(typer.Exit) as ended:
        finish(outcome)

    assert ended.value.exit_code == code


@pytest.mark.parametrize(
    ("outcome", "number"),
    [
        (Outcome("SIGTERM", signal=signal.SIGTERM), signal.SIGTERM),
        (Outcome("SIGINT", signal=signal.SIGINT, failures=[AuthError("no")]), signal.SIGINT),
        (Outcome("output", failures=[ReaderClosed("left")]), signal.SIGPIPE),
        (Outcome("SIGTERM", signal=signal.SIGTERM, failures=[OutputRefused("a link")]), signal.SIGTERM),
    ],
)
def test_a_signal_stays_a_signal(outcome: Outcome, number: signal.Signals) -> None:
    with pytest.raises(Killed) as ended:
        finish(outcome)

    assert ended.value.signal == number


def test_failure_that_was_said_is_not_said_again(caplog: pytest.LogCaptureFixture) -> None:
    outcome = Outcome("output", failures=[StdoutFailed("no space"), OutputError("disk full")])

    with pytest.raises(typer.Exit):
        finish(outcome)

    assert caplog.messages == ["disk full"]


def test_every_sink_is_started_or_none() -> None:
    closed: list[str] = []

    class Started(Collected):
        async def close(self) -> None:
            closed.append("closed")

    with pytest.raises(OutputRefused):
        asyncio.run(_start([Started(), JsonLines(999, Filter())]))

    assert closed == ["closed"]


async def _start(sinks: list[Collected | JsonLines]) -> None:
    await start_all(sinks)


async def _answer() -> int:
    return 42


def test_what_the_work_gives_is_given() -> None:
    assert run_to_end(_answer()) == 42


def test_a_look_up_that_hangs_does_not_hold_the_end() -> None:
    code = """
import asyncio, threading
from ordwatch.cli.process import exit_despite_threads
from ordwatch.cli.running import run_to_end

async def work():
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)

run_to_end(work())
print("ended")
exit_despite_threads(3)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60, check=False)

    assert (ended.returncode, ended.stdout) == (3, "ended\n")


def test_a_second_signal_skips_the_clean_up() -> None:
    code = """
import asyncio, os, signal
from ordwatch.cli.running import run_to_end, stop_on_signals

async def work():
    stop_on_signals(lambda reason, number: os.kill(os.getpid(), number))
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.Event().wait()

run_to_end(work())
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)

    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, b"")


def test_a_hangup_turns_the_recording_over_where_there_is_one() -> None:
    code = """
import asyncio, os, signal
from ordwatch.cli.running import run_to_end, stop_on_signals

async def work():
    turned = asyncio.Event()
    stop_on_signals(lambda reason, number: None, turned.set)
    os.kill(os.getpid(), signal.SIGHUP)
    await turned.wait()
    print("turned over")

run_to_end(work())
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60, check=False)

    assert ended.stdout == "turned over\n"


def test_a_hangup_after_the_run_does_not_end_the_process() -> None:
    code = """
import os, signal
from ordwatch.cli.running import run_to_end, stop_on_signals

async def work():
    stop_on_signals(lambda reason, number: None, lambda: None)

run_to_end(work())
os.kill(os.getpid(), signal.SIGHUP)
print("still here")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60, check=False)

    assert ended.stdout == "still here\n"
