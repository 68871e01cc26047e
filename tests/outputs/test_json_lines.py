import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

from ordwatch.core.records import GapRecord, OrderRecord, for_outputs
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.json_lines import JsonLines, json_line


def test_a_line_is_the_record_with_its_seq_behind_the_type(order: Callable[..., OrderRecord]) -> None:
    line = json_line(order(order_id="70012603317248"), 7)

    assert line.startswith(b'{"type":"order","seq":7,"venue":"alpha",')
    assert json.loads(line)["order_id"] == "70012603317248"


def test_the_stream_counts_from_one(
    tmp_path: Path, order: Callable[..., OrderRecord], gap: Callable[..., GapRecord]
) -> None:
    async def scenario(fd: int) -> None:
        sink = JsonLines(fd, Filter())
        sink.start()
        sink.write(for_outputs([order(), gap()]))
        await sink.close()

    fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    asyncio.run(scenario(fd))
    os.close(fd)

    reported = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [(line["type"], line["seq"]) for line in reported] == [("order", 1), ("gap", 2)]
