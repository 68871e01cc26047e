from collections.abc import Callable

import pytest

from ordwatch.core.events import LinkState, VenueStats
from ordwatch.core.records import GapRecord, LinkRecord, SessionRecord
from tests.support.table import LATER_NS, NOON_NS, SECOND, content, lines, texts


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("connecting", " ◐ alpha  connecting"),
        ("authenticating", " ◐ alpha  authenticating"),
        ("subscribing", " ◐ alpha  subscribing"),
        ("reconciling", " ◐ alpha  reconciling"),
        ("live", " ● alpha  live 12 s · 0 open"),
        ("stale", " ◌ alpha  stale 12 s"),
        ("down", " ○ alpha  down 12 s"),
        ("failed", " ✕ alpha  failed 12 s"),
    ],
)
def test_each_state_of_a_venue_has_a_sign_and_its_name(state: LinkState, text: str) -> None:
    assert texts(lines(stats={"alpha": VenueStats(state=state, last_rx_ns=LATER_NS - 12 * SECOND)}))[0] == text


def test_a_gap_that_is_open_says_since_when(gap: Callable[..., GapRecord]) -> None:
    reconciling = {"alpha": VenueStats(state="reconciling")}

    assert texts(lines(gap(), stats=reconciling))[0] == " ◐ alpha  reconciling · gap since 12:00:00"


def test_gaps_that_were_not_wholly_recovered_are_reported(gap: Callable[..., GapRecord]) -> None:
    shown = texts(lines(gap(state="closed"), gap(state="closed", outcome="partial")))

    assert shown[0].endswith(" · 2 gaps, 1 not wholly recovered")


def test_a_venue_that_is_down_says_why_and_when_it_is_tried_again(link: Callable[..., LinkRecord]) -> None:
    down = link("down", detail="connection refused", wait_s=12.0)

    assert texts(lines(down, stats=None))[0] == " ○ alpha  down · next attempt in 2 s · connection refused"


def test_unreadable_input_is_reported() -> None:
    stats = {"alpha": VenueStats(state="live", last_rx_ns=LATER_NS, rejected=3)}

    assert texts(lines(stats=stats))[0] == " ● alpha  live 0.0 s · 0 open · 3 unreadable"


def test_venues_share_a_line_where_it_is_wide_enough_for_all() -> None:
    stats = {"alpha": VenueStats(state="connecting"), "beta": VenueStats(state="connecting")}

    assert texts(lines(stats=stats, width=43))[0] == " ◐ alpha  connecting     ◐ beta  connecting"
    assert texts(lines(stats=stats, width=42))[:2] == [" ◐ alpha  connecting", " ◐ beta  connecting"]


def start(*venues: str) -> SessionRecord:
    return SessionRecord(
        state="start",
        schema="",
        version="",
        pid=1,
        host="",
        venues=list(venues),
        simulated=True,
        config_sha256=None,
        reason=None,
        exit=None,
        counts=None,
        uncertain_s=None,
        at="2026-03-02T12:00:00.000000Z",
    )


@pytest.mark.parametrize("width", [10, 30, 43, 80, 200])
def test_a_simulation_is_named_in_the_first_line_at_any_width(width: int) -> None:
    shown = texts(lines(start("alpha", "beta"), width=width, stats=None))

    assert shown[0].split()[0] == "SIMULATED"
    assert len([line for line in shown if "alpha" in line or "beta" in line]) <= 2


def test_a_simulation_shares_its_line_with_the_first_venue() -> None:
    shown = texts(lines(start("alpha", "beta"), width=40, stats=None))

    assert shown[:2] == [" SIMULATED ◐ alpha  connecting", " ◐ beta  connecting"]


def test_lines_that_were_split_stay_split_for_a_minute() -> None:
    made = content([])

    def is_one_line(rejected: int, now_s: float) -> bool:
        stats = {name: VenueStats(state="live", last_rx_ns=NOON_NS, rejected=rejected) for name in ("alpha", "beta")}
        return "beta" in texts(made.lines(70, 9, now_ns=NOON_NS, now_s=now_s, stats=stats))[0]

    assert [is_one_line(0, 0), is_one_line(3, 1), is_one_line(0, 2), is_one_line(0, 61)] == [True, False, False, True]


def test_a_note_has_its_own_line_below_the_venues() -> None:
    table = content([])
    table.note = lambda: "nats  not publishing 75 s · 12 lines wait"
    stats = {"alpha": VenueStats(state="connecting")}

    shown = texts(table.lines(200, 50, now_ns=NOON_NS, now_s=0.0, stats=stats, keys=False))

    assert shown[:2] == [" ◐ alpha  connecting", " nats  not publishing 75 s · 12 lines wait"]
