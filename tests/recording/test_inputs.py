import gzip
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import ModuleType

import pytest

from ordwatch.core.errors import InputMissing, RecordingError
from ordwatch.core.records import AnyRecord
from ordwatch.recording.inputs import STDIN, Forward, Rest, open_input, stored_bytes
from ordwatch.recording.reading import in_order, read_records
from ordwatch.recording.rotation import Rotation, older_files
from ordwatch.recording.salvage import salvage
from ordwatch.recording.verify import check
from tests.recording.samples import SESSION, end, lines, link, opened, order, record, start, written

CONTENT = b"".join(lines(SESSION))


def compress(path: Path) -> Path:
    """As gzip does it: another file, and the plain one is removed."""
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """A recording of several files, the older ones compressed."""
    path = tmp_path / "rec"
    for second in (0, 100):
        orders = [order(str(n), second=second + n) for n in range(20)]
        life: list[AnyRecord] = [start(second), link("live", second), *orders, end(second + 50)]
        record(path, *life, rotation=Rotation(max_bytes=8000), group_records=1)
    for older in older_files(path):
        compress(older.path)
    return path


def test_compressed_file_is_read_as_what_it_held(tmp_path: Path) -> None:
    with open_input(compress(written(tmp_path / "rec", *SESSION))) as file:
        assert file.read() == CONTENT


def test_bytes_are_counted_as_they_are_stored(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain", *SESSION)
    packed = compress(written(tmp_path / "packed", *SESSION))
    counts: dict[Path, list[int]] = {plain: [], packed: []}

    for path, count in counts.items():
        with open_input(path, count.append) as file:
            assert list(file) == lines(SESSION)

    assert {path: sum(count) for path, count in counts.items()} == {
        plain: stored_bytes(plain),
        packed: stored_bytes(packed),
    }


def test_nothing_is_known_of_the_size_of_stdin_or_a_missing_file(tmp_path: Path) -> None:
    assert (stored_bytes(STDIN), stored_bytes(tmp_path / "nowhere")) == (0, 0)


def test_compressed_file_goes_forward_to_an_offset(tmp_path: Path) -> None:
    with open_input(compress(written(tmp_path / "rec", *SESSION))) as file:
        file.seek(len(lines(SESSION)[0]))

        assert file.readline() == lines(SESSION)[1]
        with pytest.raises(OSError, match="forward only"):
            file.seek(0)


@pytest.mark.parametrize(
    "damage",
    [lambda packed: packed[:-9], lambda packed: b"no gzip", lambda packed: packed[:30] + b"\xff" * 20 + packed[50:]],
    ids=["cut", "not compressed", "changed"],
)
def test_damaged_compressed_data_is_damage(damage: "type[bytes]", tmp_path: Path) -> None:
    path = compress(written(tmp_path / "rec", *SESSION, *[order(str(n)) for n in range(50)]))
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(RecordingError, match="compressed data is damaged"):
        check([path])
    with pytest.raises(RecordingError, match="compressed data is damaged"):
        list(read_records([path]))


class FakeZstd(ModuleType):
    """Stands for the module that reads .zst; what it reads is compressed otherwise."""

    ZstdFile = staticmethod(lambda stored: gzip.GzipFile(fileobj=stored))
    ZstdError = ValueError


def test_zstandard_is_read_where_a_module_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "backports", ModuleType("backports"))
    monkeypatch.setitem(sys.modules, "backports.zstd", FakeZstd("backports.zstd"))
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    path = tmp_path / "rec.zst"
    path.write_bytes(gzip.compress(CONTENT))

    with open_input(path) as file:
        assert file.read() == CONTENT


def test_without_such_a_module_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    path = tmp_path / "rec.zst"
    path.write_bytes(b"")

    with pytest.raises(InputMissing, match=r"zstd -dc rec\.zst"):
        check([path])


# Stdin


def pipe(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stdin hold this."""
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(content)))


def test_verify_reads_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(CONTENT, monkeypatch)

    verdict = check([STDIN])

    assert (verdict.exit_code, verdict.lines, verdict.first_seq) == (0, len(SESSION), 1)


def test_stdin_takes_its_place_among_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = written(tmp_path / "a", *SESSION[:2]), written(tmp_path / "c", *SESSION[4:], first_seq=5)
    pipe(b"".join(lines(SESSION)[2:4]), monkeypatch)

    verdict = check([second, STDIN, first])

    assert (verdict.exit_code, verdict.lines) == (0, len(SESSION))


@pytest.mark.parametrize(
    ("content", "first_seq"),
    [(b"", None), (b"no recording\n" * 3, None), (b"\0" * 600 + CONTENT, 2)],
    ids=["empty", "no recording", "first line damaged"],
)
def test_first_seq_of_stdin_is_that_of_its_first_whole_line(
    content: bytes, first_seq: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe(content, monkeypatch)

    [found] = in_order([STDIN])

    assert found.first_seq == first_seq
    with found.open() as file:
        assert file.read() == content


def test_stream_that_was_begun_is_read_whole_in_any_pieces() -> None:
    stream = Forward(Rest(b"begun", BytesIO(b" and the rest")), 4)

    assert stream.read() == b"begun and the rest"


# Whole recordings


def test_recording_with_compressed_files_is_whole_for_every_reader(rotated: Path) -> None:
    files = [rotated, *(older.path for older in older_files(rotated))]
    assert sum(path.suffix == ".gz" for path in files) > 2

    verdict = check(files)

    assert (verdict.damage, verdict.first_seq, verdict.unclean_ends) == ([], 1, 0)
    assert len(list(read_records(files))) == verdict.lines


def test_next_session_continues_with_what_the_compressed_files_hold(rotated: Path, tmp_path: Path) -> None:
    found = opened(rotated).continuation

    assert len(list(found.orders)) == 40
    assert {each.order_id for each in found.orders} == {str(n) for n in range(20)}


def test_compressed_files_are_salvaged(rotated: Path, tmp_path: Path) -> None:
    salvage([rotated, *(older.path for older in older_files(rotated))], tmp_path / "out")

    assert check([tmp_path / "out"]).lines > 40


def test_file_that_is_being_compressed_is_read_once_and_plain(rotated: Path) -> None:
    older = older_files(rotated)[0]
    plain = older.path.with_suffix("")
    plain.write_bytes(gzip.decompress(older.path.read_bytes()))
    older.path.write_bytes(b"\x1f\x8b\x08")

    assert older_files(rotated)[0].path == plain
    assert opened(rotated).continuation.next_gap("alpha") == 1


def test_compressed_file_that_ends_too_early_for_its_name_is_damage(rotated: Path) -> None:
    older = older_files(rotated)[0]
    content = gzip.decompress(older.path.read_bytes())
    older.path.write_bytes(gzip.compress(content[: content[:-1].rindex(b"\n") + 1]))

    with pytest.raises(RecordingError, match="its name says"):
        opened(rotated)
    assert check([rotated, *(each.path for each in older_files(rotated))]).exit_code == 65
