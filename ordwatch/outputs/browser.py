"""What keys do to the table: a state machine without terminal, clock or threads.

Keys come in, a window of rows goes out.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from ordwatch.core.events import OrderKey
from ordwatch.outputs.keys import Key, KeyPress
from ordwatch.outputs.listing import Listing, Selection, Sort
from ordwatch.outputs.table_state import Changes, TableRow

MAX_FILTER = 80
"""Characters that a filter may have."""

_SORTS = list(Sort)
_MOVES = {Key.UP, Key.DOWN, Key.PAGE_UP, Key.PAGE_DOWN, Key.HOME, Key.END, "j", "k"}


class Mode(Enum):
    """What the screen shows, and what keys mean."""

    LIST = auto()
    FILTER = auto()
    """The list, while the text of the filter is typed."""
    DETAILS = auto()
    HELP = auto()


class Window(NamedTuple):
    """The part of the list that is on the screen, and the counts of all of it."""

    rows: Sequence[TableRow]
    first: int
    """The position of the first of them in the list."""
    mark: int | None
    """Which of them is marked."""
    listed: int
    open_orders: int
    held: int
    """All orders, listed or not."""
    mode: Mode
    selection: Selection
    paused: bool


class Browser:
    """Where the user is in the list of orders."""

    def __init__(self) -> None:
        self._listing = Listing()
        self._mode = Mode.LIST
        self._before_help = Mode.LIST
        self._mark: OrderKey | None = None
        self._mark_at = 0
        """The position of the marked order at the last drawing."""
        self._top = 0
        """The position of the first row on the screen."""
        self._page = 1
        self._venues: Sequence[str] = ()
        self.opened: OrderKey | None = None
        """The order that is shown whole."""
        self._scroll = 0
        """The first line that is shown of an order or of the help."""
        self.paused = False
        self.quit = False
        """Whether the run is to end."""

    @property
    def mode(self) -> Mode:
        """What the screen shows."""
        return self._mode

    @property
    def listed(self) -> int:
        """How many orders the list has."""
        return len(self._listing)

    @property
    def chosen(self) -> bool:
        """Whether the list is not simply all orders, the latest change on top."""
        return self.paused or self._listing.selection != Selection()

    def scrolled(self, lines: int, height: int) -> int:
        """The first of so many lines of text to show on a screen of this height; the last screen is full."""
        self._scroll = min(self._scroll, max(0, lines - height))
        self._page = max(1, height)
        return self._scroll

    def update(self, changes: Changes, venues: Sequence[str]) -> None:
        """Take the orders that changed, and the names of all venues."""
        self._venues = venues
        self._listing.apply(changes)

    def close_details(self) -> None:
        """Go back to the list: the order that was opened is no longer known."""
        self._mode, self.opened = Mode.LIST, None

    def window(self, page: int) -> Window:
        """The rows on a screen of `page` rows."""
        self._page = max(1, page)
        self._follow_mark()
        listing = self._listing
        rows = listing.rows(self._top, page)
        return Window(
            rows,
            self._top,
            self._mark_at - self._top if self._mark is not None else None,
            len(listing),
            listing.open_orders,
            listing.held,
            self._mode,
            listing.selection,
            self.paused,
        )

    def press(self, key: KeyPress) -> None:
        """Do what the key means now."""
        match self._mode:
            case Mode.FILTER:
                self._press_in_filter(key)
            case Mode.DETAILS | Mode.HELP:
                self._press_in_text(key)
            case Mode.LIST:
                self._press_in_list(key)

    def _press_in_list(self, key: KeyPress) -> None:
        selection = self._listing.selection
        match key:
            case Key.ENTER:
                self._open()
            case Key.ESCAPE:
                self._leave()
            case "/":
                self._mode = Mode.FILTER
            case " ":
                self.paused = not self.paused
            case "o":
                self._select(selection._replace(open_only=not selection.open_only))
            case "v":
                self._select(selection._replace(venue=self._next_venue(selection.venue)))
            case "s":
                after = _SORTS[(_SORTS.index(selection.sort) + 1) % len(_SORTS)]
                self._select(selection._replace(sort=after))
            case _:
                if not self._press_anywhere(key):
                    self._move(key)

    def _press_anywhere(self, key: KeyPress) -> bool:
        match key:
            case "q":
                self.quit = True
            case "?":
                self._before_help, self._mode, self._scroll = self._mode, Mode.HELP, 0
            case _:
                return False
        return True

    def _press_in_filter(self, key: KeyPress) -> None:
        text = self._listing.selection.text
        match key:
            case str():
                self._filter((text + key)[:MAX_FILTER])
            case Key.BACKSPACE if text:
                self._filter(text[:-1])
            case Key.ESCAPE | Key.BACKSPACE:
                self._filter("")
                self._mode = Mode.LIST
            case Key.ENTER:
                self._mode = Mode.LIST
                if len(self._listing) == 1:
                    self._open()
            case _:
                self._mode = Mode.LIST
                self._move(key)

    def _press_in_text(self, key: KeyPress) -> None:
        match key:
            case Key.ESCAPE | Key.BACKSPACE:
                self._mode = self._before_help if self._mode is Mode.HELP else Mode.LIST
                self._scroll = 0
            case "?" if self._mode is Mode.HELP:
                self._mode, self._scroll = self._before_help, 0
            case _:
                if self._press_anywhere(key):
                    return
                self._scroll = max(0, _moved(self._scroll, key, self._page, last=1_000_000))

    def _filter(self, text: str) -> None:
        self._select(self._listing.selection._replace(text=text))

    def _select(self, selection: Selection) -> None:
        self._listing.select(selection)
        if self._mode is Mode.FILTER or (self._mark is not None and self._listing.position(self._mark) is None):
            self._mark, self._top = None, 0

    def _next_venue(self, venue: str | None) -> str | None:
        choices = [None, *self._venues]
        return choices[(choices.index(venue) + 1) % len(choices)] if venue in choices else None

    def _leave(self) -> None:
        """Remove what was added last: first the filter, then the mark; without a mark the newest stays on top."""
        if self._listing.selection.text:
            self._filter("")
        else:
            self._mark, self._top = None, 0

    def _open(self) -> None:
        key = self._mark if self._mark is not None else self._listing.key_at(self._top)
        if key is not None:
            self._mark = self.opened = key
            self._mode, self._scroll = Mode.DETAILS, 0

    def _move(self, key: KeyPress) -> None:
        last = len(self._listing) - 1
        if last < 0 or key not in _MOVES:
            return
        self._follow_mark()
        # Without a mark the first step down marks the first row.
        before = self._mark_at if self._mark is not None else -1
        at = min(max(0, _moved(before, key, self._page, last=last)), last)
        if key in (Key.PAGE_UP, Key.PAGE_DOWN) and before >= 0:
            self._top += at - before
        self._mark, self._mark_at = self._listing.key_at(at), at
        self._show(at)

    def _follow_mark(self) -> None:
        """Keep the marked order on the screen, on the line where it is if the list was scrolled."""
        if self._mark is None:
            self._top = 0
            return
        at = self._listing.position(self._mark)
        if at is None:  # it left the list: the one that took its place is marked
            at = min(self._mark_at, len(self._listing) - 1)
            self._mark = self._listing.key_at(at)
            if self._mark is None:
                self._top = 0
                return
        if self._top > 0:
            self._top += at - self._mark_at
        self._mark_at = at
        self._show(at)

    def _show(self, at: int) -> None:
        """Scroll as little as needed for this position to be on the screen, and the screen to be full."""
        self._top = min(max(self._top, at - self._page + 1), at)
        self._top = max(0, min(self._top, len(self._listing) - self._page))


def _moved(at: int, key: KeyPress, page: int, *, last: int) -> int:
    """Where a key moves from position `at`; unchanged if it does not move."""
    match key:
        case Key.UP | "k":
            return at - 1
        case Key.DOWN | "j":
            return at + 1
        case Key.PAGE_UP:
            return at - page
        case Key.PAGE_DOWN:
            return at + page
        case Key.HOME:
            return 0
        case Key.END:
            return last
        case _:
            return at
