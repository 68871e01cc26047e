"""One recorder at a time: the kernel's locks on `FILE.lock` and on the recording itself decide.

Two locks, because anybody may remove the lock file, and because a recording that is new or being rotated has no file
of its name yet. The content of the lock file is only for people.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep, time_ns
from typing import NamedTuple

import msgspec

from ordwatch import system
from ordwatch.core.errors import OrdwatchError, OutputRefused, RecordingBusy
from ordwatch.core.escaping import safe_text
from ordwatch.core.records import SessionRecord
from ordwatch.core.times import time_text
from ordwatch.recording.files import Files, check_file, check_place, is_locked_elsewhere
from ordwatch.recording.format import BadLine, record
from ordwatch.recording.inputs import open_input
from ordwatch.recording.rotation import older_files, unfinished_name

_MAX_BYTES = 4096
_POLL_S = 0.05
_SESSION = b'{"type":"session",'


class Holder(msgspec.Struct, frozen=True):
    """Who took the lock last."""

    pid: int
    since: str
    boot: str


class Held(NamedTuple):
    """What the taker of the lock gets."""

    before: Holder | None
    """Who held it before, if that is known."""
    fd: int | None
    """The recording, locked and open to append; None: there is none yet."""


class _Busy(Exception):
    """Another recorder has it; `holder` looks up who, which may take reading the whole recording."""

    def __init__(self, holder: Callable[[], Holder | None]) -> None:
        super().__init__()
        self.holder = holder


class Lock:
    """The lock of one recording."""

    def __init__(self, path: Path, files: Files | None = None) -> None:
        self._path = path
        self._file = path.with_name(f"{path.name}.lock")
        self._files = files or Files()
        self._fd: int | None = None

    def take(self, wait_s: float) -> Held:
        """Take it, the recording's own lock too; the caller closes `fd`.

        Raises:
            RecordingBusy: Held by another for longer than `wait_s`.
            OutputRefused: One of the files cannot be opened or locked, or is no regular file of ours.
        """
        check_place(self._file)
        until_s = monotonic() + wait_s
        while True:
            try:
                return self._take_now()
            except _Busy as busy:
                if monotonic() >= until_s:
                    raise RecordingBusy(f"{self._path}: {_named(busy.holder())}") from None
            sleep(_POLL_S)

    def unlock(self) -> None:
        """Let others have it. The file stays: whoever waits has it open."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _take_now(self) -> Held:
        with ExitStack() as undo:
            lock_fd = self._locked_file(undo)
            fd = self._locked_recording(undo)
            before = _read_holder(lock_fd)
            _write_holder(lock_fd)
            undo.pop_all()
        self._fd = lock_fd
        return Held(before, fd)

    def _locked_file(self, undo: ExitStack) -> int:
        while True:
            fd = self._open_lock_file()
            undo.callback(os.close, fd)
            if not _try_lock(fd, self._file):
                raise _Busy(lambda: _holder_in(self._file))
            if _is_at(fd, self._file):
                return fd
            undo.pop_all().close()  # it was removed before we had its lock

    def _open_lock_file(self) -> int:
        try:
            fd = os.open(
                self._file, os.O_RDWR | os.O_CREAT | system.open_flags("CLOEXEC", "NOFOLLOW", "NONBLOCK"), 0o600
            )
        except OSError as exc:
            raise OutputRefused(f"{self._file}: cannot be locked ({exc.strerror})") from exc
        fd = system.above_standard(fd)
        try:
            check_file(self._file, os.fstat(fd))
        except OutputRefused:
            os.close(fd)
            raise
        return fd

    def _locked_recording(self, undo: ExitStack) -> int | None:
        while True:
            while os.path.lexists(self._path):
                fd = self._files.open(self._path)
                if not _try_lock(fd, self._path):
                    os.close(fd)
                    raise _Busy(lambda: _recorder(self._path))
                if _is_at(fd, self._path):
                    undo.callback(os.close, fd)
                    return fd
                os.close(fd)  # it was rotated away before we had its lock
            if any(is_locked_elsewhere(file) for file in self._around()):
                raise _Busy(lambda: _recorder(self._path))
            if not os.path.lexists(self._path):
                return None

    def _around(self) -> Iterator[Path]:
        """The files that a recorder holds in the middle of a rotation, when nothing has the recording's name."""
        yield unfinished_name(self._path)
        yield from (older.path for older in older_files(self._path)[-1:])


def is_held(path: Path) -> bool:
    """Whether a recorder holds the lock of this recording now; asked without touching the lock."""
    file = path.with_name(f"{path.name}.lock")
    holder = _holder_in(file)
    pid = None if holder is None else holder.pid
    return system.is_locked(file, pid) or system.is_locked(path, pid)


def _try_lock(fd: int, path: Path) -> bool:
    try:
        return system.try_lock(fd)
    except OSError as exc:
        raise OutputRefused(f"{path}: cannot be locked ({exc.strerror})") from exc


def _is_at(fd: int, path: Path) -> bool:
    """Whether the open file still has this name."""
    try:
        there = path.lstat()
    except OSError:
        return False
    return os.path.samestat(os.fstat(fd), there)


def _write_holder(fd: int) -> None:
    me = Holder(pid=os.getpid(), since=time_text(time_ns()), boot=system.boot_id())
    try:
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, msgspec.json.encode(me) + b"\n")
    except OSError:
        pass  # the disk is full: the lock holds, only its holder is not named


def _read_holder(fd: int) -> Holder | None:
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        return msgspec.json.decode(os.read(fd, _MAX_BYTES), type=Holder)
    except (OSError, ValueError, RecursionError):
        return None


def _holder_in(file: Path) -> Holder | None:
    try:
        with file.open("rb") as opened:
            return _read_holder(opened.fileno())
    except OSError:
        return None


def _recorder(path: Path) -> Holder | None:
    """Who began the last session in the recording: for a lock file that was removed or is new."""
    for file in (path, *(older.path for older in reversed(older_files(path)))):
        try:
            with open_input(file) as lines:
                found = [line for line in lines if line.startswith(_SESSION)]
        except (OSError, OrdwatchError):
            continue
        for line in reversed(found):
            try:
                session = record(line)
            except BadLine:
                continue
            if isinstance(session, SessionRecord) and session.state == "start":
                return Holder(pid=session.pid, since=session.at, boot="")
    return None


def _named(holder: Holder | None) -> str:
    if holder is None:
        return "another ordwatch records there"
    return f"locked by pid {holder.pid} since {safe_text(holder.since, 40)}"
