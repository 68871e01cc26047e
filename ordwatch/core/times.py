"""Times as text: RFC 3339 in UTC with six decimals. The only place that formats a time of a record."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import gmtime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def time_text(ns: int) -> str:
    """RFC 3339 in UTC with six decimals."""
    second, rest = divmod(ns, 1_000_000_000)
    return f"{_second_text(second)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=1024)
def _second_text(second: int) -> str:
    year, month, day, hour, minute, sec = gmtime(second)[:6]
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{sec:02d}"


def time_ns(text: str) -> int:
    """The nanoseconds since 1970 of a text written by `time_text`.

    Raises:
        ValueError: Not such a time.
    """
    if len(text) != 27 or text[10] != "T" or text[19] != "." or text[26] != "Z":
        raise ValueError(f"not a time: {text[:40]!r}")
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND * 1000
