"""What the table shows, as lines: the state of all orders and venues, and where the user is in them.

Records come from any thread; keys and drawings from one other thread only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from threading import Lock

from ordwatch.core.events import VenueStats
from ordwatch.core.records import AnyRecord
from ordwatch.outputs.browser import Browser, Mode
from ordwatch.outputs.cells import CellLine, Glyphs
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.footer import footer_line, help_lines, hidden_line, nothing_line, text_footer_line
from ordwatch.outputs.forms import FormCache, Scene
from ordwatch.outputs.freshness import Freshness
from ordwatch.outputs.keys import KeyPress
from ordwatch.outputs.layout import order_lines
from ordwatch.outputs.order_details import detail_lines
from ordwatch.outputs.table_state import Overview, View
from ordwatch.outputs.venue_lines import venue_lines
from ordwatch.outputs.widths import StickyWidths


class TableContent:
    """The table without a terminal. The times of a drawing are arguments."""

    def __init__(self, keep: Filter, zone: tzinfo | None, glyphs: Glyphs, venues: Iterable[str] = ()) -> None:
        self._view = View(keep, venues)
        self.note: Callable[[], str] = str
        """What is shown below the venues, such as whether the recording is published."""
        self._browser = Browser()
        self._widths = StickyWidths()
        self._freshness = Freshness()
        self._forms = FormCache()
        self.has_bold = False
        """Whether something is bold on the screen, so that it is to be drawn again soon."""
        self._zone = zone
        self._glyphs = glyphs
        self._lock = Lock()
        self._rows_ns = 0
        """The time of the rows: it stands while the table is paused."""

    def apply(self, records: Iterable[AnyRecord]) -> None:
        """Take records, in the order of their stream."""
        with self._lock:
            self._view.apply(records)

    def latest_ns(self) -> int:
        """The latest time in any record, ns since 1970 UTC; the clock of a recording."""
        return self._view.latest_ns()

    def press(self, keys: Iterable[KeyPress]) -> bool:
        """Do what the keys mean; whether the run is to end."""
        for key in keys:
            self._browser.press(key)
        return self._browser.quit

    def lines(
        self,
        width: int,
        height: int,
        *,
        now_ns: int,
        now_s: float,
        stats: Mapping[str, VenueStats] | None,
        keys: bool = False,
        last: bool = False,
    ) -> list[CellLine]:
        """What stands on a screen of this size at `now_ns`; `now_s` is any clock that never goes back.

        With `keys` the last line says where the user is and which keys help, and an opened order or the help is shown;
        else the list. The `last` lines are left standing: nothing is bold in them.
        """
        overview = self._take(now_ns, now_s, stats)
        self._widths.begin(now_s, width)
        scene = self._scene(overview, now_ns)
        head = venue_lines(overview, scene, width)
        body = max(0, height - len(head))
        below = self._text(scene, width, body) if keys else None
        if below is None:
            shown_s = None if last else now_s
            below = self._list(overview, scene._replace(now_ns=self._rows_ns), width, body, now_s=shown_s, keys=keys)
        return [*head, *below][: max(0, height)]

    def _take(self, now_ns: int, now_s: float, stats: Mapping[str, VenueStats] | None) -> Overview:
        paused = self._browser.paused
        with self._lock:
            overview = self._view.overview(now_ns, stats)._replace(note=self.note())
            changes = self._view.take_changes() if not paused else None
        if changes is not None:
            self._rows_ns = now_ns
            self._browser.update(changes, [venue.name for venue in overview.venues])
            self._freshness.add(changes.rows.values(), now_s)
        return overview

    def _scene(self, overview: Overview, now_ns: int) -> Scene:
        venues = {venue.name: venue for venue in overview.venues}
        return Scene(now_ns, venues, self._zone, self._glyphs, self._widths, overview.several_accounts)

    def _list(
        self, overview: Overview, scene: Scene, width: int, height: int, *, now_s: float | None, keys: bool
    ) -> list[CellLine]:
        room = height - 1
        footer = keys or self._browser.chosen
        window = self._browser.window(room - 1 if footer or self._browser.listed > room else room)
        fresh = set[int]()
        if now_s is not None:
            fresh = self._freshness.positions(window.rows, now_ns=scene.now_ns, now_s=now_s)
        self.has_bold = bool(fresh)
        lines = order_lines(window, scene, width, fresh=fresh, cache=self._forms)
        if not window.rows and window.listed == 0:
            lines.append(nothing_line(window, self._glyphs, width))
        if footer:
            lines = lines[: height - 1]
            lines.append(footer_line(window, overview.changes, self._glyphs, width, hints=keys))
        elif (hidden := hidden_line(window, width)) is not None:
            lines.append(hidden)
        return lines

    def _text(self, scene: Scene, width: int, height: int) -> list[CellLine] | None:
        """The opened order, or the help; None if the list is shown."""
        browser = self._browser
        if browser.mode is Mode.HELP:
            return self._scrolled(help_lines(width), width, height)
        if browser.mode is not Mode.DETAILS or browser.opened is None:
            return None
        with self._lock:
            details = self._view.details(browser.opened)
        if details is None:
            browser.close_details()
            return None
        return self._scrolled(detail_lines(details, scene, width), width, height)

    def _scrolled(self, lines: Sequence[CellLine], width: int, height: int) -> list[CellLine]:
        first = self._browser.scrolled(len(lines), height - 1)
        end = first + max(0, height - 1)
        return [*lines[first:end], text_footer_line(first, min(end, len(lines)), len(lines), width)]
