"""How two states of one order differ."""

from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from ordwatch.core.differences import changed_keys, contradicts, differs, is_duplicate, normalized
from ordwatch.core.events import Extra
from tests.support.toy import toy_update


class Own(Extra, frozen=True, kw_only=True):
    """A venue's own fields; `clock` is a time as text."""

    TIME_TEXTS: ClassVar[frozenset[str]] = frozenset({"clock"})

    clock: str | None = None
    first: str | None = None
    second: str | None = None


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
        ({"extra": Own(first="a")}, ["extra"]),
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
        "extra",
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


def test_a_reason_that_is_removed_is_a_change() -> None:
    assert changed_keys(replace(KNOWN, reason=""), replace(KNOWN, reason="no funds")) == ["reason"]


OWN = replace(KNOWN, extra=Own(clock="9:00", first="a", second="b"))


@pytest.mark.parametrize(
    ("changes", "really"),
    [
        ({"updated_ns": 8, "name": "TENCENT", "extra": Own(clock="9:01", first="a", second="b")}, False),
        ({"extra": Own(clock="9:00", first="a", second="c")}, True),
        ({"extra": Own(clock="9:00", first="c", second="b")}, True),
        ({"extra": Own(clock="9:01", first="a", second="b"), "remark": "mine"}, True),
        ({"name": "TENCENT", "price": "7"}, True),
    ],
    ids=["times and names", "second of its own", "first of its own", "another one, too", "price, too"],
)
def test_a_row_differs_if_anything_but_times_and_names_does(changes: dict[str, Any], really: bool) -> None:
    row = replace(OWN, **changes)

    assert differs(row, OWN, changed_keys(row, OWN)) is really


@pytest.mark.parametrize(
    ("merged", "contradicted"),
    [
        ({}, False),
        ({"updated_ns": 8, "name": "TENCENT", "extra": Own(clock="9:01", first="a")}, False),
        ({"client_order_id": "mine", "extra": Own(clock="9:00", first="a", second="c")}, False),
        ({"filled_qty": "4"}, True),
        ({"updated_ns": 8, "filled_qty": "4"}, True),
        ({"extra": Own(clock="9:00", first="c")}, True),
        ({"extra": Own(clock="9:01", first="c", second="b")}, True),
        ({"status": "FILLED"}, True),
    ],
    ids=["same", "times and names", "completes it", "amount", "amount and time", "own field", "own fields", "status"],
)
def test_what_a_state_does_not_know_contradicts_nothing(merged: dict[str, Any], contradicted: bool) -> None:
    state = replace(KNOWN, name="Tencent", extra=Own(clock="9:00", first="a"))

    assert contradicts(replace(state, **merged), state) is contradicted


@pytest.mark.parametrize(
    ("extra", "duplicate"),
    [
        (Own(clock="9:00", first="a", second="b"), True),
        (Own(first="a"), True),
        (Own(), True),
        (Own(first="c"), False),
        (Own(first="a", second="c"), False),
        (Own(clock="9:01"), False),
        (Extra(), False),
    ],
    ids=["same", "less", "nothing", "other", "second other", "another time", "of another venue"],
)
def test_own_fields_of_a_venue_are_a_duplicate_one_by_one(extra: Extra, duplicate: bool) -> None:
    assert is_duplicate(replace(OWN, extra=extra), OWN) is duplicate


@pytest.mark.parametrize(
    ("reason", "known", "duplicate"),
    [("", None, True), ("", "", True), ("", "no funds", False), ("no funds", "", False), ("no funds", None, False)],
)
def test_no_reason_is_a_duplicate_of_none(reason: str, known: str | None, duplicate: bool) -> None:
    assert is_duplicate(replace(KNOWN, reason=reason), replace(KNOWN, reason=known)) is duplicate


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
