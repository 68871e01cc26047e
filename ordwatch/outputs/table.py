"""The live table: a view, drawn by a thread of its own a few times a second, left standing at the end.

What is no terminal, or one that cannot move its cursor, gets the last state once, at the end.
"""

import locale
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from threading import Event, Lock
from typing import TYPE_CHECKING, Literal

from ordwatch.core.escaping import MAX_TEXT
from ordwatch.core.events import VenueStats
from ordwatch.core.records import AnyRecord
from ordwatch.outputs.cells import ASCII, UNICODE, CellLine, Glyphs, shown
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.layout import table_lines
from ordwatch.outputs.output_thread import OutputThread, check_open, write_all
from ordwatch.outputs.table_state import View

if TYPE_CHECKING:
    from ordwatch.outputs.screen import Screen

Color = Literal["auto", "always", "never"]

_DRAW_S = 0.25
_IDLE_S = 1.0
_MAX_NOTES = 200
_LAST_ROWS = 500
_NO_TERMINAL_WIDTH = 10_000


class Table:
    """Shows every order in its latest state, and how the venues are.

    `stats` gives the state of venues between records; None, as in a replay, takes it from the records. `clock` is
    the time of the ages in ns since 1970 UTC; the default is the machine's, or without vitals the newest record's.
    `venues` stand in the table from the start.
    """

    def __init__(
        self,
        keep: Filter,
        zone: tzinfo | None,
        stats: Callable[[], Mapping[str, VenueStats]] | None,
        *,
        fd: int = 1,
        color: Color = "auto",
        clock: Callable[[], int] | None = None,
        venues: Iterable[str] = (),
    ) -> None:
        self._view = View(keep, venues)
        self._zone = zone
        self._stats = stats
        self._fd = fd
        self._color = color
        self._clock = clock or (time.time_ns if stats is not None else self._view.latest_ns)
        self._glyphs = glyphs_of(sys.stdout.encoding if sys.stdout is not None else "", locale.getencoding())
        self._live = False
        self._lock = Lock()
        self._changed = True
        self._closing = Event()
        self._notes: deque[str] = deque(maxlen=_MAX_NOTES)
        self._thread = OutputThread(fd, self._work)

    def start(self) -> None:
        """Start to draw.

        Raises:
            OutputRefused: The descriptor is closed.
        """
        check_open(self._fd)
        self._live = os.isatty(self._fd) and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
        self._thread.start()

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Take records; they are drawn within a quarter of a second."""
        with self._lock:
            self._view.apply(records)
            self._changed = True

    def say(self, text: str) -> None:
        """Show one line above the table, for good: a message for stderr that shares the terminal."""
        self._notes.append(shown(text, self._glyphs, MAX_TEXT))
        self._changed = True

    async def drain(self) -> None:
        """A table may skip states: nothing is queued."""

    @property
    def stalled(self) -> bool:
        """Never: a terminal that stands still misses drawings, not records."""
        return False

    @property
    def live(self) -> bool:
        """Whether the table moves on the terminal, so that messages have to go through `say`."""
        return self._live

    async def watch(self) -> None:
        """Last until the output fails.

        Raises:
            ReaderClosed: The terminal is gone.
            OutputError: Any other error of the system.
        """
        await self._thread.watch()

    async def close(self) -> None:
        """Draw the last state and leave it standing, as far as that goes within 2 s.

        Raises:
            ReaderClosed: The terminal is gone.
            OutputError: It was not drawn.
        """
        self._closing.set()
        try:
            await self._thread.close()
        finally:
            self._live = False

    def lines(self, width: int, height: int) -> list[CellLine]:
        """The table as it is now, in at most `height` lines of `width` cells."""
        now_ns = self._clock()
        stats = self._stats() if self._stats is not None else None
        with self._lock:
            picture = self._view.picture(now_ns, height, stats)
        return table_lines(picture, width, height, zone=self._zone, glyphs=self._glyphs)

    def _work(self) -> None:
        # Rich is imported here: a run that writes lines never needs it.
        from ordwatch.outputs.screen import Screen

        screen = Screen(color=_wants_color(self._color))
        if self._live:
            try:
                self._draw_until_closed(screen)
            finally:
                self._live = False
            return
        self._closing.wait()
        width = _size(self._fd).columns if os.isatty(self._fd) else _NO_TERMINAL_WIDTH
        lines = self.lines(width, _LAST_ROWS)
        write_all(self._fd, screen.plain(lines, styles=self._color == "always"))

    def _draw_until_closed(self, screen: "Screen") -> None:
        drawn_s, drawn_size = 0.0, os.terminal_size((0, 0))
        while not self._closing.wait(_DRAW_S if drawn_s else 0):
            size, now_s = _size(self._fd), time.monotonic()
            if self._changed or size != drawn_size or now_s - drawn_s >= _IDLE_S:
                self._draw(screen, size, size.lines - 1)
                drawn_s, drawn_size = now_s, size
        self._live = False
        self._draw(screen, _size(self._fd), _LAST_ROWS)

    def _draw(self, screen: "Screen", size: os.terminal_size, height: int) -> None:
        self._changed = False
        notes = [self._notes.popleft() for _ in range(len(self._notes))]
        write_all(self._fd, screen.draw(self.lines(size.columns, height), size, notes))


def glyphs_of(encoding: str, locale_encoding: str) -> Glyphs:
    """The signs for a terminal; both names must mean UTF-8, since Python itself takes UTF-8 for the C locale."""
    names = {name.lower().replace("-", "").replace("_", "") for name in (encoding, locale_encoding)}
    return UNICODE if names == {"utf8"} else ASCII


def _wants_color(color: Color) -> bool:
    return color == "always" or (color == "auto" and not os.environ.get("NO_COLOR"))


def _size(fd: int) -> os.terminal_size:
    size = os.get_terminal_size(fd)
    # A pseudo-terminal that nobody gave a size says 0.
    return os.terminal_size((size.columns or 80, size.lines or 24))
