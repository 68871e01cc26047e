"""Where CoinW is reached."""

import asyncio

from ordwatch.core.secrets import Secret
from ordwatch.venues.coinw.connect import open_connection
from ordwatch.venues.coinw.session import Logins
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import Setup


def test_dials_the_configured_address_and_shows_only_its_host() -> None:
    settings = CoinwSettings(
        api_key=Secret("k"), secret_key=Secret("s"), ws_url="wss://example.com:8443/x?token=canary"
    )
    endpoint = asyncio.run(open_connection(Setup("coinw", settings), Logins())).endpoint

    assert (endpoint.transport, endpoint.url) == ("websocket", "wss://example.com:8443/x?token=canary")
    assert endpoint.shown == "wss://example.com:8443"
