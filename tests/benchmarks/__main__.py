"""Benchmarks: `python -m tests.benchmarks [--count N] [NAME ...]`. Prints ratios, measured side by side in one run.

The sending side runs on core 0, what is measured on core 1. Costs are CPU time, which a busy machine changes less than
the wall clock; still only ratios mean something there.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ordwatch.venues import REGISTRY
from tests.benchmarks import large_account
from tests.benchmarks.feeder import feeding
from tests.benchmarks.followed import fill
from tests.benchmarks.payloads import STATES, Mix
from tests.benchmarks.processes import (
    ORDWATCH,
    independent_rate,
    independent_used,
    lines,
    measured,
    ordwatch_rate,
    ordwatch_used,
    pinned,
    rate,
    sdk_used,
    tail,
    used_by,
)
from tests.benchmarks.published import catch_up, publishing, shown
from tests.benchmarks.recorded import make_recording
from tests.benchmarks.reports import cost, report, report_pairs
from tests.support.nats_server import nats_server

ROUNDS = 3
RECORDED_LINES = 1_000_000
MERGED_PER_S = 20_000
"""Updates of all venues together."""
PACED_S = 4.0
"""Shorter than the time until the venue is queried again: its simulator does not know the orders that were pushed."""
FINAL_ORDERS = 60_000


def throughput(kind: str, mix: Mix) -> Callable[[int, Path], None]:
    """CPU time of an update, against the independent loop that prints the same lines."""

    def measure(count: int, folder: Path) -> None:
        rounds = [
            (ordwatch_rate(kind, count, folder, mix), independent_rate(kind, count, folder, mix)) for _ in range(ROUNDS)
        ]
        assert_equal_lines(folder / "ordwatch.jsonl", folder / "independent.jsonl")
        report_pairs(f"{kind}, {mix}: independent loop / ordwatch", rounds)

    return measure


def assert_equal_lines(ours: Path, theirs: Path) -> None:
    """Every line equal, but for the time at which it was received."""
    with ours.open("rb") as one, theirs.open("rb") as other:
        for mine, its in zip(one, other, strict=True):
            left, right = json.loads(mine), json.loads(its)
            left.pop("received_at"), right.pop("received_at")
            assert list(left.items()) == list(right.items()), f"{left} is not {right}"


def sdk(mix: Mix) -> Callable[[int, Path], None]:
    """CPU time of an update, against the official SDK printing JSON lines."""

    def measure(count: int, folder: Path) -> None:
        few, many = 200, max(1_000, count // 30)
        ours = ordwatch_rate("opend", count, folder, mix)
        theirs = rate(sdk_used(few, folder, mix), sdk_used(many, folder, mix), few, many)
        report(f"opend, {mix}: official SDK / ordwatch", theirs.cpu_us / ours.cpu_us, f"{cost(ours)}, {cost(theirs)}")

    return measure


def latency(count: int, folder: Path) -> None:
    """From the sender's send to the reader of the pipe, at 1,000 updates a second."""
    count = min(count, int(1_000 * PACED_S))
    with feeding("opend", count, folder, mix="mixed", per_s=1_000) as feeder:
        command = tail(feeder.config, "-o", "json", "--max-events", str(count))
        process = subprocess.Popen(pinned(command), stdout=subprocess.PIPE)
        assert process.stdout is not None
        arrived_ns = [time.time_ns() for _ in process.stdout]
        process.wait()
        feeder.began()
        sent_ns = feeder.sent_ns()
    late_ms = sorted((there - here) / 1e6 for here, there in zip(sent_ns, arrived_ns, strict=True))
    p50, p99, p999 = (late_ms[int(len(late_ms) * share)] for share in (0.5, 0.99, 0.999))
    report("send to line at 1,000/s, p99 ms", p99, f"p50 {p50:.2f}, p99.9 {p999:.2f}, max {late_ms[-1]:.2f} ms")


def paced(count: int, folder: Path) -> None:
    """CPU time of an update, and the share of a core, at several rates; beside it the independent loop."""
    for per_s in (100, 1_000, 10_000):
        few, many = per_s, int(per_s * PACED_S)
        idle = ordwatch_used("opend", few, folder, "mixed", per_s=per_s)
        each = rate(idle, ordwatch_used("opend", many, folder, "mixed", per_s=per_s), few, many)
        idle = independent_used("opend", few, folder, "mixed", per_s=per_s)
        loop = rate(idle, independent_used("opend", many, folder, "mixed", per_s=per_s), few, many)
        more = f"{each.cpu_us:.0f} us CPU an update, the independent loop {loop.cpu_us:.0f}"
        report(f"opend at {per_s}/s, % of a core", each.cpu_us * per_s / 1e4, more)


def startup(count: int, folder: Path) -> None:
    """Real commands, against the import of the command-line library."""
    config = folder / "nobody.yaml"
    config.touch(0o600)
    config.write_text("venues:\n  opend:\n    host: 127.0.0.1\n    port: 9\n")
    first_byte = tail(config, "-o", "json", "--records", "all")
    samples = [
        (measured([sys.executable, "-c", "import typer"]).cpu_s, measured([*ORDWATCH, "--help"]).cpu_s)
        for _ in range(ROUNDS * 3)
    ]
    typer_s, help_s = (statistics.median(each) for each in zip(*samples, strict=True))
    report("ordwatch --help / import typer", help_s / typer_s, f"{help_s * 1e3:.0f} against {typer_s * 1e3:.0f} ms CPU")
    tail_s = statistics.median(_first_byte_s(first_byte) for _ in range(ROUNDS * 3))
    report("ordwatch tail to its first byte, ms", tail_s * 1e3, "wall clock")


def _first_byte_s(command: list[str]) -> float:
    began_s = time.monotonic()
    process = subprocess.Popen(pinned(command), stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(1)
    took_s = time.monotonic() - began_s
    process.kill()
    process.wait()
    process.stdout.close()
    return took_s


def memory(count: int, folder: Path) -> None:
    """Final orders of eight states each, every line written; and the growth with recurring orders."""
    finals = ordwatch_used("opend", FINAL_ORDERS * STATES, folder, "finals")
    report(f"{FINAL_ORDERS:,} final orders of {STATES} states, MiB", finals.peak_mib, "the whole process, at its peak")
    few, many = (ordwatch_used("opend", each, folder, "recurring") for each in (count // 10, count))
    report("growth with recurring orders, MiB", many.peak_mib - few.peak_mib, f"{many.peak_mib:.0f} MiB at {count:,}")


def recording(count: int, folder: Path) -> None:
    """The same stream with a recording and without, in turns."""
    rounds = []
    for number in range(ROUNDS):
        kept = folder / f"recording-{number}.jsonl"
        options = ["--record", str(kept)]
        few = ordwatch_used("opend", 2_000, folder, "mixed", *options)
        kept.unlink()
        both = rate(few, ordwatch_used("opend", count, folder, "mixed", *options), 2_000, count)
        kept.unlink()
        rounds.append((both, ordwatch_rate("opend", count, folder, "mixed")))
    report_pairs("opend: without --record / with it", rounds)


def follow(count: int, folder: Path) -> None:
    """Two collectors that published the same lines: every line read, each state printed once."""
    recording, out = folder / "followed.jsonl", folder / "followed-out.jsonl"
    ordwatch_used("opend", count, folder, "mixed", "--record", str(recording))
    with nats_server(folder) as server, out.open("wb") as file:
        held = asyncio.run(fill(server, recording.read_bytes().splitlines(keepends=True)))
        options = ["--server", server.url, "--since", "1d", "--once", "-q", "-o", "json", "--records", "orders"]
        used = measured([*ORDWATCH, "follow", *options], file)
    assert lines(out) == count, f"{lines(out)} orders of {count}"
    report(
        "follow: lines/s of CPU time, two collectors", held / used.cpu_s, f"{held:,} lines in {used.cpu_s:.1f} s CPU"
    )


def replay(count: int, folder: Path) -> None:
    """A recording of a million lines to JSON, against a loop of json.loads over it."""
    path = folder / "million.jsonl"
    make_recording(path, RECORDED_LINES)
    loop = f"import json\nfor line in open({str(path)!r}, 'rb'): json.loads(line)"
    rounds = [
        (measured([*ORDWATCH, "replay", str(path), "-o", "json"]), measured([sys.executable, "-c", loop]))
        for _ in range(ROUNDS)
    ]
    ratio = statistics.median(ours.cpu_s / theirs.cpu_s for ours, theirs in rounds)
    ours, theirs = rounds[0]
    report("replay of a million lines / json.loads loop", ratio, f"{ours.cpu_s:.1f} against {theirs.cpu_s:.1f} s CPU")
    path.unlink()


def verify(count: int, folder: Path) -> None:
    """A recording of a million lines: verified, and opened once more by a recorder."""
    path = folder / "million.jsonl"
    make_recording(path, RECORDED_LINES)
    used = measured([*ORDWATCH, "verify", str(path)])
    size_mb = path.stat().st_size / 1e6
    report("verify a million lines, s CPU", used.cpu_s, f"{size_mb:,.0f} MB, peak {used.peak_mib:.0f} MiB")
    opening = "from pathlib import Path; from ordwatch.recording.sink import Recording; Recording(Path({!r})).open()"
    for name in ("open a million lines, s CPU", "open them again, with a checkpoint, s CPU"):
        used = measured([sys.executable, "-c", opening.format(str(path))])
        report(name, used.cpu_s, f"peak {used.peak_mib:.0f} MiB")
    path.unlink()


def merged(count: int, folder: Path) -> None:
    """All venues at once, paced and then as fast as they are taken: every line arrives; the longest stall."""
    for per_s in (MERGED_PER_S, None):
        each = count // len(REGISTRY)
        with ExitStack() as feeders:
            paces = None if per_s is None else per_s / len(REGISTRY)
            fed = [feeders.enter_context(feeding(kind, each, folder, mix="mixed", per_s=paces)) for kind in REGISTRY]
            stalls = _monitored([feeder.config for feeder in fed], each * len(REGISTRY), folder)
        name = "a blast of three venues" if per_s is None else f"three venues at {per_s:,}/s"
        report(f"{name}: longest stall, ms", stalls["stall_ms"], f"of it CPU time at most {stalls['busy_ms']:.1f} ms")


def _monitored(configs: list[Path], count: int, folder: Path) -> dict[str, float]:
    config, out, stalls = folder / "merged.yaml", folder / "merged.jsonl", folder / "stalls.json"
    config.touch(0o600)
    config.write_text("venues:\n" + "".join(each.read_text().removeprefix("venues:\n") for each in configs))
    arguments = tail(config, "-o", "json", "--records", "all", "--max-events", str(count))[1:]
    command = [sys.executable, "-m", "tests.benchmarks.monitored", str(stalls), *arguments]
    with out.open("wb") as file:
        process = subprocess.Popen(pinned(command), stdout=file)
        used_by(process, time.monotonic())
    with out.open("rb") as file:
        kinds = [json.loads(line)["type"] for line in file]
    assert kinds.count("order") == count, f"{kinds.count('order')} orders of {count}"
    assert not {"sink_gap", "reject"} & set(kinds)
    assert kinds.count("gap") == 0
    found: dict[str, float] = json.loads(stalls.read_text())
    return found


def large(count: int, folder: Path) -> None:
    """A large account of each venue, with a recording, as JSON lines and as a table: the longest stall."""
    for kind in REGISTRY:
        for output in large_account.OUTPUTS:
            orders, stalls = large_account.watched(kind, output, folder)
            more = f"{stalls['process_ms']:.1f} with all threads, {stalls['stall_ms']:.0f} by the clock"
            report(f"{kind}, {orders:,} open orders, {output}: CPU in a tick, ms", stalls["busy_ms"], more)


BENCHMARKS: dict[str, Callable[[int, Path], None]] = {
    **{kind: throughput(kind, "mixed") for kind in REGISTRY},
    **{f"{kind}-recurring": throughput(kind, "recurring") for kind in REGISTRY},
    "sdk": sdk("mixed"),
    "sdk-recurring": sdk("recurring"),
    "latency": latency,
    "paced": paced,
    "startup": startup,
    "memory": memory,
    "recording": recording,
    "publishing": publishing,
    "catch-up": catch_up,
    "follow": follow,
    "shown": shown,
    "replay": replay,
    "verify": verify,
    "merged": merged,
    "large": large,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--count", type=int, default=60_000, help="updates pushed in each run")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; default: all")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.names or BENCHMARKS:
            BENCHMARKS[name](given.count, Path(folder))


if __name__ == "__main__":
    main()
