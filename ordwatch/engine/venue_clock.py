"""How late it is at a venue. Its histories are cut by its own clock, and ours may be wrong by hours, or jump.

Pure; readings come in as arguments. Times of this host are those of a clock that nobody sets and that runs on in
sleep (Moment.running_ns), so a wrong or moved wall clock changes nothing.
"""

from email.utils import parsedate_to_datetime

from ordwatch.venues.contract import EVER

MARGIN_NS = 60 * 1_000_000_000
"""A history is asked from this much before the time from which it is needed: a venue has several clocks itself."""


class VenueClock:
    """The venue's time by what its answers said last."""

    def __init__(self) -> None:
        self._ahead_ns: int | None = None

    def read(self, venue_ns: int, running_ns: int) -> None:
        """An answer said that it was `venue_ns` at the venue, ns since 1970 UTC, when it arrived at `running_ns`."""
        self._ahead_ns = venue_ns - running_ns

    def at(self, running_ns: int) -> int | None:
        """The venue's time at a moment of ours; None before the first reading."""
        return None if self._ahead_ns is None else running_ns + self._ahead_ns


def since(clock_ns: int | None, latest_ns: int | None) -> int:
    """From when a venue must be asked, in its own time, margin subtracted: EVER where nothing says it.

    `clock_ns`: the venue's clock when it was last covered. `latest_ns`: the latest time in its statements until then;
    what came after them bears later times, whatever any clock says. Of the two the earlier is safe.
    """
    known = [ns for ns in (clock_ns, latest_ns) if ns is not None]
    return max(min(known) - MARGIN_NS, EVER + 1) if known else EVER


def server_date_ns(date: str | None) -> int | None:
    """What an HTTP `Date` says, in whole seconds, ns since 1970 UTC; None where it says nothing readable."""
    try:
        return int(parsedate_to_datetime(date or "").timestamp()) * 1_000_000_000
    except (ValueError, TypeError, OverflowError):
        return None
