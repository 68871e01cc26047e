"""OpenD: the gateway of Futu and moomoo, watched over its TCP or WebSocket listener."""

from ordwatch.venues.contract import VenueKind
from ordwatch.venues.opend.client import configure, only_reads
from ordwatch.venues.opend.merging import compare_versions
from ordwatch.venues.opend.orders import OpendExtra
from ordwatch.venues.opend.settings import OpendSettings

VENUE = VenueKind(
    contract=1,
    kind="opend",
    settings=OpendSettings,
    extra=OpendExtra,
    configure=configure,
    only_reads=only_reads,
    compare_versions=compare_versions,
    resync_s=300.0,
    credentials=("websocket_key", "rsa_private_key_file", "accounts"),
)
