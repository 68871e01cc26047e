"""Options that several commands share, and how their values are read."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import typer
from typer.models import OptionInfo

from ordwatch.core.errors import UsageError
from ordwatch.core.events import OrderStatus, Side
from ordwatch.core.suggestions import suggest

option = partial(typer.Option, show_envvar=False, show_default=False)
"""An option whose help does not name its environment variable: all are named ORDWATCH_<COMMAND>_<OPTION>.

Its help text names the default. Values are read by the functions below and not by their type, because typer's error
messages differ from release to release.
"""

Name = TypeVar("Name", bound=StrEnum)

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


class ResultFormat(StrEnum):
    """The output format of `check` and `verify`."""

    TEXT = "text"
    JSON = "json"


def duration(text: str) -> float:
    """Seconds in a text such as 90s, 30m, 6h, 1d or 90."""
    seconds = seconds_in(text)
    if seconds is None:
        raise typer.BadParameter(f"{text!r} is not a duration such as 90, 90s, 30m, 6h or 1d")
    return seconds


def seconds_in(text: str) -> float | None:
    """The same, or None if it is no duration."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd]?)", text.strip(), re.ASCII)
    return None if match is None else float(match[1]) * _UNITS[match[2]]


def zone(name: str) -> ZoneInfo:
    """The time zone of this name in the time-zone database."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise typer.BadParameter(f"{name!r} is not a time zone{suggest(name, available_timezones())}") from None


def some_text(text: str) -> str:
    """The text, which must not be empty: an empty variable of a script would let all pass, or nothing."""
    if not text.strip(" …"):
        raise typer.BadParameter(f"{text!r} is empty")
    return text


def check_venues(chosen: Iterable[str], known: Collection[str], where: object) -> None:
    """Refuse a venue that a recording does not name; one that names none yet may still name it.

    Raises:
        UsageError: The first of the chosen venues that is not known.
    """
    for name in sorted(chosen):
        if known and name not in known:
            hint = suggest(name, known) or f"; there are {', '.join(known)}"
            raise UsageError(f"no venue {name!r} in {where}{hint}")


def one_of(names: type[Name]) -> Callable[[str], Name]:
    """A parser for one of these names, in any case."""
    known = {each.value.lower(): each for each in names}

    def read(text: str) -> Name:
        if text.lower() not in known:
            listed = ", ".join(known)
            raise typer.BadParameter(f"{text!r} is not one of {listed}{suggest(text, known)}")
        return known[text.lower()]

    return read


def whole_number(minimum: int, maximum: int | None = None) -> Callable[[str | int], int]:
    """A parser for a whole number, `minimum` or more and at most `maximum`."""
    allowed = f"of {minimum} or more" if maximum is None else f"from {minimum} to {maximum}"

    def read(text: str | int) -> int:
        number = int(text) if re.fullmatch("[0-9]{1,18}", str(text), re.ASCII) else -1
        if number < minimum or (maximum is not None and number > maximum):
            raise typer.BadParameter(f"{text!r} is not a whole number {allowed}")
        return number

    return read


def factor(maximum: float) -> Callable[[str | float], float]:
    """A parser for a number from 0.01 to `maximum`."""

    def read(text: str | float) -> float:
        number = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", str(text), re.ASCII) else 0.0
        if not 0.01 <= number <= maximum:
            raise typer.BadParameter(f"{text!r} is not a number from 0.01 to {maximum:.0f}")
        return number

    return read


def seconds_until(text: str, zone: ZoneInfo | None, now: datetime) -> float:
    """Seconds from `now` (with a zone) to a time: 16:10, 16:10:30 today in `zone`, or a date and time.

    Raises:
        UsageError: Not a time, or in the past.
    """
    local_now = now.astimezone(zone)
    try:
        time_only = re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text, re.ASCII) is not None
        until = datetime.combine(local_now.date(), clock_time(text)) if time_only else datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("--until: expected a time such as 16:10, or 2026-03-02T16:10") from None
    # Of a time that a clock change leaves out, `astimezone` of the machine's zone makes an hour before the change.
    seconds = until.replace(tzinfo=until.tzinfo or zone).timestamp() - now.timestamp()
    if seconds <= 0:
        passed = (now + timedelta(seconds=seconds)).astimezone(zone)
        raise UsageError(f"--until: {passed:%Y-%m-%d %H:%M:%S %Z} has passed; it is now {local_now:%H:%M:%S} there")
    return seconds


def clock_time(text: str) -> time:
    """The time of day in a text such as 9:30 or 09:30:15.

    Raises:
        ValueError: There is no such time.
    """
    return time.fromisoformat("0" + text if text[1] == ":" else text)


def choice(*names: str, of: type[Name], help: str, metavar: str | None = None) -> OptionInfo:  # noqa: A002 - as typer's
    """An option that takes one of some names; the shell completes them."""
    known = [each.value.lower() for each in of]

    def complete(incomplete: str) -> list[str]:
        return [name for name in known if name.startswith(incomplete.lower())]

    info: OptionInfo = option(
        *names, parser=one_of(of), metavar=metavar or "|".join(known), autocompletion=complete, help=help
    )
    return info


def _complete_venue(context: typer.Context, incomplete: str) -> list[str]:
    """The names of the venues in the configuration; the built-in kinds for commands without one."""
    if "config" not in context.params:
        from ordwatch.venues import REGISTRY

        names = list(REGISTRY)
    else:
        from ordwatch.cli.configuration import venue_names

        names = venue_names(context.params["config"])
    return [name for name in names if name.startswith(incomplete)]


ConfigFile = Annotated[
    Path | None,
    option("--config", metavar="FILE", help="Configuration. Default: $ORDWATCH_CONFIG, else the user's own."),
]
Venues = Annotated[
    list[str] | None,
    option(
        "--venue",
        metavar="NAME",
        autocompletion=_complete_venue,
        help="Only this venue; repeatable. Default: all.",
    ),
]
Output = Annotated[
    OutputKind | None,
    choice("-o", "--output", of=OutputKind, help="Default: table on a terminal, JSON lines otherwise."),
]
RecordsOption = Annotated[
    RecordKinds | None,
    choice("--records", of=RecordKinds, help="JSON only: which records. Default: gaps (orders and gaps)."),
]
Symbols = Annotated[
    list[str] | None,
    option("--symbol", parser=some_text, metavar="GLOB", help="Show only these symbols; repeatable."),
]
Statuses = Annotated[
    list[OrderStatus] | None,
    choice(
        "--status",
        of=OrderStatus,
        metavar="NAME",
        help=f"Show only this status; repeatable: {', '.join(OrderStatus).lower()}.",
    ),
]
Sides = Annotated[
    list[Side] | None,
    choice("--side", of=Side, metavar="NAME", help=f"Show only this side; repeatable: {', '.join(Side).lower()}."),
]
AccountsOption = Annotated[
    list[str] | None,
    option("--account", parser=some_text, metavar="ID", help="Show only this account; repeatable."),
]
Orders = Annotated[
    list[str] | None,
    option(
        "--order",
        parser=some_text,
        metavar="ID",
        help="Show only the order with this id, or the end of an id; repeatable.",
    ),
]
Since = Annotated[
    str | None,
    option(
        "--since",
        metavar="TIME",
        help="Show only what changed since 09:30 (today, or else yesterday), 30m ago, or a full time.",
    ),
]
At = Annotated[
    str | None,
    option(
        "--at",
        metavar="TIME",
        help="The state of every order as it was known at 14:30 (today, or else yesterday), 30m ago, or a full time. "
        "Exits 3 if a venue was not seen then.",
    ),
]
Open = Annotated[bool, option("--open", help="Show only orders that are open.")]
Raw = Annotated[bool, option("--raw", help="Fill `raw` with what the venue sent.")]
Once = Annotated[
    bool,
    option(
        "--once", help="Stop when every venue has answered its first query or refused it, at the latest after 30 s."
    ),
]
MaxEvents = Annotated[
    int | None,
    option("--max-events", parser=whole_number(1), metavar="N", help="Stop after N order records."),
]
Duration = Annotated[
    float | None, option("--duration", parser=duration, metavar="TIME", help="Stop after 90s, 30m, 6h.")
]
Until = Annotated[
    str | None,
    option("--until", metavar="TIME", help="Stop at a time such as 16:10, today, in the zone of --time-zone."),
]
TimeZone = Annotated[
    ZoneInfo | None,
    option("--time-zone", parser=zone, metavar="ZONE", help="Zone of the times shown and of --until. Default: local."),
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
RecordOption = Annotated[
    Path | None, option("--record", metavar="FILE", help="Also write all records to this recording.")
]
Rotate = Annotated[
    str | None,
    option(
        "--rotate", metavar="daily|SIZE", help="Start a new recording file each UTC day, or at a size: 64K, 100M, 1G."
    ),
]
FsyncWhen = Annotated[
    Fsync | None, choice("--fsync", of=Fsync, help="When the recording is forced to the disk. Default: 1s.")
]
LockWait = Annotated[
    float | None,
    option(
        "--lock-wait",
        parser=duration,
        metavar="TIME",
        help="How long to wait while another ordwatch writes the recording. Default: 0.",
    ),
]
FailOnGap = Annotated[
    bool, option("--fail-on-gap", help="Exit 3 if an interval stayed uncertain, or a venue never was live.")
]
MetricsTarget = Annotated[
    str | None,
    option(
        "--metrics",
        metavar="FILE|HOST:PORT",
        help="OpenMetrics for a monitoring system: a file replaced every 10 s, or /metrics and /healthz on an address.",
    ),
]
Speed = Annotated[
    float,
    option("--speed", parser=factor(1000), metavar="FACTOR", help="How much faster the simulators act. Default: 1."),
]
ReplaySpeed = Annotated[
    float | None,
    option(
        "--speed",
        parser=factor(1_000_000),
        metavar="FACTOR",
        help="1 is the pace of the recording. Default: as fast as possible.",
    ),
]
Seed = Annotated[
    int,
    option("--seed", parser=whole_number(0), metavar="N", help="The same number gives the same orders. Default: 0."),
]
ColorOption = Annotated[
    ColorChoice, choice("--color", of=ColorChoice, help="Default: on a terminal, unless NO_COLOR is set.")
]
NoKeys = Annotated[bool, option("--no-keys", help="Leave stdin alone: the table reads no keys.")]
Verbose = Annotated[int, option("-v", "--verbose", count=True, help="More messages on stderr; repeatable.")]
Quiet = Annotated[bool, option("-q", "--quiet", help="Only errors on stderr.")]
ResultFormatOption = Annotated[
    ResultFormat, choice("-o", "--output", of=ResultFormat, help="Output format. Default: text.")
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MessageOptions:
    """How many messages stderr carries."""

    verbose: Verbose = 0
    quiet: Quiet = False

    @property
    def level(self) -> int:
        """The level of messages on stderr, -1 (errors only) or more.

        Raises:
            UsageError: Both options were given.
        """
        if self.verbose and self.quiet:
            raise UsageError("-v asks for more messages and -q for fewer; give one")
        return -1 if self.quiet else self.verbose
