"""The live table: drawn by a thread of its own a few times a second, left standing at the end.

What is no terminal, or one that cannot move its cursor, gets the last state once, at the end.
"""

import asyncio
import locale
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import tzinfo
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Literal

from ordwatch import system
from ordwatch.core.escaping import MAX_TEXT
from ordwatch.core.events import VenueStats
from ordwatch.core.records import OutputRecord
from ordwatch.outputs import descriptor
from ordwatch.outputs.cells import ASCII, UNICODE, CellLine, Glyphs, shown
from ordwatch.outputs.descriptor import check_open, explain_failure, fd_name, write_all
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.immediate_sink import ImmediateSink
from ordwatch.outputs.keyboard import Keyboard
from ordwatch.outputs.keys import KeyPress
from ordwatch.outputs.table_content import TableContent
from ordwatch.outputs.writer_thread import WatchedThread, WriterQueue, WriterThread, replace_oldest

if TYPE_CHECKING:
    from ordwatch.outputs.screen import Screen

Color = Literal["auto", "always", "never"]

_DRAW_S = 0.25
"""The least time between two drawings because of records."""
_KEY_S = 0.03
"""The least time between two drawings at all."""
_IDLE_S = 1.0
_SUSPEND_S = 0.2
"""How long a drawing may hold up Ctrl-Z."""
_MAX_MESSAGES = 200
_LAST_ROWS = 500
"""Lines of the last state where there is no terminal."""
_NO_TERMINAL_WIDTH = 10_000


def _nothing() -> None:
    return None


class Table(ImmediateSink):
    """Shows every order in its latest state, and how the venues are.

    `stats` gives the state of venues between records; None, as in a replay, takes it from the records. `clock` is
    the time of the ages in ns since 1970 UTC; the default is the machine's, or without `stats` the newest record's.
    `venues` stand in the table from the start. With `on_quit` keys are read, if stdin is a terminal too, and it is
    called in the event loop when the user wants to end.
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
        on_quit: Callable[[], None] | None = None,
        keys_fd: int = 0,
    ) -> None:
        self._glyphs = glyphs_of(sys.stdout.encoding if sys.stdout is not None else "", locale.getencoding())
        self._content = TableContent(keep, zone, self._glyphs, venues)
        self._stats = stats
        self._fd = fd
        self._color = color
        self._clock = clock or (time.time_ns if stats is not None else self._content.latest_ns)
        self._live = False
        self._changed = False
        self._drawn_s = 0.0
        self._drawn_size = os.terminal_size((0, 0))
        self._drawing = Lock()
        self._on_quit = on_quit
        self._keys_fd = keys_fd
        self._keyboard: Keyboard | None = None
        self._typed: deque[KeyPress] = deque()
        self._redraw = False
        self._used = False
        self._end_signals = _nothing
        # Records are not queued: the latest state is what is drawn. Only messages are.
        self._messages = WriterQueue[str](max_items=_MAX_MESSAGES, group_items=_MAX_MESSAGES, on_full=replace_oldest)
        thread = WriterThread(
            f"write {fd_name(fd)}",
            self._messages,
            self._draw_if_due,
            idle_s=lambda: _DRAW_S - _KEY_S if self._live else None,
            pause_s=lambda: _KEY_S,
            finish=self._draw_last,
        )
        self._thread = WatchedThread(thread, explain_failure(fd))

    def start(self) -> None:
        """Start to draw, and to read keys.

        Raises:
            OutputRefused: The descriptor is closed.
        """
        check_open(self._fd)
        self._live = os.isatty(self._fd) and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
        self._drawn_s = time.monotonic()
        if self._live:
            loop = asyncio.get_running_loop()
            if self._on_quit is not None and os.isatty(self._keys_fd) and system.has_single_keys():
                self._start_keys(loop, self._on_quit)
            self._end_signals = system.on_stop_and_continue(loop, self._before_stop, self._after_continue)
        self._thread.start()

    def _start_keys(self, loop: asyncio.AbstractEventLoop, on_quit: Callable[[], None]) -> None:
        self._on_quit = lambda: _call_in(loop, on_quit)
        self._keyboard = Keyboard(self._keys_fd, self._take_keys, self._end_of_keys)
        self._keyboard.start()

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Take records; they are drawn within a quarter of a second."""
        self._content.apply(record.record for record in records)
        self._changed = True

    def show_note(self, note: Callable[[], str]) -> None:
        """Show what this function returns below the venues; nothing while it is empty."""
        self._content.note = note

    def show_message(self, text: str) -> None:
        """Show one line above the table, for good: a message for stderr, which is the same terminal."""
        self._messages.put([shown(text, self._glyphs, MAX_TEXT)])

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
            self._end_signals()
            if self._keyboard is not None:
                self._keyboard.close()

    @property
    def key_pressed(self) -> bool:
        """Whether the user has pressed a key: then a table of the past stays until the user ends it."""
        return self._used and self._keyboard is not None

    def lines(self, width: int, height: int, *, keys: bool = False, last: bool = False) -> list[CellLine]:
        """The table as it is now, in at most `height` lines of `width` cells; `keys` and `last` as for its content."""
        return self._content.lines(
            width,
            height,
            now_ns=self._clock(),
            now_s=time.monotonic(),
            stats=self._stats() if self._stats is not None else None,
            keys=keys,
            last=last,
        )

    @cached_property
    def _screen(self) -> "Screen":
        # Rich is imported here, in the thread: a run that writes lines never needs it.
        from ordwatch.outputs.screen import Screen

        return Screen(color=_wants_color(self._color))

    def _take_keys(self, keys: Sequence[KeyPress]) -> None:
        self._typed.extend(keys)
        self._used = True
        self._messages.wake()

    def _end_of_keys(self) -> None:
        self._keyboard = None
        self._redraw = True

    def _before_stop(self) -> None:
        if self._keyboard is not None:
            self._keyboard.suspend()
        # A drawing is finished first; unless the terminal was halted, as with Ctrl-S.
        locked = self._drawing.acquire(timeout=_SUSPEND_S)
        self._screen.restart()
        if locked:
            self._drawing.release()

    def _after_continue(self) -> None:
        if self._keyboard is not None:
            self._keyboard.resume()
        self._redraw = True
        self._messages.wake()

    def _draw_if_due(self, messages: list[str]) -> None:
        if not self._live:
            return
        if system.in_background(self._fd):
            self._write_messages(messages)
            return
        pressed = self._press()
        size, now_s = _size(self._fd), time.monotonic()
        since_s = now_s - self._drawn_s
        wait_s = _DRAW_S if self._changed or self._content.has_bold else _IDLE_S
        if messages or pressed or size != self._drawn_size or since_s >= wait_s:
            self._draw(size, messages)
            self._drawn_s, self._drawn_size = now_s, size

    def _press(self) -> bool:
        """Do what the keys typed since the last time mean; whether anything calls for a drawing at once."""
        redraw, self._redraw = self._redraw, False
        keys = [self._typed.popleft() for _ in range(len(self._typed))]
        if self._content.press(keys) and self._on_quit is not None:
            self._on_quit()
        return redraw or bool(keys)

    def _write_messages(self, messages: list[str]) -> None:
        """In the background the terminal is someone else's: messages are written, nothing is drawn."""
        with self._drawing:
            self._screen.restart()
            write_all(self._fd, "".join(f"{text}\r\n" for text in messages).encode("utf-8", "backslashreplace"))
        self._redraw = True

    def _draw_last(self) -> None:
        if self._live:
            self._live = False  # messages go to stderr from here on
            self._draw(_size(self._fd), self._messages.take(0), last=True)
            return
        width = _size(self._fd).columns if os.isatty(self._fd) else _NO_TERMINAL_WIDTH
        lines = self.lines(width, _LAST_ROWS, last=True)
        write_all(self._fd, self._screen.plain(lines, styles=self._color == "always"))

    def _draw(self, size: os.terminal_size, messages: list[str], *, last: bool = False) -> None:
        self._changed = False
        lines = self.lines(size.columns, size.lines - 1, keys=self._keyboard is not None and not last, last=last)
        with self._drawing:
            write_all(self._fd, self._screen.draw(lines, size, messages))


def _call_in(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    # The loop is closed if the run ended while a key was pressed.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(act)


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
