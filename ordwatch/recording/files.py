"""The system calls of a recording: each can fail, and tests make each fail.

Paths are taken as they are: no symlink is followed, nothing that is not a regular file of ours is opened.
"""

import os
import stat
from pathlib import Path

from ordwatch import system
from ordwatch.core.errors import OutputError, OutputRefused

_MODE = 0o600


class Files:
    """What a recording asks of the operating system."""

    def open(self, path: Path) -> int:
        """A descriptor that appends to the file, made if there is none, never one of 0 to 2.

        Raises:
            OutputRefused: Cannot be opened, or is not a regular file of ours with one name.
        """
        if system.follows_link(path):
            raise OutputRefused(f"{path}: is a symbolic link; name the file itself")
        try:
            fd = os.open(path, _append(), _MODE)
        except OSError as exc:
            raise OutputRefused(f"{path}: cannot be opened for recording ({exc.strerror})") from exc
        try:
            check_file(path, os.fstat(fd))
        except OutputRefused:
            os.close(fd)
            raise
        return system.above_standard(fd)

    def create(self, path: Path) -> int:
        """A descriptor that appends to a new file of mode 0600."""
        fd = os.open(path, _append() | os.O_EXCL, _MODE)
        system.make_private(fd)
        return system.above_standard(fd)

    def write(self, fd: int, data: memoryview) -> int:
        """Write once; how many bytes went out."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Wait until what was written is durable.

        Raises:
            OutputError: It failed; the kernel may have dropped the data, so trying again would prove nothing.
        """
        try:
            system.sync_data(fd)
        except OSError as exc:
            raise OutputError(
                f"cannot sync the recording ({exc.strerror}); the next start checks what it holds"
            ) from exc

    def cut(self, fd: int, size: int) -> None:
        """Make the file `size` bytes long."""
        os.ftruncate(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        """Give the file another name in the same folder; an existing `new` is replaced."""
        os.replace(old, new)

    def remove(self, path: Path) -> None:
        """Take the name away."""
        os.unlink(path)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in the folder are durable.

        Raises:
            OutputError: It failed.
        """
        fd = system.open_folder(folder)
        if fd is None:
            return
        try:
            os.fsync(fd)
        except OSError as exc:
            raise OutputError(f"{folder}: cannot sync the folder ({exc.strerror})") from exc
        finally:
            os.close(fd)

    def close(self, fd: int) -> None:
        """Let go of a descriptor."""
        os.close(fd)


def check_place(path: Path) -> None:
    """See that a recording can stand there; nothing is opened or made.

    Raises:
        OutputRefused: The folder is missing or open to everybody, or `path` is no regular file of ours.
    """
    try:
        folder = path.parent.stat()
    except OSError as exc:
        raise OutputRefused(f"{path.parent}: cannot record there ({exc.strerror})") from exc
    if not stat.S_ISDIR(folder.st_mode):
        raise OutputRefused(f"{path.parent}: not a folder")
    if system.mode_for_others(folder) & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        raise OutputRefused(f"{path.parent}: everybody may write there and it is not sticky; record somewhere else")
    try:
        check_file(path, path.lstat())
    except FileNotFoundError:
        return
    except OSError as exc:
        raise OutputRefused(f"{path}: cannot be opened for recording ({exc.strerror})") from exc


def check_file(path: Path, found: os.stat_result) -> None:
    """See that it is a regular file of ours with one name.

    Raises:
        OutputRefused: It is not.
    """
    if stat.S_ISLNK(found.st_mode):
        raise OutputRefused(f"{path}: is a symbolic link; name the file itself")
    if not stat.S_ISREG(found.st_mode):
        raise OutputRefused(f"{path}: not a regular file")
    if not system.is_ours(found):
        raise OutputRefused(f"{path}: belongs to another user")
    if found.st_nlink > 1:
        raise OutputRefused(f"{path}: has {found.st_nlink} names (hard links); a recording has one")


def is_locked_elsewhere(path: Path) -> bool:
    """Whether another open file has the lock of what stands at `path`; False if nothing can be locked there."""
    try:
        fd = os.open(path, os.O_RDONLY | system.open_flags("CLOEXEC", "NOFOLLOW", "NONBLOCK"))
    except OSError:
        return False
    try:
        return not system.try_lock(fd)
    except OSError:
        return False
    finally:
        os.close(fd)


def _append() -> int:
    return os.O_WRONLY | os.O_APPEND | os.O_CREAT | system.open_flags("CLOEXEC", "NOFOLLOW", "NONBLOCK")
