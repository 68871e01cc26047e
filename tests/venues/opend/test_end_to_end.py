"""The whole engine against the simulated OpenD: its transports, its encryption, and what only OpenD can do wrong."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, Literal

import pytest

from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.records import LinkRecord, RejectRecord
from ordwatch.engine.ending import Limits
from ordwatch.simulators.contract import Intent, Step
from ordwatch.simulators.host import host
from ordwatch.simulators.opend.orders import NATIVES
from ordwatch.simulators.opend.simulator import OpendSimulator
from ordwatch.simulators.scenario import natives, one_of_each
from ordwatch.simulators.setup import setup
from ordwatch.venues.opend import wire as links
from ordwatch.venues.opend.crypto import load_rsa
from ordwatch.venues.opend.messages import SENT
from tests.support.faultproxy import fault_proxy
from tests.support.rsa_key import new_rsa_key, rsa_key_of_512_bits
from tests.support.runs import Watched, following, run, untrue

LIFECYCLE = one_of_each()
INTENT = Intent(side=Side.SELL, qty="300", price="480.2", instrument=0, account=0)


@asynccontextmanager
async def watching(
    simulator: OpendSimulator, limits: Limits | None = None, *, faults: Iterable[str] = (), **settings: Any
) -> AsyncIterator[Watched]:
    async with host(simulator) as hosted:
        for name in faults:
            hosted.fault(name)
        async with following(hosted, setup("opend", {**hosted.settings(), **settings}), limits) as watched:
            yield watched


def play(watched: Watched, steps: Iterable[Step] = LIFECYCLE) -> None:
    for step in steps:
        watched.hosted.play(step)


def rejects(watched: Watched) -> list[str]:
    return [record.reason for record in watched.out.records if isinstance(record, RejectRecord)]


def encrypted() -> tuple[OpendSimulator, dict[str, Any]]:
    return OpendSimulator(load_rsa(new_rsa_key())), {"rsa_private_key_file": new_rsa_key()}


def encrypted_by_512_bits() -> tuple[OpendSimulator, dict[str, Any]]:
    return OpendSimulator(load_rsa(rsa_key_of_512_bits())), {"rsa_private_key_file": rsa_key_of_512_bits()}


def tcp() -> tuple[OpendSimulator, dict[str, Any]]:
    return OpendSimulator(), {}


def over_websocket() -> tuple[OpendSimulator, dict[str, Any]]:
    simulator = OpendSimulator()
    simulator.transport = "websocket"
    return simulator, {}


@pytest.mark.parametrize("way", [encrypted, encrypted_by_512_bits, over_websocket], ids=lambda way: way.__name__)
def test_every_way_to_connect_reports_the_same(way: Callable[[], tuple[OpendSimulator, dict[str, Any]]]) -> None:
    async def test() -> None:
        simulator, settings = way()
        async with watching(simulator, **settings) as watched:
            await watched.live()
            play(watched)
            with watched.hosted.away():
                play(watched, one_of_each("later"))
            await watched.closed_gaps(1)

            assert untrue(simulator, watched.out) == {}

    run(test())


def test_every_native_status_is_reported_by_its_own_name() -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with watching(simulator) as watched:
            await watched.live()
            play(watched, natives(map(str, (*NATIVES, 77)), INTENT))
            await watched.out.until(lambda: len(watched.out.orders) >= 2 * len(NATIVES) + 1)

            reported = [order.venue_status for order in watched.out.orders[1::2]]
            assert reported[0:2] == ["Unknown", "Unsubmitted"]
            assert reported[-2:] == ["FillCancelled", "77"]

    run(test())


def test_a_busted_fill_takes_its_quantity_back() -> None:
    async def test() -> None:
        async with watching(OpendSimulator()) as watched:
            await watched.live()
            play(watched, [Step("1", OrderStatus.FILLED, INTENT, filled="300")])
            play(watched, [Step("1", OrderStatus.CANCELED, INTENT, filled="100", native="24")])
            await watched.true()

            bust = watched.out.orders[-1]
            assert (bust.status, bust.prev_status, bust.filled_qty) == ("CANCELED", "FILLED", "100")
            assert "fill_busted" in bust.flags

    run(test())


@pytest.mark.parametrize("fault", ["bad_sha1", "unreadable", "no_id"])
def test_a_push_that_cannot_be_read_is_recovered(fault: str) -> None:
    async def test() -> None:
        async with watching(OpendSimulator()) as watched:
            await watched.live()
            watched.hosted.fault(fault)
            play(watched, LIFECYCLE[:3])
            await watched.true()
            await watched.covered()

            assert rejects(watched)
            assert {gap.cause for gap in watched.out.gaps} == {"reject"}
            assert watched.out.states.count("connecting") == 1

    run(test())


@pytest.mark.parametrize("fault", ["bad_flag", "endless"])
def test_a_damaged_stream_is_left_and_what_it_hid_recovered(fault: str) -> None:
    async def test() -> None:
        async with watching(OpendSimulator()) as watched:
            await watched.live()
            watched.hosted.fault(fault)
            play(watched, LIFECYCLE[:3])
            watched.hosted.fault(fault, False)
            await watched.true()
            await watched.covered()

            assert watched.out.states.count("connecting") == 2

    run(test())


@pytest.mark.parametrize("fault", ["no_timestamps", "whole_seconds", "bad_text", "not_a_number", "quotes", "unasked"])
def test_what_is_odd_but_readable_loses_nothing(fault: str) -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with watching(simulator, faults=[fault]) as watched:
            await watched.live()
            play(watched)
            await watched.true()

            assert watched.out.gaps == []
            assert rejects(watched) == []

    run(test())


def test_absent_fields_are_null_and_no_zero() -> None:
    async def test() -> None:
        async with watching(OpendSimulator(), faults=["sparse"]) as watched:
            await watched.live()
            play(watched, [Step("1", OrderStatus.NEW, INTENT)])
            await watched.out.until(lambda: watched.out.orders != [])

            [order] = watched.out.orders
            assert (order.filled_qty, order.price, order.avg_price, order.currency, order.remark) == (None,) * 5
            assert "zone_assumed" in order.flags

    run(test())


def test_orders_played_while_the_trade_server_is_down_are_recovered() -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with watching(simulator) as watched:
            await watched.live()
            watched.hosted.fault("logged_out")
            play(watched)
            watched.hosted.fault("logged_out", False)
            await watched.closed_gaps(1)

            assert untrue(simulator, watched.out) == {}
            assert {gap.cause for gap in watched.out.gaps} == {"venue_logged_out"}
            assert "stale" in watched.out.states
            assert watched.out.states.count("connecting") == 1

    run(test())


def test_a_stale_cache_is_refreshed_after_a_gap() -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with watching(simulator) as watched:
            await watched.live()
            play(watched, LIFECYCLE[:2])
            watched.hosted.fault("stale_cache")
            with watched.hosted.away():
                play(watched, LIFECYCLE[2:])
            await watched.closed_gaps(1)

            assert untrue(simulator, watched.out) == {}

    run(test())


def test_an_order_that_left_the_list_is_asked_for_by_its_id() -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with watching(simulator, faults=["open_only"]) as watched:
            await watched.live()
            play(watched, LIFECYCLE[:2])
            await watched.true()
            with watched.hosted.away():
                play(watched, LIFECYCLE[2:5])
            await watched.closed_gaps(1)

            assert untrue(simulator, watched.out) == {}

    run(test())


def test_an_order_nobody_knows_any_more_is_unknown_and_not_guessed() -> None:
    async def test() -> None:
        async with watching(OpendSimulator()) as watched:
            await watched.live()
            play(watched, LIFECYCLE[:2])
            await watched.true()
            with watched.hosted.away():
                watched.hosted.fault("forgets")
            await watched.closed_gaps(1)

            assert [order.status for order in watched.out.orders] == ["PENDING_NEW", "NEW", "UNKNOWN"]

    run(test())


@pytest.mark.parametrize("way", [tcp, over_websocket], ids=["tcp", "websocket"])
@pytest.mark.parametrize("faults", [(), ("header_errors",)], ids=["retType", "header"])
def test_a_gateway_that_first_refuses_the_login_is_watched_once_it_accepts(
    way: Callable[[], tuple[OpendSimulator, dict[str, Any]]], faults: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "RETRY_S", (0.06, 0.1))

    async def test() -> None:
        simulator, _ = way()
        async with watching(simulator, faults=["login_refused", *faults]) as watched:
            await watched.hosted.until(lambda: len(simulator.refused) >= 3)
            watched.hosted.fault("login_refused", False)
            await watched.live()
            play(watched)
            await watched.true()

            refused = [each for each in watched.out.records if isinstance(each, LinkRecord) and each.state == "down"]
            assert len(refused) >= 3
            assert all("login refused: " in (wire.detail or "") for wire in refused)
            assert all(0.06 <= (wire.wait_s or 0) <= 0.1 for wire in refused)

    run(test())


def another_key() -> tuple[OpendSimulator, dict[str, Any]]:
    return OpendSimulator(load_rsa(new_rsa_key())), {"rsa_private_key_file": new_rsa_key(name="another")}


def no_key() -> tuple[OpendSimulator, dict[str, Any]]:
    return OpendSimulator(load_rsa(new_rsa_key())), {}


def key_for_nothing() -> tuple[OpendSimulator, dict[str, Any]]:
    return OpendSimulator(), {"rsa_private_key_file": new_rsa_key()}


@pytest.mark.parametrize("way", [another_key, no_key, key_for_nothing], ids=lambda way: way.__name__)
def test_an_opend_with_another_key_than_ours_says_what_to_look_at(
    way: Callable[[], tuple[OpendSimulator, dict[str, Any]]],
) -> None:
    async def test() -> None:
        simulator, settings = way()
        async with watching(simulator, **settings) as watched:
            await watched.out.until(lambda: "down" in watched.out.states)

            assert "`rsa_private_key_file`" in detail(watched)

    run(test())


@pytest.mark.parametrize("transport", ["tcp", "websocket"])
def test_the_port_of_the_other_transport_says_what_to_look_at(transport: Literal["tcp", "websocket"]) -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        simulator.transport = transport
        other = "websocket" if transport == "tcp" else "tcp"
        async with host(simulator) as hosted:
            reached = setup("opend", simulator.settings({transport: hosted.addresses[other]}))
            async with following(hosted, reached) as watched:
                await watched.out.until(lambda: "down" in watched.out.states)

                assert "`port`" in detail(watched)
                assert "`transport`" in detail(watched)

    run(test())


def test_an_opend_that_was_heard_before_it_hung_up_needs_no_hint() -> None:
    async def test() -> None:
        async with watching(OpendSimulator()) as watched:
            await watched.live()
            watched.hosted.drop()
            await watched.out.until(lambda: "down" in watched.out.states)

            assert "look at" not in detail(watched)

    run(test())


def detail(watched: Watched) -> str:
    """What the first link that went down said."""
    downs = [each for each in watched.out.records if isinstance(each, LinkRecord) and each.state == "down"]
    return downs[0].detail or ""


@pytest.mark.parametrize("faults", [(), ("header_errors",)], ids=["retType", "header"])
def test_a_wrong_websocket_key_ends_the_venue_with_77(faults: tuple[str, ...]) -> None:
    async def test() -> None:
        simulator, _ = over_websocket()
        async with watching(simulator, faults=faults, websocket_key="another") as watched:
            outcome = await watched.outcome

            assert outcome.exit_code == 77
            assert simulator.asked == [1]

    run(test())


@pytest.mark.parametrize("fault", ["accounts_refused", "subscription_refused", "orders_refused"])
def test_nothing_is_called_live_that_was_refused(fault: str) -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with watching(simulator, faults=[fault]) as watched:
            await watched.hosted.until(lambda: len(simulator.refused) >= 3)
            assert "live" not in watched.out.states

            watched.hosted.fault(fault, False)
            await watched.live()

    run(test())


@pytest.mark.parametrize("fault", ["slow_lists", "slow_refresh"])
def test_a_gateway_whose_lists_are_slow_is_watched_over_the_first_connection(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("ordwatch.venues.opend.query"), "_CACHE_TIMEOUT_S", 0.2)

    async def test() -> None:
        simulator = OpendSimulator()
        simulator.list_delay_s = 0.4
        async with watching(simulator, faults=[fault], accounts=["281756455988249902"]) as watched:
            play(watched, LIFECYCLE[:2])
            await watched.live()
            play(watched, LIFECYCLE[2:])
            await watched.out.until(lambda: any(order.status == "FILLED" for order in watched.out.orders))

            assert watched.out.states.count("connecting") == 1

    run(test())


def test_a_gateway_that_refuses_one_account_is_watched_for_the_others() -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with watching(simulator, faults=["account_refused"]) as watched:
            play(watched)
            await watched.live()
            with watched.hosted.away():
                play(watched, one_of_each("later"))
            await watched.closed_gaps(1)

            refused = str(simulator.handler.refused_account)
            assert {name[1] for name in untrue(simulator, watched.out)} <= {refused}
            assert watched.out.states.count("connecting") - watched.hosted.refusals == 2

    run(test())


@pytest.mark.parametrize("way", [tcp, encrypted, over_websocket], ids=["tcp", "encrypted", "websocket"])
def test_a_list_of_more_than_16_mib_goes_live(way: Callable[[], tuple[OpendSimulator, dict[str, Any]]]) -> None:
    async def test() -> None:
        simulator, settings = way()
        simulator.handler.big_list, simulator.handler.big_name = 20, "x" * 900_000
        async with watching(simulator, faults=["big_lists"], **settings) as watched:
            await watched.live()

            assert len(watched.out.orders) == 20
            assert watched.out.states.count("connecting") == 1

    run(test())


def test_an_order_of_a_futures_account_made_and_finished_in_a_gap_is_found_by_opends_clock() -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        simulator.clock_ahead_ns = 40 * 3600 * 1_000_000_000
        futures = Intent(side=Side.BUY, qty="10", price="25880", instrument=5)
        async with watching(simulator, faults=["open_only"], accounts=["281756420273981734"]) as watched:
            await watched.live()
            with watched.hosted.away():
                play(
                    watched, [Step("1", OrderStatus.NEW, futures), Step("1", OrderStatus.FILLED, futures, filled="10")]
                )
            await watched.closed_gaps(1)

            assert untrue(simulator, watched.out) == {}

    run(test())


def test_only_a_wanted_account_is_watched() -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with watching(simulator, accounts=["3450309"]) as watched:
            await watched.live()
            play(watched)
            with watched.hosted.away():
                play(watched, one_of_each("later"))
            await watched.closed_gaps(1)

            assert {(order.environment, order.account) for order in watched.out.orders} == {("paper", "3450309")}

    run(test())


def test_nothing_is_sent_that_could_change_an_order() -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with watching(simulator) as watched:
            await watched.live()
            play(watched)
            watched.hosted.fault("open_only")
            watched.hosted.drop()
            await watched.closed_gaps(1)

            assert set(simulator.asked) <= SENT
            assert simulator.refused == []

    run(test())


@pytest.mark.parametrize("at", [*range(12), *range(16, 60, 4), 100, 200, 300])
def test_a_wrong_byte_never_makes_a_wrong_order(at: int) -> None:
    async def test() -> None:
        simulator = OpendSimulator()
        async with host(simulator) as hosted, fault_proxy(hosted.addresses["tcp"]) as proxy:
            reached = setup("opend", simulator.settings({"tcp": proxy.address}))
            async with following(hosted, reached) as watched:
                await watched.live()
                proxy.corrupt(at)
                play(watched)
                await proxy.until(lambda: proxy.struck)
                await watched.true()
                await watched.covered()

                assert {(order.order_id, order.qty) for order in watched.out.orders} == {
                    (str(order.order_id), order.placed.intent.qty) for order in simulator.broker.orders.values()
                }

    run(test())
