"""The generations of the relayer's protocol, as rows of one table.

They differ in addresses, in the ticket, in how a subscription is written and in the shape of REST answers; pushes of
every generation are read by one decoder (messages.py). Sources: Loopring/DEX-API (v2, 2020) and
Loopring/DEX-API-V3 (2020-12 to 2023), general and WebSocket pages.
"""

from dataclasses import dataclass
from typing import Literal

from ordwatch.venues.contract import Rate

Protocol = Literal["v3", "v2topics", "v2args"]


@dataclass(frozen=True)
class ProtocolVersion:
    """One generation. Paths begin at the REST base."""

    name: Protocol
    ws_url: str
    rest_url: str
    ticket_path: str | None
    """Where the connection's ticket (`wsApiKey`) comes from; None: connections need none."""
    ticket_required: bool
    orders_path: str
    order_path: str
    tokens_path: str
    args: bool
    """Subscriptions are written `"args": ["order&LRC-ETH"]`, not as a list of topic objects."""
    markets_per_connection: int
    requests_per_second: int
    """The documented limit for each endpoint."""

    def rate(self, path: str) -> Rate:
        """The limit of one endpoint."""
        return Rate(f"loopring {path}", self.requests_per_second, 1.0)


PROTOCOLS: dict[Protocol, ProtocolVersion] = {
    "v3": ProtocolVersion(
        name="v3",
        ws_url="wss://ws.api3.loopring.io/v3/ws",
        rest_url="https://api3.loopring.io",
        ticket_path="/v3/ws/key",
        ticket_required=True,
        orders_path="/api/v3/orders",
        order_path="/api/v3/order",
        tokens_path="/api/v3/exchange/tokens",
        args=False,
        markets_per_connection=20,
        requests_per_second=5,
    ),
    # The ticket came to this generation in October 2020; before that its path did not exist.
    "v2topics": ProtocolVersion(
        name="v2topics",
        ws_url="wss://ws.loopring.io/v2/ws",
        rest_url="https://api.loopring.io",
        ticket_path="/v2/ws/key",
        ticket_required=False,
        orders_path="/api/v2/orders",
        order_path="/api/v2/order",
        tokens_path="/api/v2/exchange/tokens",
        args=False,
        markets_per_connection=20,
        requests_per_second=3,
    ),
    # A second subscription to a topic replaced the first one's condition: one market for each connection.
    "v2args": ProtocolVersion(
        name="v2args",
        ws_url="wss://api.loopring.io/v2/ws",
        rest_url="https://api.loopring.io",
        ticket_path=None,
        ticket_required=False,
        orders_path="/api/v2/orders",
        order_path="/api/v2/order",
        tokens_path="/api/v2/exchange/tokens",
        args=True,
        markets_per_connection=1,
        requests_per_second=3,
    ),
}
