"""`ordwatch replay`: shows a recording in the table, or writes its records again."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ordwatch import system
from ordwatch.cli import options as opt
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.process import Killed
from ordwatch.cli.stderr import set_up
from ordwatch.core.errors import OutputError

if TYPE_CHECKING:
    from ordwatch.core.records import AnyRecord
    from ordwatch.outputs.table import Table
    from ordwatch.recording.reading import TimedRecord

_FINISH_S = 0.5
"""How long the current line may still take after a signal."""


def replay(
    file: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one recording; - is stdin.")],
    venue: opt.Venues = None,
    output: opt.Output = None,
    records: opt.RecordsOption = None,
    symbol: opt.Symbols = None,
    status: opt.Statuses = None,
    side: opt.Sides = None,
    account: opt.AccountsOption = None,
    open: opt.Open = False,  # noqa: A002 - the name of its variable is made from it
    max_events: opt.MaxEvents = None,
    speed: opt.ReplaySpeed = None,
    time_zone: opt.TimeZone = None,
    color: opt.ColorOption = opt.ColorChoice.AUTO,
    no_keys: opt.NoKeys = False,
) -> None:
    """\b
    Examples:
      ordwatch replay day.jsonl               the last state of every order
      ordwatch replay day.jsonl --speed 60    an hour in a minute
      ordwatch replay day.jsonl -o json --status rejected
      ssh HOST tail -f -n +1 day.jsonl | ordwatch replay -

    Show a recording in the table, or write its records unchanged.
    """
    set_up()
    display = DisplayOptions(
        output=output,
        records=records,
        symbols=symbol,
        statuses=status,
        sides=side,
        accounts=account,
        open_only=open,
        zone=time_zone,
        color=color,
        keys=not no_keys,
    )
    display.check()
    # Imported here: `ordwatch --help` and usage errors need no engine.
    from ordwatch.cli.running import run_to_end

    ended_by = run_to_end(_replay(file, frozenset(venue or ()), display, max_events=max_events, speed=speed))
    if ended_by is not None:
        raise Killed(ended_by)


async def _replay(
    paths: Sequence[Path],
    venues: frozenset[str],
    display: DisplayOptions,
    *,
    max_events: int | None,
    speed: float | None,
) -> int | None:
    """Replay to the end, or until a signal; returns the signal's number."""
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
    feeding = loop.run_in_executor(None, _feed, _chosen(paths, venues), put, _Bounds(max_events, speed, stop))
    try:
        both: list[asyncio.Future[None] | asyncio.Future[int | None]] = [feeding, ended]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if table is not None and table.used and not (feeding.done() and feeding.exception()):
            await _browsed(table, ended)
        stop.set()
        await asyncio.wait([feeding], timeout=_FINISH_S)
    finally:
        if table is not None:
            await table.close()
    if feeding.done():
        feeding.result()
    return ended.result() if ended.done() else None


async def _browsed(table: "Table", ended: "asyncio.Future[int | None]") -> None:
    """Whoever has pressed a key looks around in the table: wait until that is ended, or the terminal is gone."""
    watching = asyncio.create_task(table.watch())
    either: list[asyncio.Future[int | None] | asyncio.Task[None]] = [ended, watching]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


class _Bounds(NamedTuple):
    max_events: int | None
    speed: float | None
    stop: threading.Event


def _chosen(paths: Sequence[Path], venues: frozenset[str]) -> "Iterator[TimedRecord]":
    from ordwatch.core.records import GapRecord, LinkRecord, OrderRecord, RejectRecord
    from ordwatch.recording.reading import read_records

    for item in read_records(paths):
        match item.record:
            case OrderRecord() | GapRecord() | LinkRecord() | RejectRecord() as record if venues:
                if record.venue in venues:
                    yield item
            case _:
                yield item


def _feed(items: "Iterable[TimedRecord]", put: "Callable[[AnyRecord], bool]", bounds: _Bounds) -> None:
    """Pass the records to `put`, which returns whether one counts for `--max-events`."""
    from ordwatch.recording.reading import with_waits

    shown = 0
    timed = with_waits(items, bounds.speed) if bounds.speed else ((0.0, item) for item in items)
    for wait_s, item in timed:
        if bounds.stop.wait(wait_s) if wait_s else bounds.stop.is_set():
            return
        shown += put(item.record)
        if bounds.max_events is not None and shown >= bounds.max_events:
            return


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
