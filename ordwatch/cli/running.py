"""Runs a job in this process: signals stop it, and its outcome becomes an exit code or a signal."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn, TypeVar

import typer

from ordwatch import system
from ordwatch.cli.process import Killed, defer_hangup, exit_by_signal, take_deferred_hangup
from ordwatch.cli.stderr import log
from ordwatch.core.errors import OrdwatchError, OutputError, ReaderClosed, RecordingBusy, RecordingError, StdoutFailed
from ordwatch.engine.ending import Outcome
from ordwatch.engine.output import Sink

_SHOW_CURSOR = b"\x1b[?25h"
_REPORTED_AT_END = (OutputError, RecordingError, RecordingBusy)
T = TypeVar("T")


async def start_all(sinks: Sequence[Sink]) -> None:
    """Start every sink, or none.

    Raises:
        OutputError: One cannot be opened; those before it are closed again.
    """
    for place, sink in enumerate(sinks):
        try:
            sink.start()
        except OrdwatchError:
            await asyncio.gather(*(other.close() for other in sinks[:place]), return_exceptions=True)
            raise


def stop_on_signals(stop: Callable[[str, int], None], on_hangup: Callable[[], None] | None = None) -> None:
    """Let SIGINT, SIGTERM and SIGHUP stop the run; a second one ends the process without clean-up.

    With `on_hangup`, SIGHUP calls that instead, also a SIGHUP received during start-up. Where SIGHUP is ignored, as
    under nohup, it does nothing.
    """
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def on_signal(number: signal.Signals) -> None:
        if seen:
            if os.isatty(1):
                os.write(1, _SHOW_CURSOR)
            exit_by_signal(number)
        seen.append(number)
        stop(number.name, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        system.on_signal(loop, number, on_signal)
    hangup = system.hangup()
    if hangup is None or (on_hangup is None and signal.getsignal(hangup) is signal.SIG_IGN):
        return
    on_hangup = on_hangup or (lambda: on_signal(hangup))
    system.on_signal(loop, hangup, lambda _: on_hangup())
    if take_deferred_hangup():
        on_hangup()


def run_to_end(job: Coroutine[object, object, T]) -> T:
    """Run the coroutine in a new event loop; name lookups that still hang at its end are not waited for."""
    try:
        return asyncio.run(_with_pool(job))
    finally:
        # The loop no longer handles signals; a SIGHUP that asks for a rotation now must not end the process.
        defer_hangup()


async def _with_pool(job: Coroutine[object, object, T]) -> T:
    loop = asyncio.get_running_loop()
    lookups = ThreadPoolExecutor(8, "look up names")
    loop.set_default_executor(lookups)
    try:
        return await job
    finally:
        lookups.shutdown(wait=False, cancel_futures=True)
        # asyncio.run waits for the threads of the default executor; this one has none.
        loop.set_default_executor(ThreadPoolExecutor(1))


def finish(outcome: Outcome) -> NoReturn:
    """Report why the run ended, if that was not reported yet, and end the command.

    Raises:
        Killed: A signal ended the run and everything was written, or the reader of stdout closed it.
        typer.Exit: In all other cases, with the exit code.
    """
    for failure in outcome.failures:
        if isinstance(failure, _REPORTED_AT_END) and not isinstance(failure, StdoutFailed):
            log.error("%s", failure)
    if not outcome.connected:
        log.error("%s", outcome.reason)
    if outcome.output_failed:
        raise typer.Exit(outcome.exit_code)
    if any(isinstance(failure, ReaderClosed) for failure in outcome.failures):
        raise Killed(system.SIGPIPE)
    if outcome.signal is not None:
        raise Killed(outcome.signal)
    raise typer.Exit(outcome.exit_code)
