"""Reading a real stream: from a place in it on, and what comes afterwards."""

import pytest

from ordwatch.scale import stream
from ordwatch.scale.nats_client import ApiRefused, connect
from ordwatch.scale.stream_reader import ReaderFailed, stream_reader
from tests.scale.collectors import publish
from tests.support.nats_server import Server, needs_nats_server

pytestmark = needs_nats_server


async def test_a_reader_reads_what_is_there_and_then_what_comes(server: Server) -> None:
    async with connect(server.settings(), name="test") as connection:
        await stream.create(connection, stream.wanted("ORDWATCH", replicas=1))
        for number in range(5):
            await publish(connection, "ow.c.alive", b"%d" % number)
        async with stream_reader(connection, "ORDWATCH", ["ow.c.>"], from_seq=3) as reader:
            first = [message.data for message in await reader.take()]
            await publish(connection, "ow.c.alive", b"new")

            later = [message.data for message in await reader.take()]

    assert first[0] == b"2"
    assert [*first, *later][-1] == b"new"


async def test_a_reader_begins_with_the_last_message_of_each_subject(server: Server) -> None:
    async with connect(server.settings(), name="test") as connection:
        await stream.create(connection, stream.wanted("ORDWATCH", replicas=1))
        for subject, payload in [("ow.c.order.v.a.1", b"1"), ("ow.c.order.v.a.2", b"2"), ("ow.c.order.v.a.1", b"3")]:
            await publish(connection, subject, payload)
        async with stream_reader(connection, "ORDWATCH", ["ow.*.order.>"], last_per_subject=True) as reader:
            found: list[bytes] = []
            while len(found) < reader.pending:
                found += [message.data for message in await reader.take()]

    assert found == [b"2", b"3"]


async def test_a_reader_of_which_the_server_knows_nothing_is_lost(server: Server) -> None:
    async with connect(server.settings(), name="test") as connection:
        await stream.create(connection, stream.wanted("ORDWATCH", replicas=1))
        async with stream_reader(connection, "ORDWATCH", ["ow.>"]) as reader:
            await connection.api("STREAM.DELETE.ORDWATCH")

            with pytest.raises(ReaderFailed):
                await reader.take()


async def test_a_reader_that_cannot_be_made_leaves_nothing_behind(server: Server) -> None:
    async with connect(server.settings(), name="test") as connection:
        with pytest.raises(ApiRefused):
            async with stream_reader(connection, "NONE", ["ow.>"]):
                pass

        assert connection.woken_when_closed == set()
