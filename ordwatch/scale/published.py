"""A recording that is published: a sink like every other, made of the recording and of what publishes it."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import OrdwatchError, PublishingStopped
from ordwatch.core.records import OutputRecord
from ordwatch.recording.history import Continuation
from ordwatch.recording.inputs import OnRead
from ordwatch.recording.sink import Recording
from ordwatch.scale.lines import RecordingLines
from ordwatch.scale.publishing import Publishing
from ordwatch.scale.take_back import take_back

FIRST_TRY_S = 10.0
"""How long venues wait for the stream before they are connected to."""
PLANNED_END_S = 20.0
"""How long lines are published after a planned end, if the broker answers."""
SIGNAL_END_S = 2.7
"""The same after a signal, the recording's own end included."""

log = logging.getLogger(__name__)


class PublishedRecording:
    """A recording at `recording.path`, and its publication: `open` before anything connects, then as every output."""

    def __init__(self, recording: Recording, settings: NatsSettings, kinds: Mapping[str, str]) -> None:
        """`kinds`: the kind of each venue, by its name."""
        self._recording = recording
        recording.before_reading = lambda path, fd: take_back(path, fd, settings)
        self._settings = settings
        self._kinds = kinds
        self._publishing: Publishing | None = None
        self._opened: Continuation | None = None
        self._hurried = False
        self.on_failure: Callable[[OrdwatchError], None] = lambda _: None
        """Gets the reason why publishing stopped while the recording goes on."""

    def stored_files(self) -> Sequence[Path]:
        """As `Recording.stored_files`."""
        return self._recording.stored_files()

    def open(self, on_read: OnRead | None = None) -> Continuation:
        """As `Recording.open`."""
        self._opened = self._recording.open(on_read)
        return self._opened

    def start(self) -> None:
        """As `Recording.start`."""
        opened = self._opened or self.open()
        self._publishing = Publishing(
            RecordingLines(self._recording.path),
            self._settings,
            self._kinds,
            published_seq=opened.published_seq,
            last_seq=opened.last_seq,
        )
        self._recording.publication = self._publishing.publication()
        self._recording.start()

    def write(self, records: Sequence[OutputRecord]) -> None:
        """As `Recording.write`: the broker never slows anything."""
        self._recording.write(records)

    async def drain(self) -> None:
        """As `Recording.drain`."""
        await self._recording.drain()

    @property
    def stalled(self) -> bool:
        """As `Recording.stalled`."""
        return self._recording.stalled

    @property
    def synced_seq(self) -> int | None:
        """As `Recording.synced_seq`."""
        return self._recording.synced_seq

    @property
    def published_seq(self) -> int:
        """The highest seq up to which every line is published."""
        return self._publishing.published_seq if self._publishing is not None else 0

    def rotate_now(self) -> None:
        """As `Recording.rotate_now`."""
        self._recording.rotate_now()

    def state(self) -> str:
        """How far publishing is, in short text for the table."""
        return self._publishing.state() if self._publishing is not None else "not started"

    async def before_connecting(self) -> None:
        """Wait until the stream has this process's `session`, or cannot be asked: only then venues are connected to."""
        assert self._publishing is not None  # noqa: S101 - started
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_TRY_S):
                await self._publishing.tried.wait()
        self.connecting_allowed()

    def connecting_allowed(self) -> None:
        """Venues are connected to from now on: whatever happens to publishing, the recording goes on."""
        if self._publishing is not None:
            self._publishing.tried.set()

    def hurry(self) -> None:
        """A signal ends the process: at the end little time is left."""
        self._hurried = True

    async def watch(self) -> None:
        """Last until the recording cannot be written.

        Raises:
            OutputError: As from `Recording.watch`.
            PublishingStopped: Another process has this name, and no venue was connected to yet.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self._recording.watch())
            both.create_task(self._publish())

    async def _publish(self) -> None:
        publishing = self._publishing
        assert publishing is not None  # noqa: S101 - started
        try:
            await publishing.run()
        except PublishingStopped as stopped:
            if stopped.exit_code == 75 and not publishing.tried.is_set():
                log.error("%s", stopped)
                raise
            log.error("%s; the recording goes on", stopped)
            self.on_failure(stopped)
            self.connecting_allowed()

    async def close(self) -> None:
        """Close the recording, then publish what is left of it.

        Raises:
            OutputError: As from `Recording.close`.
            AuthError: The server refuses the credentials, and lines are left.
        """
        began_s = monotonic()
        try:
            await self._recording.close()
        finally:
            if self._publishing is not None:
                await self._finish(self._publishing, began_s)

    async def _finish(self, publishing: Publishing, began_s: float) -> None:
        await asyncio.sleep(0)  # the writer's last message may wait for its turn
        left_s = SIGNAL_END_S - (monotonic() - began_s) if self._hurried else PLANNED_END_S
        try:
            await publishing.finish(left_s)
        except PublishingStopped as stopped:
            log.error("%s", stopped)
            self.on_failure(stopped)
        finally:
            publishing.close()
