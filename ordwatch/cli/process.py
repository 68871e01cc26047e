"""The process: its standard descriptors, its environment, its signals, and how it ends."""

import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import NoReturn

_JOIN_S = 0.2
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy")


def open_standard_descriptors() -> None:
    """Make 0, 1 and 2 valid, so that no file or socket opened later can become stdout or stderr."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - it stays open as long as the process
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def disable_key_log(environ: MutableMapping[str, str]) -> None:
    """Keep TLS session keys out of $SSLKEYLOGFILE. Call it before aiohttp is imported: its import makes a context."""
    if "SSLKEYLOGFILE" in environ:
        environ["SSLKEYLOGFILE"] = ""


def ignored_variables(environ: Mapping[str, str]) -> list[str]:
    """The variables that are set and would redirect or reveal traffic; ordwatch ignores them."""
    return [name for name in environ if name.lower() in PROXIES or name == "SSLKEYLOGFILE"]


def exit_despite_threads(code: int) -> None:
    """End the process now if a thread hangs that Python would wait for; all output was flushed before."""
    import threading

    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
    for thread in others:
        thread.join(_JOIN_S)
    if any(thread.is_alive() for thread in others):
        sys.stdout.flush()
        os._exit(code)


def exit_by_signal(signal_number: int) -> NoReturn:
    """End by this signal, so that a shell or a service manager sees which one it was."""
    from ordwatch import system

    system.exit_by_signal(signal_number)
    # The first process of a container is not killed by a signal without a handler.
    os._exit(128 + signal_number)


_hangups: list[int] = []
"""SIGHUPs received while they were deferred."""


def defer_hangup() -> None:
    """Remember a SIGHUP for later instead of ending by it, unless it is ignored, as under nohup."""
    import signal

    from ordwatch import system

    number = system.hangup()
    if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, lambda number, _frame: _hangups.append(number))


def take_deferred_hangup() -> bool:
    """Whether a SIGHUP was received while it was deferred; forgets it."""
    received = bool(_hangups)
    _hangups.clear()
    return received


def end_on_hangup() -> None:
    """From now on a SIGHUP raises `Killed`, also one that was deferred; unless it is ignored.

    Raises:
        Killed: A SIGHUP was deferred.
    """
    import signal

    from ordwatch import system

    number = system.hangup()
    if number is None or signal.getsignal(number) is signal.SIG_IGN:
        return
    signal.signal(number, _raise_killed)
    if take_deferred_hangup():
        raise Killed(number)


class Killed(BaseException):
    """A signal ends the process."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal = signal_number


def raise_on_signals() -> None:
    """Let SIGINT and SIGTERM raise `Killed`, so that `finally` blocks run."""
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _raise_killed)


def _raise_killed(number: int, _frame: object) -> None:
    raise Killed(number)


def write_out(text: str) -> None:
    """Write a line to stdout and flush it.

    Raises:
        Killed: The reader has closed stdout; the signal is SIGPIPE.
        OutputError: It cannot be written, as on a full disk.
    """
    from ordwatch.core.errors import OutputError
    from ordwatch.system import SIGPIPE

    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as exc:
        # The rest of the buffer must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(exc, BrokenPipeError):
            raise Killed(SIGPIPE) from None
        raise OutputError(f"cannot write to stdout: {exc.strerror}") from exc
