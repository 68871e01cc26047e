"""The configuration of a CoinW account."""

import re
from collections.abc import Sequence

from ordwatch.core.secrets import Secret
from ordwatch.venues.contract import VenueSettings
from ordwatch.venues.toolkit.addresses import check_url

_MIN_SECRET = 6
"""Shorter ones are no secrets, and would blot out ordinary text."""
_PAIR = re.compile(r"[0-9A-Za-z]{1,32}[-_][0-9A-Za-z]{1,32}", re.ASCII)


class CoinwSettings(VenueSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account and where to reach it; addresses as CoinW's API documentation gives them."""

    api_key: Secret
    secret_key: Secret
    pairs: Sequence[str] = ()
    """Asked for over REST, which has no call for the orders of all pairs; and with them the pairs seen."""
    ws_url: str = "wss://ws.futurescw.com"
    rest_url: str = "https://api.coinw.com"

    @property
    def symbols(self) -> tuple[str, ...]:
        """The pairs as the venue writes them, BTC_USDT, each once."""
        return tuple(dict.fromkeys(pair.upper().replace("-", "_") for pair in self.pairs))

    def redact(self, text: str) -> str:
        """Text of the venue with *** in place of the credentials, should it quote what we sent."""
        for secret in (self.secret_key.reveal(), self.api_key.reveal()):
            text = text.replace(secret, "***") if len(secret) >= _MIN_SECRET else text
        return text

    def check(self) -> None:
        """Refuse what is no pair and addresses that would carry the secret in plain text.

        Raises:
            ValueError: Names the key and the reason.
        """
        for pair in self.pairs:
            if not _PAIR.fullmatch(pair):
                raise ValueError(f"pairs: {pair!r} is no pair; expected one like BTC_USDT")
        check_url("ws_url", self.ws_url, secure="wss", plain="ws", allow_plaintext=self.allow_plaintext)
        check_url("rest_url", self.rest_url, secure="https", plain="http", allow_plaintext=self.allow_plaintext)
