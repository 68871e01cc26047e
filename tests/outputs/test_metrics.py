import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from ordwatch.core.errors import OutputRefused, UsageError
from ordwatch.core.events import LinkState, VenueStats
from ordwatch.outputs import metrics
from ordwatch.outputs.metrics import MetricsFile, MetricsServer, metrics_output
from tests.support.openmetrics import samples

LIVE = 'ordwatch_venue_live{venue="alpha"}'


@pytest.mark.parametrize(
    ("target", "address"),
    [
        (":9188", ("127.0.0.1", 9188)),
        ("0.0.0.0:9188", ("0.0.0.0", 9188)),  # noqa: S104 - what the user asks for
        ("[::1]:9188", ("::1", 9188)),
        ("host.example:1", ("host.example", 1)),
    ],
)
def test_host_and_port_are_an_address(target: str, address: tuple[str, int]) -> None:
    found = metrics_output(target)

    assert isinstance(found, MetricsServer)
    assert found.address == address


@pytest.mark.parametrize("target", ["ordwatch.prom", "/var/lib/x:9188", "./a:1", "C:\\x.prom", "a:b"])
def test_anything_else_is_a_file(target: str) -> None:
    assert isinstance(metrics_output(target), MetricsFile)


@pytest.mark.parametrize("target", ["", ":0", ":65536", "host:99999"])
def test_neither_of_them_is_a_usage_error(target: str) -> None:
    with pytest.raises(UsageError, match="--metrics"):
        metrics_output(target)


def follow(output: MetricsFile | MetricsServer, state: LinkState = "live") -> VenueStats:
    venue = VenueStats(state=state)
    output.follow(lambda: {"alpha": venue}, [], lambda: 5)
    return venue


# The file


@asynccontextmanager
async def writing(path: Path) -> AsyncIterator[VenueStats]:
    output = MetricsFile(path)
    output.prepare()
    venue = follow(output)
    output.start()
    watching = asyncio.create_task(output.watch())
    try:
        yield venue
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await output.close()


def holds(path: Path, line: str) -> bool:
    return path.exists() and line in path.read_text()


async def until(path: Path, line: str) -> None:
    async with asyncio.timeout(60):
        while not holds(path, line):  # noqa: ASYNC110 - another thread writes it
            await asyncio.sleep(0.001)


async def test_file_is_replaced_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FILE_S", 0.001)
    path = tmp_path / "ordwatch.prom"

    async with writing(path) as venue:
        await until(path, f"{LIVE} 1\n")
        before = path.stat().st_ino
        venue.state = "down"
        await until(path, f"{LIVE} 0\n")

        assert path.stat().st_ino != before
        assert samples(path.read_text())["ordwatch_synced_seq"] == 5
    assert os.listdir(tmp_path) == ["ordwatch.prom"]


async def test_file_has_the_last_state_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "ordwatch.prom"

    async with writing(path) as venue:
        await until(path, f"{LIVE} 1\n")
        venue.updates = 17

    assert samples(path.read_text())['ordwatch_venue_updates_total{venue="alpha"}'] == 17


def test_file_can_be_read_by_the_collector_of_another_user(tmp_path: Path) -> None:
    path = tmp_path / "ordwatch.prom"
    mask = os.umask(0o022)

    MetricsFile(path).prepare()

    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(OutputRefused, match="Permission denied"):
        MetricsFile(tmp_path / "x.prom").prepare()


@pytest.mark.parametrize("place", ["folder", "fifo", "/dev/null", "missing/x"])
def test_place_that_takes_no_file_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(OutputRefused, match="cannot write metrics"):
        MetricsFile(tmp_path / place).prepare()

    assert sorted(os.listdir(tmp_path)) == ["fifo", "folder"]


def test_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("kept")
    (tmp_path / "x.prom").symlink_to(tmp_path / "other")

    with pytest.raises(OutputRefused, match="not a regular file"):
        MetricsFile(tmp_path / "x.prom").prepare()

    assert (tmp_path / "other").read_text() == "kept"


async def test_failure_later_is_a_warning_and_the_next_one_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metrics, "FILE_S", 0.001)
    folder = tmp_path / "folder"
    folder.mkdir()

    async with writing(folder / "x.prom"):
        await until(folder / "x.prom", f"{LIVE} 1\n")
        (tmp_path / "folder").rename(tmp_path / "away")
        async with asyncio.timeout(60):
            while "cannot write metrics" not in caplog.text:  # noqa: ASYNC110 - another thread logs it
                await asyncio.sleep(0.001)
        folder.mkdir()
        await until(folder / "x.prom", f"{LIVE} 1\n")


async def test_file_that_was_never_started_can_be_closed(tmp_path: Path) -> None:
    await MetricsFile(tmp_path / "x.prom").close()

    assert os.listdir(tmp_path) == []


# The address


@asynccontextmanager
async def serving(state: LinkState = "live") -> AsyncIterator[int]:
    output = MetricsServer("127.0.0.1", 0)
    output.prepare()
    follow(output, state)
    output.start()
    watching = asyncio.create_task(output.watch())
    try:
        yield output.address[1]
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await output.close()


async def asked(port: int, request: bytes) -> bytes:
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
    return answer


async def get(port: int, path: str, method: str = "GET") -> tuple[bytes, bytes]:
    """The head and the body of the answer."""
    head, _, body = (await asked(port, f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())).partition(b"\r\n\r\n")
    return head, body


async def test_metrics_are_openmetrics_text() -> None:
    async with serving() as port:
        head, body = await get(port, "/metrics")

    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0;")
    assert f"Content-Length: {len(body)}".encode() in head
    assert samples(body.decode())[LIVE] == 1


@pytest.mark.parametrize(
    ("state", "status", "body"),
    [("live", b"200 OK", b"every venue is live\n"), ("down", b"503 Service Unavailable", b"alpha down\n")],
)
async def test_health_is_that_every_venue_is_live(state: LinkState, status: bytes, body: bytes) -> None:
    async with serving(state) as port:
        answer = await get(port, "/healthz")

    assert (answer[0].split(b"\r\n")[0], answer[1]) == (b"HTTP/1.1 " + status, body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/metrics?name=x", b"200"),
        ("GET", "/", b"404"),
        ("GET", "/metricsx", b"404"),
        ("POST", "/metrics", b"405"),
        ("HEAD", "/metrics", b"200"),
        ("nonsense", "", b"404"),
    ],
)
async def test_other_requests_are_refused(method: str, path: str, status: bytes) -> None:
    async with serving() as port:
        head, body = await get(port, path, method)

    assert head.split(b" ")[1] == status
    assert bool(body) is (method != "HEAD")


@pytest.mark.parametrize(
    "request_",
    [b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 10_000, b"\xff" * 20_000],
    ids=["endless head", "no line"],
)
async def test_request_that_is_too_long_ends_the_connection(request_: bytes) -> None:
    async with serving() as port:
        with suppress(ConnectionError):
            assert await asked(port, request_) == b""

        assert (await get(port, "/healthz"))[0].startswith(b"HTTP/1.1 200")


async def test_client_that_sends_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REQUEST_S", 0.01)

    async with serving() as port:
        assert await asked(port, b"") == b""


async def test_clients_that_stay_take_the_place_of_no_more_than_sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_CLIENTS", 2)

    async with serving() as port:
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        with suppress(ConnectionError):
            assert await asked(port, b"") == b""  # closed at once, though it sends nothing
        for _, writer in waiting:
            writer.close()


async def test_clients_that_left_take_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_CLIENTS", 2)

    async with serving() as port:
        answers = [await get(port, "/healthz") for _ in range(5)]

    assert [head.split(b"\r\n")[0] for head, _ in answers] == [b"HTTP/1.1 200 OK"] * 5


def test_address_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(OutputRefused, match=rf"127.0.0.1:{port}: cannot serve metrics \(Address already in use\)"):
            MetricsServer("127.0.0.1", port).prepare()


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(OutputRefused, match="cannot serve metrics"):
        MetricsServer("192.0.2.1", 0).prepare()


async def test_address_is_free_again_after_the_end() -> None:
    async with serving() as port:
        pass

    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_server_that_was_never_started_can_be_closed() -> None:
    await MetricsServer("127.0.0.1", 1).close()
