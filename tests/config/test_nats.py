"""The section `nats`: its keys, its defaults, and what it refuses."""

import os
from pathlib import Path

import pytest

from ordwatch.config import NatsSettings, read
from ordwatch.config.nats import safe_collector
from ordwatch.core.errors import ConfigError
from ordwatch.core.secrets import Secret
from tests.support import tls

CANARY = "cAnArY-5f3a"
VENUES = "venues: {opend: }\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_without_the_section_there_is_none(path: Path) -> None:
    assert read(written(path, "venues: {opend: {kind: opend}}")).nats is None


def test_an_empty_section_means_the_defaults(path: Path) -> None:
    found = read(written(path, "nats:\n")).nats

    assert found == NatsSettings()
    assert found.servers == ("nats://127.0.0.1:4222",)
    assert found.stream == "ORDWATCH"


def test_a_machine_that_only_follows_needs_no_venue(path: Path) -> None:
    config = read(written(path, "nats: {stream: OTHER}"))

    assert config.venues == {}
    with pytest.raises(ConfigError, match="expected at least one venue"):
        config.choose([])


def test_secrets_are_resolved(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_PASSWORD", CANARY)

    found = read(written(path, 'nats: {user: "u", password: {env: NATS_PASSWORD}}')).resolve_nats()

    assert found.password == Secret(CANARY)


def test_files_are_named_relative_to_the_configuration(path: Path) -> None:
    written(path.with_name("desk.creds"), CANARY)
    tls.certificate(path.parent, host="127.0.0.1", days=1)

    found = read(written(path, "nats: {credentials_file: desk.creds, tls_ca_file: server.pem}")).resolve_nats()

    assert found.credentials_file == Secret(CANARY)
    assert found.tls_ca_file == str(path.with_name("server.pem"))


def test_a_file_with_credentials_that_others_can_read_is_refused(path: Path) -> None:
    os.chmod(written(path.with_name("desk.creds"), CANARY), 0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        read(written(path, "nats: {credentials_file: desk.creds}")).resolve_nats()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("servers: []", "nats.servers: expected at least one server"),
        ('servers: ["nats://far.example:4222"]', "plain nats:// to"),
        ('servers: ["http://127.0.0.1:4222"]', "expected nats://HOST:PORT"),
        (f'servers: ["nats://u:{CANARY}@127.0.0.1"]', "credentials do not belong in a URL"),
        ("servers: nats://127.0.0.1", "nats.servers: expected a list"),
        ("stream: a.b", "nats.stream: only letters"),
        ("collector: desk.1", "nats.collector: only letters"),
        (f"collector: {'x' * 33}", "nats.collector: only letters"),
        (f'password: "{CANARY}"', "nats.password: `user` and `password` belong together"),
        (f'token: "{CANARY}", nkey_file: seed', "nats.nkey_file: there is token too"),
        ("tokn: x", "did you mean `token`"),
        ("token: 5", "quote it"),
    ],
)
def test_a_mistake_is_reported_without_its_value(path: Path, section: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(written(path, f"nats: {{{section}}}"))

    assert message in str(error.value)
    assert CANARY not in str(error.value)


def test_plain_text_to_another_machine_is_taken_if_it_is_allowed(path: Path) -> None:
    config = read(written(path, 'nats: {servers: ["nats://far.example"], allow_plaintext: true}'))

    assert config.nats is not None
    assert config.nats.servers == ("nats://far.example",)


def test_without_the_section_it_cannot_be_resolved(path: Path) -> None:
    with pytest.raises(ConfigError, match="has no section `nats`"):
        read(written(path, "venues: {opend: {kind: opend}}")).resolve_nats()


@pytest.mark.parametrize(
    ("host", "collector"),
    [("desk-1", "desk-1"), ("desk.example.org", "desk-example-org"), ("x" * 40, "x" * 32), ("", "collector")],
)
def test_a_machine_s_name_becomes_a_collector_s(host: str, collector: str) -> None:
    assert safe_collector(host) == collector
