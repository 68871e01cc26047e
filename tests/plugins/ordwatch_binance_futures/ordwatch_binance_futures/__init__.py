"""Binance USDⓈ-M futures: the user data stream, and REST for what it did not report. One account for each API key."""

from ordwatch.venues.contract import VenueKind, reads_only

from .client import BinanceFuturesSettings, configure
from .orders import BinanceFuturesExtra, compare_versions

VENUE = VenueKind(
    contract=1,
    kind="binance_futures",
    settings=BinanceFuturesSettings,
    extra=BinanceFuturesExtra,
    configure=configure,
    only_reads=reads_only("(POST|PUT) /fapi/v1/listenKey", "GET /fapi/v1/(openOrders|allOrders|order)"),
    compare_versions=compare_versions,
    credentials=("api_key", "secret_key"),
)
