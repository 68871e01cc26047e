"""Times and ages as text for people, in the time zone of their choice."""

from datetime import UTC, datetime, tzinfo

from ordwatch.core.times import time_ns

_DAY_S = 86_400


def zoned(text: str, zone: tzinfo | None) -> datetime | None:
    """A record's time in `zone` (None: the machine's zone); None if the text is not a time, or out of range."""
    try:
        return datetime.fromisoformat(text).astimezone(zone)
    except (ValueError, OverflowError):
        return None


def text_ns(text: str) -> int | None:
    """A record's time in nanoseconds since 1970 UTC; None if the text is not a time."""
    try:
        return time_ns(text)
    except ValueError:
        return None


def stamp(text: str, zone: tzinfo | None) -> str:
    """Date, time to the millisecond and offset, without spaces; sorts by time within a zone."""
    at = zoned(text, zone)
    return at.isoformat(timespec="milliseconds") if at is not None else text


def clock_time(text: str, zone: tzinfo | None) -> str:
    """The time of day to the second."""
    at = zoned(text, zone)
    return f"{at:%H:%M:%S}" if at is not None else text


def time_of_day(text: str, zone: tzinfo | None, now_ns: int) -> str:
    """The time of day to the millisecond if it is today's, else date and minute."""
    at = zoned(text, zone)
    if at is None:
        return text
    today = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).astimezone(zone).date()
    if at.date() == today:
        return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    return f"{at:%Y-%m-%d}" if at.year != today.year else f"{at:%b %d %H:%M}"


def duration_text(seconds: float) -> str:
    """A duration in its largest whole unit; 0 s if it is negative because clocks differ."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < _DAY_S else f"{whole // _DAY_S} d"


def short_duration_text(seconds: float) -> str:
    """The same in as few characters as possible: 41s, 3m, 2h, 1d."""
    number, unit = duration_text(seconds).split()
    return number + unit[0]
