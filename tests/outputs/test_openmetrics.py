from collections.abc import Callable, Mapping

import pytest
from msgspec.structs import replace

from ordwatch.core.events import VenueStats
from ordwatch.core.records import AliveRecord, GapRecord, SessionRecord
from ordwatch.core.times import time_ns
from ordwatch.outputs.openmetrics import RunMetrics
from tests.support.openmetrics import samples

NOON_NS = time_ns("2026-03-02T12:00:00.000000Z")
BUSY = VenueStats(
    state="live",
    last_rx_ns=NOON_NS - 1_500_000_000,
    rtt_ms=0.25,
    clock_offset_s=-2.0,
    updates=12,
    duplicates=3,
    rejected=1,
    reconnects=2,
    open_orders=4,
)


def alive() -> AliveRecord:
    return AliveRecord(
        venues={}, queue=7, loop_lag_ms=1.5, rss_mib=1.0, synced_seq=None, at="2026-03-02T12:00:00.000000Z"
    )


def ended() -> SessionRecord:
    return SessionRecord(
        state="end", schema="", version="", pid=1, host="", venues=[], config_sha256=None, reason=None, exit=0,
        counts=None, uncertain_s=None, at="2026-03-02T12:00:00.000000Z",
    )  # fmt: skip


def measured(run: RunMetrics, *, synced_seq: int | None = None, now_ns: int = NOON_NS) -> dict[str, float]:
    return samples(run.text(now_ns=now_ns, memory_bytes=1024, synced_seq=synced_seq))


def test_every_name_is_there_once_its_value_is_known() -> None:
    run = RunMetrics(lambda: {"alpha": BUSY})
    run.record(alive())

    assert measured(run, synced_seq=99) == {
        'ordwatch_venue_live{venue="alpha"}': 1,
        'ordwatch_venue_life_age_seconds{venue="alpha"}': 1.5,
        'ordwatch_venue_gap_open_seconds{venue="alpha"}': 0,
        'ordwatch_venue_updates_total{venue="alpha"}': 12,
        'ordwatch_venue_duplicates_total{venue="alpha"}': 3,
        'ordwatch_venue_rejects_total{venue="alpha"}': 1,
        'ordwatch_venue_reconnects_total{venue="alpha"}': 2,
        'ordwatch_venue_open_orders{venue="alpha"}': 4,
        'ordwatch_venue_round_trip_seconds{venue="alpha"}': 0.00025,
        'ordwatch_venue_clock_offset_seconds{venue="alpha"}': -2,
        "ordwatch_queue": 7,
        "ordwatch_loop_lag_seconds": 0.0015,
        "ordwatch_memory_bytes": 1024,
        "ordwatch_synced_seq": 99,
    }


def test_value_that_is_not_known_has_no_sample() -> None:
    run = RunMetrics(lambda: {"alpha": BUSY, "beta": VenueStats()})

    found = measured(run)

    assert 'ordwatch_venue_life_age_seconds{venue="alpha"}' in found
    assert 'ordwatch_venue_life_age_seconds{venue="beta"}' not in found
    assert 'ordwatch_venue_round_trip_seconds{venue="beta"}' not in found
    assert "ordwatch_synced_seq" not in found
    assert found['ordwatch_venue_live{venue="beta"}'] == 0


def test_each_family_says_what_it_is_and_one_without_a_sample_nothing() -> None:
    run = RunMetrics(lambda: {"alpha": VenueStats(last_rx_ns=NOON_NS)})

    text = run.text(now_ns=NOON_NS, memory_bytes=1024, synced_seq=None)

    assert (
        "# TYPE ordwatch_venue_life_age_seconds gauge\n"
        "# UNIT ordwatch_venue_life_age_seconds seconds\n"
        "# HELP ordwatch_venue_life_age_seconds Time since the last message of the venue.\n"
        'ordwatch_venue_life_age_seconds{venue="alpha"} 0.0\n'
    ) in text
    assert "ordwatch_synced_seq" not in text


def test_open_gap_grows_from_its_start_until_it_closes(gap: Callable[..., GapRecord]) -> None:
    run = RunMetrics(lambda: {"alpha": BUSY, "beta": BUSY})
    name = 'ordwatch_venue_gap_open_seconds{venue="alpha"}'

    run.record(gap())
    open_for = [measured(run, now_ns=NOON_NS + seconds * 10**9)[name] for seconds in (0, 120)]
    run.record(gap(state="closed"))

    assert open_for == [0, 120]
    later = measured(run, now_ns=NOON_NS + 120 * 10**9)
    assert later[name] == 0
    assert later['ordwatch_venue_gap_open_seconds{venue="beta"}'] == 0


def test_gap_of_the_session_before_is_still_open(gap: Callable[..., GapRecord]) -> None:
    run = RunMetrics(lambda: {"alpha": BUSY}, [replace(gap(), at="2026-03-02T12:00:02.000000Z")])

    assert measured(run, now_ns=NOON_NS + 3 * 10**9)['ordwatch_venue_gap_open_seconds{venue="alpha"}'] == 3


def test_clock_that_was_put_back_makes_no_negative_age() -> None:
    run = RunMetrics(lambda: {"alpha": BUSY})

    assert measured(run, now_ns=0)['ordwatch_venue_life_age_seconds{venue="alpha"}'] == 0


@pytest.mark.parametrize(
    ("states", "not_live"),
    [
        ({"alpha": "live", "beta": "live"}, {}),
        ({"alpha": "live", "beta": "stale"}, {"beta": "stale"}),
        ({"alpha": "connecting"}, {"alpha": "connecting"}),
    ],
    ids=["all", "one is not", "none"],
)
def test_venues_that_are_not_live_are_named(states: Mapping[str, str], not_live: Mapping[str, str]) -> None:
    stats = {name: VenueStats(state=state) for name, state in states.items()}  # type: ignore[arg-type]  # short

    assert RunMetrics(lambda: stats).not_live() == not_live


def test_run_that_has_ended_leaves_no_venue_live_and_no_count_falls_back() -> None:
    run = RunMetrics(lambda: {"alpha": BUSY})
    before = measured(run)
    run.record(ended())

    found = measured(run)

    assert found['ordwatch_venue_live{venue="alpha"}'] == 0
    counts = {name: value for name, value in before.items() if "_total{" in name}
    assert len(counts) == 4
    assert {name: found[name] for name in counts} == counts
    assert run.not_live() == {"alpha": "down"}


def test_name_of_a_venue_cannot_break_a_line() -> None:
    run = RunMetrics(lambda: {'a"b\\c\n# EOF': BUSY})

    assert 'ordwatch_venue_live{venue="a\\"b\\\\c\\\\x0a# EOF"}' in measured(run)
