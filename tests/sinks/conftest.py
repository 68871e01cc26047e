"""Builders of records for the tests of the sinks."""

from collections.abc import Callable

import pytest

from ordwatch.conversion import order_record
from ordwatch.model import Extra, OrderStatus, OrderUpdate, Side
from ordwatch.records import GapRecord, LinkRecord, OrderRecord
from ordwatch.text import time_ns

NOON = "2026-03-02T12:00:00.000000Z"


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
