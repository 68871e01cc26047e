"""Asks CoinW for orders: the open ones of each pair, the history of a gap, and by id what is missing from both.

There is no call for the orders of all pairs; the pairs are those configured and those of the orders seen. A pair whose
calls fail costs the others nothing. Every bound of a call is a time of the venue's own clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ordwatch.core.errors import ConnectionLost, RemoteProtocolError
from ordwatch.core.events import FINAL, OrderUpdate
from ordwatch.core.merging import not_found
from ordwatch.core.times import time_text
from ordwatch.venues.coinw.rest import HISTORY, OPEN_ORDERS, ORDER, TRIES, Busy, Denied, answer_data, request
from ordwatch.venues.coinw.rest_orders import order_update
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import EVER, NEVER, Call, Emit, QueryResult, QuerySpec, Setup
from ordwatch.venues.toolkit.lenient_json import Unreadable, items
from ordwatch.venues.toolkit.parts import Parts
from ordwatch.venues.toolkit.slices import READ_AT_ONCE, picked, turn

PAGE_SIZE = 1000
"""The most rows the history answers, newest first."""
MAX_PAGES = 50


async def query(setup: Setup[CoinwSettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
    """Open orders; the history since `spec.since_ns`; then by id the orders held as open that neither named.

    What is refused of a pair (open orders, orders by id, the history) is in `QueryResult.refused`.

    Raises:
        ConnectionLost: No answer.
        Refused: The venue refused every pair, or answered "too frequently" at each try.
        AuthError: The credentials are refused.
        RemoteProtocolError: No pair's answer makes sense.
    """
    held = spec.open_orders()
    seen = (order.symbol for order in held if order.symbol)
    pairs = tuple(dict.fromkeys((*setup.settings.symbols, *seen)))
    query_run = _Query(setup, call, emit, complete_since_ns=None if pairs else NEVER)
    parts = query_run.parts
    for pair in pairs:
        await parts.attempt(_part(pair), query_run.open_orders(pair))
    parts.raise_if_all_failed(map(_part, pairs))
    if spec.since_ns is not None:
        for pair in pairs:
            if _part(pair) not in parts.failed:
                await parts.attempt(f"history of {pair}", query_run.history(pair, spec.since_ns // 1_000_000))
    for pair in (*pairs, ""):
        if not isinstance(parts.failed.get(_part(pair)), ConnectionLost):
            await parts.attempt(_part(pair), query_run.absent(pair, held))
    parts.raise_if_all_failed(map(_part, pairs))
    return query_run.result(pairs, spec.since_ns)


def _part(pair: str) -> str:
    """What messages call the orders of a pair."""
    return f"pair {pair}" if pair else "orders without a pair"


def _limits(pairs: Sequence[str], since_ns: int | None) -> tuple[str, ...]:
    covered = (
        f"orders of other pairs than {', '.join(pairs)}" if pairs else "orders, for no pair is configured or seen,"
    )
    beyond = (f"{covered} cannot be seen over REST",)
    return beyond if since_ns is None else (*beyond, "states that did not last inside the gap cannot be known")


def _window(pair: str, start_ms: int, end_ms: int | None) -> dict[str, str]:
    window = {"currencyPair": pair}
    if start_ms > EVER:
        window["startAt"] = str(start_ms)
    if end_ms is not None:
        window["endAt"] = str(end_ms)
    return window


@dataclass
class _Query:
    """One query under way."""

    setup: Setup[CoinwSettings]
    call: Call
    emit: Emit
    complete_since_ns: int | None
    resolved: set[str] = field(default_factory=set)
    """Orders of which we know now that they are open, or how they ended."""
    limits: list[str] = field(default_factory=list)
    parts: Parts = field(default_factory=Parts)

    @property
    def tries(self) -> int:
        """How often a call is sent that the venue wants to have later; once when another part failed so."""
        return 1 if any(isinstance(exc, Busy) for exc in self.parts.failed.values()) else TRIES

    def result(self, pairs: Sequence[str], since_ns: int | None) -> QueryResult:
        """What was found out in all."""
        refused = {part: self.setup.settings.redact(str(exc)) for part, exc in self.parts.failed.items()}
        return QueryResult(
            complete_since_ns=NEVER if refused else self.complete_since_ns,
            limits=(*_limits(pairs, since_ns), *self.limits),
            refused=refused,
        )

    async def open_orders(self, pair: str) -> None:
        """Every open order of one pair."""
        _, orders = await self._page(OPEN_ORDERS, {"currencyPair": pair}, pair)
        self.resolved.update(order.order_id for order in orders)

    async def history(self, pair: str, start_ms: int) -> None:
        """Orders of one pair in every state since `start_ms`, page by page towards the past."""
        end_ms: int | None = None
        for _ in range(MAX_PAGES):
            objects, orders = await self._page(HISTORY, _window(pair, start_ms, end_ms), pair)
            self.resolved.update(order.order_id for order in orders if order.status in FINAL)
            if objects < PAGE_SIZE:
                return
            oldest_ms = min((order.created_ns // 1_000_000 for order in orders if order.created_ns), default=None)
            if oldest_ms is None or (end_ms is not None and oldest_ms + 1 >= end_ms):
                self._cut_short(end_ms, f"the history of {pair} goes on beyond what the venue lists")
                return
            # One more: another order of that millisecond may have had no room, and whether `endAt` itself is listed is
            # not documented.
            end_ms = oldest_ms + 1
        self._cut_short(end_ms, f"the history of {pair} was read to its page {MAX_PAGES}")

    def _cut_short(self, end_ms: int | None, why: str) -> None:
        """What was before `end_ms`, a time of the venue's, is not known."""
        self.complete_since_ns = max(self.complete_since_ns or 0, NEVER if end_ms is None else end_ms * 1_000_000)
        self.limits.append(why if end_ms is None else f"{why}, back to {time_text(end_ms * 1_000_000)}")

    async def absent(self, pair: str, held: Sequence[OrderUpdate]) -> None:
        """Each order of the pair that is held as open, by its id, unless its state was among the answers already."""
        resolved = self.resolved
        for order in await picked(held, lambda each: each.order_id not in resolved and (each.symbol or "") == pair):
            await self.order(order)

    async def order(self, known: OrderUpdate) -> None:
        """One order by its id; if the venue does not know it, a statement that it is not found."""
        asked = request(self.setup.settings, ORDER, {"orderNumber": known.order_id})
        try:
            data, received_ns = await answer_data(self.call, asked, self.tries, self.setup.settings.redact)
        except Denied as exc:
            await self.emit([not_found(known, self.setup.settings.redact(str(exc)), exc.received_ns)])
            return
        source = bytes(data).strip() if data is not None else b""
        if data is None or source in (b"null", b"{}", b"[]", b'""'):
            await self.emit([not_found(known, f"{ORDER}: the venue does not know this order", received_ns)])
            return
        objects = items(data) if source[:1] == b"[" else [data]
        await self._emit_orders(ORDER, objects, known.symbol, received_ns)

    async def _page(self, command: str, params: dict[str, str], pair: str) -> tuple[int, list[OrderUpdate]]:
        """How many rows the venue sent, and those that could be read."""
        settings = self.setup.settings
        data, received_ns = await answer_data(
            self.call, request(settings, command, params), self.tries, settings.redact
        )
        if data is None or bytes(data) == b"null":
            return 0, []
        await turn()  # a long answer takes as much time to take apart as it took so far
        try:
            objects = items(data)
        except Unreadable as exc:
            raise RemoteProtocolError(f"{command}: its data is {exc}") from exc
        return len(objects), await self._emit_orders(command, objects, pair, received_ns)

    async def _emit_orders(
        self, command: str, objects: Sequence[msgspec.Raw], pair: str | None, received_ns: int
    ) -> list[OrderUpdate]:
        """Emit the rows, slice by slice, and return those that could be read."""
        setup = self.setup
        orders: list[OrderUpdate] = []
        unread = ""
        for first in range(0, len(objects), READ_AT_ONCE):
            some: list[OrderUpdate] = []
            for row in objects[first : first + READ_AT_ONCE]:
                try:
                    some.append(
                        order_update(row, venue=setup.name, pair=pair, received_ns=received_ns, keep_raw=setup.raw)
                    )
                except Unreadable as exc:
                    unread = str(exc)
            if some:
                await self.emit(some)
            orders += some
        if len(orders) < len(objects):
            self._cut_short(None, f"{len(objects) - len(orders)} rows of {command} could not be read ({unread})")
        return orders
