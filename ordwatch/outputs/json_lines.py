"""JSON lines: the records as they are, numbered from 1."""

from ordwatch.core.records import AnyRecord, OutputRecord, encode, numbered
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.line_output import LineSink


class JsonLines(LineSink):
    """Writes each record as one JSON object on a line of its own."""

    def __init__(self, fd: int, keep: Filter) -> None:
        super().__init__(fd, keep, _shared_line)


def _shared_line(record: OutputRecord, seq: int) -> bytes:
    return numbered(record.json, seq)


def json_line(record: AnyRecord, seq: int) -> bytes:
    """The record with its place in the stream, without a line end."""
    return numbered(encode(record), seq)
