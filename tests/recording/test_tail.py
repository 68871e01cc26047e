import os
from pathlib import Path
from threading import Event, Thread

import pytest

from ordwatch.core.errors import InputMissing, RecordingError
from ordwatch.core.records import AnyRecord, RotatedFromRecord
from ordwatch.recording import tail
from ordwatch.recording.rotation import Rotation, older_files
from ordwatch.recording.tail import last_state
from tests.recording.samples import SESSION, alive, at, end, gap_opened, lines, link, order, record, start, written

LIVE: tuple[AnyRecord, ...] = (start(), link("live", 1), alive(10))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def test_whole_recording_is_read_if_it_is_short(path: Path) -> None:
    found = last_state(written(path, *SESSION))

    assert (found.session, found.ended) == (SESSION[0], SESSION[-1])


def test_only_the_end_is_read(path: Path) -> None:
    written(path, *LIVE, *[order(second=2)] * 1000, alive(20))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(2**40)  # a hole: read as zeros, and taking no room
        file.seek(2**40)
        file.write(b"".join([b"\n", *lines([order(second=2)] * 1000, 1), *lines([alive(30)], 1001)]))

    assert last_state(path).alive == alive(30)
    assert size < 2**20


def test_more_is_read_while_the_reason_of_a_venue_is_missing(path: Path) -> None:
    far = [order(second=2)] * 2000
    written(path, *LIVE, gap_opened(9), *far, alive(20, state="down"))

    assert last_state(path).venues["alpha"].reason == "eof"


@pytest.mark.parametrize("content", [b"", b'{"type":"ses', bytes(4096)], ids=["empty", "partial", "zeros"])
def test_file_as_a_crash_may_leave_it_is_empty(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    assert last_state(path).venues == {}


def test_partial_last_line_is_left_out(path: Path) -> None:
    written(path, *LIVE)
    path.write_bytes(path.read_bytes() + lines([alive(20)], 4)[0][:-1])

    assert last_state(path).alive == alive(10)


def test_damage_that_a_crash_may_leave_is_left_out(path: Path) -> None:
    written(path, *LIVE)
    path.write_bytes(path.read_bytes() + bytes(512) + b"\n")

    assert last_state(path).alive == alive(10)


@pytest.mark.parametrize(
    "damaged",
    [
        b"".join([*lines(SESSION[:3]), *lines(SESSION[4:], 5)]),
        b"".join(lines(SESSION)).replace(b"alpha", b"alphA", 1),
        b"".join([*lines(LIVE)[:2], b"bad\n", *lines([order()], 4), *lines([alive(20, synced_seq=4)], 5), b"bad\n"]),
    ],
    ids=["a line is missing", "a changed byte", "and more at the end"],
)
def test_damage_in_synced_data_is_reported(path: Path, damaged: bytes) -> None:
    path.write_bytes(damaged)

    with pytest.raises(RecordingError, match="damaged, or not a recording of ordwatch: line"):
        last_state(path)


@pytest.mark.parametrize("content", [b"hello\n", b'{"type":"order"}\n', b"x" * 2**26], ids=["text", "json", "long"])
def test_other_file_is_no_recording(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(RecordingError, match="not a recording"):
        last_state(path)


def test_missing_file_is_an_input_error(path: Path) -> None:
    with pytest.raises(InputMissing, match="No such file"):
        last_state(path)


def test_folder_is_an_input_error(path: Path) -> None:
    path.mkdir()

    with pytest.raises(InputMissing, match="cannot be read"):
        last_state(path)


def test_session_is_read_over_several_short_files(path: Path) -> None:
    record(path, *LIVE, *[order(second=11)] * 30, rotation=Rotation(max_bytes=4000), group_records=1)
    assert len(older_files(path)) > 3

    assert last_state(path).session == LIVE[0]


def test_file_that_logrotate_renamed_is_found_by_what_it_holds(path: Path) -> None:
    written(path.with_name("rec-20260302"), *LIVE)
    written(path.with_name("rec.1"), order())
    written(path, RotatedFromRecord(prev="rec", prev_last_seq=3), first_seq=4)

    assert last_state(path).alive == alive(10)


def test_file_of_another_recording_is_not_taken_for_the_one_before(path: Path) -> None:
    written(path.with_name("rec.1"), *LIVE, order())
    written(path, RotatedFromRecord(prev="rec", prev_last_seq=3), first_seq=4)

    assert last_state(path).alive is None


def test_file_of_its_name_is_the_newest(path: Path) -> None:
    written(path.with_name("rec.1-3"), *LIVE)
    written(path, RotatedFromRecord(prev="rec.1-3", prev_last_seq=3), alive(20), first_seq=4)

    assert last_state(path).alive == alive(20)


def test_neither_a_folder_nor_a_file_of_another_name_is_the_one_before(path: Path) -> None:
    path.with_name("rec.folder").mkdir()
    written(path.with_name("other"), *LIVE)
    written(path, RotatedFromRecord(prev="rec", prev_last_seq=3), first_seq=4)

    assert last_state(path).alive is None


def test_rotation_left_in_the_middle_shows_the_file_before(path: Path) -> None:
    written(path.with_name("rec.1-3"), *LIVE)

    assert last_state(path).alive == alive(10)


def test_no_moment_of_a_rotation_hides_the_session(path: Path) -> None:
    record(path, *LIVE)
    seen: set[str | None] = set()
    over = Event()

    def look() -> None:
        is_last = False
        while not is_last:
            is_last = over.is_set()
            found = last_state(path).alive
            seen.add(None if found is None else found.at)

    looking = Thread(target=look)
    looking.start()
    more: list[AnyRecord] = [order(second=11), alive(12)] * 100
    record(path, *more, rotation=Rotation(max_bytes=4000), group_records=1)
    over.set()
    looking.join()

    assert len(older_files(path)) > 20
    assert at(12) in seen
    assert None not in seen


def test_a_rotation_between_the_look_for_the_file_and_its_opening_hides_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(path, *LIVE)
    look = tail._newest

    def look_and_rotate(recording: Path) -> Path:
        found = look(recording)
        if found == recording:
            recording.rename(recording.with_name("rec.1-3"))
        return found

    monkeypatch.setattr(tail, "_newest", look_and_rotate)

    assert last_state(path).alive == alive(10)


def test_lock_and_quarantine_files_are_no_files_of_the_recording(path: Path) -> None:
    for name in ("rec.lock", "rec.torn-20260302T120000.000000000Z", "rec.checkpoint"):
        written(path.with_name(name), *LIVE)
    written(path, RotatedFromRecord(prev="rec", prev_last_seq=3), first_seq=4)

    assert last_state(path).alive is None


def test_symlink_is_not_followed_for_the_file_before(path: Path, tmp_path: Path) -> None:
    written(tmp_path / "other", *LIVE)
    os.symlink(tmp_path / "other", tmp_path / "rec.1")
    written(path, RotatedFromRecord(prev="rec", prev_last_seq=3), first_seq=4)

    assert last_state(path).alive is None


def test_record_of_another_schema_is_reported(path: Path) -> None:
    path.write_bytes(lines([alive(10)])[0].replace(b'"at":', b'"At":'))

    with pytest.raises(RecordingError):
        last_state(path)


def test_end_of_a_session_is_found(path: Path) -> None:
    record(path, *LIVE, end(12))

    assert last_state(path).ended == end(12)


def test_time_of_a_gap_is_kept(path: Path) -> None:
    found = last_state(written(path, *LIVE, gap_opened(9), alive(15, state="down")))

    assert found.venues["alpha"].status(None, None).since == at(9)
