from io import BytesIO

from ordwatch.recording.overlap import Copies
from ordwatch.recording.reading import Line, read_lines
from tests.recording.told import lines, order


def read(*order_ids: str, first_seq: int = 1) -> list[Line]:
    content = b"".join(lines([order(order_id) for order_id in order_ids], first_seq))
    return [item for item in read_lines(BytesIO(content)) if isinstance(item, Line)]


def kept(told: list[Line], from_seq: int | None) -> Copies:
    copies = Copies()
    copies.expect(from_seq)
    for line in told:
        copies.keep(line)
    return copies


def test_the_same_line_agrees() -> None:
    copies = kept(read("1", "2", "3"), 1)

    assert [copies.agree(line) for line in read("1", "2", "3")] == [True, True, True]


def test_another_line_of_the_same_seq_does_not() -> None:
    copies = kept(read("1", "2", "3"), 1)

    assert [copies.agree(line) for line in read("1", "9", "3")] == [True, False, True]


def test_nothing_is_kept_where_nothing_comes_again() -> None:
    copies = kept(read("1", "2"), None)

    assert [copies.agree(line) for line in read("8", "9")] == [True, True]


def test_lines_before_those_that_come_again_are_not_kept() -> None:
    copies = kept(read("1", "2", "3"), 3)

    assert [copies.agree(line) for line in read("7", "8", "9")] == [True, True, False]


def test_lines_that_were_missing_agree_with_any() -> None:
    copies = kept([*read("1"), *read("5", first_seq=5)], 1)

    assert [copies.agree(line) for line in read("1", "x", "x", "x", "y")] == [True, True, True, True, False]


def test_leap_over_many_lines_takes_no_memory() -> None:
    copies = kept([*read("1"), *read("2", first_seq=10**12)], 1)

    assert [copies.agree(line) for line in read("2", "3", first_seq=10**12)] == [True, True]
    assert not copies.agree(read("4", first_seq=10**12)[0])
