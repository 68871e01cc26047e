import msgspec
import pytest

from ordwatch.core.coverage import StreamCoverage
from ordwatch.core.records import AliveRecord, AnyRecord, ClockRecord, OrderRecord, RotateRecord
from ordwatch.core.venue_coverage import UncertainInterval
from tests.recording.samples import (
    SESSION,
    alive,
    at,
    at_ns,
    end,
    ending,
    gap_closed,
    gap_opened,
    link,
    order,
    session,
    start,
)


def stream(*records: AnyRecord, coverage: StreamCoverage | None = None) -> StreamCoverage:
    coverage = coverage or StreamCoverage()
    coverage.records(records)
    return coverage


def covered(coverage: StreamCoverage, venue: str = "alpha") -> tuple[float, tuple[UncertainInterval, ...]]:
    result = coverage.result(venue)
    return result.covered_ns / 1e9, result.uncertain


def clock(at_second: float, jump_s: float) -> ClockRecord:
    return ClockRecord(jump_ms=jump_s * 1000, suspended_ms=0.0, at=at(at_second))


def end_of_both(second: float) -> AnyRecord:
    return session("end", second, ("alpha", "beta"))


def test_session_runs_until_its_end() -> None:
    assert [stream(*SESSION[:count]).running for count in (1, len(SESSION) - 1, len(SESSION))] == [True, True, False]


def test_venues_of_a_session_are_known_before_they_are_live() -> None:
    coverage = stream(start(0, "alpha", "beta"))

    assert set(coverage.venues) == coverage.watched == {"alpha", "beta"}
    assert not coverage.result("beta").is_whole


def test_venue_that_a_session_did_not_name_is_watched_from_its_first_link_record_on() -> None:
    coverage = stream(start(0, "alpha"), link("live", 1, venue="beta"))

    assert coverage.watched == {"alpha", "beta"}


def test_link_that_is_down_without_a_gap_ends_coverage() -> None:
    coverage = stream(start(), link("live", 1), alive(5, last_rx=3), link("down", 6), end(20))

    assert covered(coverage) == (2, (UncertainInterval(at_ns(3), at_ns(20), "link down without a gap"),))


def test_last_time_is_that_of_the_last_record_that_has_one() -> None:
    coverage = stream(start(), order(second=3), RotateRecord(next="rec", last_seq=3))

    assert (coverage.last_at, coverage.last_ns) == (at(3), at_ns(3))


def test_time_that_cannot_be_read_is_none() -> None:
    assert StreamCoverage(last_at="soon").last_ns is None


def test_venues_of_a_state_that_was_read_again_share_its_clock() -> None:
    before = stream(start(), link("live", 10), alive(20, last_rx=20))
    again = msgspec.json.decode(msgspec.json.encode(before), type=StreamCoverage)

    assert covered(stream(clock(25, 5), *ending(30), coverage=again)) == (15, ())


def test_empty_stream_has_no_time() -> None:
    assert StreamCoverage().last_ns is None


def test_clean_end_proves_coverage_of_what_was_watched() -> None:
    coverage = stream(start(), link("live", 1), *ending(20))

    assert (covered(coverage), coverage.result("alpha").is_whole) == ((19, ()), True)


def test_clean_end_says_nothing_of_a_later_session_that_was_killed() -> None:
    before = (start(), link("live", 1), *ending(20))
    coverage = stream(*before, start(30), link("live", 31), alive(40), start(60, "beta"))

    assert [interval.from_ns for interval in coverage.result("alpha").uncertain] == [at_ns(20), at_ns(40)]
    assert coverage.result("alpha").uncertain[-1].to_ns is None


def test_covered_time_of_a_running_session_ends_with_its_last_proof() -> None:
    coverage = stream(start(), link("live", 1), alive(10, last_rx=9))

    assert (covered(coverage), coverage.result("alpha").is_whole) == ((8, ()), True)


def test_stream_that_stopped_is_uncertain_from_the_last_proof_of_life_on() -> None:
    coverage = stream(start(), link("live", 1), alive(10, last_rx=9))

    assert coverage.result("alpha", stopped=True).uncertain == (
        UncertainInterval(at_ns(9), None, "stopped without an end"),
    )


def test_judging_changes_nothing() -> None:
    coverage = stream(start(), link("live", 1), alive(10), gap_opened(10))
    before = coverage.result("alpha", stopped=True)

    assert coverage.result("alpha", stopped=True) == before


def test_row_of_a_query_is_no_proof_that_pushes_were_read() -> None:
    rows: list[OrderRecord] = [msgspec.structs.replace(order(second=each), source="query") for each in (8, 9)]
    coverage = stream(start(), link("live", 1), alive(6, last_rx=5), *rows)

    assert coverage.venues["alpha"].until_ns == at_ns(5)


def test_pushes_of_a_stream_prove_life() -> None:
    coverage = stream(start(), link("live", 1), order("1", second=8), order("2", second=9))

    assert coverage.venues["alpha"].until_ns == at_ns(8)


def test_push_that_one_of_several_collectors_saw_proves_nothing_of_the_others() -> None:
    pushes: list[OrderRecord] = [msgspec.structs.replace(order(second=each), collector="one") for each in (8, 9)]

    assert stream(start(), link("live", 1), *pushes).venues["alpha"].until_ns == at_ns(1)


def test_push_of_another_venue_proves_nothing() -> None:
    pushes = [order(second=each, venue="beta") for each in (8, 9)]
    links = [link("live", 1, venue=venue) for venue in ("alpha", "beta")]
    coverage = stream(start(0, "alpha", "beta"), *links, *pushes)

    assert [coverage.venues[name].until_ns for name in ("alpha", "beta")] == [at_ns(1), at_ns(8)]


def test_order_without_a_time_of_receipt_proves_nothing() -> None:
    coverage = stream(start(), link("live", 1))
    coverage.order("alpha", "push", None)
    coverage.order(None, "push", at(9))

    assert coverage.venues["alpha"].until_ns == at_ns(1)


def both_alive(second: float) -> AliveRecord:
    """An alive record of two venues that have just received something."""
    record = alive(second)
    return msgspec.structs.replace(record, venues=dict.fromkeys(("alpha", "beta"), record.venues["alpha"]))


BOTH: tuple[AnyRecord, ...] = (
    start(0, "alpha", "beta"),
    *(link("live", 1, venue=venue, conn=conn) for conn, venue in enumerate(("alpha", "beta"), start=1)),
    both_alive(10),
)


def both_covered(coverage: StreamCoverage) -> list[tuple[float, list[tuple[int, str]]]]:
    """Of each venue the covered seconds, and since when and why it is uncertain."""
    found = [covered(coverage, name) for name in ("alpha", "beta")]
    return [(covered_s, [(each.from_ns, each.reason) for each in uncertain]) for covered_s, uncertain in found]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([clock(15, 5), both_alive(20), end_of_both(20)], (14, [])),
        ([both_alive(20), end_of_both(20), start(30, "alpha", "beta")], (19, [(at_ns(20), "not recorded")])),
        ([start(30, "alpha", "beta")], (9, [(at_ns(10), "stopped without an end")])),
        ([start(5, "alpha", "beta")], (9, [(at_ns(5), "stopped without an end")])),
    ],
    ids=["the clock jumped", "ended and begun", "begun without an end", "begun by a clock that is behind"],
)
def test_what_concerns_every_venue_is_known_of_each(
    records: list[AnyRecord], expected: tuple[float, list[tuple[int, str]]]
) -> None:
    coverage = stream(*BOTH, *records)
    later = stream(link("connecting", 40), coverage=coverage)

    assert both_covered(later) == [expected] * 2


def test_pushes_prove_life_of_each_venue_after_the_clock_was_set_back() -> None:
    def pushes(*seconds: float) -> list[AnyRecord]:
        return [order(second=second, venue=venue) for second in seconds for venue in ("alpha", "beta")]

    coverage = stream(*BOTH, *pushes(18, 19), clock(15, -5), *pushes(16, 17))

    assert both_covered(coverage) == [(20 - 1 + 16 - 15, [])] * 2


def test_each_venue_of_a_state_that_was_read_again_uses_its_clock() -> None:
    again = msgspec.json.decode(msgspec.json.encode(stream(*BOTH)), type=StreamCoverage)

    assert both_covered(stream(clock(15, 5), both_alive(20), end_of_both(20), coverage=again)) == [(14, [])] * 2


def test_records_that_are_missing_are_missing_of_each_venue() -> None:
    coverage = stream(*BOTH)
    coverage.records_missing()
    stream(both_alive(30), both_alive(40), coverage=coverage)

    assert both_covered(coverage) == [(19, [(at_ns(10), "records are missing")])] * 2


def test_gaps_of_another_recording_are_forgotten_of_each_venue() -> None:
    gaps = [gap_opened(15), msgspec.structs.replace(gap_opened(15), venue="beta", gap="beta-1")]
    coverage = stream(*BOTH, *gaps)
    coverage.forget_open_gaps()

    assert [coverage.result(name).open_gap for name in ("alpha", "beta")] == [None, None]
    assert both_covered(coverage) == [(14, [])] * 2


def test_link_that_changes_outside_a_session_is_not_watched() -> None:
    assert stream(start(), end(5), link("connecting", 6, venue="beta")).watched == {"alpha"}


def test_silent_venue_is_proven_by_the_time_of_its_last_message() -> None:
    coverage = stream(start(), link("live", 1), link("stale", 8), alive(10, state="stale", last_rx=5))

    assert coverage.venues["alpha"].until_ns == at_ns(5)


def test_venue_that_is_not_covered_is_uncertain_until_the_last_record_by_the_clock_as_it_is() -> None:
    coverage = stream(start(), link("live", 1), gap_opened(10), clock(86_420, 86_400), link("down", 86_430))

    assert [(each.from_ns, each.to_ns) for each in coverage.result("alpha").uncertain] == [
        (at_ns(10), at_ns(20)),
        (at_ns(86_420), at_ns(86_430)),
    ]


def test_second_session_that_ends_ends_what_is_uncertain() -> None:
    coverage = stream(start(), link("live", 1), *ending(5), start(10), gap_opened(5, cause="restart"), end(20))

    assert covered(coverage) == (4, (UncertainInterval(at_ns(5), at_ns(20), "restart"),))


def test_a_link_that_is_silent_at_a_clean_end_leaves_the_time_since_uncertain() -> None:
    coverage = stream(start(), link("live", 1), alive(5, last_rx=3), link("stale", 18), alive(20, last_rx=3), end(20))

    assert covered(coverage) == (2, (UncertainInterval(at_ns(3), at_ns(20), "silent until the end"),))


def test_a_part_that_is_refused_while_the_link_is_silent_is_not_covered() -> None:
    silent = msgspec.structs.replace(link("stale", 18), detail="without BTC_USDT: locked")

    stopped = stream(start(), link("live", 1), silent)
    woken = stream(start(), link("live", 1), silent, link("live", 19), *ending(20))

    assert stopped.result("alpha").without == "BTC_USDT: locked"
    assert woken.result("alpha").is_whole


def test_of_two_links_the_silent_one_counts() -> None:
    links = [link("live", 1, conn=conn) for conn in (1, 2)]
    silent: list[AnyRecord] = [
        alive(5, last_rx=3),
        link("stale", 18, conn=2),
        alive(20, last_rx=3, state="stale"),
        end(20),
    ]

    assert not stream(start(), *links, *silent).result("alpha").is_whole
    assert stream(start(), *links, *silent[:-1], link("live", 19, conn=2), *ending(20)).result("alpha").is_whole


def test_stale_link_missed_nothing() -> None:
    coverage = stream(start(), link("live", 1), link("stale", 5), link("live", 7), *ending(20))

    assert covered(coverage) == (19, ())


def test_alive_of_a_link_that_is_down_proves_nothing() -> None:
    coverage = stream(
        start(), link("live", 1), alive(5, last_rx=4.5), gap_opened(4.5), alive(15, state="down", last_rx=14)
    )

    assert coverage.venues["alpha"].until_ns == at_ns(4.5)


def test_stream_that_begins_in_the_middle_is_covered_from_the_first_alive() -> None:
    coverage = StreamCoverage()
    coverage.records_missing()
    stream(order(second=2), alive(10), *ending(20), coverage=coverage)

    assert coverage.result("alpha").first_live_ns == at_ns(10)


def test_session_after_missing_records_begins_without_coverage() -> None:
    coverage = StreamCoverage()
    coverage.records_missing()
    stream(start(), alive(10, state="live"), coverage=coverage)

    assert coverage.result("alpha").first_live_ns is None


@pytest.mark.parametrize("jump_s", [-86_400, 86_400])
def test_clock_record_splits_coverage(jump_s: int) -> None:
    coverage = stream(start(), link("live", 1), alive(10), clock(10 + jump_s, jump_s), *ending(20 + jump_s))

    assert covered(coverage) == (19, ())


def test_sleep_of_the_machine_is_no_jump() -> None:
    asleep = ClockRecord(jump_ms=0.0, suspended_ms=60_000.0, at=at(70))

    assert covered(stream(start(), link("live", 1), alive(10), asleep, *ending(80))) == (79, ())


def test_session_whose_clock_is_behind_the_one_before_covers_its_own_time() -> None:
    opened = msgspec.structs.replace(gap_opened(20, cause="restart"), at=at(-3599))
    closed = msgspec.structs.replace(gap_closed(20, 20), at=at(-3591))
    behind = (start(-3600), opened, closed, link("live", -3590), *ending(-3580))

    assert covered(stream(start(), link("live", 0), alive(20), *ending(20), *behind)) == (40, ())


def test_what_a_venue_is_live_without_is_that_of_its_last_live_record() -> None:
    limited = msgspec.structs.replace(link("live", 1), detail="without 42: no permission; 43: locked")
    records = (start(), limited, link("stale", 5))

    assert stream(*records).result("alpha").without == "42: no permission; 43: locked"
    assert not stream(*records).result("alpha").is_whole
    assert stream(*records, link("live", 7)).result("alpha").is_whole


@pytest.mark.parametrize(("second", "late"), [(30, 0), (30.1, 1)])
def test_alive_comes_within_twice_its_period(second: float, late: int) -> None:
    assert len(stream(start(), alive(10), alive(second)).late_alive) == late


def test_late_alive_is_named_with_its_time() -> None:
    assert stream(start(), alive(10), alive(60)).late_alive == [f"{at(60)}: 50 s after the alive record before"]


def test_time_between_sessions_is_not_late() -> None:
    assert stream(start(), alive(10), start(), alive(500)).late_alive == []


def test_sleep_that_was_noticed_is_not_late() -> None:
    slept = ClockRecord(jump_ms=0.0, suspended_ms=120_000.0, at=at(130))

    assert stream(start(), alive(10), slept, alive(131)).late_alive == []


def test_missing_records_are_not_late() -> None:
    coverage = stream(start(), alive(10))
    coverage.records_missing()

    assert stream(alive(500), coverage=coverage).late_alive == []


@pytest.mark.parametrize("ahead_s", [0, 86_400], ids=["never set", "set forward before"])
def test_session_that_begins_before_the_last_record_has_a_clock_that_went_back(ahead_s: int) -> None:
    jump: list[AnyRecord] = [clock(15 + ahead_s, ahead_s)] if ahead_s else []
    records: tuple[AnyRecord, ...] = (
        start(),
        link("live", 1),
        alive(10),
        *jump,
        order(second=20 + ahead_s),
        start(18 + ahead_s),
    )

    assert stream(*records).venues["alpha"].clock_went_back


def test_gap_that_is_open_when_the_stream_stops_has_no_end() -> None:
    coverage = stream(start(), link("live", 1), gap_opened(10), link("down", 12))

    assert coverage.result("alpha", stopped=True).uncertain == (UncertainInterval(at_ns(10), None, "eof"),)


def test_what_comes_after_a_clean_end_does_not_make_it_later() -> None:
    coverage = stream(start(), link("live", 1), gap_opened(10), end(20), link("connecting", 30))

    assert covered(coverage) == (9, (UncertainInterval(at_ns(10), at_ns(20), "eof"),))


def test_link_that_received_again_is_not_silent_at_the_end() -> None:
    coverage = stream(start(), link("live", 1), link("stale", 10), link("live", 12), alive(19, last_rx=18), end(20))

    assert covered(coverage) == (17, ())


def test_alive_of_a_link_that_left_live_without_a_gap_proves_nothing() -> None:
    coverage = stream(
        start(), link("live", 1), alive(5, last_rx=4), link("down", 6), alive(15, state="down", last_rx=14)
    )

    assert coverage.venues["alpha"].until_ns == at_ns(4)


def test_alive_of_a_venue_that_has_received_nothing_proves_nothing() -> None:
    record = alive(10)
    nothing = msgspec.structs.replace(record.venues["alpha"], last_rx=None)

    coverage = stream(start(), link("live", 1), msgspec.structs.replace(record, venues={"alpha": nothing}))

    assert coverage.venues["alpha"].until_ns == at_ns(1)


def test_pushes_on_both_sides_of_a_sleep_can_be_compared() -> None:
    slept = ClockRecord(jump_ms=0.0, suspended_ms=6_000.0, at=at(9.5))
    coverage = stream(start(), link("live", 1), order(second=8), order(second=9), slept, order(second=10))

    assert coverage.venues["alpha"].until_ns == at_ns(9)


def test_list_of_late_alive_records_is_bounded() -> None:
    assert len(stream(start(), *(alive(60 * number) for number in range(300))).late_alive) == 100
