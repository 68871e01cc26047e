from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ordwatch.core.errors import InputMissing, RecordingError
from ordwatch.core.records import OrderRecord, RotatedFromRecord, RotateRecord, encode
from ordwatch.recording.following import FollowedRecording
from tests.recording.samples import SESSION, end, lines, order, start, written

ALL = [encode(record) for record in SESSION]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


@pytest.fixture
def followed(path: Path) -> Iterator[FollowedRecording]:
    """Of one session with six lines, none of them taken."""
    reader = FollowedRecording(written(path, *SESSION))
    yield reader
    reader.close()


def taken(reader: FollowedRecording) -> list[bytes]:
    """The records that were new, as JSON."""
    return [encode(record) for record in reader.take()]


def at_first(path: Path) -> list[bytes]:
    """What a new reader takes."""
    with closing(FollowedRecording(path)) as reader:
        return taken(reader)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def rotate(path: Path, *, first_seq: int, last_seq: int) -> None:
    """Go on in a new file, as the writer does; the `rotate` record is the last line of the old one."""
    append(path, lines([RotateRecord(next=path.name, last_seq=last_seq)], last_seq)[0])
    old = path.with_name(f"{path.name}.{first_seq}-{last_seq}")
    path.rename(old)
    written(path, RotatedFromRecord(prev=old.name, prev_last_seq=last_seq), first_seq=last_seq + 1)


def test_takes_what_there_is_and_then_what_is_added(path: Path, followed: FollowedRecording) -> None:
    assert taken(followed) == ALL

    append(path, lines([start(6)], 7)[0])

    assert taken(followed) == [encode(start(6))]
    assert taken(followed) == []


def test_a_line_that_is_still_being_written_is_left_for_the_next_time(path: Path, followed: FollowedRecording) -> None:
    [line] = lines([start(6)], 7)
    append(path, line[:30])
    assert taken(followed) == ALL

    append(path, line[30:])

    assert taken(followed) == [encode(start(6))]


def test_a_partial_write_that_the_next_session_removes_is_not_damage(path: Path, followed: FollowedRecording) -> None:
    append(path, b'{"type":"order","seq":7,\0\0\n')
    assert taken(followed) == ALL

    path.write_bytes(b"".join(lines([*SESSION, start(6)])))

    assert taken(followed) == [encode(start(6))]


def test_goes_on_in_the_next_file(path: Path, followed: FollowedRecording) -> None:
    assert len(list(followed.take())) == 6

    rotate(path, first_seq=1, last_seq=7)
    append(path, lines([end(9)], 9)[0])

    names = [type(record).__name__ for record in followed.take()]
    assert names == [
        "RotateRecord",
        "RotatedFromRecord",
        "SessionRecord",
    ]


def test_several_rotations_between_two_looks_lose_no_line(path: Path, followed: FollowedRecording) -> None:
    assert len(list(followed.take())) == 6
    rotate(path, first_seq=1, last_seq=7)
    append(path, lines([order("3")], 9)[0])
    rotate(path, first_seq=8, last_seq=10)
    append(path, lines([order("4")], 12)[0])

    ids = [record.order_id for record in followed.take() if isinstance(record, OrderRecord)]

    assert ids == ["3", "4"]


def test_begins_with_the_oldest_file(path: Path) -> None:
    written(path, *SESSION)
    rotate(path, first_seq=1, last_seq=7)

    records = at_first(path)

    assert len(records) == 8
    assert records[:6] == ALL


def test_without_the_oldest_file_it_begins_later(path: Path) -> None:
    written(path, *SESSION, first_seq=100)

    assert at_first(path) == ALL


def test_between_two_steps_of_a_rotation_nothing_is_new(path: Path, followed: FollowedRecording) -> None:
    assert len(list(followed.take())) == 6
    path.rename(path.with_name("rec.1-6"))

    assert taken(followed) == []


def test_an_empty_file_is_a_recording_that_begins(path: Path) -> None:
    path.touch()
    with closing(FollowedRecording(path)) as reader:
        assert taken(reader) == []

        written(path, *SESSION)

        assert taken(reader) == ALL


def test_damage_before_whole_lines_is_refused(path: Path, followed: FollowedRecording) -> None:
    append(path, b"damaged\n" + lines([end(9)], 8)[0])

    with pytest.raises(RecordingError, match=r"byte .*: no checksum; run `ordwatch verify /.*rec`"):
        list(followed.take())


def test_missing_lines_are_refused(path: Path, followed: FollowedRecording) -> None:
    append(path, lines([end(9)], 8)[0])

    with pytest.raises(RecordingError, match="seq 8 instead of 7: lines are missing"):
        list(followed.take())


def test_another_file_is_no_recording(path: Path) -> None:
    path.write_text("hello\n")

    with pytest.raises(RecordingError, match="not a recording"):
        at_first(path)


def test_a_file_must_exist(path: Path) -> None:
    with pytest.raises(InputMissing, match="cannot be read"):
        FollowedRecording(path)
