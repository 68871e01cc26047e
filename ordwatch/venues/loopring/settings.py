"""The configuration of a Loopring account, and how its markets share connections."""

from collections.abc import Sequence

import msgspec

from ordwatch.core.secrets import Secret
from ordwatch.venues.contract import VenueSettings
from ordwatch.venues.loopring.orders import pair
from ordwatch.venues.loopring.protocol_versions import PROTOCOLS, Protocol
from ordwatch.venues.toolkit.addresses import check_url


class LoopringSettings(VenueSettings, frozen=True, kw_only=True):
    """One account, and the markets whose orders are watched."""

    api_key: Secret
    account_id: str
    markets: tuple[str, ...]
    protocol: Protocol = "v3"
    ws_url: str | None = None
    """The whole endpoint, path included; None: the protocol's own."""
    rest_url: str | None = None
    """The base, without a path; None: the protocol's own."""

    def check(self) -> None:
        """Refuse what types cannot.

        Raises:
            ValueError: Names the key and the reason.
        """
        if not (self.account_id.isascii() and self.account_id.isdigit()):
            raise ValueError("account_id: expected digits in quotes")
        if not self.markets:
            raise ValueError("markets: expected at least one market")
        for market in self.markets:
            if not pair(market).base:
                raise ValueError("markets: expected names such as LRC-ETH")
        if self.ws_url is not None:
            check_url("ws_url", self.ws_url, secure="wss", plain="ws", allow_plaintext=self.allow_plaintext)
        if self.rest_url is not None:
            check_url("rest_url", self.rest_url, secure="https", plain="http", allow_plaintext=self.allow_plaintext)


def split(settings: LoopringSettings) -> Sequence[LoopringSettings]:
    """The settings of each connection: as many markets on one as the protocol takes, doubles removed."""
    markets = tuple(dict.fromkeys(market.upper() for market in settings.markets))
    count = PROTOCOLS[settings.protocol].markets_per_connection
    return [
        msgspec.structs.replace(settings, markets=markets[first : first + count])
        for first in range(0, len(markets), count)
    ]
