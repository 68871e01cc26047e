"""What is asked of OpenD, and what is made of its answers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from ordwatch.errors import ConnectionLost, Refused
from ordwatch.model import OrderStatus, OrderUpdate
from ordwatch.venues.contract import Ask, Rate, Report, RequestT, Setup
from ordwatch.venues.merging import gone
from ordwatch.venues.opend.asking import Account, Accounts, ListAccounts, ListHistory, ListOrders, Rows
from ordwatch.venues.opend.orders import OpendExtra
from ordwatch.venues.opend.query import GONE, query
from ordwatch.venues.opend.settings import OpendSettings
from ordwatch.venues.opend.times import text_ns

S = 1_000_000_000
NOON = text_ns("2026-03-10 12:00:00", "Asia/Hong_Kong") or 0
PASSED = "states that an order passed through inside the gap cannot be known"

HONG_KONG = Account(id=1, environment="live", env_number=1, markets=(1,))
WORLD = Account(id=2, environment="paper", env_number=0, markets=(1, 2))
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
    """What only the cache holds."""
    unread: int = 0
    error: Exception | None = None
    history_error: Exception | None = None
    free: bool = True
    asked: list[RequestT] = field(default_factory=list)
    taken: list[Rate] = field(default_factory=list)

    async def __call__(self, request: RequestT, /) -> object:
        match request:
            case ListAccounts():
                return Accounts(tuple(self.accounts), NOON)
            case ListOrders(account=account):
                self._note(request, self.error)
                told = [*self.today, *([] if request.refresh else self.cached)]
                return Rows(iter([self._rows(told, account, request.order_ids)]), NOON, self.unread)
            case ListHistory(account=account):
                self._note(request, self.history_error)
                return Rows(iter([self._rows(self.history, account, request.order_ids)]), NOON)
            case _:
                raise AssertionError(request)

    def _note(self, request: RequestT, error: Exception | None) -> None:
        self.asked.append(request)
        if error is not None:
            raise error

    def _rows(self, rows: Sequence[OrderUpdate], account: Account, ids: Sequence[str]) -> list[OrderUpdate]:
        return [each for each in rows if each.account == str(account.id) and (not ids or each.order_id in ids)]

    def take(self, rate: Rate) -> bool:
        self.taken.append(rate)
        return self.free


def ask(
    opend: Opend,
    *,
    since_ns: int | None = None,
    known: Sequence[OrderUpdate] = (),
    settings: OpendSettings | None = None,
) -> tuple[list[OrderUpdate], Report]:
    """The rows that were emitted, and the report."""
    rows: list[OrderUpdate] = []

    async def emit(page: Sequence[OrderUpdate], /, *, cached: bool = False) -> None:
        rows.extend(page)

    question = Ask(since_ns=since_ns, open_orders=lambda: known)
    report = asyncio.run(query(Setup("opend", settings or OpendSettings()), question, opend, emit))
    return rows, report


def test_every_account_is_asked_for_the_orders_of_the_day() -> None:
    opend = Opend(accounts=[HONG_KONG, WORLD], today=[row("10"), row("20", WORLD)])

    rows, report = ask(opend)

    assert opend.asked == [ListOrders(account=HONG_KONG, refresh=True), ListOrders(account=WORLD, refresh=True)]
    assert [each.order_id for each in rows] == ["10", "20"]
    assert report == Report()


def test_a_refresh_takes_one_of_ten_places_in_30_s_for_each_account() -> None:
    opend = Opend(accounts=[HONG_KONG, WORLD])

    ask(opend)

    assert opend.taken == [Rate("opend-refresh-1", 10, 30.0), Rate("opend-refresh-2", 10, 30.0)]


def test_without_a_free_place_the_cache_answers_and_the_report_says_so() -> None:
    opend = Opend(free=False)

    _, report = ask(opend)

    assert opend.asked == [ListOrders(account=HONG_KONG, refresh=False)]
    assert report.limits == ("account 1 was answered from OpenD's cache first",)


def test_what_closes_a_gap_is_the_cache_now_and_a_refreshed_answer_later() -> None:
    opend = Opend(free=False)

    _, report = ask(opend, since_ns=NOON - 3600 * S)

    assert opend.asked == [
        ListOrders(account=HONG_KONG, refresh=False),
        ListOrders(account=HONG_KONG, refresh=True, rates=(Rate("opend-refresh-1", 10, 30.0),)),
    ]
    assert report == Report(limits=("account 1 was answered from OpenD's cache first", PASSED))


def test_an_order_that_only_a_stale_cache_told_is_asked_for_by_id() -> None:
    opend = Opend(free=False, cached=[row("9")], history=[row("9", status=OrderStatus.FILLED)])

    rows, _ = ask(opend, since_ns=NOON - 3600 * S, known=[row("9")])

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

    _, report = ask(opend)

    assert (opend.asked, report.limits) == ([], (limit,))


def test_a_disabled_account_that_is_configured_is_asked() -> None:
    opend = Opend(accounts=[DISABLED])

    ask(opend, settings=OpendSettings(accounts=("4",)))

    assert opend.asked == [ListOrders(account=DISABLED, refresh=True)]


def test_a_gap_within_the_day_needs_no_history() -> None:
    opend = Opend()

    _, report = ask(opend, since_ns=NOON - 3600 * S)

    assert len(opend.asked) == 1
    assert report == Report(limits=(PASSED,))


def test_a_gap_that_reaches_past_midnight_asks_the_history_within_its_rate() -> None:
    opend = Opend(history=[row("9")])

    rows, report = ask(opend, since_ns=NOON - 13 * 3600 * S)

    assert opend.asked[1] == ListHistory(
        account=HONG_KONG,
        begin="2026-03-09 22:59:00",
        end="2026-03-10 12:01:00",
        rates=(Rate("opend-history-1", 10, 30.0),),
    )
    assert [each.order_id for each in rows] == ["9"]
    assert report == Report(limits=(PASSED,))


def test_the_latest_midnight_of_its_markets_counts_and_the_widest_span_is_asked() -> None:
    # Noon of the 10th in Hong Kong is midnight in New York, summer time: a day that has just begun.
    opend = Opend(accounts=[WORLD])

    ask(opend, since_ns=NOON - 3600 * S)

    history = opend.asked[1]
    assert isinstance(history, ListHistory)
    assert (history.begin, history.end) == ("2026-03-09 22:59:00", "2026-03-10 12:01:00")


def test_a_refused_history_reaches_back_to_midnight_only() -> None:
    opend = Opend(history_error=Refused("locked (retType -1)"))

    _, report = ask(opend, since_ns=NOON - 13 * 3600 * S)

    assert report.reach_ns == NOON - 12 * 3600 * S
    assert report.limits == ("no history of account 1: locked (retType -1)", PASSED)


def test_a_gap_longer_than_the_history_is_covered_from_there_on() -> None:
    opend = Opend()

    _, report = ask(opend, since_ns=NOON - 100 * 86400 * S)

    assert report.reach_ns == NOON - 90 * 86400 * S
    assert report.limits[0] == "the history of account 1 was asked from 2025-12-10T04:00:00.000000Z only"


@pytest.mark.parametrize("error", [Refused("locked"), ConnectionLost("gone")])
def test_without_the_orders_of_the_day_the_query_fails(error: Exception) -> None:
    with pytest.raises(type(error)):
        ask(Opend(error=error))


def test_the_other_accounts_are_asked_before_a_refusal_is_told() -> None:
    opend = Opend(accounts=[HONG_KONG, WORLD], error=Refused("locked"))

    with pytest.raises(Refused, match=r"^account 1: locked$"):
        ask(opend)

    assert [each.account for each in opend.asked if isinstance(each, ListOrders)] == [HONG_KONG, WORLD]


def test_rows_that_could_not_be_read_are_told() -> None:
    _, report = ask(Opend(unread=2))

    assert report.limits == ("2 orders of account 1 could not be read",)
    assert report.reach_ns == NOON


def test_an_open_order_that_is_absent_is_asked_for_by_id_then_in_the_history() -> None:
    opend = Opend(history=[row("9", status=OrderStatus.FILLED)])

    rows, _ = ask(opend, known=[row("9")])

    assert opend.asked[1] == ListOrders(account=HONG_KONG, order_ids=("9",), refresh=True)
    assert isinstance(opend.asked[2], ListHistory)
    assert (opend.asked[2].order_ids, opend.asked[2].begin) == (("9",), "2025-12-10 12:00:00")
    assert [(each.order_id, each.status) for each in rows] == [("9", OrderStatus.FILLED)]


def test_an_order_nobody_knows_any_more_becomes_unknown_never_a_guess() -> None:
    known = row("9")

    rows, _ = ask(Opend(), known=[known])

    assert rows == [gone(known, GONE, NOON)]
    assert rows[0].status is OrderStatus.UNKNOWN


def test_a_history_refused_by_id_leaves_the_order_as_it_is_and_the_query_complete() -> None:
    rows, report = ask(Opend(history_error=Refused("locked")), since_ns=NOON - 3600 * S, known=[row("9")])

    assert rows == []
    assert report == Report(NOON, ("1 open orders of account 1 not found: locked", PASSED))


def test_an_order_already_known_to_be_gone_is_not_asked_for_again() -> None:
    opend = Opend()

    rows, _ = ask(opend, known=[gone(row("9"), GONE, NOON)])

    assert (len(opend.asked), rows) == (1, [])


@pytest.mark.parametrize(
    "other",
    [row("9", WORLD), msgspec.structs.replace(row("9"), environment="paper"), row("not a number")],
    ids=["account", "environment", "id"],
)
def test_orders_that_are_not_this_accounts_are_not_asked_for(other: OrderUpdate) -> None:
    opend = Opend()

    ask(opend, known=[other])

    assert opend.asked == [ListOrders(account=HONG_KONG, refresh=True)]


def test_many_absent_orders_are_asked_for_in_portions() -> None:
    opend = Opend(history=[row(str(number)) for number in range(1, 251)])

    ask(opend, known=[row(str(number)) for number in range(1, 251)])

    assert [len(each.order_ids) for each in opend.asked if isinstance(each, ListOrders)] == [0, 100, 100, 50]
