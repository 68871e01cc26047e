"""What stdout shows: the sink and its filter, from the options every showing command has."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Literal

from ordwatch.cli.options import ColorChoice, OutputKind, RecordKinds
from ordwatch.core.errors import UsageError
from ordwatch.core.events import OrderStatus, Side, VenueStats
from ordwatch.core.records import AnyRecord
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


@dataclass(frozen=True, kw_only=True)
class Showing:
    """What the user asked to see on stdout, and how."""

    output: OutputKind | None
    records: RecordKinds | None
    symbols: Sequence[str] | None
    statuses: Sequence[OrderStatus] | None
    sides: Sequence[Side] | None
    accounts: Sequence[str] | None
    open_only: bool
    zone: tzinfo | None
    color: ColorChoice

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            UsageError: `--records` with an output that is not JSON.
        """
        if self.records is not None and self.kind is not OutputKind.JSON:
            raise UsageError(f"--records is for JSON lines, the output is {self.kind}; add -o json")

    @property
    def kind(self) -> OutputKind:
        """The table on a terminal, JSON lines otherwise, unless one was asked for."""
        return self.output or (OutputKind.TABLE if os.isatty(1) else OutputKind.JSON)

    @property
    def keep(self) -> Filter:
        """The filter of these options."""
        return Filter(
            symbols=tuple(self.symbols or ()),
            statuses=frozenset(self.statuses or ()),
            sides=frozenset(self.sides or ()),
            accounts=frozenset(self.accounts or ()),
            open_only=self.open_only,
            records=_RECORDS[self.records],
        )

    def sink(self, venues: Iterable[str], stats: Callable[[], Mapping[str, VenueStats]]) -> Sink:
        """The sink for stdout; `stats` and `venues` are for the table."""
        match self.kind:
            case OutputKind.JSON:
                from ordwatch.outputs.json_lines import JsonLines

                return JsonLines(1, self.keep)
            case OutputKind.TEXT:
                from ordwatch.outputs.text import TextLines

                return TextLines(1, self.keep, self.zone, wants_color(self.color, os.environ))
            case OutputKind.TABLE:
                return self.table(venues, stats)

    def table(self, venues: Iterable[str] = (), stats: Callable[[], Mapping[str, VenueStats]] | None = None) -> "Table":
        """The table; without `stats` it knows of venues what the records tell."""
        from ordwatch.outputs.table import Table

        return Table(self.keep, self.zone, stats, color=_COLORS[self.color], venues=venues)

    def render(self) -> Callable[[AnyRecord, int], bytes]:
        """What makes the line of a record and its place in the stream."""
        if self.kind is OutputKind.JSON:
            from ordwatch.outputs.json_lines import json_line

            return json_line
        from ordwatch.outputs.text import text_bytes

        color = wants_color(self.color, os.environ)
        return lambda record, _seq: text_bytes(record, self.zone, color=color)

    def line_above(self, sink: Sink) -> Callable[[str], bool] | None:
        """What shows a message above the table, where stderr is the terminal the table moves on."""
        from ordwatch.outputs.table import Table

        if not isinstance(sink, Table) or not os.isatty(2):
            return None

        def above(text: str) -> bool:
            if sink.live:
                sink.show_message(text)
            return sink.live

        return above


def wants_color(choice: ColorChoice, environ: Mapping[str, str]) -> bool:
    """Whether lines of text get colour: NO_COLOR, then FORCE_COLOR decide for `auto`, else whether it is a terminal."""
    if choice is not ColorChoice.AUTO:
        return choice is ColorChoice.ALWAYS
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (os.isatty(1) and environ.get("TERM", "dumb") != "dumb")
