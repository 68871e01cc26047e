"""What check finds out from the states of links."""

import pytest

from ordwatch.cli.check_results import CheckObserver, CheckResult, Keys, keys_of
from ordwatch.core.events import LinkState
from ordwatch.core.records import LinkRecord, for_outputs
from ordwatch.venues import REGISTRY, load

KEYS = Keys(credentials=("api_key",), address=("ws_url",), rest=("rest_url",), scope=("markets",))
TIME = "2026-03-02T12:00:00.000000Z"


def link(state: LinkState, venue: str = "toy", detail: str | None = None) -> LinkRecord:
    """A link that reached a state."""
    return LinkRecord(venue=venue, conn=1, state=state, detail=detail, wait_s=None, at=TIME)


def seen(*links: LinkRecord, keys: Keys = KEYS) -> list[CheckResult]:
    """The verdicts on one venue whose links went this way."""
    observer = CheckObserver({"toy": keys})
    observer.write(for_outputs(links))
    return observer.verdicts()


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
    keys = Keys(credentials=("api_key", "secret_key"))
    last = seen(link(state), link("failed", detail="login refused"), keys=keys)[-1]

    assert (last.check, last.exit_code) == ("login", 77)
    assert last.remedy == "check `api_key`, `secret_key` in the configuration"


@pytest.mark.parametrize(
    ("states", "remedy"),
    [
        (["connecting"], "check `ws_url` in the configuration, the network, and that the venue is up"),
        (["connecting", "authenticating"], "check `ws_url` and `api_key` in the configuration"),
        (
            ["authenticating", "subscribing"],
            "check `markets` in the configuration, and that the account may read orders",
        ),
        (
            ["subscribing", "reconciling"],
            "check `rest_url` in the configuration and the network, or try again: the venue may be busy; "
            "if it fails again, run `ordwatch tail -v`",
        ),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_the_remedy_names_the_keys_of_what_failed(states: list[LinkState], remedy: str) -> None:
    last = seen(*map(link, states), link("down", detail="closed"))[-1]

    assert last.remedy == remedy


def test_a_query_that_fails_again_and_again_has_failed_with_the_venues_words() -> None:
    reported: list[str] = []
    observer = CheckObserver({"toy": KEYS})
    observer.when_decided = lambda: reported.append("decided")
    observer.write(for_outputs([link("connecting"), link("subscribing"), link("reconciling")]))
    refusal = link("reconciling", detail="returnOpenOrders: connection refused")

    observer.write(for_outputs([refusal] * 3))
    before, patient = list(reported), observer.verdicts()[-1]
    observer.write(for_outputs([refusal]))

    last = observer.verdicts()[-1]
    assert (before, reported) == ([], ["decided"])
    assert (last.check, last.detail, last.exit_code) == ("query", "returnOpenOrders: connection refused", 69)
    assert patient == last


def test_a_query_that_is_answered_after_a_failure_passed() -> None:
    failures = [link("reconciling", detail="too frequent")] * 3

    found = seen(link("connecting"), link("reconciling"), *failures, link("live"))

    assert {verdict.verdict for verdict in found} == {"ok"}


@pytest.mark.parametrize("kind", REGISTRY)
def test_the_keys_of_a_venue_are_in_its_configuration(kind: str) -> None:
    venue = load(kind)
    keys = keys_of(venue)
    named = {*keys.credentials, *keys.address, *keys.rest, *keys.scope}

    assert keys.address
    assert named <= set(venue.settings.__struct_fields__)


def test_a_venue_that_neither_answers_nor_fails_has_failed() -> None:
    [verdict] = seen(link("connecting"))

    assert (verdict.verdict, verdict.detail, verdict.exit_code) == ("failed", "no answer in time", 69)


def test_only_the_first_end_counts() -> None:
    found = seen(link("connecting"), link("live"), link("down"))

    assert {verdict.verdict for verdict in found} == {"ok"}


def test_the_end_is_reported_once_every_venue_is_decided() -> None:
    reported: list[str] = []
    observer = CheckObserver({"one": KEYS, "two": KEYS})
    observer.when_decided = lambda: reported.append("decided")

    observer.write(for_outputs([link("live", "one")]))
    before = list(reported)
    observer.write(for_outputs([link("down", "two"), link("live", "two")]))

    assert (before, reported) == ([], ["decided"])


@pytest.mark.parametrize(
    ("offset_s", "verdict", "detail"),
    [
        (None, "ok", "the venue does not report its time"),
        (0.25, "ok", "0.2 s behind the venue's"),
        (-4.0, "ok", "4.0 s ahead of the venue's"),
        (60.0, "warning", "60.0 s behind the venue's"),
        (-60.0, "warning", "60.0 s ahead of the venue's"),
    ],
)
def test_a_clock_far_from_the_venues_is_a_warning(offset_s: float | None, verdict: str, detail: str) -> None:
    observer = CheckObserver({"toy": KEYS})
    observer.write(for_outputs([link("connecting"), link("live")]))
    observer.offsets_s = {"toy": offset_s}

    clock = observer.verdicts()[-1]

    assert (clock.check, clock.verdict, clock.detail, clock.exit_code) == ("clock", verdict, detail, 0)
