import asyncio
import json
import os
from collections.abc import Coroutine, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ordwatch.core.errors import OutputError, OutputRefused, RecordingBusy, RecordingError
from ordwatch.core.records import AliveRecord, AnyRecord, OrderRecord, encode, for_outputs, numbered
from ordwatch.engine.output import Sink
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.json_lines import JsonLines
from ordwatch.recording.files import Files
from ordwatch.recording.format import MAX_LINE_BYTES, with_crc
from ordwatch.recording.history import Continuation
from ordwatch.recording.reading import read_records
from ordwatch.recording.rotation import older_files
from ordwatch.recording.sink import Recording
from ordwatch.recording.verify import check
from ordwatch.recording.writer import record_queue
from tests.recording.faults import FailingFiles
from tests.recording.samples import SESSION, alive, end, link, order, start, written
from tests.support.any_record import any_record

RUN: tuple[AnyRecord, ...] = (
    start(),
    link("live", 1),
    order("1", second=2),
    order("2", second=3),
    alive(4, updates=2),
    end(5),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rec"


def run(test: Coroutine[object, object, None]) -> None:
    asyncio.run(test, debug=True)


async def written_by(recording: Recording) -> Continuation:
    """Write a whole session."""
    continuation = recording.open()
    recording.start()
    recording.write(for_outputs(RUN[:3]))
    recording.write(for_outputs(RUN[3:]))
    await recording.close()
    return continuation


def test_what_was_recorded_is_covered(path: Path) -> None:
    asyncio.run(written_by(Recording(path)))

    assert check([path]).exit_code == 0


def test_records_come_back_in_order(path: Path) -> None:
    asyncio.run(written_by(Recording(path)))

    assert [type(each.record) for each in read_records([path])] == [type(each) for each in RUN]


def test_a_long_stream_is_recorded_whole(path: Path) -> None:
    async def scenario() -> None:
        recording = Recording(path)
        recording.start()
        recording.write(for_outputs([order("1", second=2, filled=str(n)) for n in range(3_500)]))
        await recording.close()

    run(scenario())

    reported = [item.record.filled_qty for item in read_records([path]) if isinstance(item.record, OrderRecord)]
    assert reported == [str(n) for n in range(3_500)]


def test_next_session_goes_on_from_the_first(path: Path) -> None:
    first = asyncio.run(written_by(Recording(path)))
    second = asyncio.run(written_by(Recording(path)))

    assert (first.last_seq, second.last_seq) == (0, 7)
    assert [each.order_id for each in second.orders] == ["1", "2"]


def test_start_opens_what_is_not_open(path: Path) -> None:
    async def scenario() -> None:
        recording = Recording(path)
        recording.start()
        recording.write(for_outputs(RUN))
        await recording.close()

    run(scenario())

    assert check([path]).lines == len(RUN)


def test_second_recorder_is_refused(path: Path) -> None:
    async def scenario() -> None:
        first = Recording(path)
        first.start()

        with pytest.raises(RecordingBusy, match="locked by pid"):
            Recording(path).open()
        await first.close()

    run(scenario())


def test_damaged_recording_is_not_held(path: Path) -> None:
    written(path, *SESSION)
    path.write_bytes(path.read_bytes().replace(b'"order_id":"1"', b'"order_id":"x"'))

    with pytest.raises(RecordingError):
        Recording(path).open()
    with pytest.raises(RecordingError):
        Recording(path).open()


def test_nothing_is_made_where_a_recording_cannot_stand(path: Path) -> None:
    path.symlink_to(path.with_name("victim"))

    with pytest.raises(OutputRefused):
        Recording(path).open()

    assert [file.name for file in path.parent.iterdir()] == ["rec"]


def test_opened_recording_that_was_never_started_can_be_closed(path: Path) -> None:
    async def scenario() -> None:
        for _ in range(2):
            recording = Recording(path)
            recording.open()
            await recording.close()

    run(scenario())

    assert path.read_bytes() == b""


def test_is_stalled_from_full_until_half_empty(path: Path) -> None:
    queue = record_queue(max_records=4, group_records=1)
    recording = Recording(path, queue=queue)
    stalled = []

    for _ in range(4):
        recording.write(for_outputs([order()]))
        stalled.append(recording.stalled)
    for _ in range(3):
        queue.take(0)
        stalled.append(recording.stalled)

    assert stalled == [False, False, False, True, True, True, False]


def test_failed_sync_ends_the_watch(path: Path) -> None:
    async def scenario() -> None:
        recording = Recording(path, files=FailingFiles("sync", 3))
        recording.start()
        recording.write(for_outputs(RUN))

        with pytest.raises(OutputError, match="cannot sync") as failed:
            await recording.watch()
        recording.write(for_outputs(RUN))
        await recording.close()

        assert failed.value.exit_code == 74

    run(scenario())


def test_close_says_what_nobody_watched(path: Path) -> None:
    async def scenario() -> None:
        recording = Recording(path, files=FailingFiles("sync", 3))
        recording.start()
        recording.write(for_outputs(RUN))

        with pytest.raises(OutputError, match="cannot sync"):
            await recording.close()

    run(scenario())


def test_watch_ends_with_the_recording(path: Path) -> None:
    async def scenario() -> None:
        recording = Recording(path)
        recording.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(recording.watch())
            await recording.close()

    run(scenario())


def test_close_does_not_wait_for_a_sync_that_hangs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.sink.CLOSE_S", 0.2)
    go_on = Event()

    class HangingFiles(Files):
        def sync(self, fd: int) -> None:
            if path.stat().st_size:
                go_on.wait(60)
            super().sync(fd)

    async def scenario() -> None:
        recording = Recording(path, files=HangingFiles())
        recording.start()
        recording.write(for_outputs([order()]))
        await recording.close()
        go_on.set()

    run(scenario())

    assert path.read_bytes().count(b"\n") == 1


def test_hangup_goes_on_in_a_new_file(path: Path) -> None:
    async def scenario() -> None:
        recording = Recording(path, queue=record_queue(group_records=1))
        recording.start()
        recording.write(for_outputs(RUN[:2]))
        recording.rotate_now()
        recording.write(for_outputs(RUN[2:]))
        await recording.close()

    run(scenario())

    files = [*(older.path for older in older_files(path)), path]
    assert len(files) == 2
    assert check(files).exit_code == 0


def test_hangup_before_the_start_goes_on_in_a_new_file(path: Path) -> None:
    written(path, *SESSION)

    async def scenario() -> None:
        recording = Recording(path)
        recording.open()
        recording.rotate_now()
        recording.start()
        recording.write(for_outputs(RUN))
        await recording.close()

    run(scenario())

    assert [older.path.name for older in older_files(path)] == ["rec.1-8"]


def test_hangup_of_an_empty_recording_leaves_no_file_behind(path: Path) -> None:
    async def scenario() -> None:
        recording = Recording(path)
        recording.rotate_now()
        recording.start()
        recording.write(for_outputs(RUN))
        await recording.close()

    run(scenario())

    assert older_files(path) == []


def move_away(path: Path) -> None:
    """As logrotate does with `create`."""
    path.rename(path.with_name("rec.1"))
    path.touch()


def test_hangup_after_the_file_was_moved_away_goes_on_under_its_name(path: Path) -> None:
    async def scenario() -> None:
        recording = Recording(path, queue=record_queue(group_records=1))
        recording.open()
        move_away(path)
        recording.start()
        recording.rotate_now()
        recording.write(for_outputs(RUN))
        await recording.close()

    run(scenario())

    assert check([path.with_name("rec.1"), path]).exit_code == 0
    assert [type(each.record).__name__ for each in read_records([path])][:2] == [
        "RotatedFromRecord",
        "SessionRecord",
    ]


def test_lines_are_synced_though_nothing_follows_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.SYNC_EVERY_S", 0.01)
    synced = Event()

    class TellingFiles(Files):
        def sync(self, fd: int) -> None:
            super().sync(fd)
            if path.stat().st_size:
                synced.set()

    async def scenario() -> None:
        recording = Recording(path, files=TellingFiles())
        recording.start()
        recording.write(for_outputs([order()]))
        assert await asyncio.to_thread(synced.wait, 20)
        await recording.close()

    run(scenario())


def test_that_the_disk_works_again_is_recorded_though_nothing_follows(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordwatch.recording.writer.RETRY_S", 0.0)
    monkeypatch.setattr("ordwatch.recording.writer.FINISH_RETRY_S", 0.0)

    async def scenario() -> None:
        recording = Recording(path, fsync="always", files=FailingFiles("write", 1))
        recording.start()
        recording.write(for_outputs([order()]))
        async with asyncio.timeout(20):
            while b"io_error" not in await asyncio.to_thread(path.read_bytes):  # noqa: ASYNC110 - a thread writes it
                await asyncio.sleep(0.01)
        await recording.close()

    run(scenario())


def test_close_says_how_many_records_were_not_written_in_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.sink.CLOSE_S", 0.2)
    go_on = Event()

    class HangingFiles(Files):
        def write(self, fd: int, data: memoryview) -> int:
            go_on.wait(60)
            return super().write(fd, data)

    async def scenario() -> None:
        recording = Recording(path, files=HangingFiles(), queue=record_queue(group_records=1))
        recording.start()
        recording.write(for_outputs([order("1"), order("2")]))
        with pytest.raises(OutputError, match="2 records were not written in time"):
            await recording.close()
        go_on.set()

    run(scenario())


def test_end_that_waits_for_a_sync_that_hangs_is_not_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordwatch.recording.sink.CLOSE_S", 0.2)
    go_on = Event()

    class HangingFiles(Files):
        def sync(self, fd: int) -> None:
            if path.stat().st_size:
                go_on.wait(60)
            super().sync(fd)

    async def scenario() -> None:
        recording = Recording(path, files=HangingFiles())
        recording.start()
        recording.write(for_outputs([order("1"), order("2"), end(5)]))
        with pytest.raises(OutputError, match="1 records were not written in time"):
            await recording.close()
        go_on.set()

    run(scenario())


def test_payload_beyond_a_line_is_left_out(path: Path) -> None:
    async def scenario() -> None:
        recording = Recording(path)
        recording.start()
        recording.write(for_outputs([order("1", raw=["x" * 4000] * (MAX_LINE_BYTES // 4000))]))
        await recording.close()

    run(scenario())

    assert [each.record.raw for each in read_records([path]) if isinstance(each.record, OrderRecord)] == [None]


async def shown_and_recorded(path: Path, records: Sequence[AnyRecord], keep: Filter) -> tuple[list[bytes], list[bytes]]:
    """The lines on stdout and in the recording, when both get the same records."""
    fd = os.open(path / "out", os.O_WRONLY | os.O_CREAT)
    outputs: Sequence[Sink] = [Recording(path / "rec"), JsonLines(fd, keep)]
    for output in outputs:
        output.start()
    shared = for_outputs(records)
    for output in outputs:
        output.write(shared)
    for output in outputs:
        await output.close()
    os.close(fd)
    return (path / "out").read_bytes().splitlines(keepends=True), (path / "rec").read_bytes().splitlines(keepends=True)


KEEPS = st.sampled_from([Filter(), Filter(records="all"), Filter(records="orders", open_only=True)])


@settings(max_examples=60)
@given(st.lists(any_record(), max_size=6), KEEPS)
def test_every_output_writes_what_it_would_write_alone(records: list[AnyRecord], keep: Filter) -> None:
    with TemporaryDirectory() as folder:
        shown, kept = asyncio.run(shown_and_recorded(Path(folder), records, keep))

    passed = [record for record in records if keep.passes(record)]
    assert shown == [numbered(encode(record), seq) + b"\n" for seq, record in enumerate(passed, 1)]
    own = [as_recorded(record, line) for record, line in zip(records, kept, strict=True)]
    assert kept == [with_crc(encode(record), seq) for seq, record in enumerate(own, 1)]


def as_recorded(record: AnyRecord, line: bytes) -> AnyRecord:
    """The record with what the recording alone knows: how far it is durable."""
    if isinstance(record, AliveRecord):
        return structs.replace(record, synced_seq=json.loads(line)["synced_seq"])
    return record


def test_a_payload_beyond_a_line_of_the_recording_is_whole_on_stdout(path: Path) -> None:
    huge = order("1", raw=["x" * 4000] * (MAX_LINE_BYTES // 4000))

    shown, kept = asyncio.run(shown_and_recorded(path.parent, [huge], Filter()))

    assert shown == [numbered(encode(huge), 1) + b"\n"]
    assert kept == [with_crc(encode(structs.replace(huge, raw=None)), 1)]
