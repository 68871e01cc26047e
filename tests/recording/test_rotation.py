import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import chain, combinations, product, repeat
from pathlib import Path

import pytest

from ordwatch import system
from ordwatch.core.errors import OutputError, RecordingBusy, UsageError
from ordwatch.core.records import AnyRecord, OrderRecord, RotatedFromRecord, RotateRecord
from ordwatch.recording.files import Fault, Files, Segment, is_locked_elsewhere
from ordwatch.recording.format import mark
from ordwatch.recording.format import record as record_of
from ordwatch.recording.reading import Line, read_lines
from ordwatch.recording.rotation import Rotation, next_file, older_files, replacement, rotation
from ordwatch.recording.verify import check
from tests.recording.faults import DyingFiles, FailingFiles, Killed, MovingFiles, NamesFiles
from tests.recording.samples import at_ns, lines, opened, order, record, start, written
from tests.support.cases import case

DAY_NS = 86_400 * 10**9
SMALL = Rotation(max_bytes=3000)
REPORTED: tuple[AnyRecord, ...] = (start(), *(order(str(n)) for n in range(20)))


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
        found += [each.order_id for each in records if isinstance(each, OrderRecord)]
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


@pytest.mark.parametrize("neither", [Rotation(), Rotation(max_bytes=10)])
def test_a_new_day_is_nothing_where_it_was_not_asked_for(neither: Rotation) -> None:
    assert not neither.due(0, 0, written_ns=at_ns(0), now_ns=at_ns(0) + DAY_NS)


def test_is_not_due_when_the_clock_went_back_a_day() -> None:
    assert not Rotation(daily=True).due(0, 0, written_ns=at_ns(0), now_ns=at_ns(0) - DAY_NS)


def test_old_file_is_named_by_its_lines(path: Path) -> None:
    record(path, *REPORTED, rotation=SMALL, group_records=5)

    assert [(older.first_seq, older.last_seq) for older in older_files(path)][:2] == [(1, 6), (7, 13)]


def test_files_name_each_other(path: Path) -> None:
    record(path, *REPORTED, rotation=SMALL, group_records=5)
    old, new = all_files(path)[:2]

    assert record_of(old.read_bytes().splitlines()[-1]) == RotateRecord(next="rec", last_seq=6)
    assert record_of(new.read_bytes().splitlines()[0]) == RotatedFromRecord(prev="rec.1-6", prev_last_seq=6)


def test_joined_files_have_no_hole(path: Path) -> None:
    record(path, *REPORTED, rotation=SMALL, group_records=5)

    joined = seqs(path)
    assert joined == list(range(1, len(joined) + 1))
    assert order_ids(path) == [str(n) for n in range(20)]


def test_next_session_reads_all_files(path: Path) -> None:
    record(path, *REPORTED, rotation=SMALL, group_records=5)

    assert [each.order_id for each in opened(path).continuation.orders] == [str(n) for n in range(20)]


def test_daily_rotation_begins_with_the_first_line_of_a_new_day(path: Path) -> None:
    written(path, *REPORTED)

    record(path, start(), order("new"), rotation=Rotation(daily=True))

    assert [older.path.name for older in older_files(path)] == ["rec.1-23"]


def test_other_names_are_no_older_files(path: Path) -> None:
    for name in ("rec.1", "rec.1-", "rec.0-5", "rec.1-5.bz2", "other.1-5", "rec.1-5x", "rec.other.1-5"):
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

    record(path, *REPORTED, rotation=SMALL, group_records=5, files=files)

    assert files.at_renaming
    assert set(files.at_renaming) == {0}


def test_killed_between_any_two_steps_loses_no_line(tmp_path: Path) -> None:
    for nth in range(30):
        with case("killed before step", nth):
            path = killed_recording(tmp_path / str(nth), nth)
            before = order_ids(path) if path.exists() else [str(n) for n in range(5 * len(older_files(path)) - 1)]

            record(path, start(), order("after"))

            joined = seqs(path)
            assert joined == list(range(1, len(joined) + 1))
            assert order_ids(path) == [*before, "after"]
            assert check(all_files(path)).damage == []


def killed_recording(folder: Path, nth: int) -> Path:
    """A recording whose recorder was killed before its n-th step."""
    folder.mkdir()
    with pytest.raises(Killed):
        record(folder / "rec", *REPORTED, rotation=SMALL, group_records=5, files=DyingFiles(nth))
    return folder / "rec"


def test_file_moved_between_any_two_steps_loses_no_line(tmp_path: Path) -> None:
    """By a log rotator that is at work while the recording goes on in a new file by itself."""
    for nth in range(30):
        with case("moved before step", nth):
            path = tmp_path / str(nth) / "rec"
            path.parent.mkdir()
            record(path, *REPORTED, rotation=SMALL, group_records=5, files=MovingFiles(path, nth))

            record(path, start(), order("after"))

            verdict = check([path.with_name("moved"), *all_files(path)])
            assert (verdict.damage, verdict.lines) == ([], verdict.last_seq)


@pytest.mark.parametrize("call", ["rename", "create"])
@pytest.mark.parametrize("nth", range(1, 7))
def test_failed_step_is_tried_again(path: Path, call: str, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.FINISH_RETRY_S", 0.0)

    record(path, *REPORTED, rotation=SMALL, group_records=5, files=FailingFiles(call, nth))

    joined = seqs(path)
    assert joined == list(range(1, len(joined) + 1))
    assert order_ids(path) == [str(n) for n in range(20)]


def test_orders_are_known_where_the_opening_completes_a_rotation(path: Path) -> None:
    written(path, start(), order("1"), order("2"), RotateRecord(next="rec", last_seq=4))

    assert [each.order_id for each in opened(path).continuation.orders] == ["1", "2"]


def test_orders_are_known_where_the_opening_completes_a_second_rotation(path: Path) -> None:
    written(path.with_name("rec.1-3"), start(), order("1"), RotateRecord(next="rec", last_seq=3))
    rotated = RotatedFromRecord(prev="rec.1-3", prev_last_seq=3)
    written(path, rotated, order("2"), RotateRecord(next="rec", last_seq=6), first_seq=4)

    assert [each.order_id for each in opened(path).continuation.orders] == ["1", "2"]


def test_unfinished_next_file_is_made_anew(path: Path) -> None:
    written(path, start(), order("1"), RotateRecord(next="rec", last_seq=3))
    path.with_name("rec.rotating").write_bytes(b'{"type":"rotated_fr')

    opened(path)

    assert sorted(file.name for file in path.parent.iterdir()) == ["rec", "rec.1-3"]
    assert seqs(path) == [1, 2, 3, 4, 5]


def test_file_that_only_lacks_its_name_gets_it(path: Path) -> None:
    written(path.with_name("rec.1-3"), start(), order("1"), RotateRecord(next="rec", last_seq=3))
    written(path.with_name("rec.rotating"), RotatedFromRecord(prev="rec.1-3", prev_last_seq=3), first_seq=4)

    found = opened(path)

    assert sorted(file.name for file in path.parent.iterdir()) == ["rec", "rec.1-3"]
    assert seqs(path) == [1, 2, 3, 4, 5]
    assert found.continuation.next_gap("alpha") == 1


def test_next_file_may_be_asked_for_twice(path: Path) -> None:
    written(path, start(), RotateRecord(next="rec", last_seq=2))

    first = next_file(Files(), path, first_seq=1, last_seq=2)
    second = next_file(Files(), path, first_seq=1, last_seq=2)

    first.close()
    second.close()
    assert path.with_name("rec.1-2").read_bytes() == b"".join(lines([start(), RotateRecord(next="rec", last_seq=2)]))
    assert seqs(path) == [1, 2, 3]


def replaced(path: Path, fault: Fault) -> RotatedFromRecord:
    """How the file begins that comes after one of nine lines."""
    replacement(Files(), path, fault=fault, kept=path.with_name("rec.torn-1"), last_seq=9).close()
    first = record_of(path.read_bytes().splitlines()[0])
    assert isinstance(first, RotatedFromRecord)
    return first


def test_replacement_keeps_what_stands_there(path: Path) -> None:
    path.write_bytes(b"put here by somebody")

    replaced(path, "replaced")

    assert path.with_name("rec.torn-1").read_bytes() == b"put here by somebody"
    assert seqs(path) == [10]


def test_replacement_of_a_file_that_was_moved_does_not_take_what_stands_there_for_it(path: Path) -> None:
    path.write_bytes(b"put here by somebody")

    assert replaced(path, "replaced").prev == "rec"


class NamingFiles(Files):
    """Notes each renaming, and each sync of the folder."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def rename(self, old: Path, new: Path) -> None:
        self.steps.append("rename")
        super().rename(old, new)

    def sync_folder(self, folder: Path) -> None:
        self.steps.append("sync")
        super().sync_folder(folder)


def rotated(files: Files, path: Path) -> Segment:
    return next_file(files, path, first_seq=1, last_seq=2)


def cut_by_somebody(files: Files, path: Path) -> Segment:
    return replacement(files, path, fault="cut", kept=path.with_name("rec.torn-1"), last_seq=2)


@pytest.mark.parametrize("make", [rotated, cut_by_somebody], ids=lambda make: make.__name__)
def test_each_of_the_two_names_is_durable_before_the_next_step(
    make: Callable[[Files, Path], Segment], path: Path
) -> None:
    written(path, start(), RotateRecord(next="rec", last_seq=2))
    files = NamingFiles()

    make(files, path).close()

    assert files.steps == ["rename", "sync", "rename", "sync"]


@pytest.mark.parametrize("call", ["create", "write", "rename"])
@pytest.mark.parametrize("make", [rotated, cut_by_somebody], ids=lambda make: make.__name__)
def test_next_file_that_cannot_be_made_is_not_left_open(
    make: Callable[[Files, Path], Segment], call: str, path: Path
) -> None:
    written(path, start(), RotateRecord(next="rec", last_seq=2))
    before = open_files()

    with pytest.raises(OSError, match="No space left"):
        make(FailingFiles(call, 1), path)

    assert open_files() == before


def open_files() -> list[str]:
    return sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if is_file(fd))


def is_file(fd: str) -> bool:
    return Path(f"/proc/self/fd/{fd}").is_file()


def test_next_file_that_somebody_else_has_locked_is_not_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, start(), RotateRecord(next="rec", last_seq=2))
    monkeypatch.setattr("ordwatch.system.try_lock", lambda _: False)

    with pytest.raises(BlockingIOError, match="locked by somebody else"):
        rotated(Files(), path)

    assert seqs(path) == [1, 2]


@pytest.mark.parametrize("fault", ["cut", "replaced"])
def test_replacement_takes_an_empty_file(path: Path, fault: Fault) -> None:
    path.touch()

    assert replaced(path, fault).prev == "rec"
    assert [file.name for file in path.parent.iterdir()] == ["rec"]


def test_replacement_of_a_file_that_was_cut_names_what_is_left_of_it(path: Path) -> None:
    path.write_bytes(b"cut")

    assert replaced(path, "cut") == RotatedFromRecord(prev="rec.torn-1", prev_last_seq=9)


def test_replacement_that_failed_after_the_first_renaming_names_the_same(path: Path) -> None:
    path.with_name("rec.torn-1").write_bytes(b"cut")

    assert replaced(path, "cut").prev == "rec.torn-1"


def test_recording_of_another_recorder_is_not_replaced(path: Path) -> None:
    other = Files().open(path)
    assert system.try_lock(other)

    with pytest.raises(RecordingBusy, match="another ordwatch records there"):
        replaced(path, "replaced")
    Files().close(other)

    assert path.read_bytes() == b""


def test_next_file_is_locked_before_it_gets_its_name(path: Path) -> None:
    written(path, start(), RotateRecord(next="rec", last_seq=2))
    locked: list[bool] = []

    class Looking(Files):
        def rename(self, old: Path, new: Path) -> None:
            locked.append(is_locked_elsewhere(old))
            super().rename(old, new)

    next_file(Looking(), path, first_seq=1, last_seq=2).close()

    assert locked == [False, True]


def test_last_name_that_something_else_has_is_not_written_over(path: Path) -> None:
    content = written(path, start(), RotateRecord(next="rec", last_seq=2)).read_bytes()
    path.with_name("rec.1-2").write_bytes(b"of somebody else")

    with pytest.raises(OutputError, match=r"rec.1-2: is in the way"):
        next_file(Files(), path, first_seq=1, last_seq=2)

    assert (path.read_bytes(), path.with_name("rec.1-2").read_bytes()) == (content, b"of somebody else")


class Midnight:
    """A clock that goes on by so many seconds each time it is looked at, from two seconds before midnight."""

    def __init__(self, *steps_s: float) -> None:
        self._now_ns = at_ns(12 * 3600 - 2)
        self._steps = chain(steps_s, repeat(0.3))

    def __call__(self) -> int:
        self._now_ns += round(next(self._steps) * 1e9)
        return self._now_ns


@pytest.mark.parametrize("clock", [Midnight(), Midnight(3, 0, -2, 2)], ids=["passes", "is passed again"])
def test_daily_rotation_at_midnight_makes_one_new_file(
    path: Path, clock: Midnight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.time_ns", clock)
    written(path, start())

    record(path, *REPORTED, rotation=Rotation(daily=True), group_records=1)

    assert len(older_files(path)) == 1


def names_are_true(path: Path) -> bool:
    """Whether each file that is named as the one before is there, and ends where it is said to."""
    for file in all_files(path):
        first = record_of(file.read_bytes().splitlines()[0])
        if isinstance(first, RotatedFromRecord):
            before = file.with_name(first.prev).read_bytes().splitlines()
            if mark(before[-1] + b"\n").seq != first.prev_last_seq:
                return False
    return True


def test_killed_anywhere_the_names_are_true(tmp_path: Path) -> None:
    for nth in range(40):
        with case("killed before step", nth):
            path = killed_recording(tmp_path / str(nth), nth)

            record(path, start(), order("after"))

            assert names_are_true(path)


def test_opening_that_is_killed_too_leaves_true_names(tmp_path: Path) -> None:
    for nth, again in product(range(40), range(0, 12, 3)):
        with case("killed before step", nth, "and opening before step", again):
            path = killed_recording(tmp_path / f"{nth}-{again}", nth)
            with suppress(Killed):
                opened(path, DyingFiles(again))

            record(path, start(), order("after"))

            joined = seqs(path)
            assert joined == list(range(1, len(joined) + 1))
            assert names_are_true(path)


def test_power_loss_anywhere_loses_no_durable_line_and_the_names_are_true(path: Path, tmp_path: Path) -> None:
    journal = NamesFiles()
    record(path, *REPORTED, rotation=SMALL, group_records=5, files=journal)

    for number, disk in enumerate(journal.moments):
        for kept, acts in enumerate(survivors(disk.unsynced)):
            folder = tmp_path / f"{number}-{kept}"
            folder.mkdir()
            for name, content in disk.left(acts).items():
                (folder / name).write_bytes(content)
            durable = {order_id for content in disk.contents.values() for order_id in ids_of(content)}

            record(folder / "rec", start(), order("after"))

            joined = seqs(folder / "rec")
            assert joined == list(range(1, len(joined) + 1))
            assert names_are_true(folder / "rec")
            assert durable <= set(order_ids(folder / "rec")) or not disk.names


def survivors(acts: Sequence[Mapping[str, int | None]]) -> list[Sequence[Mapping[str, int | None]]]:
    """Any of the acts may have come through to the disk, in their order."""
    return [kept for count in range(len(acts) + 1) for kept in combinations(acts, count)]


def ids_of(content: bytes) -> list[str]:
    records = [record_of(raw) for raw in content.splitlines(keepends=True)]
    return [each.order_id for each in records if isinstance(each, OrderRecord)]


@pytest.mark.parametrize("empty", [True, False])
def test_recorder_killed_while_it_replaced_a_moved_file_counts_on(path: Path, empty: bool) -> None:
    written(path.with_name("moved"), *REPORTED, RotateRecord(next="rec", last_seq=22))
    written(path.with_name("rec.rotating"), RotatedFromRecord(prev="rec", prev_last_seq=22), first_seq=23)
    if empty:
        path.touch()

    found = opened(path).continuation

    assert (found.last_seq, seqs(path)) == (24, [23, 24])
    assert found.next_gap("alpha") > 22


@pytest.mark.parametrize("left", [b"", b"torn", b"".join(lines([order()], 23))], ids=["empty", "torn", "another"])
def test_unfinished_next_file_that_says_nothing_is_as_if_it_were_not_there(path: Path, left: bytes) -> None:
    path.with_name("rec.rotating").write_bytes(left)

    assert opened(path).continuation.last_seq == 0
