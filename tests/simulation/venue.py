"""A simulated venue: the true states of its orders, and what it says of them in pushes and rows.

Statements are made as the real sessions make them, and judged by the real merging functions of the three venues.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from tests.simulation.clocks import SECOND
from tests.simulation.product import (
    FINAL,
    CoinwExtra,
    Extra,
    LoopringExtra,
    OpendExtra,
    OrderStatus,
    OrderUpdate,
    Side,
    VenueKind,
    load,
)

S = OrderStatus


@dataclass(frozen=True)
class State:
    """One true state of an order."""

    number: int
    at_ns: int
    """True time."""
    word: str
    status: OrderStatus
    filled: int
    """Hundredths of a unit."""
    qty: int
    price: int
    stamp_ns: int | None = None
    """The venue's time of this state, as the venue writes it."""

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


@dataclass
class Order:
    """An order and its journal of true states, oldest first."""

    order_id: str
    link: int
    part: str
    states: list[State] = field(default_factory=list)

    def at(self, true_ns: int) -> State | None:
        """The state at a true time."""
        for state in reversed(self.states):
            if state.at_ns <= true_ns:
                return state
        return None


@dataclass(frozen=True)
class Dialect:
    """What kinds of venue differ in."""

    name: str
    kind: str
    steps: dict[str, tuple[tuple[str, OrderStatus, str], ...]]
    """By word: which words follow, their status, and what changes (fill, amend, bust, or nothing)."""
    heartbeat_s: float
    silence_s: float
    ping_s: float | None
    """How often the venue sends something by itself."""
    beats_say_time: bool
    history_by: str
    """A history is cut by the time of this: "change" or "birth"."""
    parts: tuple[str, ...] = ("",)
    links: int = 1

    @property
    def rules(self) -> VenueKind:
        """The real venue's functions."""
        return load(self.kind)


_OPEND: dict[str, tuple[tuple[str, OrderStatus, str], ...]] = {
    "": (("Submitting", S.PENDING_NEW, ""),),
    "Submitting": (("Submitted", S.NEW, ""), ("Submitted", S.NEW, ""), ("Failed", S.REJECTED, "")),
    "Submitted": (
        ("Filled_Part", S.PARTIALLY_FILLED, "fill"),
        ("Submitted", S.NEW, "amend"),
        ("Disabled", S.SUSPENDED, ""),
        ("Cancelling_All", S.PENDING_CANCEL, ""),
        ("Filled_All", S.FILLED, "all"),
    ),
    "Disabled": (("Submitted", S.NEW, ""),),
    "Cancelling_All": (("Submitted", S.NEW, ""), ("Cancelled_All", S.CANCELED, "")),
    "Filled_Part": (
        ("Filled_Part", S.PARTIALLY_FILLED, "fill"),
        ("Filled_Part", S.PARTIALLY_FILLED, "amend"),
        ("Filled_All", S.FILLED, "all"),
        ("Cancelled_Part", S.CANCELED, ""),
    ),
    "Filled_All": (("", S.UNKNOWN, ""), ("", S.UNKNOWN, ""), ("FillCancelled", S.CANCELED, "bust")),
}
_COINW: dict[str, tuple[tuple[str, OrderStatus, str], ...]] = {
    "": (("RECEIVED", S.NEW, ""),),
    "RECEIVED": (
        ("OPEN", S.PARTIALLY_FILLED, "fill"),
        ("DONE/FILLED", S.FILLED, "all"),
        ("DONE/CANCELLED", S.CANCELED, ""),
    ),
    "OPEN": (
        ("OPEN", S.PARTIALLY_FILLED, "fill"),
        ("DONE/FILLED", S.FILLED, "all"),
        ("DONE/CANCELLED", S.CANCELED, ""),
    ),
}
_LOOPRING: dict[str, tuple[tuple[str, OrderStatus, str], ...]] = {
    "": (("waiting", S.PENDING_NEW, ""), ("processing", S.NEW, "")),
    "waiting": (("processing", S.NEW, ""),),
    "processing": (
        ("processing", S.PARTIALLY_FILLED, "fill"),
        ("processing", S.PARTIALLY_FILLED, "fill"),
        ("cancelling", S.PENDING_CANCEL, ""),
        ("processed", S.FILLED, "all"),
        ("expired", S.EXPIRED, ""),
    ),
    "cancelling": (("cancelled", S.CANCELED, ""), ("processing", S.NEW, "")),
}

DIALECTS = (
    Dialect("opend", "opend", _OPEND, 10.0, 30.0, None, True, "change", ("1001", "1002")),
    Dialect("paper", "opend", _OPEND, 10.0, 30.0, None, True, "change"),
    Dialect("coinw", "coinw", _COINW, 20.0, 60.0, None, False, "birth"),
    Dialect("loopring", "loopring", _LOOPRING, 86_400.0, 75.0, 30.0, False, "birth"),
    Dialect("many", "loopring", _LOOPRING, 86_400.0, 75.0, 30.0, False, "birth", links=2),
)


class Venue:
    """One venue with its orders. It has a clock of its own, which is not the host's."""

    def __init__(self, dialect: Dialect, draw: random.Random, *, ahead_ns: int) -> None:
        self.dialect = dialect
        self.ahead_ns = ahead_ns
        self.orders: dict[str, Order] = {}
        self.refused: dict[str, str] = {}
        """Parts whose queries are refused now."""
        self._draw = draw
        self._rounds = draw.random() < 0.5
        """Whether whole seconds are rounded, or cut."""
        self._open: list[Order] = []

    def clock_ns(self, true_ns: int) -> int:
        """The venue's own time."""
        return true_ns + self.ahead_ns

    def change(self, now_ns: int) -> tuple[Order, State] | None:
        """An order is born, or comes to its next state; None: nothing happened."""
        draw = self._draw
        if not self._open or (len(self._open) < 6 and draw.random() < 0.3):
            order = Order(
                str(len(self.orders) + 1), draw.randrange(self.dialect.links), draw.choice(self.dialect.parts)
            )
            self.orders[order.order_id] = order
            self._open.append(order)
        else:
            order = draw.choice(self._open)
        before = (
            order.states[-1] if order.states else State(0, now_ns, "", S.UNKNOWN, 0, draw.randint(2, 900) * 100, 100)
        )
        choices = self.dialect.steps.get(before.word, ())
        word, status, what = draw.choice(choices) if choices else ("", S.UNKNOWN, "")
        if not word:
            self._open.remove(order)
            return None
        state = self._next(before, now_ns, word, status, what)
        order.states.append(state)
        if word not in self.dialect.steps:
            self._open.remove(order)
        return order, state

    def _next(self, before: State, now_ns: int, word: str, status: OrderStatus, what: str) -> State:
        filled, qty, price = before.filled, before.qty, before.price
        match what:
            case "fill":
                filled += max(1, (qty - filled) // self._draw.randint(2, 5))
                if filled >= qty:
                    qty = filled + 100 if self.dialect.kind == "opend" else qty
                    filled = min(filled, qty - 1)
                filled = max(filled, before.filled)
            case "all":
                filled = qty
            case "bust":
                filled = filled // 2
            case "amend":
                price += 1
            case _:
                pass
        if self.dialect.kind == "loopring" and status is S.NEW and filled:
            status = S.PARTIALLY_FILLED
        if self.dialect.kind == "opend" and word == "Submitted" and filled:
            word, status = "Filled_Part", S.PARTIALLY_FILLED
        number = before.number + 1
        return State(number, now_ns, word, status, filled, qty, price, self._stamp(word, number, now_ns))

    def _stamp(self, word: str, number: int, now_ns: int) -> int | None:
        clock_ns = self.clock_ns(now_ns)
        if self.dialect.kind == "loopring":
            return clock_ns // 1_000_000 * 1_000_000
        if self.dialect.kind == "coinw":
            return clock_ns // 1_000_000 * 1_000_000 if number == 1 else None
        if self.dialect.name == "paper" or word == "Submitting":
            return (clock_ns + (SECOND // 2 if self._rounds else 0)) // SECOND * SECOND
        return clock_ns // 1_000 * 1_000

    # What it says.

    def push(self, order: Order, state: State, received_ns: int) -> OrderUpdate:
        """The state as it is pushed; what a session makes of it."""
        update = self._statement(order, state, received_ns)
        kind = self.dialect.kind
        if kind == "loopring":
            # Some pushes say the status alone.
            full = state.filled == 0 or state.number % 3
            extra = LoopringExtra(
                size=str(state.qty), filled_size=str(state.filled) if full else None, ts=_ms(state.stamp_ns)
            )
            changes: dict[str, object] = {"extra": extra}
            if not full:
                status = S.NEW if state.status is S.PARTIALLY_FILLED else state.status
                changes |= {"filled_qty": None, "remaining_qty": None, "status": status}
            return _changed(update, changes)
        if kind == "opend" and state.filled == 0 and state.word in ("Submitting", "Submitted"):
            return _changed(update, {"filled_qty": None})
        if kind == "coinw":
            return _changed(update, {"client_order_id": f"c{order.order_id}", "filled_qty": _fine(state.filled)})
        return update

    def row(self, order: Order, state: State, received_ns: int) -> OrderUpdate:
        """The state as a query answers it."""
        update = _changed(self._statement(order, state, received_ns), {"source": "query"})
        if self.dialect.kind == "loopring":
            extra = LoopringExtra(size=str(state.qty), filled_size=str(state.filled))
            return _changed(update, {"updated_ns": None, "extra": extra})
        return update

    def _statement(self, order: Order, state: State, received_ns: int) -> OrderUpdate:
        return OrderUpdate(
            venue=self.dialect.name,
            account=order.part or None,
            order_id=order.order_id,
            symbol="A-B",
            side=Side.BUY,
            status=state.status,
            venue_status=state.word,
            qty=_text(state.qty),
            filled_qty=_text(state.filled),
            remaining_qty=_text(state.qty - state.filled),
            price=_text(state.price),
            updated_ns=state.stamp_ns,
            received_ns=received_ns,
            source="push",
            extra=_EXTRAS[self.dialect.kind](),
        )

    # What it answers.

    def open_at(self, true_ns: int) -> list[tuple[Order, State]]:
        """The orders that were open then."""
        return [(order, state) for order, state in self._at(true_ns) if not state.is_final]

    def history_at(self, true_ns: int, since_ns: int) -> list[tuple[Order, State]]:
        """The orders of any state that changed, or were born, at or after this time of the venue's clock."""
        found = []
        for order, state in self._at(true_ns):
            when_ns = state.at_ns if self.dialect.history_by == "change" else order.states[0].at_ns
            if self.clock_ns(when_ns) >= since_ns:
                found.append((order, state))
        return found

    def _at(self, true_ns: int) -> list[tuple[Order, State]]:
        return [(order, state) for order in self.orders.values() if (state := order.at(true_ns)) is not None]


_EXTRAS: dict[str, Callable[[], Extra]] = {"opend": OpendExtra, "coinw": CoinwExtra, "loopring": LoopringExtra}


def _changed(update: OrderUpdate, changes: dict[str, object]) -> OrderUpdate:
    import msgspec

    return msgspec.structs.replace(update, **changes)


def _text(hundredths: int) -> str:
    return str(Decimal(hundredths) / 100) if hundredths % 100 else str(hundredths // 100)


def _fine(hundredths: int) -> str:
    """A push of CoinW has more decimals than its rows, which are cut."""
    return str(Decimal(hundredths) / 100 + Decimal("0.0042")) if hundredths else "0"


def _ms(ns: int | None) -> str | None:
    return None if ns is None else str(ns // 1_000_000)


def said(state: State) -> tuple[str, str, str, str]:
    """What a record says of a state: the word, the filled quantity, the quantity and the price."""
    return (state.word, _text(state.filled), _text(state.qty), _text(state.price))


__all__ = ["DIALECTS", "Dialect", "Order", "State", "Venue", "replace", "said"]
