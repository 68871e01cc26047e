"""One OpenD, for the life of the process."""

from dataclasses import dataclass

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
from ordwatch.venues.opend.connect import open_connection
from ordwatch.venues.opend.frames import sent_id
from ordwatch.venues.opend.messages import SENT
from ordwatch.venues.opend.query import query
from ordwatch.venues.opend.settings import OpendSettings


@dataclass(frozen=True)
class OpendClient:
    """Implements `VenueClient`."""

    setup: Setup[OpendSettings]
    connections: int = 1
    """One carries everything."""

    async def open(self, connection: int, call: Call) -> ConnectionPlan:
        """Nothing must be fetched before; see connect.py."""
        return await open_connection(self.setup, call)

    async def query(self, spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
        """Ask for orders; see query.py."""
        return await query(self.setup, spec, call, emit)


def configure(setup: Setup[VenueSettings]) -> OpendClient:
    """The client with these settings."""
    return OpendClient(setup.bind(OpendSettings))


def only_reads(sent: HttpRequest | Payload) -> bool:
    """Frames with one of the ids that messages.py sends; OpenD has no REST."""
    return isinstance(sent, bytes) and sent_id(sent) in SENT
