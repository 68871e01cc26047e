"""A stream that holds one recording under the names of two collectors, to be followed."""

import asyncio
from collections.abc import Sequence

from ordwatch.recording.format import mark
from ordwatch.scale import stream, subjects
from ordwatch.scale.nats_client import connect
from tests.support.nats_server import Server

COLLECTORS = ("a", "b")
_BATCH = 256


async def fill(server: Server, lines: Sequence[bytes]) -> int:
    """Publish every line for both, in turns; how many lines the stream then holds."""
    sent = 0
    async with connect(server.settings(), name="benchmark") as connection:
        await stream.create(connection, stream.wanted("ORDWATCH", replicas=1))
        inbox = connection.new_inbox()
        for first in range(0, len(lines), _BATCH):
            for collector in COLLECTORS:
                for line in lines[first : first + _BATCH]:
                    await connection.publish(subjects.subject(collector, mark(line)), line, {}, inbox)
                    sent += 1
            # The server takes what comes faster than it can store it, and may drop some of that.
            while (found := await stream.info(connection, "ORDWATCH")) is None or found.messages < sent:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    return sent
