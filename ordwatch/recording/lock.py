"""One recorder at a time: the kernel's lock on `FILE.lock` decides. What stands in that file is only told to people."""

import os
from pathlib import Path
from time import time_ns

import msgspec
from filelock import FileLock, Timeout

from ordwatch import system
from ordwatch.errors import OutputRefused, RecordingBusy
from ordwatch.recording.files import check_place
from ordwatch.text import safe_text, time_text

_MAX_BYTES = 4096


class Holder(msgspec.Struct, frozen=True):
    """Who took the lock last."""

    pid: int
    since: str
    boot: str


class Lock:
    """The lock of one recording."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.with_name(f"{path.name}.lock")
        self._lock = FileLock(self._file, mode=0o600, thread_local=False)

    def take(self, wait_s: float) -> Holder | None:
        """Take it; who held it before, if that can be told.

        Raises:
            RecordingBusy: Held by another for longer than `wait_s`.
            OutputRefused: The lock file cannot be made, or is no regular file of ours.
        """
        check_place(self._file)
        try:
            self._lock.acquire(timeout=wait_s)
        except Timeout:
            raise RecordingBusy(f"{self._path}: {_named(_holder(self._file))}") from None
        except OSError as exc:
            raise OutputRefused(f"{self._file}: cannot be locked ({exc.strerror})") from exc
        before = _holder(self._file)
        self._sign()
        return before

    def release(self) -> None:
        """Let others have it."""
        self._lock.release()

    def _sign(self) -> None:
        me = Holder(pid=os.getpid(), since=time_text(time_ns()), boot=system.boot_id())
        fd = os.open(self._file, os.O_WRONLY | system.open_flags("CLOEXEC", "NOFOLLOW"))
        try:
            os.ftruncate(fd, 0)
            os.write(fd, msgspec.json.encode(me) + b"\n")
        except OSError:
            pass  # the disk is full: the lock holds, only its holder is not named
        finally:
            os.close(fd)


def is_held(path: Path) -> bool:
    """Whether a recorder holds the lock of this recording now; asked without touching the lock."""
    file = path.with_name(f"{path.name}.lock")
    holder = _holder(file)
    return system.is_locked(file, None if holder is None else holder.pid)


def _holder(file: Path) -> Holder | None:
    try:
        with file.open("rb") as opened:
            return msgspec.json.decode(opened.read(_MAX_BYTES), type=Holder)
    except (OSError, ValueError, RecursionError):
        return None


def _named(holder: Holder | None) -> str:
    if holder is None:
        return "another ordwatch records there"
    return f"locked by pid {holder.pid} since {safe_text(holder.since, 40)}"
