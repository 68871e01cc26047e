import json

import pytest
from msgspec.structs import replace

from ordwatch.core.events import LinkState
from ordwatch.core.records import AnyRecord, LinkRecord
from ordwatch.recording.status import LastState, Status, VenueStatus, judge
from tests.recording.samples import alive, at, at_ns, end, gap_closed, gap_opened, link, start

LIVE: tuple[AnyRecord, ...] = (start(), link("live", 1), alive(10))


def status(*records: AnyRecord, now: float = 20, max_age_s: float = 30, being_written: bool = True) -> Status:
    return judge(LastState(records), now_ns=at_ns(now), max_age_s=max_age_s, being_written=being_written)


def changed(state: LinkState, second: float, detail: str | None = None) -> LinkRecord:
    return LinkRecord(venue="alpha", conn=1, state=state, detail=detail, wait_s=None, at=at(second))


def down(second: float) -> LinkRecord:
    return changed("down", second, "connection refused")


@pytest.mark.parametrize(
    "records",
    [
        LIVE,
        (alive(10),),
        (*LIVE, end(11), start(12), link("live", 13), alive(15)),
        (start(), down(1), link("live", 2), alive(10)),
        (alive(5, state="down"), link("live", 6)),
        (*LIVE, gap_opened(11), down(11), link("live", 12), gap_closed(11, 12)),
        (start(), alive(10, last_rx=-3600), link("live", 11)),
    ],
    ids=["live", "start not in sight", "second session", "first attempt failed", "live since", "gap closed", "silent"],
)
def test_live_venue_with_a_young_alive_record_is_healthy(records: tuple[AnyRecord, ...]) -> None:
    found = status(*records)

    assert (found.exit_code, found.reason) == (0, None)
    assert found.venues["alpha"].covered


@pytest.mark.parametrize(
    ("records", "state", "since", "reason"),
    [
        ((*LIVE, gap_opened(9, cause="reset"), down(11)), "down", 9, "reset: connection refused"),
        ((*LIVE, down(11)), "down", 11, "connection refused"),
        ((*LIVE, down(11), changed("connecting", 12)), "connecting", 11, "connection refused"),
        ((*LIVE, gap_opened(9), down(11), alive(15, state="connecting")), "connecting", 9, "eof: connection refused"),
        ((alive(15, state="down", last_rx=4),), "down", 4, None),
        ((alive(15, state="failed"), changed("failed", 16, "key refused")), "failed", 15, "key refused"),
        ((*LIVE, changed("stale", 12)), "stale", 12, None),
        ((start(), link("connecting", 1), alive(10, state="connecting")), "connecting", 0, None),
        ((*LIVE, gap_opened(9), changed("reconciling", 12, "locked")), "reconciling", 9, "eof: locked"),
    ],
    ids=[
        "gap", "no gap yet", "next attempt", "alive after it", "only alive", "refused", "stale", "never live", "locked",
    ],
)  # fmt: skip
def test_venue_that_is_not_live_says_since_when_and_why(
    records: tuple[AnyRecord, ...], state: str, since: float, reason: str | None
) -> None:
    found = status(*records)

    assert (found.exit_code, found.reason) == (69, None)
    assert found.venues["alpha"] == VenueStatus(
        covered=False, state=state, since=at(since), reason=reason, last_rx=found.venues["alpha"].last_rx
    )


@pytest.mark.parametrize(
    ("records", "since", "reason"),
    [
        ((*LIVE, end(12)), 12, f"the session ended at {at(12)} with exit 0 (no reason)"),
        ((start(), link("live", 1)), 0, f"the session that began at {at(0)} has no alive record yet"),
        (
            (*LIVE, start(18), link("live", 19)),
            18,
            f"the session that began at {at(18)} has no alive record yet",
        ),
    ],
    ids=["ended", "no alive record", "not in this session"],
)
def test_session_that_proves_nothing_now_says_why(records: tuple[AnyRecord, ...], since: float, reason: str) -> None:
    found = status(*records)

    assert (found.exit_code, found.reason) == (69, reason)
    assert found.venues["alpha"] == VenueStatus(
        covered=False, state="live", since=at(since), reason=reason, last_rx=found.venues["alpha"].last_rx
    )


@pytest.mark.parametrize(("now", "exit_code"), [(10, 0), (40, 0), (40.001, 69), (-20, 0), (-20.001, 69)], ids=str)
def test_alive_record_is_young_up_to_the_limit_in_both_directions(now: float, exit_code: int) -> None:
    assert status(*LIVE, now=now).exit_code == exit_code


def test_venue_that_is_live_with_everything_again_has_no_reason_left() -> None:
    found = status(start(), changed("live", 1, "without account 7: funds"), changed("live", 5), alive(10))

    assert (found.venues["alpha"].since, found.venues["alpha"].reason) == (at(5), None)


def test_old_alive_record_says_whether_the_recorder_still_runs() -> None:
    assert status(*LIVE, now=100).reason == f"the last alive record is 90 s old ({at(10)})"
    assert status(*LIVE, now=100, being_written=False).reason == (
        f"the last alive record is 90 s old ({at(10)}); no ordwatch writes it now"
    )


def test_venue_that_was_down_before_the_session_ended_keeps_its_own_reason() -> None:
    found = status(*LIVE, gap_opened(9, cause="reset"), down(11), end(12)).venues["alpha"]

    assert (found.state, found.since, found.reason) == ("down", at(9), "reset: connection refused")


def test_nothing_recorded_is_empty() -> None:
    found = status(being_written=False)

    assert (found.exit_code, found.venues) == (69, {})
    assert found.reason == "empty: no session has been recorded; no ordwatch writes it now"


def test_session_without_venues_covers_nothing() -> None:
    assert status(start(0), alive(10), end(11)).exit_code == 69


@pytest.mark.parametrize(
    ("records", "complete"),
    [
        ((), False),
        ((link("live", 1),), False),
        ((alive(1),), True),
        ((alive(1, state="down"),), False),
        ((alive(1, state="down"), down(2)), True),
        ((start(),), True),
        ((end(),), True),
    ],
    ids=["nothing", "link", "live", "down without a reason", "down", "start", "end"],
)
def test_earlier_records_are_needed_until_every_reason_is_known(records: tuple[AnyRecord, ...], complete: bool) -> None:
    assert LastState(records).is_complete is complete


def test_text_has_a_line_for_each_venue_and_one_for_the_session() -> None:
    assert status(*LIVE).text(at_ns(20)) == "alpha: live, last message 10 s ago\nlast alive record 10 s ago"
    assert status(*LIVE, down(11)).text(at_ns(20)).splitlines()[0] == (
        f"alpha: down since {at(11)} (9 s ago): connection refused"
    )


def test_json_is_one_line_with_fixed_keys() -> None:
    found = json.loads(status(*LIVE, end(12)).json())

    assert list(found) == [
        "exit", "reason", "alive_at", "alive_age_s", "session_start", "session_end", "session_exit", "pid", "venues",
    ]  # fmt: skip
    assert (found["exit"], found["session_end"], found["session_exit"], found["pid"]) == (69, at(12), 0, 1)


def test_text_of_a_venue_is_harmless_in_a_terminal() -> None:
    text = status(*LIVE, changed("down", 11, "a\x1b[2Jb")).text(at_ns(20))

    assert "\x1b" not in text


def test_a_closed_gap_is_no_reason_any_more() -> None:
    found = status(*LIVE, gap_opened(11), down(11), link("live", 12), gap_closed(11, 12), changed("stale", 15)).venues

    assert (found["alpha"].reason, found["alpha"].since) == (None, at(15))


def test_a_session_of_which_only_the_end_is_in_sight_names_its_process() -> None:
    assert status(alive(10), end(11)).pid == 1


def test_a_session_without_a_venue_is_not_healthy() -> None:
    found = status(replace(alive(10), venues={}))

    assert (found.reason, found.exit_code) == (None, 69)
