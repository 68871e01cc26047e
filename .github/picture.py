"""Draws .github/table.svg, the picture in the README: `python .github/picture.py`. The orders are the simulators'."""

import asyncio
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from ordwatch.cli.simulators import simulated
from ordwatch.core.records import AnyRecord, GapRecord
from ordwatch.engine.run import Limits, Run
from ordwatch.engine.supervisor import Pace
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.screen import svg
from ordwatch.outputs.table import Table
from ordwatch.venues import REGISTRY

WIDTH, HEIGHT = 132, 26


class Drawn(Table):
    """The table, drawn to a picture at the end instead of to a terminal."""

    def start(self) -> None:
        """Nothing to draw on."""

    async def watch(self) -> None:
        """Never fails."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing to leave."""


async def main() -> None:
    """Watch the simulators for a while, cut one off, and draw what the table shows then."""
    async with simulated(list(REGISTRY), seed=7, speed=0.6) as hosts:
        runs: list[Run] = []
        table = Drawn(Filter(), UTC, lambda: runs[0].stats(), venues=REGISTRY)
        lost = asyncio.Event()

        class Noticing(Drawn):
            def write(self, records: Sequence[AnyRecord]) -> None:
                if any(isinstance(record, GapRecord) for record in records):
                    lost.set()

        noticing = Noticing(Filter(), UTC, None)
        runs.append(Run([each.setup() for each in hosts], [table, noticing], Limits(), pace=Pace(first_s=60, max_s=60)))
        running = asyncio.create_task(runs[0].run())
        await asyncio.sleep(14)
        hosts[-1].refuse()
        hosts[-1].drop()
        await lost.wait()
        await asyncio.sleep(4)
        lines = table.lines(WIDTH, HEIGHT)
        Path(__file__).with_name("table.svg").write_text(svg(lines, WIDTH, "ordwatch tail"))
        runs[0].stop("drawn")
        await running


asyncio.run(main())
