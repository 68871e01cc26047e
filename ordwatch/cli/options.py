"""Options that several commands share, and what their words mean."""

import difflib
import re
from datetime import datetime, time
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

import typer

from ordwatch.errors import UsageError
from ordwatch.model import OrderStatus, Side

option = partial(typer.Option, show_envvar=False)
"""An option whose help does not name its variable, since all are named alike: ORDWATCH_<COMMAND>_<OPTION>."""

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class OutputKind(StrEnum):
    """What stdout carries."""

    TABLE = "table"
    JSON = "json"
    TEXT = "text"


class RecordKinds(StrEnum):
    """Which records JSON lines carry."""

    ORDERS = "orders"
    GAPS = "gaps"
    ALL = "all"


class ColorChoice(StrEnum):
    """When to use colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Fsync(StrEnum):
    """When a recording is forced to the disk."""

    ALWAYS = "always"
    SECOND = "1s"
    NEVER = "never"


class Report(StrEnum):
    """How `check` and `verify` answer."""

    TEXT = "text"
    JSON = "json"


def duration(text: str) -> float:
    """Seconds in a text such as 90s, 30m, 6h, 1d or 90."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd]?)", text.strip(), re.ASCII)
    if found is None:
        raise typer.BadParameter("expected seconds, or a number with a unit: 90, 90s, 30m, 6h")
    return float(found[1]) * _UNITS[found[2]]


def zone(name: str) -> ZoneInfo:
    """The time zone of this name in the time-zone database."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        close = difflib.get_close_matches(name, available_timezones(), n=1)
        raise typer.BadParameter("no such time zone" + (f"; did you mean {close[0]}?" if close else "")) from None


def seconds_until(text: str, zone: ZoneInfo | None, now: datetime) -> float:
    """Seconds from `now` (with a zone) to a time: 16:10, 16:10:30 today in `zone`, or a date and time.

    Raises:
        UsageError: No time, or past.
    """
    here = now.astimezone(zone)
    try:
        bare = re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text, re.ASCII) is not None
        until = datetime.combine(here.date(), _clock_time(text)) if bare else datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("--until: expected a time such as 16:10, or 2026-03-02T16:10") from None
    until = until.replace(tzinfo=until.tzinfo or zone).astimezone(zone)
    seconds = until.timestamp() - now.timestamp()
    if seconds <= 0:
        raise UsageError(f"--until: {until:%Y-%m-%d %H:%M:%S %Z} is past; it is {here:%H:%M:%S} there")
    return seconds


def _clock_time(text: str) -> time:
    return time.fromisoformat("0" + text if text[1] == ":" else text)


def verbosity(verbose: int, *, quiet: bool) -> int:
    """How much goes to stderr, from -1 (errors only) up.

    Raises:
        UsageError: More and less at once.
    """
    if verbose and quiet:
        raise UsageError("-v asks for more messages and -q for fewer; give one")
    return -1 if quiet else verbose


ConfigFile = Annotated[
    Path | None,
    option("--config", metavar="FILE", help="Configuration. Default: $ORDWATCH_CONFIG, else the user's own."),
]
Venues = Annotated[
    list[str] | None, option("--venue", metavar="NAME", help="Only this venue; repeatable. Default: all.")
]
Output = Annotated[
    OutputKind | None,
    option("-o", "--output", help="Default: table on a terminal, JSON lines otherwise."),
]
Records = Annotated[
    RecordKinds | None, option("--records", help="JSON only: which records. Default: gaps (orders and gaps).")
]
Symbols = Annotated[list[str] | None, option("--symbol", metavar="GLOB", help="Show only these symbols; repeatable.")]
Statuses = Annotated[
    list[OrderStatus] | None,
    option("--status", case_sensitive=False, metavar="NAME", help="Show only this status; repeatable."),
]
Sides = Annotated[
    list[Side] | None,
    option("--side", case_sensitive=False, metavar="NAME", help="Show only this side; repeatable."),
]
Accounts = Annotated[list[str] | None, option("--account", metavar="ID", help="Show only this account; repeatable.")]
Open = Annotated[bool, option("--open", help="Show only orders that are open.")]
Raw = Annotated[bool, option("--raw", help="Fill `raw` with what the venue sent.")]
Once = Annotated[
    bool,
    option(
        "--once", help="Stop when every venue has answered its first query, or refused, and after 30 s in any case."
    ),
]
MaxEvents = Annotated[
    int | None, option("--max-events", min=1, metavar="N", help="Stop after N order records were shown.")
]
Duration = Annotated[
    float | None, option("--duration", parser=duration, metavar="TIME", help="Stop after 90s, 30m, 6h.")
]
Until = Annotated[
    str | None, option("--until", metavar="TIME", help="Stop at this time: 16:10 is today's in --time-zone.")
]
TimeZone = Annotated[
    ZoneInfo | None,
    option("--time-zone", parser=zone, metavar="ZONE", help="Zone of --until and times shown. Default: local."),
]
ConnectTimeout = Annotated[
    float | None,
    option(
        "--connect-timeout",
        parser=duration,
        metavar="TIME",
        help="Give up if no venue is live by then. Default: never; 30s with --once.",
    ),
]
Record = Annotated[
    Path | None, option("--record", metavar="FILE", help="Also write a durable recording, all records in it.")
]
Rotate = Annotated[str | None, option("--rotate", metavar="daily|SIZE", help="Start a new recording file then.")]
FsyncWhen = Annotated[Fsync | None, option("--fsync", help="When the recording is forced to the disk. Default: 1s.")]
LockWait = Annotated[
    float | None,
    option("--lock-wait", parser=duration, metavar="TIME", help="Wait for another ordwatch to let go of it."),
]
FailOnGap = Annotated[bool, option("--fail-on-gap", help="Exit 3 when an interval stayed uncertain.")]
Speed = Annotated[
    float, option("--speed", min=0.01, max=1000, metavar="FACTOR", help="How much faster orders come and go.")
]
ReplaySpeed = Annotated[
    float | None,
    option("--speed", min=0.01, metavar="FACTOR", help="1 is the pace of the recording. Default: as fast as can be."),
]
Seed = Annotated[int, option("--seed", min=0, help="The same number tells the same story.")]
Color = Annotated[ColorChoice, option("--color", help="Default: on a terminal, unless NO_COLOR is set.")]
Verbose = Annotated[int, option("-v", "--verbose", count=True, help="More messages on stderr; repeatable.")]
Quiet = Annotated[bool, option("-q", "--quiet", help="Only errors on stderr.")]
ReportKind = Annotated[Report, option("-o", "--output", help="How to answer.")]
