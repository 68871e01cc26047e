from pathlib import Path

import pytest

from ordwatch.errors import UsageError
from ordwatch.recording.files import Files
from ordwatch.recording.format import record as record_of
from ordwatch.recording.reading import Line, read_lines
from ordwatch.recording.rotation import Rotation, next_file, older_files, replacement, rotation
from ordwatch.recording.verify import check
from ordwatch.records import AnyRecord, OrderRecord, RotatedFromRecord, RotateRecord
from tests.recording.faults import DyingFiles, FailingFiles, Killed
from tests.recording.told import at_ns, lines, opened, order, record, start, written

DAY_NS = 86_400 * 10**9
SMALL = Rotation(max_bytes=3000)
TOLD: tuple[AnyRecord, ...] = (start(), *(order(str(n)) for n in range(20)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def all_files(path: Path) -> list[Path]:
    return [*(older.path for older in older_files(path)), path]


def seqs(path: Path) -> list[int]:
    """Of every line in all files of the recording."""
    found = []
    for file in all_files(path):
        with file.open("rb") as opened_file:
            found += [item.mark.seq for item in read_lines(opened_file) if isinstance(item, Line)]
    return found


def order_ids(path: Path) -> list[str]:
    found = []
    for file in all_files(path):
        records = [record_of(raw) for raw in file.read_bytes().splitlines(keepends=True)]
        found += [told.order_id for told in records if isinstance(told, OrderRecord)]
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, Rotation()),
        ("daily", Rotation(daily=True)),
        ("64K", Rotation(max_bytes=65536)),
        ("100M", Rotation(max_bytes=100 * 2**20)),
        ("2G", Rotation(max_bytes=2**31)),
        ("5000", Rotation(max_bytes=5000)),
    ],
)
def test_reads_when_to_rotate(text: str | None, expected: Rotation) -> None:
    assert rotation(text) == expected


@pytest.mark.parametrize("text", ["", "weekly", "0", "-1M", "1.5M", "64k", "M", "１K"])
def test_refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="expected `daily` or a size"):
        rotation(text)


def test_is_due_before_the_size_is_passed() -> None:
    sized = Rotation(max_bytes=100)

    assert [sized.due(60, adding, written_ns=0, now_ns=0) for adding in (40, 41)] == [False, True]


def test_is_due_at_a_new_day_of_utc() -> None:
    last_ns = at_ns(12 * 3600) - 1

    assert [Rotation(daily=True).due(0, 0, written_ns=last_ns, now_ns=now_ns) for now_ns in (last_ns, last_ns + 1)] == [
        False,
        True,
    ]


def test_is_not_due_when_the_clock_went_back_a_day() -> None:
    assert not Rotation(daily=True).due(0, 0, written_ns=at_ns(0), now_ns=at_ns(0) - DAY_NS)


def test_old_file_is_named_by_its_lines(path: Path) -> None:
    record(path, *TOLD, rotation=SMALL, group_records=5)

    assert [(older.first_seq, older.last_seq) for older in older_files(path)][:2] == [(1, 6), (7, 13)]


def test_files_tell_of_each_other(path: Path) -> None:
    record(path, *TOLD, rotation=SMALL, group_records=5)
    old, new = all_files(path)[:2]

    assert record_of(old.read_bytes().splitlines()[-1]) == RotateRecord(next="rec", last_seq=6)
    assert record_of(new.read_bytes().splitlines()[0]) == RotatedFromRecord(prev="rec.1-6", prev_last_seq=6)


def test_joined_files_have_no_hole(path: Path) -> None:
    record(path, *TOLD, rotation=SMALL, group_records=5)

    joined = seqs(path)
    assert joined == list(range(1, len(joined) + 1))
    assert order_ids(path) == [str(n) for n in range(20)]


def test_next_session_reads_all_files(path: Path) -> None:
    record(path, *TOLD, rotation=SMALL, group_records=5)

    assert [told.order_id for told in opened(path).continuation.orders] == [str(n) for n in range(20)]


def test_daily_rotation_begins_with_the_first_line_of_a_new_day(path: Path) -> None:
    written(path, *TOLD)

    record(path, start(), order("new"), rotation=Rotation(daily=True))

    assert [older.path.name for older in older_files(path)] == ["rec.1-23"]


def test_other_names_are_no_older_files(path: Path) -> None:
    for name in ("rec.1", "rec.1-", "rec.0-5", "rec.1-5.gz", "other.1-5", "rec.1-5x"):
        (path.parent / name).touch()
    (path.parent / "rec.6-9").mkdir()
    (path.parent / "rec.10-12").symlink_to(path.parent / "rec.1")

    assert older_files(path) == []


class UnsyncedFiles(Files):
    """Notes at each renaming how many files were written and not synced."""

    def __init__(self) -> None:
        self.unsynced: set[int] = set()
        self.at_renaming: list[int] = []

    def write(self, fd: int, data: memoryview) -> int:
        self.unsynced.add(fd)
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self.unsynced.discard(fd)
        super().sync(fd)

    def rename(self, old: Path, new: Path) -> None:
        self.at_renaming.append(len(self.unsynced))
        super().rename(old, new)


def test_no_file_gets_its_name_before_it_is_durable(path: Path) -> None:
    files = UnsyncedFiles()

    record(path, *TOLD, rotation=SMALL, group_records=5, files=files)

    assert files.at_renaming
    assert set(files.at_renaming) == {0}


@pytest.mark.parametrize("nth", range(30))
def test_killed_between_any_two_steps_loses_no_line(path: Path, nth: int) -> None:
    with pytest.raises(Killed):
        record(path, *TOLD, rotation=SMALL, group_records=5, files=DyingFiles(nth))
    before = order_ids(path) if path.exists() else [str(n) for n in range(5 * len(older_files(path)) - 1)]

    record(path, start(), order("after"))

    joined = seqs(path)
    assert joined == list(range(1, len(joined) + 1))
    assert order_ids(path) == [*before, "after"]
    assert check(all_files(path)).damage == []


@pytest.mark.parametrize("call", ["rename", "create"])
@pytest.mark.parametrize("nth", range(1, 7))
def test_failed_step_is_tried_again(path: Path, call: str, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.FINISH_RETRY_S", 0.0)

    record(path, *TOLD, rotation=SMALL, group_records=5, files=FailingFiles(call, nth))

    joined = seqs(path)
    assert joined == list(range(1, len(joined) + 1))
    assert order_ids(path) == [str(n) for n in range(20)]


def test_orders_are_known_where_the_opening_completes_a_rotation(path: Path) -> None:
    written(path, start(), order("1"), order("2"), RotateRecord(next="rec", last_seq=4))

    assert [told.order_id for told in opened(path).continuation.orders] == ["1", "2"]


def test_unfinished_next_file_is_made_anew(path: Path) -> None:
    written(path, start(), order("1"), RotateRecord(next="rec", last_seq=3))
    path.with_name("rec.rotating").write_bytes(b'{"type":"rotated_fr')

    opened(path)

    assert sorted(file.name for file in path.parent.iterdir()) == ["rec", "rec.1-3"]
    assert seqs(path) == [1, 2, 3, 4, 5]


def test_file_that_only_lacks_its_name_gets_it(path: Path) -> None:
    written(path.with_name("rec.1-3"), start(), order("1"), RotateRecord(next="rec", last_seq=3))
    written(path.with_name("rec.rotating"), RotatedFromRecord(prev="rec.1-3", prev_last_seq=3), first_seq=4)

    opened(path)

    assert sorted(file.name for file in path.parent.iterdir()) == ["rec", "rec.1-3"]
    assert seqs(path) == [1, 2, 3, 4, 5]


def test_next_file_may_be_asked_for_twice(path: Path) -> None:
    written(path, start(), RotateRecord(next="rec", last_seq=2))

    first = next_file(Files(), path, first_seq=1, last_seq=2)
    second = next_file(Files(), path, first_seq=1, last_seq=2)

    first.close()
    second.close()
    assert path.with_name("rec.1-2").read_bytes() == b"".join(lines([start(), RotateRecord(next="rec", last_seq=2)]))
    assert seqs(path) == [1, 2, 3]


def test_replacement_keeps_what_stands_there(path: Path) -> None:
    path.write_bytes(b"put here by somebody")

    replacement(Files(), path, last_seq=9).close()

    assert [kept.read_bytes() for kept in path.parent.glob("rec.torn-*")] == [b"put here by somebody"]
    assert seqs(path) == [10]


def test_replacement_takes_an_empty_file(path: Path) -> None:
    path.touch()

    replacement(Files(), path, last_seq=9).close()

    assert [file.name for file in path.parent.iterdir()] == ["rec"]
