"""What check finds out from the states of links."""

import pytest

from ordwatch.cli.verdicts import Verdict, Witness
from ordwatch.model import LinkState
from ordwatch.records import LinkRecord

TIME = "2026-03-02T12:00:00.000000Z"


def link(state: LinkState, venue: str = "toy", detail: str | None = None) -> LinkRecord:
    """A link that reached a state."""
    return LinkRecord(venue=venue, conn=1, state=state, detail=detail, wait_s=None, at=TIME)


def seen(*links: LinkRecord, credentials: tuple[str, ...] = ("api_key",)) -> list[Verdict]:
    """The verdicts on one venue whose links went this way."""
    witness = Witness({"toy": credentials})
    witness.write(links)
    return witness.verdicts()


def test_a_venue_that_is_live_passed_everything() -> None:
    found = seen(link("connecting"), link("subscribing"), link("reconciling"), link("live"))

    assert [(verdict.check, verdict.verdict) for verdict in found] == [
        ("reachability", "ok"),
        ("login", "ok"),
        ("subscription", "ok"),
        ("query", "ok"),
        ("clock", "ok"),
    ]


@pytest.mark.parametrize(
    ("states", "check", "passed"),
    [
        (["connecting"], "reachability", 0),
        (["connecting", "authenticating"], "login", 1),
        (["connecting", "authenticating", "subscribing"], "subscription", 2),
        (["connecting", "subscribing", "reconciling"], "query", 3),
    ],
)
def test_a_link_that_falls_failed_at_what_it_was_about(states: list[LinkState], check: str, passed: int) -> None:
    *before, last = seen(*map(link, states), link("down", detail="connection refused"))

    assert [verdict.verdict for verdict in before] == ["ok"] * passed
    assert (last.check, last.verdict, last.detail, last.exit_code) == (check, "failed", "connection refused", 69)
    assert last.remedy


@pytest.mark.parametrize("state", ["connecting", "authenticating"])
def test_refused_credentials_are_a_failed_login(state: LinkState) -> None:
    last = seen(link(state), link("failed", detail="login refused"), credentials=("api_key", "secret_key"))[-1]

    assert (last.check, last.exit_code) == ("login", 77)
    assert last.remedy == "check `api_key`, `secret_key` in the configuration"


def test_a_venue_that_neither_answers_nor_fails_has_failed() -> None:
    [verdict] = seen(link("connecting"))

    assert (verdict.verdict, verdict.detail, verdict.exit_code) == ("failed", "no answer in time", 69)


def test_only_the_first_end_counts() -> None:
    found = seen(link("connecting"), link("live"), link("down"))

    assert {verdict.verdict for verdict in found} == {"ok"}


def test_the_end_is_told_once_every_venue_is_decided() -> None:
    told: list[str] = []
    witness = Witness({"one": (), "two": ()})
    witness.when_decided = lambda: told.append("decided")

    witness.write([link("live", "one")])
    before = list(told)
    witness.write([link("down", "two"), link("live", "two")])

    assert (before, told) == ([], ["decided"])


@pytest.mark.parametrize(
    ("offset_s", "verdict", "detail"),
    [
        (None, "ok", "the venue does not tell its time"),
        (0.25, "ok", "0.2 s behind the venue's"),
        (-4.0, "ok", "4.0 s ahead of the venue's"),
        (60.0, "warning", "60.0 s behind the venue's"),
        (-60.0, "warning", "60.0 s ahead of the venue's"),
    ],
)
def test_a_clock_far_from_the_venues_is_a_warning(offset_s: float | None, verdict: str, detail: str) -> None:
    witness = Witness({"toy": ()})
    witness.write([link("connecting"), link("live")])
    witness.offsets_s = {"toy": offset_s}

    clock = witness.verdicts()[-1]

    assert (clock.check, clock.verdict, clock.detail, clock.exit_code) == ("clock", verdict, detail, 0)
