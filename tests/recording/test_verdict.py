from ordwatch.recording.verdict import FileFound, Interval, SessionFound, VenueFound, Verdict
from tests.recording.told import at

VENUE = VenueFound(
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
    goes_on=False,
    files=[FileFound(path="rec", lines=9, first_seq=1, last_seq=9)],
    first_seq=1,
    last_seq=9,
    lines=9,
    sessions=[SessionFound(start=at(0), end=None, exit=None)],
    unclean_ends=1,
    repairs=0,
    damage=["rec: line 2 (byte 70): checksum"],
    tail="rec: line 10 (byte 900): no line end",
    taken=None,
    broken_laws=["seq 3: gap alpha-1 was opened before"],
    late_alive=[],
    venues={"alpha": VENUE},
)


def test_text_says_one_thing_a_line() -> None:
    assert VERDICT.text().splitlines() == [
        "rec: 9 lines, seq 1 to 9",
        "1 session, 1 unclean end, 0 repairs",
        f"alpha: 90.0 % covered since {at(1)}; 1 order line, 2 gaps, 0 rejects",
        rf"alpha: uncertain from {at(5)} to ?: eof; \x1b[2J",
        "alpha: gap alpha-1 is still open",
        r"alpha: live without 42: \u202elocked",
        "damaged: rec: line 2 (byte 70): checksum",
        "torn tail: rec: line 10 (byte 900): no line end; the next run saves it and cuts it off",
        "law broken: seq 3: gap alpha-1 was opened before",
        "damaged: the recording does not prove what it should",
    ]


def test_json_is_one_line() -> None:
    assert VERDICT.json().startswith('{"exit":65,')
    assert "\n" not in VERDICT.json()
