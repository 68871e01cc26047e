"""The files of a recording: the system calls, each of which can fail and is made to fail by tests, and a segment.

Paths are taken as they are: no symlink is followed, nothing that is not a regular file of ours is opened.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Literal

from ordwatch import system
from ordwatch.core.errors import OutputError, OutputRefused

_MODE = 0o600

Fault = Literal["cut", "replaced"]
"""What somebody else may do to a file while it is written; "replaced": its name was removed, or another file has it."""


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
        """Close a descriptor."""
        os.close(fd)


class Segment:
    """One open file of a recording: whole lines go in, and it knows how far it is written and durable.

    The caller has its lock. Not for two threads at once.
    """

    def __init__(self, files: Files, path: Path, *, fd: int, last_seq: int, first_seq: int | None = None) -> None:
        self.path = path
        self.size = os.fstat(fd).st_size
        """Bytes of whole lines."""
        self.first_seq = first_seq if first_seq is not None else last_seq + 1
        self.last_seq = last_seq
        """Of the last line written."""
        self.synced_seq: int | None = None
        """Of the last line known to be durable."""
        self._files = files
        self.fd = fd
        self._pending = memoryview(b"")
        self._partial_write = False

    @property
    def dirty(self) -> bool:
        """Whether lines are written that no sync has followed."""
        return self.synced_seq != self.last_seq

    def put(self, lines: bytes) -> None:
        """Take whole lines to write; what was put before must have been flushed."""
        self._pending = memoryview(lines)

    def flush(self) -> None:
        """Write what was put.

        Raises:
            OSError: Failed. The file is cut back to its last whole line, as far as that can be; the rest stays
                put, and flush may be called again.
        """
        self._cut_back()
        out = 0
        try:
            while out < len(self._pending):
                out += self._files.write(self.fd, self._pending[out:])
        except OSError:
            self._keep_whole(out)
            with suppress(OSError):
                self._cut_back()
            raise
        self._keep_whole(out)

    def _keep_whole(self, out: int) -> None:
        written = bytes(self._pending[:out])
        whole = written.rfind(b"\n") + 1
        self.size += whole
        self.last_seq += written.count(b"\n")
        self._pending = self._pending[whole:]
        self._partial_write = out > whole

    def _cut_back(self) -> None:
        if self._partial_write:
            self._files.cut(self.fd, self.size)
            self._partial_write = False

    def sync(self) -> None:
        """Make durable what is written.

        Raises:
            OutputError: Failed; nothing more may be written.
        """
        self._files.sync(self.fd)
        self.synced_seq = self.last_seq

    def fault(self) -> Fault | None:
        """What somebody else did to the file; None if nothing."""
        here = os.fstat(self.fd)
        if here.st_size != self.size:
            return "cut"
        try:
            there = self.path.lstat()
        except OSError:
            return "replaced"
        return None if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino) else "replaced"

    def close(self) -> None:
        """Close the file, which gives its lock back."""
        self._files.close(self.fd)


def check_place(path: Path) -> None:
    """Check that a recording can be there; nothing is opened or made.

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
    """Check that it is a regular file of ours with one name.

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
    """Whether another open file has the lock of the file at `path`; False if nothing can be locked there."""
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
