"""`ordwatch replay`: a recording again."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.contract import Intent, Step
from tests.recording.samples import at, gap_closed, gap_opened, link, order, start, written
from tests.recording.samples import end as session_end
from tests.support.process import DEADLINE_S, Simulated, end, run, running


@pytest.fixture
def recording(simulated: Simulated, tmp_path: Path) -> Path:
    """A recording of two open orders."""
    buy = Intent(side=Side.BUY, qty="2", price="10")
    sell = Intent(side=Side.SELL, qty="3", price="11")
    simulated.play([Step("a", OrderStatus.NEW, buy), Step("b", OrderStatus.NEW, sell)])
    run("tail", "--config", simulated.path, "--once", "--record", tmp_path / "day.jsonl")
    return tmp_path / "day.jsonl"


def lines(text: str) -> list[dict[str, Any]]:
    """Records, without what shows their place in a stream."""
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


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    written(path, start(), *(order(str(number)) for number in range(1000)))  # more than a pipe holds

    with running("replay", path, "-o", "json", "--records", "all") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        code, err = process.wait(DEADLINE_S), process.stderr.read()

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


HOUR = (
    start(),
    link("live", 1),
    order("1", second=2),
    order("2", second=3),
    order("2", second=4, status=OrderStatus.FILLED),
    gap_opened(6),
    gap_closed(6, 8, partial="page 2 failed"),
    link("live", 8),
    order("3", second=9),
    session_end(10),
)


@pytest.fixture
def hour(tmp_path: Path) -> Path:
    """A recording with a gap from second 6 to 8 after noon (UTC)."""
    return written(tmp_path / "hour.jsonl", *HOUR)


def ids(out: str) -> list[str]:
    return [record["order_id"] for record in lines(out)]


def test_the_state_at_a_time_is_that_of_every_order_then(hour: Path) -> None:
    ended = run("replay", hour, "--at", at(4))

    assert (ended.code, ended.err, ids(ended.out)) == (0, "", ["1", "2"])


@pytest.mark.parametrize("more", [[], ["--at", at(4)]], ids=["all of it", "one moment"])
def test_a_venue_that_is_not_in_the_recording_is_a_mistake(hour: Path, more: list[str]) -> None:
    ended = run("replay", hour, "--venue", "alpah", *more)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"ordwatch: no venue 'alpah' in {hour}, did you mean `alpha`?\n"


def test_what_was_open_at_a_time_in_a_zone(hour: Path) -> None:
    ended = run("replay", hour, "--at", "2026-03-02T07:00:05", "--time-zone", "America/New_York", "--open")

    assert (ended.code, ids(ended.out)) == (0, ["1"])


def test_in_a_gap_the_state_is_shown_and_uncertain(hour: Path) -> None:
    ended = run("replay", hour, "--at", at(7))

    assert (ended.code, ids(ended.out)) == (3, ["1", "2"])
    assert ended.err == (
        f"ordwatch: uncertain at {at(7)}: alpha: not seen from {at(6)} to {at(8)} (eof; page 2 failed)\n"
    )


def test_in_a_gap_that_was_recovered_later_it_says_what_the_state_lacks(tmp_path: Path) -> None:
    session = (start(), link("live", 1), order("1", second=2), gap_opened(6), gap_closed(6, 8), session_end(10))

    ended = run("replay", written(tmp_path / "day.jsonl", *session), "--at", at(7))

    assert (ended.code, ids(ended.out)) == (0, ["1"])
    assert ended.err == (
        f"ordwatch: alpha: not seen from {at(6)} to {at(8)} (eof); what was recovered later is not shown\n"
    )


def test_the_table_of_a_time_has_its_orders_only(hour: Path) -> None:
    ended = run("replay", hour, "--at", at(4), "-o", "table")

    assert (ended.code, ended.out.count("AAA-BBB")) == (0, 2)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--at", at(-1)], f"the recording begins at {at(0)}"),
        (["--at", at(4), "--speed", "2"], "--at shows one moment"),
        (["--at", at(4), "--since", at(3)], "--at shows one moment"),
        (["--at", "noon"], "--at: 'noon' is not a time"),
        (["--since", "2999-01-01"], "has not come yet"),
    ],
)
def test_times_that_cannot_be(hour: Path, args: list[str], message: str) -> None:
    ended = run("replay", hour, *args)

    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_a_time_needs_files(hour: Path) -> None:
    assert run("replay", "-", "--at", at(4), stdin=hour.read_text()).code == 2


def test_a_damaged_recording_has_no_state(hour: Path) -> None:
    hour.write_bytes(hour.read_bytes().replace(b'"order_id":"1"', b'"order_id":"9"'))

    ended = run("replay", hour, "--at", at(4))

    assert (ended.code, ended.out) == (65, "")


def test_since_a_time_it_was_received(hour: Path) -> None:
    ended = run("replay", hour, "--since", at(4), "--records", "orders")

    assert (ended.code, ids(ended.out)) == (0, ["2", "3"])


def test_one_order_by_the_end_of_its_id(hour: Path) -> None:
    ended = run("replay", hour, "--order", "2", "--records", "orders")

    assert (ended.code, ids(ended.out), ended.err) == (0, ["2", "2"], "")
