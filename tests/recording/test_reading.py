from io import BytesIO

from ordwatch.recording.reading import Damage, read_lines
from tests.recording.told import SESSION, lines

WHOLE = lines(SESSION)


def told(content: bytes, last_seq: int | None = None) -> list[int | str]:
    """Seqs of whole lines, and what is wrong with the others."""
    return [
        item.place if isinstance(item, Damage) else item.mark.seq for item in read_lines(BytesIO(content), last_seq)
    ]


def test_whole_lines_come_in_order() -> None:
    assert told(b"".join(WHOLE)) == [1, 2, 3, 4, 5, 6]


def test_file_may_begin_with_any_seq() -> None:
    assert told(b"".join(WHOLE[3:])) == [4, 5, 6]


def test_first_line_must_follow_where_that_is_known() -> None:
    assert told(WHOLE[3], last_seq=1) == ["line 1 (byte 0): seq 4 instead of 2", 4]


def test_damaged_line_is_named_and_the_next_one_read() -> None:
    damaged = WHOLE[1].replace(b"alpha", b"alphA")

    assert told(b"".join([WHOLE[0], damaged, *WHOLE[2:]])) == [
        1,
        f"line 2 (byte {len(WHOLE[0])}): checksum",
        *[3, 4, 5, 6],
    ]


def test_lost_line_end_takes_the_next_line_along() -> None:
    joined = WHOLE[1][:-1] + b" " + WHOLE[2]

    assert told(b"".join([WHOLE[0], joined, *WHOLE[3:]])) == [
        1,
        f"line 2 (byte {len(WHOLE[0])}): checksum",
        *[4, 5, 6],
    ]


def test_missing_line_is_named() -> None:
    assert told(WHOLE[0] + WHOLE[2]) == [1, f"line 2 (byte {len(WHOLE[0])}): seq 3 instead of 2", 3]


def test_repeated_line_is_named_and_passed_over() -> None:
    place = len(WHOLE[0]) + len(WHOLE[1])

    assert told(WHOLE[0] + WHOLE[1] + WHOLE[0] + WHOLE[2]) == [
        *[1, 2],
        f"line 3 (byte {place}): seq 1 instead of 3",
        3,
    ]


def test_torn_last_line_is_named() -> None:
    assert told(WHOLE[0] + WHOLE[1][:-1]) == [1, f"line 2 (byte {len(WHOLE[0])}): no line end"]


def test_zeros_are_damage() -> None:
    assert told(WHOLE[0] + bytes(5000)) == [1, f"line 2 (byte {len(WHOLE[0])}): no line end"]


def test_line_without_a_checksum_is_damage() -> None:
    assert told(b'{"type":"order","seq":1}\n') == ["line 1 (byte 0): no checksum"]
