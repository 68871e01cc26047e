"""stdout during a recording: if stdout fails, the recording continues."""

import asyncio
from collections.abc import Callable, Sequence

from ordwatch.cli.stderr import log
from ordwatch.core.errors import OutputError, ReaderClosed, StdoutFailed
from ordwatch.core.records import OutputRecord
from ordwatch.engine.output import Sink


class NonfatalOutput:
    """A sink that may fail without ending the run; `on_failure` gets the error for the exit code of the run."""

    def __init__(self, sink: Sink, on_failure: Callable[[StdoutFailed], None]) -> None:
        self._sink = sink
        self._on_failure = on_failure
        self._failed = False

    def start(self) -> None:
        """Start the sink.

        Raises:
            OutputError: The output cannot be opened.
        """
        self._sink.start()

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Pass records on, unless the sink has failed."""
        if not self._failed:
            self._sink.write(records)

    @property
    def stalled(self) -> bool:
        """Whether the sink is stalled; False once it has failed."""
        return not self._failed and self._sink.stalled

    async def watch(self) -> None:
        """Run until cancelled. A failure of the sink is logged once and passed to `on_failure`."""
        try:
            await self._sink.watch()
        except (OutputError, ReaderClosed) as failure:
            self._failed = True
            log.error("%s; the recording continues", failure)
            self._on_failure(StdoutFailed(str(failure)))
            await asyncio.Event().wait()

    async def drain(self) -> None:
        """Wait until the sink can take more, unless it has failed."""
        if not self._failed:
            await self._sink.drain()

    async def close(self) -> None:
        """Close the sink.

        Raises:
            StdoutFailed: The last records could not be written; not if the sink had failed before.
        """
        try:
            await self._sink.close()
        except (OutputError, ReaderClosed) as failure:
            if not self._failed:
                log.error("%s", failure)
                raise StdoutFailed(str(failure)) from failure
