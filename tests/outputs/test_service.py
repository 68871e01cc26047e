import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from ordwatch.core.records import AliveRecord, AnyRecord, LinkRecord, SessionRecord, for_outputs
from ordwatch.outputs.service import Service, service
from tests.support.service_manager import ServiceManager

NOON = "2026-03-02T12:00:00.000000Z"
ALIVE = AliveRecord(venues={}, queue=0, loop_lag_ms=0.0, rss_mib=0.0, synced_seq=None, at=NOON)


def session(state: str) -> SessionRecord:
    return SessionRecord(
        state="end" if state == "end" else "start", schema="", version="", pid=1, host="", venues=["alpha", "beta"],
        config_sha256=None, reason=None, exit=None, counts=None, uncertain_s=None, at=NOON,
    )  # fmt: skip


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServiceManager]:
    listening = ServiceManager(str(tmp_path / "notify") if request.param == "path" else f"@ordwatch-test{tmp_path}")
    yield listening
    listening.close()


@pytest.fixture
def sink(manager: ServiceManager) -> Iterator[Service]:
    reporting = service({"NOTIFY_SOCKET": manager.address})
    assert reporting is not None
    yield reporting
    asyncio.run(reporting.close())


def write(sink: Service, *records: AnyRecord) -> None:
    sink.write(for_outputs(records))


def test_session_that_starts_is_ready_before_any_venue_is_live(manager: ServiceManager, sink: Service) -> None:
    write(sink, session("start"))

    assert manager.received() == ["READY=1\nSTATUS=alpha connecting; beta connecting"]


def test_status_follows_the_venues(manager: ServiceManager, sink: Service, link: Callable[..., LinkRecord]) -> None:
    write(sink, session("start"))
    manager.received()

    write(sink, link("live"), link("live"), link("down", venue="beta", detail="refused\nREADY=0"))

    assert manager.received() == [
        "STATUS=alpha live; beta connecting",
        "STATUS=alpha live; beta down (refused\\x0aREADY=0)",
    ]


def test_each_alive_record_feeds_the_watchdog(manager: ServiceManager, sink: Service) -> None:

    write(sink, session("start"), ALIVE, ALIVE)

    assert manager.received()[1:] == ["WATCHDOG=1", "WATCHDOG=1"]


def test_session_that_ends_is_stopping(manager: ServiceManager, sink: Service) -> None:

    write(sink, session("start"), session("end"))

    assert manager.received()[1:] == ["STOPPING=1"]


def test_manager_that_takes_nothing_now_learns_it_with_the_next_message(
    manager: ServiceManager, sink: Service, caplog: pytest.LogCaptureFixture
) -> None:
    full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    full.setblocking(False)
    with suppress(BlockingIOError):
        while full.sendto(b"noise", manager.bound):
            pass
    full.close()

    write(sink, session("start"), ALIVE)
    manager.received()
    write(sink, ALIVE)

    assert manager.received() == ["READY=1\nWATCHDOG=1\nSTATUS=alpha connecting; beta connecting"]
    assert caplog.text.count("cannot reach the service manager") == 1


def test_manager_that_is_gone_is_a_warning_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = service({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert sink is not None

    write(sink, session("start"), ALIVE, session("end"))
    asyncio.run(sink.close())

    assert caplog.text.count("cannot reach the service manager at $NOTIFY_SOCKET (No such file or directory)") == 1


def test_manager_that_is_gone_a_second_time_is_a_second_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = service({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert sink is not None

    write(sink, session("start"))
    manager = ServiceManager(str(tmp_path / "notify"))
    write(sink, ALIVE)
    manager.close()
    (tmp_path / "notify").unlink(missing_ok=True)
    write(sink, ALIVE)
    asyncio.run(sink.close())

    assert caplog.text.count("cannot reach the service manager") == 2


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}], ids=["unset", "empty"])
def test_without_a_manager_there_is_nothing_to_report_to(
    environ: Mapping[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert service(environ) is None
    assert caplog.text == ""


@pytest.mark.parametrize("address", ["vsock:2:1", "relative/path"])
def test_address_that_cannot_be_used_is_a_warning(address: str, caplog: pytest.LogCaptureFixture) -> None:
    assert service({"NOTIFY_SOCKET": address}) is None
    assert "service manager learns nothing" in caplog.text


def test_system_without_such_sockets_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")

    assert service({"NOTIFY_SOCKET": "/run/notify"}) is None
    assert "service manager learns nothing" in caplog.text


@pytest.mark.parametrize(("usec", "warned"), [("60000000", False), ("29999999", True), ("", False), ("x", False)])
async def test_watchdog_shorter_than_three_alive_records_is_a_warning(
    usec: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sink = service({"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": usec})

    assert sink is not None
    await sink.close()
    assert ("WatchdogSec" in caplog.text) is warned


def test_socket_is_closed_at_the_end(manager: ServiceManager, sink: Service, caplog: pytest.LogCaptureFixture) -> None:

    asyncio.run(sink.close())
    write(sink, session("start"))

    assert manager.received() == []
    assert "cannot reach" in caplog.text
