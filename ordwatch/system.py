"""What the operating system offers, and what stands in where it does not: the only module that asks which one it is.

    here              Linux                     macOS                    Windows
    sync_data         fdatasync                 F_FULLFSYNC, else fsync  fsync
    open_folder       to sync its names         the same                 None: folders cannot be opened
    try_lock          flock                     flock                    msvcrt.locking, one byte far behind the end
    is_locked         /proc/locks               False                    False
    opening files     O_CLOEXEC, O_NOFOLLOW     the same                 looked at before it is opened; O_BINARY
    owner and mode    st_uid, the mode          the same                 not looked at: they mean nothing there
    renames of open files  allowed              allowed                  refused: no rotation
    kill_group        killpg                    killpg                   the process alone
    SIGHUP, SIGPIPE   as they are               as they are              no SIGHUP; 128 + 13 as exit code
    signal handlers   in the event loop         in the event loop        in the main thread, handed to the loop
    harden            no core, not dumpable     no core                  nothing
    boot_id           /proc                     ""                       ""
    boot_clock_ns     CLOCK_BOOTTIME            the monotonic clock      the monotonic clock
    rss_mib           /proc                     the peak                 0.0
    reader_closed     poll                      poll                     never: the next write fails
    write_at_once     RWF_NOWAIT, for pipes     False: nothing written   False: nothing written
    datagram_socket   AF_UNIX                   AF_UNIX                  None: no service manager to report to
    single keys       termios, poll             the same                 none: the table reads no keys
    Ctrl-Z            SIGTSTP, SIGCONT          the same                 there is none

Tested on Linux, and there with each of these names taken away; only written for macOS and Windows.
"""

import atexit
import errno
import os
import signal
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    import socket
    import subprocess

_Attributes = list[Any]
"""Of a terminal, as termios has them."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LOCKS = Path("/proc/locks")
_MEMORY = Path("/proc/self/statm")
_LOCKED_BYTE = 2**40
"""Windows locks bytes, not files, and against readers too: one that no recording ever has."""
_NO_POLL_S = 0.01
_PIPE_BUF = 4096
"""On Linux; larger writes may be cut."""

SIGPIPE = 13
"""The number of the signal, also where there is none."""


# Files


def open_flags(*names: str) -> int:
    """These flags for `os.open` ("CLOEXEC", "NOFOLLOW", ...), as far as the system knows them."""
    flags: int = getattr(os, "O_BINARY", 0)  # Windows would else write two bytes for each line end
    for name in names:
        flags |= getattr(os, f"O_{name}", 0)
    return flags


def follows_link(path: Path) -> bool:
    """Whether opening `path` would follow a symbolic link that is there now; never where O_NOFOLLOW sees to that."""
    return not hasattr(os, "O_NOFOLLOW") and path.is_symlink()


def make_private(fd: int) -> None:
    """Give the file mode 0600, whatever the umask made of it."""
    if hasattr(os, "fchmod"):
        os.fchmod(fd, 0o600)


def above_standard(fd: int) -> int:
    """The same open file with a number above 2, so that it never becomes stdout or stderr."""
    lower = []
    while fd <= 2:
        lower.append(fd)
        fd = os.dup(fd)
    for each in lower:
        os.close(each)
    return fd


def is_ours(status: os.stat_result) -> bool:
    """Whether the file belongs to the user of this process."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def mode_for_others(status: os.stat_result) -> int:
    """The bits of the mode that let others in."""
    return stat.S_IMODE(status.st_mode) & 0o077 if hasattr(os, "geteuid") else 0


def sync_data(fd: int) -> None:
    """Wait until what was written is durable.

    Raises:
        OSError: It failed.
    """
    if hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    elif not _full_sync(fd):
        os.fsync(fd)


def _full_sync(fd: int) -> bool:
    """macOS: fsync there leaves data in the drive's own memory."""
    try:
        import fcntl
    except ImportError:
        return False
    command = getattr(fcntl, "F_FULLFSYNC", None)
    if command is None:
        return False
    try:
        fcntl.fcntl(fd, command)
    except OSError as exc:
        if exc.errno in (errno.EINVAL, errno.ENOTSUP, errno.ENOTTY):
            return False  # a file system that does not know it, such as a network's
        raise
    return True


def open_folder(folder: Path) -> int | None:
    """The folder, open so that its names can be synced; None where folders cannot be opened.

    Raises:
        OSError: It is missing, or none.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return None
    return os.open(folder, os.O_RDONLY | open_flags("DIRECTORY", "CLOEXEC"))


def renames_open_files() -> bool:
    """Whether a file that is open can get another name."""
    return os.name != "nt"


# Locks


def try_lock(fd: int) -> bool:
    """Take the kernel's lock on the open file; False if another process has it. Closing the file releases it.

    Raises:
        OSError: The file system knows no locks.
    """
    try:
        import fcntl
    except ImportError:
        return _try_lock_byte(fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_lock_byte(fd: int) -> bool:
    try:
        import msvcrt
    except ImportError:
        return True  # neither of the two: nothing can be locked
    os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # Windows only
    except PermissionError:
        return False
    return True


def is_locked(path: Path, likely_pid: int | None = None) -> bool:
    """Whether a process holds the lock of this file now, without touching it; False if that cannot be known."""
    try:
        file = path.lstat()
        locks = _LOCKS.read_text()
    except OSError:
        return False
    place = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    held = [fields for line in locks.splitlines() if len(fields := line.split()) > 5 and "FLOCK" in fields]
    # Some file systems (overlay, btrfs) show another device here than to stat: then the process must fit too.
    return any(
        place in fields or (fields[4] == str(likely_pid) and fields[5].endswith(f":{file.st_ino}")) for fields in held
    )


# Processes and signals


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process that was started as a session of its own, and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def can_wait_for_pipes() -> bool:
    """Whether a pipe can be read without blocking, and waited for."""
    return hasattr(os, "set_blocking") and os.name != "nt"


def hangup() -> signal.Signals | None:
    """SIGHUP, where there is one."""
    return getattr(signal, "SIGHUP", None)


def on_signal(loop: "asyncio.AbstractEventLoop", number: signal.Signals, act: Callable[[signal.Signals], None]) -> None:
    """Let the event loop call `act` when the signal comes."""
    try:
        loop.add_signal_handler(number, act, number)
    except NotImplementedError:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(act, number))


def exit_by_signal(number: int) -> None:
    """End by this signal, with all terminals as they were; returns where the system does not let it kill."""
    reset_terminals()
    if not hasattr(signal, "pthread_sigmask"):
        return  # Windows: os.kill ends a process with the number itself as exit code
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)


def harden() -> None:
    """No core file and no debugger of the same user."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(ImportError, OSError, AttributeError):
            import ctypes

            pr_set_dumpable = 4  # linux/prctl.h
            ctypes.CDLL(None).prctl(pr_set_dumpable, 0, 0, 0, 0)


# Clocks and memory


def boot_id() -> str:
    """What names this run of the machine; "" where the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def boot_clock_ns() -> int:
    """A clock that goes on while the machine sleeps; where there is none, the monotonic clock."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)


def rss_mib() -> float:
    """Memory of this process, resident, in MiB; the peak if the system does not report the present value, else 0.0."""
    try:
        import resource
    except ImportError:
        return 0.0
    try:
        return round(int(_MEMORY.read_text().split()[1]) * resource.getpagesize() / 2**20, 1)
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


# Pipes and sockets


def datagram_socket() -> "socket.socket | None":
    """A socket that sends datagrams to other processes here, and never waits; None where there is no such thing."""
    import socket

    if not hasattr(socket, "AF_UNIX"):
        return None
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.setblocking(False)
    return sender


def wait_writable(fd: int, timeout_s: float) -> None:
    """Wait until the descriptor takes something, or for so long."""
    import select

    if not hasattr(select, "poll"):
        time.sleep(_NO_POLL_S)
        return
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll(timeout_s * 1000)


def reader_closed(fd: int) -> bool:
    """Whether the other end of a pipe or socket was closed, asked without writing to it."""
    import select

    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def is_pipe(fd: int) -> bool:
    """Whether this is a pipe or a FIFO."""
    return stat.S_ISFIFO(os.fstat(fd).st_mode)


def write_at_once(fd: int, data: bytes) -> bool:
    """Whether all of this was written to a pipe without waiting; if not, nothing of it was.

    Whoever else has the pipe open stays as it is: not the pipe is made non-blocking, but this one write. POSIX: up to
    PIPE_BUF bytes are written as a whole or not at all.
    """
    if not hasattr(os, "RWF_NOWAIT") or len(data) > _PIPE_BUF:
        return False
    try:
        return os.pwritev(fd, [data], -1, os.RWF_NOWAIT) == len(data)
    except OSError:
        return False  # full, or gone, or a kernel that cannot do this: whoever writes it the usual way sees which


# Terminals


_saved: dict[int, _Attributes] = {}
"""How each terminal was that `read_single_keys` has set."""
_set: dict[int, _Attributes] = {}
"""How it set them."""


def has_single_keys() -> bool:
    """Whether this system can read keys one by one."""
    try:
        import select
        import termios  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return hasattr(select, "poll")


def read_single_keys(fd: int) -> bool:
    """Let the terminal hand over each key when it is typed, without showing it; Ctrl-C and Ctrl-Z stay signals.

    It is restored by `reset_terminal`, and at exit. False where that cannot be done now.
    """
    try:
        import termios
    except ImportError:
        return False
    if in_background(fd):
        return False
    try:
        before = termios.tcgetattr(fd)
        wanted = termios.tcgetattr(fd)
        wanted[3] &= ~(termios.ICANON | termios.ECHO)
        wanted[6][termios.VMIN], wanted[6][termios.VTIME] = 1, 0
        if not _saved:
            atexit.register(reset_terminals)
        if _set.get(fd) != before:
            _saved[fd] = before
        _set[fd] = wanted
        # Not after what was written has left: a terminal that was halted with Ctrl-S would halt us.
        termios.tcsetattr(fd, termios.TCSANOW, wanted)
    except termios.error:
        return False
    return True


def reset_terminal(fd: int) -> None:
    """Undo `read_single_keys`, unless the terminal belongs to others now."""
    saved = _saved.pop(fd, None)
    _set.pop(fd, None)
    if saved is None or in_background(fd):
        return
    import termios

    with suppress(termios.error):
        termios.tcsetattr(fd, termios.TCSANOW, saved)


def reset_terminals() -> None:
    """Undo every `read_single_keys`."""
    for fd in list(_saved):
        reset_terminal(fd)


def in_background(fd: int) -> bool:
    """Whether another process group has the terminal that controls this process now; False of any other file."""
    if not hasattr(os, "tcgetpgrp"):
        return False
    try:
        return os.tcgetpgrp(fd) != os.getpgrp()
    except OSError:
        return False


def refuse_background_reads() -> None:
    """In this thread a read from the background fails instead of stopping the process."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTIN})


class Waker:
    """Lets a thread wait for a terminal until another thread wakes it."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        self._closed = False

    def wake(self) -> None:
        """End a wait, or the next one; any thread may call it."""
        if not self._closed:
            with suppress(OSError):
                os.write(self._writer, b".")

    def wait(self, timeout_s: float | None, fd: int | None = None) -> bool:
        """Wait until woken, or until `fd` can be read, which it returns; at most so long (None: for ever)."""
        import select

        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        if fd is not None:
            poll.register(fd, select.POLLIN)
        ready = [each for each, _ in poll.poll(None if timeout_s is None else timeout_s * 1000)]
        if self._reader in ready:
            os.read(self._reader, 4096)
        return fd in ready

    def close(self) -> None:
        """Free the descriptors; `wake` does nothing from then on."""
        self._closed = True
        os.close(self._reader)
        os.close(self._writer)


def on_stop_and_continue(
    loop: "asyncio.AbstractEventLoop", before_stop: Callable[[], None], after_continue: Callable[[], None]
) -> Callable[[], None]:
    """Let the event loop call these when Ctrl-Z is about to stop the process, and when it goes on.

    Both are called after a stop that did not announce itself (SIGSTOP). The function that is returned ends all that.
    Ctrl-\\ ends the process at once meanwhile, with all terminals as they were.
    """
    stop, go_on, leave = (getattr(signal, name, None) for name in ("SIGTSTP", "SIGCONT", "SIGQUIT"))
    if stop is None or go_on is None or leave is None or signal.getsignal(stop) is signal.SIG_IGN:
        return _nothing
    announced = False

    def on_stop() -> None:
        nonlocal announced
        announced = True
        before_stop()
        loop.remove_signal_handler(stop)
        os.kill(os.getpid(), stop)
        loop.add_signal_handler(stop, on_stop)
        after_continue()  # here, because an orphaned process is not stopped, and never continued

    def on_continue() -> None:
        nonlocal announced
        if not announced:
            before_stop()
            after_continue()
        announced = False

    def end() -> None:
        for number in (stop, go_on, leave):
            loop.remove_signal_handler(number)

    loop.add_signal_handler(stop, on_stop)
    loop.add_signal_handler(go_on, on_continue)
    loop.add_signal_handler(leave, exit_by_signal, leave)
    return end


def _nothing() -> None:
    return None
