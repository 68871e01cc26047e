"""Takes lines back from the stream that a recording lacks, because its file was cut or restored from a backup.

Called while the recording is locked and before it is read: afterwards it is a recording like any other. Only appends: a
line that is cut in the middle is completed if the stream's begins with the same bytes. Never raises; what cannot be
done is left as it is, and publishing decides what that means.
"""

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from os import SEEK_END
from pathlib import Path
from typing import NamedTuple

from ordwatch import system
from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import OrdwatchError
from ordwatch.recording.format import MAX_LINE_BYTES, BadLine, crc_of, mark
from ordwatch.recording.rotation import older_files
from ordwatch.scale import subjects
from ordwatch.scale.messages import crcs, message_id
from ordwatch.scale.nats_client import NatsConnection, StreamMessage, connect
from ordwatch.scale.publisher import WINDOW
from ordwatch.scale.stream_reader import stream_reader

LONGEST_S = 120.0
_LOOK_BACK = 1024

log = logging.getLogger(__name__)


class _End(NamedTuple):
    """How a file ends."""

    seq: int
    """Of its last whole line."""
    crcs: frozenset[str]
    """The checksums that a message of that line may have."""
    rest: bytes
    """What follows that line: a line that is cut."""


def take_back(path: Path, fd: int, settings: NatsSettings) -> int:
    """Append the lines that follow in the stream; how many. `fd`: the recording, locked and open to append."""
    try:
        end = _end(path)
        lines = _in_own_loop(end, settings) if end is not None else []
        if end is None or not lines:
            return 0
        data = b"".join(lines)
        if not data.startswith(end.rest):
            log.warning("nats: %s: its end is damaged, so no lines are taken back from the stream", path)
            return 0
        left = memoryview(data)[len(end.rest) :]
        while left:
            left = left[os.write(fd, left) :]
        system.sync_data(fd)
    except (OSError, OrdwatchError, TimeoutError) as exc:
        log.warning(
            "nats: cannot ask whether the stream has lines that the recording lacks: %s", str(exc) or "no answer"
        )
        return 0
    log.warning("nats: %s: %d lines that it lacked are taken back from the stream", path, len(lines))
    return len(lines)


def _end(path: Path) -> _End | None:
    """How the recording ends; None if it has no whole line at its end.

    Where the file has no line at all, it was cut just after a rotation: what was rotated last ends the recording.
    """
    found = _end_of_file(path)
    if found is None and (older := older_files(path)) and b"\n" not in (start := _last_bytes(path, 2**16)):
        found = _end_of_file(older[-1].path)
        return found._replace(rest=start) if found is not None and not found.rest else None
    return found


def _end_of_file(path: Path) -> _End | None:
    for length in (2**16, 2 * MAX_LINE_BYTES + 2):
        whole, newline, rest = _last_bytes(path, length).rpartition(b"\n")
        line = whole.rpartition(b"\n")[2] + newline
        with suppress(BadLine):
            return _End(seq := mark(line).seq, crcs(line, seq), rest)
    return None


def _last_bytes(path: Path, length: int) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)
        file.seek(max(0, size - length))
        return file.read()


def _in_own_loop(end: _End, settings: NatsSettings) -> list[bytes]:
    # In a thread of its own: the caller may be inside a running event loop, or before there is one.
    with ThreadPoolExecutor(1, "take lines back") as thread:
        return thread.submit(lambda: asyncio.run(_lines_behind(end, settings))).result()


async def _lines_behind(end: _End, settings: NatsSettings) -> list[bytes]:
    """The lines that the stream has behind that line, without a hole; none if it does not have the line itself."""
    async with asyncio.timeout(LONGEST_S):
        async with connect(settings, name=f"ordwatch {settings.collector_name}") as connection:
            own = subjects.of_collector(settings.collector_name)
            last = await connection.last_message(settings.stream, own)
            if last is None or _seq(last) <= end.seq:
                return []
            return await _read(connection, settings.stream, own, end, last)


async def _read(connection: NatsConnection, stream: str, own: str, end: _End, last: StreamMessage) -> list[bytes]:
    found: dict[int, bytes] = {}
    knows_end = False
    place = await place_before(connection, stream, own, end.seq, last=(_seq(last), last.stream_seq))
    async with stream_reader(connection, stream, [own], from_seq=place) as reader:
        while True:
            for message in await reader.take():
                seq = _seq(message)
                knows_end = knows_end or (seq == end.seq and crc_of(message.data) in end.crcs)
                if seq > end.seq:
                    found[seq] = message.data
                if message.stream_seq >= last.stream_seq:
                    return _in_order(found, end.seq) if knows_end else []


def _in_order(found: dict[int, bytes], seq: int) -> list[bytes]:
    """The lines behind `seq`, as far as each is whole and there."""
    lines: list[bytes] = []
    with suppress(BadLine, KeyError):
        while mark(found[seq + 1]).seq == seq + 1:
            seq += 1
            lines.append(found[seq])
    return lines


async def place_before(connection: NatsConnection, stream: str, own: str, seq: int, *, last: tuple[int, int]) -> int:
    """A place in the stream with no line of this recording from `seq` on before it.

    `last`: the seq of the recording's last message there, and that message's number in the stream. Lines are at most a
    window out of order: before a line that is that much older, all are older than `seq`. A line that is that much newer
    than the last one is of an older recording under the same name.
    """
    last_seq, last_number = last
    back = _LOOK_BACK
    while (place := last_number - back) > 1:
        message = await connection.next_message(stream, place, own)
        if message is None or not seq - WINDOW < _seq(message) <= last_seq + WINDOW:
            return place
        back *= 4
    return 1


def _seq(message: StreamMessage) -> int:
    try:
        return message_id(message.headers).seq
    except ValueError:
        return 0
