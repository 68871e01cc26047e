"""`ordwatch wait`: ends when an order reaches a status, for scripts."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ordwatch.cli import options as opt
from ordwatch.cli.configuration import read_config, resolve
from ordwatch.cli.process import Killed, write_out
from ordwatch.cli.stderr import StderrHandler, log, set_up
from ordwatch.core.errors import RecordingError, UsageError, worst
from ordwatch.core.events import OrderStatus
from ordwatch.core.order_ids import OrderName
from ordwatch.core.records import AnyRecord, OutputRecord, SessionRecord
from ordwatch.core.waiting import OrderWait, WaitResult
from ordwatch.outputs.immediate_sink import ImmediateSink

if TYPE_CHECKING:
    from ordwatch.engine.ending import Outcome

SETTLE_S = 10.0
"""An order that no venue knows after so long does not exist."""
LOOK_BACK_S = 86_400.0
"""An order that ended no longer ago is found, also where a venue lists only what is open: it may have been filled
between its placing and the start of the wait.
"""
POLL_S = 0.2
"""How often a recording is read again."""
GROWS_S = 25.0
"""A recording that is being written grows within this time: an `alive` record comes every 10 s."""


Statuses = Annotated[
    list[OrderStatus] | None,
    opt.choice(
        "--status",
        of=OrderStatus,
        metavar="NAME",
        help="The status to wait for; repeatable. Default: filled, canceled, rejected or expired.",
    ),
]
Timeout = Annotated[
    float | None,
    opt.option("--timeout", parser=opt.duration, metavar="TIME", help="Give up after 90s, 30m, 6h. Default: never."),
]
From = Annotated[
    Path | None,
    opt.option(
        "--from",
        envvar="ORDWATCH_WAIT_FROM",
        metavar="FILE",
        help="Read this recording, which `tail` writes, instead of connecting.",
    ),
]
Output = Annotated[
    opt.ResultFormat, opt.choice("-o", "--output", of=opt.ResultFormat, help="Output format. Default: json.")
]


def wait(
    order: Annotated[
        str, typer.Argument(metavar="ORDER", parser=opt.some_text, help="An id of the order, or the end of one.")
    ],
    *,
    status: Statuses = None,
    timeout: Timeout = None,
    source: From = None,
    config: opt.ConfigFile = None,
    venue: opt.Venues = None,
    output: Output = opt.ResultFormat.JSON,
    messages: opt.MessageOptions,
) -> None:
    """\b
    Examples:
      ordwatch wait 4624530513294751114 --timeout 10m
      ordwatch wait 51114 --status filled && ./hedge
      ordwatch wait my-order-7 --from day.jsonl --status partially_filled --status filled

    Wait until an order reaches a status, and print its record. Exits 0 if it did, 4 if the order ended otherwise, 124
    after the time-out, 3 if it cannot be known whether it did because a venue was not seen, 66 if there is no such
    order.
    """
    stderr = set_up(messages.level)
    waiting = OrderWait(OrderName(order), venue or [], status or [])
    if source is None:
        code, ending = _from_venues(waiting, config, timeout, stderr)
    else:
        if config is not None:
            raise UsageError("--from reads a recording and --config connects to venues; give one of them")
        ending = _from_recording(waiting, source, timeout)
        code = ending.exit_code
    if ending.order is not None:
        _print(ending, output)
    if ending.message is not None:
        log.error("%s", ending.message)
    raise typer.Exit(code)


def _print(ending: WaitResult, output: opt.ResultFormat) -> None:
    from ordwatch.outputs.json_lines import json_line
    from ordwatch.outputs.text import text_line

    assert ending.order is not None  # noqa: S101
    write_out(json_line(ending.order, 1).decode() if output is opt.ResultFormat.JSON else text_line(ending.order, None))


def _from_venues(
    waiting: OrderWait, config: Path | None, timeout_s: float | None, stderr: StderrHandler
) -> tuple[int, WaitResult]:
    """Connect and wait; the exit code also says what happened at venues that have nothing to do with the order."""
    from ordwatch.cli.outages import Outages
    from ordwatch.cli.running import run_to_end, start_all, stop_on_signals
    from ordwatch.engine.run import Run

    configuration = read_config(config, list(waiting.venues))
    venues = resolve(configuration, list(waiting.venues), stderr)
    names = [setup.name for _, setup in venues]
    watcher, outages = WaitSink(waiting, timeout_s), Outages(names)

    async def watch() -> "Outcome":
        run = Run(
            venues,
            [watcher, outages],
            look_back_s=LOOK_BACK_S,
            config_sha256=configuration.fingerprint,
            redact=stderr.redact,
        )
        watcher.when_decided = lambda: run.stop("decided")
        stop_on_signals(run.stop)
        await start_all([watcher, outages])
        return await run.run()

    outcome = run_to_end(watch())
    stderr.flush_counts()  # before what is reported of the whole wait
    outages.report_end(outcome)
    if outcome.signal is not None:
        raise Killed(outcome.signal)
    ending = watcher.final()
    return worst({outcome.exit_code, ending.exit_code}), ending


class WaitSink(ImmediateSink):
    """A sink that ends the run when the wait is decided."""

    def __init__(self, waiting: OrderWait, timeout_s: float | None, settle_s: float = SETTLE_S) -> None:
        self.when_decided: Callable[[], None] = lambda: None
        """Called when the wait is decided or has timed out; the records that follow still count."""
        self._waiting = waiting
        self._timeout_s = timeout_s
        self._settle_s = settle_s
        self._waited = False
        self._ending: WaitResult | None = None

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Take the records, and look whether they decide the wait."""
        for record in (each.record for each in records):
            # The end of this run is no news of the order: it comes when the wait is decided or has timed out.
            if not isinstance(record, SessionRecord) or record.state == "start":
                self._waiting.record(record)
        self._decide()

    async def watch(self) -> None:
        """Wait for the times at which the wait may end without a record."""
        left_s = math.inf if self._timeout_s is None else self._timeout_s
        if left_s > self._settle_s:
            await asyncio.sleep(self._settle_s)
            left_s -= self._settle_s
            self._waited = True
            self._decide()
            report_undecided(self._waiting)
        await (asyncio.sleep(left_s) if left_s < math.inf else asyncio.Event().wait())
        self.when_decided()

    def final(self) -> WaitResult:
        """How the wait ended, once the run has ended: as it was decided, or else by the time-out."""
        ending = self._ending or self._waiting.ending(waited=self._waited, timed_out=True)
        assert ending is not None  # noqa: S101 - a time-out ends it in any case
        return ending

    def _decide(self) -> None:
        if self._ending is None:
            self._ending = self._waiting.ending(waited=self._waited)
            if self._ending is not None:
                self.when_decided()


def report_undecided(waiting: OrderWait) -> None:
    """Say why an order that was found does not end the wait."""
    if others := waiting.undecided():
        log.warning(
            "%s may also be the end of an id at %s, which has not answered; give the whole id, or --venue",
            waiting.name.text,
            ", ".join(others),
        )


def _from_recording(waiting: OrderWait, path: Path, timeout_s: float | None) -> WaitResult:
    """Read the recording until the wait is decided; blocks, a signal raises `Killed`."""
    from ordwatch.recording.following import FollowedRecording

    timed_out_s = time.monotonic() + timeout_s if timeout_s is not None else math.inf
    with closing(FollowedRecording(path)) as recording:
        take(waiting, recording.take(), path)
        opt.check_venues(waiting.venues, waiting.venues_known, path)
        grown_s = -math.inf
        while True:
            now_s = time.monotonic()
            in_sight = now_s - grown_s < GROWS_S or seconds_since_newest(waiting, time.time_ns()) < GROWS_S
            ending = waiting.ending(waited=True, timed_out=now_s >= timed_out_s, in_sight=in_sight)
            if ending is not None:
                return ending
            time.sleep(max(0.0, min(POLL_S, timed_out_s - now_s)))
            if take(waiting, recording.take(), path):
                grown_s = time.monotonic()


def take(waiting: OrderWait, records: Iterable[AnyRecord], path: Path) -> int:
    """Pass the records on; returns how many there were.

    Raises:
        RecordingError: A time in one of them is none.
    """
    count = 0
    for record in records:
        count += 1
        try:
            waiting.record(record)
        except ValueError as exc:
            raise RecordingError(f"{path}: not a recording of ordwatch: {exc}") from exc
    return count


def seconds_since_newest(waiting: OrderWait, now_ns: int) -> float:
    """Seconds since the newest record, whichever clock is ahead."""
    return math.inf if waiting.last_ns is None else abs(now_ns - waiting.last_ns) / 1e9
