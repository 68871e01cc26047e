import errno
import fcntl
import os
from pathlib import Path

import pytest

from ordwatch import system
from ordwatch.core.errors import OutputRefused, RecordingBusy
from ordwatch.core.records import RotatedFromRecord, RotateRecord
from ordwatch.recording.lock import Held, Lock, is_held
from ordwatch.system import boot_id
from tests.recording.samples import at, end, order, start, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def test_second_taker_learns_who_holds_it(path: Path) -> None:
    first = Lock(path)
    first.take(0)

    with pytest.raises(RecordingBusy, match=rf"locked by pid {os.getpid()} since 20..-..-..T"):
        Lock(path).take(0)
    first.unlock()


def test_waiting_ends_with_the_same_words(path: Path) -> None:
    first = Lock(path)
    first.take(0)

    with pytest.raises(RecordingBusy, match="locked by pid"):
        Lock(path).take(0.01)
    first.unlock()


def test_released_lock_can_be_taken(path: Path) -> None:
    first = Lock(path)
    first.take(0)
    first.unlock()

    second = Lock(path)
    second.take(0)
    second.unlock()


def test_next_holder_learns_of_the_one_before(path: Path) -> None:
    first = Lock(path)
    nobody = first.take(0).before
    first.unlock()

    second = Lock(path)
    before = second.take(0).before
    second.unlock()

    assert nobody is None
    assert before is not None
    assert (before.pid, before.boot) == (os.getpid(), boot_id())


@pytest.mark.parametrize("content", [b"", b"garbage", b"[" * 4096, b'{"pid":"x"}', b"\xff" * 9000])
def test_what_the_lock_file_says_may_be_anything(path: Path, content: bytes) -> None:
    path.with_name("rec.lock").write_bytes(content)

    lock = Lock(path)
    before = lock.take(0).before
    lock.unlock()

    assert before is None


def test_lock_file_that_is_a_link_is_refused(path: Path) -> None:
    path.with_name("victim").write_text("precious")
    path.with_name("rec.lock").symlink_to(path.with_name("victim"))

    with pytest.raises(OutputRefused, match="symbolic link"):
        Lock(path).take(0)

    assert path.with_name("victim").read_text() == "precious"


def test_held_lock_can_be_seen_without_taking_it(path: Path) -> None:
    lock = Lock(path)
    before = is_held(path)
    lock.take(0)
    while_held = is_held(path)
    lock.unlock()

    assert (before, while_held, is_held(path)) == (False, True, False)


def taken(path: Path) -> Held:
    """The lock of the recording as a second recorder would have it."""
    lock = Lock(path)
    held = lock.take(0)
    lock.unlock()
    return held


def held_recording(path: Path) -> int:
    """The lock of the recording itself."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def test_recording_is_locked_too(path: Path) -> None:
    written(path, start())
    lock = Lock(path)
    fd = lock.take(0).fd
    path.with_name("rec.lock").unlink()

    with pytest.raises(RecordingBusy):
        taken(path)
    assert fd is not None
    os.close(fd)
    lock.unlock()

    second = taken(path).fd
    assert second is not None
    os.close(second)


def test_holder_of_a_recording_without_its_lock_file_is_named_from_its_session(path: Path) -> None:
    written(path, start(1), end(2), start(3), order())
    fd = held_recording(path)

    with pytest.raises(RecordingBusy, match=f"locked by pid 1 since {at(3)}"):
        taken(path)
    os.close(fd)


def test_holder_is_named_from_an_older_file_where_the_last_one_has_no_session(path: Path) -> None:
    written(path.with_name("rec.1-2"), start(3), RotateRecord(next="rec", last_seq=2))
    written(path, RotatedFromRecord(prev="rec.1-2", prev_last_seq=2), first_seq=3)
    fd = held_recording(path)

    with pytest.raises(RecordingBusy, match=f"locked by pid 1 since {at(3)}"):
        taken(path)
    os.close(fd)


@pytest.mark.parametrize("content", [b"", b'{"type":"session","seq":1}\n', b"name,qty\n"])
def test_holder_that_nobody_can_name_is_another_one(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    fd = held_recording(path)

    with pytest.raises(RecordingBusy, match="another ordwatch records there"):
        taken(path)
    os.close(fd)


@pytest.mark.parametrize("name", ["rec.rotating", "rec.1-2"])
def test_recording_is_held_in_the_middle_of_a_rotation(path: Path, name: str) -> None:
    written(path.with_name("rec.1-2"), start(3), RotateRecord(next="rec", last_seq=2))
    fd = held_recording(path.with_name(name))

    with pytest.raises(RecordingBusy, match=f"locked by pid 1 since {at(3)}"):
        taken(path)
    os.close(fd)


def test_recorder_that_was_refused_leaves_no_lock_behind(path: Path) -> None:
    written(path, start())
    fd = held_recording(path)
    with pytest.raises(RecordingBusy):
        taken(path)
    os.close(fd)

    second = taken(path).fd

    assert second is not None
    os.close(second)


def test_lock_file_that_was_removed_and_made_again_is_taken_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = path.with_name("rec.lock")
    removals = iter([True])
    try_lock = system.try_lock

    def removed_meanwhile(fd: int) -> bool:
        if next(removals, False):
            file.unlink()
        return try_lock(fd)

    monkeypatch.setattr(system, "try_lock", removed_meanwhile)
    lock = Lock(path)
    lock.take(0)

    assert is_held(path)
    lock.unlock()


def test_recording_that_was_rotated_away_meanwhile_is_opened_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, start())
    try_lock = system.try_lock
    rotations = iter([False, True])

    def rotated_meanwhile(fd: int) -> bool:
        if next(rotations, False):
            path.rename(path.with_name("rec.1-1"))
            written(path, order(), first_seq=2)
        return try_lock(fd)

    monkeypatch.setattr(system, "try_lock", rotated_meanwhile)
    fd = taken(path).fd

    assert fd is not None
    assert os.path.samestat(os.fstat(fd), path.stat())
    os.close(fd)


def test_file_system_without_locks_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_fd: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(system, "try_lock", no_locks)

    with pytest.raises(OutputRefused, match="cannot be locked \\(No locks available\\)"):
        Lock(path).take(0)


def test_full_disk_leaves_the_holder_unnamed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    lock = Lock(path)
    monkeypatch.setattr(os, "write", full)
    lock.take(0)
    monkeypatch.undo()

    with pytest.raises(RecordingBusy, match="another ordwatch records there"):
        taken(path)
    lock.unlock()


def test_recording_whose_lock_file_is_missing_counts_as_locked(path: Path) -> None:
    written(path, start())
    lock = Lock(path)
    fd = lock.take(0).fd
    lock.unlock()

    assert is_held(path)
    assert fd is not None
    os.close(fd)


def test_nothing_of_a_longer_holder_stands_behind_the_next(path: Path) -> None:
    path.with_name("rec.lock").write_text("x" * 500)
    first = Lock(path)
    first.take(0)

    with pytest.raises(RecordingBusy, match=f"locked by pid {os.getpid()}"):
        Lock(path).take(0)
    first.unlock()


def test_a_lock_that_is_given_back_twice_is_given_back_once(path: Path) -> None:
    first, second = Lock(path), Lock(path)
    first.take(0)
    first.unlock()
    second.take(0)

    first.unlock()

    with pytest.raises(RecordingBusy):
        Lock(path).take(0)
    second.unlock()
