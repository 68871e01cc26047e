"""Commands that `fork_server.py` starts, with the methods of `subprocess.Popen` that tests use."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from functools import cache, partial
from pathlib import Path
from threading import Thread
from typing import IO, Self, TypeVar

from tests.support.fork_server import REPORT

_SERVER = Path(__file__).with_name("fork_server.py")
T = TypeVar("T")


class Forked:
    """A command that runs."""

    def __init__(self, report: int, stdin: IO[str] | None, stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        self._report = report
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self._code: int | None = None
        self.pid = self._reported()

    def _reported(self) -> int:
        (number,) = REPORT.unpack(os.read(self._report, REPORT.size))
        return int(number)

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None before `wait`."""
        return self._code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the pipes, and wait for the end."""
        for file in (self.stdin, self.stdout, self.stderr):
            if file is not None:
                file.close()
        self.wait()

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once the command has ended.

        Raises:
            subprocess.TimeoutExpired: It still runs after `timeout` seconds.
        """
        if self._code is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("ordwatch", timeout or 0.0)
            self._code = self._reported()
            os.close(self._report)
        return self._code

    def send_signal(self, sig: int, /) -> None:
        """Send a signal, unless the command has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, text: str | None = None, /, timeout: float | None = None) -> tuple[str, str]:
        """Send `text` to stdin, read both outputs to their ends, and wait for the end.

        Raises:
            TimeoutError: An output does not end within `timeout` seconds.
            subprocess.TimeoutExpired: The command does not.
        """
        writing = _in_background(partial(_write, self.stdin, text or ""))
        reading = [_in_background(partial(_read, file)) for file in (self.stdout, self.stderr)]
        out, err = (each.result(timeout) for each in reading)
        self.wait(timeout)
        writing.result(timeout)
        return out, err


def _write(file: IO[str] | None, text: str) -> None:
    if file is not None and not file.closed:
        with suppress(BrokenPipeError), file:
            file.write(text)


def _read(file: IO[str] | None) -> str:
    if file is None or file.closed:
        return ""
    with file:
        return file.read()


def _in_background(act: Callable[[], T]) -> Future[T]:
    """What `act` returns, from a thread that does not keep this process from ending."""
    future = Future[T]()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as exc:  # noqa: BLE001 - raised where the result is taken
            future.set_exception(exc)

    Thread(target=run, daemon=True).start()
    return future


class ForkServer:
    """The process that forks, and the socket to it."""

    def __init__(self) -> None:
        self._requests, its_own = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with its_own:
            # As commands are started: with no variables, so that Python chooses the same encodings.
            self._process = subprocess.Popen(
                [sys.executable, "-P", _SERVER, str(its_own.fileno())],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[its_own.fileno()],
            )

    def close(self) -> None:
        """End it."""
        self._requests.close()
        self._process.wait()

    def start(
        self, args: Sequence[str], env: Mapping[str, str], *, stdin: int, stdout: int, stderr: int = subprocess.PIPE
    ) -> Forked:
        """Start a command; stdin is PIPE or DEVNULL, stdout and stderr PIPE or a descriptor."""
        command = {"args": args, "env": dict(env), "folder": os.getcwd()}
        with ExitStack() as its_own:

            def writer() -> tuple[IO[str], int]:
                read, write = os.pipe()
                its_own.callback(os.close, write)
                return open(read, encoding="utf-8"), write

            def reader() -> tuple[IO[str], int]:
                read, write = os.pipe()
                its_own.callback(os.close, read)
                return open(write, "w", encoding="utf-8"), read

            def nothing() -> int:
                descriptor = os.open(os.devnull, os.O_RDONLY)
                its_own.callback(os.close, descriptor)
                return descriptor

            ours_in, its_in = reader() if stdin == subprocess.PIPE else (None, nothing())
            ours_out, its_out = writer() if stdout == subprocess.PIPE else (None, stdout)
            ours_err, its_err = writer() if stderr == subprocess.PIPE else (None, stderr)
            report, its_report = os.pipe()
            its_own.callback(os.close, its_report)
            socket.send_fds(self._requests, [json.dumps(command).encode()], [its_in, its_out, its_err, its_report])
        return Forked(report, ours_in, ours_out, ours_err)


@cache
def fork_server() -> ForkServer:
    """The one of this process; it ends with it."""
    server = ForkServer()
    atexit.register(server.close)
    return server
