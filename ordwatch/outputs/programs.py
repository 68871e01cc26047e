"""Runs a program for each order record that is shown, with the record on its stdin.

One at a time, in a thread behind a bounded queue, so that a slow program never slows the stream: what the queue has no
room for is counted. The program is in a session of its own, so that Ctrl-C does not end it in the middle.
"""

import asyncio
import logging
import os
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Lock, Thread

from ordwatch import system
from ordwatch.core.records import OrderRecord, OutputRecord, SessionRecord, numbered
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.immediate_sink import ImmediateSink
from ordwatch.outputs.writer_thread import WatchedThread, WriterQueue, WriterThread

log = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Records that wait for the program; the newest beyond that are dropped."""
RUN_S = 30.0
"""How long the program may take for one record."""
PLANNED_END_S = 30.0
"""At a planned end, what waits is finished within this time; what is left is counted."""
SIGNAL_END_S = 2.5
"""The same at a signal or after a failure, with some time left of three seconds."""
REPORT_S = 61.0
"""Dropped records are reported this often at most."""
_CHECK_S = 0.5
_LINE_S, _BYTE_S = 0.001, 0.000_001
"""A program that floods its output is read no faster than this for each line and byte; then it must wait."""
_MAX_LINE = 2000
_PLANNED_ENDS = (0, 3, 69, 77)
"""Exit codes of runs that nothing has cut short."""


class ProgramRunner(ImmediateSink):
    """A sink that runs the program. Its failures are messages on stderr and never end the run."""

    def __init__(
        self,
        argv: Sequence[str],
        keep: Filter,
        environ: Mapping[str, str],
        on_output: Callable[[str], None],
        *,
        run_s: float = RUN_S,
    ) -> None:
        """`on_output` gets each line that the program writes, in a thread of its own."""
        self._argv = argv
        self._shows = keep.shows
        self._environ = dict(environ)
        self._run_s = run_s
        self._seq = 0
        self._queue = WriterQueue[bytes](max_items=MAX_WAITING, group_items=1, on_full=self._count_dropped)
        self._thread = WatchedThread(WriterThread("run a program", self._queue, self._run_each), _as_it_is)
        self._output = _Output(on_output)
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._hurried = asyncio.Event()
        self._dropped = 0
        self._reported_s = -REPORT_S

    def start(self) -> None:
        """Start the thread; no program yet."""
        self._output.start()
        self._thread.start()

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Queue the order records that are shown; never blocks."""
        for each in records:
            if isinstance(each.record, OrderRecord):
                if self._shows(each.record):
                    self._seq += 1
                    self._queue.put([numbered(each.json, self._seq)])
            elif isinstance(each.record, SessionRecord) and _is_cut_short(each.record):
                self.hurry()

    async def watch(self) -> None:
        """Report dropped records from time to time."""
        while True:
            await asyncio.sleep(_CHECK_S)
            if time.monotonic() - self._reported_s >= REPORT_S:
                self._report_dropped()

    def hurry(self) -> None:
        """The run was ended by a signal or a failure: little time is left for what waits."""
        self._hurried.set()

    async def close(self) -> None:
        """Let the program finish what waits, for PLANNED_END_S at most; SIGNAL_END_S after `hurry`."""
        closing = asyncio.create_task(self._thread.close(PLANNED_END_S))
        hurried = asyncio.create_task(self._hurried.wait())
        await asyncio.wait([closing, hurried], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([closing], timeout=SIGNAL_END_S)
        for task in (closing, hurried):
            task.cancel()
        self._stop()
        self._report_dropped()
        await asyncio.to_thread(self._output.close)
        [failure, _] = await asyncio.gather(closing, hurried, return_exceptions=True)
        if isinstance(failure, Exception):
            raise failure

    def _stop(self) -> None:
        """Kill the program that still runs, and count what it was not run for."""
        with self._lock:
            self._stopped = True
            self._dropped += len(self._queue)
            self._queue.clear()
            if self._process is not None:
                self._dropped += 1
                system.kill_group(self._process)

    def _count_dropped(self, _waiting: deque[bytes], _item: bytes) -> None:
        self._dropped += 1

    def _report_dropped(self) -> None:
        if not self._dropped:
            return
        dropped, self._dropped = self._dropped, 0
        self._reported_s = time.monotonic()
        what = "record was" if dropped == 1 else "records were"
        log.error("--exec: %d %s dropped, because %s is too slow", dropped, what, self._argv[0])

    # In the thread.

    def _run_each(self, lines: list[bytes]) -> None:
        for line in lines:
            self._run(line)

    def _run(self, line: bytes) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own program, without a shell
                self._argv,
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=self._output.descriptor,
                stderr=self._output.descriptor,
                start_new_session=True,
            )
        except (OSError, ValueError) as exc:
            self._report_failure(f"cannot be run ({getattr(exc, 'strerror', None) or exc})")
            return
        with self._lock:
            self._process = process
            if self._stopped:
                system.kill_group(process)
        try:
            self._finish(process, line)
        finally:
            with self._lock:
                self._process = None

    def _finish(self, process: "subprocess.Popen[bytes]", line: bytes) -> None:
        try:
            process.communicate(line + b"\n", timeout=self._run_s)
        except subprocess.TimeoutExpired:
            system.kill_group(process)
            process.wait()
            with suppress(OSError):  # what it did not read
                process.communicate()
            self._report_failure(f"did not end within {self._run_s:g} s and was killed")
            return
        if process.returncode and not self._stopped:
            self._report_failure(_ending(process.returncode))

    def _report_failure(self, what: str) -> None:
        log.error("--exec: %s: %s", self._argv[0], what)


def _is_cut_short(session: SessionRecord) -> bool:
    """Whether the session ends by a signal or a failure."""
    return session.state == "end" and session.exit not in _PLANNED_ENDS


def _ending(returncode: int) -> str:
    return f"exit status {returncode}" if returncode > 0 else f"killed by signal {-returncode}"


def _as_it_is(error: BaseException) -> BaseException:
    return error


class _Output:
    """One pipe for the output of all runs of the program, and the thread that reads it."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self.descriptor = -1
        """Where the program writes."""

    def start(self) -> None:
        reader, self.descriptor = os.pipe()
        # A daemon: a program that was left in the background may hold the pipe open for ever.
        self._thread = Thread(target=self._read, args=(reader,), name="read a program's output", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Pass on what was written, unless something holds the pipe open."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
            self._thread.join(0.2)

    def _read(self, reader: int) -> None:
        rest = b""
        with open(reader, "rb", buffering=0) as pipe:
            while chunk := pipe.read(16 * 1024):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._on_line(line[:_MAX_LINE].decode("utf-8", "replace"))
                rest = rest[:_MAX_LINE]
                time.sleep(len(lines) * _LINE_S + len(chunk) * _BYTE_S)
        if rest:
            self._on_line(rest.decode("utf-8", "replace"))
