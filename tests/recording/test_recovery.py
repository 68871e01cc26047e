import stat
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from ordwatch.core.errors import OutputError, OutputRefused, RecordingBusy, RecordingError
from ordwatch.core.events import OrderStatus
from ordwatch.core.records import (
    AnyRecord,
    ClockRecord,
    PrevSessionRecord,
    RepairRecord,
    RotatedFromRecord,
    RotateRecord,
    encode,
)
from ordwatch.recording.files import Files
from ordwatch.recording.format import record, with_crc
from ordwatch.recording.lock import Holder
from ordwatch.recording.reading import Line, read_lines
from ordwatch.recording.recovery import open_recording
from ordwatch.system import boot_id, try_lock
from tests.recording.faults import FailingFiles
from tests.recording.samples import (
    SESSION,
    alive,
    at,
    at_ns,
    end,
    gap_closed,
    gap_opened,
    lines,
    link,
    opened,
    order,
    start,
    written,
)
from tests.support.cases import case

WHOLE = b"".join(lines(SESSION))
LAST_THREE = len(b"".join(lines(SESSION)[:3]))


def records(path: Path) -> list[AnyRecord]:
    with path.open("rb") as file:
        return [record(item.raw) for item in read_lines(file) if isinstance(item, Line)]


def quarantined(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.torn-*"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def test_new_recording_begins_empty(path: Path) -> None:
    recording = opened(path)

    assert (path.read_bytes(), recording.continuation.last_seq, recording.continuation.clean) == (b"", 0, True)


def test_empty_file_is_a_new_recording(path: Path) -> None:
    path.touch()

    assert opened(path).continuation.last_seq == 0


def test_goes_on_after_the_last_line(path: Path) -> None:
    written(path, *SESSION)

    recording = opened(path)

    assert (recording.file.last_seq, recording.continuation.last_seq) == (7, 7)


def test_says_first_how_the_session_before_ended(path: Path) -> None:
    written(path, *SESSION)

    opened(path)

    assert records(path)[-1] == PrevSessionRecord(last_seq=6, last_at=at(5), end="clean", reboot=False)


def test_session_without_an_end_is_unclean(path: Path) -> None:
    written(path, *SESSION[:-1])

    recording = opened(path)

    assert records(path)[-1] == PrevSessionRecord(last_seq=5, last_at=at(4), end="unclean", reboot=False)
    assert not recording.continuation.clean


def test_session_with_a_partial_write_behind_its_end_is_unclean(path: Path) -> None:
    path.write_bytes(WHOLE + b'{"type":"ord')

    opened(path)

    assert records(path)[-1] == PrevSessionRecord(last_seq=6, last_at=at(5), end="unclean", reboot=False)


def test_what_was_cut_off_is_durable_before_it_is_cut_off(path: Path) -> None:
    steps: list[str] = []

    class Noting(Files):
        def sync(self, fd: int) -> None:
            steps.append("sync")
            super().sync(fd)

        def sync_folder(self, folder: Path) -> None:
            steps.append("sync its name")
            super().sync_folder(folder)

        def cut(self, fd: int, size: int) -> None:
            steps.append("cut")
            super().cut(fd, size)

    path.write_bytes(WHOLE[:-1])

    opened(path, Noting())

    assert steps[:3] == ["sync", "sync its name", "cut"]


@pytest.mark.parametrize(("boot", "reboot"), [("another", True), (boot_id(), False), ("", False)])
def test_notices_that_the_machine_was_started_again(path: Path, boot: str, reboot: bool) -> None:
    written(path, *SESSION)

    open_recording(Files(), path, Holder(pid=1, since="", boot=boot)).file.close()

    assert records(path)[-1] == PrevSessionRecord(last_seq=6, last_at=at(5), end="clean", reboot=reboot)


def test_hands_over_the_orders_in_the_order_of_their_lines(path: Path) -> None:
    reported = [order("1", filled="1"), order("2"), order("1", filled="2")]
    written(path, start(), *reported)

    assert [(o.order_id, o.filled_qty) for o in opened(path).continuation.orders] == [
        ("1", "1"),
        ("2", "0"),
        ("1", "2"),
    ]


def test_hands_over_the_last_eight_states_of_an_order(path: Path) -> None:
    written(path, start(), *(order("1", filled=str(n)) for n in range(10)))

    assert [o.filled_qty for o in opened(path).continuation.orders] == [str(n) for n in range(2, 10)]


def test_late_states_take_no_place_among_the_last_eight(path: Path) -> None:
    written(path, start(), order("1", filled="5"), *(order("1", filled=str(n), flags=("late",)) for n in range(10)))

    assert [o.filled_qty for o in opened(path).continuation.orders] == ["5"]


def test_orders_can_be_read_after_the_new_session_wrote(path: Path) -> None:
    written(path, *SESSION)

    orders = opened(path).continuation.orders

    assert [o.order_id for o in orders] == ["1", "2"] == [o.order_id for o in orders]


def test_final_orders_beyond_the_limit_leave_oldest_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.history.FINAL_KEPT", 2)
    written(path, order("open"), *(order(str(n), status=OrderStatus.FILLED) for n in range(5)))

    assert [o.order_id for o in opened(path).continuation.orders] == ["open", "3", "4"]


def test_reopened_order_is_open_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.history.FINAL_KEPT", 1)
    written(
        path, order("1", status=OrderStatus.FILLED), order("1"), *(order(n, status=OrderStatus.FILLED) for n in "23")
    )

    assert [o.order_id for o in opened(path).continuation.orders] == ["1", "1", "3"]


def test_covered_until_the_last_proof_of_life_before_a_clean_end(path: Path) -> None:
    written(path, *SESSION)

    assert opened(path).continuation.covered_until_ns == {"alpha": at_ns(4)}


def test_covered_until_the_last_proof_of_life_after_an_unclean_end(path: Path) -> None:
    written(path, start(), link("live", 1), alive(10, last_rx=8.5), link("stale", 9))

    assert opened(path).continuation.covered_until_ns == {"alpha": at_ns(8.5)}


def test_push_after_the_last_alive_is_proof_of_life(path: Path) -> None:
    written(path, start(), link("live", 1), alive(10, last_rx=8.5), order("1", second=11.25), order("1", second=12))

    assert opened(path).continuation.covered_until_ns == {"alpha": at_ns(11.25)}


def test_venue_that_never_was_live_is_not_covered(path: Path) -> None:
    written(path, start(), link("connecting", 1), end(9))

    assert opened(path).continuation.covered_until_ns == {}


def test_open_gap_goes_over_to_the_next_session(path: Path) -> None:
    written(path, start(), link("live", 1), gap_opened(3, gap="alpha-4"), alive(10, state="down"), end(12))

    recording = opened(path)

    assert recording.continuation.open_gaps == {"alpha": gap_opened(3, gap="alpha-4")}
    assert recording.continuation.covered_until_ns == {"alpha": at_ns(3)}


def test_it_is_known_of_which_venues_the_clock_went_back_since_they_were_covered(path: Path) -> None:
    two = ["alpha", "beta"]
    written(
        path,
        start(0, *two),
        *(link("live", 1, venue=venue) for venue in two),
        gap_opened(3),
        ClockRecord(jump_ms=-4_000.0, suspended_ms=0.0, at=at(5)),
        replace(gap_opened(9, gap="beta-1"), venue="beta"),
        end(12),
    )

    assert opened(path).continuation.clock_went_back == {"alpha"}


def test_the_clock_went_back_where_a_session_starts_before_the_end_of_the_one_before(path: Path) -> None:
    written(path, start(100), link("live", 101), gap_opened(103), end(112), start(50), end(60))

    assert opened(path).continuation.clock_went_back == {"alpha"}


def test_a_clock_that_was_set_forward_did_not_go_back(path: Path) -> None:
    written(
        path,
        start(),
        link("live", 1),
        gap_opened(3),
        ClockRecord(jump_ms=4_990_000.0, suspended_ms=0.0, at=at(5000)),
        end(5012),
    )

    assert opened(path).continuation.clock_went_back == frozenset()


def test_gaps_are_numbered_on(path: Path) -> None:
    written(path, start(), link("live", 1), gap_opened(3, gap="alpha-4"), gap_closed(3, 5, gap="alpha-4"), end(12))

    recording = opened(path)

    assert (recording.continuation.next_gap("alpha"), recording.continuation.next_gap("beta")) == (5, 1)


def test_gap_numbers_leave_room_where_the_older_files_are_missing(path: Path) -> None:
    written(
        path, start(), link("live", 1), gap_opened(3, gap="alpha-4"), gap_closed(3, 5, gap="alpha-4"), first_seq=900
    )

    assert opened(path).continuation.next_gap("alpha") > 900


def test_gap_numbers_leave_room_where_lines_were_cut_off(path: Path) -> None:
    cut_off = RepairRecord(bytes=9, sha256="", saved_as="rec.torn", after_seq=1)
    written(path, start(), cut_off, link("live", 1), gap_opened(3), gap_closed(3, 5))

    assert opened(path).continuation.next_gap("alpha") > 5


def test_how_far_it_was_published_is_known_after_a_session_that_did_not_publish(path: Path) -> None:
    published = replace(alive(10), published_seq=2)
    written(path, start(), published, end(11), start(20), alive(30), end(31))

    assert opened(path).continuation.published_seq == 2


def test_partial_write_is_saved_and_cut_off(tmp_path: Path) -> None:
    for cut in range(LAST_THREE + 1, len(WHOLE)):
        path = tmp_path / str(cut) / "rec"
        path.parent.mkdir()
        path.write_bytes(WHOLE[:cut])
        kept = WHOLE[: WHOLE.rfind(b"\n", 0, cut) + 1]

        with case("cut", cut):
            opened(path)

            assert path.read_bytes().startswith(kept)
            assert kept + b"".join(saved.read_bytes() for saved in quarantined(path.parent)) == WHOLE[:cut]


def test_partial_first_line_is_cut_off_too(tmp_path: Path) -> None:
    for cut in range(1, len(lines(SESSION)[0])):
        path = tmp_path / str(cut) / "rec"
        path.parent.mkdir()
        path.write_bytes(WHOLE[:cut])

        with case("cut", cut):
            opened(path)

            assert [saved.read_bytes() for saved in quarantined(path.parent)] == [WHOLE[:cut]]


def test_repair_is_the_first_new_record(path: Path) -> None:
    path.write_bytes(WHOLE[:-1])
    tail = lines(SESSION)[-1][:-1]

    opened(path)

    saved = quarantined(path.parent)[0].name
    assert records(path)[5:] == [
        RepairRecord(bytes=len(tail), sha256=sha256(tail).hexdigest(), saved_as=saved, after_seq=5),
        PrevSessionRecord(last_seq=5, last_at=at(4), end="unclean", reboot=False),
    ]


def test_saved_tail_is_for_its_owner_only(path: Path) -> None:
    path.write_bytes(WHOLE[:-1])

    opened(path)

    assert stat.S_IMODE(quarantined(path.parent)[0].stat().st_mode) == 0o600


@pytest.mark.parametrize("tail", [bytes(5000), b"\xe4", b'{"type":"order","seq":7,"venue":"\xe4\xb8'])
def test_zeros_and_half_letters_are_a_partial_write(path: Path, tail: bytes) -> None:
    path.write_bytes(WHOLE + tail)

    opened(path)

    assert [saved.read_bytes() for saved in quarantined(path.parent)] == [tail]


def test_whole_lines_behind_damage_that_is_not_durable_are_saved_with_it(path: Path) -> None:
    content = b"".join([*lines([start(), order()]), bytes(600), b"\n", *lines([order("2")], 4)])
    path.write_bytes(content)

    opened(path)

    assert content.endswith(quarantined(path.parent)[0].read_bytes())
    assert [type(r).__name__ for r in records(path)] == [
        "SessionRecord",
        "OrderRecord",
        "RepairRecord",
        "PrevSessionRecord",
    ]


def test_file_of_zeros_is_what_a_power_loss_leaves(path: Path) -> None:
    path.write_bytes(bytes(8192))

    assert opened(path).continuation.last_seq == 1


def test_repaired_recording_needs_no_repair(path: Path) -> None:
    path.write_bytes(WHOLE[:-1])
    opened(path)

    opened(path)

    assert len(quarantined(path.parent)) == 1


def refused(path: Path, content: bytes, match: str) -> None:
    """The recording is refused with a message like this, and no file is changed."""
    path.write_bytes(content)
    before = sorted(path.parent.iterdir())

    with pytest.raises(RecordingError, match=match):
        opened(path)

    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (content, before)


DURABLE = b"".join(lines([start(), *(order(str(n)) for n in range(8)), alive(10, synced_seq=8), order("9")]))
DURABLE_BYTES = len(b"".join(lines([start(), *(order(str(n)) for n in range(7))])))


def test_flipped_bit_in_durable_data_is_refused(path: Path) -> None:
    for place in range(0, DURABLE_BYTES, 7):
        content = bytearray(DURABLE)
        content[place] ^= 1 << place % 8

        with case("byte", place):
            refused(path, bytes(content), "line|not a recording")


def test_damage_is_named_by_line_and_byte(path: Path) -> None:
    at_byte = len(b"".join(lines([start(), order("0")])))

    refused(path, DURABLE.replace(b'"order_id":"1"', b'"order_id":"x"'), rf"line 3 \(byte {at_byte}\): checksum")


def test_damage_before_a_clean_end_is_refused(path: Path) -> None:
    refused(path, WHOLE.replace(b'"order_id":"1"', b'"order_id":"x"'), "line 3")


def test_damage_in_an_earlier_session_is_refused(path: Path) -> None:
    session = (start(), link("live", 1), order("1"))
    prev = PrevSessionRecord(last_seq=3, last_at=at(2), end="unclean", reboot=False)
    content = b"".join(lines([*session, prev, start(9)]))

    refused(path, content.replace(b'"order_id":"1"', b'"order_id":"x"'), "line 3")


def test_missing_durable_line_is_refused(path: Path) -> None:
    refused(path, b"".join(lines(SESSION)[:2] + lines(SESSION)[3:]), "seq 4 instead of 3")


@pytest.mark.parametrize(
    "content",
    [
        b"name,qty\nfoo,1\n",
        b"\x7fELF\x02\x01",
        b"\0\0\0\x18ftypmp42",
        b'{"type":"order","seq":1,"venue":"alpha"}\n',
        b'{"hello":1}',
        bytes(4096) + b"not ours",
    ],
    ids=["table", "program", "film", "stdout", "json", "image"],
)
def test_foreign_file_is_refused(path: Path, content: bytes) -> None:
    refused(path, content, "not a recording")


def test_newer_schema_is_refused(path: Path) -> None:
    refused(path, b"".join(lines([start(schema="ordwatch/2"), order()])), "written as ordwatch/2")


def test_older_file_that_reaches_into_the_last_one_is_refused(path: Path) -> None:
    written(path.with_name("rec.1-3"), start(), order("1"), RotateRecord(next="rec", last_seq=3))

    refused(path, b"".join(lines(SESSION)), "has later lines")


def test_damage_in_an_older_file_is_refused(path: Path) -> None:
    older = written(path.with_name("rec.1-3"), start(), order("1"), RotateRecord(next="rec", last_seq=3))
    older.write_bytes(older.read_bytes().replace(b'"order_id":"1"', b'"order_id":"x"'))

    refused(
        path,
        b"".join(lines([RotatedFromRecord(prev="rec.1-3", prev_last_seq=3)], 4)),
        "rec.1-3: damage in synced data: line 2",
    )


def test_older_file_that_was_cut_is_refused(path: Path) -> None:
    written(path.with_name("rec.1-3"), start(), order("1"))

    refused(path, b"".join(lines([RotatedFromRecord(prev="rec.1-3", prev_last_seq=3)], 4)), "ends with seq 2")


def test_older_files_beyond_a_hole_are_not_read(path: Path) -> None:
    written(path.with_name("rec.1-3"), start(), order("1"), RotateRecord(next="rec", last_seq=3))
    written(path, start(), order("2"), first_seq=9)

    assert [each.order_id for each in opened(path).continuation.orders] == ["2"]


def test_hostile_time_is_refused(path: Path) -> None:
    hostile = encode(end(5)).replace(at(5).encode(), b"yesterday")

    refused(path, with_crc(encode(start()), 1) + with_crc(hostile, 2), "not a recording")


def test_file_that_another_recorder_has_made_meanwhile_is_busy(path: Path) -> None:
    other = Files().open(path)
    assert try_lock(other)

    with pytest.raises(RecordingBusy, match="another ordwatch is recording there"):
        opened(path)
    Files().close(other)

    assert path.read_bytes() == b""


def test_what_cannot_be_read_is_refused(path: Path) -> None:
    path.mkdir()

    with pytest.raises(OutputRefused, match=r"cannot be read \(Is a directory\)"):
        opened(path)


def test_a_new_recording_has_a_durable_name_before_its_first_line(path: Path) -> None:
    synced: list[bytes] = []

    class Noting(Files):
        def sync_folder(self, folder: Path) -> None:
            synced.append(path.read_bytes())
            super().sync_folder(folder)

    opened(path, Noting())

    assert synced == [b""]


def test_disk_that_refuses_at_the_start_is_an_output_error(path: Path) -> None:
    written(path, *SESSION)

    with pytest.raises(OutputError, match="cannot be written"):
        opened(path, FailingFiles("write", 1))

    assert path.read_bytes() == WHOLE


def test_reopened_order_is_handed_over_once(path: Path) -> None:
    written(path, start(), order("1", status=OrderStatus.FILLED), order("1"), order("2"))

    assert [o.order_id for o in opened(path).continuation.orders] == ["1", "1", "2"]
