"""Recordings of versions that did not write `kinds` and `simulated` in session records yet."""

import json
from pathlib import Path

import pytest

from ordwatch.core.records import OrderRecord, SessionRecord, encode
from ordwatch.recording.format import with_crc
from ordwatch.recording.replay import recorded
from ordwatch.recording.verify import check
from tests.recording.told import SESSION, end, order, record, start


def without_kinds(line: bytes) -> bytes:
    keys = json.loads(line)
    keys.pop("kinds", None)
    keys.pop("simulated", None)
    return json.dumps(keys, separators=(",", ":")).encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    recording = tmp_path / "rec"
    lines = [with_crc(without_kinds(encode(each)), seq) for seq, each in enumerate(SESSION, 1)]
    recording.write_bytes(b"".join(lines))
    return recording


def test_older_recording_is_verified(path: Path) -> None:
    verdict = check([path])

    assert (verdict.exit_code, verdict.damage, verdict.lines) == (0, [], len(SESSION))


def test_older_recording_is_replayed(path: Path) -> None:
    first, *rest = [item.record for item in recorded([path])]

    assert isinstance(first, SessionRecord)
    assert (first.kinds, first.simulated) == (None, None)
    assert [encode(each) for each in rest[:-1]] == [encode(each) for each in SESSION[1:-1]]


def test_older_recording_is_continued(path: Path) -> None:
    record(path, start(10), order("3", second=11), end(12))

    verdict = check([path])
    orders = [item.record.order_id for item in recorded([path]) if isinstance(item.record, OrderRecord)]
    assert (verdict.damage, orders) == ([], ["1", "2", "3"])
