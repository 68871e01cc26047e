"""Where OpenD is dialled, and who talks there."""

import asyncio

import pytest

from ordwatch.core.errors import ConfigError
from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.venues.contract import ConnectionPlan, Endpoint, Rate, RequestT, Setup
from ordwatch.venues.opend.connect import open_connection
from ordwatch.venues.opend.settings import OpendSettings
from tests.support.rsa_key import new_rsa_key


class NoCall:
    """Nothing may be asked before the connection is up."""

    async def __call__(self, request: RequestT, /) -> object:
        raise AssertionError(request)

    def take(self, rate: Rate) -> bool:
        raise AssertionError(rate)


def opening(settings: OpendSettings) -> ConnectionPlan:
    return asyncio.run(open_connection(Setup("opend", settings), NoCall()))


TCP = "is this OpenD's TCP port, and has OpenD no RSA key? look at `port`, `transport` and `rsa_private_key_file`"
WEBSOCKET = "is this OpenD's `websocket_port`, and does it use TLS? look at `port`, `transport` and `tls`"
RSA = "has OpenD the same RSA key, and is this its TCP port? look at `rsa_private_key_file`, `port` and `transport`"


@pytest.mark.parametrize(
    ("settings", "endpoint"),
    [
        (
            OpendSettings(),
            Endpoint("tcp", "127.0.0.1:11111", "127.0.0.1", 11111, hint="is OpenD running?", unanswered=TCP),
        ),
        (
            OpendSettings(host="::1", port=5),
            Endpoint("tcp", "[::1]:5", "::1", 5, hint="is OpenD running?", unanswered=TCP),
        ),
        (
            OpendSettings(transport="websocket", websocket_key=Secret("hunter2")),
            Endpoint(
                "websocket",
                "ws://127.0.0.1:33333",
                url="ws://127.0.0.1:33333",
                hint="is OpenD running?",
                unanswered=WEBSOCKET,
                max_message_bytes=256 * 2**20 + 44,
            ),
        ),
        (
            OpendSettings(transport="websocket", host="::1", tls=True),
            Endpoint(
                "websocket",
                "wss://[::1]:33333",
                url="wss://[::1]:33333",
                hint="is OpenD running?",
                unanswered=WEBSOCKET,
                max_message_bytes=256 * 2**20 + 44,
            ),
        ),
    ],
)
def test_the_endpoint_is_what_the_settings_say(settings: OpendSettings, endpoint: Endpoint) -> None:
    assert opening(settings).endpoint == endpoint


def test_with_a_key_the_key_is_what_to_look_at_when_opend_does_not_answer() -> None:
    settings = OpendSettings(rsa_private_key_file=SecretFile(new_rsa_key()))

    assert opening(settings).endpoint.unanswered == RSA


def test_a_key_that_cannot_be_used_is_the_users_to_mend() -> None:
    with pytest.raises(ConfigError, match="rsa_private_key_file"):
        opening(OpendSettings(rsa_private_key_file=SecretFile("hunter2")))
