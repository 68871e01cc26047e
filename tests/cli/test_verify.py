"""`ordwatch verify`: the verdict, its code, and what is saved."""

import json
from pathlib import Path

import pytest

from tests.support.process import Simulated, run


@pytest.fixture
def recording(simulated: Simulated, tmp_path: Path) -> Path:
    """A recording of one run without a gap."""
    run("tail", "--config", simulated.path, "--once", "--record", tmp_path / "day.jsonl")
    return tmp_path / "day.jsonl"


def test_a_whole_recording_is_covered(recording: Path) -> None:
    ended = run("verify", recording)

    assert ended.code == 0
    assert ended.lines[-1].startswith("covered")


def test_json_is_one_object(recording: Path) -> None:
    [line] = run("verify", recording, "-o", "json").lines

    assert json.loads(line)["exit"] == 0


@pytest.mark.parametrize("name", ["a\u202eb", "a\udcffb", "a\U000e0041"], ids=["bidi", "not utf-8", "tag"])
def test_json_is_ascii_whatever_a_file_is_called(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("no recording\n")

    [line] = run("verify", path, "-o", "json").lines

    assert line.isascii()
    assert json.loads(line)["files"][0]["path"].endswith(name)


def test_a_changed_byte_is_damage(recording: Path) -> None:
    recording.write_text(recording.read_text().replace('"state":"live"', '"state":"down"', 1))

    ended = run("verify", recording)

    assert ended.code == 65
    assert "damaged" in ended.out


def test_whole_lines_are_saved_to_a_new_file(recording: Path, tmp_path: Path) -> None:
    ended = run("verify", recording, "--salvage", tmp_path / "saved.jsonl")

    assert "0 damaged parts left out" in ended.err
    assert run("verify", tmp_path / "saved.jsonl").code == 0


def test_a_file_that_is_not_there_has_its_own_code(tmp_path: Path) -> None:
    ended = run("verify", tmp_path / "nowhere.jsonl")

    assert (ended.code, ended.out) == (66, "")
