"""One CoinW account, for the life of the process."""

from dataclasses import dataclass, field

from ordwatch.venues.coinw.connect import open_connection
from ordwatch.venues.coinw.messages import PING, SUBSCRIBE
from ordwatch.venues.coinw.query import query
from ordwatch.venues.coinw.rest import PATH, RATES
from ordwatch.venues.coinw.session import Logins
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import (
    Call,
    ConnectionPlan,
    Emit,
    HttpRequest,
    Payload,
    QueryResult,
    QuerySpec,
    Setup,
    VenueSettings,
)


@dataclass(frozen=True)
class CoinwClient:
    """Implements `VenueClient`."""

    setup: Setup[CoinwSettings]
    connections: int = 1
    """One carries everything."""
    logins: Logins = field(default_factory=Logins)

    async def open(self, connection: int, call: Call) -> ConnectionPlan:
        """Nothing must be fetched before; see connect.py."""
        return await open_connection(self.setup, self.logins)

    async def query(self, spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
        """Ask for orders; see query.py."""
        return await query(self.setup, spec, call, emit)


def configure(setup: Setup[VenueSettings]) -> CoinwClient:
    """The client with these settings."""
    return CoinwClient(setup.bind(CoinwSettings))


def only_reads(sent: HttpRequest | Payload) -> bool:
    """REST names its command in the parameters, the same path trades; on the stream login, subscription and ping."""
    if isinstance(sent, HttpRequest):
        return sent.url.endswith(PATH) and sent.params.get("command") in RATES
    text = sent if isinstance(sent, str) else sent.decode()
    return text in (PING, SUBSCRIBE) or text.startswith('{"event":"login",')
