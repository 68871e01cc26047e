"""Times of a collector on the stream's clock."""

import pytest

from ordwatch.scale.stream_clock import MARGIN_NS, WINDOW_NS, StreamClock

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


def clock(*differences_s: float, at_s: float = 1000.0) -> StreamClock:
    """A collector whose messages came with these differences, one a second."""
    made = StreamClock()
    for second, difference_s in enumerate(differences_s):
        own_ns = round((at_s + second) * SECOND)
        made.sample(own_ns, own_ns + round(difference_s * SECOND))
    return made


def offset_s(made: StreamClock) -> float:
    return made.point(0).latest_ns / SECOND


def test_the_smallest_difference_counts() -> None:
    assert offset_s(clock(0.3, 0.02, 0.5)) == 0.02


def test_a_point_is_no_later_than_the_fastest_message_allows_and_no_earlier_than_the_margin() -> None:
    point = clock(0.2).point(0)

    assert (point.latest_ns, point.earliest_ns) == (SECOND // 5, 0)


@pytest.mark.parametrize(
    ("difference_s", "margin_ns"),
    [(-3600.0, MARGIN_NS[0]), (0.0, MARGIN_NS[0]), (0.3, 300_000_000), (3600.0, MARGIN_NS[1])],
)
def test_the_margin_is_the_part_that_may_be_the_way(difference_s: float, margin_ns: int) -> None:
    point = clock(difference_s).point(0)

    assert point.latest_ns - point.earliest_ns == margin_ns


def test_an_older_difference_counts_no_more() -> None:
    made = clock(0.01)
    own_ns = 1000 * SECOND + WINDOW_NS + SECOND
    made.sample(own_ns, own_ns + 3 * SECOND)

    assert offset_s(made) == 3.0


def test_messages_delayed_by_an_outage_say_nothing() -> None:
    made = clock(0.01)
    own_ns = 1000 * SECOND + WINDOW_NS + SECOND
    made.sample(own_ns, own_ns + HOUR)

    assert offset_s(made) == 0.01


def test_who_was_delayed_from_the_beginning_is_known_when_one_message_was_not() -> None:
    made = clock(3600.0)
    early = made.point(0)
    own_ns = 1000 * SECOND + WINDOW_NS + SECOND
    made.sample(own_ns, own_ns + SECOND // 100)

    assert early.latest_ns == SECOND // 100


def test_after_the_clock_was_set_differences_from_before_count_no_more() -> None:
    made = clock(0.01)
    made.jumped()
    made.sample(5000 * SECOND, 5000 * SECOND + HOUR)

    assert offset_s(made) == 3600.0


def test_a_point_stays_where_it_is_while_little_changes() -> None:
    made = clock(0.1)
    point = made.point(0)
    before_ns = point.latest_ns
    made.sample(1001 * SECOND, 1001 * SECOND + SECOND // 12)

    assert point.latest_ns == before_ns


def test_without_a_message_there_is_no_point() -> None:
    with pytest.raises(ValueError, match="no message"):
        StreamClock().point(0)


def test_memory_is_bounded() -> None:
    made = clock(0.01)
    for hour in range(200):
        own_ns = (2000 + hour * 700) * SECOND
        made.sample(own_ns, own_ns + SECOND)
    window, length = made.point(0)._window, 0
    while window.before is not None:
        window, length = window.before, length + 1

    assert length < 50
