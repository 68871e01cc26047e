"""One open file of a recording: whole lines go in, and it knows how far it is written and durable."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from ordwatch.recording.files import Files

Fault = Literal["cut", "replaced"]
"""What somebody else may do to a file while it is written; "replaced" if its name is gone or another file's."""


class LineFile:
    """Appends lines to a file of which we hold the lock. Not for two threads at once."""

    def __init__(self, files: Files, path: Path, *, fd: int, last_seq: int, first_seq: int | None = None) -> None:
        self.path = path
        self.size = os.fstat(fd).st_size
        """Bytes of whole lines."""
        self.first_seq = first_seq if first_seq is not None else last_seq + 1
        self.last_seq = last_seq
        """Of the last line written."""
        self.synced_seq: int | None = None
        """Of the last line known to be durable."""
        self._files = files
        self.fd = fd
        self._pending = memoryview(b"")
        self._ragged = False

    @property
    def dirty(self) -> bool:
        """Whether lines are written that no sync has followed."""
        return self.synced_seq != self.last_seq

    def put(self, lines: bytes) -> None:
        """Take whole lines to write; what was put before must have been flushed."""
        self._pending = memoryview(lines)

    def flush(self) -> None:
        """Write what was put.

        Raises:
            OSError: Failed. The file is cut back to its last whole line, as far as that can be; the rest stays
                put, and flush may be called again.
        """
        self._cut_back()
        out = 0
        try:
            while out < len(self._pending):
                out += self._files.write(self.fd, self._pending[out:])
        except OSError:
            self._keep_whole(out)
            with suppress(OSError):
                self._cut_back()
            raise
        self._keep_whole(out)

    def _keep_whole(self, out: int) -> None:
        written = bytes(self._pending[:out])
        whole = written.rfind(b"\n") + 1
        self.size += whole
        self.last_seq += written.count(b"\n")
        self._pending = self._pending[whole:]
        self._ragged = out > whole

    def _cut_back(self) -> None:
        if self._ragged:
            self._files.cut(self.fd, self.size)
            self._ragged = False

    def sync(self) -> None:
        """Make durable what is written.

        Raises:
            OutputError: Failed; nothing more may be written.
        """
        self._files.sync(self.fd)
        self.synced_seq = self.last_seq

    def fault(self) -> Fault | None:
        """What somebody did to the file behind our back; None if nothing."""
        here = os.fstat(self.fd)
        if here.st_size != self.size:
            return "cut"
        try:
            there = self.path.lstat()
        except OSError:
            return "replaced"
        return None if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino) else "replaced"

    def close(self) -> None:
        """Let go of the file."""
        self._files.close(self.fd)
