"""How far the reading of large files is: a bar on stderr if that is a terminal, else with -v a line every 10 s."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from ordwatch.cli.stderr import log
from ordwatch.recording.inputs import stored_bytes

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SHOWN_AFTER_S = 1.0
"""What is read in less shows no bar."""
LINE_S = 10.0


@contextmanager
def reading_progress(
    doing: str, paths: Iterable[Path], *, quiet: bool = False, now_s: Callable[[], float] = monotonic
) -> Iterator[Callable[[int], None]]:
    """What takes the numbers of bytes read of these files, from one thread, and shows them."""
    total = sum(stored_bytes(path) for path in paths)
    if quiet:
        yield lambda _count: None
        return
    shown: _Bar | _Lines = _Bar(doing, total, now_s) if os.isatty(2) else _Lines(doing, total, now_s)
    try:
        yield shown.add
    finally:
        shown.close()


class _Bar:
    def __init__(self, doing: str, total: int, now_s: Callable[[], float]) -> None:
        self._doing = doing
        self._total = total
        self._now_s = now_s
        self._began_s = now_s()
        self._read = 0
        self._bar: tuple[Progress, TaskID] | None = None

    def add(self, count: int) -> None:
        self._read += count
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, completed=self._read)
        elif self._now_s() - self._began_s > SHOWN_AFTER_S:
            self._bar = self._started()

    def close(self) -> None:
        if self._bar is not None:
            self._bar[0].stop()

    def _started(self) -> "tuple[Progress, TaskID]":
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        # Transient: nothing of it is left on the screen, as nothing is in a file.
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        task = bar.add_task(self._doing, total=self._total or None, completed=self._read)
        bar.start()
        return bar, task


class _Lines:
    def __init__(self, doing: str, total: int, now_s: Callable[[], float]) -> None:
        self._doing = doing
        self._total = total
        self._now_s = now_s
        self._last_s = now_s()
        self._read = 0

    def add(self, count: int) -> None:
        self._read += count
        if self._now_s() - self._last_s >= LINE_S:
            self._last_s = self._now_s()
            percent = f" ({100 * self._read / self._total:.0f} %)" if self._total else ""
            log.info("%s: %.0f MB read%s", self._doing, self._read / 1e6, percent)

    def close(self) -> None:
        """Nothing is left open."""
