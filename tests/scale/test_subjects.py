"""Subjects: one for each order, whatever bytes a venue's ids have, and back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.recording.format import Mark
from ordwatch.scale import subjects


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (Mark("order", 1, venue="opend", account="281", order_id="26"), "ow.desk-1.order.opend.281.26"),
        (Mark("order", 1, venue="coinw", order_id="46", flags=("late",)), "ow.desk-1.late.coinw.-.46"),
        (Mark("gap", 1, venue="coinw"), "ow.desk-1.gap.coinw"),
        (Mark("link", 1, venue="a b"), "ow.desk-1.link.a=20b"),
        (Mark("reject", 1, venue="coinw"), "ow.desk-1.reject.coinw"),
        (Mark("alive", 1), "ow.desk-1.alive"),
        (Mark("session", 1), "ow.desk-1.session"),
        (Mark("prev_session", 1), "ow.desk-1.prev_session"),
    ],
    ids=["order", "late order", "gap", "link", "reject", "alive", "session", "recording only"],
)
def test_each_type_has_its_subject(line: Mark, expected: str) -> None:
    assert subjects.subject("desk-1", line) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "-"), ("-", "=2D"), ("", "="), ("a.b", "a=2Eb"), ("=", "=3D"), ("é>*", "=C3=A9=3E=2A"), ("0x3f", "0x3f")],
)
def test_a_value_becomes_one_token(value: str | None, expected: str) -> None:
    assert subjects.token(value) == expected


@given(st.none() | st.text())
def test_a_token_can_be_read_back(value: str | None) -> None:
    token = subjects.token(value)

    assert re.fullmatch("[A-Za-z0-9_=-]+", token)
    assert subjects.untoken(token) == value


@given(st.text(min_size=1), st.none() | st.text(), st.text(min_size=1))
def test_a_subject_can_be_read_back(venue: str, account: str | None, order_id: str) -> None:
    text = subjects.subject("c", Mark("order", 1, venue=venue, account=account, order_id=order_id))

    assert subjects.parse(text) == subjects.Subject("c", "order", venue, account, order_id)


@pytest.mark.parametrize(
    "text", ["ow", "ow.c", "other.c.alive", "ow.c.order.v.a", "ow.c.gap.a b", "ow.c.gap.=2d", "ow.c.gap."]
)
def test_a_foreign_subject_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        subjects.parse(text)
