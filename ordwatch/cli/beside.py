"""What stdout shows beside a recording: when its reader leaves, the recording goes on."""

import asyncio
import contextlib
from collections.abc import Sequence

from ordwatch.cli.messages import log
from ordwatch.errors import ReaderGone
from ordwatch.records import AnyRecord
from ordwatch.sinks.contract import Sink


class Beside:
    """A sink whose reader may leave."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._left = False

    def start(self) -> None:
        """Start it.

        Raises:
            OutputError: The output cannot be made.
        """
        self._sink.start()

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Take records, as long as somebody reads them."""
        if not self._left:
            self._sink.write(records)

    @property
    def stalled(self) -> bool:
        """As it says, as long as somebody reads."""
        return not self._left and self._sink.stalled

    async def watch(self) -> None:
        """Last until it fails otherwise than by its reader's leaving.

        Raises:
            OutputError: It failed.
        """
        try:
            await self._sink.watch()
        except ReaderGone as gone:
            self._left = True
            log.warning("%s; the recording goes on", gone)
            await asyncio.Event().wait()

    async def drain(self) -> None:
        """Wait as it does, as long as somebody reads."""
        if not self._left:
            await self._sink.drain()

    async def close(self) -> None:
        """Let go of it.

        Raises:
            OutputError: It failed.
        """
        with contextlib.suppress(ReaderGone):
            await self._sink.close()
