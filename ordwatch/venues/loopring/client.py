"""One Loopring account, for the life of the process."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ordwatch.venues.contract import (
    Call,
    ConnectionPlan,
    Emit,
    QueryResult,
    QuerySpec,
    Setup,
    VenueSettings,
    reads_only,
)
from ordwatch.venues.loopring.connect import open_connection, query
from ordwatch.venues.loopring.learned import Learned
from ordwatch.venues.loopring.settings import LoopringSettings, split


@dataclass(frozen=True)
class LoopringClient:
    """Implements `VenueClient`. Each connection carries as many markets as the protocol lets it."""

    setup: Setup[LoopringSettings]
    parts: Sequence[Setup[LoopringSettings]]
    """What each connection is to watch."""
    known: Learned = field(default_factory=Learned)

    @property
    def connections(self) -> int:
        """One for each part."""
        return len(self.parts)

    async def open(self, connection: int, call: Call) -> ConnectionPlan:
        """Fetch what that connection needs; see connect.py."""
        return await open_connection(self.parts[connection], self.known, call)

    async def query(self, spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
        """Ask for the orders of all configured markets; see query.py."""
        return await query(self.setup, self.known, spec, call, emit)


def configure(setup: Setup[VenueSettings]) -> LoopringClient:
    """The client with these settings."""
    bound = setup.bind(LoopringSettings)
    return LoopringClient(bound, [bound.part(part) for part in split(bound.settings)])


only_reads = reads_only(
    "GET /v[23]/ws/key",
    "GET /api/v[23]/(orders|order|exchange/tokens)",
    "pong",
    r'\{"op": "sub", .*',
)
