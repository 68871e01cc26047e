"""The beginning of unreadable input, without secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.secrets import Secret
from ordwatch.venues.contract import VenueSettings
from ordwatch.venues.toolkit.rejects import MAX_BYTES, head, redaction

SECRET = "canary-0123456789"


def test_short_input_is_shown_whole() -> None:
    assert head(b"not JSON \xff", (SECRET,)) == b"not JSON \xff"


def test_long_input_is_cut() -> None:
    assert head(b"x" * 10**6, ()) == b"x" * MAX_BYTES


def test_secret_is_blotted_out() -> None:
    assert head(f"{SECRET} and {SECRET}".encode(), (SECRET, "another-one")) == b"*** and ***"


@pytest.mark.parametrize("place", range(MAX_BYTES - 20, MAX_BYTES + 20))
def test_no_part_of_a_secret_remains_where_the_input_is_cut(place: int) -> None:
    assert SECRET[:1].encode() not in head(b"x" * place + SECRET.encode() + b"y" * MAX_BYTES, (SECRET,))


@pytest.mark.parametrize("shift", range(len(SECRET)))
def test_no_part_of_a_secret_remains_among_many(shift: int) -> None:
    assert set(head(b"x" * shift + SECRET.encode() * MAX_BYTES, (SECRET,))) <= set(b"x*")


@given(st.lists(st.sampled_from([SECRET.encode(), b"x", b"canary", b"\xff"]), max_size=2000))
def test_secret_never_remains(parts: list[bytes]) -> None:
    data = b"".join(parts) * 3

    assert SECRET.encode() not in head(data, (SECRET,))


def test_short_word_is_no_secret() -> None:
    assert head(b"abc", ("b", "")) == b"abc"


class _Settings(VenueSettings, frozen=True, kw_only=True):
    key: Secret
    other: Secret | None = None
    name: str = "innocent"


def test_words_lose_every_secret_of_the_settings() -> None:
    redact = redaction(_Settings(key=Secret("canary-1"), other=Secret("canary-2")))

    assert redact("canary-1, canary-2, innocent") == "***, ***, innocent"
