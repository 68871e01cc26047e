import msgspec
import pytest

from ordwatch.recording.verdict import FileSummary, Interval, SessionSummary, VenueSummary, Verdict
from tests.recording.samples import at

VENUE = VenueSummary(
    first_live=at(1),
    covered_s=90.0,
    uncertain_s=10.0,
    covered_percent=90.0,
    uncertain=[Interval(from_=at(5), to=None, reason="eof; \x1b[2J")],
    open_gap="alpha-1",
    without="42: \u202elocked",
    orders=1,
    gaps=2,
    rejects=0,
)
VERDICT = Verdict(
    exit_code=65,
    being_written=False,
    continues=False,
    files=[FileSummary(path="rec", lines=9, first_seq=1, last_seq=9)],
    first_seq=1,
    last_seq=9,
    lines=9,
    sessions=[SessionSummary(start=at(0), end=None, exit=None)],
    unclean_ends=1,
    repairs=0,
    damage=["rec: line 2 (byte 70): checksum"],
    partial_write="rec: line 10 (byte 900): no line end",
    moved_away=None,
    broken_invariants=["seq 3: gap alpha-1 was opened before"],
    late_alive=[],
    venues={"alpha": VENUE},
)


REPAIRED = "; the next run saves these bytes to another file and removes them here"


def test_text_has_one_finding_on_each_line() -> None:
    assert VERDICT.text().splitlines() == [
        "rec: 9 lines, seq 1 to 9",
        "1 session, 1 unclean end, 0 repairs",
        f"alpha: 90.0 % covered since {at(1)}; 1 order line, 2 gaps, 0 rejects",
        rf"alpha: uncertain from {at(5)} to ?: eof; \x1b[2J",
        "alpha: gap alpha-1 is still open",
        r"alpha: live without 42: \u202elocked",
        "damaged: rec: line 2 (byte 70): checksum",
        "partial write at the end: rec: line 10 (byte 900): no line end",
        "counts disagree: seq 3: gap alpha-1 was opened before",
        "damaged: the recording cannot be relied on",
    ]


def test_json_is_one_line() -> None:
    assert VERDICT.json().startswith('{"exit":65,')
    assert "\n" not in VERDICT.json()


@pytest.mark.parametrize(
    ("verdict", "follows"),
    [
        (
            msgspec.structs.replace(VERDICT, damage=[]),
            "; the next run saves these bytes to another file and removes them here",
        ),
        (msgspec.structs.replace(VERDICT, damage=[], being_written=True), "; it is being written"),
        (VERDICT, ""),
    ],
    ids=["repaired", "written", "refused"],
)
def test_partial_write_names_what_becomes_of_it(verdict: Verdict, follows: str) -> None:
    assert f"partial write at the end: rec: line 10 (byte 900): no line end{follows}" in verdict.text().splitlines()
