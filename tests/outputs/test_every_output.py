import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ordwatch.core.errors import OutputRefused
from ordwatch.core.records import OrderRecord, for_outputs
from ordwatch.engine.output import Sink
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.json_lines import JsonLines
from ordwatch.outputs.table import Table
from ordwatch.outputs.text import TextLines

NO_FD = 1_000_000
SINKS: Sequence[Callable[[int], Sink]] = [
    lambda fd: JsonLines(fd, Filter()),
    lambda fd: TextLines(fd, Filter(), None, False),
    lambda fd: Table(Filter(), None, None, fd=fd),
]
every_sink = pytest.mark.parametrize("make", SINKS, ids=["json lines", "text", "table"])


async def shown(sink: Sink, *records: OrderRecord) -> None:
    sink.start()
    sink.write(for_outputs(records))
    await sink.close()


@every_sink
def test_what_was_written_before_the_end_is_out_after_it(
    make: Callable[[int], Sink], tmp_path: Path, order: Callable[..., OrderRecord]
) -> None:
    fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)

    asyncio.run(shown(make(fd), order(symbol="LAST")))
    os.close(fd)

    assert (tmp_path / "out").read_bytes().count(b"LAST") == 1


@every_sink
def test_a_closed_descriptor_is_refused(make: Callable[[int], Sink]) -> None:
    with pytest.raises(OutputRefused):
        asyncio.run(shown(make(NO_FD)))


@every_sink
def test_a_sink_that_was_never_started_can_be_closed(make: Callable[[int], Sink]) -> None:
    asyncio.run(make(NO_FD).close())
