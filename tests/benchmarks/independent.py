"""What an outsider would write for this: bare loops that import nothing of ordwatch and print the same lines.

Read, split, check, parse, keep the last state of each order, name what changed, encode, write; no reconnects, no
gaps, no duplicates or late updates beyond the simplest, one venue, one output. Run as a process: KIND PORT COUNT FILE
[LINES], so many lines in each write.
"""

import asyncio
import hashlib
import importlib.util
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

import msgspec

Body = dict[str, Any]
"""A record without `seq`."""

FINAL = {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}
KEYS = (
    *("venue", "environment", "account", "order_id", "order_id_ext", "client_order_id", "symbol", "name", "side"),
    *("order_type", "time_in_force", "status", "venue_status", "prev_status", "final", "reason", "qty", "filled_qty"),
    *("remaining_qty", "price", "stop_price", "avg_price", "filled_value", "fee", "fee_currency", "currency"),
    *("remark", "created_at", "updated_at", "received_at", "source", "gap", "changed", "flags", "extra", "collector"),
    *("stream_seq", "raw"),
)
COMPARED = [key for key in KEYS if key not in ("prev_status", "received_at", "source", "gap", "changed", "flags")]
_EMPTY = dict.fromkeys(KEYS)
_BATCH = 64


@lru_cache(maxsize=1024)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _time(us: int) -> str:
    return f"{_second(us // 1_000_000)}.{us % 1_000_000:06d}Z"


class Lines:
    """The last state of each order, and the lines of what changed."""

    def __init__(self, write: Callable[[bytes], object], count: int, batch: int = _BATCH) -> None:
        self._write = write
        self._left = count
        self._batch = batch
        self._seq = 0
        self._states: dict[tuple[str, str], Body] = {}
        self._lines: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode

    def add(self, body: Body) -> bool:
        """Write the line of one update, if it changed anything; True when it was the last."""
        key = (body["account"], body["order_id"])
        old = self._states.get(key)
        body["final"] = body["status"] in FINAL
        if body["final"]:
            body["remaining_qty"] = "0"
        body["changed"] = changed = []
        if old is not None:
            body["prev_status"] = old["status"]
            for name in COMPARED:
                if body[name] is None:
                    body[name] = old[name]
                elif body[name] != old[name]:
                    changed.append(name)
        self._states[key] = body
        self._seq += 1
        self._lines.append(self._encode({"type": "order", "seq": self._seq, **body}))
        self._left -= 1
        if len(self._lines) == self._batch or not self._left:
            self._write(b"\n".join(self._lines) + b"\n")
            self._lines.clear()
        return not self._left


# OpenD: framed protobuf over TCP, read with the official SDK's message classes.

_HEADER = struct.Struct("<2sI2B2I20s8s")
_STATUSES = {
    2: ("PENDING_NEW", "Submitting"),
    5: ("NEW", "Submitted"),
    10: ("PARTIALLY_FILLED", "Filled_Part"),
    11: ("FILLED", "Filled_All"),
    12: ("PENDING_CANCEL", "Cancelling_Part"),
    13: ("PENDING_CANCEL", "Cancelling_All"),
    14: ("CANCELED", "Cancelled_Part"),
    15: ("CANCELED", "Cancelled_All"),
    21: ("REJECTED", "Failed"),
    22: ("SUSPENDED", "Disabled"),
}
_SIDES = {1: "BUY", 2: "SELL", 3: "SELL_SHORT", 4: "BUY_BACK"}
_TYPES = {1: "LIMIT", 2: "MARKET", 10: "STOP", 11: "STOP_LIMIT", 14: "TRAILING_STOP"}
_PRICELESS = {2, 10, 14}
_TIMES_IN_FORCE = {0: "DAY", 1: "GTC", 2: "IOC", 3: "GTD"}
_CURRENCIES = {1: "HKD", 2: "USD", 3: "CNH"}
_MARKETS = {1: "HK", 2: "US", 3: "CN", 4: "HKCC", 5: "FUTURES"}
_SEC_MARKETS = {1: ("HK", "HK"), 2: ("US", "US"), 31: ("CN_SH", "SH")}
_SESSIONS = {0: "NONE", 1: "RTH", 2: "ETH", 3: "ALL"}
_TRAIL_TYPES = {1: "RATIO", 2: "AMOUNT"}


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def opend_bodies(chunks: Iterator[bytes]) -> Iterator[Body]:
    """The records of all pushes in a stream of bytes."""
    spec = importlib.util.find_spec("futu")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    sys.path.insert(0, os.path.join(spec.submodule_search_locations[0], "common", "pb"))
    parse = importlib.import_module("Trd_UpdateOrder_pb2").Response.FromString
    buffer = b""
    for chunk in chunks:
        now = _time(time.time_ns() // 1000)
        buffer += chunk
        begin = 0
        while len(buffer) - begin >= 44:
            _, proto_id, _, _, _, length, sha1, _ = _HEADER.unpack_from(buffer, begin)
            if begin + 44 + length > len(buffer):
                break
            body = buffer[begin + 44 : begin + 44 + length]
            begin += 44 + length
            if proto_id == 2208 and hashlib.sha1(body, usedforsecurity=False).digest() == sha1:
                yield _opend_body(parse(body).s2c, now)
        buffer = buffer[begin:]


def _opend_body(s2c: Any, now: str) -> Body:
    header, order = s2c.header, s2c.order
    has = order.HasField
    status, venue_status = _STATUSES.get(order.orderStatus, ("UNKNOWN", str(order.orderStatus)))
    sec_market, prefix = _SEC_MARKETS[order.secMarket]
    qty, filled = order.qty, order.fillQty
    return {
        **_EMPTY,
        "venue": "opend",
        "environment": "live" if header.trdEnv else "paper",
        "account": str(header.accID),
        "order_id": str(order.orderID),
        "order_id_ext": order.orderIDEx or None,
        "symbol": f"{prefix}.{order.code}",
        "name": order.name or None,
        "side": _SIDES.get(order.trdSide),
        "order_type": _TYPES.get(order.orderType),
        "time_in_force": _TIMES_IN_FORCE[order.timeInForce] if has("timeInForce") else None,
        "status": status,
        "venue_status": venue_status,
        "reason": order.lastErrMsg or None,
        "qty": _number(qty),
        "filled_qty": _number(filled) if has("fillQty") else None,
        "remaining_qty": format(Decimal(repr(qty)) - Decimal(repr(filled)), "f").removesuffix(".0"),
        "price": _number(order.price) if has("price") and order.orderType not in _PRICELESS else None,
        "stop_price": _number(order.auxPrice) if has("auxPrice") else None,
        "avg_price": _number(order.fillAvgPrice) if has("fillAvgPrice") else None,
        "currency": _CURRENCIES.get(order.currency),
        "remark": order.remark or None,
        "created_at": _time(int(order.createTimestamp * 1e6 + 0.5)),
        "updated_at": _time(int(order.updateTimestamp * 1e6 + 0.5)),
        "received_at": now,
        "source": "push",
        "flags": [],
        "extra": {
            "session": _SESSIONS.get(order.session) if has("session") else None,
            "fill_outside_rth": order.fillOutsideRTH if has("fillOutsideRTH") else None,
            "trail_type": _TRAIL_TYPES.get(order.trailType) if has("trailType") else None,
            "trail_value": _number(order.trailValue) if has("trailValue") else None,
            "trail_spread": _number(order.trailSpread) if has("trailSpread") else None,
            "expire_time": None,
            "order_amount": None,
            "strategy_type": None,
            "combo_legs": None,
            "jp_acc_type": None,
            "trd_market": _MARKETS.get(order.trdMarket),
            "sec_market": sec_market,
            "create_time": order.createTime or None,
            "update_time": order.updateTime or None,
        },
    }


# CoinW: JSON over WebSocket.

_COINW_STATUSES = {
    "RECEIVED": "NEW",
    "DONE/FILLED": "FILLED",
    "DONE/CANCELLED": "CANCELED",
    "DONE/REJECTED": "REJECTED",
}
_EXACT = Context(prec=40)
_decode = msgspec.json.Decoder().decode


def _positive(text: str | None) -> str | None:
    return text if text and text.strip("0.") else None


def coinw_body(data: bytes, now: str) -> Body:
    """The record of one push."""
    row = _decode(data)["data"]
    reason, left, size = row.get("reason"), row["remaining_size"], _positive(row["size"])
    word = f"{row['type']}/{reason}" if reason else row["type"]
    status, flags, funds = _COINW_STATUSES[word], [], row["dealFunds"]
    average = _positive(row.get("dealAvgPrice"))
    filled = left_text = None
    if size is not None:
        filled = "0" if left == size else format(_EXACT.subtract(Decimal(size), Decimal(left)), "f")
        left_text = left
    elif not funds.strip("0."):
        filled = "0"
    elif average is not None:
        flags.append("derived:filled_qty")
        filled = format(Context(prec=34).divide(Decimal(funds), Decimal(average)).normalize(), "f")
    if status == "NEW" and (funds.strip("0.") or (filled is not None and filled.strip("0."))):
        status = "PARTIALLY_FILLED"
    is_market = row["order_type"] == "MARKET"
    at = _time(row["time"] * 1000)
    return {
        **_EMPTY,
        "venue": "coinw",
        "environment": "live",
        "order_id": str(row["order_id"]),
        "client_order_id": row["client_id"] or None,
        "symbol": row["product_id"],
        "side": row["side"] or None,
        "order_type": row["order_type"],
        "status": status,
        "venue_status": word,
        "reason": reason if status in ("CANCELED", "REJECTED") else None,
        "qty": size,
        "filled_qty": filled,
        "remaining_qty": left_text,
        "price": None if is_market else row["price"],
        "avg_price": average,
        "filled_value": funds,
        "fee": row["fee"],
        "created_at": at if status == "NEW" else None,
        "updated_at": at,
        "received_at": now,
        "source": "push",
        "flags": flags,
        "extra": {
            "price": row["price"] if is_market else None,
            "remaining_size": left,
            "type": row["type"],
            "reason": reason,
        },
    }


# Loopring: JSON over WebSocket, amounts in base units.

_LOOPRING_STATUSES = {
    "waiting": "PENDING_NEW",
    "processing": "NEW",
    "cancelling": "PENDING_CANCEL",
    "processed": "FILLED",
    "cancelled": "CANCELED",
    "expired": "EXPIRED",
    "failed": "REJECTED",
}
_WITH_FILLS = {"NEW": "PARTIALLY_FILLED", "PENDING_NEW": "PARTIALLY_FILLED", "REJECTED": "CANCELED"}
_DECIMALS = {"LRC": 18, "ETH": 18, "USDT": 6}


def _human(units: str, decimals: int) -> str:
    units = units.zfill(decimals + 1)
    fraction = units[-decimals:].rstrip("0")
    return f"{units[:-decimals]}.{fraction}" if fraction else units[:-decimals]


def loopring_body(data: bytes, now: str) -> Body:
    """The record of one push."""
    push = _decode(data)
    row, ts = push["data"], push["ts"]
    base, quote = row["market"].split("-")
    base_decimals, quote_decimals = _DECIMALS[base], _DECIMALS[quote]
    size, filled, value = row["size"], row["filledSize"], row["filledVolume"]
    status, flags, average = _LOOPRING_STATUSES[row["status"]], [], None
    if filled != "0":
        flags.append("derived:avg_price")
        shifted = int(value) * 10 ** (30 + base_decimals - quote_decimals)
        average = _human(str((2 * shifted + int(filled)) // (2 * int(filled))), 30)
        status = {"NEW": "PARTIALLY_FILLED", "PENDING_NEW": "PARTIALLY_FILLED", "REJECTED": "CANCELED"}.get(
            status, status
        )
    buys = row["side"] == "BUY"
    return {
        **_EMPTY,
        "venue": "loopring",
        "environment": "live",
        "account": "10005",
        "order_id": row["hash"],
        "client_order_id": row["clientOrderId"] or None,
        "symbol": row["market"],
        "side": row["side"],
        "status": status,
        "venue_status": row["status"],
        "qty": _human(size, base_decimals),
        "filled_qty": _human(filled, base_decimals),
        "remaining_qty": _human(str(int(size) - int(filled)), base_decimals),
        "price": row["price"],
        "avg_price": average,
        "filled_value": _human(value, quote_decimals),
        "fee": _human(row["filledFee"], base_decimals if buys else quote_decimals),
        "fee_currency": base if buys else quote,
        "created_at": _time(int(row["createdAt"]) * 1000),
        "updated_at": _time(ts * 1000),
        "received_at": now,
        "source": "push",
        "flags": flags,
        "extra": {
            "size": size,
            "volume": row["volume"],
            "filled_size": filled,
            "filled_volume": value,
            "filled_fee": row["filledFee"],
            "ts": str(ts),
            "valid_since": row["validSince"],
            "valid_until": row["validUntil"],
            "storage_id": None,
            "trade_channel": None,
            "order_type": None,
        },
    }


BODIES = {"coinw": coinw_body, "loopring": loopring_body}


def _chunks(port: int) -> Iterator[bytes]:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while chunk := connection.recv(64 * 1024):
            yield chunk


async def _over_websocket(port: int, lines: Lines, body: Callable[[bytes, str], Body]) -> None:
    from websockets.asyncio.client import connect

    url = f"ws://127.0.0.1:{port}/"
    async with connect(url, compression=None, ping_interval=None, proxy=None) as connection:
        while True:
            data = await connection.recv(decode=False)
            if lines.add(body(data, _time(time.time_ns() // 1000))):
                return


def main() -> None:
    """Run one loop to its end."""
    kind, port, count, path, *batch = sys.argv[1:]
    os.sched_setaffinity(0, {1})
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    lines = Lines(lambda data: os.write(fd, data), int(count), *map(int, batch))
    if kind in BODIES:
        asyncio.run(_over_websocket(int(port), lines, BODIES[kind]))
    else:
        any(map(lines.add, opend_bodies(_chunks(int(port)))))


if __name__ == "__main__":
    main()
