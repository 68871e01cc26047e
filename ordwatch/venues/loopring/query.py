"""Queries the relayer for orders: the open ones, those closed since a time, and known ones by hash.

Lists are paged by offset and shift while they are read. From the list of open orders rows leave, and others slip by
unread: if its length changed it is read again. The list of closed ones only grows, so its rows come twice at worst. A
list can be bounded by the time of creation only, so an order that was made before a gap and closed in it is found
because it was known as open. Only orders of the configured markets are emitted: no push would keep the others true.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from ordwatch.core.errors import RemoteProtocolError
from ordwatch.core.events import OrderUpdate
from ordwatch.core.merging import not_found
from ordwatch.venues.contract import NEVER, Call, Emit, QueryResult, QuerySpec, http
from ordwatch.venues.loopring.learned import Learned
from ordwatch.venues.loopring.messages import OrderData, blank
from ordwatch.venues.loopring.orders import Origin, pair, queried_order, rescaled, unscaled_tokens
from ordwatch.venues.loopring.rest import (
    BAD_PARAMETER,
    CLOSED_STATUSES,
    DOCUMENTED_OPEN_STATUSES,
    OPEN_STATUSES,
    PAGE_SIZE,
    UNKNOWN_ORDER,
    Access,
    ErrorAnswer,
    ListedOrder,
    Page,
    one_order,
    order_request,
    orders_page,
    orders_request,
)
from ordwatch.venues.toolkit.parts import Parts
from ordwatch.venues.toolkit.slices import picked

MAX_PAGES = 2500
"""Of one list: 125,000 orders. Those held that it does not name are asked for one by one, five in a second."""
MAX_READINGS = 3
"""How often a list is read that changes under the reader."""
SLICE = 500
"""Orders held that are looked at in one go."""
AGAIN_S = 10.0
"""How soon the venue is asked again when it did not give the tokens' decimals."""


@dataclass
class OrderQuery:
    """One query, and what it found out so far."""

    access: Access
    origin: Origin
    markets: frozenset[str]
    known: Learned
    lacks_tokens: bool
    """The list of tokens could not be had."""
    call: Call
    emit: Emit
    raw: bool
    seen: dict[str, OrderData] = field(default_factory=dict)
    """By hash, the last row received."""
    answered_ns: int = 0
    damage: list[str] = field(default_factory=list)
    """Why the answers are not all there is."""
    parts: Parts = field(default_factory=Parts)

    async def run(self, spec: QuerySpec) -> QueryResult:
        """Ask for everything; raises what `Call` raises."""
        await self._emit_rescaled(spec.orders)
        await self._read_open()
        if spec.since_ns is not None:
            await self.parts.attempt("closed orders", self._read_list(CLOSED_STATUSES, spec.since_ns // 1_000_000))
        absent = await picked(spec.open_orders(), lambda known: known.order_id not in self.seen)
        for market in dict.fromkeys(pair(known.symbol or "").symbol for known in absent):
            of_market = [known for known in absent if pair(known.symbol or "").symbol == market]
            await self.parts.attempt(f"market {market}", self._read_orders(of_market))
        self.parts.raise_if_all_failed(f"market {market}" for market in sorted(self.markets))
        return self._result()

    def _result(self) -> QueryResult:
        damage = dict.fromkeys(self.damage)
        subscriptions = {f"market {market}": text for market, text in self.known.refused_markets.items()}
        refused = {part: blank(str(exc), self.access.api_key) for part, exc in self.parts.failed.items()}
        covered = [market for market in sorted(self.markets) if f"market {market}" not in subscriptions | refused]
        return QueryResult(
            complete_since_ns=NEVER if damage or refused else None,
            limits=(*damage, *self._limits()),
            refused=subscriptions | refused,
            again_s=AGAIN_S if self.lacks_tokens or (self.known.searches and not self._unscaled()) else None,
            covers=tuple(f"{self.access.account_id}/{market}" for market in covered),
        )

    async def _emit_rescaled(self, held: Callable[[], Sequence[OrderUpdate]]) -> None:
        """Orders that were reported while the decimals were unknown: now with amounts, final ones too."""
        if not self.known.searches:
            return
        orders = held()
        for first in range(0, len(orders), SLICE):
            some = orders[first : first + SLICE]
            rows = [again for order in some if (again := rescaled(order, self.origin.decimals)) is not None]
            if rows:
                await self.emit(rows, cached=True)
        # Orders read before the decimals were known may still be on their way to those held: once more next time.
        self.known.searches = 2 if self._unscaled() else self.known.searches - 1

    def _unscaled(self) -> Sequence[str]:
        return unscaled_tokens(self.markets, self.origin.decimals)

    async def _read_open(self) -> None:
        """The list of open orders; without the status `waiting` where the venue takes it for a mistake."""
        if self.known.filters_waiting:
            try:
                await self._read_list(OPEN_STATUSES, None)
            except ErrorAnswer as exc:
                if exc.code != BAD_PARAMETER:
                    raise
            else:
                return
        await self._read_list(DOCUMENTED_OPEN_STATUSES, None)
        self.known.filters_waiting = False

    def _limits(self) -> tuple[str, ...]:
        unscaled = self._unscaled()
        return (
            f"markets asked for: {', '.join(sorted(self.markets))}",
            "closed orders are listed by the time of creation: one made before the gap, closed in it and never seen"
            " open is not found; untriggered stop orders are not listed",
            *([] if self.known.filters_waiting else ["orders in the status `waiting` cannot be listed"]),
            *([f"decimals of {', '.join(unscaled)} are unknown: their amounts stay in base units"] if unscaled else []),
        )

    async def _read_list(self, statuses: Sequence[str], start_ms: int | None) -> None:
        for _ in range(MAX_READINGS):
            if await self._read_pages(statuses, start_ms):
                return
        self.damage.append(f"the list of {statuses[0]} orders kept changing while it was read")

    async def _read_pages(self, statuses: Sequence[str], start_ms: int | None) -> bool:
        """Read a list once; False if it changed meanwhile, so that rows may have slipped by."""
        only_grows = statuses is CLOSED_STATUSES
        hashes: set[str] = set()
        totals: dict[int | None, None] = {}
        offset = nameless = 0
        for number in range(1, MAX_PAGES + 1):
            page = await self._read_page(statuses, offset, start_ms)
            fresh = {row.order.order_hash for row in page.orders} - hashes
            totals[page.total] = None
            hashes |= fresh
            offset += page.sent
            nameless += page.sent - len(page.orders)
            total = next(iter(totals)) if only_grows else page.total
            is_whole = total is None or len(hashes) + nameless >= total
            is_steady = len(totals) == 1
            if page.orders and not fresh and (is_steady or not only_grows):
                return self._repeated(f"page {number} of the {statuses[0]} orders", totals, is_whole)
            # A full page may have another behind it, whatever the total is.
            if not page.sent or (is_whole and page.total is not None and page.sent < PAGE_SIZE):
                return is_whole and (is_steady or only_grows)
        self.damage.append(f"the list of {statuses[0]} orders was read to its page {MAX_PAGES}")
        return True

    def _repeated(self, page: str, totals: Collection[int | None], is_whole: bool) -> bool:
        """A page without a new row: the list grew at its head, or has no more, or the venue gives one page for ever."""
        if len(totals) > 1:
            return False
        if not is_whole or None in totals:
            self.damage.append(f"{page} repeats an earlier one")
        return True

    async def _read_page(self, statuses: Sequence[str], offset: int, start_ms: int | None) -> Page:
        reply = await http(self.call, orders_request(self.access, statuses, offset, start_ms))
        page = orders_page(reply, self.access, raw=self.raw)
        self.answered_ns = reply.received_ns
        if len(page.orders) < page.sent:
            self.damage.append(f"{page.sent - len(page.orders)} rows without hash or status at offset {offset}")
        rows = [row for row in page.orders if self.seen.get(row.order.order_hash) != row.order]
        self.seen |= {row.order.order_hash: row.order for row in rows}
        await self._emit([row for row in rows if self._is_ours(row)])
        return page

    async def _read_orders(self, held: Sequence[OrderUpdate]) -> None:
        for known in held:
            await self._read_order(known)

    async def _read_order(self, known: OrderUpdate) -> None:
        reply = await http(self.call, order_request(self.access, known.order_id))
        self.answered_ns = reply.received_ns
        try:
            row = one_order(reply, self.access, raw=self.raw)
        except ErrorAnswer as exc:
            if exc.code != UNKNOWN_ORDER:
                raise
            await self.emit([not_found(known, str(exc), reply.received_ns)])
            return
        if row.order.order_hash != known.order_id:
            raise RemoteProtocolError("getOrder: the answer is another order")
        await self._emit([row])

    async def _emit(self, orders: Sequence[ListedOrder]) -> None:
        if orders:
            await self.emit([queried_order(row.order, self.origin, self.answered_ns, raw=row.raw) for row in orders])

    def _is_ours(self, row: ListedOrder) -> bool:
        return pair(row.order.market or "").symbol in self.markets
