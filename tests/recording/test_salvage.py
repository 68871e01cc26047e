from pathlib import Path

import pytest

from ordwatch.core.errors import InputMissing, OutputRefused, RecordingError
from ordwatch.core.records import AliveRecord, AnyRecord, OrderRecord, PrevSessionRecord, RepairRecord
from ordwatch.recording.files import Files
from ordwatch.recording.format import record as record_of
from ordwatch.recording.rotation import Rotation, older_files
from ordwatch.recording.salvage import salvage
from ordwatch.recording.verify import check
from tests.recording.samples import SESSION, alive, at, end, lines, link, opened, order, record, start, written

LIFE: tuple[AnyRecord, ...] = (
    start(),
    link("live", 1),
    *(order(str(n), second=2) for n in range(8)),
    alive(10, updates=8, synced_seq=9),
    PrevSessionRecord(last_seq=11, last_at=at(10), end="unclean", reboot=False),
    start(20),
    link("live", 21),
    *(order(str(n), second=22) for n in range(8)),
    end(30),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def damaged(path: Path) -> Path:
    """A recording of LIFE whose orders 3 to 5 of the first session cannot be read."""
    reported = lines(LIFE)
    reported[5:8] = [line.replace(b"alpha", b"alphA") for line in reported[5:8]]
    path.write_bytes(b"".join(reported))
    return path


def records(path: Path) -> list[AnyRecord]:
    return [record_of(line) for line in path.read_bytes().splitlines(keepends=True)]


def test_whole_lines_are_kept_in_a_new_file(path: Path, out: Path) -> None:
    counts = salvage([damaged(path)], out)

    kept = [each.order_id for each in records(out) if isinstance(each, OrderRecord)]
    assert (counts, kept) == ((20, 1), ["0", "1", "2", "6", "7", *map(str, range(8))])


def test_damaged_recording_is_not_touched(path: Path, out: Path) -> None:
    before = damaged(path).read_bytes()

    salvage([path], out)

    assert path.read_bytes() == before


def test_missing_stretch_is_marked(path: Path, out: Path) -> None:
    salvage([damaged(path)], out)

    lost = b"".join(lines(LIFE)[5:8])
    mark = records(out)[5]
    assert isinstance(mark, RepairRecord)
    assert (mark.bytes, mark.saved_as, mark.after_seq) == (len(lost), "rec", 5)


def test_salvaged_recording_is_whole_but_not_covered(path: Path, out: Path) -> None:
    salvage([damaged(path)], out)

    verdict = check([out])
    assert (verdict.damage, verdict.broken_invariants, verdict.exit_code) == ([], [], 3)
    assert [(lost.from_, lost.to) for lost in verdict.venues["alpha"].uncertain] == [(at(1), at(10)), (at(10), at(21))]


def test_salvaged_recording_can_be_continued(path: Path, out: Path) -> None:
    salvage([damaged(path)], out)

    assert opened(out).continuation.clean


def test_what_is_said_of_seqs_is_true_of_the_new_file(path: Path, out: Path) -> None:
    salvage([damaged(path)], out)

    reported = list(enumerate(records(out), 1))
    assert [(seq, r.synced_seq) for seq, r in reported if isinstance(r, AliveRecord)] == [(9, 8)]
    assert [(seq, r.last_seq) for seq, r in reported if isinstance(r, PrevSessionRecord)] == [(10, 9)]


def test_partial_write_is_marked_at_the_end(path: Path, out: Path) -> None:
    path.write_bytes(b"".join(lines(SESSION))[:-1])

    salvage([path], out)

    assert [type(each).__name__ for each in records(out)][-2:] == ["AliveRecord", "RepairRecord"]


def test_files_become_one(path: Path, out: Path) -> None:
    record(path, *SESSION, rotation=Rotation(max_bytes=800), group_records=1)

    counts = salvage([path, *(older.path for older in older_files(path))], out)

    assert (counts.lines, counts.unreadable) == (len(SESSION), 0)
    assert check([out]).exit_code == 0


def test_lines_that_two_files_hold_are_kept_once(path: Path, out: Path) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(written(path, *SESSION).read_bytes())

    assert salvage([path, copy], out).lines == len(SESSION)


def test_existing_file_is_not_replaced(path: Path, out: Path) -> None:
    out.write_text("precious")

    with pytest.raises(OutputRefused, match="name a new file"):
        salvage([damaged(path)], out)

    assert out.read_text() == "precious"


def test_file_without_a_whole_line_has_nothing_to_salvage(path: Path, out: Path) -> None:
    path.write_bytes(b"not a recording\n")

    with pytest.raises(RecordingError, match="no intact line"):
        salvage([path], out)

    assert not out.exists()


def test_missing_input_is_named(path: Path, out: Path) -> None:
    with pytest.raises(InputMissing):
        salvage([path], out)


def test_new_file_is_durable_with_its_name(path: Path, out: Path) -> None:
    durable: list[int] = []

    class Noting(Files):
        def sync(self, fd: int) -> None:
            super().sync(fd)
            durable.append(out.stat().st_size)

        def sync_folder(self, folder: Path) -> None:
            super().sync_folder(folder)
            durable.append(-1)

    salvage([damaged(path)], out, Noting())

    assert durable == [out.stat().st_size, -1]
