import pytest

from ordwatch.core.timeline import Timeline

FORWARD, BACK = 1000, -50


@pytest.fixture
def forward() -> Timeline:
    """At 100 the clock was set to 1100."""
    timeline = Timeline()
    timeline.jump(at_ns=1100, jump_ns=FORWARD)
    return timeline


@pytest.fixture
def back() -> Timeline:
    """At 100 the clock was set back to 50."""
    timeline = Timeline()
    timeline.jump(at_ns=50, jump_ns=BACK)
    return timeline


def test_without_a_jump_the_wall_clock_is_the_elapsed_time() -> None:
    timeline = Timeline()

    assert (timeline.elapsed_ns(7), timeline.wall_ns(7), timeline.wall_intervals(3, 7)) == (7, 7, [(3, 7)])


def test_after_a_jump_forward_time_elapses_as_before(forward: Timeline) -> None:
    assert [forward.elapsed_ns(ns) for ns in (90, 100, 1100, 1110)] == [90, 100, 100, 110]


def test_time_that_was_jumped_over_has_no_length(forward: Timeline) -> None:
    assert forward.elapsed_ns(600) == 100


def test_of_a_time_that_came_twice_the_later_is_meant(back: Timeline) -> None:
    assert back.elapsed_ns(70, 80) == 120


def test_of_a_time_that_came_twice_the_earlier_is_meant_while_the_later_is_to_come(back: Timeline) -> None:
    assert back.elapsed_ns(90, 80) == 90


def test_time_that_is_still_to_come_is_taken_as_it_is(back: Timeline) -> None:
    assert back.elapsed_ns(200, 80) == 250


def test_elapsed_times_are_shown_as_the_clock_was_then(back: Timeline) -> None:
    assert [back.wall_ns(ns) for ns in (90, 100, 101, 120)] == [90, 100, 51, 70]


def test_time_over_a_jump_is_named_in_two_parts(forward: Timeline, back: Timeline) -> None:
    assert forward.wall_intervals(90, 110) == [(90, 100), (1100, 1110)]
    assert back.wall_intervals(90, 110) == [(90, 100), (50, 60)]


def test_moment_is_named_by_one_pair(back: Timeline) -> None:
    assert back.wall_intervals(100, 100) == [(100, 100)]


def test_jumps_add_up(forward: Timeline) -> None:
    forward.jump(at_ns=210, jump_ns=-1000)

    assert [forward.elapsed_ns(ns, 300) for ns in (50, 1150, 210, 220)] == [50, 150, 210, 220]


def test_jump_back_before_the_one_before_makes_no_time_negative(forward: Timeline) -> None:
    forward.jump(at_ns=20, jump_ns=-1070)

    assert [forward.elapsed_ns(ns, 30) for ns in (100, 1100, 20, 30)] == [100, 100, 100, 110]


def test_the_clock_went_back_after_a_time_before_the_jump(forward: Timeline, back: Timeline) -> None:
    assert [back.went_back_since(elapsed_ns) for elapsed_ns in (0, 99, 100, 130)] == [True, True, False, False]
    assert not forward.went_back_since(0)


def test_it_is_known_of_each_jump(forward: Timeline) -> None:
    forward.jump(at_ns=1150, jump_ns=-50)

    assert [forward.went_back_since(elapsed_ns) for elapsed_ns in (0, 150, 199, 200)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("wall_ns", "at_ns", "elapsed_ns"),
    [(40, 90, [40]), (70, 60, [70]), (70, 90, [70, 120]), (120, 130, [170]), (120, 90, [170])],
    ids=["before", "the later is to come", "twice", "after", "in the future"],
)
def test_a_time_that_came_twice_may_be_either(back: Timeline, wall_ns: int, at_ns: int, elapsed_ns: list[int]) -> None:
    assert back.all_elapsed_ns(wall_ns, at_ns) == elapsed_ns


def test_each_elapsed_time_is_shown_by_the_clock_of_its_own_stretch(forward: Timeline) -> None:
    forward.jump(at_ns=210, jump_ns=-1000)

    assert [forward.wall_ns(ns) for ns in (90, 150, 210, 215, 2000)] == [90, 1150, 1210, 215, 2000]


def test_the_moment_of_a_jump_is_of_both_clocks(back: Timeline) -> None:
    assert (back.all_elapsed_ns(50, 90), back.all_elapsed_ns(100, 90)) == ([50, 100], [100])
