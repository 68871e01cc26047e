"""Loopring: the relayer's `order` topic, with its REST pages for what a push did not tell."""

from ordwatch.venues.contract import Venue
from ordwatch.venues.loopring.connect import open_connection, query
from ordwatch.venues.loopring.merging import compare_versions, correct, merge
from ordwatch.venues.loopring.orders import LoopringExtra
from ordwatch.venues.loopring.settings import LoopringSettings, split

VENUE = Venue(
    kind="loopring",
    settings=LoopringSettings,
    extra=LoopringExtra,
    split=split,
    open=open_connection,
    query=query,
    compare_versions=compare_versions,
    merge=merge,
    correct=correct,
    settle_s=10.0,
    resync_s=300.0,
    credentials=("api_key", "account_id"),
)
