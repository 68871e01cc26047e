"""The table at a terminal with keys, as a user has it: typed at, stopped, in the background, ended."""

import os
import re
import signal
from pathlib import Path

import pytest

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.contract import Intent, Step
from tests.recording.samples import at, order, start, written
from tests.support.jobs import Job, job
from tests.support.process import Simulated, run

DEMO = ("demo", "--speed", "5", "--time-zone", "UTC")


def running(screen: str) -> bool:
    """Whether keys are read and there is an order to move to."""
    return "q: end" in screen and re.search(r"[1-9]\d* orders?, ", screen) is not None


def is_restored(at: Job, before: object) -> bool:
    return at.attributes == before


def test_keys_open_an_order_and_q_ends_with_0() -> None:
    with job(*DEMO) as demo:
        before = demo.attributes
        demo.until(running)
        demo.type("j\r")
        opened = demo.until(lambda screen: "Esc: back" in screen)
        demo.type("\x1b")
        demo.until(lambda screen: "▶" in screen)
        demo.type("q")

        status = demo.stopped_or_ended()

        last = demo.terminal.texts
        assert os.waitstatus_to_exitcode(status) == 0
        assert " order_id " in opened
        assert demo.attributes == before
        assert demo.terminal.cursor_visible
        assert len([line for line in last if "SIMULATED" in line]) == 1
        assert not [line for line in last if "q: end" in line]


@pytest.mark.parametrize(
    ("typed", "signal_number"), [("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT)], ids=["Ctrl-C", "Ctrl-\\"]
)
def test_the_terminal_is_given_back_whatever_ends_the_run(typed: str, signal_number: int) -> None:
    with job(*DEMO) as demo:
        before = demo.attributes
        demo.until(running)
        demo.type(typed)

        status = demo.stopped_or_ended()

        assert os.WTERMSIG(status) == signal_number
        assert is_restored(demo, before)


def test_while_it_is_stopped_the_terminal_is_the_shells_and_then_keys_work_again() -> None:
    with job(*DEMO) as demo:
        before = demo.attributes
        demo.until(running)
        demo.type("\x1a")

        stopped = demo.stopped_or_ended()
        restored = is_restored(demo, before)
        demo.to_foreground()
        demo.type("?")
        demo.until(lambda screen: "this page" in screen)
        demo.type("q")

        assert (os.WIFSTOPPED(stopped), restored) == (True, True)
        assert os.waitstatus_to_exitcode(demo.stopped_or_ended()) == 0
        assert is_restored(demo, before)


def test_in_the_background_nothing_is_drawn_and_no_key_is_taken() -> None:
    with job(*DEMO, where="background") as demo:
        before = demo.attributes
        demo.type("q")
        while demo.read(3.0):
            pass
        drawn, touched = "".join(demo.terminal.texts), not is_restored(demo, before)

        demo.to_foreground()
        demo.until(lambda screen: "SIMULATED" in screen)
        demo.type("\nq")

        assert ("SIMULATED" in drawn, touched) == (False, False)
        assert os.waitstatus_to_exitcode(demo.stopped_or_ended()) == 0


def test_without_keys_stdin_is_left_alone() -> None:
    with job(*DEMO, "--no-keys", "--duration", "3s") as demo:
        before = demo.attributes
        demo.type("q")
        screen = demo.until(lambda screen: "SIMULATED" in screen)
        during = is_restored(demo, before)

        assert os.waitstatus_to_exitcode(demo.stopped_or_ended()) == 0
        assert during
        assert "q: end" not in screen


@pytest.fixture
def recording(simulated: Simulated, tmp_path: Path) -> Path:
    """A recording of an open order."""
    simulated.play([Step("a", OrderStatus.NEW, Intent(side=Side.BUY, qty="2", price="10"))])
    run("tail", "--config", simulated.path, "--once", "--record", tmp_path / "day.jsonl")
    return tmp_path / "day.jsonl"


def test_a_replay_ends_by_itself(recording: Path) -> None:
    with job("replay", str(recording)) as replay:
        assert os.waitstatus_to_exitcode(replay.stopped_or_ended()) == 0
        assert [line for line in replay.terminal.texts if "BUY" in line]


def test_a_replay_in_which_a_key_was_pressed_stays_until_q(recording: Path) -> None:
    with job("replay", str(recording), "--speed", "0.01") as replay:
        replay.until(lambda screen: "1 order, 1 open" in screen)
        replay.type("j")
        replay.until(lambda screen: "▶" in screen)
        replay.type("\r")
        replay.until(lambda screen: "Esc: back" in screen)
        replay.type("q")

        assert os.waitstatus_to_exitcode(replay.stopped_or_ended()) == 0


def test_what_is_uncertain_at_a_time_stays_on_the_terminal(tmp_path: Path) -> None:
    # So many orders that the table is drawn before they all are in it, and again after the message.
    path = written(tmp_path / "day.jsonl", start(), *(order(str(number), second=2) for number in range(10_000)))

    with job("replay", str(path), "--at", at(3)) as replay:
        assert os.waitstatus_to_exitcode(replay.stopped_or_ended()) == 3
        lines = [*replay.terminal.history, *replay.terminal.texts]
        assert len([line for line in lines if "alpha: never was live" in line]) == 1
        assert len([line for line in lines if "SYMBOL" in line]) == 1
