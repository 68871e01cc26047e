"""The options of a recording."""

from pathlib import Path

import pytest

from ordwatch import system
from ordwatch.cli.options import Fsync, MessageOptions
from ordwatch.cli.recording_options import RecordingOptions, resume_state
from ordwatch.core.errors import UsageError


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("--rotate", RecordingOptions(rotate="daily")),
        ("--fsync", RecordingOptions(fsync=Fsync.ALWAYS)),
        ("--lock-wait", RecordingOptions(lock_wait=5.0)),
    ],
)
def test_an_option_of_a_recording_wants_one(option: str, given: RecordingOptions) -> None:
    with pytest.raises(UsageError, match=f"{option} needs a recording; add --record FILE"):
        given.sink()


def test_nothing_is_recorded_unless_asked_for() -> None:
    assert RecordingOptions().sink() is None
    assert resume_state(None, ["one"], MessageOptions()) is None


def test_rotation_is_refused_where_open_files_cannot_be_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "renames_open_files", lambda: False)

    with pytest.raises(UsageError, match="--rotate: this system cannot rename an open file"):
        RecordingOptions(record=tmp_path / "day.jsonl", rotate="daily").sink()


def test_a_size_that_is_none_is_a_mistake_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected `daily` or a size"):
        RecordingOptions(record=tmp_path / "day.jsonl", rotate="weekly").sink()


def test_a_new_recording_resumes_nothing(tmp_path: Path) -> None:
    state = resume_state(RecordingOptions(record=tmp_path / "day.jsonl").sink(), ["one"], MessageOptions())

    assert state is not None
    assert list(state.orders) == []
    assert state.venues["one"].covered_until_ns is None
