"""What stdout shows while a recording is made: whatever becomes of stdout, the recording goes on."""

import asyncio
from collections.abc import Callable, Sequence

from ordwatch.cli.messages import log
from ordwatch.core.errors import OutputError, ReaderGone, StdoutLost
from ordwatch.core.records import OutputRecord
from ordwatch.engine.output import Sink


class Beside:
    """A sink that may fail without ending the run; `on_failure` gets what the exit code is to say at its end."""

    def __init__(self, sink: Sink, on_failure: Callable[[StdoutLost], None]) -> None:
        self._sink = sink
        self._on_failure = on_failure
        self._failed = False

    def start(self) -> None:
        """Start it.

        Raises:
            OutputError: The output cannot be made.
        """
        self._sink.start()

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Take records, until it has failed."""
        if not self._failed:
            self._sink.write(records)

    @property
    def stalled(self) -> bool:
        """As it says, until it has failed."""
        return not self._failed and self._sink.stalled

    async def watch(self) -> None:
        """Last for ever: a failure is said once, and noted for the end."""
        try:
            await self._sink.watch()
        except (OutputError, ReaderGone) as failure:
            self._failed = True
            log.error("%s; the recording goes on", failure)
            self._on_failure(StdoutLost(str(failure)))
            await asyncio.Event().wait()

    async def drain(self) -> None:
        """Wait as it does, until it has failed."""
        if not self._failed:
            await self._sink.drain()

    async def close(self) -> None:
        """Let go of it.

        Raises:
            StdoutLost: What it still had was not written; unless it had failed before.
        """
        try:
            await self._sink.close()
        except (OutputError, ReaderGone) as failure:
            if not self._failed:
                log.error("%s", failure)
                raise StdoutLost(str(failure)) from failure
