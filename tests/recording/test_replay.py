from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from ordwatch.core.errors import InputMissing, RecordingError
from ordwatch.core.records import OrderRecord, RotateRecord, encode
from ordwatch.recording.format import with_crc, without_crc
from ordwatch.recording.replay import STDIN, Recorded, paced, recorded
from ordwatch.recording.rotation import Rotation, older_files
from tests.recording.told import SESSION, at, at_ns, end, lines, order, record, start, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def feed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(content)))


def test_records_come_as_they_were_recorded(path: Path) -> None:
    told = [item.record for item in recorded([written(path, *SESSION)])]

    assert [encode(record) for record in told] == [encode(record) for record in SESSION]


def test_records_come_with_their_times(path: Path) -> None:
    told = [item.at_ns for item in recorded([written(path, start(0), order(second=2), end(5))])]

    assert told == [at_ns(0), at_ns(2), at_ns(5)]


def test_record_without_a_time_has_that_of_the_one_before(path: Path) -> None:
    told = list(recorded([written(path, start(3), RotateRecord(next="rec", last_seq=2))]))

    assert told[1].at_ns == at_ns(3)


def test_files_are_put_in_order(path: Path) -> None:
    record(path, *(order(str(n)) for n in range(20)), rotation=Rotation(max_bytes=3000), group_records=5)
    files = [path, *(older.path for older in reversed(older_files(path)))]

    told = [item.record.order_id for item in recorded(files) if isinstance(item.record, OrderRecord)]
    assert told == [str(n) for n in range(20)]


def test_torn_tail_is_passed_over(path: Path) -> None:
    path.write_bytes(b"".join(lines(SESSION))[:-1])

    assert len(list(recorded([path]))) == len(SESSION) - 1


def test_damage_before_a_whole_line_is_an_error(path: Path) -> None:
    path.write_bytes(written(path, *SESSION).read_bytes().replace(b'"order_id":"1"', b'"order_id":"x"'))

    with pytest.raises(RecordingError, match=r"line 3 .*checksum; see `ordwatch verify rec`"):
        list(recorded([path]))


def test_foreign_file_is_an_error(path: Path) -> None:
    path.write_bytes(b"name,qty\n")

    with pytest.raises(RecordingError, match="line 1"):
        list(recorded([path]))


def test_record_of_another_schema_is_an_error(path: Path) -> None:
    path.write_bytes(with_crc(b'{"type":"dream","at":"now"}', 1))

    with pytest.raises(RecordingError, match="byte 0: not a record of this schema"):
        list(recorded([path]))


def test_time_that_is_none_is_an_error(path: Path) -> None:
    path.write_bytes(with_crc(encode(start()).replace(at(0).encode(), b"now"), 1))

    with pytest.raises(RecordingError, match="not a time"):
        list(recorded([path]))


def test_missing_file_is_named(path: Path) -> None:
    with pytest.raises(InputMissing):
        list(recorded([path]))


def test_stdin_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, b"".join(lines(SESSION)))

    assert len(list(recorded([STDIN]))) == len(SESSION)


def test_lines_of_stdin_need_no_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, b"".join(without_crc(line) + b"\n" for line in lines(SESSION)))

    assert len(list(recorded([STDIN]))) == len(SESSION)


def test_torn_end_of_stdin_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, b"".join(lines(SESSION))[:-9])

    assert len(list(recorded([STDIN]))) == len(SESSION) - 1


@pytest.mark.parametrize("line", [b"text\n", b'{"type":"order"}\n', b"[" * 100_000 + b"\n", b"\xff\n"])
def test_what_is_no_record_on_stdin_is_named_by_its_line(monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    feed(monkeypatch, lines(SESSION)[0] + line)

    with pytest.raises(RecordingError, match="stdin: line 2"):
        list(recorded([STDIN]))


@pytest.mark.parametrize(("speed", "waits"), [(1.0, [0, 2, 0, 3]), (10.0, [0, 0.2, 0, 0.3])])
def test_pace_is_that_of_the_recording_times_the_speed(speed: float, waits: list[float]) -> None:
    told = [Recorded(at_ns(second), start()) for second in (0, 2, 1, 4)]

    assert [wait_s for wait_s, _ in paced(told, speed)] == waits
