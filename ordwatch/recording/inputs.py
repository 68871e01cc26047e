"""Opens the files of a recording to read them: plain, compressed (.gz, .zst), or stdin; counts the bytes that are read.

A compressed file is only ever read forward.
"""

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import SEEK_SET, BufferedReader, FileIO, RawIOBase
from pathlib import Path
from typing import BinaryIO

from ordwatch.core.errors import InputMissing, RecordingError

STDIN = Path("-")
COMPRESSED = (".gz", ".zst")

OnRead = Callable[[int], None]
"""Learns how many more bytes were read of the files, as they are stored."""

_BUFFER_BYTES = 2**17


class Forward(BufferedReader):
    """A stream whose length is only known when it has been read."""


@contextmanager
def open_input(path: Path, on_read: OnRead | None = None) -> Iterator[BinaryIO]:
    """The file, open to read what it held before it was compressed.

    Raises:
        InputMissing: Nothing that is installed here reads its compression.
        OSError: It cannot be opened.
    """
    if path == STDIN:
        yield sys.stdin.buffer
        return
    if on_read is None and path.suffix not in COMPRESSED:
        with path.open("rb") as file:
            yield file
        return
    with BufferedReader(_CountedFile(path, on_read), _BUFFER_BYTES) as stored:
        if path.suffix not in COMPRESSED:
            yield stored
            return
        with Forward(_Decompressed(path, stored), _BUFFER_BYTES) as file:
            yield file


def stored_bytes(path: Path) -> int:
    """How many bytes `on_read` will learn of at most, as far as that is known."""
    try:
        return path.stat().st_size if path != STDIN else 0
    except OSError:
        return 0


class Rest(RawIOBase):
    """What was read of a stream already, and the rest of it."""

    def __init__(self, begun: bytes, rest: BinaryIO) -> None:
        self._begun = begun
        self._rest = rest

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]  # BufferedReader gives a memoryview
        """Fill the buffer as far as something is there; 0 at the end."""
        chunk, self._begun = self._begun[: len(buffer)], self._begun[len(buffer) :]
        chunk = chunk or self._rest.read1(len(buffer))  # type: ignore[attr-defined]  # it is buffered
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _CountedFile(FileIO):
    def __init__(self, path: Path, on_read: OnRead | None) -> None:
        super().__init__(path, "rb")
        self._on_read = on_read

    def readinto(self, buffer: "memoryview") -> int | None:  # type: ignore[override]  # as above
        count = super().readinto(buffer)
        if count and self._on_read is not None:
            self._on_read(count)
        return count


class _Decompressed(RawIOBase):
    """Damage in the compressed data is an error like damage in a recording."""

    def __init__(self, path: Path, stored: BinaryIO) -> None:
        self._path = path
        self._plain, self._error = _plain(path, stored)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]  # as above
        try:
            chunk = self._plain.read(len(buffer))
        except (EOFError, OSError, self._error) as exc:
            raise RecordingError(f"{self._path}: the compressed data is damaged, cut, or still being written") from exc
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Go forward to an offset from the start."""
        if whence != SEEK_SET or offset < self._position:
            raise OSError("a compressed file is read forward only")
        left = offset - self._position
        while left and (count := self.readinto(memoryview(bytearray(min(left, _BUFFER_BYTES))))):
            left -= count
        return self._position


def _plain(path: Path, stored: BinaryIO) -> tuple[BinaryIO, type[Exception]]:
    """The decompressed stream, and the error of damaged data besides those of every stream."""
    if path.suffix == ".gz":
        return gzip.GzipFile(fileobj=stored), zlib.error  # type: ignore[return-value]  # it reads as a BinaryIO
    # Not `zstandard`: it takes a file that is cut for one that ends there.
    try:
        from compression.zstd import ZstdError, ZstdFile  # type: ignore[import-not-found, unused-ignore]  # Python 3.14
    except ImportError:
        try:
            from backports.zstd import ZstdError, ZstdFile  # type: ignore[import-not-found, unused-ignore]  # the same
        except ImportError as exc:
            raise InputMissing(
                f"{path}: reading .zst needs Python 3.14 or `pip install backports.zstd`; "
                f"or: zstd -dc {path.name} | ordwatch ... -"
            ) from exc
    return ZstdFile(stored), ZstdError
