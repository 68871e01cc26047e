"""Where CoinW is reached."""

from urllib.parse import urlsplit

from ordwatch.venues.coinw.session import CoinwSession, Logins
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import ConnectionPlan, Endpoint, Setup


async def open_connection(setup: Setup[CoinwSettings], logins: Logins) -> ConnectionPlan:
    """The one connection it needs; nothing must be fetched before."""
    url = urlsplit(setup.settings.ws_url)
    shown = f"{url.scheme}://{url.netloc}"
    return ConnectionPlan(Endpoint("websocket", shown=shown, url=setup.settings.ws_url), CoinwSession(setup, logins))
