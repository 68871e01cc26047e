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
from contextlib import ExitStack
from pathlib import Path

from ordwatch.venues import REGISTRY
from tests.benchmarks.feeder import feeding
from tests.benchmarks.recorded import make_recording

ROUNDS = 3
VERIFIED_LINES = 1_000_000
MERGED_S = 10.0
MERGED_PER_S = 20_000
"""Updates of all venues together."""
_ORDWATCH = [str(Path(sys.executable).with_name("ordwatch"))]


def pinned(command: Sequence[str]) -> list[str]:
    """The command on core 1."""
    return ["taskset", "-c", "1", *command]


def tail(config: Path, *options: str) -> list[str]:
    return pinned([*_ORDWATCH, "tail", "--config", str(config), "-q", *options])


def lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


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
    from ordwatch.core.times import time_ns

    return (now_ns - time_ns(json.loads(line)["received_at"])) / 1e6


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


def recording(count: int, folder: Path) -> None:
    """The same stream with a recording beside it and without, in turns."""
    pairs = []
    for number in range(ROUNDS):
        kept = folder / f"recording-{number}.jsonl"
        pairs.append((_rate_recorded(count, folder, kept), ordwatch_rate("opend", count, folder)))
        assert lines(kept) > count, f"{lines(kept)} lines for {count} orders"
        kept.unlink()
    cost = statistics.median(1 - recorded / bare for recorded, bare in pairs)
    recorded, bare = (statistics.median(each) for each in zip(*pairs, strict=True))
    report("opend: what --record costs, %", cost * 100, "<= 30", f"{recorded:,.0f}/s against {bare:,.0f}/s")


def _rate_recorded(count: int, folder: Path, path: Path) -> float:
    return ordwatch_rate("opend", count, folder, "--record", str(path))


def verify(count: int, folder: Path) -> None:
    """A recording of a million lines: verified, and opened once more by a recorder."""
    path = folder / "million.jsonl"
    make_recording(path, VERIFIED_LINES)
    size_mb = path.stat().st_size / 1e6
    took, peak_mib = _measured([*_ORDWATCH, "verify", str(path)])
    report("verify a million lines, s", took, "< 15", f"{size_mb:,.0f} MB")
    report("verify a million lines, peak MiB", peak_mib, "< 100", "whole process")
    opening = "from pathlib import Path; from ordwatch.recording.sink import Recording; Recording(Path({!r})).open()"
    took, peak_mib = _measured([sys.executable, "-c", opening.format(str(path))])
    report("open a million lines again, s", took, "< 15", f"peak {peak_mib:.0f} MiB")
    path.unlink()


def _measured(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory in MiB of a process that must succeed."""
    began = time.monotonic()
    process = subprocess.Popen(pinned(command), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command[-2:]} ended with {process.returncode}"
    return time.monotonic() - began, used.ru_maxrss / 1024


def merged(count: int, folder: Path) -> None:
    """All venues at once for about ten seconds: every line arrives, and the loop never stalls."""
    each = int(MERGED_S * MERGED_PER_S / len(REGISTRY))
    with ExitStack() as feeding_all:
        feeders = [feeding_all.enter_context(feeding(kind, each, folder, per_s=each / MERGED_S)) for kind in REGISTRY]
        config = folder / "merged.yaml"
        config.touch(0o600)
        config.write_text("venues:\n" + "".join(_blocks(feeder.config) for feeder in feeders))
        options = ["-o", "json", "--records", "all", "--max-events", str(each * len(REGISTRY))]
        out = folder / "merged.jsonl"
        with out.open("wb") as file:
            process = subprocess.Popen(tail(config, *options), stdout=file)
            began = min(feeder.began() for feeder in feeders)
            assert process.wait() == 0
            took = time.monotonic() - began
    with out.open("rb") as file:
        reported = [json.loads(line) for line in file]
    orders = sum(record["type"] == "order" for record in reported)
    assert orders == each * len(REGISTRY), f"{orders} orders of {each * len(REGISTRY)}"
    assert not [record for record in reported if record["type"] in ("gap", "sink_gap", "reject")]
    stall = max(record["loop_lag_ms"] for record in reported if record["type"] == "alive")
    report("three venues: longest stall of the loop, ms", stall, "< 50", f"{orders:,} of {orders:,} lines arrived")
    report("three venues: updates a second", orders / took, "> 18000", f"{took:.1f} s, fed for {MERGED_S:g} s")


def _blocks(config: Path) -> str:
    return config.read_text().removeprefix("venues:\n")


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
    "recording": recording,
    "verify": verify,
    "merged": merged,
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
