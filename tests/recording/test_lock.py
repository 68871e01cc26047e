import os
from pathlib import Path

import pytest

from ordwatch.errors import OutputRefused, RecordingBusy
from ordwatch.recording.lock import Lock, is_held
from ordwatch.system import boot_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def test_second_taker_is_told_who_holds_it(path: Path) -> None:
    first = Lock(path)
    first.take(0)

    with pytest.raises(RecordingBusy, match=rf"locked by pid {os.getpid()} since 20..-..-..T"):
        Lock(path).take(0)
    first.release()


def test_waiting_ends_with_the_same_words(path: Path) -> None:
    first = Lock(path)
    first.take(0)

    with pytest.raises(RecordingBusy, match="locked by pid"):
        Lock(path).take(0.01)
    first.release()


def test_released_lock_can_be_taken(path: Path) -> None:
    first = Lock(path)
    first.take(0)
    first.release()

    second = Lock(path)
    second.take(0)
    second.release()


def test_next_holder_learns_of_the_one_before(path: Path) -> None:
    first = Lock(path)
    nobody = first.take(0)
    first.release()

    second = Lock(path)
    before = second.take(0)
    second.release()

    assert nobody is None
    assert before is not None
    assert (before.pid, before.boot) == (os.getpid(), boot_id())


@pytest.mark.parametrize("content", [b"", b"garbage", b"[" * 4096, b'{"pid":"x"}', b"\xff" * 9000])
def test_what_the_lock_file_says_may_be_anything(path: Path, content: bytes) -> None:
    path.with_name("rec.lock").write_bytes(content)

    lock = Lock(path)
    before = lock.take(0)
    lock.release()

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
    lock.release()

    assert (before, while_held, is_held(path)) == (False, True, False)
