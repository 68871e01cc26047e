"""Commands that are measured: on a core of their own, by wall clock and by CPU time."""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from tests.benchmarks.feeder import feeding
from tests.benchmarks.payloads import Mix

ORDWATCH = [str(Path(sys.executable).with_name("ordwatch"))]
_FEW = 2_000
_LOOK_S = 0.02
"""How often the memory of what runs is looked at."""


class Used(NamedTuple):
    """What a process took."""

    wall_s: float
    """From the first push, or else from its start."""
    cpu_s: float
    """All of it: start-up, every thread, user and system."""
    peak_mib: float


class Rate(NamedTuple):
    """What one update costs."""

    cpu_us: float
    """CPU time without that of starting up."""
    per_s: float
    """By the wall clock, from the first push to the end of the process."""


def pinned(command: Sequence[str]) -> list[str]:
    """The command on core 1."""
    return ["taskset", "-c", "1", *command]


def used_by(process: "subprocess.Popen[bytes]", began_s: float) -> Used:
    """Wait for its end, which must be a success.

    Raises:
        AssertionError: It failed.
    """
    ended, peak_mib = os.pidfd_open(process.pid), 0.0
    while not select.select([ended], [], [], _LOOK_S)[0]:
        peak_mib = max(peak_mib, _peak_mib(process.pid))
    wall_s = time.monotonic() - began_s
    os.close(ended)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{process.args!r} ended with {process.returncode}"
    return Used(wall_s, used.ru_utime + used.ru_stime, peak_mib)


def _peak_mib(pid: int) -> float:
    """The most that it has had so far; 0 once it has ended.

    `ru_maxrss` would not be less than what this process had when it started it, as Linux counts.
    """
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return 0.0 if found is None else int(found[1]) / 1024


def measured(command: Sequence[str], stdout: int | IO[bytes] = subprocess.DEVNULL) -> Used:
    """What this command takes, start-up and all."""
    began_s = time.monotonic()
    return used_by(subprocess.Popen(pinned(command), stdout=stdout), began_s)


def tail(config: Path, *options: str) -> list[str]:
    """The command that watches what feeders push."""
    return [*ORDWATCH, "tail", "--config", str(config), "-q", *options]


def ordwatch_used(
    kind: str, count: int, folder: Path, mix: Mix, *options: str, per_s: float | None = None, more_config: str = ""
) -> Used:
    """`ordwatch tail` over so many pushes, all of their lines in `ordwatch.jsonl`."""
    out = folder / "ordwatch.jsonl"
    with feeding(kind, count, folder, mix=mix, per_s=per_s) as feeder, out.open("wb") as file:
        feeder.config.write_text(feeder.config.read_text() + more_config)
        command = tail(feeder.config, "-o", "json", "--max-events", str(count), *options)
        process = subprocess.Popen(pinned(command), stdout=file)
        used = used_by(process, feeder.began())
    assert lines(out) == count, f"{lines(out)} lines of {count}"
    return used


def independent_used(kind: str, count: int, folder: Path, mix: Mix, *, per_s: float | None = None) -> Used:
    """The independent loop over the same pushes; its lines are in `independent.jsonl`. With `per_s` it writes each."""
    out = folder / "independent.jsonl"
    with feeding(kind, count, folder, mix=mix, per_s=per_s, handshake=False) as feeder:
        port = feeder.config.read_text()
        command = [sys.executable, "-m", "tests.benchmarks.independent", kind, port, str(count), str(out)]
        if per_s is not None:
            command.append("1")
        process = subprocess.Popen(pinned(command))
        used = used_by(process, feeder.began())
    assert lines(out) == count
    return used


def sdk_used(count: int, folder: Path, mix: Mix) -> Used:
    """The official SDK over so many pushes of OpenD, printing JSON lines; those that it knows how to print."""
    out, home = folder / "sdk.jsonl", folder / "home"
    home.mkdir(exist_ok=True)
    environ = {**os.environ, "HOME": str(home), "OPENSSL_CONF": "/dev/null"}
    with feeding("opend", count, folder, mix=mix) as feeder, out.open("wb") as file:
        command = [sys.executable, "-m", "tests.benchmarks.sdk_lines", str(feeder.config), str(count)]
        process = subprocess.Popen(pinned(command), stdout=file, stderr=subprocess.DEVNULL, env=environ)
        return used_by(process, feeder.began())


def rate(few: Used, many: Used, few_count: int, many_count: int) -> Rate:
    """What one of the further updates costs."""
    return Rate((many.cpu_s - few.cpu_s) / (many_count - few_count) * 1e6, many_count / many.wall_s)


def ordwatch_rate(kind: str, count: int, folder: Path, mix: Mix, *options: str) -> Rate:
    """What `ordwatch tail` takes for one update."""
    few = ordwatch_used(kind, _FEW, folder, mix, *options)
    return rate(few, ordwatch_used(kind, count, folder, mix, *options), _FEW, count)


def independent_rate(kind: str, count: int, folder: Path, mix: Mix) -> Rate:
    """What the independent loop takes for one update."""
    few = independent_used(kind, _FEW, folder, mix)
    return rate(few, independent_used(kind, count, folder, mix), _FEW, count)


def lines(path: Path) -> int:
    """How many lines the file has."""
    with path.open("rb") as file:
        return sum(1 for _ in file)
