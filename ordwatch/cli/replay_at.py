"""`ordwatch replay --at`: the state of every order as it was known at a time."""

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ordwatch.cli import options as opt
from ordwatch.cli.stderr import log
from ordwatch.core.errors import RecordingError, UsageError
from ordwatch.core.times import time_text

if TYPE_CHECKING:
    from ordwatch.core.records import AnyRecord
    from ordwatch.recording.past_state import PastState

UNCERTAIN = 3


def show_state(
    paths: Sequence[Path],
    venues: Collection[str],
    at_ns: int,
    *,
    show: "Callable[[AnyRecord], bool]",
    with_venues: bool,
    max_events: int | None,
) -> int:
    """Show the records of that state, and return the exit code: 3 in an uncertain time.

    `show` returns whether a record counts for `max_events`.

    `with_venues`: also those that say in which state the venues were.

    Raises:
        UsageError: The time is before the recording, a venue is not in it, or it is stdin, which is read only once.
        InputMissing: A file cannot be read.
        RecordingError: The recording is damaged.
    """
    from ordwatch.recording.inputs import STDIN
    from ordwatch.recording.past_state import PastState, doubts
    from ordwatch.recording.reading import read_records
    from ordwatch.recording.verify import check

    if STDIN in paths:
        raise UsageError("--at reads a recording twice, and stdin can be read only once; name the files")
    verdict = check(paths)
    if verdict.damage or verdict.broken_invariants:
        raise RecordingError(f"{paths[0]}: damaged; run `ordwatch verify {paths[0]}` for details")
    opt.check_venues(venues, verdict.venues, paths[0])
    state = PastState(at_ns)
    state.take(read_records(paths))
    if state.begins_ns is None or at_ns < state.begins_ns:
        raise UsageError(_before(state))
    _show(state, venues, show, with_venues=with_venues, max_events=max_events)
    for gap in state.recovered:
        if not venues or gap.venue in venues:
            log.warning(
                "%s: not seen from %s to %s (%s); what was recovered later is not shown",
                gap.venue, gap.from_, gap.to, gap.cause,
            )  # fmt: skip
    found = list(doubts(state, verdict, venues=venues, now_ns=time.time_ns()))
    for doubt in found:
        log.error("uncertain at %s: %s", time_text(at_ns), doubt)
    return UNCERTAIN if found else 0


def _before(state: "PastState") -> str:
    if state.begins_ns is None:
        return "--at: the recording holds no records yet"
    return f"--at: the recording begins at {time_text(state.begins_ns)}, which is after {time_text(state.at_ns)}"


def _show(
    state: "PastState",
    venues: Collection[str],
    show: "Callable[[AnyRecord], bool]",
    *,
    with_venues: bool,
    max_events: int | None,
) -> None:
    for record in state.of_venues() if with_venues else ():
        show(record)
    shown = 0
    for order in state.orders():
        if not venues or order.venue in venues:
            shown += show(order)
        if max_events is not None and shown >= max_events:
            return
