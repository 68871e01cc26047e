"""What every sink that blocks has in common: a thread that writes to a descriptor, and how it ends."""

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable
from threading import Thread

from ordwatch import system
from ordwatch.core.errors import OrdwatchError, OutputError, OutputRefused, ReaderClosed

CLOSE_S = 2.0
"""How long a sink that closes waits for a reader that does not read."""

_MAX_WRITE_BYTES = 64 * 1024


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


class OutputThread:
    """Runs `job` in a daemon thread and tells the event loop how it ended."""

    def __init__(self, fd: int, job: Callable[[], None]) -> None:
        self._fd = fd
        self._work = job
        self.error: OrdwatchError | None = None
        """Why the work failed."""
        self._raised = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread; the running event loop is the one that is told."""
        self._loop = asyncio.get_running_loop()
        # Asked while it is open: a terminal that was closed gives EIO, and is no terminal any more.
        self._is_terminal = os.isatty(self._fd)
        self._failed = asyncio.Event()
        self._ended = asyncio.Event()
        # A daemon, because nothing gets a thread out of a write(2) that nobody reads.
        self._thread = Thread(target=self._run, name=f"write {fd_name(self._fd)}", daemon=True)
        self._thread.start()

    async def watch(self) -> None:
        """Last until the work fails.

        Raises:
            ReaderClosed: Nobody reads any more, or the terminal is gone.
            OutputError: Any other error of the system.
        """
        await self._failed.wait()
        self._raised = True
        raise self.error or OutputError(f"the thread that writes to {fd_name(self._fd)} ended")

    async def close(self) -> None:
        """Wait for the end of the work, at most CLOSE_S; if it still blocks then, it is left to itself.

        Raises:
            ReaderClosed: Nobody reads any more.
            OutputError: The work failed, or still blocks; unless `watch` said so already.
        """
        if self._thread is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._ended.wait()
        except TimeoutError:
            raise OutputError(f"{fd_name(self._fd)} took too little in {CLOSE_S:g} s: not all was written") from None
        if self.error is not None and not self._raised:
            raise self.error

    def _run(self) -> None:
        failed = True
        try:
            self._work()
            failed = False
        except OSError as exc:
            self.error = self._reason(exc)
        finally:
            # The loop is closed when the run ended while this thread was stuck in a write.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._tell, failed)

    def _tell(self, failed: bool) -> None:
        self._ended.set()
        if failed:
            self._failed.set()

    def _reason(self, exc: OSError) -> OrdwatchError:
        if exc.errno == errno.EPIPE or (exc.errno == errno.EIO and self._is_terminal):
            return ReaderClosed(f"nobody reads {fd_name(self._fd)} any more")
        return OutputError(f"cannot write to {fd_name(self._fd)}: {exc.strerror}")
