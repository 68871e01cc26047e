"""One walk gives what three give."""

from collections.abc import Callable

import pytest
from hypothesis import given
from msgspec.structs import replace

from ordwatch.core.differences import changed_keys, normalized
from ordwatch.core.events import OrderStatus, OrderUpdate
from ordwatch.core.merge_walk import Merged, merge_update
from ordwatch.core.merging import merge_missing
from ordwatch.core.packed_states import packed
from tests.core.test_packed_states import STATES

Merge = Callable[[OrderUpdate, OrderUpdate], OrderUpdate]


def plain(update: OrderUpdate, known: OrderUpdate, merge: Merge) -> Merged:
    state = normalized(merge(update, known))
    return Merged(state, changed_keys(state, known), packed(known, state))


def new_only(update: OrderUpdate, known: OrderUpdate) -> OrderUpdate:
    """A venue of its own mind: nothing known is kept but the price, and no time."""
    return replace(update, price=known.price, updated_ns=None)


@pytest.mark.parametrize("merge", [merge_missing, new_only])
@given(update=STATES, known=STATES)
def test_one_walk_gives_the_same_as_three(merge: Merge, update: OrderUpdate, known: OrderUpdate) -> None:
    stored = normalized(known)

    assert merge_update(update, stored, merge) == plain(update, stored, merge)


@given(update=STATES)
def test_a_final_state_has_nothing_remaining(update: OrderUpdate) -> None:
    known = replace(normalized(update), status=OrderStatus.NEW, remaining_qty="4", not_found=False)
    ended = replace(update, status=OrderStatus.FILLED, remaining_qty=None, raw={"a": 1})

    merged = merge_update(ended, known, merge_missing)

    assert merged == plain(ended, known, merge_missing)
    assert (merged.state.remaining_qty, merged.state.raw) == ("0", None)


@given(update=STATES)
def test_an_update_that_states_nothing_changes_nothing(update: OrderUpdate) -> None:
    known = replace(normalized(update), not_found=False)
    bare = OrderUpdate(
        venue=known.venue,
        order_id=known.order_id,
        status=known.status,
        venue_status=known.venue_status,
        received_ns=known.received_ns + 1,
        source="push",
        extra=type(known.extra)(),
    )

    merged = merge_update(bare, known, merge_missing)

    assert merged.changed == []
    assert merged.state.symbol == known.symbol
