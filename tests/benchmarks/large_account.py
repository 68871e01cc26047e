"""A large account: its first query, its resyncs and a reconnect, with a monitor in the event loop of the watcher.

The venue is a simulator in a process of its own, on a core of its own, with all orders open from the start.
"""

import asyncio
import json
import multiprocessing
import os
import pty
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, Literal, get_args

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators import load_simulator
from ordwatch.simulators.contract import Intent, Step
from ordwatch.simulators.host import host
from ordwatch.simulators.setup import config_text
from tests.benchmarks.feeder import PATIENT
from tests.benchmarks.processes import pinned, tail, used_by

ORDERS = 100_000
PAGED_ORDERS = 5_000
"""Of a venue that lists 50 orders in an answer, five times a second: more would take an hour."""
PAGED = frozenset({"loopring"})
RESYNC_S = 20.0
GIVE_UP_S = 600.0

Output = Literal["json", "table"]
OUTPUTS: tuple[Output, ...] = get_args(Output)


def watched(kind: str, output: Output, folder: Path) -> tuple[int, dict[str, float]]:
    """How many orders were watched, and the longest stalls in milliseconds, as monitored.py names them."""
    orders = PAGED_ORDERS if kind in PAGED else ORDERS
    recording, stalls = folder / f"large-{kind}-{output}.jsonl", folder / "stalls.json"
    with _venue(kind, orders, folder) as (config, pipe), _stdout(output) as stdout:
        # The order that the venue gets at the end is the last event.
        options = ["-o", output, "--record", str(recording), "--max-events", str(orders + 1)]
        command = [sys.executable, "-m", "tests.benchmarks.monitored", str(stalls), *tail(config, *options)[1:]]
        environ = {**os.environ, "TERM": "xterm-256color"}
        process = subprocess.Popen(pinned(command), stdin=subprocess.DEVNULL, stdout=stdout, env=environ)
        _conduct(kind, orders, recording, pipe)
        used_by(process, time.monotonic())
    _check(recording, orders)
    recording.unlink()
    found: dict[str, float] = json.loads(stalls.read_text())
    return orders, found


def _conduct(kind: str, orders: int, recording: Path, pipe: Connection) -> None:
    """Wait for the first query and a resync, cut the connection, and end the run when the gap is closed."""
    records = _records(recording)
    _until(records, lambda record: record["type"] == "link" and record["state"] == "live")
    alive = _until(records, lambda record: record["type"] == "alive")
    wanted = alive["venues"][kind]["updates"] + orders
    _until(records, lambda record: record["type"] == "alive" and record["venues"][kind]["updates"] >= wanted)
    pipe.send("drop")
    _until(records, lambda record: record["type"] == "gap" and record["state"] == "closed")
    pipe.send("place")


def _records(recording: Path) -> Iterator[dict[str, Any]]:
    """The records that are no orders, as they are written."""
    give_up_s = time.monotonic() + GIVE_UP_S
    begun, file = b"", None
    while time.monotonic() < give_up_s:
        if file is None:
            with suppress(FileNotFoundError):
                file = recording.open("rb")
        begun += b"" if file is None else file.readline()
        if not begun.endswith(b"\n"):
            time.sleep(0.05)
            continue
        line, begun = begun, b""
        if not line.startswith(b'{"type":"order"'):
            yield json.loads(line)
    raise AssertionError(f"{recording.name}: nothing of what is waited for in {GIVE_UP_S:g} s")


def _until(records: Iterator[dict[str, Any]], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    return next(record for record in records if wanted(record))


def _check(recording: Path, orders: int) -> None:
    """Every order is there once, and nothing else happened than one gap."""
    with recording.open("rb") as file:
        kinds = Counter(json.loads(line)["type"] for line in file)
    assert kinds["order"] == orders + 1, f"{kinds['order']} orders of {orders + 1}"
    assert (kinds["gap"], kinds["reject"], kinds["sink_gap"]) == (2, 0, 0), kinds


@contextmanager
def _stdout(output: Output) -> Iterator[IO[bytes] | int]:
    """Where the lines go, or a terminal that takes all that is drawn."""
    if output == "json":
        yield subprocess.DEVNULL
        return
    ours, theirs = pty.openpty()
    threading.Thread(target=_read_all, args=(ours,), daemon=True).start()
    try:
        yield theirs
    finally:
        os.close(theirs)


def _read_all(fd: int) -> None:
    with suppress(OSError):
        while os.read(fd, 2**16):
            pass


@contextmanager
def _venue(kind: str, orders: int, folder: Path) -> Iterator[tuple[Path, Connection]]:
    """The configuration that reaches the venue, and the pipe that takes "drop" and "place"."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_run, args=(kind, orders, there), daemon=True)
    process.start()
    try:
        config = folder / f"large-{kind}.yaml"
        config.touch(0o600)
        config.write_text(here.recv())
        yield config, here
    finally:
        process.terminate()
        process.join()


def _run(kind: str, orders: int, pipe: Connection) -> None:
    os.sched_setaffinity(0, {0})
    asyncio.run(_serve(kind, orders, pipe))


async def _serve(kind: str, orders: int, pipe: Connection) -> None:
    simulator = load_simulator(kind)
    now_ns = time.time_ns()
    for number in range(orders):
        simulator.play(_placed(number), now_ns - (orders - number) * 1_000_000)
    async with host(simulator) as hosted:
        pipe.send(config_text({kind: {**hosted.settings(), **PATIENT, "audit_interval": RESYNC_S}}))
        while True:
            if await asyncio.to_thread(pipe.recv) == "drop":
                hosted.drop()
            else:
                hosted.play(_placed(orders))


def _placed(number: int) -> Step:
    """Orders of all accounts, in all instruments."""
    side = Side.BUY if number % 3 else Side.SELL
    intent = Intent(side=side, qty="700", price=f"{480 + number % 97 / 5:.1f}", instrument=number, account=number)
    return Step(f"order-{number}", OrderStatus.NEW, intent)
