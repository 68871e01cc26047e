"""Bare loops: the least that does the same work, to measure ordwatch against. Run as a process: KIND PORT COUNT FILE.

No event loop for TCP, no session, no book, no queue, no thread, no filter, no gap accounting.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable

from ordwatch.core.conversion import order_record
from ordwatch.core.events import OrderUpdate
from ordwatch.core.records import encode, numbered

_BATCH = 64


class Out:
    """Writes a line for each update."""

    def __init__(self, path: str, count: int) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._lines: list[bytes] = []
        self._left = count
        self._seq = 0

    def write(self, update: OrderUpdate) -> bool:
        """Write one; True when it was the last."""
        record = order_record(update, prev_status=None, gap=None, changed=[], flags=list(update.flags))
        self._seq += 1
        self._lines.append(numbered(encode(record), self._seq) + b"\n")
        self._left -= 1
        if len(self._lines) == _BATCH or self._left == 0:
            os.write(self._fd, b"".join(self._lines))
            self._lines.clear()
        return self._left == 0


def opend(port: int, out: Out) -> None:
    """Split frames, SHA-1, parse, build the full record, encode, write."""
    from ordwatch.venues.opend.frames import FrameReader, is_sound
    from ordwatch.venues.opend.messages import parse_update_order
    from ordwatch.venues.opend.orders import OrderReader

    reader, orders = FrameReader(), OrderReader("opend", futures_zone="Asia/Shanghai")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while chunk := connection.recv(64 * 1024):
            now_ns = time.time_ns()
            for frame in reader.feed(chunk):
                assert is_sound(frame.body, frame.sha1)
                push = parse_update_order(frame.body)
                if out.write(orders.read(push.s2c.header, push.s2c.order, now_ns, "push")):
                    return


async def over_websocket(url: str, out: Out, read: Callable[[bytes, int], OrderUpdate]) -> None:
    """`websockets` receive, typed decode, build the full record, encode, write."""
    from websockets.asyncio.client import connect

    async with connect(url, compression=None, ping_interval=None, proxy=None) as connection:
        while True:
            data = await connection.recv(decode=False)
            if out.write(read(data, time.time_ns())):
                return


def reader_of(kind: str) -> Callable[[bytes, int], OrderUpdate]:
    """Typed decoding of one push of a WebSocket venue, without a session."""
    if kind == "coinw":
        from ordwatch.venues.coinw import messages, orders

        def coinw(data: bytes, now_ns: int) -> OrderUpdate:
            push = messages.decode(data)
            assert isinstance(push, messages.OrderPush)
            row = push.orders[0]
            assert isinstance(row, messages.OrderRow)
            return orders.order_update(row, venue=kind, received_ns=now_ns)

        return coinw

    from ordwatch.venues.loopring import messages as loopring_messages
    from ordwatch.venues.loopring import orders as loopring_orders

    origin = loopring_orders.Origin(venue=kind, account="10005", decimals={"LRC": 18, "ETH": 18, "USDT": 6})

    def loopring(data: bytes, now_ns: int) -> OrderUpdate:
        push = loopring_messages.decode(data)
        assert isinstance(push, loopring_messages.OrderTopicPush)
        return loopring_orders.pushed_order(push, origin, now_ns)

    return loopring


def main() -> None:
    """Run one bare loop to its end."""
    kind, port, count, path = sys.argv[1:5]
    os.sched_setaffinity(0, {1})
    out = Out(path, int(count))
    if kind == "opend":
        opend(int(port), out)
    else:
        asyncio.run(over_websocket(f"ws://127.0.0.1:{port}/", out, reader_of(kind)))


if __name__ == "__main__":
    main()
