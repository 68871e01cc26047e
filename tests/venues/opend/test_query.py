"""What is asked of OpenD, and what is made of its answers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from ordwatch.core.errors import ConnectionLost, Refused, RemoteProtocolError
from ordwatch.core.events import OrderStatus, OrderUpdate
from ordwatch.core.merging import not_found
from ordwatch.venues.contract import EVER, NEVER, QueryResult, QuerySpec, Rate, RequestT, Setup
from ordwatch.venues.opend.orders import OpendExtra
from ordwatch.venues.opend.query import NOT_FOUND, query
from ordwatch.venues.opend.requests import Account, Accounts, ListAccounts, ListHistory, ListOrders, OrderPages
from ordwatch.venues.opend.settings import OpendSettings
from ordwatch.venues.opend.times import text_ns
from ordwatch.venues.toolkit.slices import LOOKED_AT_ONCE

S = 1_000_000_000
NOON = text_ns("2026-03-10 12:00:00", "Asia/Hong_Kong") or 0
"""By OpenD's clock; 04:00 UTC."""
RECEIVED = NOON - 3600 * S
"""By ours, which is an hour behind."""
PASSED = "states that an order passed through inside the gap cannot be known"

HONG_KONG = Account(id=1, environment="live", env_number=1, markets=(1,))
WORLD = Account(id=2, environment="paper", env_number=0, markets=(1, 2))
FUTURES = Account(id=5, environment="live", env_number=1, markets=(5,))
MARKETLESS = Account(id=3, environment="live", env_number=1, markets=())
DISABLED = Account(id=4, environment="live", env_number=1, markets=(1,), disabled=True)


def row(order_id: str, account: Account = HONG_KONG, status: OrderStatus = OrderStatus.NEW) -> OrderUpdate:
    return OrderUpdate(
        venue="opend",
        environment=account.environment,
        account=str(account.id),
        order_id=order_id,
        status=status,
        venue_status="x",
        received_ns=NOON,
        source="query",
        extra=OpendExtra(),
    )


@dataclass
class Opend:
    """Answers requests by their kind and account; notes what was asked."""

    accounts: Sequence[Account] = (HONG_KONG,)
    today: Sequence[OrderUpdate] = ()
    history: Sequence[OrderUpdate] = ()
    cached: Sequence[OrderUpdate] = ()
    unread: int = 0
    errors: dict[int, Exception] = field(default_factory=dict)
    """By account: what becomes of its refreshed list."""
    cache_error: Exception | None = None
    history_error: Exception | None = None
    asked: list[RequestT] = field(default_factory=list)
    """All but the lists of the cache."""
    asked_cache: list[ListOrders] = field(default_factory=list)

    async def __call__(self, request: RequestT, /) -> object:
        match request:
            case ListAccounts():
                return Accounts(tuple(self.accounts), NOON)
            case ListOrders(account=account, order_ids=(), refresh=False):
                self.asked_cache.append(request)
                return self._answer(self.cached, account, (), self.cache_error)
            case ListOrders(account=account, order_ids=ids):
                self.asked.append(request)
                rows = self._answer(self.today, account, ids, self.errors.get(account.id))
                rows.unread = self.unread
                return rows
            case ListHistory(account=account, order_ids=ids):
                self.asked.append(request)
                return self._answer(self.history, account, ids, self.history_error)
            case _:
                raise AssertionError(request)

    def _answer(
        self, rows: Sequence[OrderUpdate], account: Account, ids: Sequence[str], error: Exception | None
    ) -> OrderPages:
        if error is not None:
            raise error
        reported = [each for each in rows if each.account == str(account.id) and (not ids or each.order_id in ids)]
        return OrderPages(iter([reported]), RECEIVED)

    def take(self, rate: Rate) -> bool:
        raise AssertionError(rate)


def todays(account: Account = HONG_KONG) -> ListOrders:
    """The request for a refreshed list."""
    return ListOrders(account=account, refresh=True, rates=(account.refresh_rate,))


@dataclass
class Emitted:
    """The rows of a query's pages."""

    rows: list[OrderUpdate] = field(default_factory=list)
    cached: list[OrderUpdate] = field(default_factory=list)

    async def __call__(self, page: Sequence[OrderUpdate], /, *, cached: bool = False) -> None:
        (self.cached if cached else self.rows).extend(page)


def queried(
    opend: Opend,
    *,
    since_ns: int | None = None,
    known: Sequence[OrderUpdate] = (),
    settings: OpendSettings | None = None,
    emitted: Emitted | None = None,
) -> tuple[list[OrderUpdate], QueryResult]:
    """The rows that were emitted, those of the cache apart, and the report."""
    emitted = emitted or Emitted()
    question = QuerySpec(since_ns=since_ns, open_orders=lambda: known)
    result = asyncio.run(query(Setup("opend", settings or OpendSettings()), question, opend, emitted))
    return emitted.rows, result


def history_of(opend: Opend) -> ListHistory:
    """The only request for a history."""
    [request] = [each for each in opend.asked if isinstance(each, ListHistory)]
    return request


def test_every_account_is_asked_for_the_orders_of_the_day() -> None:
    opend = Opend(accounts=[HONG_KONG, WORLD], today=[row("10"), row("20", WORLD)])

    rows, result = queried(opend)

    assert opend.asked == [todays(HONG_KONG), todays(WORLD)]
    assert [each.order_id for each in rows] == ["10", "20"]
    assert result == QueryResult(covers=("1", "2"))


async def test_other_tasks_run_while_the_orders_held_are_looked_through() -> None:
    orders = [row(str(number)) for number in range(3 * LOOKED_AT_ONCE)]
    rounds = 0

    async def count_rounds() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_rounds())
    question = QuerySpec(since_ns=None, open_orders=lambda: orders)
    await query(Setup("opend", OpendSettings()), question, Opend(today=orders), Emitted())
    counting.cancel()

    assert rounds == 3


def test_a_list_that_is_slow_or_unanswered_does_not_cost_the_link() -> None:
    request = todays()

    assert (request.required, request.timeout_s) == (False, 30.0)


def test_refreshed_lists_never_use_up_the_ten_in_30_s_of_their_account() -> None:
    rate = HONG_KONG.refresh_rate

    assert rate.name != WORLD.refresh_rate.name
    # Of any eleven in a row the last comes after five windows.
    assert rate.count == 2
    assert 5 * rate.window_s > 30


def test_a_history_keeps_to_ten_in_30_s_of_its_account() -> None:
    assert HONG_KONG.history_rate == Rate("opend-history-1", 10, 30.5)


@pytest.mark.parametrize("since_ns", [None, NOON - 3600 * S], ids=["first", "gap"])
def test_the_caches_of_all_accounts_come_first_and_are_marked(since_ns: int | None) -> None:
    opend = Opend(accounts=[HONG_KONG, WORLD], cached=[row("10"), row("20", WORLD)])
    emitted = Emitted()

    rows, _ = queried(opend, since_ns=since_ns, emitted=emitted)

    assert opend.asked_cache == [ListOrders(account=each, timeout_s=3.0) for each in (HONG_KONG, WORLD)]
    assert [each.order_id for each in emitted.cached] == ["10", "20"]
    assert rows == []


@pytest.mark.parametrize("error", [Refused("no answer to a query within 3 s"), RemoteProtocolError("nonsense")])
def test_a_cache_that_does_not_answer_is_no_loss(error: Exception) -> None:
    _, result = queried(Opend(cache_error=error))

    assert result == QueryResult(covers=result.covers)


def test_an_order_that_only_a_stale_cache_reported_is_asked_for_by_id() -> None:
    opend = Opend(cached=[row("9")], history=[row("9", status=OrderStatus.FILLED)])

    rows, _ = queried(opend, since_ns=NOON - 3600 * S, known=[row("9")])

    assert rows[-1].status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("account", "limit"),
    [
        (MARKETLESS, "account 3 may trade in no market and was not asked"),
        (DISABLED, "account 4 is disabled and was not asked"),
    ],
)
def test_an_account_that_cannot_be_asked_is_named(account: Account, limit: str) -> None:
    opend = Opend(accounts=[account])

    _, result = queried(opend)

    assert (opend.asked, opend.asked_cache, result.limits) == ([], [], (limit,))


def test_a_disabled_account_that_is_configured_is_asked() -> None:
    opend = Opend(accounts=[DISABLED])

    queried(opend, settings=OpendSettings(accounts=("4",)))

    assert opend.asked == [todays(DISABLED)]


@pytest.mark.parametrize("hours", [1, 13], ids=["within the day", "over midnight"])
@pytest.mark.parametrize("account", [HONG_KONG, WORLD, FUTURES], ids=["hong kong", "world", "futures"])
def test_a_gap_always_asks_the_history(account: Account, hours: int) -> None:
    opend = Opend(accounts=[account], history=[row("9", account)])

    rows, result = queried(opend, since_ns=NOON - hours * 3600 * S)

    assert history_of(opend).rates == (account.history_rate,)
    assert [each.order_id for each in rows] == ["9"]
    assert result == QueryResult(limits=(PASSED,), covers=result.covers)


@pytest.mark.parametrize(
    "zone",
    ["Etc/GMT+12", "America/Chicago", "America/New_York", "UTC", "Asia/Hong_Kong", "Asia/Tokyo", "Etc/GMT-14"],
)
def test_the_span_of_a_gap_is_wide_enough_whichever_zone_opend_reads_it_in(zone: str) -> None:
    opend = Opend(accounts=[FUTURES])

    queried(opend, since_ns=NOON - 3600 * S)

    span = history_of(opend)
    assert (text_ns(span.begin, zone) or NOON) <= NOON - 13 * 3600 * S
    assert (text_ns(span.end, zone) or 0) >= NOON + 12 * 3600 * S


def test_the_span_follows_opends_clock_and_not_ours() -> None:
    opend = Opend()

    queried(opend, since_ns=NOON - 3600 * S)

    assert (history_of(opend).begin, history_of(opend).end) == ("2026-03-09 01:00:00", "2026-03-11 06:00:00")


def test_a_gap_that_began_in_the_future_is_asked_from_now() -> None:
    opend = Opend()

    queried(opend, since_ns=NOON + 1000 * 86400 * S)

    assert history_of(opend).begin == "2026-03-09 02:00:00"


def test_a_refused_history_reaches_back_to_midnight_where_the_day_begins_after_it() -> None:
    opend = Opend(history_error=Refused("locked (retType -1)"))

    _, result = queried(opend, since_ns=NOON - 3600 * S)

    assert result.complete_since_ns == NOON - 12 * 3600 * S
    assert result.limits == ("no history of account 1: locked (retType -1)", PASSED)


@pytest.mark.parametrize("account", [FUTURES, WORLD], ids=["futures", "overnight"])
def test_a_refused_history_proves_nothing_where_the_day_begins_on_the_evening_before(account: Account) -> None:
    opend = Opend(accounts=[account], history_error=Refused("locked"))

    _, result = queried(opend, since_ns=NOON - 3600 * S)

    assert result.complete_since_ns == NEVER


@pytest.mark.parametrize("since_ns", [EVER, NOON - 100 * 86400 * S], ids=["ever", "long ago"])
def test_nothing_is_asked_from_longer_ago_than_90_days(since_ns: int) -> None:
    opend = Opend(accounts=[HONG_KONG, FUTURES])

    _, result = queried(opend, since_ns=since_ns)

    assert result.complete_since_ns == NOON - 90 * 86400 * S
    assert result.limits == ("OpenD's history was asked from 2025-12-10T04:00:00.000000Z only", PASSED)


def test_a_lost_connection_ends_the_query() -> None:
    with pytest.raises(ConnectionLost):
        queried(Opend(errors={1: ConnectionLost("gone")}))


@pytest.mark.parametrize("error", [Refused("locked"), RemoteProtocolError("a yes without a list")])
def test_a_query_that_every_account_refuses_is_refused(error: Exception) -> None:
    opend = Opend(accounts=[HONG_KONG, WORLD, MARKETLESS], errors={1: error, 2: error})

    with pytest.raises(type(error), match=f"^account 1: {error}$"):
        queried(opend)

    assert opend.asked == [todays(HONG_KONG), todays(WORLD)]


@pytest.mark.parametrize("error", [Refused("not supported"), RemoteProtocolError("a yes without a list")])
def test_an_account_that_is_refused_is_named_and_the_others_are_complete(error: Exception) -> None:
    opend = Opend(
        accounts=[FUTURES, HONG_KONG, WORLD],
        errors={5: error},
        today=[row("10"), row("20", WORLD)],
        history=[row("11", status=OrderStatus.FILLED)],
    )

    rows, result = queried(opend, since_ns=NOON - 3600 * S, known=[row("12")])

    assert result == QueryResult(limits=(PASSED,), refused={"account 5": str(error)}, covers=("1", "2"))
    assert [(each.order_id, each.status.value) for each in rows] == [
        ("10", "NEW"),
        ("11", "FILLED"),
        ("12", "UNKNOWN"),
        ("20", "NEW"),
    ]


def test_rows_that_could_not_be_read_are_reported() -> None:
    _, result = queried(Opend(unread=2))

    assert result.limits == ("2 orders of account 1 could not be read",)
    assert result.complete_since_ns == NEVER


def test_an_open_order_that_is_absent_is_asked_for_by_id_then_in_the_history() -> None:
    opend = Opend(history=[row("9", status=OrderStatus.FILLED)])

    rows, _ = queried(opend, known=[row("9")])

    assert opend.asked[:2] == [todays(), ListOrders(account=HONG_KONG, order_ids=("9",))]
    assert (history_of(opend).order_ids, history_of(opend).begin) == (("9",), "2025-12-09 02:00:00")
    assert [(each.order_id, each.status) for each in rows] == [("9", OrderStatus.FILLED)]


def test_an_order_nobody_knows_any_more_becomes_unknown_never_a_guess() -> None:
    known = row("9")

    rows, _ = queried(Opend(), known=[known])

    assert rows == [not_found(known, NOT_FOUND, RECEIVED)]
    assert rows[0].status is OrderStatus.UNKNOWN


def test_a_history_refused_by_id_leaves_the_order_as_it_is_and_the_query_complete() -> None:
    rows, result = queried(Opend(history_error=Refused("locked")), known=[row("9")])

    assert rows == []
    assert result == QueryResult(NEVER, ("1 open orders of account 1 not found: locked",), covers=result.covers)


def test_an_order_that_was_not_found_before_is_not_queried_again() -> None:
    opend = Opend()

    rows, _ = queried(opend, known=[not_found(row("9"), NOT_FOUND, NOON)])

    assert (len(opend.asked), rows) == (1, [])


@pytest.mark.parametrize(
    "other",
    [row("9", WORLD), msgspec.structs.replace(row("9"), environment="paper"), row("not a number")],
    ids=["account", "environment", "id"],
)
def test_orders_that_are_not_this_accounts_are_not_asked_for(other: OrderUpdate) -> None:
    opend = Opend()

    queried(opend, known=[other])

    assert opend.asked == [todays()]


def test_many_absent_orders_are_asked_for_in_portions() -> None:
    opend = Opend(history=[row(str(number)) for number in range(1, 251)])

    queried(opend, known=[row(str(number)) for number in range(1, 251)])

    assert [len(each.order_ids) for each in opend.asked if isinstance(each, ListOrders)] == [0, 100, 100, 50]
