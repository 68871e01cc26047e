"""The installed command as a job of a shell, at a pseudo-terminal that controls both.

The shell is as plain as can be: it gives the terminal to the job, takes it back when the job stops or ends, and never
changes how the terminal is set. So whatever a job leaves behind is seen.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from tests.support.process import COMMAND, DEADLINE_S
from tests.support.terminal import Terminal

_SHELL = """
import fcntl, os, signal, sys, termios
orders, reports, where, *command = sys.argv[1:]
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    if where == "foreground":
        os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(command[0], command)
os.write(int(reports), b"%d\\n" % job)
for order in open(int(orders)):
    if order == "foreground\\n":
        os.tcsetpgrp(0, job)
        os.kill(job, signal.SIGCONT)
        continue
    _, status = os.waitpid(job, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgrp())
    os.write(int(reports), b"%d\\n" % status)
"""


_WHOLE = re.compile(rb"(?:\x1b\[[0-9;?]*[A-Za-z]|[\xc0-\xff][\x80-\xbf]+(?=[^\x80-\xbf])|[^\x1b\xc0-\xff])*")
"""Bytes without a sequence or a character that is cut at their end."""


class Job:
    """A job, the terminal it has, and what stands on its screen."""

    def __init__(self, shell: "subprocess.Popen[bytes]", screen: int, fd: int, orders: int, reports: int) -> None:
        self.terminal = Terminal(100, 30)
        self.fd = fd
        self._shell = shell
        self._screen = screen
        self._orders = orders
        self._reports = reports
        self._pid = int(os.read(reports, 100))
        self._unread = b""

    @property
    def attributes(self) -> object:
        """How the terminal is set."""
        return termios.tcgetattr(self.fd)

    def type(self, text: str) -> None:
        """Type at the terminal."""
        os.write(self._screen, text.encode())

    def read(self, timeout_s: float) -> bool:
        """Let what was written appear on the screen; whether anything was."""
        if not select.select([self._screen], [], [], timeout_s)[0]:
            return False
        whole = _WHOLE.match(self._unread + os.read(self._screen, 2**20))
        assert whole is not None
        self.terminal.feed(whole[0])
        self._unread = whole.string[whole.end() :]
        return True

    def until(self, seen: Callable[[str], bool]) -> str:
        """The screen as soon as it is as it should be.

        Raises:
            AssertionError: It is not in time.
        """
        end_s = time.monotonic() + DEADLINE_S
        while not seen("\n".join(self.terminal.texts)):
            assert time.monotonic() < end_s, "\n".join(self.terminal.texts)
            self.read(0.1)
        return "\n".join(self.terminal.texts)

    def stopped_or_ended(self) -> int:
        """How the job stopped or ended, as from waitpid."""
        os.write(self._orders, b"wait\n")
        while not select.select([self._reports], [], [], 0)[0]:
            self.read(0.05)
        while self.read(0):
            pass
        return int(os.read(self._reports, 100))

    def to_foreground(self) -> None:
        """Give the terminal to the job and let it go on."""
        os.write(self._orders, b"foreground\n")

    def end(self) -> None:
        """Kill what is left."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.close(self._orders)
        self._shell.wait(DEADLINE_S)


@contextmanager
def job(
    *args: str, env: Mapping[str, str] | None = None, where: str = "foreground", rows: int = 30, columns: int = 100
) -> Iterator[Job]:
    """The command as a job in the foreground, or in the background, of a terminal of this size."""
    screen, fd = pty.openpty()
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    (orders_out, orders), (reports, reports_in) = os.pipe(), os.pipe()
    shell = subprocess.Popen(
        [sys.executable, "-c", _SHELL, str(orders_out), str(reports_in), where, str(COMMAND), *args],
        stdin=fd,
        stdout=fd,
        stderr=fd,
        start_new_session=True,
        pass_fds=(orders_out, reports_in),
        env={"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})},
    )
    made = Job(shell, screen, fd, orders, reports)
    made.terminal = Terminal(columns, rows)
    try:
        yield made
    finally:
        made.end()
        for each in (screen, fd, orders_out, reports, reports_in):
            os.close(each)
