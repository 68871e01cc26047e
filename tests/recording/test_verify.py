from pathlib import Path

import msgspec
import pytest

from ordwatch.core.errors import InputMissing, RecordingError
from ordwatch.core.records import AnyRecord, ClockRecord, PrevSessionRecord, RejectRecord, RepairRecord, encode
from ordwatch.recording.format import with_crc
from ordwatch.recording.lock import Lock
from ordwatch.recording.rotation import Rotation, older_files
from ordwatch.recording.verify import check
from tests.recording.samples import (
    SESSION,
    alive,
    at,
    end,
    ending,
    gap_closed,
    gap_opened,
    lines,
    link,
    opened,
    order,
    record,
    start,
    written,
)

LIFE: tuple[AnyRecord, ...] = (
    start(),
    link("live", 1),
    *(order(str(n), second=2) for n in range(20)),
    alive(10, updates=20),
    end(12),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def test_covered_recording(path: Path) -> None:
    verdict = check([written(path, *SESSION)])

    assert (verdict.exit_code, verdict.damage, verdict.broken_invariants, verdict.partial_write) == (0, [], [], None)
    assert (verdict.first_seq, verdict.last_seq, verdict.lines) == (1, 6, 6)


def test_venue_is_listed_with_its_counts(path: Path) -> None:
    found_venue = check([written(path, *SESSION)]).venues["alpha"]

    assert (found_venue.first_live, found_venue.covered_percent, found_venue.orders) == (at(1), 100.0, 2)


def test_partial_gap_is_uncertain(path: Path) -> None:
    verdict = check(
        [written(path, start(), link("live", 0), gap_opened(2), gap_closed(2, 4, partial="page 2 failed"), *ending(8))]
    )

    venue = verdict.venues["alpha"]
    assert (verdict.exit_code, venue.covered_percent, venue.uncertain_s) == (3, 75.0, 2.0)
    assert [(lost.from_, lost.to, lost.reason) for lost in venue.uncertain] == [(at(2), at(4), "eof; page 2 failed")]


def test_open_gap_is_uncertain_though_the_clock_of_this_session_is_behind(path: Path) -> None:
    gap = msgspec.structs.replace(gap_opened(4, cause="restart"), at=at(-3599))
    records = [*SESSION, start(-3600), gap, alive(-3590, state="down"), end(-3580)]

    verdict = check([written(path, *records)])

    assert (verdict.exit_code, verdict.venues["alpha"].open_gap) == (3, "alpha-1")
    assert "alpha: gap alpha-1 is still open" in verdict.text().splitlines()


def test_open_gap_is_uncertain_while_the_recording_is_being_written(path: Path) -> None:
    lock = Lock(path)
    lock.take(0)
    verdict = check([written(path, start(), link("live", 1), gap_opened(4))])
    lock.unlock()

    assert (verdict.exit_code, verdict.being_written) == (3, True)


def test_day_that_the_clock_jumped_over_is_not_covered(path: Path) -> None:
    day = 86_400
    jump = ClockRecord(jump_ms=day * 1000.0, suspended_ms=0.0, at=at(day + 10))

    verdict = check([written(path, start(), link("live", 0), alive(10), jump, alive(day + 15), *ending(day + 20))])

    assert (verdict.exit_code, verdict.venues["alpha"].covered_s) == (0, 20.0)


def test_partial_gap_without_length_is_uncertain(path: Path) -> None:
    verdict = check(
        [written(path, start(), link("live", 0), gap_opened(2), gap_closed(2, 2, partial="one refused"), end(8))]
    )

    assert verdict.exit_code == 3


def test_no_interval_ends_before_it_begins(path: Path) -> None:
    ahead = (start(), link("live", 0), alive(10), gap_opened(10), clock_set(-3600 + 12, -3600))
    closed = msgspec.structs.replace(gap_closed(10, -3600 + 20, partial="history ends"), at=at(-3600 + 20))

    verdict = check([written(path, *ahead, closed, end(-3600 + 30))])

    intervals = [(lost.from_, lost.to) for lost in verdict.venues["alpha"].uncertain]
    assert intervals == [(at(10), at(12)), (at(-3600 + 12), at(-3600 + 20))]


def clock_set(at_second: float, jump_s: float) -> ClockRecord:
    return ClockRecord(jump_ms=jump_s * 1000, suspended_ms=0.0, at=at(at_second))


def test_venue_that_is_live_without_an_account_is_uncertain_and_the_account_is_named(path: Path) -> None:
    limited = msgspec.structs.replace(link("live", 1), detail="without 42: no permission")

    verdict = check([written(path, start(), limited, alive(4), end(5))])

    assert (verdict.exit_code, verdict.venues["alpha"].without) == (3, "42: no permission")
    assert "alpha: live without 42: no permission" in verdict.text().splitlines()
    assert msgspec.json.decode(verdict.json())["venues"]["alpha"]["without"] == "42: no permission"


def test_account_that_was_answered_later_is_missing_no_more(path: Path) -> None:
    limited = msgspec.structs.replace(link("live", 1), detail="without 42: no permission")

    verdict = check([written(path, start(), limited, link("live", 3), alive(4), end(5))])

    assert (verdict.exit_code, verdict.venues["alpha"].without) == (0, None)


def test_percent_is_never_rounded_up(path: Path) -> None:
    records: list[AnyRecord] = [
        start(),
        link("live", 0),
        gap_opened(2),
        gap_closed(2, 2.001, partial="late"),
        *ending(100_000),
    ]

    assert check([written(path, *records)]).venues["alpha"].covered_percent == 99.99


def test_venue_that_never_was_live_is_uncertain(path: Path) -> None:
    verdict = check([written(path, start(0, "alpha", "beta"), link("live", 1), link("down", 1, venue="beta"), end(5))])

    assert (verdict.exit_code, verdict.venues["beta"].first_live) == (3, None)


def test_recording_that_just_stops_is_uncertain_from_its_last_proof_of_life(path: Path) -> None:
    verdict = check([written(path, *SESSION[:-1])])

    lost_interval = verdict.venues["alpha"].uncertain[0]
    assert (verdict.exit_code, verdict.unclean_ends, lost_interval.from_, lost_interval.to) == (3, 1, at(4), None)


def test_recording_that_is_being_written_is_not_uncertain(path: Path) -> None:
    lock = Lock(path)
    lock.take(0)
    verdict = check([written(path, *SESSION[:-1])])
    lock.unlock()

    assert (verdict.exit_code, verdict.being_written, verdict.unclean_ends) == (0, True, 0)


def test_partial_last_line_of_a_growing_file_is_no_damage(path: Path) -> None:
    lock = Lock(path)
    lock.take(0)
    written(path, *SESSION[:-1])
    path.write_bytes(path.read_bytes() + lines([order()], 6)[0][:40])
    verdict = check([path])
    lock.unlock()

    assert (verdict.exit_code, verdict.damage, verdict.lines) == (0, [], 5)


def test_partial_write_at_the_end_is_no_damage_but_uncertain(path: Path) -> None:
    path.write_bytes(b"".join(lines(SESSION))[:-1])

    verdict = check([path])

    assert (verdict.exit_code, verdict.damage) == (3, [])
    assert verdict.partial_write is not None
    assert verdict.partial_write.endswith("no line end")


def test_second_session_covers_the_time_between_by_its_gap(path: Path) -> None:
    records = [
        *SESSION[:-1],
        PrevSessionRecord(last_seq=5, last_at=at(4), end="unclean", reboot=False),
        start(20),
        gap_opened(4, cause="restart"),
        link("live", 25),
        gap_closed(4, 25),
        end(30),
    ]

    verdict = check([written(path, *records)])

    assert (verdict.exit_code, len(verdict.sessions), verdict.unclean_ends) == (0, 2, 1)


def test_venue_that_the_next_session_does_not_watch_stays_covered_until_its_end(path: Path) -> None:
    records = [*SESSION, start(20, "beta"), link("live", 21, venue="beta"), end(30)]

    verdict = check([written(path, *records)])

    assert verdict.venues["alpha"].uncertain == []


def test_alive_that_came_late_is_uncertain(path: Path) -> None:
    verdict = check([written(path, start(), link("live", 1), alive(10), alive(60), end(61))])

    assert (verdict.exit_code, verdict.late_alive) == (3, [f"{at(60)}: 50 s after the alive record before"])


def test_counts_that_disagree_are_damage(path: Path) -> None:
    verdict = check([written(path, start(), link("live", 1), alive(10, updates=7), end(12))])

    assert (verdict.exit_code, len(verdict.broken_invariants)) == (65, 1)


@pytest.mark.parametrize("number", range(1, len(LIFE) - 2))
def test_each_edited_line_is_found(path: Path, number: int) -> None:
    records = lines(LIFE)
    records[number] = records[number].replace(b"alpha", b"alphA")
    path.write_bytes(b"".join(records))

    verdict = check([path])

    assert verdict.exit_code == 65
    assert verdict.damage == [f"{path}: line {number + 1} (byte {len(b''.join(records[:number]))}): checksum"]


def test_all_damage_is_named(path: Path) -> None:
    path.write_bytes(written(path, *LIFE).read_bytes().replace(b'"order_id":"1', b'"order_id":"x'))

    assert len(check([path]).damage) == 11


def test_lines_that_are_missing_are_uncertain_too(path: Path) -> None:
    records = lines([start(), link("live", 0), alive(10), alive(20), alive(30), end(40)])
    path.write_bytes(b"".join(records[:3] + records[4:]))

    verdict = check([path])

    lost_interval = verdict.venues["alpha"].uncertain[0]
    assert (verdict.exit_code, lost_interval.from_, lost_interval.to) == (65, at(10), at(30))


def test_files_may_come_in_any_order(path: Path) -> None:
    record(path, *LIFE, rotation=Rotation(max_bytes=3000), group_records=5)
    files = [path, *(older.path for older in reversed(older_files(path)))]

    verdict = check(files)

    assert (verdict.exit_code, [file.first_seq for file in verdict.files]) == (0, [1, 7, 14, 21, 28])


def test_missing_file_is_a_hole(path: Path) -> None:
    record(path, *LIFE, rotation=Rotation(max_bytes=3000), group_records=5)
    older = [file.path for file in older_files(path)]

    verdict = check([older[0], *older[2:], path])

    assert (verdict.exit_code, verdict.damage) == (65, ["seq 7 to 13 are in none of these files"])


def test_last_file_alone_proves_what_is_in_it(path: Path) -> None:
    record(path, *LIFE, rotation=Rotation(max_bytes=3000), group_records=5)

    verdict = check([path])

    assert (verdict.damage, verdict.broken_invariants, verdict.first_seq) == ([], [], 28)


def test_first_file_alone_goes_on_elsewhere(path: Path) -> None:
    record(path, *LIFE, rotation=Rotation(max_bytes=3000), group_records=5)

    verdict = check([older_files(path)[0].path])

    assert (verdict.continues, verdict.exit_code) == (True, 0)


def test_copy_of_some_lines_is_accepted(path: Path) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(b"".join(lines(LIFE[:9])))

    verdict = check([written(path, *LIFE), copy])

    assert (verdict.exit_code, verdict.damage) == (0, [])


def test_files_that_contradict_each_other_are_damage(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"".join(lines([*LIFE[:9], order("another")])))

    verdict = check([written(path, *LIFE), other])

    assert verdict.exit_code == 65
    assert [what.split(": ")[1] for what in verdict.damage] == ["contradicts another file from seq 10 on"]


def test_repair_is_counted_and_proves_nothing_wrong(path: Path) -> None:
    records = [
        *SESSION[:-1],
        RepairRecord(bytes=9, sha256="0", saved_as="rec.torn-1", after_seq=5),
        PrevSessionRecord(last_seq=5, last_at=at(4), end="unclean", reboot=False),
        start(20),
        gap_opened(4, cause="restart"),
        link("live", 25),
        gap_closed(4, 25),
        end(30),
    ]

    verdict = check([written(path, *records)])

    assert (verdict.exit_code, verdict.repairs) == (0, 1)


def test_another_schema_is_named(path: Path) -> None:
    verdict = check([written(path, start(schema="ordwatch/9"), end(5))])

    assert (verdict.exit_code, verdict.damage) == (65, ["seq 1: written as ordwatch/9, this ordwatch knows ordwatch/1"])


FOREIGN = [b"name,qty\nfoo,1\n", b'{"type":"order","seq":1}\n', bytes(4096) + b"not ours", b"\x7fELF"]


@pytest.mark.parametrize("content", FOREIGN, ids=["table", "stdout", "image", "program"])
def test_foreign_file_is_damage_and_the_next_run_refuses_it(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    verdict = check([path])

    assert verdict.exit_code == 65
    assert verdict.damage == [f"{path}: not a recording of ordwatch; the next run refuses to write to it"]
    assert verdict.partial_write is None
    with pytest.raises(RecordingError):
        opened(path)


@pytest.mark.parametrize("content", [bytes(9000), lines(SESSION)[0][:50]], ids=["zeros", "cut"])
def test_partial_first_line_is_what_the_next_run_repairs(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    verdict = check([path])

    assert (verdict.exit_code, verdict.damage) == (3, [])
    assert "the next run saves these bytes" in verdict.text()
    opened(path)


def test_damaged_first_line_of_a_recording_is_named(path: Path) -> None:
    records = lines([start(), order("1")])
    path.write_bytes(records[0].replace(b"session", b"sessioN", 1) + records[1])

    assert check([path]).damage == [f"{path}: line 1 (byte 0): checksum"]
    with pytest.raises(RecordingError, match=r"line 1 .* --salvage"):
        opened(path)


def test_rotated_file_that_lacks_lines_is_damaged(path: Path) -> None:
    older = written(path.with_name("rec.1-3"), start(), order("1"))
    path.touch()

    assert check([older]).damage == [f"{older}: ends with seq 2, its name says 3; the next run refuses it"]
    with pytest.raises(RecordingError, match="ends with seq 2, its name says 3"):
        opened(path)


def test_recording_may_have_a_name_like_that_of_a_rotated_file(path: Path) -> None:
    january = written(path.with_name("january.1-31"), *SESSION)

    assert check([january]).exit_code == 0


def test_empty_file_proves_nothing(path: Path) -> None:
    path.touch()

    assert check([path]).exit_code == 3


def test_lock_and_quarantined_bytes_of_a_recording_are_left_out(path: Path) -> None:
    path.with_name("rec.lock").write_text("{}")
    path.with_name("rec.torn-1").write_text("bytes")

    verdict = check([written(path, *SESSION), path.with_name("rec.lock"), path.with_name("rec.torn-1")])

    assert (verdict.exit_code, len(verdict.files)) == (0, 1)


def test_missing_input_is_named(path: Path) -> None:
    with pytest.raises(InputMissing, match="rec: cannot be read"):
        check([path])


def test_hostile_record_with_a_right_checksum_is_damage(path: Path) -> None:
    hostile = encode(end(5)).replace(at(5).encode(), b"yesterday")
    path.write_bytes(with_crc(encode(start()), 1) + with_crc(hostile, 2))

    assert check([path]).exit_code == 65


def test_text_and_json_agree(path: Path) -> None:
    verdict = check([written(path, *SESSION)])

    assert msgspec.json.decode(verdict.json())["exit"] == 0
    assert verdict.text().splitlines()[-1] == "covered: nothing was missed"


def test_rejects_are_counted_with_those_that_were_suppressed(path: Path) -> None:
    reject = RejectRecord(venue="alpha", reason="", bytes=1, head="", suppressed=2, at=at(3))

    found = check([written(path, start(), link("live", 1), reject, reject, *ending(5))]).venues["alpha"]

    assert (found.rejects, found.gaps, found.orders) == (6, 0, 0)


def test_lines_that_none_of_the_files_has_are_uncertain_too(path: Path) -> None:
    first = written(path.with_name("rec.1-3"), start(), link("live", 1), alive(10))
    written(path, alive(30), *ending(40), first_seq=9)

    found = check([first, path])

    assert found.damage == ["seq 4 to 8 are in none of these files"]
    assert [(each.from_, each.to) for each in found.venues["alpha"].uncertain] == [(at(10), at(30))]
