"""Recorders as processes: killed in the middle, and many at once."""

import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from ordwatch.core.records import PrevSessionRecord
from ordwatch.recording.format import record
from ordwatch.recording.verify import check
from tests.support.forked import Forked, fork_server

RECORDER = Path(__file__).with_name("recorder.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def recorder(how: str, path: Path) -> Forked:
    return fork_server().start(
        [str(RECORDER), how, str(path)], {"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def said(process: Forked) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def killed_while_recording(path: Path) -> None:
    with recorder("for-ever", path) as process:
        assert said(process) == "recording"
        process.kill()


def test_killed_recorders_leave_one_history(path: Path) -> None:
    for _ in range(5):
        killed_while_recording(path)

    verdict = check([path])
    assert (verdict.damage, verdict.broken_invariants, len(verdict.sessions), verdict.unclean_ends) == ([], [], 5, 5)


def test_next_session_says_that_the_one_before_was_killed(path: Path) -> None:
    killed_while_recording(path)
    killed_while_recording(path)

    reported = [record(line) for line in path.read_bytes().splitlines(keepends=True) if b'"prev_session"' in line]
    assert [prev.end for prev in reported if isinstance(prev, PrevSessionRecord)] == ["unclean"]


@pytest.mark.parametrize("count", [2, 20])
def test_of_many_recorders_one_records(path: Path, count: int) -> None:
    with ExitStack() as running:
        processes = [running.enter_context(recorder("hold", path)) for _ in range(count)]
        answers = [said(process) for process in processes]
        codes = [process.wait() for process, answer in zip(processes, answers, strict=True) if answer == "busy"]

    assert sorted(answers) == ["busy"] * (count - 1) + ["recording"]
    assert codes == [75] * (count - 1)
    assert [line.split(b'"')[3] for line in path.read_bytes().splitlines()] == [b"session", b"link", b"gap", b"session"]


def test_removing_the_lock_file_lets_no_second_recorder_in(path: Path) -> None:
    with recorder("hold", path) as first:
        assert said(first) == "recording"
        path.with_name("rec.lock").unlink()
        with recorder("hold", path) as second:
            answer = said(second)

    assert (answer, second.returncode) == ("busy", 75)
    assert check([path]).damage == []


def test_recording_can_be_verified_while_it_is_written(path: Path) -> None:
    with recorder("for-ever", path) as process:
        assert said(process) == "recording"
        verdict = check([path])
        process.kill()

    assert (verdict.being_written, verdict.damage, verdict.exit_code) == (True, [], 0)
