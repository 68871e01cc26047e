"""`ordwatch wait`, as a process, against simulators and recordings."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from ordwatch.cli.wait import WaitSink
from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.order_ids import OrderName
from ordwatch.core.records import AnyRecord, for_outputs
from ordwatch.core.waiting import OrderWait
from ordwatch.simulators.contract import Intent, Step
from ordwatch.venues import REGISTRY
from tests.recording.samples import SESSION, end, gap_opened, link, order, start, written
from tests.support.process import DEADLINE_S, Ended, Process, Simulated, run, running

BUY = Intent(side=Side.BUY, qty="2", price="10")


def step(status: OrderStatus, name: str = "bought") -> Step:
    return Step(name, status, BUY)


def orders(simulated: Simulated) -> dict[str, dict[str, Any]]:
    """The orders that the venues list, by venue."""
    ended = run("tail", "--config", simulated.path, "--once")
    return {record["venue"]: record for record in map(json.loads, ended.lines)}


def order_id(simulated: Simulated) -> str:
    """The id of the one order at one venue."""
    [record] = orders(simulated).values()
    return str(record["order_id"])


def finished(process: Process) -> Ended:
    out, err = process.communicate(timeout=DEADLINE_S)
    return Ended(process.returncode, out, err)


def until_live(process: Process) -> None:
    """Wait until a process with -v says that its venue is live."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.endswith(": live\n"):
            return
    raise AssertionError("it ended before")


def go_away(simulated: Simulated) -> None:
    for each in simulated.hosts.values():
        simulated.do(each.refuse)
        simulated.do(each.drop)


def come_back(simulated: Simulated) -> None:
    for each in simulated.hosts.values():
        simulated.do(lambda each=each: each.refuse(False))  # type: ignore[misc]  # binds what the loop gives


@pytest.fixture
def placed(simulated: Simulated) -> str:
    """The id of an order that is open."""
    simulated.play([step(OrderStatus.NEW)])
    return order_id(simulated)


def test_a_fill_ends_it_with_the_record(simulated: Simulated, placed: str) -> None:
    with running("wait", placed, "--config", simulated.path, "-v") as process:
        until_live(process)
        simulated.play([step(OrderStatus.FILLED)])
        ended = finished(process)

    record = json.loads(ended.out)
    assert ended.code == 0
    assert (record["order_id"], record["status"], record["seq"]) == (placed, "FILLED", 1)


def test_a_status_that_the_first_query_reports_ends_it(simulated: Simulated, placed: str) -> None:
    ended = run("wait", placed[-8:], "--config", simulated.path, "--status", "new", "-o", "text")

    assert ended.code == 0
    assert f"id={placed}" in ended.out


def test_another_end_of_the_order_is_a_code_of_its_own(simulated: Simulated, placed: str) -> None:
    with running("wait", placed, "--status", "filled", "--config", simulated.path, "-v") as process:
        until_live(process)
        simulated.play([step(OrderStatus.CANCELED)])
        ended = finished(process)

    assert (ended.code, json.loads(ended.out)["status"]) == (4, "CANCELED")


def test_a_time_out_prints_the_last_known_state(simulated: Simulated, placed: str) -> None:
    ended = run("wait", placed, "--timeout", "5", "--config", simulated.path)

    assert (ended.code, json.loads(ended.out)["status"]) == (124, "NEW")
    assert ended.err == "ordwatch: timed out\n"


def test_a_time_out_in_a_gap_is_not_known(simulated: Simulated, placed: str) -> None:
    with running("wait", placed, "--timeout", "6", "--config", simulated.path, "-v") as process:
        until_live(process)
        go_away(simulated)
        ended = finished(process)

    assert (ended.code, json.loads(ended.out)["status"]) == (3, "NEW")
    assert "has not been seen since" in ended.err


def test_a_fill_while_the_venue_was_away_is_found_when_it_is_back(simulated: Simulated, placed: str) -> None:
    with running("wait", placed, "--config", simulated.path, "-v") as process:
        until_live(process)
        go_away(simulated)
        simulated.play([step(OrderStatus.FILLED)])
        come_back(simulated)
        ended = finished(process)

    assert (ended.code, json.loads(ended.out)["status"]) == (0, "FILLED")


@pytest.mark.parametrize("kind", REGISTRY)
def test_a_fill_before_the_wait_began_is_found(kind: str, tmp_path: Path) -> None:
    with Simulated([kind], tmp_path / "config.yaml") as venue:
        venue.play([step(OrderStatus.NEW)])
        placed = order_id(venue)
        venue.play([Step("bought", OrderStatus.FILLED, BUY, filled="2", avg_price="10")])
        ended = run("wait", placed, "--status", "filled", "--config", venue.path)

    assert (ended.code, json.loads(ended.out)["status"], ended.err) == (0, "FILLED", "")


def decided(sink: WaitSink) -> list[str]:
    """Gets an item each time the sink wants the run to end."""
    wishes: list[str] = []
    sink.when_decided = lambda: wishes.append("end")
    return wishes


def watch(sink: WaitSink) -> "asyncio.Task[None]":
    return asyncio.create_task(sink.watch())


def sink(*records: AnyRecord, timeout_s: float | None = None) -> WaitSink:
    """A sink that waits for the order 1 and has taken these records; it need not wait for venues to answer."""
    taking = WaitSink(OrderWait(OrderName("1"), ["alpha"]), timeout_s, settle_s=0)
    taking.write(for_outputs(records))
    return taking


async def test_an_order_that_no_venue_knows_does_not_exist_after_a_while() -> None:
    waiting = sink(start(), link("live", 1))
    wishes = decided(waiting)
    watching = watch(waiting)

    await asyncio.sleep(0.01)
    watching.cancel()

    assert (wishes, waiting.final().exit_code) == (["end"], 66)


async def test_after_that_while_the_venue_need_only_be_live() -> None:
    waiting = sink(start(), link("connecting", 1))
    wishes = decided(waiting)
    watching = watch(waiting)
    await asyncio.sleep(0.01)
    assert wishes == []

    waiting.write(for_outputs([link("live", 2)]))
    watching.cancel()

    assert (wishes, waiting.final().exit_code) == (["end"], 66)


async def test_what_arrived_before_the_time_out_counts_though_it_is_written_after_it() -> None:
    waiting = sink(start(), link("live", 1), order("1"), timeout_s=0)
    wishes = decided(waiting)
    await asyncio.wait_for(watch(waiting), DEADLINE_S)
    assert wishes == ["end"]

    waiting.write(for_outputs([order("1", status=OrderStatus.FILLED), end(3)]))

    assert waiting.final().exit_code == 0


async def test_the_end_of_the_run_itself_leaves_nothing_unknown() -> None:
    waiting = sink(start(), link("live", 1), order("1"), timeout_s=0)
    await asyncio.wait_for(watch(waiting), DEADLINE_S)

    waiting.write(for_outputs([end(3)]))

    assert waiting.final().exit_code == 124


async def test_what_comes_after_the_decision_changes_nothing() -> None:
    waiting = sink(start(), link("live", 1), order("1", status=OrderStatus.FILLED))

    waiting.write(for_outputs([gap_opened(2), end(3)]))

    assert waiting.final().exit_code == 0


def test_an_end_of_several_ids_lists_the_orders(simulated: Simulated, placed: str) -> None:
    simulated.play([step(OrderStatus.NEW, f"another {number}") for number in range(12)])

    ended = run("wait", placed[-1], "--config", simulated.path)

    assert (ended.code, ended.out) == (2, "")
    assert placed in ended.err


def test_a_venue_that_never_was_live_leaves_it_unknown(simulated: Simulated) -> None:
    go_away(simulated)

    ended = run("wait", "1", "--timeout", "4", "--config", simulated.path)

    assert (ended.code, ended.out) == (3, "")
    assert "never was live" in ended.err
    assert ended.err.splitlines()[-1].startswith("ordwatch: it is not known what became of 1: ")


def test_a_signal_is_what_it_dies_by(simulated: Simulated, placed: str) -> None:
    with running("wait", placed, "--config", simulated.path, "-v") as process:
        until_live(process)
        process.send_signal(signal.SIGTERM)
        ended = finished(process)

    assert (ended.code, ended.out) == (-signal.SIGTERM, "")


def test_a_recording_that_is_written_is_as_good_as_the_venue(simulated: Simulated, placed: str, tmp_path: Path) -> None:
    day = tmp_path / "day.jsonl"
    with running("tail", "--config", simulated.path, "--record", day, "-v") as recorder:
        until_live(recorder)
        assert run("wait", placed, "--from", day, "--timeout", "1").code == 124
        assert run("wait", "nobody", "--from", day)[:2] == (66, "")
        with running("wait", placed, "--from", day) as process:
            simulated.play([step(OrderStatus.FILLED)])
            ended = finished(process)
        recorder.send_signal(signal.SIGTERM)
        finished(recorder)

    assert (ended.code, json.loads(ended.out)["status"], ended.err) == (0, "FILLED", "")
    assert run("wait", placed, "--from", day).code == 0


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["…"], 2, "'ORDER': '…' is empty"),
        (["1", "--from", "nothing", "--config", "x"], 2, "--from reads a recording and --config connects"),
        (["1", "--from", "nothing"], 66, "nothing: cannot be read"),
        (["1", "--config", "nothing"], 78, "nothing: no such file"),
        (["1", "--timeout", "soon"], 2, "is not a duration"),
        (["1", "--status", "fild"], 2, "did you mean"),
    ],
)
def test_mistakes_of_the_command_line(args: list[str], code: int, message: str) -> None:
    ended = run("wait", *args)

    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err


def test_a_venue_must_be_one_of_the_recording(tmp_path: Path) -> None:
    day = written(tmp_path / "day.jsonl", *SESSION)

    ended = run("wait", "1", "--from", day, "--venue", "beta")

    assert (ended.code, ended.out) == (2, "")
    assert "no venue 'beta'" in ended.err


def test_a_full_disk_is_an_error_of_the_output(tmp_path: Path) -> None:
    day = written(tmp_path / "day.jsonl", *SESSION)

    with (
        open("/dev/full", "w") as full,
        running("wait", "1", "--status", "new", "--from", day, stdout=full.fileno()) as process,
    ):
        _, err = process.communicate(timeout=DEADLINE_S)

    assert process.returncode == 74
    assert "cannot write to stdout" in err
