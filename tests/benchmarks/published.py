"""What publishing to a real NATS stream costs, how fast it catches up, and how late a follower shows a line."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ordwatch.config.nats import NatsSettings
from ordwatch.scale import stream
from ordwatch.scale.nats_client import connect
from tests.benchmarks.feeder import feeding
from tests.benchmarks.processes import ORDWATCH, Rate, lines, ordwatch_used, pinned, rate, tail
from tests.benchmarks.reports import report, report_pairs
from tests.scale.collectors import make_stream
from tests.support.nats_server import Server, nats_cluster, nats_server

ROUNDS = 3
FEW = 2_000
SHOWN_PER_S = 250
SHOWN_S = 4
"""Shorter than it takes until the collector asks for its orders, of which the simulator knows nothing."""
REPLICAS = 3
DEADLINE_S = 120.0


def publishing(count: int, folder: Path) -> None:
    """The same stream recorded and published, and only recorded, in turns."""
    rounds = []
    with _server(folder) as server:
        for number in range(ROUNDS):
            published = _recorded(folder, f"published-{number}", count, "--publish", nats=_section(server))
            rounds.append((published, _recorded(folder, f"recorded-{number}", count)))
    report_pairs("opend: with --record / and with --publish", rounds)


def _recorded(folder: Path, name: str, count: int, *options: str, nats: str = "") -> Rate:
    few, many = folder / f"{name}-few.jsonl", folder / f"{name}.jsonl"
    used = [
        ordwatch_used("opend", size, folder, "mixed", "--record", str(path), *options, more_config=nats)
        for size, path in ((FEW, few), (count, many))
    ]
    for path in (few, many):
        path.unlink()
    return rate(used[0], used[1], FEW, count)


def catch_up(count: int, folder: Path) -> None:
    """A recording that was made without the broker is published to three servers that replicate it."""
    path, config = folder / "behind.jsonl", folder / "behind.yaml"
    ordwatch_used("opend", count, folder, "mixed", "--record", str(path))
    behind = lines(path)
    with TemporaryDirectory(dir=folder) as own, nats_cluster(Path(own)) as servers:
        settings = NatsSettings(servers=tuple(server.url for server in servers))
        asyncio.run(make_stream(settings, REPLICAS))
        config.touch(0o600)
        config.write_text("venues:\n  opend:\n    host: 127.0.0.1\n    port: 9\n" + _section(*servers))
        process = subprocess.Popen(pinned(tail(config, "--record", str(path), "--publish")), stdout=subprocess.DEVNULL)
        took_s = asyncio.run(_until_held(settings, behind))
        process.terminate()
        _, _, used = os.wait4(process.pid, 0)
    per_s = behind / (used.ru_utime + used.ru_stime)
    report("catch-up into three replicas: lines/s of CPU time", per_s, f"{behind / took_s:,.0f} lines/s by the clock")
    path.unlink()


async def _until_held(settings: NatsSettings, count: int) -> float:
    """Wait until the stream has so many messages; how long it took from the first one on."""
    began_s = None
    async with asyncio.timeout(DEADLINE_S), connect(settings, name="benchmark") as connection:
        while True:
            found = await stream.info(connection, settings.stream)
            held = found.messages if found is not None else 0
            if held and began_s is None:
                began_s = time.monotonic()
            if began_s is not None and held >= count:
                return time.monotonic() - began_s
            await asyncio.sleep(0.02)


def shown(count: int, folder: Path) -> None:
    """From the venue's send over a recording and the stream to the follower's line, at 250 a second."""
    count = min(count, SHOWN_S * SHOWN_PER_S)
    with _server(folder) as server:
        command = [*ORDWATCH, "follow", "--server", server.url, "-q", "-o", "json", "--records", "orders"]
        follower = subprocess.Popen(pinned([*command, "--max-events", str(count)]), stdout=subprocess.PIPE)
        assert follower.stdout is not None
        with feeding("opend", count, folder, mix="mixed", per_s=SHOWN_PER_S) as feeder:
            feeder.config.write_text(feeder.config.read_text() + _section(server))
            options = ["--record", str(folder / "shown.jsonl"), "--publish", "-o", "json", "--max-events", str(count)]
            collector = subprocess.Popen(pinned(tail(feeder.config, *options)), stdout=subprocess.DEVNULL)
            arrived_ns = [time.time_ns() for _ in follower.stdout]
            assert collector.wait() == 0
            assert follower.wait() == 0
            feeder.began()
            sent_ns = feeder.sent_ns()
    late_ms = sorted((there - here) / 1e6 for here, there in zip(sent_ns, arrived_ns, strict=True))
    p50, p99 = (late_ms[int(len(late_ms) * share)] for share in (0.5, 0.99))
    report("send to followed line at 250/s, p99 ms", p99, f"p50 {p50:.2f}, max {late_ms[-1]:.2f} ms")


@contextmanager
def _server(folder: Path) -> Iterator[Server]:
    """A server with a stream that is empty."""
    with TemporaryDirectory(dir=folder) as own, nats_server(Path(own)) as server:
        asyncio.run(make_stream(server.settings()))
        yield server


def _section(*servers: Server) -> str:
    """The section of the configuration that names the servers."""
    listed = ", ".join(f'"{server.url}"' for server in servers)
    return f"nats:\n  servers: [{listed}]\n  collector: c\n"
