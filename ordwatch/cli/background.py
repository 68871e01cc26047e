"""Programs that run as long as this process. They end with it, also if it is killed, and their folder is removed.

They are started by a process between: one for each line of its stdin, the arguments as JSON. When that pipe ends, which
the system sees to, it ends them. It is a session of its own, for Ctrl-C ends a terminal's whole foreground: who started
the programs decides which of them ends first.
"""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

END_S = 5.0
"""How long a program may take to end before it is killed."""


class Background:
    """Starts programs. Their stderr goes to who made this, their stdout nowhere."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self.folder = folder
        """For the user alone; removed at the end."""

    def start(self, *args: str | Path) -> None:
        """Start a program. That it cannot be run is written to stderr like all that it writes there."""
        assert self._process.stdin is not None  # noqa: S101 - it was made with a pipe
        self._process.stdin.write(json.dumps([str(arg) for arg in args]).encode() + b"\n")


@asynccontextmanager
async def background(on_line: Callable[[str], None]) -> AsyncIterator[Background]:
    """Programs that end with the block, the first one last. `on_line` gets each line that one writes to stderr."""
    folder = Path(tempfile.mkdtemp(prefix="ordwatch-"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__, folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None  # noqa: S101 - pipes were asked for
    assert process.stderr is not None  # noqa: S101
    reading = asyncio.create_task(_read(process.stderr, on_line))
    try:
        yield Background(process, folder)
    finally:
        process.stdin.close()
        await process.wait()
        await reading


async def _read(stderr: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    while not stderr.at_eof():
        with suppress(ValueError):  # a line of more than 64 KiB is left out
            if line := await stderr.readline():
                on_line(line.decode("utf-8", "replace").rstrip("\n"))


# In the process between.


def main() -> None:
    """Start what stdin names; at its end, end all of it and remove the folder."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not ignored: what is ignored here would be ignored by the programs, too.
        signal.signal(number, lambda *_: None)
    programs: list[subprocess.Popen[bytes]] = []
    for line in sys.stdin.buffer:
        args = json.loads(line)
        try:
            programs.append(
                subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603 - our parent's
            )
        except OSError as exc:
            print(f"ordwatch: cannot run {args[0]}: {exc.strerror}", file=sys.stderr, flush=True)  # noqa: T201 - read by the parent
    _end(programs[1:])
    _end(programs[:1])
    shutil.rmtree(sys.argv[1], ignore_errors=True)


def _end(programs: "Iterable[subprocess.Popen[bytes]]") -> None:
    for program in programs:
        program.terminate()
    for program in programs:
        try:
            program.wait(END_S)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


if __name__ == "__main__":
    main()
