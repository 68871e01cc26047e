"""Two collectors with random cuts, and the truth: what the follower shows, and what its joint gaps say."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordwatch.core.coverage import StreamCoverage
from ordwatch.core.records import AnyRecord, GapRecord, LinkRecord, OrderRecord, encode, record_time
from ordwatch.core.times import time_ns
from ordwatch.engine.moment import Moment
from ordwatch.recording.format import mark, with_crc
from ordwatch.scale import subjects
from ordwatch.scale.collector import OVERDUE_NS
from ordwatch.scale.follower import Follower, StoredMessage
from ordwatch.scale.stream_clock import MARGIN_NS
from tests.recording.samples import alive, gap_opened, link, order, start
from tests.scale.model import SECOND, Change, Cut, CutKind, PaperCollector, PaperReader, ns, stream
from tests.support.toy import TOY

UNTIL_S = 200.0
SAME_RECORDING: list[CutKind] = ["gap", "partial", "kill", "end"]
KINDS: list[CutKind] = [*SAME_RECORDING, "new recording"]


def life(order_id: str, *times: float) -> list[Change]:
    """An order that is made, filled step by step, and done."""
    steps = [("NEW", "0"), *[("PARTIALLY_FILLED", str(n)) for n in range(1, len(times) - 1)], ("FILLED", "10")]
    return [
        Change(at_s, order_id, status, filled, version)
        for version, (at_s, (status, filled)) in enumerate(zip(times, steps[: len(times)], strict=True), 1)
    ]


def gaps(reader: PaperReader) -> list[tuple[float, float, str | None]]:
    """From, to and outcome of the joint gaps that have closed, in seconds; to is -1 for an open one."""
    opened: dict[str, GapRecord] = {}
    for record in reader.records:
        if isinstance(record, GapRecord):
            opened[record.gap] = record
    return [(seconds(gap.from_), seconds(gap.to) if gap.to else -1.0, gap.outcome) for gap in opened.values()]


def seconds(text: str) -> float:
    return (time_ns(text) - ns(0)) / SECOND


def orders(reader: PaperReader) -> list[OrderRecord]:
    return [record for record in reader.records if isinstance(record, OrderRecord)]


def states(records: Sequence[OrderRecord]) -> list[tuple[str, str, str | None]]:
    return [(record.order_id, record.status.value, record.filled_qty) for record in records]


def follow(changes: Sequence[Change], a: Sequence[Cut], b: Sequence[Cut], **of_b: float) -> PaperReader:
    collectors = [PaperCollector("a", changes, a), PaperCollector("b", changes, b, **of_b)]  # type: ignore[arg-type]
    return PaperReader(stream(*collectors, until_s=UNTIL_S)).run(UNTIL_S)


def test_two_collectors_that_see_all_give_each_state_once_and_no_gap() -> None:
    reader = follow(life("1", 20, 30, 40), [], [])

    assert states(orders(reader)) == [("1", "NEW", "0"), ("1", "PARTIALLY_FILLED", "1"), ("1", "FILLED", "10")]
    assert gaps(reader) == []
    assert [(r.venue, r.state) for r in reader.records if isinstance(r, LinkRecord)] == [("toy", "live")]


@pytest.mark.parametrize("kind", KINDS)
def test_what_one_collector_misses_the_other_shows(kind: CutKind) -> None:
    reader = follow(life("1", 20, 50, 60, 90), [Cut(40, 70, kind)], [])

    assert len(states(orders(reader))) == 4
    assert gaps(reader) == []


def test_joint_gap_begins_with_the_last_loss_and_ends_with_the_first_return() -> None:
    reader = follow([], [Cut(40, 80, "gap")], [Cut(50, 90, "gap")])

    [(from_s, to_s, outcome)] = gaps(reader)

    assert 49.9 <= from_s <= 50
    assert 80 <= to_s <= 80.1
    assert outcome == "recovered"


def test_joint_gap_is_partial_where_no_query_reached_back() -> None:
    reader = follow([], [Cut(40, 80, "partial")], [Cut(50, 90, "partial")])

    assert [outcome for _, _, outcome in gaps(reader)] == ["partial"]


def test_cuts_that_follow_each_other_leave_no_gap() -> None:
    reader = follow([], [Cut(40, 50, "gap")], [Cut(60, 70, "gap")])

    assert gaps(reader) == []


def test_a_loss_that_is_known_only_later_makes_a_gap_that_has_ended() -> None:
    # b's connection is dead from 42 on, which b notices at 45; a was blind until 44.
    reader = follow([], [Cut(40, 44, "gap")], [Cut(42, 60, "gap")])

    [(from_s, to_s, _)] = gaps(reader)

    assert (round(from_s), round(to_s)) == (42, 44)


def test_a_killed_collector_is_lost_from_its_last_proof_of_life() -> None:
    reader = follow([], [Cut(35, 300, "kill")], [Cut(33, 300, "kill")])

    assert [(round(from_s), to_s) for from_s, to_s, _ in gaps(reader)] == [(30, -1.0)]


def test_a_planned_end_of_both_is_a_loss() -> None:
    reader = follow([], [Cut(40, 100, "end")], [Cut(50, 110, "end")])

    [(from_s, to_s, outcome)] = gaps(reader)

    assert (round(from_s), round(to_s), outcome) == (50, 100, "recovered")


def test_a_new_recording_knows_nothing_of_the_time_before() -> None:
    reader = follow([], [Cut(40, 100, "new recording")], [Cut(50, 110, "new recording")])

    assert [outcome for _, _, outcome in gaps(reader)] == ["partial"]


@pytest.mark.parametrize("ahead_s", [-3600.0, -0.4, 0.4, 3600.0])
def test_clocks_that_differ_do_not_shorten_a_joint_gap(ahead_s: float) -> None:
    reader = follow([], [Cut(40, 80, "gap")], [Cut(50, 90, "gap")], ahead_s=ahead_s)

    [(from_s, to_s, _)] = gaps(reader)

    assert 48.9 <= from_s <= 50
    assert 80 <= to_s <= 81.1


def test_parts_that_only_one_covers_are_not_backed_up() -> None:
    collectors = [
        PaperCollector("a", [], [Cut(40, 80, "gap")], covers=["1", "2"]),
        PaperCollector("b", [], [], covers=["2"]),
    ]
    reader = PaperReader(stream(*collectors, until_s=UNTIL_S)).run(UNTIL_S)

    [closed] = [record for record in reader.records if isinstance(record, GapRecord) and record.state == "closed"]

    assert closed.limits == "no collector saw 1"


def cuts(of: Sequence[CutKind] = KINDS) -> st.SearchStrategy[list[Cut]]:
    """A few cuts that do not touch."""

    def made(times: list[int], kinds: list[CutKind]) -> list[Cut]:
        times = sorted(times)
        pairs = zip(times[::2], times[1::2], strict=False)
        return [Cut(float(a), float(b), kind) for (a, b), kind in zip(pairs, kinds, strict=False) if b - a > 1]

    times = st.lists(st.integers(15, 160), max_size=6, unique=True)
    return st.builds(made, times, st.lists(st.sampled_from(of), min_size=3, max_size=3))


def lives() -> st.SearchStrategy[list[Change]]:
    times = st.lists(st.integers(110, 1790), min_size=1, max_size=6, unique=True)
    return st.lists(times, max_size=5).map(
        lambda all_times: sorted(
            change
            for number, own in enumerate(all_times)
            for change in life(str(number), *[at / 10 + 0.05 for at in sorted(own)])
        )
    )


def blind(cuts_of_one: Sequence[Cut], at_s: float) -> bool:
    return any(cut.from_s < at_s <= cut.to_s for cut in cuts_of_one)


@settings(max_examples=60, deadline=None)
@given(lives(), cuts(), cuts(), st.sampled_from([0.0, 2.5, -2.5]), st.sampled_from([0.7, 3.0]))
def test_nothing_is_shown_twice_and_all_that_is_missing_lies_in_a_joint_gap(
    changes: list[Change], a: list[Cut], b: list[Cut], ahead_s: float, step_s: float
) -> None:
    collectors = [PaperCollector("a", changes, a), PaperCollector("b", changes, b, ahead_s=ahead_s)]
    reader = PaperReader(stream(*collectors, until_s=UNTIL_S)).run(UNTIL_S, step_s)
    shown = states(orders(reader))
    closed = gaps(reader)

    assert len(shown) == len(set(shown))
    last = {change.order_id: (change.order_id, change.status, change.filled) for change in changes}
    assert {order_id: state for state in shown for order_id in [state[0]] if state == last[order_id]} == last
    missing = [change for change in changes if (change.order_id, change.status, change.filled) not in shown]
    assert [change for change in missing if not any(f <= change.at_s <= t for f, t, _ in closed)] == []
    assert [change for change in missing if not (blind(a, change.at_s) and blind(b, change.at_s))] == []


@settings(max_examples=40, deadline=None)
@given(lives(), cuts(SAME_RECORDING), cuts(SAME_RECORDING), st.randoms(use_true_random=False))
def test_lines_out_of_order_and_twice_change_nothing(
    changes: list[Change], a: list[Cut], b: list[Cut], chance: Random
) -> None:
    collectors = [PaperCollector("a", changes, a), PaperCollector("b", changes, b)]
    messages = stream(*collectors, until_s=UNTIL_S)
    reader = PaperReader(mixed(messages, chance)).run(UNTIL_S + 20.0)
    shown = states(orders(reader))

    assert len(shown) == len(set(shown))
    seen = {
        (change.order_id, change.status, change.filled)
        for change in changes
        if not (blind(a, change.at_s) and blind(b, change.at_s))
    }
    assert seen <= set(shown)
    missed = [change for change in changes if (change.order_id, change.status, change.filled) not in shown]
    assert [change for change in missed if not any(f <= change.at_s <= t for f, t, _ in gaps(reader))] == []


def mixed(messages: Sequence[StoredMessage], chance: Random) -> list[StoredMessage]:
    """The messages as a stream may hold them: up to three seconds late, some twice."""
    again = [message for message in messages if chance.random() < 0.1]
    sent = [(message.time_ns + chance.randrange(3 * SECOND), message) for message in [*messages, *again]]
    sent.sort(key=lambda each: each[0])
    return [message._replace(time_ns=at_ns, stream_seq=seq) for seq, (at_ns, message) in enumerate(sent, 1)]


def test_lines_that_never_come_are_a_blind_time_of_their_collector() -> None:
    messages = stream(PaperCollector("a", []), PaperCollector("b", [], [Cut(35, 100, "gap")]), until_s=UNTIL_S)
    # The alive record of second 50, and with it what may have been between 40 and 60.
    kept = [
        message for message in messages if not (message.subject == "ow.a.alive" and b"12:00:50.000000Z" in message.data)
    ]
    assert len(kept) == len(messages) - 1

    [(from_s, to_s, outcome)] = gaps(PaperReader(kept).run(UNTIL_S))

    assert (round(from_s), round(to_s), outcome) == (40, 60, "partial")


def test_who_began_with_the_last_messages_misses_lines_like_everybody() -> None:
    messages = stream(PaperCollector("a", []), until_s=UNTIL_S)
    kept = [message for message in messages if b"12:00:50.000000Z" not in message.data]
    assert len(kept) == len(messages) - 1

    [(from_s, to_s, outcome)] = gaps(PaperReader(kept).run(UNTIL_S, from_s=25, last_of_subjects=True))

    assert (round(from_s), round(to_s), outcome) == (40, 60, "partial")


def sent_late(messages: Sequence[StoredMessage], *delays: tuple[float, float]) -> list[StoredMessage]:
    """What came between each second and the next came so many seconds later; (45, 10): of 45 to 46 at 55 to 56."""
    sent = []
    for message in messages:
        delay_s = next((by_s for at_s, by_s in delays if ns(at_s) <= message.time_ns < ns(at_s + 1)), 0)
        sent.append(message._replace(time_ns=message.time_ns + round(delay_s * SECOND)))
    sent.sort(key=lambda message: message.time_ns)
    return [message._replace(stream_seq=seq) for seq, message in enumerate(sent, 1)]


def test_a_filled_hole_has_nothing_of_the_hole_before_it() -> None:
    collector = PaperCollector("a", life("1", 120, 150), [Cut(40, 80, "gap")])
    late = sent_late(stream(collector, until_s=UNTIL_S), (43, 30), (120, 25))

    found = gaps(PaperReader(late).run(UNTIL_S))

    # The second hole was not waited for, and is over with the next alive record.
    assert [(round(from_s), round(to_s)) for from_s, to_s, _ in found] == [(40, 80), (110, 130)]


def test_a_new_recording_has_nothing_of_a_hole_of_the_one_before() -> None:
    collector = PaperCollector("a", life("1", 150, 170), [Cut(40, 80, "gap"), Cut(100, 120, "new recording")])
    messages = stream(collector, until_s=UNTIL_S)
    # Of the two lines that say at second 43 that coverage was lost, one comes late and the other never.
    lost = next(each for each in messages if each.time_ns >= ns(43) and each.subject == "ow.a.link.toy")
    kept = [each for each in messages if each is not lost]

    found = gaps(PaperReader(sent_late(kept, (43, 30), (150, 25))).run(UNTIL_S))

    assert [(round(from_s), round(to_s)) for from_s, to_s, _ in found] == [(40, 80), (100, 120), (140, 160)]


def test_joint_gaps_that_have_ended_are_not_reported_again() -> None:
    cuts = [Cut(40, 60, "gap"), Cut(90, 110, "gap"), Cut(140, 160, "gap")]

    found = gaps(follow([], cuts, cuts))

    assert [(round(from_s), round(to_s)) for from_s, to_s, _ in found] == [(40, 60), (90, 110), (140, 160)]


def test_a_venue_is_proven_alive_only_as_far_as_the_part_that_is_seen_worst() -> None:
    collectors = [
        PaperCollector("a", [], [Cut(35, 300, "kill")], covers=["1", "2"]),
        PaperCollector("b", [], covers=["2"]),
    ]
    reader = PaperReader(stream(*collectors, until_s=UNTIL_S)).run(49)

    assert ns(28.9) <= (reader.follower.joint["toy"].last_rx_ns or 0) <= ns(30)


def test_a_collector_that_died_before_reading_began_is_lost_at_once() -> None:
    messages = stream(PaperCollector("a", [], [Cut(35, 300, "kill")]), until_s=UNTIL_S)

    reader = PaperReader(messages).run(100, from_s=100)

    assert [(round(from_s), to_s) for from_s, to_s, _ in gaps(reader)] == [(30, -1.0)]


def test_an_order_that_waits_for_a_missing_line_over_a_restart_is_shown() -> None:
    new = [Change(at_s, order_id, "NEW", "0", 1) for at_s, order_id in ((44, "1"), (45, "2"), (46, "3"))]
    written = stream(PaperCollector("a", new[:2]), PaperCollector("b", new[2:]), until_s=47)
    messages = [message for message in written if not message.subject.endswith(".1")]
    assert len(messages) == len(written) - 1

    first = PaperReader(messages).run(48)
    second = PaperReader(messages, first.resumes(), before=messages).run(70, from_s=50)

    assert (states(orders(first)), states(orders(second))) == ([("3", "NEW", "0")], [("2", "NEW", "0")])


def test_missing_lines_that_come_after_all_leave_no_gap_behind() -> None:
    messages = stream(
        PaperCollector("a", life("1", 45, 52)), PaperCollector("b", [], [Cut(35, 100, "gap")]), until_s=UNTIL_S
    )
    missing = [message for message in messages if b"12:00:5" in message.data and message.subject.startswith("ow.a.")]
    late = [message._replace(time_ns=ns(90)) for message in missing]
    sent = sorted([*(each for each in messages if each not in missing), *late], key=lambda each: each.time_ns)

    reader = PaperReader([message._replace(stream_seq=seq) for seq, message in enumerate(sent, 1)]).run(UNTIL_S)

    assert missing
    assert states(orders(reader)) == [("1", "NEW", "0"), ("1", "FILLED", "10")]
    assert [outcome for _, _, outcome in gaps(reader)] in ([], ["recovered"], ["partial"])


@settings(max_examples=60, deadline=None)
@given(cuts(), cuts(), st.sampled_from([0.0, 2.5, -2.5]), st.sampled_from([0.7, 3.0]))
def test_joint_gaps_are_the_times_in_which_both_were_blind(
    a: list[Cut], b: list[Cut], ahead_s: float, step_s: float
) -> None:
    collectors = [PaperCollector("a", [], a), PaperCollector("b", [], b, ahead_s=ahead_s)]
    reader = PaperReader(stream(*collectors, until_s=UNTIL_S)).run(UNTIL_S, step_s)
    slack_s = 2 * MARGIN_NS[1] / SECOND
    both = [at_s / 2 for at_s in range(30, 380) if blind(a, at_s / 2) and blind(b, at_s / 2)]
    in_gaps = [at_s / 2 for at_s in range(30, 380) if any(f <= at_s / 2 <= t for f, t, _ in gaps(reader))]

    assert [at_s for at_s in both if at_s not in in_gaps] == []
    # Without pushes the last proof of life before a kill or an end may be ten seconds old.
    before_s = max([10.0 for cut in [*a, *b] if cut.kind not in ("gap", "partial")], default=0.0) + slack_s
    wide = [Cut(cut.from_s - before_s, cut.to_s + slack_s, cut.kind) for cut in a]
    wider = [Cut(cut.from_s - before_s, cut.to_s + slack_s, cut.kind) for cut in b]
    assert [at_s for at_s in in_gaps if not (blind(wide, at_s) and blind(wider, at_s))] == []
    judged = StreamCoverage()
    judged.records(reader.records)
    assert OVERDUE_NS == 20 * SECOND


def test_who_begins_in_the_middle_knows_what_is_covered_from_the_next_alive_record_on() -> None:
    before = stream(PaperCollector("a", []), until_s=UNTIL_S)
    reader = PaperReader([each for each in before if each.time_ns > ns(73)], before=before).run(UNTIL_S, from_s=73)

    [live] = [record for record in reader.records if isinstance(record, LinkRecord)]
    assert (live.state, seconds(live.at)) == ("live", 80.5)


@settings(max_examples=60, deadline=None)
@given(lives(), cuts(), cuts(), st.integers(20, 150), st.integers(0, 40), st.booleans())
def test_a_restart_goes_on_exactly_where_the_recording_ends(
    changes: list[Change], a: list[Cut], b: list[Cut], stop_s: int, away_s: int, clean: bool
) -> None:
    messages = stream(PaperCollector("a", changes, a), PaperCollector("b", changes, b), until_s=UNTIL_S)
    first = PaperReader(messages).run(stop_s, clean=clean)
    resume = first.resumes()
    position_ns = next((message.time_ns for message in messages if message.stream_seq == resume.position), 0)
    begin_ns = min([position_ns, *(until_ns for until_ns in resume.covered_until_ns.values() if until_ns)])
    later = [message for message in messages if message.time_ns >= begin_ns - 60 * SECOND]
    second = PaperReader(later, resume, before=messages).run(UNTIL_S, from_s=stop_s + away_s)
    shown = states([*orders(first), *orders(second)])
    both = PaperReader(())
    both.records = [*first.records, *second.records]

    assert len(shown) == len(set(shown))
    last = {change.order_id: (change.order_id, change.status, change.filled) for change in changes}
    assert {order_id: state for state in shown for order_id in [state[0]] if state == last[order_id]} == last
    missing = [change for change in changes if (change.order_id, change.status, change.filled) not in shown]
    assert [change for change in missing if not (blind(a, change.at_s) and blind(b, change.at_s))] == []
    assert [change for change in missing if not any(f <= change.at_s <= t for f, t, _ in gaps(both))] == []
    judged = StreamCoverage()
    judged.records(both.records)
    if not a and not b:
        assert judged.venues["toy"].uncertain == []
        assert judged.venues["toy"].is_covered is False


YESTERDAY: list[tuple[int, AnyRecord]] = [(400, order("1", second=0)), (401, gap_opened(1))]
"""The last messages of a recording whose collector was killed while it was disconnected."""


@pytest.mark.parametrize("restarted", [0, 500], ids=["a new recording", "one that was continued"])
def test_a_recording_before_the_last_one_does_not_hide_what_is_read_live(restarted: int) -> None:
    today: list[tuple[int, AnyRecord]] = [
        (restarted + 1, start(20)),
        (restarted + 2, link("live", 21)),
        (restarted + 3, alive(22, covers=["x"])),
    ]
    *first, live = in_stream(*YESTERDAY, *today, (restarted + 4, order("2", second=23)))
    follower = Follower(lambda _: TOY)
    at_ns = live.time_ns + SECOND
    now = Moment(at_ns, at_ns, at_ns)

    follower.begin([first[2]], at_ns, now, last_of_subjects=True)
    follower.read(first, now)
    follower.caught_up(now)
    read = follower.read([live], now)

    assert follower.joint["alpha"].is_live
    assert [record.order_id for record in read.records if isinstance(record, OrderRecord)] == ["2"]


def in_stream(*lines: tuple[int, AnyRecord]) -> list[StoredMessage]:
    """Messages of one collector, each taken by the stream at the time in its record."""
    found = []
    for number, (seq, record) in enumerate(lines, 1):
        line = with_crc(encode(record), seq)
        at_ns = time_ns(record_time(record) or "")
        found.append(StoredMessage(subjects.subject("a", mark(line)), line, number, at_ns))
    return found
