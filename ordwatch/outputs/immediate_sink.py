"""What those sinks have in common for which the stream never waits."""

import asyncio


class ImmediateSink:
    """A sink that can take the next record at once, always. A sink derives from it and adds `write`."""

    def start(self) -> None:
        """Nothing has to be opened."""

    async def drain(self) -> None:
        """There is always room for more."""

    @property
    def stalled(self) -> bool:
        """Always False."""
        return False

    async def watch(self) -> None:
        """Nothing can fail."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing was opened."""
