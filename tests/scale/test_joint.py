"""One venue as several collectors see it together."""

from msgspec.structs import replace

from ordwatch.core.events import GapUpdate
from ordwatch.core.records import AliveRecord, AnyRecord
from ordwatch.scale.collector import Collector
from ordwatch.scale.joint import JointVenue
from tests.recording.samples import alive, at_ns, link, start


def covering(second: float, *entries: str) -> AliveRecord:
    record = alive(second)
    return replace(record, venues={"alpha": replace(record.venues["alpha"], covers=list(entries))})


def test_a_part_that_is_new_after_a_restart_was_not_missed_before() -> None:
    one, joint = Collector("a"), JointVenue("alpha")
    one.kinds = {"alpha": "toy"}
    records: dict[int, AnyRecord] = {0: start(), 1: link("live", 1), 10: covering(10, "7")}
    for seq, (second, record) in enumerate(records.items(), 1):
        one.record(record, seq, at_ns(second))
    resumed = joint.resume(None, at_ns(5), at_ns(9))
    joint.judge([one], at_ns(11), at_ns(11))
    one.record(covering(20, "7", "8"), 4, at_ns(20))
    later = joint.judge([one], at_ns(21), at_ns(21))

    assert [gap.cause for gap in resumed] == ["restart"]
    assert joint.covered == {"7", "8"}
    assert [event for event in later if isinstance(event, GapUpdate)] == []


def test_a_gap_names_all_that_it_was_reported_for() -> None:
    # Both parts seem lost until the lines of second 20 come late: then only one was not covered.
    one, joint = Collector("a"), JointVenue("alpha")
    one.kinds = {"alpha": "toy"}
    first: list[AnyRecord] = [start(), link("live", 1), covering(10, "7", "8")]
    for seq, record in enumerate(first, 1):
        one.record(record, seq, at_ns(10))
    joint.judge([one], at_ns(11), at_ns(11))
    opened = joint.judge([one], at_ns(60), at_ns(60))
    one.record(covering(20, "7"), 4, at_ns(61))
    one.record(covering(62, "7", "8"), 5, at_ns(62))
    closed = joint.judge([one], at_ns(63), at_ns(63))

    assert [event.state for event in opened] == ["open", "down"]
    assert [(event.state, event.limits) for event in closed if isinstance(event, GapUpdate)] == [
        ("closed", "no collector saw 7, 8")
    ]
