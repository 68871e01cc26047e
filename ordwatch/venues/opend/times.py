"""OpenD's times: unix seconds as doubles, and local texts without a zone.

Both: Futu API documentation, "Trading Definitions", Order: texts are in the exchange's zone, those of futures in
the zone OpenD is configured with; the timestamps say the same in UTC, to the microsecond.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ordwatch.venues.opend import tables
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

MAX_SECONDS = 253402300800.0
"""The year 10000: what is beyond is no time in seconds."""

_YEAR_3000_S = 32503680000

_TEXT = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?", re.ASCII)


def seconds_ns(seconds: float) -> int | None:
    """Nanoseconds of a timestamp, exact to the microsecond, as precise as OpenD is; None if it is no time."""
    if not 0 < seconds < MAX_SECONDS:
        return None
    return int(seconds * 1e6 + 0.5) * 1000


def clock_ns(seconds: int) -> int | None:
    """Nanoseconds of what a clock shows, in whole seconds; None if no clock shows that."""
    return seconds * 1_000_000_000 if 0 < seconds < _YEAR_3000_S else None


@lru_cache(maxsize=1024)
def text_ns(text: str, zone: str) -> int | None:
    """Nanoseconds of a local text in a zone; None if it is no time. Of a doubled hour, the first."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    *whole, fraction = match.groups()
    year, month, day, hour, minute, second = map(int, whole)
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone))
        return int(local.timestamp()) * 1_000_000_000 + int((fraction or "").ljust(6, "0")) * 1000
    except (ValueError, OverflowError, ZoneInfoNotFoundError):
        return None


def local_text(ns: int, zone: str) -> str:
    """The local text OpenD wants for a time, in whole seconds."""
    return datetime.fromtimestamp(ns // 1_000_000_000, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def midnight_ns(ns: int, zone: str) -> int:
    """The beginning of the day that it is at `ns` in a zone."""
    local = datetime.fromtimestamp(ns // 1_000_000_000, ZoneInfo(zone))
    return int(local.replace(hour=0, minute=0, second=0).astimezone(UTC).timestamp()) * 1_000_000_000


def zone_of(order: pb.Order, header: pb.TrdHeader, futures_zone: str) -> str | None:
    """The zone of an order's texts: of its security's market, else of a trading market; None if none has one."""
    markets = (order.trdMarket, header.trdMarket)
    if not tables.FUTURES_MARKETS.isdisjoint(markets):
        return futures_zone
    zones = (tables.SEC_MARKET_ZONES.get(order.secMarket), *map(tables.TRD_MARKET_ZONES.get, markets))
    return next(filter(None, zones), None)


def day_began_ns(ns: int, markets: Iterable[int]) -> int | None:
    """When the trading day that it is at `ns` had surely begun in all of these trading markets.

    None where that is not known: futures and overnight sessions begin their day on the evening before, at hours of
    their own.
    """
    if not tables.ONE_DAY_MARKETS.issuperset(markets):
        return None
    return max((midnight_ns(ns, tables.TRD_MARKET_ZONES[market]) for market in markets), default=None)
