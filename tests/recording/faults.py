"""Disks that fail: at the n-th call, or by losing what was not synced."""

import errno
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from random import Random
from typing import NamedTuple

from ordwatch.core.errors import OutputError
from ordwatch.recording.files import Files


class FailingFiles(Files):
    """Fails the n-th call of one kind, once; a failing write puts out `short` bytes before."""

    def __init__(self, call: str, nth: int, *, code: int = errno.ENOSPC, short: int = 0, times: int = 1) -> None:
        self._call = call
        self._due = range(nth, nth + times)
        self._code = code
        self._short = short
        self._count = 0
        self._shorten = False

    def _check(self, call: str) -> None:
        if call == self._call:
            self._count += 1
            if self._count in self._due:
                raise OSError(self._code, os.strerror(self._code))

    def write(self, fd: int, data: memoryview) -> int:
        if self._call == "write" and self._count + 1 in self._due and self._short and not self._shorten:
            self._shorten = True
            return super().write(fd, data[: self._short])
        self._check("write")
        self._shorten = False
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        try:
            self._check("sync")
        except OSError as exc:
            raise OutputError("cannot sync the recording") from exc
        super().sync(fd)

    def cut(self, fd: int, size: int) -> None:
        self._check("cut")
        super().cut(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        self._check("rename")
        os.rename(old, new)

    def create(self, path: Path) -> int:
        self._check("create")
        return super().create(path)


class Killed(BaseException):
    """The process was killed: nothing after this call happens."""


class DyingFiles(Files):
    """Ends the process, as it were, before the n-th call of any kind that changes something; its locks end with it."""

    def __init__(self, nth: int) -> None:
        self._left = nth
        self._held: set[int] = set()

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            self._happen()

    def _happen(self) -> None:
        while self._held:
            os.close(self._held.pop())
        raise Killed

    def open(self, path: Path) -> int:
        fd = super().open(path)
        self._held.add(fd)
        return fd

    def close(self, fd: int) -> None:
        if fd in self._held:
            self._held.remove(fd)
            super().close(fd)

    def write(self, fd: int, data: memoryview) -> int:
        self._step()
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._step()
        super().sync(fd)

    def create(self, path: Path) -> int:
        self._step()
        fd = super().create(path)
        self._held.add(fd)
        return fd

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        os.rename(old, new)

    def sync_folder(self, folder: Path) -> None:
        self._step()

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def cut(self, fd: int, size: int) -> None:
        self._step()
        super().cut(fd, size)


class MovingFiles(DyingFiles):
    """Before such a call the file at `path` is moved to `moved` instead, and an empty one made, as log rotators do."""

    def __init__(self, path: Path, nth: int) -> None:
        super().__init__(nth)
        self._path = path

    def _happen(self) -> None:
        moved = self._path.with_name("moved")
        if self._path.exists() and not moved.exists():
            self._path.rename(moved)
            self._path.touch()


class JournalFiles(Files):
    """Remembers what was written and when it was synced, to say what a power loss at any moment leaves."""

    def __init__(self) -> None:
        self.moments: list[tuple[bytes, int]] = [(b"", 0)]
        """What the file held at each moment, and how many bytes of that were durable."""

    def write(self, fd: int, data: memoryview) -> int:
        count = super().write(fd, data)
        content, durable = self.moments[-1]
        self.moments.append((content + bytes(data[:count]), durable))
        return count

    def sync(self, fd: int) -> None:
        super().sync(fd)
        content, _ = self.moments[-1]
        self.moments.append((content, len(content)))


class Disk(NamedTuple):
    """What a folder holds after a power loss: only what was synced, and of the names perhaps some that were not."""

    names: Mapping[str, int]
    """File numbers by name, as far as a sync of the folder proved them."""
    unsynced: Sequence[Mapping[str, int | None]]
    """Names given (None: taken away) since then, one act after the other."""
    contents: Mapping[int, bytes]
    """By file number, what a sync of the file proved."""
    written: Mapping[int, bytes]
    """By file number, all that was written to the file."""

    def after_loss(self, random: Random) -> dict[str, bytes]:
        """The files by name, where chance decides which unsynced names and bytes came through."""
        names: dict[str, int | None] = dict(self.names)
        for act in self.unsynced:
            names |= act if random.random() < 0.5 else {}
        return {name: self._content(number, random) for name, number in names.items() if number is not None}

    def _content(self, number: int, random: Random) -> bytes:
        durable, written = self.contents.get(number, b""), self.written.get(number, b"")
        if written.startswith(durable):
            return after_power_loss(written, len(durable), random)
        return random.choice((durable, written))  # it was cut, and that is not synced

    def left(self, acts: Iterable[Mapping[str, int | None]]) -> dict[str, bytes]:
        """The files by name, where of the names these acts came through."""
        names: dict[str, int | None] = dict(self.names)
        for act in acts:
            names |= act
        return {name: self.contents.get(number, b"") for name, number in names.items() if number is not None}


class NamesFiles(Files):
    """Remembers names as well as bytes, and what a power loss before each call would leave."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: what stands there already is durable."""
        present = [] if folder is None else list(folder.iterdir())
        self.moments: list[Disk] = []
        # A number of ours for each file: the system gives that of a removed one to the next.
        self._count = count()
        self._numbers: dict[int, int] = {}
        self._names = {path.name: self._new_number(path) for path in present}
        self._unsynced: list[dict[str, int | None]] = []
        self._contents = {self._names[path.name]: path.read_bytes() for path in present}
        self._written = dict(self._contents)

    def _note(self) -> None:
        self.moments.append(Disk(dict(self._names), list(self._unsynced), dict(self._contents), dict(self._written)))

    def write(self, fd: int, data: memoryview) -> int:
        self._note()
        done = super().write(fd, data)
        number = self._number(fd)
        self._written[number] = self._written.get(number, b"") + bytes(data[:done])
        return done

    def cut(self, fd: int, size: int) -> None:
        self._note()
        super().cut(fd, size)
        number = self._number(fd)
        self._written[number] = self._written[number][:size]

    def _new_number(self, path: Path) -> int:
        self._numbers[path.stat().st_ino] = number = next(self._count)
        return number

    def _number(self, fd: int) -> int:
        return self._numbers[os.fstat(fd).st_ino]

    def open(self, path: Path) -> int:
        self._note()
        present = path.exists()
        fd = super().open(path)
        if not present:
            self._unsynced.append({path.name: self._new_number(path)})
        return fd

    def create(self, path: Path) -> int:
        self._note()
        fd = super().create(path)
        self._unsynced.append({path.name: self._new_number(path)})
        return fd

    def rename(self, old: Path, new: Path) -> None:
        self._note()
        self._unsynced.append({old.name: None, new.name: self._numbers[old.stat().st_ino]})
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._note()
        super().remove(path)
        self._unsynced.append({path.name: None})

    def sync(self, fd: int) -> None:
        self._note()
        super().sync(fd)
        self._contents[self._number(fd)] = Path(f"/proc/self/fd/{fd}").read_bytes()

    def sync_folder(self, folder: Path) -> None:
        self._note()
        super().sync_folder(folder)
        for act in self._unsynced:
            self._names = {name: number for name, number in (self._names | act).items() if number is not None}
        self._unsynced = []


PAGE = 512


def after_power_loss(content: bytes, durable: int, random: Random) -> bytes:
    """What the disk may hold: the durable bytes, and of the others some, cut or with zeros."""
    if durable == len(content):
        return content
    at = random.randrange(durable, len(content))
    match random.choice(("dropped", "cut", "zeroed", "page")):
        case "dropped":
            return content[:durable]
        case "cut":
            return content[:at]
        case "zeroed":
            return content[:at] + bytes(len(content) - at)
        case _:
            begin = max(durable, at - at % PAGE)
            stop = min(len(content), at - at % PAGE + PAGE)
            return content[:begin] + bytes(stop - begin) + content[stop:]
