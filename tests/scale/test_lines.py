"""Lines of a recording, read behind its writer over rotations, moved and removed files."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pytest

from ordwatch.core.records import RotatedFromRecord, RotateRecord, encode
from ordwatch.recording.format import with_crc
from ordwatch.scale.lines import RecordingLines
from tests.scale.test_restart import NOON_NS, alive, session


def written(path: Path, first: int, last: int) -> Path:
    """A file with a session and alive records."""
    path.write_bytes(b"".join(session(seq) if seq == 1 else alive(seq, at_s=seq) for seq in range(first, last + 1)))
    return path


def append(path: Path, first: int, last: int) -> None:
    with path.open("ab") as file:
        file.writelines(alive(seq, at_s=seq) for seq in range(first, last + 1))


def rotate(path: Path, first: int, last: int) -> None:
    """End the file, whose last line is before `last`, and begin the next, as the recorder does."""
    with path.open("ab") as file:
        file.write(with_crc(encode(RotateRecord(next=path.name, last_seq=last)), last))
    path.rename(path.with_name(f"{path.name}.{first}-{last}"))
    path.write_bytes(with_crc(encode(RotatedFromRecord(prev="x", prev_last_seq=last)), last + 1))


def seqs(lines: RecordingLines, seq: int, most: int = 100, last_seq: int = 10**6) -> list[int]:
    return [line.mark.seq for line in lines.read(seq, most, last_seq)]


class Reader(Protocol):
    def __call__(self, path: Path) -> RecordingLines: ...


@pytest.fixture
def reader() -> Iterator[Reader]:
    """Makes readers, and closes them after the test."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(closing(RecordingLines(path)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.jsonl"


def test_lines_are_read_from_any_seq_on(path: Path, reader: Reader) -> None:
    lines = reader(written(path, 1, 1000))

    assert seqs(lines, 1, 3) == [1, 2, 3]
    assert seqs(lines, 700, 2) == [700, 701]
    assert seqs(lines, 702, 2) == [702, 703]
    assert seqs(lines, 2, 2) == [2, 3]


def test_a_line_of_a_large_file_is_found_by_halving(path: Path, reader: Reader) -> None:
    lines = reader(written(path, 1, 20_000))

    assert [seqs(lines, seq, 1) for seq in (1, 9_999, 20_000)] == [[1], [9_999], [20_000]]


def test_lines_beyond_the_durable_one_are_not_read(path: Path, reader: Reader) -> None:
    lines = reader(written(path, 1, 5))

    assert seqs(lines, 1, last_seq=3) == [1, 2, 3]
    assert seqs(lines, 4, last_seq=3) == []
    assert seqs(lines, 4, last_seq=5) == [4, 5]


def test_lines_that_come_later_are_read_later(path: Path, reader: Reader) -> None:
    lines = reader(written(path, 1, 2))
    assert seqs(lines, 1) == [1, 2]
    assert seqs(lines, 3) == []

    append(path, 3, 4)

    assert seqs(lines, 3) == [3, 4]


def test_a_line_that_is_not_whole_yet_is_read_once_it_is(path: Path, reader: Reader) -> None:
    lines = reader(written(path, 1, 2))
    whole = alive(3)
    with path.open("ab") as file:
        file.write(whole[:20])
    assert seqs(lines, 1) == [1, 2]

    with path.open("ab") as file:
        file.write(whole[20:])

    assert seqs(lines, 3) == [3]


def test_a_rotation_is_followed(path: Path, reader: Reader) -> None:
    lines = reader(written(path, 1, 2))
    assert seqs(lines, 1) == [1, 2]

    rotate(path, 1, 3)
    append(path, 5, 5)
    rotate(path, 4, 6)

    assert seqs(lines, 3) == [3, 4, 5, 6, 7]
    assert seqs(reader(path), 1) == [1, 2, 3, 4, 5, 6, 7]


def test_a_file_that_was_moved_away_is_read_to_its_end(path: Path, reader: Reader) -> None:
    lines = reader(written(path, 1, 2))
    assert seqs(lines, 1, 1) == [1]

    path.rename(path.with_name("elsewhere"))
    written(path, 3, 4)

    assert seqs(lines, 2) == [2, 3, 4]


def test_lines_that_are_gone_are_passed_over(path: Path, reader: Reader) -> None:
    written(path, 1, 2)
    rotate(path, 1, 3)
    path.with_name("day.jsonl.1-3").unlink()
    append(path, 5, 6)

    assert seqs(reader(path), 1) == [4, 5, 6]


def test_a_damaged_line_is_passed_over(path: Path, reader: Reader) -> None:
    written(path, 1, 4)
    data = path.read_bytes()
    path.write_bytes(data.replace(alive(3, at_s=3), alive(3, at_s=3).replace(b"0.0", b"9.0")))

    assert seqs(reader(path), 1) == [1, 2, 4]


def test_a_missing_recording_has_no_lines(path: Path, reader: Reader) -> None:
    assert seqs(reader(path), 1) == []


def test_the_state_says_when_the_recording_began(path: Path, reader: Reader) -> None:
    state = reader(written(path, 1, 5)).state(5)

    assert (state.first_seq, state.last_seq, state.begun_ns) == (1, 5, NOON_NS)


def test_without_its_first_line_nobody_knows_when_it_began(path: Path, reader: Reader) -> None:
    state = reader(written(path, 4, 5)).state(5)

    assert (state.first_seq, state.begun_ns) == (4, None)


def test_the_state_knows_the_checksum_of_each_line(path: Path, reader: Reader) -> None:
    state = reader(written(path, 1, 5)).state(5)

    assert state.crcs(3) == {alive(3, at_s=3)[-11:-3].decode()}
    assert state.crcs(6) == frozenset()
