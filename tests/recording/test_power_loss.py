"""What a power loss at any moment may leave is repaired, and no durable line is lost by it."""

from pathlib import Path
from random import Random

import pytest

from ordwatch.core.errors import RecordingError
from ordwatch.core.records import AnyRecord
from ordwatch.recording.writer import SyncPolicy
from tests.recording.faults import JournalFiles, after_power_loss
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
