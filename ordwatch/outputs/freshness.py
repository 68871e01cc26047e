"""Which rows are bold because they changed a moment ago. No clock: the times are arguments."""

from collections.abc import Iterable, Sequence

from ordwatch.outputs.display_times import text_ns
from ordwatch.outputs.table_state import TableRow

FRESH_S = 1.75
"""How long a change stays bold; with the time until the next drawing never more than 2 s."""

_SHARE = 3
"""Only while fewer than one of so many rows changed: where everything is bold, nothing is."""


class Freshness:
    """When the latest changes were first shown."""

    def __init__(self) -> None:
        self._shown_s: dict[int, float] = {}
        """By the number of the change, in rising order of the times."""

    def add(self, rows: Iterable[TableRow | None], now_s: float) -> None:
        """Note changes that are shown from now on; `now_s` is by any clock that never goes back."""
        for row in rows:
            if row is not None:
                self._shown_s[row.number] = now_s
        for number, shown_s in list(self._shown_s.items()):
            if now_s - shown_s < FRESH_S:
                break
            del self._shown_s[number]

    def positions(self, rows: Sequence[TableRow], *, now_ns: int, now_s: float) -> set[int]:
        """Which of the rows on the screen are bold.

        A change must be young by both clocks: a first query shows old changes, and in a replay the clock of the records
        stands still when they end.
        """
        fresh = {at for at, row in enumerate(rows) if self._is_fresh(row, now_ns, now_s)}
        return fresh if len(fresh) * _SHARE < len(rows) else set()

    def _is_fresh(self, row: TableRow, now_ns: int, now_s: float) -> bool:
        shown_s, changed_ns = self._shown_s.get(row.number), text_ns(row.changed_at)
        if shown_s is None or changed_ns is None:
            return False
        return now_s - shown_s < FRESH_S and now_ns - changed_ns < FRESH_S * 1e9
