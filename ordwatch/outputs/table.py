"""The live table: a view, drawn by a thread of its own a few times a second, left standing at the end.

What is no terminal, or one that cannot move its cursor, gets the last state once, at the end.
"""

import locale
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Literal

from ordwatch.core.escaping import MAX_TEXT
from ordwatch.core.events import VenueStats
from ordwatch.core.records import OutputRecord
from ordwatch.outputs import descriptor
from ordwatch.outputs.cells import ASCII, UNICODE, CellLine, Glyphs, shown
from ordwatch.outputs.descriptor import check_open, explain_failure, fd_name, write_all
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.layout import table_lines
from ordwatch.outputs.table_state import View
from ordwatch.outputs.writer_thread import WatchedThread, WriterQueue, WriterThread, replace_oldest

if TYPE_CHECKING:
    from ordwatch.outputs.screen import Screen

Color = Literal["auto", "always", "never"]

_DRAW_S = 0.25
_IDLE_S = 1.0
_MAX_MESSAGES = 200
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
        self._drawn_s = 0.0
        self._drawn_size = os.terminal_size((0, 0))
        # Records are not queued: the latest state is what is drawn. Only messages are.
        self._messages = WriterQueue[str](max_items=_MAX_MESSAGES, group_items=_MAX_MESSAGES, on_full=replace_oldest)
        thread = WriterThread(
            f"write {fd_name(fd)}",
            self._messages,
            self._draw_if_due,
            idle_s=lambda: 0.0 if self._live else None,
            pause_s=_DRAW_S,
            finish=self._draw_last,
        )
        self._thread = WatchedThread(thread, explain_failure(fd))

    def start(self) -> None:
        """Start to draw.

        Raises:
            OutputRefused: The descriptor is closed.
        """
        check_open(self._fd)
        self._live = os.isatty(self._fd) and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
        self._thread.start()

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Take records; they are drawn within a quarter of a second."""
        with self._lock:
            self._view.apply(record.record for record in records)
            self._changed = True

    def show_message(self, text: str) -> None:
        """Show one line above the table, for good: a message for stderr, which is the same terminal."""
        self._messages.put([shown(text, self._glyphs, MAX_TEXT)])

    async def drain(self) -> None:
        """A table may skip states: nothing is queued."""

    @property
    def stalled(self) -> bool:
        """Never: a terminal that stands still misses drawings, not records."""
        return False

    @property
    def live(self) -> bool:
        """Whether the table moves on the terminal, so that messages have to go through `show_message`."""
        return self._live and not self._thread.failed

    async def watch(self) -> None:
        """Last until the output ends.

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
        try:
            if not await self._thread.close(descriptor.CLOSE_S):
                raise descriptor.incomplete(self._fd)
        finally:
            self._live = False

    def lines(self, width: int, height: int) -> list[CellLine]:
        """The table as it is now, in at most `height` lines of `width` cells."""
        now_ns = self._clock()
        stats = self._stats() if self._stats is not None else None
        with self._lock:
            picture = self._view.picture(now_ns, height, stats)
        return table_lines(picture, width, height, zone=self._zone, glyphs=self._glyphs)

    @cached_property
    def _screen(self) -> "Screen":
        # Rich is imported here, in the thread: a run that writes lines never needs it.
        from ordwatch.outputs.screen import Screen

        return Screen(color=_wants_color(self._color))

    def _draw_if_due(self, messages: list[str]) -> None:
        if not self._live:
            return
        size, now_s = _size(self._fd), time.monotonic()
        if messages or self._changed or size != self._drawn_size or now_s - self._drawn_s >= _IDLE_S:
            self._draw(size, size.lines - 1, messages)
            self._drawn_s, self._drawn_size = now_s, size

    def _draw_last(self) -> None:
        if self._live:
            self._live = False  # messages go to stderr from here on
            self._draw(_size(self._fd), _LAST_ROWS, self._messages.take(0))
            return
        width = _size(self._fd).columns if os.isatty(self._fd) else _NO_TERMINAL_WIDTH
        lines = self.lines(width, _LAST_ROWS)
        write_all(self._fd, self._screen.plain(lines, styles=self._color == "always"))

    def _draw(self, size: os.terminal_size, height: int, messages: list[str]) -> None:
        self._changed = False
        write_all(self._fd, self._screen.draw(self.lines(size.columns, height), size, messages))


def glyphs_of(encoding: str, locale_encoding: str) -> Glyphs:
    """The signs for a terminal; both names must mean UTF-8, since Python itself takes UTF-8 for the C locale."""
    names = {name.lower().replace("-", "").replace("_", "") for name in (encoding, locale_encoding)}
    return UNICODE if names == {"utf8"} else ASCII


def _wants_color(color: Color) -> bool:
    return color == "always" or (color == "auto" and not os.environ.get("NO_COLOR"))


def _size(fd: int) -> os.terminal_size:
    size = os.get_terminal_size(fd)
    # A pseudo-terminal that nobody gave a size has 0.
    return os.terminal_size((size.columns or 80, size.lines or 24))
