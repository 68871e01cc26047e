"""Records that nobody of ours wrote, with right checksums: every reader ends with an error of its own, or none."""

import json
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordwatch.core.errors import RecordingError
from ordwatch.core.records import (
    AnyRecord,
    ClockRecord,
    IoErrorRecord,
    PrevSessionRecord,
    RepairRecord,
    RotatedFromRecord,
    RotateRecord,
)
from ordwatch.recording.reading import read_records
from ordwatch.recording.salvage import salvage
from ordwatch.recording.verify import check
from tests.recording.samples import alive, at, end, gap_closed, gap_opened, link, opened, order, start

LIFE: tuple[AnyRecord, ...] = (
    start(),
    link("live", 1),
    order("1", second=2),
    alive(10, updates=1),
    gap_opened(11),
    gap_closed(11, 12),
    ClockRecord(jump_ms=-5.0, suspended_ms=1.0, at=at(13)),
    PrevSessionRecord(last_seq=7, last_at=at(10), end="unclean", reboot=False),
    start(14),
    RepairRecord(bytes=1, sha256="", saved_as="/etc/passwd", after_seq=3),
    RotatedFromRecord(prev="../rec", prev_last_seq=4),
    order("2", second=15),
    IoErrorRecord(op="write", errno=1, ms=1.0, waiting=1),
    end(16, counts={"updates": 1, "written": 1, "duplicates": 0}),
    RotateRecord(next="/etc/passwd", last_seq=15),
)
TIMES = ["", "9999-99-99T99:99:99.999999Z", "9999-12-31T23:59:59.999999Z", "0000-00-00T00:00:00.000000Z", at(0)]
JUNK = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from(TIMES)
HOSTILE = st.recursive(JUNK, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2))


def line(reported: dict[str, object], seq: int) -> bytes:
    """The record as a line whose checksum is right, whatever it holds."""
    fields = {"type": reported["type"], "seq": seq} | {key: value for key, value in reported.items() if key != "type"}
    body = json.dumps(fields, separators=(",", ":")).encode()[:-1]
    return body + b',"crc":"%08x"}\n' % crc32(body)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, len(LIFE) - 1), st.integers(0, 100), HOSTILE)
def test_readers_end_with_errors_of_their_own_only(tmp_path: Path, number: int, place: int, junk: object) -> None:
    reported = [msgspec.to_builtins(record) for record in LIFE]
    keys = list(reported[number])
    reported[number][keys[place % len(keys)]] = junk
    path = tmp_path / "rec"
    path.write_bytes(b"".join(line(record, seq) for seq, record in enumerate(reported, 1)))
    (tmp_path / "out").unlink(missing_ok=True)

    assert check([path]).text()
    with suppress(RecordingError):
        salvage([path], tmp_path / "out")
    with suppress(RecordingError):
        list(read_records([path]))
    with suppress(RecordingError):
        list(opened(path).continuation.orders)
