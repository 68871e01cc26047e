"""The pushes that benchmarks send: made once by a venue's simulator, kept as the bytes that go over the wire."""

import asyncio
import pickle
import struct
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Literal, get_args

from ordwatch.core.events import OrderStatus, Side
from ordwatch.engine.policy import Pace
from ordwatch.engine.run import Run
from ordwatch.simulators import load_simulator
from ordwatch.simulators.contract import Intent, Market, Step
from ordwatch.simulators.host import host
from ordwatch.simulators.scenario import lifecycles
from tests.support.collect import Collected

ORDERS = 1_000
"""Orders that take turns in the recurring stream; each push is a new state of one of them."""

MIXED_ORDERS = 5_000
"""Orders that are alive at the same time in the mixed stream; each lives some three states, then another comes."""

STATES = 8
"""States of each order in the stream of finals: seven, then filled."""

Mix = Literal["mixed", "recurring", "finals"]
MIXES: tuple[Mix, ...] = get_args(Mix)


def payloads(kind: str, count: int, folder: Path, mix: Mix = "recurring") -> list[bytes]:
    """So many order pushes of this venue, in order, as they go over the wire; made once for each folder."""
    kept = folder / f"{kind}-{mix}-{count}.pickle"
    if not kept.exists():
        kept.write_bytes(pickle.dumps(asyncio.run(_make(kind, count, mix))))
    made: list[bytes] = pickle.loads(kept.read_bytes())  # noqa: S301 - written above, in a folder of our own
    return made


async def _make(kind: str, count: int, mix: Mix) -> list[bytes]:
    """Let a real client subscribe, so that the simulator has somebody to push to; then take what it pushes."""
    simulator = load_simulator(kind)
    async with host(simulator) as hosted:
        out = Collected()
        run = Run([hosted.setup()], [out], pace=Pace(first_s=0.01))
        running = asyncio.create_task(run.run())
        await out.until(lambda: "live" in out.states)
        hosted.flush()
        made: list[bytes] = []
        now_ns = time.time_ns()
        steps = _steps(mix, count, simulator.markets)
        for number, step in enumerate(steps):
            simulator.play(step, now_ns + number * 1_000_000)
            made += [_wire(outgoing.payload) for outgoing in simulator.data_to_send() if outgoing.push]
            if len(made) >= count:
                break
        run.stop("made")
        await running
    return made[:count]


def _step(number: int) -> Step:
    turn, order = divmod(number, ORDERS)
    intent = Intent(side=Side.BUY, qty="1000000", price="480.5", instrument=order % 4, account=1)
    if turn == 0:
        return Step(f"order-{order}", OrderStatus.NEW, intent)
    return Step(f"order-{order}", OrderStatus.PARTIALLY_FILLED, intent, filled=str(turn), avg_price="480.25")


def _steps(mix: Mix, count: int, markets: Sequence[Market]) -> Iterator[Step]:
    match mix:
        case "mixed":
            return _mixed(count, markets)
        case "recurring":
            return map(_step, range(count))
        case "finals":
            return (_until_filled(number, count // STATES) for number in range(count))


def _until_filled(number: int, orders: int) -> Step:
    """All orders in turn, state by state, to their end."""
    state, order = divmod(number, orders)
    intent = Intent(side=Side.BUY, qty="700", price=f"{480 + order % 97 / 5:.1f}", instrument=order % 4, account=1)
    if state == 0:
        return Step(f"order-{order}", OrderStatus.NEW, intent)
    status = OrderStatus.FILLED if state == STATES - 1 else OrderStatus.PARTIALLY_FILLED
    return Step(f"order-{order}", status, intent, filled=str(state * 100), avg_price="480.25")


def _mixed(count: int, markets: Sequence[Market]) -> Iterator[Step]:
    """Many orders of all kinds at once: other prices, amounts and statuses with each push."""
    lives: dict[str, list[Step]] = {}
    for step in lifecycles(seed=1, count=count, markets=markets):
        lives.setdefault(step.order, []).append(step)
    coming = iter(lives.values())
    alive = list(islice(coming, MIXED_ORDERS))
    draw = Random(1)
    while alive:
        index = draw.randrange(len(alive))
        yield alive[index].pop(0)
        if not alive[index]:
            alive[index : index + 1] = islice(coming, 1)


def _wire(payload: object) -> bytes:
    if isinstance(payload, str):
        return _frame(0x81, payload.encode())
    assert isinstance(payload, bytes)
    return payload


def _frame(first: int, data: bytes) -> bytes:
    """A WebSocket frame of a server (RFC 6455, 5.2): not masked."""
    if len(data) < 126:
        return struct.pack("!BB", first, len(data)) + data
    return struct.pack("!BBH", first, 126, len(data)) + data


def unframed(data: bytes) -> bytes:
    """The text in a frame that `payloads` made."""
    return data[2:] if data[1] < 126 else data[4:]
