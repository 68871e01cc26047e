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
from ordwatch.cli.stderr import StderrHandler, set_up
from ordwatch.core.errors import OutputError, UsageError

if TYPE_CHECKING:
    from ordwatch.core.records import AnyRecord
    from ordwatch.outputs.table import Table
    from ordwatch.recording.reading import TimedRecord

    Show = Callable[[AnyRecord], bool]
    """Shows a record, and returns whether it is an order that passes the filters, which counts for `--max-events`."""

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
    stderr = set_up(messages.level)
    display.check()
    if at is not None and (since is not None or speed is not None):
        raise UsageError("--at shows one moment; leave out --since and --speed")
    selection = _Selection(
        venues=frozenset(venue or ()),
        since_ns=_past_ns("--since", since, display),
        at_ns=_past_ns("--at", at, display),
        speed=speed,
        max_events=max_events,
    )
    # Imported here: `ordwatch --help` and usage errors need no engine.
    from ordwatch.cli.reading_progress import reading_progress
    from ordwatch.cli.running import run_to_end

    # A progress bar between lines, or with a table on the same terminal, would spoil both.
    hidden = messages.quiet or display.kind is opt.OutputKind.TABLE or os.isatty(1) or speed is not None
    with reading_progress("replay", file, quiet=hidden) as on_read:
        ended = run_to_end(_replay(file, selection, display, stderr, on_read))
    if ended.signal is not None:
        raise Killed(ended.signal)
    raise typer.Exit(ended.exit_code)


class _Selection(NamedTuple):
    """What of the recording is shown, and how fast."""

    venues: frozenset[str]
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
    selection: _Selection,
    display: DisplayOptions,
    stderr: StderrHandler,
    on_read: Callable[[int], None],
) -> _Ended:
    """Show the records to the end of the recording, or until a signal or the user of the table ends it."""
    from ordwatch.cli.running import stop_on_signals

    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int | None] = loop.create_future()

    def end(signal_number: int | None) -> None:
        if not ended.done():
            ended.set_result(signal_number)

    stop_on_signals(lambda _reason, number: end(number))
    table = None
    if display.kind is opt.OutputKind.TABLE:
        table = display.table(on_quit=partial(end, None) if Path("-") not in paths else None)
        stderr.above = display.print_above(table)
        table.start()
    stop = threading.Event()
    # In a thread, because reading stdin or writing stdout may block, and a signal must still end the command.
    reading = loop.run_in_executor(None, _reader(paths, selection, display, table, stop, on_read))
    try:
        either: list[asyncio.Future[int] | asyncio.Future[int | None]] = [reading, ended]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if table is not None and table.key_pressed and not (reading.done() and reading.exception()):
            await _quit_by_user(table, ended)
        stop.set()
        await asyncio.wait([reading], timeout=_FINISH_S)
    finally:
        if table is not None:
            await table.close()
    return _Ended(reading.result() if reading.done() else 0, ended.result() if ended.done() else None)


async def _quit_by_user(table: "Table", ended: "asyncio.Future[int | None]") -> None:
    """Wait until the user, who has pressed a key, ends the table of a finished recording or closes the terminal."""
    watching = asyncio.create_task(table.watch())
    either: list[asyncio.Future[int | None] | asyncio.Task[None]] = [ended, watching]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _reader(
    paths: Sequence[Path],
    selection: _Selection,
    display: DisplayOptions,
    table: "Table | None",
    stop: threading.Event,
    on_read: Callable[[int], None],
) -> Callable[[], int]:
    """A function that reads the recording, shows what is selected and returns the exit code; `stop` ends it early."""
    show = _line_writer(display) if table is None else _table_writer(table, display)
    if selection.at_ns is None:
        return partial(_show_records, _selected(paths, selection, on_read), show, selection, stop)
    from ordwatch.cli.replay_at import show_state

    return partial(
        show_state,
        paths,
        selection.venues,
        selection.at_ns,
        show=show,
        with_venues=table is not None,
        max_events=selection.max_events,
    )


def _selected(paths: Sequence[Path], selection: _Selection, on_read: Callable[[int], None]) -> "Iterator[TimedRecord]":
    """The records of the chosen venues since the chosen time.

    Raises:
        UsageError: A chosen venue is not in the recording, which was read to its end.
    """
    from ordwatch.core.records import AliveRecord, GapRecord, LinkRecord, OrderRecord, RejectRecord, SessionRecord
    from ordwatch.recording.reading import read_records

    known: dict[str, None] = {}
    for item in read_records(paths, on_read):
        match item.record:
            case OrderRecord() | GapRecord() | LinkRecord() | RejectRecord() as record:
                known[record.venue] = None
                if selection.venues and record.venue not in selection.venues:
                    continue
            case SessionRecord() | AliveRecord() as record:
                known |= dict.fromkeys(record.venues)
            case _:
                pass
        if selection.since_ns is None or item.at_ns >= selection.since_ns:
            yield item
    opt.check_venues(selection.venues, known, paths[0])


def _show_records(items: "Iterable[TimedRecord]", show: "Show", selection: _Selection, stop: threading.Event) -> int:
    """Show the records at the chosen speed, up to as many orders as were asked for; returns the exit code."""
    from ordwatch.recording.reading import with_waits

    shown = 0
    timed = with_waits(items, selection.speed) if selection.speed else ((0.0, item) for item in items)
    for wait_s, item in timed:
        if stop.wait(wait_s) if wait_s else stop.is_set():
            break
        shown += show(item.record)
        if selection.max_events is not None and shown >= selection.max_events:
            break
    return 0


def _line_writer(display: DisplayOptions) -> "Show":
    """Writes the line of each record that passes the filters to stdout."""
    from ordwatch.core.records import OrderRecord
    from ordwatch.outputs.descriptor import write_all

    keep, render = display.filter, display.render()
    seq = 0

    def show(record: "AnyRecord") -> bool:
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

    return show


def _table_writer(table: "Table", display: DisplayOptions) -> "Show":
    """Puts each record into the table."""
    from ordwatch.core.records import OrderRecord, for_outputs

    shows = display.filter.shows

    def show(record: "AnyRecord") -> bool:
        table.write(for_outputs([record]))
        return isinstance(record, OrderRecord) and shows(record)

    return show
