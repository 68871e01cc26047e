"""Real NATS servers on loopback with file storage in a temporary folder, ended by the test that started them."""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from ordwatch.config.nats import NatsSettings

_BESIDE = Path(sys.executable).with_name("nats-server")
SERVER = str(_BESIDE) if _BESIDE.exists() else shutil.which("nats-server")
needs_nats_server = pytest.mark.skipif(SERVER is None, reason="there is no nats-server")
DEADLINE_S = 30.0


class Server:
    """One server: started, killed and started again on the same port with the same files."""

    def __init__(self, folder: Path, name: str = "one", *, config: str = "", routes: Sequence[int] = ()) -> None:
        """`config` is added to its configuration; `routes`: the ports of a cluster, its own first."""
        self.name = name
        self.port = free_port()
        self._path = folder / f"{name}.conf"
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        others = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes[1:])
        cluster = f'cluster {{ name: c, listen: "127.0.0.1:{routes[0]}", routes: [{others}] }}\n' if routes else ""
        self._path.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{folder / name}", max_file_store: 1GB, max_memory_store: 64MB }}\n'
            f"{cluster}{config}"
        )

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def settings(self) -> NatsSettings:
        return NatsSettings(servers=(self.url,), collector="c")

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        assert SERVER is not None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([SERVER, "-c", self._path], stdout=log, stderr=log)
        until_s = monotonic() + DEADLINE_S
        while not self._answers():
            assert monotonic() < until_s, self._log.read_text()
            assert self._process.poll() is None, self._log.read_text()
            sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as there:
                return there.recv(4) == b"INFO"
        except OSError:
            return False

    def kill(self) -> None:
        """End it as a power switch would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)
            self._process = None

    def pause(self) -> None:
        """Stop it without ending its connections; `resume` lets it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def nats_server(folder: Path, config: str = "") -> Iterator[Server]:
    """A server with JetStream, alone."""
    server = Server(folder, config=config)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def nats_cluster(folder: Path, config: str = "") -> Iterator[list[Server]]:
    """Three servers that replicate; JetStream answers some seconds later, once they have a leader."""
    routes = [free_port() for _ in range(3)]
    servers = [
        Server(folder, f"n{place}", config=config, routes=[*routes[place:], *routes[:place]]) for place in range(3)
    ]
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.kill)
            server.start()
        yield servers


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
