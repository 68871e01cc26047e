"""Programs in the background: real processes, which end with who started them."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ordwatch.cli import background as module
from ordwatch.cli.background import background
from tests.scale.collectors import until
from tests.support.process import DEADLINE_S, processes_with

SERVES = (
    "import signal, sys, time\n"
    "def end(*_):\n"
    "    sys.stderr.write(sys.argv[1] + ' ends\\n')\n"
    "    sys.exit()\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "sys.stderr.write(sys.argv[1] + ' runs\\n')\n"
    "time.sleep(600)\n"
)
IGNORES_SIGTERM = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('runs', flush=True)\ntime.sleep(600)\n"
)
STARTS_AND_WAITS = (
    "import asyncio, sys\n"
    "from ordwatch.cli.background import background\n"
    "async def main():\n"
    "    async with background(lambda line: print(line, flush=True)) as programs:\n"
    "        print(programs.folder, flush=True)\n"
    "        programs.start(sys.executable, '-c', sys.argv[1], sys.argv[2])\n"
    "        await asyncio.sleep(600)\n"
    "asyncio.run(main())\n"
)


class Lines:
    """What the programs write to stderr."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._came = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.all.append(line)
        self._came.set()

    async def until(self, condition: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition(self.all):
                self._came.clear()
                await self._came.wait()


async def test_programs_end_with_the_block_the_first_one_last_and_their_folder_is_removed() -> None:
    lines = Lines()
    async with background(lines) as programs:
        for name in ("server", "client", "other"):
            programs.start(sys.executable, "-c", SERVES, name)
        (programs.folder / "file").touch()
        await lines.until(lambda found: len(found) == 3)
        assert programs.folder.stat().st_mode & 0o777 == 0o700

    assert set(lines.all[:3]) == {"server runs", "client runs", "other runs"}
    assert set(lines.all[3:5]) == {"client ends", "other ends"}
    assert lines.all[5:] == ["server ends"]
    assert not programs.folder.exists()


async def test_what_cannot_be_run_is_reported_and_the_others_run() -> None:
    lines = Lines()
    async with background(lines) as programs:
        programs.start(programs.folder / "missing")
        programs.start(sys.executable, "-c", SERVES, "one")
        await lines.until(lambda found: len(found) == 2)

    assert lines.all == [
        f"ordwatch: cannot run {programs.folder / 'missing'}: No such file or directory",
        "one runs",
        "one ends",
    ]


async def test_a_line_that_is_too_long_is_left_out() -> None:
    lines = Lines()
    text = "import sys; print('x' * 200_000, file=sys.stderr); print('short', file=sys.stderr)"
    async with background(lines) as programs:
        programs.start(sys.executable, "-c", text)
        await lines.until(lambda found: found[-1:] == ["short"])

    assert "x" * 200_000 not in lines.all


@pytest.mark.skipif(sys.platform != "linux", reason="only there the processes can be listed")
def test_they_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_AND_WAITS, SERVES, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        assert process.stdout.readline() == f"{tmp_path} runs\n"
        process.kill()

    asyncio.run(until(lambda: not folder.exists()))
    assert processes_with(tmp_path) == []


def test_a_program_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "END_S", 0.0)
    with subprocess.Popen([sys.executable, "-c", IGNORES_SIGTERM], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()

        module._end([program])

    assert program.returncode == -9
