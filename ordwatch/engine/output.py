"""What every output is: it takes records and never makes the event loop wait."""

from collections.abc import Sequence
from typing import Protocol

from ordwatch.core.records import AnyRecord


class Sink(Protocol):
    """Takes records in order. Whatever may block lives in a thread of its own behind a bounded queue."""

    def start(self) -> None:
        """Open the output and start the writer.

        Raises:
            OutputError: The output cannot be made.
        """
        ...

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Take records; never blocks and never raises."""
        ...

    async def drain(self) -> None:
        """Wait while what is queued is being written: a burst is no loss. Never for a reader that takes nothing."""
        ...

    @property
    def stalled(self) -> bool:
        """True while the sink wants nothing more: the pipeline then closes the venues' links (gap output_stalled)."""
        ...

    async def watch(self) -> None:
        """Last until the output fails.

        Raises:
            OutputError: Failed for longer than allowed.
            ReaderClosed: Nobody reads any more (EPIPE).
        """
        ...

    async def close(self) -> None:
        """Write out what is queued, as far as that goes within 2 s, and let go of the output.

        Raises:
            OutputError, ReaderClosed: As `watch`, where it has not said so.
        """
        ...
