"""The configuration of an OpenD."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.venues.contract import VenueSettings
from ordwatch.venues.toolkit.addresses import is_loopback

TCP_PORT = 11111
WEBSOCKET_PORT = 33333


class OpendSettings(VenueSettings, frozen=True, kw_only=True):
    """One OpenD, and which of its accounts are watched."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    """None: OpenD's own, 11111 for TCP and 33333 for WebSocket."""
    transport: Literal["tcp", "websocket"] = "tcp"
    websocket_key: Secret | None = None
    """In clear; only its MD5 is sent. `transport: websocket` only."""
    tls: bool = False
    """`transport: websocket` only."""
    rsa_private_key_file: SecretFile | None = None
    """The key that OpenD is configured with. `transport: tcp` only."""
    accounts: tuple[str, ...] = ()
    """Empty: every account OpenD lists."""
    futures_time_zone: str = "Asia/Shanghai"
    """OpenD's `future_trade_api_time_zone`; only for text times without a timestamp."""

    def check(self) -> None:
        """Refuse what types cannot.

        Raises:
            ValueError: Names the key and the reason.
        """
        if self.transport == "tcp":
            self._check_tcp()
        else:
            self._check_websocket()
        if not self.host:
            raise ValueError("host: expected a name or address")
        for account in self.accounts:
            if not (account.isascii() and account.isdigit()):
                raise ValueError("accounts: expected digits in quotes")
        try:
            ZoneInfo(self.futures_time_zone)
        except (OSError, ValueError, KeyError):
            raise ValueError("futures_time_zone: no such zone; expected a name such as Asia/Shanghai") from None

    def _check_tcp(self) -> None:
        if self.tls:
            raise ValueError("tls: OpenD has it on WebSocket only; use transport: websocket or rsa_private_key_file")
        if self.websocket_key is not None:
            raise ValueError("websocket_key: needs transport: websocket")
        if self.rsa_private_key_file is None and self._is_exposed():
            raise ValueError(
                f"host: plain TCP to {self.host} is refused; use rsa_private_key_file or set allow_plaintext: true"
            )

    def _check_websocket(self) -> None:
        if self.rsa_private_key_file is not None:
            raise ValueError("rsa_private_key_file: needs transport: tcp; on WebSocket use tls")
        if not self.tls and self._is_exposed():
            raise ValueError(f"host: plain ws:// to {self.host} is refused; use tls: true or set allow_plaintext: true")

    def _is_exposed(self) -> bool:
        return not self.allow_plaintext and not is_loopback(self.host)

    @property
    def dialled_port(self) -> int:
        """The port, or the transport's own."""
        return self.port or (TCP_PORT if self.transport == "tcp" else WEBSOCKET_PORT)
