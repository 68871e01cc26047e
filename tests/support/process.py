"""The installed command as a process of its own, and simulators that it can reach."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any, NamedTuple, Protocol

from ordwatch.simulators import load_simulator
from ordwatch.simulators.contract import Step
from ordwatch.simulators.host import Hosted, host
from ordwatch.simulators.setup import config_text
from tests.support.forked import fork_server

COMMAND = Path(sys.executable).with_name("ordwatch")
DEADLINE_S = 60
_READ_BY_ORDWATCH = ("ORDWATCH_", "_ORDWATCH_", "COMP_", "_TYPER_", "COLUMNS", "HOME")
"""Variables that no module reads when it is imported begin with these words."""


class Ended(NamedTuple):
    """How a process ended; a negative code is the signal it died by."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Process(Protocol):
    """What tests use of a process: a part of `subprocess.Popen`."""

    pid: int
    stdout: IO[str] | None
    stderr: IO[str] | None

    @property
    def returncode(self) -> int | Any: ...
    def poll(self) -> int | None: ...
    def send_signal(self, sig: int, /) -> None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def communicate(self, text: str | None = None, /, timeout: float | None = None) -> tuple[str, str]: ...


def run(*args: str | Path, env: Mapping[str, str] | None = None, stdin: str | None = None) -> Ended:
    """Run the command to its end, with no variables but these."""
    with _started(args, dict(env or {}), stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE) as process:
        out, err = process.communicate(stdin, timeout=DEADLINE_S)
        return Ended(process.returncode, out, err)


@contextmanager
def running(
    *args: str | Path,
    env: Mapping[str, str] | None = None,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    before: Callable[[], None] | None = None,
) -> Iterator[Process]:
    """The command while it runs, its two outputs as pipes or descriptors; killed at the end if it still runs.

    `before` is called in the new process before the command.
    """
    with _started(args, dict(env or {}), stdout=stdout, stderr=stderr, before=before) as process:
        yield process


def end(process: Process, signal_number: int) -> Ended:
    """Send a signal and wait for the end."""
    process.send_signal(signal_number)
    out, err = process.communicate(timeout=DEADLINE_S)
    return Ended(process.returncode, out, err)


@contextmanager
def _started(
    args: Sequence[str | Path],
    env: dict[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    before: Callable[[], None] | None = None,
) -> Iterator[Process]:
    """Start by fork what need not begin with Python's own start."""
    process: Process
    if before is None and all(name.startswith(_READ_BY_ORDWATCH) for name in env):
        process = fork_server().start([str(COMMAND), *map(str, args)], env, stdin=stdin, stdout=stdout, stderr=stderr)
    else:
        process = subprocess.Popen(
            [COMMAND, *args],
            env=env,
            preexec_fn=before,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            encoding="utf-8",
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE_S)


def processes_with(text: str | Path) -> list[str]:
    """The command lines of all processes that have this text in one of their arguments; Linux only."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return [line for line in found if str(text) in line]


class Simulated:
    """Hosted simulators in a thread of their own, and the configuration that reaches them."""

    def __init__(self, kinds: Sequence[str], path: Path) -> None:
        self.path = path
        self.hosts: dict[str, Hosted] = {}
        self._kinds = kinds
        self._ready = Event()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = Thread(target=lambda: self._loop.run_until_complete(self._host()))

    def __enter__(self) -> "Simulated":
        self._thread.start()
        assert self._ready.wait(DEADLINE_S)
        write_private(self.path, config_text({kind: each.settings() for kind, each in self.hosts.items()}))
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    async def _host(self) -> None:
        await self._host_rest(list(self._kinds))

    async def _host_rest(self, kinds: list[str]) -> None:
        if not kinds:
            self._ready.set()
            await self._over.wait()
            return
        async with host(load_simulator(kinds[0])) as self.hosts[kinds[0]]:
            await self._host_rest(kinds[1:])

    def do(self, act: Callable[[], None]) -> None:
        """Let something happen at the simulators, and wait until it has."""

        async def acted() -> None:
            act()

        asyncio.run_coroutine_threadsafe(acted(), self._loop).result(DEADLINE_S)

    def play(self, steps: Sequence[Step]) -> None:
        """Let orders move at every simulator."""
        for each in self.hosts.values():
            for step in steps:
                self.do(lambda each=each, step=step: each.play(step))  # type: ignore[misc]  # binds what the loop gives

    @property
    def connections(self) -> int:
        """How many clients ever came."""
        return sum(each.connections for each in self.hosts.values())


def write_private(path: Path, text: str) -> Path:
    """A file for the user alone."""
    path.touch(0o600)
    os.chmod(path, 0o600)
    path.write_text(text, encoding="utf-8")
    return path
