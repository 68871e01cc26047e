"""The process itself: its descriptors, its environment, and how it dies."""

import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import NoReturn

_LEAVE_S = 0.2
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
    """Keep session keys of TLS out of $SSLKEYLOGFILE. Before aiohttp is imported, which makes a context at once."""
    if "SSLKEYLOGFILE" in environ:
        environ["SSLKEYLOGFILE"] = ""


def ignored_variables(environ: Mapping[str, str]) -> list[str]:
    """Names of variables that would redirect or reveal traffic, if they were heeded."""
    return [name for name in environ if name.lower() in PROXIES or name == "SSLKEYLOGFILE"]


def leave_threads(code: int) -> None:
    """End the process here if a thread hangs that Python would wait for at its exit; all was flushed before."""
    import threading

    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
    for thread in others:
        thread.join(_LEAVE_S)
    if any(thread.is_alive() for thread in others):
        sys.stdout.flush()
        os._exit(code)


def die_by(signal_number: int) -> NoReturn:
    """End by this signal, so that a shell or a service manager sees the truth."""
    from ordwatch import system

    system.die_by(signal_number)
    # The first process of a container is not killed by a signal without a handler.
    os._exit(128 + signal_number)


class Killed(BaseException):
    """A signal asked the process to end before there was anything to end in good order."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal = signal_number


def raise_on_signals() -> None:
    """Let SIGINT and SIGTERM raise `Killed`, so that clean-ups run."""
    import signal
    from types import FrameType

    def killed(number: int, _frame: FrameType | None) -> None:
        raise Killed(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, killed)


def write_out(text: str) -> None:
    """Write a line to stdout, now.

    Raises:
        Killed: By SIGPIPE: nobody reads it.
    """
    from ordwatch.system import SIGPIPE

    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must not fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise Killed(SIGPIPE) from None
