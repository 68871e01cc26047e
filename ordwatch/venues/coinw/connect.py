"""Where CoinW is reached."""

from urllib.parse import urlsplit

from ordwatch.venues.coinw.session import CoinwSession
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import Call, Endpoint, Opening, Setup


async def open_connection(setup: Setup[CoinwSettings], call: Call) -> Opening:
    """The one connection it needs; nothing must be fetched before."""
    url = urlsplit(setup.settings.ws_url)
    shown = f"{url.scheme}://{url.netloc}"
    return Opening(Endpoint("websocket", shown=shown, url=setup.settings.ws_url), CoinwSession(setup))
