"""Queries OpenD for the orders of every account: the day's, for a gap the history's too, and by id those missing.

It never guesses what became of an order.
What each call returns, and its rate: Futu API documentation, "Get Open Orders" and "Get Historical Orders".
"""

from collections.abc import Iterator, Sequence

from ordwatch.core.errors import Refused, RemoteProtocolError
from ordwatch.core.events import OrderUpdate
from ordwatch.core.merging import not_found
from ordwatch.core.times import time_text
from ordwatch.venues.contract import NEVER, Call, Emit, QueryResult, QuerySpec, Setup
from ordwatch.venues.opend.requests import Account, Accounts, ListAccounts, ListHistory, ListOrders, OrderPages
from ordwatch.venues.opend.settings import OpendSettings
from ordwatch.venues.opend.times import day_began_ns, local_text
from ordwatch.venues.toolkit.slices import picked

NOT_FOUND = "OpenD knows this order neither today nor in its history"

_HOUR_NS = 3600 * 1_000_000_000
_HISTORY_NS = 90 * 24 * _HOUR_NS
"""How far back the official SDK asks by default; no order stays open for longer."""
_ANY_ZONE_NS = 26 * _HOUR_NS
"""How much wider a span is asked: which zone OpenD reads its ends in depends on the market and on OpenD's settings, and
from UTC-12 to UTC+14 none differs from UTC by more.
"""
_CACHE_TIMEOUT_S = 3.0
"""How long OpenD's cache is waited for, which queries nobody else."""
_IDS_AT_ONCE = 100


async def query(setup: Setup[OpendSettings], spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
    """Every account in turn, also after one that was refused; see `Venue.query`."""
    answer = await call(ListAccounts())
    assert isinstance(answer, Accounts)  # noqa: S101
    query_run = _Query(spec, call, emit, answer.venue_ns)
    accounts = query_run.askable(answer.accounts, setup.settings.accounts)
    for account in accounts:
        await query_run.cached(account)
    refused: dict[str, Refused | RemoteProtocolError] = {}
    for account in accounts:
        try:
            await query_run.about(account)
        except (Refused, RemoteProtocolError) as exc:
            refused[f"account {account.id}"] = exc
    if refused and len(refused) == len(accounts):
        name, error = next(iter(refused.items()))
        raise type(error)(f"{name}: {error}")
    covers = tuple(sorted(str(account.id) for account in accounts if f"account {account.id}" not in refused))
    return query_run.result({name: str(error) for name, error in refused.items()}, covers)


class _Query:
    """One query in progress."""

    def __init__(self, spec: QuerySpec, call: Call, emit: Emit, venue_ns: int) -> None:
        self._spec = spec
        self._call = call
        self._emit = emit
        self._venue_ns = venue_ns
        self._complete_since_ns: int | None = None
        self._limits: list[str] = []

    def result(self, refused: dict[str, str], covers: tuple[str, ...]) -> QueryResult:
        """How far it reached, and what it cannot know."""
        if self._spec.since_ns is not None:
            self._limits.append("states that an order passed through inside the gap cannot be known")
        return QueryResult(self._complete_since_ns, tuple(dict.fromkeys(self._limits)), refused, covers=covers)

    def askable(self, accounts: Sequence[Account], wanted: Sequence[str]) -> list[Account]:
        """The accounts that can be asked; the others become limits."""
        found = []
        for account in accounts:
            if not account.markets or (account.disabled and str(account.id) not in wanted):
                why = "is disabled" if account.markets else "may trade in no market"
                self._limits.append(f"account {account.id} {why} and was not asked")
            else:
                found.append(account)
        return found

    async def cached(self, account: Account) -> None:
        """Emit the orders in OpenD's cache: fast, not rate-limited, and correct unless OpenD missed something itself.

        The cache proves nothing, so a missing order or a refusal has no consequence.
        """
        try:
            pages = await self._order_pages(ListOrders(account=account, timeout_s=_CACHE_TIMEOUT_S))
            for page in pages.pages:
                await self._emit(page, cached=True)
        except (Refused, RemoteProtocolError):
            return

    async def about(self, account: Account) -> None:
        """Emit one account's orders, which OpenD requests from its broker for this."""
        known = {order.order_id for order in await self._open_orders(account)}
        today = ListOrders(account=account, refresh=True, rates=(account.refresh_rate,))
        reported = await self._reported_ids(account, await self._order_pages(today))
        if self._spec.since_ns is not None:
            reported |= await self._history(account, self._spec.since_ns)
        if absent := known - reported:
            # Orders that a push ended meanwhile need no query.
            still_open = [order.order_id for order in await self._open_orders(account)]
            await self._missing(account, [order_id for order_id in still_open if order_id in absent])

    async def _reported_ids(self, account: Account, pages: OrderPages) -> set[str]:
        """Emit the rows of the answer and return the ids of their orders."""
        reported: set[str] = set()
        for page in pages.pages:
            await self._emit(page)
            reported.update(row.order_id for row in page)
        if pages.unread:
            self._reached(NEVER, f"{pages.unread} orders of account {account.id} could not be read")
        return reported

    async def _order_pages(self, request: ListOrders | ListHistory) -> OrderPages:
        pages = await self._call(request)
        assert isinstance(pages, OrderPages)  # noqa: S101
        return pages

    async def _history(self, account: Account, since_ns: int) -> set[str]:
        """Emit the history of a gap and return the ids of its orders.

        Always requested: the start of the day's list is not certain, least of all for futures and overnight sessions,
        whose trading days do not begin at midnight.
        """
        begin_ns = max(since_ns, self._venue_ns - _HISTORY_NS)
        if begin_ns > since_ns:
            self._reached(begin_ns, f"OpenD's history was asked from {time_text(begin_ns)} only")
        try:
            return await self._reported_ids(account, await self._order_pages(self._span(account, begin_ns)))
        except (Refused, RemoteProtocolError) as exc:
            day_ns = day_began_ns(self._venue_ns, account.markets)
            self._reached(NEVER if day_ns is None else day_ns, f"no history of account {account.id}: {exc}")
            return set()

    def _span(self, account: Account, begin_ns: int, order_ids: Sequence[str] = ()) -> ListHistory:
        return ListHistory(
            account=account,
            begin=_text(min(begin_ns, self._venue_ns) - _ANY_ZONE_NS),
            end=_text(self._venue_ns + _ANY_ZONE_NS),
            order_ids=tuple(order_ids),
            rates=(account.history_rate,),
        )

    def _reached(self, ns: int, limit: str) -> None:
        self._complete_since_ns = ns if self._complete_since_ns is None else max(ns, self._complete_since_ns)
        self._limits.append(limit)

    async def _open_orders(self, account: Account) -> list[OrderUpdate]:
        """The open orders in the order store that can be queried by id; without those that were not found before."""
        environment, account_id = account.environment, str(account.id)

        def can_be_queried(order: OrderUpdate) -> bool:
            return (
                order.account == account_id
                and order.environment == environment
                and order.order_id.isdecimal()
                and int(order.order_id) < 2**64
                and not order.not_found
            )

        return await picked(self._spec.open_orders(), can_be_queried)

    async def _missing(self, account: Account, order_ids: list[str]) -> None:
        """Query open orders that the list did not contain: first the day's orders by id, then the history.

        OpenD's cache was refreshed by the list just before, so it can answer, which is not rate-limited.
        """
        for some in _portions(order_ids):
            request = ListOrders(account=account, order_ids=tuple(some))
            left = _without(some, await self._reported_ids(account, await self._order_pages(request)))
            if left:
                await self._find_in_history(account, left)

    async def _find_in_history(self, account: Account, order_ids: list[str]) -> None:
        """Orders that the history does not contain either are not found; if the query fails, nothing changes."""
        try:
            pages = await self._order_pages(self._span(account, self._venue_ns - _HISTORY_NS, order_ids))
        except (Refused, RemoteProtocolError) as exc:
            self._reached(NEVER, f"{len(order_ids)} open orders of account {account.id} not found: {exc}")
            return
        left = set(order_ids) - await self._reported_ids(account, pages)
        missing = [order for order in await self._open_orders(account) if order.order_id in left]
        if missing:
            await self._emit([not_found(order, NOT_FOUND, pages.received_ns) for order in missing])


def _text(ns: int) -> str:
    return local_text(ns, "UTC")


def _without(order_ids: Sequence[str], reported: set[str]) -> list[str]:
    return [order_id for order_id in order_ids if order_id not in reported]


def _portions(order_ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(order_ids), _IDS_AT_ONCE):
        yield order_ids[start : start + _IDS_AT_ONCE]
