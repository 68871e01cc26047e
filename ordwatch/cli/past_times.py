"""Times in the past, as options give them: `09:30`, `30m` ago, a date, or a date and time."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from ordwatch.cli import options as opt
from ordwatch.core.errors import UsageError

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def past_ns(name: str, text: str, zone: tzinfo | None, now: datetime) -> int:
    """The time that `text` names, in ns since 1970 UTC.

    A time of day is that of `zone` (None: the machine's), and of yesterday if it is still to come today. A duration
    counts back from `now`, which has a zone. `name` is the option's, for messages.

    Raises:
        UsageError: Not a time, or not in the past.
    """
    if (seconds := opt.seconds_in(text)) is not None:
        return (now - timedelta(seconds=seconds) - _EPOCH) // _MICROSECOND * 1000
    local_now = now.astimezone(zone)
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?", text, re.ASCII):
            at = _zoned(datetime.combine(local_now.date(), opt.clock_time(text)), zone)
            if at > now:
                at = _zoned(datetime.combine(local_now.date() - timedelta(days=1), opt.clock_time(text)), zone)
        else:
            at = _zoned(datetime.fromisoformat(text), zone)
    except (ValueError, OverflowError):
        raise UsageError(f"{name}: {text!r} is not a time such as 09:30, 30m (ago) or 2026-03-02T09:30") from None
    if at > now:
        raise UsageError(
            f"{name}: {at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z} has not come yet; it is now {local_now:%H:%M:%S}"
        )
    return (at - _EPOCH) // _MICROSECOND * 1000


def _zoned(at: datetime, zone: tzinfo | None) -> datetime:
    """The same time in UTC: of times with the same zone Python compares the clocks only, not what has elapsed."""
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
