"""The independent loops do the same work: their lines are ours, key by key."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ordwatch.core.events import OrderUpdate, VenueStats
from ordwatch.core.order_store import OrderStore
from ordwatch.outputs.json_lines import json_line
from ordwatch.venues import REGISTRY, load
from ordwatch.venues.coinw import messages as coinw_messages
from ordwatch.venues.coinw import orders as coinw_orders
from ordwatch.venues.loopring import messages as loopring_messages
from ordwatch.venues.loopring import orders as loopring_orders
from ordwatch.venues.opend.frames import FrameReader
from ordwatch.venues.opend.messages import parse_update_order
from ordwatch.venues.opend.orders import OrderReader
from tests.benchmarks import independent
from tests.benchmarks.payloads import MIXES, Mix, payloads, unframed

COUNT = 2_000
NOW_NS = time.time_ns()


def opend(data: bytes) -> OrderUpdate:
    (frame,) = FrameReader().feed(data)
    push = parse_update_order(frame.body)
    return OrderReader("opend", futures_zone="Asia/Shanghai").read(push.s2c.header, push.s2c.order, NOW_NS, "push")


def coinw(data: bytes) -> OrderUpdate:
    push = coinw_messages.decode(unframed(data))
    assert isinstance(push, coinw_messages.OrderPush)
    (row,) = push.orders
    assert isinstance(row, coinw_messages.OrderRow)
    return coinw_orders.PushedOrderReader("coinw").read(row, NOW_NS)


def loopring(data: bytes) -> OrderUpdate:
    push = loopring_messages.decode(unframed(data))
    assert isinstance(push, loopring_messages.OrderTopicPush)
    origin = loopring_orders.Origin("loopring", "10005", {"LRC": 18, "ETH": 18, "USDT": 6})
    return loopring_orders.pushed_order(push, origin, NOW_NS)


READERS: dict[str, Callable[[bytes], OrderUpdate]] = {"opend": opend, "coinw": coinw, "loopring": loopring}


def ours(kind: str, made: list[bytes]) -> list[dict[str, object]]:
    records = OrderStore({kind: load(kind)}, {kind: VenueStats()}).apply(map(READERS[kind], made))
    return [json.loads(json_line(record, seq)) for seq, record in enumerate(records, 1)]


def theirs(kind: str, made: list[bytes]) -> list[dict[str, object]]:
    written: list[bytes] = []
    lines = independent.Lines(written.append, len(made))
    if kind == "opend":
        bodies = independent.opend_bodies(iter([b"".join(made)]))
    else:
        bodies = (independent.BODIES[kind](unframed(data), "") for data in made)
    assert [lines.add(body) for body in bodies].index(True) == len(made) - 1
    return [json.loads(line) for line in b"".join(written).splitlines()]


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("kind", REGISTRY)
def test_an_independent_loop_prints_the_same_lines(kind: str, mix: Mix, tmp_path: Path) -> None:
    made = payloads(kind, COUNT, tmp_path, mix)

    both = ours(kind, made), theirs(kind, made)

    for line in both[0] + both[1]:
        del line["received_at"]
    assert [list(line.items()) for line in both[0]] == [list(line.items()) for line in both[1]]
