import pytest

from ordwatch.core.events import ClockJump
from ordwatch.engine.clocks import Clocks
from ordwatch.engine.moment import Moment

SECOND = 1_000_000_000
HOUR_MS = 3_600_000.0


def moment(wall_s: float, mono_s: float, running_s: float) -> Moment:
    return Moment(*(round(seconds * SECOND) for seconds in (wall_s, mono_s, running_s)))


START = moment(0, 0, 0)
BOOTED = moment(1_700_000, 20, 500)
"""Clocks of a machine that has slept."""


@pytest.mark.parametrize(
    ("now", "jump"),
    [
        (moment(0.25, 0.25, 0.25), None),
        (moment(1.2, 0.25, 0.25), None),
        (moment(-3599.75, 0.25, 0.25), (-HOUR_MS, 0.0)),
        (moment(3600.25, 0.25, 0.25), (HOUR_MS, 0.0)),
        (moment(120, 0.25, 120), (0.0, 119_750.0)),
        (moment(1.2, 0.25, 1.2), None),
        (moment(60, 60, 60), (0.0, 59_750.0)),
        (moment(5.2, 5.2, 5.2), None),
        (moment(3720, 0.25, 120), (HOUR_MS, 119_750.0)),
        (moment(120.5, 0.25, 120), (0.0, 119_750.0)),
        (moment(121, 0.25, 120), (0.0, 119_750.0)),
        (moment(1.25, 0.25, 0.25), None),
        (moment(1.25, 0.25, 1.25), None),
        (moment(5.25, 5.25, 5.25), None),
        (moment(5.8, 4.9, 5.8), None),
        (moment(2.2501236, 0.25, 0.25), (2000.124, 0.0)),
        (moment(2.2501236, 0.25, 2.2501236), (0.0, 2000.124)),
    ],
    ids=[
        "time passes",
        "the wall clock is corrected a little",
        "the wall clock is set back",
        "the wall clock is set forward",
        "the machine slept",
        "the machine slept a little",
        "the process was stopped",
        "the process was late",
        "the clock was set in a sleep",
        "the clock was corrected a little in a sleep",
        "the clock was corrected by a second in a sleep",
        "the clock was corrected by a second",
        "the machine slept for a second",
        "the process was five seconds late",
        "the process was late, and the machine slept a little",
        "a jump in microseconds",
        "a sleep in microseconds",
    ],
)
@pytest.mark.parametrize("start", [START, BOOTED], ids=["clocks begin at 0", "clocks differ"])
def test_a_look_finds_what_happened_since_the_last(
    start: Moment, now: Moment, jump: tuple[float, float] | None
) -> None:
    now = Moment(*(began + passed for began, passed in zip(start, now, strict=True)))

    found = Clocks(start).look(now)

    assert found == (None if jump is None else ClockJump(jump_ms=jump[0], suspended_ms=jump[1], at_ns=now.wall_ns))


def test_what_was_found_is_not_found_again() -> None:
    clocks = Clocks(START)

    assert clocks.look(moment(120, 0.25, 120)) is not None
    assert clocks.look(moment(120.1, 0.35, 120.1)) is None
    assert clocks.last_ns == round(120.1 * SECOND)


def test_a_reading_of_before_the_last_look_is_no_jump_back() -> None:
    clocks = Clocks(START)
    clocks.look(moment(4, 4, 4))

    assert clocks.look(moment(1, 1, 1)) is None
    assert clocks.look(moment(8, 8, 8)) is None


def test_lag_is_that_of_the_latest_tick_however_often_one_looks_and_is_taken() -> None:
    clocks = Clocks(START)

    for tenths in range(1, 11):
        clocks.look(moment(tenths / 10, tenths / 10, tenths / 10))
    clocks.tick(moment(1, 1, 1))
    clocks.tick(moment(1.25, 1.25, 1.25))

    assert clocks.take_lag_ms() == 750.0
    assert clocks.take_lag_ms() == 0.0


def test_lag_is_measured_by_the_clock_that_is_never_set_and_stops_in_sleep() -> None:
    clocks = Clocks(BOOTED)

    clocks.tick(moment(1_800_000, 20.75, 900))
    clocks.tick(moment(1_600_000, 21.1001236, 1_900))

    assert clocks.take_lag_ms() == 500.0
    clocks.tick(moment(1_600_000, 21.6002472, 1_900))
    assert clocks.take_lag_ms() == 250.124
