"""The connection to a real NATS server: requests, messages, and errors as ours."""

from pathlib import Path

import msgspec
import pytest

from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import AuthError, ConfigError, ConnectionLost, TlsFailed
from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.scale import stream
from ordwatch.scale.nats_client import ApiRefused, connect
from ordwatch.scale.nkeys import KeyPair
from tests.scale.collectors import publish
from tests.support.nats_server import Server, free_port, nats_server, needs_nats_server
from tests.support.tls import certificate

pytestmark = needs_nats_server
# The pair that the documentation of NATS shows.
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"


async def test_the_last_message_of_a_subject_is_found(server: Server) -> None:
    async with connect(server.settings(), name="test") as connection:
        await stream.create(connection, stream.wanted("ORDWATCH", replicas=1))
        await publish(connection, "ow.c.alive", b"one")
        await publish(connection, "ow.c.alive", b"two", Extra="kept")
        await publish(connection, "ow.other.alive", b"three")

        found = await connection.last_message("ORDWATCH", "ow.c.>")

    assert found is not None
    assert (found.subject, found.data, found.headers, found.stream_seq) == ("ow.c.alive", b"two", {"Extra": "kept"}, 2)


async def test_the_next_message_of_a_subject_is_found(server: Server) -> None:
    async with connect(server.settings(), name="test") as connection:
        await stream.create(connection, stream.wanted("ORDWATCH", replicas=1))
        await publish(connection, "ow.a.alive", b"one")
        await publish(connection, "ow.b.alive", b"two")

        found = await connection.next_message("ORDWATCH", 1, "ow.b.>")
        none = await connection.next_message("ORDWATCH", 2, "ow.a.>")

    assert found is not None
    assert found.data == b"two"
    assert none is None


async def test_a_refused_request_has_the_code_of_the_server(server: Server) -> None:
    async with connect(server.settings(), name="test") as connection:
        await stream.create(connection, stream.wanted("ORDWATCH", replicas=1))

        with pytest.raises(ApiRefused) as refused:
            await stream.create(connection, stream.wanted("ORDWATCH", replicas=1, max_bytes=1000))

    assert refused.value.err_code == 10058


async def test_a_missing_stream_is_none(server: Server) -> None:
    async with connect(server.settings(), name="test") as connection:
        assert await stream.info(connection, "ORDWATCH") is None


async def test_a_killed_server_closes_the_connection(server: Server) -> None:
    async with connect(server.settings(), name="test") as connection:
        server.kill()
        await connection.closed.wait()

        with pytest.raises(ConnectionLost):
            await connection.api("INFO")


async def test_a_server_that_is_not_there_is_reported() -> None:
    settings = NatsSettings(servers=(f"nats://127.0.0.1:{free_port()}",))

    with pytest.raises(ConnectionLost, match="cannot reach"):
        async with connect(settings, name="test"):
            pass


async def test_another_server_is_taken_if_one_is_not_there(server: Server) -> None:
    settings = NatsSettings(servers=(f"nats://127.0.0.1:{free_port()}", server.url))

    async with connect(settings, name="test") as connection:
        assert connection.server == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("config", "right", "wrong"),
    [
        (
            "authorization { user: u, password: secret-1 }",
            {"user": Secret("u"), "password": Secret("secret-1")},
            {"user": Secret("u"), "password": Secret("secret-2")},
        ),
        ("authorization { token: secret-1 }", {"token": Secret("secret-1")}, {"token": Secret("secret-2")}),
        (
            f"authorization {{ users: [ {{ nkey: {KeyPair(SEED).public} }} ] }}",
            {"nkey_file": SecretFile(SEED)},
            {"nkey_file": SecretFile("SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4")},
        ),
    ],
    ids=["password", "token", "nkey"],
)
async def test_credentials_open_the_server_and_wrong_ones_do_not(
    tmp_path: Path, config: str, right: dict[str, Secret], wrong: dict[str, Secret]
) -> None:
    with nats_server(tmp_path, config) as server:
        async with connect(msgspec.structs.replace(server.settings(), **right), name="test") as connection:
            assert not connection.closed.is_set()
        with pytest.raises(AuthError) as refused:
            async with connect(msgspec.structs.replace(server.settings(), **wrong), name="test"):
                pass

    assert "secret-2" not in str(refused.value)


async def test_what_may_not_be_done_is_an_error_that_names_it(tmp_path: Path) -> None:
    users = 'authorization { users: [ { user: u, password: p, permissions: { publish: "ow.c.>" } } ] }'
    with nats_server(tmp_path, users) as server:
        settings = msgspec.structs.replace(server.settings(), user=Secret("u"), password=Secret("p"))
        async with connect(settings, name="test") as connection:
            with pytest.raises(AuthError, match=r"js\.api\.info"):
                await connection.request("$JS.API.INFO", timeout_s=0.5)


def tls_server(tmp_path: Path) -> str:
    certificate(tmp_path, host="127.0.0.1", days=1)
    pem = tmp_path / "server.pem"
    return f'tls {{ cert_file: "{pem}", key_file: "{pem}" }}'


def encrypted(server: Server, ca_file: Path | None = None) -> NatsSettings:
    return NatsSettings(servers=(f"tls://127.0.0.1:{server.port}",), tls_ca_file=str(ca_file) if ca_file else None)


async def test_a_private_ca_is_trusted_if_the_configuration_names_it(tmp_path: Path) -> None:
    with nats_server(tmp_path, tls_server(tmp_path)) as server:
        async with connect(encrypted(server, tmp_path / "server.pem"), name="test") as connection:
            assert not connection.closed.is_set()
        with pytest.raises(TlsFailed):
            async with connect(encrypted(server), name="test"):
                pass


async def test_no_credentials_are_sent_to_a_server_that_does_not_encrypt(tmp_path: Path) -> None:
    with nats_server(tmp_path, "authorization { token: secret-1 }") as server:
        settings = msgspec.structs.replace(encrypted(server), token=Secret("secret-1"))

        with pytest.raises(TlsFailed, match="does not ask for TLS"):
            async with connect(settings, name="test"):
                pass


async def test_a_certificate_that_is_none_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")

    with pytest.raises(ConfigError, match="tls_ca_file"):
        async with connect(NatsSettings(tls_ca_file=str(tmp_path / "ca.pem")), name="test"):
            pass
