import errno
from collections.abc import Callable, Sequence
from itertools import count, pairwise
from pathlib import Path

import pytest

from ordwatch.core.errors import OutputError
from ordwatch.core.records import AliveRecord, AnyRecord, IoErrorRecord, OrderRecord, for_outputs
from ordwatch.outputs.writer_thread import WriterQueue
from ordwatch.recording.files import Files
from ordwatch.recording.format import record as record_of
from ordwatch.recording.reading import Damage, Line, read_lines
from ordwatch.recording.recovery import open_recording
from ordwatch.recording.rotation import Rotation, older_files
from ordwatch.recording.verify import check
from ordwatch.recording.writer import Entry, Publication, SyncPolicy, Writer
from tests.recording.faults import FailingFiles
from tests.recording.samples import alive, end, gap_closed, gap_opened, link, order, record, start
from tests.support.cases import case

ORDERS = [order(str(n)) for n in range(60)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused write is tried again without a pause."""
    monkeypatch.setattr("ordwatch.recording.writer.FINISH_RETRY_S", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def read(path: Path) -> list[AnyRecord]:
    """The records in the file, none of its lines being damaged."""
    with path.open("rb") as file:
        items = list(read_lines(file, 0))
    assert [item for item in items if isinstance(item, Damage)] == []
    return [record_of(item.raw) for item in items if isinstance(item, Line)]


def orders(path: Path) -> list[str]:
    return [each.order_id for each in read(path) if isinstance(each, OrderRecord)]


class CountingFiles(Files):
    """Notes how many bytes were written before each sync."""

    def __init__(self) -> None:
        self.written = 0
        self.syncs: list[int] = []

    def write(self, fd: int, data: memoryview) -> int:
        self.written += 1
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self.syncs.append(self.written)
        super().sync(fd)


def test_records_are_written_as_reported(path: Path) -> None:
    reported: list[AnyRecord] = [start(), *ORDERS, end()]

    record(path, *reported)

    assert read(path) == [record_of(line) for line in path.read_bytes().splitlines()]
    assert [type(r) for r in read(path)] == [type(r) for r in reported]


def test_group_goes_out_with_one_write(path: Path) -> None:
    files = CountingFiles()

    record(path, *ORDERS, files=files, group_records=20)

    assert files.written == 3


def test_always_syncs_each_group_before_the_next(path: Path) -> None:
    files = CountingFiles()

    record(path, *ORDERS, files=files, policy="always", group_records=20)

    assert files.syncs[2:5] == [1, 2, 3]


@pytest.mark.parametrize("policy", ["always", "1s", "never"])
@pytest.mark.parametrize(
    "first", [start(), link("live"), gap_opened(0), gap_closed(0, 1)], ids=["start", "live", "lost", "found"]
)
def test_every_policy_syncs_after_what_matters(path: Path, policy: SyncPolicy, first: AnyRecord) -> None:
    files = CountingFiles()

    record(path, first, *ORDERS, files=files, policy=policy, group_records=1)

    assert 1 in files.syncs


def test_never_syncs_orders_only_at_the_end(path: Path) -> None:
    files = CountingFiles()

    record(path, *ORDERS, files=files, policy="never", group_records=1)

    assert files.syncs[2:] == [60]


@pytest.mark.parametrize("policy", ["always", "1s", "never"])
def test_all_is_durable_before_the_end_is_written(path: Path, policy: SyncPolicy) -> None:
    files = CountingFiles()

    record(path, start(), order(), end(), files=files, policy=policy)

    assert files.syncs[2:] == [1, 2]


def test_alive_says_how_far_the_recording_is_durable(path: Path) -> None:
    record(path, start(), order(), alive(1), group_records=1)

    assert [each.synced_seq for each in read(path) if isinstance(each, AliveRecord)] == [1]


@pytest.mark.parametrize("short", [0, 1, 700])
def test_nth_refused_write_loses_nothing(tmp_path: Path, short: int) -> None:
    for nth in range(1, 51):
        path = tmp_path / f"rec{nth}"

        with case("write", nth):
            record(path, *ORDERS, files=FailingFiles("write", nth, short=short), group_records=1)

            assert orders(path) == [each.order_id for each in ORDERS]


def test_nth_refused_write_is_reported_once_it_works_again(tmp_path: Path) -> None:
    for nth in range(1, 51):
        path = tmp_path / f"rec{nth}"

        with case("write", nth):
            record(path, *ORDERS, files=FailingFiles("write", nth, code=errno.EIO), group_records=1)

            reported = [each for each in read(path) if isinstance(each, IoErrorRecord)]
            assert [(error.op, error.errno, error.waiting) for error in reported] == [("write", errno.EIO, 60 - nth)]


def test_refusal_of_the_same_lines_is_reported_once(path: Path) -> None:
    record(path, *ORDERS, files=FailingFiles("write", 3, times=9), group_records=5)

    assert orders(path) == [each.order_id for each in ORDERS]
    assert sum(isinstance(each, IoErrorRecord) for each in read(path)) == 1


def test_nth_failed_sync_ends_the_output(tmp_path: Path) -> None:
    for nth in range(3, 53):
        path = tmp_path / f"rec{nth}"

        with case("sync", nth):
            with pytest.raises(OutputError, match="cannot sync"):
                record(path, *ORDERS, files=FailingFiles("sync", nth), policy="always", group_records=1)

            assert orders(path) == [each.order_id for each in ORDERS[: nth - 2]]


def test_disk_that_refuses_too_long_ends_the_output(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.GIVE_UP_S", -1.0)

    with pytest.raises(OutputError, match="write failed"):
        record(path, *ORDERS, files=FailingFiles("write", 3, times=10**9), group_records=5)

    assert orders(path) == [each.order_id for each in ORDERS[:10]]


def test_disk_that_refuses_after_the_end_was_asked_for_is_given_up_soon(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.FINISH_S", -1.0)

    with pytest.raises(OutputError, match="could not be written"):
        record(path, *ORDERS, files=FailingFiles("write", 3, times=10**9), group_records=5)


def test_full_queue_while_the_disk_refuses_ends_the_output(path: Path) -> None:
    with pytest.raises(OutputError, match="write failed"):
        record(path, *ORDERS, files=FailingFiles("write", 1), group_records=1, max_records=10)


class Meddled(Files):
    """Somebody does something to the file after its second write."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what
        self._writes = 0

    def write(self, fd: int, data: memoryview) -> int:
        count = super().write(fd, data)
        self._writes += 1
        if self._writes == 2:
            self._meddle()
        return count

    def _meddle(self) -> None:
        meddling: dict[str, Callable[[], object]] = {
            "removed": self._path.unlink,
            "moved": lambda: self._path.rename(self._path.with_name("moved")),
            "emptied": lambda: self._path.write_bytes(b""),
            "cut": lambda: self._path.write_bytes(self._path.read_bytes()[:-20]),
            "added to": lambda: self._path.write_bytes(self._path.read_bytes() + b"a line of somebody else\n"),
            "edited": self._edit,
        }
        meddling[self._what]()

    def _edit(self) -> None:
        edited = self._path.with_name("edited")
        edited.write_bytes(self._path.read_bytes().replace(b"alpha", b"alphA"))
        edited.rename(self._path)


@pytest.mark.parametrize("what", ["removed", "moved", "emptied", "cut", "added to", "edited"])
def test_goes_on_in_a_new_file_at_the_next_alive(path: Path, what: str) -> None:
    record(path, order("1"), order("2"), alive(1), order("3"), files=Meddled(path, what), group_records=1)

    with path.open("rb") as file:
        items = list(read_lines(file))
    assert [item.mark.type for item in items if isinstance(item, Line)] == [
        "rotated_from",
        "io_error",
        "alive",
        "order",
    ]


@pytest.mark.parametrize(
    ("what", "op"),
    [("removed", "replaced"), ("moved", "replaced"), ("emptied", "cut"), ("cut", "cut"), ("edited", "replaced")],
)
def test_says_what_was_done_to_the_file(path: Path, what: str, op: str) -> None:
    record(path, order("1"), order("2"), alive(1), files=Meddled(path, what), group_records=1)

    reported = [record_of(line) for line in path.read_bytes().splitlines()]
    assert [(error.op, error.errno) for error in reported if isinstance(error, IoErrorRecord)] == [(op, errno.ESTALE)]


@pytest.mark.parametrize("what", ["removed", "moved", "emptied", "cut", "edited"])
def test_verify_says_that_lines_were_taken_away(path: Path, what: str) -> None:
    record(path, order("1"), order("2"), alive(1), files=Meddled(path, what), group_records=1)

    verdict = check([path])

    assert verdict.exit_code == 3
    assert "by another program; its lines are in none of these files" in verdict.text()


def test_verify_misses_nothing_where_the_moved_file_is_given_too(path: Path) -> None:
    record(path, order("1"), order("2"), alive(1), files=Meddled(path, "moved"), group_records=1)

    assert check([path, path.with_name("moved")]).moved_away is None


def test_file_that_was_moved_away_ends_with_rotate(path: Path) -> None:
    record(path, order("1"), order("2"), alive(1), order("3"), files=Meddled(path, "moved"), group_records=1)

    assert record_of(path.with_name("moved").read_bytes().splitlines()[-1]).__struct_config__.tag == "rotate"


@pytest.mark.parametrize("what", ["cut", "edited"])
def test_what_stands_in_the_way_is_kept(path: Path, what: str) -> None:
    record(path, order("1"), order("2"), alive(1), files=Meddled(path, what), group_records=1)

    assert len(list(path.parent.glob("rec.torn-*"))) == 1


class LogRotator(Files):
    """Moves the file after some writes, making an empty one, and sends SIGHUP after others."""

    def __init__(self, path: Path, *, hangups_after: Sequence[int], moves_after: Sequence[int] = (2,)) -> None:
        self._path = path
        self._hangups_after = hangups_after
        self._moves_after = moves_after
        self._writes = 0
        self._writer: Writer | None = None

    def send_to(self, writer: Writer) -> None:
        self._writer = writer

    def write(self, fd: int, data: memoryview) -> int:
        count = super().write(fd, data)
        self._writes += 1
        if self._writes in self._moves_after:
            self._path.rename(self._path.with_name(f"moved-{self._writes}"))
            self._path.touch()
        if self._writer is not None and self._writes in self._hangups_after:
            self._writer.rotate()
        return count


def recorded_meanwhile(path: Path, rotator: LogRotator) -> tuple[list[str], int]:
    """The names of the files besides the last one, and what `verify` says of all of them."""
    records = (
        start(),
        link("live", 1),
        alive(2),
        order("1", second=3),
        order("2", second=3),
        alive(4, updates=2),
        end(4),
    )
    record(path, *records, files=rotator, group_records=1, on_writer=rotator.send_to)
    others = [*path.parent.glob("moved-*"), *(older.path for older in older_files(path))]
    return sorted(other.name for other in others), check([*others, path]).exit_code


@pytest.mark.parametrize("after", [2, 5, 6], ids=["at once", "after the next alive record", "a line later"])
def test_hangup_of_a_log_rotator_begins_one_file_even_if_its_move_was_noticed_before(path: Path, after: int) -> None:
    assert recorded_meanwhile(path, LogRotator(path, hangups_after=[after])) == (["moved-2"], 0)


def test_second_hangup_after_a_move_goes_on_in_a_new_file(path: Path) -> None:
    rotator = LogRotator(path, hangups_after=[5, 6])

    assert recorded_meanwhile(path, rotator) == (["moved-2", "rec.4-8"], 0)


def test_hangup_long_after_a_move_goes_on_in_a_new_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.HANGUP_AFTER_S", 0.0)

    assert recorded_meanwhile(path, LogRotator(path, hangups_after=[6])) == (["moved-2", "rec.4-8"], 0)


def test_file_that_was_moved_twice_is_replaced_at_the_hangup(path: Path) -> None:
    rotator = LogRotator(path, moves_after=[2, 6], hangups_after=[6])

    assert recorded_meanwhile(path, rotator) == (["moved-2", "moved-6"], 0)


def test_lines_that_keep_coming_do_not_put_the_sync_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.monotonic", count(0.0, 0.3).__next__)
    files = CountingFiles()

    record(path, *ORDERS, files=files, policy="1s", group_records=1)

    assert all(later - earlier <= 5 for earlier, later in pairwise(files.syncs))


class WatchedQueue(WriterQueue[Entry]):
    """Notes how long the thread would wait for more."""

    waits: tuple[float | None, ...] = ()

    def take(self, timeout_s: float | None) -> list[Entry]:
        self.waits = (*self.waits, timeout_s)
        return super().take(timeout_s)


def run_to_end(path: Path, *records: AnyRecord, policy: SyncPolicy, publication: Publication | None) -> WatchedQueue:
    """Write the records one by one, as one session does."""
    queue = WatchedQueue(max_items=100, group_items=1)
    recording = open_recording(Files(), path, None)
    writer = Writer(
        recording.file, queue, files=Files(), policy=policy, rotation=Rotation(), written_ns=recording.written_ns,
        checkpoints=recording.checkpoints, publication=publication,
    )  # fmt: skip
    queue.put([each.json if isinstance(each.record, OrderRecord) else each for each in for_outputs(records)])
    queue.close()
    writer.thread().run()
    return queue


@pytest.mark.parametrize(
    ("policy", "published", "wait_s"),
    [("1s", False, 1.0), ("1s", True, 0.02), ("never", True, 0.02), ("always", False, None), ("never", False, None)],
)
def test_an_idle_thread_wakes_only_for_a_sync_that_is_due(
    policy: SyncPolicy, published: bool, wait_s: float | None, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.monotonic", lambda: 5.0)
    publication = Publication(lambda _: None, lambda: 0) if published else None

    queue = run_to_end(path, order("1"), policy=policy, publication=publication)

    assert queue.waits[0] is None
    assert queue.waits[-1] == pytest.approx(wait_s)


def test_what_publishes_learns_what_is_durable_and_alive_records_what_is_published(path: Path) -> None:
    durable: list[int] = []
    publication = Publication(durable.append, lambda: max(durable, default=0))

    run_to_end(path, start(), alive(1), end(2), order("1"), policy="never", publication=publication)

    assert durable == sorted(durable)
    assert {1, 4} <= set(durable)
    assert [each.published_seq for each in read(path) if isinstance(each, AliveRecord)] == [1]


def test_file_without_a_line_is_continued_elsewhere_once_its_first_lines_are_in_it(path: Path) -> None:
    record(path, start(), order("1"), on_writer=lambda writer: writer.rotate())

    assert [older.path.name for older in older_files(path)] == ["rec.1-3"]
