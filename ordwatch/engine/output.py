"""The interface of every output: it takes records and never blocks the event loop."""

from collections.abc import Sequence
from typing import Protocol

from ordwatch.core.records import OutputRecord


class Sink(Protocol):
    """Takes records in order. Calls that may block run in a separate thread behind a bounded queue."""

    def start(self) -> None:
        """Open the output and start the writer.

        Raises:
            OutputError: The output cannot be opened.
        """
        ...

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Take records; never blocks and never raises."""
        ...

    async def drain(self) -> None:
        """Wait while a full queue is being written, so that a burst loses nothing; not if the reader takes nothing."""
        ...

    @property
    def stalled(self) -> bool:
        """Whether the sink can take nothing more: the run then closes the connections (gap output_stalled)."""
        ...

    async def watch(self) -> None:
        """Run until the output fails.

        Raises:
            OutputError: It failed for longer than allowed.
            ReaderClosed: The reader has closed the output (EPIPE).
        """
        ...

    async def close(self) -> None:
        """Write what is queued, for at most 2 s, and close the output.

        Raises:
            OutputError, ReaderClosed: As `watch`, unless it has raised the error already.
        """
        ...
