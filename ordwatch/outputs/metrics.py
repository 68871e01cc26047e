"""The metrics of a run for a monitoring system: a file that is replaced every 10 s, or an address that answers HTTP.

They are one more output, which never delays one: the file is written by a thread of its own, a request is
small and bounded, and a failure after the start is a warning.
"""

import asyncio
import logging
import os
import re
import socket
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ordwatch import system
from ordwatch.core.errors import OutputRefused, UsageError
from ordwatch.core.events import VenueStats
from ordwatch.core.records import GapRecord, OutputRecord
from ordwatch.outputs.immediate_sink import ImmediateSink
from ordwatch.outputs.openmetrics import CONTENT_TYPE, RunMetrics
from ordwatch.outputs.writer_thread import WatchedThread, WriterQueue, WriterThread, replace_oldest

FILE_S = 10.0
"""How often the file is replaced."""
CLOSE_S = 2.0
REQUEST_S = 5.0
"""How long a client may take for its request and for reading the answer."""
MAX_CLIENTS = 16
MAX_REQUEST_BYTES = 8192

_ADDRESS = re.compile(r"(?P<host>|[^/\\:]+|\[[0-9A-Fa-f:.%]+\]):(?P<port>[0-9]{1,5})", re.ASCII)
_LOOPBACK = "127.0.0.1"

log = logging.getLogger(__name__)


class Metrics(ImmediateSink):
    """The source of both outputs: `follow` says what is measured."""

    def __init__(self) -> None:
        self._run = RunMetrics(dict)
        self._synced_seq: Callable[[], int | None] = lambda: None

    def follow(
        self,
        stats: Callable[[], Mapping[str, VenueStats]],
        open_gaps: Iterable[GapRecord],
        synced_seq: Callable[[], int | None],
    ) -> None:
        """Measure this run; `open_gaps` are those that a continued recording has open."""
        self._run = RunMetrics(stats, open_gaps)
        self._synced_seq = synced_seq

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Take records; never blocks."""
        for each in records:
            self._run.record(each.record)

    def text(self) -> str:
        """The metrics now, as OpenMetrics text."""
        memory = round(system.rss_mib() * 2**20)
        return self._run.text(now_ns=time.time_ns(), memory_bytes=memory, synced_seq=self._synced_seq())

    def not_live(self) -> dict[str, str]:
        """The venues that are not live, and their states."""
        return self._run.not_live()


class MetricsFile(Metrics):
    """Replaces a file every 10 s, so that a reader never sees half of one. It is left behind with no venue live."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._queue = WriterQueue[str](max_items=1, group_items=1, on_full=replace_oldest)
        self._thread = WatchedThread(
            WriterThread("metrics", self._queue, self._write_group), explain=lambda error: error
        )

    def prepare(self) -> None:
        """Write the file for the first time.

        Raises:
            OutputRefused: It cannot be written.
        """
        try:
            self._replace(self.text())
        except OSError as exc:
            raise OutputRefused(f"{self._path}: cannot write metrics ({exc.strerror})") from exc

    def start(self) -> None:
        """Start the writer."""
        self._thread.start()

    async def watch(self) -> None:
        """Write again every 10 s, until cancelled."""
        while True:
            self._queue.put([self.text()])
            await asyncio.sleep(FILE_S)

    async def close(self) -> None:
        """Write the last state, as far as that goes within 2 s."""
        self._queue.put([self.text()])
        await self._thread.close(CLOSE_S)

    def _write_group(self, group: list[str]) -> None:
        for text in group:
            try:
                self._replace(text)
            except OSError as exc:
                log.warning("%s: cannot write metrics (%s)", self._path, exc.strerror)

    def _replace(self, text: str) -> None:
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(self._path.lstat().st_mode):
                raise FileExistsError(0, "not a regular file")
        # No name that a collector of *.prom would read, and no file of another.
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        with suppress(FileNotFoundError):
            fresh.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | system.open_flags("CLOEXEC", "NOFOLLOW")
        try:
            with open(os.open(fresh, flags, 0o644), "wb") as file:
                file.write(text.encode())
            os.replace(fresh, self._path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
            raise


class MetricsServer(Metrics):
    """Answers `GET /metrics`, and `GET /healthz` with 200 if every venue is live, 503 otherwise."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; the port that was taken, if any was asked for."""
        if self._socket is None or self._address[1]:
            return self._address
        return self._address[0], int(self._socket.getsockname()[1])

    def prepare(self) -> None:
        """Take the address.

        Raises:
            OutputRefused: It is in use, or not one of this machine.
        """
        host, port = self._address
        shown = f"[{host}]" if ":" in host else host
        try:
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self._socket = socket.create_server((str(address[0]), port), family=family, backlog=MAX_CLIENTS)
        except OSError as exc:
            # Its own text may repeat the address.
            reason = exc.strerror if exc.errno is None or isinstance(exc, socket.gaierror) else os.strerror(exc.errno)
            raise OutputRefused(f"{shown}:{port}: cannot serve metrics ({reason})") from exc
        log.info("metrics at http://%s:%d/metrics", shown, self.address[1])

    def start(self) -> None:
        """Nothing more has to be opened."""

    async def watch(self) -> None:
        """Serve until cancelled."""
        if self._socket is None:
            return
        server = await asyncio.start_server(self._serve, sock=self._socket, limit=MAX_REQUEST_BYTES)
        try:
            await asyncio.Event().wait()
        finally:
            server.close()

    async def close(self) -> None:
        """Give the address back, and close what is connected."""
        if self._socket is not None:
            self._socket.close()
        for client in tuple(self._clients):
            client.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MAX_CLIENTS:
            writer.close()
            return
        self._clients.add(writer)
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(REQUEST_S):
                    writer.write(self._answer(await reader.readuntil(b"\r\n\r\n")))
                    await writer.drain()
        finally:
            self._clients.discard(writer)
            writer.close()

    def _answer(self, request: bytes) -> bytes:
        method, target, *_ = [*request.split(b"\r\n", 1)[0].split(b" "), b"", b""]
        path = target.split(b"?", 1)[0]
        if path not in (b"/metrics", b"/healthz"):
            status, kind, body = "404 Not Found", "text/plain", "/metrics and /healthz are here\n"
        elif method not in (b"GET", b"HEAD"):
            status, kind, body = "405 Method Not Allowed", "text/plain", "GET or HEAD\n"
        elif path == b"/metrics":
            status, kind, body = "200 OK", CONTENT_TYPE, self.text()
        else:
            not_live = self.not_live()
            status, kind = "503 Service Unavailable" if not_live else "200 OK", "text/plain; charset=utf-8"
            body = "".join(f"{name} {state}\n" for name, state in not_live.items()) or "every venue is live\n"
        content = body.encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (b"" if method == b"HEAD" else content)


def metrics_output(target: str) -> MetricsFile | MetricsServer:
    """The output for this value of `--metrics`: HOST:PORT or :PORT (loopback) is an address, anything else a file.

    Raises:
        UsageError: Neither of them.
    """
    address = _ADDRESS.fullmatch(target)
    if address is None:
        if not target:
            raise UsageError("--metrics: expected a file, HOST:PORT or :PORT")
        return MetricsFile(Path(target))
    port = int(address["port"])
    if not 0 < port < 65536:
        raise UsageError(f"--metrics {target}: {port} is not a port; write ./{target} for a file of that name")
    return MetricsServer(address["host"].strip("[]") or _LOOPBACK, port)
