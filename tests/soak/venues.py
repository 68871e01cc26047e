"""Simulated venues with orders that never rest, and a journal of what was true when. A process: see `main`.

The journal has one JSON object a line: `state` for each state of each order, `connected` and `disconnected` for each
client, and at the end `truth`, the state in which each order was left. Times are ns since 1970 UTC.
"""

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Literal

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators import load_simulator
from ordwatch.simulators.contract import Intent, Market, Outgoing, Simulator, Step, TrueState
from ordwatch.simulators.host import Hosted, host
from ordwatch.simulators.scenario import lifecycles
from ordwatch.simulators.setup import config_text
from ordwatch.venues.contract import HttpReply, HttpRequest
from tests.support.process import write_private

Key = tuple[str, str | None, str]
ALIVE = 20
"""Long-lived orders of a venue that move at the same time."""
FILLS = 30
"""Partial fills of each."""
SHORT_SHARE = 0.05
"""Share of the steps that belong to short lifecycles of all kinds."""
DROP_EVERY_S = 6.0


class Journaled:
    """A simulator that writes down what happens to it."""

    def __init__(self, kind: str, inner: Simulator, note: Callable[[dict[str, object]], None]) -> None:
        self.kind = kind
        self.listeners: Mapping[str, Literal["tcp", "websocket", "http"]] = inner.listeners
        self.markets: Sequence[Market] = inner.markets
        self.faults: Sequence[str] = inner.faults
        self._inner = inner
        self._note = note
        self._keys: dict[str, Key] = {}

    def connected(self, peer: int, listener: str, path: str, now_ns: int) -> None:
        self._note({"what": "connected", "venue": self.kind, "peer": peer, "ns": now_ns})
        self._inner.connected(peer, listener, path, now_ns)

    def receive(self, peer: int, data: bytes, now_ns: int) -> None:
        self._inner.receive(peer, data, now_ns)

    def disconnected(self, peer: int) -> None:
        self._note({"what": "disconnected", "venue": self.kind, "peer": peer, "ns": time.time_ns()})
        self._inner.disconnected(peer)

    def request(self, request: HttpRequest, now_ns: int) -> HttpReply:
        return self._inner.request(request, now_ns)

    def play(self, step: Step, now_ns: int) -> None:
        before = self.truth()
        self._inner.play(step, now_ns)
        after = self.truth()
        if step.order not in self._keys:
            [self._keys[step.order]] = set(after) - set(before)
        key = self._keys[step.order]
        if before.get(key) != after[key]:
            self._note({"what": "state", "ns": now_ns, **self._state(key, after[key])})

    def tick(self, now_ns: int) -> None:
        self._inner.tick(now_ns)

    def data_to_send(self) -> list[Outgoing]:
        return self._inner.data_to_send()

    def fault(self, name: str, on: bool = True) -> None:
        self._inner.fault(name, on)

    def truth(self) -> dict[Key, TrueState]:
        return self._inner.truth()

    def settings(self, addresses: Mapping[str, str]) -> dict[str, object]:
        return self._inner.settings(addresses)

    def alternatives(self, addresses: Mapping[str, str]) -> Sequence[dict[str, object]]:
        return self._inner.alternatives(addresses)

    def report_truth(self) -> None:
        """Write down in which state each order is."""
        for key, state in self.truth().items():
            self._note({"what": "truth", **self._state(key, state)})

    def _state(self, key: Key, state: TrueState) -> dict[str, object]:
        return {"venue": self.kind, "key": key, "status": state.status, "filled": state.filled_qty}


def long_lives(seed: int, markets: Sequence[Market]) -> Iterator[Step]:
    """The steps of orders that fill in many parts, ALIVE of them at a time, without end."""
    random = Random(seed)
    names = (f"long {number}" for number in range(1_000_000_000))
    alive: list[tuple[str, Intent, int]] = []
    while True:
        if len(alive) < ALIVE:
            market = random.choice(markets)
            qty = str(Decimal(market.lot) * FILLS * 2)
            instrument = markets.index(market)
            intent = Intent(
                side=Side.BUY, qty=qty, price=market.price, instrument=instrument, account=random.randrange(5)
            )
            alive.append((next(names), intent, 0))
            yield Step(alive[-1][0], OrderStatus.NEW, intent)
            continue
        name, intent, part = alive.pop(random.randrange(len(alive)))
        filled = Decimal(intent.qty) / FILLS * (part + 1)
        status = OrderStatus.FILLED if part + 1 == FILLS else OrderStatus.PARTIALLY_FILLED
        yield Step(name, status, intent, filled=format(filled.normalize(), "f"), avg_price=intent.price)
        if part + 1 < FILLS:
            alive.append((name, intent, part + 1))


def steps(seed: int, markets: Sequence[Market], rate: float) -> Iterator[Step]:
    """Long lives and now and then a step of a short one, `rate` a second."""
    random = Random(seed)
    long, short = long_lives(seed, markets), lifecycles(seed, markets=markets)
    while True:
        step = next(short if random.random() < SHORT_SHARE else long)
        yield dataclasses.replace(step, after_s=random.expovariate(rate))


async def play(hosted: Hosted, seed: int, rate: float) -> None:
    """Let orders move for ever; late steps are caught up with, so that the rate holds on average."""
    due = time.monotonic()
    for step in steps(seed, hosted.simulator.markets, rate):
        due += step.after_s
        # Also when late: on a machine too slow for the rate, the clients must have their turn.
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        hosted.play(step)


async def cut_connections(hosted: Hosted, seed: int) -> None:
    """Cut every connection again and again, on average every DROP_EVERY_S."""
    random = Random(seed)
    while True:
        await asyncio.sleep(random.expovariate(1 / DROP_EVERY_S))
        hosted.drop(reset=random.random() < 0.5)


async def simulate(kinds: Sequence[str], config: Path, journal: Path, *, seed: int, rate: float) -> None:
    """Simulate until stdin says so: a first line ends all movement, its end ends everything."""
    loop = asyncio.get_running_loop()
    with journal.open("w", encoding="utf-8") as file:

        def note(entry: dict[str, object]) -> None:
            file.write(json.dumps(entry) + "\n")

        async with AsyncExitStack() as stack:
            journaled = [Journaled(kind, load_simulator(kind), note) for kind in kinds]
            hosts = [await stack.enter_async_context(host(each, seed=seed)) for each in journaled]
            blocks = {each.kind: each.settings(hosted.addresses) for each, hosted in zip(journaled, hosts, strict=True)}
            write_private(config, config_text(blocks))
            moves = [asyncio.create_task(play(each, seed + n, rate / len(kinds))) for n, each in enumerate(hosts)]
            cuts = [asyncio.create_task(cut_connections(each, seed + n)) for n, each in enumerate(hosts)]
            print("ready", flush=True)
            await loop.run_in_executor(None, sys.stdin.readline)
            for task in (*moves, *cuts):
                task.cancel()
            failed = [each for each in await asyncio.gather(*moves, *cuts, return_exceptions=True) if each]
            assert all(isinstance(each, asyncio.CancelledError) for each in failed), failed
            for each in journaled:
                each.report_truth()
            file.flush()
            print("quiet", flush=True)
            await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """KIND... --config FILE --journal FILE [--seed N] [--rate N]; says `ready`, and `quiet` when all movement ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.venues")
    parser.add_argument("kinds", nargs="+")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=200.0)
    given = parser.parse_args()
    asyncio.run(simulate(given.kinds, given.config, given.journal, seed=given.seed, rate=given.rate))


if __name__ == "__main__":
    main()
