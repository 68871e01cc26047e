"""`ordwatch tail`: shows the order updates of the venues in the configuration."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ordwatch import system
from ordwatch.cli import options as opt
from ordwatch.cli.configuration import read_config, resolve
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.process import end_on_hangup
from ordwatch.cli.stderr import set_up
from ordwatch.core.errors import UsageError

if TYPE_CHECKING:
    from ordwatch.engine.run import ResumeState
    from ordwatch.recording.sink import Recording
    from ordwatch.recording.writer import SyncPolicy

ONCE_S = 30.0
"""How long `--once` waits for the venues by default: it always ends by itself."""


def tail(
    config: opt.ConfigFile = None,
    venue: opt.Venues = None,
    output: opt.Output = None,
    records: opt.RecordsOption = None,
    symbol: opt.Symbols = None,
    status: opt.Statuses = None,
    side: opt.Sides = None,
    account: opt.AccountsOption = None,
    open: opt.Open = False,  # noqa: A002 - the name of its variable is made from it
    raw: opt.Raw = False,
    once: opt.Once = False,
    max_events: opt.MaxEvents = None,
    duration: opt.Duration = None,
    until: opt.Until = None,
    time_zone: opt.TimeZone = None,
    connect_timeout: opt.ConnectTimeout = None,
    record: opt.RecordOption = None,
    rotate: opt.Rotate = None,
    fsync: opt.FsyncWhen = None,
    lock_wait: opt.LockWait = None,
    fail_on_gap: opt.FailOnGap = False,
    color: opt.ColorOption = opt.ColorChoice.AUTO,
    no_keys: opt.NoKeys = False,
    verbose: opt.Verbose = 0,
    quiet: opt.Quiet = False,
) -> None:
    """\b
    Examples:
      ordwatch tail                           live table; JSON lines in a pipe
      ordwatch tail --once --open             what is open now, then stop
      ordwatch tail --venue opend --symbol 'HK.*' --status filled
      ordwatch tail --record day.jsonl --until 16:10 --time-zone Asia/Hong_Kong

    Connect to the venues in the configuration and show their order updates until stopped.
    """
    stderr = set_up(opt.verbosity(verbose, quiet=quiet))
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
    recording = recording_of(record, rotate=rotate, fsync=fsync, lock_wait=lock_wait)
    if recording is None:
        end_on_hangup()
    # Imported here: `ordwatch --help` and usage errors need no engine.
    from ordwatch.cli.outages import Outages
    from ordwatch.cli.running import finish, run_to_end, watch
    from ordwatch.engine.run import Limits

    limits = Limits(
        once=once,
        max_events=max_events,
        duration_s=shorter(duration, until, time_zone),
        connect_timeout_s=connect_timeout_s(connect_timeout, once=once),
        counts=display.filter.passes,
    )
    configuration = read_config(config)
    venues = resolve(configuration, venue or [], stderr, raw=raw)
    names = [setup.name for _, setup in venues]
    start = continued(recording, names)
    outages = Outages(names)
    watching = watch(
        venues,
        display,
        limits,
        stderr=stderr,
        recording=recording,
        start=start,
        config_sha256=configuration.fingerprint,
        fail_on_gap=fail_on_gap,
        outages=outages,
    )
    outcome = run_to_end(watching)
    outages.report_end(outcome)
    finish(outcome)


_POLICIES: dict[opt.Fsync, "SyncPolicy"] = {
    opt.Fsync.ALWAYS: "always",
    opt.Fsync.SECOND: "1s",
    opt.Fsync.NEVER: "never",
}


def connect_timeout_s(given_s: float | None, *, once: bool) -> float | None:
    """How long the venues may take to connect: as given; else 30 s with `--once`, and no limit without."""
    return ONCE_S if once and given_s is None else given_s


def shorter(duration_s: float | None, until: str | None, zone: ZoneInfo | None) -> float | None:
    """The seconds until the earlier of the two limits.

    Raises:
        UsageError: `until` is not a time, or has passed.
    """
    until_s = opt.seconds_until(until, zone, datetime.now(UTC)) if until is not None else None
    return min((seconds for seconds in (duration_s, until_s) if seconds is not None), default=None)


def recording_of(
    path: Path | None, *, rotate: str | None, fsync: opt.Fsync | None, lock_wait: float | None
) -> "Recording | None":
    """The recording of these options, not opened yet.

    Raises:
        UsageError: An option needs `--record`, a size is not valid, or this system cannot rotate files.
    """
    if path is None:
        given = {"--rotate": rotate, "--fsync": fsync, "--lock-wait": lock_wait}
        for option in (name for name, value in given.items() if value is not None):
            raise UsageError(f"{option} needs a recording; add --record FILE")
        return None
    if rotate is not None and not system.renames_open_files():
        raise UsageError("--rotate: this system cannot rename an open file; start a new --record FILE each day")
    from ordwatch.recording.rotation import rotation
    from ordwatch.recording.sink import Recording

    return Recording(
        path, fsync=_POLICIES[fsync or opt.Fsync.SECOND], rotate=rotation(rotate), lock_wait_s=lock_wait or 0.0
    )


def continued(recording: "Recording | None", names: list[str]) -> "ResumeState | None":
    """Open the recording, before anything connects, and return the state that the run continues from.

    Raises:
        OutputError: The recording cannot be written.
        RecordingBusy: Another ordwatch writes it.
        RecordingError: Its synced data is damaged, or it is not a recording.
    """
    if recording is None:
        return None
    from ordwatch.core.conversion import gap_update
    from ordwatch.engine.run import ResumeState, VenueResume

    found = recording.open()
    venues = {
        name: VenueResume(
            found.covered_until_ns.get(name),
            found.next_gap(name) - 1,
            gap_update(gap) if (gap := found.open_gaps.get(name)) is not None else None,
        )
        for name in names
    }
    return ResumeState(found.orders, venues)
