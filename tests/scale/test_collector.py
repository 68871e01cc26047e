"""One collector: what it covered, by the records that it published."""

from collections.abc import Iterable, Sequence

import pytest
from msgspec.structs import replace

from ordwatch.core.records import AliveRecord, AnyRecord, ClockRecord
from ordwatch.scale.collector import Collector, Numbered, Part
from ordwatch.scale.stream_clock import Point
from tests.recording.samples import alive, at, at_ns, gap_closed, gap_opened, link, start

PART = Part("alpha", "toy", False, "alpha")


def covering(second: float) -> AliveRecord:
    """An alive record of a venue that covers PART."""
    record = alive(second)
    return replace(record, venues={"alpha": replace(record.venues["alpha"], covers=["alpha"])})


def numbered(records: Sequence[AnyRecord]) -> list[Numbered]:
    """The records of one recording; the stream takes each at once."""
    return [Numbered(seq, record, at_ns(seq)) for seq, record in enumerate(records, 1)]


def collector(lines: Iterable[Numbered] = ()) -> Collector:
    made = Collector("a")
    made.kinds = {"alpha": "toy"}
    take(made, lines)
    return made


def take(one: Collector, lines: Iterable[Numbered]) -> None:
    for line in lines:
        one.record(line.record, line.seq, line.stream_ns)


def blind(one: Collector) -> list[tuple[int | None, int | None, str]]:
    """When it did not see PART, on the stream's clock."""
    return [(latest_ns(each.from_), latest_ns(each.to), each.reason) for each in one.blind(PART, at_ns(60))]


def latest_ns(point: Point | None) -> int | None:
    return None if point is None else point.latest_ns


@pytest.mark.parametrize("jump_s", [-3_600, 3_600])
def test_a_clock_that_was_set_is_read_anew(jump_s: int) -> None:
    one = collector([Numbered(1, start(), at_ns(0)), Numbered(2, link("live", 1), at_ns(1))])
    one.record(covering(10), 3, at_ns(10))
    before = one.proof(PART)
    one.record(ClockRecord(jump_ms=jump_s * 1_000, suspended_ms=0, at=at(11 + jump_s)), 4, at_ns(11))
    one.record(covering(20 + jump_s), 5, at_ns(20))
    after = one.proof(PART)

    assert before is not None
    assert after is not None
    assert (before.latest_ns, after.latest_ns) == (at_ns(10), at_ns(20))


def test_a_part_that_is_covered_no_more_is_missed_since_it_was_last_covered() -> None:
    records: dict[int, AnyRecord] = {0: start(), 1: link("live", 1), 10: covering(10), 20: covering(20), 30: alive(30)}
    one = collector(Numbered(seq, records[second], at_ns(second)) for seq, second in enumerate(records, 1))

    assert [since_ns for since_ns, _, reason in blind(one) if reason == "not covered any more"] == [at_ns(20)]


def test_filled_holes_are_as_if_nothing_had_been_missing() -> None:
    lines = numbered(
        [
            start(), link("live", 1), covering(10),
            gap_opened(12), link("down", 13), gap_closed(12, 20), link("live", 20), covering(20),
            gap_opened(25, gap="alpha-2"), link("down", 26), gap_closed(25, 35, gap="alpha-2"), link("live", 35),
            covering(40),
        ]
    )  # fmt: skip
    late = [*lines[3:5], *lines[8:10]]

    one = collector(lines[:3])
    one.records_missing()
    take(one, lines[5:8])
    one.records_missing()
    take(one, lines[10:])
    one.hole_filled(late)

    assert blind(one) == blind(collector(lines))
