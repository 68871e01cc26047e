"""Where `follow` and `stream` find their servers: in the configuration, or on the command line."""

from pathlib import Path

import pytest

from ordwatch.cli.nats_options import NatsOptions
from ordwatch.cli.stderr import StderrHandler
from ordwatch.core.errors import ConfigError, UsageError


@pytest.fixture
def stderr() -> StderrHandler:
    return StderrHandler()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_server_on_the_command_line_needs_no_configuration(stderr: StderrHandler) -> None:
    settings = NatsOptions(server=["nats://127.0.0.1:1", "tls://far.example"], stream="OTHER").settings(stderr)

    assert settings.servers == ("nats://127.0.0.1:1", "tls://far.example")
    assert settings.stream == "OTHER"


def test_options_come_before_the_configuration(tmp_path: Path, stderr: StderrHandler) -> None:
    config = written(tmp_path, 'nats: {stream: ONE, token: "a-token"}')

    settings = NatsOptions(config=config, server=["tls://far.example"]).settings(stderr)

    assert settings.servers == ("tls://far.example",)
    assert settings.stream == "ONE"


def test_secrets_of_the_section_are_redacted(tmp_path: Path, stderr: StderrHandler) -> None:
    NatsOptions(config=written(tmp_path, 'nats: {token: "cAnArY-5f3a"}')).settings(stderr)

    assert stderr.redact("token cAnArY-5f3a") == "token ***"


def test_a_server_in_plain_text_over_a_network_is_refused(stderr: StderrHandler) -> None:
    with pytest.raises(UsageError, match="--server: plain nats://"):
        NatsOptions(server=["nats://far.example"]).settings(stderr)


def test_a_name_that_no_stream_can_have_is_refused(stderr: StderrHandler) -> None:
    with pytest.raises(UsageError, match="--stream: only letters"):
        NatsOptions(server=["nats://127.0.0.1"], stream="a.b").settings(stderr)


def test_a_configuration_without_the_section_is_refused(tmp_path: Path, stderr: StderrHandler) -> None:
    with pytest.raises(ConfigError, match="has no section `nats`"):
        NatsOptions(config=written(tmp_path, "venues: {opend: {kind: opend}}")).settings(stderr)
