"""Programs that are run for each record: those that work, hang, fail, are missing, flood, and those at an end."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest

from ordwatch.core.events import OrderStatus
from ordwatch.core.records import AnyRecord, for_outputs
from ordwatch.outputs import programs
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.programs import MAX_WAITING, ProgramRunner
from tests.recording.samples import end, gap_opened, order

WRITES = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())"
LONG_S = 60.0
"""Longer than any test may take."""


def python(code: str, *args: object) -> list[str]:
    """The command line of a program."""
    return [sys.executable, "-c", code, *map(str, args)]


class Running:
    """A started runner and the lines that its program wrote."""

    def __init__(self, argv: Sequence[str], keep: Filter | None = None, *, run_s: float = 10 * LONG_S) -> None:
        self.lines: list[str] = []
        self.runner = ProgramRunner(argv, keep or Filter(), {"VISIBLE": "yes"}, self.lines.append, run_s=run_s)
        self.runner.start()

    def write(self, *records: AnyRecord) -> None:
        self.runner.write(for_outputs(records))

    async def close(self) -> None:
        async with asyncio.timeout(LONG_S):
            await self.runner.close()


async def until(condition: Callable[[], bool]) -> None:
    """Let the threads run until the condition holds."""
    async with asyncio.timeout(LONG_S):
        while not condition():  # noqa: ASYNC110 - threads and processes make it true
            await asyncio.sleep(0.01)


async def test_each_order_that_is_shown_is_the_stdin_of_a_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    running = Running(python(WRITES, out), Filter(statuses=frozenset({OrderStatus.FILLED})))

    running.write(order("1"), gap_opened(2), order("2", status=OrderStatus.FILLED))
    running.write(order("3", status=OrderStatus.FILLED))
    await running.close()

    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(record["order_id"], record["seq"]) for record in records] == [("2", 1), ("3", 2)]


async def test_what_it_writes_is_passed_on_line_by_line() -> None:
    code = "import sys; print('one'); print('two', file=sys.stderr); sys.stderr.flush(); print('no end', end='')"
    running = Running(python(code))

    running.write(order("1"))
    await running.close()

    assert sorted(running.lines) == ["no end", "one", "two"]


async def test_it_sees_the_environment_it_was_given_and_no_other() -> None:
    running = Running(python("import os; print(sorted(set(os.environ) - {'LC_CTYPE', '__CF_USER_TEXT_ENCODING'}))"))

    running.write(order("1"))
    await running.close()

    assert running.lines == ["['VISIBLE']"]


async def test_a_failure_is_one_message_and_the_next_record_has_its_run(caplog: pytest.LogCaptureFixture) -> None:
    running = Running(python("import json, sys; sys.exit(json.load(sys.stdin)['order_id'] == '1')"))

    running.write(order("1"), order("2"))
    await running.close()

    assert caplog.messages == [f"--exec: {sys.executable}: exit status 1"]


async def test_a_program_that_was_removed_meanwhile_is_a_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    running = Running([str(tmp_path / "gone")])

    running.write(order("1"))
    await running.close()

    assert caplog.messages == [f"--exec: {tmp_path / 'gone'}: cannot be run (No such file or directory)"]


async def test_a_program_that_hangs_is_killed_with_what_it_started(caplog: pytest.LogCaptureFixture) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    running = Running(python(code), run_s=0.3)

    running.write(order("1"))
    await running.close()

    assert caplog.messages == [f"--exec: {sys.executable}: did not end within 0.3 s and was killed"]


async def test_a_program_that_reads_nothing_of_a_large_record_blocks_nobody() -> None:
    running = Running(python("print('done')"))

    running.write(order("1", raw={"text": "x" * 200_000}))
    await running.close()

    assert running.lines == ["done"]


async def test_a_program_that_floods_its_output_is_read_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "SIGNAL_END_S", 0.1)
    running = Running(python("while True: print('y' * 9_000)"))
    running.write(order("1"))
    await until(lambda: len(running.lines) > 10)

    running.runner.hurry()
    await running.close()

    assert max(map(len, running.lines)) == 2000


async def test_records_beyond_the_queue_are_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(programs, "SIGNAL_END_S", 0.1)
    running = Running(python("import time; time.sleep(600)"))
    running.write(order("1"))
    await until(lambda: running.runner._process is not None)

    running.write(*[order(str(number)) for number in range(MAX_WAITING + 7)])
    watching = asyncio.create_task(running.runner.watch())
    await until(lambda: bool(caplog.messages))
    running.write(order("8"))
    watching.cancel()
    running.runner.hurry()
    await running.close()

    # One more was dropped after the report, 1000 waited, and one was running.
    assert caplog.messages == [
        f"--exec: {count} records were dropped, because {sys.executable} is too slow" for count in (7, 1002)
    ]


async def test_dropped_records_are_reported_from_time_to_time_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(programs, "SIGNAL_END_S", 0.1)
    monkeypatch.setattr(programs, "_CHECK_S", 0.01)
    running = Running(python("import time; time.sleep(600)"))
    watching = asyncio.create_task(running.runner.watch())
    running.write(*[order(str(number)) for number in range(MAX_WAITING + 7)])
    await until(lambda: bool(caplog.messages))
    running.write(order("8"))
    await asyncio.sleep(0.2)
    reported = len(caplog.messages)
    watching.cancel()
    running.runner.hurry()
    await running.close()

    assert reported == 1


@pytest.mark.parametrize("exit_code", [0, 3, 69, 77])
async def test_at_a_planned_end_what_waits_is_finished(
    exit_code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(programs, "SIGNAL_END_S", 0.0)
    out = tmp_path / "out"
    running = Running(["sh", "-c", 'cat >> "$0"', str(out)])

    running.write(*[order(str(number)) for number in range(3)], msgspec.structs.replace(end(9), exit=exit_code))
    await running.close()

    assert len(out.read_text().splitlines()) == 3


async def test_at_a_planned_end_a_program_that_hangs_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(programs, "PLANNED_END_S", 0.2)
    running = Running(python("import time; time.sleep(600)"))

    running.write(order("1"), order("2"), end(3))
    await running.close()

    assert caplog.messages == [f"--exec: 2 records were dropped, because {sys.executable} is too slow"]


@pytest.mark.parametrize("how", ["signal", "failure", "signal at the end"])
async def test_at_a_signal_little_time_is_left(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(programs, "SIGNAL_END_S", 0.1)
    monkeypatch.setattr(programs, "PLANNED_END_S", 10 * LONG_S)
    running = Running(python("import time; time.sleep(600)"))
    running.write(order("1"))

    match how:
        case "signal":
            running.runner.hurry()
        case "failure":
            running.write(cut_short())
        case _:
            asyncio.get_running_loop().call_later(0.05, running.runner.hurry)
    await running.close()  # in time


async def test_a_program_that_starts_while_the_run_ends_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "SIGNAL_END_S", 0.01)
    started: list[subprocess.Popen[bytes]] = []
    closed = Event()
    start_now = subprocess.Popen

    def start_slowly(*args: Any, **options: Any) -> "subprocess.Popen[bytes]":
        started.append(start_now(*args, **options))
        closed.wait(LONG_S)
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", start_slowly)
    running = Running(python("import time; time.sleep(20)"))
    running.write(order("1"))
    await until(lambda: bool(started))
    running.runner.hurry()
    await running.close()
    closed.set()
    await until(lambda: started[0].returncode is not None)

    assert started[0].returncode == -signal.SIGKILL


def cut_short() -> AnyRecord:
    return msgspec.structs.replace(end(3), exit=74)
