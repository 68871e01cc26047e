"""Asks OpenD for the orders of every account: the day's, the history's when a gap reaches back further, and by id
those that are missing. Never guesses what became of one.

Which call tells what, and how often: Futu API documentation, "Get Open Orders" and "Get Historical Orders".
"""

from collections.abc import Iterator, Sequence

import msgspec

from ordwatch.errors import Refused, RemoteProtocolError
from ordwatch.model import OrderUpdate
from ordwatch.text import time_text
from ordwatch.venues.contract import Ask, Call, Emit, Report, Setup, StreamRequest
from ordwatch.venues.merging import gone
from ordwatch.venues.opend.asking import Account, Accounts, ListAccounts, ListHistory, ListOrders, Rows
from ordwatch.venues.opend.settings import OpendSettings
from ordwatch.venues.opend.times import local_text, midnight_ns, zones_of

GONE = "OpenD knows this order neither today nor in its history"

_SECOND_NS = 1_000_000_000
_SLACK_NS = 60 * _SECOND_NS
"""Asked beyond the ends of a span, for clocks that differ."""
_HISTORY_NS = 90 * 86_400 * _SECOND_NS
"""How far back the official SDK asks when nothing is said; no order works for longer."""
_IDS_AT_ONCE = 100


async def query(setup: Setup[OpendSettings], ask: Ask, call: Call, emit: Emit) -> Report:
    """Every account in turn, also after one that was refused; see `Venue.query`."""
    accounts = await call(ListAccounts())
    assert isinstance(accounts, Accounts)  # noqa: S101
    inquiry = _Inquiry(setup.settings, ask, call, emit, accounts.now_ns)
    refused: list[Refused] = []
    for account in accounts.accounts:
        try:
            await inquiry.about(account)
        except Refused as exc:
            refused.append(Refused(f"account {account.id}: {exc}"))
    if refused:
        raise refused[0]
    return inquiry.report()


class _Inquiry:
    """One query in progress."""

    def __init__(self, settings: OpendSettings, ask: Ask, call: Call, emit: Emit, now_ns: int) -> None:
        self._settings = settings
        self._ask = ask
        self._call = call
        self._emit = emit
        self._now_ns = now_ns
        self._reach_ns: int | None = None
        self._limits: list[str] = []

    def report(self) -> Report:
        """How far it reached, and what it cannot know."""
        if self._ask.since_ns is not None:
            self._limits.append("states that an order passed through inside the gap cannot be known")
        return Report(self._reach_ns, tuple(dict.fromkeys(self._limits)))

    async def about(self, account: Account) -> None:
        """Emit what OpenD tells of one account's orders."""
        if not account.markets or (account.disabled and str(account.id) not in self._settings.accounts):
            why = "is disabled" if account.markets else "may trade in no market"
            self._limits.append(f"account {account.id} {why} and was not asked")
            return
        known = set(self._open_ids(account))
        told = await self._today(account)
        if self._ask.since_ns is not None:
            told |= await self._history(account, self._ask.since_ns)
        # Those that a push ended meanwhile need no asking.
        absent = known - told
        await self._missing(account, [order_id for order_id in self._open_ids(account) if order_id in absent])

    async def _told(self, request: ListOrders | ListHistory) -> set[str]:
        """The ids of the orders in the answer, which go out as rows."""
        rows = await self._rows(request)
        told: set[str] = set()
        for page in rows.pages:
            await self._emit(page)
            told.update(row.order_id for row in page)
        if rows.unread:
            self._reached(self._now_ns, f"{rows.unread} orders of account {request.account.id} could not be read")
        return told

    async def _rows(self, request: StreamRequest) -> Rows:
        rows = await self._call(request)
        assert isinstance(rows, Rows)  # noqa: S101
        self._now_ns = rows.received_ns
        return rows

    async def _today(self, account: Account, order_ids: Sequence[str] = ()) -> set[str]:
        """The ids told of the day's orders. OpenD refreshes only so often: beyond that its cache is asked now.

        The cache may be stale and proves nothing about a gap, so then it is refreshed as soon as that is allowed.
        """
        cached = ListOrders(account=account, order_ids=tuple(order_ids), refresh=False)
        rate = account.rate("refresh")
        fresh = msgspec.structs.replace(cached, refresh=True)
        if self._call.take(rate):
            return await self._told(fresh)
        self._limits.append(f"account {account.id} was answered from OpenD's cache first")
        told = await self._told(cached)
        if self._ask.since_ns is None:
            return told
        # What only the stale cache told is not among the orders of the day.
        return await self._told(msgspec.structs.replace(fresh, rates=(rate,)))

    async def _history(self, account: Account, since_ns: int) -> set[str]:
        zones = zones_of(account.markets, self._settings.futures_time_zone)
        # The day's orders reach back to midnight, in each market its own: the latest is what is sure.
        day_ns = max((midnight_ns(self._now_ns, zone) for zone in zones), default=self._now_ns)
        if since_ns - _SLACK_NS >= day_ns:
            return set()
        begin_ns = max(since_ns - _SLACK_NS, self._now_ns - _HISTORY_NS)
        if begin_ns > since_ns:
            self._reached(begin_ns, f"the history of account {account.id} was asked from {time_text(begin_ns)} only")
        try:
            return await self._told(self._span(account, begin_ns))
        except (Refused, RemoteProtocolError) as exc:
            self._reached(day_ns, f"no history of account {account.id}: {exc}")
            return set()

    def _span(self, account: Account, begin_ns: int, order_ids: Sequence[str] = ()) -> ListHistory:
        """Which zone OpenD reads the texts in follows the market: so the widest span of all."""
        zones = zones_of(account.markets, self._settings.futures_time_zone) or ["UTC"]
        return ListHistory(
            account=account,
            begin=min(local_text(begin_ns, zone) for zone in zones),
            end=max(local_text(self._now_ns + _SLACK_NS, zone) for zone in zones),
            order_ids=tuple(order_ids),
            rates=(account.rate("history"),),
        )

    def _reached(self, ns: int, limit: str) -> None:
        self._reach_ns = ns if self._reach_ns is None else max(ns, self._reach_ns)
        self._limits.append(limit)

    def _open_ids(self, account: Account) -> dict[str, OrderUpdate]:
        """The orders the book holds as open that can be asked for by id; not those already known to be gone."""
        return {
            order.order_id: order
            for order in self._ask.open_orders()
            if order.environment == account.environment
            and order.account == str(account.id)
            and order.order_id.isdecimal()
            and not order.gone
        }

    async def _missing(self, account: Account, order_ids: list[str]) -> None:
        """Open here, not told there: first among the day's orders by id, then in the history."""
        for some in _portions(order_ids):
            left = _without(some, await self._today(account, some))
            if left:
                left = await self._not_in_history(account, left)
            orders = self._open_ids(account)
            if lost := [gone(orders[order_id], GONE, self._now_ns) for order_id in left if order_id in orders]:
                await self._emit(lost)

    async def _not_in_history(self, account: Account, order_ids: list[str]) -> list[str]:
        """Those the history does not know either; nothing becomes of an order that could not be asked for."""
        try:
            return _without(order_ids, await self._told(self._span(account, self._now_ns - _HISTORY_NS, order_ids)))
        except (Refused, RemoteProtocolError) as exc:
            self._reached(self._now_ns, f"{len(order_ids)} open orders of account {account.id} not found: {exc}")
            return []


def _without(order_ids: Sequence[str], told: set[str]) -> list[str]:
    return [order_id for order_id in order_ids if order_id not in told]


def _portions(order_ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(order_ids), _IDS_AT_ONCE):
        yield order_ids[start : start + _IDS_AT_ONCE]
