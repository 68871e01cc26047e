"""Builders of records for the tests of the sinks."""

from collections.abc import Callable

import pytest

from ordwatch.core.conversion import order_record
from ordwatch.core.events import Extra, OrderStatus, OrderUpdate, Side
from ordwatch.core.records import AnyRecord, GapRecord, LinkRecord, OrderRecord
from ordwatch.core.times import time_ns

NOON = "2026-03-02T12:00:00.000000Z"
HASH = "0x3f7be2c190d5e84d5c1a5b7a0f43c2d6e8b9a1c7d5e3f2a1b0c9d8e7f6a59a1c"


def _order(
    *, at: str = NOON, updated_at: str | None = NOON, flags: tuple[str, ...] = (), **said: object
) -> OrderRecord:
    known: dict[str, object] = {
        "venue": "alpha",
        "order_id": "1",
        "symbol": "AAA-BBB",
        "side": Side.BUY,
        "order_type": "LIMIT",
        "status": OrderStatus.NEW,
        "venue_status": "open",
        "qty": "100",
        "filled_qty": "0",
        "price": "480.00",
        "received_ns": time_ns(at),
        "updated_ns": time_ns(updated_at) if updated_at is not None else None,
        "source": "push",
        "extra": Extra(),
    }
    update = OrderUpdate(**(known | said))  # type: ignore[arg-type]  # a builder for any field
    return order_record(update, prev_status=None, gap=None, changed=[], flags=list(flags))


def _gap(*, venue: str = "alpha", state: str = "open", outcome: str | None = None, from_: str = NOON) -> GapRecord:
    return GapRecord(
        venue=venue,
        gap=f"{venue}-1",
        state="closed" if state == "closed" else "open",
        cause="eof",
        from_=from_,
        to=NOON if state == "closed" else None,
        outcome="partial" if outcome == "partial" else None,
        recovered=None,
        limits=None,
        at=NOON,
    )


def _link(state: str, *, venue: str = "alpha", at: str = NOON, **said: object) -> LinkRecord:
    known: dict[str, object] = {"conn": 1, "detail": None, "wait_s": None}
    return LinkRecord(venue=venue, state=state, at=at, **(known | said))  # type: ignore[arg-type]  # likewise


@pytest.fixture
def order() -> Callable[..., OrderRecord]:
    """Makes an order record; any field of OrderUpdate may be given, and `at`, `updated_at`, `flags`."""
    return _order


@pytest.fixture
def gap() -> Callable[..., GapRecord]:
    """Makes a gap record."""
    return _gap


@pytest.fixture
def link() -> Callable[..., LinkRecord]:
    """Makes a link record."""
    return _link


@pytest.fixture
def busy_day() -> list[AnyRecord]:
    """Orders and venues as on a day with everything on it: long and short numbers and ids, wide text, gaps, rejects."""
    ids = ["70012603317248", "33294751114", HASH, "1", "9007199254740993", "ord-\u00e9\u0301\u00e9", "3329475", "8"]
    return [
        *(_link("live", venue=venue) for venue in ("opend", "coinw", "loopring")),
        _link("down", venue="loopring", detail="closed by the other side: 1006 gateway restarts", wait_s=12.0),
        _gap(venue="coinw", state="closed", outcome="partial"),
        _gap(venue="loopring"),
        _order(
            venue="opend",
            account="281756455988249902",
            order_id=ids[0],
            symbol="HK.00700",
            status=OrderStatus.PARTIALLY_FILLED,
            filled_qty="60",
            avg_price="479.98",
        ),
        _order(venue="coinw", order_id=ids[1], symbol="BTC_USDT", side=Side.SELL, qty="0.1", price="82000"),
        _order(
            venue="loopring",
            order_id=ids[2],
            symbol="LRC-ETH",
            status=OrderStatus.CANCELED,
            qty="500",
            filled_qty="30.000000000000000001",
            price="0.0001",
            avg_price="0.00000329999",
        ),
        _order(venue="coinw", order_id=ids[3], symbol="XRP_USDT", qty="1.23152", price=None, order_type="MARKET"),
        _order(
            venue="opend",
            account="1",
            environment="paper",
            order_id=ids[4],
            symbol="US.AAPL",
            side=Side.SELL_SHORT,
            status=OrderStatus.REJECTED,
            reason="\u8d44\u91d1\u4e0d\u8db3\uff0c\u8ba2\u5355\u88ab\u62d2\u7edd: not enough buying power e\u0301",
        ),
        _order(venue="opend", account="1", order_id=ids[5], symbol="\u817e\u8bafe\u0301", qty=None, filled_qty=None),
        _order(
            venue="coinw",
            order_id=ids[6],
            symbol="BTC_USDT",
            status=OrderStatus.UNKNOWN,
            flags=("unordered", "conflict", "bad:avg_price"),
            updated_at="2025-12-31T23:59:59.999999Z",
            reason="not found",
        ),
        _order(
            venue="opend",
            account="1",
            order_id=ids[7],
            symbol="\U0001f600",
            qty="1" * 60,
            order_type="MARKET_IF_TOUCHED",
            updated_at=None,
        ),
    ]
