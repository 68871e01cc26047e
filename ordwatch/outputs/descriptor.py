"""A file descriptor as an output: all bytes or an error, and an error as the user is to read it."""

import errno
import logging
import os
from collections.abc import Callable

from ordwatch import system
from ordwatch.core.errors import OrdwatchError, OutputError, OutputRefused, ReaderClosed

CLOSE_S = 2.0
"""How long an output that closes waits for a reader that does not read."""

_MAX_WRITE_BYTES = 64 * 1024

log = logging.getLogger(__name__)


def check_open(fd: int) -> None:
    """Make sure that `fd` is a descriptor.

    Raises:
        OutputRefused: It is closed.
    """
    try:
        os.fstat(fd)
    except OSError as exc:
        raise OutputRefused(f"cannot write to {fd_name(fd)}: {exc.strerror}") from exc


def fd_name(fd: int) -> str:
    """The name a user knows a descriptor by."""
    return {1: "stdout", 2: "stderr"}.get(fd, f"file descriptor {fd}")


def write_all(fd: int, data: bytes) -> None:
    """Write every byte, however little the kernel takes at a time; waits where the descriptor is non-blocking.

    Raises:
        OSError: As os.write; an interrupted call is repeated by Python itself (PEP 475).
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest[:_MAX_WRITE_BYTES]) :]
        except BlockingIOError:
            system.wait_writable(fd, 1.0)


def explain_failure(fd: int) -> Callable[[BaseException], OrdwatchError]:
    """What makes ReaderClosed or OutputError from an error of a thread that writes to `fd`, which is still open."""
    # Asked while it is open: a terminal that was closed gives EIO, and is no terminal any more.
    is_terminal = os.isatty(fd)

    def explain(exc: BaseException) -> OrdwatchError:
        if not isinstance(exc, OSError):
            log.error("internal error in the thread that writes to %s", fd_name(fd), exc_info=exc)
            return OutputError(f"the thread that writes to {fd_name(fd)} ended")
        if exc.errno == errno.EPIPE or (exc.errno == errno.EIO and is_terminal):
            return ReaderClosed(f"nobody reads {fd_name(fd)} any more")
        return OutputError(f"cannot write to {fd_name(fd)}: {exc.strerror}")

    return explain


def incomplete(fd: int) -> OutputError:
    """The error of an output that was closed before its reader had taken everything."""
    return OutputError(f"{fd_name(fd)} took too little in {CLOSE_S:g} s: not all was written")
