"""Earlier states come back as they were."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from ordwatch.core.events import Extra, OrderStatus, OrderUpdate, Side, TimeInForce
from ordwatch.core.packed_states import packed, packed_all, unpacked, unpacked_all, with_later, without_oldest
from tests.support.toy import toy_update


class LegExtra(Extra, frozen=True, kw_only=True):
    text: str | None = None
    flag: bool | None = None
    legs: list[dict[str, str | None]] | None = None


TEXTS = st.none() | st.text(max_size=8)
AMOUNTS = st.none() | st.decimals(0, 10**9, places=3).map(str)
TIMES = st.none() | st.integers(0, 253_402_300_800 * 10**9)
"""Until the year 10000, as the venues' times are read."""

EXTRAS = st.builds(
    LegExtra,
    text=TEXTS,
    flag=st.none() | st.booleans(),
    legs=st.none() | st.lists(st.dictionaries(st.text(max_size=3), TEXTS, max_size=2), max_size=2),
)
STATES = st.builds(
    OrderUpdate,
    venue=st.just("toy"),
    order_id=st.just("1"),
    symbol=TEXTS,
    side=st.none() | st.sampled_from(Side),
    time_in_force=st.none() | st.sampled_from(TimeInForce),
    status=st.sampled_from(OrderStatus),
    venue_status=st.text(max_size=8),
    reason=TEXTS,
    qty=AMOUNTS,
    filled_qty=AMOUNTS,
    created_ns=TIMES,
    updated_ns=TIMES,
    received_ns=st.integers(0, 2**62),
    source=st.sampled_from(["push", "query"]),
    not_found=st.booleans(),
    flags=st.lists(st.sampled_from(["guessed", "conflict"]), max_size=2).map(tuple),
    extra=EXTRAS,
)


@given(STATES, STATES)
def test_a_packed_state_is_the_same_again(older: OrderUpdate, newer: OrderUpdate) -> None:
    again = unpacked(packed(older, newer), newer)

    assert again == older
    assert [type(value) for value in astuple(again)] == [type(value) for value in astuple(older)]


def test_a_time_long_after_now_is_packed_too() -> None:
    known = toy_update("toy", "1", "NEW", "0", "1", now_ns=1)
    older = replace(known, created_ns=90_000_192_000 * 10**9)  # the year 4822

    assert unpacked(packed(older, known), known) == older


@given(st.lists(STATES, min_size=1, max_size=8))
def test_a_chain_of_states_is_the_same_again(states: list[OrderUpdate]) -> None:
    assert list(unpacked_all(packed_all(states), states[-1]))[::-1] == states


@given(st.lists(STATES, min_size=2, max_size=8))
def test_the_oldest_state_is_forgotten_when_a_later_one_comes(states: list[OrderUpdate]) -> None:
    *earlier, known, latest = states

    kept = without_oldest(with_later(packed_all([*earlier, known]), packed(known, latest)))

    assert kept == packed_all(states[1:])


@given(STATES)
def test_a_state_that_is_repeated_takes_one_byte(state: OrderUpdate) -> None:
    assert len(packed(state, state)) == 1
