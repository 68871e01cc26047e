"""What a power loss at any moment may leave, of bytes and of names, is repaired, and no durable line is lost by it."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from ordwatch.core.errors import RecordingError
from ordwatch.core.records import AnyRecord, OrderRecord
from ordwatch.recording.format import record as record_of
from ordwatch.recording.reading import Line, read_lines
from ordwatch.recording.rotation import Rotation, older_files
from ordwatch.recording.verify import check
from ordwatch.recording.writer import SyncPolicy
from tests.recording.faults import DyingFiles, JournalFiles, Killed, NamesFiles, after_power_loss
from tests.recording.told import alive, end, found, link, lost, opened, order, record, start

LIFE: tuple[AnyRecord, ...] = (
    start(),
    link("live", 1),
    *(order(str(n), second=2) for n in range(9)),
    alive(10),
    *(order(str(n), second=11, filled="1") for n in range(9)),
    lost(12),
    *(order(str(n), second=13, filled="2") for n in range(9)),
    found(12, 14),
    alive(20),
    *(order(str(n), second=21, filled="3") for n in range(9)),
    end(22),
)
POINTS = 500
NAMES_POINTS = 25
SMALL = Rotation(max_bytes=3000)
STEPS_TO_THE_NEW_NAME = 13


@pytest.fixture(params=["always", "1s", "never"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> JournalFiles:
    """What the disk went through in two sessions under each policy."""
    files = JournalFiles()
    policy: SyncPolicy = request.param
    record(tmp_path / "first", *LIFE, files=files, policy=policy, group_records=3)
    record(tmp_path / "first", *LIFE, files=files, policy=policy, group_records=5)
    return files


def test_power_loss_loses_no_durable_line_and_is_never_refused(journal: JournalFiles, tmp_path: Path) -> None:
    random = Random(1)
    path = tmp_path / "rec"

    for _ in range(POINTS):
        content, durable = random.choice(journal.moments)
        left = after_power_loss(content, durable, random)
        path.write_bytes(left)

        opened(path)

        whole = content[: content.rfind(b"\n", 0, durable) + 1]
        assert path.read_bytes().startswith(whole)


def test_bit_flipped_in_what_is_known_to_be_durable_is_refused(journal: JournalFiles, tmp_path: Path) -> None:
    random = Random(2)
    path = tmp_path / "rec"
    content, _ = journal.moments[-1]
    # The last line is an end: it proves that all before it is durable.
    proven = content.rfind(b"\n", 0, len(content) - 1) + 1

    for _ in range(POINTS):
        flipped = bytearray(content)
        flipped[random.randrange(proven)] ^= 1 << random.randrange(8)
        path.write_bytes(flipped)

        with pytest.raises(RecordingError):
            opened(path)

        assert path.read_bytes() == flipped


def nothing(_: Path) -> None:
    """A recording begins."""


def former_session(path: Path) -> None:
    record(path, start(), order("former"), end(1))


def partial_write(path: Path) -> None:
    former_session(path)
    path.write_bytes(path.read_bytes() + b'{"type":"order","seq":5,"ven')


def half_a_rotation(path: Path) -> None:
    """Killed before the new file got its name."""
    records: tuple[AnyRecord, ...] = (start(), *(order(f"former {n}") for n in range(9)))
    with pytest.raises(Killed):
        record(path, *records, rotation=SMALL, group_records=5, files=DyingFiles(STEPS_TO_THE_NEW_NAME))
    assert not path.exists()


def orders_in(content: Path) -> set[str]:
    """In whole and undamaged lines."""
    with content.open("rb") as file:
        records = [record_of(item.raw) for item in read_lines(file) if isinstance(item, Line)]
    return {each.order_id for each in records if isinstance(each, OrderRecord)}


def seqs_in(path: Path) -> list[int]:
    with path.open("rb") as file:
        return [item.mark.seq for item in read_lines(file) if isinstance(item, Line)]


@pytest.mark.parametrize("policy", ["always", "1s", "never"])
@pytest.mark.parametrize("before", [nothing, former_session, partial_write, half_a_rotation], ids=lambda b: b.__name__)
def test_power_loss_among_names_and_bytes_loses_no_durable_order(
    before: Callable[[Path], None], policy: SyncPolicy, tmp_path: Path
) -> None:
    random = Random(3)
    live = tmp_path / "live"
    live.mkdir()
    before(live / "rec")
    journal = NamesFiles(live)
    life: tuple[AnyRecord, ...] = (start(), *(order(str(n)) for n in range(20)), end(1))
    record(live / "rec", *life, files=journal, policy=policy, rotation=SMALL, group_records=4)

    for number, disk in enumerate(random.choices(journal.moments, k=NAMES_POINTS)):
        folder = tmp_path / str(number)
        folder.mkdir()
        proven = tmp_path / "proven"
        proven.write_bytes(b"".join(disk.contents.get(file, b"") for file in disk.names.values()))
        for name, content in disk.after_loss(random).items():
            (folder / name).write_bytes(content)

        record(folder / "rec", start(), order("after"), end(2))

        files = [*(older.path for older in older_files(folder / "rec")), folder / "rec"]
        joined = [seq for file in files for seq in seqs_in(file)]
        assert joined == list(range(1, len(joined) + 1))
        assert orders_in(proven) | {"after"} <= set().union(*map(orders_in, files))
        assert check(files).exit_code != RecordingError.exit_code
