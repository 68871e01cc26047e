"""Each function as it is here, and where what it needs is missing: that stands for macOS and Windows."""

import asyncio
import contextlib
import errno
import fcntl
import os
import pty
import select
import signal
import stat
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordwatch import system


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            continue


@pytest.fixture
def opened(file: Path) -> Iterator[int]:
    fd = os.open(file, os.O_RDWR)
    yield fd
    os.close(fd)


def without_module(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Importing it fails from here on."""
    monkeypatch.setitem(sys.modules, name, None)


def test_flags_that_are_missing_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_NOFOLLOW")

    assert system.open_flags("NOFOLLOW", "CLOEXEC") == os.O_CLOEXEC


def test_windows_writes_bytes_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "O_BINARY", 0x8000, raising=False)

    assert system.open_flags() == 0x8000


def test_link_is_looked_for_where_the_kernel_does_not(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    here = system.follows_link(link)
    monkeypatch.delattr(os, "O_NOFOLLOW")

    assert (here, system.follows_link(link), system.follows_link(file)) == (False, True, False)


def test_file_is_made_private(file: Path, opened: int) -> None:
    file.chmod(0o644)

    system.make_private(opened)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_mode_stays_where_it_cannot_be_changed(file: Path, opened: int, monkeypatch: pytest.MonkeyPatch) -> None:
    file.chmod(0o644)
    monkeypatch.delattr(os, "fchmod")

    system.make_private(opened)

    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_owner_and_mode_are_looked_at(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.chmod(0o640)
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)

    assert (system.is_ours(file.stat()), system.mode_for_others(file.stat())) == (False, 0o040)


def test_owner_and_mode_mean_nothing_without_users(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.chmod(0o666)
    monkeypatch.delattr(os, "geteuid")

    assert (system.is_ours(file.stat()), system.mode_for_others(file.stat())) == (True, 0)


@pytest.mark.parametrize("missing", ["nothing", "fdatasync", "fdatasync and fcntl"])
def test_data_is_synced(opened: int, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    take_away(missing, monkeypatch)

    system.sync_data(opened)


@pytest.mark.parametrize("missing", ["nothing", "fdatasync", "fdatasync and fcntl"])
def test_failed_sync_is_an_error(pipe: tuple[int, int], missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    take_away(missing, monkeypatch)

    with pytest.raises(OSError, match="Invalid argument"):
        system.sync_data(pipe[1])


def take_away(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "fdatasync" in what:
        monkeypatch.delattr(os, "fdatasync")
    if "fcntl" in what:
        without_module(monkeypatch, "fcntl")


F_FULLFSYNC = 51


@pytest.mark.parametrize(("refusal", "fsyncs"), [(None, 0), (errno.ENOTSUP, 1), (errno.EINVAL, 1)])
def test_macos_empties_the_drives_own_memory_where_it_can(
    opened: int, refusal: int | None, fsyncs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    synced: list[int] = []

    def full_sync(_fd: int, command: int) -> int:
        asked.append(command)
        if refusal is not None:
            raise OSError(refusal, os.strerror(refusal))
        return 0

    monkeypatch.delattr(os, "fdatasync")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", F_FULLFSYNC, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", full_sync)
    monkeypatch.setattr(os, "fsync", synced.append)

    system.sync_data(opened)

    assert (asked, len(synced)) == ([F_FULLFSYNC], fsyncs)


def test_failed_full_sync_is_an_error(opened: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_sync(_fd: int, _command: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.delattr(os, "fdatasync")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", F_FULLFSYNC, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", full_sync)

    with pytest.raises(OSError, match="Input/output error"):
        system.sync_data(opened)


def test_folder_is_opened_to_sync_its_names(tmp_path: Path) -> None:
    fd = system.open_folder(tmp_path)

    assert fd is not None
    os.fsync(fd)
    os.close(fd)


def test_what_is_no_folder_is_not_opened(file: Path) -> None:
    with pytest.raises(NotADirectoryError):
        system.open_folder(file)


def test_folders_are_not_opened_where_they_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_DIRECTORY")

    assert system.open_folder(tmp_path) is None


def test_lock_keeps_every_other_open_file_out(file: Path, opened: int) -> None:
    other = os.open(file, os.O_RDWR)

    taken = [system.try_lock(opened), system.try_lock(opened), system.try_lock(other)]
    os.close(other)

    assert taken == [True, True, False]


def test_lock_ends_with_the_open_file(file: Path, opened: int) -> None:
    other = os.open(file, os.O_RDWR)
    system.try_lock(other)
    os.close(other)

    assert system.try_lock(opened)


class Msvcrt:
    """What Windows has instead of fcntl."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.locked: list[tuple[int, int]] = []

    def locking(self, fd: int, mode: int, size: int) -> None:
        if self.locked:
            raise PermissionError(errno.EACCES, "Permission denied")
        assert (mode, size) == (self.LK_NBLCK, 1)
        self.locked.append((fd, os.lseek(fd, 0, os.SEEK_CUR)))


def test_windows_locks_a_byte_that_no_recording_has(opened: int, monkeypatch: pytest.MonkeyPatch) -> None:
    msvcrt = Msvcrt()
    without_module(monkeypatch, "fcntl")
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)

    assert [system.try_lock(opened), system.try_lock(opened)] == [True, False]
    assert msvcrt.locked == [(opened, 2**40)]


def test_lock_can_be_seen_without_touching_it(file: Path, opened: int) -> None:
    before = system.is_locked(file, os.getpid())
    system.try_lock(opened)

    assert (before, system.is_locked(file, os.getpid())) == (False, True)


def test_lock_of_a_file_that_is_not_there_is_not_held(tmp_path: Path) -> None:
    assert not system.is_locked(tmp_path / "missing")


def test_lock_is_not_seen_where_the_system_does_not_say(
    file: Path, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "_LOCKS", file.with_name("missing"))
    system.try_lock(opened)

    assert not system.is_locked(file, os.getpid())


@pytest.mark.parametrize("missing", [(), ("killpg",)])
def test_process_is_ended(missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in missing:
        monkeypatch.delattr(os, name)
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        system.kill_group(process)

    assert process.returncode == -signal.SIGKILL


def test_process_that_has_ended_is_ended() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as process:
        process.wait()

        system.kill_group(process)

    assert process.returncode == 0


def test_hangup_is_missing_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    here = system.hangup()
    monkeypatch.delattr(signal, "SIGHUP")

    assert (here, system.hangup()) == (1, None)


def test_death_is_left_to_the_caller_where_no_signal_can_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "pthread_sigmask")

    system.exit_by_signal(signal.SIGTERM)


def test_hardened_process_leaves_no_core_and_lets_nobody_attach() -> None:
    code = (
        "from ordwatch.system import harden; harden();"
        "import ctypes, resource; print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3))"
    )

    assert printed(code) == "(0, 0) 0\n"


def test_without_resource_a_process_is_hardened_as_far_as_can_be() -> None:
    code = (
        "import sys; sys.modules['resource'] = None; from ordwatch.system import harden; harden();"
        "import ctypes; print(ctypes.CDLL(None).prctl(3))"
    )

    assert printed(code) == "0\n"


def printed(code: str) -> str:
    """What Python code prints in a process of its own."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout


def test_memory_is_reported() -> None:
    assert system.rss_mib() > 1


def test_without_proc_the_peak_of_memory_is_reported(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(system, "_MEMORY", file.with_name("missing"))

    assert system.rss_mib() > 1


def test_without_resource_no_memory_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    without_module(monkeypatch, "resource")

    assert system.rss_mib() == 0.0


def test_machine_has_a_name_for_this_run() -> None:
    assert system.boot_id() == system.boot_id() != ""


def test_without_proc_the_run_of_the_machine_has_no_name(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(system, "_BOOT_ID", file.with_name("missing"))

    assert system.boot_id() == ""


def test_without_a_clock_that_goes_on_in_sleep_it_is_the_monotonic_one(monkeypatch: pytest.MonkeyPatch) -> None:
    here = system.boot_clock_ns()
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    monkeypatch.setattr(time, "monotonic_ns", lambda: 42)

    assert (here > 42, system.boot_clock_ns()) == (True, 42)


def test_pipe_says_without_a_write_that_its_reader_is_gone(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    before = system.reader_closed(writer)
    os.close(reader)

    assert (before, system.reader_closed(writer)) == (False, True)


def test_without_poll_the_next_write_says_that_the_reader_is_gone(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = pipe
    os.close(reader)
    monkeypatch.delattr(select, "poll")

    assert not system.reader_closed(writer)


@pytest.fixture
def full_pipe(pipe: tuple[int, int]) -> tuple[int, int]:
    """A pipe that takes nothing more; it blocks who writes."""
    reader, writer = pipe
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writer, b"x" * 512):
            pass
    os.set_blocking(writer, True)
    return reader, writer


def test_what_a_pipe_takes_is_written_at_once(pipe: tuple[int, int]) -> None:
    reader, writer = pipe

    assert system.write_at_once(writer, b"x" * 4096)
    assert os.read(reader, 10_000) == b"x" * 4096


def test_a_full_pipe_is_not_waited_for_and_takes_no_part(full_pipe: tuple[int, int]) -> None:
    reader, writer = full_pipe

    assert not system.write_at_once(writer, b"yy")
    assert os.get_blocking(writer)
    assert b"y" not in os.read(reader, 10_000_000)


def test_more_than_a_pipe_takes_as_a_whole_is_not_written(pipe: tuple[int, int]) -> None:
    assert not system.write_at_once(pipe[1], b"x" * 4097)


def test_a_pipe_without_a_reader_is_left_to_the_next_write(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)

    assert not system.write_at_once(writer, b"x")


def test_nothing_is_written_at_once_where_the_system_cannot(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "RWF_NOWAIT")

    assert not system.write_at_once(pipe[1], b"x")


def test_a_file_is_no_pipe(pipe: tuple[int, int], tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert (system.is_pipe(pipe[1]), system.is_pipe(file.fileno())) == (True, False)


@pytest.mark.parametrize("missing", [False, True])
def test_waiting_ends_when_the_pipe_takes_something(
    pipe: tuple[int, int], missing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing:
        monkeypatch.delattr(select, "poll")

    system.wait_writable(pipe[1], 60.0)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A pseudo-terminal: the hand that types, and the descriptor that is read."""
    hand, fd = pty.openpty()
    yield hand, fd
    system.reset_terminal(fd)
    for each in (hand, fd):
        os.close(each)


def test_a_terminal_hands_over_single_keys_until_it_is_restored(terminal: tuple[int, int]) -> None:
    hand, fd = terminal
    before = termios.tcgetattr(fd)

    done = system.read_single_keys(fd)
    os.write(hand, b"j")
    key = os.read(fd, 9)
    system.reset_terminal(fd)

    assert (done, key) == (True, b"j")
    assert termios.tcgetattr(fd) == before


def test_a_terminal_that_is_set_twice_is_restored_to_what_it_was(terminal: tuple[int, int]) -> None:
    _, fd = terminal
    before = termios.tcgetattr(fd)

    system.read_single_keys(fd)
    system.read_single_keys(fd)
    system.reset_terminals()

    assert termios.tcgetattr(fd) == before


def test_a_terminal_that_a_shell_has_set_meanwhile_is_restored_to_that(terminal: tuple[int, int]) -> None:
    _, fd = terminal
    system.read_single_keys(fd)
    others = termios.tcgetattr(fd)
    others[3] &= ~termios.ECHOE
    others[3] |= termios.ICANON
    termios.tcsetattr(fd, termios.TCSANOW, others)
    others = termios.tcgetattr(fd)

    system.read_single_keys(fd)
    system.reset_terminal(fd)

    assert termios.tcgetattr(fd) == others


CRASH = """
import sys
from ordwatch import system
system.read_single_keys(0)
{end}
"""


@pytest.mark.parametrize(
    "end", ["1 / 0", "sys.exit(3)", "system.exit_by_signal(15)"], ids=["an error", "an exit", "a signal"]
)
def test_a_process_that_ends_unexpectedly_leaves_the_terminal_as_it_was(end: str, terminal: tuple[int, int]) -> None:
    _, fd = terminal
    before = termios.tcgetattr(fd)

    command = [sys.executable, "-c", CRASH.format(end=end)]
    ended = subprocess.run(command, stdin=fd, stderr=subprocess.DEVNULL, check=False)

    assert ended.returncode in (1, 3, -15)
    assert termios.tcgetattr(fd) == before


def test_what_is_no_terminal_has_no_single_keys(pipe: tuple[int, int]) -> None:
    assert not system.read_single_keys(pipe[0])


def test_no_single_keys_without_termios(terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    before = system.has_single_keys()
    without_module(monkeypatch, "termios")

    assert (before, system.has_single_keys(), system.read_single_keys(terminal[1])) == (True, False, False)


def test_no_single_keys_without_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "poll")

    assert not system.has_single_keys()


def test_another_terminal_has_no_background(terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    here = system.in_background(terminal[1])
    monkeypatch.delattr(os, "tcgetpgrp")

    assert (here, system.in_background(terminal[1])) == (False, False)


def test_background_reads_are_refused_in_this_thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked: list[set[int]] = []

    def run() -> None:
        system.refuse_background_reads()
        blocked.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, [])))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert signal.SIGTTIN in blocked[0]
    assert signal.SIGTTIN not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    monkeypatch.delattr(signal, "pthread_sigmask")
    system.refuse_background_reads()


def test_a_wait_ends_when_woken_or_when_something_can_be_read(pipe: tuple[int, int]) -> None:
    waker = system.Waker()

    none = waker.wait(0.0, pipe[0])
    waker.wake()
    woken = waker.wait(None, pipe[0])
    os.write(pipe[1], b"x")
    readable = waker.wait(None, pipe[0])
    waker.close()
    waker.wake()

    assert (none, woken, readable) == (False, False, True)


async def test_what_does_not_know_how_to_stop_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGTSTP")

    system.on_stop_and_continue(asyncio.get_running_loop(), pytest.fail, pytest.fail)()

    assert signal.getsignal(signal.SIGCONT) in (signal.SIG_DFL, signal.default_int_handler)


async def test_a_process_that_continues_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    continued = asyncio.Event()

    def after() -> None:
        calls.append("after")
        continued.set()

    end = system.on_stop_and_continue(asyncio.get_running_loop(), lambda: calls.append("before"), after)
    os.kill(os.getpid(), signal.SIGCONT)
    await continued.wait()
    end()

    assert calls == ["before", "after"]
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
