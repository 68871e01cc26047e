"""Where OpenD is dialled, and who talks there."""

import asyncio

import pytest

from ordwatch.errors import ConfigError
from ordwatch.secret import Secret, SecretFile
from ordwatch.venues.contract import Endpoint, Opening, Rate, RequestT, Setup
from ordwatch.venues.opend.connect import open_connection
from ordwatch.venues.opend.settings import OpendSettings


class NoCall:
    """Nothing may be asked before the connection is up."""

    async def __call__(self, request: RequestT, /) -> object:
        raise AssertionError(request)

    def take(self, rate: Rate) -> bool:
        raise AssertionError(rate)


def opening(settings: OpendSettings) -> Opening:
    return asyncio.run(open_connection(Setup("opend", settings), NoCall()))


@pytest.mark.parametrize(
    ("settings", "endpoint"),
    [
        (OpendSettings(), Endpoint("tcp", "127.0.0.1:11111", "127.0.0.1", 11111, hint="is OpenD running?")),
        (OpendSettings(host="::1", port=5), Endpoint("tcp", "[::1]:5", "::1", 5, hint="is OpenD running?")),
        (
            OpendSettings(transport="websocket", websocket_key=Secret("hunter2")),
            Endpoint(
                "websocket",
                "ws://127.0.0.1:33333",
                url="ws://127.0.0.1:33333",
                hint="is OpenD running?",
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
                max_message_bytes=256 * 2**20 + 44,
            ),
        ),
    ],
)
def test_the_endpoint_is_what_the_settings_say(settings: OpendSettings, endpoint: Endpoint) -> None:
    assert opening(settings).endpoint == endpoint


def test_a_key_that_cannot_be_used_is_the_users_to_mend() -> None:
    with pytest.raises(ConfigError, match="rsa_private_key_file"):
        opening(OpendSettings(rsa_private_key_file=SecretFile("hunter2")))
