import errno
import os
import stat
from pathlib import Path

import pytest

from ordwatch.core.errors import OutputError, OutputRefused
from ordwatch.recording.files import Files, check_place
from tests.recording.faults import FailingFiles
from tests.recording.told import new_segment

LINES = b"first\nsecond\nthird\n"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


def test_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    Files().close(Files().open(tmp_path / "new"))

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_created_file_does_not_trust_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        fd = Files().create(tmp_path / "new")
    finally:
        os.umask(before)

    Files().close(fd)

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_create_replaces_nothing(victim: Path) -> None:
    with pytest.raises(FileExistsError):
        Files().create(victim)


def test_descriptor_is_never_a_standard_one(tmp_path: Path) -> None:
    saved = os.dup(0)
    os.close(0)
    try:
        fd = Files().open(tmp_path / "new")
    finally:
        os.dup2(saved, 0)
        os.close(saved)

    Files().close(fd)

    assert fd > 2


def test_symbolic_link_is_refused(victim: Path) -> None:
    link = victim.with_name("link")
    link.symlink_to(victim)

    with pytest.raises(OutputRefused, match="symbolic link"):
        check_place(link)
    with pytest.raises(OutputRefused):
        Files().open(link)


def test_second_name_is_refused(victim: Path) -> None:
    other = victim.with_name("other")
    other.hardlink_to(victim)

    with pytest.raises(OutputRefused, match="2 names"):
        check_place(other)
    with pytest.raises(OutputRefused, match="2 names"):
        Files().open(other)


def test_pipe_is_refused_without_waiting_for_a_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OutputRefused, match="not a regular file"):
        check_place(tmp_path / "pipe")
    with pytest.raises(OutputRefused):
        Files().open(tmp_path / "pipe")


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputRefused, match="not a regular file"):
        check_place(tmp_path)


def test_device_is_refused() -> None:
    with pytest.raises(OutputRefused):
        check_place(Path("/dev/null"))


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputRefused, match="No such file"):
        check_place(tmp_path / "missing" / "file")


def test_folder_open_to_everybody_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(OutputRefused, match="everybody"):
        check_place(tmp_path / "new")


def test_sticky_folder_is_taken(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)

    check_place(tmp_path / "new")


def test_failed_sync_ends_the_output() -> None:
    reader, writer = os.pipe()

    with pytest.raises(OutputError, match="cannot sync"):
        Files().sync(writer)
    os.close(reader)
    os.close(writer)


def test_counts_the_lines_it_writes(tmp_path: Path) -> None:
    file = new_segment(tmp_path / "a", Files())

    file.put(LINES)
    file.flush()

    assert (file.last_seq, file.size, file.dirty) == (3, len(LINES), True)


@pytest.mark.parametrize("short", range(1, len(LINES)))
def test_failed_write_leaves_whole_lines_only(tmp_path: Path, short: int) -> None:
    file = new_segment(tmp_path / "a", FailingFiles("write", 1, short=short))
    file.put(LINES)

    with pytest.raises(OSError, match="No space"):
        file.flush()

    left = (tmp_path / "a").read_bytes()
    assert (left, file.size, file.last_seq) == (LINES[: LINES.rfind(b"\n", 0, short) + 1], len(left), left.count(b"\n"))


@pytest.mark.parametrize("short", range(1, len(LINES)))
def test_flush_goes_on_where_it_failed(tmp_path: Path, short: int) -> None:
    file = new_segment(tmp_path / "a", FailingFiles("write", 1, short=short))
    file.put(LINES)
    with pytest.raises(OSError, match="No space"):
        file.flush()

    file.flush()

    assert ((tmp_path / "a").read_bytes(), file.last_seq) == (LINES, 3)


def test_cut_that_failed_is_made_before_the_next_write(tmp_path: Path) -> None:
    class BothFail(FailingFiles):
        def cut(self, fd: int, size: int) -> None:
            if self.cuts_fail:
                self.cuts_fail = False
                raise OSError(errno.EIO, "Input/output error")
            super().cut(fd, size)

        cuts_fail = True

    file = new_segment(tmp_path / "a", BothFail("write", 1, short=8))
    file.put(LINES)
    with pytest.raises(OSError, match="No space"):
        file.flush()

    file.flush()

    assert (tmp_path / "a").read_bytes() == LINES


def test_sync_says_how_far_it_is_durable(tmp_path: Path) -> None:
    file = new_segment(tmp_path / "a", Files())
    file.put(LINES)
    file.flush()

    file.sync()

    assert (file.synced_seq, file.dirty) == (3, False)


def test_untouched_file_has_no_fault(tmp_path: Path) -> None:
    assert new_segment(tmp_path / "a", Files()).fault() is None


def test_cut_file_is_noticed(tmp_path: Path) -> None:
    file = new_segment(tmp_path / "a", Files())
    file.put(LINES)
    file.flush()

    (tmp_path / "a").write_bytes(b"")

    assert file.fault() == "cut"


def test_removed_file_is_noticed(tmp_path: Path) -> None:
    file = new_segment(tmp_path / "a", Files())

    (tmp_path / "a").unlink()

    assert file.fault() == "replaced"


def test_replaced_file_is_noticed(tmp_path: Path) -> None:
    file = new_segment(tmp_path / "a", Files())

    (tmp_path / "b").write_bytes(b"")
    (tmp_path / "b").rename(tmp_path / "a")

    assert file.fault() == "replaced"
