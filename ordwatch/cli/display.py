"""What stdout shows: the sink and its filter, from the options that `tail`, `demo` and `replay` share."""

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
class DisplayOptions:
    """Which records the user wants on stdout, and in which form."""

    output: OutputKind | None
    records: RecordKinds | None
    symbols: Sequence[str] | None
    statuses: Sequence[OrderStatus] | None
    sides: Sequence[Side] | None
    accounts: Sequence[str] | None
    open_only: bool
    zone: tzinfo | None
    color: ColorChoice
    keys: bool = True
    """Whether the table reads keys, if stdin is a terminal too."""

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

    @property
    def filter(self) -> Filter:
        """The filter of these options."""
        return Filter(
            symbols=tuple(self.symbols or ()),
            statuses=frozenset(self.statuses or ()),
            sides=frozenset(self.sides or ()),
            accounts=frozenset(self.accounts or ()),
            open_only=self.open_only,
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

                return TextLines(1, self.filter, self.zone, wants_color(self.color, os.environ))
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

        on_quit = on_quit if self.keys else None
        return Table(self.filter, self.zone, stats, color=_COLORS[self.color], venues=venues, on_quit=on_quit)

    def render(self) -> Callable[[AnyRecord, int], bytes]:
        """A function that returns the line of a record, given its number in the stream."""
        if self.kind is OutputKind.JSON:
            from ordwatch.outputs.json_lines import json_line

            return json_line
        from ordwatch.outputs.text import text_bytes

        color = wants_color(self.color, os.environ)
        return lambda record, _seq: text_bytes(record, self.zone, color=color)

    def print_above(self, sink: Sink) -> Callable[[str], bool] | None:
        """A function that prints a message above the live table; None unless stderr is the table's terminal."""
        from ordwatch.outputs.table import Table

        if not isinstance(sink, Table) or not os.isatty(2):
            return None

        def above(text: str) -> bool:
            if sink.live:
                sink.show_message(text)
            return sink.live

        return above


def wants_color(choice: ColorChoice, environ: Mapping[str, str]) -> bool:
    """Whether text is coloured. For `auto` NO_COLOR decides, then FORCE_COLOR, then whether stdout is a terminal."""
    if choice is not ColorChoice.AUTO:
        return choice is ColorChoice.ALWAYS
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (os.isatty(1) and environ.get("TERM", "dumb") != "dumb")
