"""`ordwatch replay`: shows a recording in the table, or writes its records again."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ordwatch import system
from ordwatch.cli import options as opt
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.past_times import past_ns
from ordwatch.cli.process import Killed
from ordwatch.cli.stderr import set_up
from ordwatch.core.errors import OutputError, UsageError

if TYPE_CHECKING:
    from ordwatch.core.records import AnyRecord
    from ordwatch.outputs.table import Table
    from ordwatch.recording.reading import TimedRecord

_FINISH_S = 0.5
"""How long the current line may still take after a signal."""


def replay(
    file: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one recording; - is stdin.")],
    *,
    venue: opt.Venues = None,
    display: DisplayOptions,
    max_events: opt.MaxEvents = None,
    since: opt.Since = None,
    at: opt.At = None,
    speed: opt.ReplaySpeed = None,
    messages: opt.MessageOptions,
) -> None:
    """\b
    Examples:
      ordwatch replay day.jsonl               the last state of every order
      ordwatch replay day.jsonl --speed 60    an hour in a minute
      ordwatch replay day.jsonl -o json --status rejected
      ordwatch replay day.jsonl --at 14:30 --open
      ssh HOST tail -f -n +1 day.jsonl | ordwatch replay -

    Show a recording in the table, or write its records unchanged.
    """
    set_up(messages.level)
    display.check()
    bounds = _Bounds(
        since_ns=_past_ns("--since", since, display),
        at_ns=_past_ns("--at", at, display),
        speed=speed,
        max_events=max_events,
    )
    if at is not None and (since is not None or speed is not None):
        raise UsageError("--at shows one moment; leave out --since and --speed")
    # Imported here: `ordwatch --help` and usage errors need no engine.
    from ordwatch.cli.reading_progress import reading_progress
    from ordwatch.cli.running import run_to_end

    # A bar beside lines or a table on the same terminal would spoil both.
    hidden = messages.quiet or display.kind is opt.OutputKind.TABLE or os.isatty(1) or speed is not None
    with reading_progress("replay", file, quiet=hidden) as on_read:
        ended = run_to_end(_replay(file, frozenset(venue or ()), display, bounds, on_read))
    if ended.signal is not None:
        raise Killed(ended.signal)
    raise typer.Exit(ended.exit_code)


class _Bounds(NamedTuple):
    since_ns: int | None
    at_ns: int | None
    speed: float | None
    max_events: int | None


class _Ended(NamedTuple):
    exit_code: int = 0
    signal: int | None = None


def _past_ns(name: str, text: str | None, display: DisplayOptions) -> int | None:
    return None if text is None else past_ns(name, text, display.time_zone, datetime.now(UTC))


async def _replay(
    paths: Sequence[Path],
    venues: frozenset[str],
    display: DisplayOptions,
    bounds: _Bounds,
    on_read: Callable[[int], None],
) -> _Ended:
    """Replay to the end, or until a signal."""
    from ordwatch.cli.running import stop_on_signals

    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int | None] = loop.create_future()

    def end(signal_number: int | None) -> None:
        if not ended.done():
            ended.set_result(signal_number)

    stop_on_signals(lambda _reason, number: end(number))
    stop = threading.Event()
    on_quit = partial(end, None) if Path("-") not in paths else None
    table = display.table(on_quit=on_quit) if display.kind is opt.OutputKind.TABLE else None
    put = _to_table(table, display) if table is not None else _to_stdout(display)
    if table is not None:
        table.start()
    # In a thread, because reading stdin or writing stdout may block, and a signal must still end the command.
    feed = partial(_feed, _chosen(paths, venues, bounds.since_ns, on_read), put, bounds, stop)
    if bounds.at_ns is not None:
        from ordwatch.cli.replay_at import show_state

        feed = partial(
            show_state,
            paths,
            venues,
            bounds.at_ns,
            put=put,
            with_venues=table is not None,
            max_events=bounds.max_events,
        )
    feeding = loop.run_in_executor(None, feed)
    try:
        both: list[asyncio.Future[int] | asyncio.Future[int | None]] = [feeding, ended]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if table is not None and table.used and not (feeding.done() and feeding.exception()):
            await _browsed(table, ended)
        stop.set()
        await asyncio.wait([feeding], timeout=_FINISH_S)
    finally:
        if table is not None:
            await table.close()
    exit_code = feeding.result() if feeding.done() else 0
    return _Ended(exit_code, ended.result() if ended.done() else None)


async def _browsed(table: "Table", ended: "asyncio.Future[int | None]") -> None:
    """Whoever has pressed a key looks around in the table: wait until that is ended, or the terminal is gone."""
    watching = asyncio.create_task(table.watch())
    either: list[asyncio.Future[int | None] | asyncio.Task[None]] = [ended, watching]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _chosen(
    paths: Sequence[Path], venues: frozenset[str], since_ns: int | None, on_read: Callable[[int], None]
) -> "Iterator[TimedRecord]":
    from ordwatch.core.records import GapRecord, LinkRecord, OrderRecord, RejectRecord
    from ordwatch.recording.reading import read_records

    for item in read_records(paths, on_read):
        if since_ns is not None and item.at_ns < since_ns:
            continue
        match item.record:
            case OrderRecord() | GapRecord() | LinkRecord() | RejectRecord() as record if venues:
                if record.venue in venues:
                    yield item
            case _:
                yield item


def _feed(
    items: "Iterable[TimedRecord]", put: "Callable[[AnyRecord], bool]", bounds: _Bounds, stop: threading.Event
) -> int:
    """Pass the records to `put`, which returns whether one counts for `--max-events`; returns the exit code."""
    from ordwatch.recording.reading import with_waits

    shown = 0
    timed = with_waits(items, bounds.speed) if bounds.speed else ((0.0, item) for item in items)
    for wait_s, item in timed:
        if stop.wait(wait_s) if wait_s else stop.is_set():
            break
        shown += put(item.record)
        if bounds.max_events is not None and shown >= bounds.max_events:
            break
    return 0


def _to_stdout(display: DisplayOptions) -> "Callable[[AnyRecord], bool]":
    from ordwatch.core.records import OrderRecord
    from ordwatch.outputs.descriptor import write_all

    keep, render = display.filter, display.render()
    seq = 0

    def put(record: "AnyRecord") -> bool:
        nonlocal seq
        if not keep.passes(record):
            return False
        seq += 1
        try:
            write_all(1, render(record, seq) + b"\n")
        except BrokenPipeError:
            raise Killed(system.SIGPIPE) from None
        except OSError as exc:
            raise OutputError(f"cannot write to stdout: {exc.strerror}") from exc
        return isinstance(record, OrderRecord)

    return put


def _to_table(table: "Table", display: DisplayOptions) -> "Callable[[AnyRecord], bool]":
    from ordwatch.core.records import OrderRecord, for_outputs

    shows = display.filter.shows

    def put(record: "AnyRecord") -> bool:
        table.write(for_outputs([record]))
        return isinstance(record, OrderRecord) and shows(record)

    return put
