"""The time of a venue's own clock, which its order history uses; our wall clock may be wrong by hours, or jump.

Pure; readings are arguments. Times of this host are those of a clock that is never set and runs on during sleep
(Moment.running_ns), so a wrong or changed wall clock has no effect.
"""

from ordwatch.venues.contract import EVER

MARGIN_NS = 60 * 1_000_000_000
"""A history is requested from so long before the time from which it is needed: a venue's servers differ in time."""


class VenueClock:
    """The venue's time, by its latest answer that contained one."""

    def __init__(self) -> None:
        self._ahead_ns: int | None = None

    def read(self, venue_ns: int, running_ns: int) -> None:
        """An answer that arrived at `running_ns` contained the venue's time `venue_ns`, ns since 1970 UTC."""
        self._ahead_ns = venue_ns - running_ns

    def at(self, running_ns: int) -> int | None:
        """The venue's time at `running_ns`; None before the first reading."""
        return None if self._ahead_ns is None else running_ns + self._ahead_ns


def since(clock_ns: int | None, latest_ns: int | None) -> int:
    """The start of the history to request, in the venue's time, margin subtracted; EVER if neither time is known.

    `clock_ns`: the venue's clock when it was last covered. `latest_ns`: the latest time in its updates until then;
    later updates have later times, even if a clock is wrong. The earlier of the two is safe.
    """
    known = [ns for ns in (clock_ns, latest_ns) if ns is not None]
    return max(min(known) - MARGIN_NS, EVER + 1) if known else EVER


def server_date_ns(date: str | None) -> int | None:
    """The time in an HTTP `Date` header, whole seconds, as ns since 1970 UTC; None if it cannot be read."""
    from email.utils import parsedate_to_datetime  # takes a while, and a venue without HTTP never needs it

    try:
        return int(parsedate_to_datetime(date or "").timestamp()) * 1_000_000_000
    except (ValueError, TypeError, OverflowError):
        return None
