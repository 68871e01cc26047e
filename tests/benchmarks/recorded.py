"""A long recording, as a year with few orders would leave it: order lines, and an `alive` every ten seconds."""

from collections.abc import Iterator
from pathlib import Path

from ordwatch.core.records import AnyRecord, encode
from ordwatch.recording.format import with_crc
from tests.recording.samples import alive, end, link, order, start

ORDERS = 10_000
ALIVE_EVERY = 100
"""Lines between two `alive` records."""


def make_recording(path: Path, count: int) -> None:
    """Write a recording of so many lines; all of it is covered."""
    with path.open("wb") as file:
        for seq, record in enumerate(_records(count), 1):
            file.write(with_crc(encode(record), seq))
    path.chmod(0o600)


def _records(count: int) -> Iterator[AnyRecord]:
    yield start()
    yield link("live", 0)
    second, reported = 0.0, 0
    for number in range(count - 3):
        second += 10 / ALIVE_EVERY
        if number % ALIVE_EVERY == ALIVE_EVERY - 1:
            yield alive(second, updates=reported, synced_seq=number)
        else:
            reported += 1
            yield order(str(reported % ORDERS), second=second, filled=str(reported // ORDERS))
    yield end(second)
