from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from ordwatch.core.errors import InputMissing, RecordingError
from ordwatch.core.records import OrderRecord, RotateRecord, encode
from ordwatch.recording.format import with_crc, without_crc
from ordwatch.recording.inputs import STDIN
from ordwatch.recording.reading import Damage, TimedRecord, read_lines, read_records, with_waits
from ordwatch.recording.rotation import Rotation, older_files
from tests.recording.samples import SESSION, at, at_ns, end, lines, order, record, start, written

WHOLE = lines(SESSION)


def parsed(content: bytes, last_seq: int | None = None) -> list[int | str]:
    """Seqs of whole lines, and what is wrong with the others."""
    return [
        item.place if isinstance(item, Damage) else item.mark.seq for item in read_lines(BytesIO(content), last_seq)
    ]


def test_whole_lines_come_in_order() -> None:
    assert parsed(b"".join(WHOLE)) == [1, 2, 3, 4, 5, 6]


def test_file_may_begin_with_any_seq() -> None:
    assert parsed(b"".join(WHOLE[3:])) == [4, 5, 6]


def test_first_line_must_follow_where_that_is_known() -> None:
    assert parsed(WHOLE[3], last_seq=1) == ["line 1 (byte 0): seq 4 instead of 2", 4]


def test_damaged_line_is_named_and_the_next_one_read() -> None:
    damaged = WHOLE[1].replace(b"alpha", b"alphA")

    assert parsed(b"".join([WHOLE[0], damaged, *WHOLE[2:]])) == [
        1,
        f"line 2 (byte {len(WHOLE[0])}): checksum",
        *[3, 4, 5, 6],
    ]


def test_lost_line_end_takes_the_next_line_along() -> None:
    joined = WHOLE[1][:-1] + b" " + WHOLE[2]

    assert parsed(b"".join([WHOLE[0], joined, *WHOLE[3:]])) == [
        1,
        f"line 2 (byte {len(WHOLE[0])}): checksum",
        *[4, 5, 6],
    ]


def test_missing_line_is_named() -> None:
    assert parsed(WHOLE[0] + WHOLE[2]) == [1, f"line 2 (byte {len(WHOLE[0])}): seq 3 instead of 2", 3]


def test_repeated_line_is_named_and_passed_over() -> None:
    place = len(WHOLE[0]) + len(WHOLE[1])

    assert parsed(WHOLE[0] + WHOLE[1] + WHOLE[0] + WHOLE[2]) == [
        *[1, 2],
        f"line 3 (byte {place}): seq 1 instead of 3",
        3,
    ]


def test_partial_last_line_is_named() -> None:
    assert parsed(WHOLE[0] + WHOLE[1][:-1]) == [1, f"line 2 (byte {len(WHOLE[0])}): no line end"]


def test_zeros_are_damage() -> None:
    assert parsed(WHOLE[0] + bytes(5000)) == [1, f"line 2 (byte {len(WHOLE[0])}): no line end"]


def test_line_without_a_checksum_is_damage() -> None:
    assert parsed(b'{"type":"order","seq":1}\n') == ["line 1 (byte 0): no checksum"]


# Records with their times.


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def feed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(content)))


def test_records_come_as_they_were_recorded(path: Path) -> None:
    read = [item.record for item in read_records([written(path, *SESSION)])]

    assert [encode(record) for record in read] == [encode(record) for record in SESSION]


def test_records_come_with_their_times(path: Path) -> None:
    read = [item.at_ns for item in read_records([written(path, start(0), order(second=2), end(5))])]

    assert read == [at_ns(0), at_ns(2), at_ns(5)]


def test_record_without_a_time_has_that_of_the_one_before(path: Path) -> None:
    read = list(read_records([written(path, start(3), RotateRecord(next="rec", last_seq=2))]))

    assert read[1].at_ns == at_ns(3)


def test_files_are_put_in_order(path: Path) -> None:
    record(path, *(order(str(n)) for n in range(20)), rotation=Rotation(max_bytes=3000), group_records=5)
    files = [path, *(older.path for older in reversed(older_files(path)))]

    read = [item.record.order_id for item in read_records(files) if isinstance(item.record, OrderRecord)]
    assert read == [str(n) for n in range(20)]


def test_partial_write_is_passed_over(path: Path) -> None:
    path.write_bytes(b"".join(lines(SESSION))[:-1])

    assert len(list(read_records([path]))) == len(SESSION) - 1


def test_damage_before_a_whole_line_is_an_error(path: Path) -> None:
    path.write_bytes(written(path, *SESSION).read_bytes().replace(b'"order_id":"1"', b'"order_id":"x"'))

    with pytest.raises(RecordingError, match=r"line 3 .*checksum; run `ordwatch verify /.*rec`"):
        list(read_records([path]))


def test_foreign_file_is_an_error(path: Path) -> None:
    path.write_bytes(b"name,qty\n")

    with pytest.raises(RecordingError, match="line 1"):
        list(read_records([path]))


def test_record_of_another_schema_is_an_error(path: Path) -> None:
    path.write_bytes(with_crc(b'{"type":"dream","at":"now"}', 1))

    with pytest.raises(RecordingError, match="byte 0: not a record of this schema"):
        list(read_records([path]))


def test_time_that_is_none_is_an_error(path: Path) -> None:
    path.write_bytes(with_crc(encode(start()).replace(at(0).encode(), b"now"), 1))

    with pytest.raises(RecordingError, match="not a time"):
        list(read_records([path]))


def test_missing_file_is_named(path: Path) -> None:
    with pytest.raises(InputMissing):
        list(read_records([path]))


def test_stdin_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, b"".join(lines(SESSION)))

    assert len(list(read_records([STDIN]))) == len(SESSION)


def test_lines_of_stdin_need_no_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, b"".join(without_crc(line) + b"\n" for line in lines(SESSION)))

    assert len(list(read_records([STDIN]))) == len(SESSION)


def test_partial_end_of_stdin_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, b"".join(lines(SESSION))[:-9])

    assert len(list(read_records([STDIN]))) == len(SESSION) - 1


@pytest.mark.parametrize("line", [b"text\n", b'{"type":"order"}\n', b"[" * 100_000 + b"\n", b"\xff\n"])
def test_what_is_no_record_on_stdin_is_named_by_its_line(monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    feed(monkeypatch, lines(SESSION)[0] + line)

    with pytest.raises(RecordingError, match="stdin: line 2"):
        list(read_records([STDIN]))


@pytest.mark.parametrize(("speed", "waits"), [(1.0, [0, 2, 0, 3]), (10.0, [0, 0.2, 0, 0.3])])
def test_pace_is_that_of_the_recording_times_the_speed(speed: float, waits: list[float]) -> None:
    read = [TimedRecord(at_ns(second), start()) for second in (0, 2, 1, 4)]

    assert [wait_s for wait_s, _ in with_waits(read, speed)] == waits
