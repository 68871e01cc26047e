from ordwatch.recording.queue import Queue
from tests.recording.samples import start


def test_gives_what_was_put_in_order() -> None:
    queue = Queue()
    queue.put([b"a", b"b"])
    queue.put([b"c"])

    assert queue.take(0) == [b"a", b"b", b"c"]


def test_group_ends_at_its_number_of_records() -> None:
    queue = Queue(group_records=2)
    queue.put([b"a", b"b", b"c"])

    assert [queue.take(0), queue.take(0)] == [[b"a", b"b"], [b"c"]]


def test_group_ends_at_its_number_of_bytes() -> None:
    queue = Queue()
    queue.put([b"x" * 40_000] * 3)

    assert [len(queue.take(0)), len(queue.take(0))] == [2, 1]


def test_is_full_by_records() -> None:
    queue = Queue(max_records=2)
    queue.put([b"a", b"b"])

    assert queue.fill == 1.0


def test_is_full_by_bytes() -> None:
    queue = Queue(max_bytes=2048)
    queue.put([start(), start()])

    assert queue.fill == 1.0


def test_is_empty_once_all_is_taken() -> None:
    queue = Queue()
    queue.put([b"a", start()])
    queue.take(0)

    assert (len(queue), queue.fill) == (0, 0.0)


def test_woken_take_returns_nothing() -> None:
    queue = Queue()
    queue.wake()

    assert queue.take(None) == []
