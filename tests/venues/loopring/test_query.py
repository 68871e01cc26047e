import asyncio
import json
from collections.abc import Sequence

import pytest

from ordwatch.core.errors import AuthError, Refused, RemoteProtocolError
from ordwatch.core.events import OrderStatus, OrderUpdate
from ordwatch.simulators.loopring.simulator import LoopringSimulator
from ordwatch.venues.contract import Call, QueryResult, QuerySpec
from ordwatch.venues.loopring.connect import query
from ordwatch.venues.loopring.protocol_versions import Protocol
from ordwatch.venues.loopring.query import CLOCK_MARGIN_NS
from tests.venues.loopring.joined import START_NS, RestCall, Scripted, Told, data, order, push, read, setup, step

TOKENS = data("tokens_v3.json")
NO_ORDERS = b'{"totalNum":0,"orders":[]}'


def ask(*known: OrderUpdate, since_ns: int | None = None) -> QuerySpec:
    return QuerySpec(since_ns=since_ns, open_orders=lambda: known)


def asked(
    call: Call,
    question: QuerySpec,
    *,
    protocol: Protocol = "v3",
    markets: tuple[str, ...] = ("LRC-ETH",),
    api_key: str = LoopringSimulator().api_key,
) -> tuple[Sequence[OrderUpdate], QueryResult]:
    """The rows and the report of one query."""
    told = Told()
    report = asyncio.run(query(setup(protocol, markets, api_key=api_key), question, call, told))
    return told.rows, report


def simulator(*statuses: str, instrument: int = 0) -> LoopringSimulator:
    """A venue with one order in each of these states."""
    venue = LoopringSimulator()
    for number, status in enumerate(statuses):
        venue.play(step(f"order{number}", status, instrument=instrument), START_NS + number * 1_000_000)
    return venue


def rows(first: int, count: int, total: int, **fields: object) -> bytes:
    """A page of v2-like rows, newest first."""
    orders = [order(hash=str(number), **fields) for number in range(first, first + count)]
    return json.dumps({"totalNum": total, "orders": orders}).encode()


def ids(updates: Sequence[OrderUpdate]) -> list[int]:
    return [int(update.order_id) for update in updates]


@pytest.mark.parametrize("protocol", ["v3", "v2topics", "v2args"])
def test_tells_what_is_open(protocol: Protocol) -> None:
    venue = simulator("NEW", "FILLED", "PENDING_CANCEL", "PENDING_NEW", "CANCELED")

    told, report = asked(RestCall(venue), ask(), protocol=protocol)

    assert {update.status for update in told} == {"NEW", "PENDING_CANCEL", "PENDING_NEW"}
    assert {update.source for update in told} == {"query"}
    assert report.reach_ns is None


def test_tells_what_was_closed_since_a_time() -> None:
    venue = simulator("NEW", "FILLED", "CANCELED", "EXPIRED", "REJECTED")

    told, _ = asked(RestCall(venue), ask(since_ns=START_NS))

    assert {update.status for update in told} == {"NEW", "FILLED", "CANCELED", "EXPIRED", "REJECTED"}


def test_reaches_back_further_than_asked_for_the_clocks_may_differ() -> None:
    call = Scripted(TOKENS, NO_ORDERS, NO_ORDERS)
    asked(call, ask(since_ns=START_NS))

    assert call.asked[-1].params["start"] == str((START_NS - CLOCK_MARGIN_NS) // 1_000_000)


def test_a_row_has_no_time_of_its_state() -> None:
    (told,), _ = asked(RestCall(simulator("NEW")), ask())

    assert (told.updated_ns, told.qty, told.order_type) == (None, "5", "LIMIT")


def test_reads_every_page() -> None:
    call = RestCall(simulator(*["NEW"] * 120))

    told, report = asked(call, ask())

    assert len({update.order_id for update in told}) == 120
    assert [request.params["offset"] for request in call.asked[1:]] == ["0", "50", "100"]
    assert report.reach_ns is None


def test_a_row_that_shifts_to_the_next_page_is_told_once() -> None:
    call = Scripted(TOKENS, rows(0, 50, 52), rows(49, 2, 52), rows(51, 1, 52))

    told, _ = asked(call, ask())

    assert sorted(ids(told)) == list(range(52))


def test_a_list_that_shrank_while_it_was_read_is_read_again() -> None:
    call = Scripted(TOKENS, rows(0, 50, 52), rows(51, 1, 51), rows(0, 50, 51), rows(50, 1, 51))

    told, report = asked(call, ask())

    assert sorted(ids(told)) == list(range(52))
    assert report.reach_ns is None


def test_a_list_that_grew_past_its_last_page_is_read_again() -> None:
    grown = (rows(100, 50, 53), rows(0, 3, 53))
    call = Scripted(TOKENS, rows(0, 50, 50), rows(47, 3, 53), *grown)

    told, report = asked(call, ask())

    assert sorted(ids(told)) == [*range(50), *range(100, 150)]
    assert report.reach_ns is None


def test_a_total_that_is_too_small_hides_no_page() -> None:
    call = Scripted(TOKENS, rows(0, 50, 30), rows(50, 20, 30))

    told, report = asked(call, ask())

    assert sorted(ids(told)) == list(range(70))
    assert report.reach_ns is None


def test_a_venue_that_gives_its_only_page_again_has_told_all() -> None:
    told, report = asked(Scripted(TOKENS, rows(0, 50, 50), rows(0, 50, 50)), ask())

    assert sorted(ids(told)) == list(range(50))
    assert report.reach_ns is None


def test_a_list_of_closed_orders_that_grows_is_read_once() -> None:
    closed = [rows(0, 50, 100), rows(40, 50, 110), rows(80, 20, 120), rows(98, 2, 122), rows(0, 0, 122)]

    told, report = asked(Scripted(TOKENS, NO_ORDERS, *closed), ask(since_ns=START_NS))

    assert sorted(ids(told)) == list(range(100))
    assert report.reach_ns is None


def test_a_list_that_never_holds_still_is_not_all_there_is() -> None:
    changing = [rows(0, 50, 52), rows(50, 1, 51)] * 3

    _, report = asked(Scripted(TOKENS, *changing), ask())

    assert report.reach_ns == START_NS + 7
    assert "kept changing" in report.limits[0]


@pytest.mark.parametrize("total", [500, None])
def test_a_page_that_repeats_ends_the_reading_and_is_said(total: int | None) -> None:
    page = json.dumps({"totalNum": total, "orders": [order(hash=str(number)) for number in range(50)]}).encode()

    told, report = asked(Scripted(TOKENS, page, page), ask())

    assert len(told) == 50
    assert report.reach_ns == START_NS + 3
    assert "page 2 of the processing orders repeats an earlier one" in report.limits


def test_pages_without_end_are_left_at_a_thousand() -> None:
    pages = [rows(number, 1, 10**6) for number in range(1000)]
    call = Scripted(TOKENS, *pages)

    _, report = asked(call, ask())

    assert len(call.asked) == 1001
    assert "more than 1000 pages" in report.limits[0]


def test_rows_that_cannot_be_named_make_the_answer_incomplete() -> None:
    body = json.dumps({"totalNum": 2, "orders": [order(), order(hash=...)]}).encode()

    told, report = asked(Scripted(TOKENS, body), ask())

    assert len(told) == 1
    assert report.reach_ns is not None
    assert "1 rows without hash or status at offset 0" in report.limits


def test_only_the_configured_markets_are_told() -> None:
    venue = simulator("NEW", instrument=1)

    assert asked(RestCall(venue), ask(), markets=("LRC-ETH",))[0] == []
    assert len(asked(RestCall(venue), ask(), markets=("lrc-usdt",))[0]) == 1


def test_a_swap_belongs_to_its_market() -> None:
    (told,), _ = asked(Scripted(TOKENS, rows(1, 1, 1, market="AMM-LRC-ETH")), ask())

    assert told.symbol == "AMM-LRC-ETH"


def test_an_open_order_that_is_not_listed_is_asked_for_by_its_hash() -> None:
    venue = simulator("FILLED")
    ((_, _, order_hash),) = venue.truth()

    (told,), report = asked(RestCall(venue), ask(read(push(hash=order_hash))))

    assert (told.order_id, told.status, told.source) == (order_hash, OrderStatus.FILLED, "query")
    assert report.reach_ns is None


def test_an_open_order_that_is_listed_is_not_asked_for_again() -> None:
    venue = simulator("NEW")
    ((_, _, order_hash),) = venue.truth()
    call = RestCall(venue)

    asked(call, ask(read(push(hash=order_hash))))

    assert [request.name for request in call.asked] == ["getTokens", "getOrders"]


def test_an_order_the_venue_does_not_know_is_gone_never_guessed() -> None:
    (told,), report = asked(RestCall(LoopringSimulator()), ask(read(push())))

    assert (told.order_id, told.status, told.not_found) == ("0x01", OrderStatus.UNKNOWN, True)
    assert told.reason == "getOrder: 107003: order does not exist"
    assert report.reach_ns is None


def test_the_answer_about_another_order_is_refused() -> None:
    body = json.dumps(order(hash="0x02")).encode()

    with pytest.raises(RemoteProtocolError, match="another order"):
        asked(Scripted(TOKENS, NO_ORDERS, body), ask(read(push())))


@pytest.mark.parametrize("body", [(500, b""), (400, b'{"code":100002,"msg":"timeout"}')])
def test_any_other_error_about_an_order_fails_the_query(body: tuple[int, bytes]) -> None:
    with pytest.raises(Refused):
        asked(Scripted(TOKENS, NO_ORDERS, body), ask(read(push())))


def test_a_failing_second_page_fails_the_query_after_the_first_was_told() -> None:
    told = Told()
    call = Scripted(TOKENS, rows(0, 50, 60), (429, b""))

    with pytest.raises(Refused, match="429"):
        asyncio.run(query(setup(), ask(), call, told))
    assert len(told.rows) == 50


@pytest.mark.parametrize("protocol", ["v3", "v2args"])
def test_refused_credentials_end_the_query(protocol: Protocol) -> None:
    with pytest.raises(AuthError, match="104002"):
        asked(RestCall(LoopringSimulator()), ask(), protocol=protocol, api_key="another")


@pytest.mark.parametrize(
    "tokens", [(400, b'{"code":100002,"msg":"timeout"}'), b"[]", b"7"], ids=["refused", "none", "odd"]
)
def test_without_decimals_base_units_are_told_and_it_is_said(tokens: bytes | tuple[int, bytes]) -> None:
    (told,), report = asked(Scripted(tokens, rows(1, 1, 1)), ask())

    assert ("raw_units" in told.flags, told.qty) == (True, None)
    assert "decimals of ETH, LRC are unknown" in report.limits[-1]


def test_the_limits_name_the_markets() -> None:
    _, report = asked(Scripted(TOKENS, NO_ORDERS), ask(), markets=("LRC-USDT", "LRC-ETH"))

    assert report.limits[0] == "markets asked for: LRC-ETH, LRC-USDT"
