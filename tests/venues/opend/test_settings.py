"""What the configuration may say of an OpenD."""

import pytest

from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.venues.opend.settings import OpendSettings


def test_the_defaults_are_a_local_opend_over_tcp() -> None:
    settings = OpendSettings()

    settings.check()

    assert (settings.host, settings.dialled_port, settings.accounts) == ("127.0.0.1", 11111, ())


def test_websocket_has_a_port_of_its_own() -> None:
    assert OpendSettings(transport="websocket").dialled_port == 33333


def test_a_port_that_is_given_is_used_for_either() -> None:
    assert OpendSettings(transport="websocket", port=4).dialled_port == 4


@pytest.mark.parametrize(
    "settings",
    [
        OpendSettings(host="localhost"),
        OpendSettings(host="::1"),
        OpendSettings(host="example.com", rsa_private_key_file=SecretFile("x")),
        OpendSettings(host="example.com", allow_plaintext=True),
        OpendSettings(host="example.com", transport="websocket", tls=True, websocket_key=Secret("x")),
        OpendSettings(host="example.com", transport="websocket", allow_plaintext=True),
        OpendSettings(accounts=("281756455988249902",)),
    ],
)
def test_what_makes_sense_is_accepted(settings: OpendSettings) -> None:
    settings.check()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (OpendSettings(host="example.com"), "host: plain TCP"),
        (OpendSettings(host="example.com", transport="websocket"), "host: plain ws://"),
        (OpendSettings(host=""), "host: "),
        (OpendSettings(tls=True), "tls: "),
        (OpendSettings(websocket_key=Secret("hunter2")), "websocket_key: "),
        (OpendSettings(transport="websocket", rsa_private_key_file=SecretFile("hunter2")), "rsa_private_key_file: "),
        (OpendSettings(accounts=("main",)), "accounts: "),
        (OpendSettings(accounts=("١",)), "accounts: "),
        (OpendSettings(futures_time_zone="Mars/Olympus"), "futures_time_zone: "),
        (OpendSettings(futures_time_zone="../etc/passwd"), "futures_time_zone: "),
    ],
)
def test_contradictions_and_plain_text_off_loopback_are_refused(settings: OpendSettings, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        settings.check()

    assert "hunter2" not in str(error.value)
