"""What stdout shows: the sink and its filter, from the options that `tail`, `demo` and `replay` share."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ordwatch.cli import options as opt
from ordwatch.cli.options import ColorChoice, OutputKind, RecordKinds
from ordwatch.cli.past_times import past_ns
from ordwatch.core.errors import UsageError
from ordwatch.core.events import VenueStats
from ordwatch.core.records import AnyRecord
from ordwatch.core.times import time_text
from ordwatch.engine.output import Sink
from ordwatch.outputs.filters import Filter

if TYPE_CHECKING:
    from ordwatch.outputs.table import Table

_RECORDS: dict[RecordKinds | None, Literal["orders", "gaps", "all"]] = {
    None: "gaps",
    RecordKinds.ORDERS: "orders",
    RecordKinds.GAPS: "gaps",
    RecordKinds.ALL: "all",
}
_COLORS: dict[ColorChoice, Literal["auto", "always", "never"]] = {
    ColorChoice.AUTO: "auto",
    ColorChoice.ALWAYS: "always",
    ColorChoice.NEVER: "never",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DisplayOptions:
    """Which records the user wants on stdout, and in which form."""

    output: opt.Output = None
    records: opt.RecordsOption = None
    symbol: opt.Symbols = None
    status: opt.Statuses = None
    side: opt.Sides = None
    account: opt.AccountsOption = None
    order: opt.Orders = None
    open: opt.Open = False
    time_zone: opt.TimeZone = None
    color: opt.ColorOption = ColorChoice.AUTO
    no_keys: opt.NoKeys = False

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            UsageError: `--records` with an output that is not JSON.
        """
        if self.records is not None and self.kind is not OutputKind.JSON:
            raise UsageError(f"--records is for JSON lines, the output is {self.kind}; add -o json")

    @property
    def kind(self) -> OutputKind:
        """The output given with -o; else the table on a terminal and JSON lines otherwise."""
        return self.output or (OutputKind.TABLE if os.isatty(1) else OutputKind.JSON)

    @cached_property
    def filter(self) -> Filter:
        """The filter of these options; one for all who use it, because it remembers the orders it has seen."""
        return self._filter()

    def _filter(self) -> Filter:
        return Filter(
            symbols=tuple(self.symbol or ()),
            statuses=frozenset(self.status or ()),
            sides=frozenset(self.side or ()),
            accounts=frozenset(self.account or ()),
            orders=tuple(self.order or ()),
            open_only=self.open,
            records=_RECORDS[self.records],
        )

    def sink(
        self,
        venues: Iterable[str],
        stats: Callable[[], Mapping[str, VenueStats]],
        on_quit: Callable[[], None] | None = None,
    ) -> Sink:
        """The sink for stdout; all arguments are for the table, `on_quit` is called when its user wants to end."""
        match self.kind:
            case OutputKind.JSON:
                from ordwatch.outputs.json_lines import JsonLines

                return JsonLines(1, self.filter)
            case OutputKind.TEXT:
                from ordwatch.outputs.text import TextLines

                return TextLines(1, self.filter, self.time_zone, wants_color(self.color, os.environ))
            case OutputKind.TABLE:
                return self.table(venues, stats, on_quit)

    def table(
        self,
        venues: Iterable[str] = (),
        stats: Callable[[], Mapping[str, VenueStats]] | None = None,
        on_quit: Callable[[], None] | None = None,
    ) -> "Table":
        """The table; without `stats` it shows the state of venues from the records."""
        from ordwatch.outputs.table import Table

        on_quit = on_quit if not self.no_keys else None
        return Table(self.filter, self.time_zone, stats, color=_COLORS[self.color], venues=venues, on_quit=on_quit)

    def render(self) -> Callable[[AnyRecord, int], bytes]:
        """A function that returns the line of a record, given its number in the stream."""
        if self.kind is OutputKind.JSON:
            from ordwatch.outputs.json_lines import json_line

            return json_line
        from ordwatch.outputs.text import text_bytes

        color = wants_color(self.color, os.environ)
        return lambda record, _seq: text_bytes(record, self.time_zone, color=color)

    def show_note(self, sink: Sink, note: Callable[[], str]) -> None:
        """Show what this function returns below the venues, if the output is a table."""
        if self.kind is OutputKind.TABLE:
            from ordwatch.outputs.table import Table

            if isinstance(sink, Table):
                sink.show_note(note)

    def print_above(self, sink: Sink) -> Callable[[str], bool] | None:
        """A function that prints a message above the live table; None unless stderr is the table's terminal."""
        if self.kind is not OutputKind.TABLE or not os.isatty(2):
            return None
        from ordwatch.outputs.table import Table

        if not isinstance(sink, Table):
            return None

        def above(text: str) -> bool:
            if sink.live:
                sink.show_message(text)
            return sink.live

        return above


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TailDisplayOptions(DisplayOptions):
    """The same for `tail`, where the first query lists orders that may have changed long ago."""

    since: opt.Since = None

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            UsageError: As above; or `--since` is not a time of the past.
        """
        super().check()
        _ = self.filter

    def _filter(self) -> Filter:
        if self.since is None:
            return super()._filter()
        since_ns = past_ns("--since", self.since, self.time_zone, datetime.now(UTC))
        return replace(super()._filter(), rows_since=time_text(since_ns))


def wants_color(choice: ColorChoice, environ: Mapping[str, str]) -> bool:
    """Whether text is coloured. For `auto` NO_COLOR decides, then FORCE_COLOR, then whether stdout is a terminal."""
    if choice is not ColorChoice.AUTO:
        return choice is ColorChoice.ALWAYS
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (os.isatty(1) and environ.get("TERM", "dumb") != "dumb")
