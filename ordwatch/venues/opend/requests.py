"""What can be asked over a connection to OpenD, and what comes back. Three requests, none of which changes anything."""

from collections.abc import Iterator

import msgspec

from ordwatch.core.events import Environment, OrderUpdate
from ordwatch.venues.contract import Rate, StreamRequest


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account that OpenD lists."""

    id: int
    environment: Environment
    env_number: int
    """The same as OpenD's trdEnv."""
    markets: tuple[int, ...]
    """Numbers of TrdMarket it may trade in."""
    disabled: bool = False

    @property
    def refresh_rate(self) -> Rate:
        """OpenD answers 10 refreshed lists in 30 s for each account.

        Taken as 2 in 6 s the ten never run out: whatever happens, the next refreshed list is at most 6 s away, not 30.
        """
        return Rate(f"opend-refresh-{self.id}", 2, 6.1)

    @property
    def history_rate(self) -> Rate:
        """OpenD answers 10 histories in 30 s for each account."""
        return Rate(f"opend-history-{self.id}", 10, 30.5)


class ListAccounts(StreamRequest, frozen=True):
    """Which accounts are watched; answered with `Accounts`, from memory."""


class ListOrders(StreamRequest, frozen=True, kw_only=True):
    """The orders of the day, finished ones too, or those with the ids; answered with `OrderPages`.

    OpenD can take longer than 10 s (the official SDK waits 12), while its pushes come all the same.
    """

    timeout_s: float = 30.0
    required: bool = False
    account: Account
    order_ids: tuple[str, ...] = ()
    refresh: bool = False
    """Let OpenD ask its broker; else it answers from its cache."""


class ListHistory(StreamRequest, frozen=True, kw_only=True):
    """Orders made in a span of time, or those of them with the ids; answered with `OrderPages`.

    OpenD can be slow at it, or not answer at all (FutunnOpen/py-futu-api issue 148): the link is up all the same.
    """

    timeout_s: float = 30.0
    required: bool = False
    account: Account
    begin: str
    """YYYY-MM-DD HH:MM:SS, which OpenD reads in a zone of its own choice."""
    end: str
    order_ids: tuple[str, ...] = ()


class Accounts(msgspec.Struct, frozen=True):
    """The accounts that are watched."""

    accounts: tuple[Account, ...]
    venue_ns: int
    """The present time of OpenD's trade server, ns since 1970 UTC; our time until OpenD has reported its own."""


class OrderPages(msgspec.Struct):
    """The orders of one answer, read page by page as they are wanted: an answer may hold tens of thousands."""

    pages: Iterator[list[OrderUpdate]]
    received_ns: int
    """When the answer was received, by our clock."""
    unread: int = 0
    """Orders in the pages so far that could not be read."""
