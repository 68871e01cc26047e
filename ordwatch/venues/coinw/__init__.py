"""CoinW, spot: the "current orders" WebSocket, and REST to query what it did not report."""

from ordwatch.venues.coinw.client import configure, only_reads
from ordwatch.venues.coinw.merging import compare_versions, correct, merge
from ordwatch.venues.coinw.orders import CoinwExtra
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import VenueKind

VENUE = VenueKind(
    contract=1,
    kind="coinw",
    settings=CoinwSettings,
    extra=CoinwExtra,
    configure=configure,
    only_reads=only_reads,
    compare_versions=compare_versions,
    merge=merge,
    correct=correct,
    settle_s=10.0,
    resync_s=30.0,
    resync_when_idle=False,
    credentials=("api_key", "secret_key"),
)
