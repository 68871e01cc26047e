"""The session and the simulator, joined: what the venue did is what the session reports."""

import json

import pytest

from ordwatch.core.errors import AuthError, RemoteProtocolError
from ordwatch.core.events import Closed, Ignored, Notice, OrderStatus, OrderUpdate, Progress, Ready, Reject
from ordwatch.simulators.loopring.orders import MARKETS
from ordwatch.simulators.loopring.simulator import LoopringSimulator
from ordwatch.venues.loopring.session import LoopringSession
from tests.venues.loopring.joined import Joined, step

LIFE = (
    step("one", "PENDING_NEW"),
    step("one", "NEW"),
    step("one", "PARTIALLY_FILLED", "2"),
    step("one", "PENDING_CANCEL", "2"),
    step("one", "CANCELED", "3"),
)
STATUSES = ["PENDING_NEW", "NEW", "PARTIALLY_FILLED", "PENDING_CANCEL", "CANCELED"]


def joined(*faults: str, markets: tuple[str, ...] = MARKETS, as_args: bool = False) -> Joined:
    venue = LoopringSimulator()
    for fault in faults:
        venue.fault(fault)
    return Joined(venue, *markets, as_args=as_args)


@pytest.mark.parametrize(
    "faults",
    [
        (),
        ("string_topic",),
        ("misspelt_topic",),
        ("seconds",),
        ("lower_case",),
        ("update_at",),
        ("integers",),
        ("lower_ok",),
        ("topic_echo",),
        ("no_echo",),
        ("integers", "seconds", "lower_case", "string_topic", "update_at"),
    ],
    ids="+".join,
)
def test_a_life_is_reported_in_every_documented_spelling(faults: tuple[str, ...]) -> None:
    both = joined(*faults)
    both.play(*LIFE)

    assert both.events[0] == Ready()
    assert [update.status for update in both.updates] == STATUSES
    assert [update.filled_qty for update in both.updates] == ["0", "0", "2", "2", "3"]


def test_a_life_is_reported_to_early_v2() -> None:
    both = joined(markets=("LRC-ETH",), as_args=True)
    both.play(*LIFE)

    assert [update.status for update in both.updates] == STATUSES


@pytest.mark.parametrize("status", list(OrderStatus))
def test_what_is_reported_is_the_truth(status: OrderStatus) -> None:
    both = joined()
    both.play(step("one", status, "1"))

    (update,) = both.updates
    state = both.simulator.truth()[update.environment, update.account, update.order_id]
    assert (update.status, update.filled_qty) == (state.status, state.filled_qty)


@pytest.mark.parametrize("instrument", [0, 1, 2])
def test_amounts_are_those_of_the_scenario_in_every_market(instrument: int) -> None:
    both = joined()
    both.play(step("one", "PARTIALLY_FILLED", "2", instrument=instrument))

    (update,) = both.updates
    assert (update.symbol, update.qty, update.price) == (MARKETS[instrument], "5", "0.000004")
    assert (update.remaining_qty, update.avg_price, update.filled_value) == ("3", "0.000004", "0.000008")


def test_an_hour_of_silence_is_survived_by_pongs() -> None:
    both = joined()
    for _ in range(120):
        both.wait(30)

    assert (both.closes, len(both.received)) == ([], 121)


@pytest.mark.parametrize("fault", ["key_refused", "no_user"])
def test_refused_credentials_are_reported(fault: str) -> None:
    (closed,) = joined(fault).events

    assert isinstance(closed, Closed)
    assert isinstance(closed.error, AuthError)


def test_a_subscription_that_is_not_understood_is_reported() -> None:
    (closed,) = joined("sub_refused").events

    assert isinstance(closed, Closed)
    assert isinstance(closed.error, RemoteProtocolError)


def test_a_bad_market_does_not_cost_the_others() -> None:
    both = joined("bad_market")
    both.play(step("one", "NEW", instrument=1))

    _, notice, progress, ready, update = both.events
    assert isinstance(notice, Notice)
    assert "LRC-ETH" in notice.text
    assert progress == Progress("subscribing", notice.text)
    assert ready == Ready()
    assert isinstance(update, OrderUpdate)


def test_without_an_answer_nothing_is_ready() -> None:
    assert joined("no_ack").events == []


@pytest.mark.parametrize(("fault", "missed"), [("garbage", True), ("hashless", True), ("unknown_kind", False)])
def test_noise_is_rejected_and_the_push_behind_it_reported(fault: str, missed: bool) -> None:
    both = joined(fault)
    both.play(step("one", "NEW"))

    _, reject, update = both.events
    assert isinstance(reject, Reject)
    assert (reject.missed, type(update)) == (missed, OrderUpdate)


def test_other_topics_are_counted() -> None:
    both = joined("siblings")
    both.play(step("one", "NEW"))

    assert both.events[1] == Ignored("ticker")


SPOKEN = {"op", "sequence", "apiKey", "topics", "args"}


@pytest.mark.parametrize("as_args", [False, True])
def test_everything_said_only_reads(as_args: bool) -> None:
    talk: LoopringSession = joined(markets=("LRC-ETH",), as_args=as_args).talk
    talk.start(0)
    talk.receive(b"ping", 0)
    talk.heartbeat(0)

    subscription, pong = talk.data_to_send()
    reported = json.loads(subscription)
    assert (reported["op"], pong, reported.keys() <= SPOKEN) == ("sub", "pong", True)
