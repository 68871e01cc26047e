"""The options of a recording, and the recording they ask for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ordwatch import system
from ordwatch.cli import options as opt
from ordwatch.core.errors import UsageError

if TYPE_CHECKING:
    from ordwatch.engine.run import ResumeState
    from ordwatch.recording.sink import Recording
    from ordwatch.recording.writer import SyncPolicy
    from ordwatch.scale.published import PublishedRecording

_POLICIES: dict[opt.Fsync, "SyncPolicy"] = {
    opt.Fsync.ALWAYS: "always",
    opt.Fsync.SECOND: "1s",
    opt.Fsync.NEVER: "never",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RecordingOptions:
    """Where and how records are kept."""

    record: opt.RecordOption = None
    rotate: opt.Rotate = None
    fsync: opt.FsyncWhen = None
    lock_wait: opt.LockWait = None

    def sink(self) -> "Recording | None":
        """The recording asked for, not opened yet; None without `--record`.

        Raises:
            UsageError: An option needs `--record`, a size is not valid, or this system cannot rotate files.
        """
        if self.record is None:
            given = {"--rotate": self.rotate, "--fsync": self.fsync, "--lock-wait": self.lock_wait}
            for option in (name for name, value in given.items() if value is not None):
                raise UsageError(f"{option} needs a recording; add --record FILE")
            return None
        if self.rotate is not None and not system.renames_open_files():
            raise UsageError("--rotate: this system cannot rename an open file; start a new --record FILE each day")
        from ordwatch.recording.rotation import rotation
        from ordwatch.recording.sink import Recording

        return Recording(
            self.record,
            fsync=_POLICIES[self.fsync or opt.Fsync.SECOND],
            rotate=rotation(self.rotate),
            lock_wait_s=self.lock_wait or 0.0,
        )


def resume_state(
    recording: "Recording | PublishedRecording | None", names: Iterable[str], messages: opt.MessageOptions
) -> "ResumeState | None":
    """Open the recording, before anything connects, and return the state that the run continues from.

    Shows how far the reading of a large one is.

    Raises:
        OutputError: The recording cannot be written.
        RecordingBusy: Another ordwatch writes it.
        RecordingError: Its synced data is damaged, or it is not a recording.
    """
    if recording is None:
        return None
    from ordwatch.cli.reading_progress import reading_progress
    from ordwatch.core.conversion import gap_update
    from ordwatch.engine.run import ResumeState, VenueResume

    with reading_progress("open the recording", recording.stored_files(), quiet=messages.quiet) as on_read:
        found = recording.open(on_read)
    venues = {
        name: VenueResume(
            found.covered_until_ns.get(name),
            found.next_gap(name) - 1,
            gap_update(gap) if (gap := found.open_gaps.get(name)) is not None else None,
            clock_went_back=name in found.clock_went_back,
        )
        for name in names
    }
    return ResumeState(found.orders, venues)
