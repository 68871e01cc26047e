"""Messages on stderr: `ordwatch: VENUE: text`, one line each, without secrets.

The same message is written at most once a minute; repetitions are counted and reported with the next one. A separate
thread writes, because a full pipe would block the event loop.
"""

import logging
import os
import re
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING

from ordwatch.core.escaping import safe_text
from ordwatch.core.secrets import Redaction

if TYPE_CHECKING:
    from ordwatch.outputs.writer_thread import WriterQueue, WriterThread

log = logging.getLogger("ordwatch")

REPEAT_S = 60.0
"""The same message is written again after so long at the earliest."""
MAX_QUEUED = 1000
CLOSE_S = 0.5
_MAX_CAUSES = 1000
_MAX_LINE = 2000
_LEVELS = {-2: logging.CRITICAL, -1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
# Third parties print what they send at DEBUG: websockets its headers and frames, keys included.
_VERBOSE_LOGGERS = ("websockets", "aiohttp", "asyncio")


def set_up(verbosity: int = 0) -> "StderrHandler":
    """Send the messages of every logger to stderr: warnings and worse; with 1 also information, with 2 everything;
    with -1 only errors, with -2 only critical errors. A second call changes the level.
    """
    root = logging.getLogger()
    ours = next((each for each in root.handlers if isinstance(each, StderrHandler)), None) or StderrHandler()
    ours.tracebacks = verbosity > 0
    root.handlers[:] = [ours]
    root.setLevel(logging.WARNING)
    log.setLevel(_LEVELS.get(verbosity, logging.DEBUG))
    for name in _VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, log.level))
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed
    sys.unraisablehook = _unraisable
    return ours


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    log.error("internal error in a thread", exc_info=failed.exc_value)


def _unraisable(failed: "sys.UnraisableHookArgs") -> None:
    log.error("internal error while an object was deleted", exc_info=failed.exc_value)


class StderrHandler(logging.Handler):
    """The handler of every logger: formats lines, drops repetitions, passes the rest to its thread."""

    def __init__(self, fd: int = 2) -> None:
        super().__init__()
        self.redact = Redaction()
        self.tracebacks = False
        """Whether the traceback of an error is written."""
        self._fd = fd
        self._causes: dict[str, _Cause] = {}
        self._queue: WriterQueue[str | _Dropped] | None = None
        self._thread: WriterThread[str | _Dropped] | None = None
        self.above: Callable[[str], bool] | None = None
        """Prints a line above the live table on the same terminal; returns False if there is no table now."""

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the lines of a record; if the queue is full they are dropped and counted."""
        for text in self._texts(record):
            self._put(f"ordwatch: {text}")

    def write_line(self, text: str) -> None:
        """Queue a line of another program as it is, but without secrets and control characters."""
        self._put(self._clean(text))

    def flush_counts(self) -> None:
        """Report the repetitions that were not written yet."""
        for cause in self._causes.values():
            if cause.repeated:
                self._put(f"ordwatch: {cause.text} ({cause.repeated} more like it)")
        self._causes.clear()

    def close(self) -> None:
        """Write what is queued, for at most CLOSE_S."""
        self.flush_counts()
        if self._thread is not None:
            self._thread.join(CLOSE_S)
            self._queue = self._thread = None
        super().close()

    def _texts(self, record: logging.LogRecord) -> Iterator[str]:
        exception = record.exc_info[1] if record.exc_info else None
        text = record.getMessage() + (f": {_summary(exception)}" if exception is not None else "")
        text = self._clean(text)
        again = self._again(text)
        if again is None:
            return
        yield text + again
        if exception is not None and self.tracebacks:
            yield from (
                self._clean(line) for part in traceback.format_exception(exception) for line in part.split("\n")
            )

    def _clean(self, text: str) -> str:
        # Redacted first: escaping and cutting could change a secret so that the redaction misses it.
        return safe_text(self.redact(text).rstrip(), _MAX_LINE)

    def _again(self, text: str) -> str | None:
        """None if a message of this cause was written within REPEAT_S; else the text to add to it."""
        now_s = monotonic()
        key = re.sub(r"[0-9]+", "#", text)
        cause = self._causes.get(key)
        if cause is not None and now_s - cause.written_s < REPEAT_S:
            cause.repeated += 1
            cause.text = text
            return None
        if len(self._causes) >= _MAX_CAUSES:
            self._causes.clear()
        self._causes[key] = _Cause(now_s, text)
        return f" ({cause.repeated} more like it before)" if cause is not None and cause.repeated else ""

    def _put(self, text: str) -> None:
        if self.above is not None and self.above(text):
            return
        if self._queue is None:
            self._queue = self._start()
        self._queue.put([text])

    def _start(self) -> "WriterQueue[str | _Dropped]":
        # Imported here: most commands write no message, and it imports asyncio.
        from ordwatch.outputs.descriptor import fd_name
        from ordwatch.outputs.writer_thread import WriterQueue, WriterThread

        queue = WriterQueue[str | _Dropped](max_items=MAX_QUEUED, group_items=1, on_full=_count_dropped)
        self._thread = WriterThread(f"write {fd_name(self._fd)}", queue, self._write)
        self._thread.start()  # its error is ignored: there is nowhere to report that stderr failed
        return queue

    def _write(self, group: "list[str | _Dropped]") -> None:
        from ordwatch.outputs.descriptor import write_all

        write_all(self._fd, b"".join([_line(str(item)) for item in group]))


class _Dropped:
    """Messages for which the queue had no room, at their place in it."""

    def __init__(self) -> None:
        self.count = 1

    def __str__(self) -> str:
        return f"ordwatch: {self.count} messages were dropped because stderr was blocked"


def _count_dropped(waiting: deque[str | _Dropped], item: str | _Dropped) -> None:
    last = waiting[-1]
    if isinstance(last, _Dropped):
        last.count += 1
    else:
        waiting.append(_Dropped())


class _Cause:
    def __init__(self, written_s: float, text: str) -> None:
        self.written_s = written_s
        self.text = text
        self.repeated = 0


def _line(text: str) -> bytes:
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _summary(exception: BaseException) -> str:
    """Type, message and place of an error, for a bug report."""
    frames = traceback.extract_tb(exception.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    message = f": {exception}" if str(exception) else ""
    return f"{type(exception).__name__}{message}{place}"
