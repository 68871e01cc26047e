"""One recorder at a time: the kernel's lock on `FILE.lock` decides. What stands in that file is only told to people."""

import os
from pathlib import Path
from time import time_ns

import msgspec
from filelock import FileLock, Timeout

from ordwatch.errors import OutputRefused, RecordingBusy
from ordwatch.recording.files import check_place
from ordwatch.text import safe_text, time_text

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LOCKS = Path("/proc/locks")
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
        me = Holder(pid=os.getpid(), since=time_text(time_ns()), boot=boot_id())
        fd = os.open(self._file, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.ftruncate(fd, 0)
            os.write(fd, msgspec.json.encode(me) + b"\n")
        except OSError:
            pass  # the disk is full: the lock holds, only its holder is not named
        finally:
            os.close(fd)


def boot_id() -> str:
    """What names this run of the machine; "" where the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def is_held(path: Path) -> bool:
    """Whether a recorder holds the lock of this recording now; asked without touching the lock.

    False as well where the system has no /proc/locks.
    """
    file = path.with_name(f"{path.name}.lock")
    try:
        lock = file.lstat()
        locks = _LOCKS.read_text()
    except OSError:
        return False
    place = f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}"
    holder = _holder(file)
    held = [line.split() for line in locks.splitlines() if "FLOCK" in line]
    # Some file systems (overlay, btrfs) show another device here than to stat: then the holder must fit too.
    return any(
        place in words or (holder is not None and words[4] == str(holder.pid) and words[5].endswith(f":{lock.st_ino}"))
        for words in held
        if len(words) > 5
    )


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
