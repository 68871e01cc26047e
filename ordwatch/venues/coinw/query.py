"""Asks CoinW for orders: the open ones of each pair, the history of a gap, and by id what is missing from both.

There is no call for the orders of all pairs; the pairs are those configured and those of the orders seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ordwatch.core.errors import ConnectionLost, Refused, RemoteProtocolError
from ordwatch.core.events import FINAL, OrderUpdate
from ordwatch.core.merging import not_found
from ordwatch.venues.coinw.lenient_json import Unreadable, items
from ordwatch.venues.coinw.rest import HISTORY, OPEN_ORDERS, ORDER, Busy, Denied, request, told
from ordwatch.venues.coinw.rest_orders import order_update
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import Call, Emit, QueryResult, QuerySpec, Setup

SLACK_MS = 60_000
"""How much further than a gap its history is asked for: the two clocks may differ."""
PAGE_ROWS = 1000
"""The most rows the history answers, newest first."""
MAX_PAGES = 50
_NEVER_NS = 2**62


async def query(setup: Setup[CoinwSettings], ask: QuerySpec, call: Call, emit: Emit) -> QueryResult:
    """Open orders; the history since `ask.since_ns`; then by id the orders held as open that neither named.

    Raises:
        ConnectionLost: No answer.
        Refused: The venue said no, or "too frequently" again and again.
        AuthError: The credentials are refused.
        RemoteProtocolError: The answer makes no sense.
    """
    held = ask.open_orders()
    seen = (order.symbol for order in held if order.symbol)
    pairs = tuple(dict.fromkeys((*setup.settings.symbols, *seen)))
    query_run = _Query(setup, call, emit, reach_ns=None if pairs else _NEVER_NS)
    for pair in pairs:
        await query_run.open_orders(pair)
    if ask.since_ns is not None:
        for pair in pairs:
            await query_run.history(pair, ask.since_ns // 1_000_000 - SLACK_MS)
    for order in held:
        if order.order_id not in query_run.settled:
            await query_run.order(order)
    return QueryResult(reach_ns=query_run.reach_ns, limits=(*_limits(pairs, ask.since_ns), *query_run.limits))


def _limits(pairs: Sequence[str], since_ns: int | None) -> tuple[str, ...]:
    covered = (
        f"orders of other pairs than {', '.join(pairs)}" if pairs else "orders, for no pair is configured or seen,"
    )
    beyond = (f"{covered} cannot be seen over REST",)
    return beyond if since_ns is None else (*beyond, "states that did not last inside the gap cannot be known")


def _window(pair: str, start_ms: int, end_ms: int | None) -> dict[str, str]:
    window = {"currencyPair": pair, "startAt": str(max(start_ms, 0))}
    return window if end_ms is None else {**window, "endAt": str(end_ms)}


@dataclass
class _Query:
    """One query under way."""

    setup: Setup[CoinwSettings]
    call: Call
    emit: Emit
    settled: set[str] = field(default_factory=set)
    """Orders of which we know now that they are open, or how they ended."""
    now_ns: int = 0
    """When the last answer came."""
    reach_ns: int | None = None
    limits: list[str] = field(default_factory=list)

    async def open_orders(self, pair: str) -> None:
        """Every open order of one pair."""
        orders = await self._page(OPEN_ORDERS, {"currencyPair": pair}, pair)
        self.settled.update(order.order_id for order in orders)

    async def history(self, pair: str, start_ms: int) -> None:
        """Orders of one pair in every state since `start_ms`, page by page towards the past."""
        end_ms: int | None = None
        for number in range(1, MAX_PAGES + 1):
            try:
                orders = await self._page(HISTORY, _window(pair, start_ms, end_ms), pair)
            except (Busy, RemoteProtocolError):
                raise
            except (ConnectionLost, Refused) as exc:
                self._cut_short(end_ms, f"page {number} of the history of {pair} failed ({exc})")
                return
            self.settled.update(order.order_id for order in orders if order.status in FINAL)
            oldest_ms = min((order.created_ns // 1_000_000 for order in orders if order.created_ns), default=None)
            if len(orders) < PAGE_ROWS or oldest_ms is None:
                return
            if end_ms is not None and oldest_ms >= end_ms:
                break
            end_ms = oldest_ms
        self._cut_short(end_ms, f"the history of {pair} goes on beyond what the venue tells")

    def _cut_short(self, end_ms: int | None, why: str) -> None:
        reached_ns = self.now_ns if end_ms is None else end_ms * 1_000_000
        self.reach_ns = max(self.reach_ns or 0, reached_ns)
        self.limits.append(why)

    async def order(self, known: OrderUpdate) -> None:
        """One order by its id; if the venue does not know it, the statement that says so."""
        asked = request(self.setup.settings, ORDER, {"orderNumber": known.order_id})
        try:
            data, received_ns = await told(self.call, asked)
        except Denied as exc:
            await self.emit([not_found(known, self.setup.settings.redact(str(exc)), exc.received_ns)])
            return
        source = bytes(data).strip() if data is not None else b""
        if data is None or source in (b"null", b"{}", b"[]", b'""'):
            await self.emit([not_found(known, f"{ORDER}: the venue does not know this order", received_ns)])
            return
        rows = items(data) if source[:1] == b"[" else [data]
        await self.emit(self._read(ORDER, rows, known.symbol, received_ns))

    async def _page(self, command: str, params: dict[str, str], pair: str) -> list[OrderUpdate]:
        data, received_ns = await told(self.call, request(self.setup.settings, command, params))
        self.now_ns = received_ns
        if data is None or bytes(data) == b"null":
            return []
        try:
            rows = items(data)
        except Unreadable as exc:
            raise RemoteProtocolError(f"{command}: its data is {exc}") from exc
        orders = self._read(command, rows, pair, received_ns)
        if orders:
            await self.emit(orders)
        return orders

    def _read(self, command: str, rows: Sequence[msgspec.Raw], pair: str | None, received_ns: int) -> list[OrderUpdate]:
        setup, self.now_ns = self.setup, received_ns
        orders: list[OrderUpdate] = []
        unread = ""
        for row in rows:
            try:
                order = order_update(row, venue=setup.name, pair=pair, received_ns=received_ns, keep_raw=setup.raw)
            except Unreadable as exc:
                unread = str(exc)
            else:
                orders.append(order)
        if len(orders) < len(rows):
            self._cut_short(None, f"{len(rows) - len(orders)} rows of {command} could not be read ({unread})")
        return orders
