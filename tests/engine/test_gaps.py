import pytest
from msgspec.structs import replace

from ordwatch.core.events import GapUpdate
from ordwatch.engine.gaps import GapTracker, VenueGaps
from ordwatch.engine.link import Link
from ordwatch.engine.moment import Moment
from ordwatch.engine.policy import Orders
from ordwatch.engine.queries import Query
from ordwatch.engine.venue_clock import MARGIN_NS
from ordwatch.venues.contract import EVER, NEVER, QueryResult
from tests.support.toy import toy_update

SECOND = 1_000_000_000


def live(at_s: int = 10) -> GapTracker:
    gaps = GapTracker("toy")
    gaps.close_gap(at_s * SECOND, None)
    return gaps


def test_no_gap_before_the_first_live() -> None:
    assert GapTracker("toy").open_gap("eof", 1, 2) == []


def test_gap_opens_where_coverage_ended() -> None:
    [gap] = live().open_gap("eof", 20 * SECOND, 25 * SECOND)

    assert (gap.gap, gap.cause, gap.from_ns, gap.at_ns) == ("toy-1", "eof", 20 * SECOND, 25 * SECOND)


def test_a_second_break_does_not_open_another() -> None:
    gaps = live()
    gaps.open_gap("eof", 20 * SECOND, 25 * SECOND)

    assert gaps.open_gap("reset", 26 * SECOND, 27 * SECOND) == []


def test_gap_closes_recovered_by_a_query_without_bound() -> None:
    gaps = live()
    gaps.open_gap("eof", 20 * SECOND, 25 * SECOND)

    [gap] = gaps.close_gap(30 * SECOND, "a; b")

    assert (gap.state, gap.outcome, gap.to_ns, gap.limits) == ("closed", "recovered", 30 * SECOND, "a; b")
    assert (gap.cause, gap.from_ns, gap.at_ns) == ("eof", 20 * SECOND, 30 * SECOND)


def test_gap_closes_partial_where_the_query_does_not_reach_its_start() -> None:
    gaps = live()
    gaps.open_gap("eof", 20 * SECOND, 25 * SECOND)

    [gap] = gaps.close_gap(30 * SECOND, None, 2 * SECOND)

    assert (gap.outcome, gap.to_ns) == ("partial", 22 * SECOND)


@pytest.mark.parametrize(("reached_after_s", "to_s"), [(-4, 20), (2, 22), (2**31, 30)])
def test_partial_gap_ends_where_the_query_reached_and_within_the_gap(reached_after_s: int, to_s: int) -> None:
    gaps = live()
    gaps.open_gap("eof", 20 * SECOND, 25 * SECOND)

    [gap] = gaps.close_gap(30 * SECOND, None, reached_after_s * SECOND)

    assert (gap.outcome, gap.to_ns) == ("partial", to_s * SECOND)


@pytest.mark.parametrize("closes_s", [12, 15])
@pytest.mark.parametrize("reached_after_ns", [None, SECOND], ids=["recovered", "partial"])
def test_gap_of_a_clock_put_back_keeps_its_start_and_ends_no_earlier(
    closes_s: int, reached_after_ns: int | None
) -> None:
    gaps = live()

    [opened] = gaps.open_gap("eof", 20 * SECOND, 11 * SECOND)
    [closed] = gaps.close_gap(closes_s * SECOND, None, reached_after_ns)

    assert (opened.from_ns, closed.from_ns, closed.to_ns) == (20 * SECOND, 20 * SECOND, 20 * SECOND)
    assert (opened.at_ns, closed.at_ns) == (11 * SECOND, closes_s * SECOND)


def test_covered_time_in_the_future_of_the_clock_stays_the_start_of_the_gap() -> None:
    gaps = GapTracker("toy")

    [gap] = gaps.resume(3600 * SECOND, 9 * SECOND)

    assert (gap.from_ns, gap.at_ns) == (3600 * SECOND, 9 * SECOND)


def test_numbers_go_on_after_a_restart() -> None:
    gaps = GapTracker("toy", gaps_before=7)

    [gap] = gaps.resume(5 * SECOND, 9 * SECOND)

    assert (gap.gap, gap.cause, gap.from_ns) == ("toy-8", "restart", 5 * SECOND)


def test_gap_left_open_goes_on_and_closes_with_its_id() -> None:
    gaps = GapTracker("toy", gaps_before=7)
    before = live()
    [left] = before.open_gap("eof", 20 * SECOND, 25 * SECOND)

    gaps.continue_gap(left)

    assert gaps.open_gap("reset", 26 * SECOND, 27 * SECOND) == []
    assert [(gap.gap, gap.from_ns) for gap in gaps.close_gap(30 * SECOND, None)] == [("toy-1", 20 * SECOND)]


SECOND = 1_000_000_000
NOW = Moment(1_000 * SECOND, 100 * SECOND, 500 * SECOND)
"""The wall clock, the one that stops in sleep, and the one that runs on."""


def link(last_good_s: int, running_s: int | None = None, *, subscribed: bool = True) -> Link:
    """A link whose last good message came then."""
    each = Link()
    each.subscribed = subscribed
    each.last_good_ns = last_good_s * SECOND
    each.last_good_running_ns = (last_good_s - 500 if running_s is None else running_s) * SECOND
    return each


def live_gaps(orders: Orders | None = None) -> VenueGaps:
    return VenueGaps(live(), orders or Orders())


@pytest.mark.parametrize(
    ("lost", "others", "from_s"),
    [
        (link(990), [], 990),
        (link(990), [link(995)], 990),
        (link(990), [link(980)], 980),
        (link(990), [link(980), link(970), link(985)], 970),
        (link(990), [link(980, subscribed=False)], 990),
        (link(990), [link(0)], 990),
        (link(0), [link(980)], 1_000),
        (link(990, 400), [link(2_000, 300)], 2_000),
        (link(200, 400), [link(100, 300)], 100),
        (link(990, subscribed=False), [link(995)], 990),
    ],
    ids=[
        "the only link",
        "another received later",
        "another was silent for longer",
        "the most silent of all",
        "one that is not subscribed was not relied on",
        "one that never received anything",
        "a link that received nothing: noticed now",
        "silence is compared by the clock that is never set",
        "and by nothing else",
        "a link that has ended already, and another received later",
    ],
)
def test_a_gap_begins_where_the_most_silent_link_received_last(lost: Link, others: list[Link], from_s: int) -> None:
    [gap] = live_gaps().open("eof", lost, [lost, *others], NOW)

    assert gap.from_ns == from_s * SECOND


@pytest.mark.parametrize(("reported_s", "from_s"), [(980, 980), (995, 990), (None, 990)])
def test_a_venue_may_report_an_earlier_start(reported_s: int | None, from_s: int) -> None:
    reported_ns = None if reported_s is None else reported_s * SECOND

    [gap] = live_gaps().open("venue_logged_out", link(990), [link(990)], NOW, reported_ns)

    assert gap.from_ns == from_s * SECOND


def test_what_is_asked_for_begins_at_the_start_that_the_venue_reports() -> None:
    gaps, lost = live_gaps(), link(990)
    gaps.read_clock(7_500 * SECOND, 500 * SECOND)

    gaps.open("venue_logged_out", lost, [lost], NOW, 940 * SECOND)

    assert gaps.since_ns == 7_440 * SECOND - MARGIN_NS


def test_what_is_asked_for_begins_now_where_the_lost_link_never_received_anything() -> None:
    gaps, lost = live_gaps(), link(0, running_s=0)
    gaps.read_clock(7_400 * SECOND, 400 * SECOND)

    gaps.open("eof", lost, [lost], NOW)

    assert gaps.since_ns == 7_500 * SECOND - MARGIN_NS


def test_every_loss_of_coverage_counts_though_the_gap_goes_on() -> None:
    gaps, lost = live_gaps(), link(990)

    opened = [gaps.open("eof", lost, [lost], NOW) for _ in range(3)]

    assert [len(each) for each in opened] == [1, 0, 0]
    assert gaps.epoch == 3


def test_what_is_asked_for_begins_at_the_first_loss_of_a_gap_and_not_at_a_later_one() -> None:
    gaps, lost, again = live_gaps(), link(990), link(997)
    gaps.read_clock(7_500 * SECOND, 500 * SECOND)

    gaps.open("eof", lost, [lost], NOW)
    gaps.open("eof", again, [again], NOW)

    assert gaps.since_ns == 7_490 * SECOND - MARGIN_NS


@pytest.mark.parametrize(("latest_s", "since_s"), [(None, 7_500), (7_300, 7_300), (7_600, 7_500)])
def test_the_query_after_the_next_asks_from_now_or_the_venues_last_update(latest_s: int | None, since_s: int) -> None:
    gaps = live_gaps(Orders(latest_ns=lambda: None if latest_s is None else latest_s * SECOND))
    gaps.read_clock(7_400 * SECOND, 400 * SECOND)

    assert gaps.next_since_ns(NOW) == since_s * SECOND - MARGIN_NS


def test_the_next_query_asks_from_the_start_of_the_gap_in_the_venues_time() -> None:
    gaps, lost = live_gaps(), link(990)
    gaps.read_clock(7_500 * SECOND, 500 * SECOND)

    gaps.open("eof", lost, [lost], NOW)

    assert gaps.since_ns == 7_490 * SECOND - MARGIN_NS


@pytest.mark.parametrize(
    "lost", [link(990), link(1_300, running_s=490)], ids=["the wall clock ran on", "it was put back meanwhile"]
)
def test_without_the_venues_clock_it_asks_from_its_last_update_less_the_time_since(lost: Link) -> None:
    gaps = live_gaps(Orders(latest_ns=lambda: 7_000 * SECOND))

    gaps.open("eof", lost, [lost], NOW)

    assert gaps.since_ns == 6_990 * SECOND - MARGIN_NS


@pytest.mark.parametrize(
    ("reach_s", "without", "outcome"),
    [
        (None, None, "recovered"),
        (7_485, None, "recovered"),
        (7_486, None, "partial"),
        (None, "BTC_USDT: locked", "partial"),
    ],
    ids=["no bound", "to five seconds before the start", "not so far back", "without a part"],
)
def test_a_gap_is_recovered_if_the_query_reached_back_to_its_start(
    reach_s: int | None, without: str | None, outcome: str
) -> None:
    gaps, lost = live_gaps(), link(990)
    gaps.read_clock(7_500 * SECOND, 500 * SECOND)
    gaps.open("eof", lost, [lost], NOW)
    result = QueryResult(complete_since_ns=None if reach_s is None else reach_s * SECOND)

    [gap] = gaps.close(Query(1, gaps.epoch, gaps.since_ns, 8_000), result, without, NOW)

    assert (gap.state, gap.outcome, gap.at_ns) == ("closed", outcome, NOW.wall_ns)


@pytest.mark.parametrize("reach_s", [None, 7_486, 7_495])
def test_without_a_part_the_whole_gap_is_uncertain_wherever_the_history_begins(reach_s: int | None) -> None:
    gaps, lost = live_gaps(), link(990)
    gaps.read_clock(7_500 * SECOND, 500 * SECOND)
    gaps.open("eof", lost, [lost], NOW)
    result = QueryResult(complete_since_ns=None if reach_s is None else reach_s * SECOND)

    [gap] = gaps.close(Query(1, gaps.epoch, gaps.since_ns, 8_000), result, "BTC_USDT: locked", NOW)

    assert (gap.outcome, gap.to_ns) == ("partial", NOW.wall_ns)


@pytest.mark.parametrize("since_ns", [None, EVER])
def test_a_query_without_a_start_that_reaches_only_so_far_recovers_nothing(since_ns: int | None) -> None:
    gaps, lost = live_gaps(), link(990)
    gaps.open("eof", lost, [lost], NOW)

    [gap] = gaps.close(Query(1, gaps.epoch, since_ns, 8_000), QueryResult(complete_since_ns=10 * SECOND), None, NOW)

    assert (gap.outcome, gap.to_ns) == ("partial", NOW.wall_ns)


@pytest.mark.parametrize(
    ("limits", "without", "expected"),
    [
        ((), None, None),
        (("page 2 failed",), None, "page 2 failed"),
        ((), "BTC_USDT: locked", "without BTC_USDT: locked"),
        (("page 2 failed", "no fees"), "BTC_USDT: locked", "page 2 failed; no fees; without BTC_USDT: locked"),
    ],
)
def test_a_gap_names_the_limits_of_its_query(limits: tuple[str, ...], without: str | None, expected: str) -> None:
    gaps, lost = live_gaps(), link(990)
    gaps.open("eof", lost, [lost], NOW)

    [gap] = gaps.close(Query(1, gaps.epoch, gaps.since_ns, 8_000), QueryResult(limits=limits), without, NOW)

    assert gap.limits == expected


@pytest.mark.parametrize(
    ("clock_went_back", "since_ns"), [(False, 7_000 * SECOND - MARGIN_NS), (True, EVER)], ids=["compared", "unknown"]
)
@pytest.mark.parametrize("is_open", [True, False], ids=["a gap goes on", "a gap opens"])
def test_a_restart_compares_no_times_of_a_clock_that_was_put_back(
    clock_went_back: bool, since_ns: int, is_open: bool
) -> None:
    before = replace(toy_update("toy", "1", "NEW", "0", "1", now_ns=5), updated_ns=7_000 * SECOND)
    later = replace(before, order_id="2", updated_ns=7_300 * SECOND, received_ns=995 * SECOND)
    gaps = VenueGaps(GapTracker("toy"), Orders(all=lambda: (before, later)))
    gap = GapUpdate(venue="toy", gap="toy-1", state="open", cause="eof", from_ns=990 * SECOND, at_ns=991 * SECOND)

    opened = gaps.resume(990 * SECOND, gap if is_open else None, NOW, clock_went_back=clock_went_back)

    assert gaps.since_ns == since_ns
    assert [(each.cause, each.from_ns, each.at_ns) for each in opened] == (
        [] if is_open else [("restart", 990 * SECOND, NOW.wall_ns)]
    )
    assert (gaps.gap is not None, gaps.ever_live) == (True, True)


@pytest.mark.parametrize(
    ("times", "since_ns"),
    [
        ({"updated_ns": 7_000 * SECOND, "created_ns": 6_000 * SECOND}, 7_000 * SECOND - MARGIN_NS),
        ({"updated_ns": None, "created_ns": 6_000 * SECOND}, 6_000 * SECOND - MARGIN_NS),
        ({"updated_ns": 7_000 * SECOND, "created_ns": None}, 7_000 * SECOND - MARGIN_NS),
        ({"updated_ns": None, "created_ns": None}, EVER),
        ({"received_ns": 990 * SECOND, "updated_ns": 7_000 * SECOND}, 7_000 * SECOND - MARGIN_NS),
        ({"received_ns": 990 * SECOND + 1, "updated_ns": 7_000 * SECOND}, EVER),
    ],
    ids=["both", "created", "updated", "neither", "received last", "received later"],
)
def test_a_restart_asks_from_the_latest_time_in_what_was_received(times: dict[str, int | None], since_ns: int) -> None:
    held = replace(toy_update("toy", "1", "NEW", "0", "1", now_ns=5), **times)
    gaps = VenueGaps(GapTracker("toy"), Orders(all=lambda: (held,)))

    gaps.resume(990 * SECOND, None, NOW)

    assert gaps.since_ns == since_ns


def test_a_restart_without_orders_asks_for_everything() -> None:
    gaps = VenueGaps(GapTracker("toy"), Orders())

    gaps.resume(990 * SECOND, None, NOW)

    assert gaps.since_ns == EVER


def test_a_recording_without_the_venue_leaves_everything_as_it_is() -> None:
    gaps = VenueGaps(GapTracker("toy"), Orders())

    assert gaps.resume(None, None, NOW) == []
    assert (gaps.since_ns, gaps.ever_live, gaps.gap) == (None, False, None)


def test_history_that_a_query_did_not_give_is_asked_for_again_and_not_for_ever() -> None:
    gaps, asked = live_gaps(), []
    gaps.since_ns = 7_000

    for number, complete_since_ns in enumerate((NEVER, NEVER, NEVER, NEVER, None, NEVER), start=1):
        asked.append(gaps.since_ns)
        query = Query(number, gaps.epoch, gaps.since_ns, 7_000 + number)
        gaps.close(query, QueryResult(complete_since_ns=complete_since_ns), None, NOW)

    assert asked == [7_000, 7_000, 7_000, 7_003, 7_003, 7_005]
