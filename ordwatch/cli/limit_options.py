"""When a run ends by itself: the options of its limits."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ordwatch.cli import options as opt
from ordwatch.cli.display import DisplayOptions

if TYPE_CHECKING:
    from ordwatch.engine.ending import Limits

ONCE_S = 30.0
"""How long `--once` waits for the venues by default: it always ends by itself."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LimitOptions:
    """The limits of any run."""

    max_events: opt.MaxEvents = None
    duration: opt.Duration = None

    def limits(self, display: DisplayOptions) -> "Limits":
        """The limits of a run; order records that `display` filters away do not count for `--max-events`."""
        from ordwatch.engine.ending import Limits

        return Limits(max_events=self.max_events, duration_s=self.duration, counts=display.filter.passes)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TailLimitOptions(LimitOptions):
    """The limits of `tail`."""

    once: opt.Once = False
    until: opt.Until = None
    connect_timeout: opt.ConnectTimeout = None

    def limits(self, display: DisplayOptions) -> "Limits":
        """The limits of a run; a time given as `--until` is one in the zone of `display`.

        Raises:
            UsageError: `--until` is not a time, or has passed.
        """
        return replace(
            super().limits(display),
            once=self.once,
            duration_s=self.duration_s(display.time_zone),
            connect_timeout_s=self.connect_timeout_s,
        )

    def duration_s(self, zone: ZoneInfo | None) -> float | None:
        """The seconds until the earlier of `--duration` and `--until`; None without both.

        Raises:
            UsageError: `--until` is not a time, or has passed.
        """
        until_s = opt.seconds_until(self.until, zone, datetime.now(UTC)) if self.until is not None else None
        return min((seconds for seconds in (self.duration, until_s) if seconds is not None), default=None)

    @property
    def connect_timeout_s(self) -> float | None:
        """How long the venues may take to connect: as given; else 30 s with `--once`, and no limit without."""
        return ONCE_S if self.once and self.connect_timeout is None else self.connect_timeout
