import os
import stat
from pathlib import Path

import pytest

from ordwatch.core.errors import OutputError, OutputRefused
from ordwatch.recording.files import Files, check_place


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
