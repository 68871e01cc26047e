"""Widths that stand still: they grow at once, and shrink only after a minute in which less was needed.

No clock: the time is an argument.
"""

from collections import deque

SHRINK_S = 60.0
"""How long a width is kept after it was needed for the last time."""


class StickyWidths:
    """The widths of the table's columns, by name, over time."""

    def __init__(self) -> None:
        # For each name widths in falling order, each with the last time at which so much was needed.
        self._needs: dict[str, deque[tuple[int, float]]] = {}
        self._columns = 0
        self._now_s = 0.0

    @property
    def columns(self) -> int:
        """The width of the terminal."""
        return self._columns

    def begin(self, now_s: float, columns: int) -> None:
        """Begin a drawing at `now_s`, by a clock that never goes back; another terminal width forgets everything."""
        self._now_s = now_s
        if columns != self._columns:
            self._columns = columns
            self._needs.clear()

    def need(self, name: str, width: int) -> int:
        """The width to use where `width` is needed now: the largest that was needed within the last minute."""
        needs = self._needs.setdefault(name, deque())
        while needs and needs[-1][0] <= width:
            needs.pop()
        needs.append((width, self._now_s))
        while needs[0][1] <= self._now_s - SHRINK_S:
            needs.popleft()
        return needs[0][0]
