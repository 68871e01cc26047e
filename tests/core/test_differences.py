"""How two states of one order differ."""

from typing import Any

import pytest
from msgspec.structs import replace

from ordwatch.core.differences import changed_keys, differs, is_duplicate, normalized
from tests.support.toy import toy_update

KNOWN = toy_update("toy", "1", "PARTIALLY_FILLED", "3", "10", now_ns=5)


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, []),
        ({"received_ns": 9, "raw": {"a": 1}, "source": "query"}, []),
        ({"price": "7", "filled_qty": "4"}, ["filled_qty", "price"]),
        ({"updated_ns": 8}, ["updated_at"]),
        ({"status": "FILLED"}, ["status", "final"]),
        ({"status": "FILLED", "venue_status": "done"}, ["status", "venue_status", "final"]),
        ({"status": "NEW"}, ["status"]),
        ({"reason": ""}, []),
        ({"reason": "no funds"}, ["reason"]),
    ],
    ids=[
        "nothing",
        "how it arrived",
        "in the record's order",
        "time",
        "final",
        "final, in words",
        "open",
        "no reason",
        "reason",
    ],
)
def test_changed_keys_are_those_of_the_record(change: dict[str, Any], keys: list[str]) -> None:
    assert changed_keys(replace(KNOWN, **change), KNOWN) == keys


@pytest.mark.parametrize(
    ("change", "really"),
    [({}, False), ({"updated_ns": 8}, False), ({"name": "TENCENT"}, False), ({"filled_qty": "4"}, True)],
    ids=["nothing", "time", "name", "amount"],
)
def test_a_row_with_another_time_or_name_does_not_differ(change: dict[str, Any], really: bool) -> None:
    row = replace(KNOWN, **change)

    assert differs(row, KNOWN, changed_keys(row, KNOWN)) is really


@pytest.mark.parametrize(
    ("update", "state", "duplicate"),
    [
        ({}, {}, True),
        ({"price": None}, {"price": "7"}, True),
        ({"price": "7"}, {"price": None}, False),
        ({"filled_qty": "4"}, {}, False),
        ({"remaining_qty": "7"}, {"remaining_qty": "0"}, False),
        ({"status": "FILLED", "remaining_qty": "7"}, {"status": "FILLED", "remaining_qty": "0"}, True),
        ({"received_ns": 9, "flags": ["guessed"]}, {}, True),
    ],
    ids=[
        "same",
        "it has no price",
        "the state has no price",
        "amount",
        "remaining",
        "remaining of a final order",
        "arrival",
    ],
)
def test_an_update_is_a_duplicate_if_all_it_has_is_in_the_state(
    update: dict[str, Any], state: dict[str, Any], duplicate: bool
) -> None:
    assert is_duplicate(replace(KNOWN, **update), replace(KNOWN, **state)) is duplicate


def test_a_final_order_has_nothing_remaining_and_no_state_keeps_its_payload() -> None:
    order = replace(KNOWN, raw={"a": 1}, remaining_qty="7")

    assert normalized(order).raw is None
    assert normalized(order).remaining_qty == "7"
    assert normalized(replace(order, status="FILLED")).remaining_qty == "0"
