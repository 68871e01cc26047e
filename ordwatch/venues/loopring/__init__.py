"""Loopring: the relayer's `order` topic, with its REST pages for what a push did not report."""

from ordwatch.venues.contract import VenueKind
from ordwatch.venues.loopring.client import configure, only_reads
from ordwatch.venues.loopring.merging import compare_versions, correct, merge
from ordwatch.venues.loopring.orders import LoopringExtra
from ordwatch.venues.loopring.settings import LoopringSettings

VENUE = VenueKind(
    contract=1,
    kind="loopring",
    settings=LoopringSettings,
    extra=LoopringExtra,
    configure=configure,
    only_reads=only_reads,
    compare_versions=compare_versions,
    merge=merge,
    correct=correct,
    settle_s=10.0,
    resync_s=300.0,
    credentials=("api_key", "account_id"),
)
