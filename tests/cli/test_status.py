"""`ordwatch status`: its codes, and what it prints."""

import json
from pathlib import Path

import pytest

from ordwatch.core.records import AnyRecord, LinkRecord
from ordwatch.core.times import time_ns, time_text
from tests.recording.samples import alive, end, gap_opened, link, start, written
from tests.support.process import run

LIVE: tuple[AnyRecord, ...] = (start(), link("live", 1), alive(10))
OLD = "100000d"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.jsonl"


def test_live_session_is_healthy(path: Path) -> None:
    ended = run("status", written(path, *LIVE), "--max-age", OLD)

    assert (ended.code, ended.err) == (0, "")
    assert ended.lines[0].startswith("alpha: live, last message ")


def test_quiet_prints_only_what_is_wrong(path: Path) -> None:
    healthy = run("status", written(path, *LIVE), "--max-age", OLD, "-q")
    old = run("status", path, "-q")

    assert (healthy.code, healthy.out) == (0, "")
    assert old.code == 69
    assert "; no ordwatch writes it now" in old.lines[-1]


def test_venue_that_is_down_is_named(path: Path) -> None:
    down = LinkRecord(
        venue="alpha", conn=2, state="down", detail="refused", wait_s=None, at=time_text(time_ns(end(12).at))
    )

    ended = run("status", written(path, *LIVE, gap_opened(9), down), "--max-age", OLD)

    assert ended.code == 69
    assert ended.lines[0].startswith("alpha: down since 2026-03-02T12:00:09.000000Z (")
    assert ended.lines[0].endswith("): eof: refused")


def test_ended_session_says_when_and_with_which_exit(path: Path) -> None:
    [line] = run("status", written(path, *LIVE, end(12)), "-o", "json").lines

    found = json.loads(line)
    assert (found["exit"], found["session_end"], found["session_exit"]) == (69, "2026-03-02T12:00:12.000000Z", 0)


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, 66), (b"", 69), (b"no recording\n", 65)],
    ids=["missing", "empty", "no recording"],
)
def test_file_without_a_session_has_its_code(path: Path, content: bytes | None, code: int) -> None:
    if content is not None:
        path.write_bytes(content)

    assert run("status", path).code == code
