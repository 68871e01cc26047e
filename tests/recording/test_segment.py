import errno
from pathlib import Path

import pytest

from ordwatch.recording.files import Files
from tests.recording.faults import FailingFiles
from tests.recording.told import line_file

LINES = b"first\nsecond\nthird\n"


def test_counts_the_lines_it_writes(tmp_path: Path) -> None:
    file = line_file(tmp_path / "a", Files())

    file.put(LINES)
    file.flush()

    assert (file.last_seq, file.size, file.dirty) == (3, len(LINES), True)


@pytest.mark.parametrize("short", range(1, len(LINES)))
def test_failed_write_leaves_whole_lines_only(tmp_path: Path, short: int) -> None:
    file = line_file(tmp_path / "a", FailingFiles("write", 1, short=short))
    file.put(LINES)

    with pytest.raises(OSError, match="No space"):
        file.flush()

    left = (tmp_path / "a").read_bytes()
    assert (left, file.size, file.last_seq) == (LINES[: LINES.rfind(b"\n", 0, short) + 1], len(left), left.count(b"\n"))


@pytest.mark.parametrize("short", range(1, len(LINES)))
def test_flush_goes_on_where_it_failed(tmp_path: Path, short: int) -> None:
    file = line_file(tmp_path / "a", FailingFiles("write", 1, short=short))
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

    file = line_file(tmp_path / "a", BothFail("write", 1, short=8))
    file.put(LINES)
    with pytest.raises(OSError, match="No space"):
        file.flush()

    file.flush()

    assert (tmp_path / "a").read_bytes() == LINES


def test_sync_says_how_far_it_is_durable(tmp_path: Path) -> None:
    file = line_file(tmp_path / "a", Files())
    file.put(LINES)
    file.flush()

    file.sync()

    assert (file.synced_seq, file.dirty) == (3, False)


def test_untouched_file_has_no_fault(tmp_path: Path) -> None:
    assert line_file(tmp_path / "a", Files()).fault() is None


def test_cut_file_is_noticed(tmp_path: Path) -> None:
    file = line_file(tmp_path / "a", Files())
    file.put(LINES)
    file.flush()

    (tmp_path / "a").write_bytes(b"")

    assert file.fault() == "cut"


def test_removed_file_is_noticed(tmp_path: Path) -> None:
    file = line_file(tmp_path / "a", Files())

    (tmp_path / "a").unlink()

    assert file.fault() == "replaced"


def test_replaced_file_is_noticed(tmp_path: Path) -> None:
    file = line_file(tmp_path / "a", Files())

    (tmp_path / "b").write_bytes(b"")
    (tmp_path / "b").rename(tmp_path / "a")

    assert file.fault() == "replaced"
