"""`ordwatch replay`: a recording again."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.contract import Intent, Step
from tests.support.process import Simulated, end, run, running


@pytest.fixture
def recording(simulated: Simulated, tmp_path: Path) -> Path:
    """A recording of two open orders."""
    buy = Intent(side=Side.BUY, qty="2", price="10")
    sell = Intent(side=Side.SELL, qty="3", price="11")
    simulated.play([Step("a", OrderStatus.NEW, buy), Step("b", OrderStatus.NEW, sell)])
    run("tail", "--config", simulated.path, "--once", "--record", tmp_path / "day.jsonl")
    return tmp_path / "day.jsonl"


def lines(text: str) -> list[dict[str, Any]]:
    """Records, without what tells their place in a stream."""
    return [{k: v for k, v in json.loads(line).items() if k not in ("seq", "crc")} for line in text.splitlines()]


def test_records_come_out_as_they_were_recorded(recording: Path) -> None:
    ended = run("replay", recording, "-o", "json", "--records", "all")

    assert ended.code == 0
    assert lines(ended.out) == lines(recording.read_text())


def test_records_have_their_place_in_the_new_stream(recording: Path) -> None:
    ended = run("replay", recording, "-o", "json")

    assert [json.loads(line)["seq"] for line in ended.lines] == list(range(1, len(ended.lines) + 1))
    assert "crc" not in ended.out


def test_stdin_is_a_recording_too(recording: Path) -> None:
    assert run("replay", "-", "-o", "json", stdin=recording.read_text()).out == run("replay", recording).out


def test_filters_and_limits_hold_as_for_tail(recording: Path) -> None:
    ended = run("replay", recording, "--side", "sell", "--max-events", "1")

    assert [record["side"] for record in lines(ended.out)] == ["SELL"]


def test_a_venue_can_be_chosen(recording: Path) -> None:
    assert run("replay", recording, "--venue", "another").out == ""


def test_the_table_shows_the_last_state(recording: Path) -> None:
    ended = run("replay", recording, "-o", "table")

    assert ended.code == 0
    assert ended.out.count(" NEW ") == 2


def test_text_is_one_line_for_each_record(recording: Path) -> None:
    ended = run("replay", recording, "-o", "text")

    assert [line.split()[2] for line in ended.lines] == ["ORDER", "ORDER"]


def test_at_the_pace_of_the_recording_a_signal_still_ends_it(recording: Path) -> None:
    with running("replay", recording, "--speed", "0.01", "-o", "json", "--records", "all") as process:
        assert process.stdout is not None
        process.stdout.readline()

        ended = end(process, signal.SIGINT)

    assert (ended.code, ended.err) == (-signal.SIGINT, "")


def test_a_reader_that_leaves_ends_it_quietly(recording: Path) -> None:
    with running("replay", recording, "--speed", "5", "-o", "json", "--records", "all") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        code, err = process.wait(30), process.stderr.read()

    assert (code, err) == (-signal.SIGPIPE, "")


def test_a_file_that_is_not_there_has_its_own_code(tmp_path: Path) -> None:
    ended = run("replay", tmp_path / "nowhere.jsonl")

    assert ended.code == 66
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("text", ["text\n", '{"type":"order"}\n', "\0\0\0\n"])
def test_what_is_no_recording_is_refused(text: str) -> None:
    ended = run("replay", "-", stdin=text)

    assert ended.code == 65
    assert "Traceback" not in ended.err
