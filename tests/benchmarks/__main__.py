"""Benchmarks: `python -m tests.benchmarks [--count N] [NAME ...]`. Prints ratios, measured side by side in one run.

The sending side runs on core 0, what is measured on core 1. Absolute figures tell little on a shared machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.feeder import feeding

ROUNDS = 3
_ORDWATCH = [str(Path(sys.executable).with_name("ordwatch"))]


def pinned(command: Sequence[str]) -> list[str]:
    """The command on core 1."""
    return ["taskset", "-c", "1", *command]


def tail(config: Path, *options: str) -> list[str]:
    return pinned([*_ORDWATCH, "tail", "--config", str(config), "-q", *options])


def lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


# -- throughput ------------------------------------------------------------------------------------------------


def ordwatch_rate(kind: str, count: int, folder: Path, *options: str) -> float:
    """Updates a second from the first byte pushed to the end of the process, every line in the file."""
    out = folder / "ordwatch.jsonl"
    with feeding(kind, count, folder) as feeder, out.open("wb") as file:
        process = subprocess.Popen(tail(feeder.config, "-o", "json", "--max-events", str(count), *options), stdout=file)
        began = feeder.began()
        assert process.wait() == 0
        took = time.monotonic() - began
    assert lines(out) == count, f"{lines(out)} lines of {count}"
    return count / took


def bare_rate(kind: str, count: int, folder: Path) -> float:
    """The same for the bare loop."""
    out = folder / "bare.jsonl"
    with feeding(kind, count, folder, handshake=False) as feeder:
        port = feeder.config.read_text()
        command = [sys.executable, "-m", "tests.benchmarks.bare", kind, port, str(count), str(out)]
        process = subprocess.Popen(pinned(command))
        began = feeder.began()
        assert process.wait() == 0
        took = time.monotonic() - began
    assert lines(out) == count
    return count / took


def throughput(kind: str) -> Callable[[int, Path], None]:
    def measure(count: int, folder: Path) -> None:
        pairs = [(ordwatch_rate(kind, count, folder), bare_rate(kind, count, folder)) for _ in range(ROUNDS)]
        ratio = statistics.median(ours / bare for ours, bare in pairs)
        ours, bare = (statistics.median(each) for each in zip(*pairs, strict=True))
        report(f"{kind}: bytes to JSON lines / bare loop", ratio, ">= 0.5", f"{ours:,.0f}/s against {bare:,.0f}/s")

    return measure


def sdk(count: int, folder: Path) -> None:
    """ordwatch against the official SDK printing JSON lines."""
    ours = ordwatch_rate("opend", count, folder)
    few = max(1_000, count // 100)
    out = folder / "sdk.jsonl"
    with feeding("opend", few, folder) as feeder, out.open("wb") as file:
        command = [sys.executable, "-m", "tests.benchmarks.sdk_lines", str(feeder.config), str(few)]
        home = folder / "home"
        home.mkdir(exist_ok=True)
        environ = {**os.environ, "HOME": str(home), "OPENSSL_CONF": "/dev/null"}
        process = subprocess.Popen(pinned(command), stdout=file, stderr=subprocess.DEVNULL, env=environ)
        began = feeder.began()
        process.wait(timeout=300)
        took = time.monotonic() - began
    theirs = few / took
    report("opend: JSON lines / official Python SDK", ours / theirs, ">= 100", f"{ours:,.0f}/s against {theirs:,.0f}/s")


# -- latency ---------------------------------------------------------------------------------------------------


def latency(count: int, folder: Path) -> None:
    """From our socket to the reader of the pipe: received_at against the clock when the line arrives."""
    count = min(count, 20_000)
    with feeding("opend", count, folder, per_s=1_000) as feeder:
        process = subprocess.Popen(
            tail(feeder.config, "-o", "json", "--max-events", str(count)), stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        late_ms = sorted(_late_ms(line, time.time_ns()) for line in process.stdout)
        process.wait()
    p50, p99 = late_ms[len(late_ms) // 2], late_ms[len(late_ms) * 99 // 100]
    report("opend: socket to line at 1,000/s, p99 ms", p99, "< 5", f"p50 {p50:.2f} ms, max {late_ms[-1]:.2f} ms")


def _late_ms(line: bytes, now_ns: int) -> float:
    from ordwatch.text import time_ns

    return (now_ns - time_ns(json.loads(line)["received_at"])) / 1e6


# -- start-up, memory, stalls ----------------------------------------------------------------------------------


def startup(count: int, folder: Path) -> None:
    """`ordwatch --version` against the import of its command-line library."""
    pairs = [(_seconds([*_ORDWATCH, "--version"]), _seconds([sys.executable, "-c", "import typer"])) for _ in range(15)]
    ratio = statistics.median(ours for ours, _ in pairs) / statistics.median(theirs for _, theirs in pairs)
    report("ordwatch --version / import typer", ratio, "<= 1.5", "median of 15")


def _seconds(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(pinned(command), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def memory(count: int, folder: Path) -> None:
    """Growth from a tenth of the updates to all of them, and the longest stall of the loop meanwhile."""
    with feeding("opend", count, folder) as feeder:
        command = tail(feeder.config, "-o", "json", "--records", "all", "--symbol", "NONE", "--duration", "600")
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        alive = []
        for line in process.stdout:
            record = json.loads(line)
            if record["type"] == "alive":
                alive.append(record)
                if record["venues"]["opend"]["updates"] >= count:
                    process.terminate()
        process.wait()
    rss = [record["rss_mib"] for record in alive]
    report("memory growth, MiB", rss[-1] - rss[0], "< 16", f"{rss[-1]:.0f} MiB after {count:,} updates")
    report("longest stall of the loop, ms", max(record["loop_lag_ms"] for record in alive), "< 50", "blast as above")


def report(what: str, value: float, wanted: str, more: str) -> None:
    print(f"{what:45} {value:10.2f}   wanted {wanted:8} {more}", flush=True)


BENCHMARKS: dict[str, Callable[[int, Path], None]] = {
    "opend": throughput("opend"),
    "coinw": throughput("coinw"),
    "loopring": throughput("loopring"),
    "sdk": sdk,
    "latency": latency,
    "startup": startup,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--count", type=int, default=100_000, help="updates pushed in each run")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; default: all")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.names or BENCHMARKS:
            BENCHMARKS[name](given.count, Path(folder))


if __name__ == "__main__":
    main()
