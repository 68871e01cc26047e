"""A checkpoint makes opening fast and changes nothing else, whatever happened to it, the recording or the power."""

import gc
import gzip
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import NamedTuple
from zlib import crc32

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordwatch.core.errors import OrdwatchError, RecordingError
from ordwatch.core.events import OrderStatus
from ordwatch.core.records import AnyRecord, ClockRecord, RotatedFromRecord, RotateRecord
from ordwatch.recording import checkpoint
from ordwatch.recording.checkpoint import checkpoint_name, load_checkpoint
from ordwatch.recording.files import Files
from ordwatch.recording.format import mark
from ordwatch.recording.history import History, StoredOrders
from ordwatch.recording.reading import Line
from ordwatch.recording.recovery import open_recording
from ordwatch.recording.rotation import Rotation, first_seq_of, older_files
from tests.recording.faults import DyingFiles, Killed, NamesFiles
from tests.recording.samples import alive, at, end, gap_closed, gap_opened, lines, link, order, record, start, written

LIFE: tuple[AnyRecord, ...] = (
    start(),
    link("live", 1),
    *(order(str(n), second=2) for n in range(9)),
    alive(10),
    gap_opened(11),
    *(order(str(n), second=13, filled="100", status=OrderStatus.FILLED) for n in range(4)),
    gap_closed(11, 14),
    ClockRecord(jump_ms=-5000.0, suspended_ms=0.0, at=at(15)),
    alive(16, synced_seq=5),
    order("1", second=17, flags=("late",)),
    end(22),
)
SMALL = Rotation(max_bytes=4000)
NO_ORDERS = StoredOrders()


@pytest.fixture(autouse=True)
def _after_each_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is made at each sync."""
    monkeypatch.setattr(checkpoint, "LINES", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording of two sessions, with a checkpoint."""
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "rec"
    record(path, *LIFE, group_records=3)
    record(path, start(30), link("live", 31), order("new", second=32), alive(40), end(41), group_records=3)
    assert checkpoint_name(path).exists()
    return path


class View(NamedTuple):
    """What opening made of a recording: the state for the next session, and the file."""

    error: str
    continuation: object = None
    orders: object = None
    history: bytes = b""
    content: bytes = b""


def view(path: Path) -> View:
    try:
        found = open_recording(Files(), path, None)
    except OrdwatchError as exc:
        return View(str(exc).replace(str(path.parent), ""))
    found.file.close()
    history = found.checkpoints._history
    assert history is not None
    orders = list(found.continuation.orders)
    # Only the name of what a repair took away differs.
    return View(
        "", replace(found.continuation, orders=NO_ORDERS), orders, msgspec.msgpack.encode(history),
        path.read_bytes().split(b'"saved_as"')[0],
    )  # fmt: skip


def copied(path: Path, name: str) -> Path:
    folder = path.parent.with_name(name)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(path.parent, folder, symlinks=True)
    return folder / path.name


def both_views(path: Path) -> tuple[View, View]:
    """Of copies of the recording, with and without its checkpoint."""
    plain = copied(path, "without")
    checkpoint_name(plain).unlink(missing_ok=True)
    return view(copied(path, "with")), view(plain)


def is_used(path: Path) -> bool:
    """Whether opening would begin where the checkpoint ends."""
    files = {older.first_seq: older.path for older in older_files(path)}
    first_seq = first_seq_of(path)
    return load_checkpoint(path, files | ({} if first_seq is None else {first_seq: path})) is not None


def test_opening_reads_only_what_follows(path: Path) -> None:
    record(path, start(50), *[order(str(n)) for n in range(100)], end(60))
    read: list[int] = []

    open_recording(Files(), path, None, on_read=read.append).file.close()

    assert is_used(path)
    assert sum(read) < 2000 < path.stat().st_size


def test_state_is_the_same_with_and_without(path: Path) -> None:
    assert is_used(path)

    with_it, without_it = both_views(path)

    assert with_it == without_it
    assert with_it.error == ""


def test_older_checkpoint_is_as_good(path: Path) -> None:
    older = checkpoint_name(path).read_bytes()
    record(path, start(50), *[order(str(n), filled="3") for n in range(20)], gap_opened(55, gap="alpha-2"))
    checkpoint_name(path).write_bytes(older)
    assert is_used(path)

    with_it, without_it = both_views(path)

    assert with_it == without_it


def test_checkpoint_is_made_after_enough_lines(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LINES", 1000)
    before = checkpoint_name(path).read_bytes()

    record(path, start(50), *[order(str(n)) for n in range(10)], end(60))
    same = checkpoint_name(path).read_bytes()
    record(path, start(70), *[order(str(n)) for n in range(1000)], end(80))

    assert same == before
    assert checkpoint_name(path).read_bytes() != before


def test_first_opening_of_a_long_recording_makes_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines_now = path.read_bytes().count(b"\n")
    checkpoint_name(path).unlink()
    monkeypatch.setattr(checkpoint, "LINES", lines_now)

    open_recording(Files(), path, None).file.close()

    assert is_used(path)


def test_it_is_private(path: Path) -> None:
    assert checkpoint_name(path).stat().st_mode & 0o777 == 0o600


# What may be wrong with it


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Another payload with a right digest."""
    content = checkpoint_name(path).read_bytes()
    payload = change(content[54:])
    checkpoint_name(path).write_bytes(content[:22] + sha256(payload).digest() + payload)


def another_version(path: Path) -> None:
    rewritten(path, lambda payload: payload.replace(b"\xa50.1.0", b"\xa50.0.9"))


def no_checkpoint(path: Path) -> None:
    rewritten(path, lambda payload: b"\x93\x01\x02\x03")


def symlink(path: Path) -> None:
    name = checkpoint_name(path)
    name.rename(name.with_name("elsewhere"))
    name.symlink_to("elsewhere")


def folder(path: Path) -> None:
    checkpoint_name(path).unlink()
    checkpoint_name(path).mkdir()


def cut_recording(path: Path) -> None:
    """Back to the first session, as from a backup."""
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b'{"type":"prev_session"')])


def rewritten_tail(path: Path) -> None:
    """As from a backup that then went on: the seqs are the same, the lines are not."""
    cut_recording(path)
    kept = checkpoint_name(path).read_bytes()
    record(path, start(30), link("live", 31), order("own", second=32), alive(40), end(42), group_records=3)
    checkpoint_name(path).write_bytes(kept)


def other_recording(path: Path) -> None:
    checkpoint_name(path).unlink()
    other = path.with_name("other")
    record(other, *LIFE[:-1], order("x"), group_records=3)
    checkpoint_name(other).rename(checkpoint_name(path))
    for left in path.parent.glob("other*"):
        left.unlink()


def empty_recording(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "harm",
    [
        another_version, no_checkpoint, symlink, folder,
        cut_recording, rewritten_tail, other_recording, empty_recording,
        lambda path: checkpoint_name(path).write_bytes(b""),
        lambda path: checkpoint_name(path).write_bytes(checkpoint_name(path).read_bytes()[:-1]),
        lambda path: checkpoint_name(path).write_bytes(checkpoint_name(path).read_bytes() + b"x"),
        lambda path: checkpoint_name(path).write_bytes(bytes(checkpoint_name(path).stat().st_size)),
    ],
    ids=[
        "version", "payload", "symlink", "folder", "cut recording", "rewritten tail", "other recording",
        "empty recording", "empty", "cut", "longer", "zeros",
    ],
)  # fmt: skip
def test_what_does_not_prove_right_is_not_used(path: Path, harm: Callable[[Path], None]) -> None:
    harm(path)

    assert not is_used(path)
    name = checkpoint_name(path)
    if name.is_dir():
        name.rmdir()
    with_it, without_it = both_views(path)
    assert with_it == without_it


def test_no_flipped_bit_is_trusted(path: Path) -> None:
    content = checkpoint_name(path).read_bytes()
    random = Random(5)

    for _ in range(300):
        flipped = bytearray(content)
        flipped[random.randrange(len(content))] ^= 1 << random.randrange(8)
        checkpoint_name(path).write_bytes(flipped)

        assert not is_used(path)


def test_damage_in_a_line_that_is_needed_is_found(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"order_id":"8"', b'"order_id":"9"'))

    assert not is_used(path)
    with pytest.raises(RecordingError, match="damage in synced data"):
        open_recording(Files(), path, None)


def test_damage_in_its_last_line_or_after_it_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last_line = path.stat().st_size - len(path.read_bytes().splitlines(keepends=True)[-1])
    monkeypatch.setattr(checkpoint, "LINES", 1000)
    record(path, start(50), order("9"), end(60))
    content = path.read_bytes()
    assert is_used(path)

    for offset in range(last_line, len(content) - 1, 7):
        flipped = bytearray(content)
        flipped[offset] ^= 1
        path.write_bytes(flipped)

        with_it, without_it = both_views(path)
        assert (offset, with_it.error.split(":")[:2]) == (offset, without_it.error.split(":")[:2])


# Files that come and go


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """A recording of many files; its checkpoint ends in one of the last."""
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "rec"
    for second in (0, 100):
        many: list[AnyRecord] = [order(str(n), second=second + n) for n in range(20)]
        record(path, start(second), link("live", second), *many, end(second + 50), rotation=SMALL, group_records=2)
    assert len(older_files(path)) > 5
    return path


def test_recording_of_many_files_opens_from_the_last(rotated: Path) -> None:
    assert is_used(rotated)

    with_it, without_it = both_views(rotated)

    assert with_it == without_it


def test_checkpoint_of_a_file_that_was_rotated_since_is_used(rotated: Path) -> None:
    kept = checkpoint_name(rotated).read_bytes()
    more: list[AnyRecord] = [order(f"more {n}", second=300 + n) for n in range(30)]
    record(rotated, start(290), *more, end(400), rotation=SMALL, group_records=2)
    checkpoint_name(rotated).write_bytes(kept)
    assert is_used(rotated)

    with_it, without_it = both_views(rotated)

    assert with_it == without_it


def test_compressed_files_are_read_as_the_plain_ones(rotated: Path) -> None:
    for older in older_files(rotated):
        older.path.with_name(f"{older.path.name}.gz").write_bytes(gzip.compress(older.path.read_bytes()))
        older.path.unlink()
    assert is_used(rotated)

    with_it, without_it = both_views(rotated)

    assert with_it == without_it
    assert with_it.error == ""


@pytest.mark.parametrize("which", [0, -1], ids=["oldest", "newest"])
def test_file_that_was_taken_away_makes_it_useless(rotated: Path, which: int) -> None:
    older_files(rotated)[which].path.unlink()

    assert not is_used(rotated)
    with_it, without_it = both_views(rotated)
    assert with_it == without_it


def test_recording_that_was_moved_away_while_it_is_written_begins_anew(tmp_path: Path) -> None:
    """As logrotate does it; the next session reads only the newest file."""

    class Moved(Files):
        moved = False

        def write(self, fd: int, data: memoryview) -> int:
            if not self.moved and b'"gap":"alpha-1","state":"closed"' in bytes(data):
                self.moved = True
                (tmp_path / "folder" / "rec").rename(tmp_path / "folder" / "rec.1")
            return super().write(fd, data)

    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "rec"
    record(path, *LIFE, alive(30), order("last"), end(40), files=Moved(), group_records=1)
    assert path.with_name("rec.1").exists()
    assert is_used(path)

    with_it, without_it = both_views(path)

    assert with_it == without_it


def killed_while_it_rotated(path: Path) -> None:
    written(path, *LIFE, RotateRecord(next="rec", last_seq=len(LIFE) + 1))


def killed_while_it_replaced_a_file_that_was_moved(path: Path) -> None:
    written(path.with_name("rec.1-2"), start(), RotateRecord(next="rec", last_seq=2))
    begun = RotatedFromRecord(prev="rec", prev_last_seq=9)
    written(path.with_name("rec.rotating"), begun, first_seq=10)


@pytest.mark.parametrize(
    "killed", [killed_while_it_rotated, killed_while_it_replaced_a_file_that_was_moved], ids=lambda kill: kill.__name__
)
def test_where_the_opening_makes_the_next_file_a_checkpoint_is_of_use(
    killed: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "rec"
    killed(path)
    record(path, start(30), link("live", 31), order("new", second=32), end(41))
    read: list[int] = []

    open_recording(Files(), path, None, on_read=read.append).file.close()

    assert sum(read) == 0


def test_copy_under_another_name_works_with_its_checkpoint(path: Path) -> None:
    other = path.with_name("copy")
    shutil.copy(path, other)
    shutil.copy(checkpoint_name(path), checkpoint_name(other))

    assert is_used(other)
    assert view(other) == view(path)


# Whatever happens


@pytest.mark.parametrize("rotation", [None, SMALL], ids=["one file", "many files"])
def test_killed_at_any_step_opens_the_same_with_and_without(tmp_path: Path, rotation: Rotation | None) -> None:
    for nth in range(0, 150, 3):
        (tmp_path / "folder").mkdir()
        path = tmp_path / "folder" / "rec"
        record(path, *LIFE, rotation=rotation, group_records=4)
        with suppress(Killed):
            record(path, *LIFE, files=DyingFiles(nth), rotation=rotation, group_records=4)

        with_it, without_it = both_views(path)

        assert (nth, with_it) == (nth, without_it)
        assert with_it.error == ""
        shutil.rmtree(path.parent)


@pytest.mark.parametrize("rotation", [None, SMALL], ids=["one file", "many files"])
def test_power_loss_at_any_moment_opens_the_same_with_and_without(tmp_path: Path, rotation: Rotation | None) -> None:
    random = Random(7)
    live = tmp_path / "live"
    live.mkdir()
    journal = NamesFiles()
    for _ in range(2):
        # Lines are written long before they are synced.
        record(live / "rec", *LIFE, files=journal, rotation=rotation, group_records=4, policy="never")
    used = 0

    for disk in random.choices(journal.moments, k=150):
        folder = tmp_path / "folder"
        folder.mkdir()
        for name, content in disk.after_loss(random).items():
            (folder / name).write_bytes(content)
        # It is not synced: any that was ever written may be there, whole.
        checkpoints = [content for content in disk.written.values() if content.startswith(b"ordwatch checkpoint")]
        for content in random.choices(checkpoints, k=len(checkpoints) > 0):
            (folder / "rec.checkpoint").write_bytes(content)
        used += is_used(folder / "rec")

        with_it, without_it = both_views(folder / "rec")

        assert with_it == without_it
        assert with_it.error == ""
        shutil.rmtree(folder)
    assert used > 5


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

    def close(self, fd: int) -> None:
        self.unsynced.discard(fd)
        super().close(fd)

    def rename(self, old: Path, new: Path) -> None:
        self.at_renaming.append(len(self.unsynced))
        super().rename(old, new)


def test_it_is_only_made_of_lines_that_are_synced(path: Path) -> None:
    files = UnsyncedFiles()

    record(path, *LIFE, files=files, policy="never", group_records=1)

    assert files.at_renaming
    assert set(files.at_renaming) == {0}


RECORDS = st.one_of(
    st.builds(
        order,
        st.sampled_from("abcdefgh"),
        second=st.integers(0, 99),
        filled=st.sampled_from("0123"),
        status=st.sampled_from([OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED]),
        flags=st.sampled_from([(), ("late",), ("reopened",)]),
        venue=st.sampled_from(["alpha", "beta"]),
    ),
    st.builds(alive, st.integers(0, 99)),
    st.builds(link, st.sampled_from(["live", "down", "stale", "connecting"]), st.integers(0, 99)),
    st.builds(gap_opened, st.integers(0, 99), gap=st.sampled_from(["alpha-1", "alpha-2", "alpha-99"])),
    st.builds(gap_closed, st.integers(0, 50), st.integers(50, 99)),
    st.builds(lambda ms: ClockRecord(jump_ms=ms, suspended_ms=0.0, at=at(50)), st.integers(-9999, 9999)),
    st.builds(start, st.integers(0, 99)),
    st.builds(end, st.integers(0, 99)),
)
SESSIONS = st.lists(
    st.tuples(st.lists(RECORDS, min_size=1, max_size=25), st.sampled_from([None, SMALL]), st.integers(0, 60)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sessions=SESSIONS, flip=st.integers(0, 10**6), lines_between=st.integers(1, 30))
def test_any_recording_opens_the_same_with_and_without(
    sessions: list[tuple[list[AnyRecord], Rotation | None, int]],
    flip: int,
    lines_between: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint, "LINES", lines_between)
    folder = tmp_path / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for records, rotation, steps in sessions:
        with suppress(Killed):
            record(folder / "rec", *records, files=DyingFiles(steps + 8), rotation=rotation, group_records=3)

    with_it, without_it = both_views(folder / "rec")

    assert with_it == without_it
    assert with_it.error == ""


def test_records_that_no_checkpoint_can_hold_cost_only_the_checkpoint(tmp_path: Path) -> None:
    """Times beyond what 64 bits hold, in a recording with right checksums."""
    (tmp_path / "folder").mkdir()
    path = written(tmp_path / "folder" / "rec", start(), link("live"), alive(10))
    far = lines([alive(10)], 4)[0].replace(b"2026-", b"9999-")
    body = far[: far.rindex(b',"crc"')]
    path.write_bytes(path.read_bytes() + body + b',"crc":"%08x"}\n' % crc32(body))
    path.chmod(0o600)

    record(path, start(20), order("1"), end(30))

    assert not checkpoint_name(path).exists()
    open_recording(Files(), path, None).file.close()


def test_history_is_stored_whole(path: Path) -> None:
    opened = open_recording(Files(), path, None)
    opened.file.close()
    history = opened.checkpoints._history

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(history), type=History) == history


def test_the_garbage_collector_need_not_walk_over_the_places_of_orders() -> None:
    history = History()
    history.next_file(1)
    for raw in lines([order(str(number)) for number in range(100)]):
        history.line(Line(mark(raw), raw, 0))

    gc.collect()

    assert len(history._open) == 100
    assert not any(map(gc.is_tracked, history._open.values()))
