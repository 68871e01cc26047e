"""OpenD: the gateway of Futu and moomoo, watched over its TCP or WebSocket listener."""

from ordwatch.venues.contract import Venue
from ordwatch.venues.opend.connect import open_connection
from ordwatch.venues.opend.merging import compare_versions
from ordwatch.venues.opend.orders import OpendExtra
from ordwatch.venues.opend.query import query
from ordwatch.venues.opend.settings import OpendSettings

VENUE = Venue(
    kind="opend",
    settings=OpendSettings,
    extra=OpendExtra,
    open=open_connection,
    query=query,
    compare_versions=compare_versions,
    resync_s=300.0,
    credentials=("websocket_key", "rsa_private_key_file", "accounts"),
)
